#include "loadtest/recordings/lines.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <zlib.h>

#include "runtime/memory.h"

enum { READ_BUFFER = 256 * 1024 };

struct lines {
    gzFile file;
    char *path;
    uint64_t number;
    char text[LINES_LENGTH_MAX + 2]; // with its LF and a terminator
};

enum status lines_open(struct lines **lines, const char *path, struct problem *problem) {
    gzFile file = gzopen(path, "rb"); // reads plain text as it is
    if (file == NULL)
        return problem_set(problem, STATUS_NO_INPUT, "", "check the path", "cannot open %s: %s", path,
                           errno != 0 ? strerror(errno) : "out of memory");
    gzbuffer(file, READ_BUFFER);
    struct lines *l = memory_take(sizeof(*l));
    l->file = file;
    l->path = memory_text(path);
    *lines = l;
    return STATUS_OK;
}

void lines_close(struct lines **lines) {
    if (*lines == NULL)
        return;
    gzclose_r((*lines)->file);
    free((*lines)->path);
    free(*lines);
    *lines = NULL;
}

// gzgets gives nothing both at the end and where the file is broken; a cut one says so only here.
static enum status judge_end(struct lines *l, struct problem *problem) {
    int error = Z_OK;
    const char *text = gzerror(l->file, &error);
    if (error == Z_OK || error == Z_STREAM_END)
        return STATUS_NO;
    return problem_set(problem, STATUS_BAD_DATA, "", "fetch the file again",
                       "%s breaks off after line %" PRIu64 ": %s", l->path, l->number,
                       error == Z_ERRNO ? strerror(errno) : text);
}

enum status lines_next(struct lines *l, struct slice *line, struct problem *problem) {
    if (gzgets(l->file, l->text, (int)sizeof(l->text)) == NULL)
        return judge_end(l, problem);
    l->number++;
    size_t length = strlen(l->text);
    bool ended = length > 0 && l->text[length - 1] == '\n';
    if (ended)
        length--;
    else if (length > LINES_LENGTH_MAX)
        return problem_set(problem, STATUS_BAD_DATA, "", "check --format",
                           "%s:%" PRIu64 " is longer than %d bytes", l->path, l->number, LINES_LENGTH_MAX);
    if (ended && length > 0 && l->text[length - 1] == '\r')
        length--;
    *line = (struct slice){l->text, length};
    return STATUS_OK;
}

uint64_t lines_number(const struct lines *lines) {
    return lines->number;
}

const char *lines_path(const struct lines *lines) {
    return lines->path;
}
