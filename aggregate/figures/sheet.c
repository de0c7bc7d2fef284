#include "aggregate/figures/sheet.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void stretch_init(struct stretch *stretch, int64_t start_s, int64_t end_s, const struct zone *zone,
                  const struct freshness_sum *freshness) {
    char text[FRESHNESS_TEXT_MAX];
    local_time_write(stretch->start_utc, NULL, start_s);
    local_time_write(stretch->end_utc, NULL, end_s);
    int32_t offset_s;
    local_clock_write(stretch->start_local, zone, start_s, &offset_s);
    local_time_write(stretch->start_shown, zone, start_s);
    snprintf(stretch->utc_offset_minutes, sizeof(stretch->utc_offset_minutes), "%d", offset_s / 60);
    snprintf(stretch->freshness, sizeof(stretch->freshness), "%s",
             freshness != NULL ? freshness_write(text, freshness) : "");
}

static const struct output_cell none = {{NULL, 0}, {NULL, 0}};

static struct output_cell text_cell(const char *text) {
    return text[0] != '\0' ? output_text(slice_of(text)) : none;
}

static struct output_cell start_cell(const struct stretch *stretch) {
    return (struct output_cell){.text = slice_of(stretch->start_local),
                                .shown = slice_of(stretch->start_shown)};
}

static struct output_cell slice_cell(struct slice text) {
    return text.length > 0 ? output_text(text) : none;
}

static struct output_cell number_cell(char text[32], int64_t value) {
    snprintf(text, 32, "%" PRId64, value);
    return output_text(slice_of(text));
}

// ---- KPIs

const struct output_column kpi_columns[KPI_CELLS] = {
    [KPI_CELL_ACCOUNT] = {"account", false},
    [KPI_CELL_PLATFORM] = {"platform", false},
    [KPI_CELL_DIMENSION] = {"dimension", false},
    [KPI_CELL_VALUE] = {"value", false},
    [KPI_CELL_KPI] = {"kpi", false},
    [KPI_CELL_VERSION] = {"version", true},
    [KPI_CELL_CURRENCY] = {"currency", false},
    [KPI_CELL_NUMERATOR] = {"numerator", true},
    [KPI_CELL_DENOMINATOR] = {"denominator", true},
    [KPI_CELL_RATIO] = {"ratio", true},
    [KPI_CELL_UNIT] = {"unit", false},
    [KPI_CELL_BASIS] = {"basis", false},
    [KPI_CELL_AS_OF] = {"as_of", false},
    [KPI_CELL_START_UTC] = {"start_utc", false},
    [KPI_CELL_END_UTC] = {"end_utc", false},
    [KPI_CELL_START_LOCAL] = {"start_local", false},
    [KPI_CELL_UTC_OFFSET] = {"utc_offset_minutes", true},
    [KPI_CELL_FRESHNESS] = {"freshness", false},
};

static void time_cells(struct output_cell cells[KPI_CELLS], const struct stretch *stretch) {
    cells[KPI_CELL_START_UTC] = text_cell(stretch->start_utc);
    cells[KPI_CELL_END_UTC] = text_cell(stretch->end_utc);
    cells[KPI_CELL_START_LOCAL] = start_cell(stretch);
    cells[KPI_CELL_UTC_OFFSET] = text_cell(stretch->utc_offset_minutes);
    cells[KPI_CELL_FRESHNESS] = text_cell(stretch->freshness);
}

// A tag or topic without a name: what was used less, together (rows_fold). To programs it is null.
static struct output_cell value_cell(enum by by, struct slice value) {
    struct output_cell cell = slice_cell(value);
    if (cell.text.at == NULL && (by == BY_TAG || by == BY_TOPIC))
        cell.shown = slice_of("(all others)");
    return cell;
}

static void key_cells(struct output_cell cells[KPI_CELLS], struct sheet_room *room, enum by by,
                      const struct row_key *key, const struct stretch *stretch) {
    for (int i = 0; i < KPI_CELLS; i++)
        cells[i] = none;
    cells[KPI_CELL_ACCOUNT] = slice_cell(key->account);
    if (by != BY_ACCOUNT)
        cells[KPI_CELL_PLATFORM] = text_cell(label_platform(room->labels[0], key->platform));
    cells[KPI_CELL_DIMENSION] = text_cell(by_row(by)->name);
    cells[KPI_CELL_VALUE] = value_cell(by, by_value(by, key, room->labels[1]));
    cells[KPI_CELL_BASIS] = text_cell("events");
    time_cells(cells, stretch);
}

static struct output_cell as_of_cell(struct sheet_room *room, int64_t time_s) {
    return output_text(local_time_write(room->as_of, NULL, time_s));
}

// The shortest that reads back as the same number.
static void ratio_write(char text[32], double ratio) {
    enum { SURE_DIGITS = 15, ALL_DIGITS = 17 };
    for (int digits = SURE_DIGITS; digits <= ALL_DIGITS; digits++) {
        snprintf(text, 32, "%.*g", digits, ratio);
        if (strtod(text, NULL) == ratio)
            return;
    }
}

// People read four digits after the point, of less than 1 the first four that tell something.
static void ratio_show(char text[32], double ratio) {
    if (fabs(ratio) < 1) {
        snprintf(text, 32, "%.4g", ratio);
        return;
    }
    size_t length = (size_t)snprintf(text, 32, "%.4f", ratio);
    while (text[length - 1] == '0')
        length--;
    text[text[length - 1] == '.' ? length - 1 : length] = '\0';
}

static struct output_cell ratio_cell(struct sheet_room *room, int64_t numerator, int64_t denominator) {
    if (denominator == 0)
        return none;
    double ratio = numerator != 0 ? (double)numerator / (double)denominator : 0; // never -0
    ratio_write(room->ratio, ratio);
    ratio_show(room->ratio_shown, ratio);
    return (struct output_cell){slice_of(room->ratio), slice_of(room->ratio_shown)};
}

// People read money in its own unit; programs get micros.
static struct output_cell money_cell(struct output_cell cell, char shown[MONEY_TEXT_MAX], int64_t micros,
                                     const char *currency) {
    if (cell.text.at != NULL && currency[0] != '\0')
        cell.shown = (struct slice){shown, money_write(shown, micros, slice_of(currency))};
    return cell;
}

const char *kpi_cell_unit(const char *unit, bool has_money) {
    if (strcmp(unit, "money") == 0)
        return "micros";
    return has_money ? "ratio of micros" : unit;
}

static struct output_cell unit_cell(const struct kpi_figure *figure) {
    const char *name = kpi_unit_name(figure->kpi->unit);
    struct output_cell cell =
        text_cell(kpi_cell_unit(name, figure->money_numerator || figure->money_denominator));
    cell.shown = slice_of(name);
    return cell;
}

static struct output_cell basis_cell(enum kpi_basis basis) {
    struct output_cell cell = text_cell(kpi_basis_name(basis));
    if (basis == BASIS_BOTH)
        cell.shown = slice_of("both");
    return cell;
}

static int64_t rounded(int64_t numerator, int64_t denominator) {
    double ratio = denominator != 0 ? nearbyint((double)numerator / (double)denominator) : 0;
    if (ratio >= 0x1p63 || ratio < -0x1p63)
        return ratio > 0 ? INT64_MAX : INT64_MIN;
    return (int64_t)ratio;
}

void kpi_cells(struct output_cell cells[KPI_CELLS], struct sheet_room *room, enum by by,
               const struct row_key *key, const struct kpi_figure *figure, const struct stretch *stretch) {
    int64_t numerator = figure->numerator, denominator = figure->denominator;
    key_cells(cells, room, by, key, stretch);
    cells[KPI_CELL_KPI] = text_cell(figure->kpi->name);
    cells[KPI_CELL_VERSION] = number_cell(room->numbers[0], figure->kpi->version);
    cells[KPI_CELL_CURRENCY] = text_cell(figure->currency);
    cells[KPI_CELL_UNIT] = unit_cell(figure);
    cells[KPI_CELL_BASIS] = basis_cell(figure->basis);
    if (figure->as_of_ms != 0)
        cells[KPI_CELL_AS_OF] = as_of_cell(room, figure->as_of_ms / 1000);
    if (figure->has_numerator)
        cells[KPI_CELL_NUMERATOR] = number_cell(room->numbers[1], numerator);
    if (figure->has_denominator)
        cells[KPI_CELL_DENOMINATOR] = number_cell(room->numbers[2], denominator);
    if (!figure->is_null)
        cells[KPI_CELL_RATIO] = ratio_cell(room, numerator, denominator);
    if (figure->money_numerator)
        cells[KPI_CELL_NUMERATOR] =
            money_cell(cells[KPI_CELL_NUMERATOR], room->money[0], numerator, figure->currency);
    if (figure->money_denominator)
        cells[KPI_CELL_DENOMINATOR] =
            money_cell(cells[KPI_CELL_DENOMINATOR], room->money[1], denominator, figure->currency);
    if (figure->kpi->unit == KPI_MONEY)
        cells[KPI_CELL_RATIO] = money_cell(cells[KPI_CELL_RATIO], room->money[2],
                                           rounded(numerator, denominator), figure->currency);
}

void kpi_cells_of_counter(struct output_cell cells[KPI_CELLS], struct sheet_room *room, enum by by,
                          const struct row_key *key, const struct cell *counter,
                          const struct stretch *stretch) {
    key_cells(cells, room, by, key, stretch);
    cells[KPI_CELL_KPI] = output_text((struct slice){room->name, field_write(room->name, counter->field)});
    cells[KPI_CELL_NUMERATOR] = number_cell(room->numbers[0], counter->value);
    cells[KPI_CELL_UNIT] = text_cell("counter");
}

static struct row_key key_of_reading(const struct latest_reading *reading) {
    return (struct row_key){.table = TABLE_READINGS,
                            .platform = reading->platform,
                            .account = reading->account,
                            .id = reading->content};
}

void kpi_cells_of_reading(struct output_cell cells[KPI_CELLS], struct sheet_room *room, enum by by,
                          const struct latest_reading *reading, const struct stretch *stretch) {
    const struct row_key key = key_of_reading(reading);
    key_cells(cells, room, by, &key, stretch);
    cells[KPI_CELL_KPI] = slice_cell(reading->counter);
    cells[KPI_CELL_NUMERATOR] = number_cell(room->numbers[0], reading->value);
    cells[KPI_CELL_UNIT] = text_cell("reading");
    cells[KPI_CELL_BASIS] = text_cell("readings");
    cells[KPI_CELL_AS_OF] = as_of_cell(room, reading->read_at_ms / 1000);
}

void kpi_cells_of_session(struct output_cell cells[KPI_CELLS], struct sheet_room *room,
                          const struct row_key *key, const struct live_figure *figure,
                          const struct stretch *stretch) {
    const struct session_row *row = &session_rows[figure->of];
    key_cells(cells, room, BY_SESSION, key, stretch);
    cells[KPI_CELL_KPI] = text_cell(row->name);
    cells[KPI_CELL_VERSION] = number_cell(room->numbers[0], row->version);
    cells[KPI_CELL_NUMERATOR] = number_cell(room->numbers[1], figure->numerator);
    if (row->denominator[0] != '\0') {
        cells[KPI_CELL_DENOMINATOR] = number_cell(room->numbers[2], figure->denominator);
        cells[KPI_CELL_RATIO] = ratio_cell(room, figure->numerator, figure->denominator);
    }
    cells[KPI_CELL_UNIT] = text_cell(row->unit);
    if (figure->at_s != 0)
        cells[KPI_CELL_AS_OF] = as_of_cell(room, figure->at_s);
    if (figure->freshness != NULL)
        cells[KPI_CELL_FRESHNESS] = text_cell(freshness_write(room->freshness, figure->freshness));
}

void kpi_cells_of_late(struct output_cell cells[KPI_CELLS], struct sheet_room *room, uint64_t late,
                       uint64_t counted, const struct stretch *stretch) {
    for (int i = 0; i < KPI_CELLS; i++)
        cells[i] = none;
    cells[KPI_CELL_DIMENSION] = text_cell("all");
    cells[KPI_CELL_KPI] = text_cell("late_events");
    cells[KPI_CELL_NUMERATOR] = number_cell(room->numbers[0], (int64_t)late);
    cells[KPI_CELL_DENOMINATOR] = number_cell(room->numbers[1], (int64_t)(counted + late));
    cells[KPI_CELL_RATIO] = ratio_cell(room, (int64_t)late, (int64_t)(counted + late));
    cells[KPI_CELL_UNIT] = text_cell("ratio");
    cells[KPI_CELL_BASIS] = text_cell("events");
    time_cells(cells, stretch);
}

// ---- counters

const struct output_column counter_columns[COUNTER_CELLS] = {
    [COUNTER_CELL_TABLE] = {"table", false},
    [COUNTER_CELL_ACCOUNT] = {"account", false},
    [COUNTER_CELL_PLATFORM] = {"platform", false},
    [COUNTER_CELL_ORIGIN] = {"origin", false},
    [COUNTER_CELL_FORMAT] = {"format", false},
    [COUNTER_CELL_PAID] = {"paid", false},
    [COUNTER_CELL_ID] = {"id", false},
    [COUNTER_CELL_COUNTER] = {"counter", false},
    [COUNTER_CELL_VALUE] = {"value", true},
    [COUNTER_CELL_START_UTC] = {"start_utc", false},
    [COUNTER_CELL_END_UTC] = {"end_utc", false},
    [COUNTER_CELL_START_LOCAL] = {"start_local", false},
    [COUNTER_CELL_UTC_OFFSET] = {"utc_offset_minutes", true},
    [COUNTER_CELL_FRESHNESS] = {"freshness", false},
    [COUNTER_CELL_AS_OF] = {"as_of", false},
};

static void counter_key_cells(struct output_cell cells[COUNTER_CELLS], struct sheet_room *room,
                              const struct row_key *key, const struct stretch *stretch) {
    bool has_form = key->table == TABLE_TOTALS || key->table == TABLE_LATE;
    cells[COUNTER_CELL_TABLE] = text_cell(label_table(key->table));
    cells[COUNTER_CELL_ACCOUNT] = slice_cell(key->account);
    cells[COUNTER_CELL_PLATFORM] = output_text(slice_of(label_platform(room->labels[0], key->platform)));
    cells[COUNTER_CELL_ORIGIN] = has_form ? text_cell(label_origin(room->labels[1], key->origin)) : none;
    cells[COUNTER_CELL_FORMAT] = has_form ? text_cell(label_format(room->format, key->format)) : none;
    cells[COUNTER_CELL_PAID] = has_form ? text_cell(label_paid(key->paid)) : none;
    cells[COUNTER_CELL_ID] = slice_cell(key->id);
    cells[COUNTER_CELL_START_UTC] = text_cell(stretch->start_utc);
    cells[COUNTER_CELL_END_UTC] = text_cell(stretch->end_utc);
    cells[COUNTER_CELL_START_LOCAL] = start_cell(stretch);
    cells[COUNTER_CELL_UTC_OFFSET] = text_cell(stretch->utc_offset_minutes);
    cells[COUNTER_CELL_FRESHNESS] = text_cell(stretch->freshness);
    cells[COUNTER_CELL_AS_OF] = none;
}

void counter_cells(struct output_cell cells[COUNTER_CELLS], struct sheet_room *room,
                   const struct row_key *key, const struct cell *counter, const struct stretch *stretch) {
    counter_key_cells(cells, room, key, stretch);
    cells[COUNTER_CELL_COUNTER] =
        output_text((struct slice){room->name, field_write(room->name, counter->field)});
    cells[COUNTER_CELL_VALUE] = number_cell(room->numbers[0], counter->value);
}

void counter_cells_of_reading(struct output_cell cells[COUNTER_CELLS], struct sheet_room *room,
                              const struct latest_reading *reading, const struct stretch *stretch) {
    const struct row_key key = key_of_reading(reading);
    counter_key_cells(cells, room, &key, stretch);
    cells[COUNTER_CELL_COUNTER] = slice_cell(reading->counter);
    cells[COUNTER_CELL_VALUE] = number_cell(room->numbers[0], reading->value);
    cells[COUNTER_CELL_AS_OF] = as_of_cell(room, reading->read_at_ms / 1000);
}
