#include "aggregate/figures/read_figures.h"

#include <stdlib.h>

#include "runtime/memory.h"
#include "schemas/layout.h"

enum { KPIS_FIRST = 16 };

// The readings of one content, or of an account on a platform as a whole, by counter. NULL: not read.
struct read_of {
    const struct latest_reading *counters[COUNTER_COUNT];
    const struct latest_reading
        *told[TOLD_COUNT]; // TOLD_READING: of the account, also where a content is meant
};

// A KPI's sides so far.
struct read_sum {
    int64_t numerator, denominator;
    int64_t as_of_ms; // 0: nothing was read
    bool is_of_account, is_beyond;
};

struct reading_figures {
    const struct kpi_book *book;
    const struct rows *rows;
    const uint32_t *numbers; // of all readings, sorted
    bool by_content;
    read_visit visit;
    void *context;
    struct read_sum *sums; // of a platform, by the place of the KPI
    size_t room;           // above 0
};

// ---- what was read

static const struct latest_reading *reading_at(const struct reading_figures *f, size_t at) {
    return rows_reading(f->rows, f->numbers[at]);
}

static bool is_of_account(const struct latest_reading *reading) {
    return reading->content.length == 0;
}

static void read_of_init(struct read_of *of, const struct reading_figures *f, size_t from, size_t to) {
    const struct latest_reading *any = reading_at(f, from);
    *of = (struct read_of){.told = {NULL}};
    for (size_t i = from; i < to; i++) {
        const struct latest_reading *reading = reading_at(f, i);
        enum counter counter = counter_parse(reading->counter);
        if (counter != COUNTER_NONE)
            of->counters[counter] = reading;
        for (unsigned told = 0; told < TOLD_COUNT; told++) {
            if (told_rows[told].source == TOLD_UNIQUE &&
                slice_equal(reading->counter, slice_of(told_rows[told].term)))
                of->told[told] = reading;
        }
    }
    of->told[TOLD_FOLLOWERS] =
        rows_reading_find(f->rows, any->account, any->platform, slice_of(told_rows[TOLD_FOLLOWERS].term));
}

// Takes a side's readings into the input; false where one lacks. `*as_of_ms`: when the oldest was read.
static bool side_take(const struct kpi_sum *side, const struct read_of *of, struct kpi_input *input,
                      int64_t *as_of_ms) {
    for (uint32_t i = 0; i < side->count; i++) {
        const struct kpi_term *term = &side->terms[i];
        const struct latest_reading *reading = NULL;
        if (term->source == KPI_TOLD)
            reading = of->told[term->told];
        else if (term->source == KPI_COUNTER)
            reading = of->counters[term->counter];
        if (reading == NULL)
            return false;
        if (term->source == KPI_TOLD)
            input->told[term->told] = reading->value;
        else
            input->counters[term->counter] = reading->value;
        if (*as_of_ms == 0 || reading->read_at_ms < *as_of_ms)
            *as_of_ms = reading->read_at_ms;
    }
    return true;
}

// False where not all was read.
static bool kpi_read(struct read_sum *out, const struct kpi *kpi, const struct read_of *of) {
    struct kpi_input input;
    struct kpi_value value;
    *out = (struct read_sum){0};
    kpi_input_init(&input, slice_of(""));
    for (unsigned i = 0; i < TOLD_COUNT; i++)
        input.is_told[i] = of->told[i] != NULL;
    if (kpi->by_currency || !side_take(&kpi->numerator, of, &input, &out->as_of_ms) ||
        !side_take(&kpi->denominator, of, &input, &out->as_of_ms))
        return false;
    kpi_compute(&value, kpi, &input);
    out->numerator = value.numerator;
    out->denominator = value.denominator;
    out->is_beyond = value.is_null && value.denominator != 0;
    return true;
}

static bool side_has_unique(const struct kpi_sum *side) {
    for (uint32_t i = 0; i < side->count; i++) {
        const struct kpi_term *term = &side->terms[i];
        if (term->source == KPI_COUNTER && layout_is_unique(slice_of(counter_row(term->counter)->name)))
            return true;
    }
    return kpi_sum_has(side, TOLD_UNIQUE);
}

static bool has_unique(const struct kpi *kpi) {
    return side_has_unique(&kpi->numerator) || side_has_unique(&kpi->denominator);
}

// ---- what is told

static void sum_tell(const struct reading_figures *f, const struct row_key *key, const struct kpi *kpi,
                     const struct read_sum *sum) {
    const struct kpi_figure figure = {.kpi = kpi,
                                      .numerator = sum->numerator,
                                      .denominator = sum->denominator,
                                      .has_numerator = !sum->is_beyond,
                                      .has_denominator = !sum->is_beyond,
                                      .is_null = sum->is_beyond || sum->denominator == 0,
                                      .as_of_ms = sum->as_of_ms,
                                      .basis = BASIS_READINGS};
    f->visit(f->context, key, &figure);
}

static void content_tell(const struct reading_figures *f, const struct latest_reading *any,
                         const struct read_of *of) {
    const struct row_key key = {
        .table = TABLE_CONTENT, .platform = any->platform, .account = any->account, .id = any->content};
    const struct kpi *kpi;
    struct read_sum sum;
    for (size_t at = 0; (kpi = kpi_next(f->book->kpis, key.platform, &at)) != NULL;) {
        if (kpi_read(&sum, kpi, of))
            sum_tell(f, &key, kpi, &sum);
    }
}

// What was read of the account comes first, and is not to be added to.
static void sum_add(struct read_sum *sum, const struct read_sum *more, const struct kpi *kpi,
                    bool of_account) {
    if (sum->is_of_account || (!of_account && has_unique(kpi)))
        return;
    sum->is_of_account = of_account;
    sum->is_beyond = more->is_beyond ||
                     __builtin_add_overflow(sum->numerator, more->numerator, &sum->numerator) ||
                     sum->is_beyond;
    if (kpi->denominator.count == 0)
        sum->denominator = 1;
    else if (kpi_sum_has(&kpi->denominator, TOLD_READING))
        sum->denominator = more->denominator; // the account's: the same for all contents
    else if (__builtin_add_overflow(sum->denominator, more->denominator, &sum->denominator))
        sum->is_beyond = true;
    if (sum->as_of_ms == 0 || more->as_of_ms < sum->as_of_ms)
        sum->as_of_ms = more->as_of_ms;
}

static struct read_sum *sum_at(struct reading_figures *f, size_t place) {
    if (place >= f->room) {
        f->sums = memory_grow(f->sums, 2 * f->room, sizeof(*f->sums));
        memset(f->sums + f->room, 0, f->room * sizeof(*f->sums));
        f->room = 2 * f->room;
    }
    return &f->sums[place];
}

static void platform_add(struct reading_figures *f, const struct latest_reading *any,
                         const struct read_of *of) {
    const struct kpi *kpi;
    struct read_sum sum;
    size_t place = 0;
    for (size_t at = 0; (kpi = kpi_next(f->book->kpis, any->platform, &at)) != NULL; place++) {
        struct read_sum *whole = sum_at(f, place);
        if (kpi_read(&sum, kpi, of))
            sum_add(whole, &sum, kpi, is_of_account(any));
    }
}

static void platform_tell(struct reading_figures *f, const struct latest_reading *any) {
    const struct row_key key = {.table = TABLE_TOTALS, .platform = any->platform, .account = any->account};
    const struct kpi *kpi;
    size_t place = 0;
    for (size_t at = 0; (kpi = kpi_next(f->book->kpis, any->platform, &at)) != NULL; place++) {
        if (f->sums[place].as_of_ms != 0)
            sum_tell(f, &key, kpi, &f->sums[place]);
    }
    memset(f->sums, 0, f->room * sizeof(*f->sums));
}

// ---- all of it

static bool is_same_platform(const struct latest_reading *a, const struct latest_reading *b) {
    return a->platform == b->platform && slice_equal(a->account, b->account);
}

static bool is_same_content(const struct latest_reading *a, const struct latest_reading *b) {
    return is_same_platform(a, b) && slice_equal(a->content, b->content);
}

static void contents_tell(struct reading_figures *f, size_t count) {
    for (size_t from = 0, to; from < count; from = to) {
        const struct latest_reading *any = reading_at(f, from);
        struct read_of of;
        for (to = from + 1; to < count && is_same_content(any, reading_at(f, to)); to++)
            continue;
        read_of_init(&of, f, from, to);
        if (!f->by_content)
            platform_add(f, any, &of);
        else if (!is_of_account(any))
            content_tell(f, any, &of);
        if (!f->by_content && (to == count || !is_same_platform(any, reading_at(f, to))))
            platform_tell(f, any);
    }
}

void read_figures_each(const struct kpi_book *book, const struct sums *sums, read_visit visit,
                       void *context) {
    size_t count = rows_reading_count(sums->rows);
    uint32_t *numbers = memory_take((count + 1) * sizeof(*numbers));
    struct reading_figures f = {.book = book,
                                .rows = sums->rows,
                                .numbers = numbers,
                                .by_content = sums->by == BY_CONTENT,
                                .visit = visit,
                                .context = context,
                                .sums = memory_take(KPIS_FIRST * sizeof(struct read_sum)),
                                .room = KPIS_FIRST};
    rows_sort_readings(sums->rows, numbers);
    contents_tell(&f, count);
    free(f.sums);
    free(numbers);
}
