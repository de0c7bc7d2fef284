// A partition's windows through all their states, against a straightforward sum; the store is a list of parts
// in memory.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aggregate/window/ledger.h"
#include "runtime/hash.h"

static struct viewers nobody; // by rules without window.heartbeat none is remembered

enum { WINDOWS = 1200, SEEDS = 15, HANDOVERS = 700, PARTS_MAX = 40000 };
#define LATENESS_MS INT64_C(600000)

static const struct rules rules = {.window_disorder_ms = 60000, .window_lateness_ms = LATENESS_MS};

struct part {
    int64_t start_s;
    struct coverage coverage;
    struct rows *rows;
};

struct world {
    struct ledger ledger;
    struct part parts[PARTS_MAX];
    size_t part_count;
    int64_t published[WINDOWS]; // `to` of the published revision; -1: none
    int64_t likes[WINDOWS];     // what the windows must hold
    uint64_t counted[WINDOWS], late[WINDOWS];
    int64_t offset, clock_ms;
    uint64_t read;
    uint64_t chance;
};

static uint64_t draw(struct world *w, uint64_t below) {
    w->chance = hash_integer(w->chance + 0x9e3779b97f4a7c15);
    return w->chance % below;
}

static struct row_key row_of(bool late) {
    return (struct row_key){.table = late ? TABLE_LATE : TABLE_TOTALS, .platform = 2, .account = {"acme", 4}};
}

static int64_t likes_in(struct rows *rows) {
    struct row_key in_time = row_of(false), late = row_of(true);
    return rows_value(rows, rows_row(rows, &in_time), field_counter(COUNTER_OF_LIKE)) +
           rows_value(rows, rows_row(rows, &late), field_counter(COUNTER_OF_LIKE));
}

// An event of a window that lies `back` behind the clock.
static void take(struct world *w, struct panes *panes, int64_t back_ms) {
    int64_t at_ms = w->clock_ms - back_ms > 0 ? w->clock_ms - back_ms : 0;
    struct event e = {.occurred_at_ms = at_ms,
                      .platform = 2,
                      .kind = KIND_LIKE,
                      .delta = (int64_t)draw(w, 5) + 1,
                      .account = {"acme", 4}};
    size_t window = (size_t)(window_start_s(at_ms) / WINDOW_S);
    bool late = window_is_late(window_start_s(at_ms), &rules, w->clock_ms);
    panes_take(panes, &nobody, &e, w->offset++, &rules, w->clock_ms);
    w->likes[window] += e.delta;
    w->counted[window] += !late;
    w->late[window] += late;
    w->read++;
}

static void reopen(struct world *w, int64_t start_s) {
    struct rows *rows = rows_create();
    struct coverage coverage = {.to = w->ledger.start};
    for (size_t i = 0; i < w->part_count; i++) {
        if (w->parts[i].start_s != start_s || w->parts[i].coverage.to < coverage.to)
            continue;
        rows_destroy(&rows);
        rows = rows_create();
        rows_merge(rows, w->parts[i].rows);
        coverage = w->parts[i].coverage;
    }
    ledger_reopen(&w->ledger, start_s, rows, &coverage);
}

static void keep(struct world *w) {
    struct ledger *l = &w->ledger;
    for (size_t i = 0; i < l->count; i++) {
        struct ledger_window *window = &l->at[i];
        if (!ledger_is_unkept(l, window))
            continue;
        assert_true(w->part_count < PARTS_MAX);
        struct part *part = &w->parts[w->part_count++];
        *part = (struct part){.start_s = window->start_s, .rows = rows_create()};
        part->coverage =
            (struct coverage){.to = window->to, .counted = window->counted, .late = window->late};
        rows_merge(part->rows, window->rows);
        window->kept_to = window->to;
        if (draw(w, 3) > 0)
            w->published[window->start_s / WINDOW_S] = window->to;
    }
}

static bool is_published(void *context, const struct ledger_window *window) {
    const struct world *w = context;
    return w->published[window->start_s / WINDOW_S] >= window->to;
}

static void balance_holds(const struct ledger *l) {
    uint64_t sum = l->rejected + l->duplicate + l->settled_counted + l->settled_late;
    for (size_t i = 0; i < l->count; i++) {
        sum += l->at[i].counted + l->at[i].late;
        assert_true(i == 0 || l->at[i - 1].start_s < l->at[i].start_s);
    }
    assert_int_equal(l->read, sum);
}

static void hand_over(struct world *w, struct panes *panes) {
    struct handover h = {.offset = w->offset,
                         .watermark_ms = w->clock_ms - rules.window_disorder_ms,
                         .read = w->read,
                         .lateness_ms = LATENESS_MS,
                         .panes = *panes};
    for (size_t i = 0; i < panes->count; i++) {
        if (ledger_is_away(&w->ledger, panes->at[i].start_s))
            reopen(w, panes->at[i].start_s);
    }
    ledger_take(&w->ledger, &h);
    balance_holds(&w->ledger);
    keep(w);
    ledger_close(&w->ledger, LATENESS_MS);
    ledger_settle(&w->ledger, is_published, w);
    balance_holds(&w->ledger);
    panes_fini(panes);
}

static void run(struct world *w) {
    for (int round = 0; round < HANDOVERS; round++) {
        struct panes panes = {0};
        w->clock_ms += (int64_t)draw(w, 2 * WINDOW_S) * 1000;
        for (uint64_t i = draw(w, 20); i > 0; i--)
            take(w, &panes, (int64_t)draw(w, draw(w, 4) == 0 ? (uint64_t)w->clock_ms + 1 : 120000));
        hand_over(w, &panes);
    }
}

static void every_window_holds_its_events(struct world *w) {
    struct panes none = {0};
    w->clock_ms += 3600000;
    hand_over(w, &none);
    for (size_t i = 0; i < WINDOWS; i++) {
        int64_t start_s = (int64_t)i * WINDOW_S;
        if (w->counted[i] + w->late[i] == 0)
            continue;
        if (ledger_is_away(&w->ledger, start_s))
            reopen(w, start_s);
        struct ledger_window *window = ledger_find(&w->ledger, start_s);
        assert_non_null(window);
        assert_int_equal(likes_in(window->rows), w->likes[i]);
        assert_int_equal(window->counted, w->counted[i]);
        assert_int_equal(window->late, w->late[i]);
    }
    balance_holds(&w->ledger);
}

static void world_fini(struct world *w) {
    for (size_t i = 0; i < w->part_count; i++)
        rows_destroy(&w->parts[i].rows);
    ledger_fini(&w->ledger);
    free(w);
}

static void windows_open_close_settle_and_open_again(void **state) {
    uint64_t settled = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world *w = calloc(1, sizeof(*w));
        ledger_init(&w->ledger, 3, 0);
        w->chance = seed;
        for (size_t i = 0; i < WINDOWS; i++)
            w->published[i] = -1;
        run(w);
        settled += w->ledger.settled_counted;
        every_window_holds_its_events(w);
        world_fini(w);
    }
    assert_true(settled > 0);
}

static void what_files_have_is_what_it_was(void **state) {
    struct ledger l, restored;
    struct progress progress;
    struct line lines[8];
    struct event e = {
        .occurred_at_ms = 5000, .platform = 2, .kind = KIND_LIKE, .delta = 1, .account = {"acme", 4}};
    struct handover h = {.offset = 7, .watermark_ms = 2000000, .read = 9, .rejected = 3, .duplicate = 5};
    ledger_init(&l, 3, 2);
    panes_take(&h.panes, &nobody, &e, 6, &rules, 0);
    ledger_take(&l, &h);
    ledger_progress(&l, &progress, lines);
    ledger_restore(&restored, &progress);
    assert_int_equal(restored.offset, 7);
    assert_int_equal(restored.start, 2);
    assert_int_equal(restored.sealed_s, 1800);
    assert_int_equal(restored.read, 9);
    assert_int_equal(restored.count, 1);
    assert_int_equal(restored.at[0].to, 7);
    assert_non_null(restored.at[0].rows);
    assert_true(ledger_is_unkept(&restored, &restored.at[0]));
    panes_fini(&h.panes);
    ledger_fini(&l);
    ledger_fini(&restored);
}

// However late it is: what a keeper could not keep is nowhere else.
static void rows_that_no_part_has_are_not_freed__goes_red_if_time_alone_closes_a_window(void **state) {
    struct ledger l;
    struct handover h = {.watermark_ms = 10 * WINDOW_S * INT64_C(1000)};
    const struct event like = {.platform = 2, .kind = KIND_LIKE, .delta = 1, .account = {"acme", 4}};
    ledger_init(&l, 0, 0);
    panes_take(&h.panes, &nobody, &like, 0, &rules, 0);
    ledger_take(&l, &h);
    panes_fini(&h.panes);
    ledger_close(&l, 0);
    assert_non_null(l.at[0].rows);
    l.at[0].kept_to = l.at[0].to;
    ledger_close(&l, 0);
    assert_null(l.at[0].rows);
    ledger_fini(&l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_open_close_settle_and_open_again),
        cmocka_unit_test(what_files_have_is_what_it_was),
        cmocka_unit_test(rows_that_no_part_has_are_not_freed__goes_red_if_time_alone_closes_a_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
