// A window's sketches against the log: equal as an aggregator keeps them, and red for any one thing that is
// not.
#include "windows_fixture.h"

#include "loadtest/windows/compare/windows_compare_sketches.h"
#include "stream/pseudonym.h"
#include "tests/unit/rows_fixture.h"

enum { HUNDREDS = 500, MANY = 3000 }; // a set, and a sketch alone
enum { SKETCHES_OF_PARTS = 1 };       // the classes that published files do not have

static bool is_of_parts(unsigned of) {
    return of == SKETCHED_ACTED;
}

// What the file says, by the aggregator's own sketches.
struct file {
    struct pseudonymiser *pseudonyms;
    struct rows *rows;
    struct windows_report report;
};

static void file_init(struct file *f) {
    char path[] = "/tmp/windows-key-XXXXXX";
    struct problem problem = {0};
    key_file_write(path);
    assert_int_equal(pseudonymiser_load(&f->pseudonyms, path, &problem), STATUS_OK);
    unlink(path);
    f->rows = rows_create();
    windows_report_init(&f->report, 20);
}

static void file_fini(struct file *f) {
    windows_report_fini(&f->report);
    rows_destroy(&f->rows);
    pseudonymiser_destroy(&f->pseudonyms);
}

static void reach_add_id(const struct file *f, struct reach *r, enum sketched of, const char *id) {
    unsigned char pseudonym[PSEUDONYM_SIZE];
    if (of == SKETCHED_PERSONS)
        pseudonym_person(f->pseudonyms, W0_MS, slice_of(id), pseudonym);
    else
        pseudonym_actor(f->pseudonyms, W0_MS, PLATFORM_TIKTOK, slice_of(id), pseudonym);
    reach_add(r, pseudonym);
}

// As a published file has it; `count` 0: as many as there are.
static void keep_reach(struct file *f, enum sketched of, struct reach *reach, uint64_t count) {
    struct sketch s = {.of = of,
                       .platform = PLATFORM_TIKTOK,
                       .account = slice_of("acme"),
                       .reached = count > 0 ? count : reach_count(reach)};
    reach_forget_members(reach);
    s.reach = *reach;
    rows_keep_sketch(f->rows, &s);
    reach_fini(reach);
}

static void keep_people(struct file *f, enum sketched of, const char *first, const char *second,
                        uint64_t count) {
    struct reach reach = {0};
    reach_add_id(f, &reach, of, first);
    if (second != NULL)
        reach_add_id(f, &reach, of, second);
    keep_reach(f, of, &reach, count);
}

static void keep_duration(struct file *f, enum sketched of, int64_t duration_ms) {
    add_duration(f->rows, of, slice_of("acme"), PLATFORM_TIKTOK, duration_ms);
}

// The sketches of the log below, but for the one that is left out.
static void keep_all_but(struct file *f, enum sketched left_out) {
    static const int64_t durations[SKETCHED_COUNT] = {[SKETCHED_WATCH_MS] = 1500,
                                                      [SKETCHED_RESPONSE_MS] = 2000,
                                                      [SKETCHED_FIRST_RESPONSE_MS] = 60000,
                                                      [SKETCHED_RESOLUTION_MS] = 3600000,
                                                      [SKETCHED_CYCLE_MS] = 7200000};
    static const char *const people[SKETCHED_COUNT][2] = {
        [SKETCHED_ACTORS] = {"user-1", "user-2"},
        [SKETCHED_ACTORS_ORGANIC] = {"user-1", "user-2"},
        [SKETCHED_ACTORS_PAID] = {"user-1"},
        [SKETCHED_ACTORS_BRAND] = {"user-1"},
        [SKETCHED_ACTORS_UGC] = {"user-2"},
        [SKETCHED_ACTORS_AMBASSADOR] = {"user-1"},
        [SKETCHED_ACTORS_EMPLOYEE] = {"user-2"},
        [SKETCHED_ACTORS_ADVOCACY] = {"user-1", "user-2"},
        [SKETCHED_LIVE_ACTORS] = {"user-1", "user-2"},
        [SKETCHED_ACTIVE_MEMBERS] = {"user-1", "user-2"},
        [SKETCHED_PERSONS] = {"c-42"},
    };
    for (unsigned of = 0; of < SKETCHED_COUNT; of++) {
        if (people[of][0] != NULL && of != left_out)
            keep_people(f, (enum sketched)of, people[of][0], people[of][1], 0);
        if (durations[of] > 0 && of != left_out)
            keep_duration(f, (enum sketched)of, durations[of]);
    }
}

// ---- the log

static Clameur__V1__Event by(uint8_t id, const char *actor, uint32_t consent) {
    Clameur__V1__Event e = event(id);
    e.actor_id = bytes(actor);
    e.consent = consent;
    return e;
}

static void give_people(struct world *w) {
    Clameur__V1__Event known = by(1, "user-1", 1), again = by(2, "user-1", 1), other = by(3, "user-2", 3),
                       refused = by(4, "user-3", 2), late = by(5, "user-4", 1);
    Clameur__V1__Event erasure = by(6, "user-5", 1);
    Clameur__V1__Erasure whom = CLAMEUR__V1__ERASURE__INIT;
    whom.actor_id = bytes("user-1");
    erasure.kind = (Clameur__V1__Kind)KIND_ERASURE;
    erasure.body_case = CLAMEUR__V1__EVENT__BODY_ERASURE;
    erasure.erasure = &whom;
    give_now(w, 0, &erasure);
    known.person_id = bytes("c-42");
    give_now(w, 0, &known);
    give_now(w, 0, &again);
    give_now(w, 1, &other);
    give_now(w, 1, &refused);
    give(w, 1, LATE_MS + 1, &late);
}

// What one and the other did, of each class something.
static void give_classes(struct world *w) {
    static const struct {
        const char *who;
        uint32_t kind, origin, format;
        bool paid;
    } did[] = {
        {"user-1", KIND_LIKE, 1, 0, true},
        {"user-2", KIND_LIKE, 2, 0, false},
        {"user-1", KIND_LIKE, 3, 0, false},
        {"user-2", KIND_LIKE, 4, 0, false},
        {"user-1", KIND_LIVE_JOIN, 0, 7, false},
        {"user-2", KIND_LIVE_SPEAK, 0, 8, false},
        {"user-1", KIND_LIVE_HEARTBEAT, 0, 7, false},
        {"user-1", KIND_MEMBER_ACTIVE, 0, 0, false},
        {"user-2", KIND_REACTION, 0, 15, false},
        {"user-1", KIND_MEMBER_JOIN, 0, 15, false},
    };
    for (size_t i = 0; i < sizeof(did) / sizeof(did[0]); i++) {
        Clameur__V1__Event e = by((uint8_t)(31 + i), did[i].who, 1);
        e.kind = (Clameur__V1__Kind)did[i].kind;
        e.origin = (Clameur__V1__Origin)did[i].origin;
        e.content_format = (Clameur__V1__ContentFormat)did[i].format;
        e.paid = did[i].paid;
        e.live_session_id = bytes("show");
        give_now(w, 0, &e);
    }
}

static void give_deal(struct world *w) {
    Clameur__V1__Lead lead = CLAMEUR__V1__LEAD__INIT;
    Clameur__V1__Event won = event(51), lost = event(52);
    won.kind = (Clameur__V1__Kind)KIND_DEAL_WON;
    lost.kind = (Clameur__V1__Kind)KIND_DEAL_LOST;
    won.body_case = lost.body_case = CLAMEUR__V1__EVENT__BODY_LEAD;
    won.lead = lost.lead = &lead;
    lead.opened_at = won.occurred_at - 7200000;
    give_now(w, 0, &won);
    give_now(w, 0, &lost);
}

static void give_views(struct world *w) {
    Clameur__V1__View view = CLAMEUR__V1__VIEW__INIT;
    Clameur__V1__Event one = event(11), two = event(12), none = event(13);
    one.kind = two.kind = none.kind = (Clameur__V1__Kind)KIND_VIEW;
    one.body_case = two.body_case = none.body_case = CLAMEUR__V1__EVENT__BODY_VIEW;
    one.view = two.view = none.view = &view;
    two.delta = 2;
    give_now(w, 0, &none);
    view.watch_ms = 1500;
    give_now(w, 0, &one);
    give_now(w, 0, &two);
}

static void give_answers(struct world *w) {
    Clameur__V1__Message message = CLAMEUR__V1__MESSAGE__INIT;
    Clameur__V1__Care care = CLAMEUR__V1__CARE__INIT;
    Clameur__V1__Event reply = event(21), first = event(22), resolved = event(23);
    reply.kind = (Clameur__V1__Kind)KIND_MESSAGE_REPLY;
    reply.body_case = CLAMEUR__V1__EVENT__BODY_MESSAGE;
    reply.message = &message;
    message.replied_to_at = reply.occurred_at - 2000;
    give_now(w, 1, &reply);
    first.kind = (Clameur__V1__Kind)KIND_FIRST_RESPONSE;
    resolved.kind = (Clameur__V1__Kind)KIND_CASE_RESOLVED;
    first.body_case = resolved.body_case = CLAMEUR__V1__EVENT__BODY_CARE;
    first.care = resolved.care = &care;
    give_now(w, 1, &resolved); // nobody knows since when
    care.opened_at = first.occurred_at - 60000;
    give_now(w, 1, &first);
    care.opened_at = resolved.occurred_at - 3600000;
    resolved.event_id = event(24).event_id;
    give_now(w, 1, &resolved);
}

static void log_give(struct world *w) {
    give_people(w);
    give_classes(w);
    give_views(w);
    give_answers(w);
    give_deal(w);
}

static void actors_give(struct world *w, int count) {
    for (int i = 0; i < count; i++) {
        char actor[16];
        uint8_t id[16] = {1, (uint8_t)(i >> 8), (uint8_t)i};
        snprintf(actor, sizeof(actor), "user-%d", i);
        Clameur__V1__Event e = by(1, actor, 1);
        e.event_id = (ProtobufCBinaryData){sizeof(id), id};
        give_now(w, 0, &e);
    }
}

static void hundreds_give(struct world *w) {
    actors_give(w, HUNDREDS);
}

static void many_give(struct world *w) {
    actors_give(w, MANY);
}

static void compare(struct world *w, struct windows_window *window) {
    struct file *f = (struct file *)(uintptr_t)w->more;
    windows_compare_sketches(&f->report, W0, f->rows, &window->model->sketches);
}

// The findings of a file.
static uint64_t judge_of(struct file *f, void (*give_log)(struct world *w)) {
    struct world *w = world_create(1 << 30);
    w->more = f;
    w->finish = compare;
    publish(w, W0, ALL, ALL);
    windows_fold_begin(&w->fold);
    give_log(w);
    windows_fold_end(&w->fold);
    assert_int_equal(w->finished, 1);
    assert_int_equal(w->fold.tally.rejected_all, 0);
    world_destroy(w);
    return f->report.findings;
}

static uint64_t judge(struct file *f) {
    return judge_of(f, log_give);
}

static void assert_finding(struct file *f, const char *where, const char *counter, const char *stored,
                           const char *recount) {
    assert_true(f->report.kept_count > 0);
    const struct windows_finding *found = &f->report.kept[f->report.kept_count - 1];
    assert_string_equal(found->where, where);
    if (counter != NULL)
        assert_string_equal(found->counter, counter);
    assert_string_equal(found->stored, stored);
    assert_string_equal(found->recount, recount);
    file_fini(f);
}

// ---- tests

static void the_sketches_that_the_log_gives_are_equal(void **state) {
    struct file f;
    file_init(&f);
    keep_all_but(&f, SKETCHED_COUNT);
    assert_int_equal(judge(&f), 0);
    assert_int_equal(f.report.sketches, SKETCHED_COUNT - SKETCHES_OF_PARTS);
    file_fini(&f);
}

static void each_sketch_that_is_missing_is_red(void **state) {
    for (unsigned of = 0; of < SKETCHED_COUNT; of++) {
        struct file f;
        char where[64];
        if (is_of_parts(of))
            continue;
        file_init(&f);
        keep_all_but(&f, (enum sketched)of);
        assert_int_equal(judge(&f), 1);
        snprintf(where, sizeof(where), "%s acme/tiktok %s",
                 sketched_rows[of].table == TABLE_REACH ? "reach" : "quantiles", sketched_rows[of].name);
        assert_finding(&f, where, "", "no sketch", "a sketch");
    }
}

static void a_surplus_sketch_is_red(void **state) {
    struct file f;
    file_init(&f);
    keep_all_but(&f, SKETCHED_COUNT);
    add_duration(f.rows, SKETCHED_WATCH_MS, slice_of("bolt"), PLATFORM_TIKTOK, 1);
    assert_int_equal(judge(&f), 1);
    assert_finding(&f, "quantiles bolt/tiktok watch_ms", "", "a sketch", "no sketch");
}

static void another_member_is_red_even_where_there_are_as_many(void **state) {
    struct file f;
    file_init(&f);
    keep_all_but(&f, SKETCHED_PERSONS);
    keep_people(&f, SKETCHED_PERSONS, "c-43", NULL, 0);
    assert_int_equal(judge(&f), 1);
    const char *counter = f.report.kept[0].counter;
    assert_int_equal(strncmp(counter, "register ", strlen("register ")), 0);
    file_fini(&f);
}

static void one_more_than_there_are_is_red(void **state) {
    struct file f;
    file_init(&f);
    keep_all_but(&f, SKETCHED_ACTORS);
    keep_people(&f, SKETCHED_ACTORS, "user-1", "user-2", 3);
    assert_int_equal(judge(&f), 1);
    assert_finding(&f, "reach acme/tiktok actors", "reached", "3", "2");
}

static void members_by_name_are_red(void **state) {
    struct file f;
    struct sketch s = {.of = SKETCHED_PERSONS, .platform = PLATFORM_TIKTOK, .account = slice_of("acme")};
    file_init(&f);
    keep_all_but(&f, SKETCHED_PERSONS);
    reach_add_id(&f, &s.reach, SKETCHED_PERSONS, "c-42");
    s.reached = 1;
    rows_keep_sketch(f.rows, &s);
    reach_fini(&s.reach);
    assert_int_equal(judge(&f), 1);
    assert_finding(&f, "reach acme/tiktok persons", "", "names its members", "a sketch");
}

static void a_duration_too_many_or_another_is_red(void **state) {
    struct file f;
    file_init(&f);
    keep_all_but(&f, SKETCHED_COUNT);
    keep_duration(&f, SKETCHED_RESPONSE_MS, 2000);
    assert_int_equal(judge(&f), 1);
    assert_finding(&f, "quantiles acme/tiktok response_ms", "durations of about 2017 ms", "2", "1");
    file_init(&f);
    keep_all_but(&f, SKETCHED_RESOLUTION_MS);
    keep_duration(&f, SKETCHED_RESOLUTION_MS, 4000000);
    assert_int_equal(judge(&f), 1);
    assert_finding(&f, "quantiles acme/tiktok resolution_ms", NULL, "0", "1");
}

static void keep_actors(struct file *f, enum sketched of, int actors, uint64_t count) {
    struct reach reach = {0};
    for (int i = 0; i < actors; i++) {
        char actor[16];
        snprintf(actor, sizeof(actor), "user-%d", i);
        reach_add_id(f, &reach, SKETCHED_ACTORS, actor);
    }
    keep_reach(f, of, &reach, count);
}

// So many actors, and how many the file says there are.
static uint64_t judge_actors(struct file *f, int actors, uint64_t count, void (*give_log)(struct world *w)) {
    file_init(f);
    keep_actors(f, SKETCHED_ACTORS, actors, count);
    keep_actors(f, SKETCHED_ACTORS_ORGANIC, actors, 0);
    return judge_of(f, give_log);
}

static void of_hundreds_the_count_is_held_to_the_unit(void **state) {
    struct file f;
    assert_int_equal(judge_actors(&f, HUNDREDS, HUNDREDS, hundreds_give), 0);
    file_fini(&f);
    assert_int_equal(judge_actors(&f, HUNDREDS, HUNDREDS + 1, hundreds_give), 1);
    assert_finding(&f, "reach acme/tiktok actors", "reached", "501", "500");
}

// Where no set is kept any more, how many there are is known within the sketch's error.
static void of_many_the_count_is_held_to_its_error(void **state) {
    struct file f;
    assert_int_equal(judge_actors(&f, MANY, 0, many_give), 0);
    assert_int_not_equal(rows_sketch_reached(rows_sketch(f.rows, 0)), MANY);
    file_fini(&f);
    assert_int_equal(judge_actors(&f, MANY, MANY + MANY / 20, many_give), 1);
    assert_finding(&f, "reach acme/tiktok actors", "reached", "3150", "3000");
}

// Every duration has the bucket that the aggregator gives it.
static void the_buckets_are_those_of_the_aggregator(void **state) {
    struct window_sketches s;
    window_sketches_init(&s);
    Clameur__V1__View view = CLAMEUR__V1__VIEW__INIT;
    Clameur__V1__Event e = event(1);
    e.kind = (Clameur__V1__Kind)KIND_VIEW;
    e.body_case = CLAMEUR__V1__EVENT__BODY_VIEW;
    e.view = &view;
    struct quantiles q = {0};
    for (int64_t ms = 1; ms < 2 * QUANTILES_LONGEST_MS; ms += 1 + ms / 300) {
        view.watch_ms = ms;
        window_sketches_add(&s, NULL, W0_MS, &e);
        quantiles_add(&q, ms, 1);
    }
    uint64_t counts[SKETCH_BUCKETS];
    window_sketches_buckets(&s, 0, counts);
    assert_int_equal(q.count, SKETCH_BUCKETS); // so many have room for all
    for (uint32_t i = 0; i < SKETCH_BUCKETS; i++) {
        assert_int_equal(q.buckets[i] >> 48, i);
        assert_int_equal(q.buckets[i] & QUANTILES_COUNT_MAX, counts[i]);
    }
    quantiles_fini(&q);
    window_sketches_fini(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sketches_that_the_log_gives_are_equal),
        cmocka_unit_test(each_sketch_that_is_missing_is_red),
        cmocka_unit_test(a_surplus_sketch_is_red),
        cmocka_unit_test(another_member_is_red_even_where_there_are_as_many),
        cmocka_unit_test(one_more_than_there_are_is_red),
        cmocka_unit_test(members_by_name_are_red),
        cmocka_unit_test(a_duration_too_many_or_another_is_red),
        cmocka_unit_test(of_hundreds_the_count_is_held_to_the_unit),
        cmocka_unit_test(of_many_the_count_is_held_to_its_error),
        cmocka_unit_test(the_buckets_are_those_of_the_aggregator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
