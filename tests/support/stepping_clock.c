// A wall clock that a test sets while a program runs: preloaded, it adds the seconds that stand in the file
// named by STEPPING_CLOCK (eight bytes, mapped) to CLOCK_REALTIME. The monotonic clock is left as it is, as
// on a real host.
//
// A wait with a deadline follows a step as the kernel's do: it ends when the clock, as it then is, has passed
// the deadline. libfaketime does not know cnd_timedwait, by which librdkafka waits in all its threads: under
// it, after a step forward each wait of theirs took an hour.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

enum { SLICE_NS = 20000000, SECOND_NS = 1000000000 };

static int64_t nothing;
static _Atomic int64_t *step_s = (_Atomic int64_t *)&nothing;

__attribute__((constructor)) static void map_step(void) {
    const char *path = getenv("STEPPING_CLOCK");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *at = fd >= 0 ? mmap(NULL, sizeof(*step_s), PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (at == MAP_FAILED)
        abort();
    step_s = at;
    close(fd);
}

static struct timespec real_now(void) {
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
    return now;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
        now->tv_sec += atomic_load(step_s);
    return result;
}

int timespec_get(struct timespec *now, int base) {
    clock_gettime(CLOCK_REALTIME, now);
    return base;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone __attribute__((unused))) {
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    *now = (struct timeval){precise.tv_sec, precise.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL)
        *out = now.tv_sec;
    return now.tv_sec;
}

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex,
                  const struct timespec *restrict deadline) {
    static int (*_Atomic wait)(cnd_t *, mtx_t *, const struct timespec *);
    if (wait == NULL)
        wait = (int (*)(cnd_t *, mtx_t *, const struct timespec *))dlsym(RTLD_NEXT, "cnd_timedwait");
    for (;;) {
        struct timespec now, until = real_now();
        clock_gettime(CLOCK_REALTIME, &now);
        int64_t left_s = deadline->tv_sec - now.tv_sec, left_ns = deadline->tv_nsec - now.tv_nsec;
        if (left_s < 0 || (left_s == 0 && left_ns <= 0))
            return thrd_timedout;
        int64_t slice = left_s > 1 ? SLICE_NS : left_s * SECOND_NS + left_ns;
        until.tv_nsec += slice < SLICE_NS ? slice : SLICE_NS;
        until.tv_sec += until.tv_nsec / SECOND_NS;
        until.tv_nsec %= SECOND_NS;
        int result = wait(condition, mutex, &until);
        if (result != thrd_timedout)
            return result;
    }
}
