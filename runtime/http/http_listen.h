// The listening socket of http: where it listens, and who is in the way. Part of http.
#pragma once

#include <stddef.h>

#include "runtime/status.h"

// Opens `listen` ("HOST:PORT", "[::]:PORT" for both families) as http_create says; `*port` is the one bound.
enum status http_listen_open(int *fd, unsigned *port, const char *listen, struct problem *p);

// Writes " by pid 812 (python3)" for the process that listens on a TCP port, or "" where it cannot be seen.
void http_holder_write(char *text, size_t size, unsigned port);
