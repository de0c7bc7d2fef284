#include "loadtest/bench/bench.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loadtest/bench/bench_run.h"
#include "loadtest/bench/scenes/bench_baseline.h"
#include "loadtest/bench/scenes/bench_rows.h"
#include "loadtest/bench/scenes/bench_stage.h"
#include "loadtest/stop.h"
#include "runtime/memory.h"

enum { FAMILIES_MAX = 16 };

static const struct option_row rows[] = {
    {"worker", OPTION_STRING, offsetof(struct bench_options, worker), "", 0, 0, 0,
     "path of clameur-ingest, or of clameur-aggregate; empty: beside this program"},
    {"runs", OPTION_INT, offsetof(struct bench_options, runs), "3", 0, 1, 100, "how often each is measured"},
    {"pin", OPTION_CHOICE, offsetof(struct bench_options, pin), "no", 0, 0, 0,
     "[no|yes|both] floor and worker on one core each, or free and then on one core"},
    {"families", OPTION_STRING, offsetof(struct bench_options, families), "", 0, 0, 0,
     "counters.families of the worker, lists parted by a slash (all/account,content): each is a case of its "
     "own; empty: the deployment's"},
    {"rate", OPTION_STRING, offsetof(struct bench_options, rate), "", 0, 0, 0,
     "send so many events a second into kafka.topic, and measure how soon each is counted; half: half of "
     "what "
     "a worker reaches on the topic"},
    {"for", OPTION_DURATION, offsetof(struct bench_options, for_ms), "60s", 0, 100, 604800000,
     "with --rate: for how long; long enough, it shows whether memory is flat"},
    {"recovery", OPTION_BOOL, offsetof(struct bench_options, recovery), "false", 0, 0, 0,
     "how soon a worker is ready, and how soon another counts again after kill -9; sends 1,000 events a "
     "second"},
    {"max-ratio", OPTION_STRING, offsetof(struct bench_options, max_ratio), "", 0, 0, 0,
     "exit 1 where the worker's CPU is more than so many times the floor's"},
    {"baseline", OPTION_STRING, offsetof(struct bench_options, baseline), "", 0, 0, 0,
     "a file that --json wrote: also shows what is better or worse than it"},
    {"tolerance", OPTION_STRING, offsetof(struct bench_options, tolerance), "", 0, 0, 0,
     "exit 1 where a ratio or an amount of memory is worse than the baseline's by more than this share "
     "(0.1)"},
    {"timeout", OPTION_DURATION, offsetof(struct bench_options, timeout_ms), "10m", 0, 1000, 86400000,
     "how long one run may take"},
    {"output", OPTION_CHOICE, offsetof(struct bench_options, output), "auto", 0, 0, 0,
     "[auto|table|json] -o; auto: a table on a terminal, one JSON line elsewhere"},
    {"json", OPTION_STRING, offsetof(struct bench_options, json), "", 0, 0, 0,
     "also write the JSON to this file"},
    {"floor", OPTION_BOOL, offsetof(struct bench_options, floor), "false", 0, 0, 0,
     "consume and discard the topic once, in this process: what bench starts as its floor"},
    {"stage", OPTION_CHOICE, offsetof(struct bench_options, stage), "", 0, 0, 0,
     "[decode|dedup|rows] of bench aggregate, in this process: what it starts as its stages"},
    {"store", OPTION_STRING, offsetof(struct bench_options, store), "", 0, 0, 0,
     "of bench aggregate: a new directory for the windows, which stays; empty: one that is deleted again"},
    {"contents", OPTION_INT, offsetof(struct bench_options, contents), "1000000", 0, 1, 100000000,
     "of bench aggregate: contents of the windows in memory"},
    {"windows", OPTION_INT, offsetof(struct bench_options, windows), "24", 0, 1, 10000,
     "of bench aggregate: how many windows are held in memory at once"},
};

static const struct command command = {
    .usage = "bench [aggregate] [flags]",
    .doc = "Measures the worker: its cost and speed on what the topic holds, beside consuming and discarding "
           "it; with --rate,\nlatency under a steady load, which is sent into the topic. Uses Redis prefixes "
           "and groups of its own and deletes them.",
    .rows = rows,
    .row_count = sizeof(rows) / sizeof(rows[0]),
    .connects = true,
};

// The words that are the deployment's, for the children: -c FILE, and flags whose name has a dot, as no flag
// of ours has.
static void forward(struct bench *b, int argc, char **argv) {
    b->forwarded = memory_take(((size_t)argc + 1) * sizeof(*b->forwarded));
    for (int i = 1; i < argc; i++) {
        size_t length = strcspn(argv[i], "=");
        bool file = strcmp(argv[i], "-c") == 0 || strncmp(argv[i], "--config", 8) == 0;
        bool option = strncmp(argv[i], "--", 2) == 0 && memchr(argv[i], '.', length) != NULL;
        if (!file && !option)
            continue;
        b->forwarded[b->forwarded_count++] = argv[i];
        if (argv[i][length] == '\0' && i + 1 < argc)
            b->forwarded[b->forwarded_count++] = argv[++i];
    }
}

static bool is_aggregate(const struct bench *b) {
    return b->deployment.request.argument_count > 0;
}

static enum status expect_form(const struct bench *b) {
    const struct config_request *request = &b->deployment.request;
    if (!is_aggregate(b) || strcmp(request->arguments[0], "aggregate") == 0)
        return deployment_expect_arguments(&b->deployment, is_aggregate(b));
    fprintf(stderr, "bench measures the worker, or with \"aggregate\" the aggregator; not \"%s\"\n",
            request->arguments[0]);
    return STATUS_USAGE;
}

static enum status find_programs(struct bench *b, struct problem *problem) {
    ssize_t length = readlink("/proc/self/exe", b->program, sizeof(b->program) - 1);
    if (length < 0)
        return problem_set(problem, STATUS_OS, "", "mount /proc", "/proc/self/exe: %s", strerror(errno));
    b->program[length] = '\0';
    int written;
    if (b->options.worker[0] != '\0')
        written = snprintf(b->worker, sizeof(b->worker), "%s", b->options.worker);
    else
        written =
            snprintf(b->worker, sizeof(b->worker), "%.*s%s", (int)(strrchr(b->program, '/') + 1 - b->program),
                     b->program, is_aggregate(b) ? "clameur-aggregate" : "clameur-ingest");
    if (written < 0 || (size_t)written >= sizeof(b->worker) || access(b->worker, X_OK) != 0)
        return problem_set(problem, STATUS_NO_INPUT, "", "name it with --worker", "%s is no program",
                           b->worker);
    return STATUS_OK;
}

static enum status (*form_of(const struct bench *b))(struct bench *, struct problem *) {
    const struct bench_options *options = &b->options;
    if (is_aggregate(b))
        return bench_aggregate;
    if (options->recovery)
        return bench_recovery;
    return options->rate[0] != '\0' ? bench_latency : bench_throughput;
}

static enum status open_log(struct bench *b, struct problem *problem) {
    enum status status = recount_log_open(&b->log, &b->deployment.settings, b->deployment.config, problem);
    if (status == STATUS_OK)
        status = recount_log_bounds(&b->log, problem);
    int64_t held = 0;
    for (int32_t p = 0; status == STATUS_OK && p < b->log.partitions; p++)
        held += b->log.end[p] - b->log.first[p];
    bool needed = is_aggregate(b) || form_of(b) == bench_throughput || strcmp(b->options.rate, "half") == 0;
    if (status == STATUS_OK && held == 0 && needed)
        return problem_set(problem, STATUS_NO_INPUT, "", "fill it with clameur-loadtest produce",
                           "the topic %s is empty", b->log.topic);
    return status;
}

// Every choice of --pin with every list of --families. The lists' text lies in *text.
static void make_settings(struct bench *b, char **text) {
    const char *families = b->options.families;
    bool both = strcmp(b->options.pin, "both") == 0, yes = strcmp(b->options.pin, "yes") == 0;
    *text = memory_text(families[0] != '\0' ? families : b->deployment.settings.counters_families);
    const char *lists[FAMILIES_MAX];
    size_t count = 0;
    for (char *rest = *text, *list; count < FAMILIES_MAX && (list = strsep(&rest, "/")) != NULL;) {
        if (list[0] != '\0')
            lists[count++] = list;
    }
    b->settings = memory_take(2 * FAMILIES_MAX * sizeof(*b->settings));
    for (int pinned = yes; pinned <= (yes || both); pinned++) {
        for (size_t i = 0; i < count; i++)
            b->settings[b->setting_count++] = (struct bench_setting){lists[i], pinned};
    }
}

// The worst of the cases.
static double greatest_ratio(const struct bench_report *report) {
    double greatest = 0;
    for (size_t i = 0; i < report->case_count; i++)
        greatest = fmax(greatest, bench_spread_of(&report->cases[i], BENCH_RATIO).median);
    return greatest;
}

// The answer as one line of JSON, with what changed against the baseline.
static void print_json(const struct bench *b, const struct bench_changes *changes, FILE *out) {
    json_t *answer = bench_report_json(&b->report);
    if (b->baseline != NULL)
        json_object_set_new(answer, "changes", bench_changes_json(changes));
    json_dumpf(answer, out, JSON_COMPACT | JSON_REAL_PRECISION(6));
    fputc('\n', out);
    json_decref(answer);
}

static enum status write_file(const struct bench *b, const struct bench_changes *changes,
                              struct problem *problem) {
    const char *path = b->options.json;
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return problem_set(problem, STATUS_CANT_CREATE, "", "name another file", "%s: %s", path,
                           strerror(errno));
    print_json(b, changes, file);
    if (fclose(file) != 0)
        return problem_set(problem, STATUS_CANT_CREATE, "", "make room", "%s: %s", path, strerror(errno));
    return STATUS_OK;
}

// STATUS_NO: what was measured is beyond a bound that was given.
static enum status judge(const struct bench *b, const struct bench_changes *changes) {
    double ratio = greatest_ratio(&b->report), worse = bench_changes_worst_ratio(changes);
    enum status status = STATUS_OK;
    if (b->max_ratio > 0 && ratio > b->max_ratio) {
        fprintf(stderr, "bench: the ratio %.2f is above %.2f\n", ratio, b->max_ratio);
        status = STATUS_NO;
    }
    if (b->tolerance >= 0 && worse > b->tolerance) {
        fprintf(stderr, "bench: a ratio is %.1f %% worse than the baseline's, more than %.1f %%\n",
                100 * worse, 100 * b->tolerance);
        status = STATUS_NO;
    }
    return status;
}

static enum status write_answer(const struct bench *b, struct problem *problem) {
    const char *output = b->options.output;
    bool table = strcmp(output, "auto") == 0 ? isatty(STDOUT_FILENO) == 1 : strcmp(output, "table") == 0;
    struct bench_changes changes = {0};
    if (b->baseline != NULL)
        bench_baseline_compare(&changes, &b->report, b->baseline);
    if (table)
        bench_report_table(&b->report, stdout);
    if (table && b->baseline != NULL)
        bench_changes_table(&changes, stdout);
    if (!table)
        print_json(b, &changes, stdout);
    enum status status = b->options.json[0] != '\0' ? write_file(b, &changes, problem) : STATUS_OK;
    if (status == STATUS_OK)
        status = judge(b, &changes);
    bench_changes_fini(&changes);
    return status;
}

static enum status run(struct bench *b, struct problem *problem) {
    enum status status = expect_form(b);
    if (status == STATUS_OK && strcmp(b->options.stage, "rows") == 0)
        return (enum status)bench_rows_child(b);
    if (status == STATUS_OK)
        status = open_log(b, problem);
    if (status != STATUS_OK)
        return status;
    if (b->options.stage[0] != '\0')
        return (enum status)bench_stage_child(b, b->options.stage);
    if (b->options.floor)
        return (enum status)bench_floor_child(b);
    status = find_programs(b, problem);
    if (status != STATUS_OK)
        return status;
    stop_arm();
    char *text;
    make_settings(b, &text);
    b->report.runs = b->options.runs;
    status = form_of(b)(b, problem);
    free(text);
    return status == STATUS_OK ? write_answer(b, problem) : status;
}

int bench_main(int argc, char **argv) {
    struct bench *b = memory_take(sizeof(*b));
    struct problem problem = {0};
    enum status status = deployment_load(&b->deployment, &command, argc, argv, &b->options);
    bool help = status == STATUS_NO;
    if (status == STATUS_OK && b->options.max_ratio[0] != '\0')
        status = deployment_parse_real("max-ratio", b->options.max_ratio, 1e6, &b->max_ratio);
    b->tolerance = -1;
    if (status == STATUS_OK && b->options.tolerance[0] != '\0')
        status = deployment_parse_real("tolerance", b->options.tolerance, 1e6, &b->tolerance);
    if (status == STATUS_OK && b->options.baseline[0] != '\0')
        status = bench_baseline_read(b->options.baseline, &b->baseline, &problem);
    if (status == STATUS_OK) {
        forward(b, argc, argv);
        status = run(b, &problem);
    }
    if (problem.what[0] != '\0')
        problem_print(&problem);
    json_decref(b->baseline);
    bench_report_fini(&b->report);
    recount_log_close(&b->log);
    free(b->settings);
    free(b->forwarded);
    deployment_fini(&b->deployment);
    free(b);
    return help ? STATUS_OK : (int)status;
}
