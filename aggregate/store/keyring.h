// Whether a store counts persons by our pseudonym keys: the files of schemas/key_versions.h. The first is the
// key file of whoever came first. A store that was begun before there were such files takes the first key
// file that it meets.
#pragma once

#include "schemas/layout.h"
#include "stream/store/store.h"

// Holds `ours` against the store, and keeps what is new: where several begin at once, the first one's stands
// for all. STATUS_CONFIG (CLM-M5): one of ours is another than the store's, one of the store's is missing, or
// one that is new to the store has a since before `earliest_ms`; STATUS_BAD_DATA (CLM-D3), a file is none of
// these. `*number`: of the file that holds now.
enum status keyring_settle(struct store *store, const struct key_version *ours, size_t count,
                           int64_t earliest_ms, unsigned *number, struct problem *p);
// Does that file still hold? STATUS_CONFIG (CLM-M5): another has begun with a rotation that we know nothing
// of.
enum status keyring_stands(struct store *store, unsigned number, struct problem *p);
