// The pseudonym keys that a store counts persons by, against those of our key file: by others every reach
// would differ, and nothing would be said of why.
#pragma once

#include "loadtest/recount/reading/recount_ids.h"
#include "loadtest/windows/windows_place.h"

// STATUS_CONFIG (CLM-M5): one of the store's is another in `keys`, or missing there; STATUS_BAD_DATA
// (CLM-D3): its file is none. `*known`: so many of `keys` the store has; those behind them nobody has counted
// by yet. A store that was begun before it kept any has all.
enum status windows_keys_check(const struct windows_place *place, const struct recount_keys *keys,
                               size_t *known, struct problem *p);
