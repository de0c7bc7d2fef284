#include "runtime/config/config_merge.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"
#include "runtime/config/config_value.h"
#include "runtime/memory.h"

enum { READABLE_BY_OTHERS = 044 };

char *config_text_join(struct arena *arena, const char *a, const char *b) {
    size_t a_length = strlen(a), b_length = strlen(b);
    char *text = arena_take_bytes(arena, a_length + b_length + 1);
    memcpy(text, a, a_length);
    memcpy(text + a_length, b, b_length + 1);
    return text;
}

static char *variable_name(struct arena *arena, const char *name) {
    char *variable = config_text_join(arena, "CLAMEUR_", name);
    for (char *at = variable; *at != '\0'; at++)
        *at = *at == '.' || *at == '-' ? '_' : (char)toupper((unsigned char)*at);
    return variable;
}

bool config_merge_passes(const struct config *c, const char *name) {
    return c->row_count > 0 && strncmp(name, "kafka.", 6) == 0 && name[6] != '\0';
}

// librdkafka's names have both `.` and `_`, and nobody remembers which where.
static bool name_folds_to(const char *a, const char *b) {
    for (; *a != '\0' && *b != '\0'; a++, b++)
        if (*a != *b && !(strchr("._", *a) != NULL && strchr("._", *b) != NULL))
            return false;
    return *a == *b;
}

struct slot *config_merge_find(const struct config *c, const char *name, bool from_flags) {
    for (size_t i = c->slot_count; i-- > 0;)
        if ((from_flags || !c->slots[i].flags_only) && strcmp(c->slots[i].row->name, name) == 0)
            return &c->slots[i];
    return NULL;
}

// What stands in a command's own flag is of the command line; a key is of the configuration wherever it
// stands.
static enum status blame(const struct slot *slot) {
    return slot->flags_only ? STATUS_USAGE : STATUS_CONFIG;
}

// --- What is wrong

static void refuse_unknown_flag(struct config *c, const struct given *g) {
    const char **names = memory_take((c->slot_count + 2) * sizeof(*names));
    for (size_t i = 0; i < c->slot_count; i++)
        names[i] = c->slots[i].row->name;
    names[c->slot_count] = "config";
    names[c->slot_count + 1] = "help";
    const char *nearest = config_nearest(g->name, names, c->slot_count + 2);
    free(names);
    bool is_key = strchr(g->name, '.') != NULL;
    findings_add(&c->findings, is_key ? STATUS_CONFIG : STATUS_USAGE, g->name_origin, "unknown %s%s%s%s",
                 is_key ? "key" : "flag", nearest != NULL ? "; did you mean --" : "",
                 nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
}

void config_merge_refuse_unknown(struct config *c, const struct source *source, const struct given *g) {
    if (source->kind == SOURCE_FLAGS) {
        refuse_unknown_flag(c, g);
        return;
    }
    bool file = source->kind == SOURCE_FILE;
    const char *nearest = config_nearest(g->name, file ? c->row_names : c->variables, c->row_count);
    findings_add(&c->findings, STATUS_CONFIG, g->name_origin, "unknown %s%s%s%s%s",
                 file ? "key " : "variable", file ? g->name : "", nearest != NULL ? "; did you mean " : "",
                 nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
}

static void refuse_twice(struct config *c, enum status blamed, const struct given *g, const char *first) {
    if (strcmp(g->name_origin, first) == 0) // a flag, or a variable: there is no place to name
        findings_add(&c->findings, blamed, g->name_origin, "is given twice: it takes one value");
    else
        findings_add(&c->findings, blamed, g->name_origin, "%s is given twice, first in %s", g->name, first);
}

static bool exposed(const struct source *source, const char *value) {
    return source->kind == SOURCE_FILE && (source->document->mode & READABLE_BY_OTHERS) != 0 &&
           value[0] != '\0';
}

static void refuse_exposed(struct config *c, const struct source *source, const struct given *g) {
    findings_add(
        &c->findings, STATUS_CONFIG, g->origin,
        "%s is a secret in a file that others may read (mode %04o); keep it in a file of its own and give "
        "%s_file, or chmod 600 %s",
        g->name, source->document->mode, g->name, source->document->path);
}

static void refuse_exposed_pair(struct config *c, const struct source *source, const struct given *g) {
    findings_add(&c->findings, STATUS_CONFIG, g->origin,
                 "%s is a secret in a file that others may read (mode %04o); give it as %s, or chmod 600 %s",
                 g->name, source->document->mode, variable_name(&c->arena, g->name), source->document->path);
}

// Anybody on the host may read a command line, and whoever keeps core dumps or the shell's history keeps it.
static void refuse_spoken(struct config *c, const struct given *g) {
    findings_add(&c->findings, STATUS_CONFIG, g->origin,
                 "is a secret, and a command line is read by others; give it as %s, or in a file",
                 variable_name(&c->arena, g->name));
}

// --- Giving a value

static void give_row(struct config *c, const struct source *source, struct slot *slot,
                     const struct given *g) {
    if (slot->source == source->number) {
        refuse_twice(c, blame(slot), g, slot->origin);
        return;
    }
    slot->source = source->number;
    slot->origin = g->origin;
    if ((slot->row->flags & OPTION_SECRET) != 0 && exposed(source, g->value))
        refuse_exposed(c, source, g);
    if ((slot->row->flags & OPTION_SECRET) != 0 && source->kind == SOURCE_FLAGS)
        refuse_spoken(c, g);
    char why[CONFIG_WHY_MAX];
    if (!config_value_store(slot->target, slot->row, g->value, why))
        findings_add(&c->findings, blame(slot), g->origin, "%s %s", g->name, why);
}

// Of librdkafka's own options those that are the secret itself, not the place where it is kept.
bool config_merge_is_secret(const char *name) {
    static const char *const secrets[] = {"sasl.password",
                                          "ssl.key.password",
                                          "ssl.key.pem",
                                          "ssl.keystore.password",
                                          "sasl.oauthbearer.client.secret",
                                          "sasl.oauthbearer.assertion.private.key.pem",
                                          "sasl.oauthbearer.assertion.private.key.passphrase"};
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
        if (name_folds_to(name, secrets[i]))
            return true;
    return false;
}

static bool name_is_secret(const struct config *c, const char *name) {
    const struct slot *slot = config_merge_find(c, name, false);
    if (slot != NULL)
        return (slot->row->flags & OPTION_SECRET) != 0;
    return config_merge_passes(c, name) && config_merge_is_secret(name + strlen("kafka."));
}

const char *config_merge_secret_above(struct config *c, const char *name) {
    char *above = config_text_join(&c->arena, name, "");
    for (char *dot = strrchr(above, '.'); dot != NULL; dot = strrchr(above, '.')) {
        *dot = '\0';
        if (name_is_secret(c, above))
            return above;
    }
    return NULL;
}

static size_t pair_find(const struct config *c, const char *name) {
    size_t i = 0;
    while (i < c->pair_count && !name_folds_to(c->pairs[i].name, name))
        i++;
    return i;
}

static void give_pair(struct config *c, const struct source *source, const struct given *g) {
    const char *name = g->name + strlen("kafka.");
    size_t i = pair_find(c, name);
    if (i < c->pair_count && c->pair_sources[i] == source->number) {
        refuse_twice(c, STATUS_CONFIG, g, c->pairs[i].origin);
        return;
    }
    if (i == c->pair_count) {
        c->pair_count++;
        c->pairs = memory_grow(c->pairs, c->pair_count, sizeof(*c->pairs));
        c->pair_sources = memory_grow(c->pair_sources, c->pair_count, sizeof(*c->pair_sources));
    }
    c->pairs[i] = (struct config_pair){name, g->value, g->origin};
    c->pair_sources[i] = source->number;
    if (config_merge_is_secret(name) && exposed(source, g->value))
        refuse_exposed_pair(c, source, g);
    if (config_merge_is_secret(name) && source->kind == SOURCE_FLAGS)
        refuse_spoken(c, g);
}

// `kafka.bootstrap_servers` is a row misspelt, not an option to pass through beside it.
static bool name_is_misspelt_row(const struct config *c, const char *name) {
    for (size_t i = 0; i < c->row_count; i++)
        if (name_folds_to(c->row_names[i], name))
            return true;
    return false;
}

void config_merge_give(struct config *c, const struct source *source, const struct given *g) {
    struct slot *slot = config_merge_find(c, g->name, source->kind == SOURCE_FLAGS);
    if (slot != NULL)
        give_row(c, source, slot, g);
    else if (config_merge_passes(c, g->name) && !name_is_misspelt_row(c, g->name))
        give_pair(c, source, g);
    else
        config_merge_refuse_unknown(c, source, g);
}

// --- Rows

static void fill_defaults(struct config *c) {
    char why[CONFIG_WHY_MAX];
    for (size_t i = 0; i < c->slot_count; i++) {
        const struct slot *slot = &c->slots[i];
        const char *fallback = slot->row->fallback != NULL ? slot->row->fallback : "";
        bool text = slot->row->type == OPTION_STRING || slot->row->type == OPTION_CHOICE;
        void *field = (char *)slot->target + slot->row->offset;
        if (fallback[0] == '\0' && text)
            *(const char **)field = "";
        else if (fallback[0] == '\0' && slot->row->type == OPTION_BOOL)
            *(bool *)field = false;
        else if (fallback[0] == '\0')
            *(int64_t *)field = 0;
        else
            CHECK(config_value_store(slot->target, slot->row, fallback, why));
    }
}

static bool slot_is_empty(const struct slot *slot) {
    if (slot->source == 0)
        return true;
    bool text = slot->row->type == OPTION_STRING || slot->row->type == OPTION_CHOICE;
    const char *value = text ? *(const char **)((char *)slot->target + slot->row->offset) : "given";
    return value[0] == '\0';
}

// The pair that was probably meant for the row; NULL where none is near.
static const struct config_pair *pair_near(struct config *c, const char *row) {
    for (size_t i = 0; i < c->pair_count; i++) {
        const char *name = config_text_join(&c->arena, "kafka.", c->pairs[i].name);
        if (config_nearest(name, &row, 1) != NULL)
            return &c->pairs[i];
    }
    return NULL;
}

static void require_key(struct config *c, const struct slot *slot) {
    const char *row = slot->row->name;
    const struct config_pair *meant = pair_near(c, row);
    if (meant != NULL)
        findings_add(&c->findings, STATUS_CONFIG, meant->origin, "unknown key kafka.%s; did you mean %s?",
                     meant->name, row);
    else
        findings_add(&c->findings, STATUS_CONFIG, "",
                     "%s is required (%s): set it in a file, as %s: VALUE; or by the variable %s; or by the "
                     "flag --%s=VALUE",
                     row, slot->row->doc, row, slot->variable, row);
}

void config_merge_require(struct config *c) {
    for (size_t i = 0; i < c->slot_count; i++) {
        const struct slot *slot = &c->slots[i];
        if ((slot->row->flags & OPTION_REQUIRED) == 0 || !slot_is_empty(slot))
            continue;
        if (slot->flags_only)
            findings_add(&c->findings, STATUS_USAGE, "", "--%s is required: %s", slot->row->name,
                         slot->row->doc);
        else if (!c->unread)
            require_key(c, slot);
    }
}

static void add_rows(struct config *c, const struct option_row *rows, size_t count, void *target,
                     bool flags_only) {
    for (size_t i = 0; i < count; i++)
        c->slots[c->slot_count++] = (struct slot){
            .row = &rows[i],
            .target = target,
            .flags_only = flags_only,
            .variable = variable_name(&c->arena, rows[i].name),
            .origin = "default",
        };
}

void config_merge_init(struct config *c, const struct option_row *rows, size_t row_count, void *target,
                       const struct option_row *extra, size_t extra_count, void *extra_target) {
    *c = (struct config){.row_count = row_count};
    arena_init(&c->arena, 16384);
    findings_init(&c->findings);
    c->slots = memory_take((row_count + extra_count + 1) * sizeof(*c->slots));
    add_rows(c, rows, row_count, target, false);
    add_rows(c, extra, extra_count, extra_target, true);
    c->row_names = arena_take(&c->arena, (row_count + 1) * sizeof(*c->row_names));
    c->variables = arena_take(&c->arena, (row_count + 1) * sizeof(*c->variables));
    for (size_t i = 0; i < row_count; i++) {
        c->row_names[i] = rows[i].name;
        c->variables[i] = c->slots[i].variable;
    }
    fill_defaults(c);
}

void config_merge_fini(struct config *c) {
    free(c->slots);
    free(c->pairs);
    free(c->pair_sources);
    findings_fini(&c->findings);
    arena_fini(&c->arena);
}
