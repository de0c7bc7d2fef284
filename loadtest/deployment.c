#include "loadtest/deployment.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/log/log.h"
#include "runtime/memory.h"

// The rows with only the brokers required: what these commands do asks for neither Redis nor keys.
static struct option_row *rows_relaxed(void) {
    struct option_row *rows = memory_take(settings_option_count * sizeof(*rows));
    memcpy(rows, settings_options, settings_option_count * sizeof(*rows));
    for (size_t i = 0; i < settings_option_count; i++) {
        if (strcmp(rows[i].name, "kafka.bootstrap.servers") != 0)
            rows[i].flags &= ~(unsigned)OPTION_REQUIRED;
    }
    return rows;
}

static void print_help(const struct command *command) {
    printf("usage: clameur-loadtest %s\n%s\n\n", command->usage, command->doc);
    config_print_options(stdout, command->rows, command->row_count);
    if (!command->connects)
        return;
    printf("\nand of the deployment's options (-c FILE, CLAMEUR_<NAME> or flags; kafka.* passes through to "
           "librdkafka):\n");
    static const char *const used[] = {"kafka.bootstrap.servers", "kafka.topic", "log.level", "log.format"};
    struct option_row shown[sizeof(used) / sizeof(used[0])];
    size_t count = 0;
    for (size_t i = 0; i < settings_option_count; i++) {
        for (size_t j = 0; j < sizeof(used) / sizeof(used[0]); j++) {
            if (strcmp(settings_options[i].name, used[j]) == 0)
                shown[count++] = settings_options[i];
        }
    }
    config_print_options(stdout, shown, count);
}

enum status deployment_load(struct deployment *deployment, const struct command *command, int argc,
                            char **argv, void *target) {
    *deployment = (struct deployment){0};
    deployment->rows = rows_relaxed();
    enum status status = config_load(&deployment->config, argc, argv, 1, deployment->rows,
                                     command->connects ? settings_option_count : 0, &deployment->settings,
                                     command->rows, command->row_count, target, &deployment->request);
    if (status == STATUS_OK && deployment->request.help) {
        print_help(command);
        status = STATUS_NO;
    }
    if (status == STATUS_OK && command->connects) {
        log_configure(deployment->settings.log_level, deployment->settings.log_format);
        deployment->passthrough_count = config_passthrough(deployment->config, &deployment->passthrough);
    }
    return status;
}

void deployment_fini(struct deployment *deployment) {
    config_destroy(&deployment->config);
    free(deployment->rows);
    deployment->rows = NULL;
}

enum status deployment_expect_arguments(const struct deployment *deployment, int count) {
    const struct config_request *r = &deployment->request;
    if (r->argument_count == count)
        return STATUS_OK;
    if (r->argument_count > count)
        fprintf(stderr, "%s is one argument too many; see --help\n", r->arguments[count]);
    else
        fprintf(stderr, "an argument is missing; see --help\n");
    return STATUS_USAGE;
}

int deployment_main(const struct command *command, int argc, char **argv, void *flags, int arguments,
                    deployment_do act) {
    struct deployment deployment;
    struct problem problem = {0};
    enum status status = deployment_load(&deployment, command, argc, argv, flags);
    if (status == STATUS_OK)
        status = deployment_expect_arguments(&deployment, arguments);
    if (status == STATUS_OK)
        status = act(&deployment, flags, &problem);
    if (problem.status != STATUS_OK)
        problem_print(&problem);
    deployment_fini(&deployment);
    return status == STATUS_NO ? STATUS_OK : (int)status;
}

enum status deployment_parse_real(const char *flag, const char *text, double most, double *value) {
    char *end;
    *value = strtod(text, &end);
    if (end != text && *end == '\0' && isfinite(*value) && *value >= 0 && *value <= most)
        return STATUS_OK;
    fprintf(stderr, "--%s is \"%s\"; it takes a number from 0 to %g\n", flag, text, most);
    return STATUS_USAGE;
}
