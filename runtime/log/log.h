// The structured log, to standard error: one line an entry, JSON or text, `event` a fixed snake_case name,
// then fields.
//
//     log_info("flush_fenced", FIELD("shard", LOG_INT(12)), FIELD("partition", LOG_INT(3)), FIELD("epoch",
//     LOG_INT(7))); 2026-11-22T04:00:00.123Z INFO flush_fenced shard=12 partition=3 epoch=7
//     {"ts":"2026-11-22T04:00:00.123Z","level":"info","event":"flush_fenced","shard":12,"partition":3,"epoch":7}
//
// Repeats of one event name at warn or below are limited to `burst` (10) per 10 s; the next one let through
// says `suppressed`=n. Never log ids of persons, actors, or raw bytes of messages. May be called from any
// thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/status.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

struct log_value {
    enum { LOG_VALUE_INT, LOG_VALUE_TEXT, LOG_VALUE_REAL, LOG_VALUE_TIME } type;
    int64_t integer; // of a time: Unix seconds
    double real;
    const char *text;
};

struct log_field {
    const char *name;
    struct log_value value;
};

#define LOG_INT(v)  ((struct log_value){.type = LOG_VALUE_INT, .integer = (int64_t)(v)})
#define LOG_TEXT(v) ((struct log_value){.type = LOG_VALUE_TEXT, .text = (v)})
#define LOG_REAL(v) ((struct log_value){.type = LOG_VALUE_REAL, .real = (v)})

// Of Unix seconds: 2026-11-22T04:15:00Z, a text.
#define LOG_TIME(v) ((struct log_value){.type = LOG_VALUE_TIME, .integer = (int64_t)(v)})

// level: "debug" ...; format: "auto", "text", "json". Before this call: info, auto.
void log_configure(const char *level, const char *format);

bool log_enabled(enum log_level level);
void log_write(enum log_level level, const char *event, const struct log_field *fields, unsigned count);

// log_info("name", FIELD("shard", LOG_INT(1)), FIELD("why", LOG_TEXT(x))); fields may be absent.
#define FIELD(name, value) ((struct log_field){(name), (value)})
#define LOG_AT(level, event, ...)                                                                            \
    do {                                                                                                     \
        const struct log_field log_fields_[] = {__VA_ARGS__ __VA_OPT__(, ){0}};                              \
        log_write((level), (event), log_fields_,                                                             \
                  (unsigned)(sizeof(log_fields_) / sizeof(log_fields_[0]) - 1));                             \
    } while (0)
#define log_debug(event, ...) LOG_AT(LOG_LEVEL_DEBUG, event __VA_OPT__(, ) __VA_ARGS__)
#define log_info(event, ...)  LOG_AT(LOG_LEVEL_INFO, event __VA_OPT__(, ) __VA_ARGS__)
#define log_warn(event, ...)  LOG_AT(LOG_LEVEL_WARN, event __VA_OPT__(, ) __VA_ARGS__)
#define log_error(event, ...) LOG_AT(LOG_LEVEL_ERROR, event __VA_OPT__(, ) __VA_ARGS__)

// Logs a problem: event name, code, what, remedy.
void log_problem(enum log_level level, const char *event, const struct problem *p);
