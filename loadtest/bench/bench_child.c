#include "loadtest/bench/bench_child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/clock.h"

enum { POLL_US = 20000, KILL_AFTER_MS = 30000, SHOWN_BYTES = 4000 };

// The last core that this process may use: the first ones are the busier.
static void pin_to_one(void) {
    cpu_set_t allowed, one;
    CPU_ZERO(&one);
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
        return;
    size_t core = CPU_SETSIZE - 1;
    while (core > 0 && !CPU_ISSET(core, &allowed))
        core--;
    CPU_SET(core, &one);
    sched_setaffinity(0, sizeof(one), &one);
}

static _Noreturn void become(char *const argv[], int output, int log, bool pin, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) // it died before that
        _exit(127);
    if (pin)
        pin_to_one();
    dup2(output, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execv(argv[0], argv);
    dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

enum status bench_child_start(struct bench_child *child, char *const argv[], bool pin,
                              struct problem *problem) {
    *child = (struct bench_child){.output = -1};
    strcpy(child->log, "/tmp/clameur-bench-XXXXXX");
    int log = mkostemp(child->log, O_CLOEXEC);
    int ends[2];
    if (log < 0)
        return problem_set(problem, STATUS_CANT_CREATE, "", "make /tmp writable", "%s: %s", child->log,
                           strerror(errno));
    if (pipe2(ends, O_CLOEXEC) == 0) {
        child->output = ends[0];
        pid_t parent = getpid();
        child->pid = fork();
        if (child->pid == 0)
            become(argv, ends[1], log, pin, parent);
        close(ends[1]);
    }
    int error = errno;
    close(log);
    if (child->pid > 0)
        return STATUS_OK;
    bench_child_forget(child);
    return problem_set(problem, STATUS_OS, "", "see the limits of processes and files",
                       "no child process: %s", strerror(error));
}

static int64_t microseconds(struct timeval t) {
    return (int64_t)t.tv_sec * 1000000 + t.tv_usec;
}

int64_t bench_child_cpu_ns(const struct bench_child *child) {
    clockid_t clock;
    struct timespec taken = {0};
    if (clock_getcpuclockid(child->pid, &clock) == 0)
        clock_gettime(clock, &taken);
    return taken.tv_sec * INT64_C(1000000000) + taken.tv_nsec;
}

bool bench_child_ended(struct bench_child *child, struct bench_usage *usage) {
    int state;
    struct rusage taken;
    pid_t pid = wait4(child->pid, &state, WNOHANG, &taken);
    if (pid != child->pid)
        return false;
    usage->cpu_ns = 1000 * (microseconds(taken.ru_utime) + microseconds(taken.ru_stime));
    usage->max_rss_bytes = (int64_t)taken.ru_maxrss * 1024;
    usage->exit_code = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
    child->pid = 0;
    return true;
}

void bench_child_wait(struct bench_child *child, int64_t timeout_ms, struct bench_usage *usage) {
    int64_t stop_ms = clock_monotonic_ms() + timeout_ms;
    bool asked = false;
    while (!bench_child_ended(child, usage)) {
        int64_t now = clock_monotonic_ms();
        if (!asked && now >= stop_ms) {
            kill(child->pid, SIGTERM);
            asked = true;
        }
        if (now >= stop_ms + KILL_AFTER_MS)
            kill(child->pid, SIGKILL);
        usleep(POLL_US);
    }
}

void bench_child_stop(struct bench_child *child) {
    if (child->pid > 0)
        kill(child->pid, SIGTERM);
}

void bench_child_read(struct bench_child *child, char *out, size_t size) {
    size_t length = 0;
    for (ssize_t got; length + 1 < size && (got = read(child->output, out + length, size - 1 - length)) > 0;)
        length += (size_t)got;
    out[length] = '\0';
}

void bench_child_show(const struct bench_child *child) {
    char text[SHOWN_BYTES + 1];
    int log = open(child->log, O_RDONLY | O_CLOEXEC);
    if (log < 0)
        return;
    off_t size = lseek(log, 0, SEEK_END);
    ssize_t length = pread(log, text, SHOWN_BYTES, size > SHOWN_BYTES ? size - SHOWN_BYTES : 0);
    close(log);
    if (length > 0)
        fprintf(stderr, "%.*s", (int)length, text);
}

void bench_child_forget(struct bench_child *child) {
    if (child->output >= 0)
        close(child->output);
    if (child->log[0] != '\0')
        unlink(child->log);
    *child = (struct bench_child){.output = -1};
}
