// Redis on its bad days. What is refused is repeated, byte for byte, until it is taken; here it is told: one
// line when the trouble begins, one when it is over, and not ready in between.
//
//     refusing  it answers a flush, a claim or the library with an error: CLM-R2 full, CLM-A1 not permitted,
//     CLM-R5 any other
//     another   meta is gone (CLM-M1) or another deployment's (CLM-M4): the worker stops
//
// An update that could not be applied is in `faults` and counted on: CLM-F1, a line now and then.

#include <stdio.h>
#include <stdlib.h>

#include "ingest/pipeline/pipeline_internal.h"
#include "runtime/log/log.h"
#include "runtime/memory.h"

enum { FAULTS_LINE_MS = 10000, MOVE_MS = 5000 };

void redis_loop_turn(struct pipeline *p, int wait_ms) {
    loop_turn(&p->loop, wait_ms);
    p->now_ms = loop_now_ms(&p->loop);
    redis_router_turn(p->redis, p->now_ms);
}

uint32_t redis_shards_down(const struct pipeline *p) {
    uint32_t down = 0;
    for (uint32_t i = 0; i < p->startup->keys.shards; i++)
        down += p->shards[i].left_out || !redis_serves(p, &p->shards[i]);
    return down;
}

bool redis_serves(const struct pipeline *p, const struct shard *shard) {
    return redis_router_up(p->redis, shard->slot);
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
    {"CLUSTERDOWN", "CLM-R5", "the cluster does not serve a slot",
     "see which: redis-cli --cluster check HOST:PORT"},
    {"TRYAGAIN", "CLM-R5", "a slot has been on the move for seconds",
     "see redis-cli --cluster check HOST:PORT"},
    {"MISCONF", "CLM-R5", "Redis cannot write to its disk", "mend what Redis' own log names"},
    {"", "CLM-R5", "Redis refuses", "see Redis' message"},
};

static size_t refusal_find(const char *words) {
    size_t i = 0;
    while (strncmp(words, refusals[i].begins, strlen(refusals[i].begins)) != 0)
        i++;
    return i;
}

void redis_refusal_tell(struct pipeline *p) {
    struct redis_state *r = &p->redis_state;
    size_t row = refusal_find(r->words);
    struct problem problem;
    char measured[80] = "";
    const struct node_state *node = r->refused_by == REDIS_NO_NODE ? NULL : &r->nodes[r->refused_by];
    if (strcmp(refusals[row].code, "CLM-R2") == 0 && node != NULL && node->max_bytes > 0)
        snprintf(measured, sizeof(measured), " (%.1f of %.1f MiB)", (double)node->used_bytes / 1048576,
                 (double)node->max_bytes / 1048576);
    problem_set(&problem, STATUS_OK, refusals[row].code, refusals[row].remedy,
                "%s%s: flushing waits, nothing is lost, lag grows; it says: %s", refusals[row].what, measured,
                r->words);
    log_problem(LOG_LEVEL_ERROR, "redis_refuses", &problem);
    r->told = true;
}

// What a slot on the move is answered with is no trouble before it has lasted.
static bool is_passing(const struct pipeline *p, const struct shard *shard, const char *words) {
    static const char *const moves[] = {"TRYAGAIN", "ASK ", "MOVED "};
    bool lasts = shard->away_since_ms != 0 && p->now_ms - shard->away_since_ms >= MOVE_MS;
    for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]) && !lasts; i++) {
        if (strncmp(words, moves[i], strlen(moves[i])) == 0)
            return true;
    }
    return false;
}

void redis_refused(struct pipeline *p, struct shard *shard, const char *words) {
    struct redis_state *r = &p->redis_state;
    shard->refused = true;
    if (is_passing(p, shard, words))
        return;
    const char *code = refusals[refusal_find(words)].code;
    if (r->refusal != NULL && strcmp(r->refusal, code) == 0)
        return;
    r->refusal = code;
    r->since_ms = p->now_ms;
    r->told = false;
    snprintf(r->words, sizeof(r->words), "%s", words);
    r->refused_by = redis_router_node_of(p->redis, shard->slot);
    if (strcmp(code, "CLM-R2") == 0 && r->refused_by != REDIS_NO_NODE)
        nodes_look(p, r->refused_by); // how full it is stands in the line
    else
        redis_refusal_tell(p);
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
    nodes_turn(p);
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
    nodes_inform(p);
}

static bool is_let_in(const struct pipeline *p, const struct shard *shard) {
    const struct redis_node *node = nodes_of(p, shard);
    return node == NULL || !redis_link_not_allowed(node->link);
}

const char *redis_why_not_ready(const struct pipeline *p) {
    const char *code = p->redis_state.refusal;
    for (uint32_t i = 0; i < p->startup->keys.shards; i++) {
        const struct shard *shard = &p->shards[i];
        if (redis_serves(p, shard))
            continue;
        if (redis_router_routes(p->redis))
            return "not all nodes of redis are connected\n";
        return is_let_in(p, shard) ? "redis is not connected\n" : "redis does not let us in\n";
    }
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

struct loading {
    struct pipeline *pipeline;
    struct shard *shard; // that found them missing
    size_t number;       // of the node
    uint64_t id;
    bool last;
};

static void library_loaded(void *context, enum redis_outcome outcome, const redisReply *reply) {
    struct loading loading = *(struct loading *)context;
    free(context);
    struct pipeline *p = loading.pipeline;
    struct node_state *state = &p->redis_state.nodes[loading.number];
    bool failed = outcome == REDIS_LINK_REPLY && reply->type == REDIS_REPLY_ERROR;
    if (loading.last && state->id == loading.id)
        state->loading = false;
    if (failed && strstr(reply->str, "already exists") == NULL)
        redis_refused(p, loading.shard, reply->str);
    else if (outcome == REDIS_LINK_REPLY && !failed)
        log_info("function_loaded", FIELD("library", LOG_TEXT(reply->str)));
}

static void library_load(const struct loading *order, const struct redis_node *node, struct slice code) {
    const char *words[] = {"FUNCTION", "LOAD", code.at};
    const size_t lengths[] = {8, 4, code.length};
    struct loading *loading = memory_take(sizeof(*loading));
    *loading = *order;
    redis_link_command(node->link, 3, words, lengths, library_loaded, loading);
}

// Who lost the writer's library has lost the readers' too.
void redis_load_functions(struct pipeline *p, struct shard *shard) {
    const struct redis_node *node = nodes_of(p, shard);
    struct node_state *state = node == NULL ? NULL : nodes_state(p, node);
    if (state == NULL || state->loading)
        return;
    state->loading = true;
    struct loading loading = {p, shard, node->number, node->id, false};
    library_load(&loading, node, functions_reader());
    loading.last = true;
    library_load(&loading, node, functions_writer());
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
    redis_router_command(p->redis, shard->slot, 3, words, lengths, meta_answered, question);
}
