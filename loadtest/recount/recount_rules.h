// The rules versions that a shard has been counted by against those of the rules file: the counters would
// agree only by chance.
#pragma once

#include "loadtest/recount/recount_compare.h"

// Each version that only one side has, or that differs, is a difference. A shard that nobody has claimed yet
// has none.
enum status recount_rules_compare(const struct recount_compare *c, uint32_t shard, const struct mark *marks,
                                  struct problem *problem);
