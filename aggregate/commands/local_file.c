#include "aggregate/commands/local_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/memory.h"

bool local_file_is_there(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && S_ISREG(about.st_mode);
}

static enum status unreadable(const char *path, struct problem *p) {
    enum status status = errno == EACCES || errno == EPERM ? STATUS_NOT_ALLOWED : STATUS_NO_INPUT;
    return problem_set(p, status, "", "name a file that is there and may be read", "%s: %s", path,
                       strerror(errno));
}

static bool bytes_read(FILE *in, char **bytes, size_t *length) {
    size_t room = 0, got = 1;
    *bytes = NULL;
    *length = 0;
    while (got > 0) {
        if (*length == room) {
            room = room == 0 ? 65536 : 2 * room;
            *bytes = memory_grow(*bytes, room, 1);
        }
        got = fread(*bytes + *length, 1, room - *length, in);
        *length += got;
    }
    return ferror(in) == 0;
}

enum status local_file_read(const char *path, char **bytes, size_t *length, struct problem *p) {
    FILE *in = fopen(path, "rbe");
    if (in == NULL)
        return unreadable(path, p);
    bool whole = bytes_read(in, bytes, length);
    enum status status = whole ? STATUS_OK : unreadable(path, p);
    fclose(in);
    if (!whole) {
        free(*bytes);
        *bytes = NULL;
    }
    return status;
}
