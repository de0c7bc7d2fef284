// Values wait, in the order in which they were set, until somebody asks for the text. Then each row's values
// are sorted by label (numbers as numbers) and the last one set under a label is the one that is written.

#include "runtime/http/metrics.h"

#include <hiredis/hiredis.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "runtime/arena.h"
#include "runtime/check.h"
#include "runtime/http/metrics_process.h"
#include "runtime/memory.h"

const double histogram_bounds[HISTOGRAM_BUCKETS] = {0.001, 0.002, 0.004, 0.008, 0.015, 0.03, 0.06, 0.1, 0.15,
                                                    0.25,  0.5,   1,     2,     4,     8,    15,   30,  60};

#define TEXT_OF(x)  #x
#define VALUE_OF(x) TEXT_OF(x)
#define HIREDIS     VALUE_OF(HIREDIS_MAJOR) "." VALUE_OF(HIREDIS_MINOR) "." VALUE_OF(HIREDIS_PATCH)

// What is added to every table of rows.
enum { PROCESS_CPU, PROCESS_RESIDENT, PROCESS_OPEN_FDS, PROCESS_MAX_FDS, PROCESS_START, PROCESS_ROWS };
static const struct metric_row process_rows[PROCESS_ROWS] = {
    {"process_cpu_seconds_total", METRIC_COUNTER, NULL, "Total user and system CPU time spent in seconds."},
    {"process_resident_memory_bytes", METRIC_GAUGE, NULL, "Resident memory size in bytes."},
    {"process_open_fds", METRIC_GAUGE, NULL, "Number of open file descriptors."},
    {"process_max_fds", METRIC_GAUGE, NULL, "Maximum number of open file descriptors."},
    {"process_start_time_seconds", METRIC_GAUGE, NULL,
     "Start time of the process since unix epoch in seconds."},
};

struct sample {
    const char *label; // NULL where the row has none
    double value;
    const struct histogram *histogram; // instead of the value
    size_t order;
};

struct series {
    struct sample *samples;
    size_t count;
    size_t capacity;
};

struct metrics {
    const struct metric_row *rows;
    size_t row_count;
    struct series *series; // per row
    struct arena arena;    // labels and histograms, until the next clear
    char *text;            // what was handed out last
    size_t length;
};

void histogram_add(struct histogram *h, double seconds) {
    size_t bucket = 0;
    while (bucket < HISTOGRAM_BUCKETS && seconds > histogram_bounds[bucket])
        bucket++;
    h->counts[bucket]++;
    h->count++;
    h->sum += seconds;
}

struct metrics *metrics_create(const struct metric_row *rows, size_t row_count) {
    struct metrics *m = memory_take(sizeof(*m));
    m->rows = rows;
    m->row_count = row_count;
    m->series = memory_take((row_count + 1) * sizeof(*m->series));
    arena_init(&m->arena, 4096);
    return m;
}

void metrics_destroy(struct metrics **m) {
    if (*m == NULL)
        return;
    for (size_t row = 0; row < (*m)->row_count; row++)
        free((*m)->series[row].samples);
    free((*m)->series);
    arena_fini(&(*m)->arena);
    free((*m)->text);
    free(*m);
    *m = NULL;
}

void metrics_clear(struct metrics *m) {
    for (size_t row = 0; row < m->row_count; row++)
        m->series[row].count = 0;
    arena_reset(&m->arena);
}

static struct sample *add_sample(struct metrics *m, size_t row, const char *label) {
    CHECK(row < m->row_count);
    CHECK((label != NULL) == (m->rows[row].label != NULL));
    struct series *series = &m->series[row];
    if (series->count == series->capacity) {
        series->capacity = series->capacity == 0 ? 4 : series->capacity * 2;
        series->samples = memory_grow(series->samples, series->capacity, sizeof(*series->samples));
    }
    struct sample *sample = &series->samples[series->count];
    *sample = (struct sample){.order = series->count++};
    if (label != NULL) {
        size_t size = strlen(label) + 1;
        sample->label = memcpy(arena_take_bytes(&m->arena, size), label, size);
    }
    return sample;
}

void metrics_set(struct metrics *m, size_t row, const char *label, double value) {
    struct sample *sample = add_sample(m, row, label);
    CHECK(m->rows[row].type != METRIC_HISTOGRAM);
    sample->value = value;
}

void metrics_set_histogram(struct metrics *m, size_t row, const char *label, const struct histogram *h) {
    struct sample *sample = add_sample(m, row, label);
    CHECK(m->rows[row].type == METRIC_HISTOGRAM);
    sample->histogram = memcpy(arena_take(&m->arena, sizeof(*h)), h, sizeof(*h));
}

static int by_label_then_order(const void *left, const void *right) {
    const struct sample *a = left, *b = right;
    int labels = a->label != NULL ? strverscmp(a->label, b->label) : 0;
    return labels != 0 ? labels : (a->order > b->order) - (a->order < b->order);
}

// Afterwards a label occurs once, with what was set last.
static void settle(struct series *series) {
    size_t kept = 0;
    if (series->count < 2)
        return;
    qsort(series->samples, series->count, sizeof(*series->samples), by_label_then_order);
    for (size_t i = 0; i < series->count; i++) {
        struct sample *last = kept > 0 ? &series->samples[kept - 1] : NULL;
        bool same =
            last != NULL && (last->label == NULL || strcmp(last->label, series->samples[i].label) == 0);
        series->samples[same ? kept - 1 : kept++] = series->samples[i];
    }
    for (size_t i = 0; i < kept; i++)
        series->samples[i].order = i;
    series->count = kept;
}

// Integers as such, anything else as the shortest text that reads back as the same number.
static void write_number(FILE *out, double value) {
    char text[32];
    if (!isfinite(value)) {
        fputs(isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf", out);
        return;
    }
    if (value == rint(value) && fabs(value) < 0x1p53) {
        fprintf(out, "%lld", (long long)value);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    fputs(text, out);
}

// Prometheus text, version 0.0.4

// A label's value escapes the quotes too, a help text does not.
static void write_escaped(FILE *out, const char *text, bool quotes) {
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            fputs("\\n", out);
        else if (*text == '\\' || (*text == '"' && quotes))
            fprintf(out, "\\%c", *text);
        else
            fputc(*text, out);
    }
}

static void write_label(FILE *out, const char *name, const char *value) {
    fprintf(out, "%s=\"", name);
    write_escaped(out, value, true);
    fputc('"', out);
}

static void write_line(FILE *out, const struct metric_row *row, const char *ending, const char *label,
                       double value) {
    fprintf(out, "%s%s", row->name, ending);
    if (label != NULL) {
        fputc('{', out);
        write_label(out, row->label, label);
        fputc('}', out);
    }
    fputc(' ', out);
    write_number(out, value);
    fputc('\n', out);
}

static void write_head(FILE *out, const struct metric_row *row) {
    static const char *const types[] = {
        [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};
    fprintf(out, "# HELP %s ", row->name);
    write_escaped(out, row->doc, false);
    fprintf(out, "\n# TYPE %s %s\n", row->name, types[row->type]);
}

static void write_histogram(FILE *out, const struct metric_row *row, const struct sample *sample) {
    const struct histogram *h = sample->histogram;
    uint64_t below = 0;
    for (size_t bucket = 0; bucket <= HISTOGRAM_BUCKETS; bucket++) {
        below += h->counts[bucket];
        fprintf(out, "%s_bucket{", row->name);
        if (sample->label != NULL) {
            write_label(out, row->label, sample->label);
            fputc(',', out);
        }
        fputs("le=\"", out);
        write_number(out, bucket < HISTOGRAM_BUCKETS ? histogram_bounds[bucket] : INFINITY);
        fprintf(out, "\"} %llu\n", (unsigned long long)below);
    }
    write_line(out, row, "_sum", sample->label, h->sum);
    write_line(out, row, "_count", sample->label, (double)h->count);
}

static void write_series(FILE *out, const struct metric_row *row, const struct series *series) {
    if (series->count > 0)
        write_head(out, row);
    for (size_t i = 0; i < series->count; i++)
        if (row->type == METRIC_HISTOGRAM)
            write_histogram(out, row, &series->samples[i]);
        else
            write_line(out, row, "", series->samples[i].label, series->samples[i].value);
}

static void read_process(double values[PROCESS_ROWS]) {
    struct metrics_process process;
    metrics_process_read(&process);
    values[PROCESS_CPU] = process.cpu_seconds;
    values[PROCESS_RESIDENT] = process.resident_bytes;
    values[PROCESS_OPEN_FDS] = process.open_fds;
    values[PROCESS_MAX_FDS] = process.max_fds;
    values[PROCESS_START] = process.start_time_seconds;
}

static FILE *begin_text(struct metrics *m) {
    for (size_t row = 0; row < m->row_count; row++)
        settle(&m->series[row]);
    free(m->text);
    m->text = NULL;
    FILE *out = open_memstream(&m->text, &m->length);
    CHECK(out != NULL);
    return out;
}

static const char *end_text(struct metrics *m, FILE *out, size_t *length) {
    CHECK(fclose(out) == 0);
    *length = m->length;
    return m->text;
}

const char *metrics_prometheus(struct metrics *m, size_t *length) {
    double process[PROCESS_ROWS];
    read_process(process);
    FILE *out = begin_text(m);
    for (size_t row = 0; row < m->row_count; row++)
        write_series(out, &m->rows[row], &m->series[row]);
    for (size_t row = 0; row < PROCESS_ROWS; row++) {
        write_head(out, &process_rows[row]);
        write_line(out, &process_rows[row], "", NULL, process[row]);
    }
    fprintf(out,
            "# HELP clameur_build_info What this program was made of; the value is 1.\n# TYPE "
            "clameur_build_info gauge\n"
            "clameur_build_info{version=\"%s\",hiredis=\"%s\",libuv=\"%s\"} 1\n",
            CLAMEUR_VERSION, HIREDIS, uv_version_string());
    return end_text(m, out, length);
}

// JSON

static void write_json_text(FILE *out, const char *text) {
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else if ((unsigned char)*text < 0x20)
            fprintf(out, "\\u%04x", (unsigned)*text);
        else
            fputc(*text, out);
    }
    fputc('"', out);
}

static void write_json_number(FILE *out, double value) {
    if (isfinite(value))
        write_number(out, value);
    else
        fputs("null", out);
}

// {"count": n, "sum": s, "buckets": {"0.001": n, ..., "+Inf": n}}, cumulative as in the other form.
static void write_json_histogram(FILE *out, const struct histogram *h) {
    uint64_t below = 0;
    fprintf(out, "{\"count\":%llu,\"sum\":", (unsigned long long)h->count);
    write_json_number(out, h->sum);
    fputs(",\"buckets\":{", out);
    for (size_t bucket = 0; bucket <= HISTOGRAM_BUCKETS; bucket++) {
        below += h->counts[bucket];
        fputs(bucket > 0 ? ",\"" : "\"", out);
        write_number(out, bucket < HISTOGRAM_BUCKETS ? histogram_bounds[bucket] : INFINITY);
        fprintf(out, "\":%llu", (unsigned long long)below);
    }
    fputs("}}", out);
}

static void write_json_series(FILE *out, const struct metric_row *row, const struct series *series) {
    if (series->count == 0)
        return;
    write_json_text(out, row->name);
    fputs(row->label != NULL ? ":{" : ":", out);
    for (size_t i = 0; i < series->count; i++) {
        const struct sample *sample = &series->samples[i];
        if (i > 0)
            fputc(',', out);
        if (row->label != NULL) {
            write_json_text(out, sample->label);
            fputc(':', out);
        }
        if (row->type == METRIC_HISTOGRAM)
            write_json_histogram(out, sample->histogram);
        else
            write_json_number(out, sample->value);
    }
    fputs(row->label != NULL ? "}," : ",", out);
}

const char *metrics_json(struct metrics *m, size_t *length) {
    double process[PROCESS_ROWS];
    read_process(process);
    FILE *out = begin_text(m);
    fputc('{', out);
    for (size_t row = 0; row < m->row_count; row++)
        write_json_series(out, &m->rows[row], &m->series[row]);
    for (size_t row = 0; row < PROCESS_ROWS; row++) {
        fprintf(out, "\"%s\":", process_rows[row].name);
        write_json_number(out, process[row]);
        fputc(',', out);
    }
    fprintf(out, "\"clameur_build_info\":{\"version\":\"%s\",\"hiredis\":\"%s\",\"libuv\":\"%s\"}}",
            CLAMEUR_VERSION, HIREDIS, uv_version_string());
    return end_text(m, out, length);
}
