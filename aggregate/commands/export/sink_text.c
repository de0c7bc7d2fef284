// CSV and JSON lines, a file a table.
#include <stdlib.h>
#include <string.h>

#include "aggregate/commands/export/sink.h"
#include "aggregate/commands/out_file.h"
#include "runtime/memory.h"

enum { ROWS_BEFORE_FLUSH = 1000 };

const char *const export_table_names[EXPORT_TABLES] = {"kpi", "counters", "definitions", "provenance"};

struct text_sink {
    struct export_sink sink;
    struct out_file files[EXPORT_TABLES];
    struct output outputs[EXPORT_TABLES];
};

// Where the suffixes begin: ".csv", and ".zst" behind it.
static size_t stem_length(const char *path, const char *suffix) {
    static const char zst[] = ".zst";
    size_t length = strlen(path), end = strlen(suffix);
    if (length > strlen(zst) && strcmp(path + length - strlen(zst), zst) == 0)
        length -= strlen(zst);
    return length > end && strncmp(path + length - end, suffix, end) == 0 ? length - end : length;
}

char *export_path_of(const char *path, enum export_table table, const char *suffix) {
    size_t stem = stem_length(path, suffix), size = strlen(path) + 32;
    char *out = memory_take(size);
    if (table == EXPORT_KPI)
        snprintf(out, size, "%s", path);
    else
        snprintf(out, size, "%.*s.%s%s", (int)stem, path, export_table_names[table],
                 path[stem] != '\0' ? path + stem : suffix);
    return out;
}

static enum status text_row(struct export_sink *sink, enum export_table table,
                            const struct output_cell *cells, struct problem *p) {
    struct text_sink *s = (struct text_sink *)sink;
    struct output *o = &s->outputs[table];
    output_row(o, cells);
    if (o->row_count < ROWS_BEFORE_FLUSH)
        return STATUS_OK;
    output_flush(o, s->files[table].out);
    if (ferror(s->files[table].out) == 0)
        return STATUS_OK;
    return problem_set(p, STATUS_CANT_CREATE, "", "choose a place with room", "%s cannot be written",
                       s->files[table].path);
}

static enum status text_end(struct export_sink *sink, struct problem *p) {
    struct text_sink *s = (struct text_sink *)sink;
    enum status status = STATUS_OK;
    for (int i = 0; i < EXPORT_TABLES && status == STATUS_OK; i++) {
        output_print(&s->outputs[i], s->files[i].out);
        status = out_file_whole(&s->files[i], p);
    }
    for (int i = EXPORT_TABLES; i-- > 0 && status == STATUS_OK;)
        status = out_file_place(&s->files[i], p);
    return status;
}

static void text_close(struct export_sink *sink) {
    struct text_sink *s = (struct text_sink *)sink;
    for (int i = 0; i < EXPORT_TABLES; i++) {
        out_file_abandon(&s->files[i]);
        output_fini(&s->outputs[i]);
    }
    free(s);
}

enum status export_text_open(struct export_sink **sink, enum export_format format, const char *path, int how,
                             const struct export_columns *columns, struct problem *p) {
    static const struct export_kind kind = {text_row, text_end, text_close};
    struct text_sink *s = memory_take(sizeof(*s));
    enum status status = STATUS_OK;
    s->sink.kind = &kind;
    for (int i = 0; i < EXPORT_TABLES; i++) {
        output_init(&s->outputs[i], format == EXPORT_CSV ? OUTPUT_CSV : OUTPUT_JSONL, columns[i].at,
                    columns[i].count);
        char *name = export_path_of(path, (enum export_table)i, format == EXPORT_CSV ? ".csv" : ".jsonl");
        if (status == STATUS_OK)
            status = out_file_begin(&s->files[i], name, how, p);
        free(name);
    }
    *sink = &s->sink;
    if (status != STATUS_OK) {
        text_close(*sink);
        *sink = NULL;
    }
    return status;
}
