// What bench asks its children over HTTP.
#pragma once

#include <stddef.h>

// A port that nobody listens on at the moment.
int bench_free_port(void);
// GET of `path` from the loopback's port: the answer's status, 0 where there is none; its text into `out`.
int bench_get(int port, const char *path, char *out, size_t size);
// The sum over a metric's labels, in Prometheus' text; 0 where it is not there.
double bench_metric(const char *text, const char *name);
