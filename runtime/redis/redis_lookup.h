// The addresses of a name, one after another: each lookup is told the next of those that the resolver gives,
// so that an address where nobody answers is tried no oftener than its neighbours. Resolved on a thread of
// libuv's; everything here is called, and calls back, on the loop's thread.
//
// Embedded in its owner, who fills in the first two, and stays until a lookup that has begun was told.
#pragma once

#include <stdbool.h>

#include "runtime/loop.h"

struct redis_lookup {
    // Once for each that has begun, also where it was cancelled. `host` is a number, or NULL: `why` says why
    // there is none. Both are borrowed for the call.
    void (*on_found)(void *context, const char *host, const char *why);
    void *context;

    const char *host;
    unsigned tries;
    uv_getaddrinfo_t resolving;
};

// Is it an address already, and nothing to look up?
bool redis_lookup_is_number(const char *host);

// `host` is borrowed until the end. Not while another is under way. 0, or libuv's error: it has not begun.
int redis_lookup_begin(struct redis_lookup *lookup, struct loop *loop, const char *host);
// It is told soon; nothing changes where it was about to be told anyway.
void redis_lookup_cancel(struct redis_lookup *lookup);
