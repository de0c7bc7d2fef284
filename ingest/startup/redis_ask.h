// One command to Redis and its answer, for what blocks at the edge: start-up and the commands.
#pragma once

#include <hiredis/hiredis.h>

#include "runtime/slice.h"
#include "runtime/status.h"

enum { REDIS_ASK_WORDS = 64 };

// Sends the words (at most REDIS_ASK_WORDS) and waits. The caller frees *reply with freeReplyObject; it is
// NULL unless STATUS_OK. An error reply is a problem: STATUS_NOT_ALLOWED (CLM-A1), STATUS_TRY_AGAIN (loading,
// busy), else STATUS_UNAVAILABLE.
enum status redis_ask(redisContext *redis, redisReply **reply, const struct slice *words, int count,
                      struct problem *p);

// The same for words that are texts: redis_ask_words(redis, &reply, p, "HGETALL", key, NULL).
enum status redis_ask_words(redisContext *redis, redisReply **reply, struct problem *p, ...)
    __attribute__((sentinel));

// What an answer that may be NULL (the connection broke) or an error means; STATUS_OK for any other.
enum status redis_ask_judge(const redisContext *redis, const redisReply *reply, const char *command,
                            struct problem *p);

// The bytes of a string, status or error reply; empty for others.
struct slice redis_ask_text(const redisReply *reply);
