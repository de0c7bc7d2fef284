// A world for ledgers, keepers and publishers: a log of three partitions that grows, a store in memory, and
// three processes that share the partitions. Each process is a thread, and one alone runs at a time: at every
// operation on the store, and between its turns, it hands back to the world, which says who goes on, and what
// becomes of the operation. So everything that can come between two operations comes between them at some
// time, and a seed says all that happens.
//
// Every file is checked as it is written: what it holds must be the sum of the log's prefix that it names.
#pragma once

#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/keep/publisher.h"
#include "aggregate/keep/retention.h"
#include "runtime/hash.h"
#include "runtime/memory.h"
#include "stream/store/store_kind.h"

enum { PARTITIONS = 3, PROCESSES = 3, ENTRIES_MAX = 4096, WINDOWS = 1024, CONTENTS = 4 };
#define FIRST_S             INT64_C(1767225600)
#define MINUTE              INT64_C(60000)
#define INCOMPLETE_AFTER_MS (45 * MINUTE)

// Who is silent leaves in another window than that in which he was heard.
static const struct rules world_rules = {.window_disorder_ms = MINUTE,
                                         .window_lateness_ms = 10 * MINUTE,
                                         .window_heartbeat_ms = 20 * MINUTE,
                                         .window_refunds_ms = 5 * 24 * 60 * MINUTE};

// ---- the log

enum entry_kind { LIKE, PURCHASE, REJECTED, DUPLICATE };

struct entry {
    int64_t offset, time_ms, occurred_at_ms, delta;
    enum entry_kind kind;
    uint32_t number;
};

struct log {
    struct entry at[ENTRIES_MAX];
    size_t count;
    int64_t end;
};

// ---- the store

struct file {
    char name[NAME_MAX_LENGTH];
    char *bytes;
    size_t length;
    bool is_torn, was_torn; // a part: until somebody restores it
};

struct memory_store {
    struct store store;
    struct world *world;
    struct file *files;
    size_t count, room;
};

// ---- the processes

struct reader { // of a partition
    struct kept *kept;
    struct handover handover;
    bool handing;
    struct panes panes;
    struct viewers viewers;
    size_t next; // entry
    int64_t watermark_ms;
    uint64_t read, rejected, duplicate;
};

struct process {
    struct world *world;
    int number;
    pthread_t thread;
    sem_t go;
    bool dead;    // the store takes nothing from it any more; it begins again with its next turn
    bool deaf;    // it has not heard who owns what now
    int sleeping; // it is stopped for so many steps
    bool ended;
    bool owned[PARTITIONS];
    struct reader readers[PARTITIONS];
    struct keeper keeper;
    struct publisher *publisher;
    int64_t clock_error_ms;
};

struct chances { // of an operation, in 10,000
    unsigned refused, lost, crash_before, crash_after;
};

struct world {
    uint64_t seed, chance;
    struct log logs[PARTITIONS];
    struct memory_store store;
    struct process processes[PROCESSES];
    int owners[PARTITIONS];
    sem_t back;
    bool ending, quiet;
    struct chances chances;
    int64_t clock_ms;
    uint32_t numbers;
    int64_t retain_s;             // 0: files stay
    int64_t sealed_s[PARTITIONS]; // as far as any record says
    int64_t latest_ms;            // greatest watermark of a through record
    int64_t sealed_at[PARTITIONS]
                     [WINDOWS]; // least offset of a through record that seals the window; -1: none
    uint64_t parts, checkpoints, throughs, snapshots, crashes, settled, revisions, torn, incomplete, removed,
        apart; // windows in through records
};

static _Thread_local struct process *me; // NULL: the world itself

static void world_fail(const struct world *w, const char *what, const char *name) {
    fprintf(stderr, "seed %" PRIu64 ": %s: %s\n", w->seed, name, what);
    abort();
}

static uint64_t draw(struct world *w, uint64_t below) {
    w->chance = hash_integer(w->chance + 0x9e3779b97f4a7c15);
    return w->chance % below;
}

static int64_t window_at(int index) {
    return FIRST_S + (int64_t)index * WINDOW_S;
}

static int index_of(int64_t start_s) {
    return (int)((start_s - FIRST_S) / WINDOW_S);
}

// ---- what the log says

// Who it is of, and what it is beside a like: something of every table, so that none is lost on any way.
static void event_vary(struct event *e, uint32_t number) {
    static const uint32_t kinds[] = {KIND_LIKE,          KIND_LIVE_JOIN, KIND_LIVE_LEAVE,
                                     KIND_CASE_RESOLVED, KIND_VIEW,      KIND_LIVE_HEARTBEAT};
    static const struct reading views = {{"views", 5}, 7};
    uint64_t hash = hash_integer(number % 50);
    e->consent = CONSENT_MEASUREMENT;
    e->has_actor = true;
    memcpy(e->actor, &hash, sizeof(hash));
    if (e->kind == KIND_PURCHASE)
        return;
    e->kind = number % 11 == 0 ? KIND_READING : kinds[number % 6];
    e->session = slice_of("show");
    e->since_ms = e->occurred_at_ms - (int64_t)(number % 100) * MINUTE;
    e->measures[0] = (struct measure){COUNTER_WATCH_MS, number % 1000};
    e->measure_count = e->kind == KIND_VIEW;
    e->read_at_ms = e->occurred_at_ms;
    e->readings = &views;
    e->reading_count = 1;
}

enum { ORDERS = 2, ORDER_TEXT = 40 };

// One of the orders of that window.
static struct slice order_name(char out[ORDER_TEXT], int64_t at_ms, uint32_t number) {
    snprintf(out, ORDER_TEXT, "%" PRId64 "-%u", window_start_s(at_ms), number % ORDERS);
    return slice_of(out);
}

// Some give back an order of this window, or of one before, up to days; at times of one that nobody placed.
static void refund_vary(struct event *e, uint32_t number, char order[ORDER_TEXT]) {
    static const int64_t back[] = {0, 1, 2, 3, 5, 40, 300};
    if (number % 7 != 3 || e->kind == KIND_PURCHASE)
        return;
    e->kind = KIND_REFUND;
    e->readings = NULL;
    e->reading_count = 0;
    e->measure_count = 0;
    e->content = slice_of("reel");
    e->delta = number / 7 % 2 == 0 ? 1 : -1; // one takes back what another gave
    e->order_occurred_at_ms = e->occurred_at_ms - back[number / 14 % 7] * WINDOW_S * 1000;
    e->order_occurred_at_ms -= e->order_occurred_at_ms % (WINDOW_S * 1000);
    e->order = order_name(order, e->order_occurred_at_ms, number);
}

// Takes entries that are no rejects and no duplicates, as the data thread does. Without panes it takes whose
// presence they are of alone.
static void entry_take(struct panes *panes, struct viewers *viewers, const struct entry *e) {
    struct presence_change change;
    static const char contents[CONTENTS][8] = {"reel", "story", "live", "clip"};
    char order[ORDER_TEXT];
    struct event event = {.occurred_at_ms = e->occurred_at_ms,
                          .platform = PLATFORM_TIKTOK,
                          .kind = e->kind == PURCHASE ? KIND_PURCHASE : KIND_LIKE,
                          .delta = e->delta,
                          .account = {"acme", 4},
                          .content = slice_of(contents[e->number % CONTENTS])};
    memcpy(event.id, &e->number, sizeof(e->number));
    if (e->kind == PURCHASE) // of one window: across windows is for others to test
        event.order = order_name(order, e->occurred_at_ms, e->number);
    event_vary(&event, e->number);
    refund_vary(&event, e->number, order);
    if (panes != NULL)
        panes_take(panes, viewers, &event, e->offset, &world_rules, e->time_ms);
    else if (!window_is_late(window_start_s(e->occurred_at_ms), &world_rules, e->time_ms))
        viewers_take(viewers, &event, &world_rules, &change);
}

// The window's rows after a partition's prefix, and what of it is counted and late.
static struct coverage log_sum(const struct world *w, int partition, int64_t start_s, int64_t before,
                               struct rows *rows) {
    const struct log *log = &w->logs[partition];
    struct panes panes = {0};
    struct viewers viewers = {0};
    for (size_t i = 0; i < log->count && log->at[i].offset < before; i++) {
        const struct entry *e = &log->at[i];
        bool is_its = window_start_s(e->occurred_at_ms) == start_s;
        if (e->kind <= PURCHASE)
            entry_take(is_its ? &panes : NULL, &viewers, e);
    }
    viewers_fini(&viewers);
    struct coverage sum = {.partition = (uint32_t)partition};
    if (panes.count > 0) {
        sum.counted = panes.at[0].counted;
        sum.late = panes.at[0].late;
        sum.to = panes.at[0].to;
        sum.orders_to = panes.at[0].orders_to;
        pane_settle(&panes.at[0]);
        if (rows != NULL)
            rows_merge(rows, panes.at[0].rows);
    }
    panes_fini(&panes);
    return sum;
}

static bool is_same(const struct rows *a, const struct rows *b, enum file_kind kind) {
    const struct header header = {
        .kind = kind, .topic = "", .topic_id = "", .rules_hash = "", .kpis_hash = ""};
    const struct snapshot_window windows[] = {{0, a}, {0, b}};
    struct snapshot_bytes bytes[2];
    snapshot_write(&bytes[0], &header, &windows[0], 1);
    snapshot_write(&bytes[1], &header, &windows[1], 1);
    bool same = memcmp(bytes[0].sum, bytes[1].sum, SNAPSHOT_SUM_SIZE) == 0;
    snapshot_bytes_fini(&bytes[0]);
    snapshot_bytes_fini(&bytes[1]);
    return same;
}

// ---- what has left the store

// Its files may be gone, and what a zombie writes of it is of no use to anybody.
static bool may_have_left(const struct world *w, int64_t start_s) {
    int64_t sealed_s = w->sealed_s[0];
    for (int p = 1; p < PARTITIONS; p++)
        sealed_s = w->sealed_s[p] < sealed_s ? w->sealed_s[p] : sealed_s;
    return start_s + WINDOW_S <= retention_horizon(sealed_s, w->retain_s);
}

// Some partition has let go of it: what came later is not in it.
static bool is_let_go(const struct world *w, int64_t start_s) {
    bool is_old = false;
    for (int p = 0; p < PARTITIONS; p++)
        is_old |= w->retain_s > 0 && start_s + WINDOW_S <= w->sealed_s[p] - w->retain_s;
    return is_old;
}

// Is it of a file that has left the store while somebody slept?
static bool is_of_what_left(const struct world *w, const struct problem *p) {
    const char *at = strstr(p->what, "parts/");
    at = at != NULL ? at : strstr(p->what, "orders/");
    return at != NULL && may_have_left(w, strtoll(strchr(at, '/') + 1, NULL, 10));
}

static bool is_of_what_was_torn(const struct world *w, const struct problem *p) {
    size_t i = 0;
    while (i < w->store.count &&
           (!w->store.files[i].was_torn || strstr(p->what, w->store.files[i].name) == NULL))
        i++;
    return i < w->store.count;
}

// ---- files are checked as they are written

static void coverage_check(struct world *w, const char *name, const struct header *header,
                           const struct coverage *c, struct rows *expected) {
    struct coverage sum = log_sum(w, (int)c->partition, header->start_s, c->to, expected);
    if (sum.to != c->to)
        world_fail(w, "it reaches further than the last record of its window", name);
    if (sum.counted != c->counted || sum.late != c->late)
        world_fail(w, "its events are not those of the log", name);
}

// A window that lacks a partition says so, has nothing of it, and was waited with.
static void missing_check(struct world *w, const char *name, const struct header *header,
                          const struct coverage *c) {
    w->incomplete++;
    if (c->to != 0 || c->counted != 0 || c->late != 0)
        world_fail(w, "it has events of a partition that it says to lack", name);
    if (w->latest_ms < (header->start_s + WINDOW_S) * 1000 + INCOMPLETE_AFTER_MS)
        world_fail(w, "published without a partition before it had waited", name);
}

// All partitions have sealed the window, or are said to be missing, and it holds what they had when they did.
static void complete_check(struct world *w, const char *name, const struct header *header) {
    if (header->coverage_count != PARTITIONS)
        world_fail(w, "it does not cover all partitions", name);
    for (int p = 0; p < PARTITIONS; p++) {
        if (header->coverage[p].missing) {
            missing_check(w, name, header, &header->coverage[p]);
            continue;
        }
        int64_t sealed_at = w->sealed_at[p][index_of(header->start_s)];
        if (sealed_at < 0)
            world_fail(w, "published before all have sealed it", name);
        if (log_sum(w, p, header->start_s, sealed_at, NULL).to > header->coverage[p].to)
            world_fail(w, "it lacks what had been sealed", name);
    }
}

// Refunds find the orders that the header names, and no others.
static void refunds_settle(const struct world *w, const struct header *header, struct rows *rows) {
    int64_t *windows;
    size_t count = rows_refund_windows(rows, &windows);
    for (size_t i = 0; i < count; i++) {
        struct rows *sold = rows_create();
        for (size_t e = 0; e < header->earlier_count; e++) {
            const struct earlier_orders *at = &header->earlier[e];
            if (at->start_s == windows[i] && !at->gone)
                log_sum(w, (int)at->partition, at->start_s, at->to, sold);
        }
        rows_settle_refunds(rows, windows[i], windows[i] == header->start_s ? rows : sold);
        rows_destroy(&sold);
    }
    free(windows);
}

static void rows_check(struct world *w, const char *name, struct snapshot *s, const struct rows *rows) {
    const struct header *header = snapshot_header(s);
    struct rows *expected = rows_create();
    for (size_t i = 0; i < header->coverage_count; i++)
        coverage_check(w, name, header, &header->coverage[i], expected);
    if (header->kind == FILE_WINDOW) {
        rows_settle(expected, NULL);
        refunds_settle(w, header, expected);
        rows_unite(expected);
    }
    if (!is_same(rows, expected, header->kind))
        world_fail(w, "its rows are not the sum of the log", name);
    rows_destroy(&expected);
}

// What became of every event before the record's offset, by window.
static void progress_check(struct world *w, const char *name, const struct progress *progress) {
    const struct log *log = &w->logs[progress->partition];
    uint64_t events[WINDOWS] = {0}, read = 0, rejected = 0, duplicate = 0, settled = 0;
    for (size_t i = 0; i < log->count && log->at[i].offset < progress->offset; i++) {
        const struct entry *e = &log->at[i];
        read++;
        rejected += e->kind == REJECTED;
        duplicate += e->kind == DUPLICATE;
        if (e->kind <= PURCHASE)
            events[index_of(window_start_s(e->occurred_at_ms))]++;
    }
    for (size_t i = 0; i < progress->apart_count; i++) {
        const struct line *apart = &progress->apart[i];
        events[index_of(apart->start_s)] -= apart->counted + apart->late;
    }
    for (size_t i = 0; i < progress->line_count; i++) {
        const struct line *line = &progress->lines[i];
        if (events[index_of(line->start_s)] != line->counted + line->late)
            world_fail(w, "a line is not the log's", name);
        events[index_of(line->start_s)] = 0;
    }
    for (int i = 0; i < WINDOWS; i++) {
        if (events[i] > 0 && window_at(i) >= progress->settled_before_s)
            world_fail(w, "a window has no line and has not been settled", name);
        settled += events[i];
    }
    if (read != progress->read || rejected != progress->rejected || duplicate != progress->duplicate ||
        settled != progress->settled_counted + progress->settled_late)
        world_fail(w, "what became of the events does not add up", name);
    w->settled += settled;
    w->apart += progress->apart_count;
}

static void seals_note(struct world *w, const struct progress *progress) {
    if (progress->watermark_ms > w->latest_ms)
        w->latest_ms = progress->watermark_ms;
    if (progress->sealed_s > w->sealed_s[progress->partition])
        w->sealed_s[progress->partition] = progress->sealed_s;
    for (int i = 0; i < WINDOWS && window_at(i + 1) <= progress->sealed_s; i++) {
        int64_t *at = &w->sealed_at[progress->partition][i];
        if (*at < 0 || progress->offset < *at)
            *at = progress->offset;
    }
}

static struct rows *into(void *rows, int64_t window_s) {
    return rows;
}

static void file_check(struct world *w, const char *name, const char *bytes, size_t length) {
    struct snapshot *s;
    struct problem p;
    struct rows *rows = rows_create();
    if (snapshot_open(&s, name, bytes, length, &p) != STATUS_OK ||
        snapshot_read(s, into, rows, &p) != STATUS_OK)
        world_fail(w, p.what, name);
    const struct header *header = snapshot_header(s);
    w->parts += header->kind == FILE_PART;
    w->checkpoints += header->kind == FILE_CHECKPOINT;
    w->throughs += header->kind == FILE_THROUGH;
    w->snapshots += header->kind == FILE_WINDOW;
    if ((header->kind == FILE_PART && !may_have_left(w, header->start_s)) || header->kind == FILE_WINDOW)
        rows_check(w, name, s, rows);
    if (header->kind == FILE_WINDOW)
        complete_check(w, name, header);
    if (header->progress != NULL)
        progress_check(w, name, header->progress);
    if (header->kind == FILE_THROUGH)
        seals_note(w, header->progress);
    snapshot_close(&s);
    rows_destroy(&rows);
}

// ---- the store's operations

static void hand_back(void) {
    sem_post(&me->world->back);
    sem_wait(&me->go);
}

static enum status refuse(struct problem *p) {
    return problem_set(p, STATUS_TRY_AGAIN, "CLM-D1", "", "refused");
}

static struct file *file_find(struct memory_store *m, const char *name) {
    for (size_t i = 0; i < m->count; i++) {
        if (strcmp(m->files[i].name, name) == 0)
            return &m->files[i];
    }
    return NULL;
}

static void file_lay(struct memory_store *m, const char *name, const char *bytes, size_t length) {
    struct file *file = file_find(m, name);
    if (file == NULL) {
        if (m->count == m->room) {
            m->room = m->room == 0 ? 64 : 2 * m->room;
            m->files = memory_grow(m->files, m->room, sizeof(*m->files));
        }
        file = &m->files[m->count++];
        *file = (struct file){0};
        snprintf(file->name, sizeof(file->name), "%s", name);
    }
    free(file->bytes);
    file->bytes = malloc(length + 1);
    file->length = length;
    file->is_torn = false;
    memcpy(file->bytes, bytes, length);
}

enum fate { DONE, REFUSED, LOST, CRASH_BEFORE, CRASH_AFTER };

static enum fate fate_of(struct world *w) {
    const struct chances *c = &w->chances;
    if (me->dead)
        return CRASH_BEFORE;
    if (w->quiet)
        return DONE;
    unsigned chance = (unsigned)draw(w, 10000);
    if (chance < c->refused)
        return REFUSED;
    if (chance < c->refused + c->lost)
        return LOST;
    if (chance < c->refused + c->lost + c->crash_before)
        return CRASH_BEFORE;
    return chance < c->refused + c->lost + c->crash_before + c->crash_after ? CRASH_AFTER : DONE;
}

static enum status memory_write(struct store *store, const char *name, const char *bytes, size_t length,
                                bool *created, struct problem *p) {
    struct memory_store *m = (struct memory_store *)store;
    hand_back();
    enum fate fate = fate_of(m->world);
    if (fate == CRASH_BEFORE || fate == CRASH_AFTER)
        me->dead = true;
    if (fate == REFUSED || fate == CRASH_BEFORE)
        return refuse(p);
    bool is_new = file_find(m, name) == NULL;
    if (created == NULL || is_new) {
        file_check(m->world, name, bytes, length);
        file_lay(m, name, bytes, length);
    }
    if (created != NULL)
        *created = is_new;
    return fate == DONE ? STATUS_OK : refuse(p);
}

static enum status memory_read(struct store *store, const char *name, char **bytes, size_t *length,
                               struct problem *p) {
    struct memory_store *m = (struct memory_store *)store;
    hand_back();
    if (fate_of(m->world) != DONE)
        return refuse(p);
    const struct file *file = file_find(m, name);
    if (file == NULL)
        return problem_set(p, STATUS_NO_INPUT, "", "", "no file %s", name);
    *bytes = malloc(file->length + 1);
    *length = file->is_torn ? file->length / 2 : file->length;
    memcpy(*bytes, file->bytes, *length);
    return STATUS_OK;
}

static enum status memory_list(struct store *store, const char *folder, struct store_names *names,
                               struct problem *p) {
    struct memory_store *m = (struct memory_store *)store;
    size_t length = strlen(folder);
    hand_back();
    if (fate_of(m->world) != DONE)
        return refuse(p);
    bool is_added[WINDOWS] = {false};
    for (size_t i = 0; i < m->count; i++) {
        const char *rest = m->files[i].name + length + 1;
        if (strncmp(m->files[i].name, folder, length) != 0 || m->files[i].name[length] != '/')
            continue;
        const char *end = strchr(rest, '/');
        bool *added = end != NULL ? &is_added[index_of(strtoll(rest, NULL, 10))] : NULL;
        if (added == NULL || !*added)
            store_names_add(names, rest, end != NULL ? (size_t)(end - rest) : strlen(rest), end != NULL);
        if (added != NULL)
            *added = true;
    }
    return STATUS_OK;
}

static enum status memory_remove(struct store *store, const char *name, struct problem *p) {
    struct memory_store *m = (struct memory_store *)store;
    hand_back();
    if (fate_of(m->world) != DONE)
        return refuse(p);
    struct file *file = file_find(m, name);
    if (file != NULL) {
        free(file->bytes);
        *file = m->files[--m->count];
    }
    return STATUS_OK;
}

static int64_t memory_free_bytes(struct store *store, int64_t *all) {
    return -1;
}

static void memory_close(struct store *store) {
    struct memory_store *m = (struct memory_store *)store;
    for (size_t i = 0; i < m->count; i++)
        free(m->files[i].bytes);
    free(m->files);
}

static const struct store_kind memory_kind = {memory_write,  memory_read,       memory_list,
                                              memory_remove, memory_free_bytes, memory_close};
