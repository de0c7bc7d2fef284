// What a call writes to standard error, and files for it to read.
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct capture {
    int saved;
    FILE *file;
    char text[1 << 18];
};

static inline void capture_begin(struct capture *c) {
    fflush(stderr);
    c->saved = dup(STDERR_FILENO);
    c->file = tmpfile();
    dup2(fileno(c->file), STDERR_FILENO);
}

// `text` holds all of it afterwards.
static inline void capture_end(struct capture *c) {
    fflush(stderr);
    dup2(c->saved, STDERR_FILENO);
    close(c->saved);
    rewind(c->file);
    size_t length = fread(c->text, 1, sizeof(c->text) - 1, c->file);
    c->text[length] = '\0';
    fclose(c->file);
}

static inline void file_write(const char *path, const char *text, size_t length, mode_t mode) {
    FILE *file = fopen(path, "w");
    if (file == NULL || fwrite(text, 1, length, file) != length || fclose(file) != 0 ||
        chmod(path, mode) != 0)
        abort();
}
