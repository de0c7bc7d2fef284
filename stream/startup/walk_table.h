// The report of `check`: every step with its outcome. A table is printed step by step, because a broker that
// does not answer takes its time; other formats at the end.
#pragma once

#include "runtime/output.h"
#include "stream/startup/walk.h"

struct walk_table {
    bool table;
    struct output output;
    int warnings;
    struct problem *findings; // of the files and flags, told before the step that they are of
    size_t finding_count;
};

// The format stands on the command line, which the first step reads: so it is looked for beforehand, as -o
// (made
// --output in argv) or --output; a name that none is called is for the command to refuse. Findings go into
// the table until walk_table_end.
void walk_table_begin(struct walk_table *t, int argc, char **argv);
void walk_table_end(struct walk_table *t); // prints what has not been

// A walk_report; `context` is the table.
void walk_table_report(void *context, const char *step, const char *detail, const struct problem *problem);
