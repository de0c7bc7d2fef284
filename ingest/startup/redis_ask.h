// One command to Redis and its answer, for what blocks at the edge: start-up and the commands.
#pragma once

#include <hiredis/hiredis.h>

#include "runtime/redis/redis_client.h"
#include "runtime/slice.h"

enum { REDIS_ASK_WORDS = 64 };

// Sends the words (at most REDIS_ASK_WORDS) and waits. The caller frees *reply with freeReplyObject; it is
// NULL unless STATUS_OK. An error reply is a problem: STATUS_NOT_ALLOWED (CLM-A1), STATUS_TRY_AGAIN (loading,
// busy), else STATUS_UNAVAILABLE.
enum status redis_ask(redisContext *redis, redisReply **reply, const struct slice *words, int count,
                      struct problem *p);

// The same for words that are texts: redis_ask_words(redis, &reply, p, "HGETALL", key, NULL).
enum status redis_ask_words(redisContext *redis, redisReply **reply, struct problem *p, ...)
    __attribute__((sentinel));

// The same of the master of a slot.
enum status redis_ask_slot(struct redis_client *redis, int slot, redisReply **reply,
                           const struct slice *words, int count, struct problem *p);

// The next answer to what was sent ahead, judged in the same way.
enum status redis_ask_answer(struct redis_client *redis, redisReply **reply, const char *command,
                             struct problem *p);

// The bytes of a string, status or error reply; empty for others.
struct slice redis_ask_text(const redisReply *reply);

// Is it a list of at least so many? What is no error may still be anything: a library of another version
// answers, and so does what is no Redis.
bool redis_ask_is_list(const redisReply *reply, size_t least);

// The next cursor of a SCAN, of whose answer the second part is a list. False where it is none.
enum { REDIS_ASK_CURSOR = 24 };
bool redis_ask_cursor(char cursor[REDIS_ASK_CURSOR], const redisReply *reply);

// Of an answer that is none: frees it. STATUS_UNAVAILABLE.
enum status redis_ask_refuse(redisReply **reply, const char *command, struct problem *p);
