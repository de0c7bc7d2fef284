#include "loadtest/bench/scenes/bench_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#include "runtime/check.h"
#include "runtime/clock.h"
#include "runtime/memory.h"
#include "schemas/snapshot/snapshot.h"
#include "schemas/snapshot/wire.h"

enum {
    PARTS = 8,
    ACCOUNTS = 100,
    START_S = 1767225600,
    ID_TEXT = 32,
    COUNTERS_MAX = 1024,
    OTHERS_LEVEL = 3, // zstd's, of what files are held against: by 1 it would be larger
};

// ---- rows one by one

// Counters by the numbers of their fields, as they come.
struct numbering {
    field_code at[COUNTERS_MAX];
    unsigned count;
};

static unsigned number_of(struct numbering *n, field_code field) {
    unsigned i = 0;
    while (i < n->count && n->at[i] != field)
        i++;
    CHECK(i < COUNTERS_MAX);
    n->at[i] = field;
    n->count += i == n->count;
    return i + 8;
}

// A message a row, as one would write it by hand: each counter a field of its own.
static void protobuf_row(struct wire_out *out, struct wire_out *message, const struct rows *rows,
                         uint32_t number, struct numbering *numbering) {
    struct row_key key = rows_key(rows, number);
    struct cell cell;
    message->length = 0;
    wire_uint(message, 1, (uint64_t)key.table);
    wire_bytes(message, 2, key.account);
    wire_uint(message, 3, key.platform);
    wire_uint(message, 4, key.origin);
    wire_uint(message, 5, key.format);
    wire_uint(message, 6, key.paid);
    wire_bytes(message, 7, key.id);
    for (uint32_t i = rows_next_cell(rows, number, ROWS_FIRST, &cell); i != ROWS_END;
         i = rows_next_cell(rows, number, i, &cell)) {
        wire_uint(message, number_of(numbering, cell.field), wire_zigzag(cell.value));
    }
    wire_element(out, 1, wire_slice(message));
}

static void json_text(struct wire_out *out, const char *name, struct slice text) {
    wire_append(out, slice_of(name));
    wire_append(out, slice_of(":\""));
    for (size_t i = 0; i < text.length; i++) {
        if (text.at[i] == '"' || text.at[i] == '\\')
            wire_append(out, slice_of("\\"));
        wire_append(out, (struct slice){text.at + i, 1});
    }
    wire_append(out, slice_of("\""));
}

static void json_number(struct wire_out *out, const char *name, int64_t value) {
    char text[FIELD_MAX + ID_TEXT];
    int length = snprintf(text, sizeof(text), ",\"%s\":%" PRId64, name, value);
    wire_append(out, (struct slice){text, (size_t)length});
}

static void json_row(struct wire_out *out, const struct rows *rows, uint32_t number) {
    struct row_key key = rows_key(rows, number);
    struct cell cell;
    json_text(out, "{\"account\"", key.account);
    json_number(out, "table", key.table);
    json_number(out, "platform", key.platform);
    if (key.id.length > 0) {
        json_text(out, ",\"id\"", key.id);
    } else {
        json_number(out, "origin", key.origin);
        json_number(out, "format", key.format);
        json_number(out, "paid", key.paid);
    }
    for (uint32_t i = rows_next_cell(rows, number, ROWS_FIRST, &cell); i != ROWS_END;
         i = rows_next_cell(rows, number, i, &cell)) {
        char name[FIELD_MAX + 1];
        name[field_write(name, cell.field)] = '\0';
        json_number(out, name, cell.value);
    }
    wire_append(out, slice_of("}\n"));
}

static uint64_t compressed(const struct wire_out *out) {
    size_t room = ZSTD_compressBound(out->length);
    char *bytes = memory_take(room);
    size_t length = ZSTD_compress(bytes, room, out->at, out->length, OTHERS_LEVEL);
    CHECK(!ZSTD_isError(length));
    free(bytes);
    return length;
}

void bench_rows_sizes(const struct rows *rows, struct bench_sizes *sizes) {
    struct wire_out protobuf = {0}, json = {0}, message = {0};
    struct numbering numbering = {.count = 0};
    size_t count = rows_count(rows);
    uint32_t *numbers = memory_take((count + 1) * sizeof(*numbers));
    rows_sort(rows, numbers);
    for (size_t i = 0; i < count; i++) {
        protobuf_row(&protobuf, &message, rows, numbers[i], &numbering);
        json_row(&json, rows, numbers[i]);
    }
    *sizes = (struct bench_sizes){count, compressed(&protobuf), compressed(&json)};
    free(numbers);
    free(protobuf.at);
    free(json.at);
    free(message.at);
}

// ---- many contents

// A view of content `index`, as the mix of the figures has it.
static void view_add(struct rows *rows, int64_t index) {
    char account[ID_TEXT], content[ID_TEXT];
    int account_length = snprintf(account, sizeof(account), "acct-%05" PRId64, index % ACCOUNTS);
    int content_length = snprintf(content, sizeof(content), "c-%" PRId64, index);
    const struct subject subject = {.account = {account, (size_t)account_length},
                                    .platform = (uint32_t)(index % 8) + 1,
                                    .content = {content, (size_t)content_length}};
    const struct increments increments = {
        2,
        true,
        {{field_counter(COUNTER_OF_VIEW), 1}, {field_counter(COUNTER_WATCH_MS), 1000 + index % 9000}}};
    rows_add_subject(rows, &subject, &increments);
}

static double seal_ms(const struct rows *rows, double *bytes_per_row) {
    static const struct coverage coverage = {.to = 1};
    const struct header header = {.kind = FILE_WINDOW,
                                  .start_s = START_S,
                                  .end_s = START_S + 900,
                                  .topic = "bench",
                                  .topic_id = "",
                                  .rules_hash = "",
                                  .kpis_hash = "",
                                  .partitions = 1,
                                  .coverage = &coverage,
                                  .coverage_count = 1};
    const struct snapshot_window window = {START_S, rows};
    struct snapshot_bytes bytes;
    int64_t began_ns = clock_monotonic_ns();
    snapshot_write(&bytes, &header, &window, 1);
    double ms = (double)(clock_monotonic_ns() - began_ns) / 1e6;
    *bytes_per_row = (double)bytes.length / (double)rows_count(rows);
    snapshot_bytes_fini(&bytes);
    return ms;
}

// Every content is in every part: as many partitions saw it.
static double merge_rate(int64_t contents) {
    struct rows *part = rows_create(), *merged = rows_create();
    for (int64_t i = 0; i < contents; i++)
        view_add(part, i);
    int64_t began_ns = clock_monotonic_ns();
    for (int i = 0; i < PARTS; i++)
        rows_merge(merged, part);
    double s = (double)(clock_monotonic_ns() - began_ns) / 1e9;
    double rate = (double)rows_count(part) * PARTS / s;
    rows_destroy(&part);
    rows_destroy(&merged);
    return rate;
}

int bench_rows_child(struct bench *b) {
    int64_t contents = b->options.contents, windows = b->options.windows;
    double bytes_per_row;
    struct rows **held = memory_take((size_t)windows * sizeof(struct rows *));
    for (int64_t w = 0; w < windows; w++) {
        held[w] = rows_create();
        for (int64_t i = 0; i < contents; i++)
            view_add(held[w], i);
    }
    double rows = (double)rows_count(held[0]), ms = seal_ms(held[0], &bytes_per_row);
    for (int64_t w = 0; w < windows; w++)
        rows_destroy(&held[w]);
    free(held);
    printf("%f %f %f %f\n", rows, ms, merge_rate(contents), bytes_per_row);
    return STATUS_OK;
}

enum status bench_rows_run(struct bench *b, struct bench_rows_take *take, struct problem *problem) {
    char contents[ID_TEXT * 2], windows[ID_TEXT * 2];
    const char *const words[] = {"bench", "aggregate", "--stage=rows", contents, windows, NULL};
    struct bench_part part;
    snprintf(contents, sizeof(contents), "--contents=%" PRId64, b->options.contents);
    snprintf(windows, sizeof(windows), "--windows=%" PRId64, b->options.windows);
    enum status status = bench_part_run(b, words, false, &part, problem);
    if (status != STATUS_OK)
        return status;
    *take = (struct bench_rows_take){.max_rss_bytes = part.usage.max_rss_bytes};
    if (part.usage.exit_code != 0 || sscanf(part.line, "%lf %lf %lf %lf", &take->rows, &take->seal_ms,
                                            &take->merge_rate, &take->bytes_per_row) != 4)
        status = bench_part_failed(&part, "the windows in memory", problem);
    bench_child_forget(&part.child);
    return status;
}
