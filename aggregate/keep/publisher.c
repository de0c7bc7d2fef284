#include "aggregate/keep/publisher_internal.h"

#include <stdlib.h>
#include <string.h>

#include "aggregate/keep/keep_files.h"
#include "aggregate/keep/retention.h"
#include "runtime/clock.h"
#include "runtime/hash.h"
#include "runtime/log/log.h"
#include "runtime/memory.h"

uint32_t publisher_of(int64_t start_s, uint32_t partitions) {
    return (uint32_t)(hash_integer((uint64_t)start_s) % partitions);
}

struct publisher *publisher_create(uint32_t partitions, int64_t incomplete_after_ms) {
    struct publisher *pub = memory_take(sizeof(*pub));
    pub->partitions = partitions;
    pub->throughs = memory_take(partitions * sizeof(*pub->throughs));
    pub->starts = memory_take(partitions * sizeof(*pub->starts));
    pub->earlier = earlier_create();
    pub->waits = waits_create(partitions, incomplete_after_ms);
    pub->awaited = -1;
    pub->looked_s = INT64_MIN;
    for (uint32_t i = 0; i < partitions; i++)
        pub->throughs[i].name.offset = pub->throughs[i].torn.offset = -1;
    pub->figures.waits_for = -1;
    return pub;
}

void publisher_destroy(struct publisher **p) {
    if (*p == NULL)
        return;
    for (uint32_t i = 0; i < (*p)->partitions; i++)
        through_fini(&(*p)->throughs[i]);
    waits_destroy(&(*p)->waits);
    earlier_destroy(&(*p)->earlier);
    done_fini(*p);
    free((*p)->starts);
    free((*p)->throughs);
    free(*p);
    *p = NULL;
}

// ---- publishing

static enum status parts_merge(struct publisher *pub, struct keeper *k, int64_t start_s,
                               const struct coverage *coverage, struct rows *rows, struct problem *p) {
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < pub->partitions && status == STATUS_OK; i++) {
        const struct part_name part = {start_s, i, coverage[i].start, coverage[i].to};
        struct coverage held;
        if (coverage[i].to == coverage[i].start)
            continue;
        status = keep_files_read_part(k, &part, rows, &held, p);
        if (status == STATUS_OK && (held.counted != coverage[i].counted || held.late != coverage[i].late))
            status =
                problem_set(p, STATUS_BAD_DATA, "CLM-D3", "clameur-aggregate verify",
                            "window %lld: the part of partition %u holds %llu events, its line says %llu",
                            (long long)start_s, i, (unsigned long long)held.counted,
                            (unsigned long long)coverage[i].counted);
    }
    return status;
}

// What a window was published as.
struct written {
    uint64_t bytes;
    size_t rows, folded;
    bool revision;
    uint32_t missing; // partitions
};

static void was_published(struct publisher *pub, const struct snapshot_name *name, const struct written *w) {
    pub->figures.published++;
    pub->figures.revisions += w->revision;
    pub->figures.incomplete += w->missing > 0;
    pub->figures.bytes += w->bytes;
    pub->figures.rows += w->rows;
    pub->figures.folded += w->folded;
    pub->figures.published_at_ms = clock_wall_ms();
    log_info("window_published", FIELD("window", LOG_TIME(name->start_s)), FIELD("sum", LOG_INT(name->sum)),
             FIELD("rows", LOG_INT(w->rows)), FIELD("bytes", LOG_INT(w->bytes)),
             FIELD("partitions_missing", LOG_INT(w->missing)));
}

static struct header window_header(const struct publisher *pub, const struct keeper *k, int64_t start_s,
                                   const struct inputs *in) {
    return (struct header){.kind = FILE_WINDOW,
                           .start_s = start_s,
                           .end_s = start_s + WINDOW_S,
                           .topic = k->topic,
                           .topic_id = k->topic_id,
                           .rules_hash = k->rules_hash,
                           .kpis_hash = k->kpis_hash,
                           .partitions = k->partitions,
                           .coverage = in->coverage,
                           .coverage_count = pub->partitions,
                           .earlier = in->earlier,
                           .earlier_count = in->earlier_count};
}

static enum status window_write(struct publisher *pub, struct keeper *k, const struct header *header,
                                struct rows *rows, bool revision, struct problem *p) {
    size_t folded = rows_fold(rows);
    rows_unite(rows);
    const struct snapshot_name name = shelf_name_of(header);
    const struct snapshot_window window = {header->start_s, rows};
    struct snapshot_bytes bytes;
    char text[NAME_MAX_LENGTH];
    bool created;
    snapshot_write(&bytes, header, &window, 1);
    snapshot_name_write(text, &name);
    enum status status = store_create(k->store, text, bytes.at, bytes.length, &created, p);
    if (status == STATUS_OK && created)
        was_published(pub, &name,
                      &(struct written){bytes.length, rows_count(rows) - folded, folded, revision,
                                        header_missing(header)});
    snapshot_bytes_fini(&bytes);
    return status;
}

// Of each order the least copy of 48 hours counts, and refunds where their orders do.
static enum status window_settle(struct publisher *pub, struct keeper *k, int64_t start_s,
                                 const struct inputs *in, struct rows *rows, struct problem *p) {
    size_t count;
    const struct earlier_orders *list =
        earlier_within(in->earlier, in->earlier_count, start_s - EARLIER_S, start_s, &count);
    struct rows *earlier = rows_create();
    enum status status = STATUS_OK;
    if (rows_order_count(rows) > 0)
        status = earlier_read(pub->earlier, k, list, count, pub->starts, earlier, p);
    if (status == STATUS_OK) {
        rows_settle(rows, earlier);
        status = refunds_settle(pub, k, start_s, in, rows, p);
    }
    rows_destroy(&earlier);
    return status;
}

static bool is_newest(const struct header *header, const struct inputs *in) {
    const struct snapshot_name name = shelf_name_of(header);
    return in->newest.hash == name.hash && in->newest.sum == name.sum;
}

// Is nothing known that the newest revision does not say? Where there is none, it may be of nothing.
static enum status is_published(const struct publisher *pub, struct keeper *k, int64_t start_s,
                                struct inputs *in, bool *is, struct problem *p) {
    *is = in->newest.sum < 0 && !publisher_expects(pub, start_s);
    if (!in->is_covered)
        return STATUS_OK;
    enum status status = inputs_look_up(pub, k, start_s, in->looked, in->looked_count, false, in, p);
    const struct header header = window_header(pub, k, start_s, in);
    *is = status == STATUS_OK && is_newest(&header, in);
    return status;
}

static enum status window_make(struct publisher *pub, struct keeper *k, int64_t start_s, struct inputs *in,
                               struct rows *rows, struct problem *p) {
    int64_t *windows;
    enum status status = parts_merge(pub, k, start_s, in->coverage, rows, p);
    if (status != STATUS_OK)
        return status;
    size_t count = rows_refund_windows(rows, &windows);
    status = inputs_look_up(pub, k, start_s, windows, count, true, in, p);
    free(windows);
    const struct header header = window_header(pub, k, start_s, in);
    if (status != STATUS_OK || is_newest(&header, in))
        return status;
    status = window_settle(pub, k, start_s, in, rows, p);
    return status == STATUS_OK ? window_write(pub, k, &header, rows, in->newest.sum >= 0, p) : status;
}

// `*held`: others are to be published first.
static enum status window_publish(struct publisher *pub, struct keeper *k, int64_t start_s, struct inputs *in,
                                  bool *held, struct problem *p) {
    bool is;
    enum status status = is_published(pub, k, start_s, in, &is, p);
    *held = status == STATUS_OK && !is && followers_hold(pub, start_s, in);
    if (status != STATUS_OK || is || *held)
        return status;
    struct rows *rows = rows_create();
    status = window_make(pub, k, start_s, in, rows, p);
    rows_destroy(&rows);
    return status;
}

// Does a partition hold events of it that its part lacks? They are added when that can be read: what it has
// until then is not all that was sealed.
static bool stands_apart(const struct publisher *pub, int64_t start_s) {
    for (uint32_t i = 0; i < pub->partitions; i++) {
        const struct progress *progress = &pub->throughs[i].progress;
        for (size_t a = 0; a < progress->apart_count; a++) {
            if (progress->apart[a].start_s == start_s)
                return true;
        }
    }
    return false;
}

// `*worked`: there was something to do.
static enum status window_look(struct publisher *pub, struct keeper *k, int64_t start_s, bool *worked,
                               struct problem *p) {
    *worked = !done_is(pub, start_s) && !stands_apart(pub, start_s);
    if (!*worked)
        return STATUS_OK;
    struct inputs in;
    bool held = false;
    enum status status = inputs_of(pub, k, start_s, &in, p);
    if (status == STATUS_OK)
        status = window_publish(pub, k, start_s, &in, &held, p);
    if (status == STATUS_OK && !held)
        done_set(pub, start_s, &in);
    inputs_fini(&in);
    return status;
}

// ---- candidates

static int start_compare(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

// Of a partition that stands still nobody may be the owner: then the next one's is asked.
static bool is_ours(const struct publisher *pub, const bool *owned, int64_t start_s) {
    uint32_t partition = publisher_of(start_s, pub->partitions);
    for (uint32_t i = 0; i < pub->partitions; i++, partition = (partition + 1) % pub->partitions) {
        if (owned[partition] || !waits_stands_still(pub->waits, partition))
            return owned[partition];
    }
    return false;
}

// The first window that a line is of.
static int64_t first_line(const struct publisher *pub) {
    int64_t first_s = INT64_MAX;
    for (uint32_t i = 0; i < pub->partitions; i++) {
        const struct progress *progress = &pub->throughs[i].progress;
        if (progress->line_count > 0 && progress->lines[0].start_s < first_s)
            first_s = progress->lines[0].start_s;
    }
    return first_s;
}

// Ascending, each once.
static size_t starts_sort(int64_t *starts, size_t count) {
    size_t kept = count > 0;
    if (count > 1)
        qsort(starts, count, sizeof(*starts), start_compare);
    for (size_t i = 1; i < count; i++) {
        if (starts[i] != starts[kept - 1])
            starts[kept++] = starts[i];
    }
    return kept;
}

// Starts of the windows that we are to publish and that all have sealed, or that have waited long enough, and
// of those that some of them are held by; *starts is the caller's. None that may have left the store.
static size_t candidates(const struct publisher *pub, const bool *owned, int64_t **starts) {
    size_t count = 0, room = 0;
    for (uint32_t i = 0; i < pub->partitions; i++)
        room += pub->throughs[i].progress.line_count;
    *starts = memory_take((room + 1) * sizeof(**starts));
    for (uint32_t i = 0; i < pub->partitions; i++) {
        const struct progress *progress = &pub->throughs[i].progress;
        for (size_t l = 0; l < progress->line_count; l++) {
            int64_t start_s = progress->lines[l].start_s;
            if (start_s + WINDOW_S > pub->gone_before_s && waits_are_over(pub->waits, start_s) &&
                is_ours(pub, owned, start_s))
                (*starts)[count++] = start_s;
        }
    }
    count = starts_sort(*starts, count);
    return starts_sort(*starts, followers_add(pub, starts, count));
}

// At most `most` of them, after the one that the last run ended with: windows that cannot be published, be
// they as many, hold up none.
static enum status windows_look(struct publisher *pub, struct keeper *k, const int64_t *starts, size_t count,
                                size_t most, bool *more, struct problem *p) {
    enum status first = STATUS_OK;
    int64_t looked_s = INT64_MIN;
    size_t worked = 0, i = 0;
    while (i < count && starts[i] <= pub->looked_s)
        i++;
    for (; i < count && worked < most; i++) {
        struct problem problem;
        bool did;
        enum status status = window_look(pub, k, starts[i], &did, &problem);
        worked += did;
        looked_s = starts[i];
        if (status != STATUS_OK && first == STATUS_OK) {
            first = status;
            *p = problem;
        }
    }
    *more = i < count;
    pub->looked_s = *more ? looked_s : INT64_MIN;
    return first;
}

enum status publisher_run(struct publisher *pub, struct keeper *k, const bool *owned, size_t most,
                          int64_t now_ms, bool *more, struct problem *p) {
    int64_t *starts;
    *more = false;
    enum status status = throughs_read(pub, k, p);
    if (status != STATUS_OK)
        return status;
    throughs_note(pub, k, now_ms);
    throughs_seal(pub);
    throughs_wait(pub, now_ms);
    pub->gone_before_s = retention_horizon(retention_time(k, pub->figures.sealed_s), k->retain_s);
    done_forget(pub, first_line(pub));
    size_t count = candidates(pub, owned, &starts);
    status = windows_look(pub, k, starts, count, most, more, p);
    free(starts);
    return status;
}

bool publisher_has_open(const void *publisher, int64_t start_s) {
    const struct publisher *pub = publisher;
    for (uint32_t i = 0; i < pub->partitions; i++) {
        const struct line *line = progress_line(&pub->throughs[i].progress, start_s);
        if (line != NULL && line->open)
            return true;
    }
    return false;
}

struct publisher_figures publisher_figures(const struct publisher *pub) {
    return pub->figures;
}

bool publisher_expects(const struct publisher *pub, int64_t start_s) {
    for (uint32_t i = 0; i < pub->partitions; i++) {
        if (progress_line(&pub->throughs[i].progress, start_s) != NULL)
            return true;
    }
    return false;
}
