#include "aggregate/commands/gaps.h"

#include <stdio.h>

// ---- what is missing

struct gap_walk {
    gap_visit visit;
    void *context;
    enum absence absence;
};

static int64_t lesser(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t greater(int64_t a, int64_t b) {
    return a > b ? a : b;
}

// What lies between published windows.
static void between_published(const struct published *pub, int64_t start_s, int64_t end_s,
                              const struct gap_walk *walk) {
    size_t next = window_set_place(&pub->windows, start_s);
    while (start_s < end_s) {
        bool is_last = next == pub->windows.count || pub->windows.at[next] >= end_s;
        int64_t gap_end_s = is_last ? end_s : pub->windows.at[next];
        if (start_s < gap_end_s)
            walk->visit(walk->context, start_s, gap_end_s, walk->absence);
        start_s = gap_end_s + PERIOD_WINDOW_S;
        next++;
    }
}

// All partitions have sealed [start_s, end_s): what is not published and had no event never will be.
static void among_touched(const struct published *pub, int64_t start_s, int64_t end_s,
                          const struct gap_walk *walk) {
    for (size_t i = window_set_place(&pub->touched, start_s);
         i < pub->touched.count && pub->touched.at[i] < end_s; i++) {
        int64_t window_s = pub->touched.at[i];
        if (!window_set_has(&pub->windows, window_s))
            walk->visit(walk->context, window_s, window_s + PERIOD_WINDOW_S, walk->absence);
    }
}

// Where nobody says what was sealed, no more can be told than what lacks in the middle.
void gaps_each(const struct published *pub, int64_t start_s, int64_t end_s, gap_visit visit, void *context) {
    const struct window_set *windows = &pub->windows;
    const struct gap_walk missing = {visit, context, ABSENT_MISSING};
    const struct gap_walk unsealed = {visit, context, ABSENT_UNSEALED};
    if (pub->seal.known) {
        int64_t sealed_s = pub->seal.sealed_s - pub->seal.sealed_s % PERIOD_WINDOW_S;
        among_touched(pub, start_s, lesser(end_s, sealed_s), &missing);
        between_published(pub, greater(start_s, sealed_s), end_s, &unsealed);
    } else if (windows->count > 0)
        between_published(pub, greater(start_s, windows->at[0]),
                          lesser(end_s, windows->at[windows->count - 1]), &missing);
}

// ---- what it does to figures

static bool may_have_left(const struct published *pub, int64_t start_s) {
    return start_s < pub->gone_before_s && (pub->windows.count == 0 || start_s < pub->windows.at[0]);
}

static void gap_weigh(void *context, int64_t start_s, int64_t end_s, enum absence absence) {
    freshness_add(context, absence == ABSENT_MISSING ? FRESH_INCOMPLETE : FRESH_PROVISIONAL, 0);
}

void gaps_freshness(const struct published *pub, int64_t start_s, int64_t end_s, struct freshness_sum *sum) {
    gaps_each(pub, start_s, end_s, gap_weigh, sum);
    if (may_have_left(pub, start_s))
        freshness_add(sum, FRESH_INCOMPLETE, 0);
}

// ---- said

// By absence: how many windows, and the first.
struct gaps {
    int64_t count[ABSENT_MISSING + 1];
    int64_t first_s[ABSENT_MISSING + 1];
};

static void gap_count(void *context, int64_t start_s, int64_t end_s, enum absence absence) {
    struct gaps *gaps = context;
    if (gaps->count[absence] == 0)
        gaps->first_s[absence] = start_s;
    gaps->count[absence] += (end_s - start_s) / PERIOD_WINDOW_S;
}

static void gaps_say(const struct gaps *gaps, enum absence absence, const char *what, const char *more) {
    char time[LOCAL_TIME_MAX];
    int64_t count = gaps->count[absence];
    if (count == 0)
        return;
    local_time_write(time, NULL, gaps->first_s[absence]);
    fprintf(stderr, "warning: %lld window%s of this time %s %s, the first begins at %s: %s\n",
            (long long)count, count == 1 ? "" : "s", count == 1 ? "is" : "are", what, time, more);
}

static void left_say(const struct published *pub, int64_t start_s) {
    char time[LOCAL_TIME_MAX];
    if (!may_have_left(pub, start_s))
        return;
    local_time_write(time, NULL, pub->gone_before_s);
    fprintf(stderr,
            "warning: what ended before %s may have left the store (store.retain): the figures are without "
            "it\n",
            time);
}

// What is still to come is nobody's lag.
static void coming_say(int64_t end_s, int64_t known_s) {
    char time[LOCAL_TIME_MAX];
    if (end_s <= known_s)
        return;
    local_time_write(time, NULL, end_s);
    fprintf(stderr,
            "warning: this time is not over, it ends at %s: the figures are of what is published now\n",
            time);
}

void gaps_warn(const struct published *pub, int64_t start_s, int64_t end_s) {
    struct gaps gaps = {0};
    char waits[WAITS_TEXT_MAX];
    int64_t over_s = pub->terms.now_s - pub->terms.now_s % PERIOD_WINDOW_S;
    left_say(pub, start_s);
    coming_say(end_s, greater(over_s, pub->seal.sealed_s));
    gaps_each(pub, start_s, lesser(end_s, over_s), gap_count, &gaps);
    gaps_say(&gaps, ABSENT_MISSING, "missing", "the figures are without what happened then");
    gaps_say(&gaps, ABSENT_UNSEALED, "not sealed yet", published_waits_for(pub, waits));
}
