#include "runtime/log/log_line.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// Kept free for what ends a line, and within a text for its closing quote.
static const char json_end[] = ",\"truncated\":true}\n";
static const char text_end[] = " truncated=true\n";
enum { TAIL = sizeof(json_end) };

static const char *const names_lower[] = {"debug", "info", "warn", "error"};
static const char *const names_upper[] = {"DEBUG", "INFO", "WARN", "ERROR"};

static bool put(struct log_line *line, const char *bytes, size_t length, size_t keep) {
    if (line->length + length + keep > LOG_LINE_MAX) {
        line->truncated = true;
        return false;
    }
    memcpy(line->bytes + line->length, bytes, length);
    line->length += length;
    return true;
}

static bool put_text(struct log_line *line, const char *text) {
    return put(line, text, strlen(text), TAIL);
}

// How many bytes at `at` are one character of UTF-8 (RFC 3629); 0 where they are none. A NUL ends it, as it
// continues nothing.
static size_t character_length(const unsigned char *at) {
    unsigned char first = at[0];
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high)
        return 0;
    size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    for (size_t i = 2; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

// Writes one character as it stands between quotes and returns its length; `*next` is what follows it in
// `at`.
static size_t character_escape(char out[8], const unsigned char *at, const unsigned char **next) {
    static const char shorts[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    size_t length = character_length(at);
    *next = at + (length == 0 ? 1 : length);
    if (length == 0) {
        memcpy(out, "\xef\xbf\xbd", 3); // U+FFFD
        return 3;
    }
    const char *shorthand = length == 1 ? strchr(shorts, at[0]) : NULL;
    if (shorthand != NULL) {
        out[0] = '\\';
        out[1] = letters[shorthand - shorts];
        return 2;
    }
    // C0, DEL and C1: terminals obey them.
    unsigned code = length == 1 ? at[0] : length == 2 ? (at[0] & 0x1fU) << 6 | (at[1] & 0x3fU) : 0x100;
    if (code < 0x20 || (code >= 0x7f && code < 0xa0))
        return (size_t)snprintf(out, 8, "\\u%04x", code);
    memcpy(out, at, length);
    return length;
}

// As much of it as fits: a text that is cut is still worth reading.
static bool put_quoted(struct log_line *line, const char *text) {
    if (!put(line, "\"", 1, TAIL + 1))
        return false;
    const unsigned char *at = (const unsigned char *)text;
    while (*at != '\0') {
        char out[8];
        if (!put(line, out, character_escape(out, at, &at), TAIL + 1))
            break;
    }
    return put(line, "\"", 1, TAIL);
}

// In text form a value stands bare where nothing in it could be taken for something else.
static bool text_is_bare(const char *text) {
    if (*text == '\0')
        return false;
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++)
        if (*at <= ' ' || *at >= 0x7f || *at == '"' || *at == '\\' || *at == '=')
            return false;
    return true;
}

static bool put_real(struct log_line *line, double real) {
    char text[32];
    if (!isfinite(real))
        return put_text(line, "null");
    snprintf(text, sizeof(text), "%.15g", real);
    if (strtod(text, NULL) != real)
        snprintf(text, sizeof(text), "%.17g", real);
    return put_text(line, text);
}

static bool put_time(struct log_line *line, int64_t unix_s) {
    time_t seconds = (time_t)unix_s;
    struct tm t;
    char text[48];
    if (gmtime_r(&seconds, &t) == NULL)
        return put_text(line, "null"); // of no year that there is
    size_t length =
        strftime(text, sizeof(text), line->json ? "\"%Y-%m-%dT%H:%M:%SZ\"" : "%Y-%m-%dT%H:%M:%SZ", &t);
    return put(line, text, length, TAIL);
}

static bool put_value(struct log_line *line, const struct log_value *value) {
    char text[32];
    switch (value->type) {
    case LOG_VALUE_INT:
        snprintf(text, sizeof(text), "%" PRId64, value->integer);
        return put_text(line, text);
    case LOG_VALUE_REAL:
        return put_real(line, value->real);
    case LOG_VALUE_TIME:
        return put_time(line, value->integer);
    case LOG_VALUE_TEXT:
        break;
    }
    if (value->text == NULL)
        return put_text(line, "null");
    if (!line->json && text_is_bare(value->text) && strlen(value->text) < LOG_LINE_MAX / 2)
        return put_text(line, value->text);
    return put_quoted(line, value->text);
}

void log_line_begin(struct log_line *line, bool json, enum log_level level, const char *event,
                    int64_t wall_ms) {
    line->json = json;
    line->truncated = false;
    line->length = 0;
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm t;
    char date[32], head[128];
    gmtime_r(&seconds, &t);
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &t);
    int ms = (int)(wall_ms % 1000);
    if (json)
        snprintf(head, sizeof(head), "{\"ts\":\"%s.%03dZ\",\"level\":\"%s\",\"event\":", date, ms,
                 names_lower[level]);
    else
        snprintf(head, sizeof(head), "%s.%03dZ %s ", date, ms, names_upper[level]);
    put_text(line, head);
    if (json)
        put_quoted(line, event);
    else
        put_text(line, event);
}

// A field is there with its name and a value, or not at all.
void log_line_add(struct log_line *line, const struct log_field *field) {
    size_t before = line->length;
    bool whole;
    if (line->json)
        whole = put(line, ",", 1, TAIL) && put_quoted(line, field->name) && put(line, ":", 1, TAIL);
    else
        whole = put(line, " ", 1, TAIL) && put_text(line, field->name) && put(line, "=", 1, TAIL);
    if (!whole || !put_value(line, &field->value))
        line->length = before;
}

void log_line_end(struct log_line *line) {
    if (line->truncated)
        put(line, line->json ? json_end : text_end, line->json ? sizeof(json_end) - 1 : sizeof(text_end) - 1,
            0);
    else
        put(line, line->json ? "}\n" : "\n", line->json ? 2 : 1, 0);
}
