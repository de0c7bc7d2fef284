// What a window is made of: of each partition how far. Of orders of other windows what its revisions say.
#include <stdlib.h>

#include "aggregate/keep/keep_files.h"
#include "aggregate/keep/publisher_internal.h"
#include "runtime/log/log.h"
#include "runtime/memory.h"

static bool is_empty(const struct coverage *c) {
    return c->to <= c->start;
}

// Of two that start alike the greater `to` has all of the other; one that starts later never has.
static bool is_more(const struct coverage *c, const struct coverage *than) {
    if (is_empty(c) || is_empty(than))
        return !is_empty(c);
    return c->start == than->start ? c->to > than->to : c->start < than->start;
}

// A partition's line says how far its part reaches, once it has sealed the window; where the line was
// settled, the published revisions do.
static void inputs_raise(const struct publisher *pub, int64_t start_s, struct inputs *in) {
    for (uint32_t i = 0; i < pub->partitions; i++) {
        const struct progress *progress = &pub->throughs[i].progress;
        const struct line *line = progress_line(progress, start_s);
        if (line == NULL || waits_lacks(pub->waits, i, start_s))
            continue;
        const struct coverage said = {.partition = i,
                                      .start = progress->start,
                                      .to = line->to,
                                      .counted = line->counted,
                                      .late = line->late,
                                      .orders_to = line->orders_to};
        if (is_more(&said, &in->coverage[i]))
            in->coverage[i] = said;
    }
}

static void inputs_lack(const struct publisher *pub, int64_t start_s, struct inputs *in) {
    for (uint32_t i = 0; i < pub->partitions; i++)
        in->coverage[i].missing =
            waits_lacks(pub->waits, i, start_s) && in->coverage[i].to == in->coverage[i].start;
}

static void inputs_begin(const struct publisher *pub, struct inputs *in) {
    *in = (struct inputs){.coverage = memory_take(pub->partitions * sizeof(*in->coverage)),
                          .newest = {.sum = -1}};
    for (uint32_t i = 0; i < pub->partitions; i++)
        in->coverage[i] = (struct coverage){.partition = i, .start = pub->starts[i], .to = pub->starts[i]};
}

void inputs_fini(struct inputs *in) {
    free(in->coverage);
    free(in->earlier);
    free(in->published);
    free(in->newest_coverage);
    free(in->looked);
}

// What a published revision covers, and what its orders were held against.
static void inputs_join(const struct publisher *pub, const struct header *published, struct inputs *in) {
    for (uint32_t i = 0; i < pub->partitions; i++) {
        if (is_more(&published->coverage[i], &in->coverage[i]))
            in->coverage[i] = published->coverage[i];
    }
    struct earlier_orders *before = in->published;
    in->published_count = earlier_join(before, in->published_count, published->earlier,
                                       published->earlier_count, &in->published);
    free(before);
}

static void newest_take(const struct publisher *pub, const struct header *published, struct inputs *in) {
    in->looked_count = earlier_windows(published->earlier, published->earlier_count, &in->looked);
    if (published->coverage_count != pub->partitions)
        return;
    in->newest_coverage = memory_take(pub->partitions * sizeof(*in->newest_coverage));
    for (uint32_t i = 0; i < pub->partitions; i++)
        in->newest_coverage[i] = published->coverage[i];
}

static enum status revision_join(const struct publisher *pub, struct keeper *k,
                                 const struct snapshot_name *revision, struct inputs *in, struct problem *p) {
    struct shelf_file file;
    char name[NAME_MAX_LENGTH];
    snapshot_name_write(name, revision);
    enum status status = keep_files_open(k, name, FILE_WINDOW, &file, p);
    if (status != STATUS_OK)
        return status;
    const struct header *header = snapshot_header(file.snapshot);
    bool is_newest = revision->sum == in->newest.sum && revision->hash == in->newest.hash;
    if (header->start_s != revision->start_s)
        status = problem_set(p, STATUS_BAD_DATA, "CLM-D3", "clameur-aggregate verify",
                             "%s holds another window than its name says", name);
    else
        inputs_join(pub, header, in);
    if (status == STATUS_OK && is_newest)
        newest_take(pub, header, in);
    shelf_file_fini(&file);
    return status;
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
    if (status == STATUS_OK && count > 0)
        in->newest = names[count - 1];
    for (size_t i = count; i > 0 && status == STATUS_OK && (settled || i == count); i--)
        status = revision_join(pub, k, &names[i - 1], in, p);
    free(names);
    if (status != STATUS_BAD_DATA || settled)
        return status;
    log_problem(LOG_LEVEL_ERROR, "revision_skipped", p);
    return STATUS_OK;
}

static bool is_same_coverage(const struct publisher *pub, const struct inputs *in) {
    for (uint32_t i = 0; i < pub->partitions; i++) {
        const struct coverage *a = &in->coverage[i], *b = &in->newest_coverage[i];
        if (a->to != b->to || a->start != b->start || a->orders_to != b->orders_to ||
            a->missing != b->missing)
            return false;
    }
    return true;
}

bool inputs_has_orders(const struct publisher *pub, const struct inputs *in) {
    uint32_t i = 0;
    while (i < pub->partitions && in->coverage[i].orders_to == 0)
        i++;
    return i < pub->partitions;
}

enum status inputs_of(const struct publisher *pub, struct keeper *k, int64_t start_s, struct inputs *in,
                      struct problem *p) {
    inputs_begin(pub, in);
    enum status status = revisions_join(pub, k, start_s, in, p);
    if (status != STATUS_OK)
        return status;
    inputs_raise(pub, start_s, in);
    inputs_lack(pub, start_s, in);
    in->is_covered = in->newest_coverage != NULL && is_same_coverage(pub, in);
    return STATUS_OK;
}
