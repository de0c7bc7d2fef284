// A log of two partitions, by hand, folded into windows: for the tests of the recount against snapshots.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "loadtest/windows/compare/windows_compare.h"
#include "runtime/memory.h"
#include "schemas/layout.h"
#include "schemas/weighable.h"
#include "tests/unit/like_fixture.h"

#define W0      INT64_C(1767225600) // 2026-01-01T00:00:00Z: the start of a window
#define W0_MS   (W0 * 1000)
#define LATE_MS (W0_MS + 900000 + 60000 + 600000) // the last record time that is in time
#define ALL     (INT64_MAX / 2)

enum { PARTITIONS = 2, SPAN = 10 };

struct world {
    struct rules_book rules;
    struct recount_keys keys;
    struct windows_setup setup;
    struct windows_origin origin;
    struct windows_fold fold;
    int64_t starts[PARTITIONS], limits[PARTITIONS], next[PARTITIONS];
    // What finishing a window does; NULL: it is counted alone.
    void (*finish)(struct world *w, struct windows_window *window);
    size_t finished;
    const void *more; // of the test
};

static inline void world_finish(void *context, struct windows_window *window) {
    struct world *w = context;
    w->finished++;
    if (w->finish != NULL)
        w->finish(w, window);
}

#define KEY_TEXT "000102030405060708090a0b0c0d0e0f\n"

static inline void key_file_write(char *path) {
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, KEY_TEXT, strlen(KEY_TEXT)), (ssize_t)strlen(KEY_TEXT));
    close(fd);
}

static inline void keys_load(struct recount_keys *keys) {
    char path[] = "/tmp/windows-key-XXXXXX";
    struct problem problem = {0};
    key_file_write(path);
    assert_int_equal(recount_keys_load(keys, path, &problem), STATUS_OK);
    unlink(path);
}

static inline struct world *world_create(size_t memory_max) {
    struct world *w = memory_take(sizeof(*w));
    struct rules_kinds kinds;
    schemas_rules_kinds(&kinds);
    assert_int_equal(rules_load(&w->rules, NULL, &kinds), STATUS_OK);
    keys_load(&w->keys);
    for (int i = 0; i < PARTITIONS; i++)
        w->limits[i] = ALL;
    w->setup = (struct windows_setup){.framing = {"auto", 65536, 1 << 20},
                                      .rules = &w->rules,
                                      .keys = &w->keys,
                                      .dedup_span = SPAN,
                                      .partitions = PARTITIONS,
                                      .starts = w->starts,
                                      .limits = w->limits,
                                      .memory_max = memory_max};
    w->origin = (struct windows_origin){"engagement", "", &w->rules, PARTITIONS, w->starts};
    windows_fold_init(&w->fold, &w->setup, world_finish, w);
    return w;
}

static inline void world_destroy(struct world *w) {
    windows_fold_fini(&w->fold);
    recount_keys_fini(&w->keys);
    rules_fini(&w->rules);
    free(w);
}

// A window published so far as is said.
static inline void publish(struct world *w, int64_t start_s, int64_t to_0, int64_t to_1) {
    windows_fold_published(&w->fold, start_s, (const int64_t[]){to_0, to_1}, NULL, 0);
}

// A second into the window.
static inline Clameur__V1__Event event(uint8_t id) {
    return like_at(id, W0_MS + 1000);
}

static inline void give_bytes(struct world *w, int32_t partition, int64_t time_ms, struct slice value) {
    struct recount_record r = {
        .partition = partition, .offset = w->next[partition]++, .time_ms = time_ms, .value = value};
    windows_fold_record(&w->fold, &r);
}

static inline void give(struct world *w, int32_t partition, int64_t time_ms, const Clameur__V1__Event *e) {
    give_bytes(w, partition, time_ms, packed(e));
}

// In time.
static inline void give_now(struct world *w, int32_t partition, const Clameur__V1__Event *e) {
    give(w, partition, e->occurred_at + 1, e);
}
