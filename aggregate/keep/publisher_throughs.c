// How far the partitions have come: their sealed-through records, of each the newest that is whole.
#include <stdlib.h>

#include "aggregate/keep/keep_files.h"
#include "aggregate/keep/publisher_internal.h"
#include "runtime/log/log.h"
#include "runtime/memory.h"

enum { WAIT_TOLD_S = 2 * WINDOW_S, WAIT_TOLD_MS = 30000 };

// Events of lines that went are settled; if more are, lines came back and went while no record was read.
// Those that were late are no matter: no order is of a window that it is late for.
static bool settled_unseen(const struct progress *before, const struct progress *now) {
    uint64_t gone = 0;
    for (size_t i = 0; i < before->line_count; i++) {
        const struct line *line = &before->lines[i];
        if (progress_line(now, line->start_s) == NULL)
            gone += line->counted;
    }
    return now->settled_counted != before->settled_counted + gone;
}

void through_fini(struct through *t) {
    free(t->progress.lines);
    free(t->progress.apart);
}

static struct line *lines_copy(const struct line *lines, size_t count) {
    struct line *copy = memory_take((count + 1) * sizeof(*copy));
    for (size_t i = 0; i < count; i++)
        copy[i] = lines[i];
    return copy;
}

static void through_take(struct publisher *pub, const struct through_name *name,
                         const struct progress *progress) {
    struct through *t = &pub->throughs[name->partition];
    if (settled_unseen(&t->progress, progress)) {
        earlier_ask_again(pub->earlier);
        done_doubt(pub);
    }
    through_fini(t);
    t->name = *name;
    t->progress = *progress;
    t->progress.lines = lines_copy(progress->lines, progress->line_count);
    t->progress.apart = lines_copy(progress->apart, progress->apart_count);
    t->progress.viewers = NULL; // of checkpoints alone
    t->progress.viewer_count = 0;
}

static enum status through_read(struct publisher *pub, struct keeper *k, const struct through_name *name,
                                struct problem *p) {
    char text[NAME_MAX_LENGTH];
    struct shelf_file file;
    through_name_write(text, name);
    enum status status = keep_files_read(k, text, FILE_THROUGH, NULL, &file, p);
    if (status == STATUS_NO_INPUT)
        return STATUS_OK; // swept meanwhile: there is a later one
    if (status != STATUS_OK)
        return status;
    const struct progress *progress = snapshot_header(file.snapshot)->progress;
    if (progress->partition == name->partition && progress->offset == name->offset &&
        progress->sealed_s == name->sealed_s)
        through_take(pub, name, progress);
    else
        status = problem_set(p, STATUS_BAD_DATA, "CLM-D3", "clameur-aggregate verify",
                             "%s holds another record than its name says", text);
    shelf_file_fini(&file);
    return status;
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
enum status throughs_read(struct publisher *pub, struct keeper *k, struct problem *p) {
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

void throughs_note(struct publisher *pub, const struct keeper *k, int64_t now_ms) {
    earlier_forget(pub->earlier);
    for (uint32_t i = 0; i < pub->partitions; i++) {
        const struct through *t = &pub->throughs[i];
        pub->starts[i] = t->name.offset >= 0 || k->starts == NULL ? t->progress.start : k->starts[i];
        earlier_note(pub->earlier, &t->progress);
        waits_note(pub->waits, i, t->name.offset, t->progress.sealed_s, t->progress.watermark_ms, now_ms);
    }
    earlier_noted(pub->earlier);
}

void throughs_seal(struct publisher *pub) {
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

// A partition that lies windows behind the others is told, once, and not before it has for a while: where
// nothing is wrong all seal a window within moments of each other, also at a start.
static void wait_tell(struct publisher *pub, bool behind, int64_t others_s, int64_t now_ms) {
    const struct publisher_figures *f = &pub->figures;
    int64_t awaited = behind ? f->waits_for : -1;
    if (awaited != pub->awaited) {
        pub->awaited = awaited;
        pub->awaited_ms = now_ms;
        pub->is_wait_told = false;
    }
    if (!behind || pub->is_wait_told || now_ms - pub->awaited_ms < WAIT_TOLD_MS)
        return;
    pub->is_wait_told = true;
    log_warn("windows_wait", FIELD("partition", LOG_INT(f->waits_for)),
             FIELD("sealed", f->sealed_s > 0 ? LOG_TIME(f->sealed_s) : LOG_TEXT(NULL)),
             FIELD("others", LOG_TIME(others_s)), FIELD("windows", LOG_INT(f->waiting)));
}

void throughs_wait(struct publisher *pub, int64_t now_ms) {
    struct publisher_figures *f = &pub->figures;
    const struct progress *ahead = furthest(pub);
    f->waiting = 0;
    for (size_t i = 0; i < ahead->line_count; i++) {
        int64_t end_s = ahead->lines[i].start_s + WINDOW_S;
        f->waiting += end_s > f->sealed_s && end_s <= ahead->sealed_s;
    }
    bool behind = f->waiting > 0 && ahead->sealed_s >= f->sealed_s + WAIT_TOLD_S;
    wait_tell(pub, behind, ahead->sealed_s, now_ms);
}
