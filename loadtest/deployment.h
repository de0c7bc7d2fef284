// The configuration as the commands of this program read it: the deployment's rows, of which only
// kafka.bootstrap.servers is required here, and a table of the command's own flags.
#pragma once

#include "runtime/config/config.h"
#include "schemas/settings.h"

struct command {
    const char *usage; // "produce [flags]"
    const char *doc;   // what it does, a sentence or two
    const struct option_row *rows;
    size_t row_count;
    bool connects; // reads the deployment's rows too
};

struct deployment {
    struct settings settings;
    struct config *config;
    struct option_row *rows;
    const struct config_pair *passthrough;
    size_t passthrough_count;
    struct config_request request;
};

// Reads argv into the deployment and `target`. STATUS_NO: help was asked for and printed. Else a status of
// config_load.
enum status deployment_load(struct deployment *deployment, const struct command *command, int argc,
                            char **argv, void *target);
void deployment_fini(struct deployment *deployment);

// STATUS_USAGE, printed, where there are not exactly `count` arguments besides flags.
enum status deployment_expect_arguments(const struct deployment *deployment, int count);

// A command as a whole: loads, expects so many arguments, does it, prints what is wrong; the exit code.
typedef enum status (*deployment_do)(const struct deployment *deployment, const void *flags,
                                     struct problem *problem);
int deployment_main(const struct command *command, int argc, char **argv, void *flags, int arguments,
                    deployment_do act);

// A number of 0..most as a flag's text gives it ("0.05", "1"): STATUS_USAGE, printed, where it is not one.
enum status deployment_parse_real(const char *flag, const char *text, double most, double *value);
