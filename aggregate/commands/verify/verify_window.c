// What a store has of one window, held against itself: parts, lines, published revisions.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/commands/verify/verify.h"
#include "aggregate/keep/retention.h"
#include "runtime/memory.h"

enum { UNPUBLISHED_MAX_S = 3600 }; // of event time: an aggregator may be behind its records by so much

struct part {
    struct part_name name;
    struct coverage coverage;
    bool whole;
};

struct parts {
    struct part *at;
    size_t count, room;
};

static void part_add(struct parts *parts, const struct part *part) {
    if (parts->count == parts->room) {
        parts->room = parts->room == 0 ? 64 : 2 * parts->room;
        parts->at = memory_grow(parts->at, parts->room, sizeof(*parts->at));
    }
    parts->at[parts->count++] = *part;
}

static const struct part *part_find(const struct parts *parts, uint32_t partition, int64_t start,
                                    int64_t to) {
    for (size_t i = 0; i < parts->count; i++) {
        const struct part_name *name = &parts->at[i].name;
        if (name->partition == partition && name->from == start && name->to == to)
            return &parts->at[i];
    }
    return NULL;
}

static enum status part_check(struct verify *v, struct parts *parts, struct part *part, struct problem *p) {
    char name[NAME_MAX_LENGTH];
    struct shelf_file file;
    part_name_write(name, &part->name);
    enum status status = verify_file(v, name, &file, p);
    if (status != STATUS_OK)
        return status;
    if (file.snapshot != NULL) {
        const struct header *header = snapshot_header(file.snapshot);
        part->whole = header->coverage_count == 1;
        part->coverage = part->whole ? header->coverage[0] : (struct coverage){0};
        shelf_file_fini(&file);
    }
    part_add(parts, part);
    return STATUS_OK;
}

static enum status parts_check(struct verify *v, int64_t start_s, struct parts *parts, struct problem *p) {
    struct store_names names;
    char folder[NAME_MAX_LENGTH];
    snprintf(folder, sizeof(folder), "parts/%" PRId64, start_s);
    enum status status = store_list(v->store, folder, &names, p);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < names.count && status == STATUS_OK; i++) {
        struct part part = {0};
        char name[2 * NAME_MAX_LENGTH];
        if (part_name_parse(&part.name, start_s, names.at[i])) {
            status = part_check(v, parts, &part, p);
            continue;
        }
        snprintf(name, sizeof(name), "%s/%s", folder, names.at[i]);
        verify_note(v, name, "no part is called so");
    }
    store_names_fini(&names);
    return status;
}

// ---- orders

static void order_add(struct verify *v, const struct part_name *name) {
    if (v->order_count == v->order_room) {
        v->order_room = v->order_room == 0 ? 64 : 2 * v->order_room;
        v->orders = memory_grow(v->orders, v->order_room, sizeof(*v->orders));
    }
    v->orders[v->order_count++] = *name;
}

static int order_compare(const void *left, const void *right) {
    const struct part_name *a = left, *b = right;
    const int by[] = {(a->start_s > b->start_s) - (a->start_s < b->start_s),
                      (a->partition > b->partition) - (a->partition < b->partition),
                      (a->from > b->from) - (a->from < b->from), (a->to > b->to) - (a->to < b->to)};
    for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
        if (by[i] != 0)
            return by[i];
    }
    return 0;
}

// Of a window that has nothing left but its orders, which stay longer than the rest.
static bool orders_stay(struct verify *v, const struct part_name *name) {
    struct store_names names;
    struct problem problem;
    char folder[NAME_MAX_LENGTH];
    bool found = false;
    snprintf(folder, sizeof(folder), "orders/%" PRId64, name->start_s);
    if (store_list(v->store, folder, &names, &problem) != STATUS_OK)
        return false;
    for (size_t i = 0; i < names.count && !found; i++) {
        struct part_name orders;
        found = part_name_parse(&orders, name->start_s, names.at[i]) && order_compare(&orders, name) == 0;
    }
    store_names_fini(&names);
    return found;
}

// Windows come in the order of their time, and the names of each as they sort.
static bool orders_are_there(struct verify *v, const struct part_name *name) {
    return (v->order_count > 0 &&
            bsearch(name, v->orders, v->order_count, sizeof(*name), order_compare) != NULL) ||
           orders_stay(v, name);
}

static enum status orders_check(struct verify *v, int64_t start_s, struct problem *p) {
    struct store_names names;
    char folder[NAME_MAX_LENGTH], name[2 * NAME_MAX_LENGTH];
    snprintf(folder, sizeof(folder), "orders/%" PRId64, start_s);
    enum status status = store_list(v->store, folder, &names, p);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < names.count && status == STATUS_OK; i++) {
        struct part_name orders;
        struct shelf_file file;
        snprintf(name, sizeof(name), "%s/%s", folder, names.at[i]);
        if (!part_name_parse(&orders, start_s, names.at[i])) {
            verify_note(v, name, "no orders are called so");
            continue;
        }
        status = verify_file(v, name, &file, p);
        if (status == STATUS_OK && file.snapshot != NULL)
            shelf_file_fini(&file);
        order_add(v, &orders); // also where it is torn, which was said
    }
    store_names_fini(&names);
    return status;
}

static void orders_ask(struct verify *v, const char *file, const struct part_name *orders) {
    char text[AUDIT_TEXT_MAX];
    bool is_there = orders->to == 0 || orders_are_there(v, orders);
    if (!audit_orders(orders->partition, orders->to, is_there, text))
        verify_bad(v, file, "%s", text);
}

// ---- lines

// Where store.retain was set a moment ago, lines may stand longer than the files of their windows.
static bool may_have_left(const struct verify *v, int64_t start_s) {
    return start_s + PERIOD_WINDOW_S <= v->pub.gone_before_s;
}

// A torn part was named; that it has not what the line says is no second finding.
static void lines_check(struct verify *v, int64_t start_s, const struct parts *parts) {
    char text[AUDIT_TEXT_MAX], name[NAME_MAX_LENGTH];
    for (uint32_t i = 0; i < v->pub.partitions; i++) {
        const struct progress *progress = v->pub.throughs[i];
        const struct line *line = progress_line(progress, start_s);
        if (line == NULL)
            continue;
        const struct part *part = part_find(parts, i, progress->start, line->to);
        part_name_write(name, &(struct part_name){start_s, i, progress->start, line->to});
        if (part != NULL)
            orders_ask(v, name, &(struct part_name){start_s, i, progress->start, line->orders_to});
        if ((part != NULL && !part->whole) ||
            audit_line(i, line, part != NULL ? &part->coverage : NULL, text))
            continue;
        if (part == NULL && may_have_left(v, start_s))
            verify_note(v, name, "partition %u has a line of it still; it has left the store (store.retain)",
                        i);
        else
            verify_bad(v, name, "%s", text);
    }
}

// ---- published revisions

static void settled_add(struct verify *v, const struct header *header) {
    for (size_t i = 0; i < header->coverage_count; i++) {
        const struct coverage *coverage = &header->coverage[i];
        const struct progress *progress =
            coverage->partition < v->pub.partitions ? v->pub.throughs[coverage->partition] : NULL;
        if (progress == NULL || progress_line(progress, header->start_s) != NULL)
            continue;
        v->is_ahead[coverage->partition] |= coverage->to > progress->offset;
        v->settled_counted[coverage->partition] += coverage->counted;
        v->settled_late[coverage->partition] += coverage->late;
    }
}

static int64_t start_of(const struct header *header, uint32_t partition) {
    for (size_t i = 0; i < header->coverage_count; i++) {
        if (header->coverage[i].partition == partition)
            return header->coverage[i].start;
    }
    return 0;
}

// Orders stay longer than what they are of, and windows look them up for longer than that.
static bool orders_may_have_left(const struct verify *v, int64_t start_s) {
    return may_have_left(v, start_s + RETENTION_ORDERS_S);
}

// Those that it was held against, or that its refunds were looked up in. False where they have left the store
// since: nobody can make it again.
static bool earlier_check(struct verify *v, const char *name, const struct header *header) {
    bool left = false;
    for (size_t i = 0; i < header->earlier_count; i++) {
        const struct earlier_orders *e = &header->earlier[i];
        const struct part_name orders = {e->start_s, e->partition, start_of(header, e->partition), e->to};
        if (e->gone)
            continue;
        if (e->to > 0 && orders_may_have_left(v, e->start_s) && !orders_are_there(v, &orders))
            left = true;
        else
            orders_ask(v, name, &orders);
    }
    if (left)
        verify_note(v, name, "orders that it was made with have left the store (store.retain)");
    return !left;
}

// The orders that are in it, and the earlier ones.
static bool published_orders_check(struct verify *v, const char *name, const struct header *header) {
    for (size_t i = 0; i < header->coverage_count; i++) {
        const struct coverage *c = &header->coverage[i];
        orders_ask(v, name, &(struct part_name){header->start_s, c->partition, c->start, c->orders_to});
    }
    return earlier_check(v, name, header);
}

static bool coverage_is_whole(struct verify *v, const char *name, const struct header *header,
                              const struct parts *parts) {
    char text[AUDIT_TEXT_MAX];
    size_t bad = v->bad_files;
    bool torn = false;
    for (size_t i = 0; i < header->coverage_count; i++) {
        const struct coverage *coverage = &header->coverage[i];
        const struct part *part = part_find(parts, coverage->partition, coverage->start, coverage->to);
        if (part != NULL && !part->whole)
            torn = true;
        else if (!audit_coverage(coverage, part != NULL ? &part->coverage : NULL, text))
            verify_bad(v, name, "%s", text);
    }
    bool is_there = published_orders_check(v, name, header);
    return is_there && !torn && v->bad_files == bad;
}

// Until it has sealed the window and there is another revision.
static void missing_note(struct verify *v, const char *name, const struct header *header) {
    for (size_t i = 0; i < header->coverage_count; i++) {
        if (header->coverage[i].missing)
            verify_note(v, name, "incomplete: it was published without partition %u",
                        header->coverage[i].partition);
    }
}

static enum status revision_check(struct verify *v, const struct snapshot_name *revision, bool newest,
                                  const struct parts *parts, struct problem *p) {
    char name[NAME_MAX_LENGTH];
    struct shelf_file file;
    snapshot_name_write(name, revision);
    enum status status = verify_file(v, name, &file, p);
    if (status != STATUS_OK || file.snapshot == NULL)
        return status;
    const struct header *header = snapshot_header(file.snapshot);
    if (newest) {
        settled_add(v, header);
        missing_note(v, name, header);
    }
    if (parts->count == 0)
        verify_note(v, name, "its parts are no longer there: it cannot be made again");
    else if (coverage_is_whole(v, name, header, parts) && v->deep)
        status = verify_again(v, name, header, snapshot_sum(file.snapshot), p);
    shelf_file_fini(&file);
    return status;
}

// The line of a window goes when it was published; where a line stands, the window is published as soon as an
// aggregator looks, so one that was sealed a moment ago says nothing.
static void absence_check(struct verify *v, int64_t start_s) {
    char name[NAME_MAX_LENGTH];
    bool has_line = false;
    if (absence_of(&v->pub.seal, start_s, true) != ABSENT_MISSING || !v->pub.seal.known ||
        may_have_left(v, start_s))
        return;
    for (uint32_t i = 0; i < v->pub.partitions && !has_line; i++)
        has_line = progress_line(v->pub.throughs[i], start_s) != NULL;
    snprintf(name, sizeof(name), "snapshots/%" PRId64, start_s);
    if (!has_line)
        verify_bad(v, name, "the window was published, and its snapshot is gone");
    else if (start_s + PERIOD_WINDOW_S + UNPUBLISHED_MAX_S <= v->pub.seal.sealed_s)
        verify_bad(
            v, name,
            "all partitions have sealed more than an hour past the window, and it is not published: an "
            "aggregator that runs publishes it, and again where its snapshot is gone");
    else
        verify_note(v, name, "all partitions have sealed the window, and it is not published yet");
}

static enum status revisions_check(struct verify *v, int64_t start_s, const struct parts *parts,
                                   struct problem *p) {
    struct store_names names;
    char folder[NAME_MAX_LENGTH], name[2 * NAME_MAX_LENGTH];
    snprintf(folder, sizeof(folder), "snapshots/%" PRId64, start_s);
    enum status status = store_list(v->store, folder, &names, p);
    if (status != STATUS_OK)
        return status;
    struct snapshot_name *revisions = memory_take((names.count + 1) * sizeof(*revisions));
    size_t count = 0;
    for (size_t i = 0; i < names.count; i++) {
        if (snapshot_name_parse(&revisions[count], start_s, names.at[i])) {
            count++;
            continue;
        }
        snprintf(name, sizeof(name), "%s/%s", folder, names.at[i]);
        verify_note(v, name, "no snapshot is called so");
    }
    if (count == 0)
        absence_check(v, start_s);
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        status = revision_check(v, &revisions[i], i + 1 == count, parts, p);
    free(revisions);
    store_names_fini(&names);
    return status;
}

enum status verify_window(struct verify *v, int64_t start_s, struct problem *p) {
    struct parts parts = {0};
    enum status status = parts_check(v, start_s, &parts, p);
    if (status == STATUS_OK)
        status = orders_check(v, start_s, p);
    if (status == STATUS_OK) {
        lines_check(v, start_s, &parts);
        status = revisions_check(v, start_s, &parts, p);
    }
    free(parts.at);
    return status;
}

// Lines are settled once they are published. Less than they hold can still be found where retention may have
// removed files; more cannot.
void verify_settled(struct verify *v) {
    char name[64];
    for (uint32_t i = 0; i < v->pub.partitions; i++) {
        const struct progress *progress = v->pub.throughs[i];
        if (progress == NULL || v->is_ahead[i])
            continue;
        snprintf(name, sizeof(name), "through (partition %u)", i);
        uint64_t held = progress->settled_counted + progress->settled_late;
        uint64_t found = v->settled_counted[i] + v->settled_late[i];
        if (v->settled_counted[i] > progress->settled_counted || v->settled_late[i] > progress->settled_late)
            verify_bad(v, name,
                       "the published windows without a line have %" PRIu64
                       " of its events, its record says %" PRIu64,
                       found, held);
        else if (found != held && v->pub.gone_before_s == 0)
            verify_bad(v, name, "%" PRIu64 " of its events are in windows whose snapshots are gone",
                       held - found);
        else if (found != held)
            verify_note(v, name,
                        "%" PRIu64 " of its events are in windows whose snapshots are no longer there "
                        "(store.retain)",
                        held - found);
    }
}
