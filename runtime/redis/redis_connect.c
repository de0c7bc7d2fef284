// redis_connect: the blocking way, for commands at the edge.

#include <string.h>
#include <sys/time.h>

#include "runtime/redis/redis_greeting.h"
#include "runtime/redis/redis_link.h"

static enum status unavailable(struct problem *p, const struct redis_address *a, const char *why) {
    const char *remedy = "check redis.url, and that Redis runs: redis-cli -u URL ping";
    if (a->port == 0)
        return problem_set(p, STATUS_UNAVAILABLE, "CLM-R3", remedy, "no Redis at %s: %s", a->host, why);
    return problem_set(p, STATUS_UNAVAILABLE, "CLM-R3", remedy, "no Redis at %s:%d: %s", a->host, a->port,
                       why);
}

static enum status greet(redisContext *c, const struct redis_address *a, const struct redis_login *login,
                         struct problem *p) {
    char database[16];
    struct redis_greeting steps[REDIS_GREETING_STEPS];
    redis_greeting_write(steps, a, login, database);
    enum status status = STATUS_OK;
    for (int i = 0; i < REDIS_GREETING_STEPS && status == STATUS_OK; i++) {
        if (steps[i].count == 0)
            continue;
        redisReply *reply = redisCommandArgv(c, steps[i].count, steps[i].words, NULL);
        if (reply == NULL)
            return unavailable(p, a, c->errstr);
        const char *refusal = redis_greeting_refusal(i, reply);
        if (refusal != NULL && redis_greeting_not_allowed(refusal))
            status =
                problem_set(p, STATUS_NOT_ALLOWED, "CLM-A1", "check redis.username and redis.password_file",
                            "Redis at %s:%d refuses us: %s", a->host, a->port, refusal);
        else if (refusal != NULL)
            status = unavailable(p, a, refusal);
        freeReplyObject(reply);
    }
    return status;
}

enum status redis_connect(redisContext **context, const struct redis_address *address,
                          const struct redis_login *login, int timeout_ms, struct problem *p) {
    struct timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    redisContext *c = address->port == 0 ? redisConnectUnixWithTimeout(address->host, timeout)
                                         : redisConnectWithTimeout(address->host, address->port, timeout);
    *context = NULL;
    if (c == NULL)
        return unavailable(p, address, "out of memory");
    enum status status = STATUS_OK;
    if (c->err != 0)
        status = unavailable(p, address, c->errstr);
    else if (redisSetTimeout(c, timeout) != REDIS_OK)
        status = unavailable(p, address, c->errstr);
    else
        status = greet(c, address, login, p);
    if (status == STATUS_OK)
        *context = c;
    else
        redisFree(c);
    return status;
}
