// Which sink is asked for, and whether the file's name agrees.
#include "aggregate/commands/export/sink.h"

#include <stdbool.h>
#include <string.h>

#include "aggregate/commands/out_file.h"

static const char *const format_names[] = {
    [EXPORT_CSV] = "csv", [EXPORT_JSONL] = "jsonl", [EXPORT_SQLITE] = "sqlite"};

bool export_format_parse(enum export_format *format, const char *name) {
    for (size_t i = 0; i < sizeof(format_names) / sizeof(format_names[0]); i++) {
        *format = (enum export_format)i;
        if (strcmp(format_names[i], name) == 0)
            return true;
    }
    return false;
}

static bool ends_with(const char *name, size_t length, const char *end) {
    size_t size = strlen(end);
    return length > size && strncmp(name + length - size, end, size) == 0;
}

static enum status suffix_check(const char *path, enum export_format format, size_t length,
                                struct problem *p) {
    static const struct {
        const char *suffix;
        enum export_format means;
    } known[] = {{".csv", EXPORT_CSV},   {".jsonl", EXPORT_JSONL},   {".ndjson", EXPORT_JSONL},
                 {".db", EXPORT_SQLITE}, {".sqlite", EXPORT_SQLITE}, {".sqlite3", EXPORT_SQLITE}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].means != format && ends_with(path, length, known[i].suffix))
            return problem_set(p, STATUS_USAGE, "", "say --format as the name does, or choose another name",
                               "--format %s, but --out %s is called as %s is", format_names[format], path,
                               format_names[known[i].means]);
    }
    return STATUS_OK;
}

static enum status name_check(const char *path, enum export_format format, bool is_compressed,
                              struct problem *p) {
    size_t length = strlen(path);
    bool named_zst = ends_with(path, length, ".zst");
    if (format == EXPORT_SQLITE && is_compressed)
        return problem_set(p, STATUS_USAGE, "", "leave --zst away, and compress the file with zstd",
                           "a file of SQLite is read where it lies: --zst is for csv and jsonl");
    if (format != EXPORT_SQLITE && named_zst != is_compressed)
        return problem_set(p, STATUS_USAGE, "",
                           "--zst goes with a name that ends with .zst: --zst --out kpi.csv.zst",
                           "--out %s does not say what --zst says", path);
    return suffix_check(path, format, named_zst ? length - strlen(".zst") : length, p);
}

enum status export_sink_open(struct export_sink **sink, enum export_format format, const char *path, int how,
                             const struct export_columns *columns, struct problem *p) {
    enum status status = name_check(path, format, (how & OUT_COMPRESSED) != 0, p);
    if (status != STATUS_OK)
        return status;
    return format == EXPORT_SQLITE ? export_sqlite_open(sink, path, how, columns, p)
                                   : export_text_open(sink, format, path, how, columns, p);
}
