// Keys under the prefix that nothing in the log explains.
//
// A key whose every counter is 0 is none of them: an order that was displaced by an earlier copy leaves such
// keys behind, and whether it ever touched them hangs on the order in which the partitions were read.
#pragma once

#include "loadtest/recount/recount_compare.h"

// Each is a difference. `settled` by shard: the others' keys are passed over.
enum status recount_unknown_search(const struct recount_compare *c, const bool *settled,
                                   struct problem *problem);
