// The recount's answer: what was compared, and what differs.
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "loadtest/recount/recount_fold.h"

struct recount_difference {
    char *key;
    char *field; // "" where it is about the key itself
    char *redis;
    char *recount;
};

struct recount_fault {
    char *key;
    char *field;
    char *delta;
    char *error;
};

struct recount_report {
    struct fold_tally tally;
    uint64_t keys;     // compared
    uint64_t counters; // fields, scores, sketches, order entries and marks compared
    uint64_t expired;  // keys not compared: their time is over, or nearly
    uint64_t differences;
    int64_t max_differences; // so many are kept
    struct recount_difference *kept;
    size_t kept_count;
    struct recount_fault *faults;
    size_t fault_count;
};

void recount_report_init(struct recount_report *r, int64_t max_differences);
void recount_report_fini(struct recount_report *r);

void recount_report_difference(struct recount_report *r, struct slice key, struct slice field,
                               struct slice redis, struct slice recount);
// Forgets what came since `before`, a copy of the report's counts made then: a comparison that has to be made
// again.
void recount_report_rewind(struct recount_report *r, const struct recount_report *before);
void recount_report_fault(struct recount_report *r, struct slice key, struct slice field, struct slice delta);
// The fault of a key and field said this.
void recount_report_fault_error(struct recount_report *r, struct slice key, struct slice field,
                                struct slice error);

// A table, or one JSON line.
void recount_report_print(const struct recount_report *r, FILE *out, bool table);
