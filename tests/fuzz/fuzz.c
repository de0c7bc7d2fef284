#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MAX = 8, PATH_SIZE = 96 };

static char folder[64];
static char paths[FILES_MAX][PATH_SIZE];
static size_t path_count;

static void forget(void) {
    for (size_t i = 0; i < path_count; i++)
        unlink(paths[i]);
    rmdir(folder);
}

static void folder_make(void) {
    bool in_memory = access("/dev/shm", W_OK) == 0;
    snprintf(folder, sizeof(folder), "%s/clameur-fuzz-XXXXXX", in_memory ? "/dev/shm" : "/tmp");
    CHECK(mkdtemp(folder) != NULL && atexit(forget) == 0);
}

static const char *path_of(const char *name) {
    char path[PATH_SIZE];
    if (path_count == 0)
        folder_make();
    CHECK((size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) < sizeof(path));
    for (size_t i = 0; i < path_count; i++) {
        if (strcmp(paths[i], path) == 0)
            return paths[i];
    }
    CHECK(path_count < FILES_MAX);
    return strcpy(paths[path_count++], path);
}

const char *fuzz_file(const char *name, const void *bytes, size_t length) {
    const char *path = path_of(name);
    unlink(path);
    FILE *file = fopen(path, "we");
    CHECK(file != NULL && fwrite(bytes, 1, length, file) == length && fclose(file) == 0);
    CHECK(chmod(path, 0400) == 0);
    return path;
}

uint8_t fuzz_choice(const uint8_t **bytes, size_t *length) {
    if (*length == 0)
        return 0;
    (*length)--;
    return *(*bytes)++;
}
