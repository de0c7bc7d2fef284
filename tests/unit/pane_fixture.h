// Events of one account on one platform, and the panes that take them.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "aggregate/window/pane.h"

static struct viewers nobody; // by rules without window.heartbeat none is remembered

#define START_S  INT64_C(1767225600)
#define SECOND   INT64_C(1000)
#define MINUTE   (60 * SECOND)
#define AT(text) ((struct slice){text, sizeof(text) - 1})

static const struct rules rules = {
    .window_disorder_ms = MINUTE, .window_lateness_ms = 10 * MINUTE, .window_refunds_ms = 60 * MINUTE};

static inline struct event event_at(int64_t offset_ms) {
    return (struct event){.id = {1},
                          .occurred_at_ms = START_S * 1000 + offset_ms,
                          .platform = PLATFORM_TIKTOK,
                          .kind = KIND_LIKE,
                          .delta = 1,
                          .account = AT("acme")};
}

static inline int64_t value(const struct pane *pane, const struct row_key *key, enum counter counter) {
    size_t before = rows_count(pane->rows);
    int64_t found = rows_value(pane->rows, rows_row(pane->rows, key), field_counter(counter));
    if (rows_count(pane->rows) != before)
        return -1; // there was no such row
    return found;
}

static inline struct row_key key_of(enum table table, struct slice id) {
    return (struct row_key){.table = table, .platform = PLATFORM_TIKTOK, .account = AT("acme"), .id = id};
}
