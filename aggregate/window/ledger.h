// What the windows of one partition hold after a prefix of its log: the state behind the hot path. Pure.
//
//     a window is     open      its rows are here, and until it is sealed and its part kept nowhere else
//                     closed    its rows are in its part, which the store has; its line stays
//                     settled   the line is gone, too: the window was published with it
//
//     begin    -> open                    the first event
//     open     -> closed                  sealed, its part kept, and no event can come that is not late
//     closed   -> settled                 published, and enough other lines are there
//     closed, settled -> open             a late event: its part is read again (ledger_reopen)
//     settled  -> gone                    so old that the store keeps it no more: its events are settled at
//     once
//
// Of a closed or settled window whose part cannot be read, what comes stands apart until it can: the line
// stays what that part is.
//
// read = rejected + duplicate + settled_counted + settled_late + counted and late of all lines, and of what
// stands apart, always.
#pragma once

#include "aggregate/window/pane.h"
#include "schemas/snapshot/snapshot.h"

enum { LEDGER_LINES_KEPT = 400 }; // four days of windows: twice the time within which an order counts once

struct ledger_window {
    int64_t start_s;
    uint64_t counted, late;
    int64_t to;        // one past the last record that touched it
    int64_t orders_to; // one past the last record that is an order of it; 0: none
    int64_t kept_to;   // `to` of the part of it that the store is known to have; -1: none
    struct rows *rows; // NULL: closed
};

struct ledger {
    uint32_t partition;
    int64_t start;    // the first offset of its log
    int64_t offset;   // the next record
    int64_t last_end; // one past the last record before; 0: none
    uint64_t last_fingerprint;
    int64_t watermark_ms;
    int64_t sealed_s; // every window that ends by then is sealed
    uint64_t read, rejected, duplicate;
    uint64_t settled_counted, settled_late;
    int64_t settled_before_s; // a window without a line that starts before it may have been settled
    int64_t gone_before_s;    // and is gone where it ends by then; not in files
    struct ledger_window *at; // by start_s
    size_t count, room;
    struct panes apart;     // by start_s
    struct viewers viewers; // as they stand at `offset`
};

// What the hot path hands over: where it stands, what became of all events before, what the windows gained
// since, and whose presence has changed.
struct handover {
    int64_t offset;
    int64_t last_end; // one past the last record before; 0: none
    uint64_t last_fingerprint;
    int64_t watermark_ms;
    uint64_t read, rejected, duplicate;
    int64_t lateness_ms; // as the rules say now
    struct panes panes;
    struct viewer *viewers; // those that have changed since, by key, as they are now
    size_t viewer_count;
    uint64_t viewer_events; // viewers.h
};
void handover_fini(struct handover *h);

void ledger_init(struct ledger *l, uint32_t partition, int64_t start);
void ledger_fini(struct ledger *l);

// The window, or NULL.
struct ledger_window *ledger_find(const struct ledger *l, int64_t start_s);
// Must the window be read again from its part (if the store has one) before a pane of it can be taken?
bool ledger_is_away(const struct ledger *l, int64_t start_s);
// Takes the rows of the window's part, and what it counted. A window without a part is begun with new rows
// and a coverage of nothing.
void ledger_reopen(struct ledger *l, int64_t start_s, struct rows *taken, const struct coverage *coverage);

// What the window has gained while its part could not be read, or NULL.
struct pane *ledger_apart(const struct ledger *l, int64_t start_s);
// Its part, that reaches so far, cannot be read: from now on it gains apart.
void ledger_set_apart(struct ledger *l, int64_t start_s, int64_t part_to);
// It can again: adds what stands apart. The window must not be away (CHECKed).
void ledger_join(struct ledger *l, int64_t start_s);

// Adds what was handed over. The rows of a pane that begins a window are adopted, the others stay the
// caller's. No window of them may be away (CHECKed), but those that gain apart.
void ledger_take(struct ledger *l, struct handover *h);

// Is there a part of it to be kept?
static inline bool ledger_is_unkept(const struct ledger *l, const struct ledger_window *w) {
    return w->rows != NULL && w->start_s + WINDOW_S <= l->sealed_s && w->kept_to != w->to;
}

// Are its rows to be in checkpoints? Else its part has them.
static inline bool ledger_is_only_here(const struct ledger_window *w) {
    return w->rows != NULL && w->kept_to != w->to;
}

// Frees the rows of windows to which only late events can come any more.
void ledger_close(struct ledger *l, int64_t lateness_ms);

// Forgets a closed line: its events are settled.
void ledger_forget(struct ledger *l, struct ledger_window *w);
// Forgets the oldest closed lines, beyond LEDGER_LINES_KEPT or of windows that end by gone_before_s, of which
// `is_published` says that the window was published with them.
void ledger_settle(struct ledger *l, bool (*is_published)(void *context, const struct ledger_window *w),
                   void *context);

// The ledger as files have it; `lines` holds l->count + l->apart.count.
void ledger_progress(const struct ledger *l, struct progress *out, struct line *lines);
// The ledger that a file has, open windows with empty rows. Parts are kept before the file is: those of
// windows that it has sealed are there, or have left the store.
void ledger_restore(struct ledger *l, const struct progress *progress);

size_t ledger_open_count(const struct ledger *l); // windows
size_t ledger_memory(const struct ledger *l);
