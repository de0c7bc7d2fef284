#include "aggregate/keep/keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/keep/keep_files.h"
#include "aggregate/keep/retention.h"
#include "runtime/log/log.h"
#include "runtime/memory.h"

enum { PUBLISHED_LOOKS = 8 }; // at most so many windows a handover are looked up for being settled

// ---- windows that are away

static enum status reopen_empty(struct kept *kept, int64_t start_s) {
    const struct coverage nothing = {.to = kept->ledger.start};
    ledger_reopen(&kept->ledger, start_s, rows_create(), &nothing);
    return STATUS_OK;
}

static enum status reopen_part(struct keeper *k, struct kept *kept, const struct part_name *part,
                               struct problem *p) {
    struct rows *rows = rows_create();
    struct coverage coverage;
    enum status status = keep_files_read_part(k, part, rows, &coverage, p);
    if (status != STATUS_OK) {
        rows_destroy(&rows);
        return status;
    }
    log_info("window_reopened", FIELD("window", LOG_TIME(part->start_s)),
             FIELD("partition", LOG_INT(part->partition)), FIELD("to", LOG_INT(part->to)));
    ledger_reopen(&kept->ledger, part->start_s, rows, &coverage);
    return STATUS_OK;
}

static bool is_old(const struct ledger *l, int64_t start_s) {
    return start_s + WINDOW_S <= l->gone_before_s;
}

// A closed window's part is the one that its line names, and one's that gains apart the one that this stands
// beside, as another that is not ahead of us may have it already; a settled one's is the last of those. An
// old window's may have left the store.
static enum status part_find(struct keeper *k, const struct ledger *l, struct part_name *part,
                             struct problem *p) {
    const struct ledger_window *w = ledger_find(l, part->start_s);
    const struct pane *apart = ledger_apart(l, part->start_s);
    int64_t most = w != NULL ? w->to : apart != NULL ? apart->part_to : l->offset;
    part->to = most;
    if ((w != NULL || apart != NULL) && !is_old(l, part->start_s))
        return STATUS_OK;
    return keep_files_last_part(k, part, most, p);
}

// What the line of one that has left the store counted is settled, and so is what comes.
static enum status reopen(struct keeper *k, struct kept *kept, struct part_name *part, struct problem *p) {
    struct ledger *l = &kept->ledger;
    struct ledger_window *w = ledger_find(l, part->start_s);
    enum status status = part_find(k, l, part, p);
    if (status != STATUS_OK)
        return status;
    if (w != NULL && part->to < 0) {
        ledger_forget(l, w);
        return STATUS_OK;
    }
    return part->to < 0 ? reopen_empty(kept, part->start_s) : reopen_part(k, kept, part, p);
}

static struct part_name part_of(const struct ledger *l, int64_t start_s) {
    return (struct part_name){start_s, l->partition, l->start, -1};
}

// A part that cannot be read holds up its window alone: what comes for that stands apart, and is added to it
// when somebody has put the file back.
static enum status set_apart(struct kept *kept, const struct part_name *part, struct problem *p) {
    char what[sizeof(p->what)];
    snprintf(what, sizeof(what), "%s", p->what);
    problem_set(p, STATUS_BAD_DATA, "CLM-D3",
                "restore that file from a backup: what comes for its window is kept, and added then", "%s",
                what);
    log_problem(LOG_LEVEL_ERROR, "window_apart", p);
    if (ledger_apart(&kept->ledger, part->start_s) == NULL)
        ledger_set_apart(&kept->ledger, part->start_s, part->to);
    return STATUS_OK;
}

static enum status reopen_one(struct keeper *k, struct kept *kept, int64_t start_s, struct problem *p) {
    struct part_name part = part_of(&kept->ledger, start_s);
    enum status status = reopen(k, kept, &part, p);
    return status == STATUS_BAD_DATA ? set_apart(kept, &part, p) : status;
}

static enum status reopen_all(struct keeper *k, struct kept *kept, const struct handover *h,
                              struct problem *p) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < h->panes.count && status == STATUS_OK; i++) {
        int64_t start_s = h->panes.at[i].start_s;
        if (ledger_is_away(&kept->ledger, start_s) && ledger_apart(&kept->ledger, start_s) == NULL)
            status = reopen_one(k, kept, start_s, p);
    }
    return status;
}

// Is there anything to read for what stands apart?
static enum status join_one(struct keeper *k, struct kept *kept, struct part_name *part, struct problem *p) {
    enum status status = STATUS_OK;
    if (ledger_is_away(&kept->ledger, part->start_s))
        status = reopen(k, kept, part, p);
    if (status == STATUS_OK)
        ledger_join(&kept->ledger, part->start_s);
    return status;
}

// Told once a start: it is tried with every handover.
static enum status join_all(struct keeper *k, struct kept *kept, struct problem *p) {
    struct panes *apart = &kept->ledger.apart;
    for (size_t i = apart->count; i > 0; i--) {
        struct part_name part = part_of(&kept->ledger, apart->at[i - 1].start_s);
        enum status status = join_one(k, kept, &part, p);
        if (status == STATUS_BAD_DATA && !kept->told_apart)
            status = set_apart(kept, &part, p);
        if (status != STATUS_OK && status != STATUS_BAD_DATA)
            return status;
    }
    kept->told_apart = true;
    return STATUS_OK;
}

// ---- keeping

static enum status keep_parts(struct keeper *k, struct kept *kept, struct problem *p) {
    struct ledger *l = &kept->ledger;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < l->count && status == STATUS_OK; i++) {
        struct ledger_window *w = &l->at[i];
        if (!ledger_is_unkept(l, w))
            continue;
        if (w->orders_to > 0)
            status = keep_files_orders(k, kept, w, p);
        if (status == STATUS_OK)
            status = keep_files_part(k, kept, w, p);
        if (status == STATUS_OK)
            w->kept_to = w->to;
    }
    return status;
}

struct publication {
    struct keeper *keeper;
    const struct ledger *ledger;
    int64_t after_s;  // windows up to it were looked up before
    int64_t looked_s; // the last one
    int looks;
};

// It was published, long ago: else its part would still be there.
static bool has_left_the_store(const struct publication *publication, const struct ledger_window *w) {
    const struct ledger *l = publication->ledger;
    struct part_name part = {w->start_s, l->partition, l->start, -1};
    struct problem problem;
    return is_old(l, w->start_s) &&
           keep_files_last_part(publication->keeper, &part, w->to, &problem) == STATUS_OK && part.to < 0;
}

static bool is_published(void *context, const struct ledger_window *w) {
    struct publication *publication = context;
    struct problem problem;
    int64_t to;
    if (publication->looks == 0 || w->start_s <= publication->after_s)
        return false;
    publication->looks--;
    publication->looked_s = w->start_s;
    enum status status =
        keep_files_published(publication->keeper, w->start_s, publication->ledger->partition, &to, &problem);
    return (status == STATUS_OK && to >= w->to) || has_left_the_store(publication, w);
}

// They take turns: lines of windows that are never published, be they as many, hold up none.
static void settle(struct keeper *k, struct kept *kept) {
    struct publication publication = {k, &kept->ledger, kept->looked_s, 0, PUBLISHED_LOOKS};
    ledger_settle(&kept->ledger, is_published, &publication);
    kept->looked_s = publication.looks == 0 ? publication.looked_s : INT64_MIN;
}

static enum status keep_taken(struct keeper *k, struct kept *kept, const struct handover *h,
                              struct problem *p) {
    enum status status = keep_parts(k, kept, p);
    if (status == STATUS_OK)
        status = keep_files_checkpoint(k, kept, h, p);
    if (status == STATUS_OK)
        status = keep_files_through(k, kept, p);
    return status;
}

enum status keeper_keep(struct keeper *k, struct kept *kept, struct handover *h, struct problem *p) {
    if (!kept->taken) {
        kept->ledger.gone_before_s =
            k->retain_s > 0 ? retention_time(k, kept->ledger.sealed_s) - k->retain_s : 0;
        enum status status = join_all(k, kept, p);
        if (status == STATUS_OK)
            status = reopen_all(k, kept, h, p);
        if (status != STATUS_OK)
            return status;
        ledger_take(&kept->ledger, h);
        kept->taken = true;
    }
    enum status status = keep_taken(k, kept, h, p);
    if (status != STATUS_OK)
        return status;
    kept->taken = false;
    ledger_close(&kept->ledger, h->lateness_ms);
    settle(k, kept);
    keep_files_sweep(k, kept);
    return STATUS_OK;
}

void keeper_release(struct kept **kept) {
    if (*kept != NULL)
        ledger_fini(&(*kept)->ledger);
    free(*kept);
    *kept = NULL;
}
