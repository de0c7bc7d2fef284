// Rows to write and to compare, for the tests of rows and snapshots.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/hash.h"
#include "schemas/snapshot/snapshot.h"
#include "tests/unit/rows_fixture.h"

// A repeatable choice: xorshift.
static uint64_t random_state = 88172645463325252u;
static inline uint64_t random_below(uint64_t bound) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % bound;
}

static inline struct slice sized(const char *text, size_t length) {
    return (struct slice){text, length};
}

static const struct header part_header = {.kind = FILE_PART,
                                          .start_s = 1700000100,
                                          .end_s = 1700001000,
                                          .topic = "engagement",
                                          .topic_id = "k8s2",
                                          .partitions = 12,
                                          .rules_hash = "0011",
                                          .kpis_hash = "2233"};

static inline struct increments increments_like(int64_t delta) {
    return (struct increments){1, true, {{field_counter(COUNTER_OF_LIKE), delta}}};
}

static inline struct order order_of(const char *account, unsigned char order, unsigned char event_id,
                                    int64_t occurred_at_ms, int64_t micros) {
    struct order o = {
        .occurred_at_ms = occurred_at_ms,
        .subject = {.account = slice_of(account), .platform = PLATFORM_WEB},
        .increments = {2,
                       true,
                       {{field_counter(COUNTER_OF_PURCHASE), 1},
                        {field_currency(field_counter(COUNTER_GROSS_MICROS), slice_of("EUR")), micros}}}};
    memset(o.order, order, sizeof(o.order));
    memset(o.event_id, event_id, sizeof(o.event_id));
    return o;
}

// The nth actor, as a keyed hash would have it.
static inline void add_reached(struct rows *r, enum sketched of, const char *account, uint32_t platform,
                               uint64_t nth) {
    const uint64_t halves[2] = {hash_integer(nth), hash_integer(~nth)};
    if (of == SKETCHED_ACTED)
        add_acted(r, nth % 2 != 0, (uint32_t)(nth % 5), slice_of(account), platform,
                  (const unsigned char *)halves);
    else
        add_member(r, of, slice_of(account), platform, (const unsigned char *)halves);
}

static inline struct latest_reading reading_of(const char *account, const char *content, const char *counter,
                                               int64_t value, int64_t read_at_ms, unsigned char event_id) {
    struct latest_reading reading = {.platform = 2,
                                     .account = slice_of(account),
                                     .content = slice_of(content),
                                     .counter = slice_of(counter),
                                     .value = value,
                                     .read_at_ms = read_at_ms};
    memset(reading.event_id, event_id, sizeof(reading.event_id));
    return reading;
}

// Joins and leaves of one second.
static inline void add_live(struct rows *r, const char *session, int64_t start_s, uint32_t second,
                            int64_t joins, int64_t leaves) {
    const struct live_change change = {second, (int64_t)((uint64_t)joins - (uint64_t)leaves)};
    const struct live_session live = {.platform = 2,
                                      .account = slice_of("acme"),
                                      .session = slice_of(session),
                                      .start_s = start_s,
                                      .joins = joins,
                                      .leaves = leaves,
                                      .changes = &change,
                                      .change_count = 1};
    rows_add_live(r, &live);
}

static inline int64_t value_of(struct rows *r, const struct row_key *key, field_code field) {
    return rows_value(r, rows_row(r, key), field);
}

static inline struct snapshot_bytes written(const struct header *header, const struct rows *r) {
    struct snapshot_bytes out;
    struct snapshot_window window = {header->start_s, r};
    snapshot_write(&out, header, &window, 1);
    return out;
}

static inline void assert_same_rows(const struct rows *a, const struct rows *b) {
    struct snapshot_bytes x = written(&part_header, a), y = written(&part_header, b);
    assert_int_equal(x.uncompressed, y.uncompressed);
    assert_memory_equal(x.sum, y.sum, SNAPSHOT_SUM_SIZE);
    snapshot_bytes_fini(&x);
    snapshot_bytes_fini(&y);
}
