#include "aggregate/keep/keep_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/log/log.h"
#include "runtime/memory.h"

enum { SEGMENTS_MAX = 16 };
#define SEGMENT_BYTES_SPARE (UINT64_C(4) << 20)

static struct header header_of(const struct keeper *k, enum file_kind kind) {
    return (struct header){.kind = kind,
                           .topic = k->topic,
                           .topic_id = k->topic_id,
                           .rules_hash = k->rules_hash,
                           .kpis_hash = k->kpis_hash,
                           .partitions = k->partitions};
}

static enum status put(struct keeper *k, const char *name, struct snapshot_bytes *bytes, struct problem *p) {
    enum status status = store_put(k->store, name, bytes->at, bytes->length, p);
    snapshot_bytes_fini(bytes);
    return status;
}

// ---- parts

static struct coverage coverage_of(const struct ledger *l, const struct ledger_window *w) {
    return (struct coverage){.partition = l->partition,
                             .start = l->start,
                             .to = w->to,
                             .counted = w->counted,
                             .late = w->late,
                             .orders_to = w->orders_to};
}

static struct header part_header(const struct keeper *k, enum file_kind kind, const struct ledger_window *w,
                                 const struct coverage *coverage) {
    struct header header = header_of(k, kind);
    header.start_s = w->start_s;
    header.end_s = w->start_s + WINDOW_S;
    header.coverage = coverage;
    header.coverage_count = 1;
    return header;
}

static enum status part_put(struct keeper *k, struct kept *kept, const char *name,
                            const struct header *header, const struct rows *rows, struct problem *p) {
    const struct snapshot_window window = {header->start_s, rows};
    struct snapshot_bytes bytes;
    snapshot_write(&bytes, header, &window, 1);
    kept->part_bytes += bytes.length;
    return put(k, name, &bytes, p);
}

enum status keep_files_part(struct keeper *k, struct kept *kept, const struct ledger_window *w,
                            struct problem *p) {
    const struct coverage coverage = coverage_of(&kept->ledger, w);
    const struct header header = part_header(k, FILE_PART, w, &coverage);
    char name[NAME_MAX_LENGTH];
    part_name_write(name, &(struct part_name){w->start_s, coverage.partition, coverage.start, w->to});
    return part_put(k, kept, name, &header, w->rows, p);
}

enum status keep_files_orders(struct keeper *k, struct kept *kept, const struct ledger_window *w,
                              struct problem *p) {
    struct coverage coverage = coverage_of(&kept->ledger, w);
    struct rows *orders = rows_create();
    char name[NAME_MAX_LENGTH];
    coverage.to = w->orders_to;
    coverage.counted = rows_order_count(w->rows);
    coverage.late = 0;
    for (size_t i = 0; i < coverage.counted; i++)
        rows_add_order(orders, rows_order(w->rows, i));
    const struct header header = part_header(k, FILE_ORDERS, w, &coverage);
    orders_name_write(name, &(struct part_name){w->start_s, coverage.partition, coverage.start, coverage.to});
    enum status status = part_put(k, kept, name, &header, orders, p);
    rows_destroy(&orders);
    return status;
}

// Reads a file of a part into `rows`, of these tables, and holds it against its name.
static enum status part_read(struct keeper *k, const char *name, enum file_kind kind,
                             const struct part_name *part, uint32_t tables, struct rows *rows,
                             struct coverage *coverage, struct problem *p) {
    struct shelf_file file;
    enum status status = keep_files_read_tables(k, name, kind, tables, rows, &file, p);
    if (status == STATUS_NO_INPUT)
        return problem_set(p, STATUS_BAD_DATA, "CLM-D3", "restore the store from a backup",
                           "%s is gone, and its line says that it was kept", name);
    if (status != STATUS_OK)
        return status;
    const struct header *header = snapshot_header(file.snapshot);
    *coverage = header->coverage[0];
    if (header->start_s != part->start_s || coverage->partition != part->partition ||
        coverage->start != part->from || coverage->to != part->to)
        status = problem_set(p, STATUS_BAD_DATA, "CLM-D3", "clameur-aggregate verify",
                             "%s holds another part than its name says", name);
    shelf_file_fini(&file);
    return status;
}

enum status keep_files_read_part(struct keeper *k, const struct part_name *part, struct rows *rows,
                                 struct coverage *coverage, struct problem *p) {
    char name[NAME_MAX_LENGTH];
    part_name_write(name, part);
    return part_read(k, name, FILE_PART, part, UINT32_MAX, rows, coverage, p);
}

// STATUS_NO_INPUT where the part has others than those that reach so far, or cannot be read.
static enum status orders_of_part(struct keeper *k, const struct part_name *part, int64_t orders_to,
                                  struct rows **rows, struct problem *p) {
    struct coverage coverage;
    char name[NAME_MAX_LENGTH];
    part_name_write(name, part);
    *rows = rows_create();
    enum status status =
        part_read(k, name, FILE_PART, part, UINT32_C(1) << TABLE_ORDERS, *rows, &coverage, p);
    if (status == STATUS_BAD_DATA || (status == STATUS_OK && coverage.orders_to != orders_to))
        status = STATUS_NO_INPUT;
    if (status != STATUS_OK)
        rows_destroy(rows);
    return status;
}

// Orders stand in their window's parts, too: in the one that was written with them, and in those after it for
// as long as no other order comes.
static enum status orders_of_parts(struct keeper *k, const struct part_name *orders, struct rows **rows,
                                   struct problem *p) {
    struct store_names names;
    char folder[NAME_MAX_LENGTH];
    snprintf(folder, sizeof(folder), "parts/%lld", (long long)orders->start_s);
    enum status status = store_list(k->store, folder, &names, p);
    if (status != STATUS_OK)
        return status;
    status = STATUS_NO_INPUT;
    for (size_t i = 0; i < names.count && status == STATUS_NO_INPUT; i++) {
        struct part_name part;
        if (part_name_parse(&part, orders->start_s, names.at[i]) && part.partition == orders->partition &&
            part.from == orders->from && part.to >= orders->to)
            status = orders_of_part(k, &part, orders->to, rows, p);
    }
    store_names_fini(&names);
    return status;
}

enum status keep_files_read_orders(struct keeper *k, const struct part_name *part, struct rows **rows,
                                   struct problem *p) {
    char name[NAME_MAX_LENGTH];
    struct coverage coverage;
    struct problem of_parts;
    orders_name_write(name, part);
    *rows = rows_create();
    enum status status = part_read(k, name, FILE_ORDERS, part, UINT32_MAX, *rows, &coverage, p);
    if (status == STATUS_OK)
        return STATUS_OK;
    rows_destroy(rows);
    if (status != STATUS_BAD_DATA)
        return status;
    status = orders_of_parts(k, part, rows, &of_parts);
    if (status == STATUS_NO_INPUT)
        return STATUS_BAD_DATA;
    if (status == STATUS_OK)
        log_problem(LOG_LEVEL_ERROR, "orders_taken_from_part", p);
    else
        *p = of_parts;
    return status;
}

enum status keep_files_last_part(struct keeper *k, struct part_name *part, int64_t offset,
                                 struct problem *p) {
    struct part_name *parts = memory_take(k->partitions * sizeof(*parts));
    int64_t *bounds = memory_take(k->partitions * sizeof(*bounds));
    for (uint32_t i = 0; i < k->partitions; i++)
        bounds[i] = offset;
    enum status status = shelf_parts(k->store, part->start_s, bounds, parts, k->partitions, p);
    if (status == STATUS_OK)
        part->to = parts[part->partition].to;
    free(bounds);
    free(parts);
    return status;
}

enum status keep_files_published(struct keeper *k, int64_t start_s, uint32_t partition, int64_t *to,
                                 struct problem *p) {
    struct snapshot_name newest;
    struct shelf_file file;
    char name[NAME_MAX_LENGTH];
    enum status status = shelf_newest(k->store, start_s, &newest, p);
    if (status != STATUS_OK)
        return status;
    snapshot_name_write(name, &newest);
    status = keep_files_open(k, name, FILE_WINDOW, &file, p);
    if (status != STATUS_OK)
        return status;
    const struct header *header = snapshot_header(file.snapshot);
    *to = header_missing(header) == 0 ? header->coverage[partition].to : -1;
    shelf_file_fini(&file);
    return STATUS_OK;
}

// ---- checkpoints

static bool is_base_due(const struct kept *kept) {
    return kept->last < 0 || kept->segments >= SEGMENTS_MAX ||
           kept->segment_bytes > kept->base_bytes + SEGMENT_BYTES_SPARE;
}

static int window_compare(const void *left, const void *right) {
    const struct snapshot_window *a = left, *b = right;
    return (a->start_s > b->start_s) - (a->start_s < b->start_s);
}

static size_t windows_open(const struct ledger *l, struct snapshot_window *out) {
    size_t count = 0;
    for (size_t i = 0; i < l->count; i++) {
        if (ledger_is_only_here(&l->at[i]))
            out[count++] = (struct snapshot_window){l->at[i].start_s, l->at[i].rows};
    }
    for (size_t i = 0; i < l->apart.count; i++)
        out[count++] = (struct snapshot_window){l->apart.at[i].start_s, l->apart.at[i].rows};
    return count;
}

static bool is_to_be_here(const struct ledger *l, int64_t start_s) {
    const struct ledger_window *w = ledger_find(l, start_s);
    return ledger_apart(l, start_s) != NULL || (w != NULL && ledger_is_only_here(w));
}

static size_t windows_gained(const struct ledger *l, const struct handover *h, struct snapshot_window *out) {
    size_t count = 0;
    for (size_t i = 0; i < h->panes.count; i++) {
        const struct pane *pane = &h->panes.at[i];
        if (is_to_be_here(l, pane->start_s)) // else it is in its part, or gone
            out[count++] = (struct snapshot_window){pane->start_s, pane->rows};
    }
    return count;
}

static void checkpoint_was_put(struct kept *kept, bool base, uint64_t bytes) {
    int64_t offset = kept->ledger.offset;
    kept->checkpoint_bytes += bytes;
    kept->segments = base ? 0 : kept->segments + 1;
    kept->segment_bytes = base ? 0 : kept->segment_bytes + bytes;
    if (base) {
        kept->base_before = kept->base;
        kept->base = offset;
        kept->base_bytes = bytes;
    }
    kept->last = offset;
}

// Where no record was read there is nothing to keep: only time has passed.
enum status keep_files_checkpoint(struct keeper *k, struct kept *kept, const struct handover *h,
                                  struct problem *p) {
    const struct ledger *l = &kept->ledger;
    bool base = is_base_due(kept);
    if (kept->last == l->offset)
        return STATUS_OK;
    const size_t most = l->count + l->apart.count + h->panes.count + 1;
    struct line *lines = memory_take(most * sizeof(*lines));
    struct snapshot_window *windows = memory_take(most * sizeof(*windows));
    size_t count = base ? windows_open(l, windows) : windows_gained(l, h, windows);
    if (count > 1)
        qsort(windows, count, sizeof(*windows), window_compare);
    struct header header = header_of(k, FILE_CHECKPOINT);
    struct progress progress;
    struct snapshot_bytes bytes;
    char name[NAME_MAX_LENGTH];
    ledger_progress(l, &progress, lines);
    struct viewer *all = base ? viewers_all(&l->viewers, &progress.viewer_count) : NULL;
    progress.viewers = base ? all : h->viewers;
    progress.viewer_count = base ? progress.viewer_count : h->viewer_count;
    progress.after = base ? l->offset : kept->last;
    progress.segment = !base;
    header.progress = &progress;
    checkpoint_name_write(name, &(struct checkpoint_name){l->partition, l->offset, progress.after});
    snapshot_write(&bytes, &header, windows, count);
    uint64_t length = bytes.length;
    enum status status = put(k, name, &bytes, p);
    if (status == STATUS_OK)
        checkpoint_was_put(kept, base, length);
    free(all);
    free(windows);
    free(lines);
    return status;
}

// ---- through records

enum status keep_files_through(struct keeper *k, struct kept *kept, struct problem *p) {
    const struct ledger *l = &kept->ledger;
    struct line *lines = memory_take((l->count + l->apart.count + 1) * sizeof(*lines));
    struct header header = header_of(k, FILE_THROUGH);
    struct progress progress;
    struct snapshot_bytes bytes;
    char name[NAME_MAX_LENGTH];
    ledger_progress(l, &progress, lines);
    header.progress = &progress;
    through_name_write(name, &(struct through_name){l->partition, l->offset, l->sealed_s});
    snapshot_write(&bytes, &header, NULL, 0);
    free(lines);
    return put(k, name, &bytes, p);
}

// ---- sweeping

static void sweep(struct keeper *k, const char *folder, bool (*is_old)(const struct kept *, const char *),
                  const struct kept *kept) {
    struct store_names names;
    struct problem problem;
    char name[NAME_MAX_LENGTH];
    if (store_list(k->store, folder, &names, &problem) != STATUS_OK)
        return;
    for (size_t i = 0; i < names.count; i++) {
        if (!is_old(kept, names.at[i]))
            continue;
        snprintf(name, sizeof(name), "%s/%s", folder, names.at[i]);
        if (store_remove(k->store, name, &problem) != STATUS_OK)
            log_problem(LOG_LEVEL_WARN, "sweep_failed", &problem);
    }
    store_names_fini(&names);
}

static bool is_old_checkpoint(const struct kept *kept, const char *text) {
    struct checkpoint_name name;
    return checkpoint_name_parse(&name, text) && name.partition == kept->ledger.partition &&
           name.offset < kept->base_before;
}

static bool is_old_through(const struct kept *kept, const char *text) {
    struct through_name name;
    return through_name_parse(&name, text) && name.partition == kept->ledger.partition &&
           name.offset < kept->base_before;
}

// After a base, and once: what came before the last but one is not needed by anybody.
void keep_files_sweep(struct keeper *k, struct kept *kept) {
    if (kept->segments != 0 || kept->base_before < 0 || kept->last != kept->base)
        return;
    sweep(k, "checkpoints", is_old_checkpoint, kept);
    sweep(k, "through", is_old_through, kept);
}
