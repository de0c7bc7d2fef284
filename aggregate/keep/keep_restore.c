// A partition's open windows as the store has them: the newest checkpoint of which every file is whole.
//
// A checkpoint is a chain: a base, then segments, each naming the offset of the file before. Of several files
// of one offset any is right. A torn file is named and left where it is; the chain before it is tried next.
// A file that was listed and is gone when it is read was swept, because another process has written later
// ones: what is there is listed anew. Only a listing of which nothing went away says that there is nothing.
//
// What a file says of a window is either its rows' gain since the file before, or that it is away, which it
// is once it is sealed: then its part is all that there was of it up to there.

#include <inttypes.h>
#include <stdlib.h>

#include "aggregate/keep/keep_files.h"
#include "runtime/log/log.h"
#include "runtime/memory.h"

enum { LISTINGS_MAX = 5 };

// The partition's checkpoint files, by offset.
struct chain {
    struct checkpoint_name *at;
    size_t count;
};

static enum status chain_list(struct keeper *k, uint32_t partition, struct chain *chain, struct problem *p) {
    struct store_names names;
    enum status status = store_list(k->store, "checkpoints", &names, p);
    *chain = (struct chain){0};
    if (status != STATUS_OK)
        return status;
    chain->at = memory_take((names.count + 1) * sizeof(*chain->at));
    for (size_t i = 0; i < names.count; i++) {
        struct checkpoint_name name;
        if (checkpoint_name_parse(&name, names.at[i]) && name.partition == partition)
            chain->at[chain->count++] = name;
    }
    store_names_fini(&names);
    return STATUS_OK;
}

static bool is_base(const struct checkpoint_name *name) {
    return name->after == name->offset;
}

// The file that `name` follows, among those before it; NULL where it is gone.
static const struct checkpoint_name *before(const struct chain *chain, const struct checkpoint_name *name) {
    for (const struct checkpoint_name *at = chain->at; at < chain->at + chain->count; at++) {
        if (at->offset == name->after)
            return at;
    }
    return NULL;
}

// The way from `last` back to its base; 0 where a file of it is gone.
static size_t way_of(const struct chain *chain, const struct checkpoint_name *last,
                     const struct checkpoint_name **way) {
    size_t length = 0;
    for (const struct checkpoint_name *at = last; at != NULL && length < chain->count;
         at = before(chain, at)) {
        way[length++] = at;
        if (is_base(at))
            return length;
    }
    return 0;
}

// ---- reading

struct way_reading {
    struct keeper *keeper;
    struct kept *kept;
};

static struct rows *rows_of(void *context, int64_t window_s) {
    struct way_reading *r = context;
    struct ledger_window *w = ledger_find(&r->kept->ledger, window_s);
    struct pane *apart = ledger_apart(&r->kept->ledger, window_s);
    if (w != NULL && w->rows != NULL)
        return w->rows;
    return apart != NULL ? apart->rows : NULL;
}

static enum status read_open(struct keeper *k, const struct checkpoint_name *name, struct shelf_file *file,
                             struct problem *p) {
    char text[NAME_MAX_LENGTH];
    checkpoint_name_write(text, name);
    enum status status = keep_files_open(k, text, FILE_CHECKPOINT, file, p);
    if (status != STATUS_OK)
        return status;
    const struct progress *progress = snapshot_header(file->snapshot)->progress;
    if (progress->partition == name->partition && progress->offset == name->offset &&
        progress->after == name->after)
        return STATUS_OK;
    shelf_file_fini(file);
    return problem_set(p, STATUS_BAD_DATA, "CLM-D3", "clameur-aggregate verify",
                       "%s holds another checkpoint than its name says", text);
}

// ---- what stands apart

static const struct line *apart_at(const struct progress *at, int64_t start_s) {
    size_t i = 0;
    while (i < at->apart_count && at->apart[i].start_s != start_s)
        i++;
    return i < at->apart_count ? &at->apart[i] : NULL;
}

static enum status unlike(const struct progress *at, int64_t start_s, struct problem *p) {
    return problem_set(p, STATUS_BAD_DATA, "CLM-D3", "clameur-aggregate verify",
                       "partition %u: of window %" PRId64 " its checkpoint at %" PRId64
                       " has another part than one that follows",
                       at->partition, start_s, at->offset);
}

// Is all that the file knows of the window in a part that reaches to `part_to`? Where its line is gone, no
// part is ahead of the file that has more.
static enum status is_within_part(struct keeper *k, const struct progress *at, int64_t start_s,
                                  int64_t part_to, bool *is, struct problem *p) {
    const struct line *apart = apart_at(at, start_s), *line = progress_line(at, start_s);
    struct part_name part = {start_s, at->partition, at->start, 0};
    enum status status = STATUS_OK;
    if (apart != NULL)
        part.to = apart->to;
    else if (line != NULL)
        part.to = line->to;
    else if (start_s < at->settled_before_s)
        status = keep_files_last_part(k, &part, at->offset, p);
    *is = part.to <= part_to;
    return status;
}

// What a file on the way has of a window that gains apart in the end stands beside the same part, or is in
// it. Else two processes wrote the files, of which one could read a part that the other could not: what came
// between is in neither of them.
static enum status read_apart(struct way_reading *r, const struct progress *at, struct problem *p) {
    struct panes *panes = &r->kept->ledger.apart;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < panes->count && status == STATUS_OK; i++) {
        struct pane *pane = &panes->at[i];
        const struct line *apart = apart_at(at, pane->start_s);
        bool is_within;
        if (apart != NULL && apart->part_to == pane->part_to)
            continue;
        status = is_within_part(r->keeper, at, pane->start_s, pane->part_to, &is_within, p);
        if (status == STATUS_OK && !is_within)
            return unlike(at, pane->start_s, p);
        rows_destroy(&pane->rows);
        pane->rows = rows_create();
    }
    return status;
}

// ---- what is away

// Does the file leave the window to its part? `*to`: how far that reaches; -1: as far as any up to the file.
static bool is_away_at(const struct progress *at, int64_t start_s, int64_t *to) {
    *to = -1;
    for (size_t i = 0; i < at->line_count; i++) {
        if (at->lines[i].start_s != start_s)
            continue;
        *to = at->lines[i].to;
        return !at->lines[i].open;
    }
    return start_s < at->settled_before_s;
}

// A window that is open in the end may have been away at a file on the way: one process had sealed it by the
// clock, and wrote that file; another, that had not, went on from it. Files hold what was gained after that
// alone.
static enum status read_away(struct way_reading *r, const struct progress *at, struct problem *p) {
    const struct ledger *l = &r->kept->ledger;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < l->count && status == STATUS_OK; i++) {
        struct ledger_window *w = &l->at[i];
        struct part_name part = {w->start_s, l->partition, l->start, -1};
        struct coverage coverage;
        if (w->rows == NULL || !is_away_at(at, w->start_s, &part.to))
            continue;
        if (apart_at(at, w->start_s) != NULL)
            return unlike(at, w->start_s, p);
        rows_destroy(&w->rows);
        w->rows = rows_create();
        if (part.to < 0)
            status = keep_files_last_part(r->keeper, &part, at->offset, p);
        if (status == STATUS_OK && part.to >= 0)
            status = keep_files_read_part(r->keeper, &part, w->rows, &coverage, p);
    }
    return status;
}

static void put_viewer(void *context, const struct viewer *viewer) {
    const struct way_reading *r = context;
    viewers_put(&r->kept->ledger.viewers, viewer);
}

// The last file says which windows are open; the rows of all are added up, from the base on, and of each
// viewer the last stands.
static enum status read_way(struct way_reading *r, const struct checkpoint_name *const *way, size_t length,
                            struct problem *p) {
    struct shelf_file file;
    enum status status = read_open(r->keeper, way[0], &file, p);
    if (status != STATUS_OK)
        return status;
    ledger_restore(&r->kept->ledger, snapshot_header(file.snapshot)->progress);
    shelf_file_fini(&file);
    for (size_t i = length; i > 0 && status == STATUS_OK; i--) {
        status = read_open(r->keeper, way[i - 1], &file, p);
        if (status != STATUS_OK)
            break;
        snapshot_viewers_to(file.snapshot, put_viewer, r);
        status = snapshot_read(file.snapshot, rows_of, r, p);
        if (status == STATUS_OK)
            status = read_apart(r, snapshot_header(file.snapshot)->progress, p);
        if (status == STATUS_OK)
            status = read_away(r, snapshot_header(file.snapshot)->progress, p);
        uint64_t bytes = file.length;
        r->kept->base_bytes = i == length ? bytes : r->kept->base_bytes;
        r->kept->segment_bytes += i == length ? 0 : bytes;
        shelf_file_fini(&file);
    }
    r->kept->last = way[0]->offset;
    r->kept->base = way[length - 1]->offset;
    r->kept->segments = (uint32_t)length - 1;
    return status;
}

static struct kept *kept_create(uint32_t partition, int64_t start) {
    struct kept *kept = memory_take(sizeof(*kept));
    ledger_init(&kept->ledger, partition, start);
    kept->last = kept->base = kept->base_before = -1;
    kept->looked_s = INT64_MIN;
    return kept;
}

// From the newest file backwards, the first that can be read with all before it. STATUS_NO_INPUT where a file
// went away meanwhile; STATUS_BAD_DATA where there are files, and none has all before it.
static enum status restore_newest(struct keeper *k, const struct chain *chain, uint32_t partition,
                                  int64_t start, struct kept **kept, struct problem *p) {
    const struct checkpoint_name **way = memory_take((chain->count + 1) * sizeof(*way));
    enum status status = STATUS_OK;
    bool whole = chain->count == 0;
    for (size_t i = chain->count; i > 0; i--) {
        size_t length = way_of(chain, &chain->at[i - 1], way);
        if (length == 0)
            continue;
        whole = true;
        status = read_way(&(struct way_reading){k, *kept}, way, length, p);
        if (status != STATUS_BAD_DATA)
            break;
        log_problem(LOG_LEVEL_ERROR, "checkpoint_skipped", p);
        keeper_release(kept);
        *kept = kept_create(partition, start);
        status = STATUS_OK;
    }
    free(way);
    return whole ? status
                 : problem_set(p, STATUS_BAD_DATA, "CLM-D3", "clameur-aggregate verify",
                               "partition %u: no checkpoint has all the files that it follows", partition);
}

static enum status restore_listed(struct keeper *k, uint32_t partition, int64_t start, struct kept **kept,
                                  struct problem *p) {
    struct chain chain;
    enum status status = chain_list(k, partition, &chain, p);
    *kept = kept_create(partition, start);
    if (status == STATUS_OK)
        status = restore_newest(k, &chain, partition, start, kept, p);
    free(chain.at);
    if (status != STATUS_OK)
        keeper_release(kept);
    return status;
}

// What somebody deleted by hand does not come back, however often it is listed: then no checkpoint is whole.
static enum status restore_any(struct keeper *k, uint32_t partition, int64_t start, struct kept **kept,
                               struct problem *p) {
    enum status status = restore_listed(k, partition, start, kept, p);
    for (int i = 1; i < LISTINGS_MAX && (status == STATUS_NO_INPUT || status == STATUS_BAD_DATA); i++) {
        log_problem(LOG_LEVEL_WARN, "checkpoints_listed_again", p);
        status = restore_listed(k, partition, start, kept, p);
    }
    if (status == STATUS_NO_INPUT)
        return problem_set(p, STATUS_TRY_AGAIN, "CLM-D1", "nothing is lost meanwhile, it is tried again",
                           "partition %u: %d times its checkpoints were swept between listing and reading",
                           partition, LISTINGS_MAX);
    if (status != STATUS_BAD_DATA)
        return status;
    log_problem(LOG_LEVEL_ERROR, "checkpoint_skipped", p);
    *kept = kept_create(partition, start);
    return STATUS_OK;
}

// A quiet log seals by the clock: what a through record of the same offset says was sealed stays so.
static enum status restore_watermark(struct keeper *k, struct kept *kept, struct problem *p) {
    struct shelf_file file;
    enum status status = shelf_through(k->store, kept->ledger.partition, &file, p);
    if (status == STATUS_NO_INPUT || status == STATUS_BAD_DATA)
        return STATUS_OK;
    if (status != STATUS_OK)
        return status;
    const struct progress *through = snapshot_header(file.snapshot)->progress;
    kept->told = keep_files_fit(k, FILE_THROUGH, &file, p) == STATUS_OK &&
                 through->partition == kept->ledger.partition && through->offset == kept->ledger.offset &&
                 through->sealed_s >= kept->ledger.sealed_s;
    if (kept->told && through->watermark_ms > kept->ledger.watermark_ms) {
        kept->ledger.watermark_ms = through->watermark_ms;
        kept->ledger.sealed_s = through->sealed_s;
    }
    shelf_file_fini(&file);
    return STATUS_OK;
}

enum status keeper_restore(struct keeper *k, uint32_t partition, int64_t start, struct kept **kept,
                           struct problem *p) {
    enum status status = restore_any(k, partition, start, kept, p);
    if (status == STATUS_OK)
        status = restore_watermark(k, *kept, p);
    if (status != STATUS_OK)
        keeper_release(kept);
    return status;
}
