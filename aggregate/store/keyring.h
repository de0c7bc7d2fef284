// Whether a store counts persons by our pseudonym keys: the files of schemas/key_versions.h. The first is the
// key file of whoever came first. A store that was begun before there were such files takes the first key
// file that it meets.
#pragma once

#include "schemas/layout.h"
#include "schemas/settings.h"
#include "stream/store/store.h"

// What a rotation's time must lie ahead of. A record counts by the key that holds at its own time
// (stream/pseudonym.h), whoever reads it and when; so the log decides: none of its records may have that time
// yet, for it may have been counted by the key before. The clock only adds time enough for the aggregators
// that run by the shorter file to see the longer one (keyring_stands) before such records come.
struct keyring_ahead {
    // Has the log a record of that time or later? Asked where there is a rotation to judge. NULL: it is not
    // asked.
    enum status (*log_reaches)(void *context, int64_t since_ms, bool *reaches, struct problem *p);
    void *context;
    int64_t clock_ms; // by the clock, the earliest
};

// How soon a rotation may be at the earliest, for keyring_ahead: by then a group has been joined.
int64_t keyring_soonest_ms(const struct settings *settings);

// Holds `ours` against the store and keeps nothing. `*known`: how many keys the store has. What
// keyring_settle says.
enum status keyring_fit(struct store *store, const struct key_version *ours, size_t count,
                        const struct keyring_ahead *ahead, size_t *known, struct problem *p);
// Holds `ours` against the store, and keeps what is new: where several begin at once, the first one's stands
// for all. STATUS_CONFIG (CLM-M5): one of ours is another than the store's, one of the store's is missing, or
// one that is new to the store does not lie ahead; STATUS_BAD_DATA (CLM-D3), a file is none of these; what
// `log_reaches` says. `*number`: of the file that holds now.
enum status keyring_settle(struct store *store, const struct key_version *ours, size_t count,
                           const struct keyring_ahead *ahead, unsigned *number, struct problem *p);
// Does that file still hold? STATUS_CONFIG (CLM-M5): another has begun with a rotation that we know nothing
// of.
enum status keyring_stands(struct store *store, unsigned number, struct problem *p);
