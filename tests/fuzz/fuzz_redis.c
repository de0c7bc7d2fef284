// What Redis answers, as hiredis reads it, to everyone who asks: nothing is taken for applied that does not
// say so, and numbers stay within their bounds.
#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "fuzz.h"
#include "ingest/flush.h"
#include "ingest/startup/redis_ask.h"
#include "runtime/redis/redis_greeting.h"
#include "runtime/redis/redis_info.h"
#include "runtime/redis/redis_slots.h"

static const struct redis_address asked = {.host = "10.0.0.9", .port = 7009};

// A flush of nothing.
static void flush_make(struct flush_call *call) {
    static struct key_space space;
    static struct delta delta;
    static struct rules version = {.version = 1};
    static const struct rules_book rules = {.versions = &version, .count = 1};
    static const struct key_version key = {0, 1};
    static const struct flush_sender sender = {
        .deployment = "d", .rules = &rules, .keys = &key, .key_count = 1};
    if (space.shards == 0) {
        key_space_init(&space, "clm", 16);
        delta_init(&delta);
    }
    flush_encode(call, &space, 0, &sender, NULL, 0, &delta);
}

static void read_flush(const redisReply *reply) {
    static struct flush_answer answer;
    flush_parse(&answer, reply);
    CHECK((unsigned)answer.verdict < FLUSH_VERDICTS && answer.partition_count <= PARTITIONS_MAX);
    bool applied = answer.verdict == FLUSH_APPLIED || answer.verdict == FLUSH_REPEATED;
    CHECK(!applied || reply->type == REDIS_REPLY_ARRAY);
    CHECK(memchr(answer.error, '\0', sizeof(answer.error)) != NULL);
    CHECK(flush_verdict_name(answer.verdict)[0] != '\0');
    if (answer.verdict != FLUSH_KEYS)
        return;
    struct flush_call call = {0};
    flush_make(&call);
    uint64_t keys = call.keys;
    flush_declare(&call, reply);
    CHECK(call.keys == keys + reply->elements - 1);
    flush_call_fini(&call);
}

static void read_claim(const redisReply *reply) {
    enum { CLAIMED_MAX = 8 };
    struct flush_claimed claimed[CLAIMED_MAX];
    char error[256] = "", text[MARK_TEXT_MAX];
    size_t count;
    struct problem problem;
    enum flush_verdict verdict = flush_parse_claim(claimed, CLAIMED_MAX, &count, reply, error);
    CHECK(count <= CLAIMED_MAX && memchr(error, '\0', sizeof(error)) != NULL);
    for (size_t i = 0; verdict == FLUSH_APPLIED && i < count; i++) {
        struct mark again;
        size_t length = mark_write(text, &claimed[i].mark);
        CHECK(claimed[i].partition >= 0 && mark_parse(&again, (struct slice){text, length}));
        CHECK(memcmp(&again, &claimed[i].mark, sizeof(again)) == 0);
    }
    if (verdict == FLUSH_RULES)
        CHECK(flush_rules_problem(&problem, 3, error) == STATUS_CONFIG);
}

static void read_cluster(const redisReply *reply) {
    static struct redis_slots slots;
    struct redis_redirect redirect;
    if (redis_slots_read(&slots, reply, &asked)) {
        CHECK(slots.count > 0 && slots.count <= REDIS_NODES_MAX);
        for (size_t i = 0; i < REDIS_SLOTS; i++)
            CHECK(slots.owner[i] == REDIS_NO_NODE || slots.owner[i] < slots.count);
    }
    if (redis_redirect_read(&redirect, reply, &asked))
        CHECK(redirect.slot >= 0 && redirect.slot < REDIS_SLOTS && redirect.address.port > 0);
}

static void read_text(const redisReply *reply) {
    char value[REDIS_INFO_VALUE_MAX];
    struct slice text = redis_ask_text(reply);
    for (int step = 0; step < REDIS_GREETING_STEPS; step++)
        redis_greeting_refusal(step, reply);
    if (text.length == 0)
        return;
    redis_info_value(text.at, "maxmemory_policy", value);
    CHECK(memchr(value, '\0', sizeof(value)) != NULL);
    redis_info_number(text.at, "used_memory");
    redis_greeting_not_allowed(text.at);
}

// HGETALL of meta.
static void read_meta(const redisReply *reply) {
    static struct meta meta;
    meta = (struct meta){0};
    if (reply->type != REDIS_REPLY_ARRAY)
        return;
    bool good = true;
    for (size_t i = 0; good && i + 1 < reply->elements; i += 2)
        good =
            meta_read_field(&meta, redis_ask_text(reply->element[i]), redis_ask_text(reply->element[i + 1]));
    CHECK(meta.partitions <= PARTITIONS_MAX);
    if (good && meta_is_whole(&meta))
        CHECK(meta_equal(&meta, &meta));
}

static void read_as_everyone(const redisReply *reply) {
    read_flush(reply);
    read_claim(reply);
    read_cluster(reply);
    read_text(reply);
    read_meta(reply);
}

// hiredis takes room for all the elements that an array announces before one of them has come, which is its
// own matter: what announces more than any of our answers has is not shown to it.
static bool announces_too_much(const uint8_t *bytes, size_t length) {
    enum { ELEMENTS_MAX = 1 << 20 };
    for (size_t i = 0; i < length; i++) {
        uint64_t elements = 0;
        for (size_t at = i + 1; bytes[i] == '*' && at < length && bytes[at] >= '0' && bytes[at] <= '9'; at++)
            elements = 10 * elements + bytes[at] - '0';
        if (elements > ELEMENTS_MAX)
            return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    if (announces_too_much(bytes, length))
        return 0;
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    redisReaderFeed(reader, (const char *)bytes, length);
    while (redisReaderGetReply(reader, &reply) == REDIS_OK && reply != NULL) {
        read_as_everyone(reply);
        freeReplyObject(reply);
    }
    redisReaderFree(reader);
    return 0;
}
