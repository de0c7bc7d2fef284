#include "loadtest/windows/compare/windows_report.h"

#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <time.h>

#include "runtime/check.h"
#include "runtime/memory.h"

enum { TIME_TEXT = 32, NUMBER_TEXT = 24 };

void windows_report_init(struct windows_report *r, int64_t findings_max) {
    *r = (struct windows_report){.findings_max = findings_max};
}

void windows_report_fini(struct windows_report *r) {
    for (size_t i = 0; i < r->kept_count; i++) {
        free(r->kept[i].where);
        free(r->kept[i].counter);
        free(r->kept[i].stored);
        free(r->kept[i].recount);
    }
    free(r->kept);
    *r = (struct windows_report){0};
}

// A copy for people's eyes: what is no printable text is shown as `?`.
static char *shown(struct slice text) {
    char *copy = memory_take(text.length + 1);
    for (size_t i = 0; i < text.length; i++)
        copy[i] = iscntrl((unsigned char)text.at[i]) ? '?' : text.at[i];
    return copy;
}

void windows_report_find(struct windows_report *r, int64_t window_s, struct slice where, const char *counter,
                         const char *stored, const char *recount) {
    r->findings++;
    if (r->findings > (uint64_t)r->findings_max)
        return;
    r->kept = memory_grow(r->kept, r->kept_count + 1, sizeof(*r->kept));
    r->kept[r->kept_count++] = (struct windows_finding){window_s, shown(where), shown(slice_of(counter)),
                                                        shown(slice_of(stored)), shown(slice_of(recount))};
}

void windows_report_number(struct windows_report *r, int64_t window_s, struct slice where,
                           const char *counter, int64_t stored, int64_t recount) {
    char text[2][NUMBER_TEXT];
    if (stored == recount)
        return;
    snprintf(text[0], NUMBER_TEXT, "%" PRId64, stored);
    snprintf(text[1], NUMBER_TEXT, "%" PRId64, recount);
    windows_report_find(r, window_s, where, counter, text[0], text[1]);
}

// ---- printed

static const char *time_write(char out[TIME_TEXT], int64_t window_s) {
    struct tm utc;
    time_t seconds = (time_t)window_s;
    out[0] = '-';
    out[1] = '\0';
    if (window_s >= 0 && gmtime_r(&seconds, &utc) != NULL)
        strftime(out, TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return out;
}

static void print_number(FILE *out, const char *name, uint64_t value) {
    fprintf(out, "%-32s %20" PRIu64 "\n", name, value);
}

static void print_tally(const struct windows_tally *t, FILE *out) {
    print_number(out, "records", t->records);
    print_number(out, "events read", t->read);
    print_number(out, "  counted", t->counted);
    print_number(out, "  late", t->late);
    print_number(out, "  duplicates", t->duplicates);
    print_number(out, "  rejected", t->rejected_all);
    for (int reject = 1; reject < REJECT_COUNT; reject++) {
        char name[64];
        snprintf(name, sizeof(name), "    %s", reject_name((enum reject)reject));
        if (t->rejected[reject] > 0)
            print_number(out, name, t->rejected[reject]);
    }
}

static int width_of(const struct windows_report *r, size_t offset, int least) {
    size_t width = (size_t)least;
    for (size_t i = 0; i < r->kept_count; i++) {
        size_t length = strlen(*(char *const *)((const char *)&r->kept[i] + offset));
        width = length > width ? length : width;
    }
    return (int)width;
}

static void print_findings(const struct windows_report *r, FILE *out) {
    if (r->kept_count == 0)
        return;
    int where = width_of(r, offsetof(struct windows_finding, where), 5);
    int counter = width_of(r, offsetof(struct windows_finding, counter), 7);
    int stored = width_of(r, offsetof(struct windows_finding, stored), 9);
    fprintf(out, "  %-20s  %-*s  %-*s  %-*s  RECOUNT\n", "WINDOW", where, "WHERE", counter, "COUNTER", stored,
            "SNAPSHOTS");
    for (size_t i = 0; i < r->kept_count; i++) {
        char time[TIME_TEXT];
        const struct windows_finding *f = &r->kept[i];
        fprintf(out, "  %-20s  %-*s  %-*s  %-*s  %s\n", time_write(time, f->window_s), where, f->where,
                counter, f->counter, stored, f->stored, f->recount);
    }
    if (r->findings > r->kept_count)
        fprintf(out, "  and %" PRIu64 " more\n", r->findings - r->kept_count);
}

static void print_table(const struct windows_report *r, FILE *out) {
    print_tally(&r->tally, out);
    print_number(out, "windows compared", r->windows);
    print_number(out, "  with a revision to come", r->growing);
    print_number(out, "windows missing", r->missing);
    print_number(out, "windows not sealed yet", r->open);
    print_number(out, "rows compared", r->rows);
    print_number(out, "counters compared", r->counters);
    print_number(out, "orders compared", r->orders);
    print_number(out, "readings compared", r->readings);
    print_number(out, "sketches compared", r->sketches);
    print_number(out, "live sessions compared", r->sessions);
    print_number(out, "partitions balanced", r->partitions);
    print_number(out, "lag", r->tally.lag);
    print_number(out, "findings", r->findings);
    print_findings(r, out);
    fprintf(out, "%s\n", r->findings == 0 ? "EQUAL" : "NOT EQUAL");
}

static json_t *number(uint64_t value) {
    return json_integer((json_int_t)value);
}

// Ids are UTF-8 by contract; what is not is left out.
static json_t *text(const char *value) {
    json_t *string = json_string(value);
    return string != NULL ? string : json_string("(not UTF-8)");
}

static json_t *findings_pack(const struct windows_report *r) {
    json_t *list = json_array();
    for (size_t i = 0; i < r->kept_count; i++) {
        const struct windows_finding *f = &r->kept[i];
        json_t *window = f->window_s == NO_WINDOW ? json_null() : json_integer(f->window_s);
        json_array_append_new(list, json_pack("{so so so so so}", "window", window, "where", text(f->where),
                                              "counter", text(f->counter), "snapshots", text(f->stored),
                                              "recount", text(f->recount)));
    }
    return list;
}

static json_t *rejects_pack(const struct windows_tally *t) {
    json_t *rejected = json_object();
    for (int reject = 1; reject < REJECT_COUNT; reject++) {
        if (t->rejected[reject] > 0)
            json_object_set_new(rejected, reject_name((enum reject)reject), number(t->rejected[reject]));
    }
    return rejected;
}

static void print_json(const struct windows_report *r, FILE *out) {
    const struct windows_tally *t = &r->tally;
    json_t *answer = json_pack(
        "{ss sb so so so so so so so so so so so so so so so so so so so so so}", "against", "snapshots",
        "equal", r->findings == 0, "records", number(t->records), "events", number(t->read), "counted",
        number(t->counted), "late", number(t->late), "duplicates", number(t->duplicates), "rejected",
        number(t->rejected_all), "rejected_by_reason", rejects_pack(t), "windows", number(r->windows),
        "windows_growing", number(r->growing), "windows_missing", number(r->missing), "windows_open",
        number(r->open), "rows", number(r->rows), "counters", number(r->counters), "orders",
        number(r->orders), "readings", number(r->readings), "sketches", number(r->sketches), "live_sessions",
        number(r->sessions), "partitions", number(r->partitions), "lag", number(t->lag), "findings",
        number(r->findings), "finding_list", findings_pack(r));
    CHECK(answer != NULL);
    json_dumpf(answer, out, JSON_COMPACT);
    fputc('\n', out);
    json_decref(answer);
}

void windows_report_print(const struct windows_report *r, FILE *out, bool table) {
    if (table)
        print_table(r, out);
    else
        print_json(r, out);
}
