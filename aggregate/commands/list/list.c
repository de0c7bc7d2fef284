// list: what a store holds, on a screen: its log, windows, partitions, files and keys.
#include "aggregate/commands/list/list.h"

#include <inttypes.h>
#include <string.h>

#include "aggregate/commands/commands.h"
#include "aggregate/commands/store_reader.h"

static const char usage[] =
    "clameur-aggregate list [--since T] [--until T] [-c FILE] [-o FORMAT]\n\n"
    "What a store holds: of which log it is, its windows by their state, how far each partition has sealed, "
    "and for\n"
    "whom the others wait, its files and the fingerprints of its pseudonym keys. `bytes` and `events` are "
    "those "
    "of the\n"
    "newest revisions, `revisions` the most of any. Of a partition `to_utc` is what it has sealed, "
    "`offset` up to\n"
    "where it is kept, `complete_utc` the event time up to which it is thought complete. Headers alone are "
    "read: verify checks the rest.";

struct list_flags {
    const char *output;
    struct store_range range;
};

static const struct option_row flag_rows[] = {
    STORE_READER_OUTPUT(struct list_flags),
    STORE_READER_RANGE(struct list_flags, range),
};
enum { FLAG_ROWS = sizeof(flag_rows) / sizeof(flag_rows[0]), TEXT_MAX = 512 };

static const struct output_column columns[LIST_CELLS] = {
    {"what", false},   {"name", false},         {"state", false},    {"windows", true}, {"files", true},
    {"bytes", true},   {"events", true},        {"revisions", true}, {"offset", true},  {"from_utc", false},
    {"to_utc", false}, {"complete_utc", false}, {"says", false},
};

// ---- rows

void list_row_init(struct list_row *row, const char *what, const char *name) {
    *row = (struct list_row){0};
    list_row_text(row, LIST_WHAT, what);
    list_row_text(row, LIST_NAME, name);
}

void list_row_text(struct list_row *row, enum list_cell cell, const char *text) {
    if (text[0] != '\0')
        row->cells[cell] = output_text(slice_of(text));
}

void list_row_number(struct list_row *row, enum list_cell cell, int64_t number) {
    snprintf(row->texts[cell], sizeof(row->texts[cell]), "%" PRId64, number);
    row->cells[cell] = output_text(slice_of(row->texts[cell]));
}

void list_row_time(struct list_row *row, enum list_cell cell, int64_t time_s) {
    if (time_s != 0)
        row->cells[cell] = output_text(local_time_write(row->texts[cell], NULL, time_s));
}

// ---- the log

static void log_list(struct output *out, const struct published *pub) {
    struct list_row row;
    char text[TEXT_MAX];
    if (pub->meta.topic[0] == '\0')
        return;
    list_row_init(&row, "log", pub->meta.topic);
    snprintf(text, sizeof(text), "%d partitions, topic id %s, rules %s", pub->meta.partitions,
             pub->meta.topic_id[0] != '\0' ? pub->meta.topic_id : "unknown", pub->meta.rules_hash);
    list_row_text(&row, LIST_SAYS, text);
    output_row(out, row.cells);
}

// ---- partitions

// One that has sealed less than another holds up what all are to have sealed.
static bool is_waited_for(const struct published *pub, uint32_t partition) {
    const struct progress *own = pub->throughs[partition];
    return own == NULL || (pub->seal.known && !pub->seal.level && own->sealed_s == pub->seal.sealed_s);
}

static void partition_list(struct output *out, const struct published *pub, uint32_t partition) {
    const struct progress *progress = pub->throughs[partition];
    struct list_row row;
    char name[LOCAL_TIME_MAX];
    snprintf(name, sizeof(name), "%u", partition);
    list_row_init(&row, "partition", name);
    if (progress == NULL)
        list_row_text(&row, LIST_SAYS, "no sealed-through record yet: it waits for its owner");
    else {
        list_row_number(&row, LIST_OFFSET, progress->offset);
        list_row_time(&row, LIST_TO, progress->sealed_s);
        list_row_time(&row, LIST_COMPLETE, progress->watermark_ms > 0 ? progress->watermark_ms / 1000 : 0);
        list_row_number(&row, LIST_EVENTS, (int64_t)progress->read);
    }
    if (is_waited_for(pub, partition))
        list_row_text(&row, LIST_STATE, "waited for");
    output_row(out, row.cells);
}

// ---- the command

static enum status period_read(const struct list_flags *flags, const struct zone *zone,
                               const struct published *pub, struct period *period, bool *all,
                               struct problem *p) {
    enum status status = period_parse(period, zone, NULL, flags->range.since, flags->range.until, p);
    *all = period->latest;
    period->latest = false;
    if (status != STATUS_OK || pub->windows.count == 0)
        return status;
    return published_period(pub, period, p);
}

static enum status store_list_all(struct output *out, const struct published *pub,
                                  const struct period *period, bool all, int64_t *unread, struct problem *p) {
    log_list(out, pub);
    enum status status = list_windows(out, pub, period, all, unread, p);
    for (uint32_t i = 0; i < pub->partitions && status == STATUS_OK; i++)
        partition_list(out, pub, i);
    if (status == STATUS_OK)
        status = list_files(out, pub->store, p);
    return status == STATUS_OK ? list_keys(out, pub->store, pub->terms.now_s, p) : status;
}

static enum status empty_check(const struct output *out, const struct published *pub, struct problem *p) {
    char waits[WAITS_TEXT_MAX];
    if (out->row_count == 0)
        return store_reader_nothing_begun(p);
    if (pub->windows.count == 0)
        fprintf(stderr, "no window is published yet: %s\n", published_waits_for(pub, waits));
    return STATUS_OK;
}

static void all_print(struct output *out, bool terminal) {
    if (terminal && out->format == OUTPUT_TABLE)
        list_tables_print(out, stdout);
    else
        output_print(out, stdout);
}

static enum status list(struct store_reader *r, const struct list_flags *flags) {
    struct published pub = {0};
    struct rules rules;
    struct zone *zone = NULL;
    struct period period;
    struct output out;
    struct problem p;
    bool all = true;
    int64_t unread = 0;
    output_init(&out, r->format, columns, LIST_CELLS);
    enum status status = store_reader_zone(r, flags->range.tz, "", &zone, &p);
    if (status == STATUS_OK)
        status = store_reader_rules(r, &rules, &p);
    if (status == STATUS_OK)
        status = store_reader_published(r, rules.window_lateness_ms / 1000, &pub, &p);
    if (status == STATUS_OK)
        status = period_read(flags, zone, &pub, &period, &all, &p);
    if (status == STATUS_OK)
        status = store_list_all(&out, &pub, &period, all, &unread, &p);
    if (status == STATUS_OK)
        status = empty_check(&out, &pub, &p);
    if (status == STATUS_OK)
        all_print(&out, r->terminal);
    published_fini(&pub);
    output_fini(&out);
    zone_close(&zone);
    if (status != STATUS_OK)
        return store_reader_fail(&p);
    return unread > 0 ? STATUS_BAD_DATA : STATUS_OK;
}

int command_list(int argc, char **argv) {
    struct store_reader r;
    struct list_flags flags = {0};
    enum status status = store_reader_configure(&r, argc, argv, usage, flag_rows, FLAG_ROWS, &flags, true);
    if (status == STATUS_OK && !r.request.help)
        status = r.request.argument_count > 0
                     ? store_reader_usage("windows are named by --since and --until", usage)
                     : list(&r, &flags);
    store_reader_close(&r);
    return (int)status;
}
