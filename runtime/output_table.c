// Tables, for people. Where a terminal is narrower than one, what is the same in all rows stands above it,
// and where that does not do, each row is a record.
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "runtime/output_internal.h"

// Prints (where `out` is not NULL) and returns the number of characters.
static size_t safe_print(FILE *out, struct slice text) {
    size_t width = 0;
    while (text.length > 0) {
        size_t length = character_length(text);
        bool escaped = length == 0 || is_control(text, length);
        if (out != NULL && escaped)
            fprintf(out, "\\x%02X", (unsigned char)text.at[0]);
        else if (out != NULL)
            fwrite(text.at, 1, length, out);
        width += escaped ? 4 : 1;
        text = slice_after(text, escaped ? 1 : length);
    }
    return width;
}

void output_print_text(FILE *out, struct slice text) {
    safe_print(out, text);
}

// ---- cells

static struct slice shown(const struct output *o, size_t row, size_t column) {
    const struct output_cell *cell = &o->cells[row * o->column_count + column];
    if (cell->shown.at != NULL)
        return cell->shown;
    return cell->text.at != NULL ? cell->text : slice_of("-");
}

static void cell_print(FILE *out, struct slice text, size_t width, bool right, bool last) {
    size_t own = safe_print(NULL, text);
    int padding = (int)(width > own ? width - own : 0);
    if (right)
        fprintf(out, "%*s", padding, "");
    safe_print(out, text);
    if (!right && !last)
        fprintf(out, "%*s", padding, "");
    fputs(last ? "\n" : "  ", out);
}

// Did they?
static bool widths_grow(struct output *o) {
    bool grew = false;
    for (size_t c = 0; c < o->column_count; c++) {
        size_t name = strlen(o->columns[c].name);
        o->widths[c] = name > o->widths[c] ? name : o->widths[c];
        for (size_t r = 0; r < o->row_count; r++) {
            size_t width = safe_print(NULL, shown(o, r, c));
            grew = grew || width > o->widths[c];
            o->widths[c] = width > o->widths[c] ? width : o->widths[c];
        }
    }
    return grew;
}

// ---- what is said above the table

static bool is_nothing(const struct output *o, size_t row, size_t column) {
    const struct output_cell *cell = &o->cells[row * o->column_count + column];
    return cell->text.at == NULL && cell->shown.at == NULL;
}

// The first row that has something there; 0 where none has.
static size_t said_row(const struct output *o, size_t column) {
    size_t row = 0;
    while (row < o->row_count && is_nothing(o, row, column))
        row++;
    return row < o->row_count ? row : 0;
}

static bool is_same(const struct output *o, size_t column, bool or_nothing) {
    struct slice said = shown(o, or_nothing ? said_row(o, column) : 0, column);
    for (size_t r = 0; r < o->row_count; r++) {
        if (!slice_equal(shown(o, r, column), said) && !(or_nothing && is_nothing(o, r, column)))
            return false;
    }
    return o->row_count > 1;
}

static void none_said(struct output *o) {
    memset(o->said, 0, o->column_count * sizeof(*o->said));
}

static void same_said(struct output *o, bool sparse) {
    for (size_t c = 0; c < o->column_count; c++)
        o->said[c] = is_same(o, c, sparse && o->sparse != NULL && o->sparse[c]);
}

static bool is_any_said(const struct output *o) {
    bool is_any = false;
    for (size_t c = 0; c < o->column_count; c++)
        is_any = is_any || o->said[c];
    return is_any;
}

static size_t table_width(const struct output *o) {
    size_t width = 0;
    for (size_t c = 0; c < o->column_count; c++)
        width += o->said[c] ? 0 : o->widths[c] + (width > 0 ? 2 : 0);
    return width;
}

static bool fits(const struct output *o) {
    return o->fit == 0 || table_width(o) <= o->fit;
}

// ---- tables and records

static size_t last_column(const struct output *o) {
    size_t last = 0;
    for (size_t c = 0; c < o->column_count; c++)
        last = o->said[c] ? last : c;
    return last;
}

static void heading_print(const struct output *o, FILE *out) {
    for (size_t c = 0; c < o->column_count; c++) {
        if (!o->said[c])
            cell_print(out, slice_of(o->columns[c].name), o->widths[c], o->columns[c].number,
                       c == last_column(o));
    }
}

static void rows_print(const struct output *o, FILE *out) {
    size_t last = last_column(o);
    for (size_t r = 0; r < o->row_count; r++) {
        for (size_t c = 0; c < o->column_count; c++) {
            if (!o->said[c])
                cell_print(out, shown(o, r, c), o->widths[c], o->columns[c].number, c == last);
        }
    }
}

static size_t names_width(const struct output *o) {
    size_t width = 0;
    for (size_t c = 0; c < o->column_count; c++) {
        size_t own = strlen(o->columns[c].name);
        width = own > width ? own : width;
    }
    return width;
}

// A line a cell, of those that stand above the table or of the others.
static void record_print(const struct output *o, FILE *out, size_t row, bool is_said) {
    size_t width = names_width(o);
    for (size_t c = 0; c < o->column_count; c++) {
        if (o->said[c] != is_said)
            continue;
        size_t from = is_said ? said_row(o, c) : row;
        cell_print(out, slice_of(o->columns[c].name), width, false, false);
        safe_print(out, shown(o, from, c));
        fputs(is_said && !is_same(o, c, false) ? ", or -\n" : "\n", out);
    }
}

static void records_print(const struct output *o, FILE *out) {
    for (size_t r = 0; r < o->row_count; r++) {
        fputs(r > 0 ? "\n" : "", out);
        record_print(o, out, r, false);
    }
}

static void narrow_print(struct output *o, FILE *out) {
    if (o->row_count == 0)
        return;
    fputs(o->rowed ? "\n" : "", out);
    same_said(o, false);
    if (!fits(o))
        same_said(o, true);
    if (!fits(o))
        same_said(o, false);
    if (table_width(o) == 0)
        none_said(o);
    if (is_any_said(o)) {
        record_print(o, out, 0, true);
        fputc('\n', out);
    }
    if (!fits(o)) {
        records_print(o, out);
        return;
    }
    heading_print(o, out);
    rows_print(o, out);
}

void output_table(struct output *o, FILE *out) {
    bool grew = widths_grow(o);
    none_said(o);
    if (!fits(o)) {
        narrow_print(o, out);
        return;
    }
    bool again = o->again && o->begun && grew;
    if (again)
        fputc('\n', out);
    if (again || !o->begun)
        heading_print(o, out);
    rows_print(o, out);
}

void output_fit(struct output *o, FILE *out) {
    struct winsize size;
    int file = fileno(out);
    if (o->format == OUTPUT_TABLE && isatty(file) == 1 && ioctl(file, TIOCGWINSZ, &size) == 0)
        o->fit = size.ws_col;
}
