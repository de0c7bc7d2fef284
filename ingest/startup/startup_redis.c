// Start-up's questions to Redis: does it answer, can it run Functions, may it forget, does it hold our
// Functions.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/startup/redis_ask.h"
#include "ingest/startup/startup_steps.h"
#include "runtime/check.h"
#include "runtime/memory.h"
#include "runtime/redis/redis_info.h"

enum { LIBRARY_NAME_MAX = 64, REDIS_MAJOR_NEEDED = 7 };

enum status startup_step_redis(struct startup_walk *walk) {
    struct startup *s = walk->s;
    struct problem p;
    if (redis_connect(&walk->redis, &s->redis, &s->login, (int)s->settings.redis_timeout_ms, &p) != STATUS_OK)
        return startup_trouble(walk, &p);
    redisReply *reply;
    enum status status = redis_ask_words(walk->redis, &reply, &p, "INFO", NULL);
    if (status == STATUS_OK) {
        walk->info = memory_text(reply->type == REDIS_REPLY_STRING ? reply->str : "");
        freeReplyObject(reply);
    } else if (status == STATUS_NOT_ALLOWED) {
        walk->info = memory_text("");
        p.status = STATUS_OK;
        startup_trouble(walk, &p);
    } else {
        return startup_trouble(walk, &p);
    }
    startup_found(walk, s->redis.port == 0 ? "%s" : "%s:%d", s->redis.host, s->redis.port);
    return STATUS_OK;
}

enum status startup_step_redis_version(struct startup_walk *walk) {
    char version[REDIS_INFO_VALUE_MAX];
    struct problem p;
    if (!redis_info_value(walk->info, "redis_version", version)) {
        problem_set(&p, STATUS_OK, "CLM-R4", "", "the version of Redis is unknown; it must be 7.0 or later");
        return startup_trouble(walk, &p);
    }
    if (strtol(version, NULL, 10) < REDIS_MAJOR_NEEDED) {
        problem_set(&p, STATUS_CONFIG, "CLM-R4", "use Redis 7.0 or later, or Valkey",
                    "Redis %s has no Functions; 7.0 or later is needed", version);
        return startup_trouble(walk, &p);
    }
    startup_found(walk, "%s", version);
    return STATUS_OK;
}

enum status startup_step_redis_role(struct startup_walk *walk) {
    char role[REDIS_INFO_VALUE_MAX], mode[REDIS_INFO_VALUE_MAX];
    struct problem p;
    redis_info_value(walk->info, "redis_mode", mode);
    if (strcmp(mode, "cluster") == 0) {
        problem_set(&p, STATUS_CONFIG, "", "point redis.url at a Redis that holds all slots by itself",
                    "this Redis is a node of a cluster, among which flushes are not routed");
        return startup_trouble(walk, &p);
    }
    bool known = redis_info_value(walk->info, "role", role);
    if (known && strcmp(role, "master") == 0) {
        startup_found(walk, "%s", role);
        return STATUS_OK;
    }
    problem_set(&p, known ? STATUS_UNAVAILABLE : STATUS_OK, "CLM-R5", "point redis.url at the master",
                "the role of this Redis is %s; it must be master", role);
    return startup_trouble(walk, &p);
}

enum status startup_step_redis_eviction(struct startup_walk *walk) {
    const char *wish = walk->s->settings.redis_require_noeviction;
    const char *remedy = "redis-cli CONFIG SET maxmemory-policy noeviction, or a Redis of its own";
    char policy[REDIS_INFO_VALUE_MAX];
    struct problem p;
    bool known = redis_info_value(walk->info, "maxmemory_policy", policy);
    if (strcmp(wish, "off") == 0 || strcmp(policy, "noeviction") == 0) {
        startup_found(walk, "%s%s", policy, strcmp(wish, "off") == 0 ? ", not required" : "");
        return STATUS_OK;
    }
    if (known)
        problem_set(&p, strcmp(wish, "strict") == 0 ? STATUS_CONFIG : STATUS_OK, "CLM-R1", remedy,
                    "Redis evicts (maxmemory-policy %s): counters would vanish", policy);
    else
        problem_set(&p, STATUS_OK, "CLM-R1", remedy, "whether Redis evicts is unknown: INFO does not say");
    return startup_trouble(walk, &p);
}

// --- The Function libraries

// The name that the first line gives: #!lua name=NAME
static void library_name(struct slice code, char out[LIBRARY_NAME_MAX]) {
    static const char head[] = "#!lua name=";
    CHECK(code.length > sizeof(head) && memcmp(code.at, head, sizeof(head) - 1) == 0);
    const char *name = code.at + sizeof(head) - 1;
    size_t length = 0;
    while (name[length] != '\n' && length < LIBRARY_NAME_MAX - 1)
        length++;
    memcpy(out, name, length);
    out[length] = '\0';
}

// The element after the text `name` of a flat list, or NULL.
static const redisReply *field_find(const redisReply *list, const char *name) {
    for (size_t i = 0; list->type == REDIS_REPLY_ARRAY && i + 1 < list->elements; i += 2) {
        if (slice_equal(redis_ask_text(list->element[i]), slice_of(name)))
            return list->element[i + 1];
    }
    return NULL;
}

enum library_state { LIBRARY_ABSENT, LIBRARY_EQUAL, LIBRARY_OTHER };

static enum status library_look(redisContext *redis, struct slice code, enum library_state *state,
                                struct problem *p) {
    char name[LIBRARY_NAME_MAX];
    redisReply *reply;
    library_name(code, name);
    enum status status =
        redis_ask_words(redis, &reply, p, "FUNCTION", "LIST", "LIBRARYNAME", name, "WITHCODE", NULL);
    if (status != STATUS_OK)
        return status;
    *state = LIBRARY_ABSENT;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements > 0) {
        const redisReply *held = field_find(reply->element[0], "library_code");
        *state = held != NULL && slice_equal(redis_ask_text(held), code) ? LIBRARY_EQUAL : LIBRARY_OTHER;
    }
    freeReplyObject(reply);
    return STATUS_OK;
}

static enum status library_load(redisContext *redis, struct slice code, bool replace, struct problem *p) {
    struct slice words[4] = {slice_of("FUNCTION"), slice_of("LOAD")};
    int count = 2;
    if (replace)
        words[count++] = slice_of("REPLACE");
    words[count++] = code;
    redisReply *reply;
    enum status status = redis_ask(redis, &reply, words, count, p);
    if (status == STATUS_OK)
        freeReplyObject(reply);
    return status;
}

// Loads where absent; `replace` says what becomes of another text of the same name.
static enum status library_ensure(redisContext *redis, struct slice code, bool replace, struct problem *p) {
    enum library_state state;
    enum status status = library_look(redis, code, &state, p);
    if (status != STATUS_OK || state == LIBRARY_EQUAL)
        return status;
    if (state == LIBRARY_ABSENT || replace)
        status = library_load(redis, code, replace, p);
    // Another worker may have loaded it between the two: then it is there, and that is all that matters.
    if (status == STATUS_UNAVAILABLE && !replace && library_look(redis, code, &state, NULL) == STATUS_OK &&
        state != LIBRARY_ABSENT)
        status = STATUS_OK;
    if (status == STATUS_OK && state == LIBRARY_OTHER && !replace) {
        char name[LIBRARY_NAME_MAX];
        library_name(code, name);
        char remedy[sizeof(p->remedy)];
        snprintf(remedy, sizeof(remedy), "stop the other workers, then redis-cli FUNCTION DELETE %s", name);
        return problem_set(p, STATUS_CONFIG, "CLM-R6", remedy,
                           "Redis holds another %s than this program's: they may not understand each other",
                           name);
    }
    return status;
}

enum status startup_load_functions(redisContext *redis, struct problem *p) {
    struct problem reader;
    enum status status = library_ensure(redis, functions_writer(), false, p);
    enum status of_reader = library_ensure(redis, functions_reader(), true, &reader);
    if (status != STATUS_OK || of_reader == STATUS_OK)
        return status;
    *p = reader;
    return of_reader;
}

enum status startup_step_functions(struct startup_walk *walk) {
    struct problem p;
    enum status status = startup_load_functions(walk->redis, &p);
    if (status != STATUS_OK)
        return startup_trouble(walk, &p);
    startup_found(walk, "loaded");
    return STATUS_OK;
}
