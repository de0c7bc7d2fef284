// Metrics: a table of rows (from a .def), values set at scrape time by whoever knows them, written as
// Prometheus text or JSON.
//
// The hot path keeps plain integers of its own; `collect` copies them here when somebody asks. Loop thread
// only.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_row {
    const char *name; // with the clameur_ prefix
    enum metric_type type;
    const char *label; // name of the one label, or NULL
    const char *doc;   // meaning, and what to do
};

// A histogram its owner keeps: fixed bounds in seconds, 1 ms .. 60 s, doubling or so.
enum { HISTOGRAM_BUCKETS = 18 };
struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS + 1]; // the last: above all bounds
    uint64_t count;
    double sum;
};
extern const double histogram_bounds[HISTOGRAM_BUCKETS];
void histogram_add(struct histogram *h, double seconds);

struct metrics;

struct metrics *metrics_create(const struct metric_row *rows, size_t row_count);
void metrics_destroy(struct metrics **m);

// Forgets every value: called before a collect, so that a series ends with what it described.
void metrics_clear(struct metrics *m);
// `label` NULL for a row without one. The text is copied (UTF-8). What is set twice between two clears is
// written as set last.
void metrics_set(struct metrics *m, size_t row, const char *label, double value);
void metrics_set_histogram(struct metrics *m, size_t row, const char *label, const struct histogram *h);

// The whole exposition, terminated; owned by `m` until the next call. Adds process_* and clameur_build_info
// itself.
const char *metrics_prometheus(struct metrics *m, size_t *length);
// {"name": value, "name": {"label": value}}: what /status embeds. Same ownership. A histogram is {"count": n,
// "sum": s, "buckets": {"0.001": n, ..., "+Inf": n}}, and null stands for what is not a number.
const char *metrics_json(struct metrics *m, size_t *length);
