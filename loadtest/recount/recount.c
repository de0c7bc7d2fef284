// The command: marks from Redis, the log up to them, the comparison shard by shard, and the marks once more:
// where they moved, a worker was at work, and what was read of that shard counts for nothing.
#include "loadtest/recount/recount.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "loadtest/deployment.h"
#include "loadtest/recount/reading/recount_log.h"
#include "loadtest/recount/reading/recount_rules.h"
#include "loadtest/recount/recount_compare.h"
#include "loadtest/recount/recount_reach.h"
#include "loadtest/recount/recount_unknown.h"
#include "loadtest/windows/windows.h"
#include "runtime/memory.h"
#include "schemas/weighable.h"

enum { LIVE_ROUNDS = 50, LIVE_PAUSE_US = 100000 };

struct recount_options {
    const char *against;
    const char *output;
    int64_t max_differences;
    int64_t memory;
    bool drained;
    bool live;
};

static const struct option_row rows[] = {
    {"against", OPTION_CHOICE, offsetof(struct recount_options, against), "redis", 0, 0, 0,
     "[redis|snapshots] what the log is held against"},
    {"output", OPTION_CHOICE, offsetof(struct recount_options, output), "auto", 0, 0, 0,
     "[auto|table|json] -o; auto: a table on a terminal, one JSON line elsewhere"},
    {"max-differences", OPTION_INT, offsetof(struct recount_options, max_differences), "20", 0, 0, 1000000,
     "how many differences are shown"},
    {"memory", OPTION_SIZE, offsetof(struct recount_options, memory), "1GiB", 0, 1 << 20, INT64_MAX,
     "of --against snapshots: about so much for windows at once; where it does not do, the log is read "
     "again"},
    {"drained", OPTION_BOOL, offsetof(struct recount_options, drained), "false", 0, 0, 0,
     "records that the workers have not counted yet, or the aggregators not published, are a difference"},
    {"live", OPTION_BOOL, offsetof(struct recount_options, live), "false", 0, 0, 0,
     "workers or aggregators may run: a shard whose marks move while it is read is read again, and what is "
     "sealed has some seconds to be published"},
};

static const struct command command = {
    .usage = "recount [flags]",
    .doc = "Counts the log on its own and compares every key in Redis, or every row of the published windows "
           "in store.url, to the unit. Exit: 0 equal, 1 different, 75 workers run.",
    .rows = rows,
    .row_count = sizeof(rows) / sizeof(rows[0]),
    .connects = true,
};

struct recount {
    struct deployment deployment;
    struct recount_options options;
    struct rules_book rules;
    struct recount_keys keys;
    struct recount_redis redis;
    struct recount_log log;
    struct recount_model model;
    struct recount_reach reach;
    struct fold_setup setup;
    struct recount_fold fold;
    struct recount_report report;
    struct mark *marks; // by shard and partition
    bool *settled;      // by shard: compared while nothing moved
    struct problem problem;
};

static struct mark *shard_marks(const struct recount *r, uint32_t shard) {
    return r->marks + (size_t)shard * (size_t)r->redis.meta.partitions;
}

// What the settings alone decide.
static enum status prepare(struct recount *r) {
    const struct settings *s = &r->deployment.settings;
    struct rules_kinds kinds;
    schemas_rules_kinds(&kinds);
    enum status status = settings_check(s, r->deployment.config);
    if (status == STATUS_OK)
        status = rules_load(&r->rules, s->rules_file, &kinds);
    if (status == STATUS_OK)
        status = recount_keys_load(&r->keys, s->privacy_key_file, &r->problem);
    return status;
}

// Partitions added since begin at 0, as for the workers.
static void take_added(const struct recount_log *log, struct meta *meta) {
    for (int32_t p = meta->partitions; p < log->partitions; p++)
        meta->starts[p] = 0;
    meta->partitions = log->partitions;
}

static enum status check_log(struct recount *r) {
    struct meta *meta = &r->redis.meta;
    if (strcmp(meta->rules_hash, r->rules.first_hash) != 0)
        return problem_set(&r->problem, STATUS_CONFIG, "CLM-M5", "use the rules file of the workers",
                           "the first rules version is not the one this deployment began with");
    enum status status = settings_fit(&r->deployment.settings, meta, &r->problem);
    if (status != STATUS_OK)
        return status;
    if (r->log.partitions < meta->partitions)
        return problem_set(&r->problem, STATUS_BAD_DATA, "CLM-M3", "point kafka.topic at the right log",
                           "the topic has fewer partitions than when the deployment began");
    if (r->log.partitions > PARTITIONS_MAX)
        return problem_set(&r->problem, STATUS_CONFIG, "", "", "the topic has more than %d partitions",
                           PARTITIONS_MAX);
    if (r->log.partitions != meta->partitions)
        fprintf(stderr,
                "recount: %s has %" PRId32 " partitions now, %" PRId32
                " when the deployment began: those added begin at 0\n",
                r->log.topic, r->log.partitions, meta->partitions);
    take_added(&r->log, meta);
    return STATUS_OK;
}

static enum status connect_both(struct recount *r) {
    const struct settings *s = &r->deployment.settings;
    enum status status = recount_redis_open(&r->redis, s, &r->problem);
    if (status == STATUS_OK)
        status = recount_redis_meta(&r->redis, s, &r->problem);
    if (status == STATUS_OK)
        status = recount_rules_keys(&r->redis, &r->keys, &r->problem);
    if (status == STATUS_OK)
        status = recount_log_open(&r->log, s, r->deployment.config, &r->problem);
    return status == STATUS_OK ? check_log(r) : status;
}

static enum status build(struct recount *r) {
    const struct settings *s = &r->deployment.settings;
    int64_t now_s;
    enum status status = recount_redis_time(&r->redis, &now_s, &r->problem);
    if (status != STATUS_OK)
        return status;
    recount_model_init(&r->model, &r->redis.space, settings_families(s), recount_reach_add, &r->reach);
    recount_reach_init(&r->reach, &r->redis, &r->model, now_s);
    r->setup = (struct fold_setup){
        .framing = {s->decode_framing, s->decode_max_event_bytes, s->decode_max_message_bytes},
        .rules = &r->rules,
        .keys = &r->keys,
        .dedup_span = r->redis.meta.dedup_span,
        .partitions = r->redis.meta.partitions,
        .starts = r->redis.meta.starts};
    recount_fold_init(&r->fold, &r->setup, &r->model);
    r->marks = memory_take(r->redis.space.shards * (size_t)r->redis.meta.partitions * sizeof(*r->marks));
    r->settled = memory_take(r->redis.space.shards * sizeof(*r->settled));
    return STATUS_OK;
}

static enum status read_marks(struct recount *r) {
    enum status status = STATUS_OK;
    size_t missing;
    for (uint32_t shard = 0; status == STATUS_OK && shard < r->redis.space.shards; shard++) {
        if (!r->settled[shard])
            status = recount_redis_marks(&r->redis, shard, shard_marks(r, shard), &missing, &r->problem);
    }
    return status;
}

static void take_record(void *context, const struct recount_record *record) {
    struct recount *r = context;
    if (record->partition < r->setup.partitions)
        recount_fold_record(&r->fold, record);
}

static enum status check_reach_back(struct recount *r) {
    for (int32_t p = 0; p < r->setup.partitions; p++) {
        if (r->log.first[p] > r->setup.starts[p])
            return problem_set(&r->problem, STATUS_BAD_DATA, "CLM-M2",
                               "recount while the log still has all records: raise its retention",
                               "%s/%" PRId32 " begins at %" PRId64 ", the deployment began at %" PRId64
                               ": %" PRId64 " offsets are gone",
                               r->log.topic, p, r->log.first[p], r->setup.starts[p],
                               r->log.first[p] - r->setup.starts[p]);
    }
    return STATUS_OK;
}

// Brings the model to the marks.
static enum status fold_log(struct recount *r) {
    enum status status = recount_log_bounds(&r->log, &r->problem);
    if (status == STATUS_OK)
        status = check_reach_back(r);
    if (status != STATUS_OK)
        return status;
    size_t cells = r->redis.space.shards * (size_t)r->setup.partitions;
    int64_t *next = memory_take(cells * sizeof(*next));
    int64_t *begin = memory_take((size_t)r->log.partitions * sizeof(*begin));
    for (size_t i = 0; i < cells; i++)
        next[i] = r->marks[i].next;
    recount_fold_round(&r->fold, next);
    for (int32_t p = 0; p < r->log.partitions; p++)
        begin[p] = p < r->setup.partitions ? recount_fold_begin(&r->fold, p) : INT64_MAX;
    status = recount_log_read(&r->log, begin, take_record, r, &r->problem);
    free(next);
    free(begin);
    return status == STATUS_OK ? recount_reach_flush(&r->reach, &r->problem) : status;
}

// Did the shard's marks stay where the model stands?
static enum status marks_stand(struct recount *r, uint32_t shard, bool *stand) {
    struct mark *now = memory_take((size_t)r->setup.partitions * sizeof(*now));
    size_t missing;
    enum status status = recount_redis_marks(&r->redis, shard, now, &missing, &r->problem);
    const struct mark *then = shard_marks(r, shard);
    *stand = status == STATUS_OK;
    for (int32_t p = 0; *stand && p < r->setup.partitions; p++)
        *stand = now[p].next == then[p].next && now[p].last == then[p].last;
    free(now);
    return status;
}

static struct recount_compare comparison(struct recount *r) {
    return (struct recount_compare){.redis = &r->redis,
                                    .model = &r->model,
                                    .fold = &r->fold,
                                    .report = &r->report,
                                    .log_end = r->log.end};
}

static enum status compare_shard(struct recount *r, uint32_t shard) {
    const struct recount_compare c = comparison(r);
    const struct recount_report before = r->report;
    bool stand;
    enum status status = marks_stand(r, shard, &stand);
    if (status != STATUS_OK || !stand)
        return status;
    status = recount_compare_shard(&c, shard, shard_marks(r, shard), &r->problem);
    if (status == STATUS_OK)
        status = marks_stand(r, shard, &r->settled[shard]);
    if (status == STATUS_OK && !r->settled[shard])
        recount_report_rewind(&r->report, &before);
    return status;
}

// Compares the shards that are not settled yet. `*moved`: so many were not still.
static enum status compare_shards(struct recount *r, uint32_t *moved) {
    enum status status = STATUS_OK;
    *moved = 0;
    for (uint32_t shard = 0; status == STATUS_OK && shard < r->redis.space.shards; shard++) {
        if (!r->settled[shard])
            status = compare_shard(r, shard);
        *moved += !r->settled[shard];
    }
    return status;
}

static enum status workers_run(struct recount *r, uint32_t moved) {
    return problem_set(&r->problem, STATUS_TRY_AGAIN, "",
                       r->options.live ? "stop the workers, or wait for a quieter hour"
                                       : "stop the workers, or ask for --live",
                       "workers are running: the marks of %" PRIu32 " of %" PRIu32
                       " shards moved while they were read",
                       moved, r->redis.space.shards);
}

// Keys that nothing explains, where the shards still stand as they were compared.
static enum status search_unknown(struct recount *r) {
    const struct recount_compare c = comparison(r);
    const struct recount_report before = r->report;
    uint32_t moved = 0;
    enum status status = recount_unknown_search(&c, r->settled, &r->problem);
    for (uint32_t shard = 0; status == STATUS_OK && shard < r->redis.space.shards; shard++) {
        status = marks_stand(r, shard, &r->settled[shard]);
        moved += !r->settled[shard];
    }
    if (status != STATUS_OK || moved == 0)
        return status;
    if (!r->options.live)
        return workers_run(r, moved);
    recount_report_rewind(&r->report, &before);
    return recount_unknown_search(&c, r->settled, &r->problem);
}

static enum status compare_all(struct recount *r) {
    int rounds = r->options.live ? LIVE_ROUNDS : 1;
    uint32_t moved = 1;
    enum status status = STATUS_OK;
    for (int round = 0; status == STATUS_OK && moved > 0 && round < rounds; round++) {
        if (round > 0)
            usleep(LIVE_PAUSE_US);
        status = read_marks(r);
        if (status == STATUS_OK)
            status = fold_log(r);
        if (status == STATUS_OK)
            status = compare_shards(r, &moved);
    }
    if (status == STATUS_OK && moved > 0)
        return workers_run(r, moved);
    return status == STATUS_OK ? search_unknown(r) : status;
}

static bool is_table(const struct recount_options *options) {
    bool terminal = isatty(STDOUT_FILENO) == 1;
    return strcmp(options->output, "auto") == 0 ? terminal : strcmp(options->output, "table") == 0;
}

static enum status answer(struct recount *r) {
    r->report.tally = r->fold.tally;
    uint64_t lag = r->fold.tally.lag;
    if (r->options.drained && lag > 0) {
        char text[32];
        snprintf(text, sizeof(text), "lag %" PRIu64, lag);
        recount_report_difference(&r->report, slice_of("marks"), slice_of(""), slice_of(text),
                                  slice_of("drained"));
    }
    recount_report_print(&r->report, stdout, is_table(&r->options));
    if (lag > 0)
        fprintf(stderr, "recount: lag %" PRIu64 " records: what the workers have counted was compared\n",
                lag);
    return r->report.differences > 0 ? STATUS_NO : STATUS_OK;
}

static enum status run_redis(struct recount *r) {
    enum status status = prepare(r);
    if (status == STATUS_OK)
        status = connect_both(r);
    if (status != STATUS_OK)
        return status;
    status = build(r);
    if (status != STATUS_OK)
        return status;
    status = compare_all(r);
    recount_reach_delete(&r->reach);
    if (status == STATUS_OK)
        status = answer(r);
    recount_reach_fini(&r->reach);
    recount_fold_fini(&r->fold);
    recount_model_fini(&r->model);
    return status;
}

static enum status run(struct recount *r) {
    const struct windows_options windows = {.findings_max = r->options.max_differences,
                                            .memory_max = r->options.memory,
                                            .drained = r->options.drained,
                                            .live = r->options.live,
                                            .table = is_table(&r->options)};
    if (strcmp(r->options.against, "snapshots") == 0)
        return windows_recount(&r->deployment, &windows, &r->problem);
    return run_redis(r);
}

int recount_main(int argc, char **argv) {
    struct recount *r = memory_take(sizeof(*r));
    enum status status = deployment_load(&r->deployment, &command, argc, argv, &r->options);
    bool help = status == STATUS_NO;
    recount_report_init(&r->report, r->options.max_differences);
    if (status == STATUS_OK)
        status = run(r);
    if (r->problem.what[0] != '\0')
        problem_print(&r->problem);
    recount_report_fini(&r->report);
    recount_log_close(&r->log);
    recount_redis_close(&r->redis);
    recount_keys_fini(&r->keys);
    rules_fini(&r->rules);
    free(r->marks);
    free(r->settled);
    deployment_fini(&r->deployment);
    free(r);
    return help ? STATUS_OK : (int)status;
}
