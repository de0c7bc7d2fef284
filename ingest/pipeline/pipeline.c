// The worker on a screen. One thread turns the loop:
//
//     loop_turn         answers of Redis, probes, signals; sleeps where nothing is to do
//     deadletter_poll   acknowledgements of dead letters
//     reload_turn       SIGHUP: the configuration read anew
//     redis_turn        tells of Redis' troubles, and asks how full it is
//     ownership_turn    claims, marks read again, seeks
//     flush_turn        seals what is due, sends what waits
//     commit_turn       offsets back to Kafka, once a second
//     source_poll       records, rebalances; nothing while a stage behind is full
//     records_process   decode -> validate -> dedup -> count
//     breaker_turn      are the first of them events at all?
//
// A stop (SIGTERM, SIGINT) drains: no more records, everything flushed, offsets committed, the group left. A
// second one stops at once; the counters are exact all the same, the next worker reads again what was not
// acknowledged.

#include "ingest/pipeline/pipeline_internal.h"

#include <stdlib.h>

#include "runtime/log/log.h"
#include "runtime/memory.h"

enum { ARENA_BLOCK = 1024 * 1024, IDLE_WAIT_MS = 50, FAREWELL_MS = 1000 };

void pipeline_fail(struct pipeline *p, const struct problem *problem) {
    if (p->stopping)
        return;
    p->stopping = true;
    p->problem = *problem;
    log_problem(LOG_LEVEL_ERROR, "worker_stops", problem);
}

// Told here, where it happens; the turn tells of what changes while it lasts.
static void redis_changed(void *context) {
    nodes_turn(context);
}

static enum status kafka_open(struct pipeline *p, struct problem *problem) {
    const struct basis *b = &p->startup->basis;
    enum status status =
        deadletter_create(&p->letters, &b->settings, b->passthrough, b->passthrough_count, &p->loop, problem);
    if (status != STATUS_OK)
        return status;
    status = source_create(&p->source, &b->settings, b->passthrough, b->passthrough_count, &p->loop,
                           &ownership_events, p, problem);
    if (status != STATUS_OK)
        return status;
    source_expect(p->source, b->partitions);
    return STATUS_OK;
}

static void stages_open(struct pipeline *p) {
    const struct startup *s = p->startup;
    const struct settings *settings = &s->basis.settings;
    const struct decoder_options decoding = {.framing = settings->decode_framing,
                                             .max_event_bytes = settings->decode_max_event_bytes,
                                             .max_message_bytes = settings->decode_max_message_bytes,
                                             .pseudonyms = s->basis.pseudonyms};
    arena_init(&p->arena, ARENA_BLOCK);
    p->decoder = decoder_create(&decoding);
    p->seen = seen_create(SEEN_KEYS_MAX);
    p->families = settings_families(settings);
    p->positions = memory_take(PARTITIONS_MAX * sizeof(*p->positions));
    p->claimed = memory_take(PARTITIONS_MAX * sizeof(*p->claimed));
    p->shards = memory_take(s->keys.shards * sizeof(*p->shards));
    for (uint32_t i = 0; i < s->keys.shards; i++) {
        shard_init(&p->shards[i], i);
        p->shards[i].sealed_at_ms = loop_now_ms(&p->loop);
    }
    p->batch_records = BATCH_RECORDS;
    rota_init(&p->bounds, PARTITIONS_MAX);
    p->flush_interval_ms = settings->redis_flush_min_ms;
    p->metrics = report_metrics_create();
}

static enum status edges_open(struct pipeline *p, struct problem *problem) {
    const struct startup *s = p->startup;
    p->redis = redis_router_create(&p->loop, &s->redis, s->redis_is_cluster, &s->login,
                                   (int)s->basis.settings.redis_timeout_ms, redis_changed, p);
    enum status status =
        http_create(&p->http, &p->loop, s->basis.settings.http_listen, report_answer, p, problem);
    if (status == STATUS_OK && p->http != NULL)
        log_info("http_listening", FIELD("port", LOG_INT(http_port(p->http))));
    return status == STATUS_OK ? kafka_open(p, problem) : status;
}

static void hold_under_pressure(struct pipeline *p, int64_t since_ms) {
    p->tally.pressure_ms[p->pressure] += p->now_ms - since_ms;
    p->pressure = flush_pressure(p);
    source_hold(p->source, p->pressure != PRESSURE_NONE || p->draining);
}

// Returns how many records there were, so that a busy worker does not sleep.
static size_t turn(struct pipeline *p, int wait_ms) {
    static struct record records[BATCH_RECORDS];
    int64_t since_ms = p->now_ms;
    redis_loop_turn(p, wait_ms);
    deadletter_poll(p->letters, p->now_ms);
    reload_turn(p);
    redis_turn(p);
    ownership_turn(p);
    flush_turn(p);
    commit_turn(p);
    hold_under_pressure(p, since_ms);
    size_t count = source_poll(p->source, records, p->batch_records);
    source_release(p->source, records_process(p, records, count));
    breaker_turn(p);
    return count;
}

static void serve(struct pipeline *p) {
    size_t count = 0;
    while (!p->stopping && p->loop.stop_requests == 0 && !errand_turn(p))
        count = turn(p, count > 0 ? 0 : IDLE_WAIT_MS);
}

// True where everything that was read is in Redis and the group has been told.
static bool drain(struct pipeline *p) {
    log_info("draining", FIELD("in_flight", LOG_INT(p->tally.in_flight)));
    p->draining = true;
    source_hold(p->source, true);
    breaker_settle(p);
    bool flushed = flush_all(p, p->deadline_ms);
    commit_now(p);
    return flushed && away_behind(p) == 0;
}

// What is left of shutdown.drain; to tell the group that we leave, at least a second.
static int left_ms(struct pipeline *p) {
    int64_t left = p->deadline_ms - loop_now_ms(&p->loop);
    return left > FAREWELL_MS ? (int)left : FAREWELL_MS;
}

static void pipeline_close(struct pipeline *p) {
    source_destroy(&p->source, left_ms(p));
    if (p->letters != NULL)
        deadletter_destroy(&p->letters, p->stopping ? 0 : left_ms(p));
    http_destroy(&p->http);
    redis_router_destroy(&p->redis);
    metrics_destroy(&p->metrics);
    for (uint32_t i = 0; i < p->startup->keys.shards; i++)
        shard_fini(&p->shards[i]);
    free(p->shards);
    free(p->claimed);
    free(p->positions);
    seen_destroy(&p->seen);
    decoder_destroy(&p->decoder);
    arena_fini(&p->arena);
    reload_end(p);
    loop_fini(&p->loop);
}

static void unfinished_problem(struct pipeline *p, struct problem *problem) {
    const char *remedy = "nothing is lost: the next worker reads it again";
    if (p->tally.in_flight == 0)
        problem_set(problem, STATUS_TRY_AGAIN, "", remedy,
                    "stopped while %u of %u shards were away: they lack what was read since", away_behind(p),
                    p->startup->keys.shards);
    else
        problem_set(problem, STATUS_TRY_AGAIN, "", remedy,
                    "stopped before Redis had acknowledged %lld events", (long long)p->tally.in_flight);
}

enum status pipeline_run(struct startup *startup, struct pipeline_errand *errand, struct problem *problem) {
    struct pipeline *p = memory_take(sizeof(*p));
    p->startup = startup;
    p->errand = errand;
    loop_init(&p->loop);
    p->now_ms = loop_now_ms(&p->loop);
    stages_open(p);
    reload_begin(p);
    enum status status = edges_open(p, problem);
    if (status == STATUS_OK) {
        log_info("worker_started", FIELD("topic", LOG_TEXT(startup->basis.settings.kafka_topic)),
                 FIELD("shards", LOG_INT(startup->keys.shards)),
                 FIELD("deployment", LOG_TEXT(startup->meta.deployment)));
        breaker_open(p);
        serve(p);
        p->deadline_ms = loop_now_ms(&p->loop) + startup->basis.settings.shutdown_drain_ms;
        bool drained = !p->stopping && drain(p);
        errand_finish(p);
        *problem = p->problem;
        status = p->stopping ? p->problem.status : drained ? STATUS_OK : STATUS_TRY_AGAIN;
        if (status == STATUS_TRY_AGAIN)
            unfinished_problem(p, problem);
    }
    pipeline_close(p);
    log_info("worker_stopped", FIELD("status", LOG_INT(status)), FIELD("read", LOG_INT(p->tally.read)),
             FIELD("counted", LOG_INT(p->tally.counted)),
             FIELD("balance_difference", LOG_INT(tally_difference(&p->tally))));
    free(p);
    return status;
}
