#include "loadtest/recount/reading/recount_rules.h"

#include <inttypes.h>
#include <stdio.h>

static bool is_claimed(const struct recount_compare *c, const struct mark *marks) {
    for (int32_t p = 0; p < c->redis->meta.partitions; p++) {
        if (marks[p].epoch >= 0)
            return true;
    }
    return false;
}

static struct slice value_of(const redisReply *fields, struct slice name) {
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        const redisReply *value = fields->element[i + 1];
        if (slice_equal((struct slice){fields->element[i]->str, fields->element[i]->len}, name))
            return (struct slice){value->str, value->len};
    }
    return (struct slice){NULL, 0};
}

enum { RULES_FIELD_MAX = 32 };

// What the files say of version `index` of the rules and, behind those, of the pseudonym keys: its field, and
// its value.
static void expected_write(const struct fold_setup *setup, size_t index, char field[RULES_FIELD_MAX],
                           char value[LAYOUT_RULES_MAX]) {
    size_t rules = setup->rules->count;
    if (index < rules) {
        snprintf(field, RULES_FIELD_MAX, "%" PRIu32, setup->rules->versions[index].version);
        layout_rules_write(value, &setup->rules->versions[index]);
        return;
    }
    struct key_version key = recount_key_version(setup->keys, index - rules);
    snprintf(field, RULES_FIELD_MAX, "key:%zu", index - rules + 1);
    layout_key_write(value, &key);
}

static size_t expected_count(const struct fold_setup *setup) {
    return setup->rules->count + setup->keys->count;
}

// What the files say, held against what is there.
static void compare_files(const struct recount_compare *c, struct slice key, const redisReply *fields) {
    const struct fold_setup *setup = c->fold->setup;
    for (size_t i = 0; i < expected_count(setup); i++) {
        char field[RULES_FIELD_MAX], expected[LAYOUT_RULES_MAX];
        expected_write(setup, i, field, expected);
        struct slice held = value_of(fields, slice_of(field));
        c->report->counters++;
        if (held.at == NULL)
            recount_report_difference(c->report, key, slice_of(field), slice_of("nothing"),
                                      slice_of(expected));
        else if (!slice_equal(held, slice_of(expected)))
            recount_report_difference(c->report, key, slice_of(field), held, slice_of(expected));
    }
}

// What is there and not in the files.
static void compare_rest(const struct recount_compare *c, struct slice key, const redisReply *fields) {
    const struct fold_setup *setup = c->fold->setup;
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        char field[RULES_FIELD_MAX], expected[LAYOUT_RULES_MAX];
        bool known = false;
        struct slice name = {fields->element[i]->str, fields->element[i]->len};
        for (size_t index = 0; index < expected_count(setup) && !known; index++) {
            expected_write(setup, index, field, expected);
            known = slice_equal(name, slice_of(field));
        }
        if (!known)
            recount_report_difference(
                c->report, key, name,
                (struct slice){fields->element[i + 1]->str, fields->element[i + 1]->len},
                slice_of("nothing"));
    }
}

static size_t rules_send(struct recount_redis *redis, uint32_t shard, char name[KEY_MAX]) {
    struct key_parts parts = {0};
    size_t length = key_write(name, &redis->space, KEY_RULES, shard, &parts);
    recount_redis_send(redis, 2, (const char *[]){"HGETALL", name}, (size_t[]){7, length});
    return length;
}

// The first key that the shard has been counted by and that the file lacks or has otherwise; 0: none.
static size_t key_other(const redisReply *fields, const struct recount_keys *keys) {
    for (size_t i = 0; fields->type == REDIS_REPLY_ARRAY && i + 1 < fields->elements; i += 2) {
        char held[LAYOUT_RULES_MAX] = "";
        size_t number;
        if (sscanf(fields->element[i]->str, "key:%zu", &number) != 1)
            continue;
        if (number >= 1 && number <= keys->count) {
            struct key_version key = recount_key_version(keys, number - 1);
            layout_key_write(held, &key);
        }
        if (strcmp(fields->element[i + 1]->str, held) != 0)
            return number;
    }
    return 0;
}

enum status recount_rules_keys(struct recount_redis *redis, const struct recount_keys *keys,
                               struct problem *problem) {
    char name[KEY_MAX];
    enum status status = STATUS_OK;
    for (uint32_t shard = 0; shard < redis->space.shards; shard++)
        rules_send(redis, shard, name);
    for (uint32_t shard = 0; shard < redis->space.shards; shard++) {
        redisReply *reply = recount_redis_answer(redis);
        if (reply == NULL)
            return recount_redis_lost(redis, problem);
        size_t other = key_other(reply, keys);
        if (other > 0 && status == STATUS_OK)
            status = problem_set(problem, STATUS_CONFIG, "CLM-M5", "use the key file of the workers",
                                 "pseudonym key %zu is another here than shard %" PRIu32 " was counted by",
                                 other, shard);
        freeReplyObject(reply);
    }
    return status;
}

enum status recount_rules_compare(const struct recount_compare *c, uint32_t shard, const struct mark *marks,
                                  struct problem *problem) {
    char name[KEY_MAX];
    struct slice key = {name, rules_send(c->redis, shard, name)};
    redisReply *reply = recount_redis_answer(c->redis);
    if (reply == NULL)
        return recount_redis_lost(c->redis, problem);
    if (reply->type != REDIS_REPLY_ARRAY)
        recount_report_difference(c->report, key, slice_of(""), slice_of(reply->str), slice_of("a hash"));
    else if (reply->elements > 0 || is_claimed(c, marks)) {
        compare_files(c, key, reply);
        compare_rest(c, key, reply);
    }
    freeReplyObject(reply);
    return STATUS_OK;
}
