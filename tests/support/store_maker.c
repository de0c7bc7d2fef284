// store_maker DIRECTORY < FILES.json: writes the files of a store as the aggregators do, for tests of what
// reads them.
//
// A JSON array. Each object is a file, named after what is in it; the names are printed, one a line.
//
//     {"kind": "part", "start": 1767225600, "coverage": [{"partition": 0, "start": 0, "to": 10, "counted": 5,
//     "late": 0}],
//      "rows": [{"table": "totals", "account": "acme", "platform": 2, "origin": 1, "format": 5, "paid":
//      false, "id": "",
//                "counters": {"likes": 3}}],
//      "orders": [{"account": "acme", "platform": 2, "order": "o-1", "event": 7, "at": 1767225601000,
//      "content": "7310",
//                  "counters": {"orders": 1, "gross_micros:EUR": 5000000}}],
//      "readings": [{"account": "acme", "platform": 2, "content": "7310", "counter": "views", "value": 5,
//      "at": 1767225600000, "event": 7}],
//      "live": [{"account": "acme", "platform": 2, "session": "show", "second": 7, "joins": 3, "leaves": 1,
//      "watch_ms": 5, "expired": 0, "returned": 0}]}             all four change how many watch then
//     {"kind": "orders", ...}                                   the same of orders alone
//     {"kind": "window", "start": ..., "coverage": [...], "earlier": [{"start": ..., "partition": 0, "to":
//     10}]}
//                                                               the parts of the coverage, merged, and
//                                                               settled with earlier orders
//     {"kind": "through", "progress": {"partition": 0, "offset": 10, "sealed": ..., "watermark": ms, "read":
//     5, "lines": [...]}}
//
// "topic", "partitions", "rules_hash" of each file are optional; "rows" of a window replace what is merged.
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "aggregate/store/shelf.h"
#include "runtime/memory.h"
#include "schemas/kpi.h"
#include "schemas/layout.h"

enum { WINDOW_S = 900 };

static const char *const tables[] = {"totals", "content", "campaign", "tag", "topic", "late"};
static const char *const kinds[] = {"", "part", "window", "span", "checkpoint", "through", "orders"};

static void stop(const char *what) {
    fprintf(stderr, "store_maker: %s\n", what);
    exit(64);
}

static int64_t number(const json_t *object, const char *name) {
    return json_integer_value(json_object_get(object, name));
}

static const char *text(const json_t *object, const char *name, const char *fallback) {
    const char *value = json_string_value(json_object_get(object, name));
    return value != NULL ? value : fallback;
}

static int word_find(const char *word, const char *const *words, int count) {
    for (int i = 0; i < count; i++) {
        if (strcmp(word, words[i]) == 0)
            return i;
    }
    stop(word);
    return 0;
}

// ---- rows

static field_code field_of(const char *name) {
    field_code field;
    if (!field_parse(&field, slice_of(name)))
        stop(name);
    return field;
}

static void rows_read(struct rows *rows, const json_t *list) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *row = json_array_get(list, i), *value;
        const char *name;
        const struct row_key key = {.table = (enum table)word_find(text(row, "table", "totals"), tables, 6),
                                    .platform = (uint32_t)number(row, "platform"),
                                    .origin = (uint32_t)number(row, "origin"),
                                    .format = (uint32_t)number(row, "format"),
                                    .paid = json_is_true(json_object_get(row, "paid")),
                                    .account = slice_of(text(row, "account", "acme")),
                                    .id = slice_of(text(row, "id", ""))};
        uint32_t place = rows_row(rows, &key);
        json_object_foreach(json_object_get(row, "counters"), name, value)
            rows_add(rows, place, field_of(name), json_integer_value(value));
    }
}

static void orders_read(struct rows *rows, const json_t *list) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *item = json_array_get(list, i), *value;
        const char *name, *id = text(item, "order", "");
        struct order order = {.occurred_at_ms = number(item, "at"),
                              .subject = {.account = slice_of(text(item, "account", "acme")),
                                          .platform = (uint32_t)number(item, "platform"),
                                          .content = slice_of(text(item, "content", "")),
                                          .campaign = slice_of(text(item, "campaign", ""))},
                              .increments = {.has_kind = true}};
        XXH128_canonical_t canonical;
        XXH128_canonicalFromHash(&canonical, XXH3_128bits(id, strlen(id)));
        memcpy(order.order, canonical.digest, ORDER_SIZE);
        order.event_id[EVENT_ID_SIZE - 1] = (unsigned char)number(item, "event");
        json_object_foreach(json_object_get(item, "counters"), name, value)
            order.increments.at[order.increments.count++] =
            (struct increment){field_of(name), json_integer_value(value)};
        rows_add_order(rows, &order);
    }
}

static void readings_read(struct rows *rows, const json_t *list) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        struct latest_reading reading = {.platform = (uint32_t)number(item, "platform"),
                                         .account = slice_of(text(item, "account", "acme")),
                                         .content = slice_of(text(item, "content", "")),
                                         .counter = slice_of(text(item, "counter", "")),
                                         .value = number(item, "value"),
                                         .read_at_ms = number(item, "at")};
        reading.event_id[EVENT_ID_SIZE - 1] = (unsigned char)number(item, "event");
        rows_add_reading(rows, &reading);
    }
}

static void live_read(struct rows *rows, const json_t *list, int64_t start_s) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        int64_t joins = number(item, "joins"), leaves = number(item, "leaves");
        int64_t expired = number(item, "expired"), returned = number(item, "returned");
        const struct live_change change = {(uint32_t)number(item, "second"),
                                           joins - leaves - expired + returned};
        rows_add_live(rows, &(struct live_session){.platform = (uint32_t)number(item, "platform"),
                                                   .account = slice_of(text(item, "account", "acme")),
                                                   .session = slice_of(text(item, "session", "")),
                                                   .start_s = start_s,
                                                   .joins = joins,
                                                   .leaves = leaves,
                                                   .watch_ms = number(item, "watch_ms"),
                                                   .expired = expired,
                                                   .returned = returned,
                                                   .changes = &change,
                                                   .change_count = 1});
    }
}

// ---- headers

static struct coverage *coverage_read(const json_t *list) {
    struct coverage *coverage = memory_take((json_array_size(list) + 1) * sizeof(*coverage));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        coverage[i] = (struct coverage){.partition = (uint32_t)number(item, "partition"),
                                        .start = number(item, "start"),
                                        .to = number(item, "to"),
                                        .counted = (uint64_t)number(item, "counted"),
                                        .late = (uint64_t)number(item, "late"),
                                        .missing = json_is_true(json_object_get(item, "missing")),
                                        .orders_to = number(item, "orders_to")};
    }
    return coverage;
}

static struct earlier_orders *earlier_read(const json_t *list) {
    struct earlier_orders *earlier = memory_take((json_array_size(list) + 1) * sizeof(*earlier));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        earlier[i] = (struct earlier_orders){number(item, "start"), (uint32_t)number(item, "partition"),
                                             number(item, "to"), false};
    }
    return earlier;
}

static struct line *lines_read(const json_t *list) {
    struct line *lines = memory_take((json_array_size(list) + 1) * sizeof(*lines));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        lines[i] = (struct line){.start_s = number(item, "start"),
                                 .counted = (uint64_t)number(item, "counted"),
                                 .late = (uint64_t)number(item, "late"),
                                 .to = number(item, "to"),
                                 .open = json_is_true(json_object_get(item, "open")),
                                 .orders_to = number(item, "orders_to")};
    }
    return lines;
}

static void progress_read(struct progress *progress, const json_t *item) {
    *progress = (struct progress){.partition = (uint32_t)number(item, "partition"),
                                  .start = number(item, "start"),
                                  .offset = number(item, "offset"),
                                  .watermark_ms = number(item, "watermark"),
                                  .sealed_s = number(item, "sealed"),
                                  .read = (uint64_t)number(item, "read"),
                                  .rejected = (uint64_t)number(item, "rejected"),
                                  .duplicate = (uint64_t)number(item, "duplicate"),
                                  .settled_counted = (uint64_t)number(item, "settled_counted"),
                                  .settled_late = (uint64_t)number(item, "settled_late"),
                                  .settled_before_s = number(item, "settled_before"),
                                  .after = number(item, "after"),
                                  .lines = lines_read(json_object_get(item, "lines")),
                                  .line_count = json_array_size(json_object_get(item, "lines"))};
}

static void name_of(char out[NAME_MAX_LENGTH], const struct header *header) {
    const struct coverage *coverage = header->coverage;
    const struct progress *progress = header->progress;
    struct snapshot_name window;
    switch (header->kind) {
    case FILE_PART:
        part_name_write(
            out, &(struct part_name){header->start_s, coverage->partition, coverage->start, coverage->to});
        return;
    case FILE_ORDERS:
        orders_name_write(
            out, &(struct part_name){header->start_s, coverage->partition, coverage->start, coverage->to});
        return;
    case FILE_WINDOW:
        window = shelf_name_of(header);
        snapshot_name_write(out, &window);
        return;
    case FILE_CHECKPOINT:
        checkpoint_name_write(
            out, &(struct checkpoint_name){progress->partition, progress->offset, progress->after});
        return;
    case FILE_THROUGH:
        through_name_write(out,
                           &(struct through_name){progress->partition, progress->offset, progress->sealed_s});
        return;
    case FILE_SPAN:
        break;
    }
    snprintf(out, NAME_MAX_LENGTH, "spans/span.zst");
}

// ---- files

static void file_merge(struct store *store, struct rows *rows, const char *name) {
    struct shelf_file file;
    struct problem p;
    if (shelf_read(store, name, rows, &file, &p) != STATUS_OK)
        stop(p.what);
    shelf_file_fini(&file);
}

static void parts_merge(struct store *store, struct rows *rows, const struct header *header) {
    struct rows *earlier = rows_create();
    char name[NAME_MAX_LENGTH];
    for (size_t i = 0; i < header->coverage_count; i++) {
        const struct coverage *c = &header->coverage[i];
        part_name_write(name, &(struct part_name){header->start_s, c->partition, c->start, c->to});
        if (c->to > c->start)
            file_merge(store, rows, name);
    }
    for (size_t i = 0; i < header->earlier_count; i++) {
        const struct earlier_orders *e = &header->earlier[i];
        orders_name_write(name, &(struct part_name){e->start_s, e->partition, 0, e->to});
        file_merge(store, earlier, name);
    }
    rows_settle(rows, earlier);
    rows_fold(rows);
    rows_unite(rows);
    rows_destroy(&earlier);
}

static void file_put(struct store *store, const struct header *header, const struct rows *rows) {
    const struct snapshot_window window = {header->start_s, rows};
    struct snapshot_bytes bytes;
    struct problem p;
    char name[NAME_MAX_LENGTH];
    snapshot_write(&bytes, header, &window, header->kind == FILE_THROUGH ? 0 : 1);
    name_of(name, header);
    if (store_put(store, name, bytes.at, bytes.length, &p) != STATUS_OK)
        stop(p.what);
    printf("%s\n", name);
    snapshot_bytes_fini(&bytes);
}

static void file_make(struct store *store, const json_t *item) {
    char kpis[KPI_HASH_SIZE];
    struct rows *rows = rows_create();
    struct progress progress;
    kpi_hash(kpis);
    const json_t *list = json_object_get(item, "coverage"), *through = json_object_get(item, "progress");
    struct header header = {.kind = (enum file_kind)word_find(text(item, "kind", ""), kinds, 7),
                            .topic = text(item, "topic", "engagement"),
                            .topic_id = "",
                            .rules_hash = text(item, "rules_hash", "0123456789abcdef"),
                            .kpis_hash = kpis,
                            .partitions = (uint32_t)number(item, "partitions"),
                            .start_s = number(item, "start"),
                            .coverage = coverage_read(list),
                            .coverage_count = json_array_size(list),
                            .earlier = earlier_read(json_object_get(item, "earlier")),
                            .earlier_count = json_array_size(json_object_get(item, "earlier"))};
    header.end_s = header.start_s != 0 ? header.start_s + WINDOW_S : 0;
    header.partitions = header.partitions != 0 ? header.partitions : 2;
    if (through != NULL) {
        progress_read(&progress, through);
        header.progress = &progress;
    }
    rows_read(rows, json_object_get(item, "rows"));
    orders_read(rows, json_object_get(item, "orders"));
    readings_read(rows, json_object_get(item, "readings"));
    live_read(rows, json_object_get(item, "live"), header.start_s);
    if (header.kind == FILE_WINDOW && json_object_get(item, "rows") == NULL)
        parts_merge(store, rows, &header);
    file_put(store, &header, rows);
    free((void *)header.earlier);
    free((void *)header.coverage);
    if (through != NULL)
        free(progress.lines);
    rows_destroy(&rows);
}

int main(int argc, char **argv) {
    struct store *store;
    struct problem p;
    json_error_t error;
    char url[512];
    if (argc != 2)
        stop("usage: store_maker DIRECTORY < FILES.json");
    snprintf(url, sizeof(url), "file://%s", argv[1]);
    if (store_open(&store, &(struct store_place){.url = url}, &p) != STATUS_OK)
        stop(p.what);
    json_t *files = json_loadf(stdin, 0, &error);
    if (files == NULL)
        stop(error.text);
    for (size_t i = 0; i < json_array_size(files); i++)
        file_make(store, json_array_get(files, i));
    json_decref(files);
    store_close(&store);
    return 0;
}
