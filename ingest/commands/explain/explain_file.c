// Events from a file: protobuf-JSON, JSON lines, or the bytes of an Event or EventBatch.
#include <errno.h>
#include <stdlib.h>

#include "ingest/commands/explain/explain.h"
#include "runtime/clock.h"
#include "runtime/memory.h"

enum { FILE_BYTES_MAX = 64 << 20, READ_STEP = 64 << 10 };

static enum status cannot_read(const char *path, const char *why) {
    struct problem p;
    problem_set(&p, STATUS_NO_INPUT, "",
                "name a file, 32 hex digits of an event_id, TOPIC/PARTITION/OFFSET, or - for standard input",
                "%s cannot be read: %s", path, why);
    problem_print(&p);
    return p.status;
}

// One byte more than may be: what is larger is refused by its size.
static enum status read_all(const char *path, char **text, size_t *length) {
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    *text = NULL;
    *length = 0;
    if (in == NULL)
        return cannot_read(path, strerror(errno));
    size_t got;
    do {
        *text = memory_grow(*text, *length + READ_STEP, 1);
        got = fread(*text + *length, 1, READ_STEP, in);
        *length += got;
    } while (got > 0 && *length <= FILE_BYTES_MAX);
    bool failed = ferror(in) != 0;
    if (in != stdin)
        fclose(in);
    if (failed)
        return cannot_read(path, strerror(EIO));
    return *length <= FILE_BYTES_MAX ? STATUS_OK : cannot_read(path, "it is larger than 64 MiB");
}

static struct slice line_at(struct slice rest) {
    const char *end = rest.length > 0 ? memchr(rest.at, '\n', rest.length) : NULL;
    return (struct slice){rest.at, end != NULL ? (size_t)(end - rest.at) : rest.length};
}

// JSON lines are told by their first line, which is a whole object.
static bool is_lines(struct slice text) {
    struct slice first = line_at(text);
    json_t *json = json_loadb(first.at, first.length, 0, NULL);
    bool object = json_is_object(json);
    json_decref(json);
    return object;
}

static bool is_blank(struct slice text) {
    for (size_t i = 0; i < text.length; i++) {
        if (strchr(" \t\r", text.at[i]) == NULL)
            return false;
    }
    return true;
}

static void take(struct explain *x, const char *path, int64_t line, struct slice value, int64_t at_ms) {
    char source[EXPLAIN_SOURCE_MAX];
    const struct record record = {.offset = line > 0 ? line - 1 : 0, .time_ms = at_ms, .value = value};
    if (line > 0)
        snprintf(source, sizeof(source), "%s:%lld", path, (long long)line);
    else
        snprintf(source, sizeof(source), "%s", path);
    size_t count;
    const struct judged *judged = judge_record(&x->judge, &record, &count);
    for (size_t i = 0; i < count; i++)
        explain_tell(x, source, &record, &judged[i], "");
}

static void take_lines(struct explain *x, const char *path, struct slice rest, int64_t at_ms) {
    for (int64_t number = 1; rest.length > 0; number++) {
        struct slice line = line_at(rest);
        if (!is_blank(line))
            take(x, path, number, line, at_ms);
        size_t used = line.length < rest.length ? line.length + 1 : line.length;
        rest = (struct slice){rest.at + used, rest.length - used};
    }
}

enum status explain_file(struct explain *x, const char *path) {
    int64_t at_ms = clock_wall_ms();
    if (x->flags.at[0] != '\0' && !config_parse_time(x->flags.at, &at_ms)) {
        fprintf(stderr, "--at %s: neither a time such as 2026-01-01T00:00:00Z nor milliseconds\n",
                x->flags.at);
        return STATUS_USAGE;
    }
    char *text = NULL;
    size_t length = 0;
    enum status status = read_all(path, &text, &length);
    if (status != STATUS_OK)
        return status;
    struct slice all = {text, length};
    if (is_lines(all))
        take_lines(x, path, all, at_ms);
    else
        take(x, path, 0, all, at_ms);
    free(text);
    return STATUS_OK;
}
