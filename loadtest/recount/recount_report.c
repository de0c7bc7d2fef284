#include "loadtest/recount/recount_report.h"

#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "runtime/check.h"
#include "runtime/memory.h"

void recount_report_init(struct recount_report *r, int64_t max_differences) {
    *r = (struct recount_report){.max_differences = max_differences};
}

static void differences_free(struct recount_report *r, size_t from) {
    for (size_t i = from; i < r->kept_count; i++) {
        free(r->kept[i].key);
        free(r->kept[i].field);
        free(r->kept[i].redis);
        free(r->kept[i].recount);
    }
}

void recount_report_rewind(struct recount_report *r, const struct recount_report *before) {
    differences_free(r, before->kept_count);
    r->kept_count = before->kept_count;
    r->keys = before->keys;
    r->counters = before->counters;
    r->expired = before->expired;
    r->differences = before->differences;
}

void recount_report_fini(struct recount_report *r) {
    differences_free(r, 0);
    for (size_t i = 0; i < r->fault_count; i++) {
        free(r->faults[i].key);
        free(r->faults[i].field);
        free(r->faults[i].delta);
        free(r->faults[i].error);
    }
    free(r->kept);
    free(r->faults);
    *r = (struct recount_report){0};
}

// A copy for people's eyes: what is no printable text is shown as `?`.
static char *shown(struct slice text) {
    char *copy = memory_take(text.length + 1);
    for (size_t i = 0; i < text.length; i++)
        copy[i] = iscntrl((unsigned char)text.at[i]) ? '?' : text.at[i];
    return copy;
}

void recount_report_difference(struct recount_report *r, struct slice key, struct slice field,
                               struct slice redis, struct slice recount) {
    r->differences++;
    if (r->differences > (uint64_t)r->max_differences)
        return;
    r->kept = memory_grow(r->kept, r->kept_count + 1, sizeof(*r->kept));
    r->kept[r->kept_count++] =
        (struct recount_difference){shown(key), shown(field), shown(redis), shown(recount)};
}

static struct recount_fault *fault_at(struct recount_report *r, struct slice key, struct slice field) {
    char *shown_key = shown(key), *shown_field = shown(field);
    size_t i = 0;
    while (i < r->fault_count &&
           (strcmp(r->faults[i].key, shown_key) != 0 || strcmp(r->faults[i].field, shown_field) != 0))
        i++;
    if (i < r->fault_count) {
        free(shown_key);
        free(shown_field);
        return &r->faults[i];
    }
    r->faults = memory_grow(r->faults, r->fault_count + 1, sizeof(*r->faults));
    r->faults[r->fault_count] =
        (struct recount_fault){shown_key, shown_field, shown(slice_of("")), shown(slice_of(""))};
    return &r->faults[r->fault_count++];
}

void recount_report_fault(struct recount_report *r, struct slice key, struct slice field,
                          struct slice delta) {
    struct recount_fault *fault = fault_at(r, key, field);
    free(fault->delta);
    fault->delta = shown(delta);
}

void recount_report_fault_error(struct recount_report *r, struct slice key, struct slice field,
                                struct slice error) {
    struct recount_fault *fault = fault_at(r, key, field);
    free(fault->error);
    fault->error = shown(error);
}

static void print_row(FILE *out, const char *name, uint64_t value) {
    fprintf(out, "%-24s %20" PRIu64 "\n", name, value);
}

static void print_table(const struct recount_report *r, FILE *out) {
    print_row(out, "records", r->tally.records);
    print_row(out, "events read", r->tally.read);
    print_row(out, "  counted", r->tally.counted);
    print_row(out, "  duplicates", r->tally.duplicates);
    print_row(out, "  rejected", r->tally.rejected_all);
    for (int reject = 1; reject < REJECT_COUNT; reject++) {
        char name[64];
        snprintf(name, sizeof(name), "    %s", reject_name((enum reject)reject));
        if (r->tally.rejected[reject] > 0)
            print_row(out, name, r->tally.rejected[reject]);
    }
    print_row(out, "keys compared", r->keys);
    print_row(out, "counters compared", r->counters);
    print_row(out, "keys whose time is over", r->expired);
    print_row(out, "faults", r->fault_count);
    for (size_t i = 0; i < r->fault_count; i++)
        fprintf(out, "  %s %s: %s (%s)\n", r->faults[i].key, r->faults[i].field, r->faults[i].delta,
                r->faults[i].error);
    print_row(out, "lag", r->tally.lag);
    print_row(out, "differences", r->differences);
    for (size_t i = 0; i < r->kept_count; i++)
        fprintf(out, "  %s %s: Redis %s, recount %s\n", r->kept[i].key, r->kept[i].field, r->kept[i].redis,
                r->kept[i].recount);
    if (r->differences > r->kept_count)
        fprintf(out, "  and %" PRIu64 " more\n", r->differences - r->kept_count);
    fprintf(out, "%s\n", r->differences == 0 ? "EQUAL" : "NOT EQUAL");
}

static json_t *number(uint64_t value) {
    return json_integer((json_int_t)value);
}

// Ids are UTF-8 by contract, keys of others may be anything: then they are left out.
static json_t *text(const char *value) {
    json_t *string = json_string(value);
    return string != NULL ? string : json_string("(not UTF-8)");
}

static void print_json(const struct recount_report *r, FILE *out) {
    json_t *rejected = json_object(), *differences = json_array(), *faults = json_array();
    for (int reject = 1; reject < REJECT_COUNT; reject++) {
        if (r->tally.rejected[reject] > 0)
            json_object_set_new(rejected, reject_name((enum reject)reject),
                                number(r->tally.rejected[reject]));
    }
    for (size_t i = 0; i < r->kept_count; i++)
        json_array_append_new(differences, json_pack("{so so so so}", "key", text(r->kept[i].key), "field",
                                                     text(r->kept[i].field), "redis", text(r->kept[i].redis),
                                                     "recount", text(r->kept[i].recount)));
    for (size_t i = 0; i < r->fault_count; i++)
        json_array_append_new(faults, json_pack("{so so so so}", "key", text(r->faults[i].key), "field",
                                                text(r->faults[i].field), "delta", text(r->faults[i].delta),
                                                "error", text(r->faults[i].error)));
    json_t *answer =
        json_pack("{ss sb so so so so so so so so so so so so so}", "against", "redis", "equal",
                  r->differences == 0, "records", number(r->tally.records), "events", number(r->tally.read),
                  "counted", number(r->tally.counted), "duplicates", number(r->tally.duplicates), "rejected",
                  number(r->tally.rejected_all), "rejected_by_reason", rejected, "keys", number(r->keys),
                  "counters", number(r->counters), "expired", number(r->expired), "lag", number(r->tally.lag),
                  "differences", number(r->differences), "faults", faults, "difference_list", differences);
    CHECK(answer != NULL);
    json_dumpf(answer, out, JSON_COMPACT);
    fputc('\n', out);
    json_decref(answer);
}

void recount_report_print(const struct recount_report *r, FILE *out, bool table) {
    if (table)
        print_table(r, out);
    else
        print_json(r, out);
}
