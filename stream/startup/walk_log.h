// The reports of `run`: walk_reports that write into the log.
#pragma once

#include "stream/startup/walk.h"

// Of the steps without a network: troubles alone. `context` is the struct basis that is read: its log options
// hold as soon as they are known.
void walk_log_reading(void *context, const char *step, const char *detail, const struct problem *problem);

// Of the others: what was found, too. Without a context.
void walk_log_step(void *context, const char *step, const char *detail, const struct problem *problem);
