// A window's file against the log: equal as it should be, and red for any one thing that is not.
#include "windows_fixture.h"

// What the file says, as the aggregator would write it of the log below, and one thing of it changed.
struct file {
    struct rows *rows;
    struct coverage coverage[PARTITIONS];
    struct header header;
    bool leave_out_tag, late_in_time, surplus, other_order, first_copy, leave_out_reading, leave_out_sketch;
    int64_t likes, read_at_ms;
    uint8_t read_by; // event
    const char *read_counter;
    uint64_t findings; // got
    struct windows_report report;
};

static void file_init(struct file *f) {
    *f = (struct file){.likes = 2, .read_at_ms = 200, .read_by = 7, .read_counter = "views"};
    f->coverage[0] = (struct coverage){.partition = 0, .to = 5, .counted = 5};
    f->coverage[1] = (struct coverage){.partition = 1, .to = 4, .counted = 2, .late = 2};
    f->header = (struct header){.kind = FILE_WINDOW,
                                .start_s = W0,
                                .end_s = W0 + 900,
                                .topic = "engagement",
                                .topic_id = "",
                                .kpis_hash = "",
                                .partitions = PARTITIONS,
                                .coverage = f->coverage,
                                .coverage_count = PARTITIONS};
    windows_report_init(&f->report, 20);
}

static void row_add(struct rows *r, enum table table, const char *id, field_code field, int64_t value) {
    struct row_key key = {
        .table = table, .platform = PLATFORM_TIKTOK, .account = slice_of("acme"), .id = slice_of(id)};
    rows_add(r, rows_row(r, &key), field, value);
}

static struct order order_of(uint8_t id, int64_t second, int64_t micros) {
    struct order o = {
        .occurred_at_ms = W0_MS + second * 1000,
        .subject = {.account = slice_of("acme"), .platform = PLATFORM_TIKTOK},
        .increments = {4,
                       true,
                       {{field_counter(COUNTER_OF_PURCHASE), 1},
                        {field_currency(field_counter(COUNTER_GROSS_MICROS), slice_of("EUR")), micros},
                        {field_currency(field_counter(COUNTER_NET_MICROS), slice_of("EUR")), micros},
                        {field_currency(field_counter(COUNTER_PRICED_ORDERS), slice_of("EUR")), 1}}}};
    order_hash(o.order, slice_of("o-1"));
    o.event_id[15] = id;
    return o;
}

// Whom the log names once.
static void reach_fill(struct file *f, const struct recount_keys *keys) {
    unsigned char who[RECOUNT_PSEUDONYM_SIZE];
    struct sketch s = {
        .of = SKETCHED_ACTORS, .platform = PLATFORM_TIKTOK, .account = slice_of("acme"), .reached = 1};
    recount_pseudonym(keys, W0_MS, PLATFORM_TIKTOK, slice_of("user-1"), who);
    reach_add(&s.reach, who);
    reach_forget_members(&s.reach);
    rows_keep_sketch(f->rows, &s);
    s.of = SKETCHED_ACTORS_ORGANIC;
    rows_keep_sketch(f->rows, &s);
    reach_fini(&s.reach);
}

static void file_fill(struct file *f, const struct recount_keys *keys) {
    const field_code like = field_counter(COUNTER_OF_LIKE);
    f->rows = rows_create();
    row_add(f->rows, TABLE_TOTALS, "", like, 2 + f->late_in_time);
    row_add(f->rows, TABLE_CONTENT, "v1", like, f->likes);
    if (!f->leave_out_tag)
        row_add(f->rows, TABLE_TAG, "dance", like, 2);
    row_add(f->rows, TABLE_TOPIC, "price", like, 2);
    if (!f->late_in_time)
        row_add(f->rows, TABLE_LATE, "", like, 1);
    if (f->surplus)
        row_add(f->rows, TABLE_CAMPAIGN, "summer", like, 1);
    if (!f->leave_out_sketch)
        reach_fill(f, keys);
    struct order least = order_of(3, 1, f->other_order ? 6 : 5), copy = order_of(4, 2, 7);
    rows_add_order(f->rows, &least);
    if (!f->first_copy)
        rows_add_order(f->rows, &copy);
    rows_settle(f->rows, NULL);
    struct latest_reading reading = {.platform = PLATFORM_TIKTOK,
                                     .account = slice_of("acme"),
                                     .content = slice_of("v1"),
                                     .counter = slice_of(f->read_counter),
                                     .value = 12,
                                     .read_at_ms = f->read_at_ms};
    reading.event_id[15] = f->read_by;
    if (!f->leave_out_reading)
        rows_add_reading(f->rows, &reading);
}

static void compare(struct world *w, struct windows_window *window) {
    struct file *f = (struct file *)(uintptr_t)w->more;
    windows_compare(&f->report, &w->origin, window, &f->header, f->rows);
    f->findings = f->report.findings;
}

// Readings of the content's views, each of which says the counter twice; the last by time and id is the
// second.
static void readings_give(struct world *w) {
    static const struct {
        int32_t partition;
        int64_t value, read_at_ms, time_ms;
    } cases[] = {{0, 15, 200, W0_MS}, {1, 12, 200, W0_MS}, {0, 13, 199, W0_MS}, {1, 14, 300, LATE_MS + 1}};
    for (uint8_t i = 0; i < 4; i++) {
        Clameur__V1__Reading reading = CLAMEUR__V1__READING__INIT;
        Clameur__V1__ReadingValue values[2], *list[] = {&values[0], &values[1]};
        for (int k = 0; k < 2; k++) {
            clameur__v1__reading_value__init(&values[k]);
            values[k].counter = bytes("views");
            values[k].value = cases[i].value + k;
        }
        reading.read_at = cases[i].read_at_ms;
        reading.values = list;
        reading.n_values = 2;
        Clameur__V1__Event e = event((uint8_t)(6 + i));
        e.kind = (Clameur__V1__Kind)KIND_READING;
        e.content_id = bytes("v1");
        e.body_case = CLAMEUR__V1__EVENT__BODY_READING;
        e.reading = &reading;
        give(w, cases[i].partition, cases[i].time_ms, &e);
    }
}

// The log: two likes and a purchase of partition 0; of partition 1 a late like and a copy of the purchase;
// and readings of both.
static void log_give(struct world *w) {
    Clameur__V1__Commerce c[2] = {CLAMEUR__V1__COMMERCE__INIT, CLAMEUR__V1__COMMERCE__INIT};
    for (int i = 0; i < 2; i++) {
        c[i].order_id = bytes("o-1");
        c[i].currency = bytes("EUR");
        c[i].value_micros = i == 0 ? 5 : 7;
    }
    ProtobufCBinaryData tags[] = {bytes("dance"), bytes("dance")};
    ProtobufCBinaryData topics[] = {bytes("price"), bytes("price")};
    Clameur__V1__Listening listening = CLAMEUR__V1__LISTENING__INIT;
    Clameur__V1__Care care = CLAMEUR__V1__CARE__INIT;
    listening.topics = topics;
    listening.n_topics = 2;
    care.topic = topics[0];
    Clameur__V1__Event e[5];
    for (uint8_t i = 0; i < 5; i++)
        e[i] = event((uint8_t)(i + 1));
    for (int i = 0; i < 2; i++) {
        e[i].content_id = bytes("v1");
        e[i].tags = tags;
        e[i].n_tags = 2;
        e[2 + i].kind = (Clameur__V1__Kind)KIND_PURCHASE;
        e[2 + i].occurred_at = W0_MS + (i + 1) * 1000;
        e[2 + i].body_case = CLAMEUR__V1__EVENT__BODY_COMMERCE;
        e[2 + i].commerce = &c[i];
    }
    e[0].actor_id = bytes("user-1");
    e[0].consent = 1;
    e[0].body_case = CLAMEUR__V1__EVENT__BODY_LISTENING;
    e[0].listening = &listening;
    e[1].body_case = CLAMEUR__V1__EVENT__BODY_CARE;
    e[1].care = &care;
    give_now(w, 0, &e[0]);
    give_now(w, 0, &e[1]);
    give_now(w, 0, &e[2]);
    give(w, 1, LATE_MS + 1, &e[4]);
    give_now(w, 1, &e[3]);
    readings_give(w);
}

// The findings of a file.
static uint64_t judge(struct file *f) {
    struct world *w = world_create(1 << 30);
    f->header.rules_hash = f->header.rules_hash == NULL ? w->rules.versions[0].hash : f->header.rules_hash;
    file_fill(f, &w->keys);
    w->more = f;
    w->finish = compare;
    publish(w, W0, 5, 4);
    windows_fold_begin(&w->fold);
    log_give(w);
    windows_fold_end(&w->fold);
    assert_int_equal(w->finished, 1);
    rows_destroy(&f->rows);
    world_destroy(w);
    return f->findings;
}

static void assert_finding(const struct file *f, size_t number, const char *where, const char *counter,
                           const char *stored, const char *recount) {
    assert_true(number < f->report.kept_count);
    const struct windows_finding *found = &f->report.kept[number];
    assert_string_equal(found->where, where);
    assert_string_equal(found->counter, counter);
    assert_string_equal(found->stored, stored);
    assert_string_equal(found->recount, recount);
}

static void the_file_that_the_log_gives_is_equal(void **state) {
    struct file f;
    file_init(&f);
    assert_int_equal(judge(&f), 0);
    assert_int_equal(f.report.rows, 5);
    assert_int_equal(f.report.orders, 2);
    assert_int_equal(f.report.readings, 1);
    assert_int_equal(f.report.sketches, 2);
    windows_report_fini(&f.report);
}

static void one_wrong_counter_is_red(void **state) {
    struct file f;
    file_init(&f);
    f.likes = 3;
    assert_int_equal(judge(&f), 1);
    assert_finding(&f, 0, "content acme/tiktok v1", "likes", "3", "2");
    windows_report_fini(&f.report);
}

static void a_counter_that_only_the_log_gives_is_red(void **state) {
    struct file f;
    file_init(&f);
    f.first_copy = true; // nobody counted the other copy
    assert_int_equal(judge(&f), 2);
    assert_finding(&f, 0, "totals acme/tiktok origin 0 format 0", "order_copies", "0", "1");
    assert_string_equal(f.report.kept[1].stored, "no order");
    windows_report_fini(&f.report);
}

static void a_missing_row_is_red(void **state) {
    struct file f;
    file_init(&f);
    f.leave_out_tag = true;
    assert_int_equal(judge(&f), 1);
    assert_finding(&f, 0, "tag acme/tiktok dance", "", "no row", "a row");
    windows_report_fini(&f.report);
}

static void a_missing_sketch_is_red(void **state) {
    struct file f;
    file_init(&f);
    f.leave_out_sketch = true;
    assert_int_equal(judge(&f), 2);
    assert_finding(&f, 0, "reach acme/tiktok actors", "", "no sketch", "a sketch");
    windows_report_fini(&f.report);
}

static void a_surplus_row_is_red(void **state) {
    struct file f;
    file_init(&f);
    f.surplus = true;
    assert_int_equal(judge(&f), 1);
    assert_finding(&f, 0, "campaign acme/tiktok summer", "", "a row", "no row");
    windows_report_fini(&f.report);
}

static void a_late_event_counted_in_time_is_red(void **state) {
    struct file f;
    file_init(&f);
    f.late_in_time = true;
    f.coverage[1].counted = 3;
    f.coverage[1].late = 1;
    assert_int_equal(judge(&f), 4);
    assert_finding(&f, 0, "partition 1", "counted", "3", "2");
    assert_finding(&f, 1, "partition 1", "late", "1", "2");
    assert_finding(&f, 2, "totals acme/tiktok origin 0 format 0", "likes", "3", "2");
    assert_finding(&f, 3, "late acme/tiktok origin 0 format 0", "", "no row", "a row");
    windows_report_fini(&f.report);
}

static void an_order_that_says_another_thing_is_red(void **state) {
    struct file f;
    file_init(&f);
    f.other_order = true;
    assert_int_equal(judge(&f), 3); // gross, net and the order itself
    assert_string_equal(f.report.kept[2].counter, "increments");
    windows_report_fini(&f.report);
}

static void a_reading_that_is_not_the_last_is_red(void **state) {
    struct file f;
    file_init(&f);
    f.read_at_ms = 199;
    assert_int_equal(judge(&f), 1);
    assert_finding(&f, 0, "readings acme/tiktok v1", "views", "12 at 199", "12 at 200");
    windows_report_fini(&f.report);
    file_init(&f);
    f.read_by = 8;
    assert_int_equal(judge(&f), 1);
    assert_finding(&f, 0, "readings acme/tiktok v1", "views", "of another event", "12 at 200");
    windows_report_fini(&f.report);
}

static void a_reading_that_is_missing_or_one_too_many_is_red(void **state) {
    struct file f;
    file_init(&f);
    f.leave_out_reading = true;
    assert_int_equal(judge(&f), 1);
    assert_finding(&f, 0, "readings acme/tiktok v1", "views", "no reading", "a reading");
    windows_report_fini(&f.report);
    file_init(&f);
    f.read_counter = "likes";
    assert_int_equal(judge(&f), 2);
    assert_finding(&f, 0, "readings acme/tiktok v1", "likes", "a reading", "no reading");
    windows_report_fini(&f.report);
}

static void a_header_of_something_else_is_red(void **state) {
    struct file f;
    file_init(&f);
    f.header.kind = FILE_PART;
    f.header.end_s += 900;
    f.header.topic = "another";
    f.header.rules_hash = "0011223344556677";
    f.coverage[0].start = 1;
    f.coverage[0].to = 6;
    f.coverage[1].missing = true;
    assert_int_equal(judge(&f), 7);
    windows_report_fini(&f.report);
}

static void more_is_counted_than_is_kept(void **state) {
    struct file f;
    file_init(&f);
    windows_report_init(&f.report, 1);
    f.likes = 9;
    f.surplus = f.leave_out_tag = true;
    assert_int_equal(judge(&f), 3);
    assert_int_equal(f.report.kept_count, 1);
    windows_report_fini(&f.report);
}

// ---- balances

static uint64_t balance_of(void (*change)(struct progress *progress)) {
    struct world *w = world_create(1 << 30);
    struct windows_report report;
    struct line line = {.start_s = W0, .counted = 2, .late = 2, .to = 4};
    struct progress progress = {.partition = 1, .offset = 4, .read = 4, .lines = &line, .line_count = 1};
    windows_report_init(&report, 20);
    windows_fold_begin(&w->fold);
    log_give(w);
    windows_fold_end(&w->fold);
    if (change != NULL)
        change(&progress);
    windows_compare_balance(&report, &w->fold, 1, &progress);
    uint64_t findings = report.findings;
    windows_report_fini(&report);
    world_destroy(w);
    return findings;
}

static void read_more(struct progress *p) {
    p->read++;
}
static void late_in_time(struct progress *p) {
    p->lines[0].counted++;
    p->lines[0].late--;
}
static void reaches_less(struct progress *p) {
    p->lines[0].to = 3;
}
static void settled_otherwise(struct progress *p) {
    p->settled_late = p->lines[0].late;
    p->settled_counted = p->lines[0].counted + 1;
    p->line_count = 0;
}
static void settled(struct progress *p) {
    p->settled_late = p->lines[0].late;
    p->settled_counted = p->lines[0].counted;
    p->line_count = 0;
}

static void a_balance_is_held_against_the_log(void **state) {
    assert_int_equal(balance_of(NULL), 0);
    assert_int_equal(balance_of(settled), 0);
    assert_int_equal(balance_of(read_more), 2); // and it does not add up
    assert_int_equal(balance_of(late_in_time), 2);
    assert_int_equal(balance_of(reaches_less), 1);
    assert_int_equal(balance_of(settled_otherwise), 2);
}

static void the_sum_of_a_name_counts_who_is_gone_and_who_is_missing(void **state) {
    const struct coverage both[] = {{.partition = 0, .to = 10}, {.partition = 1, .to = 20, .missing = true}};
    const struct earlier_orders lists[] = {{.to = 5}, {.partition = 1, .to = 7, .gone = true}};
    const struct coverage nothing = {.missing = true}, endless[] = {{.to = INT64_MAX}, {.to = 2}};
    assert_int_equal(windows_sum_of(&(struct header){.coverage = both, .coverage_count = 1}), 10);
    assert_int_equal(windows_sum_of(&(struct header){.coverage = both, .coverage_count = 2}), 29);
    assert_int_equal(windows_sum_of(&(struct header){
                         .coverage = both, .coverage_count = 2, .earlier = lists, .earlier_count = 2}),
                     42);
    assert_int_equal(windows_sum_of(&(struct header){.coverage = &nothing, .coverage_count = 1}), 0);
    assert_int_equal(windows_sum_of(&(struct header){.coverage = endless, .coverage_count = 2}), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_that_the_log_gives_is_equal),
        cmocka_unit_test(the_sum_of_a_name_counts_who_is_gone_and_who_is_missing),
        cmocka_unit_test(one_wrong_counter_is_red),
        cmocka_unit_test(a_counter_that_only_the_log_gives_is_red),
        cmocka_unit_test(a_missing_row_is_red),
        cmocka_unit_test(a_missing_sketch_is_red),
        cmocka_unit_test(a_surplus_row_is_red),
        cmocka_unit_test(a_late_event_counted_in_time_is_red),
        cmocka_unit_test(an_order_that_says_another_thing_is_red),
        cmocka_unit_test(a_reading_that_is_not_the_last_is_red),
        cmocka_unit_test(a_reading_that_is_missing_or_one_too_many_is_red),
        cmocka_unit_test(a_header_of_something_else_is_red),
        cmocka_unit_test(more_is_counted_than_is_kept),
        cmocka_unit_test(a_balance_is_held_against_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
