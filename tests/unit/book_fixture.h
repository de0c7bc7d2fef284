// The KPIs, for tests of what is made of them: as a group's set-up and tear-down.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/figures/kpi_figures.h"

static struct kpis *kpis;
static struct kpi_book book;

static int book_open(void **state) {
    kpis = kpis_create();
    book = (struct kpi_book){.kpis = kpis};
    return 0;
}

static int book_close(void **state) {
    kpis_destroy(&kpis);
    return 0;
}
