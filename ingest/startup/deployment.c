#include "ingest/startup/deployment.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>

#include "ingest/startup/redis_ask.h"
#include "runtime/check.h"
#include "runtime/clock.h"
#include "runtime/memory.h"

enum {
    META_VALUE_MAX = 128 * 1024, // 4,096 start offsets
    WATERMARK_TIMEOUT_MS = 10000,
};

// --- Is the place free?

static size_t shard_key(const struct startup_walk *walk, char out[KEY_MAX], enum key_family family,
                        uint32_t shard) {
    size_t length = key_write(out, &walk->s->keys, family, shard, &(struct key_parts){0});
    out[length] = '\0';
    return length;
}

// Watches a shard's meta and mark; `marked` is raised where the mark is there.
static enum status shard_watch(struct startup_walk *walk, uint32_t shard, bool *marked, struct problem *p) {
    char meta[KEY_MAX], mark[KEY_MAX];
    redisReply *reply;
    shard_key(walk, meta, KEY_META, shard);
    shard_key(walk, mark, KEY_MARK, shard);
    enum status status = redis_ask_words(walk->redis, &reply, p, "WATCH", meta, mark, NULL);
    if (status != STATUS_OK)
        return status;
    freeReplyObject(reply);
    status = redis_ask_words(walk->redis, &reply, p, "EXISTS", mark, NULL);
    if (status != STATUS_OK)
        return status;
    *marked = *marked || reply->integer > 0;
    freeReplyObject(reply);
    return STATUS_OK;
}

static enum status refuse_held(const struct startup_walk *walk, const struct startup_metas *metas,
                               struct problem *p) {
    const struct meta *held = &metas->first;
    const char *prefix = walk->s->keys.prefix;
    if (metas->count == walk->s->keys.shards && metas->alike)
        return problem_set(p, STATUS_NO, "",
                           "count on with clameur-ingest run, or give --redis.prefix another name",
                           "the prefix %s already holds deployment %s (topic \"%s\", %" PRId64 " shards)",
                           prefix, held->deployment, held->topic, held->shards);
    return problem_set(
        p, STATUS_NO, "CLM-M4",
        "clameur-ingest check --connect says more; else give --redis.prefix another name",
        "the prefix %s holds deployment %s (topic \"%s\", %" PRId64 " shards) in %u of these %u shards",
        prefix, held->deployment, held->topic, held->shards, metas->count, walk->s->keys.shards);
}

enum status deployment_place_check(struct startup_walk *walk, struct problem *p) {
    bool marked = false;
    enum status status = STATUS_OK;
    for (uint32_t shard = 0; shard < walk->s->keys.shards && status == STATUS_OK; shard++)
        status = shard_watch(walk, shard, &marked, p);
    if (status != STATUS_OK)
        return status;
    struct startup_metas *metas = memory_take(sizeof(*metas));
    status = startup_metas_read(walk->redis, &walk->s->keys, metas, p);
    if (status == STATUS_OK && metas->count > 0)
        status = refuse_held(walk, metas, p);
    else if (status == STATUS_OK && marked)
        status =
            problem_set(p, STATUS_NO, "CLM-M1",
                        "restore the newest backup of this Redis, or give --redis.prefix another name",
                        "the prefix %s holds marks without a meta: the remains of a deployment that was lost",
                        walk->s->keys.prefix);
    free(metas);
    return status;
}

// --- What is written

static void deployment_name(char out[33]) {
    unsigned char bytes[16];
    CHECK(getrandom(bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static enum status bounds_ask(const struct startup *s, struct deployment_bounds *bounds, int32_t partitions,
                              struct problem *p) {
    rd_kafka_t *client;
    enum status status = startup_kafka_client(s, &client, p);
    if (status != STATUS_OK)
        return status;
    for (int32_t i = 0; i < partitions && status == STATUS_OK; i++) {
        rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(
            client, s->settings.kafka_topic, i, &bounds->first[i], &bounds->end[i], WATERMARK_TIMEOUT_MS);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
            status = problem_set(p, STATUS_UNAVAILABLE, "CLM-K1",
                                 "wait until every partition has a leader, and try again",
                                 "where partition %d of \"%s\" starts is unknown: %s", i,
                                 s->settings.kafka_topic, rd_kafka_err2str(error));
    }
    rd_kafka_destroy(client);
    return status;
}

enum status deployment_meta_make(struct meta *meta, struct deployment_bounds *bounds,
                                 const struct startup_walk *walk, bool latest, struct problem *p) {
    const struct startup *s = walk->s;
    *meta = (struct meta){.layout = LAYOUT_VERSION,
                          .shards = s->settings.redis_shards,
                          .dedup_span = s->settings.dedup_span,
                          .partitions = s->partitions,
                          .created_at_ms = clock_wall_ms()};
    if (s->partitions > PARTITIONS_MAX)
        return problem_set(p, STATUS_CONFIG, "", "use a topic of fewer partitions",
                           "\"%s\" has %d partitions; at most %d can be", s->settings.kafka_topic,
                           s->partitions, PARTITIONS_MAX);
    deployment_name(meta->deployment);
    snprintf(meta->topic, sizeof(meta->topic), "%s", s->settings.kafka_topic);
    snprintf(meta->topic_id, sizeof(meta->topic_id), "%s", walk->topic_id);
    snprintf(meta->rules_hash, sizeof(meta->rules_hash), "%s", s->rules.first_hash);
    settings_fix(&s->settings, meta);
    enum status status = bounds_ask(s, bounds, meta->partitions, p);
    for (int32_t i = 0; i < meta->partitions; i++)
        meta->starts[i] = latest ? bounds->end[i] : bounds->first[i];
    return status;
}

void deployment_fields_make(struct deployment_field fields[DEPLOYMENT_FIELDS], const struct meta *meta,
                            const struct key_space *keys) {
    char *value = memory_take(META_VALUE_MAX);
    int count = 0;
    for (const char *name; (name = meta_write_field(meta, keys, count, value, META_VALUE_MAX)) != NULL;
         count++) {
        CHECK(count < DEPLOYMENT_FIELDS);
        fields[count] = (struct deployment_field){name, memory_text(value)};
    }
    CHECK(count == DEPLOYMENT_FIELDS);
    free(value);
}

void deployment_fields_free(struct deployment_field fields[DEPLOYMENT_FIELDS]) {
    for (int i = 0; i < DEPLOYMENT_FIELDS; i++)
        free(fields[i].value);
}

// --- Writing it

static enum status ask_and_forget(struct startup_walk *walk, const struct slice *words, int count,
                                  struct problem *p) {
    redisReply *reply;
    enum status status = redis_ask(walk->redis, &reply, words, count, p);
    if (status == STATUS_OK)
        freeReplyObject(reply);
    return status;
}

static enum status shard_queue(struct startup_walk *walk, uint32_t shard,
                               const struct deployment_field fields[DEPLOYMENT_FIELDS], struct problem *p) {
    char key[KEY_MAX];
    struct slice words[2 + 2 * DEPLOYMENT_FIELDS] = {slice_of("HSET"),
                                                     {key, shard_key(walk, key, KEY_META, shard)}};
    for (int i = 0; i < DEPLOYMENT_FIELDS; i++) {
        words[2 + 2 * i] = slice_of(fields[i].name);
        words[3 + 2 * i] = slice_of(fields[i].value);
    }
    return ask_and_forget(walk, words, 2 + 2 * DEPLOYMENT_FIELDS, p);
}

static enum status judge_exec(const redisReply *reply, const char *prefix, struct problem *p) {
    if (reply->type != REDIS_REPLY_ARRAY)
        return problem_set(p, STATUS_NO, "", "clameur-ingest check --connect",
                           "somebody else wrote under the prefix %s at the same time; nothing was written",
                           prefix);
    for (size_t i = 0; i < reply->elements; i++) {
        if (reply->element[i]->type == REDIS_REPLY_ERROR)
            return problem_set(p, STATUS_UNAVAILABLE, "",
                               "mend Redis, DEL the meta keys of this prefix, and begin again",
                               "shard %zu was refused: %s", i, reply->element[i]->str);
    }
    return STATUS_OK;
}

enum status deployment_write(struct startup_walk *walk,
                             const struct deployment_field fields[DEPLOYMENT_FIELDS], struct problem *p) {
    const struct slice multi = slice_of("MULTI"), exec = slice_of("EXEC");
    enum status status = ask_and_forget(walk, &multi, 1, p);
    for (uint32_t shard = 0; shard < walk->s->keys.shards && status == STATUS_OK; shard++)
        status = shard_queue(walk, shard, fields, p);
    if (status != STATUS_OK)
        return status;
    redisReply *reply;
    status = redis_ask(walk->redis, &reply, &exec, 1, p);
    if (status != STATUS_OK)
        return status;
    status = judge_exec(reply, walk->s->keys.prefix, p);
    freeReplyObject(reply);
    return status;
}
