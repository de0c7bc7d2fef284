// A delta to be flushed, of a deployment whose partitions are claimed: for each test anew.
#pragma once

#include "flush_fixture.h"

static struct delta d;

static int begin(void **state) {
    deployment_begin(state);
    claim_partitions(2);
    delta_init(&d);
    return 0;
}

static int end(void **state) {
    delta_fini(&d);
    return 0;
}
