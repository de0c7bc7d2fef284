// Where two sets of rows differ, counter by counter, and sketch by sketch; and where viewers do. Pure.
#pragma once

#include "schemas/snapshot/snapshot.h"

struct difference {
    // Of orders the id is the order and its event in hex, of refunds the order and the time they say of it.
    struct row_key key;
    // Of orders that are in one alone: "copies". Of sketches, whose name is the id, "reached", be they others
    // and as many; "durations", and the quantiles that are others. Of readings as in Redis: "views.read",
    // "views.read_at", and "views.read_id", 1 of the one whose event id is greater. Of live sessions
    // "live_joins"... and "viewers@TIME", by how many they change then. Of viewers, whose key in hex is the
    // id and who are of no account, what snapshot.proto says of them; and "there" of one that is in one
    // alone.
    const char *counter;
    size_t counter_length;
    int64_t left, right;
};
typedef void (*difference_visit)(void *context, const struct difference *difference);

// Calls `visit` for each, sorted as files are and by the counter's name; returns how many there are.
size_t difference_each(const struct rows *left, const struct rows *right, difference_visit visit,
                       void *context);

// How viewers of live sessions stand: those of a checkpoint, by key.
struct viewers_kept {
    struct viewer *at;
    size_t count, room;
};
// The same of them.
size_t difference_each_viewer(const struct viewers_kept *left, const struct viewers_kept *right,
                              difference_visit visit, void *context);

// As files sort rows: by table, account, platform, origin, format, paid, id.
int row_key_compare(const struct row_key *a, const struct row_key *b);
// A row's cells sorted by the counter's name, as columns are; the caller frees. `*count` of them.
struct cell *cells_sorted(const struct rows *rows, uint32_t row, size_t *count);
