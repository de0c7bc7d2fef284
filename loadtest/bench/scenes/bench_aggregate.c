// The aggregator beside the stages below it: over the same topic in turns, into a fresh store and group.
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "loadtest/bench/bench_http.h"
#include "loadtest/bench/bench_trial.h"
#include "loadtest/bench/scenes/bench_rows.h"
#include "loadtest/bench/scenes/bench_stage.h"
#include "loadtest/stop.h"
#include "loadtest/windows/windows_fold.h"
#include "loadtest/windows/windows_store.h"
#include "runtime/check.h"
#include "runtime/clock.h"
#include "runtime/memory.h"

#define MIB (1024.0 * 1024.0)

enum {
    PATH_ROOM = 4096,
    FLAG_ROOM = PATH_ROOM + 64,
    WORDS_OF_OURS = 8,
    METRICS_BYTES = 1 << 20,
    POLL_MS = 50,
    STORE_POLL_MS = 500,
    UNSEALED_MS = 120000, // a window that ended before should be sealed
    DRAIN_MS = 60000,
    STAGES = 3,
};

// ---- one run of the aggregator

struct site {
    struct bench *bench;
    char name[64], root[PATH_ROOM];
    char store_flag[FLAG_ROOM], group_flag[128], listen_flag[128];
    int port;
    bool stays;
    char *metrics; // as last read
};

static enum status site_open(struct site *site, struct bench *b, struct problem *problem) {
    static int serial;
    const char *place = b->options.store;
    *site = (struct site){.bench = b, .port = bench_free_port(), .stays = place[0] != '\0' && serial == 0};
    snprintf(site->name, sizeof(site->name), "bench-aggregate-%d-%d", (int)getpid(), serial++);
    if (site->stays)
        snprintf(site->root, sizeof(site->root), "%s", place);
    else
        snprintf(site->root, sizeof(site->root), "/tmp/clameur-%s", site->name);
    if (site->root[0] != '/' || access(site->root, F_OK) == 0)
        return problem_set(problem, STATUS_USAGE, "",
                           "name a directory that is not there yet, by its whole path", "--store is %s",
                           site->root);
    snprintf(site->store_flag, sizeof(site->store_flag), "--store.url=file://%s", site->root);
    snprintf(site->group_flag, sizeof(site->group_flag), "--aggregate.group=%s", site->name);
    snprintf(site->listen_flag, sizeof(site->listen_flag), "--aggregate.listen=127.0.0.1:%d", site->port);
    site->metrics = memory_take(METRICS_BYTES);
    return STATUS_OK;
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *place) {
    return remove(path);
}

static void site_close(struct site *site) {
    if (site->metrics == NULL)
        return;
    bench_delete_group(site->bench, site->name);
    if (!site->stays && nftw(site->root, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
        fprintf(stderr, "bench: %s is left: %s\n", site->root, strerror(errno));
    free(site->metrics);
}

static enum status site_start(struct site *site, struct bench_child *child, struct problem *problem) {
    static char run[] = "run";
    struct bench *b = site->bench;
    char **argv = memory_take((b->forwarded_count + WORDS_OF_OURS) * sizeof(*argv));
    size_t count = 0;
    argv[count++] = b->worker;
    argv[count++] = run;
    for (size_t i = 0; i < b->forwarded_count; i++)
        argv[count++] = b->forwarded[i];
    argv[count++] = site->store_flag;
    argv[count++] = site->group_flag;
    argv[count++] = site->listen_flag;
    enum status status = bench_child_start(child, argv, false, problem);
    free(argv);
    return status;
}

static double metric(const struct site *site, const char *name) {
    return bench_metric(site->metrics, name);
}

static uint64_t events_read(const struct site *site) {
    return (uint64_t)(metric(site, "clameur_events_read_total") -
                      metric(site, "clameur_events_replayed_total"));
}

static enum status go_on(struct site *site, struct bench_child *child, struct bench_take *take,
                         int64_t began_ms, struct problem *problem) {
    if (bench_child_ended(child, &take->usage))
        return trial_ended(child, &take->usage, problem);
    if (stop_asked() || clock_monotonic_ms() - began_ms > site->bench->options.timeout_ms)
        return problem_set(problem, STATUS_TRY_AGAIN, "", "raise --timeout; give it events of hours ago",
                           "stopped before the aggregator had published what the topic holds");
    return STATUS_OK;
}

// Until all `events` are read. First and last are known to a poll's length.
static enum status wait_read(struct site *site, struct bench_child *child, uint64_t events,
                             struct bench_take *take, struct problem *problem) {
    int64_t began_ms = clock_monotonic_ms(), first_ms = 0;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && (take->events = events_read(site)) < events) {
        usleep(POLL_MS * 1000);
        status = go_on(site, child, take, began_ms, problem);
        if (bench_get(site->port, "/metrics", site->metrics, METRICS_BYTES) != 200)
            site->metrics[0] = '\0';
        if (first_ms == 0 && events_read(site) > 0)
            first_ms = clock_monotonic_ms();
    }
    take->first_ms = first_ms - began_ms;
    take->wall_ms = clock_monotonic_ms() - first_ms;
    return status;
}

// Is every partition kept to the end of the log, and every window that should be sealed published with all of
// it?
static bool is_published(const struct bench *b, const struct windows_store *store) {
    int64_t by_s = (clock_wall_ms() - UNSEALED_MS) / 1000;
    for (int32_t p = 0; p < store->meta.partitions; p++) {
        const struct progress *progress = &store->throughs[p].progress;
        if (progress->offset < b->log.end[p])
            return false;
        for (size_t i = 0; i < progress->line_count; i++) {
            const struct line *line = &progress->lines[i];
            const struct windows_published *w = windows_store_find(store, line->start_s);
            if (line->start_s + RECOUNT_WINDOW_S < by_s && (w == NULL || w->covers[p] < line->to))
                return false;
        }
    }
    return store->count > 0;
}

static enum status wait_published(struct site *site, struct bench_child *child, struct windows_store *store,
                                  struct bench_take *take, struct problem *problem) {
    int64_t began_ms = clock_monotonic_ms();
    const struct settings settings = {.store_url = strchr(site->store_flag, '=') + 1};
    enum status status = windows_store_open(store, &settings, problem);
    if (status == STATUS_OK)
        status = windows_store_read(store, problem);
    while (status == STATUS_OK && !is_published(site->bench, store)) {
        usleep(STORE_POLL_MS * 1000);
        status = go_on(site, child, take, began_ms, problem);
        if (status == STATUS_OK)
            status = windows_store_read(store, problem);
    }
    return status;
}

static enum status site_run(struct site *site, struct bench_child *child, uint64_t events,
                            struct windows_store *store, struct bench_take *take, struct problem *problem) {
    enum status status = wait_read(site, child, events, take, problem);
    if (status == STATUS_OK)
        status = wait_published(site, child, store, take, problem);
    if (status == STATUS_OK)
        bench_get(site->port, "/metrics", site->metrics, METRICS_BYTES);
    if (child->pid == 0) // it ended by itself, which is said
        return status;
    bench_child_stop(child);
    bench_child_wait(child, DRAIN_MS, &take->usage);
    if (status == STATUS_OK && take->usage.exit_code != 0)
        status = trial_ended(child, &take->usage, problem);
    return status;
}

// ---- figures

static double per(double amount, double count) {
    return count > 0 ? amount / count : 0;
}

static double mean_ms(const struct site *site, const char *name) {
    char sum[96], count[96];
    snprintf(sum, sizeof(sum), "%s_sum", name);
    snprintf(count, sizeof(count), "%s_count", name);
    return per(1000 * metric(site, sum), metric(site, count));
}

static void fill_common(struct bench_figures *figures, const struct bench_take *take, uint64_t events) {
    figures->of[BENCH_CPU] = per((double)take->usage.cpu_ns, (double)events);
    figures->of[BENCH_CORE_RATE] = per((double)events * 1e9, (double)take->usage.cpu_ns);
    figures->of[BENCH_RATE] = per((double)events * 1000, (double)take->wall_ms);
    figures->of[BENCH_RSS] = (double)take->usage.max_rss_bytes / MIB;
}

static void fill_aggregator(struct bench_figures *figures, const struct site *site,
                            const struct bench_take *take, const struct bench_take *stages) {
    double events = (double)take->events, cpu_ns = (double)take->usage.cpu_ns;
    fill_common(figures, take, take->events);
    figures->of[BENCH_RATIO] = per(cpu_ns, (double)stages[0].usage.cpu_ns);
    figures->of[BENCH_WINDOWS_CPU] = per(cpu_ns - (double)stages[1].usage.cpu_ns, events);
    figures->of[BENCH_BEYOND_DEDUP] = per(cpu_ns - (double)stages[2].usage.cpu_ns, events);
    figures->of[BENCH_FIRST] = (double)take->first_ms;
    figures->of[BENCH_TURN] = 1000 * metric(site, "clameur_turn_longest_seconds");
    figures->of[BENCH_KEEP] = mean_ms(site, "clameur_checkpoint_write_seconds");
    figures->of[BENCH_PUBLISH] = mean_ms(site, "clameur_snapshot_write_seconds");
    figures->of[BENCH_CHECKPOINT] = per(metric(site, "clameur_checkpoint_bytes_total"), events);
    figures->of[BENCH_PART] = per(metric(site, "clameur_part_bytes_total"), events);
}

// The window with the most rows, beside the same rows otherwise.
static enum status fill_sizes(struct bench_figures *figures, const struct windows_store *store,
                              struct problem *problem) {
    for (size_t i = 0; i < store->count; i++) {
        struct windows_file file;
        struct bench_sizes sizes;
        struct rows *rows = rows_create();
        enum status status = windows_store_file(store, store->at[i].file, rows, &file, problem);
        if (status == STATUS_OK && !((double)rows_count(rows) <= figures->of[BENCH_ROWS])) {
            bench_rows_sizes(rows, &sizes);
            figures->of[BENCH_ROWS] = (double)sizes.rows;
            figures->of[BENCH_ROW_BYTES] = per((double)file.length, (double)sizes.rows);
            figures->of[BENCH_ROW_PROTOBUF] = per((double)sizes.protobuf, (double)sizes.rows);
            figures->of[BENCH_ROW_JSON] = per((double)sizes.json, (double)sizes.rows);
        }
        rows_destroy(&rows);
        windows_file_close(&file);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status measure_aggregator(struct bench *b, size_t run, const struct bench_take *stages,
                                      struct problem *problem) {
    struct site site;
    struct bench_child child = {.output = -1};
    struct windows_store store = {0};
    struct bench_take take = {0};
    enum status status = site_open(&site, b, problem);
    if (status == STATUS_OK)
        status = site_start(&site, &child, problem);
    if (status == STATUS_OK)
        status = site_run(&site, &child, stages[1].events, &store, &take, problem);
    if (status == STATUS_OK) {
        fprintf(stderr, "bench: run %zu: the aggregator took %" PRId64 " ms of CPU\n", run + 1,
                take.usage.cpu_ns / 1000000);
        fill_aggregator(&b->report.cases[STAGES].runs[run], &site, &take, stages);
        status = fill_sizes(&b->report.cases[STAGES + 1].runs[run], &store, problem);
    }
    if (child.log[0] != '\0')
        bench_child_forget(&child);
    windows_store_close(&store);
    site_close(&site);
    return status;
}

// The stages, each of which has the ones before in it.
static enum status measure_stages(struct bench *b, size_t run, struct bench_take *stages,
                                  struct problem *problem) {
    enum status status = bench_floor_run(b, false, &stages[0], problem);
    if (status == STATUS_OK)
        status = bench_stage_run(b, "decode", &stages[1], problem);
    if (status == STATUS_OK)
        status = bench_stage_run(b, "dedup", &stages[2], problem);
    if (status == STATUS_OK && stop_asked())
        return problem_set(problem, STATUS_TRY_AGAIN, "", "let it run to its end", "stopped");
    for (size_t i = 0; status == STATUS_OK && i < STAGES; i++) {
        fill_common(&b->report.cases[i].runs[run], &stages[i], stages[1].events);
        fprintf(stderr, "bench: run %zu: %s took %" PRId64 " ms of CPU\n", run + 1, b->report.cases[i].what,
                stages[i].usage.cpu_ns / 1000000);
    }
    b->report.events = stages[1].events;
    b->report.messages = stages[1].messages;
    return status;
}

static enum status measure_rows(struct bench *b, size_t run, struct problem *problem) {
    struct bench_rows_take take;
    struct bench_figures *figures = &b->report.cases[STAGES + 2].runs[run];
    enum status status = bench_rows_run(b, &take, problem);
    if (status != STATUS_OK)
        return status;
    figures->of[BENCH_ROWS] = take.rows;
    figures->of[BENCH_ROW_BYTES] = take.bytes_per_row;
    figures->of[BENCH_SEAL] = take.seal_ms;
    figures->of[BENCH_MERGE] = take.merge_rate;
    figures->of[BENCH_RSS] = (double)take.max_rss_bytes / MIB;
    return STATUS_OK;
}

enum status bench_aggregate(struct bench *b, struct problem *problem) {
    static const char *const cases[] = {
        "consume and discard", "consume, decode",    "consume, decode, validate, dedup",
        "aggregator",          "its largest window", "windows in memory"};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        bench_report_add(&b->report, cases[i], "", false);
    for (size_t run = 0; status == STATUS_OK && run < (size_t)b->options.runs; run++) {
        struct bench_take stages[STAGES];
        status = measure_stages(b, run, stages, problem);
        if (status == STATUS_OK)
            status = measure_aggregator(b, run, stages, problem);
        if (status == STATUS_OK)
            status = measure_rows(b, run, problem);
    }
    return status;
}
