// A file system that does not say how much room it has, as of a server that is gone, for tests: preloaded,
// the question waits while there is the file named by HUNG_DISK, next to which another, .asked, then says
// that one waits.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64 // as the programs are built: it is fstatvfs64 that they call
#endif
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { LOOK_US = 10000 };

static void wait_for_disk(void) {
    char asked[4096];
    const char *path = getenv("HUNG_DISK");
    if (path == NULL || snprintf(asked, sizeof(asked), "%s.asked", path) >= (int)sizeof(asked))
        abort();
    if (access(path, F_OK) != 0)
        return;
    int fd = open(asked, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    while (access(path, F_OK) == 0)
        usleep(LOOK_US);
}

int fstatvfs(int fd, struct statvfs *found) {
    int (*next)(int, struct statvfs *) = (int (*)(int, struct statvfs *))dlsym(RTLD_NEXT, "fstatvfs64");
    wait_for_disk();
    return next(fd, found);
}
