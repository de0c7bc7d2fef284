#include "loadtest/recount/recount_rules.h"

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

// What the file says, held against what is there.
static void compare_file(const struct recount_compare *c, struct slice key, const redisReply *fields) {
    const struct rules_book *rules = c->fold->setup->rules;
    for (size_t i = 0; i < rules->count; i++) {
        char field[16], expected[LAYOUT_RULES_MAX];
        layout_rules_write(expected, &rules->versions[i]);
        snprintf(field, sizeof(field), "%" PRIu32, rules->versions[i].version);
        struct slice held = value_of(fields, slice_of(field));
        c->report->counters++;
        if (held.at == NULL)
            recount_report_difference(c->report, key, slice_of(field), slice_of("nothing"),
                                      slice_of(expected));
        else if (!slice_equal(held, slice_of(expected)))
            recount_report_difference(c->report, key, slice_of(field), held, slice_of(expected));
    }
}

// What is there and not in the file.
static void compare_rest(const struct recount_compare *c, struct slice key, const redisReply *fields) {
    size_t count = c->fold->setup->rules->count;
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        char field[16];
        bool known = false;
        struct slice name = {fields->element[i]->str, fields->element[i]->len};
        for (size_t version = 1; version <= count && !known; version++) {
            snprintf(field, sizeof(field), "%zu", version);
            known = slice_equal(name, slice_of(field));
        }
        if (!known)
            recount_report_difference(
                c->report, key, name,
                (struct slice){fields->element[i + 1]->str, fields->element[i + 1]->len},
                slice_of("nothing"));
    }
}

enum status recount_rules_compare(const struct recount_compare *c, uint32_t shard, const struct mark *marks,
                                  struct problem *problem) {
    char name[KEY_MAX];
    struct key_parts parts = {0};
    struct slice key = {name, key_write(name, &c->redis->space, KEY_RULES, shard, &parts)};
    const char *words[] = {"HGETALL", name};
    const size_t lengths[] = {7, key.length};
    recount_redis_send(c->redis, 2, words, lengths);
    redisReply *reply = recount_redis_answer(c->redis);
    if (reply == NULL)
        return recount_redis_lost(c->redis, problem);
    if (reply->type != REDIS_REPLY_ARRAY)
        recount_report_difference(c->report, key, slice_of(""), slice_of(reply->str), slice_of("a hash"));
    else if (reply->elements > 0 || is_claimed(c, marks)) {
        compare_file(c, key, reply);
        compare_rest(c, key, reply);
    }
    freeReplyObject(reply);
    return STATUS_OK;
}
