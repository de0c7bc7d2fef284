// Serves hiredis' asynchronous contexts from the libuv loop. Part of redis_link; loop thread only.
#pragma once

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <uv.h>

// Called once, when hiredis lets go of the context: the reason, if any, is in ac->c.errstr. Callbacks of
// commands may still follow (hiredis 1.x) or have been called (0.14); the context must not be kept.
typedef void (*redis_uv_gone)(redisAsyncContext *ac);

// Call it before the connect callback is set. False, with *ac untouched, where the descriptor cannot be
// polled.
bool redis_uv_attach(redisAsyncContext *ac, uv_loop_t *loop, redis_uv_gone gone);

// Ends the connection for a reason of ours, which becomes ac->c.errstr.
void redis_uv_break(redisAsyncContext *ac, const char *why);

// Inside a reply callback: whether bytes follow that no command has asked for. hiredis would stop the process
// on them.
bool redis_uv_stray(const redisAsyncContext *ac);
