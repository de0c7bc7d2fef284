// A store in a directory.
//
// To write: the bytes go to a file of another name in .tmp/ and are made durable; then the file gets its
// name, by rename, or by link where nothing may be replaced; then the folder that has the new name is made
// durable, and those above it, which may be new too. So a name never stands for less than a whole file,
// whatever ends the process or the machine in between. A temporary that was left behind is cleared by who
// opens the store an hour later: by then nobody writes it any more.
//
// Errors: no room, a limit of file sizes, and what a disk or a network may get over, is CLM-D1, to be tried
// again; nothing of a failed attempt is used again, for what the system says of a file after a failed fsync
// cannot be relied on.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "runtime/check.h"
#include "runtime/clock.h"
#include "runtime/memory.h"
#include "stream/store/store_kind.h"

enum {
    PLACE_ATTEMPTS = 64,
    TEMPORARY_SIZE = 32,
    TEMPORARY_AGE_MS = 60 * 60 * 1000,
};
static const char temporaries[] = ".tmp";

struct directory {
    struct store store;
    int root;
    char *path;
    enum store_use use;
};

// By who uses it.
static const struct {
    const char *permit, *wait;
} remedies[] = {
    [STORE_TO_WRITE] =
        {"give this user the right to read and write there",
         "make room (of EFBIG: ulimit -f) or mend the disk: nothing is lost meanwhile, writing "
         "is tried again"},
    [STORE_TO_READ] = {"give this user the right to read there", "mend the disk, then call it again"},
};

// What the system said of a file, for the operator. `verb` reads "cannot VERB NAME".
static enum status trouble(struct directory *d, const char *verb, const char *name, int error,
                           struct problem *p) {
    static const char format[] = "store %s: cannot %s %s: %s";
    switch (error) {
    case EACCES:
    case EPERM:
        return problem_set(p, STATUS_NOT_ALLOWED, "CLM-A1", remedies[d->use].permit, format, d->path, verb,
                           name, strerror(error));
    case EMFILE:
    case ENFILE:
        return problem_set(p, STATUS_OS, "CLM-L1", "raise LimitNOFILE or ulimit -n", format, d->path, verb,
                           name, strerror(error));
    case EROFS:
    case ENOTDIR:
    case EISDIR:
    case ENAMETOOLONG:
        return problem_set(p, STATUS_CANT_CREATE, "", "see what is there: ls -la", format, d->path, verb,
                           name, strerror(error));
    default: // ENOSPC, EDQUOT, EFBIG, EIO, ESTALE, ENOENT (a folder or a temporary that somebody else took
             // away)...
        return problem_set(p, STATUS_TRY_AGAIN, "CLM-D1", remedies[d->use].wait,
                           "store %s: cannot %s %s: %s; %" PRId64 " bytes are free", d->path, verb, name,
                           strerror(error), store_free_bytes(&d->store, NULL));
    }
}

// Some file systems have no fsync of a directory: they say EINVAL, and nothing better is to be had.
static int sync_folder(int root, const char *folder) {
    int fd = openat(root, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : errno; // taken away together with its last file
    int error = fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
    close(fd);
    return error;
}

// The folder that `name` lies in and all above it. Another process may have made one without having come to
// this yet.
static int sync_folders(struct directory *d, const char *name) {
    char *folder = memory_text(name);
    int error = 0;
    for (char *end; error == 0 && (end = strrchr(folder, '/')) != NULL;) {
        *end = '\0';
        error = sync_folder(d->root, folder);
    }
    free(folder);
    return error != 0 ? error : sync_folder(d->root, ".");
}

static int make_folders(struct directory *d, const char *name) {
    char *folder = memory_text(name);
    int error = 0;
    for (char *end = folder; error == 0 && (end = strchr(end, '/')) != NULL; *end++ = '/') {
        *end = '\0';
        if (mkdirat(d->root, folder, 0777) != 0 && errno != EEXIST)
            error = errno;
    }
    free(folder);
    return error;
}

static int write_all(int fd, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t n = write(fd, bytes, length);
        if (n < 0 && errno != EINTR)
            return errno;
        if (n > 0) {
            bytes += n;
            length -= (size_t)n;
        }
    }
    return fsync(fd) == 0 ? 0 : errno;
}

// A file with these bytes under a name of its own, durable. -1 and errno where there is none.
static int open_temporary(struct directory *d, char name[TEMPORARY_SIZE]) {
    uint64_t random;
    CHECK(getrandom(&random, sizeof(random), 0) == sizeof(random));
    snprintf(name, TEMPORARY_SIZE, "%s/%016" PRIx64, temporaries, random);
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(d->root, name, flags, 0666);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    if (mkdirat(d->root, temporaries, 0777) != 0 && errno != EEXIST)
        return -1;
    return openat(d->root, name, flags, 0666);
}

static int write_temporary(struct directory *d, char name[TEMPORARY_SIZE], const char *bytes, size_t length) {
    int fd = open_temporary(d, name);
    if (fd < 0)
        return errno;
    int error = write_all(fd, bytes, length);
    close(fd);
    if (error != 0)
        unlinkat(d->root, name, 0);
    return error;
}

static bool is_same_file(struct directory *d, const char *a, const char *b) {
    struct stat one, other;
    return fstatat(d->root, a, &one, AT_SYMLINK_NOFOLLOW) == 0 &&
           fstatat(d->root, b, &other, AT_SYMLINK_NOFOLLOW) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

// A link fails where the name is taken; over NFS it also says so when its own first answer was lost. File
// systems without links have a rename that replaces nothing.
static int link_temporary(struct directory *d, const char *temporary, const char *name, bool *created) {
    int done = linkat(d->root, temporary, d->root, name, 0);
    if (done != 0 && (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS || errno == EMLINK))
        done = renameat2(d->root, temporary, d->root, name, RENAME_NOREPLACE);
    int error = done == 0 ? 0 : errno;
    *created = error == 0 || (error == EEXIST && is_same_file(d, temporary, name));
    return error == EEXIST ? 0 : error;
}

static int place_temporary(struct directory *d, const char *temporary, const char *name, bool *created) {
    if (created != NULL)
        return link_temporary(d, temporary, name, created);
    return renameat(d->root, temporary, d->root, name) == 0 ? 0 : errno;
}

static enum status directory_write(struct store *store, const char *name, const char *bytes, size_t length,
                                   bool *created, struct problem *p) {
    struct directory *d = (struct directory *)store;
    char temporary[TEMPORARY_SIZE];
    int error = write_temporary(d, temporary, bytes, length);
    if (error != 0)
        return trouble(d, "write", name, error, p);
    error = place_temporary(d, temporary, name, created);
    // A folder may go, with its last file, right after it was made.
    for (int attempts = PLACE_ATTEMPTS; error == ENOENT && attempts > 0; attempts--) {
        error = make_folders(d, name);
        if (error == 0)
            error = place_temporary(d, temporary, name, created);
    }
    unlinkat(d->root, temporary, 0);
    if (error == 0)
        error = sync_folders(d, name);
    return error == 0 ? STATUS_OK : trouble(d, "write", name, error, p);
}

static int read_all(int fd, char **bytes, size_t *length) {
    struct stat found;
    if (fstat(fd, &found) != 0)
        return errno;
    if (!S_ISREG(found.st_mode))
        return ENOENT;
    size_t size = (size_t)found.st_size;
    *bytes = malloc(size + 1); // not memory_take: how large it is was not for us to say
    if (*bytes == NULL)
        return ENOMEM;
    for (ssize_t n; *length < size; *length += (size_t)n) {
        n = read(fd, *bytes + *length, size - *length);
        if (n < 0 && errno == EINTR)
            n = 0;
        else if (n < 0)
            return errno;
        else if (n == 0)
            return 0; // cut off since: whoever reads the bytes finds out
    }
    return 0;
}

static enum status directory_read(struct store *store, const char *name, char **bytes, size_t *length,
                                  struct problem *p) {
    struct directory *d = (struct directory *)store;
    int fd = openat(d->root, name, O_RDONLY | O_CLOEXEC);
    int error = fd < 0 ? errno : read_all(fd, bytes, length);
    if (fd >= 0)
        close(fd);
    if (error == 0)
        return STATUS_OK;
    free(*bytes);
    *bytes = NULL;
    *length = 0;
    if (error == ENOENT || error == ENOTDIR)
        return problem_set(p, STATUS_NO_INPUT, "", "", "store %s has no file %s", d->path, name);
    return trouble(d, "read", name, error, p);
}

static mode_t mode_of(int folder, const struct dirent *entry) {
    struct stat found;
    if (entry->d_type != DT_UNKNOWN)
        return DTTOIF(entry->d_type);
    return fstatat(folder, entry->d_name, &found, AT_SYMLINK_NOFOLLOW) == 0 ? found.st_mode & S_IFMT : 0;
}

static void add_entry(int folder, const struct dirent *entry, struct store_names *names) {
    size_t length = strlen(entry->d_name);
    if (!store_part_ok(entry->d_name, length))
        return;
    mode_t mode = mode_of(folder, entry);
    if (mode == S_IFREG || mode == S_IFDIR)
        store_names_add(names, entry->d_name, length, mode == S_IFDIR);
}

// NULL and errno where there is no such folder.
static DIR *open_folder(struct directory *d, const char *folder) {
    int fd = openat(d->root, folder[0] != '\0' ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
    if (fd >= 0 && entries == NULL)
        close(fd);
    return entries;
}

static enum status directory_list(struct store *store, const char *folder, struct store_names *names,
                                  struct problem *p) {
    struct directory *d = (struct directory *)store;
    DIR *entries = open_folder(d, folder);
    if (entries == NULL && (errno == ENOENT || errno == ENOTDIR))
        return STATUS_OK;
    if (entries == NULL)
        return trouble(d, "list", folder, errno, p);
    struct dirent *entry;
    while ((errno = 0, entry = readdir(entries)) != NULL)
        add_entry(dirfd(entries), entry, names);
    int error = errno;
    closedir(entries);
    return error == 0 ? STATUS_OK : trouble(d, "list", folder, error, p);
}

// Removes the folders of `name` that have become empty, from below.
static void remove_folders(struct directory *d, const char *name) {
    char *folder = memory_text(name);
    for (char *end; (end = strrchr(folder, '/')) != NULL;) {
        *end = '\0';
        if (unlinkat(d->root, folder, AT_REMOVEDIR) != 0)
            break;
    }
    free(folder);
}

static enum status directory_remove(struct store *store, const char *name, struct problem *p) {
    struct directory *d = (struct directory *)store;
    int error = unlinkat(d->root, name, 0) == 0 ? 0 : errno;
    if (error == ENOENT || error == ENOTDIR)
        return STATUS_OK;
    if (error == 0) {
        remove_folders(d, name);
        error = sync_folders(d, name);
    }
    return error == 0 ? STATUS_OK : trouble(d, "remove", name, error, p);
}

static int64_t directory_free_bytes(struct store *store, int64_t *all) {
    struct directory *d = (struct directory *)store;
    struct statvfs found;
    if (fstatvfs(d->root, &found) != 0)
        return -1;
    *all = (int64_t)(found.f_blocks * found.f_frsize);
    return (int64_t)(found.f_bavail * found.f_frsize);
}

static void directory_close(struct store *store) {
    struct directory *d = (struct directory *)store;
    if (d->root >= 0)
        close(d->root);
    free(d->path);
    free(d);
}

// Who may only read the store leaves them.
static void clear_temporaries(struct directory *d) {
    DIR *entries = open_folder(d, temporaries);
    if (entries == NULL)
        return;
    int64_t now_ms = clock_wall_ms();
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        struct stat found;
        if (fstatat(dirfd(entries), entry->d_name, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(found.st_mode) && now_ms - (int64_t)found.st_mtim.tv_sec * 1000 > TEMPORARY_AGE_MS)
            unlinkat(dirfd(entries), entry->d_name, 0);
    }
    closedir(entries);
}

// Makes the directory and what leads to it; each that is new is made durable in the one above it.
static int make_root(const char *path) {
    char *made = memory_text(path);
    int error = 0;
    for (char *end = made; error == 0 && end != NULL;) {
        end = strchr(end + 1, '/');
        if (end != NULL)
            *end = '\0';
        char *last = strrchr(made, '/');
        if (mkdir(made, 0777) == 0) {
            *last = '\0';
            error = sync_folder(AT_FDCWD, last == made ? "/" : made);
            *last = '/';
        } else if (errno != EEXIST && errno != EISDIR) {
            error = errno;
        }
        if (end != NULL)
            *end = '/';
    }
    free(made);
    return error;
}

static const struct store_kind directory_kind = {
    .write = directory_write,
    .read = directory_read,
    .list = directory_list,
    .remove = directory_remove,
    .free_bytes = directory_free_bytes,
    .close = directory_close,
};

// A file that grows past the limit of its size must be an error, not the end.
static void ignore_size_signal(void) {
    struct sigaction now;
    if (sigaction(SIGXFSZ, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
        signal(SIGXFSZ, SIG_IGN);
}

enum status store_directory_open(struct store **store, const char *path, enum store_use use,
                                 struct problem *p) {
    if (path[0] != '/' || path[strspn(path, "/")] == '\0')
        return problem_set(p, STATUS_CONFIG, "CLM-C1", "write store.url: file:///absolute/path",
                           "store.url: file://%s names no absolute path", path);
    struct directory *d = memory_take(sizeof(*d));
    d->store.kind = &directory_kind;
    d->path = memory_text(path);
    d->use = use;
    int error = 0;
    d->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d->root < 0 && errno == ENOENT) {
        error = make_root(path);
        d->root = error == 0 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    }
    if (d->root < 0) {
        error = error != 0 ? error : errno;
        bool barred = error == EACCES || error == EPERM;
        enum status status =
            problem_set(p, barred ? STATUS_NOT_ALLOWED : STATUS_CANT_CREATE, barred ? "CLM-A1" : "",
                        "name a directory of this user's in store.url", "store %s: cannot open it: %s", path,
                        strerror(error));
        directory_close(&d->store);
        return status;
    }
    ignore_size_signal();
    if (use == STORE_TO_WRITE)
        clear_temporaries(d);
    *store = &d->store;
    return STATUS_OK;
}
