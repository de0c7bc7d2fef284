#include "loadtest/recordings/fields.h"

#include <inttypes.h>
#include <time.h>

#include "runtime/check.h"

enum { WHOLE_DIGITS_MAX = 9, MICRO_DIGITS = 6, DATE_LENGTH = 10, TIME_LENGTH = 19 };

// --- Tables

enum status csv_open(struct csv *csv, const char *path, const char *header, struct problem *problem) {
    struct slice line;
    *csv = (struct csv){.columns = 1};
    enum status status = lines_open(&csv->lines, path, problem);
    if (status != STATUS_OK)
        return status;
    status = lines_next(csv->lines, &line, problem);
    if (status == STATUS_NO || (status == STATUS_OK && !slice_equal(line, slice_of(header))))
        status = problem_set(problem, STATUS_BAD_DATA, "", "check --format and the path",
                             "%s:1 is not the header `%s`", path, header);
    if (status != STATUS_OK) {
        csv_close(csv);
        return status;
    }
    for (const char *c = header; *c != '\0'; c++)
        csv->columns += *c == ',';
    CHECK(csv->columns <= CSV_COLUMNS_MAX);
    return STATUS_OK;
}

void csv_close(struct csv *csv) {
    lines_close(&csv->lines);
}

enum status csv_refuse(const struct csv *csv, struct problem *problem, const char *what) {
    return problem_set(problem, STATUS_BAD_DATA, "", "check --format and the file", "%s:%" PRIu64 " %s",
                       lines_path(csv->lines), lines_number(csv->lines), what);
}

// Where the field that begins at `at` ends, its quotes included; NULL where a quote is not closed.
static const char *field_end(const char *at, const char *end) {
    if (at == end || *at != '"') {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        return comma != NULL ? comma : end;
    }
    for (at++; at < end; at++) {
        if (*at != '"')
            continue;
        at++;
        if (at == end || *at != '"')
            return at;
    }
    return NULL;
}

static bool split(struct slice line, struct slice *fields, size_t columns) {
    const char *at = line.at, *end = line.at + line.length;
    for (size_t i = 0; i < columns; i++) {
        const char *stop = field_end(at, end);
        bool last = i + 1 == columns;
        if (stop == NULL || (last ? stop != end : (stop == end || *stop != ',')))
            return false;
        bool quoted = stop > at && *at == '"';
        fields[i] = (struct slice){at + quoted, (size_t)(stop - at) - 2 * quoted};
        at = stop + !last;
    }
    return true;
}

enum status csv_next(struct csv *csv, struct slice fields[CSV_COLUMNS_MAX], struct problem *problem) {
    struct slice line;
    enum status status = lines_next(csv->lines, &line, problem);
    if (status == STATUS_OK && !split(line, fields, csv->columns))
        return csv_refuse(csv, problem, "has not the columns of its header");
    return status;
}

// --- Fields

// Takes the digits at the front of `text`; false where there are none, or more than `most`.
static bool take_digits(struct slice *text, size_t most, int64_t *value, size_t *count) {
    *value = 0;
    for (*count = 0; *count < text->length && text->at[*count] >= '0' && text->at[*count] <= '9'; ++*count) {
        if (*count == most)
            return false;
        *value = *value * 10 + (text->at[*count] - '0');
    }
    *text = (struct slice){text->at + *count, text->length - *count};
    return *count > 0;
}

static bool take_sign(struct slice *text) {
    if (text->length == 0 || text->at[0] != '-')
        return false;
    *text = (struct slice){text->at + 1, text->length - 1};
    return true;
}

bool field_integer(struct slice text, int64_t *value) {
    size_t digits;
    bool negative = take_sign(&text);
    if (!take_digits(&text, WHOLE_DIGITS_MAX, value, &digits) || text.length > 0)
        return false;
    *value = negative ? -*value : *value;
    return true;
}

bool field_micros(struct slice text, int64_t *micros) {
    int64_t part = 0;
    size_t digits;
    bool negative = take_sign(&text);
    if (!take_digits(&text, WHOLE_DIGITS_MAX, micros, &digits))
        return false;
    digits = 0;
    if (text.length > 0) {
        bool point = text.at[0] == '.';
        text = (struct slice){text.at + 1, text.length - 1};
        if (!point || !take_digits(&text, MICRO_DIGITS, &part, &digits) || text.length > 0)
            return false;
    }
    for (; digits < MICRO_DIGITS; digits++)
        part *= 10;
    *micros = *micros * 1000000 + part;
    *micros = negative ? -*micros : *micros;
    return true;
}

// `shape` with a 0 for each digit; the numbers between its other characters, in order.
static bool read_shape(struct slice text, const char *shape, int64_t *numbers) {
    int64_t *number = numbers - 1;
    bool inside = false;
    for (size_t i = 0; i < text.length; i++) {
        bool digit = text.at[i] >= '0' && text.at[i] <= '9';
        if (digit != (shape[i] == '0') || (!digit && text.at[i] != shape[i]))
            return false;
        if (digit && !inside)
            *++number = 0;
        if (digit)
            *number = *number * 10 + (text.at[i] - '0');
        inside = digit;
    }
    return true;
}

bool field_time(struct slice text, int64_t *ms) {
    int64_t n[6] = {0};
    if (text.length == TIME_LENGTH + 1 && text.at[TIME_LENGTH] == 'Z')
        text.length--;
    if ((text.length != DATE_LENGTH && text.length != TIME_LENGTH) ||
        !read_shape(text, "0000-00-00T00:00:00", n) || n[0] < 1970 || n[3] > 23 || n[4] > 59 || n[5] > 59)
        return false;
    struct tm tm = {.tm_year = (int)n[0] - 1900, .tm_mon = (int)n[1] - 1, .tm_mday = (int)n[2]};
    int64_t day = timegm(&tm); // a day that is in no calendar comes back as another
    *ms = (day + n[3] * 3600 + n[4] * 60 + n[5]) * 1000;
    return tm.tm_mon == (int)n[1] - 1 && tm.tm_mday == (int)n[2];
}
