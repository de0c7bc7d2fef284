// What is in force, as text: each option with its value and where that stands. For `config show`, for the
// comparison at a reload, for the hash that tells whether a fleet runs with one configuration.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/config/config.h"

enum { CONFIG_HASH_SIZE = 17 };

struct config_setting {
    const char *name; // with `kafka.`, of what passes through
    const char *value;
    const char *origin; // as config_origin says
    unsigned flags;     // of the row; OPTION_SECRET also where a property that passes through is a secret
};

// Each option by its row, then what passes through. `value` is borrowed for the call, and a secret's is the
// secret: config_setting_shown is for showing.
typedef void (*config_visit)(void *context, const struct config_setting *setting);
void config_effective(const struct config *config, config_visit visit, void *context);

// "***" for a secret that is there, also for a URL with a login in it.
const char *config_setting_shown(const struct config_setting *setting);

// Calls `differs` for each name whose value is not the same in both, with the flags of its row: an option, or
// what passes through and is only in one.
void config_compare(const struct config *before, const struct config *after,
                    void (*differs)(void *context, const char *name, unsigned flags), void *context);

// Of all names and values but secrets and what is a host's own (OPTION_HOST): 16 hex digits.
void config_hash(const struct config *config, char out[CONFIG_HASH_SIZE]);
