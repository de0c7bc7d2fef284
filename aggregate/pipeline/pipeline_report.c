// Probes, metrics and status. What the keeping thread owns is read between its jobs alone: else the figures
// of before stand.

#include <jansson.h>
#include <stdlib.h>

#include "aggregate/pipeline/pipeline_internal.h"
#include "runtime/clock.h"

enum metric {
#define METRIC(id, name, type, label, doc) METRIC_OF_##id,
#include "aggregate/metrics.def"
#undef METRIC
    METRIC_OF_COUNT,
};

static const struct metric_row rows[] = {
#define METRIC(id, name, type, label, doc) {name, METRIC_##type, label, doc},
#include "aggregate/metrics.def"
#undef METRIC
};

struct metrics *report_metrics_create(void) {
    return metrics_create(rows, METRIC_OF_COUNT);
}

static void set(struct pipeline *p, enum metric metric, const char *label, int64_t value) {
    metrics_set(p->metrics, metric, label, (double)value);
}

static int64_t balance_difference(const struct tally *t) {
    return (int64_t)(t->read - t->counted - t->late - t->rejected - t->duplicate - t->replayed);
}

static void collect_balance(struct pipeline *p) {
    const struct tally *t = &p->tally;
    set(p, METRIC_OF_READ, NULL, (int64_t)t->read);
    set(p, METRIC_OF_COUNTED, NULL, (int64_t)t->counted);
    set(p, METRIC_OF_LATE, NULL, (int64_t)t->late);
    set(p, METRIC_OF_DUPLICATE, NULL, (int64_t)t->duplicate);
    set(p, METRIC_OF_REPLAYED, NULL, (int64_t)t->replayed);
    for (int i = 1; i < REJECT_COUNT; i++)
        set(p, METRIC_OF_REJECTED, reject_name((enum reject)i), (int64_t)t->by_reason[i]);
    set(p, METRIC_OF_BALANCE, NULL, balance_difference(t));
}

static void collect_lane(struct pipeline *p, const struct lane *lane) {
    char label[16];
    int64_t end = source_end(p->source, lane->partition), now_ms = clock_wall_ms();
    snprintf(label, sizeof(label), "%d", lane->partition);
    int64_t lag = lane->state == LANE_COUNTING && end > lane->next ? end - lane->next : 0;
    double age = lag > 0 && lane->time_ms > 0 ? (double)(now_ms - lane->time_ms) / 1000 : 0;
    set(p, METRIC_OF_LAG, label, lag);
    metrics_set(p->metrics, METRIC_OF_LAG_SECONDS, label, age > 0 ? age : 0);
    if (lane->watermark_ms > 0)
        metrics_set(p->metrics, METRIC_OF_WATERMARK_LAG, label, (double)(now_ms - lane->watermark_ms) / 1000);
}

static void collect_kafka(struct pipeline *p) {
    struct source_figures figures;
    source_figures_read(p->source, &figures);
    for (int32_t i = 0; i < p->meta.partitions; i++) {
        if (p->lanes[i] != NULL)
            collect_lane(p, p->lanes[i]);
    }
    set(p, METRIC_OF_ASSIGNED, NULL, (int64_t)p->lane_count);
    set(p, METRIC_OF_REBALANCES, "assigned", (int64_t)figures.rebalances_assigned);
    set(p, METRIC_OF_REBALANCES, "revoked", (int64_t)figures.rebalances_revoked);
    set(p, METRIC_OF_REBALANCES, "lost", (int64_t)figures.rebalances_lost);
    set(p, METRIC_OF_KAFKA_UP, NULL, !figures.brokers_down && !figures.topic_gone);
    for (size_t i = 0; i < figures.error_count; i++)
        set(p, METRIC_OF_KAFKA_ERRORS, figures.errors[i].name, (int64_t)figures.errors[i].count);
    set(p, METRIC_OF_QUEUE_BYTES, NULL, figures.queue_bytes);
    set(p, METRIC_OF_COMMITS, "accepted", (int64_t)p->tally.commits_accepted);
    set(p, METRIC_OF_COMMITS, "refused", (int64_t)p->tally.commits_refused);
    set(p, METRIC_OF_HTTP_SHOWN_OUT, NULL, (int64_t)http_shown_out(p->http));
}

static void collect_windows(struct pipeline *p) {
    const struct publisher_figures *f = &p->published;
    char label[24];
    set(p, METRIC_OF_SEALED, NULL, f->sealed_s);
    if (f->waits_for >= 0) {
        set(p, METRIC_OF_WAITS_FOR, NULL, f->waits_for);
        snprintf(label, sizeof(label), "%lld", (long long)f->waits_for);
        set(p, METRIC_OF_WAITING, label, (int64_t)f->waiting);
    }
    set(p, METRIC_OF_INCOMPLETE, NULL, (int64_t)f->incomplete);
    set(p, METRIC_OF_PUBLISHED, NULL, (int64_t)f->published);
    set(p, METRIC_OF_REVISIONS, NULL, (int64_t)f->revisions);
    set(p, METRIC_OF_FOLDED, NULL, (int64_t)f->folded);
    set(p, METRIC_OF_SNAPSHOT_BYTES, NULL, (int64_t)f->bytes);
    if (f->published_at_ms > 0)
        set(p, METRIC_OF_SNAPSHOT_AT, NULL, f->published_at_ms / 1000);
    metrics_set_histogram(p->metrics, METRIC_OF_KEEP_SECONDS, NULL, &p->tally.keep_seconds);
    metrics_set_histogram(p->metrics, METRIC_OF_PUBLISH_SECONDS, NULL, &p->tally.publish_seconds);
}

static void collect_watch(struct pipeline *p) {
    const struct watcher_figures *f = &p->watch.figures;
    bool is_ours = p->lanes[WATCHER_PARTITION] != NULL;
    for (enum baseline_change change = BASELINE_RAISED; change <= BASELINE_ADOPTED; change++)
        set(p, METRIC_OF_ALERTS, baseline_change_name(change),
            (int64_t)herald_acknowledged(p->watch.herald, change));
    set(p, METRIC_OF_ALERTS_PENDING, NULL, (int64_t)herald_pending(p->watch.herald));
    set(p, METRIC_OF_BASELINES, NULL, is_ours ? (int64_t)f->series : 0);
    if (is_ours && f->judged_s > 0)
        set(p, METRIC_OF_BASELINES_AT, NULL, f->judged_s);
    set(p, METRIC_OF_BASELINES_REFUSED, NULL, (int64_t)f->refused);
    set(p, METRIC_OF_BASELINES_PASSED, NULL, (int64_t)f->passed);
}

static void collect_store(struct pipeline *p) {
    set(p, METRIC_OF_CHECKPOINT_BYTES, NULL, (int64_t)p->tally.checkpoint_bytes);
    set(p, METRIC_OF_PART_BYTES, NULL, (int64_t)p->tally.part_bytes);
    metrics_set(p->metrics, METRIC_OF_TURN, NULL, (double)p->tally.turn_ns / 1e9);
    set(p, METRIC_OF_STORE_UP, NULL, !p->store_refuses);
    set(p, METRIC_OF_REMOVED, NULL, (int64_t)p->tally.removed);
    if (p->store_free >= 0)
        set(p, METRIC_OF_STORE_FREE, NULL, p->store_free);
}

static void collect_tables(struct pipeline *p) {
    size_t dedup_bytes = 0, windows_bytes = 0, viewers_bytes = 0, windows = 0, viewers = 0;
    for (int32_t i = 0; i < p->meta.partitions; i++) {
        const struct lane *lane = p->lanes[i];
        if (lane == NULL)
            continue;
        dedup_bytes += dedup_memory(lane->dedup);
        viewers_bytes += viewers_memory(&lane->viewers);
        viewers += lane->viewers.count;
        windows_bytes += lane->windows_bytes;
        windows += lane->windows_open;
    }
    set(p, METRIC_OF_WINDOWS, NULL, (int64_t)windows);
    set(p, METRIC_OF_VIEWERS, NULL, (int64_t)viewers);
    set(p, METRIC_OF_TABLE_BYTES, "dedup", (int64_t)dedup_bytes);
    set(p, METRIC_OF_TABLE_BYTES, "panes", (int64_t)jobs_panes_bytes(p));
    set(p, METRIC_OF_TABLE_BYTES, "windows", (int64_t)windows_bytes);
    set(p, METRIC_OF_TABLE_BYTES, "viewers", (int64_t)viewers_bytes);
    set(p, METRIC_OF_TABLE_BYTES, "events", (int64_t)arena_held(&p->arena));
    metrics_set(p->metrics, METRIC_OF_PRESSURE, NULL, (double)p->tally.pressure_ms / 1000);
}

static void collect(struct pipeline *p) {
    metrics_clear(p->metrics);
    collect_balance(p);
    collect_kafka(p);
    collect_windows(p);
    collect_watch(p);
    collect_store(p);
    collect_tables(p);
}

// ---- answers

// Why the process is not ready, or NULL: it is once the store answers and each of its partitions (none is
// fine) is counted.
static const char *not_ready(struct pipeline *p) {
    struct source_figures figures;
    if (p->stopping || p->draining)
        return "stopping\n";
    if (p->store_refuses)
        return "CLM-D1 the store refuses\n";
    source_figures_read(p->source, &figures);
    if (figures.brokers_down)
        return "no kafka broker is connected\n";
    if (figures.topic_gone)
        return "the topic is gone\n";
    if (figures.rebalances_assigned == 0)
        return "no assignment yet\n";
    for (int32_t i = 0; i < p->meta.partitions; i++) {
        if (p->lanes[i] != NULL && p->lanes[i]->state != LANE_COUNTING)
            return "warming up\n";
    }
    return NULL;
}

static json_t *status_lane(struct pipeline *p, const struct lane *lane) {
    static const char *const states[] = {[LANE_RESTORING] = "restoring",
                                         [LANE_PLACING] = "placing",
                                         [LANE_REFEEDING] = "refeeding",
                                         [LANE_COUNTING] = "counting"};
    return json_pack("{s:i, s:s, s:I, s:I, s:I, s:I}", "partition", lane->partition, "state",
                     states[lane->state], "position", (json_int_t)lane->next, "end",
                     (json_int_t)source_end(p->source, lane->partition), "kept", (json_int_t)lane->committed,
                     "watermark_ms", (json_int_t)(lane->watermark_ms > 0 ? lane->watermark_ms : 0));
}

static struct http_answer status_answer(struct pipeline *p) {
    static char *text;
    size_t length;
    const char *why = not_ready(p);
    json_t *root = json_object(), *partitions = json_array();
    for (int32_t i = 0; i < p->meta.partitions; i++) {
        if (p->lanes[i] != NULL)
            json_array_append_new(partitions, status_lane(p, p->lanes[i]));
    }
    json_object_set_new(root, "ready", json_boolean(why == NULL));
    json_object_set_new(root, "why", why != NULL ? json_stringn(why, strcspn(why, "\n")) : json_null());
    json_object_set_new(root, "topic", json_string(p->basis->settings.kafka_topic));
    json_object_set_new(root, "topic_partitions", json_integer(p->meta.partitions));
    json_object_set_new(root, "partitions", partitions);
    collect(p);
    const char *metrics = metrics_json(p->metrics, &length);
    json_object_set_new(root, "metrics", json_loadb(metrics, length, 0, NULL));
    free(text);
    text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return (struct http_answer){200, "application/json", text, strlen(text)};
}

static struct http_answer plain(unsigned code, const char *text) {
    return (struct http_answer){code, "text/plain; charset=utf-8", text, strlen(text)};
}

// Before there are a source and a herald; and after the source has left the group, while the store may keep a
// stop waiting.
static const char *not_running(const struct pipeline *p) {
    if (p->source != NULL && p->watch.herald != NULL)
        return NULL;
    return p->stopping || p->draining ? "stopping\n" : "starting\n";
}

struct http_answer report_answer(void *pipeline, const char *path) {
    struct pipeline *p = pipeline;
    if (strcmp(path, "/livez") == 0)
        return plain(200, "ok\n");
    const char *why = not_running(p);
    if (why != NULL)
        return plain(503, why);
    if (strcmp(path, "/readyz") == 0) {
        why = not_ready(p);
        return why == NULL ? plain(200, "ok\n") : plain(503, why);
    }
    if (strcmp(path, "/status") == 0)
        return status_answer(p);
    if (strcmp(path, "/metrics") != 0)
        return plain(404, "there are /livez /readyz /metrics /status\n");
    collect(p);
    struct http_answer answer = {200, "text/plain; version=0.0.4; charset=utf-8", NULL, 0};
    answer.body = metrics_prometheus(p->metrics, &answer.length);
    return answer;
}
