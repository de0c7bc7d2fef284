// A store for the tests of stores: a directory of its own, emptied for each test.
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "aggregate/store/store.h"

static char store_path[64], store_url[80];

static int store_forget(const char *path, const struct stat *found, int kind, struct FTW *where) {
    return remove(path);
}

static inline void store_empty(void) {
    nftw(store_path, store_forget, 16, FTW_DEPTH | FTW_PHYS);
}

static int store_fixture_begin(void **state) {
    snprintf(store_path, sizeof(store_path), "/tmp/clameur-store-XXXXXX");
    if (mkdtemp(store_path) == NULL)
        return -1;
    snprintf(store_url, sizeof(store_url), "file://%s", store_path);
    return 0;
}

static int store_fixture_end(void **state) {
    store_empty();
    return 0;
}

// Another handle of the same store; NULL where it cannot be opened.
static inline struct store *store_again(void) {
    struct store *store;
    struct problem p;
    if (store_open(&store, &(struct store_place){.url = store_url}, &p) != STATUS_OK)
        problem_print(&p);
    return store;
}

static inline struct store *store_fresh(void) {
    store_empty();
    return store_again();
}
