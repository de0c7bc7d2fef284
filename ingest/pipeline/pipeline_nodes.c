// The nodes of Redis: one, or the masters of a cluster.
//
//     away      the link is down: CLM-R3, or CLM-A1 where Redis does not let us in
//     evicting  INFO, asked every few seconds, says so: CLM-R1. What was evicted is gone
//
// A node is the router's, by its number there; when another takes its number, it begins anew.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ingest/pipeline/pipeline_internal.h"
#include "runtime/log/log.h"
#include "runtime/memory.h"
#include "runtime/redis/redis_info.h"

enum { LOOK_MS = 5000 };

const struct redis_node *nodes_of(const struct pipeline *p, const struct shard *shard) {
    size_t number = redis_router_node_of(p->redis, shard->slot);
    return number == REDIS_NO_NODE ? NULL : redis_router_node(p->redis, number);
}

// Begun anew where it is another than before.
struct node_state *nodes_state(struct pipeline *p, const struct redis_node *node) {
    struct node_state *state = &p->redis_state.nodes[node->number];
    if (state->id != node->id)
        *state = (struct node_state){.id = node->id, .address = node->address, .cpu_s = -1, .busy = -1};
    return state;
}

// ---- away

// What waits for it.
static const char *waiting_write(const struct pipeline *p, const struct redis_node *node, char out[64]) {
    uint32_t shards = p->startup->keys.shards, waiting = 0;
    for (uint32_t i = 0; i < shards; i++)
        waiting += nodes_of(p, &p->shards[i]) == node;
    if (waiting == shards)
        snprintf(out, 64, "counting waits");
    else
        snprintf(out, 64, "%u of %u shards wait", waiting, shards);
    return out;
}

static void away_tell(struct pipeline *p, const struct redis_node *node, const char *code) {
    struct problem problem;
    char address[REDIS_ADDRESS_TEXT], waiting[64];
    redis_address_write(address, &node->address);
    waiting_write(p, node, waiting);
    if (strcmp(code, "CLM-A1") == 0)
        problem_set(&problem, STATUS_OK, code,
                    "put the right password into redis.password_file, then SIGHUP; see redis.username too",
                    "Redis at %s refuses us: %s; %s", address, redis_link_error(node->link), waiting);
    else if (strcmp(code, "CLM-R7") == 0)
        problem_set(&problem, STATUS_OK, code,
                    "put right certificates where redis.tls.* points, or into Redis: the next try takes them",
                    "no TLS with Redis at %s: %s; %s", address, redis_link_error(node->link), waiting);
    else
        problem_set(&problem, STATUS_OK, code, "see whether Redis runs: redis-cli -u URL ping",
                    "no Redis at %s: %s; %s", address, redis_link_error(node->link), waiting);
    log_problem(LOG_LEVEL_ERROR, "redis_down", &problem);
}

static const char *away_code(const struct redis_link *link) {
    if (redis_link_not_allowed(link))
        return "CLM-A1";
    return redis_link_distrusted(link) ? "CLM-R7" : "CLM-R3";
}

// That the first connection takes its time is no absence; that it failed is.
static void node_turn(struct pipeline *p, const struct redis_node *node, struct node_state *state) {
    char address[REDIS_ADDRESS_TEXT];
    if (redis_link_up(node->link)) {
        if (!state->up)
            log_info("redis_up", FIELD("address", LOG_TEXT(redis_address_write(address, &node->address))));
        state->up = true;
        state->away = NULL;
        return;
    }
    const char *code = away_code(node->link);
    bool has_failed = redis_link_error(node->link)[0] != '\0';
    state->up = false;
    if (!has_failed || (state->away != NULL && strcmp(code, state->away) == 0))
        return;
    state->away = code;
    away_tell(p, node, code);
}

// It has gone, or serves nothing any more: others serve what it did.
static void node_forget(struct node_state *state) {
    char address[REDIS_ADDRESS_TEXT];
    if (state->away != NULL)
        log_info("redis_replaced", FIELD("address", LOG_TEXT(redis_address_write(address, &state->address))));
    *state = (struct node_state){0};
}

// Before any node has told who they are.
static void lost_turn(struct pipeline *p, bool known) {
    struct redis_state *r = &p->redis_state;
    const char *why = redis_router_error(p->redis);
    struct problem problem;
    if (known || why[0] == '\0' || r->lost_told)
        return;
    problem_set(&problem, STATUS_OK, "CLM-R3",
                "see whether the cluster runs: redis-cli -u URL CLUSTER SHARDS",
                "no node of the cluster tells who serves its slots: %s; counting waits", why);
    log_problem(LOG_LEVEL_ERROR, "redis_down", &problem);
    r->lost_told = true;
}

void nodes_turn(struct pipeline *p) {
    bool known = false;
    for (size_t i = 0; i < redis_router_numbers(p->redis); i++) {
        const struct redis_node *node = redis_router_node(p->redis, i);
        struct node_state *state = &p->redis_state.nodes[i];
        if (state->id != 0 && (node == NULL || node->id != state->id))
            node_forget(state);
        if (node == NULL)
            continue;
        known = true;
        node_turn(p, node, nodes_state(p, node));
    }
    lost_turn(p, known);
}

// ---- looked at

struct question {
    struct pipeline *pipeline;
    size_t number;
    uint64_t id;
};

static void evicting_tell(struct pipeline *p, struct node_state *state, const char *info) {
    struct problem problem;
    char policy[REDIS_INFO_VALUE_MAX];
    bool evicts = redis_info_value(info, "maxmemory_policy", policy) && strcmp(policy, "noeviction") != 0 &&
                  strcmp(p->startup->basis.settings.redis_require_noeviction, "strict") == 0;
    if (evicts && !state->may_evict) {
        problem_set(&problem, STATUS_OK, "CLM-R1", "redis-cli CONFIG SET maxmemory-policy noeviction",
                    "Redis may evict by now (maxmemory-policy %s): counters would vanish", policy);
        log_problem(LOG_LEVEL_ERROR, "redis_may_evict", &problem);
    }
    state->may_evict = evicts;
    int64_t evicted = redis_info_number(info, "evicted_keys");
    if (evicted > state->evicted && state->looked) {
        problem_set(&problem, STATUS_OK, "CLM-R1",
                    "set maxmemory-policy noeviction, then clameur-ingest rebuild under a fresh redis.prefix",
                    "Redis has evicted %" PRId64 " keys since it was last asked: if ours are among them, "
                    "their counters are lost",
                    evicted - state->evicted);
        log_problem(LOG_LEVEL_ERROR, "redis_evicts", &problem);
    }
    state->evicted = evicted;
}

static double cpu_used_s(const char *info) {
    char system[REDIS_INFO_VALUE_MAX], user[REDIS_INFO_VALUE_MAX];
    if (!redis_info_value(info, "used_cpu_sys", system) || !redis_info_value(info, "used_cpu_user", user))
        return -1;
    return strtod(system, NULL) + strtod(user, NULL);
}

// Redis has one core for all its commands: near 1 it is what everybody waits for. A restart begins anew.
static void busy_measure(struct pipeline *p, struct node_state *state, const char *info) {
    double used_s = cpu_used_s(info), passed_s = (double)(p->now_ms - state->cpu_at_ms) / 1000;
    bool comparable = state->looked && used_s >= state->cpu_s && state->cpu_s >= 0 && passed_s > 0;
    state->busy = comparable ? (used_s - state->cpu_s) / passed_s : -1;
    state->cpu_s = used_s;
    state->cpu_at_ms = p->now_ms;
}

static void looked(void *context, enum redis_outcome outcome, const redisReply *reply) {
    struct question q = *(struct question *)context;
    free(context);
    struct pipeline *p = q.pipeline;
    struct node_state *state = &p->redis_state.nodes[q.number];
    if (state->id == q.id)
        state->looking = false;
    if (state->id == q.id && outcome == REDIS_LINK_REPLY && reply->type == REDIS_REPLY_STRING) {
        state->used_bytes = redis_info_number(reply->str, "used_memory");
        state->max_bytes = redis_info_number(reply->str, "maxmemory");
        evicting_tell(p, state, reply->str);
        busy_measure(p, state, reply->str);
        state->looked = true;
    }
    if (p->redis_state.refusal != NULL && !p->redis_state.told && p->redis_state.refused_by == q.number)
        redis_refusal_tell(p);
}

void nodes_look(struct pipeline *p, size_t number) {
    const struct redis_node *node = redis_router_node(p->redis, number);
    struct node_state *state = node == NULL ? NULL : nodes_state(p, node);
    if (state == NULL || state->looking)
        return;
    state->looking = true;
    state->look_at_ms = p->now_ms + LOOK_MS;
    struct question *question = memory_take(sizeof(*question));
    *question = (struct question){p, number, node->id};
    redis_link_command(node->link, 1, (const char *[]){"INFO"}, (const size_t[]){4}, looked, question);
}

void nodes_inform(struct pipeline *p) {
    for (size_t i = 0; i < redis_router_numbers(p->redis); i++) {
        const struct redis_node *node = redis_router_node(p->redis, i);
        if (node != NULL && redis_link_up(node->link) && p->now_ms >= nodes_state(p, node)->look_at_ms)
            nodes_look(p, i);
    }
}

void nodes_figures(const struct pipeline *p, struct node_figures *f) {
    *f = (struct node_figures){-1, -1, -1};
    for (size_t i = 0; i < redis_router_numbers(p->redis); i++) {
        const struct redis_node *node = redis_router_node(p->redis, i);
        const struct node_state *state = &p->redis_state.nodes[i];
        if (node == NULL || state->id != node->id || !state->looked)
            continue;
        double memory = state->max_bytes > 0    ? (double)state->used_bytes / (double)state->max_bytes
                        : state->max_bytes == 0 ? 0
                                                : -1;
        f->memory = memory > f->memory ? memory : f->memory;
        f->busy = state->busy > f->busy ? state->busy : f->busy;
        if (state->evicted >= 0)
            f->evicted = (f->evicted < 0 ? 0 : f->evicted) + state->evicted;
    }
}
