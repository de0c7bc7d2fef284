// --expect: the events as explained, held against a file that says what should become of them.
#include <stdlib.h>

#include "ingest/commands/explain/explain.h"

enum { WHAT_MAX = 1024 };

// What an expectation may name: whatever an explanation says of an event.
static const char *const names[] = {"source", "index",    "record_time", "rules_version", "outcome",
                                    "reason", "rule",     "first",       "event",         "platform",
                                    "kind",   "account",  "content",     "campaign",      "occurred_at",
                                    "actor",  "counters", "effects"};
enum { NAMES = sizeof(names) / sizeof(names[0]) };

static enum status bad_file(const char *path, const char *format, const char *word, const char *more) {
    struct problem p;
    char what[WHAT_MAX];
    snprintf(what, sizeof(what), format, word, more);
    problem_set(&p, STATUS_BAD_DATA, "",
                "an array of objects, one an event: {\"outcome\": \"counted\", \"counters\": {\"acct:acme\": "
                "{\"likes\": 1}}}",
                "%s: %s", path, what);
    problem_print(&p);
    return p.status;
}

// What is no figure would be equal to nothing, or, with nothing to compare, to everything.
static enum status check_counters(const char *path, const json_t *counters) {
    const char *key, *field;
    const json_t *fields, *figure;
    if (!json_is_object(counters))
        return bad_file(path, "\"counters\" is an object of keys%s%s", "", "");
    json_object_foreach((json_t *)counters, key, fields) {
        if (!json_is_object(fields))
            return bad_file(path, "\"%s\" is an object of fields%s", key, "");
        json_object_foreach((json_t *)fields, field, figure) {
            if (!json_is_integer(figure))
                return bad_file(path, "\"%s\" of \"%s\" is no whole number", field, key);
        }
    }
    return STATUS_OK;
}

static enum status check_names(const char *path, const json_t *expected) {
    size_t i;
    const json_t *one;
    json_array_foreach(expected, i, one) {
        const char *key;
        const json_t *value;
        if (!json_is_object(one))
            return bad_file(path, "an expectation is an object%s%s", "", "");
        json_object_foreach((json_t *)one, key, value) {
            size_t n = 0;
            while (n < NAMES && strcmp(names[n], key) != 0)
                n++;
            const char *nearest = config_nearest(key, names, NAMES);
            if (n == NAMES)
                return bad_file(path,
                                nearest != NULL ? "unknown key \"%s\"; did you mean \"%s\"?"
                                                : "unknown key \"%s\"%s",
                                key, nearest != NULL ? nearest : "");
        }
        const json_t *counters = json_object_get(one, "counters");
        enum status status = counters != NULL ? check_counters(path, counters) : STATUS_OK;
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status load(json_t **expected, const char *path) {
    json_error_t error;
    json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    *expected = NULL;
    if (json == NULL && error.line < 0) {
        struct problem p;
        problem_set(&p, STATUS_NO_INPUT, "", "name a file that can be read", "%s", error.text);
        problem_print(&p);
        return p.status;
    }
    if (json == NULL) {
        char line[NAMES];
        snprintf(line, sizeof(line), "%d", error.line);
        return bad_file(path, "line %s: %s", line, error.text);
    }
    *expected = json_is_array(json) ? json_incref(json) : json_pack("[O]", json);
    json_decref(json);
    return check_names(path, *expected);
}

// --- Differences

struct differences {
    struct output output;
    size_t count;
};

static void differ(struct differences *d, size_t event, const char *what, const json_t *expected,
                   const json_t *actual) {
    char number[24];
    char *texts[2] = {expected != NULL ? json_dumps(expected, JSON_ENCODE_ANY | JSON_COMPACT) : NULL,
                      actual != NULL ? json_dumps(actual, JSON_ENCODE_ANY | JSON_COMPACT) : NULL};
    snprintf(number, sizeof(number), "%zu", event + 1);
    output_row(&d->output,
               (struct output_cell[]){output_text(slice_of(number)), output_text(slice_of(what)),
                                      output_text(slice_of(texts[0] != NULL ? texts[0] : "nothing")),
                                      output_text(slice_of(texts[1] != NULL ? texts[1] : "nothing"))});
    free(texts[0]);
    free(texts[1]);
    d->count++;
}

// The fields of a key on one side, told where the other has not the same.
static void compare_fields(struct differences *d, size_t event, const char *key, const json_t *ours,
                           const json_t *theirs, bool ours_expected) {
    const char *field;
    const json_t *value;
    json_object_foreach((json_t *)ours, field, value) {
        char what[WHAT_MAX];
        const json_t *other = json_object_get(theirs, field);
        // What both sides have is told once.
        if ((other != NULL && !ours_expected) || json_equal(value, other))
            continue;
        snprintf(what, sizeof(what), "%s %s", key, field);
        differ(d, event, what, ours_expected ? value : other, ours_expected ? other : value);
    }
}

// A key that is named moves by exactly what is said; keys that are not named are not compared.
static void compare_counters(struct differences *d, size_t event, const json_t *expected,
                             const json_t *actual) {
    const char *key;
    const json_t *fields;
    json_object_foreach((json_t *)expected, key, fields) {
        const json_t *found = json_object_get(actual, key);
        compare_fields(d, event, key, fields, found, true);
        compare_fields(d, event, key, found, fields, false);
    }
}

static void compare_event(struct differences *d, size_t event, const json_t *expected, const json_t *actual) {
    const char *name;
    const json_t *value;
    json_object_foreach((json_t *)expected, name, value) {
        const json_t *found = json_object_get(actual, name);
        if (strcmp(name, "counters") == 0)
            compare_counters(d, event, value, found);
        else if (!json_equal(value, found != NULL ? found : json_null()))
            differ(d, event, name, value, found);
    }
}

static void compare_all(struct differences *d, const json_t *expected, const json_t *told) {
    size_t more =
        json_array_size(expected) > json_array_size(told) ? json_array_size(expected) : json_array_size(told);
    for (size_t i = 0; i < more; i++) {
        const json_t *wanted = json_array_get(expected, i), *found = json_array_get(told, i);
        if (wanted != NULL && found != NULL)
            compare_event(d, i, wanted, found);
        else
            differ(d, i, "outcome", json_object_get(wanted, "outcome"), json_object_get(found, "outcome"));
    }
}

enum status explain_expect(const struct explain *x, const char *path) {
    static const struct output_column columns[] = {
        {"event", true}, {"what", false}, {"expected", false}, {"is", false}};
    json_t *expected;
    enum status status = load(&expected, path);
    if (status == STATUS_OK) {
        struct differences d = {.count = 0};
        output_init(&d.output, x->r.format, columns, sizeof(columns) / sizeof(columns[0]));
        compare_all(&d, expected, x->told);
        if (d.count > 0)
            output_print(&d.output, stdout);
        fprintf(stderr, "explain: %zu events, %zu expected, %zu differences\n", json_array_size(x->told),
                json_array_size(expected), d.count);
        status = d.count == 0 ? STATUS_OK : STATUS_NO;
        output_fini(&d.output);
    }
    json_decref(expected);
    return status;
}
