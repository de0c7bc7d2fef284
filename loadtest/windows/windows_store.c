#include "loadtest/windows/windows_store.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loadtest/windows/windows_fold.h"
#include "runtime/memory.h"

enum { READ_ROUNDS = 10 };

// ---- files

static struct rows *rows_of(void *context, int64_t window_s) {
    return context;
}

void windows_file_close(struct windows_file *file) {
    snapshot_close(&file->snapshot);
    free(file->bytes);
    *file = (struct windows_file){0};
}

enum status windows_store_file(const struct windows_store *store, const char *name, struct rows *rows,
                               struct windows_file *file, struct problem *p) {
    *file = (struct windows_file){0};
    enum status status = windows_place_read(&store->place, name, &file->bytes, &file->length, p);
    if (status == STATUS_OK)
        status = snapshot_open(&file->snapshot, name, file->bytes, file->length, p);
    if (status == STATUS_OK && rows != NULL)
        status = snapshot_read(file->snapshot, rows_of, rows, p);
    if (status != STATUS_OK)
        windows_file_close(file);
    return status;
}

// ---- what the store is of

static bool text_take(char *out, size_t size, const json_t *value) {
    const char *text = json_string_value(value);
    if (text == NULL || strlen(text) >= size)
        return false;
    strcpy(out, text);
    return true;
}

static bool number_take(int64_t *out, const json_t *value) {
    *out = json_integer_value(value);
    return json_is_integer(value) && *out >= 0;
}

static bool meta_take(struct windows_meta *m, const json_t *root) {
    int64_t layout, partitions;
    const json_t *starts = json_object_get(root, "starts");
    if (!number_take(&layout, json_object_get(root, "layout")) || layout != 1 ||
        !number_take(&partitions, json_object_get(root, "partitions")) || partitions > PARTITIONS_MAX ||
        json_array_size(starts) != (size_t)partitions)
        return false;
    m->partitions = (int32_t)partitions;
    for (size_t i = 0; i < (size_t)partitions; i++) {
        if (!number_take(&m->starts[i], json_array_get(starts, i)))
            return false;
    }
    return text_take(m->topic, sizeof(m->topic), json_object_get(root, "topic")) &&
           text_take(m->topic_id, sizeof(m->topic_id), json_object_get(root, "topic_id")) &&
           text_take(m->framing, sizeof(m->framing), json_object_get(root, "framing")) &&
           text_take(m->rules_hash, sizeof(m->rules_hash), json_object_get(root, "rules_hash")) &&
           number_take(&m->dedup_span, json_object_get(root, "dedup_span")) &&
           number_take(&m->max_event_bytes, json_object_get(root, "max_event_bytes")) &&
           number_take(&m->max_message_bytes, json_object_get(root, "max_message_bytes"));
}

static enum status meta_read(struct windows_store *store, struct problem *p) {
    char *bytes = NULL;
    size_t length = 0;
    enum status status = windows_place_read(&store->place, "meta", &bytes, &length, p);
    if (status == STATUS_NO_INPUT)
        return problem_set(p, STATUS_NO_INPUT, "", "clameur-aggregate run",
                           "%s is no store yet: no aggregator has begun one there", store->place.root);
    if (status != STATUS_OK)
        return status;
    json_t *root = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, NULL);
    if (root == NULL || !meta_take(&store->meta, root))
        status = problem_set(p, STATUS_BAD_DATA, "CLM-D3", "restore the file from a backup",
                             "%s/meta is not one of this program's", store->place.root);
    json_decref(root);
    free(bytes);
    return status;
}

enum status windows_store_open(struct windows_store *store, const struct settings *settings,
                               struct problem *p) {
    *store = (struct windows_store){0};
    enum status status = windows_place_open(&store->place, settings, p);
    if (status == STATUS_OK)
        status = meta_read(store, p);
    if (status == STATUS_OK)
        store->throughs = memory_take((size_t)store->meta.partitions * sizeof(*store->throughs));
    return status;
}

static void forget(struct windows_store *store) {
    for (int32_t i = 0; store->throughs != NULL && i < store->meta.partitions; i++) {
        free(store->throughs[i].progress.lines);
        store->throughs[i] = (struct windows_through){0};
    }
    for (size_t i = 0; i < store->count; i++) {
        free(store->at[i].file);
        free(store->at[i].covers);
        free(store->at[i].earlier);
        free(store->at[i].damage);
    }
    free(store->at);
    store->at = NULL;
    store->count = 0;
    store->sealed_s = 0;
}

void windows_store_close(struct windows_store *store) {
    forget(store);
    windows_place_close(&store->place);
    free(store->throughs);
    *store = (struct windows_store){0};
}

// ---- names

// A number of digits alone, of at most 19; `*end` is behind it.
static int64_t number_cut(const char *text, const char **end) {
    size_t digits = strspn(text, "0123456789");
    *end = text + digits;
    return digits > 0 && digits <= 19 ? (int64_t)strtoull(text, NULL, 10) : -1;
}

static bool take_mark(const char **at, const char *mark) {
    size_t length = strlen(mark);
    bool is_there = strncmp(*at, mark, length) == 0;
    *at += is_there ? length : 0;
    return is_there;
}

struct through_file {
    int64_t partition, offset, sealed_s;
};

// p0003-<offset>-<sealed>.zst
static bool through_parse(struct through_file *name, const char *text) {
    const char *at = text;
    if (!take_mark(&at, "p"))
        return false;
    name->partition = number_cut(at, &at);
    if (!take_mark(&at, "-"))
        return false;
    name->offset = number_cut(at, &at);
    if (!take_mark(&at, "-"))
        return false;
    name->sealed_s = number_cut(at, &at);
    return strcmp(at, ".zst") == 0 && name->partition >= 0 && name->offset >= 0 && name->sealed_s >= 0;
}

// <sum>-<hash>.zst; names sort as their sums.
static bool published_parse(int64_t *sum, const char *text) {
    const char *at = text;
    *sum = number_cut(text, &at);
    if (*sum < 0 || !take_mark(&at, "-"))
        return false;
    return strspn(at, "0123456789abcdef") == 16 && strcmp(at + 16, ".zst") == 0;
}

// ---- through records

struct throughs {
    int32_t partitions;
    struct through_file *newest; // offset -1: none
};

static void through_take(void *context, const char *text) {
    struct throughs *t = context;
    struct through_file name;
    if (!through_parse(&name, text) || name.partition >= t->partitions)
        return;
    struct through_file *newest = &t->newest[name.partition];
    if (name.offset > newest->offset || (name.offset == newest->offset && name.sealed_s > newest->sealed_s))
        *newest = name;
}

static enum status through_read(struct windows_store *store, const struct through_file *name,
                                struct problem *p) {
    char text[128];
    struct windows_file file;
    struct windows_through *through = &store->throughs[name->partition];
    snprintf(text, sizeof(text), "through/p%04" PRId64 "-%019" PRId64 "-%019" PRId64 ".zst", name->partition,
             name->offset, name->sealed_s);
    enum status status = windows_store_file(store, text, NULL, &file, p);
    if (status != STATUS_OK)
        return status;
    struct rows *none = rows_create();
    status = snapshot_read(file.snapshot, rows_of, none, p); // to the checksum
    rows_destroy(&none);
    const struct header *header = snapshot_header(file.snapshot);
    const struct progress *progress = header->progress;
    if (status == STATUS_OK && (header->kind != FILE_THROUGH || progress == NULL ||
                                progress->partition != name->partition || progress->offset != name->offset))
        status = problem_set(p, STATUS_BAD_DATA, "CLM-D3", "clameur-aggregate verify",
                             "%s is not what its name says", text);
    if (status == STATUS_OK && progress != NULL) {
        through->is_there = true;
        through->progress = *progress;
        through->progress.lines = memory_take((progress->line_count + 1) * sizeof(*progress->lines));
        for (size_t i = 0; i < progress->line_count; i++)
            through->progress.lines[i] = progress->lines[i];
    }
    windows_file_close(&file);
    return status;
}

static enum status throughs_read(struct windows_store *store, struct problem *p) {
    struct throughs t = {store->meta.partitions,
                         memory_take((size_t)store->meta.partitions * sizeof(*t.newest))};
    for (int32_t i = 0; i < t.partitions; i++)
        t.newest[i].offset = -1;
    enum status status = windows_place_list(&store->place, "through", through_take, &t, p);
    store->sealed_s = INT64_MAX;
    for (int32_t i = 0; status == STATUS_OK && i < t.partitions; i++) {
        if (t.newest[i].offset >= 0)
            status = through_read(store, &t.newest[i], p);
        int64_t sealed_s = store->throughs[i].progress.sealed_s;
        store->sealed_s = sealed_s < store->sealed_s ? sealed_s : store->sealed_s;
    }
    free(t.newest);
    return status;
}

// ---- published windows

static void window_take(void *context, const char *text) {
    struct windows_store *store = context;
    const char *end;
    int64_t start_s = number_cut(text, &end);
    if (start_s < 0 || *end != '\0')
        return;
    if ((store->count & (store->count - 1)) == 0) // a power of two, or none
        store->at = memory_grow(store->at, store->count == 0 ? 1 : 2 * store->count, sizeof(*store->at));
    store->at[store->count++] = (struct windows_published){.start_s = start_s, .sum = -1};
}

static void revision_take(void *context, const char *text) {
    struct windows_published *w = context;
    int64_t sum;
    if (!published_parse(&sum, text) || (w->file != NULL && strcmp(text, w->file) < 0))
        return;
    free(w->file);
    w->file = memory_text(text);
    w->sum = sum;
}

static void covers_take(const struct windows_store *store, struct windows_published *w,
                        const struct header *header) {
    for (size_t i = 0; i < header->coverage_count; i++) {
        if (header->coverage[i].partition < (uint32_t)store->meta.partitions)
            w->covers[header->coverage[i].partition] = header->coverage[i].to;
    }
    w->earlier = memory_take((header->earlier_count + 1) * sizeof(*w->earlier));
    w->earlier_count = header->earlier_count;
    for (size_t i = 0; i < header->earlier_count; i++)
        w->earlier[i] = header->earlier[i];
}

static enum status header_read(const struct windows_store *store, struct windows_published *w,
                               struct problem *p) {
    struct windows_file file;
    w->covers = memory_take((size_t)store->meta.partitions * sizeof(*w->covers));
    memcpy(w->covers, store->meta.starts, (size_t)store->meta.partitions * sizeof(*w->covers));
    enum status status = windows_store_file(store, w->file, NULL, &file, p);
    if (status == STATUS_OK) {
        covers_take(store, w, snapshot_header(file.snapshot));
        windows_file_close(&file);
    }
    if (status != STATUS_BAD_DATA)
        return status;
    w->damage = memory_text(p->what);
    *p = (struct problem){0};
    return STATUS_OK;
}

static enum status revisions_read(const struct windows_store *store, struct windows_published *w,
                                  struct problem *p) {
    char folder[64], name[128];
    snprintf(folder, sizeof(folder), "snapshots/%" PRId64, w->start_s);
    enum status status = windows_place_list(&store->place, folder, revision_take, w, p);
    if (status != STATUS_OK || w->file == NULL)
        return status;
    snprintf(name, sizeof(name), "%s/%s", folder, w->file);
    free(w->file);
    w->file = memory_text(name);
    return header_read(store, w, p);
}

static int start_compare(const void *left, const void *right) {
    int64_t a = ((const struct windows_published *)left)->start_s;
    int64_t b = ((const struct windows_published *)right)->start_s;
    return (a > b) - (a < b);
}

static enum status published_read(struct windows_store *store, struct problem *p) {
    enum status status = windows_place_list(&store->place, "snapshots", window_take, store, p);
    size_t kept = 0;
    for (size_t i = 0; status == STATUS_OK && i < store->count; i++)
        status = revisions_read(store, &store->at[i], p);
    for (size_t i = 0; status == STATUS_OK && i < store->count; i++) {
        if (store->at[i].file != NULL) // else an empty folder
            store->at[kept++] = store->at[i];
    }
    if (status != STATUS_OK)
        return status;
    store->count = kept;
    if (kept > 1)
        qsort(store->at, kept, sizeof(*store->at), start_compare);
    return STATUS_OK;
}

// A through record goes when there is a later one: then all is read again.
enum status windows_store_read(struct windows_store *store, struct problem *p) {
    enum status status = STATUS_NO_INPUT;
    for (int i = 0; status == STATUS_NO_INPUT && i < READ_ROUNDS; i++) {
        forget(store);
        *p = (struct problem){0};
        status = throughs_read(store, p);
    }
    return status == STATUS_OK ? published_read(store, p) : status;
}

const struct windows_published *windows_store_find(const struct windows_store *store, int64_t start_s) {
    const struct windows_published wanted = {.start_s = start_s};
    return store->count == 0 ? NULL
                             : bsearch(&wanted, store->at, store->count, sizeof(*store->at), start_compare);
}

size_t windows_store_behind(const struct windows_store *store) {
    size_t behind = 0;
    for (int32_t i = 0; i < store->meta.partitions; i++) {
        const struct progress *progress = &store->throughs[i].progress;
        for (size_t l = 0; l < progress->line_count; l++) {
            const struct line *line = &progress->lines[l];
            const struct windows_published *w = windows_store_find(store, line->start_s);
            behind += line->start_s + RECOUNT_WINDOW_S <= store->sealed_s &&
                      (w == NULL || w->damage != NULL || w->covers[i] < line->to);
        }
    }
    return behind;
}
