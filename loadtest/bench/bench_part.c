#include <stdlib.h>

#include "loadtest/bench/bench_run.h"
#include "runtime/memory.h"

static char **arguments(const struct bench *b, const char *const *words) {
    size_t own = 0, count = 0;
    while (words[own] != NULL)
        own++;
    const char **argv = memory_take((1 + own + b->forwarded_count + 1) * sizeof(*argv));
    argv[count++] = b->program;
    for (size_t i = 0; i < own; i++)
        argv[count++] = words[i];
    for (size_t i = 0; i < b->forwarded_count; i++)
        argv[count++] = b->forwarded[i];
    return (char **)argv;
}

enum status bench_part_run(const struct bench *b, const char *const *words, bool pin, struct bench_part *part,
                           struct problem *problem) {
    *part = (struct bench_part){0};
    char **argv = arguments(b, words);
    enum status status = bench_child_start(&part->child, argv, pin, problem);
    free(argv);
    if (status != STATUS_OK)
        return status;
    bench_child_wait(&part->child, b->options.timeout_ms, &part->usage);
    bench_child_read(&part->child, part->line, sizeof(part->line));
    return STATUS_OK;
}

enum status bench_part_failed(const struct bench_part *part, const char *what, struct problem *problem) {
    bench_child_show(&part->child);
    return problem_set(problem, STATUS_UNAVAILABLE, "", "see its messages above",
                       "%s ended with exit code %d", what, part->usage.exit_code);
}
