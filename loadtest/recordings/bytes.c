#include "loadtest/recordings/bytes.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "runtime/memory.h"

enum { READ_BUFFER = 256 * 1024 };

struct bytes {
    gzFile gzip; // plain text too, as it is; NULL where the file is zstd's
    FILE *file;
    ZSTD_DStream *zstd;
    ZSTD_inBuffer in;
    size_t owed; // 0 where a frame is complete
    bool held;   // the last output was full: zstd may have more without further input
    char packed[READ_BUFFER];
};

static bool is_zstd(FILE *file) {
    static const unsigned char magic[4] = {0x28, 0xb5, 0x2f, 0xfd};
    unsigned char found[sizeof(magic)];
    bool is =
        fread(found, 1, sizeof(found), file) == sizeof(found) && memcmp(found, magic, sizeof(magic)) == 0;
    rewind(file);
    return is;
}

enum status bytes_open(struct bytes **bytes, const char *path, struct problem *problem) {
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return problem_set(problem, STATUS_NO_INPUT, "", "check the path", "cannot open %s: %s", path,
                           strerror(errno));
    struct bytes *b = memory_take(sizeof(*b));
    if (is_zstd(file)) {
        b->file = file;
        b->zstd = ZSTD_createDStream();
    } else {
        fclose(file);
        b->gzip = gzopen(path, "rb");
    }
    if (b->gzip == NULL && b->zstd == NULL) {
        bytes_close(&b);
        return problem_set(problem, STATUS_NO_INPUT, "", "check the path", "cannot open %s: %s", path,
                           strerror(errno));
    }
    if (b->gzip != NULL)
        gzbuffer(b->gzip, READ_BUFFER);
    *bytes = b;
    return STATUS_OK;
}

void bytes_close(struct bytes **bytes) {
    struct bytes *b = *bytes;
    if (b == NULL)
        return;
    if (b->gzip != NULL)
        gzclose_r(b->gzip);
    if (b->file != NULL)
        fclose(b->file);
    ZSTD_freeDStream(b->zstd);
    free(b);
    *bytes = NULL;
}

// gzread gives fewer bytes than asked for both at the end and where the file is cut; gzerror tells them
// apart.
static const char *read_gzip(struct bytes *b, char *out, size_t room, size_t *count) {
    int got = gzread(b->gzip, out, (unsigned)room);
    *count = got > 0 ? (size_t)got : 0;
    if (got == (int)room)
        return NULL;
    int error = Z_OK;
    const char *text = gzerror(b->gzip, &error);
    if (error == Z_OK || error == Z_STREAM_END || *count > 0)
        return NULL; // what was read is given first; the next call finds the error again
    return error == Z_ERRNO ? strerror(errno) : text;
}

static const char *read_zstd(struct bytes *b, char *out, size_t room, size_t *count) {
    ZSTD_outBuffer to = {out, room, 0};
    while (to.pos == 0) {
        if (b->in.pos == b->in.size && !b->held) {
            b->in = (ZSTD_inBuffer){b->packed, fread(b->packed, 1, sizeof(b->packed), b->file), 0};
            if (ferror(b->file))
                return strerror(errno);
            if (b->in.size == 0)
                return b->owed == 0 ? NULL : "unexpected end of file";
        }
        b->owed = ZSTD_decompressStream(b->zstd, &to, &b->in);
        if (ZSTD_isError(b->owed))
            return ZSTD_getErrorName(b->owed);
        b->held = to.pos == to.size;
    }
    *count = to.pos;
    return NULL;
}

const char *bytes_read(struct bytes *bytes, char *out, size_t room, size_t *count) {
    *count = 0;
    return bytes->gzip != NULL ? read_gzip(bytes, out, room, count) : read_zstd(bytes, out, room, count);
}
