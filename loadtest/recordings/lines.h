// The lines of a text file, plain or packed by gzip or zstd, with the number of each for messages.
#pragma once

#include <stdint.h>

#include "runtime/slice.h"
#include "runtime/status.h"

struct lines;

enum { LINES_LENGTH_MAX = 65535 };

// STATUS_NO_INPUT where the file cannot be opened.
enum status lines_open(struct lines **lines, const char *path, struct problem *problem);
void lines_close(struct lines **lines);

// The next line without its end (LF or CRLF), valid until the next call. STATUS_NO at the end of the file;
// STATUS_BAD_DATA for a line of more than LINES_LENGTH_MAX bytes or a file that is cut or damaged.
enum status lines_next(struct lines *lines, struct slice *line, struct problem *problem);

uint64_t lines_number(const struct lines *lines); // of the line last given, from 1
const char *lines_path(const struct lines *lines);
