#include "ingest/startup/redis_ask.h"

#include <stdarg.h>
#include <stdbool.h>

#include "runtime/check.h"

static bool begins_with(const char *text, const char *word) {
    return strncmp(text, word, strlen(word)) == 0;
}

static enum status judge_error(const char *error, const char *command, struct problem *p) {
    static const char *const passing[] = {"LOADING",  "BUSY",  "CLUSTERDOWN", "MASTERDOWN",
                                          "TRYAGAIN", "MOVED", "ASK"};
    static const char *const lasting[] = {"READONLY", "MISCONF", "NOREPLICAS"};
    // EXEC says it behind a word of its own.
    if (begins_with(error, "NOPERM") || begins_with(error, "NOAUTH") || strstr(error, ": NOPERM ") != NULL)
        return problem_set(p, STATUS_NOT_ALLOWED, "CLM-A1",
                           "grant it: ACL SETUSER, as Redis' message names it",
                           "Redis does not let us %s: %s", command, error);
    if (begins_with(error, "OOM"))
        return problem_set(p, STATUS_UNAVAILABLE, "CLM-R2", "raise maxmemory",
                           "Redis is full: it refuses %s: %s", command, error);
    for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
        if (begins_with(error, passing[i]))
            return problem_set(p, STATUS_TRY_AGAIN, "CLM-R5", "wait, and try again",
                               "Redis cannot answer %s now: %s", command, error);
    }
    for (size_t i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++) {
        if (begins_with(error, lasting[i]))
            return problem_set(p, STATUS_UNAVAILABLE, "CLM-R5", "mend Redis as its message says",
                               "Redis refuses %s: %s", command, error);
    }
    return problem_set(p, STATUS_UNAVAILABLE, "", "", "Redis answers %s with: %s", command, error);
}

// Frees a reply that is an error.
static enum status judge(redisReply **reply, const char *command, struct problem *p) {
    if ((*reply)->type != REDIS_REPLY_ERROR)
        return STATUS_OK;
    enum status status = judge_error((*reply)->str, command, p);
    freeReplyObject(*reply);
    *reply = NULL;
    return status;
}

static void words_take(const char *texts[REDIS_ASK_WORDS], size_t lengths[REDIS_ASK_WORDS],
                       const struct slice *words, int count) {
    CHECK(count > 0 && count <= REDIS_ASK_WORDS);
    for (int i = 0; i < count; i++) {
        texts[i] = words[i].at;
        lengths[i] = words[i].length;
    }
}

enum status redis_ask(redisContext *redis, redisReply **reply, const struct slice *words, int count,
                      struct problem *p) {
    const char *texts[REDIS_ASK_WORDS];
    size_t lengths[REDIS_ASK_WORDS];
    words_take(texts, lengths, words, count);
    *reply = redisCommandArgv(redis, count, texts, lengths);
    if (*reply == NULL)
        return problem_set(p, STATUS_UNAVAILABLE, "CLM-R3", "check that Redis runs, and redis.timeout",
                           "no answer to %s: %s", texts[0], redis->errstr);
    return judge(reply, texts[0], p);
}

enum status redis_ask_slot(struct redis_client *redis, int slot, redisReply **reply,
                           const struct slice *words, int count, struct problem *p) {
    const char *texts[REDIS_ASK_WORDS];
    size_t lengths[REDIS_ASK_WORDS];
    words_take(texts, lengths, words, count);
    redis_client_command(redis, slot, count, texts, lengths);
    return redis_ask_answer(redis, reply, texts[0], p);
}

enum status redis_ask_answer(struct redis_client *redis, redisReply **reply, const char *command,
                             struct problem *p) {
    *reply = redis_client_answer(redis);
    return *reply == NULL ? redis_client_lost(redis, p) : judge(reply, command, p);
}

enum status redis_ask_words(redisContext *redis, redisReply **reply, struct problem *p, ...) {
    struct slice words[REDIS_ASK_WORDS];
    int count = 0;
    va_list arguments;
    va_start(arguments, p);
    for (const char *word; (word = va_arg(arguments, const char *)) != NULL; count++) {
        CHECK(count < REDIS_ASK_WORDS);
        words[count] = slice_of(word);
    }
    va_end(arguments);
    return redis_ask(redis, reply, words, count, p);
}

struct slice redis_ask_text(const redisReply *reply) {
    if (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS &&
        reply->type != REDIS_REPLY_ERROR)
        return (struct slice){"", 0};
    return (struct slice){reply->str, (size_t)reply->len};
}

bool redis_ask_is_list(const redisReply *reply, size_t least) {
    return reply->type == REDIS_REPLY_ARRAY && reply->elements >= least;
}

bool redis_ask_cursor(char cursor[REDIS_ASK_CURSOR], const redisReply *reply) {
    if (!redis_ask_is_list(reply, 2) || !redis_ask_is_list(reply->element[1], 0))
        return false;
    struct slice text = redis_ask_text(reply->element[0]);
    if (text.length == 0 || text.length >= REDIS_ASK_CURSOR || strspn(text.at, "0123456789") != text.length)
        return false;
    memcpy(cursor, text.at, text.length + 1);
    return true;
}

enum status redis_ask_refuse(redisReply **reply, const char *command, struct problem *p) {
    freeReplyObject(*reply);
    *reply = NULL;
    return problem_set(p, STATUS_UNAVAILABLE, "", "is redis.url a Redis, and its library this version's?",
                       "Redis answers %s with what is no answer to it", command);
}
