// A command line, taken apart: the inside of runtime/config/config.c.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/arena.h"
#include "runtime/config/config.h"
#include "runtime/config/findings.h"

struct config_flag {
    const char *name;
    const char *value; // NULL: none was given
};

struct config_flags {
    struct config_flag *flags;
    size_t flag_count;
    const char **files;
    size_t file_count;
    const char **arguments;
    size_t argument_count;
    bool help;
};

// Whether a flag of that name is a switch (OPTION_BOOL), which may stand without a value.
typedef bool (*config_is_switch)(const void *context, const char *name);

// Reads argv[first..]. Texts are argv's own; arrays and what had to be cut out live in `arena`. What cannot
// be a flag is a finding of STATUS_USAGE; which names are right, and which need a value, is not known here.
void config_flags_read(struct config_flags *flags, struct arena *arena, int argc, char **argv, int first,
                       config_is_switch is_switch, const void *context, struct findings *findings);
