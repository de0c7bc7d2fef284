// tap --where: conditions on what a row shows.
//
// "COLUMN=VALUE", several with commas between, of which all must hold. COLUMN is one of tap's, and VALUE the
// text it shows as JSON does (times in milliseconds); or COLUMN is a measure: watch_ms=1200. A comma belongs
// to the value where no name and `=` follow it.
#pragma once

#include "runtime/output.h"
#include "runtime/status.h"

enum { TAP_CONDITIONS_MAX = 8, TAP_MEASURE = -1 };

struct tap_condition {
    int column; // or TAP_MEASURE
    struct slice name, value;
};

struct tap_where {
    const struct output_column *columns;
    int column_count, measures; // the column that holds "name=value" of each measure, separated by spaces
    struct tap_condition conditions[TAP_CONDITIONS_MAX];
    size_t count;
};

// `text` is borrowed. STATUS_USAGE, with a word on stderr, where it is not understood.
enum status tap_where_parse(struct tap_where *w, const char *text, const struct output_column *columns,
                            int column_count, int measures);

bool tap_where_holds(const struct tap_where *w, const struct output_cell *cells);
