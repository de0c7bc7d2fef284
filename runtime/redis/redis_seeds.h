// Where to find Redis: one address, or several nodes of a cluster, any of which tells the others.
#pragma once

#include "runtime/redis/redis_link.h"

enum { REDIS_SEEDS_MAX = 16 };

struct redis_seeds {
    size_t count;
    struct redis_address at[REDIS_SEEDS_MAX];
};

// What redis_address_parse takes, or several HOST:PORT, comma separated, behind one redis://. STATUS_CONFIG
// for anything else; a list has neither databases nor sockets.
enum status redis_seeds_parse(struct redis_seeds *seeds, const char *url, struct problem *p);

enum { REDIS_ADDRESS_TEXT = 300 };
// HOST:PORT, or the socket's path.
const char *redis_address_write(char out[REDIS_ADDRESS_TEXT], const struct redis_address *a);
