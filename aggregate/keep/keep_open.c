// Files are held against what they are taken for: our log, and the kind that their name says. A store may
// hold others: a backup that was put back in the wrong place, a file that was renamed by hand.
#include <string.h>

#include "aggregate/keep/keep_files.h"

static bool is_of_our_log(const struct keeper *k, const struct header *h) {
    bool is_same_id =
        h->topic_id[0] == '\0' || k->topic_id[0] == '\0' || strcmp(h->topic_id, k->topic_id) == 0;
    return strcmp(h->topic, k->topic) == 0 && is_same_id && h->partitions == k->partitions;
}

// What covers a window has a place for each partition, and names no other.
static bool is_of_our_partitions(const struct keeper *k, const struct header *h) {
    bool is_ours = h->coverage_count == k->partitions;
    for (size_t i = 0; i < h->coverage_count && is_ours; i++)
        is_ours = h->coverage[i].partition == i;
    for (size_t i = 0; i < h->earlier_count && is_ours; i++)
        is_ours = h->earlier[i].partition < k->partitions;
    return is_ours;
}

// What says how far its partition has come.
static bool has_progress(const struct keeper *k, const struct header *h) {
    return h->progress != NULL && h->progress->partition < k->partitions;
}

static bool is_of_its_kind(const struct keeper *k, enum file_kind kind, const struct header *h) {
    if (h->kind != kind)
        return false;
    if (kind == FILE_WINDOW)
        return is_of_our_partitions(k, h);
    return kind == FILE_PART || kind == FILE_ORDERS ? h->coverage_count == 1 : has_progress(k, h);
}

enum status keep_files_fit(const struct keeper *k, enum file_kind kind, const struct shelf_file *file,
                           struct problem *p) {
    const struct header *h = snapshot_header(file->snapshot);
    if (!is_of_our_log(k, h))
        return problem_set(p, STATUS_BAD_DATA, "CLM-D3",
                           "take it out of the store, and what was put there with it",
                           "%s is of another log: topic %s (%s), %u partitions", file->name, h->topic,
                           h->topic_id, h->partitions);
    if (!is_of_its_kind(k, kind, h))
        return problem_set(p, STATUS_BAD_DATA, "CLM-D3", "clameur-aggregate verify",
                           "%s is another file than its name says", file->name);
    return STATUS_OK;
}

static enum status fit_or_close(const struct keeper *k, enum file_kind kind, struct shelf_file *file,
                                struct problem *p) {
    enum status status = keep_files_fit(k, kind, file, p);
    if (status != STATUS_OK)
        shelf_file_fini(file);
    return status;
}

enum status keep_files_open(struct keeper *k, const char *name, enum file_kind kind, struct shelf_file *file,
                            struct problem *p) {
    enum status status = shelf_open(k->store, name, file, p);
    return status == STATUS_OK ? fit_or_close(k, kind, file, p) : status;
}

enum status keep_files_read(struct keeper *k, const char *name, enum file_kind kind, struct rows *rows,
                            struct shelf_file *file, struct problem *p) {
    return keep_files_read_tables(k, name, kind, UINT32_MAX, rows, file, p);
}

enum status keep_files_read_tables(struct keeper *k, const char *name, enum file_kind kind, uint32_t tables,
                                   struct rows *rows, struct shelf_file *file, struct problem *p) {
    enum status status = shelf_read_tables(k->store, name, tables, rows, file, p);
    return status == STATUS_OK ? fit_or_close(k, kind, file, p) : status;
}
