#include "aggregate/keep/publisher.h"

#include <stdlib.h>
#include <string.h>

#include "aggregate/keep/earlier.h"
#include "aggregate/keep/keep_files.h"
#include "aggregate/keep/retention.h"
#include "aggregate/keep/waits.h"
#include "runtime/clock.h"
#include "runtime/hash.h"
#include "runtime/log/log.h"
#include "runtime/memory.h"

enum { WAIT_TOLD_S = 2 * WINDOW_S };

// A partition's sealed-through record as last read.
struct through {
    struct through_name name; // offset -1: none yet
    struct progress progress; // lines are ours
    struct through_name torn; // the last that was told to be; offset -1: none
};

// A window that is published with all that these lines of it say.
struct done {
    int64_t start_s;
    uint64_t
        lines; // hash of which partitions have a line, and how far each reaches; of orders, those before, too
};

// What a window is to be published with.
struct inputs {
    struct coverage *coverage; // by partition
    struct earlier_orders *earlier;
    size_t earlier_count;
};

struct publisher {
    uint32_t partitions;
    struct through *throughs;
    int64_t *starts; // of the partitions
    struct earlier *earlier;
    struct waits *waits;
    int64_t told;      // the partition that windows were said to wait for; -1: none
    struct done *done; // by start_s
    size_t done_count, done_room;
    struct publisher_figures figures;
};

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
    pub->told = -1;
    for (uint32_t i = 0; i < partitions; i++)
        pub->throughs[i].name.offset = pub->throughs[i].torn.offset = -1;
    pub->figures.waits_for = 0;
    return pub;
}

void publisher_destroy(struct publisher **p) {
    if (*p == NULL)
        return;
    for (uint32_t i = 0; i < (*p)->partitions; i++)
        free((*p)->throughs[i].progress.lines);
    waits_destroy(&(*p)->waits);
    earlier_destroy(&(*p)->earlier);
    free((*p)->starts);
    free((*p)->throughs);
    free((*p)->done);
    free(*p);
    *p = NULL;
}

// ---- through records

static void through_take(struct through *t, const struct through_name *name,
                         const struct progress *progress) {
    free(t->progress.lines);
    t->name = *name;
    t->progress = *progress;
    t->progress.lines = memory_take((progress->line_count + 1) * sizeof(*progress->lines));
    for (size_t i = 0; i < progress->line_count; i++)
        t->progress.lines[i] = progress->lines[i];
}

static enum status through_read(struct publisher *pub, struct keeper *k, const struct through_name *name,
                                struct problem *p) {
    char text[NAME_MAX_LENGTH];
    struct shelf_file file;
    through_name_write(text, name);
    enum status status = shelf_read(k->store, text, NULL, &file, p);
    if (status == STATUS_NO_INPUT)
        return STATUS_OK; // swept meanwhile: there is a later one
    if (status != STATUS_OK)
        return status;
    const struct progress *progress = snapshot_header(file.snapshot)->progress;
    if (progress != NULL && progress->partition == name->partition)
        through_take(&pub->throughs[name->partition], name, progress);
    shelf_file_fini(&file);
    return STATUS_OK;
}

static bool is_later(const struct through_name *a, const struct through_name *b) {
    return a->offset != b->offset ? a->offset > b->offset : a->sealed_s > b->sealed_s;
}

// A torn one is told, once, and stays where it is: the one before it stands until there is another.
static enum status through_try(struct publisher *pub, struct keeper *k, const struct through_name *name,
                               struct problem *p) {
    struct through *t = &pub->throughs[name->partition];
    enum status status = through_read(pub, k, name, p);
    if (status != STATUS_BAD_DATA)
        return status;
    if (is_later(name, &t->torn)) {
        log_problem(LOG_LEVEL_ERROR, "through_record_skipped", p);
        t->torn = *name;
    }
    return STATUS_OK;
}

// Of each partition the last that is whole, where it is another than before. Names sort as the records do.
static enum status throughs_read(struct publisher *pub, struct keeper *k, struct problem *p) {
    struct store_names names;
    enum status status = store_list(k->store, "through", &names, p);
    for (size_t i = names.count; i > 0 && status == STATUS_OK; i--) {
        struct through_name name;
        if (through_name_parse(&name, names.at[i - 1]) && name.partition < pub->partitions &&
            is_later(&name, &pub->throughs[name.partition].name))
            status = through_try(pub, k, &name, p);
    }
    store_names_fini(&names);
    return status;
}

static void throughs_note(struct publisher *pub, const struct keeper *k, int64_t now_ms) {
    earlier_forget(pub->earlier);
    for (uint32_t i = 0; i < pub->partitions; i++) {
        const struct through *t = &pub->throughs[i];
        pub->starts[i] = t->name.offset >= 0 || k->starts == NULL ? t->progress.start : k->starts[i];
        earlier_note(pub->earlier, &t->progress);
        waits_note(pub->waits, i, t->name.offset, t->progress.sealed_s, t->progress.watermark_ms, now_ms);
    }
}

static void sealed_by_all(struct publisher *pub) {
    struct publisher_figures *f = &pub->figures;
    f->waits_for = 0;
    f->sealed_s = INT64_MAX;
    for (uint32_t i = 0; i < pub->partitions; i++) {
        const struct through *t = &pub->throughs[i];
        int64_t sealed_s = t->name.offset < 0 ? 0 : t->progress.sealed_s;
        if (sealed_s >= f->sealed_s)
            continue;
        f->sealed_s = sealed_s;
        f->waits_for = i;
    }
}

static const struct progress *furthest(const struct publisher *pub) {
    const struct progress *ahead = &pub->throughs[0].progress;
    for (uint32_t i = 1; i < pub->partitions; i++) {
        if (pub->throughs[i].progress.sealed_s > ahead->sealed_s)
            ahead = &pub->throughs[i].progress;
    }
    return ahead;
}

// A partition that lies windows behind the others is told, once; all seal a window within moments of each
// other where nothing is wrong.
static void waiting_look(struct publisher *pub) {
    struct publisher_figures *f = &pub->figures;
    const struct progress *ahead = furthest(pub);
    f->waiting = 0;
    for (size_t i = 0; i < ahead->line_count; i++) {
        int64_t end_s = ahead->lines[i].start_s + WINDOW_S;
        f->waiting += end_s > f->sealed_s && end_s <= ahead->sealed_s;
    }
    bool behind = f->waiting > 0 && ahead->sealed_s >= f->sealed_s + WAIT_TOLD_S;
    if (behind && pub->told != f->waits_for)
        log_warn("windows_wait", FIELD("partition", LOG_INT(f->waits_for)),
                 FIELD("sealed", LOG_INT(f->sealed_s)), FIELD("others", LOG_INT(ahead->sealed_s)),
                 FIELD("windows", LOG_INT(f->waiting)));
    pub->told = behind ? f->waits_for : -1;
}

// ---- a window's inputs

static const struct line *line_of(const struct progress *progress, int64_t start_s) {
    for (size_t i = 0; i < progress->line_count; i++) {
        if (progress->lines[i].start_s == start_s)
            return &progress->lines[i];
    }
    return NULL;
}

// A partition's line says how far its part reaches, once it has sealed the window; where the line was
// settled, the published revisions do.
static void inputs_raise(const struct publisher *pub, int64_t start_s, struct inputs *in) {
    for (uint32_t i = 0; i < pub->partitions; i++) {
        const struct progress *progress = &pub->throughs[i].progress;
        const struct line *line = line_of(progress, start_s);
        if (line == NULL || line->to <= in->coverage[i].to || waits_lacks(pub->waits, i, start_s))
            continue;
        in->coverage[i] = (struct coverage){.partition = i,
                                            .start = progress->start,
                                            .to = line->to,
                                            .counted = line->counted,
                                            .late = line->late,
                                            .orders_to = line->orders_to};
    }
}

static void inputs_lack(const struct publisher *pub, int64_t start_s, struct inputs *in) {
    for (uint32_t i = 0; i < pub->partitions; i++)
        in->coverage[i].missing =
            waits_lacks(pub->waits, i, start_s) && in->coverage[i].to == in->coverage[i].start;
}

static bool has_orders(const struct publisher *pub, const struct coverage *coverage) {
    for (uint32_t i = 0; i < pub->partitions; i++) {
        if (coverage[i].orders_to > 0)
            return true;
    }
    return false;
}

static void inputs_begin(const struct publisher *pub, struct inputs *in) {
    *in = (struct inputs){.coverage = memory_take(pub->partitions * sizeof(*in->coverage))};
    for (uint32_t i = 0; i < pub->partitions; i++)
        in->coverage[i] = (struct coverage){.partition = i, .start = pub->starts[i], .to = pub->starts[i]};
}

static void inputs_fini(struct inputs *in) {
    free(in->coverage);
    free(in->earlier);
}

// What a published revision covers, and what its orders were held against.
static void inputs_join(const struct publisher *pub, const struct header *published, struct inputs *in) {
    for (uint32_t i = 0; i < pub->partitions && i < published->coverage_count; i++) {
        if (published->coverage[i].to > in->coverage[i].to)
            in->coverage[i] = published->coverage[i];
    }
    struct earlier_orders *before = in->earlier;
    in->earlier_count =
        earlier_join(before, in->earlier_count, published->earlier, published->earlier_count, &in->earlier);
    free(before);
}

static enum status revision_join(const struct publisher *pub, struct keeper *k,
                                 const struct snapshot_name *revision, struct inputs *in, struct problem *p) {
    struct shelf_file file;
    char name[NAME_MAX_LENGTH];
    snapshot_name_write(name, revision);
    enum status status = shelf_open(k->store, name, &file, p);
    if (status != STATUS_OK)
        return status;
    inputs_join(pub, snapshot_header(file.snapshot), in);
    shelf_file_fini(&file);
    return STATUS_OK;
}

// Are lines gone that the window's inputs would be read off: its own, or those of the 48 hours before?
static bool is_settled(const struct publisher *pub, int64_t start_s) {
    for (uint32_t i = 0; i < pub->partitions; i++) {
        if (pub->throughs[i].progress.settled_before_s > start_s - EARLIER_S)
            return true;
    }
    return false;
}

// Where lines are gone, all revisions together say what they said: one that a process published late, by
// records which it had read before others went on, may have the greatest sum and yet know less of some
// partition. Else the newest is a help, no more, and may be damaged.
static enum status revisions_join(const struct publisher *pub, struct keeper *k, int64_t start_s,
                                  struct inputs *in, struct problem *p) {
    struct snapshot_name *names;
    size_t count;
    bool settled = is_settled(pub, start_s);
    enum status status = shelf_revisions(k->store, start_s, &names, &count, p);
    for (size_t i = count; i > 0 && status == STATUS_OK && (settled || i == count); i--)
        status = revision_join(pub, k, &names[i - 1], in, p);
    free(names);
    if (status != STATUS_BAD_DATA || settled)
        return status;
    log_problem(LOG_LEVEL_ERROR, "revision_skipped", p);
    return STATUS_OK;
}

static enum status inputs_of(const struct publisher *pub, struct keeper *k, int64_t start_s,
                             struct inputs *in, struct problem *p) {
    inputs_begin(pub, in);
    enum status status = revisions_join(pub, k, start_s, in, p);
    if (status != STATUS_OK)
        return status;
    inputs_raise(pub, start_s, in);
    inputs_lack(pub, start_s, in);
    struct earlier_orders *published = in->earlier;
    size_t count = in->earlier_count;
    in->earlier = NULL;
    in->earlier_count = has_orders(pub, in->coverage)
                            ? earlier_list(pub->earlier, start_s, published, count, &in->earlier)
                            : 0;
    free(published);
    return STATUS_OK;
}

// ---- what is done

static size_t done_place(const struct publisher *pub, int64_t start_s) {
    size_t low = 0, high = pub->done_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (pub->done[middle].start_s < start_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_done(const struct publisher *pub, int64_t start_s, uint64_t lines) {
    size_t place = done_place(pub, start_s);
    return place < pub->done_count && pub->done[place].start_s == start_s && pub->done[place].lines == lines;
}

static void done_set(struct publisher *pub, int64_t start_s, uint64_t lines) {
    size_t place = done_place(pub, start_s);
    if (place == pub->done_count || pub->done[place].start_s != start_s) {
        if (pub->done_count == pub->done_room) {
            pub->done_room = pub->done_room == 0 ? 64 : 2 * pub->done_room;
            pub->done = memory_grow(pub->done, pub->done_room, sizeof(*pub->done));
        }
        memmove(&pub->done[place + 1], &pub->done[place], (pub->done_count - place) * sizeof(*pub->done));
        pub->done_count++;
    }
    pub->done[place] = (struct done){start_s, lines};
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

static uint32_t missing_of(const struct header *header) {
    uint32_t missing = 0;
    for (size_t i = 0; i < header->coverage_count; i++)
        missing += header->coverage[i].missing;
    return missing;
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
    log_info("window_published", FIELD("window", LOG_INT(name->start_s)), FIELD("sum", LOG_INT(name->sum)),
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
    const struct snapshot_name name = shelf_name_of(header);
    const struct snapshot_window window = {header->start_s, rows};
    struct snapshot_bytes bytes;
    char text[NAME_MAX_LENGTH];
    bool created;
    snapshot_write(&bytes, header, &window, 1);
    snapshot_name_write(text, &name);
    enum status status = store_create(k->store, text, bytes.at, bytes.length, &created, p);
    if (status == STATUS_OK && created)
        was_published(
            pub, &name,
            &(struct written){bytes.length, rows_count(rows) - folded, folded, revision, missing_of(header)});
    snapshot_bytes_fini(&bytes);
    return status;
}

// All parts, and of each order the least copy of 48 hours.
static enum status window_merge(struct publisher *pub, struct keeper *k, int64_t start_s,
                                const struct inputs *in, struct rows *rows, struct problem *p) {
    struct rows *earlier = rows_create();
    enum status status = parts_merge(pub, k, start_s, in->coverage, rows, p);
    if (status == STATUS_OK)
        status = earlier_read(pub->earlier, k, in->earlier, in->earlier_count, pub->starts, earlier, p);
    if (status == STATUS_OK)
        rows_settle(rows, earlier);
    rows_destroy(&earlier);
    return status;
}

static enum status window_publish(struct publisher *pub, struct keeper *k, int64_t start_s,
                                  const struct inputs *in, struct problem *p) {
    const struct header header = window_header(pub, k, start_s, in);
    const struct snapshot_name name = shelf_name_of(&header);
    struct snapshot_name newest = {.sum = -1};
    enum status status = shelf_newest(k->store, start_s, &newest, p);
    if (status != STATUS_OK && status != STATUS_NO_INPUT)
        return status;
    if (newest.hash == name.hash && newest.sum == name.sum)
        return STATUS_OK;
    struct rows *rows = rows_create();
    status = window_merge(pub, k, start_s, in, rows, p);
    if (status == STATUS_OK)
        status = window_write(pub, k, &header, rows, newest.sum >= 0, p);
    rows_destroy(&rows);
    return status;
}

static uint64_t lines_hash(const struct publisher *pub, int64_t start_s) {
    uint64_t hash = 0;
    for (uint32_t i = 0; i < pub->partitions; i++) {
        const struct line *line = line_of(&pub->throughs[i].progress, start_s);
        if (waits_lacks(pub->waits, i, start_s))
            hash = hash_integer(hash ^ (UINT64_MAX - i));
        else if (line != NULL)
            hash = hash_bytes(&line->to, sizeof(line->to), hash_integer(hash + i));
    }
    return earlier_has(pub->earlier, start_s) ? hash ^ earlier_hash(pub->earlier, start_s) : hash;
}

// `*worked`: there was something to do.
static enum status window_look(struct publisher *pub, struct keeper *k, int64_t start_s, bool *worked,
                               struct problem *p) {
    uint64_t lines = lines_hash(pub, start_s);
    *worked = !is_done(pub, start_s, lines);
    if (!*worked)
        return STATUS_OK;
    struct inputs in;
    enum status status = inputs_of(pub, k, start_s, &in, p);
    if (status == STATUS_OK)
        status = window_publish(pub, k, start_s, &in, p);
    if (status == STATUS_OK)
        done_set(pub, start_s, lines);
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

// Starts of the windows that we are to publish and that all have sealed, or that have waited long enough,
// each once; *starts is the caller's. None that may have left the store.
static size_t candidates(const struct publisher *pub, const bool *owned, int64_t gone_before_s,
                         int64_t **starts) {
    size_t count = 0, room = 0;
    for (uint32_t i = 0; i < pub->partitions; i++)
        room += pub->throughs[i].progress.line_count;
    *starts = memory_take((room + 1) * sizeof(**starts));
    for (uint32_t i = 0; i < pub->partitions; i++) {
        const struct progress *progress = &pub->throughs[i].progress;
        for (size_t l = 0; l < progress->line_count; l++) {
            int64_t start_s = progress->lines[l].start_s;
            if (start_s + WINDOW_S > gone_before_s && waits_are_over(pub->waits, start_s) &&
                is_ours(pub, owned, start_s))
                (*starts)[count++] = start_s;
        }
    }
    if (count == 0)
        return 0;
    qsort(*starts, count, sizeof(**starts), start_compare);
    size_t kept = 1;
    for (size_t i = 1; i < count; i++) {
        if ((*starts)[i] != (*starts)[kept - 1])
            (*starts)[kept++] = (*starts)[i];
    }
    return kept;
}

enum status publisher_run(struct publisher *pub, struct keeper *k, const bool *owned, size_t most,
                          int64_t now_ms, bool *more, struct problem *p) {
    int64_t *starts;
    size_t worked = 0;
    *more = false;
    enum status first = throughs_read(pub, k, p);
    if (first != STATUS_OK)
        return first;
    throughs_note(pub, k, now_ms);
    sealed_by_all(pub);
    waiting_look(pub);
    size_t count = candidates(pub, owned, retention_horizon(pub->figures.sealed_s, k->retain_s), &starts);
    for (size_t i = 0; i < count && !*more; i++) {
        struct problem problem;
        bool did = false;
        *more = worked == most;
        enum status status = *more ? STATUS_OK : window_look(pub, k, starts[i], &did, &problem);
        worked += did;
        if (status != STATUS_OK && first == STATUS_OK) {
            first = status;
            *p = problem;
        }
    }
    free(starts);
    return first;
}

bool publisher_has_open(const void *publisher, int64_t start_s) {
    const struct publisher *pub = publisher;
    for (uint32_t i = 0; i < pub->partitions; i++) {
        const struct line *line = line_of(&pub->throughs[i].progress, start_s);
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
        if (line_of(&pub->throughs[i].progress, start_s) != NULL)
            return true;
    }
    return false;
}
