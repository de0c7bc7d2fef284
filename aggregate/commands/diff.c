// diff A B: where two snapshots differ, counter by counter and sketch by sketch.
#include <inttypes.h>
#include <stdio.h>

#include "aggregate/commands/commands.h"
#include "aggregate/commands/snapshot_file.h"
#include "aggregate/commands/store_reader.h"
#include "aggregate/figures/difference/difference.h"

static const char usage[] = "clameur-aggregate diff A B [-c FILE] [-o FORMAT]\n"
                            "       clameur-aggregate diff WINDOW [-c FILE] [-o FORMAT]     its newest "
                            "revision and the one before\n\n"
                            "A and B are files, names in the store (snapshots/...), windows "
                            "(2026-03-29T14:15, latest), or revisions of one\n"
                            "(2026-03-29T14:15@2). Exit 0: they are equal; 1: they differ.";

struct diff_flags {
    const char *output, *tz;
};

static const struct option_row flag_rows[] = {
    STORE_READER_OUTPUT(struct diff_flags),
    {"tz", OPTION_STRING, offsetof(struct diff_flags, tz), "UTC", 0, 0, 0, "the zone of times without one"},
};
enum { FLAG_ROWS = sizeof(flag_rows) / sizeof(flag_rows[0]) };

enum { NUMBER_MAX = 24, LINES_BEFORE_FLUSH = 1000 };

static const struct output_column columns[] = {
    {"table", false},  {"account", false}, {"platform", false},  {"origin", false},
    {"format", false}, {"paid", false},    {"id", false},        {"counter", false},
    {"a", true},       {"b", true},        {"difference", true},
};
enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

static struct output_cell number_cell(char text[NUMBER_MAX], int64_t value) {
    snprintf(text, NUMBER_MAX, "%" PRId64, value);
    return output_text(slice_of(text));
}

static void difference_print(void *context, const struct difference *d) {
    struct output *o = context;
    char numbers[3][NUMBER_MAX], labels[3][LABEL_MAX];
    const struct row_key *key = &d->key;
    bool has_form = key->table == TABLE_TOTALS || key->table == TABLE_LATE || key->table == TABLE_ORDERS ||
                    key->table == TABLE_REFUNDS;
    bool has_account = key->table != TABLE_VIEWERS;
    const struct output_cell none = {{NULL, 0}, {NULL, 0}};
    int64_t step = (int64_t)((uint64_t)d->right - (uint64_t)d->left);
    output_row(o, (struct output_cell[COLUMNS]){
                      output_text(slice_of(label_table(key->table))),
                      has_account ? output_text(key->account) : none,
                      has_account ? output_text(slice_of(label_platform(labels[0], key->platform))) : none,
                      has_form ? output_text(slice_of(label_origin(labels[1], key->origin))) : none,
                      has_form ? output_text(slice_of(label_format(labels[2], key->format))) : none,
                      has_form ? output_text(slice_of(label_paid(key->paid))) : none,
                      key->id.length > 0 ? output_text(key->id) : none,
                      output_text((struct slice){d->counter, d->counter_length}),
                      number_cell(numbers[0], d->left),
                      number_cell(numbers[1], d->right),
                      number_cell(numbers[2], step),
                  });
    if (o->row_count >= LINES_BEFORE_FLUSH)
        output_flush(o, stdout);
}

static enum status compare(const struct store_reader *r, const struct snapshot_file files[2]) {
    struct output o;
    output_init(&o, r->format, columns, COLUMNS);
    o.again = true;
    output_fit(&o, stdout);
    size_t count = difference_each(files[0].rows, files[1].rows, difference_print, &o);
    count += difference_each_viewer(&files[0].viewers, &files[1].viewers, difference_print, &o);
    if (count > 0 || r->format != OUTPUT_TABLE)
        output_print(&o, stdout);
    output_fini(&o);
    fprintf(stderr,
            count == 0   ? "%zu figures differ: %s is as %s\n"
            : count == 1 ? "%zu figure differs: a is %s, b is %s\n"
                         : "%zu figures differ: a is %s, b is %s\n",
            count, files[0].file.name, files[1].file.name);
    return count > 0 ? STATUS_NO : STATUS_OK;
}

// One word: a window's last two revisions, the older first.
static enum status files_open(struct snapshot_file files[2], const struct config_request *request,
                              const struct published *pub, const struct zone *zone, struct problem *p) {
    int64_t start_s;
    if (request->argument_count == 2) {
        enum status status = snapshot_file_open(&files[0], request->arguments[0], pub, zone, p);
        return status == STATUS_OK ? snapshot_file_open(&files[1], request->arguments[1], pub, zone, p)
                                   : status;
    }
    enum status status = snapshot_file_window(&start_s, request->arguments[0], pub, zone, p);
    if (status == STATUS_OK)
        status = snapshot_file_open_revision(&files[0], pub, start_s, -1, p);
    return status == STATUS_OK ? snapshot_file_open_revision(&files[1], pub, start_s, 0, p) : status;
}

// Files alone need no store. What is not there is no difference.
static enum status diff(struct store_reader *r, const struct diff_flags *flags) {
    struct snapshot_file files[2] = {0};
    struct published pub = {0};
    struct zone *zone = NULL;
    struct problem p;
    bool has_store = r->settings.store_url[0] != '\0' || r->request.argument_count == 1;
    enum status status = store_reader_zone(r, flags->tz, "", &zone, &p);
    if (status == STATUS_OK && has_store)
        status = store_reader_published(r, 0, &pub, &p);
    if (status == STATUS_OK)
        status = files_open(files, &r->request, has_store ? &pub : NULL, zone, &p);
    if (status == STATUS_NO)
        p.status = STATUS_NO_INPUT;
    status = status == STATUS_OK ? compare(r, files) : store_reader_fail(&p);
    snapshot_file_close(&files[0]);
    snapshot_file_close(&files[1]);
    published_fini(&pub);
    zone_close(&zone);
    return status;
}

int command_diff(int argc, char **argv) {
    struct store_reader r;
    struct diff_flags flags = {0};
    enum status status = store_reader_configure(&r, argc, argv, usage, flag_rows, FLAG_ROWS, &flags, true);
    if (status == STATUS_OK && !r.request.help)
        status = r.request.argument_count < 1 || r.request.argument_count > 2
                     ? store_reader_usage("name two files or windows, or one window", usage)
                     : diff(&r, &flags);
    store_reader_close(&r);
    return (int)status;
}
