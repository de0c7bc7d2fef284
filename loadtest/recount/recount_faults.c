#include "loadtest/recount/recount_faults.h"

#include <jansson.h>
#include <stdlib.h>

#include "runtime/memory.h"

static struct slice fault_name(char *out, size_t size, struct slice key, struct slice field) {
    if (key.length + 1 + field.length > size)
        return (struct slice){out, 0};
    memcpy(out, key.at, key.length);
    out[key.length] = '\0';
    memcpy(out + key.length + 1, field.at, field.length);
    return (struct slice){out, key.length + 1 + field.length};
}

static struct slice element(const json_t *array, size_t index) {
    const json_t *text = json_array_get(array, index);
    return (struct slice){json_string_value(text), json_string_length(text)};
}

static void fault_add(struct recount_faults *f, struct slice key, struct slice field, const char *delta) {
    char room[2 * KEY_MAX];
    uint32_t known = f->names.count;
    uint32_t number = names_put(&f->names, fault_name(room, sizeof(room), key, field));
    if (number == known) {
        f->deltas = memory_grow(f->deltas, (size_t)number + 1, sizeof(*f->deltas));
        f->deltas[number] = 0;
    }
    f->deltas[number] += strtoll(delta, NULL, 10);
}

// ["<key>","<field>"] is a sum, ["<key>","<field>","error"] what Redis said, ["<key>","<field>","<number>"]
// where a sum goes on.
static void fault_read(struct recount_faults *f, const redisReply *name, const redisReply *value,
                       struct recount_report *report) {
    json_t *array = json_loadb(name->str, (size_t)name->len, JSON_ALLOW_NUL, NULL);
    struct slice text = {value->str, (size_t)value->len};
    if (json_array_size(array) < 2 || !json_is_string(json_array_get(array, 0)) ||
        !json_is_string(json_array_get(array, 1))) {
        recount_report_fault(report, (struct slice){name->str, (size_t)name->len}, slice_of(""), text);
        json_decref(array);
        return;
    }
    struct slice key = element(array, 0), field = element(array, 1);
    bool error = json_array_size(array) > 2 && slice_equal(element(array, 2), slice_of("error"));
    if (error) {
        recount_report_fault_error(report, key, field, text);
    } else {
        fault_add(f, key, field, value->str);
        recount_report_fault(report, key, field, text);
    }
    json_decref(array);
}

enum status recount_faults_read(struct recount_faults *f, struct recount_redis *redis, uint32_t shard,
                                struct recount_report *report, struct problem *problem) {
    *f = (struct recount_faults){0};
    names_init(&f->names);
    char name[KEY_MAX];
    struct key_parts parts = {0};
    size_t length = key_write(name, &redis->space, KEY_FAULTS, shard, &parts);
    const char *words[] = {"HGETALL", name};
    const size_t lengths[] = {7, length};
    recount_redis_send(redis, 2, words, lengths);
    redisReply *reply = recount_redis_answer(redis);
    if (reply == NULL)
        return recount_redis_lost(redis, problem);
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2)
        fault_read(f, reply->element[i], reply->element[i + 1], report);
    freeReplyObject(reply);
    return STATUS_OK;
}

void recount_faults_fini(struct recount_faults *f) {
    names_fini(&f->names);
    free(f->deltas);
    *f = (struct recount_faults){0};
}

__int128 recount_faults_of(const struct recount_faults *f, struct slice key, struct slice field) {
    char room[2 * KEY_MAX];
    if (f->names.count == 0)
        return 0;
    uint32_t number = names_find(&f->names, fault_name(room, sizeof(room), key, field));
    return number == TABLE_NONE ? 0 : f->deltas[number];
}
