#include "aggregate/figures/live_figures.h"

#include <stdlib.h>

#include "runtime/memory.h"

const struct session_row session_rows[SESSION_FIGURES] = {
#define SESSION(id, name, version, numerator, denominator, unit, doc)                                        \
    {name, unit, version, numerator, denominator, doc},
#include "aggregate/figures/sessions.def"
#undef SESSION
};

struct live_window {
    int64_t start_s;
    struct freshness_sum freshness;
};

// ---- windows

void live_windows_init(struct live_windows *w) {
    *w = (struct live_windows){.rows = rows_create()};
}

void live_windows_fini(struct live_windows *w) {
    rows_destroy(&w->rows);
    free(w->at);
}

void live_windows_take(struct live_windows *w, int64_t start_s, const struct rows *rows,
                       const struct filter *filter, const struct freshness_sum *freshness) {
    for (size_t i = 0; i < rows_live_count(rows); i++) {
        const struct live_session *live = rows_live(rows, i);
        const struct row_key key = {.platform = live->platform, .account = live->account};
        if (filter_has(filter, &key))
            rows_add_live(w->rows, live);
    }
    if (freshness == NULL)
        return;
    if (w->count == w->room) {
        w->room = 2 * w->room + 16;
        w->at = memory_grow(w->at, w->room, sizeof(*w->at));
    }
    w->at[w->count++] = (struct live_window){start_s, *freshness};
}

static int window_order(const void *a, const void *b) {
    const struct live_window *x = a, *y = b;
    return (x->start_s > y->start_s) - (x->start_s < y->start_s);
}

static const struct live_window *window_find(const struct live_windows *w, int64_t start_s) {
    const struct live_window key = {.start_s = start_s};
    return w->count > 0 ? bsearch(&key, w->at, w->count, sizeof(*w->at), window_order) : NULL;
}

// ---- a session

// Numbers of viewers are sums modulo 2^64, as the sums of files are.
struct session {
    int64_t start_s, end_s;                     // the time that is told of
    uint64_t joins, leaves, watch_ms, returned; // in it
    uint64_t viewers;                           // by now
    uint64_t at_start;
    bool is_before, is_told; // something happened before that time, and in it
    int64_t peak, peak_s;
    bool has_begun; // the time over which viewers are averaged
    int64_t first_s, last_s;
    uint64_t viewer_seconds; // up to `last_s`
    bool is_known;           // its freshness
    struct freshness_sum freshness;
};

// What an event changes may lie past its window, among what others changed: all of a session is put in the
// order of time first.
struct moves {
    struct move {
        int64_t time_s;
        uint64_t change;
    } * at;
    size_t count, room;
};

static void moves_take(struct moves *m, const struct live_session *live) {
    if (m->room - m->count < live->change_count) {
        m->room = 2 * m->room + live->change_count;
        m->at = memory_grow(m->at, m->room, sizeof(*m->at));
    }
    for (uint32_t i = 0; i < live->change_count; i++)
        m->at[m->count++] =
            (struct move){live->start_s + live->changes[i].second, (uint64_t)live->changes[i].change};
}

static int move_order(const void *a, const void *b) {
    const struct move *x = a, *y = b;
    return (x->time_s > y->time_s) - (x->time_s < y->time_s);
}

static void moves_sort(struct moves *m) {
    if (m->count > 1)
        qsort(m->at, m->count, sizeof(*m->at), move_order);
}

static void viewers_change(struct session *s, int64_t time_s, uint64_t change) {
    if (!s->has_begun)
        s->first_s = s->last_s = time_s;
    s->has_begun = true;
    s->viewer_seconds += s->viewers * (uint64_t)(time_s - s->last_s);
    s->last_s = time_s;
    s->viewers += change;
    if ((int64_t)s->viewers > s->peak) {
        s->peak = (int64_t)s->viewers;
        s->peak_s = time_s;
    }
}

// What happened before the time that is told of is a number of viewers when that begins.
static size_t before_pass(struct session *s, const struct moves *m) {
    size_t i = 0;
    for (; i < m->count && m->at[i].time_s < s->start_s; i++)
        s->viewers += m->at[i].change;
    if (!s->is_before)
        return i;
    s->has_begun = true;
    s->at_start = s->viewers;
    s->peak = (int64_t)s->viewers;
    s->peak_s = s->first_s = s->last_s = s->start_s;
    return i;
}

// A second at which as many came as went is none at which the number changed.
static void moves_pass(struct session *s, const struct moves *m) {
    for (size_t i = before_pass(s, m), next; i < m->count && m->at[i].time_s < s->end_s; i = next) {
        uint64_t change = 0;
        for (next = i; next < m->count && m->at[next].time_s == m->at[i].time_s; next++)
            change += m->at[next].change;
        if (change != 0)
            viewers_change(s, m->at[i].time_s, change);
    }
}

static void part_take(struct session *s, const struct live_session *live) {
    if (live->start_s < s->start_s) {
        s->is_before = true;
        return;
    }
    s->is_told = true;
    s->joins += (uint64_t)live->joins;
    s->leaves += (uint64_t)live->leaves;
    s->watch_ms += (uint64_t)live->watch_ms;
    s->returned += (uint64_t)live->returned;
}

static void state_take(struct session *s, const struct live_windows *w, int64_t start_s) {
    const struct live_window *window = window_find(w, start_s);
    if (window == NULL)
        return;
    s->is_known = true;
    freshness_add(&s->freshness, window->freshness.worst, window->freshness.revisions);
}

// Where viewers remain they watch on to the end of the last window that has anything of the session. One who
// is to leave by being silent past the time that is told of is among them.
static void session_end(struct session *s, int64_t last_start_s) {
    int64_t end_s = last_start_s + ROWS_WINDOW_S;
    if (s->viewers == 0)
        return;
    viewers_change(s, end_s > s->last_s ? end_s : s->last_s, 0);
    s->is_known = true;
    freshness_add(&s->freshness, FRESH_PROVISIONAL, 0);
}

// ---- told

// Whoever is not there any more, and has not left, fell silent.
static uint64_t expired(const struct session *s) {
    return s->at_start + s->joins + s->returned - s->leaves - s->viewers;
}

static bool is_told(const struct session *s, enum session_figure of) {
    if (of == SESSION_AT_START)
        return s->is_before;
    if (of == SESSION_EXPIRED)
        return expired(s) != 0;
    if (of == SESSION_RETURNED)
        return s->returned != 0;
    return of != SESSION_STAY || s->watch_ms != 0;
}

static struct live_figure figure_of(const struct session *s, enum session_figure of) {
    switch (of) {
    case SESSION_JOINS:
        return (struct live_figure){.numerator = (int64_t)s->joins};
    case SESSION_LEAVES:
        return (struct live_figure){.numerator = (int64_t)s->leaves};
    case SESSION_EXPIRED:
        return (struct live_figure){.numerator = (int64_t)expired(s)};
    case SESSION_RETURNED:
        return (struct live_figure){.numerator = (int64_t)s->returned};
    case SESSION_AT_START:
        return (struct live_figure){.numerator = (int64_t)s->at_start};
    case SESSION_PEAK:
        return (struct live_figure){.numerator = s->peak, .at_s = s->peak_s};
    case SESSION_AVERAGE:
        return (struct live_figure){.numerator = (int64_t)s->viewer_seconds,
                                    .denominator = s->last_s - s->first_s};
    case SESSION_AT_END:
        return (struct live_figure){.numerator = (int64_t)s->viewers};
    case SESSION_STAY:
        return (struct live_figure){.numerator = (int64_t)s->watch_ms, .denominator = (int64_t)s->joins};
    case SESSION_FIGURES:
        break;
    }
    return (struct live_figure){0};
}

static void session_tell(const struct session *s, const struct live_session *any, live_visit visit,
                         void *context) {
    const struct row_key key = {
        .table = TABLE_LIVE, .platform = any->platform, .account = any->account, .id = any->session};
    for (int i = 0; i < SESSION_FIGURES && s->is_told; i++) {
        struct live_figure figure = figure_of(s, (enum session_figure)i);
        figure.of = (enum session_figure)i;
        figure.freshness = s->is_known ? &s->freshness : NULL;
        if (is_told(s, figure.of))
            visit(context, &key, &figure);
    }
}

static bool is_same_session(const struct live_session *a, const struct live_session *b) {
    return a->platform == b->platform && slice_equal(a->session, b->session) &&
           slice_equal(a->account, b->account);
}

void live_figures_each(struct live_windows *w, int64_t start_s, int64_t end_s, live_visit visit,
                       void *context) {
    struct moves moves = {0};
    uint32_t *numbers = memory_take((rows_live_count(w->rows) + 1) * sizeof(*numbers));
    size_t count = rows_sort_live(w->rows, numbers);
    if (w->count > 1)
        qsort(w->at, w->count, sizeof(*w->at), window_order);
    for (size_t from = 0, to; from < count; from = to) {
        const struct live_session *any = rows_live(w->rows, numbers[from]), *live = any;
        struct session s = {.start_s = start_s, .end_s = end_s};
        moves.count = 0;
        for (to = from; to < count && is_same_session(any, rows_live(w->rows, numbers[to])); to++) {
            live = rows_live(w->rows, numbers[to]);
            part_take(&s, live);
            moves_take(&moves, live);
            state_take(&s, w, live->start_s);
        }
        moves_sort(&moves);
        moves_pass(&s, &moves);
        session_end(&s, live->start_s);
        session_tell(&s, any, visit, context);
    }
    free(moves.at);
    free(numbers);
}
