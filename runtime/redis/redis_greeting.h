// What is said to a Redis before anything else: AUTH, CLIENT SETNAME, SELECT. Part of redis_link and
// redis_connect.
#pragma once

#include <hiredis/hiredis.h>
#include <stdbool.h>

#include "runtime/redis/redis_link.h"

enum { REDIS_GREETING_STEPS = 3, REDIS_GREETING_WORDS = 3 };

struct redis_greeting {
    int count; // 0: nothing to say at this step
    const char *words[REDIS_GREETING_WORDS];
};

// `login` may be NULL. The words are borrowed from the arguments, and from `database`, which holds the number
// as text.
void redis_greeting_write(struct redis_greeting steps[REDIS_GREETING_STEPS],
                          const struct redis_address *address, const struct redis_login *login,
                          char database[16]);

// Why the reply means that the connection is of no use, or NULL. A rule that only forbids the name does not:
// it is a courtesy. Anything but a status is no Redis; a TCP connection to a free port of one's own machine
// may even be to oneself.
const char *redis_greeting_refusal(int step, const redisReply *reply);

// Whether an error of Redis is about who we are, not about how it is.
bool redis_greeting_not_allowed(const char *error);
