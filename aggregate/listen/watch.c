#include "aggregate/listen/watch.h"

#include <stdlib.h>

#include "runtime/check.h"
#include "runtime/memory.h"
#include "runtime/utf8.h"

enum { NAMES_BLOCK = 16384, FIRST_ROOM = 64 };

void watch_init(struct watch *w) {
    *w = (struct watch){0};
    arena_init(&w->names, NAMES_BLOCK);
}

void watch_fini(struct watch *w) {
    arena_fini(&w->names);
    free(w->at);
    *w = (struct watch){0};
}

void alerts_fini(struct alerts *a) {
    free(a->at);
    *a = (struct alerts){0};
}

#define OF_THOUSANDTHS(number) ((double)(number) / 1000)

struct baseline_rules watch_rules(const struct rules_alerts *alerts) {
    const struct baseline_rules rules = {.weight = 1.0 / (double)alerts->mean_windows,
                                         .cold_windows = (uint32_t)alerts->cold_windows,
                                         .alert_score = OF_THOUSANDTHS(alerts->sigmas),
                                         .calm_score = OF_THOUSANDTHS(alerts->calm_sigmas),
                                         .calm_windows = (uint32_t)alerts->calm_windows,
                                         .adopt_windows = (uint32_t)alerts->adopt_windows,
                                         .deviation_least = OF_THOUSANDTHS(alerts->least_deviation),
                                         .deviation_share = OF_THOUSANDTHS(alerts->least_share),
                                         .count_least = (uint64_t)alerts->least_count};
    CHECK(baseline_rules_are_fit(&rules));
    return rules;
}

// ---- what a window says

struct heard {
    enum heard_of of;
    struct slice account, topic;
    int64_t count; // deltas may take away
};

struct hearing {
    struct heard *at;
    size_t count, room;
};

// Cells are sums modulo 2^64, and so are sums and differences of them.
static int64_t sum(int64_t a, int64_t b) {
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static int64_t less(int64_t a, int64_t b) {
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static void hear(struct hearing *h, enum heard_of of, const struct row_key *key, int64_t count) {
    if (!utf8_valid(key->account.at, key->account.length) || !utf8_valid(key->id.at, key->id.length))
        return;
    if (h->count == h->room) {
        h->room = h->room == 0 ? FIRST_ROOM : 2 * h->room;
        h->at = memory_grow(h->at, h->room, sizeof(*h->at));
    }
    h->at[h->count++] = (struct heard){of, key->account, key->id, count};
}

static void hear_row(struct hearing *h, const struct rows *rows, uint32_t row) {
    const struct row_key key = rows_key(rows, row);
    bool is_topic = key.table == TABLE_TOPIC;
    if ((WATCH_TABLES >> key.table & 1) == 0 || (is_topic && key.id.length == 0))
        return;
    int64_t all = rows_value(rows, row, field_counter(COUNTER_OF_MENTION));
    int64_t rivals = sum(rows_value(rows, row, field_counter(COUNTER_MENTIONS_RIVAL)),
                         rows_value(rows, row, field_counter(COUNTER_MENTIONS_UNTRACKED)));
    int64_t own = less(all, rivals);
    if (all == 0)
        return;
    if (is_topic) {
        hear(h, HEARD_TOPIC, &key, own);
        return;
    }
    hear(h, HEARD_MENTIONS, &key, own);
    hear(h, HEARD_NEGATIVE, &key, rows_value(rows, row, field_counter(COUNTER_MENTIONS_NEGATIVE)));
}

// Within an account.
static int series_compare(enum heard_of a_of, struct slice a_topic, enum heard_of b_of,
                          struct slice b_topic) {
    return a_of != b_of ? (a_of > b_of) - (a_of < b_of) : slice_compare(a_topic, b_topic);
}

static int heard_compare(const void *left, const void *right) {
    const struct heard *a = left, *b = right;
    int order = slice_compare(a->account, b->account);
    return order != 0 ? order : series_compare(a->of, a->topic, b->of, b->topic);
}

// Each series once, in the order of a watch.
static struct hearing hearing_of(const struct rows *rows) {
    struct hearing h = {0};
    size_t kept = 0, count = rows != NULL ? rows_count(rows) : 0;
    for (uint32_t row = 0; row < count; row++)
        hear_row(&h, rows, row);
    if (h.count > 1)
        qsort(h.at, h.count, sizeof(*h.at), heard_compare);
    for (size_t i = 0; i < h.count; i++) {
        if (kept > 0 && heard_compare(&h.at[kept - 1], &h.at[i]) == 0)
            h.at[kept - 1].count = sum(h.at[kept - 1].count, h.at[i].count);
        else
            h.at[kept++] = h.at[i];
    }
    h.count = kept;
    return h;
}

// ---- the step

// An account's share of the two.
struct step {
    const struct baseline_rules *rules;
    int64_t start_s;
    struct watch *after;
    struct alerts *alerts;
    const struct watched *known, *known_end;
    const struct heard *heard, *heard_end;
    struct slice account; // with a name of `after`
    uint32_t age;
    size_t topics; // that were there
};

static struct slice name_copy(struct watch *w, struct slice name) {
    char *copy = arena_take_bytes(&w->names, name.length + 1);
    if (name.length > 0)
        memcpy(copy, name.at, name.length);
    return (struct slice){copy, name.length};
}

static void alert_add(struct alerts *a, const struct alert *alert) {
    if (a->count == a->room) {
        a->room = a->room == 0 ? 8 : 2 * a->room;
        a->at = memory_grow(a->at, a->room, sizeof(*a->at));
    }
    a->at[a->count++] = *alert;
}

static void keep(struct watch *w, const struct watched *series) {
    if (w->count == w->room) {
        w->room = w->room == 0 ? FIRST_ROOM : 2 * w->room;
        w->at = memory_grow(w->at, w->room, sizeof(*w->at));
    }
    w->at[w->count++] = *series;
}

static void judge(struct step *s, struct watched *series, uint64_t count) {
    struct baseline_verdict verdict;
    int64_t window = s->start_s / WINDOW_S;
    series->baseline.is_begun = true; // what is between was passed over
    series->baseline.next = window;
    baseline_step(&series->baseline, s->rules, window, count, &verdict);
    if (verdict.change == BASELINE_RAISED)
        series->since_s = s->start_s;
    if (verdict.change != BASELINE_NONE)
        alert_add(s->alerts, &(struct alert){series->of, series->account, series->topic, verdict.change,
                                             verdict, series->since_s});
    if (series->baseline.raised == 0)
        series->since_s = 0;
}

static bool matters(const struct watched *series) {
    return series->of != HEARD_TOPIC || series->baseline.raised != 0 ||
           series->baseline.mean >= WATCH_TOPIC_MEAN_LEAST;
}

// A series that is there, or heard for the first time, or both.
static void series_take(struct step *s, const struct watched *known, const struct heard *heard) {
    uint64_t count = heard != NULL && heard->count > 0 ? (uint64_t)heard->count : 0;
    bool is_topic = (known != NULL ? known->of : heard->of) == HEARD_TOPIC;
    if (known == NULL && is_topic && s->topics >= WATCH_TOPICS_MAX) {
        s->after->refused += count >= s->rules->count_least;
        return;
    }
    struct watched series = {.baseline.learned = is_topic ? s->age : 0};
    if (known != NULL)
        series = *known;
    else
        series.of = heard->of;
    series.account = s->account;
    series.topic = name_copy(s->after, known != NULL ? known->topic : heard->topic);
    judge(s, &series, count);
    if (series.of == HEARD_MENTIONS) {
        series.quiet = count > 0 ? 0 : series.quiet + 1;
        series.age += series.age < UINT32_MAX;
    }
    if (matters(&series))
        keep(s->after, &series);
}

static void topics_count(struct step *s) {
    s->topics = 0;
    for (const struct watched *at = s->known; at < s->known_end; at++)
        s->topics += at->of == HEARD_TOPIC;
}

static void account_take(struct step *s) {
    bool is_known = s->known < s->known_end, is_heard = s->heard < s->heard_end;
    CHECK(is_known || (is_heard && s->heard != NULL));
    if (is_known ? !is_heard && s->known->quiet >= WATCH_QUIET_WINDOWS : s->heard->of != HEARD_MENTIONS)
        return; // forgotten; or of a new one there are as many taken back as there were
    s->age = is_known ? s->known->age : 0;
    s->account = name_copy(s->after, is_known ? s->known->account : s->heard->account);
    topics_count(s);
    while (s->known < s->known_end || s->heard < s->heard_end) {
        int order = s->known == s->known_end ? 1
                    : s->heard == s->heard_end
                        ? -1
                        : series_compare(s->known->of, s->known->topic, s->heard->of, s->heard->topic);
        series_take(s, order <= 0 ? s->known : NULL, order >= 0 ? s->heard : NULL);
        s->known += order <= 0;
        s->heard += order >= 0;
    }
}

void watch_step(const struct watch *before, const struct baseline_rules *rules, int64_t start_s,
                const struct rows *rows, struct watch *after, struct alerts *alerts) {
    struct hearing h = hearing_of(rows);
    const struct watched *known = before->at, *known_last = known + before->count;
    const struct heard *heard = h.at, *heard_last = heard + h.count;
    after->is_begun = true;
    after->start_s = start_s;
    while (known != known_last || heard != heard_last) {
        int order = heard == heard_last   ? -1
                    : known == known_last ? 1
                                          : slice_compare(known->account, heard->account);
        struct slice account = order <= 0 ? known->account : heard->account;
        struct step step = {rules, start_s, after, alerts, .known = known, .heard = heard};
        while (known < known_last && slice_equal(known->account, account))
            known++;
        while (heard < heard_last && slice_equal(heard->account, account))
            heard++;
        step.known_end = known;
        step.heard_end = heard;
        account_take(&step);
    }
    free(h.at);
}
