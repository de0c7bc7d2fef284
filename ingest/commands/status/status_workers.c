// One row a worker: what it says of itself, and what moved since it was asked before.
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "ingest/commands/status/status.h"

enum { NUMBER_MAX = 24, TOP_MAX = 96, BUCKETS_MAX = 64 };

const struct output_column status_worker_columns[] = {{"worker", false},        {"state", false},
                                                      {"partitions", true},     {"lag_messages", true},
                                                      {"lag_seconds", true},    {"read_per_s", true},
                                                      {"counted_per_s", true},  {"rejected", true},
                                                      {"rejected_per_s", true}, {"most_rejected", false},
                                                      {"flush_p50_ms", true},   {"flush_p99_ms", true},
                                                      {"waits_for", false},     {"balance_difference", true}};
const size_t status_worker_column_count = sizeof(status_worker_columns) / sizeof(status_worker_columns[0]);

// --- A histogram is {"count": n, "sum": s, "buckets": {"0.001": n, ..., "+Inf": n}}, its buckets cumulative

struct bucket {
    double bound;
    double count;
};

static int bucket_compare(const void *left, const void *right) {
    const struct bucket *a = left, *b = right;
    return (a->bound > b->bound) - (a->bound < b->bound);
}

int64_t status_quantile_ms(const json_t *before, const json_t *now, double q) {
    struct bucket buckets[BUCKETS_MAX];
    size_t count = 0;
    const char *bound;
    const json_t *value;
    json_object_foreach(json_object_get(now, "buckets"), bound, value) {
        const json_t *old = json_object_get(json_object_get(before, "buckets"), bound);
        if (count < BUCKETS_MAX)
            buckets[count++] =
                (struct bucket){strtod(bound, NULL), json_number_value(value) - json_number_value(old)};
    }
    qsort(buckets, count, sizeof(*buckets), bucket_compare);
    double all = count > 0 ? buckets[count - 1].count : 0;
    for (size_t i = 0; i < count && all > 0; i++) {
        if (buckets[i].count >= q * all)
            return isinf(buckets[i].bound) ? (int64_t)(1000 * buckets[i - 1].bound)
                                           : (int64_t)ceil(1000 * buckets[i].bound);
    }
    return -1;
}

static int64_t flush_ms(const struct status_worker *before, const struct status_worker *now, double q) {
    const char *name = "clameur_flush_seconds";
    const json_t *old =
        before != NULL ? json_object_get(json_object_get(before->answer, "metrics"), name) : NULL;
    return status_quantile_ms(old, json_object_get(json_object_get(now->answer, "metrics"), name), q);
}

// --- Cells

static struct output_cell number(char out[NUMBER_MAX], double value, bool known) {
    snprintf(out, NUMBER_MAX, "%" PRId64, (int64_t)llround(value));
    return output_text(known ? slice_of(out) : (struct slice){NULL, 0});
}

static double rate(const struct status_worker *before, const struct status_worker *now, const char *name) {
    int64_t passed_ms = before != NULL ? now->asked_ms - before->asked_ms : 0;
    if (passed_ms <= 0)
        return 0;
    double moved = status_metric(now, name, NULL) - status_metric(before, name, NULL);
    return moved > 0 ? moved * 1000 / (double)passed_ms : 0; // less: it was started anew
}

// The label of a metric whose value moved most since `before` (NULL: is greatest), with the value.
static struct slice greatest(char out[TOP_MAX], const struct status_worker *before,
                             const struct status_worker *now, const char *name, const char *format) {
    const char *label, *most = NULL;
    const json_t *value;
    double top = 0;
    json_object_foreach(json_object_get(json_object_get(now->answer, "metrics"), name), label, value) {
        double is = json_number_value(value) - (before != NULL ? status_metric(before, name, label) : 0);
        if (is > top) {
            top = is;
            most = label;
        }
    }
    if (most == NULL)
        return (struct slice){NULL, 0};
    snprintf(out, TOP_MAX, format, most, top);
    return slice_of(out);
}

static struct slice waits_for(char out[TOP_MAX], const struct status_worker *before,
                              const struct status_worker *now) {
    return greatest(out, before, now, "clameur_pressure_seconds_total",
                    before != NULL ? "%s %.2f s" : "%s %.0f s in all");
}

static struct slice state_of(const struct status_worker *w) {
    const char *why = json_string_value(json_object_get(w->answer, "why"));
    if (w->answer == NULL)
        return slice_of(w->trouble);
    return slice_of(json_is_true(json_object_get(w->answer, "ready")) ? "ready"
                    : why != NULL                                     ? why
                                                                      : "not ready");
}

static void worker_row(struct output *o, const struct status_worker *before,
                       const struct status_worker *now) {
    char n[11][NUMBER_MAX], most[TOP_MAX], waits[TOP_MAX];
    bool known = now->answer != NULL, twice = known && before != NULL;
    size_t k;
    const json_t *value;
    const char *label;
    double lag_s = 0;
    json_object_foreach(json_object_get(json_object_get(now->answer, "metrics"), "clameur_kafka_lag_seconds"),
                        label, value) lag_s = fmax(lag_s, json_number_value(value));
    int64_t p50 = flush_ms(before, now, 0.5), p99 = flush_ms(before, now, 0.99);
    k = json_array_size(json_object_get(now->answer, "partitions"));
    const struct output_cell cells[] = {
        output_text(slice_of(now->name)),
        output_text(state_of(now)),
        number(n[0], (double)k, known),
        number(n[1], status_metric(now, "clameur_kafka_lag_messages", NULL), known),
        number(n[2], lag_s, known),
        number(n[3], rate(before, now, "clameur_events_read_total"), twice),
        number(n[4], rate(before, now, "clameur_events_counted_total"), twice),
        number(n[5], status_metric(now, "clameur_events_rejected_total", NULL), known),
        number(n[6], rate(before, now, "clameur_events_rejected_total"), twice),
        output_text(greatest(most, NULL, now, "clameur_events_rejected_total", "%s %.0f")),
        number(n[7], (double)p50, p50 >= 0),
        number(n[8], (double)p99, p99 >= 0),
        output_text(waits_for(waits, before, now)),
        number(n[9], status_metric(now, "clameur_balance_difference", NULL), known)};
    output_row(o, cells);
}

// Partitions that no worker of those asked owns: others may, under other names.
static void note_missing(const struct status_fleet *now) {
    int64_t all = 0, owned = 0;
    for (size_t i = 0; i < now->count; i++) {
        int64_t of_topic = json_integer_value(json_object_get(now->workers[i].answer, "topic_partitions"));
        all = of_topic > all ? of_topic : all;
        owned += (int64_t)json_array_size(json_object_get(now->workers[i].answer, "partitions"));
    }
    if (owned < all)
        fprintf(stderr,
                "status: these own %" PRId64 " of %" PRId64
                " partitions; others are asked by --worker HOST:PORT\n",
                owned, all);
}

enum status status_workers_print(struct output *o, const struct status_fleet *before,
                                 const struct status_fleet *now) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < now->count; i++) {
        const struct status_worker *old = status_fleet_find(before, now->workers[i].name);
        if (now->workers[i].answer == NULL)
            status = STATUS_UNAVAILABLE;
        worker_row(o, old != NULL && old->answer != NULL ? old : NULL, &now->workers[i]);
    }
    output_print(o, stdout);
    note_missing(now);
    return status;
}
