// The steps of a seed's world, and what must hold after each.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/check.h"
#include "runtime/memory.h"
#include "tests/sim/sim.h"

enum { DAY_MS = 86400000, SETTLE_STEPS = 40000, REST_STEPS = 150 };

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

static void rules_make(struct rules *rules) {
    *rules = (struct rules){.version = 1,
                            .hash = "00000000000000aa",
                            .max_future_skew_ms = 300000,
                            .max_past_ms = -1,
                            .series_retain_ms = INT64_C(4000) * DAY_MS,
                            .reach_retain_ms = INT64_C(4000) * DAY_MS};
    for (int i = 0; i < RULES_WEIGHTS_MAX; i++)
        rules->weights[i] = 1 + i % 3;
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
    *s = (struct startup){.config = config_of_nothing(),
                          .keys = world.redis.names,
                          .rules = {.versions = &world.rules, .count = 1}};
    s->pseudonyms = world_pseudonyms;
    s->partitions = world.log.initial;
    struct settings *settings = &s->settings;
    settings->kafka_topic = "engagement";
    settings->kafka_bootstrap = "";
    settings->decode_framing = "auto";
    settings->decode_max_event_bytes = 64 << 10;
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
    static const int64_t steps_ms[] = {1000, 60000, 1800000};
    world = (struct world){.seed = setup->seed, .tracing = setup->tracing, .now_ms = 1000};
    world.weather = chance_of(setup->seed, 1001);
    world.pace = chance_of(setup->seed, 1002);
    world.net = chance_of(setup->seed, 1003);
    world.group = chance_of(setup->seed, 1004);
    world.faults_until = chance_between(&c, 100, 1500);
    if (setup->faults_until >= 0)
        world.faults_until = setup->faults_until;
    sim_redis_init(&world.redis, 1 + chance_below(&c, 3), setup->seed);
    world.partitions_made = 1 + (int32_t)chance_below(&c, 3);
    bool grows = world.partitions_made > 1 && chance_is(&c, 50);
    const struct log_shape shape = {.partitions = world.partitions_made,
                                    .initial = world.partitions_made - grows,
                                    .length = chance_between(&c, 40, 250),
                                    .span = chance_between(&c, 3, 40),
                                    .step_ms = steps_ms[chance_below(&c, 3)],
                                    .accounts = 2 + 2 * world.redis.names.shards};
    sim_log_make(&world.log, &shape, setup->seed);
    rules_make(&world.rules);
    meta_write();
    static struct rules_book book;
    book = (struct rules_book){.versions = &world.rules, .count = 1};
    oracle_init(&world.oracle, &world.log, &world.redis.names, &book, &world_keys);
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
    for (int i = 0; i < world.snapshot_count; i++) {
        for (uint32_t s = 0; s < REDIS_SHARDS_MAX; s++)
            keyspace_clear(&world.snapshots[i][s]);
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

// A worker that ended by itself must have had a reason.
static void check_end(struct worker *w) {
    const char *code = w->problem.code;
    bool asked = w->stop_asked && (w->status == STATUS_OK || w->status == STATUS_TRY_AGAIN);
    bool emptied = world.emptied_ever && strcmp(code, "CLM-M1") == 0;
    bool truncated = world.truncated_ever && (strcmp(code, "CLM-M2") == 0 || strcmp(code, "CLM-M3") == 0);
    TRACE("worker %d has ended: %s", w->number, w->problem.what);
    if (!asked && !emptied && !truncated)
        world_violated("worker %d stops: %s %s", w->number, code, w->problem.what);
    w->start_at_ms = world.now_ms + chance_between(&world.pace, 0, 2000);
}

// ---- steps

static void log_grow(void) {
    int32_t partition = (int32_t)chance_below(&world.pace, (uint32_t)world.log.partitions);
    struct log_partition *p = &world.log.at[partition];
    int64_t left = p->length - p->end;
    if (world.settling)
        p->end = p->length;
    else if (chance_is(&world.pace, 30))
        p->end += chance_between(&world.pace, 0, left < 6 ? left : 6);
}

static bool is_awake(const struct worker *w) {
    if (!w->alive || world.now_ms < w->paused_until_ms)
        return false;
    return w->wake_at_ms <= world.now_ms || chance_is(&world.pace, 20);
}

static void worker_turn(struct worker *w) {
    if (!w->alive && w->start_at_ms <= world.now_ms)
        worker_start(w);
    if (!is_awake(w))
        return;
    worker_resume(w);
    check_balance(w);
    if (!w->alive)
        check_end(w);
}

static void step(void) {
    world.step++;
    world.now_ms += chance_between(&world.pace, 0, 20);
    log_grow();
    if (!world.settling)
        faults_turn();
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
static bool is_settled(void) {
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
    if (!is_settled())
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
