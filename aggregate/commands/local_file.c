#include "aggregate/commands/local_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "runtime/memory.h"

enum { COMPRESSION_LEVEL = 3 };

// ---- reading

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

// ---- compressing what is written

struct compressor {
    ZSTD_CStream *stream;
    FILE *to; // borrowed
    size_t room;
    char bytes[];
};

static bool compress(struct compressor *c, ZSTD_inBuffer *in, ZSTD_EndDirective directive) {
    size_t left;
    do {
        ZSTD_outBuffer out = {c->bytes, c->room, 0};
        left = ZSTD_compressStream2(c->stream, &out, in, directive);
        if (ZSTD_isError(left) || fwrite(c->bytes, 1, out.pos, c->to) != out.pos)
            return false;
    } while (directive == ZSTD_e_end ? left > 0 : in->pos < in->size);
    return true;
}

static ssize_t compressor_write(void *cookie, const char *bytes, size_t length) {
    ZSTD_inBuffer in = {bytes, length, 0};
    return compress(cookie, &in, ZSTD_e_continue) ? (ssize_t)length : 0;
}

static int compressor_close(void *cookie) {
    struct compressor *c = cookie;
    ZSTD_inBuffer nothing = {NULL, 0, 0};
    bool whole = compress(c, &nothing, ZSTD_e_end);
    ZSTD_freeCStream(c->stream);
    free(c);
    return whole ? 0 : EOF;
}

static FILE *compressor_open(FILE *to) {
    struct compressor *c = memory_take(sizeof(*c) + ZSTD_CStreamOutSize());
    c->stream = ZSTD_createCStream();
    c->to = to;
    c->room = ZSTD_CStreamOutSize();
    ZSTD_CCtx_setParameter(c->stream, ZSTD_c_compressionLevel, COMPRESSION_LEVEL);
    ZSTD_CCtx_setParameter(c->stream, ZSTD_c_checksumFlag, 1);
    return fopencookie(c, "w", (cookie_io_functions_t){.write = compressor_write, .close = compressor_close});
}

// ---- writing

static enum status unwritable(const char *path, struct problem *p) {
    enum status status = errno == EACCES || errno == EPERM ? STATUS_NOT_ALLOWED : STATUS_CANT_CREATE;
    return problem_set(p, status, "", "choose a place that can be written, with room", "%s: %s", path,
                       strerror(errno));
}

// Beside the file that it becomes: a rename does not cross file systems.
enum status out_file_name(struct out_file *file, const char *path, struct problem *p) {
    struct stat about;
    *file = (struct out_file){.path = memory_text(path)};
    size_t size = strlen(path) + 32;
    file->temporary = memory_take(size);
    snprintf(file->temporary, size, "%s.%ld.tmp", path, (long)getpid());
    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode)) {
        errno = S_ISDIR(about.st_mode) ? EISDIR : EEXIST;
        return unwritable(path, p);
    }
    return STATUS_OK;
}

enum status out_file_begin(struct out_file *file, const char *path, bool is_compressed, struct problem *p) {
    enum status status = out_file_name(file, path, p);
    if (status != STATUS_OK)
        return status;
    file->out = fopen(file->temporary, "wbe");
    if (file->out == NULL)
        return unwritable(file->temporary, p);
    if (is_compressed) {
        file->compressed = file->out;
        file->out = compressor_open(file->compressed);
    }
    return STATUS_OK;
}

static bool stream_end(FILE **stream) {
    if (*stream == NULL)
        return true;
    bool whole = ferror(*stream) == 0;
    whole = fclose(*stream) == 0 && whole;
    *stream = NULL;
    return whole;
}

static bool sync_path(const char *path, int flags) {
    int descriptor = open(path, flags | O_CLOEXEC);
    bool synced = descriptor >= 0 && fsync(descriptor) == 0;
    if (descriptor >= 0)
        close(descriptor);
    return synced;
}

static void sync_folder_of(const char *path) {
    char *copy = memory_text(path);
    sync_path(dirname(copy), O_RDONLY | O_DIRECTORY);
    free(copy);
}

enum status out_file_commit(struct out_file *file, struct problem *p) {
    bool is_compressed = file->compressed != NULL;
    errno = ENOSPC;
    bool whole = stream_end(&file->out);
    whole = (!is_compressed || stream_end(&file->compressed)) && whole;
    if (!whole || !sync_path(file->temporary, O_RDONLY) || rename(file->temporary, file->path) != 0)
        return unwritable(file->path, p);
    sync_folder_of(file->path);
    free(file->temporary);
    file->temporary = NULL;
    return STATUS_OK;
}

void out_file_abandon(struct out_file *file) {
    stream_end(&file->out);
    stream_end(&file->compressed);
    if (file->temporary != NULL)
        unlink(file->temporary);
    free(file->temporary);
    free(file->path);
    *file = (struct out_file){0};
}
