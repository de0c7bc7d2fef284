// A store for the tests of stores: a directory of its own, emptied for each test; or where
// STORE_TEST_ENDPOINT says that a bucket "tests" is, with the keys "access" and "secret", below a prefix of
// each test's own.
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "stream/store/store.h"

static char store_path[64], store_url[80];
static struct store_place store_place = {.url = store_url};

static int store_forget(const char *path, const struct stat *found, int kind, struct FTW *where) {
    return remove(path);
}

static inline void store_empty(void) {
    static int number;
    if (store_place.s3.endpoint != NULL)
        snprintf(store_url, sizeof(store_url), "s3://tests/%d/%d", getpid(), ++number);
    else
        nftw(store_path, store_forget, 16, FTW_DEPTH | FTW_PHYS);
}

static int store_fixture_begin(void **state) {
    store_place.s3 = (struct s3_place){.endpoint = getenv("STORE_TEST_ENDPOINT"),
                                       .region = "us-east-1",
                                       .access_key = "access",
                                       .secret_key = "secret",
                                       .ca_file = "",
                                       .timeout_ms = 60000,
                                       .retries = 10};
    if (store_place.s3.endpoint != NULL)
        return 0;
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
    if (store_open(&store, &store_place, &p) != STATUS_OK)
        problem_print(&p);
    return store;
}

static inline struct store *store_fresh(void) {
    store_empty();
    return store_again();
}
