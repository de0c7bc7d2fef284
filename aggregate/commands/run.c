// clameur-aggregate run: the aggregator.

#include <stdio.h>

#include "aggregate/commands/commands.h"
#include "aggregate/pipeline/pipeline.h"
#include "aggregate/startup.h"
#include "stream/startup/walk_log.h"

static void print_help(void) {
    printf("usage: clameur-aggregate run --store.url=file:///PATH [-c FILE] [--option=value]...\n\n"
           "Keeps the topic's event-time windows in the store, and publishes them as they are sealed, until "
           "SIGTERM or\n"
           "SIGINT: then everything read is kept, the group is left, exit 0. As many as wanted share the "
           "partitions.\n\n");
    config_print_options(stdout, settings_options, settings_option_count);
}

static enum status connect_and_run(struct basis *basis, struct problem *problem) {
    enum status status = startup_connect(basis, false, walk_log_step, NULL);
    if (status != STATUS_OK)
        return status;
    status = pipeline_run(basis, problem);
    if (status != STATUS_OK)
        problem_print(problem);
    return status;
}

int command_run(int argc, char **argv) {
    static struct basis basis;
    struct config_request request;
    struct problem problem;
    enum status status = startup_read(&basis, argc, argv, NULL, 0, NULL, &request, walk_log_reading, &basis);
    if (status == STATUS_OK && request.help)
        print_help();
    else if (status == STATUS_OK)
        status = connect_and_run(&basis, &problem);
    basis_fini(&basis);
    return (int)status;
}
