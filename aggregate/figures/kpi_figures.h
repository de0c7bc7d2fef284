// The KPIs of a row of sums, by the table of definitions (schemas/kpi.h). Pure.
#pragma once

#include "aggregate/figures/sums.h"
#include "schemas/kpi.h"

// The definitions, and the weights of interactions by kind number (RULES_WEIGHTS_MAX of them; NULL: those of
// kinds.def).
struct kpi_book {
    const struct kpis *kpis;
    const int32_t *weights;
};

// What a figure is made of.
enum kpi_basis {
    BASIS_EVENTS,
    BASIS_READINGS,
    BASIS_BOTH, // the numerator of events, the denominator read: a ratio of the two, which are never added
};

struct kpi_figure {
    const struct kpi *kpi;
    char currency[4]; // "" where it has none
    int64_t numerator, denominator;
    bool has_numerator, has_denominator; // false: not known, which is not 0
    bool is_null;                        // the ratio: there is nothing to divide by, or a side is not known
    bool money_numerator, money_denominator; // micros of the currency
    int64_t as_of_ms;                        // when the oldest reading of it was read; 0: there is none
    enum kpi_basis basis;
};
typedef void (*kpi_visit)(void *context, const struct kpi_figure *figure);

enum kpi_choice {
    KPIS_THAT_SAY, // a side is known and is not 0
    KPIS_OWN,      // and all that are defined for this platform alone
    KPIS_ALL,
};

// Those that are defined for the platform of row number `row` of sums->rows (of BY_ACCOUNT, for all
// platforms), in the table's order; those by currency once for each that the row has. `choice`: which of them
// are told.
void kpi_figures_each(const struct kpi_book *book, const struct sums *sums, uint32_t row,
                      enum kpi_choice choice, kpi_visit visit, void *context);

// "events", "readings", "events by readings".
const char *kpi_basis_name(enum kpi_basis basis);
// "ratio", "ms", "count", "money".
const char *kpi_unit_name(enum kpi_unit unit);
