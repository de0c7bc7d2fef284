// The command: the store as it stands, the log into windows, each window held against its file as soon as it
// has been read.
#include "loadtest/windows/windows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "loadtest/recount/reading/recount_log.h"
#include "loadtest/windows/compare/windows_compare.h"
#include "loadtest/windows/windows_keys.h"
#include "loadtest/windows/windows_store.h"
#include "runtime/memory.h"
#include "schemas/weighable.h"

enum { LIVE_ROUNDS = 50, LIVE_PAUSE_US = 200000 };

struct counting {
    const struct deployment *deployment;
    const struct windows_options *options;
    struct rules_book rules;
    struct recount_keys keys;
    struct windows_store store;
    struct recount_log log;
    struct windows_setup setup;
    struct windows_origin origin;
    struct windows_fold fold;
    struct windows_report report;
    int64_t *limits;
    enum status status; // of what finished windows met
    struct problem *problem;
};

// ---- before the log

static enum status load(struct counting *c) {
    const struct settings *s = &c->deployment->settings;
    struct rules_kinds kinds;
    schemas_rules_kinds(&kinds);
    enum status status = settings_check(s, c->deployment->config);
    if (status == STATUS_OK)
        status = rules_load(&c->rules, s->rules_file, &kinds);
    if (status == STATUS_OK)
        status = recount_keys_load(&c->keys, s->privacy_key_file, c->problem);
    if (status == STATUS_OK)
        status = windows_store_open(&c->store, s, c->problem);
    return status;
}

// A rotation that no aggregator has begun with yet is none of this store's.
static enum status check_keys(struct counting *c) {
    size_t known;
    enum status status = windows_keys_check(&c->store.place, &c->keys, &known, c->problem);
    if (status != STATUS_OK || known == c->keys.count)
        return status;
    fprintf(stderr,
            "recount: no aggregator has begun with pseudonym key %zu yet: persons are counted without it\n",
            known + 1);
    recount_keys_cut(&c->keys, known);
    return STATUS_OK;
}

static enum status check_store(struct counting *c) {
    const struct settings *s = &c->deployment->settings;
    const struct windows_meta *meta = &c->store.meta;
    if (strcmp(meta->topic, s->kafka_topic) != 0)
        return problem_set(c->problem, STATUS_CONFIG, "CLM-D4", "use the configuration of the aggregators",
                           "kafka.topic is %s, but the store is of %s", s->kafka_topic, meta->topic);
    if (strcmp(meta->rules_hash, c->rules.first_hash) != 0)
        return problem_set(c->problem, STATUS_CONFIG, "CLM-D4", "use the rules file of the aggregators",
                           "the first rules version is not the one this store was begun with");
    return check_keys(c);
}

static enum status check_log(struct counting *c) {
    const struct windows_meta *meta = &c->store.meta;
    if (c->log.partitions < meta->partitions)
        return problem_set(c->problem, STATUS_BAD_DATA, "CLM-M3", "point kafka.topic at the right log",
                           "%s has %" PRId32 " partitions, the store is of %" PRId32, c->log.topic,
                           c->log.partitions, meta->partitions);
    if (c->log.partitions > meta->partitions)
        fprintf(stderr, "recount: %s has %" PRId32 " partitions, the store is of the first %" PRId32 "\n",
                c->log.topic, c->log.partitions, meta->partitions);
    for (int32_t p = 0; p < meta->partitions; p++) {
        if (c->log.first[p] > meta->starts[p])
            return problem_set(c->problem, STATUS_BAD_DATA, "CLM-M2",
                               "recount while the log still has all records: raise its retention",
                               "%s/%" PRId32 " begins at %" PRId64 ", the store at %" PRId64 ": %" PRId64
                               " offsets are gone",
                               c->log.topic, p, c->log.first[p], meta->starts[p],
                               c->log.first[p] - meta->starts[p]);
    }
    return STATUS_OK;
}

// With aggregators at work, a window that is sealed has a moment until it is published.
static enum status read_store(struct counting *c) {
    enum status status = windows_store_read(&c->store, c->problem);
    int rounds = c->options->live ? LIVE_ROUNDS : 0;
    for (int i = 0; i < rounds && status == STATUS_OK && windows_store_behind(&c->store) > 0; i++) {
        usleep(LIVE_PAUSE_US);
        status = windows_store_read(&c->store, c->problem);
    }
    return status;
}

// The log's ends are asked for after the store was read: no file reaches further.
static enum status open_both(struct counting *c) {
    const struct settings *s = &c->deployment->settings;
    enum status status = read_store(c);
    if (status == STATUS_OK)
        status = recount_log_open(&c->log, s, c->deployment->config, c->problem);
    if (status == STATUS_OK)
        status = recount_log_bounds(&c->log, c->problem);
    return status == STATUS_OK ? check_log(c) : status;
}

// ---- windows

// Damage is a finding; what only keeps us from reading is not.
static enum status damaged(struct counting *c, enum status status,
                           const struct windows_published *published) {
    if (status != STATUS_BAD_DATA)
        return status;
    windows_report_find(&c->report, published->start_s, slice_of(published->file), "", c->problem->what,
                        "a whole file");
    *c->problem = (struct problem){0};
    return STATUS_OK;
}

static enum status compare(struct counting *c, const struct windows_window *w,
                           const struct windows_published *published) {
    struct windows_file file;
    struct rows *rows = rows_create();
    enum status status = windows_store_file(&c->store, published->file, rows, &file, c->problem);
    if (status == STATUS_OK) {
        const struct header *header = snapshot_header(file.snapshot);
        windows_report_number(&c->report, w->start_s, slice_of(published->file), "sum", published->sum,
                              windows_sum_of(header));
        windows_compare(&c->report, &c->origin, w, header, rows);
        windows_file_close(&file);
    }
    rows_destroy(&rows);
    return damaged(c, status, published);
}

static void finish(void *context, struct windows_window *w) {
    struct counting *c = context;
    const struct windows_published *published = windows_store_find(&c->store, w->start_s);
    if (c->status == STATUS_OK)
        c->status = compare(c, w, published);
}

static void take_record(void *context, const struct recount_record *record) {
    struct counting *c = context;
    if (record->partition < c->setup.partitions && c->status == STATUS_OK)
        windows_fold_record(&c->fold, record);
}

static void build(struct counting *c) {
    const struct windows_meta *meta = &c->store.meta;
    size_t partitions = (size_t)meta->partitions;
    c->limits = memory_take((partitions + 1) * sizeof(*c->limits));
    for (size_t p = 0; p < partitions; p++)
        c->limits[p] = c->store.throughs[p].is_there ? c->store.throughs[p].progress.offset : meta->starts[p];
    c->setup =
        (struct windows_setup){.framing = {meta->framing, meta->max_event_bytes, meta->max_message_bytes},
                               .rules = &c->rules,
                               .keys = &c->keys,
                               .dedup_span = meta->dedup_span,
                               .partitions = meta->partitions,
                               .starts = meta->starts,
                               .limits = c->limits,
                               .memory_max = (size_t)c->options->memory_max};
    c->origin =
        (struct windows_origin){meta->topic, meta->topic_id, &c->rules, meta->partitions, meta->starts};
    windows_fold_init(&c->fold, &c->setup, finish, c);
    for (size_t i = 0; i < c->store.count; i++) {
        const struct windows_published *published = &c->store.at[i];
        if (published->damage == NULL)
            windows_fold_published(&c->fold, published->start_s, published->covers, published->earlier,
                                   published->earlier_count);
        else
            windows_report_find(&c->report, published->start_s, slice_of(published->file), "",
                                published->damage, "a whole file");
    }
}

static enum status fold_log(struct counting *c) {
    enum status status = STATUS_OK;
    int64_t *begin = memory_take((size_t)c->log.partitions * sizeof(*begin));
    for (int32_t p = 0; p < c->log.partitions; p++)
        begin[p] = p < c->setup.partitions ? c->setup.starts[p] : INT64_MAX;
    while (status == STATUS_OK && windows_fold_begin(&c->fold)) {
        if (c->fold.passes > 0)
            fprintf(stderr, "recount: more windows than --memory holds: the log is read once more\n");
        status = recount_log_read(&c->log, begin, take_record, c, c->problem);
        if (status == STATUS_OK)
            windows_fold_end(&c->fold);
        if (status == STATUS_OK)
            status = c->status;
    }
    free(begin);
    return status;
}

// ---- what no file answers for

static bool has_events(const struct counting *c, const struct windows_window *w) {
    for (int32_t p = 0; p < c->setup.partitions; p++) {
        if (w->shares[p].to > 0)
            return true;
    }
    return false;
}

// The log may reach further back than the store does.
static bool may_have_left(const struct counting *c, const struct windows_window *w) {
    int64_t retain_ms = c->deployment->settings.store_retain_ms;
    return retain_ms > 0 && w->start_s + RECOUNT_WINDOW_S <= c->store.sealed_s - retain_ms / 1000;
}

static void judge_unpublished(struct counting *c) {
    for (size_t i = 0; i < c->fold.count; i++) {
        const struct windows_window *w = c->fold.at[i];
        if (w->covers != NULL || !has_events(c, w) || windows_store_find(&c->store, w->start_s) != NULL ||
            may_have_left(c, w))
            continue;
        bool is_sealed = w->start_s + RECOUNT_WINDOW_S <= c->store.sealed_s;
        c->report.missing += is_sealed;
        c->report.open += !is_sealed;
        if (is_sealed)
            windows_report_find(&c->report, w->start_s, slice_of("window"), "", "not published", "sealed");
        else if (c->options->drained)
            windows_report_find(&c->report, w->start_s, slice_of("window"), "", "not sealed", "drained");
    }
}

static void judge_balances(struct counting *c) {
    for (int32_t p = 0; p < c->setup.partitions; p++) {
        const struct windows_through *through = &c->store.throughs[p];
        windows_compare_balance(&c->report, &c->fold, p, through->is_there ? &through->progress : NULL);
        if (through->is_there || c->store.count == 0)
            continue;
        char where[32];
        snprintf(where, sizeof(where), "partition %" PRId32, p);
        windows_report_find(&c->report, NO_WINDOW, slice_of(where), "", "no sealed-through record",
                            "windows are published");
    }
}

static void judge_drained(struct counting *c) {
    if (!c->options->drained)
        return;
    windows_report_number(&c->report, NO_WINDOW, slice_of("log"), "lag", (int64_t)c->fold.tally.lag, 0);
    windows_report_number(&c->report, NO_WINDOW, slice_of("windows"), "with a revision to come",
                          (int64_t)c->report.growing, 0);
}

static enum status answer(struct counting *c) {
    judge_unpublished(c);
    judge_balances(c);
    c->report.tally = c->fold.tally;
    judge_drained(c);
    windows_report_print(&c->report, stdout, c->options->table);
    if (c->fold.tally.lag > 0)
        fprintf(stderr, "recount: lag %" PRIu64 " records: what the aggregators have sealed was compared\n",
                c->fold.tally.lag);
    if (c->report.open > 0)
        fprintf(stderr, "recount: %" PRIu64 " windows are not sealed yet, and were not compared\n",
                c->report.open);
    return c->report.findings > 0 ? STATUS_NO : STATUS_OK;
}

static enum status run(struct counting *c) {
    enum status status = load(c);
    if (status == STATUS_OK)
        status = check_store(c);
    if (status == STATUS_OK)
        status = open_both(c);
    if (status != STATUS_OK)
        return status;
    build(c);
    status = fold_log(c);
    return status == STATUS_OK ? answer(c) : status;
}

enum status windows_recount(const struct deployment *deployment, const struct windows_options *options,
                            struct problem *p) {
    struct counting *c = memory_take(sizeof(*c));
    *c = (struct counting){.deployment = deployment, .options = options, .problem = p};
    windows_report_init(&c->report, options->findings_max);
    enum status status = run(c);
    windows_report_fini(&c->report);
    windows_fold_fini(&c->fold);
    recount_log_close(&c->log);
    windows_store_close(&c->store);
    recount_keys_fini(&c->keys);
    rules_fini(&c->rules);
    free(c->limits);
    free(c);
    return status;
}
