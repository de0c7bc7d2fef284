// How many watched a live session, or listened to it: joins less leaves, and less those who fell silent,
// second by second. Pure.
//
// A second's viewers are counted after all that changed at it. A session runs across windows: what all of
// them changed, some of it past their ends, is put in the order of time, and summed from its beginning. Of a
// session that began before the time that is told of, the windows before it say how many watched when that
// began.
#pragma once

#include "aggregate/figures/freshness.h"
#include "aggregate/figures/sums.h"

// What is told of a session: rows of sessions.def.
enum session_figure {
#define SESSION(id, name, version, numerator, denominator, unit, doc) SESSION_##id,
#include "aggregate/figures/sessions.def"
#undef SESSION
    SESSION_FIGURES,
};

struct session_row {
    const char *name, *unit;
    int version;
    const char *numerator, *denominator; // "" where it has none
    const char *doc;
};
extern const struct session_row session_rows[SESSION_FIGURES];

// The live sessions of windows, and the state of each window.
struct live_windows {
    struct rows *rows;
    struct live_window *at;
    size_t count, room;
};
void live_windows_init(struct live_windows *w);
void live_windows_fini(struct live_windows *w);
// Each window once, in any order. `freshness` NULL: nobody knows it.
void live_windows_take(struct live_windows *w, int64_t start_s, const struct rows *rows,
                       const struct filter *filter, const struct freshness_sum *freshness);

struct live_figure {
    enum session_figure of;
    int64_t numerator, denominator; // 0: there is none, or nothing to divide by
    int64_t at_s;                   // of a peak; 0: nobody came
    // The worst of the session's windows, and provisional while somebody watches; NULL: nobody knows it.
    const struct freshness_sum *freshness;
};
typedef void (*live_visit)(void *context, const struct row_key *key, const struct live_figure *figure);

// Of each session of which anything happened at `start_s` or later, by account, platform, session, then in
// the order of sessions.def. Windows before `start_s` say how many watched then. The session is the id of
// `key`.
// What changes at `end_s`, where the last of the windows ends, or later is not known yet.
void live_figures_each(struct live_windows *w, int64_t start_s, int64_t end_s, live_visit visit,
                       void *context);
