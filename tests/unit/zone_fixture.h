// A zone of the system's, which a test cannot do without.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aggregate/zone/zone.h"

static struct zone *zone(const char *name) {
    struct problem p;
    struct zone *opened;
    if (zone_open(&opened, name, &p) != STATUS_OK)
        fail_msg("%s: %s", name, p.what);
    return opened;
}
