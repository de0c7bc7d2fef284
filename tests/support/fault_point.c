// Ends or stops a program at a chosen change of a directory, for tests: preloaded, it counts the calls that
// make files durable, give them names and take them away, in whatever thread. The file named by FAULT_POINT
// (three times eight bytes, mapped) says how many calls are left until the signal comes, just before the call
// is made (0: none comes); which signal; and how many calls there were.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct fault {
    _Atomic int64_t left, signal, calls;
};

static struct fault *fault;

__attribute__((constructor)) static void map_fault(void) {
    const char *path = getenv("FAULT_POINT");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *at = fd >= 0 ? mmap(NULL, sizeof(*fault), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (at == MAP_FAILED)
        abort();
    fault = at;
    close(fd);
}

static void count_call(void) {
    atomic_fetch_add(&fault->calls, 1);
    int64_t left = atomic_load(&fault->left);
    while (left > 0 && !atomic_compare_exchange_weak(&fault->left, &left, left - 1))
        ;
    if (left == 1)
        kill(getpid(), (int)atomic_load(&fault->signal));
}

#define CHANGE(name, parameters, arguments)                                                                  \
    int name parameters {                                                                                    \
        static int(*_Atomic next) parameters;                                                                \
        if (next == NULL)                                                                                    \
            next = (int(*) parameters)dlsym(RTLD_NEXT, #name);                                               \
        count_call();                                                                                        \
        return next arguments;                                                                               \
    }

CHANGE(fsync, (int fd), (fd))
CHANGE(mkdirat, (int at, const char *path, mode_t mode), (at, path, mode))
CHANGE(unlinkat, (int at, const char *path, int flags), (at, path, flags))
CHANGE(renameat, (int from_at, const char *from, int to_at, const char *to), (from_at, from, to_at, to))
CHANGE(renameat2, (int from_at, const char *from, int to_at, const char *to, unsigned flags),
       (from_at, from, to_at, to, flags))
CHANGE(linkat, (int from_at, const char *from, int to_at, const char *to, int flags),
       (from_at, from, to_at, to, flags))
