#include "aggregate/figures/kpi_figures.h"

#include <string.h>

#include "aggregate/figures/told.h"

enum { CURRENCIES_MAX = 256 };

struct asking {
    const struct kpi_book *book;
    const struct sums *sums;
    struct row_key key;
    struct kpi_input told; // of the row, beside its counters
    enum kpi_choice choice;
    kpi_visit visit;
    void *context;
};

const char *kpi_unit_name(enum kpi_unit unit) {
    static const char *const names[] = {
        [KPI_RATIO] = "ratio", [KPI_MS] = "ms", [KPI_COUNT] = "count", [KPI_MONEY] = "money"};
    return names[unit];
}

const char *kpi_basis_name(enum kpi_basis basis) {
    static const char *const names[] = {
        [BASIS_EVENTS] = "events", [BASIS_READINGS] = "readings", [BASIS_BOTH] = "events by readings"};
    return names[basis];
}

static bool is_money(const struct kpi_sum *sum) {
    bool money = false;
    for (uint32_t i = 0; i < sum->count; i++)
        money = money || (sum->terms[i].source == KPI_COUNTER && counter_is_money(sum->terms[i].counter));
    return money;
}

static bool is_chosen(const struct asking *a, const struct kpi_figure *f) {
    if (a->choice == KPIS_ALL || (a->choice == KPIS_OWN && f->kpi->platform != 0))
        return true;
    bool is_divided = f->kpi->denominator.count > 0;
    bool says =
        (f->has_numerator && f->numerator != 0) || (f->has_denominator && is_divided && f->denominator != 0);
    return says && (!f->kpi->by_currency || f->currency[0] != '\0');
}

// A side with the reach, say, is not known without it; neither is where a sum left 64 bits.
static void sides_tell(struct kpi_figure *f, const struct kpi_value *value, const struct kpi_input *input) {
    bool has_currency = !f->kpi->by_currency || input->currency[0] != '\0';
    f->numerator = value->numerator;
    f->denominator = value->denominator;
    f->is_null = value->is_null;
    f->has_numerator = value->has_numerator;
    f->has_denominator = value->has_denominator;
    if (f->is_null && f->denominator != 0 && f->has_numerator && f->has_denominator && has_currency)
        f->has_numerator = f->has_denominator = false;
}

static void basis_tell(struct kpi_figure *f, const struct asking *a) {
    if (!kpi_sum_has(&f->kpi->denominator, TOLD_READING))
        return;
    const struct latest_reading *read =
        f->has_denominator ? told_reading(a->sums, &a->key, TOLD_FOLLOWERS) : NULL;
    f->basis = BASIS_BOTH;
    f->as_of_ms = read != NULL ? read->read_at_ms : 0;
}

static void figure_tell(const struct asking *a, const struct kpi *kpi, const struct kpi_input *input) {
    struct kpi_value value;
    struct kpi_figure figure = {.kpi = kpi,
                                .money_numerator = is_money(&kpi->numerator),
                                .money_denominator = is_money(&kpi->denominator)};
    kpi_compute(&value, kpi, input);
    sides_tell(&figure, &value, input);
    basis_tell(&figure, a);
    if (kpi->by_currency)
        memcpy(figure.currency, input->currency, sizeof(figure.currency));
    if (is_chosen(a, &figure))
        a->visit(a->context, &figure);
}

// ---- by currency

// Those that the row has, sorted.
static size_t currencies_of(const struct rows *rows, uint32_t row, char out[CURRENCIES_MAX][4]) {
    struct cell cell;
    size_t count = 0;
    uint32_t at = rows_next_cell(rows, row, ROWS_FIRST, &cell);
    for (; at != ROWS_END; at = rows_next_cell(rows, row, at, &cell)) {
        enum counter counter;
        char currency[4];
        if (!field_split(cell.field, &counter, currency) || currency[0] == '\0' || count == CURRENCIES_MAX)
            continue;
        size_t place = 0;
        while (place < count && strcmp(out[place], currency) < 0)
            place++;
        if (place < count && strcmp(out[place], currency) == 0)
            continue;
        memmove(out[place + 1], out[place], (count - place) * sizeof(out[0]));
        memcpy(out[place], currency, sizeof(out[0]));
        count++;
    }
    return count;
}

static void input_of(const struct asking *a, const struct rows *rows, uint32_t row, const char *currency,
                     struct kpi_input *input) {
    kpi_input_init(input, slice_of(currency));
    input->weights = a->book->weights;
    kpi_input_add(input, rows, row);
    if (rows != a->sums->rows)
        return;
    memcpy(input->is_told, a->told.is_told, sizeof(input->is_told));
    memcpy(input->told, a->told.told, sizeof(input->told));
}

static void currencies_tell(const struct asking *a, const struct kpi *kpi, const struct rows *rows,
                            uint32_t row) {
    char currencies[CURRENCIES_MAX + 1][4] = {""};
    struct kpi_input input;
    size_t count = currencies_of(rows, row, currencies);
    for (size_t i = 0; i < count || i == 0; i++) {
        input_of(a, rows, row, count > 0 ? currencies[i] : "", &input);
        figure_tell(a, kpi, &input);
    }
}

// ---- by format

// Where formats are added up, a KPI of one format is said of its rows alone.
static void format_tell(const struct asking *a, const struct kpi *kpi) {
    struct row_key key = a->key;
    struct kpi_input input;
    key.format = kpi->format;
    uint32_t row = rows_row(a->sums->formats, &key);
    input_of(a, a->sums->formats, row, "", &input);
    if (kpi->by_currency)
        currencies_tell(a, kpi, a->sums->formats, row);
    else
        figure_tell(a, kpi, &input);
}

void kpi_figures_each(const struct kpi_book *book, const struct sums *sums, uint32_t row,
                      enum kpi_choice choice, kpi_visit visit, void *context) {
    struct asking a = {.book = book,
                       .sums = sums,
                       .key = rows_key(sums->rows, row),
                       .choice = choice,
                       .visit = visit,
                       .context = context};
    struct kpi_input input;
    const struct kpi *kpi;
    told_fill(&a.told, sums, &a.key);
    input_of(&a, sums->rows, row, "", &input);
    for (size_t at = 0; (kpi = kpi_next(book->kpis, a.key.platform, &at)) != NULL;) {
        if (kpi->format != 0 && sums->formats != NULL)
            format_tell(&a, kpi);
        else if (!kpi_is_of(kpi, &a.key))
            continue;
        else if (kpi->by_currency)
            currencies_tell(&a, kpi, sums->rows, row);
        else
            figure_tell(&a, kpi, &input);
    }
}
