// The event loop of a process, over libuv, and its signals.
//
// The process's main function owns the outer loop (`while (...) { loop_turn(...); ... }`), so that a stage
// may wait for an answer with nested turns from code that is not itself called by libuv. Everything runs on
// the one thread that turns the loop.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct loop {
    uv_loop_t uv;
    uv_signal_t signals[3]; // SIGTERM, SIGINT, SIGHUP
    uv_timer_t wake;        // bounds a blocking turn
    bool turning;           // inside uv_run
    int stop_requests;      // SIGTERM and SIGINT so far: the second one means now
    bool reload_requested;  // SIGHUP; the reader clears it
    int64_t turned_at_ms;   // monotonic, of the last turn: what liveness looks at
};

void loop_init(struct loop *l); // SIGPIPE is ignored from here on
// Closes its own handles and runs the loop until all handles are closed. Whoever has handles on it closes
// them first.
void loop_fini(struct loop *l);

// One turn: serves what is ready; where nothing is, waits up to `wait_ms` (0: not at all). Never called from
// a libuv callback.
void loop_turn(struct loop *l, int wait_ms);

// Cached loop time, monotonic ms.
int64_t loop_now_ms(const struct loop *l);
