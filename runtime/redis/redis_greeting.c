#include "runtime/redis/redis_greeting.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { STEP_AUTH, STEP_NAME, STEP_SELECT };

static bool begins_with(const char *text, const char *start) {
    return strncmp(text, start, strlen(start)) == 0;
}

void redis_greeting_write(struct redis_greeting steps[REDIS_GREETING_STEPS],
                          const struct redis_address *address, const struct redis_login *login,
                          char database[16]) {
    memset(steps, 0, REDIS_GREETING_STEPS * sizeof(steps[0]));
    if (login != NULL && login->username[0] != '\0')
        steps[STEP_AUTH] = (struct redis_greeting){3, {"AUTH", login->username, login->password}};
    else if (login != NULL && login->password[0] != '\0')
        steps[STEP_AUTH] = (struct redis_greeting){2, {"AUTH", login->password}};
    steps[STEP_NAME] = (struct redis_greeting){3, {"CLIENT", "SETNAME", program_invocation_short_name}};
    if (address->database != 0) {
        snprintf(database, 16, "%d", address->database);
        steps[STEP_SELECT] = (struct redis_greeting){2, {"SELECT", database}};
    }
}

const char *redis_greeting_refusal(int step, const redisReply *reply) {
    if (reply->type == REDIS_REPLY_STATUS)
        return NULL;
    if (reply->type != REDIS_REPLY_ERROR)
        return "what answers is not a Redis";
    if (step == STEP_NAME &&
        (begins_with(reply->str, "NOPERM") || begins_with(reply->str, "ERR Client names")))
        return NULL;
    // To a command that it does not know, Redis repeats its words: here the password.
    if (step == STEP_AUTH && strstr(reply->str, "with args") != NULL)
        return "ERR AUTH is a command that it does not know: is it renamed, or is this no Redis?";
    return reply->str;
}

bool redis_greeting_not_allowed(const char *error) {
    static const char *const starts[] = {"WRONGPASS", "NOAUTH",   "NOPERM",
                                         "DENIED",    "ERR AUTH", "ERR invalid password"};
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
        if (begins_with(error, starts[i]))
            return true;
    return false;
}
