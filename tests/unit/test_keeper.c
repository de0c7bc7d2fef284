// Ledger, keeper and publisher against a straightforward sum of the log, in a world where any operation on
// the store may be refused, may be done and its answer lost, and may be a process' last; where partitions
// change hands, and who lost one hears of it late, or is stopped in the middle; where the clocks of hosts are
// wrong, checkpoints and through records are torn, and parts until somebody restores them. Whatever is
// published, at every moment, is the sum of the prefixes that its coverage names, and complete, or says which
// partition it lacks; and in the end all of the log is, complete.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/log/log.h"
#include "tests/unit/keeper_world.h"

// ---- a process

static void reader_drop(struct reader *r) {
    keeper_release(&r->kept);
    panes_fini(&r->panes);
    viewers_fini(&r->viewers);
    handover_fini(&r->handover);
    *r = (struct reader){0};
}

static void process_drop(struct process *process) {
    for (int p = 0; p < PARTITIONS; p++)
        reader_drop(&process->readers[p]);
    publisher_destroy(&process->publisher);
}

static void process_begin(struct process *process) {
    process_drop(process);
    process->publisher = publisher_create(PARTITIONS, INCOMPLETE_AFTER_MS);
    process->dead = process->deaf = false;
    process->clock_error_ms =
        draw(process->world, 3) == 0 ? (int64_t)draw(process->world, 300) * MINUTE - 150 * MINUTE : 0;
}

// What stands apart is what the log has since the part that it stands beside.
static void apart_check(struct world *w, int partition, const struct ledger *l, const struct pane *apart) {
    char name[64];
    struct rows *expected = rows_create(), *rows = rows_create();
    struct coverage part = log_sum(w, partition, apart->start_s, apart->part_to, rows);
    struct coverage sum = log_sum(w, partition, apart->start_s, l->offset, expected);
    snprintf(name, sizeof(name), "partition %d restored at %" PRId64 ", window %" PRId64, partition,
             l->offset, apart->start_s);
    rows_merge(rows, apart->rows);
    if (part.counted + apart->counted != sum.counted || part.late + apart->late != sum.late)
        world_fail(w, "what it counts apart is not the log's", name);
    if (sum.to != apart->to || !is_same(rows, expected, FILE_PART))
        world_fail(w, "its rows apart are not the log's", name);
    rows_destroy(&rows);
    rows_destroy(&expected);
}

// What has been restored is what the log says.
static void restored_check(struct world *w, int partition, const struct ledger *l) {
    char name[64];
    for (size_t i = 0; i < l->apart.count; i++)
        apart_check(w, partition, l, &l->apart.at[i]);
    for (size_t i = 0; i < l->count; i++) {
        if (ledger_apart(l, l->at[i].start_s) != NULL)
            continue;
        struct rows *expected = rows_create();
        struct coverage sum = log_sum(w, partition, l->at[i].start_s, l->offset, expected);
        snprintf(name, sizeof(name), "partition %d restored at %" PRId64 ", window %" PRId64, partition,
                 l->offset, l->at[i].start_s);
        if (sum.counted != l->at[i].counted || sum.late != l->at[i].late || sum.to != l->at[i].to)
            world_fail(w, "its line is not the log's", name);
        if (l->at[i].rows != NULL && !is_same(l->at[i].rows, expected, FILE_PART))
            world_fail(w, "its rows are not the log's", name);
        rows_destroy(&expected);
    }
}

// Whoever restores knows whether a crash came between the checkpoint and its through record: else nobody
// would hear, until there is more to tell, of what is in the checkpoint.
static void told_check(struct world *w, const struct kept *kept) {
    const struct ledger *l = &kept->ledger;
    char name[NAME_MAX_LENGTH];
    through_name_write(name, &(struct through_name){l->partition, l->offset, l->sealed_s});
    if (kept->told && file_find(&w->store, name) == NULL)
        world_fail(w, "it is said to be there", name);
}

static void reader_restore(struct process *process, int p) {
    struct reader *r = &process->readers[p];
    struct world *w = process->world;
    struct problem problem;
    enum status status = keeper_restore(&process->keeper, (uint32_t)p, 0, &r->kept, &problem);
    if (status == STATUS_TRY_AGAIN)
        return;
    if (status != STATUS_OK)
        world_fail(w, problem.what, "restore");
    const struct ledger *l = &r->kept->ledger;
    restored_check(w, p, l);
    told_check(w, r->kept);
    for (r->next = 0; r->next < w->logs[p].count && w->logs[p].at[r->next].offset < l->offset;)
        r->next++;
    viewers_copy(&r->viewers, &l->viewers);
    r->watermark_ms = l->watermark_ms;
    r->read = l->read;
    r->rejected = l->rejected;
    r->duplicate = l->duplicate;
}

static void reader_take(struct reader *r, const struct entry *e) {
    r->read++;
    r->rejected += e->kind == REJECTED;
    r->duplicate += e->kind == DUPLICATE;
    if (e->kind > PURCHASE)
        return;
    entry_take(&r->panes, &r->viewers, e);
    if (e->occurred_at_ms - world_rules.window_disorder_ms > r->watermark_ms)
        r->watermark_ms = e->occurred_at_ms - world_rules.window_disorder_ms;
}

static void reader_read(struct process *process, int p) {
    struct reader *r = &process->readers[p];
    struct world *w = process->world;
    const struct log *log = &w->logs[p];
    for (uint64_t n = draw(w, 20); n > 0 && r->next < log->count; n--)
        reader_take(r, &log->at[r->next++]);
    int64_t clock_ms = w->clock_ms + process->clock_error_ms - world_rules.window_disorder_ms;
    if (r->next == log->count && clock_ms > r->watermark_ms && (w->quiet || draw(w, 4) == 0))
        r->watermark_ms = clock_ms; // a quiet log follows the clock
}

static int64_t reader_offset(const struct world *w, int p) {
    const struct reader *r = &w->processes[me->number].readers[p];
    return r->next < w->logs[p].count ? w->logs[p].at[r->next].offset : w->logs[p].end;
}

static void reader_hand_over(struct process *process, int p) {
    struct reader *r = &process->readers[p];
    r->handover = (struct handover){.offset = reader_offset(process->world, p),
                                    .watermark_ms = r->watermark_ms,
                                    .read = r->read,
                                    .rejected = r->rejected,
                                    .duplicate = r->duplicate,
                                    .lateness_ms = world_rules.window_lateness_ms,
                                    .panes = r->panes,
                                    .viewer_events = r->viewers.events};
    r->handover.viewers = viewers_take_changed(&r->viewers, &r->handover.viewer_count);
    r->panes = (struct panes){0};
    r->handing = true;
}

static void reader_keep(struct process *process, int p) {
    struct reader *r = &process->readers[p];
    struct problem problem;
    enum status status = keeper_keep(&process->keeper, r->kept, &r->handover, &problem);
    if (status == STATUS_TRY_AGAIN)
        return;
    if (status == STATUS_BAD_DATA && is_of_what_left(process->world, &problem)) {
        process->dead = true; // a clear stop, of one that slept for a day
        return;
    }
    if (status != STATUS_OK)
        world_fail(process->world, problem.what, "keep");
    r->handing = false;
    handover_fini(&r->handover);
}

static void reader_turn(struct process *process, int p) {
    struct reader *r = &process->readers[p];
    if (!process->owned[p]) {
        reader_drop(r);
    } else if (r->kept == NULL) {
        reader_restore(process, p);
    } else if (r->handing) {
        reader_keep(process, p);
    } else {
        reader_read(process, p);
        if (draw(process->world, 2) == 0)
            reader_hand_over(process, p);
    }
}

static void process_publish(struct process *process) {
    struct problem problem;
    bool more;
    enum status status = publisher_run(process->publisher, &process->keeper, process->owned, 8,
                                       process->world->clock_ms, &more, &problem);
    if (status != STATUS_OK && status != STATUS_TRY_AGAIN && !is_of_what_left(process->world, &problem) &&
        !is_of_what_was_torn(process->world, &problem))
        world_fail(process->world, problem.what, "publish");
}

static void process_retain(struct process *process) {
    const struct retention terms = {.sealed_s = publisher_figures(process->publisher).sealed_s,
                                    .owned = process->owned,
                                    .is_open = publisher_has_open,
                                    .context = process->publisher};
    struct problem problem;
    size_t removed;
    bool more;
    enum status status = retention_run(&process->keeper, &terms, 64, &removed, &more, &problem);
    if (status != STATUS_OK && status != STATUS_TRY_AGAIN)
        world_fail(process->world, problem.what, "retain");
    process->world->removed += removed;
}

static void process_turn(struct process *process) {
    struct world *w = process->world;
    if (process->dead || process->publisher == NULL)
        process_begin(process);
    for (int p = 0; p < PARTITIONS && !process->deaf; p++)
        process->owned[p] = w->owners[p] == process->number;
    for (int p = 0; p < PARTITIONS; p++)
        reader_turn(process, p);
    if (draw(w, 3) == 0)
        process_publish(process);
    if (w->retain_s > 0 && draw(w, 30) == 0)
        process_retain(process);
}

static void *process_live(void *context) {
    me = context;
    sem_wait(&me->go);
    while (!me->world->ending) {
        process_turn(me);
        hand_back();
    }
    process_drop(me);
    me->ended = true;
    sem_post(&me->world->back);
    return NULL;
}

static void process_resume(struct world *w, struct process *process) {
    sem_post(&process->go);
    sem_wait(&w->back);
}

// ---- what happens in the world

enum { STEPS = 12000, RETAIN_S = 2 * 86400 };

// Most events occurred just now; some a while ago, some by a clock that is fast.
static int64_t occurred_at(struct world *w) {
    uint64_t chance = draw(w, 100);
    int64_t behind_ms = (int64_t)draw(w, 2 * MINUTE);
    if (chance < 8)
        behind_ms = (int64_t)draw(w, 240 * MINUTE);
    else if (chance < 10)
        behind_ms = (int64_t)draw(w, (uint64_t)(w->clock_ms - FIRST_S * 1000));
    else if (chance < 12)
        behind_ms = -(int64_t)draw(w, 120 * MINUTE);
    int64_t at_ms = w->clock_ms - behind_ms;
    return at_ms > FIRST_S * 1000 ? at_ms : FIRST_S * 1000;
}

static void log_grow(struct world *w) {
    struct log *log = &w->logs[draw(w, PARTITIONS)];
    if (log->count == ENTRIES_MAX)
        return;
    uint64_t chance = draw(w, 50);
    log->end += draw(w, 20) == 0; // a transaction's marker
    log->at[log->count++] = (struct entry){.offset = log->end++,
                                           .time_ms = w->clock_ms,
                                           .occurred_at_ms = occurred_at(w),
                                           .delta = draw(w, 5) == 0 ? -1 : (int64_t)draw(w, 9) + 1,
                                           .kind = chance < 8    ? PURCHASE
                                                   : chance < 9  ? REJECTED
                                                   : chance < 10 ? DUPLICATE
                                                                 : LIKE,
                                           .number = w->numbers++};
}

static bool tears(const char *name) {
    return strncmp(name, "checkpoints/", 12) == 0 || strncmp(name, "through/", 8) == 0;
}

static void file_tear(struct world *w) {
    if (w->store.count == 0 || w->seed % 2 == 0)
        return;
    struct file *file = &w->store.files[draw(w, w->store.count)];
    if (!tears(file->name) || file->length == 0)
        return;
    w->torn++;
    if (draw(w, 2) == 0)
        file->length = draw(w, file->length);
    else
        file->bytes[draw(w, file->length)] ^= (char)(1 << draw(w, 8));
}

static bool is_part(const struct file *file) {
    return strncmp(file->name, "parts/", 6) == 0;
}

static void parts_tear(struct world *w) {
    for (size_t i = 0; i < w->store.count; i++) {
        struct file *file = &w->store.files[i];
        if (is_part(file) && draw(w, 4) == 0)
            file->is_torn = file->was_torn = true;
    }
}

static void parts_restore(struct world *w) {
    for (size_t i = 0; i < w->store.count; i++)
        w->store.files[i].is_torn &= !w->quiet && draw(w, 2) == 0;
}

static void something_happens(struct world *w, int64_t pace_ms) {
    struct process *process = &w->processes[draw(w, PROCESSES)];
    switch (draw(w, 400)) {
    case 0:
        w->owners[draw(w, PARTITIONS)] = (int)draw(w, PROCESSES);
        process->deaf = draw(w, 2) == 0;
        return;
    case 1:
        process->deaf = false;
        return;
    case 2:
        process->sleeping = (int)draw(w, draw(w, 4) == 0 ? STEPS : 1000);
        return;
    case 3:
        process->dead = true;
        w->crashes++;
        return;
    case 4:
        file_tear(w);
        return;
    case 5:
        if (w->seed % 3 != 0)
            parts_tear(w);
        return;
    case 6:
        parts_restore(w);
        return;
    default:
        break;
    }
    if (draw(w, 4) == 0) {
        log_grow(w);
        w->clock_ms += (int64_t)draw(w, (uint64_t)pace_ms);
    }
    if (process->sleeping > 0)
        process->sleeping--;
    else
        process_resume(w, process);
}

// ---- the end: what is published is the log

static const struct file *newest_of(struct world *w, int64_t start_s) {
    char folder[40];
    const struct file *newest = NULL;
    snprintf(folder, sizeof(folder), "snapshots/%" PRId64 "/", start_s);
    for (size_t i = 0; i < w->store.count; i++) {
        const struct file *file = &w->store.files[i];
        if (strncmp(file->name, folder, strlen(folder)) == 0 &&
            (newest == NULL || strcmp(file->name, newest->name) > 0))
            newest = file;
    }
    return newest;
}

// Orders are read for two days longer than what they are of.
static bool orders_may_be_gone(const struct world *w, int64_t start_s) {
    return w->retain_s > 0 && may_have_left(w, start_s + 48 * 3600);
}

static bool is_looked_up(const struct world *w, const struct header *header, int64_t start_s,
                         uint32_t partition, int64_t to) {
    for (size_t i = 0; i < header->earlier_count; i++) {
        const struct earlier_orders *at = &header->earlier[i];
        if (at->start_s == start_s &&
            (at->gone ? orders_may_be_gone(w, start_s) : at->partition == partition && at->to >= to))
            return true;
    }
    return to == 0;
}

// The orders of its refunds were looked up as far as the log has any.
static bool are_refunds_covered(const struct world *w, const struct header *header) {
    struct rows *rows = rows_create();
    int64_t *windows;
    bool covered = true;
    for (int p = 0; p < PARTITIONS; p++)
        log_sum(w, p, header->start_s, w->logs[p].end, rows);
    size_t count = rows_refund_windows(rows, &windows);
    for (size_t i = 0; i < count; i++) {
        for (uint32_t p = 0; p < PARTITIONS && windows[i] < header->start_s && windows[i] >= FIRST_S; p++) {
            int64_t to = log_sum(w, (int)p, windows[i], w->logs[p].end, NULL).orders_to;
            covered &= is_looked_up(w, header, windows[i], p, to);
        }
    }
    free(windows);
    rows_destroy(&rows);
    return covered;
}

static bool is_covered(struct world *w, int64_t start_s, const struct file *file, const int64_t *to) {
    struct snapshot *s;
    struct problem problem;
    bool covered = true;
    if (snapshot_open(&s, file->name, file->bytes, file->length, &problem) != STATUS_OK)
        world_fail(w, problem.what, file->name);
    for (int p = 0; p < PARTITIONS; p++)
        covered &= snapshot_header(s)->coverage[p].to >= to[p] && !snapshot_header(s)->coverage[p].missing;
    covered = covered && are_refunds_covered(w, snapshot_header(s));
    snapshot_close(&s);
    return covered;
}

static bool all_is_published(struct world *w) {
    for (int i = 0; i < WINDOWS; i++) {
        int64_t to[PARTITIONS];
        bool any = false;
        for (int p = 0; p < PARTITIONS; p++) {
            to[p] = log_sum(w, p, window_at(i), w->logs[p].end, NULL).to;
            any |= to[p] > 0;
        }
        const struct file *newest = any ? newest_of(w, window_at(i)) : NULL;
        if (any && !is_let_go(w, window_at(i)) &&
            (newest == NULL || !is_covered(w, window_at(i), newest, to)))
            return false;
    }
    return true;
}

static void world_settle(struct world *w) {
    w->quiet = true;
    parts_restore(w);
    w->clock_ms += 24 * 60 * MINUTE;
    for (int i = 0; i < PROCESSES; i++) {
        w->processes[i].deaf = false;
        w->processes[i].clock_error_ms = 0;
    }
    for (int rounds = 0; rounds < 300; rounds++) {
        for (int i = 0; i < 200 * PROCESSES; i++)
            process_resume(w, &w->processes[i % PROCESSES]);
        if (all_is_published(w))
            return;
    }
    world_fail(w, "not all of the log is published in the end", "world");
}

static struct world *world_create(uint64_t seed, int64_t retain_s) {
    struct world *w = memory_take(sizeof(*w));
    w->seed = w->chance = seed;
    w->retain_s = retain_s;
    w->clock_ms = FIRST_S * 1000 + MINUTE;
    w->store.store.kind = &memory_kind;
    w->store.world = w;
    w->chances = (struct chances){(unsigned)draw(w, 300), (unsigned)draw(w, 300), (unsigned)draw(w, 30),
                                  (unsigned)draw(w, 30)};
    memset(w->sealed_at, 0xff, sizeof(w->sealed_at));
    sem_init(&w->back, 0, 0);
    for (int i = 0; i < PROCESSES; i++) {
        struct process *process = &w->processes[i];
        process->world = w;
        process->number = i;
        process->keeper = (struct keeper){.store = &w->store.store,
                                          .topic = "engagement",
                                          .topic_id = "",
                                          .rules_hash = "rules",
                                          .kpis_hash = "kpis",
                                          .partitions = PARTITIONS,
                                          .retain_s = retain_s,
                                          .now_s = INT64_MAX};
        sem_init(&process->go, 0, 0);
        pthread_create(&process->thread, NULL, process_live, process);
    }
    return w;
}

static void world_end(struct world *w) {
    w->ending = true;
    for (int i = 0; i < PROCESSES; i++) {
        struct process *process = &w->processes[i];
        process->dead = true;
        while (!process->ended) // it comes to the end of its turn
            process_resume(w, process);
        pthread_join(process->thread, NULL);
        sem_destroy(&process->go);
    }
    sem_destroy(&w->back);
    store_close(&(struct store *){&w->store.store});
    free(w);
}

static void live(uint64_t seed, int64_t pace_ms, int64_t retain_s) {
    struct world *w = world_create(seed, retain_s);
    for (int i = 0; i < STEPS; i++)
        something_happens(w, pace_ms);
    world_settle(w);
    print_message("seed %" PRIu64 ": %" PRIu64 " parts, %" PRIu64 " checkpoints, %" PRIu64
                  " snapshots, %" PRIu64 " incomplete, %" PRIu64 " settled, %" PRIu64 " torn, %" PRIu64
                  " apart, %" PRIu64 " removed\n",
                  seed, w->parts, w->checkpoints, w->snapshots, w->incomplete, w->settled, w->torn, w->apart,
                  w->removed);
    world_end(w);
}

static void in_a_few_windows(void **state) {
    for (uint64_t seed = 1; seed <= 5; seed++)
        live(seed, 20000, 0);
}

static void over_days(void **state) {
    for (uint64_t seed = 1; seed <= 1; seed++)
        live(seed, 8 * MINUTE, 0);
}

static void over_days_of_which_some_leave_the_store(void **state) {
    for (uint64_t seed = 2; seed <= 2; seed++)
        live(seed, 8 * MINUTE, RETAIN_S);
}

// `test_keeper FIRST LAST`: these seeds, both ways.
int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_a_few_windows), cmocka_unit_test(over_days),
                                       cmocka_unit_test(over_days_of_which_some_leave_the_store)};
    log_configure("error", "text");
    if (argc != 3)
        return cmocka_run_group_tests(tests, NULL, NULL);
    for (uint64_t seed = strtoull(argv[1], NULL, 10); seed <= strtoull(argv[2], NULL, 10); seed++) {
        live(seed, 20000, 0);
        live(seed, 8 * MINUTE, 0);
        live(seed, 8 * MINUTE, RETAIN_S);
    }
    return 0;
}
