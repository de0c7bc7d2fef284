// What an event with a view body adds to the counters of views that windows keep and Redis does not
// (counters.def): how long the content was, and how much of it was watched, once or in loops. On the
// platforms alone of which a KPI is made of them: two numbers more a view are felt. Pure.
#pragma once

#include "schemas/increments.h"

// Behind what increments_of gave.
void viewed_add(struct increments *out, const struct event *e);
