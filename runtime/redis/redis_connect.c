// redis_connect: the blocking way, for commands at the edge.

#include <string.h>
#include <sys/time.h>

#include "runtime/redis/redis_greeting.h"
#include "runtime/redis/redis_link.h"
#include "runtime/redis/redis_tls.h"

static enum status unavailable(struct problem *p, const struct redis_address *a, const char *why) {
    const char *remedy = "check redis.url, and that Redis runs: redis-cli -u URL ping";
    if (a->port == 0)
        return problem_set(p, STATUS_UNAVAILABLE, "CLM-R3", remedy, "no Redis at %s: %s", a->host, why);
    return problem_set(p, STATUS_UNAVAILABLE, "CLM-R3", remedy, "no Redis at %s:%d: %s", a->host, a->port,
                       why);
}

// Under TLS 1.3 a client learns only now that its certificate is refused; or it does not, where the other
// side has closed before it had read what we sent.
static enum status lost(redisContext *c, const struct redis_address *a, struct problem *p) {
    char reason[160], why[256];
    bool refused = redis_tls_refused(c);
    size_t length = (size_t)snprintf(why, sizeof(why), "%s", redis_tls_error(c, reason, sizeof(reason)));
    if (!refused && a->tls && length < sizeof(why))
        snprintf(why + length, sizeof(why) - length, "; perhaps it does not trust our certificate");
    if (!refused)
        return unavailable(p, a, why);
    return problem_set(
        p, STATUS_CONFIG, "CLM-R7",
        "set redis.tls.cert_file and redis.tls.key_file to a certificate that this Redis trusts",
        "no TLS with Redis at %s:%d: %s", a->host, a->port, why);
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
            return lost(c, a, p);
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
    if (status == STATUS_OK && address->tls)
        status = redis_tls_begin(c, address, login != NULL ? &login->tls : &(struct redis_tls){0}, p);
    if (status == STATUS_OK)
        status = greet(c, address, login, p);
    if (status == STATUS_OK)
        *context = c;
    else
        redisFree(c);
    return status;
}
