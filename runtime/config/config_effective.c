#include "runtime/config/config_effective.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/config/config_merge.h"
#include "runtime/config/config_value.h"
#include "runtime/hash.h"

enum { VALUE_MAX = 32 };

// The largest unit that leaves no rest.
static const char *with_unit(char out[VALUE_MAX], int64_t value, const int64_t *sizes,
                             const char *const *names) {
    size_t i = 0;
    while (value % sizes[i] != 0)
        i++;
    snprintf(out, VALUE_MAX, "%" PRId64 "%s", value / sizes[i], names[i]);
    return out;
}

static const char *integer_write(char out[VALUE_MAX], const struct option_row *row, int64_t value) {
    static const int64_t milliseconds[] = {86400000, 3600000, 60000, 1000, 1};
    static const char *const times[] = {"d", "h", "m", "s", "ms"};
    static const int64_t bytes[] = {1 << 30, 1 << 20, 1 << 10, 1};
    static const char *const sizes[] = {"GiB", "MiB", "KiB", "B"};
    if ((row->flags & OPTION_OFF) != 0 && value == -1)
        return "off";
    if (value != 0 && row->type == OPTION_DURATION)
        return with_unit(out, value, milliseconds, times);
    if (value != 0 && row->type == OPTION_SIZE)
        return with_unit(out, value, bytes, sizes);
    if (row->type == OPTION_DECIMAL)
        config_decimal_write(out, VALUE_MAX, value);
    else
        snprintf(out, VALUE_MAX, "%" PRId64, value);
    return out;
}

static const char *value_write(char out[VALUE_MAX], const struct slot *slot) {
    const void *field = (const char *)slot->target + slot->row->offset;
    switch (slot->row->type) {
    case OPTION_STRING:
    case OPTION_CHOICE:
        return *(const char *const *)field;
    case OPTION_BOOL:
        return *(const bool *)field ? "true" : "false";
    case OPTION_INT:
    case OPTION_SIZE:
    case OPTION_DURATION:
    case OPTION_DECIMAL:
        break;
    }
    return integer_write(out, slot->row, *(const int64_t *)field);
}

// More than config_merge refuses in a file that others may read, and a password misspelt: what is hidden
// without need does no harm.
static bool looks_secret(const char *name) {
    static const char *const words[] = {"pas", "secret", "key.pem", "oauthbearer.config"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strstr(name, words[i]) != NULL)
            return true;
    }
    return config_merge_is_secret(name);
}

void config_effective(const struct config *c, config_visit visit, void *context) {
    char value[VALUE_MAX], name[512];
    for (size_t i = 0; i < c->slot_count; i++) {
        const struct slot *slot = &c->slots[i];
        struct config_setting setting = {slot->row->name, value_write(value, slot), slot->origin,
                                         slot->row->flags};
        if (!slot->flags_only)
            visit(context, &setting);
    }
    for (size_t i = 0; i < c->pair_count; i++) {
        const struct config_pair *pair = &c->pairs[i];
        snprintf(name, sizeof(name), "kafka.%s", pair->name);
        struct config_setting setting = {name, pair->value, pair->origin,
                                         looks_secret(pair->name) ? OPTION_SECRET : 0};
        visit(context, &setting);
    }
}

// scheme://user:password@host
static bool holds_login(const char *value) {
    const char *host = strstr(value, "://");
    return host != NULL && strchr(host, '@') != NULL;
}

const char *config_setting_shown(const struct config_setting *setting) {
    bool secret = (setting->flags & OPTION_SECRET) != 0 && setting->value[0] != '\0';
    return secret || holds_login(setting->value) ? "***" : setting->value;
}

// ---- Comparing

struct search {
    const struct config_setting *wanted;
    bool found, same;
};

static void search_visit(void *context, const struct config_setting *setting) {
    struct search *s = context;
    if (strcmp(setting->name, s->wanted->name) != 0)
        return;
    s->found = true;
    s->same = strcmp(setting->value, s->wanted->value) == 0;
}

struct comparison {
    const struct config *other;
    bool absent_only; // the second way round: what the first cannot have seen
    void (*differs)(void *context, const char *name, unsigned flags);
    void *context;
};

static void compare_visit(void *context, const struct config_setting *setting) {
    const struct comparison *c = context;
    struct search s = {.wanted = setting};
    config_effective(c->other, search_visit, &s);
    if (c->absent_only ? !s.found : !s.found || !s.same)
        c->differs(c->context, setting->name, setting->flags);
}

void config_compare(const struct config *before, const struct config *after,
                    void (*differs)(void *context, const char *name, unsigned flags), void *context) {
    struct comparison forth = {after, false, differs, context}, back = {before, true, differs, context};
    config_effective(before, compare_visit, &forth);
    config_effective(after, compare_visit, &back);
}

static void hash_visit(void *context, const struct config_setting *setting) {
    uint64_t *hash = context;
    if ((setting->flags & (OPTION_SECRET | OPTION_HOST)) != 0)
        return;
    *hash = hash_bytes(setting->name, strlen(setting->name) + 1, *hash);
    *hash = hash_bytes(setting->value, strlen(setting->value) + 1, *hash);
}

void config_hash(const struct config *config, char out[CONFIG_HASH_SIZE]) {
    uint64_t hash = 0;
    config_effective(config, hash_visit, &hash);
    snprintf(out, CONFIG_HASH_SIZE, "%016" PRIx64, hash);
}
