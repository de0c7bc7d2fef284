// What may happen to the rows of a window, at random; and a file read back.
#pragma once

#include <zstd.h>

#include "snapshot_fixture.h"

static inline struct rows *rows_of_one(void *context, int64_t window_s) {
    assert_int_equal(window_s, 0);
    return context;
}

static inline void read_back(const struct snapshot_bytes *file, struct rows *into) {
    struct snapshot *s;
    struct problem p = {0};
    if (snapshot_open(&s, "file", file->at, file->length, &p) != STATUS_OK ||
        snapshot_read(s, rows_of_one, into, &p) != STATUS_OK)
        fail_msg("%s", p.what);
    assert_memory_equal(snapshot_sum(s), file->sum, SNAPSHOT_SUM_SIZE);
    assert_int_equal(snapshot_uncompressed(s), file->uncompressed);
    snapshot_close(&s);
    assert_null(s);
}

static inline char *uncompressed(const struct snapshot_bytes *file) {
    char *bytes = malloc(file->uncompressed);
    ZSTD_DCtx *zstd = ZSTD_createDCtx();
    assert_int_equal(ZSTD_decompressDCtx(zstd, bytes, file->uncompressed, file->at, file->length),
                     file->uncompressed);
    ZSTD_freeDCtx(zstd);
    return bytes;
}

// What may happen to a table: an event, a late one, a purchase, or something that is seen; chosen from few
// subjects, so that they meet.
struct happening {
    int what;
    struct subject subject;
    struct slice tags[2], topics[1];
    struct increments increments;
    struct order order;
    struct refund refund;
    enum sketched of;
    uint64_t seen;
    struct latest_reading reading;
    struct live_change change;
    struct live_session live;
    char names[4][16];
};

static inline struct slice name_of(char *room, const char *prefix, uint64_t bound) {
    return sized(room, (size_t)snprintf(room, 16, "%s%llu", prefix, (unsigned long long)random_below(bound)));
}

static inline void happening_make(struct happening *h) {
    static const enum counter counters[] = {COUNTER_OF_VIEW, COUNTER_OF_LIKE, COUNTER_WATCH_MS};
    h->what = (int)random_below(9);
    h->of = (enum sketched)random_below(SKETCHED_COUNT);
    h->seen = random_below(random_below(2) != 0 ? 100000 : 50);
    h->subject = (struct subject){.account = random_below(3) != 0 ? slice_of("acme") : slice_of("zoo"),
                                  .platform = (uint32_t)random_below(3) * 500,
                                  .origin = (uint32_t)random_below(2),
                                  .format = (uint32_t)random_below(2) * 7,
                                  .paid = random_below(2) != 0,
                                  .content = name_of(h->names[0], "post-", 200),
                                  .campaign = name_of(h->names[1], "c", 5),
                                  .tags = h->tags,
                                  .tag_count = (uint32_t)random_below(3),
                                  .topics = h->topics,
                                  .topic_count = (uint32_t)random_below(2)};
    h->tags[0] = name_of(h->names[2], "tag", 20);
    h->tags[1] = slice_of("always");
    h->topics[0] = name_of(h->names[3], "topic", 3);
    h->increments =
        (struct increments){2,
                            true,
                            {{field_counter(counters[random_below(2)]), random_below(5) != 0 ? 1 : -1},
                             {field_counter(COUNTER_WATCH_MS), (int64_t)random_below(60000) - 100}}};
    h->order = order_of("", (unsigned char)random_below(20), (unsigned char)random_below(4),
                        (int64_t)random_below(3), (int64_t)random_below(1000000));
    h->order.subject = h->subject;
    // Of few sums, so that many take each other back.
    h->refund =
        (struct refund){.order_occurred_at_ms = (int64_t)random_below(2) * 900000,
                        .subject = {.account = h->subject.account, .platform = h->subject.platform},
                        .increments = {1 + (uint32_t)random_below(2),
                                       true,
                                       {{field_counter(COUNTER_OF_REFUND), (int64_t)random_below(3) - 1},
                                        {field_currency(field_counter(COUNTER_NET_MICROS),
                                                        slice_of(random_below(2) != 0 ? "EUR" : "USD")),
                                         (int64_t)random_below(3) - 1}}}};
    h->refund.order[0] = (unsigned char)random_below(10);
    h->reading =
        reading_of("acme", "", random_below(2) != 0 ? "views" : "followers", (int64_t)random_below(5) - 2,
                   1 + (int64_t)random_below(3), (unsigned char)random_below(3));
    h->reading.content = name_of(h->names[0], "post-", 200);
    h->reading.content.length *= random_below(4) != 0;
    h->reading.platform = h->subject.platform;
    h->change = (struct live_change){(uint32_t)random_below(20), (int64_t)random_below(7) - 3};
    h->live = (struct live_session){.platform = h->subject.platform,
                                    .account = h->subject.account,
                                    .session = name_of(h->names[1], "show-", 40),
                                    .start_s = 900 * (int64_t)random_below(3),
                                    .joins = 3,
                                    .leaves = 3 - h->change.change,
                                    .watch_ms = (int64_t)random_below(3),
                                    .changes = &h->change,
                                    .change_count = 1};
}

static inline void happen_to_a_case(struct rows *r, const struct happening *h) {
    const struct row_key key = {.table = TABLE_COHORT,
                                .platform = h->subject.platform,
                                .account = h->subject.account,
                                .id = h->subject.campaign};
    rows_add(r, rows_row(r, &key), h->increments.at[0].field, h->increments.at[0].value);
}

static inline void happen(struct rows *r, const struct happening *h) {
    if (h->what == 0)
        rows_add_late(r, &h->subject, &h->increments);
    else if (h->what == 1)
        rows_add_order(r, &h->order);
    else if (h->what == 8)
        rows_add_refund(r, &h->refund);
    else if (h->what == 6)
        rows_add_reading(r, &h->reading);
    else if (h->what == 7)
        rows_add_live(r, &h->live);
    else if (h->what < 4 && sketched_rows[h->of].table == TABLE_REACH)
        add_reached(r, h->of, "acme", h->subject.platform, h->seen);
    else if (h->what < 4)
        add_duration(r, h->of, h->subject.account, h->subject.platform, (int64_t)h->seen - 1);
    else if (h->what == 4)
        happen_to_a_case(r, h);
    else
        rows_add_subject(r, &h->subject, &h->increments);
}

enum { HAPPENINGS = 3000 };

static inline struct happening *happenings_make(void) {
    struct happening *all = calloc(HAPPENINGS, sizeof(*all));
    for (int i = 0; i < HAPPENINGS; i++)
        happening_make(&all[i]);
    return all;
}

static inline void shuffle(const struct happening **order) {
    for (size_t i = HAPPENINGS - 1; i > 0; i--) {
        size_t k = random_below(i + 1);
        const struct happening *swapped = order[i];
        order[i] = order[k];
        order[k] = swapped;
    }
}
