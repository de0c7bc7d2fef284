// Is this event possible? Pure: the event, the rules in force at its record time, and that time; never the
// clock.
#pragma once

#include "runtime/config/rules.h"
#include "schemas/event.h"
#include "schemas/reject.h"

// The first reason, in the order of rejects.def, or REJECT_NONE. A record without a timestamp (time 0) is not
// judged for skew or age.
enum reject validate_event(const struct event *e, const struct rules *rules, int64_t record_time_ms);
