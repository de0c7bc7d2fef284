// The sources, in the order of precedence: the command line is taken apart first (it names the files), and
// given last. What is wrong becomes a finding; all are printed together, and the lowest status among them is
// the answer.
#include "runtime/config/config.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/config/config_merge.h"
#include "runtime/memory.h"

// --- Files

struct file_reading {
    struct config *config;
    struct source source;
};

static bool name_is_section(const struct config *c, const char *name) {
    size_t length = strlen(name);
    for (size_t i = 0; i < c->row_count; i++)
        if (strncmp(c->row_names[i], name, length) == 0 && c->row_names[i][length] == '.')
            return true;
    return false;
}

// A name whose value is no text: nothing (null), a list, or a mapping without keys.
static void refuse_no_text(struct config *c, const struct source *source, const struct given *g,
                           const struct document_node *value) {
    bool section = name_is_section(c, g->name);
    if (section && value->kind == DOCUMENT_MAPPING)
        return;
    if (!section && config_merge_find(c, g->name, false) == NULL && !config_merge_passes(c, g->name))
        config_merge_refuse_unknown(c, source, g);
    else if (value->kind == DOCUMENT_SCALAR)
        findings_add(&c->findings, STATUS_CONFIG, g->origin, "%s has no value (null); %s", g->name,
                     section ? "give it keys or leave it out"
                             : "leave it out, or write \"\" for an empty text");
    else
        findings_add(&c->findings, STATUS_CONFIG, g->origin, "%s takes %s, not a %s", g->name,
                     section ? "keys" : "one value", value->kind == DOCUMENT_MAPPING ? "mapping" : "list");
}

static void give_entry(void *context, const char *name, const struct document_entry *entry) {
    struct file_reading *reading = context;
    struct config *c = reading->config;
    const struct document_node *value = entry->value;
    struct given g = {
        .name = name,
        .value = value->text,
        .origin = document_origin(reading->source.document, &c->arena, value->at),
        .name_origin = document_origin(reading->source.document, &c->arena, entry->key_at),
    };
    const char *secret = config_merge_secret_above(c, name);
    if (secret != NULL) // {...} that was meant for a text: what it would be a key of is not repeated
        findings_add(&c->findings, STATUS_CONFIG, g.origin,
                     "%s takes one value, not a mapping; a text that begins with { needs quotes", secret);
    else if (value->kind != DOCUMENT_SCALAR || value->null)
        refuse_no_text(c, &reading->source, &g, value);
    else if (name_is_section(c, name) && config_merge_find(c, name, false) == NULL)
        findings_add(&c->findings, STATUS_CONFIG, g.origin, "%s is a section: it takes keys, not a value",
                     name);
    else
        config_merge_give(c, &reading->source, &g);
}

static void read_file(struct config *c, const char *path) {
    struct document document;
    struct file_reading reading = {c, {SOURCE_FILE, ++c->sources, &document}};
    size_t found = c->findings.count;
    document_read(&document, &c->arena, path, &c->findings);
    if (document.root == NULL) {
        c->unread = c->unread || c->findings.count > found;
        return;
    }
    if (document.root->kind != DOCUMENT_MAPPING) {
        findings_add(&c->findings, STATUS_CONFIG, document_origin(&document, &c->arena, document.root->at),
                     "a configuration is a mapping: NAME: VALUE");
        return;
    }
    document_walk(document.root, &c->arena, give_entry, &reading);
}

static int is_yaml(const struct dirent *entry) {
    const char *dot = strrchr(entry->d_name, '.');
    return entry->d_name[0] != '.' && dot != NULL && strcmp(dot, ".yaml") == 0;
}

// By bytes, so that the order is the same in every locale.
static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void read_directory(struct config *c, const char *path) {
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, is_yaml, by_name);
    c->unread = c->unread || count <= 0;
    if (count <= 0)
        findings_add(&c->findings, STATUS_NO_INPUT, path, "%s",
                     count == 0 ? "this directory holds no *.yaml" : strerror(errno));
    for (int i = 0; i < count; i++) {
        const char *directory = config_text_join(&c->arena, path, "/");
        read_file(c, config_text_join(&c->arena, directory, entries[i]->d_name));
        free(entries[i]);
    }
    free(entries);
}

static void read_path(struct config *c, const char *path) {
    struct stat facts;
    if (stat(path, &facts) == 0 && S_ISDIR(facts.st_mode))
        read_directory(c, path);
    else
        read_file(c, path);
}

// --- Environment and flags

// kafka.sasl.mechanism of CLAMEUR_KAFKA_SASL_MECHANISM.
static const char *pair_name(struct arena *arena, const char *variable) {
    char *name = config_text_join(arena, variable + strlen("CLAMEUR_"), "");
    for (char *at = name; *at != '\0'; at++)
        *at = *at == '_' ? '.' : (char)tolower((unsigned char)*at);
    return name;
}

static void read_variable(struct config *c, const struct source *source, const char *assignment) {
    const char *equals = strchr(assignment, '=');
    if (equals == NULL || strncmp(assignment, "CLAMEUR_", 8) != 0)
        return;
    char *variable = config_text_join(&c->arena, assignment, "");
    variable[equals - assignment] = '\0';
    struct given g = {.name = variable,
                      .value = variable + (equals - assignment) + 1,
                      .origin = variable,
                      .name_origin = variable};
    for (size_t i = 0; i < c->row_count; i++)
        if (strcmp(c->variables[i], variable) == 0) {
            g.name = c->row_names[i];
            config_merge_give(c, source, &g);
            return;
        }
    if (strncmp(variable, "CLAMEUR_KAFKA_", 14) == 0 && variable[14] != '\0')
        g.name = pair_name(&c->arena, variable);
    config_merge_give(c, source, &g);
}

// A command without rows of its own has nothing to look for, and other programs' variables are not its
// concern.
static void read_environment(struct config *c) {
    struct source source = {SOURCE_ENVIRONMENT, ++c->sources, NULL};
    for (char **at = environ; c->row_count > 0 && at != NULL && *at != NULL; at++)
        read_variable(c, &source, *at);
}

static void read_flags(struct config *c) {
    struct source source = {SOURCE_FLAGS, ++c->sources, NULL};
    for (size_t i = 0; i < c->flags.flag_count; i++) {
        const struct config_flag *flag = &c->flags.flags[i];
        const char *origin = config_text_join(&c->arena, "--", flag->name);
        struct given g = {flag->name, flag->value, origin, origin};
        if (flag->value != NULL)
            config_merge_give(c, &source, &g);
        else if (config_merge_find(c, flag->name, true) != NULL || config_merge_passes(c, flag->name))
            findings_add(&c->findings, STATUS_USAGE, origin, "needs a value");
        else
            config_merge_refuse_unknown(c, &source, &g);
    }
}

static bool name_is_switch(const void *context, const char *name) {
    const struct slot *slot = config_merge_find(context, name, true);
    return slot != NULL && slot->row->type == OPTION_BOOL;
}

// --- The whole

static void read_sources(struct config *c) {
    for (size_t i = 0; i < c->flags.file_count; i++)
        read_path(c, c->flags.files[i]);
    read_environment(c);
    read_flags(c);
    config_merge_require(c);
}

enum status config_load(struct config **config, int argc, char **argv, int first,
                        const struct option_row *rows, size_t row_count, void *target,
                        const struct option_row *extra, size_t extra_count, void *extra_target,
                        struct config_request *request) {
    struct config *c = memory_take(sizeof(*c));
    config_merge_init(c, rows, row_count, target, extra, extra_count, extra_target);
    config_flags_read(&c->flags, &c->arena, argc, argv, first, name_is_switch, c, &c->findings);
    *request = (struct config_request){c->flags.help, (int)c->flags.argument_count, c->flags.arguments};
    *config = c;
    // Who asks for help gets it, whatever else is wrong.
    if (request->help)
        return STATUS_OK;
    read_sources(c);
    findings_print(&c->findings);
    enum status status = c->findings.status;
    if (status != STATUS_OK) {
        config_destroy(config);
        *request = (struct config_request){0};
    }
    return status;
}

void config_destroy(struct config **config) {
    struct config *c = *config;
    *config = NULL;
    if (c == NULL)
        return;
    config_merge_fini(c);
    free(c);
}

size_t config_passthrough(const struct config *config, const struct config_pair **pairs) {
    *pairs = config->pairs;
    return config->pair_count;
}

const char *config_origin(const struct config *config, const char *name) {
    const struct slot *slot = config_merge_find(config, name, true);
    return slot == NULL ? NULL : slot->origin;
}

static const char *default_shown(const struct option_row *row) {
    if ((row->flags & OPTION_REQUIRED) != 0)
        return "(required)";
    return row->fallback == NULL || row->fallback[0] == '\0' ? "-" : row->fallback;
}

void config_print_options(FILE *out, const struct option_row *rows, size_t row_count) {
    size_t names = 0, defaults = 0;
    for (size_t i = 0; i < row_count; i++) {
        size_t name = strlen(rows[i].name), fallback = strlen(default_shown(&rows[i]));
        names = name > names ? name : names;
        defaults = fallback > defaults ? fallback : defaults;
    }
    for (size_t i = 0; i < row_count; i++)
        fprintf(out, "  --%-*s  %-*s  %s%s\n", (int)names, rows[i].name, (int)defaults,
                default_shown(&rows[i]), rows[i].doc,
                (rows[i].flags & OPTION_RELOAD) != 0 ? " (SIGHUP reloads it)" : "");
}
