// One line of the log, written into bounded room so that it is always whole: what does not fit is left out,
// and the line says so (`truncated`). Any bytes may come in; what goes out is UTF-8 without control
// characters, and JSON is well formed.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/log/log.h"

// PIPE_BUF: a pipe takes a line of this length as one, also where several processes write to it.
enum { LOG_LINE_MAX = 4096 };

struct log_line {
    bool json;
    bool truncated;
    size_t length;
    char bytes[LOG_LINE_MAX];
};

void log_line_begin(struct log_line *line, bool json, enum log_level level, const char *event,
                    int64_t wall_ms);
void log_line_add(struct log_line *line, const struct log_field *field);
void log_line_end(struct log_line *line); // bytes[0..length) end with a newline
