#include "aggregate/figures/nearest_account.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "runtime/config/config.h"
#include "runtime/memory.h"

void nearest_account_init(struct nearest_account *nearest, struct slice asked) {
    *nearest = (struct nearest_account){.asked = asked};
}

void nearest_account_fini(struct nearest_account *nearest) {
    free(nearest->name);
    *nearest = (struct nearest_account){0};
}

static char *text_of(struct slice slice) {
    char *text = memory_take(slice.length + 1);
    memcpy(text, slice.at, slice.length);
    return text;
}

static bool is_nearer(const char *asked, const char *name, const char *than) {
    if (than == NULL || strcasecmp(asked, name) == 0)
        return strcasecmp(asked, name) == 0 || config_nearest(asked, &name, 1) != NULL;
    const char *const both[] = {than, name};
    return strcasecmp(asked, than) != 0 && config_nearest(asked, both, 2) == name;
}

static void name_take(struct nearest_account *nearest, struct slice account) {
    char *name = text_of(account), *asked = text_of(nearest->asked);
    if (is_nearer(asked, name, nearest->name)) {
        free(nearest->name);
        nearest->name = name;
        name = NULL;
    }
    free(asked);
    free(name);
}

// Rows of one account mostly follow one another.
void nearest_account_take(struct nearest_account *nearest, const struct rows *rows) {
    struct slice before = {NULL, 0};
    if (nearest->asked.at == NULL)
        return;
    for (uint32_t i = 0; i < rows_count(rows) && !nearest->is_there; i++) {
        struct slice account = rows_key(rows, i).account;
        if (account.length == 0 || (before.at != NULL && slice_equal(account, before)))
            continue;
        before = account;
        if (slice_equal(account, nearest->asked))
            nearest->is_there = true;
        else
            name_take(nearest, account);
    }
}

const char *nearest_account_name(const struct nearest_account *nearest) {
    return nearest->is_there ? NULL : nearest->name;
}
