// Where a group's commits and the log's ends stand, asked from outside of the group.
#pragma once

#include "runtime/config/config.h"
#include "runtime/status.h"
#include "schemas/settings.h"

struct group_place {
    int64_t committed; // -1: none
    int64_t first, end;
};

// Of every partition of the settings' topic, for their group. Commits are read before the ends, so that a lag
// is never negative for having been read late. The caller frees *places. As scan_open where it fails;
// STATUS_NOT_ALLOWED (CLM-A1) also where the group may not be described.
enum status group_places_read(struct group_place **places, int32_t *partitions,
                              const struct settings *settings, const struct config_pair *passthrough,
                              size_t passthrough_count, struct problem *problem);
