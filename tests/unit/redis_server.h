// A private Redis for a test: a free loopback port, nothing persistent, stopped by its pid (and by the kernel
// should the test die).
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/redis/redis_link.h"

struct redis_server {
    pid_t pid;
    int port;
    char directory[64];
    char socket[96];
};

// Listens on a free port of the loopback, or only finds one where `backlog` is 0.
static inline int listen_anywhere(int backlog, int *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        abort();
    *port = ntohs(address.sin_port);
    if (backlog > 0 && listen(fd, backlog) == 0)
        return fd;
    close(fd);
    return -1;
}

// Debian's redis-tools has no redis-server, but the same program under another name: it goes by what it is
// called.
static inline void redis_server_exec(const struct redis_server *s, const char *password) {
    char port[16], program[sizeof(s->directory) + 16];
    snprintf(port, sizeof(port), "%d", s->port);
    const char *arguments[] = {"redis-server",
                               "--port",
                               port,
                               "--bind",
                               "127.0.0.1",
                               "--save",
                               "",
                               "--appendonly",
                               "no",
                               "--dir",
                               s->directory,
                               "--unixsocket",
                               s->socket,
                               "--enable-debug-command",
                               "yes",
                               "--logfile",
                               "/dev/null",
                               "--requirepass",
                               password,
                               NULL};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp("redis-server", (char **)arguments);
    snprintf(program, sizeof(program), "%s/redis-server", s->directory);
    if (symlink("/usr/bin/redis-check-rdb", program) == 0 || errno == EEXIST)
        execv(program, (char **)arguments);
    _exit(127);
}

// Starts it on s->port, and waits until it answers (to us, or that it does not know us).
static inline void redis_server_run(struct redis_server *s, const char *password) {
    s->pid = fork();
    if (s->pid == 0)
        redis_server_exec(s, password);
    struct redis_address address = {.host = "127.0.0.1", .port = s->port};
    for (int i = 0; i < 500; i++) {
        redisContext *context;
        enum status status = redis_connect(&context, &address, NULL, 1000, NULL);
        if (status == STATUS_OK)
            redisFree(context);
        if (status != STATUS_UNAVAILABLE)
            return;
        usleep(20000);
    }
    fprintf(stderr, "no redis-server on port %d\n", s->port);
    abort();
}

static inline void redis_server_start(struct redis_server *s, const char *password) {
    snprintf(s->directory, sizeof(s->directory), "/tmp/test-redis-XXXXXX");
    if (mkdtemp(s->directory) == NULL)
        abort();
    snprintf(s->socket, sizeof(s->socket), "%s/socket", s->directory);
    listen_anywhere(0, &s->port);
    redis_server_run(s, password);
}

static inline void redis_server_kill(struct redis_server *s, int number) {
    kill(s->pid, number);
    waitpid(s->pid, NULL, 0);
    s->pid = 0;
}

static inline void redis_server_stop(struct redis_server *s) {
    char program[sizeof(s->directory) + 16];
    if (s->pid != 0)
        redis_server_kill(s, SIGKILL);
    snprintf(program, sizeof(program), "%s/redis-server", s->directory);
    unlink(program);
    unlink(s->socket);
    rmdir(s->directory);
}
