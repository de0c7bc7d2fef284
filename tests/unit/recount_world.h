// A recount of records that a test gives, one after another; its marks lie far ahead.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "loadtest/recount/recount_fold.h"
#include "runtime/memory.h"
#include "schemas/weighable.h"
#include "tests/unit/like_fixture.h"

#define T0      INT64_C(1767225600000) // 2026-01-01T00:00:00Z
#define HOUR_MS INT64_C(3600000)
#define ALL     ((uint32_t)((UINT64_C(1) << KEY_FAMILY_COUNT) - 1))

enum { PARTITIONS = 2, SPAN = 10 };

struct world {
    struct key_space space;
    struct rules_book rules;
    struct recount_keys keys;
    struct recount_model model;
    struct fold_setup setup;
    struct recount_fold fold;
    int64_t starts[PARTITIONS];
    int64_t next[PARTITIONS]; // offset of the next record given
    char reached[32][160];    // names of reach keys, in the order of their PFADDs
    unsigned char actors[32][16];
    int reach_count;
};

static inline void reach(void *context, uint32_t key, const unsigned char actor[16]) {
    struct world *w = context;
    struct slice name = w->model.key_names.at[key];
    assert_in_range(w->reach_count, 0, 31);
    snprintf(w->reached[w->reach_count], sizeof(w->reached[0]), "%.*s", (int)name.length, name.at);
    memcpy(w->actors[w->reach_count++], actor, 16);
}

static inline void write_file(char path[], const char *text) {
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

// A world whose marks lie far ahead, with the rules given (NULL: the defaults).
static inline struct world *world_create(const char *rules_text, uint32_t families, uint32_t shards) {
    struct world *w = memory_take(sizeof(*w));
    struct rules_kinds kinds;
    schemas_rules_kinds(&kinds);
    char rules_path[] = "/tmp/recount-rules-XXXXXX", key_path[] = "/tmp/recount-key-XXXXXX";
    if (rules_text != NULL)
        write_file(rules_path, rules_text);
    assert_int_equal(rules_load(&w->rules, rules_text != NULL ? rules_path : NULL, &kinds), STATUS_OK);
    write_file(key_path, "# the key of the vectors\n000102030405060708090a0b0c0d0e0f\n");
    struct problem problem = {0};
    assert_int_equal(recount_keys_load(&w->keys, key_path, &problem), STATUS_OK);
    if (rules_text != NULL)
        unlink(rules_path);
    unlink(key_path);
    key_space_init(&w->space, "t", shards);
    recount_model_init(&w->model, &w->space, families, reach, w);
    w->setup = (struct fold_setup){.framing = {"auto", 65536, 64 << 20},
                                   .rules = &w->rules,
                                   .keys = &w->keys,
                                   .dedup_span = SPAN,
                                   .partitions = PARTITIONS,
                                   .starts = w->starts};
    recount_fold_init(&w->fold, &w->setup, &w->model);
    int64_t marks[PARTITIONS * SHARDS_MAX];
    for (size_t i = 0; i < PARTITIONS * shards; i++)
        marks[i] = INT64_MAX / 2;
    recount_fold_round(&w->fold, marks);
    return w;
}

static inline struct world *world_plain(void) {
    return world_create(NULL, ALL, 1);
}

static inline void world_destroy(struct world *w) {
    recount_fold_fini(&w->fold);
    recount_model_fini(&w->model);
    recount_keys_fini(&w->keys);
    rules_fini(&w->rules);
    free(w);
}

// At T0.
static inline Clameur__V1__Event event(uint8_t id) {
    return like_at(id, T0);
}

static inline void give_bytes(struct world *w, int32_t partition, int64_t time_ms, struct slice value) {
    struct recount_record r = {
        .partition = partition, .offset = w->next[partition]++, .time_ms = time_ms, .value = value};
    recount_fold_record(&w->fold, &r);
}

static inline void give(struct world *w, int32_t partition, int64_t time_ms, const Clameur__V1__Event *e) {
    give_bytes(w, partition, time_ms, packed(e));
}

// The sum that a field must hold; keys are named without prefix and tag.
static inline int64_t sum(const struct world *w, const char *key, const char *field) {
    char name[512];
    int length = snprintf(name, sizeof(name), "t:{%s}:%s", w->space.tags[0], key);
    uint32_t number = recount_model_key(&w->model, (struct slice){name, (size_t)length});
    if (number == TABLE_NONE)
        return 0;
    const struct model_counter *counter = recount_model_counter(&w->model, number, slice_of(field));
    return counter == NULL ? 0 : (int64_t)counter->value;
}

static const struct model_key *key(const struct world *w, const char *name) {
    char whole[512];
    int length = snprintf(whole, sizeof(whole), "t:{%s}:%s", w->space.tags[0], name);
    uint32_t number = recount_model_key(&w->model, (struct slice){whole, (size_t)length});
    return number == TABLE_NONE ? NULL : &w->model.keys[number];
}

static inline void give_reading(struct world *w, uint8_t id, int64_t read_at, const char *content,
                                const char *figure, int64_t value) {
    Clameur__V1__ReadingValue v = CLAMEUR__V1__READING_VALUE__INIT, again = v, *values[] = {&v, &again};
    Clameur__V1__Reading r = CLAMEUR__V1__READING__INIT;
    Clameur__V1__Event e = event(id);
    v.counter = again.counter = bytes(figure);
    v.value = value;
    again.value = 999; // the first of two wins
    r.read_at = read_at;
    r.values = values;
    r.n_values = 2;
    e.kind = (Clameur__V1__Kind)KIND_READING;
    e.content_id = bytes(content);
    e.body_case = CLAMEUR__V1__EVENT__BODY_READING;
    e.reading = &r;
    e.actor_id = bytes("user-1");
    e.consent = 1;
    give(w, id % PARTITIONS, T0, &e);
}
