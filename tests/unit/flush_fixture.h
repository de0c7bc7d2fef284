// A private Redis with the library loaded and a deployment's meta in shard 0, and what tests of the flush say
// to it.
#pragma once

#include <stdarg.h>

#include "ingest/flush.h"
#include "ingest/functions.h"
#include "redis_server.h"
#include "runtime/hash.h"
#include "schemas/layout.h"

#define DEPLOYMENT "00112233445566778899aabbccddeeff"
#define HOUR_MS    (INT64_C(3600) * 1000)

static struct redis_server server;
static redisContext *redis;
static struct key_space keys;
static struct flush_answer answer;
static struct rules version_1 = {.version = 1, .hash = "00000000000000aa"};
static const struct rules_book book_1 = {.versions = &version_1, .count = 1};
static struct key_version key_1 = {.fingerprint = 0xbb};
static const struct flush_sender sender = {DEPLOYMENT, &book_1, &key_1, 1};

static redisReply *ask_list(const char *format, va_list arguments) {
    redisReply *reply = redisvCommand(redis, format, arguments);
    assert_non_null(reply);
    return reply;
}

static inline redisReply *ask(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = ask_list(format, arguments);
    va_end(arguments);
    return reply;
}

// The command's answer as text ("" for nil) must be this.
static inline void expect(const char *expected, const char *format, ...) {
    char text[64];
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = ask_list(format, arguments);
    va_end(arguments);
    snprintf(text, sizeof(text), "%lld", reply->integer);
    assert_string_equal(reply->str != NULL                   ? reply->str
                        : reply->type == REDIS_REPLY_INTEGER ? text
                                                             : "",
                        expected);
    freeReplyObject(reply);
}

static inline void tell(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = ask_list(format, arguments);
    va_end(arguments);
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s: %s", format, reply->str);
    freeReplyObject(reply);
}

static inline void library_load(void) {
    struct slice code = functions_writer();
    tell("FUNCTION LOAD REPLACE %b", code.at, code.length);
}

static inline int redis_begin(void **state) {
    struct redis_address address = {.host = "127.0.0.1"};
    redis_server_start(&server, "");
    address.port = server.port;
    assert_int_equal(redis_connect(&redis, &address, NULL, 20000, NULL), STATUS_OK);
    key_space_init(&keys, "clm", 1);
    assert_string_equal(keys.tags[0], "3560");
    return 0;
}

static inline int redis_end(void **state) {
    redisFree(redis);
    redis_server_stop(&server);
    return 0;
}

// Two partitions, the second of which started at 17.
static inline int deployment_begin(void **state) {
    tell("FLUSHALL");
    library_load();
    tell("HSET clm:{3560}:meta deployment " DEPLOYMENT " partitions 2 starts %s", "0 17");
    return 0;
}

// All that Redis holds: changes with every byte of it.
static inline void digest(char out[64]) {
    redisReply *reply = ask("DEBUG DIGEST");
    snprintf(out, 64, "%s", reply->str);
    freeReplyObject(reply);
}

static inline redisReply *call_send(const struct flush_call *call) {
    void *reply;
    assert_int_equal(redisAppendFormattedCommand(redis, call->bytes, call->length), REDIS_OK);
    assert_int_equal(redisGetReply(redis, &reply), REDIS_OK);
    return reply;
}

static inline enum flush_verdict call_judge(const struct flush_call *call) {
    redisReply *reply = call_send(call);
    flush_parse(&answer, reply);
    freeReplyObject(reply);
    return answer.verdict;
}

// Encodes, sends, declares what it is asked to, empties the table.
static inline enum flush_verdict flush_marks(struct delta *d, const struct flush_mark *marks, size_t count) {
    struct flush_call call = {0};
    flush_encode(&call, &keys, 0, &sender, marks, count, d);
    redisReply *reply = call_send(&call);
    flush_parse(&answer, reply);
    if (answer.verdict == FLUSH_KEYS)
        flush_declare(&call, reply);
    freeReplyObject(reply);
    enum flush_verdict verdict = answer.verdict == FLUSH_KEYS ? call_judge(&call) : answer.verdict;
    flush_call_fini(&call);
    delta_clear(d);
    return verdict;
}

static inline struct flush_mark mark_at(int32_t partition, int64_t from, int64_t to) {
    return (struct flush_mark){partition, from, {1, to, to - 1, 0xabcdef, 1700000000000}};
}

// Of partition 0 alone.
static inline enum flush_verdict flush_range(struct delta *d, int64_t from, int64_t to) {
    struct flush_mark mark = mark_at(0, from, to);
    return flush_marks(d, &mark, 1);
}

static inline enum flush_verdict claim_on(uint32_t shard, const int32_t *partitions, size_t count,
                                          struct flush_claimed *claimed) {
    struct flush_call call = {0};
    size_t answered;
    flush_encode_claim(&call, &keys, shard, &sender, partitions, count);
    redisReply *reply = call_send(&call);
    enum flush_verdict verdict = flush_parse_claim(claimed, count, &answered, reply, answer.error);
    assert_int_equal(answered, verdict == FLUSH_APPLIED ? count : 0);
    freeReplyObject(reply);
    flush_call_fini(&call);
    return verdict;
}

// Partitions 0.. on shard 0.
static inline void claim_partitions(size_t count) {
    static const int32_t numbers[] = {0, 1};
    struct flush_claimed claimed[2];
    assert_int_equal(claim_on(0, numbers, count, claimed), FLUSH_APPLIED);
}

static inline struct delta_identity identity(enum key_family family, const char *id, int64_t time_s) {
    struct delta_identity made = {.family = family, .platform = 1, .time_s = time_s, .id = slice_of(id)};
    if (family != KEY_PLATFORM)
        made.account = slice_of("acme");
    delta_identify(&made, hash_slice(made.account, 0), hash_slice(made.id, 0));
    return made;
}

static inline void add(struct delta *d, enum key_family family, const char *id, int64_t value) {
    struct delta_identity key = identity(family, id, 0);
    delta_add(d, &key, 0, field_counter(COUNTER_OF_LIKE), value);
}
