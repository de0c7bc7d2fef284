// Start-up's last question: does this Redis hold the deployment that the configuration speaks of, in every
// shard?
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/startup/redis_ask.h"
#include "ingest/startup/startup_steps.h"
#include "runtime/memory.h"

static size_t meta_key(char out[KEY_MAX], const struct key_space *keys, uint32_t shard) {
    return key_write(out, keys, KEY_META, shard, &(struct key_parts){0});
}

static enum status meta_take(struct meta *meta, const redisReply *reply, uint32_t shard, struct problem *p) {
    const char *remedy = "restore the newest backup of this Redis";
    *meta = (struct meta){0};
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        struct slice name = redis_ask_text(reply->element[i]);
        if (!meta_read_field(meta, name, redis_ask_text(reply->element[i + 1])))
            return problem_set(p, STATUS_BAD_DATA, "CLM-M1", remedy,
                               "meta of shard %u: its field %.*s is malformed", shard, (int)name.length,
                               name.at);
    }
    if (reply->elements > 0 && !meta_is_whole(meta))
        return problem_set(p, STATUS_BAD_DATA, "CLM-M1", remedy, "meta of shard %u lacks fields", shard);
    return STATUS_OK;
}

// Takes one shard's reply into `metas`.
static enum status metas_take(struct startup_metas *metas, struct meta *other, const redisReply *reply,
                              uint32_t shard, struct problem *p) {
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0) {
        metas->first_missing = shard < metas->first_missing ? shard : metas->first_missing;
        return STATUS_OK;
    }
    struct meta *into = metas->count == 0 ? &metas->first : other;
    enum status status = meta_take(into, reply, shard, p);
    if (status != STATUS_OK)
        return status;
    metas->present[shard] = true;
    metas->count++;
    if (metas->alike && into == other && !meta_equal(other, &metas->first)) {
        metas->alike = false;
        metas->first_other = shard;
    }
    return STATUS_OK;
}

enum status startup_metas_read(struct redis_client *redis, const struct key_space *keys,
                               struct startup_metas *metas, struct problem *p) {
    *metas = (struct startup_metas){.first_missing = keys->shards, .alike = true};
    for (uint32_t shard = 0; shard < keys->shards; shard++) {
        char key[KEY_MAX];
        size_t length = meta_key(key, keys, shard);
        redis_client_command(redis, key_shard_slot(shard), 2, (const char *[]){"HGETALL", key},
                             (size_t[]){7, length});
    }
    struct meta *other = memory_take(sizeof(*other));
    enum status first = STATUS_OK;
    for (uint32_t shard = 0; shard < keys->shards; shard++) {
        redisReply *reply;
        enum status status = redis_ask_answer(redis, &reply, "HGETALL", first == STATUS_OK ? p : NULL);
        if (first == STATUS_OK)
            first = status == STATUS_OK ? metas_take(metas, other, reply, shard, p) : status;
        freeReplyObject(reply);
    }
    free(other);
    return first;
}

// --- Judging what was read

static enum status judge_presence(const struct startup *s, const struct startup_metas *metas,
                                  struct problem *p) {
    if (metas->count == s->keys.shards && metas->alike)
        return STATUS_OK;
    if (metas->count == 0)
        return problem_set(p, STATUS_BAD_DATA, "CLM-M1",
                           "a new deployment: clameur-ingest init, with the same options; "
                           "a lost one: restore the newest backup",
                           "this Redis holds no deployment under the prefix %s", s->keys.prefix);
    if (!metas->alike)
        return problem_set(
            p, STATUS_CONFIG, "CLM-M4", "restore the newest backup, or begin under a fresh prefix",
            "shard %u belongs to another deployment than %s", metas->first_other, metas->first.deployment);
    return problem_set(
        p, STATUS_BAD_DATA, "CLM-M1",
        s->redis_is_cluster ? "if clameur-ingest init was interrupted, let it go on: run it again; "
                              "else restore the newest backup"
                            : "restore the newest backup of this Redis",
        "%u of %u shards of deployment %s have lost their meta, shard %u the first",
        s->keys.shards - metas->count, s->keys.shards, metas->first.deployment, metas->first_missing);
}

static enum status differs(struct problem *p, const struct meta *meta, const char *option, const char *ours,
                           const char *theirs) {
    return problem_set(p, STATUS_CONFIG, "CLM-M4", "use the prefix and the settings of this deployment",
                       "%s is %s, but deployment %s has %s", option, ours, meta->deployment, theirs);
}

static enum status differs_number(struct problem *p, const struct meta *meta, const char *option,
                                  int64_t ours, int64_t theirs) {
    char text[2][24];
    snprintf(text[0], sizeof(text[0]), "%" PRId64, ours);
    snprintf(text[1], sizeof(text[1]), "%" PRId64, theirs);
    return differs(p, meta, option, text[0], text[1]);
}

// A span that nobody set is the deployment's.
static enum status judge_span(struct startup *s, const struct meta *meta, struct problem *p) {
    if (s->basis.settings.dedup_span == meta->dedup_span)
        return STATUS_OK;
    const char *origin = config_origin(s->basis.config, "dedup.span");
    if (origin != NULL && strcmp(origin, "default") != 0)
        return differs_number(p, meta, "dedup.span", s->basis.settings.dedup_span, meta->dedup_span);
    s->basis.settings.dedup_span = meta->dedup_span;
    return STATUS_OK;
}

static enum status judge_settings(struct startup *s, const struct meta *meta, struct problem *p) {
    if (meta->layout != LAYOUT_VERSION)
        return differs_number(p, meta, "this program's layout", LAYOUT_VERSION, meta->layout);
    if (meta->shards != s->basis.settings.redis_shards)
        return differs_number(p, meta, "redis.shards", s->basis.settings.redis_shards, meta->shards);
    if (strcmp(meta->topic, s->basis.settings.kafka_topic) != 0)
        return differs(p, meta, "kafka.topic", s->basis.settings.kafka_topic, meta->topic);
    if (strcmp(meta->rules_hash, s->basis.rules.first_hash) != 0)
        return problem_set(
            p, STATUS_CONFIG, "CLM-M5",
            "use the rules file that this deployment began with; append versions, never change one",
            "version 1 of the rules is another (%s) than the one that deployment %s began with (%s)",
            s->basis.rules.first_hash, meta->deployment, meta->rules_hash);
    enum status status = settings_fit(&s->basis.settings, meta, p);
    return status == STATUS_OK ? judge_span(s, meta, p) : status;
}

// 0 partitions: Kafka was not asked, or did not answer.
static enum status judge_partitions(const struct startup *s, const struct meta *meta, struct problem *p) {
    if (s->basis.partitions == 0 || s->basis.partitions == meta->partitions)
        return STATUS_OK;
    if (s->basis.partitions < meta->partitions)
        return problem_set(
            p, STATUS_BAD_DATA, "CLM-M3",
            "point kafka.topic at the right log, or begin a new deployment under a fresh prefix",
            "\"%s\" has %d partitions, but had %d when deployment %s began: it was recreated", meta->topic,
            s->basis.partitions, meta->partitions, meta->deployment);
    if (s->basis.partitions > PARTITIONS_MAX)
        return startup_crowded_problem(p, meta->topic, s->basis.partitions);
    startup_grown_problem(p, meta, meta->partitions, s->basis.partitions);
    return STATUS_OK;
}

// Ids that either side does not know say nothing.
static enum status judge_topic_id(const struct startup *s, const struct meta *meta, struct problem *p) {
    const char *topic_id = s->basis.topic_id;
    if (topic_id[0] == '\0' || meta->topic_id[0] == '\0' || strcmp(topic_id, meta->topic_id) == 0)
        return STATUS_OK;
    return problem_set(p, STATUS_BAD_DATA, "CLM-M3",
                       "point kafka.topic at the right log, or begin a new deployment under a fresh prefix",
                       "\"%s\" has the id %s, but had %s when deployment %s began: it was recreated",
                       meta->topic, topic_id, meta->topic_id, meta->deployment);
}

static enum status judge(struct startup *s, const struct startup_metas *metas, struct problem *p) {
    // Shard 0 lies in the same place for every number of shards, so a wrong number is told as such.
    enum status status = STATUS_OK;
    if (metas->present[0])
        status = judge_settings(s, &metas->first, p);
    if (status == STATUS_OK)
        status = judge_presence(s, metas, p);
    if (status == STATUS_OK)
        status = judge_topic_id(s, &metas->first, p);
    if (status == STATUS_OK)
        status = judge_partitions(s, &metas->first, p);
    return status;
}

enum status startup_step_meta(struct walk *base) {
    struct startup_walk *walk = startup_walk_of(base);
    struct startup *s = walk->s;
    struct startup_metas *metas = memory_take(sizeof(*metas));
    struct problem p = {0};
    enum status status = startup_metas_read(walk->redis, &s->keys, metas, &p);
    if (status == STATUS_OK)
        status = judge(s, metas, &p);
    if (status == STATUS_OK)
        s->meta = metas->first;
    free(metas);
    if (status != STATUS_OK || p.what[0] != '\0')
        return walk_trouble(base, &p);
    walk_found(base, "deployment %s, %d partitions, %" PRId64 " shards, dedup span %" PRId64,
               s->meta.deployment, s->meta.partitions, s->meta.shards, s->meta.dedup_span);
    return STATUS_OK;
}
