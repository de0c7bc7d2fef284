// What the worker says of itself: /livez, /readyz, /metrics, /status.

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ingest/pipeline/pipeline_internal.h"
#include "runtime/clock.h"

enum metric {
#define METRIC(id, name, type, label, doc) METRIC_OF_##id,
#include "ingest/metrics.def"
#undef METRIC
    METRIC_OF_COUNT,
};

static const struct metric_row rows[] = {
#define METRIC(id, name, type, label, doc) {name, METRIC_##type, label, doc},
#include "ingest/metrics.def"
#undef METRIC
};

struct metrics *report_metrics_create(void) {
    return metrics_create(rows, METRIC_OF_COUNT);
}

static void set(struct pipeline *p, enum metric metric, const char *label, int64_t value) {
    metrics_set(p->metrics, metric, label, (double)value);
}

static void collect_balance(struct pipeline *p) {
    const struct tally *t = &p->tally;
    set(p, METRIC_OF_READ, NULL, t->read);
    int64_t other = 0; // platforms that have no name
    for (uint32_t i = 0; i < DELTA_PLATFORMS; i++) {
        const char *name = i == 0 ? NULL : platform_name(i);
        if (name == NULL)
            other += t->by_platform[i];
        else if (t->by_platform[i] != 0)
            set(p, METRIC_OF_COUNTED, name, t->by_platform[i]);
    }
    if (other != 0)
        set(p, METRIC_OF_COUNTED, "other", other);
    for (int i = 1; i < REJECT_COUNT; i++)
        set(p, METRIC_OF_REJECTED, reject_name((enum reject)i), t->by_reason[i]);
    set(p, METRIC_OF_DUPLICATE, NULL, t->duplicate);
    set(p, METRIC_OF_REPLAYED, NULL, t->replayed);
    set(p, METRIC_OF_IN_FLIGHT, NULL, t->in_flight);
    set(p, METRIC_OF_BALANCE, NULL, tally_difference(t));
}

// A log that no broker has told the end of yet has no lag, not even none.
static void collect_lag(struct pipeline *p, const struct owned *o, const char *label) {
    int64_t end = source_end(p->source, o->partition);
    if (end < 0)
        return;
    int64_t lag = end > o->position.next ? end - o->position.next : 0;
    set(p, METRIC_OF_LAG, label, lag);
    double age =
        lag > 0 && o->position.time_ms > 0 ? (double)(clock_wall_ms() - o->position.time_ms) / 1000 : 0;
    metrics_set(p->metrics, METRIC_OF_LAG_SECONDS, label, age > 0 ? age : 0);
}

static void collect_partition(struct pipeline *p, const struct owned *o) {
    char label[16];
    snprintf(label, sizeof(label), "%d", o->partition);
    collect_lag(p, o, label);
    int64_t first = source_first(p->source, o->partition), mark = reading_lowest(p, o->partition);
    if (first >= 0 && mark >= first)
        set(p, METRIC_OF_HEADROOM, label, mark - first);
}

static void collect_letters(struct pipeline *p) {
    for (int i = 1; i < REJECT_COUNT; i++)
        set(p, METRIC_OF_LETTERS, reject_name((enum reject)i),
            (int64_t)deadletter_acknowledged(p->letters, (enum reject)i));
    set(p, METRIC_OF_LETTERS_PENDING, NULL,
        (int64_t)(deadletter_sent(p->letters) - deadletter_settled(p->letters)));
}

static void collect_kafka(struct pipeline *p) {
    struct source_figures figures;
    source_figures_read(p->source, &figures);
    int64_t newest_ms = 0;
    for (size_t i = 0; i < p->owned_count; i++) {
        const struct owned *o = p->owned[p->owned_numbers[i]];
        collect_partition(p, o);
        newest_ms = o->position.time_ms > newest_ms ? o->position.time_ms : newest_ms;
    }
    double behind_s = (double)(newest_ms - clock_wall_ms()) / 1000;
    metrics_set(p->metrics, METRIC_OF_HOST_BEHIND, NULL, behind_s > 0 ? behind_s : 0);
    set(p, METRIC_OF_ASSIGNED, NULL, (int64_t)p->owned_count);
    set(p, METRIC_OF_REBALANCES, "assigned", (int64_t)figures.rebalances_assigned);
    set(p, METRIC_OF_REBALANCES, "revoked", (int64_t)figures.rebalances_revoked);
    set(p, METRIC_OF_REBALANCES, "lost", (int64_t)figures.rebalances_lost);
    set(p, METRIC_OF_KAFKA_UP, NULL, !figures.brokers_down && !figures.topic_gone);
    set(p, METRIC_OF_PARTITIONS_ADDED, NULL, p->startup->basis.partitions - p->startup->meta.partitions);
    for (size_t i = 0; i < figures.error_count; i++)
        set(p, METRIC_OF_KAFKA_ERRORS, figures.errors[i].name, (int64_t)figures.errors[i].count);
    set(p, METRIC_OF_QUEUE_BYTES, NULL, figures.queue_bytes);
    set(p, METRIC_OF_MISPLACED, NULL, (int64_t)figures.misplaced);
    set(p, METRIC_OF_OFFSET_JUMPS, NULL, (int64_t)figures.offset_jumps);
    collect_letters(p);
    set(p, METRIC_OF_BREAKER, NULL, p->breaker.state == BREAKER_TRIPPED);
    set(p, METRIC_OF_COMMITS, "accepted", p->tally.commits_accepted);
    set(p, METRIC_OF_COMMITS, "refused", p->tally.commits_refused);
    set(p, METRIC_OF_HTTP_SHOWN_OUT, NULL, (int64_t)http_shown_out(p->http));
}

static void collect_tables(struct pipeline *p) {
    size_t ids = 0, ops = 0, dedup_bytes = 0, delta_bytes = 0;
    for (size_t i = 0; i < p->owned_count; i++) {
        const struct dedup *dedup = p->owned[p->owned_numbers[i]]->dedup;
        ids = dedup_ids(dedup) > ids ? dedup_ids(dedup) : ids;
        dedup_bytes += dedup_memory(dedup);
    }
    for (uint32_t i = 0; i < p->startup->keys.shards; i++) {
        const struct delta *delta = &p->shards[i].delta;
        ops = delta_ops(delta) > ops ? delta_ops(delta) : ops;
        delta_bytes += delta_memory(delta);
    }
    const struct settings *s = &p->startup->basis.settings;
    metrics_set(p->metrics, METRIC_OF_TABLE_FILL, "dedup", (double)ids / (double)s->dedup_max_ids);
    metrics_set(p->metrics, METRIC_OF_TABLE_FILL, "delta", (double)ops / (double)s->redis_flush_max_ops);
    metrics_set(p->metrics, METRIC_OF_TABLE_FILL, "reach_filter",
                (double)seen_keys(p->seen) / (double)seen_keys_max(p->seen));
    set(p, METRIC_OF_TABLE_BYTES, "dedup", (int64_t)dedup_bytes);
    set(p, METRIC_OF_TABLE_BYTES, "delta", (int64_t)delta_bytes);
    set(p, METRIC_OF_TABLE_BYTES, "events", (int64_t)arena_held(&p->arena));
}

static void collect_redis(struct pipeline *p) {
    const struct tally *t = &p->tally;
    metrics_set_histogram(p->metrics, METRIC_OF_FLUSH_SECONDS, NULL, &t->flush_seconds);
    metrics_set_histogram(p->metrics, METRIC_OF_EVENT_TO_COUNTER, NULL, &t->event_to_counter);
    for (int i = 0; i < FLUSH_VERDICTS; i++)
        set(p, METRIC_OF_VERDICTS, flush_verdict_name((enum flush_verdict)i), t->verdicts[i]);
    set(p, METRIC_OF_VERDICTS, "heartbeat", t->heartbeats);
    set(p, METRIC_OF_VERDICTS, "lost", t->lost);
    set(p, METRIC_OF_UPDATES, NULL, t->updates);
    set(p, METRIC_OF_FAULTS, NULL, t->faults);
    set(p, METRIC_OF_REDIS_UP, NULL, redis_shards_down(p) == 0);
    set(p, METRIC_OF_REDIS_SHARDS_DOWN, NULL, redis_shards_down(p));
    const struct redis_state *r = &p->redis_state;
    static const char *const codes[] = {"CLM-R2", "CLM-R5", "CLM-A1"};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        set(p, METRIC_OF_REDIS_REFUSING, codes[i], r->refusal != NULL && strcmp(r->refusal, codes[i]) == 0);
    struct node_figures figures;
    nodes_figures(p, &figures);
    if (figures.memory >= 0)
        metrics_set(p->metrics, METRIC_OF_REDIS_MEMORY, NULL, figures.memory);
    if (figures.busy >= 0)
        metrics_set(p->metrics, METRIC_OF_REDIS_BUSY, NULL, figures.busy);
    if (figures.evicted >= 0)
        set(p, METRIC_OF_REDIS_EVICTED, NULL, figures.evicted);
    set(p, METRIC_OF_ROLLBACKS, NULL, t->rollbacks);
    static const char *const stages[] = {[PRESSURE_BREAKER] = "breaker",
                                         [PRESSURE_REDIS] = "redis",
                                         [PRESSURE_DEADLETTER] = "deadletter",
                                         [PRESSURE_FLUSH] = "flush"};
    for (int i = 1; i < PRESSURE_STAGES; i++)
        metrics_set(p->metrics, METRIC_OF_PRESSURE, stages[i], (double)t->pressure_ms[i] / 1000);
    metrics_set(p->metrics, METRIC_OF_FLUSH_INTERVAL, NULL, (double)p->flush_interval_ms / 1000);
}

static void collect_config(struct pipeline *p) {
    set(p, METRIC_OF_RELOAD_SUCCESS, NULL, p->reload_ok);
    set(p, METRIC_OF_RELOADED_AT, NULL, p->reloaded_at_ms / 1000);
    set(p, METRIC_OF_CONFIG, p->config_hash, 1);
}

static void collect(struct pipeline *p) {
    metrics_clear(p->metrics);
    collect_config(p);
    collect_balance(p);
    collect_kafka(p);
    collect_tables(p);
    collect_redis(p);
}

// Why the worker is not ready, or NULL: it is once Redis answers and each of its partitions (none is fine) is
// being counted.
static const char *not_ready(struct pipeline *p) {
    if (p->stopping || p->draining)
        return "stopping\n";
    if (p->breaker.state == BREAKER_TRIPPED)
        return p->breaker_words;
    const char *redis = redis_why_not_ready(p);
    if (redis != NULL)
        return redis;
    struct source_figures figures;
    source_figures_read(p->source, &figures);
    if (figures.brokers_down)
        return "no kafka broker is connected\n";
    if (figures.topic_gone)
        return "the topic is gone\n";
    if (figures.rebalances_assigned == 0)
        return "no assignment yet\n";
    for (size_t i = 0; i < p->owned_count; i++) {
        const struct owned *o = p->owned[p->owned_numbers[i]];
        if (o->seeking || o->position.next < o->refeed_until)
            return "warming up\n";
    }
    return NULL;
}

static json_t *status_partition(struct pipeline *p, const struct owned *o) {
    int64_t end = source_end(p->source, o->partition);
    return json_pack("{s:i, s:I, s:I, s:I, s:b, s:b}", "partition", o->partition, "position",
                     (json_int_t)o->position.next, "end", (json_int_t)end, "mark",
                     (json_int_t)reading_lowest(p, o->partition), "fenced", o->fenced, "seeking", o->seeking);
}

// Tells this process from others, under whatever address it is asked.
static json_t *instance_json(void) {
    char host[256] = "", text[300];
    gethostname(host, sizeof(host) - 1);
    snprintf(text, sizeof(text), "%s/%d", host, (int)getpid());
    return json_string(text);
}

static struct http_answer status_answer(struct pipeline *p) {
    static char *text;
    free(text);
    size_t length;
    json_t *root = json_object();
    json_t *partitions = json_array();
    const char *why = not_ready(p);
    for (size_t i = 0; i < p->owned_count; i++)
        json_array_append_new(partitions, status_partition(p, p->owned[p->owned_numbers[i]]));
    json_object_set_new(root, "ready", json_boolean(why == NULL));
    json_object_set_new(root, "why", why != NULL ? json_stringn(why, strcspn(why, "\n")) : json_null());
    json_object_set_new(root, "instance", instance_json());
    json_object_set_new(root, "topic_partitions", json_integer(p->startup->basis.partitions));
    json_object_set_new(root, "deployment", json_string(p->startup->meta.deployment));
    json_object_set_new(root, "topic", json_string(p->startup->basis.settings.kafka_topic));
    json_object_set_new(root, "partitions", partitions);
    collect(p);
    const char *metrics = metrics_json(p->metrics, &length);
    json_object_set_new(root, "metrics", json_loadb(metrics, length, 0, NULL));
    text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return (struct http_answer){200, "application/json", text, strlen(text)};
}

static struct http_answer plain(unsigned code, const char *text) {
    return (struct http_answer){code, "text/plain; charset=utf-8", text, strlen(text)};
}

struct http_answer report_answer(void *pipeline, const char *path) {
    struct pipeline *p = pipeline;
    if (strcmp(path, "/livez") == 0)
        return plain(200, "ok\n");
    if (strcmp(path, "/readyz") == 0) {
        const char *why = p->source == NULL ? "starting\n" : not_ready(p);
        return why == NULL ? plain(200, "ok\n") : plain(503, why);
    }
    if (p->source == NULL)
        return plain(503, "starting\n");
    if (strcmp(path, "/status") == 0)
        return status_answer(p);
    if (strcmp(path, "/metrics") != 0)
        return plain(404, "there are /livez /readyz /metrics /status\n");
    collect(p);
    struct http_answer answer = {200, "text/plain; version=0.0.4; charset=utf-8", NULL, 0};
    answer.body = metrics_prometheus(p->metrics, &answer.length);
    return answer;
}
