// The rules versions and pseudonym keys that a shard has been counted by against those of the files: the
// counters would agree only by chance.
#pragma once

#include "loadtest/recount/recount_compare.h"

// Is a shard counted by a pseudonym key that the file lacks, or has otherwise? Then every reach would differ,
// and nothing is compared: STATUS_CONFIG (CLM-M5).
enum status recount_rules_keys(struct recount_redis *redis, const struct recount_keys *keys,
                               struct problem *problem);

// Each version that only one side has, or that differs, is a difference. A shard that nobody has claimed yet
// has none.
enum status recount_rules_compare(const struct recount_compare *c, uint32_t shard, const struct mark *marks,
                                  struct problem *problem);
