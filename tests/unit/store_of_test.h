// The store of a test, which its set-up opens (store_fresh) and its tear-down closes.
#pragma once

#include "tests/unit/store_fixture.h"

static struct store *store;

static int done(void **state) {
    store_close(&store);
    return 0;
}
