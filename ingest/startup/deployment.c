#include "ingest/startup/deployment.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>

#include "ingest/startup/redis_ask.h"
#include "runtime/check.h"
#include "runtime/clock.h"
#include "runtime/memory.h"
#include "stream/startup/basis_kafka.h"

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

static enum status ask_and_forget(redisContext *redis, const struct slice *words, int count,
                                  struct problem *p) {
    redisReply *reply;
    enum status status = redis_ask(redis, &reply, words, count, p);
    freeReplyObject(reply);
    return status;
}

// Of a single Redis, until what was begun on the connection is over.
static enum status shards_watch(struct startup_walk *walk, struct problem *p) {
    redisContext *redis;
    enum status status = redis_client_master(walk->redis, 0, &redis, p);
    for (uint32_t shard = 0; shard < walk->s->keys.shards && status == STATUS_OK; shard++) {
        char meta[KEY_MAX], mark[KEY_MAX];
        struct slice words[] = {slice_of("WATCH"),
                                (struct slice){meta, shard_key(walk, meta, KEY_META, shard)},
                                (struct slice){mark, shard_key(walk, mark, KEY_MARK, shard)}};
        status = ask_and_forget(redis, words, 3, p);
    }
    return status;
}

// `marked`: has any shard a mark?
static enum status marks_look(struct startup_walk *walk, bool *marked, struct problem *p) {
    enum status first = STATUS_OK;
    *marked = false;
    for (uint32_t shard = 0; shard < walk->s->keys.shards; shard++) {
        char mark[KEY_MAX];
        size_t length = shard_key(walk, mark, KEY_MARK, shard);
        redis_client_command(walk->redis, key_shard_slot(shard), 2, (const char *[]){"EXISTS", mark},
                             (size_t[]){6, length});
    }
    for (uint32_t shard = 0; shard < walk->s->keys.shards; shard++) {
        redisReply *reply;
        enum status status = redis_ask_answer(walk->redis, &reply, "EXISTS", first == STATUS_OK ? p : NULL);
        *marked = *marked || (status == STATUS_OK && reply->integer > 0);
        first = first == STATUS_OK ? status : first;
        freeReplyObject(reply);
    }
    return first;
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

// A cluster has no transaction over all shards: some of them may have their meta and the others not yet,
// while nothing is counted.
static bool is_begun(const struct startup_walk *walk, const struct startup_metas *metas, bool marked) {
    return walk->s->redis_is_cluster && !marked && metas->alike && metas->present[0] &&
           metas->count < walk->s->keys.shards;
}

static enum status place_judge(struct startup_walk *walk, const struct startup_metas *metas, bool marked,
                               struct problem *p) {
    if (is_begun(walk, metas, marked)) {
        walk->begun = memory_take(sizeof(*walk->begun));
        *walk->begun = metas->first;
        return STATUS_OK;
    }
    if (metas->count > 0)
        return refuse_held(walk, metas, p);
    if (!marked)
        return STATUS_OK;
    return problem_set(p, STATUS_NO, "CLM-M1",
                       "restore the newest backup of this Redis, or give --redis.prefix another name",
                       "the prefix %s holds marks without a meta: the remains of a deployment that was lost",
                       walk->s->keys.prefix);
}

enum status deployment_place_check(struct startup_walk *walk, struct problem *p) {
    bool marked;
    enum status status = walk->s->redis_is_cluster ? STATUS_OK : shards_watch(walk, p);
    if (status == STATUS_OK)
        status = marks_look(walk, &marked, p);
    if (status != STATUS_OK)
        return status;
    struct startup_metas *metas = memory_take(sizeof(*metas));
    status = startup_metas_read(walk->redis, &walk->s->keys, metas, p);
    if (status == STATUS_OK)
        status = place_judge(walk, metas, marked, p);
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
    enum status status = basis_kafka_client(&s->basis, &client, p);
    if (status != STATUS_OK)
        return status;
    for (int32_t i = 0; i < partitions && status == STATUS_OK; i++) {
        rd_kafka_resp_err_t error =
            rd_kafka_query_watermark_offsets(client, s->basis.settings.kafka_topic, i, &bounds->first[i],
                                             &bounds->end[i], WATERMARK_TIMEOUT_MS);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
            status = problem_set(p, STATUS_UNAVAILABLE, "CLM-K1",
                                 "wait until every partition has a leader, and try again",
                                 "where partition %d of \"%s\" starts is unknown: %s", i,
                                 s->basis.settings.kafka_topic, rd_kafka_err2str(error));
    }
    rd_kafka_destroy(client);
    return status;
}

// What was begun goes on, if it is what the configuration would begin now.
static enum status begun_take(struct meta *meta, const struct meta *begun, struct problem *p) {
    memcpy(meta->deployment, begun->deployment, sizeof(meta->deployment));
    memcpy(meta->starts, begun->starts, sizeof(meta->starts));
    meta->created_at_ms = begun->created_at_ms;
    if (meta_equal(meta, begun))
        return STATUS_OK;
    return problem_set(p, STATUS_NO, "CLM-M4",
                       "begin again with its settings, or under another --redis.prefix",
                       "deployment %s (topic \"%s\", %" PRId64 " shards) was begun with other settings",
                       begun->deployment, begun->topic, begun->shards);
}

enum status deployment_meta_make(struct meta *meta, struct deployment_bounds *bounds,
                                 const struct startup_walk *walk, bool latest, struct problem *p) {
    const struct startup *s = walk->s;
    *meta = (struct meta){.layout = LAYOUT_VERSION,
                          .shards = s->basis.settings.redis_shards,
                          .dedup_span = s->basis.settings.dedup_span,
                          .partitions = s->basis.partitions,
                          .created_at_ms = clock_wall_ms()};
    if (s->basis.partitions > PARTITIONS_MAX)
        return startup_crowded_problem(p, s->basis.settings.kafka_topic, s->basis.partitions);
    deployment_name(meta->deployment);
    snprintf(meta->topic, sizeof(meta->topic), "%s", s->basis.settings.kafka_topic);
    snprintf(meta->topic_id, sizeof(meta->topic_id), "%s", s->basis.topic_id);
    snprintf(meta->rules_hash, sizeof(meta->rules_hash), "%s", s->basis.rules.first_hash);
    settings_fix(&s->basis.settings, meta);
    enum status status = bounds_ask(s, bounds, meta->partitions, p);
    for (int32_t i = 0; i < meta->partitions; i++)
        meta->starts[i] = latest ? bounds->end[i] : bounds->first[i];
    return status == STATUS_OK && walk->begun != NULL ? begun_take(meta, walk->begun, p) : status;
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

// What WATCH and the queue of MULTI hold on to is a connection: no redirections here.
static enum status meta_queue(const struct startup_walk *walk, redisContext *redis, uint32_t shard,
                              const struct deployment_field fields[DEPLOYMENT_FIELDS], struct problem *p) {
    char key[KEY_MAX];
    struct slice words[2 + 2 * DEPLOYMENT_FIELDS] = {slice_of("HSET"),
                                                     {key, shard_key(walk, key, KEY_META, shard)}};
    for (int i = 0; i < DEPLOYMENT_FIELDS; i++) {
        words[2 + 2 * i] = slice_of(fields[i].name);
        words[3 + 2 * i] = slice_of(fields[i].value);
    }
    return ask_and_forget(redis, words, 2 + 2 * DEPLOYMENT_FIELDS, p);
}

static enum status refuse_faster(const struct startup_walk *walk, struct problem *p) {
    return problem_set(p, STATUS_NO, "", "clameur-ingest check --connect",
                       "somebody else wrote under the prefix %s at the same time; nothing was written",
                       walk->s->keys.prefix);
}

static enum status judge_exec(const struct startup_walk *walk, const redisReply *reply, struct problem *p) {
    if (reply->type != REDIS_REPLY_ARRAY)
        return refuse_faster(walk, p);
    for (size_t i = 0; i < reply->elements; i++) {
        if (reply->element[i]->type == REDIS_REPLY_ERROR)
            return problem_set(p, STATUS_UNAVAILABLE, "",
                               "mend Redis, DEL the meta keys of this prefix, and begin again",
                               "a shard was refused: %s", reply->element[i]->str);
    }
    return STATUS_OK;
}

// MULTI, the meta of the shards [first, end), EXEC.
static enum status metas_write(const struct startup_walk *walk, redisContext *redis, uint32_t first,
                               uint32_t end, const struct deployment_field fields[DEPLOYMENT_FIELDS],
                               struct problem *p) {
    const struct slice multi = slice_of("MULTI"), exec = slice_of("EXEC");
    enum status status = ask_and_forget(redis, &multi, 1, p);
    for (uint32_t shard = first; shard < end && status == STATUS_OK; shard++)
        status = meta_queue(walk, redis, shard, fields, p);
    if (status != STATUS_OK)
        return status;
    redisReply *reply;
    status = redis_ask(redis, &reply, &exec, 1, p);
    if (status == STATUS_OK)
        status = judge_exec(walk, reply, p);
    freeReplyObject(reply);
    return status;
}

// A shard of a cluster, where it has no meta yet. Another deployment's there was faster; ours was begun
// before.
static enum status shard_write(const struct startup_walk *walk, redisContext *redis, uint32_t shard,
                               const struct deployment_field fields[DEPLOYMENT_FIELDS], struct problem *p) {
    char meta[KEY_MAX];
    redisReply *reply;
    shard_key(walk, meta, KEY_META, shard);
    enum status status = redis_ask_words(redis, &reply, p, "WATCH", meta, NULL);
    freeReplyObject(reply);
    if (status == STATUS_OK)
        status = redis_ask_words(redis, &reply, p, "HGET", meta, fields[0].name, NULL);
    if (status != STATUS_OK)
        return status;
    bool held = reply->type == REDIS_REPLY_STRING;
    bool ours = held && slice_equal(redis_ask_text(reply), slice_of(fields[0].value));
    freeReplyObject(reply);
    if (held && !ours)
        return refuse_faster(walk, p);
    return ours ? STATUS_OK : metas_write(walk, redis, shard, shard + 1, fields, p);
}

enum status deployment_write(struct startup_walk *walk,
                             const struct deployment_field fields[DEPLOYMENT_FIELDS], struct problem *p) {
    redisContext *redis;
    const struct startup *s = walk->s;
    if (!s->redis_is_cluster) {
        enum status status = redis_client_master(walk->redis, 0, &redis, p);
        return status == STATUS_OK ? metas_write(walk, redis, 0, s->keys.shards, fields, p) : status;
    }
    enum status status = STATUS_OK;
    for (uint32_t shard = 0; shard < s->keys.shards && status == STATUS_OK; shard++) {
        status = redis_client_master(walk->redis, key_shard_slot(shard), &redis, p);
        if (status == STATUS_OK)
            status = shard_write(walk, redis, shard, fields, p);
    }
    return status;
}
