// The steps of a seed's world, and what must hold after each.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/check.h"
#include "runtime/memory.h"
#include "tests/sim/sim.h"

enum { HOUR_MS = 3600000, DAY_MS = 24 * HOUR_MS, SETTLE_STEPS = 40000, REST_STEPS = 150 };

struct world world;
char *world_last_words;
struct recount_keys world_keys;
struct pseudonymiser *world_pseudonyms;

void world_trace(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    printf("%6lld %7lld ms  ", (long long)world.step, (long long)world.now_ms);
    vprintf(format, arguments);
    putchar('\n');
    va_end(arguments);
}

void world_violated(const char *format, ...) {
    char why[WORLD_WORDS_MAX];
    va_list arguments;
    va_start(arguments, format);
    int length = snprintf(why, sizeof(why), "seed %llu step %lld: ", (unsigned long long)world.seed,
                          (long long)world.step);
    vsnprintf(why + length, sizeof(why) - (size_t)length, format, arguments);
    va_end(arguments);
    puts(why);
    fflush(stdout);
    if (world_last_words != NULL)
        memcpy(world_last_words, why, sizeof(why));
    _Exit(1);
}

// ---- set-up

static void meta_write(void) {
    char name[KEY_MAX], count[16], starts[64] = "";
    const struct key_parts none = {0};
    struct answer answer;
    size_t at = 0;
    snprintf(count, sizeof(count), "%d", world.log.initial);
    for (int32_t i = 0; i < world.log.initial; i++)
        at += (size_t)snprintf(starts + at, sizeof(starts) - at, "%s%lld", i == 0 ? "" : " ",
                               (long long)world.log.at[i].start);
    for (uint32_t i = 0; i < world.redis.names.shards; i++) {
        size_t length = key_write(name, &world.redis.names, KEY_META, i, &none);
        const struct slice words[] = {
            slice_of("HSET"),       {name, length},  slice_of("deployment"), slice_of(WORLD_DEPLOYMENT),
            slice_of("partitions"), slice_of(count), slice_of("starts"),     slice_of(starts)};
        sim_redis_command(&world.redis, i, words, 8, &answer);
    }
}

// Some of them are in force from somewhere in the log on; the others are appended as it goes.
static void rules_make(struct chance *c, int64_t log_ms) {
    static const int64_t past_ms[] = {-1, INT64_C(40) * HOUR_MS, INT64_C(4) * HOUR_MS};
    static const int64_t retain_ms[] = {INT64_C(4000) * DAY_MS, 2 * DAY_MS, 3 * HOUR_MS};
    int64_t since_ms = 0;
    for (uint32_t i = 0; i < RULES_MADE; i++) {
        struct rules *rules = &world.rules[i];
        *rules = (struct rules){.version = i + 1,
                                .since_ms = since_ms,
                                .max_future_skew_ms = 300000,
                                .max_past_ms = past_ms[chance_below(c, 3)],
                                .series_retain_ms = retain_ms[chance_below(c, 3)],
                                .reach_retain_ms = retain_ms[chance_below(c, 3)]};
        snprintf(rules->hash, sizeof(rules->hash), "00000000000000a%u", i);
        for (uint32_t kind = 0; kind < RULES_WEIGHTS_MAX; kind++)
            rules->weights[kind] = (int32_t)(1 + (kind + i) % 3);
        since_ms = (since_ms > 0 ? since_ms : LOG_TIME_MS) + chance_between(c, 1, log_ms / 2);
    }
    world.rules_count = 1 + chance_below(c, RULES_MADE);
    world.hasty = chance_is(c, 30);
}

// Nothing was configured; it is there to be asked.
static struct config *config_of_nothing(void) {
    static struct config *config;
    struct config_request request;
    char *argv[] = {(char *)"sim", NULL};
    if (config == NULL)
        CHECK(config_load(&config, 1, argv, 1, NULL, 0, NULL, NULL, 0, NULL, &request) == STATUS_OK);
    return config;
}

static void startup_make(struct startup *s, struct chance *c) {
    *s = (struct startup){.basis = {.config = config_of_nothing()},
                          .keys = world.redis.names,
                          .redis_is_cluster = world.cluster};
    nodes_seeds(&s->redis);
    s->basis.pseudonyms = world_pseudonyms;
    s->basis.partitions = world.log.initial;
    struct settings *settings = &s->basis.settings;
    settings->kafka_topic = "engagement";
    settings->kafka_bootstrap = "";
    settings->decode_framing = "auto";
    settings->decode_max_event_bytes = 64 << 10;
    settings->decode_max_message_bytes = 1 << 20;
    settings->http_listen = "off";
    settings->redis_require_noeviction = "strict";
    settings->counters_families = "all";
    settings->dedup_max_ids = 100000;
    settings->dlq_breaker = world.seed % 2 == 1;
    settings->redis_flush_min_ms = chance_between(c, 20, 250);
    settings->redis_flush_max_ms = 4 * settings->redis_flush_min_ms;
    settings->redis_flush_max_ops = chance_is(c, 50) ? 4000 : chance_between(c, 5, 60);
    settings->redis_timeout_ms = chance_between(c, 200, 900);
    settings->shutdown_drain_ms = chance_between(c, 100, 2000);
    s->meta = (struct meta){
        .deployment = WORLD_DEPLOYMENT, .dedup_span = world.log.span, .partitions = world.log.initial};
    for (int32_t i = 0; i < world.log.initial; i++)
        s->meta.starts[i] = world.log.at[i].start;
}

static void world_begin(const struct world_setup *setup) {
    struct chance c = chance_of(setup->seed, 1000);
    static const int64_t steps_ms[] = {1000, 60000, 1800000, 7200000};
    world = (struct world){.seed = setup->seed, .tracing = setup->tracing, .now_ms = 1000};
    world.weather = chance_of(setup->seed, 1001);
    world.pace = chance_of(setup->seed, 1002);
    world.net = chance_of(setup->seed, 1003);
    world.group = chance_of(setup->seed, 1004);
    world.faults_until = chance_between(&c, 100, 1500);
    if (setup->faults_until >= 0)
        world.faults_until = setup->faults_until;
    sim_redis_init(&world.redis, 1 + chance_below(&c, 3), setup->seed);
    nodes_begin(&c);
    world.partitions_made = 1 + (int32_t)chance_below(&c, 3);
    bool grows = world.partitions_made > 1 && chance_is(&c, 50);
    const struct log_shape shape = {.partitions = world.partitions_made,
                                    .initial = world.partitions_made - grows,
                                    .length = chance_between(&c, 40, 250),
                                    .span = chance_between(&c, 3, 40),
                                    .step_ms = steps_ms[chance_below(&c, 4)],
                                    .accounts = 2 + 2 * world.redis.names.shards,
                                    .huge = chance_is(&c, 15),
                                    .rules = world.rules};
    rules_make(&c, shape.length * shape.step_ms);
    sim_log_make(&world.log, &shape, setup->seed);
    meta_write();
    oracle_init(&world.oracle, &world.log, &world.redis, world.rules, &world_keys);
    world.worker_count = 1 + (int)chance_below(&c, WORKERS_MAX);
    for (int i = 0; i < world.worker_count; i++) {
        world.workers[i].number = i;
        world.workers[i].start_at_ms = world.now_ms + chance_between(&c, 0, 1500);
        startup_make(&world.workers[i].startup, &c);
    }
    for (int i = 0; i < LOG_PARTITIONS_MAX; i++)
        world.owner[i] = world.target[i] = -1;
    faults_begin(setup->disabled);
    faults_snapshot();
    for (uint32_t i = 0; i < world.redis.names.shards; i++)
        keyspace_copy(&world.backup[i], &world.redis.shards[i]);
}

static void world_end(void) {
    for (int i = 0; i < world.worker_count; i++) {
        if (world.workers[i].alive)
            worker_kill(&world.workers[i]);
    }
    for (size_t i = 0; i < world.request_count; i++) {
        free(world.requests[i]->bytes);
        free(world.requests[i]->answer);
        free(world.requests[i]);
    }
    for (uint32_t s = 0; s < REDIS_SHARDS_MAX; s++) {
        for (int i = 0; i < world.snapshot_count; i++)
            keyspace_clear(&world.snapshots[i][s]);
        keyspace_clear(&world.backup[s]);
    }
    oracle_fini(&world.oracle);
    sim_redis_fini(&world.redis);
    sim_log_free(&world.log);
}

// ---- what must hold

static void check_shards(void) {
    for (uint32_t i = 0; i < world.redis.names.shards; i++) {
        struct shard_weather *shard = &world.shards[i];
        if (!shard->dirty)
            continue;
        shard->dirty = false;
        if (shard->emptied && world.redis.shards[i].keys.count > 0)
            world_violated("shard %u was emptied, and something was written to it", i);
        if (!shard->emptied && !oracle_check(&world.oracle, &world.redis.shards[i], i))
            world_violated("%s", world.oracle.wrong);
    }
}

static void check_balance(const struct worker *w) {
    const struct pipeline *p = worker_pipeline(w);
    if (p == NULL)
        return;
    const struct tally *t = &p->tally;
    if (t->read != t->counted + t->rejected + t->duplicate + t->replayed + t->in_flight)
        world_violated(
            "worker %d: read %lld, counted %lld + rejected %lld + duplicate %lld + replayed %lld + in "
            "flight %lld",
            w->number, (long long)t->read, (long long)t->counted, (long long)t->rejected,
            (long long)t->duplicate, (long long)t->replayed, (long long)t->in_flight);
    if (t->in_flight < 0)
        world_violated("worker %d has %lld events in flight", w->number, (long long)t->in_flight);
}

static bool has_old_rules(const struct worker *w) {
    return w->startup.basis.rules.count < world.rules_count;
}

// A worker that ended by itself must have had a reason.
static void check_end(struct worker *w) {
    const char *code = w->problem.code;
    bool asked = w->stop_asked && (w->status == STATUS_OK || w->status == STATUS_TRY_AGAIN);
    bool emptied = world.emptied_ever && strcmp(code, "CLM-M1") == 0;
    bool another = (world.truncated_ever || world.other_log_ever) &&
                   (strcmp(code, "CLM-M2") == 0 || strcmp(code, "CLM-M3") == 0);
    bool rules = (has_old_rules(w) || world.hasty) && strcmp(code, "CLM-M5") == 0;
    TRACE("worker %d has ended: %s", w->number, w->problem.what);
    if (!asked && !emptied && !another && !rules)
        world_violated("worker %d stops: %s %s", w->number, code, w->problem.what);
    if (rules && !has_old_rules(w))
        faults_restore_late();
    w->start_at_ms = world.now_ms + chance_between(&world.pace, 0, 2000);
}

static void check_stop(const struct worker *w) {
    if (w->alive && w->stop_asked && world.now_ms > w->stop_by_ms)
        world_violated("worker %d was asked to stop, and is still there %lld ms after it had to", w->number,
                       (long long)(world.now_ms - w->stop_by_ms));
}

// ---- steps

// No further than to the rules that not every worker has yet.
static int64_t log_limit(const struct log_partition *p) {
    int64_t limit = p->end;
    while (limit < p->length && (world.log_until_ms == 0 || !p->records[limit].present ||
                                 p->records[limit].time_ms < world.log_until_ms))
        limit++;
    return limit;
}

static void log_grow(void) {
    int32_t partition = (int32_t)chance_below(&world.pace, (uint32_t)world.log.partitions);
    struct log_partition *p = &world.log.at[partition];
    int64_t left = log_limit(p) - p->end;
    if (world.settling)
        p->end += left;
    else if (chance_is(&world.pace, 30))
        p->end += chance_between(&world.pace, 0, left < 6 ? left : 6);
}

// The workers that have older rules are stopped, one by one; then the newest may come into force.
static void rules_roll(void) {
    bool old = false;
    for (int i = 0; i < world.worker_count; i++) {
        struct worker *w = &world.workers[i];
        if (!w->alive || !has_old_rules(w))
            continue;
        old = true;
        if (w->roll_at_ms <= world.now_ms && w->loop != NULL && !w->stop_asked)
            worker_ask_to_stop(w);
    }
    if (!old)
        world.log_until_ms = 0;
}

static void redis_time(void) {
    int64_t now_s = (LOG_TIME_MS + world.now_ms) / 1000 + world.redis_ahead_s;
    if (now_s == world.redis.now_s)
        return;
    world.redis.now_s = now_s;
    for (uint32_t i = 0; i < world.redis.names.shards; i++)
        world.shards[i].dirty |= sim_redis_expire(&world.redis, i);
}

static bool is_awake(const struct worker *w) {
    if (!w->alive || world.now_ms < w->paused_until_ms)
        return false;
    return w->wake_at_ms <= world.now_ms || chance_is(&world.pace, 20);
}

static void worker_turn(struct worker *w) {
    if (!w->alive && w->start_at_ms <= world.now_ms) {
        w->startup.basis.rules = (struct rules_book){.versions = world.rules, .count = world.rules_count};
        worker_start(w);
    }
    if (!is_awake(w))
        return;
    worker_resume(w);
    check_balance(w);
    check_stop(w);
    if (!w->alive)
        check_end(w);
}

static void step(void) {
    world.step++;
    world.now_ms += chance_between(&world.pace, 0, 20);
    log_grow();
    if (!world.settling)
        faults_turn();
    rules_roll();
    redis_time();
    network_turn();
    check_shards();
    group_turn();
    int first = (int)chance_below(&world.pace, (uint32_t)world.worker_count);
    for (int i = 0; i < world.worker_count; i++) {
        if (chance_is(&world.pace, 70))
            worker_turn(&world.workers[(first + i) % world.worker_count]);
    }
}

// Everything that is in the log is in every shard, and every worker knows.
static bool is_counted(void) {
    for (int i = 0; i < world.worker_count; i++) {
        const struct pipeline *p = worker_pipeline(&world.workers[i]);
        if (p != NULL && p->tally.in_flight != 0)
            return false;
    }
    for (uint32_t i = 0; i < world.redis.names.shards; i++) {
        for (int32_t j = 0; j < world.log.partitions; j++) {
            struct mark mark;
            if (!oracle_mark(&world.oracle, &world.redis.shards[i], i, j, &mark) ||
                mark.next != world.log.at[j].end || world.log.at[j].end != world.log.at[j].length)
                return false;
        }
    }
    return true;
}

// Nobody is there, or to come, who has reason to stop: a version of the rules may have come too late for what
// was counted, and the worker that has it may not have asked yet.
static bool is_settled(void) {
    for (int i = 0; i < world.worker_count; i++) {
        const struct worker *w = &world.workers[i];
        if (!w->alive || has_old_rules(w))
            return false;
    }
    return is_counted() && !faults_any_late();
}

static void settle(void) {
    TRACE("the faults end");
    world.settling = true;
    faults_end();
    int64_t deadline = world.step + SETTLE_STEPS;
    while (!is_settled()) {
        step();
        if (world.step > deadline)
            world_violated("the faults have ended, but not everything comes to be counted");
    }
    TRACE("everything is counted");
    for (int i = 0; i < REST_STEPS; i++)
        step();
    if (!is_counted())
        world_violated("what was counted is not any more");
    for (uint32_t i = 0; i < world.redis.names.shards; i++)
        world.shards[i].dirty = true;
    check_shards();
}

void world_run(const struct world_setup *setup) {
    world_begin(setup);
    while (world.step < world.faults_until)
        step();
    settle();
    world_end();
}
