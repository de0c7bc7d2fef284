// Fields of recordings: a table of comma-separated values, and what its fields say.
#pragma once

#include "loadtest/recordings/lines.h"

struct csv {
    struct lines *lines;
    size_t columns;
};

enum { CSV_COLUMNS_MAX = 16 };

// Opens the file and reads its first line, which must be `header`: STATUS_BAD_DATA where it is another.
enum status csv_open(struct csv *csv, const char *path, const char *header, struct problem *problem);
void csv_close(struct csv *csv);

// The fields of the next row (RFC 4180 without line breaks inside fields; quotes around a field are taken
// off, a doubled quote inside stays doubled), valid until the next call. STATUS_NO at the end.
enum status csv_next(struct csv *csv, struct slice fields[CSV_COLUMNS_MAX], struct problem *problem);

// STATUS_BAD_DATA: "<path>:<line> <what>".
enum status csv_refuse(const struct csv *csv, struct problem *problem, const char *what);

// True where the whole text is one. Integers have at most nine digits and perhaps a sign; amounts at most
// nine digits before the point and six after it; times are YYYY-MM-DD, or that and THH:MM:SS, and perhaps a
// Z.
bool field_integer(struct slice text, int64_t *value);
bool field_micros(struct slice text, int64_t *micros);
bool field_time(struct slice text, int64_t *ms);
