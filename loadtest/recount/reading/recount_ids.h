// The recount's own pseudonyms: SipHash-2-4-128 by the key file that stream/pseudonym.h and
// schemas/README.md describe.
#pragma once

#include "runtime/slice.h"
#include "runtime/status.h"
#include "schemas/layout.h"

enum { RECOUNT_PSEUDONYM_SIZE = 16 };

struct recount_keys {
    struct recount_key *keys; // by since
    size_t count;
};

enum status recount_keys_load(struct recount_keys *keys, const char *path, struct problem *problem);
// Key `index` as `rules` in Redis keeps it.
struct key_version recount_key_version(const struct recount_keys *keys, size_t index);
void recount_keys_cut(struct recount_keys *keys, size_t count); // wipes those behind the first `count`
void recount_keys_fini(struct recount_keys *keys);              // wipes them all

// Of an actor.
void recount_pseudonym(const struct recount_keys *keys, int64_t time_ms, uint32_t platform,
                       struct slice actor, unsigned char out[RECOUNT_PSEUDONYM_SIZE]);
void recount_pseudonym_of_person(const struct recount_keys *keys, int64_t time_ms, struct slice person,
                                 unsigned char out[RECOUNT_PSEUDONYM_SIZE]);
