#include "aggregate/figures/audit.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/figures/time/period.h"

static __attribute__((format(printf, 2, 3))) bool wrong(char out[AUDIT_TEXT_MAX], const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(out, AUDIT_TEXT_MAX, format, arguments);
    va_end(arguments);
    return false;
}

// ---- names

// A name's folder and, where it has one, its window; `leaf` is what the names.h functions take.
struct place {
    enum file_kind kind; // 0: none of a store's
    int64_t start_s;
    const char *leaf;
};

static const struct {
    const char *folder;
    enum file_kind kind;
    bool by_window;
} folders[] = {
    {"parts/", FILE_PART, true},  {"orders/", FILE_ORDERS, true},    {"snapshots/", FILE_WINDOW, true},
    {"spans/", FILE_SPAN, false}, {"through/", FILE_THROUGH, false}, {"checkpoints/", FILE_CHECKPOINT, false},
};
enum { FOLDERS = sizeof(folders) / sizeof(folders[0]) };

// Where the folder's name stands for the last time, as a whole name.
static const char *after_folder(const char *path, const char *folder) {
    const char *found = NULL;
    for (const char *at = strstr(path, folder); at != NULL; at = strstr(at + 1, folder)) {
        if (at == path || at[-1] == '/')
            found = at + strlen(folder);
    }
    return found;
}

// "1767225600/p0003-..." behind the name of a folder of windows.
static bool window_cut(struct place *place) {
    char window[32];
    const char *slash = strchr(place->leaf, '/');
    if (slash == NULL || slash - place->leaf > 24)
        return false;
    snprintf(window, sizeof(window), "%.*s", (int)(slash + 1 - place->leaf), place->leaf);
    place->leaf = slash + 1;
    return window_folder_parse(&place->start_s, window);
}

// Of all folders in a path, the last is the store's.
static struct place place_of(const char *path) {
    struct place place = {0};
    bool by_window = false;
    for (size_t i = 0; i < FOLDERS; i++) {
        const char *leaf = after_folder(path, folders[i].folder);
        if (leaf == NULL || (place.leaf != NULL && leaf < place.leaf))
            continue;
        place = (struct place){.kind = folders[i].kind, .leaf = leaf};
        by_window = folders[i].by_window;
    }
    bool fits = place.leaf != NULL && (!by_window || window_cut(&place)) && strchr(place.leaf, '/') == NULL;
    return fits ? place : (struct place){0};
}

static bool leaf_is_ok(const struct place *place) {
    switch (place->kind) {
    case FILE_PART:
    case FILE_ORDERS:
        return part_name_parse(&(struct part_name){0}, place->start_s, place->leaf);
    case FILE_WINDOW:
        return snapshot_name_parse(&(struct snapshot_name){0}, place->start_s, place->leaf);
    case FILE_CHECKPOINT:
        return checkpoint_name_parse(&(struct checkpoint_name){0}, place->leaf);
    case FILE_THROUGH:
        return through_name_parse(&(struct through_name){0}, place->leaf);
    case FILE_SPAN:
        return true;
    }
    return false;
}

bool audit_is_name(const char *name) {
    struct place place = place_of(name);
    return leaf_is_ok(&place);
}

// ---- a header against its name

static bool part_fits(const struct place *place, const struct header *header, char out[AUDIT_TEXT_MAX]) {
    struct part_name name;
    const struct coverage *coverage = header->coverage;
    part_name_parse(&name, place->start_s, place->leaf);
    if (header->start_s != name.start_s || header->end_s != name.start_s + PERIOD_WINDOW_S)
        return wrong(out, "its header is of the window %" PRId64, header->start_s);
    if (header->coverage_count != 1 || coverage->partition != name.partition ||
        coverage->start != name.from || coverage->to != name.to)
        return wrong(out, "its header covers another stretch of the log than its name says");
    return true;
}

static bool window_fits(const struct place *place, const struct header *header, char out[AUDIT_TEXT_MAX]) {
    struct snapshot_name name;
    snapshot_name_parse(&name, place->start_s, place->leaf);
    if (header->start_s != name.start_s || header->end_s != name.start_s + PERIOD_WINDOW_S)
        return wrong(out, "its header is of the window %" PRId64, header->start_s);
    struct snapshot_name ours = shelf_name_of(header);
    if (ours.sum != name.sum || ours.hash != name.hash)
        return wrong(out, "its header has another vector of coverage than its name says");
    return true;
}

static bool progress_fits(const struct place *place, const struct header *header, char out[AUDIT_TEXT_MAX]) {
    const struct progress *progress = header->progress;
    struct through_name through;
    struct checkpoint_name checkpoint;
    bool fits;
    if (progress == NULL)
        return wrong(out, "its header says nothing of a partition's progress");
    if (place->kind == FILE_THROUGH) {
        through_name_parse(&through, place->leaf);
        fits = progress->partition == through.partition && progress->offset == through.offset &&
               progress->sealed_s == through.sealed_s;
    } else {
        checkpoint_name_parse(&checkpoint, place->leaf);
        fits = progress->partition == checkpoint.partition && progress->offset == checkpoint.offset &&
               progress->after == checkpoint.after;
    }
    return fits ||
           wrong(out, "its header is of partition %u at offset %" PRId64 ", which its name does not say",
                 progress->partition, progress->offset);
}

bool audit_name(const char *name, const struct header *header, char out[AUDIT_TEXT_MAX]) {
    static const char *const kinds[] = {
        "nothing that is known", "a part", "a window", "a span", "a checkpoint", "a sealed-through record",
        "the orders of a part"};
    struct place place = place_of(name);
    if (!leaf_is_ok(&place))
        return true;
    if (header->kind != place.kind)
        return wrong(out, "it is %s, its name is of %s",
                     kinds[header->kind <= FILE_ORDERS ? header->kind : 0], kinds[place.kind]);
    switch (place.kind) {
    case FILE_PART:
    case FILE_ORDERS:
        return part_fits(&place, header, out);
    case FILE_WINDOW:
        return window_fits(&place, header, out);
    case FILE_CHECKPOINT:
    case FILE_THROUGH:
        return progress_fits(&place, header, out);
    case FILE_SPAN:
        break;
    }
    return true;
}

// ---- sums

bool audit_balance(const struct progress *progress, char out[AUDIT_TEXT_MAX]) {
    uint64_t counted = progress->settled_counted, late = progress->settled_late;
    for (size_t i = 0; i < progress->line_count; i++) {
        const struct line *line = &progress->lines[i];
        counted += line->counted;
        late += line->late;
        if (i > 0 && line->start_s <= progress->lines[i - 1].start_s)
            return wrong(out, "its lines are not in order: %" PRId64 " follows %" PRId64, line->start_s,
                         progress->lines[i - 1].start_s);
    }
    for (size_t i = 0; i < progress->apart_count; i++) {
        counted += progress->apart[i].counted;
        late += progress->apart[i].late;
    }
    if (progress->read == progress->rejected + progress->duplicate + counted + late)
        return true;
    return wrong(out,
                 "read %" PRIu64 " is not rejected %" PRIu64 " + duplicate %" PRIu64 " + counted %" PRIu64
                 " + late %" PRIu64,
                 progress->read, progress->rejected, progress->duplicate, counted, late);
}

bool audit_line(uint32_t partition, const struct line *line, const struct coverage *part,
                char out[AUDIT_TEXT_MAX]) {
    if (part == NULL)
        return line->open ||
               wrong(out, "partition %u: the part up to offset %" PRId64 ", which its line names, is gone",
                     partition, line->to);
    if (part->counted == line->counted && part->late == line->late)
        return true;
    return wrong(out,
                 "partition %u: its line has %" PRIu64 " events and %" PRIu64 " late, its part %" PRIu64
                 " and %" PRIu64,
                 partition, line->counted, line->late, part->counted, part->late);
}

bool audit_orders(uint32_t partition, int64_t to, bool is_there, char out[AUDIT_TEXT_MAX]) {
    return to == 0 || is_there ||
           wrong(out, "partition %u: the orders up to offset %" PRId64 " are gone", partition, to);
}

bool audit_coverage(const struct coverage *coverage, const struct coverage *part, char out[AUDIT_TEXT_MAX]) {
    if (coverage->to == coverage->start && coverage->counted == 0 && coverage->late == 0)
        return true;
    if (part == NULL)
        return wrong(out, "partition %u: the part up to offset %" PRId64 ", of which it is made, is gone",
                     coverage->partition, coverage->to);
    if (part->counted == coverage->counted && part->late == coverage->late)
        return true;
    return wrong(out,
                 "partition %u: it has %" PRIu64 " events and %" PRIu64 " late, the part %" PRIu64
                 " and %" PRIu64,
                 coverage->partition, coverage->counted, coverage->late, part->counted, part->late);
}
