// config show|schema|reference: the configuration as it is in force, as an editor checks it, and as a table.
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "ingest/commands/commands.h"
#include "runtime/config/config_effective.h"
#include "runtime/memory.h"
#include "runtime/output.h"
#include "schemas/settings.h"

static const char usage[] =
    "clameur-ingest config show [--origin] [-c FILE]... [-o FORMAT]   what is in force, secrets as ***\n"
    "       clameur-ingest config schema                               JSON Schema of the file, for editors\n"
    "       clameur-ingest config reference [-o FORMAT]                every option, its default and meaning";

struct config_flags_own {
    bool origin;
    const char *output;
};

static const struct option_row flag_rows[] = {
    {"origin", OPTION_BOOL, offsetof(struct config_flags_own, origin), "false", 0, 0, 0,
     "where each value stands: default, FILE:LINE:COLUMN, CLAMEUR_..., --flag"},
    {"output", OPTION_STRING, offsetof(struct config_flags_own, output), "", 0, 0, 0,
     "table|json|jsonl|csv|tsv; by itself a table on a terminal, JSON lines elsewhere"},
};
enum { FLAG_ROWS = sizeof(flag_rows) / sizeof(flag_rows[0]) };

// ---- show

static void show_visit(void *context, const struct config_setting *setting) {
    output_row(context, (struct output_cell[]){output_text(slice_of(setting->name)),
                                               output_text(slice_of(config_setting_shown(setting))),
                                               output_text(slice_of(setting->origin))});
}

static enum status show(const struct config *config, enum output_format format, bool origin) {
    static const struct output_column columns[] = {{"option", false}, {"value", false}, {"origin", false}};
    struct output o;
    output_init(&o, format, columns, origin ? 3 : 2);
    config_effective(config, show_visit, &o);
    output_print(&o, stdout);
    output_fini(&o);
    return STATUS_OK;
}

// ---- reference

static const char *type_name(enum option_type type) {
    static const char *const names[] = {
        [OPTION_STRING] = "string",  [OPTION_CHOICE] = "choice", [OPTION_BOOL] = "bool",
        [OPTION_INT] = "int",        [OPTION_SIZE] = "size",     [OPTION_DURATION] = "duration",
        [OPTION_DECIMAL] = "decimal"};
    return names[type];
}

static enum status reference(enum output_format format) {
    static const struct output_column columns[] = {
        {"option", false}, {"type", false}, {"default", false}, {"reload", false}, {"doc", false}};
    struct output o;
    output_init(&o, format, columns, 5);
    for (size_t i = 0; i < settings_option_count; i++) {
        const struct option_row *row = &settings_options[i];
        const char *fallback = (row->flags & OPTION_REQUIRED) != 0 ? "(required)" : row->fallback;
        const char *reload = (row->flags & OPTION_RELOAD) != 0 ? "SIGHUP" : "";
        output_row(&o, (struct output_cell[]){output_text(slice_of(row->name)),
                                              output_text(slice_of(type_name(row->type))),
                                              output_text(slice_of(fallback)), output_text(slice_of(reload)),
                                              output_text(slice_of(row->doc))});
    }
    output_print(&o, stdout);
    output_fini(&o);
    return STATUS_OK;
}

// ---- schema

// The names between the brackets that a choice's doc begins with.
static json_t *choices(const char *doc) {
    json_t *names = json_array();
    for (const char *at = doc + 1; at[-1] != ']' && *at != '\0';) {
        size_t length = strcspn(at, "|]");
        json_array_append_new(names, json_stringn(at, length));
        at += length + 1;
    }
    return names;
}

static json_t *integer_schema(const struct option_row *row) {
    json_t *schema = json_pack("{s:s}", "type", "integer");
    if (row->min != 0 || row->max != 0) {
        json_object_set_new(schema, "minimum", json_integer(row->min));
        json_object_set_new(schema, "maximum", json_integer(row->max));
    }
    return schema;
}

// A number with its unit; 0 needs none.
static json_t *pattern_schema(const struct option_row *row, const char *units) {
    char pattern[80];
    snprintf(pattern, sizeof(pattern), "^(0|[0-9]+(%s)%s)$", units,
             (row->flags & OPTION_OFF) != 0 ? "|off" : "");
    return json_pack("{s:[{s:s, s:s}, {s:i}]}", "anyOf", "type", "string", "pattern", pattern, "const", 0);
}

static json_t *option_schema(const struct option_row *row) {
    json_t *schema = NULL;
    switch (row->type) {
    case OPTION_STRING:
        schema = json_pack("{s:[s,s]}", "type", "string", "number");
        break;
    case OPTION_CHOICE:
        schema = json_pack("{s:o}", "enum", choices(row->doc));
        break;
    case OPTION_BOOL:
        schema = json_pack("{s:s}", "type", "boolean");
        break;
    case OPTION_INT:
        schema = integer_schema(row);
        break;
    case OPTION_SIZE:
        schema = pattern_schema(row, "B|KiB|MiB|GiB|KB|MB|GB");
        break;
    case OPTION_DURATION:
        schema = pattern_schema(row, "ms|s|m|h|d");
        break;
    case OPTION_DECIMAL:
        schema = json_pack("{s:s}", "type", "number");
        break;
    }
    json_object_set_new(schema, "description", json_string(row->doc));
    if (row->fallback[0] != '\0' && row->type == OPTION_INT)
        json_object_set_new(schema, "default", json_integer(strtoll(row->fallback, NULL, 10)));
    else if (row->fallback[0] != '\0')
        json_object_set_new(schema, "default", json_string(row->fallback));
    if ((row->flags & OPTION_SECRET) != 0)
        json_object_set_new(schema, "writeOnly", json_true());
    return schema;
}

// The section of a nested file that the option lies in; made where it is not there yet.
static json_t *section_of(json_t *properties, const char *name, size_t length) {
    char section[32];
    snprintf(section, sizeof(section), "%.*s", (int)length, name);
    json_t *known = json_object_get(properties, section);
    if (known == NULL) {
        known = json_pack("{s:s, s:{}, s:b}", "type", "object", "properties", "additionalProperties",
                          strcmp(section, "kafka") == 0);
        json_object_set_new(properties, section, known);
    }
    return json_object_get(known, "properties");
}

// Both ways of writing a key are understood: redis.flush_min, and flush_min under redis.
static enum status schema_print(void) {
    json_t *properties = json_object();
    for (size_t i = 0; i < settings_option_count; i++) {
        const struct option_row *row = &settings_options[i];
        size_t length = strcspn(row->name, ".");
        json_object_set_new(properties, row->name, option_schema(row));
        json_object_set_new(section_of(properties, row->name, length), row->name + length + 1,
                            option_schema(row));
    }
    json_t *root = json_pack(
        "{s:s, s:s, s:s, s:o, s:{s:{s:s}}, s:b}", "$schema", "https://json-schema.org/draft/2020-12/schema",
        "title", "Clameur's configuration", "type", "object", "properties", properties, "patternProperties",
        "^kafka\\.", "description", "a property of librdkafka, passed through", "additionalProperties", 0);
    json_dumpf(root, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(root);
    return STATUS_OK;
}

// ---- The command

static enum status answer(const struct config *config, const struct config_request *request,
                          const struct config_flags_own *flags) {
    enum output_format format;
    const char *what = request->argument_count == 1 ? request->arguments[0] : "";
    if (!output_format_parse(&format, flags->output, isatty(STDOUT_FILENO) == 1))
        what = "";
    if (strcmp(what, "show") == 0)
        return show(config, format, flags->origin);
    if (strcmp(what, "schema") == 0)
        return schema_print();
    if (strcmp(what, "reference") == 0)
        return reference(format);
    fprintf(stderr, "usage: %s\n", usage);
    return STATUS_USAGE;
}

// What is required is only so for a program that works with it.
static enum status load_and_answer(struct config **config, int argc, char **argv,
                                   struct option_row *relaxed) {
    static struct settings settings;
    struct config_flags_own flags = {0};
    struct config_request request;
    for (size_t i = 0; i < settings_option_count; i++) {
        relaxed[i] = settings_options[i];
        relaxed[i].flags &= ~(unsigned)OPTION_REQUIRED;
    }
    enum status status = config_load(config, argc, argv, 1, relaxed, settings_option_count, &settings,
                                     flag_rows, FLAG_ROWS, &flags, &request);
    if (status != STATUS_OK)
        return status;
    if (request.help) {
        printf("usage: %s\n\n", usage);
        config_print_options(stdout, flag_rows, FLAG_ROWS);
        return STATUS_OK;
    }
    return answer(*config, &request, &flags);
}

int command_config(int argc, char **argv) {
    struct option_row *relaxed = memory_take(settings_option_count * sizeof(*relaxed));
    struct config *config = NULL;
    enum status status = load_and_answer(&config, argc, argv, relaxed);
    config_destroy(&config);
    free(relaxed);
    return (int)status;
}
