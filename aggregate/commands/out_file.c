// The temporary file is made when writing begins, by its own name: who may not write there is told at once,
// and a signal that ends the process removes it. It is locked until it is whole or gone, so that what a
// process left that was killed is known, and removed by whoever writes there next.
#include "aggregate/commands/out_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "runtime/memory.h"

enum { COMPRESSION_LEVEL = 3, OPEN_MAX = 8 };

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

static enum status unwritable(const char *path, struct problem *p) {
    enum status status = errno == EACCES || errno == EPERM ? STATUS_NOT_ALLOWED : STATUS_CANT_CREATE;
    return problem_set(p, status, "", "choose a place that can be written, with room", "%s: %s", path,
                       strerror(errno));
}

// ---- temporary files, which signals remove

static char *_Atomic temporaries[OPEN_MAX];

// Any thread, between any two instructions: unlink and raise are safe there.
static void on_signal(int number) {
    for (int i = 0; i < OPEN_MAX; i++) {
        const char *path = atomic_load(&temporaries[i]);
        if (path != NULL)
            unlink(path);
    }
    signal(number, SIG_DFL);
    raise(number);
}

// Signals that somebody ignores, or handles, do not end the process.
static void signals_take(void) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct sigaction now, ours = {.sa_handler = on_signal};
        if (sigaction(numbers[i], NULL, &now) == 0 && now.sa_handler == SIG_DFL)
            sigaction(numbers[i], &ours, NULL);
    }
}

static void temporary_know(char *path) {
    char *none = NULL;
    signals_take();
    for (int i = 0; i < OPEN_MAX && !atomic_compare_exchange_strong(&temporaries[i], &none, path); i++)
        none = NULL;
}

static void temporary_forget(char *path) {
    for (int i = 0; i < OPEN_MAX; i++) {
        char *known = path;
        atomic_compare_exchange_strong(&temporaries[i], &known, NULL);
    }
    free(path);
}

// ---- what may be written

static bool has_folder(const char *folder, const char *name) {
    struct stat about;
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

// By what every store has, whatever the configuration names.
static bool is_store(const char *folder) {
    return has_folder(folder, "through") && (has_folder(folder, "snapshots") || has_folder(folder, "parts"));
}

// Is the folder one of a store, or in one? Spans may lie in the store that they were merged from.
static bool is_of_store(char *folder) {
    const char *below = "";
    for (char *slash = strrchr(folder, '/'); slash != NULL; slash = strrchr(folder, '/')) {
        if (is_store(folder))
            return strcmp(below, "spans") != 0;
        below = slash + 1;
        *slash = '\0';
    }
    return false;
}

static bool is_in_store(const char *path) {
    char folder[PATH_MAX];
    char *copy = memory_text(path);
    bool is_in = realpath(dirname(copy), folder) != NULL && is_of_store(folder);
    free(copy);
    return is_in;
}

static enum status place_check(const char *path, int how, struct problem *p) {
    struct stat about;
    if (strcmp(path, "-") == 0)
        return problem_set(p, STATUS_USAGE, "", "name a file: --out NAME; one that is called so is ./-",
                           "--out -: nothing is written to standard output");
    if (is_in_store(path))
        return problem_set(p, STATUS_USAGE, "", "choose a place outside of it, or its folder spans",
                           "%s lies in a store, whose files are its own", path);
    if (stat(path, &about) != 0)
        return STATUS_OK;
    errno = S_ISDIR(about.st_mode) ? EISDIR : EEXIST;
    if (!S_ISREG(about.st_mode))
        return unwritable(path, p);
    return (how & OUT_FORCED) != 0
               ? STATUS_OK
               : problem_set(p, STATUS_CANT_CREATE, "", "choose another name, or write over it with --force",
                             "%s is there already, and stays", path);
}

// ---- what was left

// NAME.PID.tmp
static bool is_temporary_of(const char *temporary, const char *name) {
    size_t length = strlen(name);
    if (strncmp(temporary, name, length) != 0 || temporary[length] != '.')
        return false;
    const char *number = temporary + length + 1;
    size_t digits = strspn(number, "0123456789");
    return digits > 0 && strcmp(number + digits, ".tmp") == 0;
}

// By the lock that its writer holds to the end, on whatever machine: a number of a process would not say so.
static void unlocked_remove(int folder, const char *name) {
    int file = openat(folder, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0)
        return;
    if (flock(file, LOCK_EX | LOCK_NB) == 0)
        unlinkat(folder, name, 0);
    close(file);
}

// Of processes that were killed.
static void leftovers_remove(const char *path) {
    char *in = memory_text(path), *of = memory_text(path);
    const char *name = basename(of);
    DIR *folder = opendir(dirname(in));
    for (struct dirent *e = folder != NULL ? readdir(folder) : NULL; e != NULL; e = readdir(folder)) {
        if (is_temporary_of(e->d_name, name))
            unlocked_remove(dirfd(folder), e->d_name);
    }
    if (folder != NULL)
        closedir(folder);
    free(of);
    free(in);
}

// ---- writing

static enum status temporary_open(struct out_file *file, struct problem *p) {
    size_t size = strlen(file->path) + 32;
    char *temporary = memory_take(size);
    snprintf(temporary, size, "%s.%ld.tmp", file->path, (long)getpid());
    temporary_know(temporary);
    int lock = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) != 0) {
        enum status status = unwritable(file->path, p);
        if (lock >= 0) {
            unlink(temporary);
            close(lock);
        }
        temporary_forget(temporary);
        return status;
    }
    file->temporary = temporary;
    file->lock = lock;
    return STATUS_OK;
}

// Beside the file that it becomes: a rename does not cross file systems.
enum status out_file_name(struct out_file *file, const char *path, int how, struct problem *p) {
    *file = (struct out_file){.path = memory_text(path)};
    enum status status = place_check(path, how, p);
    if (status != STATUS_OK)
        return status;
    leftovers_remove(path);
    return temporary_open(file, p);
}

enum status out_file_begin(struct out_file *file, const char *path, int how, struct problem *p) {
    enum status status = out_file_name(file, path, how, p);
    if (status != STATUS_OK)
        return status;
    file->out = fopen(file->temporary, "wbe");
    if (file->out == NULL)
        return unwritable(file->temporary, p);
    if ((how & OUT_COMPRESSED) != 0) {
        file->compressed = file->out;
        file->out = compressor_open(file->compressed);
    }
    return STATUS_OK;
}

static void temporary_end(struct out_file *file) {
    temporary_forget(file->temporary);
    close(file->lock);
    file->temporary = NULL;
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

enum status out_file_whole(struct out_file *file, struct problem *p) {
    bool is_compressed = file->compressed != NULL;
    errno = ENOSPC;
    bool whole = stream_end(&file->out);
    whole = (!is_compressed || stream_end(&file->compressed)) && whole;
    return whole && sync_path(file->temporary, O_RDONLY) ? STATUS_OK : unwritable(file->path, p);
}

enum status out_file_place(struct out_file *file, struct problem *p) {
    if (rename(file->temporary, file->path) != 0)
        return unwritable(file->path, p);
    sync_folder_of(file->path);
    temporary_end(file);
    return STATUS_OK;
}

enum status out_file_commit(struct out_file *file, struct problem *p) {
    enum status status = out_file_whole(file, p);
    return status == STATUS_OK ? out_file_place(file, p) : status;
}

void out_file_abandon(struct out_file *file) {
    stream_end(&file->out);
    stream_end(&file->compressed);
    if (file->temporary != NULL) {
        unlink(file->temporary);
        temporary_end(file);
    }
    free(file->path);
    *file = (struct out_file){0};
}
