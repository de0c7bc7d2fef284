// KPIs: kpis.def, read. A KPI is a numerator and a denominator, sums of counters; nobody stores the ratio,
// and where there is nothing to divide by it is null.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schemas/registry.h"
#include "schemas/rows/rows.h"

enum { KPI_TERMS_MAX = 16, KPI_HASH_SIZE = 17 };

enum kpi_objective { KPI_HIGHER, KPI_LOWER, KPI_NONE };
enum kpi_unit { KPI_RATIO, KPI_MS, KPI_COUNT, KPI_MONEY };

enum kpi_source {
    KPI_COUNTER,
    KPI_REACH,    // unique actors
    KPI_WEIGHTED, // interactions by their weights
};

struct kpi_term {
    enum kpi_source source;
    enum counter counter; // of KPI_COUNTER
    int64_t factor;
};

struct kpi_sum {
    uint32_t count;
    struct kpi_term terms[KPI_TERMS_MAX];
};

struct kpi {
    const char *id, *name, *doc;
    uint32_t platform; // 0: every platform that has no row of its own with this name
    uint32_t format;   // ContentFormat; 0: any
    uint32_t version;
    struct kpi_sum numerator, denominator; // a denominator of no terms: the KPI is the numerator
    enum kpi_objective objective;
    enum kpi_unit unit;
    bool by_currency; // a figure for each currency
    bool needs_reach;
};

struct kpis;

struct kpis *kpis_create(void);
void kpis_destroy(struct kpis **k);

// The KPIs of a platform (any number), in the order of kpis.def: *at begins with 0. NULL after the last.
const struct kpi *kpi_next(const struct kpis *k, uint32_t platform, size_t *at);

// Is the KPI said of such a row? A format is known of TOTALS alone; rows of content are one content's,
// whatever it is.
bool kpi_is_of(const struct kpi *kpi, const struct row_key *key);

// Changes where a definition does, and where a weight of kinds.def does. Terminated.
void kpi_hash(char out[KPI_HASH_SIZE]);

// What KPIs are computed from: the sum of some rows.
struct kpi_input {
    int64_t counters[COUNTER_COUNT]; // by currency: of `currency` alone
    char currency[4];                // "": none
    bool has_reach;
    int64_t reach;
    const int32_t *weights; // of rules, by kind number (RULES_WEIGHTS_MAX of them); NULL: those of kinds.def
};

// `currency`: three capitals, or empty.
void kpi_input_init(struct kpi_input *input, struct slice currency);
void kpi_input_add(struct kpi_input *input, const struct rows *r, uint32_t row);

struct kpi_value {
    int64_t numerator, denominator; // of a KPI without a denominator 1
    bool is_null; // nothing to divide by, or a sum beyond 64 bits; the reach, or the currency, is not known
};

void kpi_compute(struct kpi_value *out, const struct kpi *kpi, const struct kpi_input *input);
