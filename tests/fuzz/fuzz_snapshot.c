// A snapshot, a part or a checkpoint. What is accepted is written again from what was read, and that file is
// a fixpoint. The first byte chooses between a file as it is and one whose packing and checksum are made
// right, so that what they guard is reached too.
#include <sodium.h>
#include <stdlib.h>
#include <zstd.h>

#include "fuzz.h"
#include "schemas/snapshot/snapshot.h"

enum { WINDOWS_MAX = 8 };

struct windows {
    struct snapshot_window at[WINDOWS_MAX];
    struct rows *rows[WINDOWS_MAX];
    size_t count;
};

static struct rows *rows_of(void *context, int64_t window_s) {
    struct windows *w = context;
    size_t at = 0;
    while (at < w->count && w->at[at].start_s < window_s)
        at++;
    if (at < w->count && w->at[at].start_s == window_s)
        return w->rows[at];
    if (w->count == WINDOWS_MAX)
        return NULL;
    for (size_t i = w->count++; i > at; i--) {
        w->at[i] = w->at[i - 1];
        w->rows[i] = w->rows[i - 1];
    }
    w->rows[at] = rows_create();
    w->at[at] = (struct snapshot_window){window_s, w->rows[at]};
    return w->rows[at];
}

static void windows_fini(struct windows *w) {
    for (size_t i = 0; i < w->count; i++)
        rows_destroy(&w->rows[i]);
}

// Reads a file whole and writes it again. False where it was refused.
static bool pass(const char *bytes, size_t length, struct snapshot_bytes *out) {
    struct snapshot *s;
    struct problem problem = {0};
    struct windows windows = {.count = 0};
    enum status status = snapshot_open(&s, "file", bytes, length, &problem);
    if (status == STATUS_OK) {
        status = snapshot_read(s, rows_of, &windows, &problem);
        if (status == STATUS_OK)
            snapshot_write(out, snapshot_header(s), windows.at, windows.count);
        snapshot_close(&s);
    }
    CHECK(status == STATUS_OK || (status == STATUS_BAD_DATA && problem.what[0] != '\0'));
    windows_fini(&windows);
    return status == STATUS_OK;
}

static void hold(const char *bytes, size_t length) {
    struct snapshot_bytes once, again;
    if (!pass(bytes, length, &once))
        return;
    CHECK(pass(once.at, once.length, &again));
    CHECK(once.uncompressed == again.uncompressed && memcmp(once.sum, again.sum, SNAPSHOT_SUM_SIZE) == 0);
    snapshot_bytes_fini(&again);
    snapshot_bytes_fini(&once);
}

// The bytes, with the trailer that they need, packed.
static void hold_forged(const uint8_t *bytes, size_t length) {
    enum { TRAILER = 4 + SNAPSHOT_SUM_SIZE };
    unsigned char *whole = malloc(length + TRAILER);
    CHECK(whole != NULL);
    if (length > 0)
        memcpy(whole, bytes, length);
    memcpy(whole + length, "\x1a\x22\x0a\x20", 4);
    crypto_hash_sha256(whole + length + 4, whole, length);
    size_t room = ZSTD_compressBound(length + TRAILER);
    char *packed = malloc(room);
    CHECK(packed != NULL);
    hold(packed, ZSTD_compress(packed, room, whole, length + TRAILER, 1));
    free(packed);
    free(whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    if (fuzz_choice(&bytes, &length) % 4 == 0)
        hold((const char *)bytes, length);
    else
        hold_forged(bytes, length);
    return 0;
}
