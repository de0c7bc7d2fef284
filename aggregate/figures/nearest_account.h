// Which account was probably meant where one is asked for that nothing is known of: of those whose rows were
// seen, the same but for upper and lower case, else the nearest name. Pure.
#pragma once

#include "schemas/rows/rows.h"

struct nearest_account {
    struct slice asked; // .at NULL: nothing is looked for; borrowed
    char *name;         // the nearest so far, NULL: none
    bool is_there;      // it was seen itself: nothing else was meant
};
void nearest_account_init(struct nearest_account *nearest, struct slice asked);
void nearest_account_take(struct nearest_account *nearest, const struct rows *rows);
// NULL: none. Lives as long as `nearest`.
const char *nearest_account_name(const struct nearest_account *nearest);
void nearest_account_fini(struct nearest_account *nearest);
