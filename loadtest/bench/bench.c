#include "loadtest/bench/bench.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loadtest/bench/bench_run.h"
#include "loadtest/stop.h"
#include "runtime/memory.h"

static const struct option_row rows[] = {
    {"worker", OPTION_STRING, offsetof(struct bench_options, worker), "", 0, 0, 0,
     "path of clameur-ingest; empty: beside this program"},
    {"runs", OPTION_INT, offsetof(struct bench_options, runs), "3", 0, 1, 100, "how often each is measured"},
    {"pin", OPTION_CHOICE, offsetof(struct bench_options, pin), "no", 0, 0, 0,
     "[no|yes|both] floor and worker on one core each, or free and then on one core"},
    {"families", OPTION_STRING, offsetof(struct bench_options, families), "", 0, 0, 0,
     "counters.families of the worker, lists parted by a slash (all/account,content): each is a case of its "
     "own; empty: the deployment's"},
    {"max-ratio", OPTION_STRING, offsetof(struct bench_options, max_ratio), "", 0, 0, 0,
     "exit 1 where the worker's CPU is more than so many times the floor's"},
    {"timeout", OPTION_DURATION, offsetof(struct bench_options, timeout_ms), "10m", 0, 1000, 86400000,
     "how long one run may take"},
    {"output", OPTION_CHOICE, offsetof(struct bench_options, output), "auto", 0, 0, 0,
     "[auto|table|json] auto: a table on a terminal, one JSON line elsewhere"},
    {"json", OPTION_STRING, offsetof(struct bench_options, json), "", 0, 0, 0,
     "also write the JSON to this file"},
    {"floor", OPTION_BOOL, offsetof(struct bench_options, floor), "false", 0, 0, 0,
     "consume and discard the topic once, in this process: what bench starts as its floor"},
};

static const struct command command = {
    .usage = "bench [flags]",
    .doc = "Measures the worker on a topic that holds events, beside consuming and discarding them. Uses a "
           "Redis prefix and a "
           "group of its own and deletes them.",
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

static enum status find_programs(struct bench *b, struct problem *problem) {
    ssize_t length = readlink("/proc/self/exe", b->program, sizeof(b->program) - 1);
    if (length < 0)
        return problem_set(problem, STATUS_OS, "", "mount /proc", "/proc/self/exe: %s", strerror(errno));
    b->program[length] = '\0';
    int written;
    if (b->options.worker[0] != '\0')
        written = snprintf(b->worker, sizeof(b->worker), "%s", b->options.worker);
    else
        written = snprintf(b->worker, sizeof(b->worker), "%.*sclameur-ingest",
                           (int)(strrchr(b->program, '/') + 1 - b->program), b->program);
    if (written < 0 || (size_t)written >= sizeof(b->worker) || access(b->worker, X_OK) != 0)
        return problem_set(problem, STATUS_NO_INPUT, "", "name it with --worker", "%s is no program",
                           b->worker);
    return STATUS_OK;
}

static enum status open_log(struct bench *b, struct problem *problem) {
    enum status status = recount_log_open(&b->log, &b->deployment.settings, b->deployment.config, problem);
    if (status == STATUS_OK)
        status = recount_log_bounds(&b->log, problem);
    int64_t held = 0;
    for (int32_t p = 0; status == STATUS_OK && p < b->log.partitions; p++)
        held += b->log.end[p] - b->log.first[p];
    if (status == STATUS_OK && held == 0)
        return problem_set(problem, STATUS_NO_INPUT, "", "fill it with clameur-loadtest produce",
                           "the topic %s is empty", b->log.topic);
    return status;
}

// The worst of the cases.
static double greatest_ratio(const struct bench_report *report) {
    double greatest = 0;
    for (size_t i = 0; i < report->case_count; i++)
        greatest = fmax(greatest, bench_spread_of(&report->cases[i], BENCH_RATIO).median);
    return greatest;
}

static enum status write_answer(const struct bench *b, struct problem *problem) {
    const struct bench_report *report = &b->report;
    const char *output = b->options.output;
    bool table = strcmp(output, "auto") == 0 ? isatty(STDOUT_FILENO) == 1 : strcmp(output, "table") == 0;
    if (table)
        bench_report_table(report, stdout);
    else
        bench_report_json(report, stdout);
    if (b->options.json[0] != '\0') {
        FILE *file = fopen(b->options.json, "we");
        if (file == NULL)
            return problem_set(problem, STATUS_CANT_CREATE, "", "name another file", "%s: %s",
                               b->options.json, strerror(errno));
        bench_report_json(report, file);
        if (fclose(file) != 0)
            return problem_set(problem, STATUS_CANT_CREATE, "", "make room", "%s: %s", b->options.json,
                               strerror(errno));
    }
    double ratio = greatest_ratio(report);
    if (b->max_ratio <= 0 || ratio <= b->max_ratio)
        return STATUS_OK;
    fprintf(stderr, "bench: the ratio %.2f is above %.2f\n", ratio, b->max_ratio);
    return STATUS_NO;
}

static enum status run(struct bench *b, struct problem *problem) {
    enum status status = open_log(b, problem);
    if (status != STATUS_OK)
        return status;
    if (b->options.floor)
        return (enum status)bench_floor_child(b);
    status = find_programs(b, problem);
    if (status != STATUS_OK)
        return status;
    stop_arm();
    status = bench_throughput(b, problem);
    return status == STATUS_OK ? write_answer(b, problem) : status;
}

int bench_main(int argc, char **argv) {
    struct bench *b = memory_take(sizeof(*b));
    struct problem problem = {0};
    enum status status = deployment_load(&b->deployment, &command, argc, argv, &b->options);
    bool help = status == STATUS_NO;
    if (status == STATUS_OK && b->options.max_ratio[0] != '\0')
        status = deployment_parse_real("max-ratio", b->options.max_ratio, 1e6, &b->max_ratio);
    if (status == STATUS_OK) {
        forward(b, argc, argv);
        status = run(b, &problem);
    }
    if (problem.what[0] != '\0')
        problem_print(&problem);
    bench_report_fini(&b->report);
    recount_log_close(&b->log);
    free(b->forwarded);
    deployment_fini(&b->deployment);
    free(b);
    return help ? STATUS_OK : (int)status;
}
