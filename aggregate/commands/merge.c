// merge: windows and spans of one log into a span, in any order the same file.
#include <sys/stat.h>

#include "aggregate/commands/commands.h"
#include "aggregate/commands/gaps.h"
#include "aggregate/commands/out_file.h"
#include "aggregate/commands/revisions.h"
#include "aggregate/commands/snapshot_file.h"
#include "aggregate/commands/store_reader.h"
#include "aggregate/figures/span.h"

static const char usage[] = "clameur-aggregate merge --out FILE [--force] FILE...                            "
                            "snapshots of windows, and spans\n"
                            "       clameur-aggregate merge --out FILE [--force] --since T --until T [-c "
                            "FILE]...    published windows of the "
                            "store";

struct merge_flags {
    struct store_range range;
    const char *out;
    bool force;
};

static const struct option_row flag_rows[] = {
    {"out", OPTION_STRING, offsetof(struct merge_flags, out), "", 0, 0, 0, "the file to write"},
    {"force", OPTION_BOOL, offsetof(struct merge_flags, force), "false", 0, 0, 0,
     "write over a file that is there, but never over one that is merged"},
    STORE_READER_RANGE(struct merge_flags, range),
};
enum { FLAG_ROWS = sizeof(flag_rows) / sizeof(flag_rows[0]) };

static enum status files_take(struct span *span, const struct config_request *request, struct problem *p) {
    enum status status = STATUS_OK;
    for (int i = 0; i < request->argument_count && status == STATUS_OK; i++) {
        struct snapshot_file f;
        status = snapshot_file_open_path(&f, request->arguments[i], p);
        if (status == STATUS_OK)
            status = span_add(span, request->arguments[i], snapshot_header(f.file.snapshot), f.rows, p);
        snapshot_file_close(&f);
    }
    return status;
}

static enum status window_take(void *context, const struct revision *revision, const struct shelf_file *file,
                               const struct rows *rows, struct problem *p) {
    return span_add(context, revision->name, snapshot_header(file->snapshot), rows, p);
}

static enum status store_take(struct span *span, struct store_reader *r, const struct store_range *range,
                              struct problem *p) {
    struct published pub = {0};
    struct zone *zone = NULL;
    struct period period;
    enum status status = store_reader_zone(r, range->tz, "", &zone, p);
    if (status != STATUS_OK)
        return status;
    status = period_parse(&period, zone, NULL, range->since, range->until, p);
    if (status == STATUS_OK)
        status = store_reader_published(r, 0, &pub, p);
    if (status == STATUS_OK)
        status = published_period(&pub, &period, p);
    if (status == STATUS_OK) {
        gaps_warn(&pub, period.start_s, period.end_s);
        status = revisions_each(&pub, period.start_s, period.end_s, window_take, span, NULL, p);
    }
    published_fini(&pub);
    zone_close(&zone);
    return status;
}

static enum status span_put(const struct span *span, const char *path, bool force, struct problem *p) {
    struct snapshot_bytes bytes;
    struct out_file file;
    span_write(span, &bytes);
    enum status status = out_file_begin(&file, path, force ? OUT_FORCED : 0, p);
    if (status == STATUS_OK) {
        fwrite(bytes.at, 1, bytes.length, file.out);
        status = out_file_commit(&file, p);
    }
    if (status == STATUS_OK)
        fprintf(stderr, "%s: %zu file%s merged, %zu rows, %zu bytes\n", path, span->count,
                span->count == 1 ? "" : "s", rows_count(span->rows), bytes.length);
    out_file_abandon(&file);
    snapshot_bytes_fini(&bytes);
    return status;
}

// Whatever its names.
static bool is_same_file(const char *one, const char *other) {
    struct stat about, others;
    return stat(one, &about) == 0 && stat(other, &others) == 0 && about.st_dev == others.st_dev &&
           about.st_ino == others.st_ino;
}

static enum status out_check(const char *out, const struct config_request *request, struct problem *p) {
    for (int i = 0; i < request->argument_count; i++) {
        if (is_same_file(out, request->arguments[i]))
            return problem_set(p, STATUS_USAGE, "", "choose another name for what comes of it",
                               "--out %s is one of the files to merge", out);
    }
    return STATUS_OK;
}

static enum status merge(struct store_reader *r, const struct merge_flags *flags) {
    struct span span;
    struct problem p;
    bool of_store = r->request.argument_count == 0;
    span_init(&span);
    enum status status = out_check(flags->out, &r->request, &p);
    if (status == STATUS_OK)
        status = of_store ? store_take(&span, r, &flags->range, &p) : files_take(&span, &r->request, &p);
    if (status == STATUS_OK)
        status = span_end(&span, &p);
    if (status == STATUS_OK)
        status = span_put(&span, flags->out, flags->force, &p);
    span_fini(&span);
    return status == STATUS_OK ? status : store_reader_fail(&p);
}

static enum status merge_asked(struct store_reader *r, const struct merge_flags *flags) {
    bool has_range = flags->range.since[0] != '\0' || flags->range.until[0] != '\0';
    if (flags->out[0] == '\0')
        return store_reader_usage("--out FILE is missing: what to write", usage);
    if ((r->request.argument_count > 0) == has_range)
        return store_reader_usage("name files, or give --since and --until", usage);
    return merge(r, flags);
}

int command_merge(int argc, char **argv) {
    struct store_reader r;
    struct merge_flags flags = {0};
    enum status status = store_reader_configure(&r, argc, argv, usage, flag_rows, FLAG_ROWS, &flags, false);
    if (status == STATUS_OK && !r.request.help)
        status = merge_asked(&r, &flags);
    store_reader_close(&r);
    return (int)status;
}
