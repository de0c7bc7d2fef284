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

// Takes what INFO says of the node. Where it may not be asked, that is a warning.
static enum status node_look(struct startup_walk *walk, struct startup_node *node) {
    redisContext *context;
    redisReply *reply;
    struct problem p;
    enum status status = redis_client_node(walk->redis, node->number, &context, &p);
    if (status != STATUS_OK)
        return walk_trouble(&walk->base, &p);
    status = redis_ask_words(context, &reply, &p, "INFO", NULL);
    node->info = memory_text(status == STATUS_OK && reply->type == REDIS_REPLY_STRING ? reply->str : "");
    freeReplyObject(reply);
    if (status == STATUS_OK)
        return STATUS_OK;
    if (status == STATUS_NOT_ALLOWED)
        p.status = STATUS_OK;
    return walk_trouble(&walk->base, &p);
}

static void cluster_found(struct startup_walk *walk) {
    char names[512] = "";
    size_t length = 0;
    for (size_t i = 0; i < walk->node_count && length < sizeof(names); i++)
        length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%s", i > 0 ? ", " : "",
                                   redis_client_name(walk->redis, walk->nodes[i].number));
    walk_found(&walk->base, "cluster of %zu masters: %s", walk->node_count, names);
}

enum status startup_step_redis(struct walk *base) {
    struct startup_walk *walk = startup_walk_of(base);
    struct startup *s = walk->s;
    struct problem p;
    if (redis_client_open(&walk->redis, &s->redis, &s->login, (int)s->basis.settings.redis_timeout_ms, &p) !=
        STATUS_OK)
        return walk_trouble(&walk->base, &p);
    uint16_t numbers[REDIS_NODES_MAX];
    s->redis_is_cluster = redis_client_routes(walk->redis);
    walk->node_count = redis_client_masters(walk->redis, numbers);
    walk->nodes = memory_take((walk->node_count + 1) * sizeof(*walk->nodes));
    enum status first = STATUS_OK;
    for (size_t i = 0; i < walk->node_count; i++) {
        walk->nodes[i].number = numbers[i];
        enum status status = node_look(walk, &walk->nodes[i]);
        first = first == STATUS_OK ? status : first;
    }
    if (first == STATUS_OK && s->redis_is_cluster)
        cluster_found(walk);
    else if (first == STATUS_OK)
        walk_found(&walk->base, "%s", redis_client_name(walk->redis, numbers[0]));
    return first;
}

// --- What each node is asked

enum { DETAIL_MAX = 96 };

// " at HOST:PORT" of a node among others.
static const char *where(const struct startup_walk *walk, const struct startup_node *node,
                         char out[DETAIL_MAX]) {
    out[0] = '\0';
    if (walk->s->redis_is_cluster)
        snprintf(out, DETAIL_MAX, " at %s", redis_client_name(walk->redis, node->number));
    return out;
}

// Either writes what was found, or sets the problem (a warning is one).
typedef void (*node_judge)(const struct startup_walk *walk, const struct startup_node *node,
                           char detail[DETAIL_MAX], struct problem *p);

// Tells the trouble of each node, and what was found: once where it is the same of all.
static enum status each_node(struct startup_walk *walk, node_judge judge) {
    enum status first = STATUS_OK;
    char told[512] = "", last[DETAIL_MAX] = "", place[DETAIL_MAX];
    for (size_t i = 0; i < walk->node_count; i++) {
        char detail[DETAIL_MAX] = "";
        struct problem p = {0};
        judge(walk, &walk->nodes[i], detail, &p);
        if (p.what[0] != '\0')
            walk_trouble(&walk->base, &p);
        else if (strcmp(detail, last) != 0)
            snprintf(told + strlen(told), sizeof(told) - strlen(told), "%s%s%s", told[0] == '\0' ? "" : ", ",
                     detail, told[0] == '\0' ? "" : where(walk, &walk->nodes[i], place));
        if (p.what[0] == '\0')
            memcpy(last, detail, sizeof(last));
        first = first == STATUS_OK ? p.status : first;
    }
    if (told[0] != '\0')
        walk_found(&walk->base, "%s", told);
    return first;
}

static void version_judge(const struct startup_walk *walk, const struct startup_node *node,
                          char detail[DETAIL_MAX], struct problem *p) {
    char version[REDIS_INFO_VALUE_MAX], place[DETAIL_MAX];
    if (!redis_info_value(node->info, "redis_version", version))
        problem_set(p, STATUS_OK, "CLM-R4", "", "the version of Redis%s is unknown; it must be 7.0 or later",
                    where(walk, node, place));
    else if (strtol(version, NULL, 10) < REDIS_MAJOR_NEEDED)
        problem_set(p, STATUS_CONFIG, "CLM-R4", "use Redis 7.0 or later, or Valkey",
                    "Redis %s%s has no Functions; 7.0 or later is needed", version, where(walk, node, place));
    else
        snprintf(detail, DETAIL_MAX, "%s", version);
}

enum status startup_step_redis_version(struct walk *base) {
    return each_node(startup_walk_of(base), version_judge);
}

static void role_judge(const struct startup_walk *walk, const struct startup_node *node,
                       char detail[DETAIL_MAX], struct problem *p) {
    char role[REDIS_INFO_VALUE_MAX], place[DETAIL_MAX];
    bool known = redis_info_value(node->info, "role", role);
    if (known && strcmp(role, "master") == 0)
        snprintf(detail, DETAIL_MAX, "%s", role);
    else
        problem_set(p, known ? STATUS_UNAVAILABLE : STATUS_OK, "CLM-R5", "point redis.url at the master",
                    "the role of this Redis%s is %s; it must be master", where(walk, node, place), role);
}

// A cluster may lack slots.
static enum status slots_look(struct startup_walk *walk) {
    struct problem p;
    for (uint32_t shard = 0; shard < walk->s->keys.shards; shard++) {
        int slot = key_shard_slot(shard);
        if (redis_client_master_of(walk->redis, slot) != REDIS_NO_NODE)
            continue;
        problem_set(&p, STATUS_UNAVAILABLE, "CLM-R5",
                    "redis-cli --cluster check HOST:PORT says what is amiss",
                    "no node of the Redis Cluster serves slot %d, where shard %u lies", slot, shard);
        return walk_trouble(&walk->base, &p);
    }
    return STATUS_OK;
}

enum status startup_step_redis_role(struct walk *base) {
    struct startup_walk *walk = startup_walk_of(base);
    enum status status = slots_look(walk), of_nodes = each_node(walk, role_judge);
    return status == STATUS_OK ? of_nodes : status;
}

static void eviction_judge(const struct startup_walk *walk, const struct startup_node *node,
                           char detail[DETAIL_MAX], struct problem *p) {
    const char *wish = walk->s->basis.settings.redis_require_noeviction;
    const char *remedy = "redis-cli CONFIG SET maxmemory-policy noeviction, or a Redis of its own";
    char policy[REDIS_INFO_VALUE_MAX], place[DETAIL_MAX];
    bool known = redis_info_value(node->info, "maxmemory_policy", policy);
    if (strcmp(wish, "off") == 0 || strcmp(policy, "noeviction") == 0)
        snprintf(detail, DETAIL_MAX, "%s%s", policy, strcmp(wish, "off") == 0 ? ", not required" : "");
    else if (known)
        problem_set(p, strcmp(wish, "strict") == 0 ? STATUS_CONFIG : STATUS_OK, "CLM-R1", remedy,
                    "Redis%s evicts (maxmemory-policy %s): counters would vanish", where(walk, node, place),
                    policy);
    else
        problem_set(p, STATUS_OK, "CLM-R1", remedy, "whether Redis%s evicts is unknown: INFO does not say",
                    where(walk, node, place));
}

enum status startup_step_redis_eviction(struct walk *base) {
    return each_node(startup_walk_of(base), eviction_judge);
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
    if (p != NULL)
        *p = reader;
    return of_reader;
}

enum status startup_load_functions_everywhere(struct redis_client *redis, struct problem *p) {
    uint16_t numbers[REDIS_NODES_MAX];
    size_t count = redis_client_masters(redis, numbers);
    enum status first = STATUS_OK;
    for (size_t i = 0; i < count; i++) {
        redisContext *context;
        struct problem *own = first == STATUS_OK ? p : NULL;
        enum status status = redis_client_node(redis, numbers[i], &context, own);
        if (status == STATUS_OK)
            status = startup_load_functions(context, own);
        first = first == STATUS_OK ? status : first;
    }
    return first;
}

enum status startup_step_functions(struct walk *base) {
    struct problem p;
    enum status status = startup_load_functions_everywhere(startup_walk_of(base)->redis, &p);
    if (status != STATUS_OK)
        return walk_trouble(base, &p);
    walk_found(base, "loaded");
    return STATUS_OK;
}
