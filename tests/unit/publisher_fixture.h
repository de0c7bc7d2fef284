// Parts, orders and records of two partitions, laid by hand, and what is published of them: of the window
// that starts at START_S, and of a sale long before it that a refund in it names.
#pragma once

#include "aggregate/keep/keep_files.h"
#include "aggregate/keep/publisher.h"
#include "tests/unit/keeper_fixture.h"

enum { PARTITIONS = 2, START_S = 1767225600 };
#define SEALED_S (START_S + 10 * (int64_t)WINDOW_S)

static const bool both[PARTITIONS] = {true, true};

static struct publisher_figures figures; // of the last round
static int64_t settled_before_s;         // of lines that are laid

static inline int fresh(void **state) {
    keeper_fresh(PARTITIONS);
    settled_before_s = 0;
    return store == NULL;
}

// As many likes as events, as far as `to`.
static inline struct coverage covers(uint32_t partition, int64_t to) {
    return (struct coverage){.partition = partition, .to = to, .counted = (uint64_t)to};
}

static inline void lay_part_at(int64_t start_s, uint32_t partition, int64_t to, const struct rows *rows) {
    char name[NAME_MAX_LENGTH];
    struct coverage coverage = covers(partition, to);
    struct header header = keeper_header(FILE_PART, start_s);
    header.coverage = &coverage;
    header.coverage_count = 1;
    part_name_write(name, &(struct part_name){start_s, partition, 0, to});
    lay(name, &header, rows);
}

static inline void lay_part_of(uint32_t partition, int64_t to, const struct rows *rows) {
    lay_part_at(START_S, partition, to, rows);
}

// Sealed well past the window, whose line ends at `to`; 0: it was settled.
static inline void lay_through_at(uint32_t partition, int64_t offset, int64_t to) {
    struct line line = {.start_s = START_S, .counted = (uint64_t)to, .to = to};
    struct progress progress = {.partition = partition,
                                .offset = offset,
                                .sealed_s = START_S + 10 * WINDOW_S,
                                .watermark_ms = (START_S + INT64_C(10) * WINDOW_S) * 1000,
                                .settled_before_s = to == 0 ? START_S + WINDOW_S : settled_before_s,
                                .lines = &line,
                                .line_count = to > 0};
    lay_record(&progress);
}

static inline void lay_through(uint32_t partition, int64_t to) {
    lay_through_at(partition, 1000, to);
}

static inline struct publisher_figures publish_at(struct publisher *publisher, const bool *owned,
                                                  int64_t now_ms) {
    struct problem p;
    bool more;
    assert_int_equal(publisher_run(publisher, &keeper, owned, 8, now_ms, &more, &p), STATUS_OK);
    return publisher_figures(publisher);
}

static inline enum status publish(void) {
    struct publisher *publisher = publisher_create(PARTITIONS, -1);
    struct problem p;
    bool more;
    enum status status = publisher_run(publisher, &keeper, both, 8, 0, &more, &p);
    figures = publisher_figures(publisher);
    publisher_destroy(&publisher);
    return status;
}

static inline void newest_covers(int64_t to, int64_t other_to) {
    struct snapshot_name newest;
    struct shelf_file file;
    struct problem p;
    char name[NAME_MAX_LENGTH];
    assert_int_equal(shelf_newest(store, START_S, &newest, &p), STATUS_OK);
    snapshot_name_write(name, &newest);
    assert_int_equal(shelf_open(store, name, &file, &p), STATUS_OK);
    assert_int_equal(snapshot_header(file.snapshot)->coverage[0].to, to);
    assert_int_equal(snapshot_header(file.snapshot)->coverage[1].to, other_to);
    shelf_file_fini(&file);
}

// ---- refunds

enum { SOLD_S = START_S - 100 * 86400, PLACED_S = SOLD_S + 30 };

// Of the order 1.
static inline struct refund refund_of(int64_t placed_s) {
    struct refund refund = {.order_occurred_at_ms = placed_s * 1000,
                            .subject = {.account = slice_of("acme"), .platform = PLATFORM_WEB},
                            .increments = {1, true, {{field_counter(COUNTER_OF_REFUND), 1}}}};
    memset(refund.order, 1, sizeof(refund.order));
    return refund;
}

// In the window's part of partition 0: a like, and a refund of the order 1 that was placed long ago.
static inline void lay_refund(int64_t to, int64_t placed_s) {
    struct rows *rows = rows_create();
    struct increments likes = increments_like(to);
    struct refund refund = refund_of(placed_s);
    rows_add_subject(rows, &refund.subject, &likes);
    rows_add_refund(rows, &refund);
    lay_part_of(0, to, rows);
    rows_destroy(&rows);
}

// The orders of a window, of partition 1, as far as `to`: an order of that platform.
static inline void lay_orders(int64_t start_s, int64_t to, unsigned char order, uint32_t platform) {
    char name[NAME_MAX_LENGTH];
    struct rows *rows = rows_create();
    struct coverage coverage = covers(1, to);
    struct header header = keeper_header(FILE_ORDERS, start_s);
    header.coverage = &coverage;
    header.coverage_count = 1;
    struct order o = order_of("acme", order, 1, start_s * 1000, 5);
    o.subject.platform = platform;
    rows_add_order(rows, &o);
    orders_name_write(name, &(struct part_name){start_s, 1, 0, to});
    lay(name, &header, rows);
    rows_destroy(&rows);
}

// Partition 1 has no event of the window, and a line of the one that starts at `sold_s`, whose orders reach
// to `orders_to`; 0: it never had an event of it, -1: its line was settled.
static inline void lay_lines(int64_t offset, int64_t sold_s, int64_t orders_to) {
    struct rows *rows = rows_create();
    struct line line = {
        .start_s = sold_s, .counted = (uint64_t)orders_to, .to = orders_to, .orders_to = orders_to};
    const struct progress progress = {.partition = 1,
                                      .offset = offset,
                                      .sealed_s = SEALED_S,
                                      .watermark_ms = SEALED_S * 1000,
                                      .settled_before_s = orders_to < 0 ? sold_s + WINDOW_S : 0,
                                      .lines = &line,
                                      .line_count = orders_to > 0};
    if (orders_to > 0)
        lay_part_at(sold_s, 1, orders_to, rows);
    rows_destroy(&rows);
    lay_record(&progress);
}

static inline size_t revisions(void) {
    struct snapshot_name *names;
    size_t count;
    struct problem p;
    assert_int_equal(shelf_revisions(store, START_S, &names, &count, &p), STATUS_OK);
    free(names);
    return count;
}

static inline struct snapshot_name newest_read(struct rows *rows, struct shelf_file *file) {
    struct snapshot_name newest;
    struct problem p;
    char name[NAME_MAX_LENGTH];
    assert_int_equal(shelf_newest(store, START_S, &newest, &p), STATUS_OK);
    snapshot_name_write(name, &newest);
    assert_int_equal(shelf_read(store, name, rows, file, &p), STATUS_OK);
    return newest;
}

// The refund of a sale long ago, of whose window the line says so (lay_lines).
static inline void lay_refund_of_a_sale(int64_t line_to) {
    lay_refund(100, PLACED_S);
    lay_orders(SOLD_S, 30, 1, PLATFORM_TIKTOK);
    lay_through(0, 100);
    lay_lines(31, SOLD_S, line_to);
}

static inline void remove_orders(void) {
    char name[NAME_MAX_LENGTH];
    orders_name_write(name, &(struct part_name){SOLD_S, 1, 0, 30});
    assert_int_equal(store_remove(store, name, NULL), STATUS_OK);
}

// Where the refund counts in the newest revision: on the platform of its order, or on its own.
static inline void the_refund_is_of(uint32_t platform) {
    struct rows *rows = rows_create();
    struct shelf_file file;
    newest_read(rows, &file);
    struct row_key key = {.table = TABLE_TOTALS, .platform = platform, .account = slice_of("acme")};
    assert_int_equal(value_of(rows, &key, field_counter(COUNTER_OF_REFUND)), 1);
    assert_int_equal(value_of(rows, &key, field_counter(COUNTER_REFUNDS_UNATTRIBUTED)),
                     platform == PLATFORM_WEB);
    shelf_file_fini(&file);
    rows_destroy(&rows);
}

// Of the window that the order was placed in, what the newest header says.
static inline void the_header_names(int64_t start_s, uint32_t partition, int64_t to, bool gone) {
    struct rows *rows = rows_create();
    struct shelf_file file;
    newest_read(rows, &file);
    const struct header *header = snapshot_header(file.snapshot);
    assert_int_equal(header->earlier_count, 1);
    assert_int_equal(header->earlier[0].start_s, start_s);
    assert_int_equal(header->earlier[0].partition, partition);
    assert_int_equal(header->earlier[0].to, to);
    assert_int_equal(header->earlier[0].gone, gone);
    shelf_file_fini(&file);
    rows_destroy(&rows);
}
