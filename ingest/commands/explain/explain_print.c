// Explanations as tables for people and for spreadsheets; JSON is what they are anyway.
#include <inttypes.h>

#include "ingest/commands/explain/explain.h"

enum { NUMBER_MAX = 24 };

static const char *text_of(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

static struct slice slice_at(const json_t *object, const char *name) {
    const json_t *json = json_object_get(object, name);
    return (struct slice){json_string_value(json), json_string_length(json)};
}

static int64_t integer_at(const json_t *object, const char *name) {
    return json_integer_value(json_object_get(object, name));
}

// --- For people

static void print_text(const char *label, struct slice text) {
    fputs(label, stdout);
    output_print_text(stdout, text);
}

static void print_head(const json_t *event) {
    char time[OUTPUT_TIME_MAX];
    output_time(time, integer_at(event, "record_time") / 1000);
    print_text("source    ", slice_at(event, "source"));
    if (integer_at(event, "index") >= 0)
        printf("  event %" PRId64 " of the message", integer_at(event, "index"));
    printf("\nrecord    time %s, rules version %" PRId64 "\n", time, integer_at(event, "rules_version"));
    if (json_object_get(event, "kind") != NULL) {
        print_text("event     ", slice_at(event, "event"));
        printf("  %s on %s", text_of(event, "kind"), text_of(event, "platform"));
        print_text(" of account ", slice_at(event, "account"));
        if (slice_at(event, "content").at != NULL)
            print_text(", content ", slice_at(event, "content"));
        putchar('\n');
    }
    printf("outcome   %s", text_of(event, "outcome"));
    if (text_of(event, "reason")[0] != '\0')
        printf(": %s: %s", text_of(event, "reason"), text_of(event, "rule"));
    if (slice_at(event, "first").at != NULL)
        print_text("; the first is ", slice_at(event, "first"));
    printf("\n");
}

static struct output_cell number_cell(char text[NUMBER_MAX], const json_t *json) {
    if (!json_is_integer(json))
        return (struct output_cell){{NULL, 0}, {NULL, 0}};
    snprintf(text, NUMBER_MAX, "%" PRId64, (int64_t)json_integer_value(json));
    return output_text(slice_of(text));
}

// The cells of an effect alone; NULL: an event that has none.
enum { EFFECT_CELLS = 6 };
static void effect_cells(struct output_cell cells[EFFECT_CELLS], const json_t *effect,
                         char numbers[2][NUMBER_MAX], char time[OUTPUT_TIME_MAX]) {
    const json_t *delta = json_object_get(effect, "delta"), *expires = json_object_get(effect, "expires");
    cells[0] = output_text(slice_at(effect, "op"));
    cells[1] = output_text(slice_at(effect, "key"));
    cells[2] = output_text(slice_at(effect, "field"));
    cells[3] = number_cell(numbers[0], delta != NULL ? delta : json_object_get(effect, "value"));
    cells[4] = number_cell(numbers[1], expires);
    if (expires != NULL) {
        cells[4].shown = output_time(time, json_integer_value(expires));
    }
    cells[5] = output_text(slice_at(effect, "if"));
}

static void print_effects(const json_t *effects) {
    static const struct output_column columns[EFFECT_CELLS] = {
        {"op", false}, {"key", false}, {"field", false}, {"value", true}, {"expires", true}, {"if", false}};
    struct output o;
    size_t i;
    const json_t *effect;
    output_init(&o, OUTPUT_TABLE, columns, EFFECT_CELLS);
    json_array_foreach(effects, i, effect) {
        char numbers[2][NUMBER_MAX], time[OUTPUT_TIME_MAX];
        struct output_cell cells[EFFECT_CELLS];
        effect_cells(cells, effect, numbers, time);
        output_row(&o, cells);
    }
    if (json_array_size(effects) > 0)
        output_print(&o, stdout);
    output_fini(&o);
}

static void print_table(const json_t *told) {
    size_t i;
    const json_t *event;
    json_array_foreach(told, i, event) {
        if (i > 0)
            putchar('\n');
        print_head(event);
        fflush(stdout);
        print_effects(json_object_get(event, "effects"));
    }
}

// --- For programs

static void print_json(const json_t *told, bool lines) {
    size_t i;
    const json_t *event;
    json_array_foreach(told, i, event) {
        fputs(lines ? "" : i == 0 ? "[\n" : ",\n", stdout);
        json_dumpf(event, stdout, JSON_COMPACT);
        fputs(lines ? "\n" : "", stdout);
    }
    if (!lines)
        fputs(json_array_size(told) == 0 ? "[]\n" : "\n]\n", stdout);
}

enum { HEAD_CELLS = 4 };

static void separated_row(struct output *o, const json_t *event, const json_t *effect) {
    char numbers[2][NUMBER_MAX], time[OUTPUT_TIME_MAX];
    struct output_cell cells[HEAD_CELLS + EFFECT_CELLS] = {
        output_text(slice_at(event, "source")), output_text(slice_at(event, "event")),
        output_text(slice_at(event, "outcome")), output_text(slice_at(event, "reason"))};
    effect_cells(cells + HEAD_CELLS, effect, numbers, time);
    output_row(o, cells);
}

static void print_separated(const json_t *told, enum output_format format) {
    static const struct output_column columns[HEAD_CELLS + EFFECT_CELLS] = {
        {"source", false}, {"event", false}, {"outcome", false}, {"reason", false}, {"op", false},
        {"key", false},    {"field", false}, {"value", true},    {"expires", true}, {"if", false}};
    struct output o;
    size_t i, k;
    const json_t *event, *effect;
    output_init(&o, format, columns, HEAD_CELLS + EFFECT_CELLS);
    json_array_foreach(told, i, event) {
        const json_t *effects = json_object_get(event, "effects");
        json_array_foreach(effects, k, effect) separated_row(&o, event, effect);
        if (json_array_size(effects) == 0)
            separated_row(&o, event, NULL);
    }
    output_print(&o, stdout);
    output_fini(&o);
}

void explain_print(const struct explain *x) {
    switch (x->r.format) {
    case OUTPUT_TABLE:
        print_table(x->told);
        break;
    case OUTPUT_JSON:
    case OUTPUT_JSONL:
        print_json(x->told, x->r.format == OUTPUT_JSONL);
        break;
    case OUTPUT_CSV:
    case OUTPUT_TSV:
        print_separated(x->told, x->r.format);
        break;
    }
    fflush(stdout);
}
