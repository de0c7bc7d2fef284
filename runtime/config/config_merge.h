// How values from several sources come together: the inside of runtime/config/config.c.
//
// Each row has a slot. A source gives it a value at most once; a later source's value replaces an earlier
// one's, and every value is parsed where it stands, also one that is replaced later: a mistake is never
// hidden.
#pragma once

#include <stdbool.h>

#include "runtime/arena.h"
#include "runtime/config/config.h"
#include "runtime/config/config_flags.h"
#include "runtime/config/document.h"
#include "runtime/config/findings.h"

enum source_kind { SOURCE_FILE, SOURCE_ENVIRONMENT, SOURCE_FLAGS };

struct source {
    enum source_kind kind;
    unsigned number;                 // from 1: which of them spoke last, so that it cannot speak twice
    const struct document *document; // of a file
};

// A row, the field it fills, and who filled it.
struct slot {
    const struct option_row *row;
    void *target;
    bool flags_only;
    const char *variable; // CLAMEUR_...
    const char *origin;
    unsigned source; // 0: the default
};

struct config {
    struct arena arena;
    struct findings findings;
    struct slot *slots; // the rows, then the extra ones
    size_t slot_count;
    size_t row_count;
    const char **row_names;
    const char **variables;
    struct config_pair *pairs;
    unsigned *pair_sources;
    size_t pair_count;
    struct config_flags flags;
    unsigned sources; // so far
    bool unread;      // a file could not be read: what it would have given is not known
};

// A value on its way to its row.
struct given {
    const char *name;
    const char *value;
    const char *origin;      // where the value stands
    const char *name_origin; // where its name stands
};

// The rows of `c` are given their defaults.
void config_merge_init(struct config *c, const struct option_row *rows, size_t row_count, void *target,
                       const struct option_row *extra, size_t extra_count, void *extra_target);
void config_merge_fini(struct config *c);

// Gives a value to its row, or to the pairs that pass through; what is wrong with it becomes a finding.
void config_merge_give(struct config *c, const struct source *source, const struct given *g);

// Notes a name that no row has, with the nearest that one has.
void config_merge_refuse_unknown(struct config *c, const struct source *source, const struct given *g);

// Notes every required row that nobody gave; keys only where every file was read.
void config_merge_require(struct config *c);

// NULL where no row is called so. Flags see all rows, other sources not those that are for flags only.
struct slot *config_merge_find(const struct config *c, const char *name, bool from_flags);

// Whether a name without a row passes through: `kafka.` and something.
bool config_merge_passes(const struct config *c, const char *name);

// Whether what passes through under that name (without `kafka.`) is a secret.
bool config_merge_is_secret(const char *name);

// The secret that a name lies below, as in redis.password.x; NULL where there is none.
const char *config_merge_secret_above(struct config *c, const char *name);

// `a` and `b` in one text.
char *config_text_join(struct arena *arena, const char *a, const char *b);
