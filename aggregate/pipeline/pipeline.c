// The aggregator on a screen. The data thread turns the loop:
//
//     loop_turn         answers of the keeping thread, probes, signals; sleeps where nothing is to do
//     lanes_turn        partitions that were restored are placed
//     idle_turn         quiet partitions follow the clock
//     jobs_turn         what the windows gained is handed over, what is sealed is published, and watched
//     source_poll       records, rebalances; nothing while the store is behind
//     records_process   decode -> validate -> dedup -> window
//
// A stop (SIGTERM, SIGINT) drains: no more records, everything kept, offsets committed, the group left. A
// second one, or the end of shutdown.drain, waits for the one job alone that is at work; nothing is lost, the
// next owner reads again what was not kept.

#include "aggregate/pipeline/pipeline_internal.h"

#include <stdlib.h>

#include "aggregate/store/keyring.h"
#include "runtime/clock.h"
#include "runtime/log/log.h"
#include "runtime/memory.h"

enum { ARENA_BLOCK = 1024 * 1024, IDLE_WAIT_MS = 50, FAREWELL_MS = 1000 };

void pipeline_fail(struct pipeline *p, const struct problem *problem) {
    if (p->stopping)
        return;
    p->stopping = true;
    p->problem = *problem;
    log_problem(LOG_LEVEL_ERROR, "aggregator_stops", problem);
}

// ---- the store is of this log: the start has looked (startup_store.c), here what is new is kept

// A new store begins where the log begins.
static enum status starts_ask(struct pipeline *p, struct store_meta *ours, struct problem *problem) {
    static struct source_extent logs[PARTITIONS_MAX];
    for (int32_t i = 0; i < ours->partitions; i++)
        logs[i].partition = i;
    enum status status =
        source_extents(p->source, logs, (size_t)ours->partitions, BOUNDS_TIMEOUT_MS, problem);
    for (int32_t i = 0; i < ours->partitions && status == STATUS_OK; i++)
        ours->starts[i] = logs[i].first;
    return status;
}

static enum status meta_settle(struct pipeline *p, struct problem *problem) {
    static struct store_meta ours;
    store_meta_of(&ours, p->basis);
    enum status status = store_meta_read(p->store, &p->meta, problem);
    if (status == STATUS_NO_INPUT) {
        status = starts_ask(p, &ours, problem);
        p->meta = ours;
        if (status == STATUS_OK)
            status = store_meta_begin(p->store, &p->meta, problem);
    }
    return status == STATUS_OK ? store_meta_fit(&p->meta, &ours, problem) : status;
}

static enum status log_reaches(void *context, int64_t since_ms, bool *reaches, struct problem *problem) {
    struct pipeline *p = context;
    int32_t partition;
    enum status status =
        source_reaches(p->source, p->basis->partitions, since_ms, &partition, BOUNDS_TIMEOUT_MS, problem);
    *reaches = partition >= 0;
    return status;
}

static enum status keys_settle(struct pipeline *p, struct problem *problem) {
    size_t count;
    const struct key_version *keys = pseudonymiser_versions(p->basis->pseudonyms, &count);
    const struct keyring_ahead ahead = {log_reaches, p, keyring_soonest_ms(&p->basis->settings)};
    return keyring_settle(p->store, keys, count, &ahead, &p->keyring, problem);
}

// ---- set-up

static void stages_open(struct pipeline *p) {
    const struct basis *f = p->basis;
    const struct decoder_options decoding = {.framing = f->settings.decode_framing,
                                             .max_event_bytes = f->settings.decode_max_event_bytes,
                                             .max_message_bytes = f->settings.decode_max_message_bytes,
                                             .pseudonyms = f->pseudonyms,
                                             .persons = true};
    arena_init(&p->arena, ARENA_BLOCK);
    p->decoder = decoder_create(&decoding);
    p->batch_records = BATCH_RECORDS;
    p->store_free = -1;
    p->published.waits_for = -1;
    p->metrics = report_metrics_create();
    p->lanes = memory_take(PARTITIONS_MAX * sizeof(*p->lanes));
    rota_init(&p->placing.rota, PARTITIONS_MAX);
    rota_init(&p->sealing.rota, PARTITIONS_MAX);
    p->publisher = publisher_create((uint32_t)f->partitions, f->settings.window_publish_incomplete_after_ms);
    p->watch.watcher = watcher_create(&f->rules);
    kpi_hash(p->kpis_hash);
    p->keeper =
        (struct keeper){.topic = f->settings.kafka_topic,
                        .topic_id = f->topic_id,
                        .rules_hash = f->rules.versions[f->rules.count - 1].hash,
                        .kpis_hash = p->kpis_hash,
                        .partitions = (uint32_t)f->partitions,
                        .starts = p->meta.starts,
                        .retain_s = f->settings.store_retain_ms > 0 ? f->settings.store_retain_ms / 1000 : 0};
}

static enum status edges_open(struct pipeline *p, struct problem *problem) {
    const struct basis *f = p->basis;
    const struct settings *s = &f->settings;
    enum status status = store_open_settings(&p->store, s, STORE_TO_WRITE, problem);
    if (status != STATUS_OK)
        return status;
    p->keeper.store = p->store;
    status = http_create(&p->http, &p->loop, s->aggregate_listen, report_answer, p, problem);
    if (status != STATUS_OK)
        return status;
    if (p->http != NULL)
        log_info("http_listening", FIELD("port", LOG_INT(http_port(p->http))));
    status = source_create(&p->source, s, f->passthrough, f->passthrough_count, &p->loop, &lanes_events, p,
                           problem);
    if (status != STATUS_OK)
        return status;
    source_expect(p->source, f->partitions);
    status = herald_create(&p->watch.herald, s, f->passthrough, f->passthrough_count, &p->loop, problem);
    if (status != STATUS_OK)
        return status;
    status = meta_settle(p, problem);
    return status == STATUS_OK ? keys_settle(p, problem) : status;
}

// ---- the turn

static void hold_under_pressure(struct pipeline *p, int64_t since_ms) {
    if (p->holding)
        p->tally.pressure_ms += p->now_ms - since_ms;
    p->holding = jobs_are_behind(p);
    source_hold(p->source, p->holding || p->draining);
}

// From one poll to the next, where the one before gave records.
static void turn_measure(struct pipeline *p, bool busy) {
    int64_t now_ns = clock_monotonic_ns();
    if (busy && now_ns - p->polled_ns > p->tally.turn_ns)
        p->tally.turn_ns = now_ns - p->polled_ns;
    p->polled_ns = now_ns;
}

// Returns how many records there were, so that a busy process does not sleep.
static size_t turn(struct pipeline *p, int wait_ms) {
    static struct record records[BATCH_RECORDS];
    int64_t since_ms = p->now_ms;
    loop_turn(&p->loop, wait_ms);
    p->now_ms = loop_now_ms(&p->loop);
    lanes_turn(p);
    idle_turn(p);
    jobs_turn(p);
    hold_under_pressure(p, since_ms);
    turn_measure(p, wait_ms == 0);
    size_t count = source_poll(p->source, records, p->batch_records);
    source_release(p->source, records_process(p, records, count));
    return count;
}

static void serve(struct pipeline *p) {
    size_t count = 0;
    while (!p->stopping && p->loop.stop_requests == 0)
        count = turn(p, count > 0 ? 0 : IDLE_WAIT_MS);
}

static bool drain(struct pipeline *p) {
    log_info("draining");
    p->draining = true;
    source_hold(p->source, true);
    return jobs_drain(p);
}

// What is left of shutdown.drain; to tell the group that we leave, at least a second.
static int left_ms(struct pipeline *p) {
    int64_t left = p->deadline_ms - loop_now_ms(&p->loop);
    return left > FAREWELL_MS ? (int)left : FAREWELL_MS;
}

// The keeping thread may still be at work for a lane: it is waited for.
static void pipeline_close(struct pipeline *p) {
    asks_wait(p);
    if (p->source != NULL)
        source_destroy(&p->source, left_ms(p));
    jobs_wait(p);
    lanes_free(p);
    http_destroy(&p->http);
    herald_destroy(&p->watch.herald);
    watcher_destroy(&p->watch.watcher);
    publisher_destroy(&p->publisher);
    store_close(&p->store);
    metrics_destroy(&p->metrics);
    free(p->lanes);
    decoder_destroy(&p->decoder);
    arena_fini(&p->arena);
    loop_fini(&p->loop);
}

enum status pipeline_run(const struct basis *basis, struct problem *problem) {
    struct pipeline *p = memory_take(sizeof(*p));
    p->basis = basis;
    loop_init(&p->loop);
    p->now_ms = loop_now_ms(&p->loop);
    stages_open(p);
    enum status status = edges_open(p, problem);
    if (status == STATUS_OK) {
        log_info("aggregator_started", FIELD("topic", LOG_TEXT(basis->settings.kafka_topic)),
                 FIELD("store", LOG_TEXT(basis->settings.store_url)));
        serve(p);
        p->deadline_ms = loop_now_ms(&p->loop) + basis->settings.shutdown_drain_ms;
        bool drained = !p->stopping && drain(p);
        *problem = p->problem;
        status = p->stopping ? p->problem.status : drained ? STATUS_OK : STATUS_TRY_AGAIN;
        if (status == STATUS_TRY_AGAIN)
            problem_set(problem, status, "", "nothing is lost: the next owner reads it again",
                        "stopped before the store had taken everything");
    }
    pipeline_close(p);
    log_info("aggregator_stopped", FIELD("status", LOG_INT(status)), FIELD("read", LOG_INT(p->tally.read)),
             FIELD("counted", LOG_INT(p->tally.counted)), FIELD("late", LOG_INT(p->tally.late)));
    free(p);
    return status;
}
