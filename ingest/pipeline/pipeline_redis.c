// Redis on its bad days. What is refused is repeated, byte for byte, until it is taken; here it is told: one
// line when the trouble begins, one when it is over, and not ready in between.
//
//     away      the link is down: CLM-R3, or CLM-A1 where Redis does not let us in
//     refusing  it answers a flush, a claim or the library with an error: CLM-R2 full, CLM-A1 not permitted,
//     CLM-R5 any other
//     evicting  INFO, asked every few seconds, says so: CLM-R1. What was evicted is gone
//     another   meta is gone (CLM-M1) or another deployment's (CLM-M4): the worker stops
//
// An update that could not be applied is in `faults` and counted on: CLM-F1, a line now and then.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ingest/pipeline/pipeline_internal.h"
#include "runtime/log/log.h"
#include "runtime/memory.h"
#include "runtime/redis/redis_info.h"

enum { LOOK_MS = 5000, FAULTS_LINE_MS = 10000 };

// ---- away

static const char *address_write(const struct pipeline *p, char out[300]) {
    const struct redis_address *a = &p->startup->redis;
    snprintf(out, 300, a->port == 0 ? "%s" : "%s:%d", a->host, a->port);
    return out;
}

static void away_tell(struct pipeline *p, const char *code) {
    struct problem problem;
    char address[300];
    address_write(p, address);
    if (strcmp(code, "CLM-A1") == 0)
        problem_set(&problem, STATUS_OK, code,
                    "put the right password into redis.password_file, then SIGHUP; see redis.username too",
                    "Redis at %s refuses us: %s; counting waits", address, redis_link_error(p->redis));
    else
        problem_set(&problem, STATUS_OK, code, "see whether Redis runs: redis-cli -u URL ping",
                    "no Redis at %s: %s; counting waits", address, redis_link_error(p->redis));
    log_problem(LOG_LEVEL_ERROR, "redis_down", &problem);
}

// That the first connection takes its time is no absence; that it failed is.
void redis_away_turn(struct pipeline *p) {
    struct redis_state *r = &p->redis_state;
    if (redis_link_up(p->redis)) {
        if (!r->up)
            log_info("redis_up");
        r->up = true;
        r->away = NULL;
        return;
    }
    const char *code = redis_link_not_allowed(p->redis) ? "CLM-A1" : "CLM-R3";
    bool has_failed = redis_link_error(p->redis)[0] != '\0';
    r->up = false;
    if (!has_failed || (r->away != NULL && strcmp(code, r->away) == 0))
        return;
    r->away = code;
    away_tell(p, code);
}

// ---- looked at

static void evicting_tell(struct pipeline *p, const char *info) {
    struct redis_state *r = &p->redis_state;
    struct problem problem;
    char policy[REDIS_INFO_VALUE_MAX];
    bool evicts = redis_info_value(info, "maxmemory_policy", policy) && strcmp(policy, "noeviction") != 0 &&
                  strcmp(p->startup->settings.redis_require_noeviction, "strict") == 0;
    if (evicts && !r->may_evict) {
        problem_set(&problem, STATUS_OK, "CLM-R1", "redis-cli CONFIG SET maxmemory-policy noeviction",
                    "Redis may evict by now (maxmemory-policy %s): counters would vanish", policy);
        log_problem(LOG_LEVEL_ERROR, "redis_may_evict", &problem);
    }
    r->may_evict = evicts;
    int64_t evicted = redis_info_number(info, "evicted_keys");
    if (evicted > r->evicted && r->looked) {
        problem_set(&problem, STATUS_OK, "CLM-R1",
                    "set maxmemory-policy noeviction, then clameur-ingest rebuild under a fresh redis.prefix",
                    "Redis has evicted %" PRId64 " keys since it was last asked: if ours are among them, "
                    "their counters are lost",
                    evicted - r->evicted);
        log_problem(LOG_LEVEL_ERROR, "redis_evicts", &problem);
    }
    r->evicted = evicted;
}

static double cpu_used_s(const char *info) {
    char system[REDIS_INFO_VALUE_MAX], user[REDIS_INFO_VALUE_MAX];
    if (!redis_info_value(info, "used_cpu_sys", system) || !redis_info_value(info, "used_cpu_user", user))
        return -1;
    return strtod(system, NULL) + strtod(user, NULL);
}

// Redis has one core for all its commands: near 1 it is what everybody waits for. A restart begins anew.
static void busy_measure(struct pipeline *p, const char *info) {
    struct redis_state *r = &p->redis_state;
    double used_s = cpu_used_s(info), passed_s = (double)(p->now_ms - r->cpu_at_ms) / 1000;
    bool comparable = r->looked && used_s >= r->cpu_s && r->cpu_s >= 0 && passed_s > 0;
    r->busy = comparable ? (used_s - r->cpu_s) / passed_s : -1;
    r->cpu_s = used_s;
    r->cpu_at_ms = p->now_ms;
}

static void refusal_tell(struct pipeline *p);

static void looked(void *context, enum redis_outcome outcome, const redisReply *reply) {
    struct pipeline *p = context;
    struct redis_state *r = &p->redis_state;
    r->looking = false;
    if (outcome == REDIS_LINK_REPLY && reply->type == REDIS_REPLY_STRING) {
        r->used_bytes = redis_info_number(reply->str, "used_memory");
        r->max_bytes = redis_info_number(reply->str, "maxmemory");
        evicting_tell(p, reply->str);
        busy_measure(p, reply->str);
        r->looked = true;
    }
    if (r->refusal != NULL && !r->told)
        refusal_tell(p);
}

static void look(struct pipeline *p) {
    struct redis_state *r = &p->redis_state;
    if (r->looking)
        return;
    r->looking = true;
    r->look_at_ms = p->now_ms + LOOK_MS;
    redis_link_command(p->redis, 1, (const char *[]){"INFO"}, (const size_t[]){4}, looked, p);
}

// ---- refusing

static const struct {
    const char *begins;
    const char *code;
    const char *what;
    const char *remedy;
} refusals[] = {
    {"OOM", "CLM-R2", "Redis is full", "raise maxmemory; counting goes on by itself"},
    {"NOPERM", "CLM-A1", "Redis does not permit what the worker must do",
     "grant it with ACL SETUSER, as Redis' message names it; deploy/redis.acl has the whole line"},
    {"NOAUTH", "CLM-A1", "Redis does not permit what the worker must do",
     "check redis.username and redis.password_file"},
    {"READONLY", "CLM-R5", "Redis is a read-only replica",
     "point redis.url at the master, or promote this one"},
    {"MISCONF", "CLM-R5", "Redis cannot write to its disk", "mend what Redis' own log names"},
    {"", "CLM-R5", "Redis refuses", "see Redis' message"},
};

static size_t refusal_find(const char *words) {
    size_t i = 0;
    while (strncmp(words, refusals[i].begins, strlen(refusals[i].begins)) != 0)
        i++;
    return i;
}

static void refusal_tell(struct pipeline *p) {
    struct redis_state *r = &p->redis_state;
    size_t row = refusal_find(r->words);
    struct problem problem;
    char measured[80] = "";
    if (strcmp(refusals[row].code, "CLM-R2") == 0 && r->max_bytes > 0)
        snprintf(measured, sizeof(measured), " (%.1f of %.1f MiB)", (double)r->used_bytes / 1048576,
                 (double)r->max_bytes / 1048576);
    problem_set(&problem, STATUS_OK, refusals[row].code, refusals[row].remedy,
                "%s%s: flushing waits, nothing is lost, lag grows; it says: %s", refusals[row].what, measured,
                r->words);
    log_problem(LOG_LEVEL_ERROR, "redis_refuses", &problem);
    r->told = true;
}

void redis_refused(struct pipeline *p, struct shard *shard, const char *words) {
    struct redis_state *r = &p->redis_state;
    if (shard != NULL)
        shard->refused = true;
    const char *code = refusals[refusal_find(words)].code;
    if (r->refusal != NULL && strcmp(r->refusal, code) == 0)
        return;
    r->refusal = code;
    r->since_ms = p->now_ms;
    r->told = false;
    snprintf(r->words, sizeof(r->words), "%s", words);
    if (strcmp(code, "CLM-R2") == 0)
        look(p); // how full it is stands in the line
    else
        refusal_tell(p);
}

static bool is_refused_anywhere(const struct pipeline *p) {
    for (uint32_t i = 0; i < p->startup->keys.shards && p->owned_count > 0; i++) {
        if (p->shards[i].refused)
            return true;
    }
    return false;
}

void redis_turn(struct pipeline *p) {
    struct redis_state *r = &p->redis_state;
    redis_away_turn(p);
    if (r->refusal != NULL && !is_refused_anywhere(p)) {
        log_info("redis_accepts", FIELD("code", LOG_TEXT(r->refusal)),
                 FIELD("waited_ms", LOG_INT(p->now_ms - r->since_ms)));
        r->refusal = NULL;
    }
    if (r->faults > 0 && p->now_ms >= r->faults_at_ms) {
        log_error(
            "counter_faults", FIELD("code", LOG_TEXT("CLM-F1")), FIELD("shard", LOG_INT(r->faults_shard)),
            FIELD("faults", LOG_INT(r->faults)),
            FIELD("do", LOG_TEXT("redis-cli FCALL_RO clameur_faults 0; repair the key, then apply them")));
        r->faults = 0;
        r->faults_at_ms = p->now_ms + FAULTS_LINE_MS;
    }
    if (redis_link_up(p->redis) && p->now_ms >= r->look_at_ms)
        look(p);
}

const char *redis_why_not_ready(const struct pipeline *p) {
    const char *code = p->redis_state.refusal;
    if (!redis_link_up(p->redis))
        return redis_link_not_allowed(p->redis) ? "redis does not let us in\n" : "redis is not connected\n";
    if (code == NULL)
        return NULL;
    if (strcmp(code, "CLM-R2") == 0)
        return "redis is full\n";
    return strcmp(code, "CLM-A1") == 0 ? "redis does not permit flushes\n" : "redis refuses flushes\n";
}

void redis_fault(struct pipeline *p, const struct shard *shard, int64_t faults) {
    p->tally.faults += faults;
    p->redis_state.faults += faults;
    p->redis_state.faults_shard = shard->number;
}

// ---- the libraries

static void library_loaded(void *context, enum redis_outcome outcome, const redisReply *reply) {
    struct pipeline *p = context;
    bool failed = outcome == REDIS_LINK_REPLY && reply->type == REDIS_REPLY_ERROR;
    if (failed && strstr(reply->str, "already exists") == NULL)
        redis_refused(p, NULL, reply->str);
    else if (outcome == REDIS_LINK_REPLY && !failed)
        log_info("function_loaded", FIELD("library", LOG_TEXT(reply->str)));
}

static void writer_loaded(void *context, enum redis_outcome outcome, const redisReply *reply) {
    struct pipeline *p = context;
    p->redis_state.loading = false;
    library_loaded(context, outcome, reply);
}

static void library_load(struct pipeline *p, struct slice code, redis_callback callback) {
    const char *words[] = {"FUNCTION", "LOAD", code.at};
    const size_t lengths[] = {8, 4, code.length};
    redis_link_command(p->redis, 3, words, lengths, callback, p);
}

// Who lost the writer's library has lost the readers' too.
void redis_load_functions(struct pipeline *p) {
    if (p->redis_state.loading)
        return;
    p->redis_state.loading = true;
    library_load(p, functions_reader(), library_loaded);
    library_load(p, functions_writer(), writer_loaded);
}

// ---- another deployment

struct meta_question {
    struct pipeline *pipeline;
    uint32_t shard;
};

static void meta_answered(void *context, enum redis_outcome outcome, const redisReply *reply) {
    struct meta_question q = *(struct meta_question *)context;
    free(context);
    struct pipeline *p = q.pipeline;
    const char *ours = p->startup->meta.deployment, *prefix = p->startup->keys.prefix;
    struct problem problem;
    p->redis_state.meta_asked = false;
    if (outcome != REDIS_LINK_REPLY || reply->type == REDIS_REPLY_ERROR)
        return; // the next refusal asks again
    bool is_there = reply->type == REDIS_REPLY_STRING;
    if (is_there && strcmp(reply->str, ours) == 0)
        return; // put back meanwhile
    if (is_there)
        problem_set(&problem, STATUS_CONFIG, "CLM-M4",
                    "stop the workers of one of the two, and give it a redis.prefix or a Redis of its own",
                    "shard %u of prefix \"%s\" holds deployment %s by now, not %s", q.shard, prefix,
                    reply->str, ours);
    else
        problem_set(&problem, STATUS_BAD_DATA, "CLM-M1",
                    "restore the newest backup of Redis and start again; without one: clameur-ingest rebuild",
                    "shard %u of prefix \"%s\" holds no deployment %s any more: its counters are gone",
                    q.shard, prefix, ours);
    pipeline_fail(p, &problem);
}

void redis_uninitialised(struct pipeline *p, const struct shard *shard) {
    if (p->redis_state.meta_asked)
        return;
    char name[KEY_MAX];
    const struct key_parts none = {0};
    size_t length = key_write(name, &p->startup->keys, KEY_META, shard->number, &none);
    const char *words[] = {"HGET", name, "deployment"};
    const size_t lengths[] = {4, length, 10};
    struct meta_question *question = memory_take(sizeof(*question));
    *question = (struct meta_question){p, shard->number};
    p->redis_state.meta_asked = true;
    redis_link_command(p->redis, 3, words, lengths, meta_answered, question);
}
