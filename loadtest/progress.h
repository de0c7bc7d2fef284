// Progress on standard error (a line redrawn on a terminal, one every 5 s in a pipe) and the final summary on
// standard output (a table on a terminal, else one line of JSON).
#pragma once

#include <stdbool.h>

#include "loadtest/sender.h"

struct progress {
    bool terminal;
    int64_t began_ms, next_ms; // monotonic
    uint64_t last_events;
    int64_t last_ms;
};

void progress_begin(struct progress *p);
int64_t progress_elapsed_ms(const struct progress *p);
// Shows what `figures` say, if it is time to.
void progress_show(struct progress *p, const struct sender *sender);
// `end` is why it ended: "end", "time", "signal", "mock_full".
void progress_finish(struct progress *p, const struct sender *sender, const char *end);
