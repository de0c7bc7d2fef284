// What each of the golden files of format version 1, tests/contract/snapshots/, is made of, by the name that
// it has there. What a file is made of is never changed: what the format gains comes into a further one.
//
//     v1.zst             a checkpoint of all that there was in the beginning
//     v1-checkpoint.zst  one with sketches too, members and all, and with all that headers have gained
//     v1-window.zst      a published window: orders that are settled, sketches without members
//     v1-readings.zst    one with readings, and with tags and topics that are used less
//     v1-live.zst        a span with live sessions
//     v1-viewers.zst     a checkpoint with viewers, and a live session that they leave by being silent
//     v1-refunds.zst     a checkpoint with refunds, and earlier orders that are none or gone
//     v1-classes.zst     a part with actors by class, and all sketches that came with them
//     v1-apart.zst       a checkpoint in which a window gains apart from its part
#pragma once

#include "snapshot_fixture.h"

static struct line lines[] = {{-900, 3, 0, 17, false, 0, 0}, {1700000100, 4, 1, 90, true, 0, 0}};

static const struct progress progress = {.partition = 7,
                                         .start = 5,
                                         .offset = 1234,
                                         .watermark_ms = 1700001000123,
                                         .sealed_s = 1699999200,
                                         .read = 40,
                                         .rejected = 2,
                                         .duplicate = 3,
                                         .settled_counted = 25,
                                         .settled_late = 2,
                                         .settled_before_s = 1699998300,
                                         .lines = lines,
                                         .line_count = 2,
                                         .after = 1000,
                                         .segment = true};

static const struct coverage coverage[] = {{0, 0, 90, 11, 0, false, 0}, {7, 5, 1234, 29, 1, true, 0}};

static const struct header header = {.kind = FILE_CHECKPOINT,
                                     .start_s = 1699999200,
                                     .end_s = 1700001000,
                                     .topic = "engagement",
                                     .topic_id = "Zm9vYmFyYmF6cXV4",
                                     .partitions = 12,
                                     .rules_hash = "0123456789abcdef",
                                     .kpis_hash = "fedcba9876543210",
                                     .coverage = coverage,
                                     .coverage_count = 2,
                                     .progress = &progress};

static void add_subjects(struct rows *r) {
    const struct slice tags[] = {slice_of("run"), slice_of("runner"), slice_of("run")};
    const struct slice topics[] = {slice_of("price"), slice_of("caf\xc3\xa9")};
    const struct slice contents[] = {slice_of("post-1"), slice_of("post-12"), sized("post-12\0x", 9),
                                     slice_of("\xe6\x97\xa5")};
    for (uint32_t i = 0; i < 4; i++) {
        struct subject s = {.account = i % 2 == 0 ? slice_of("acme") : slice_of("acm\xc3\xa9"),
                            .platform = i < 3 ? PLATFORM_TIKTOK : 1000,
                            .origin = i % 3,
                            .format = 5 * i,
                            .paid = i == 2,
                            .content = contents[i],
                            .campaign = i == 1 ? slice_of("spring") : slice_of(""),
                            .tags = tags,
                            .tag_count = i,
                            .topics = topics,
                            .topic_count = 2};
        struct increments increments = {3,
                                        true,
                                        {{field_kind(777), 1 - (int64_t)i},
                                         {field_counter(COUNTER_OF_VIEW), (int64_t)i + 1},
                                         {field_counter(COUNTER_WATCH_MS), 1000 * (int64_t)i}}};
        rows_add_subject(r, &s, &increments);
        rows_add_late(r, &s, &increments);
    }
}

static void add_extremes(struct rows *r) {
    uint32_t row = rows_row(r, &(struct row_key){.table = TABLE_TOTALS,
                                                 .platform = UINT32_MAX,
                                                 .origin = UINT32_MAX,
                                                 .format = UINT32_MAX,
                                                 .paid = true,
                                                 .account = slice_of("zoo")});
    rows_add(r, row, field_counter(COUNTER_DWELL_MS), INT64_MIN);
    rows_add(r, row, field_counter(COUNTER_LIVE_WATCH_MS), INT64_MAX);
    rows_add(r, row, field_currency(field_counter(COUNTER_NET_MICROS), slice_of("EUR")), -1990000);
    rows_add(r, row, field_currency(field_counter(COUNTER_NET_MICROS), slice_of("JPY")), 1);
}

static void add_orders(struct rows *r) {
    const struct slice tags[] = {slice_of("run"), slice_of("sale")};
    struct order o = order_of("acme", 0xab, 0x01, 1700000150000, 25000000);
    o.subject.content = slice_of("post-1");
    o.subject.campaign = slice_of("spring");
    o.subject.tags = tags;
    o.subject.tag_count = 2;
    o.subject.topics = tags + 1;
    o.subject.topic_count = 1;
    o.subject.origin = 1;
    o.subject.format = 16;
    o.subject.paid = true;
    rows_add_order(r, &o);
    o.event_id[15] = 0xff;
    o.occurred_at_ms++;
    rows_add_order(r, &o);
    o = order_of("zoo", 0x01, 0xfe, 1700000100000, -1);
    rows_add_order(r, &o);
}

static void add_early(struct rows *r) {
    rows_add(r, rows_row(r, &(struct row_key){.table = TABLE_TOTALS, .account = slice_of("acme")}),
             field_counter(COUNTER_OF_LIKE), 3);
}

static struct snapshot_bytes first_make(void) {
    struct rows *early = rows_create(), *late = rows_create();
    struct snapshot_bytes out;
    add_subjects(late);
    add_extremes(late);
    add_orders(late);
    add_early(early);
    snapshot_write(&out, &header, (struct snapshot_window[]){{-900, early}, {1700000100, late}}, 2);
    rows_destroy(&early);
    rows_destroy(&late);
    return out;
}

// ---- with sketches

enum { FEW = 3, SOME = 600, MANY = 20000 }; // a set, few registers, most of them

static void add_sketches(struct rows *r) {
    static const int64_t watched[] = {0, 1, 98, 1500, 1500, 1500, QUANTILES_LONGEST_MS + 1};
    for (uint64_t nth = 0; nth < MANY; nth++) {
        if (nth < FEW)
            add_reached(r, SKETCHED_ACTORS, "acme", PLATFORM_TIKTOK, nth);
        if (nth < SOME)
            add_reached(r, SKETCHED_ACTORS, "acme", 1000, nth);
        add_reached(r, SKETCHED_ACTORS, "zoo", PLATFORM_TIKTOK, nth);
    }
    add_reached(r, SKETCHED_PERSONS, "acme", PLATFORM_TIKTOK, 7);
    for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++)
        add_duration(r, SKETCHED_WATCH_MS, slice_of("acme"), PLATFORM_TIKTOK, watched[i]);
    add_duration(r, SKETCHED_FIRST_RESPONSE_MS, slice_of("zoo"), PLATFORM_WEB, 60000);
    add_duration(r, SKETCHED_RESOLUTION_MS, slice_of("zoo"), PLATFORM_WEB, 3600000);
    add_duration(r, SKETCHED_RESPONSE_MS, slice_of("zoo"), PLATFORM_WEB, -5);
}

static const struct coverage coverage_now[] = {{0, 0, 90, 11, 0, false, 88}, {7, 5, 1234, 29, 1, true, 0}};

static struct snapshot_bytes checkpoint_make(void) {
    struct rows *early = rows_create(), *late = rows_create();
    struct line lines_now[] = {lines[0], lines[1]};
    struct progress progress_now = progress;
    struct header now = header;
    struct snapshot_bytes out;
    lines_now[1].orders_to = 88;
    progress_now.lines = lines_now;
    progress_now.last_end = 1233;
    progress_now.last_fingerprint = 0xfedcba9876543210;
    now.coverage = coverage_now;
    now.progress = &progress_now;
    add_subjects(late);
    add_extremes(late);
    add_orders(late);
    add_sketches(late);
    add_early(early);
    add_reached(early, SKETCHED_ACTORS, "acme", PLATFORM_TIKTOK, 0);
    snapshot_write(&out, &now, (struct snapshot_window[]){{-900, early}, {1700000100, late}}, 2);
    rows_destroy(&early);
    rows_destroy(&late);
    return out;
}

static struct snapshot_bytes window_make(void) {
    static const struct earlier_orders earlier[] = {{1699999200, 0, 80, false}, {1699999200, 7, 1200, false}};
    struct rows *r = rows_create();
    struct header published = header;
    struct snapshot_bytes out;
    published.kind = FILE_WINDOW;
    published.start_s = 1700000100;
    published.coverage = coverage_now;
    published.earlier = earlier;
    published.earlier_count = 2;
    published.progress = NULL;
    add_subjects(r);
    add_extremes(r);
    add_orders(r);
    add_sketches(r);
    rows_settle(r, NULL);
    snapshot_write(&out, &published, &(struct snapshot_window){1700000100, r}, 1);
    rows_destroy(&r);
    return out;
}

// ---- with readings, and of tags and topics the row of what is used less

static struct snapshot_bytes readings_make(void) {
    static const struct coverage covers[] = {{0, 5, 90, 11, 0, false, 0}};
    const struct header window = {.kind = FILE_WINDOW,
                                  .start_s = 1700000100,
                                  .end_s = 1700001000,
                                  .topic = "engagement",
                                  .topic_id = "",
                                  .partitions = 1,
                                  .coverage = covers,
                                  .coverage_count = 1};
    static const char *const names[] = {"", "other", "zebra"};
    struct rows *r = rows_create();
    for (enum table table = TABLE_TAG; table <= TABLE_TOPIC; table++) {
        for (int i = 0; i < 3; i++) {
            const struct row_key key = {
                .table = table, .platform = 2, .account = slice_of("acme"), .id = slice_of(names[i])};
            rows_add(r, rows_row(r, &key), field_counter(COUNTER_OF_LIKE), 5 - i);
        }
    }
    for (uint64_t nth = 0; nth < 3; nth++)
        add_reached(r, SKETCHED_ACTORS, "acme", 2, nth);
    add_duration(r, SKETCHED_WATCH_MS, slice_of("acme"), 2, 1234);
    const struct latest_reading readings[] = {
        reading_of("acme", "", "followers", 0, 1, 0xff),
        reading_of("acme", "post-1", "likes", -3, 1700000200000, 1),
        reading_of("acme", "post-1", "views", 100000000000000000, INT64_C(9007199254740991), 2),
        reading_of("zoo", "caf\xc3\xa9", "a_counter_of_the_platform_9", 7, 1700000200000, 3),
    };
    for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++)
        rows_add_reading(r, &readings[i]);
    struct snapshot_bytes out = written(&window, r);
    rows_destroy(&r);
    return out;
}

// A span: a live session that runs across two windows, and ends in the second that another begins in.
static struct snapshot_bytes live_make(void) {
    const struct header span = {.kind = FILE_SPAN,
                                .start_s = 1700000100,
                                .end_s = 1700001900,
                                .topic = "engagement",
                                .topic_id = "",
                                .partitions = 1};
    struct rows *r = rows_create();
    add_live(r, "show", 1700001000, 0, -1, 3);
    add_live(r, "show", 1700000100, 899, 2, 0);
    add_live(r, "show", 1700000100, 7, 100000000000000000, 99999999999999998);
    add_live(r, "show", 1700000100, 8, 5, 5);
    add_live(r, "caf\xc3\xa9", 1700001000, 0, 1, 0);
    rows_add_live(r, &(struct live_session){.platform = UINT32_MAX,
                                            .account = slice_of("zoo"),
                                            .session = slice_of("space"),
                                            .start_s = 1700000100,
                                            .watch_ms = 61000});
    add_live(r, "nobody", 1700000100, 3, 1, 0);
    add_live(r, "nobody", 1700000100, 3, -1, 0);
    struct snapshot_bytes out = written(&span, r);
    rows_destroy(&r);
    return out;
}

static const struct viewer viewers[] = {
    {"aaaaaaaaaaaaaaa", 0, 0, 0, 0, false, false, false}, // forgotten since the file before
    {"aaaaaaaaaaaaaab", 1700000130000, 1, 41, 90000, true, true, false},
    {"bbbbbbbbbbbbbbb", (INT64_C(1) << 53) - 1, -2, 7, 3600000, false, false, false},
};

static struct snapshot_bytes viewers_make(void) {
    struct progress progress_now = progress;
    struct header now = header;
    struct rows *r = rows_create();
    struct snapshot_bytes out;
    progress_now.viewer_events = 42;
    progress_now.viewers = viewers;
    progress_now.viewer_count = 3;
    now.progress = &progress_now;
    static const struct live_change changes[] = {{30, 1}, {989, -1}, {8099, 1}};
    rows_add_live(r, &(struct live_session){.platform = 2,
                                            .account = slice_of("acme"),
                                            .session = slice_of("show"),
                                            .start_s = 1700000100,
                                            .expired = -1,
                                            .returned = 0,
                                            .changes = changes,
                                            .change_count = 3});
    rows_add_live(r, &(struct live_session){.platform = 2,
                                            .account = slice_of("acme"),
                                            .session = slice_of("tv"),
                                            .start_s = 1700000100,
                                            .expired = 2,
                                            .returned = 2});
    snapshot_write(&out, &now, &(struct snapshot_window){1700000100, r}, 1);
    rows_destroy(&r);
    return out;
}

static struct refund refund_of(unsigned char order, int64_t placed_ms, const char *currency) {
    struct refund refund = {
        .order_occurred_at_ms = placed_ms,
        .subject = {.account = slice_of("acme"), .platform = PLATFORM_WEB},
        .increments = {
            2,
            true,
            {{field_counter(COUNTER_OF_REFUND), 1},
             {field_currency(field_counter(COUNTER_REFUNDED_MICROS), slice_of(currency)), 1990000}}}};
    memset(refund.order, order, sizeof(refund.order));
    return refund;
}

static struct snapshot_bytes refunds_make(void) {
    static const struct earlier_orders earlier[] = {
        {1690000200, 0, 0, false}, {1690001100, 0, 0, true}, {1690001100, 7, 1200, true}};
    const struct slice tags[] = {slice_of("run"), slice_of("sale")};
    struct header checkpoint = header;
    struct snapshot_bytes out;
    struct rows *early = rows_create(), *late = rows_create();
    checkpoint.earlier = earlier;
    checkpoint.earlier_count = 3;
    struct refund r = refund_of(0xab, 1700000150000, "EUR");
    rows_add_refund(late, &r);
    rows_add_refund(late, &r); // a second, of the same order
    rows_add_refund(early, &r);
    r = refund_of(0xab, 1700000150000, "USD");
    rows_add_refund(late, &r);
    r = refund_of(0x01, 0, "EUR");
    r.subject = (struct subject){.account = slice_of("zoo"),
                                 .platform = 1000,
                                 .origin = 1,
                                 .format = 16,
                                 .paid = true,
                                 .content = slice_of("post-1"),
                                 .campaign = slice_of("spring"),
                                 .tags = tags,
                                 .tag_count = 2,
                                 .topics = tags + 1,
                                 .topic_count = 1};
    r.increments.at[0].value = 0;
    r.increments.at[1].value = INT64_MIN;
    rows_add_refund(late, &r);
    snapshot_write(&out, &checkpoint, (struct snapshot_window[]){{-900, early}, {1700000100, late}}, 2);
    rows_destroy(&early);
    rows_destroy(&late);
    return out;
}

// A part: actors by class, one set of few and one that is apart; who came to lives, who took part, a deal.
enum { CROWD = 600 };

static struct snapshot_bytes classes_make(void) {
    static const struct coverage covers[] = {{0, 5, 90, 11, 0, false, 0}};
    const struct header part = {.kind = FILE_PART,
                                .start_s = 1700000100,
                                .end_s = 1700001000,
                                .topic = "engagement",
                                .topic_id = "",
                                .partitions = 1,
                                .coverage = covers,
                                .coverage_count = 1};
    struct rows *r = rows_create();
    for (uint64_t nth = 0; nth < FEW; nth++) {
        add_reached(r, SKETCHED_ACTED, "acme", PLATFORM_TIKTOK, nth);
        add_reached(r, SKETCHED_LIVE_ACTORS, "acme", PLATFORM_TIKTOK, nth);
    }
    for (uint64_t nth = 0; nth < CROWD; nth++)
        add_reached(r, SKETCHED_ACTED, "zoo", PLATFORM_TELEGRAM, nth);
    add_reached(r, SKETCHED_ACTIVE_MEMBERS, "zoo", PLATFORM_TELEGRAM, 3);
    add_duration(r, SKETCHED_CYCLE_MS, slice_of("zoo"), PLATFORM_LINKEDIN, 86400000);
    struct snapshot_bytes out = written(&part, r);
    rows_destroy(&r);
    return out;
}

static struct snapshot_bytes apart_make(void) {
    static struct line apart[] = {{-900, 2, 1, 1230, true, 1229, 1200}};
    struct progress progress_now = progress;
    struct header now = header;
    struct rows *r = rows_create();
    progress_now.read += 3;
    progress_now.apart = apart;
    progress_now.apart_count = 1;
    now.progress = &progress_now;
    add_early(r);
    struct snapshot_bytes out;
    snapshot_write(&out, &now, (struct snapshot_window[]){{-900, r}}, 1);
    rows_destroy(&r);
    return out;
}

static const struct golden {
    const char *name;
    struct snapshot_bytes (*make)(void);
} goldens[] = {{"v1.zst", first_make},           {"v1-checkpoint.zst", checkpoint_make},
               {"v1-window.zst", window_make},   {"v1-readings.zst", readings_make},
               {"v1-live.zst", live_make},       {"v1-viewers.zst", viewers_make},
               {"v1-refunds.zst", refunds_make}, {"v1-classes.zst", classes_make},
               {"v1-apart.zst", apart_make}};
enum { GOLDENS = sizeof(goldens) / sizeof(goldens[0]) };
