#include "runtime/log/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "runtime/check.h"
#include "runtime/clock.h"
#include "runtime/log/log_limit.h"
#include "runtime/log/log_line.h"

enum format { FORMAT_AUTO, FORMAT_TEXT, FORMAT_JSON };

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static const char *const format_names[] = {"auto", "text", "json"};

static _Atomic int threshold = LOG_LEVEL_INFO;
static _Atomic int format = FORMAT_AUTO;

// One lock for the limits and the write: a line is written whole before the next begins.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct log_limit limit;

static int name_find(const char *const *names, int count, const char *name) {
    int i = 0;
    while (i < count && strcmp(names[i], name) != 0)
        i++;
    CHECK(i < count); // the configuration has refused others
    return i;
}

void log_configure(const char *level, const char *format_name) {
    threshold = name_find(level_names, 4, level);
    format = name_find(format_names, 3, format_name);
}

bool log_enabled(enum log_level level) {
    return (int)level >= threshold;
}

static bool writes_json(void) {
    int chosen = format;
    return chosen == FORMAT_JSON || (chosen == FORMAT_AUTO && !isatty(STDERR_FILENO));
}

// Who cannot write the log goes on without it.
static void line_write(const struct log_line *line) {
    size_t written = 0;
    while (written < line->length) {
        ssize_t count = write(STDERR_FILENO, line->bytes + written, line->length - written);
        if (count < 0 && errno != EINTR)
            return;
        written += count > 0 ? (size_t)count : 0;
    }
}

void log_write(enum log_level level, const char *event, const struct log_field *fields, unsigned count) {
    if (!log_enabled(level))
        return;
    struct log_line line;
    uint64_t suppressed = 0;
    pthread_mutex_lock(&lock);
    if (level == LOG_LEVEL_ERROR || log_limit_admit(&limit, event, clock_monotonic_ms(), &suppressed)) {
        log_line_begin(&line, writes_json(), level, event, clock_wall_ms());
        // First, so that a line cut short cannot lose it.
        if (suppressed > 0)
            log_line_add(&line, &FIELD("suppressed", LOG_INT(suppressed)));
        for (unsigned i = 0; i < count; i++)
            log_line_add(&line, &fields[i]);
        log_line_end(&line);
        line_write(&line);
    }
    pthread_mutex_unlock(&lock);
}

void log_problem(enum log_level level, const char *event, const struct problem *p) {
    struct log_field fields[3];
    unsigned count = 0;
    if (p->code[0] != '\0')
        fields[count++] = FIELD("code", LOG_TEXT(p->code));
    fields[count++] = FIELD("what", LOG_TEXT(p->what));
    if (p->remedy[0] != '\0')
        fields[count++] = FIELD("remedy", LOG_TEXT(p->remedy));
    log_write(level, event, fields, count);
}
