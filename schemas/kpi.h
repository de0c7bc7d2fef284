// KPIs: kpis.def, read. A KPI is a numerator and a denominator, sums of counters and of what is told beside
// them; nobody stores the ratio, and where there is nothing to divide by it is null.
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
    KPI_TOLD,     // what is no counter of the row
    KPI_WEIGHTED, // interactions by their weights
};

// What is told of an account on a platform beside its counters; told_rows names it.
enum kpi_told {
    TOLD_REACH,
    TOLD_REACH_PAID,
    TOLD_REACH_ORGANIC,
    TOLD_REACH_BRAND,
    TOLD_REACH_UGC,
    TOLD_REACH_AMBASSADOR,
    TOLD_REACH_EMPLOYEE,
    TOLD_REACH_ADVOCACY,
    TOLD_UNIQUE_VIEWERS,
    TOLD_UNIQUE_LISTENERS,
    TOLD_ACTIVE_MEMBERS,
    TOLD_FOLLOWERS,
    TOLD_WATCH_P50,
    TOLD_WATCH_P90,
    TOLD_RESPONSE_P50,
    TOLD_RESPONSE_P90,
    TOLD_FIRST_RESPONSE_P50,
    TOLD_FIRST_RESPONSE_P90,
    TOLD_RESOLUTION_P50,
    TOLD_RESOLUTION_P90,
    TOLD_CYCLE_P50,
    TOLD_CYCLE_P90,
    TOLD_COUNT,
};

enum told_source {
    TOLD_UNIQUE,   // how many different ones a sketch has; also read, by the term's name
    TOLD_DURATION, // a quantile of a sketch
    TOLD_READING,  // what was read last of the account on the platform
};

struct told_row {
    const char *term; // as kpis.def has it; of TOLD_READING, and where a TOLD_UNIQUE was read: the counter
    enum told_source source;
    enum sketched sketch; // but of TOLD_READING
    unsigned permille;    // of TOLD_DURATION
};
extern const struct told_row told_rows[TOLD_COUNT];

struct kpi_term {
    enum kpi_source source;
    enum counter counter; // of KPI_COUNTER
    enum kpi_told told;   // of KPI_TOLD
    int64_t factor;
};

struct kpi_sum {
    uint32_t count;
    struct kpi_term terms[KPI_TERMS_MAX];
};

struct kpi {
    const char *id, *name, *doc;
    uint32_t platform; // 0: every platform that has no row of its own with this name
    uint32_t but;      // of those this one not; 0: none
    uint32_t format;   // ContentFormat; 0: any
    uint32_t version;
    struct kpi_sum numerator, denominator; // a denominator of no terms: the KPI is the numerator
    enum kpi_objective objective;
    enum kpi_unit unit;
    bool by_currency; // a figure for each currency
};

// Has the sum a term of that source?
bool kpi_sum_has(const struct kpi_sum *sum, enum told_source source);

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
    bool is_told[TOLD_COUNT];
    int64_t told[TOLD_COUNT];
    const int32_t *weights; // of rules, by kind number (RULES_WEIGHTS_MAX of them); NULL: those of kinds.def
};

// `currency`: three capitals, or empty.
void kpi_input_init(struct kpi_input *input, struct slice currency);
void kpi_input_add(struct kpi_input *input, const struct rows *r, uint32_t row);

struct kpi_value {
    int64_t numerator, denominator; // of a KPI without a denominator 1
    bool is_null; // nothing to divide by, or a sum beyond 64 bits; a term, or the currency, is not known
    bool has_numerator, has_denominator; // false: a term of the side is not told
};

void kpi_compute(struct kpi_value *out, const struct kpi *kpi, const struct kpi_input *input);
