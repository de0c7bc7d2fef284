// clameur-ingest run: the worker.

#include <stdio.h>

#include "ingest/commands/commands.h"
#include "ingest/pipeline/pipeline.h"
#include "stream/startup/walk_log.h"

static void print_help(void) {
    printf("usage: clameur-ingest run [-c FILE] [--option=value]...\n\n"
           "Counts the topic into Redis until SIGTERM or SIGINT, which drain: everything read is flushed, "
           "the group is left,\n"
           "exit 0. A second signal stops at once; the counters are exact all the same.\n\n");
    config_print_options(stdout, settings_options, settings_option_count);
}

static enum status connect_and_count(struct startup *s, struct problem *problem) {
    enum status status = startup_connect(s, false, walk_log_step, NULL);
    if (status != STATUS_OK)
        return status;
    status = pipeline_run(s, NULL, problem);
    if (status != STATUS_OK)
        problem_print(problem);
    return status;
}

int command_run(int argc, char **argv) {
    static struct startup s;
    struct config_request request;
    struct problem problem;
    enum status status =
        startup_read_steps(&s, argc, argv, NULL, 0, NULL, &request, walk_log_reading, &s.basis);
    if (status == STATUS_OK && request.help)
        print_help();
    else if (status == STATUS_OK)
        status = connect_and_count(&s, &problem);
    startup_fini(&s);
    return (int)status;
}
