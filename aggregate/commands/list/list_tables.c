// What list tells, on a terminal: one table of all its columns would be wider than most, so each kind of rows
// has tables of the columns that it fills, which keep to 80 characters.
#include "aggregate/commands/list/list.h"

enum { COLUMNS_MAX = 5 };

struct list_table {
    const char *what; // of which rows
    struct {
        enum list_cell cell;
        struct output_column column;
    } columns[COLUMNS_MAX];
    enum list_cell notes_of; // what its rows say stands below, after this; LIST_WHAT: not told here
};

static const struct list_table tables[] = {
    {"log", {{LIST_NAME, {"log", false}}, {LIST_SAYS, {"holds", false}}}, LIST_WHAT},
    {"windows",
     {{LIST_STATE, {"windows", false}},
      {LIST_WINDOWS, {"count", true}},
      {LIST_FROM, {"from_utc", false}},
      {LIST_TO, {"to_utc", false}}},
     LIST_WHAT},
    {"windows",
     {{LIST_STATE, {"windows", false}},
      {LIST_FILES, {"files", true}},
      {LIST_BYTES, {"bytes", true}},
      {LIST_EVENTS, {"events", true}},
      {LIST_REVISIONS, {"revisions", true}}},
     LIST_STATE},
    {"partition",
     {{LIST_NAME, {"partition", true}},
      {LIST_OFFSET, {"offset", true}},
      {LIST_TO, {"sealed_utc", false}},
      {LIST_COMPLETE, {"complete_utc", false}},
      {LIST_STATE, {"state", false}}},
     LIST_NAME},
    {"files",
     {{LIST_NAME, {"files", false}},
      {LIST_WINDOWS, {"windows", true}},
      {LIST_FILES, {"count", true}},
      {LIST_SAYS, {"says", false}}},
     LIST_WHAT},
    {"key",
     {{LIST_NAME, {"key", false}},
      {LIST_STATE, {"state", false}},
      {LIST_FROM, {"from_utc", false}},
      {LIST_TO, {"to_utc", false}}},
     LIST_WHAT},
};

static const struct output_cell *row_of(const struct output *all, size_t row, const char *what) {
    const struct output_cell *cells = &all->cells[row * LIST_CELLS];
    return slice_equal(cells[LIST_WHAT].text, slice_of(what)) ? cells : NULL;
}

static size_t columns_count(const struct list_table *table) {
    size_t count = 0;
    while (count < COLUMNS_MAX && table->columns[count].column.name != NULL)
        count++;
    return count;
}

static void rows_choose(struct output *chosen, const struct output *all, const struct list_table *table) {
    for (size_t r = 0; r < all->row_count; r++) {
        const struct output_cell *cells = row_of(all, r, table->what);
        struct output_cell own[COLUMNS_MAX];
        if (cells == NULL)
            continue;
        for (size_t c = 0; c < chosen->column_count; c++)
            own[c] = cells[table->columns[c].cell];
        output_row(chosen, own);
    }
}

static void notes_print(const struct output *all, const struct list_table *table, FILE *out) {
    for (size_t r = 0; r < all->row_count && table->notes_of != LIST_WHAT; r++) {
        const struct output_cell *cells = row_of(all, r, table->what);
        if (cells == NULL || cells[LIST_SAYS].text.at == NULL)
            continue;
        fputs("  ", out);
        output_print_text(out, cells[table->notes_of].text);
        fputs(": ", out);
        output_print_text(out, cells[LIST_SAYS].text);
        fputc('\n', out);
    }
}

// Was anything printed?
static bool table_print(const struct output *all, const struct list_table *table, bool is_first, FILE *out) {
    struct output_column columns[COLUMNS_MAX];
    struct output chosen;
    size_t count = columns_count(table);
    for (size_t c = 0; c < count; c++)
        columns[c] = table->columns[c].column;
    output_init(&chosen, OUTPUT_TABLE, columns, count);
    output_fit(&chosen, out);
    rows_choose(&chosen, all, table);
    bool has_rows = chosen.row_count > 0;
    if (has_rows) {
        fputs(is_first ? "" : "\n", out);
        output_print(&chosen, out);
        notes_print(all, table, out);
    }
    output_fini(&chosen);
    return has_rows;
}

void list_tables_print(const struct output *all, FILE *out) {
    bool is_first = true;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        is_first = !table_print(all, &tables[i], is_first, out) && is_first;
}
