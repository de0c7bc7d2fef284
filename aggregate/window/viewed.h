// What an event with a view body adds to the counters of views that windows keep and Redis does not
// (counters.def): watched and looped time, and how long the content was. Pure.
#pragma once

#include "schemas/increments.h"

// Behind what increments_of gave.
void viewed_add(struct increments *out, const struct event *e);
