#include "aggregate/store/shelf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/hash.h"
#include "runtime/memory.h"

void shelf_file_fini(struct shelf_file *file) {
    snapshot_close(&file->snapshot);
    free(file->bytes);
    file->bytes = NULL;
}

enum status shelf_open(struct store *store, const char *name, struct shelf_file *file, struct problem *p) {
    *file = (struct shelf_file){0};
    snprintf(file->name, sizeof(file->name), "%s", name);
    enum status status = store_get(store, name, &file->bytes, &file->length, p);
    if (status == STATUS_OK)
        status = snapshot_open(&file->snapshot, file->name, file->bytes, file->length, p);
    if (status != STATUS_OK)
        shelf_file_fini(file);
    return status;
}

static struct rows *rows_of(void *rows, int64_t window_s) {
    return rows;
}

enum status shelf_read(struct store *store, const char *name, struct rows *rows, struct shelf_file *file,
                       struct problem *p) {
    return shelf_read_tables(store, name, UINT32_MAX, rows, file, p);
}

enum status shelf_read_tables(struct store *store, const char *name, uint32_t tables, struct rows *rows,
                              struct shelf_file *file, struct problem *p) {
    enum status status = shelf_open(store, name, file, p);
    if (status != STATUS_OK)
        return status;
    status = snapshot_read_tables(file->snapshot, tables, rows_of, rows, p);
    if (status != STATUS_OK)
        shelf_file_fini(file);
    return status;
}

// ---- windows and revisions

struct snapshot_name shelf_name_of(const struct header *header) {
    struct snapshot_name name = {.start_s = header->start_s};
    uint64_t sum = 0, missing = 0;
    for (size_t i = 0; i < header->coverage_count; i++) {
        const struct coverage *c = &header->coverage[i];
        const int64_t words[] = {c->partition, c->start, c->to, c->missing};
        sum += (uint64_t)c->to;
        missing += c->missing;
        name.hash = hash_bytes(words, sizeof(words), name.hash);
    }
    for (size_t i = 0; i < header->earlier_count; i++) {
        const struct earlier_orders *e = &header->earlier[i];
        const int64_t words[] = {e->start_s, e->partition, e->to};
        sum += (uint64_t)e->to + e->gone;
        name.hash = hash_bytes(words, sizeof(words), name.hash);
        if (e->gone)
            name.hash = hash_integer(name.hash);
    }
    sum &= INT64_MAX; // offsets of a file may be as great as can be
    name.sum = (int64_t)(sum > missing ? sum - missing : 0);
    return name;
}

static int start_compare(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

// Moves the names that are no window's to the front, and lets the others go.
static void others_keep(struct store_names *names) {
    size_t kept = 0;
    int64_t start_s;
    for (size_t i = 0; i < names->count; i++) {
        if (window_folder_parse(&start_s, names->at[i]))
            free(names->at[i]);
        else
            names->at[kept++] = names->at[i];
    }
    names->count = kept;
}

enum status shelf_windows(struct store *store, const char *folder, int64_t **starts, size_t *count,
                          struct store_names *others, struct problem *p) {
    struct store_names names;
    enum status status = store_list(store, folder, &names, p);
    *starts = NULL;
    *count = 0;
    if (others != NULL)
        *others = (struct store_names){0};
    if (status != STATUS_OK)
        return status;
    *starts = memory_take((names.count + 1) * sizeof(**starts));
    for (size_t i = 0; i < names.count; i++)
        *count += window_folder_parse(&(*starts)[*count], names.at[i]);
    if (*count > 1)
        qsort(*starts, *count, sizeof(**starts), start_compare);
    if (others == NULL) {
        store_names_fini(&names);
        return STATUS_OK;
    }
    others_keep(&names);
    *others = names;
    return STATUS_OK;
}

static enum status window_list(struct store *store, const char *folder, int64_t start_s,
                               struct store_names *names, struct problem *p) {
    char path[NAME_MAX_LENGTH];
    snprintf(path, sizeof(path), "%s/%lld", folder, (long long)start_s);
    return store_list(store, path, names, p);
}

// Names sort as their sums do.
enum status shelf_revisions(struct store *store, int64_t start_s, struct snapshot_name **names, size_t *count,
                            struct problem *p) {
    struct store_names found;
    enum status status = window_list(store, "snapshots", start_s, &found, p);
    *names = NULL;
    *count = 0;
    if (status != STATUS_OK)
        return status;
    *names = memory_take((found.count + 1) * sizeof(**names));
    for (size_t i = 0; i < found.count; i++)
        *count += snapshot_name_parse(&(*names)[*count], start_s, found.at[i]);
    store_names_fini(&found);
    return STATUS_OK;
}

enum status shelf_newest(struct store *store, int64_t start_s, struct snapshot_name *name,
                         struct problem *p) {
    struct snapshot_name *names;
    size_t count;
    enum status status = shelf_revisions(store, start_s, &names, &count, p);
    if (status == STATUS_OK && count == 0)
        status =
            problem_set(p, STATUS_NO_INPUT, "", "", "window %lld has not been published", (long long)start_s);
    if (status == STATUS_OK)
        *name = names[count - 1];
    free(names);
    return status;
}

// ---- parts and through records

// Of parts that start alike the greater `to` holds all of the other; one that starts later never does.
static bool is_better(const struct part_name *part, const struct part_name *best) {
    return best->to < 0 || part->from < best->from || (part->from == best->from && part->to > best->to);
}

static enum status best_parts(struct store *store, const char *folder, int64_t start_s, const int64_t *bounds,
                              struct part_name *parts, uint32_t partitions, struct problem *p) {
    struct store_names names;
    for (uint32_t i = 0; i < partitions; i++)
        parts[i] = (struct part_name){.start_s = start_s, .partition = i, .to = -1};
    enum status status = window_list(store, folder, start_s, &names, p);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < names.count; i++) {
        struct part_name part;
        if (part_name_parse(&part, start_s, names.at[i]) && part.partition < partitions &&
            (bounds == NULL || part.to <= bounds[part.partition]) && is_better(&part, &parts[part.partition]))
            parts[part.partition] = part;
    }
    store_names_fini(&names);
    return STATUS_OK;
}

enum status shelf_parts(struct store *store, int64_t start_s, const int64_t *bounds, struct part_name *parts,
                        uint32_t partitions, struct problem *p) {
    return best_parts(store, "parts", start_s, bounds, parts, partitions, p);
}

enum status shelf_orders(struct store *store, int64_t start_s, struct part_name *parts, uint32_t partitions,
                         struct problem *p) {
    return best_parts(store, "orders", start_s, NULL, parts, partitions, p);
}

static enum status through_open(struct store *store, const struct through_name *name, struct shelf_file *file,
                                struct problem *p) {
    char text[NAME_MAX_LENGTH];
    through_name_write(text, name);
    return shelf_read(store, text, NULL, file, p);
}

enum status shelf_through(struct store *store, uint32_t partition, struct shelf_file *file,
                          struct problem *p) {
    struct store_names names;
    enum status status = store_list(store, "through", &names, p);
    if (status != STATUS_OK)
        return status;
    status = problem_set(p, STATUS_NO_INPUT, "", "", "partition %u has no sealed-through record", partition);
    for (size_t i = names.count; i > 0 && (status == STATUS_NO_INPUT || status == STATUS_BAD_DATA); i--) {
        struct through_name name;
        if (through_name_parse(&name, names.at[i - 1]) && name.partition == partition)
            status = through_open(store, &name, file, p);
    }
    store_names_fini(&names);
    return status;
}
