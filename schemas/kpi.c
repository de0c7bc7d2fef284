#include "schemas/kpi.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "clameur/v1/event.pb-c.h"
#include "runtime/check.h"
#include "runtime/memory.h"

// A row of kpis.def as it is written there.
struct kpi_text {
    const char *id, *platform, *format, *name;
    uint32_t version;
    const char *numerator, *denominator, *objective, *unit, *doc;
};

static const struct kpi_text texts[] = {
#define KPI(id, platform, format, name, version, numerator, denominator, objective, unit, doc)               \
    {#id, platform, format, name, version, numerator, denominator, objective, unit, doc},
#include "schemas/kpis.def"
#undef KPI
};
enum { KPIS = sizeof(texts) / sizeof(texts[0]) };

static const char *const objectives[] = {[KPI_HIGHER] = "higher", [KPI_LOWER] = "lower", [KPI_NONE] = "none"};
static const char *const units[] = {
    [KPI_RATIO] = "ratio", [KPI_MS] = "ms", [KPI_COUNT] = "count", [KPI_MONEY] = "money"};

const struct told_row told_rows[TOLD_COUNT] = {
    [TOLD_REACH] = {"reach", TOLD_UNIQUE, SKETCHED_ACTORS, 0},
    [TOLD_REACH_PAID] = {"reach_paid", TOLD_UNIQUE, SKETCHED_ACTORS_PAID, 0},
    [TOLD_REACH_ORGANIC] = {"reach_organic", TOLD_UNIQUE, SKETCHED_ACTORS_ORGANIC, 0},
    [TOLD_REACH_BRAND] = {"reach_brand", TOLD_UNIQUE, SKETCHED_ACTORS_BRAND, 0},
    [TOLD_REACH_UGC] = {"reach_ugc", TOLD_UNIQUE, SKETCHED_ACTORS_UGC, 0},
    [TOLD_REACH_AMBASSADOR] = {"reach_ambassador", TOLD_UNIQUE, SKETCHED_ACTORS_AMBASSADOR, 0},
    [TOLD_REACH_EMPLOYEE] = {"reach_employee", TOLD_UNIQUE, SKETCHED_ACTORS_EMPLOYEE, 0},
    [TOLD_REACH_ADVOCACY] = {"reach_advocacy", TOLD_UNIQUE, SKETCHED_ACTORS_ADVOCACY, 0},
    [TOLD_UNIQUE_VIEWERS] = {"unique_viewers", TOLD_UNIQUE, SKETCHED_LIVE_ACTORS, 0},
    [TOLD_UNIQUE_LISTENERS] = {"unique_listeners", TOLD_UNIQUE, SKETCHED_LIVE_ACTORS, 0},
    [TOLD_ACTIVE_MEMBERS] = {"active_members", TOLD_UNIQUE, SKETCHED_ACTIVE_MEMBERS, 0},
    [TOLD_FOLLOWERS] = {"followers", TOLD_READING, SKETCHED_COUNT, 0},
    [TOLD_WATCH_P50] = {"watch_ms.p50", TOLD_DURATION, SKETCHED_WATCH_MS, 500},
    [TOLD_WATCH_P90] = {"watch_ms.p90", TOLD_DURATION, SKETCHED_WATCH_MS, 900},
    [TOLD_RESPONSE_P50] = {"response_ms.p50", TOLD_DURATION, SKETCHED_RESPONSE_MS, 500},
    [TOLD_RESPONSE_P90] = {"response_ms.p90", TOLD_DURATION, SKETCHED_RESPONSE_MS, 900},
    [TOLD_FIRST_RESPONSE_P50] = {"first_response_ms.p50", TOLD_DURATION, SKETCHED_FIRST_RESPONSE_MS, 500},
    [TOLD_FIRST_RESPONSE_P90] = {"first_response_ms.p90", TOLD_DURATION, SKETCHED_FIRST_RESPONSE_MS, 900},
    [TOLD_RESOLUTION_P50] = {"resolution_ms.p50", TOLD_DURATION, SKETCHED_RESOLUTION_MS, 500},
    [TOLD_RESOLUTION_P90] = {"resolution_ms.p90", TOLD_DURATION, SKETCHED_RESOLUTION_MS, 900},
    [TOLD_CYCLE_P50] = {"cycle_ms.p50", TOLD_DURATION, SKETCHED_CYCLE_MS, 500},
    [TOLD_CYCLE_P90] = {"cycle_ms.p90", TOLD_DURATION, SKETCHED_CYCLE_MS, 900},
};

struct kpis {
    struct kpi at[KPIS];
};

// The table is the program's own, and a test reads all of it: what cannot be read in it is a bug.
static unsigned word_parse(const char *word, const char *const *words, unsigned count) {
    unsigned i = 0;
    while (i < count && strcmp(words[i], word) != 0)
        i++;
    CHECK(i < count);
    return i;
}

static uint32_t format_parse(const char *format) {
    char name[64] = "CONTENT_FORMAT_";
    size_t length = strlen(name);
    for (; *format != '\0' && length + 1 < sizeof(name); format++)
        name[length++] = *format == '_' ? '_' : (char)(*format - 'a' + 'A');
    const ProtobufCEnumValue *value =
        protobuf_c_enum_descriptor_get_value_by_name(&clameur__v1__content_format__descriptor, name);
    CHECK(value != NULL && value->value > 0);
    return (uint32_t)value->value;
}

static const char *skip_spaces(const char *at) {
    while (*at == ' ')
        at++;
    return at;
}

static void source_parse(struct kpi_term *term, struct slice name) {
    for (unsigned i = 0; i < TOLD_COUNT; i++) {
        if (!slice_equal(name, slice_of(told_rows[i].term)))
            continue;
        term->source = KPI_TOLD;
        term->told = (enum kpi_told)i;
        return;
    }
    term->source = slice_equal(name, slice_of("weighted")) ? KPI_WEIGHTED : KPI_COUNTER;
    if (term->source == KPI_WEIGHTED)
        return;
    term->counter = counter_parse(name);
    CHECK(term->counter != COUNTER_NONE);
}

// "[-] [factor] name"; the first one has no sign to begin with.
static const char *term_parse(struct kpi_term *term, const char *at, bool is_first) {
    int64_t sign = *at == '-' ? -1 : 1;
    CHECK(is_first || *at == '+' || *at == '-');
    at = skip_spaces(is_first ? at : at + 1);
    char *end = (char *)(uintptr_t)at;
    term->factor = *at >= '0' && *at <= '9' ? strtoll(at, &end, 10) * sign : sign;
    at = skip_spaces(end);
    size_t length = strcspn(at, " ");
    CHECK(length > 0);
    source_parse(term, (struct slice){at, length});
    return skip_spaces(at + length);
}

static void sum_parse(struct kpi *kpi, struct kpi_sum *sum, const char *text) {
    for (const char *at = text; *at != '\0';) {
        CHECK(sum->count < KPI_TERMS_MAX);
        struct kpi_term *term = &sum->terms[sum->count];
        at = term_parse(term, at, sum->count == 0);
        sum->count++;
        kpi->by_currency |= term->source == KPI_COUNTER && counter_row(term->counter)->by_currency;
    }
}

// "tiktok", "*", "* but x".
static void platforms_parse(struct kpi *kpi, const char *text) {
    static const char but[] = "* but ";
    bool has_but = strncmp(text, but, strlen(but)) == 0, is_any = has_but || strcmp(text, "*") == 0;
    const char *name = has_but ? text + strlen(but) : text;
    uint32_t *number = has_but ? &kpi->but : &kpi->platform;
    if (has_but || !is_any)
        *number = platform_parse(name, strlen(name));
    CHECK(*number != 0 || (is_any && !has_but));
}

static void kpi_parse(struct kpi *kpi, const struct kpi_text *text) {
    kpi->id = text->id;
    kpi->name = text->name;
    kpi->doc = text->doc;
    kpi->version = text->version;
    platforms_parse(kpi, text->platform);
    kpi->format = text->format[0] != '\0' ? format_parse(text->format) : 0;
    kpi->objective = (enum kpi_objective)word_parse(text->objective, objectives, KPI_NONE + 1);
    kpi->unit = (enum kpi_unit)word_parse(text->unit, units, KPI_MONEY + 1);
    sum_parse(kpi, &kpi->numerator, text->numerator);
    sum_parse(kpi, &kpi->denominator, text->denominator);
    CHECK(kpi->numerator.count > 0);
}

struct kpis *kpis_create(void) {
    struct kpis *k = memory_take(sizeof(*k));
    for (size_t i = 0; i < KPIS; i++)
        kpi_parse(&k->at[i], &texts[i]);
    return k;
}

void kpis_destroy(struct kpis **k) {
    free(*k);
    *k = NULL;
}

// Has the platform a row of its own with that name?
static bool has_own(const struct kpis *k, uint32_t platform, const char *name) {
    for (size_t i = 0; i < KPIS; i++) {
        if (k->at[i].platform == platform && strcmp(k->at[i].name, name) == 0)
            return true;
    }
    return false;
}

const struct kpi *kpi_next(const struct kpis *k, uint32_t platform, size_t *at) {
    while (*at < KPIS) {
        const struct kpi *kpi = &k->at[(*at)++];
        if (platform != 0 && kpi->platform == platform)
            return kpi;
        if (kpi->platform == 0 &&
            (platform == 0 || (kpi->but != platform && !has_own(k, platform, kpi->name))))
            return kpi;
    }
    return NULL;
}

bool kpi_is_of(const struct kpi *kpi, const struct row_key *key) {
    if (kpi->platform != 0 && kpi->platform != key->platform)
        return false;
    bool is_known = key->table == TABLE_TOTALS || key->table == TABLE_LATE;
    return kpi->format == 0 || (is_known ? kpi->format == key->format : key->table == TABLE_CONTENT);
}

static void hash_text(XXH3_state_t *state, const char *text) {
    XXH3_64bits_update(state, text, strlen(text) + 1);
}

static void hash_kpi(XXH3_state_t *state, const struct kpi_text *t) {
    const char *const parts[] = {t->platform,    t->format,    t->name, t->numerator,
                                 t->denominator, t->objective, t->unit};
    char version[16];
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        hash_text(state, parts[i]);
    snprintf(version, sizeof(version), "%u", t->version);
    hash_text(state, version);
}

void kpi_hash(char out[KPI_HASH_SIZE]) {
    static const char *const weights[] = {
#define KIND(number, id, name, counter, weight) name " " #weight,
#include "schemas/kinds.def"
#undef KIND
    };
    XXH3_state_t *state = XXH3_createState();
    CHECK(state != NULL && XXH3_64bits_reset(state) == XXH_OK);
    for (size_t i = 0; i < KPIS; i++)
        hash_kpi(state, &texts[i]);
    for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++)
        hash_text(state, weights[i]);
    snprintf(out, KPI_HASH_SIZE, "%016" PRIx64, (uint64_t)XXH3_64bits_digest(state));
    XXH3_freeState(state);
}

void kpi_input_init(struct kpi_input *input, struct slice currency) {
    *input = (struct kpi_input){0};
    CHECK(currency.length == 0 || currency.length == sizeof(input->currency) - 1);
    if (currency.length > 0)
        memcpy(input->currency, currency.at, currency.length);
}

void kpi_input_add(struct kpi_input *input, const struct rows *r, uint32_t row) {
    struct cell cell;
    for (uint32_t at = rows_next_cell(r, row, ROWS_FIRST, &cell); at != ROWS_END;
         at = rows_next_cell(r, row, at, &cell)) {
        enum counter counter;
        char currency[4];
        if (!field_split(cell.field, &counter, currency))
            continue;
        if (counter_row(counter)->by_currency && strcmp(currency, input->currency) != 0)
            continue;
        input->counters[counter] = (int64_t)((uint64_t)input->counters[counter] + (uint64_t)cell.value);
    }
}

// True where the sum left 64 bits.
static bool add_product(int64_t *sum, int64_t factor, int64_t value) {
    int64_t product;
    return __builtin_mul_overflow(factor, value, &product) || __builtin_add_overflow(*sum, product, sum);
}

static bool add_weighted(int64_t *sum, int64_t factor, const struct kpi_input *input) {
    static const struct {
        uint32_t number;
        enum counter counter;
        int32_t weight;
    } kinds[] = {
#define KIND(number, id, name, counter, weight) {number, COUNTER_OF_##id, weight},
#include "schemas/kinds.def"
#undef KIND
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        int64_t weight = input->weights != NULL ? input->weights[kinds[i].number] : kinds[i].weight;
        if (add_product(sum, factor * weight, input->counters[kinds[i].counter]))
            return true;
    }
    return false;
}

bool kpi_sum_has(const struct kpi_sum *sum, enum told_source source) {
    uint32_t i = 0;
    while (i < sum->count &&
           (sum->terms[i].source != KPI_TOLD || told_rows[sum->terms[i].told].source != source))
        i++;
    return i < sum->count;
}

static bool is_known(const struct kpi_sum *sum, const struct kpi_input *input) {
    uint32_t i = 0;
    while (i < sum->count && (sum->terms[i].source != KPI_TOLD || input->is_told[sum->terms[i].told]))
        i++;
    return i == sum->count;
}

// False where the sum cannot be told.
static bool sum_compute(int64_t *sum, const struct kpi_sum *terms, const struct kpi_input *input) {
    bool overflows = false;
    *sum = 0;
    for (uint32_t i = 0; i < terms->count && !overflows; i++) {
        const struct kpi_term *term = &terms->terms[i];
        if (term->source == KPI_WEIGHTED)
            overflows = add_weighted(sum, term->factor, input);
        else if (term->source == KPI_TOLD)
            overflows = add_product(sum, term->factor, input->told[term->told]);
        else
            overflows = add_product(sum, term->factor, input->counters[term->counter]);
    }
    return !overflows;
}

void kpi_compute(struct kpi_value *out, const struct kpi *kpi, const struct kpi_input *input) {
    *out = (struct kpi_value){.denominator = 1,
                              .has_numerator = is_known(&kpi->numerator, input),
                              .has_denominator = is_known(&kpi->denominator, input)};
    bool is_told = sum_compute(&out->numerator, &kpi->numerator, input);
    if (kpi->denominator.count > 0)
        is_told = sum_compute(&out->denominator, &kpi->denominator, input) && is_told;
    out->is_null = !is_told || out->denominator == 0 || !out->has_numerator || !out->has_denominator ||
                   (kpi->by_currency && input->currency[0] == '\0');
}
