#include "loadtest/recordings/lines.h"

#include <inttypes.h>
#include <stdlib.h>

#include "loadtest/recordings/bytes.h"
#include "runtime/memory.h"

struct lines {
    struct bytes *bytes;
    char *path;
    uint64_t number;
    size_t from, to; // what was read and not given yet
    bool ended;
    char text[4 * (LINES_LENGTH_MAX + 1)];
};

enum status lines_open(struct lines **lines, const char *path, struct problem *problem) {
    struct bytes *bytes;
    enum status status = bytes_open(&bytes, path, problem);
    if (status != STATUS_OK)
        return status;
    struct lines *l = memory_take(sizeof(*l));
    l->bytes = bytes;
    l->path = memory_text(path);
    *lines = l;
    return STATUS_OK;
}

void lines_close(struct lines **lines) {
    if (*lines == NULL)
        return;
    bytes_close(&(*lines)->bytes);
    free((*lines)->path);
    free(*lines);
    *lines = NULL;
}

static enum status refill(struct lines *l, struct problem *problem) {
    memmove(l->text, l->text + l->from, l->to - l->from);
    l->to -= l->from;
    l->from = 0;
    size_t count;
    const char *why = bytes_read(l->bytes, l->text + l->to, sizeof(l->text) - l->to, &count);
    if (why != NULL)
        return problem_set(problem, STATUS_BAD_DATA, "", "fetch the file again",
                           "%s breaks off after line %" PRIu64 ": %s", l->path, l->number, why);
    l->to += count;
    l->ended = count == 0;
    return STATUS_OK;
}

enum status lines_next(struct lines *l, struct slice *line, struct problem *problem) {
    for (;;) {
        char *at = l->text + l->from;
        size_t read = l->to - l->from;
        char *end = memchr(at, '\n', read);
        if (end == NULL && !l->ended && read <= LINES_LENGTH_MAX) {
            enum status status = refill(l, problem);
            if (status != STATUS_OK)
                return status;
            continue;
        }
        if (read == 0)
            return STATUS_NO;
        l->number++;
        size_t length = end != NULL ? (size_t)(end - at) : read;
        if (length > LINES_LENGTH_MAX)
            return problem_set(problem, STATUS_BAD_DATA, "", "check --format",
                               "%s:%" PRIu64 " is longer than %d bytes", l->path, l->number,
                               LINES_LENGTH_MAX);
        l->from += length + (end != NULL);
        if (end != NULL && length > 0 && at[length - 1] == '\r')
            length--;
        *line = (struct slice){at, length};
        return STATUS_OK;
    }
}

uint64_t lines_number(const struct lines *lines) {
    return lines->number;
}

const char *lines_path(const struct lines *lines) {
    return lines->path;
}
