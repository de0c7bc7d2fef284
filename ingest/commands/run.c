// clameur-ingest run: the worker.

#include <stdio.h>
#include <string.h>

#include "ingest/commands/commands.h"
#include "ingest/pipeline/pipeline.h"
#include "runtime/log/log.h"

static void print_help(void) {
    printf("usage: clameur-ingest run [-c FILE] [--option=value]...\n\n"
           "Counts the topic into Redis until SIGTERM or SIGINT, which drain: everything read is flushed, "
           "the group is left,\n"
           "exit 0. A second signal stops at once; the counters are exact all the same.\n\n");
    config_print_options(stdout, settings_options, settings_option_count);
}

static void log_trouble(const struct problem *problem) {
    if (problem->status == STATUS_OK)
        log_problem(LOG_LEVEL_WARN, "start_warning", problem);
    else if (problem->what[0] != '\0') // else it has been told already, finding by finding
        problem_print(problem);
}

static void log_reading(void *context, const char *step, const char *detail, const struct problem *problem) {
    const struct startup *s = context;
    if (strcmp(step, "configuration") == 0 && problem == NULL)
        log_configure(s->basis.settings.log_level, s->basis.settings.log_format);
    if (problem != NULL)
        log_trouble(problem);
}

static void log_step(void *context, const char *step, const char *detail, const struct problem *problem) {
    if (problem != NULL)
        log_trouble(problem);
    else
        log_info("start_step", FIELD("step", LOG_TEXT(step)), FIELD("found", LOG_TEXT(detail)));
}

static enum status connect_and_count(struct startup *s, struct problem *problem) {
    enum status status = startup_connect(s, false, log_step, NULL);
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
    enum status status = startup_read_steps(&s, argc, argv, NULL, 0, NULL, &request, log_reading, &s);
    if (status == STATUS_OK && request.help)
        print_help();
    else if (status == STATUS_OK)
        status = connect_and_count(&s, &problem);
    startup_fini(&s);
    return (int)status;
}
