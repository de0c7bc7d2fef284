// One GET, blocking: how a command asks a worker. Plain HTTP to an address, no redirects, answers up to 8
// MiB.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "runtime/status.h"

enum { HTTP_TARGET_NAME_MAX = 96 };

struct http_target {
    char name[HTTP_TARGET_NAME_MAX]; // numeric: 10.0.0.7:8470
    struct sockaddr_storage address;
    socklen_t length;
    bool loopback;
};

// Every address that HOST:PORT stands for, at most `max`; of a wildcard, as listeners have it, one loopback
// address. STATUS_UNAVAILABLE where the name is not known, STATUS_CONFIG where it is no HOST:PORT, or the
// port is 0.
enum status http_targets_find(struct http_target *targets, size_t max, size_t *count, const char *place,
                              struct problem *p);

struct http_reply {
    unsigned code;
    char *body; // terminated; the caller frees
    size_t length;
};

// STATUS_UNAVAILABLE where nobody answers within timeout_ms a step, or not in HTTP.
enum status http_get(struct http_reply *reply, const struct http_target *target, const char *path,
                     int timeout_ms, struct problem *p);
