// KPIs and counters as rows of cells: what every command prints, whatever it prints it as. Pure.
//
// A ratio is never stored; its cell is numerator / denominator, and nothing where the denominator is 0. To
// programs it is told in full, as many digits as it takes to read the same number back.
#pragma once

#include "aggregate/figures/freshness.h"
#include "aggregate/figures/kpi_figures.h"
#include "aggregate/figures/live_figures.h"
#include "aggregate/figures/sums.h"
#include "runtime/output.h"
#include "schemas/money.h"

// A stretch of time and the state of its figures, in the words of the cells. A program that reads a local
// time with its offset shows it in a zone of its own: so what the clock shows stands by itself, and the
// offset beside it. Tables have both in one.
struct stretch {
    char start_utc[LOCAL_TIME_MAX], end_utc[LOCAL_TIME_MAX];
    char start_local[LOCAL_TIME_MAX], start_shown[LOCAL_TIME_MAX], utc_offset_minutes[16];
    char freshness[FRESHNESS_TEXT_MAX];
};
void stretch_init(struct stretch *stretch, int64_t start_s, int64_t end_s, const struct zone *zone,
                  const struct freshness_sum *freshness);

// ---- KPIs

// The unit of a KPI's cells, as programs read it: where money is in it they hold micros, millionths of the
// currency's unit. `unit` is its own name ("money", "ratio"...). Tables show money in its own unit.
const char *kpi_cell_unit(const char *unit, bool has_money);

enum kpi_cell {
    KPI_CELL_ACCOUNT,
    KPI_CELL_PLATFORM,
    KPI_CELL_DIMENSION, // "content"...
    KPI_CELL_VALUE,     // which content
    KPI_CELL_KPI,
    KPI_CELL_VERSION,
    KPI_CELL_CURRENCY,
    KPI_CELL_NUMERATOR,
    KPI_CELL_DENOMINATOR,
    KPI_CELL_RATIO,
    KPI_CELL_UNIT,
    KPI_CELL_BASIS, // "events", "readings": two figures, which are never added; "events by readings": a ratio
    KPI_CELL_AS_OF, // of readings: when the oldest of them was read; of a peak: when it was
    KPI_CELL_START_UTC,
    KPI_CELL_END_UTC,
    KPI_CELL_START_LOCAL,
    KPI_CELL_UTC_OFFSET, // not in tables, where the local time has it
    KPI_CELL_FRESHNESS,
    KPI_CELLS,
};
extern const struct output_column kpi_columns[KPI_CELLS];

// Room for the texts of one row's cells.
struct sheet_room {
    char labels[2][LABEL_MAX], format[LABEL_MAX];
    char numbers[3][32];
    char ratio[32], ratio_shown[32];
    char money[3][MONEY_TEXT_MAX];
    char as_of[LOCAL_TIME_MAX];
    char freshness[FRESHNESS_TEXT_MAX];
    char name[FIELD_MAX];
};

void kpi_cells(struct output_cell cells[KPI_CELLS], struct sheet_room *room, enum by by,
               const struct row_key *key, const struct kpi_figure *figure, const struct stretch *stretch);
// A counter among KPIs: its value is the numerator, and there is nothing to divide.
void kpi_cells_of_counter(struct output_cell cells[KPI_CELLS], struct sheet_room *room, enum by by,
                          const struct row_key *key, const struct cell *counter,
                          const struct stretch *stretch);
// What was read of a counter, among KPIs: likewise.
void kpi_cells_of_reading(struct output_cell cells[KPI_CELLS], struct sheet_room *room, enum by by,
                          const struct latest_reading *reading, const struct stretch *stretch);
// What is told of a live session; `key` is of BY_SESSION. Its freshness is its own.
void kpi_cells_of_session(struct output_cell cells[KPI_CELLS], struct sheet_room *room,
                          const struct row_key *key, const struct live_figure *figure,
                          const struct stretch *stretch);
// How many of the events of a time came too late: of all accounts.
void kpi_cells_of_late(struct output_cell cells[KPI_CELLS], struct sheet_room *room, uint64_t late,
                       uint64_t counted, const struct stretch *stretch);

// ---- counters

enum counter_cell {
    COUNTER_CELL_TABLE,
    COUNTER_CELL_ACCOUNT,
    COUNTER_CELL_PLATFORM,
    COUNTER_CELL_ORIGIN,
    COUNTER_CELL_FORMAT,
    COUNTER_CELL_PAID,
    COUNTER_CELL_ID,
    COUNTER_CELL_COUNTER,
    COUNTER_CELL_VALUE,
    COUNTER_CELL_START_UTC,
    COUNTER_CELL_END_UTC,
    COUNTER_CELL_START_LOCAL,
    COUNTER_CELL_UTC_OFFSET,
    COUNTER_CELL_FRESHNESS,
    COUNTER_CELL_AS_OF, // of what was read: when
    COUNTER_CELLS,
};
extern const struct output_column counter_columns[COUNTER_CELLS];
void counter_cells(struct output_cell cells[COUNTER_CELLS], struct sheet_room *room,
                   const struct row_key *key, const struct cell *counter, const struct stretch *stretch);
// A row of the table "readings".
void counter_cells_of_reading(struct output_cell cells[COUNTER_CELLS], struct sheet_room *room,
                              const struct latest_reading *reading, const struct stretch *stretch);
