#include "stream/startup/walk_log.h"

#include <string.h>

#include "runtime/log/log.h"
#include "stream/startup/basis.h"

static void log_trouble(const struct problem *problem) {
    if (problem->status == STATUS_OK)
        log_problem(LOG_LEVEL_WARN, "start_warning", problem);
    else if (problem->what[0] != '\0') // else it has been told already, finding by finding
        problem_print(problem);
}

void walk_log_reading(void *context, const char *step, const char *detail, const struct problem *problem) {
    const struct basis *b = context;
    if (strcmp(step, "configuration") == 0 && problem == NULL)
        log_configure(b->settings.log_level, b->settings.log_format);
    if (problem != NULL)
        log_trouble(problem);
}

void walk_log_step(void *context, const char *step, const char *detail, const struct problem *problem) {
    if (problem != NULL)
        log_trouble(problem);
    else
        log_info("start_step", FIELD("step", LOG_TEXT(step)), FIELD("found", LOG_TEXT(detail)));
}
