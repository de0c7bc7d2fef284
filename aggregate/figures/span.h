// Windows and spans of one log, merged into a span: the same bytes in whatever order they come. Pure.
#pragma once

#include "runtime/status.h"
#include "schemas/snapshot/snapshot.h"

struct span_input {
    int64_t start_s, end_s;
    char *name;
};

struct span {
    struct rows *rows;
    struct header header; // texts and coverage are the span's
    struct coverage *coverage;
    struct span_input *inputs;
    size_t count, room;
    int64_t newest_s; // start of the input whose rules and definitions the header names
    char *texts[4];
};

void span_init(struct span *s);
void span_fini(struct span *s);

// Adds a file's rows; the rows stay the caller's. STATUS_USAGE: it is no window and no span, or of another
// log than those before.
enum status span_add(struct span *s, const char *name, const struct header *header, const struct rows *rows,
                     struct problem *p);
// Once all are there: the header is whole then. STATUS_USAGE where two of them cover the same time, or there
// is none.
enum status span_end(struct span *s, struct problem *p);
// The file.
void span_write(const struct span *s, struct snapshot_bytes *out);
