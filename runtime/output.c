#include "runtime/output.h"

#include <stdlib.h>
#include <time.h>

#include "runtime/memory.h"
#include "runtime/output_internal.h"

bool output_format_parse(enum output_format *format, const char *name, bool terminal) {
    static const char *const names[] = {"table", "json", "jsonl", "csv", "tsv"};
    *format = terminal ? OUTPUT_TABLE : OUTPUT_JSONL;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) != 0)
            continue;
        *format = (enum output_format)i;
        return true;
    }
    return name[0] == '\0';
}

void output_init(struct output *o, enum output_format format, const struct output_column *columns,
                 size_t count) {
    *o = (struct output){.format = format, .columns = columns, .column_count = count};
    o->widths = memory_take((count + 1) * sizeof(*o->widths));
    o->said = memory_take((count + 1) * sizeof(*o->said));
    arena_init(&o->arena, 4096);
}

void output_fini(struct output *o) {
    free(o->cells);
    free(o->said);
    free(o->widths);
    arena_fini(&o->arena);
}

static struct slice slice_keep(struct arena *arena, struct slice text) {
    if (text.at == NULL)
        return text;
    char *copy = arena_take_bytes(arena, text.length + 1);
    memcpy(copy, text.at, text.length);
    return (struct slice){copy, text.length};
}

void output_row(struct output *o, const struct output_cell *cells) {
    if (o->row_count == o->room) {
        o->room = o->room == 0 ? 64 : 2 * o->room;
        o->cells = memory_grow(o->cells, o->room * o->column_count, sizeof(*o->cells));
    }
    struct output_cell *row = &o->cells[o->row_count++ * o->column_count];
    for (size_t i = 0; i < o->column_count; i++)
        row[i] =
            (struct output_cell){slice_keep(&o->arena, cells[i].text), slice_keep(&o->arena, cells[i].shown)};
}

struct slice output_time(char out[OUTPUT_TIME_MAX], int64_t seconds) {
    struct tm tm;
    time_t when = (time_t)seconds;
    out[0] = '\0';
    if (gmtime_r(&when, &tm) != NULL && tm.tm_year + 1900 <= 9999)
        strftime(out, OUTPUT_TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return slice_of(out);
}

// --- JSON

// How many bytes at the front stand for themselves.
static size_t json_plain(struct slice text) {
    struct slice rest = text;
    while (rest.length > 0 && rest.at[0] != '"' && rest.at[0] != '\\') {
        size_t length = character_length(rest);
        if (length == 0 || is_control(rest, length))
            break;
        rest = slice_after(rest, length);
    }
    return text.length - rest.length;
}

// Runs are written whole: a call for each character would take most of an export's time.
static void json_text(FILE *out, struct slice text) {
    fputc('"', out);
    while (text.length > 0) {
        size_t plain = json_plain(text);
        fwrite(text.at, 1, plain, out);
        text = slice_after(text, plain);
        if (text.length == 0)
            break;
        size_t length = character_length(text);
        if (length == 0)
            fputs("\\ufffd", out);
        else if (is_control(text, length))
            fprintf(out, "\\u%04x", (unsigned char)text.at[length - 1]);
        else
            fprintf(out, "\\%c", text.at[0]);
        text = slice_after(text, length == 0 ? 1 : length);
    }
    fputc('"', out);
}

static size_t digits_count(struct slice text) {
    size_t count = 0;
    while (count < text.length && text.at[count] >= '0' && text.at[count] <= '9')
        count++;
    return count;
}

// Cuts off what begins with `mark`, a sign if there may be one, and at least one digit; false where it ends
// before.
static bool part_cut(struct slice *text, char mark, const char *signs) {
    if (text->length == 0 || text->at[0] != mark)
        return true;
    *text = slice_after(*text, 1);
    if (text->length > 0 && text->at[0] != '\0' && strchr(signs, text->at[0]) != NULL)
        *text = slice_after(*text, 1);
    size_t digits = digits_count(*text);
    *text = slice_after(*text, digits);
    return digits > 0;
}

// What JSON itself calls a number: digits that begin with 0 only where there is one, then a fraction, an
// exponent.
static bool is_number(struct slice text) {
    if (text.length > 0 && text.at[0] == '-')
        text = slice_after(text, 1);
    size_t digits = digits_count(text);
    if (digits == 0 || (digits > 1 && text.at[0] == '0'))
        return false;
    text = slice_after(text, digits);
    return part_cut(&text, '.', "") && part_cut(&text, 'e', "+-") && text.length == 0;
}

static void json_row(const struct output *o, size_t row, FILE *out) {
    for (size_t c = 0; c < o->column_count; c++) {
        struct slice text = o->cells[row * o->column_count + c].text;
        fputs(c == 0 ? "{" : ",", out);
        json_text(out, slice_of(o->columns[c].name));
        fputc(':', out);
        if (text.at == NULL)
            fputs("null", out);
        else if (o->columns[c].number && is_number(text))
            fwrite(text.at, 1, text.length, out);
        else
            json_text(out, text);
    }
    fputc('}', out);
}

static void print_json(const struct output *o, FILE *out) {
    bool lines = o->format == OUTPUT_JSONL;
    if (!lines && !o->begun)
        fputs("[", out);
    for (size_t r = 0; r < o->row_count; r++) {
        if (!lines)
            fputs(r == 0 && !o->rowed ? "\n" : ",\n", out);
        json_row(o, r, out);
        if (lines)
            fputc('\n', out);
    }
}

// --- CSV and TSV

static void csv_cell(FILE *out, const struct output_column *column, struct slice text) {
    if (text.length == 0)
        return;
    bool formula = !column->number && memchr("=+-@\t\r", text.at[0], 6) != NULL;
    bool quoted = formula;
    for (size_t i = 0; i < text.length && !quoted; i++)
        quoted = memchr(",\"\r\n", text.at[i], 4) != NULL;
    if (!quoted) {
        fwrite(text.at, 1, text.length, out);
        return;
    }
    fputs(formula ? "\"'" : "\"", out);
    for (size_t i = 0; i < text.length; i++) {
        if (text.at[i] == '"')
            fputc('"', out);
        fputc(text.at[i], out);
    }
    fputc('"', out);
}

static void tsv_cell(FILE *out, struct slice text) {
    for (size_t i = 0; i < text.length; i++) {
        switch (text.at[i]) {
        case '\t':
            fputs("\\t", out);
            break;
        case '\n':
            fputs("\\n", out);
            break;
        case '\r':
            fputs("\\r", out);
            break;
        case '\\':
            fputs("\\\\", out);
            break;
        default:
            fputc(text.at[i], out);
        }
    }
}

static void print_separated(const struct output *o, FILE *out) {
    bool csv = o->format == OUTPUT_CSV;
    const char *between = csv ? "," : "\t", *end = csv ? "\r\n" : "\n";
    for (size_t c = 0; c < o->column_count && !o->begun; c++)
        fprintf(out, "%s%s", o->columns[c].name, c + 1 < o->column_count ? between : end);
    for (size_t i = 0; i < o->row_count * o->column_count; i++) {
        size_t c = i % o->column_count;
        if (csv)
            csv_cell(out, &o->columns[c], o->cells[i].text);
        else
            tsv_cell(out, o->cells[i].text);
        fputs(c + 1 < o->column_count ? between : end, out);
    }
}

void output_flush(struct output *o, FILE *out) {
    switch (o->format) {
    case OUTPUT_TABLE:
        output_table(o, out);
        break;
    case OUTPUT_JSON:
    case OUTPUT_JSONL:
        print_json(o, out);
        break;
    case OUTPUT_CSV:
    case OUTPUT_TSV:
        print_separated(o, out);
        break;
    }
    o->begun = true;
    o->rowed = o->rowed || o->row_count > 0;
    o->row_count = 0;
    arena_reset(&o->arena);
    fflush(out);
}

void output_print(struct output *o, FILE *out) {
    output_flush(o, out);
    if (o->format == OUTPUT_JSON)
        fputs("\n]\n", out);
    fflush(out);
}
