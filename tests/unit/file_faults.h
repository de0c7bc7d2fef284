// The calls by which files are changed, as the program under test makes them: the Nth fails, or ends the
// process; and what would be lost with the machine's power is known at every moment (fsync does no more than
// note it). Defined here, they come before the C library's.
//
// Under one thread; only between faults_begin and faults_end.
#pragma once

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FAULT_NONE, FAULT_FAIL, FAULT_DIE, FAULT_DIED = 99, UNSAFE_MAX = 256 };

struct faults {
    int kind;
    unsigned at; // the call that it befalls, from 1
    int error;   // its errno
    unsigned calls;
    bool armed;
    ino_t unsafe[UNSAFE_MAX]; // files and folders that have changed since their last fsync
    size_t unsafe_count;
    unsigned named_unsafe; // names given to a file that was not durable
};
static struct faults faults;

static inline void faults_begin(int kind, unsigned at, int error) {
    faults = (struct faults){.kind = kind, .at = at, .error = error, .armed = true};
}

static inline void faults_end(void) {
    faults.armed = false;
}

// Does this call fail? errno is set then.
static bool faults_hit(void) {
    if (!faults.armed || ++faults.calls != faults.at || faults.kind == FAULT_NONE)
        return false;
    if (faults.kind == FAULT_DIE)
        _exit(FAULT_DIED);
    errno = faults.error;
    return true;
}

static inline bool faults_unsafe(ino_t file) {
    for (size_t i = 0; i < faults.unsafe_count; i++) {
        if (faults.unsafe[i] == file)
            return true;
    }
    return false;
}

static void faults_changed(ino_t file) {
    if (faults.armed && !faults_unsafe(file) && faults.unsafe_count < UNSAFE_MAX)
        faults.unsafe[faults.unsafe_count++] = file;
}

static ino_t faults_file(int fd, const char *path) {
    struct stat found;
    return fstatat(fd, path, &found, path[0] == '\0' ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW) == 0
               ? found.st_ino
               : 0;
}

// The folder that a name lies in, relative to a directory that is open.
static ino_t faults_folder(int fd, const char *name) {
    char folder[512];
    snprintf(folder, sizeof(folder), "%s", name);
    char *end = strrchr(folder, '/');
    if (end == NULL)
        return faults_file(fd, ".");
    *end = '\0';
    return faults_file(fd, folder[0] != '\0' ? folder : "/");
}

#define FAULTS_REAL(call) ((__typeof__(&call))(uintptr_t)dlsym(RTLD_NEXT, #call))

int openat(int fd, const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    if (faults_hit())
        return -1;
    int opened = FAULTS_REAL(openat)(fd, path, flags, mode);
    if (opened >= 0 && (flags & O_CREAT) != 0)
        faults_changed(faults_file(opened, ""));
    return opened;
}

// Half of it is written before a write fails, or the process ends.
ssize_t write(int fd, const void *bytes, size_t length) {
    if (faults.armed && faults.kind != FAULT_NONE && faults.calls + 1 == faults.at)
        (void)!FAULTS_REAL(write)(fd, bytes, length / 2);
    if (faults_hit())
        return -1;
    if (faults.armed)
        faults_changed(faults_file(fd, ""));
    return FAULTS_REAL(write)(fd, bytes, length);
}

ssize_t read(int fd, void *bytes, size_t length) {
    return faults_hit() ? -1 : FAULTS_REAL(read)(fd, bytes, length);
}

int fsync(int fd) {
    if (faults_hit())
        return -1;
    ino_t file = faults_file(fd, "");
    for (size_t i = 0; faults.armed && i < faults.unsafe_count; i++) {
        if (faults.unsafe[i] == file)
            faults.unsafe[i] = 0;
    }
    return 0;
}

static void faults_named(int from_fd, const char *from, int to_fd, const char *to) {
    faults.named_unsafe += faults_unsafe(faults_file(from_fd, from));
    faults_changed(faults_folder(to_fd, to));
}

int renameat(int from_fd, const char *from, int to_fd, const char *to) {
    if (faults_hit())
        return -1;
    faults_named(from_fd, from, to_fd, to);
    return FAULTS_REAL(renameat)(from_fd, from, to_fd, to);
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags) {
    if (faults_hit())
        return -1;
    faults_named(from_fd, from, to_fd, to);
    return FAULTS_REAL(renameat2)(from_fd, from, to_fd, to, flags);
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags) {
    if (faults_hit())
        return -1;
    faults_named(from_fd, from, to_fd, to);
    return FAULTS_REAL(linkat)(from_fd, from, to_fd, to, flags);
}

int mkdirat(int fd, const char *path, mode_t mode) {
    if (faults_hit())
        return -1;
    int made = FAULTS_REAL(mkdirat)(fd, path, mode);
    if (made == 0)
        faults_changed(faults_folder(fd, path));
    return made;
}

int unlinkat(int fd, const char *path, int flags) {
    return faults_hit() ? -1 : FAULTS_REAL(unlinkat)(fd, path, flags);
}
