#include "loadtest/recount/recount_redis.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/redis/redis_info.h"

// A ranking may have millions of members, and is read in one answer.
enum { SCAN_COUNT = 1000, ANSWER_MS = 60000 };

enum status recount_redis_open(struct recount_redis *r, const struct settings *settings,
                               struct problem *problem) {
    *r = (struct recount_redis){0};
    struct redis_seeds seeds;
    struct redis_login login;
    enum status status = settings_redis(settings, &seeds, &login, problem);
    if (status != STATUS_OK)
        return status;
    snprintf(r->scratch, sizeof(r->scratch), "%s-recount-%d", settings->redis_prefix, (int)getpid());
    int64_t timeout_ms = settings->redis_timeout_ms < ANSWER_MS ? ANSWER_MS : settings->redis_timeout_ms;
    return redis_client_open(&r->client, &seeds, &login, (int)timeout_ms, problem);
}

void recount_redis_close(struct recount_redis *r) {
    redis_client_close(&r->client);
    *r = (struct recount_redis){0};
}

void recount_redis_send(struct recount_redis *r, int count, const char *const *words, const size_t *lengths) {
    const struct slice key = {words[1], lengths[1]};
    redis_client_command(r->client, key_slot(key), count, words, lengths);
}

redisReply *recount_redis_answer(struct recount_redis *r) {
    return redis_client_answer(r->client);
}

size_t recount_redis_pending(const struct recount_redis *r) {
    return redis_client_pending(r->client);
}

bool recount_redis_broken(const struct recount_redis *r) {
    return redis_client_lost(r->client, NULL) != STATUS_OK;
}

enum status recount_redis_lost(const struct recount_redis *r, struct problem *problem) {
    return redis_client_lost(r->client, problem);
}

static struct slice text_of(const redisReply *reply) {
    return (struct slice){reply->str, reply->type == REDIS_REPLY_STRING ? (size_t)reply->len : 0};
}

static size_t hash_name(char *out, const struct recount_redis *r, enum key_family family, uint32_t shard) {
    struct key_parts parts = {0};
    return key_write(out, &r->space, family, shard, &parts);
}

static void send_hash(struct recount_redis *r, enum key_family family, uint32_t shard) {
    char name[KEY_MAX];
    const char *words[] = {"HGETALL", name};
    const size_t lengths[] = {7, hash_name(name, r, family, shard)};
    recount_redis_send(r, 2, words, lengths);
}

// The answer to send_hash: an array, or the status says why not.
static enum status take_hash(struct recount_redis *r, enum key_family family, uint32_t shard,
                             redisReply **reply, struct problem *problem) {
    *reply = recount_redis_answer(r);
    if (*reply == NULL)
        return recount_redis_lost(r, problem);
    if ((*reply)->type == REDIS_REPLY_ARRAY)
        return STATUS_OK;
    char name[KEY_MAX];
    size_t length = hash_name(name, r, family, shard);
    bool denied = strncmp((*reply)->str, "NOPERM", 6) == 0;
    enum status status =
        problem_set(problem, denied ? STATUS_NOT_ALLOWED : STATUS_BAD_DATA, denied ? "CLM-A1" : "",
                    denied ? "grant the user of the recount reading, and writing under PREFIX-recount*"
                           : "see what the key holds",
                    "HGETALL %.*s: %s", (int)length, name, (*reply)->str);
    freeReplyObject(*reply);
    *reply = NULL;
    return status;
}

static enum status meta_read(struct recount_redis *r, uint32_t shard, struct meta *meta,
                             struct problem *problem) {
    redisReply *reply;
    send_hash(r, KEY_META, shard);
    enum status status = take_hash(r, KEY_META, shard, &reply, problem);
    if (status != STATUS_OK || reply == NULL)
        return status;
    *meta = (struct meta){0};
    bool good = true;
    for (size_t i = 0; i + 1 < reply->elements; i += 2)
        good &= meta_read_field(meta, text_of(reply->element[i]), text_of(reply->element[i + 1]));
    if (!good || !meta_is_whole(meta))
        status = problem_set(problem, STATUS_BAD_DATA, "CLM-M1",
                             "a new deployment: clameur-ingest init; a lost one: restore the newest backup",
                             "shard %" PRIu32 " under the prefix \"%s\" has %s meta", shard, r->space.prefix,
                             reply->elements == 0 ? "no" : "a broken");
    freeReplyObject(reply);
    return status;
}

static enum status wrong_meta(struct problem *problem, const char *what) {
    return problem_set(problem, STATUS_CONFIG, "CLM-M4", "use the prefix and the settings of this deployment",
                       "%s", what);
}

enum status recount_redis_meta(struct recount_redis *r, const struct settings *settings,
                               struct problem *problem) {
    // Shard 0 sits in the same place whatever the number of shards, which it names.
    key_space_init(&r->space, settings->redis_prefix, 1);
    enum status status = meta_read(r, 0, &r->meta, problem);
    if (status != STATUS_OK)
        return status;
    if (r->meta.layout != LAYOUT_VERSION || r->meta.shards > SHARDS_MAX)
        return wrong_meta(problem, "the meta is of a layout that this program does not know");
    if (strcmp(r->meta.topic, settings->kafka_topic) != 0)
        return wrong_meta(problem, "kafka.topic is not the topic of this deployment's meta");
    key_space_init(&r->space, settings->redis_prefix, (uint32_t)r->meta.shards);
    for (uint32_t shard = 1; status == STATUS_OK && shard < r->space.shards; shard++) {
        struct meta other;
        status = meta_read(r, shard, &other, problem);
        if (status == STATUS_OK && !meta_equal(&other, &r->meta))
            status = wrong_meta(problem, "the shards do not have the same meta");
    }
    return status;
}

static bool partition_parse(struct slice text, int32_t partitions, int32_t *partition) {
    int64_t number = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (text.at[i] < '0' || text.at[i] > '9' || number > partitions)
            return false;
        number = number * 10 + (text.at[i] - '0');
    }
    *partition = (int32_t)number;
    return text.length > 0 && number < partitions;
}

static enum status take_marks(struct recount_redis *r, uint32_t shard, struct mark *marks, size_t *missing,
                              struct problem *problem) {
    int32_t partitions = r->meta.partitions;
    for (int32_t p = 0; p < partitions; p++)
        marks[p] = (struct mark){.next = r->meta.starts[p], .last = -1, .epoch = -1};
    redisReply *reply;
    enum status status = take_hash(r, KEY_MARK, shard, &reply, problem);
    if (status != STATUS_OK || reply == NULL)
        return status;
    *missing = (size_t)partitions;
    for (size_t i = 0; status == STATUS_OK && i + 1 < reply->elements; i += 2) {
        int32_t partition;
        if (!partition_parse(text_of(reply->element[i]), partitions, &partition) ||
            !mark_parse(&marks[partition], text_of(reply->element[i + 1])))
            status = problem_set(problem, STATUS_BAD_DATA, "CLM-M3", "restore from a backup of Redis",
                                 "shard %" PRIu32 " has a mark that is none: %s %s", shard,
                                 reply->element[i]->str, reply->element[i + 1]->str);
        else
            --*missing;
    }
    freeReplyObject(reply);
    return status;
}

enum status recount_redis_marks(struct recount_redis *r, uint32_t shard, struct mark *marks, size_t *missing,
                                struct problem *problem) {
    send_hash(r, KEY_MARK, shard);
    return take_marks(r, shard, marks, missing, problem);
}

enum status recount_redis_marks_all(struct recount_redis *r, struct mark *marks, struct problem *problem) {
    for (uint32_t shard = 0; shard < r->space.shards; shard++)
        send_hash(r, KEY_MARK, shard);
    enum status status = STATUS_OK;
    for (uint32_t shard = 0; shard < r->space.shards; shard++) {
        size_t missing;
        struct mark *own = marks + (size_t)shard * (size_t)r->meta.partitions;
        struct problem further;
        enum status one = take_marks(r, shard, own, &missing, status == STATUS_OK ? problem : &further);
        if (status == STATUS_OK)
            status = one;
    }
    return status;
}

enum status recount_redis_time(struct recount_redis *r, int64_t *now_s, struct problem *problem) {
    redis_client_command(r->client, key_shard_slot(0), 1, (const char *[]){"TIME"}, NULL);
    redisReply *reply = recount_redis_answer(r);
    if (reply == NULL)
        return recount_redis_lost(r, problem);
    *now_s = reply->type == REDIS_REPLY_ARRAY && reply->elements > 0
                 ? strtoll(reply->element[0]->str, NULL, 10)
                 : 0;
    freeReplyObject(reply);
    return *now_s > 0 ? STATUS_OK
                      : problem_set(problem, STATUS_NOT_ALLOWED, "CLM-A1", "grant TIME",
                                    "Redis does not tell its time");
}

// A glob of Redis that means the prefix literally.
static void scan_pattern(char *out, const char *prefix) {
    for (; *prefix != '\0'; prefix++) {
        if (strchr("*?[]\\^-", *prefix) != NULL)
            *out++ = '\\';
        *out++ = *prefix;
    }
    strcpy(out, ":*");
}

static enum status scan_node(struct recount_redis *r, uint16_t node,
                             void (*found)(void *context, struct slice key), void *context,
                             struct problem *problem) {
    char pattern[2 * KEY_PREFIX_MAX + 4], cursor[32] = "0", count[16];
    redisContext *redis;
    enum status status = redis_client_node(r->client, node, &redis, problem);
    if (status != STATUS_OK)
        return status;
    scan_pattern(pattern, r->space.prefix);
    snprintf(count, sizeof(count), "%d", SCAN_COUNT);
    do {
        const char *words[] = {"SCAN", cursor, "MATCH", pattern, "COUNT", count};
        redisReply *reply = redisCommandArgv(redis, 6, words, NULL);
        if (reply == NULL)
            return problem_set(problem, STATUS_UNAVAILABLE, "CLM-R3",
                               "check redis.url: redis-cli -u URL ping",
                               "the connection to Redis at %s was lost: %s",
                               redis_client_name(r->client, node), redis->errstr);
        if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) {
            freeReplyObject(reply);
            return problem_set(problem, STATUS_NOT_ALLOWED, "CLM-A1", "grant SCAN", "Redis refuses SCAN");
        }
        snprintf(cursor, sizeof(cursor), "%s", reply->element[0]->str);
        for (size_t i = 0; i < reply->element[1]->elements; i++)
            found(context, text_of(reply->element[1]->element[i]));
        freeReplyObject(reply);
    } while (strcmp(cursor, "0") != 0);
    return STATUS_OK;
}

enum status recount_redis_scan(struct recount_redis *r, void (*found)(void *context, struct slice key),
                               void *context, struct problem *problem) {
    uint16_t numbers[REDIS_NODES_MAX];
    size_t count = redis_client_masters(r->client, numbers);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        status = scan_node(r, numbers[i], found, context, problem);
    return status;
}

static int64_t node_cpu_us(struct recount_redis *r, uint16_t node) {
    static const char *const fields[] = {"used_cpu_sys", "used_cpu_user"};
    redisContext *redis;
    if (redis_client_node(r->client, node, &redis, NULL) != STATUS_OK)
        return 0;
    redisReply *reply = redisCommandArgv(redis, 2, (const char *[]){"INFO", "cpu"}, NULL);
    double seconds = 0;
    for (size_t i = 0; reply != NULL && reply->type == REDIS_REPLY_STRING && i < 2; i++) {
        char value[REDIS_INFO_VALUE_MAX];
        if (redis_info_value(reply->str, fields[i], value))
            seconds += strtod(value, NULL);
    }
    freeReplyObject(reply);
    return (int64_t)(seconds * 1e6);
}

int64_t recount_redis_cpu_us(struct recount_redis *r) {
    uint16_t numbers[REDIS_NODES_MAX];
    size_t count = redis_client_masters(r->client, numbers);
    int64_t us = 0;
    for (size_t i = 0; i < count; i++)
        us += node_cpu_us(r, numbers[i]);
    return us;
}
