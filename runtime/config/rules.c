// The rules file is read as the configuration is (runtime/config/document.h): a list of mappings, each a
// version that begins as a copy of the one before.
#include "runtime/config/rules.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "runtime/check.h"
#include "runtime/config/config_value.h"
#include "runtime/config/document.h"
#include "runtime/config/rules_tracked.h"
#include "runtime/memory.h"

enum { WEIGHT_MAX = 1000000, NAMES_MAX = 512, NAMES_BLOCK = 4096, WINDOWS_MAX = 2880 };

// What a version may say. The first four are read each in its own way; a span of 0 would keep nothing or
// refuse everything, and a hundred years keep every sum of times within 64 bits.
#define SPAN(name, field, fallback, flags, least)                                                            \
    {                                                                                                        \
        name, OPTION_DURATION, offsetof(struct rules, field), fallback, flags, least,                        \
            INT64_C(36500) * 86400000, ""                                                                    \
    }
#define COUNT(name, field, fallback, most)                                                                   \
    { name, OPTION_INT, offsetof(struct rules, alerts.field), fallback, 0, 1, most, "" }
#define DECIMAL(name, field, fallback, least, most)                                                          \
    { name, OPTION_DECIMAL, offsetof(struct rules, alerts.field), fallback, 0, least, most, "" }
static const struct option_row rows[] = {
    {.name = "version"},
    {.name = "since"},
    {.name = "weights"},
    {.name = "tracked"},
    SPAN("max_future_skew", max_future_skew_ms, "5m", 0, 0),
    SPAN("max_past", max_past_ms, "90d", OPTION_OFF, 1),
    SPAN("series.retain", series_retain_ms, "48h", 0, 1),
    SPAN("reach.retain", reach_retain_ms, "35d", 0, 1),
    SPAN("window.disorder", window_disorder_ms, "1m", 0, 0),
    SPAN("window.lateness", window_lateness_ms, "10m", 0, 0),
    {"window.heartbeat", OPTION_DURATION, offsetof(struct rules, window_heartbeat_ms), "90s", OPTION_OFF,
     1000, 3600 * 1000, ""},
    SPAN("window.refunds", window_refunds_ms, "180d", 0, 0),
    DECIMAL("alerts.sigmas", sigmas, "5", 1, 1000000),
    DECIMAL("alerts.calm_sigmas", calm_sigmas, "2.5", 1, 1000000),
    COUNT("alerts.calm_windows", calm_windows, "2", WINDOWS_MAX),
    COUNT("alerts.adopt_windows", adopt_windows, "96", WINDOWS_MAX),
    COUNT("alerts.cold_windows", cold_windows, "32", WINDOWS_MAX),
    COUNT("alerts.mean_windows", mean_windows, "16", WINDOWS_MAX),
    DECIMAL("alerts.least_deviation", least_deviation, "3", 1, INT64_C(1000000000000)),
    DECIMAL("alerts.least_share", least_share, "0.1", 0, 1000000),
    COUNT("alerts.least_count", least_count, "20", INT64_C(1000000000000)),
};
#undef DECIMAL
#undef COUNT
#undef SPAN
enum {
    ROW_VERSION,
    ROW_SINCE,
    ROW_WEIGHTS,
    ROW_TRACKED,
    ROW_SPANS,
    ROW_ALERTS = ROW_SPANS + 8,
    ROW_COUNT = sizeof(rows) / sizeof(rows[0])
};

struct book_reading {
    struct rules_book *book;
    const struct rules_kinds *kinds;
    struct document document;
    struct arena arena;
    struct findings findings;
};

// One version being read.
struct version_reading {
    struct book_reading *file;
    struct rules *version;
    bool row_given[ROW_COUNT];
    bool weight_given[RULES_WEIGHTS_MAX];
    struct tracked_lists tracked;
};

#define NOTE(file, at, ...)                                                                                  \
    findings_add(&(file)->findings, STATUS_CONFIG, document_origin(&(file)->document, &(file)->arena, at),   \
                 __VA_ARGS__)

static void note_unknown(struct book_reading *file, struct document_mark at, const char *what,
                         const char *word, const char *const *names, size_t count) {
    const char *nearest = config_nearest(word, names, count);
    NOTE(file, at, "unknown %s %s%s%s%s", what, word, nearest != NULL ? "; did you mean " : "",
         nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
}

// --- Values

static void read_number(struct version_reading *r, const struct document_node *value) {
    int64_t expected = (int64_t)r->file->book->count + 1, number = 0;
    if (!config_parse_int(value->text, &number) || number != expected)
        NOTE(r->file, value->at, "version is \"%.100s\"; versions count 1, 2, 3...: here %" PRId64,
             value->text, expected);
    r->version->version = (uint32_t)expected;
}

static void read_since(struct version_reading *r, const struct document_node *value) {
    int64_t since_ms = 0;
    if (!config_parse_time(value->text, &since_ms)) {
        NOTE(r->file, value->at,
             "since is \"%.100s\"; it takes a time in UTC, as 2026-01-01T00:00:00Z, or milliseconds since "
             "1970",
             value->text);
        return;
    }
    size_t before = r->file->book->count;
    if (before > 0 && since_ms <= r->file->book->versions[before - 1].since_ms)
        NOTE(r->file, value->at, "since %s does not lie after the since of version %zu", value->text, before);
    r->version->since_ms = since_ms;
}

static size_t kind_names(const struct rules_kinds *kinds, const char **names) {
    size_t count = 0;
    while (count < NAMES_MAX && (names[count] = kinds->name_at(count)) != NULL)
        count++;
    return count;
}

static void read_weight(struct version_reading *r, const char *kind, const struct document_entry *entry) {
    uint32_t number = r->file->kinds->parse(kind, strlen(kind));
    if (number == 0 || number >= RULES_WEIGHTS_MAX) {
        const char *names[NAMES_MAX];
        note_unknown(r->file, entry->key_at, "kind", kind, names, kind_names(r->file->kinds, names));
        return;
    }
    if (r->weight_given[number]) {
        NOTE(r->file, entry->key_at, "weights.%s is given twice", kind);
        return;
    }
    r->weight_given[number] = true;
    int64_t weight = 0;
    if (!config_parse_int(entry->value->text, &weight) || weight < -WEIGHT_MAX || weight > WEIGHT_MAX)
        NOTE(r->file, entry->value->at, "weights.%s is \"%.100s\"; it takes a whole number from -%d to %d",
             kind, entry->value->text, WEIGHT_MAX, WEIGHT_MAX);
    else
        r->version->weights[number] = (int32_t)weight;
}

static bool is_name(const char *text) {
    size_t length = strlen(text);
    return length > 0 && length <= RULES_NAME_MAX;
}

static bool are_brands(const struct document_node *value) {
    bool are = value->kind == DOCUMENT_SEQUENCE;
    for (const struct document_entry *entry = value->first; are && entry != NULL; entry = entry->next)
        are = entry->value->kind == DOCUMENT_SCALAR && !entry->value->null && is_name(entry->value->text);
    return are;
}

static void read_tracked(struct version_reading *r, const char *account, const struct document_entry *entry) {
    if (!is_name(account) || !are_brands(entry->value))
        NOTE(r->file, entry->value->at,
             "tracked.%.100s takes a list of brands of 1 to %d bytes, as in [globex, initech]", account,
             RULES_NAME_MAX);
    else if (!tracked_add(&r->tracked, &r->file->book->names, account, entry->value))
        NOTE(r->file, entry->key_at, "tracked.%.100s is given twice", account);
}

static void read_row(struct version_reading *r, size_t row, const struct document_node *value) {
    char why[CONFIG_WHY_MAX];
    if (row == ROW_VERSION)
        read_number(r, value);
    else if (row == ROW_SINCE)
        read_since(r, value);
    else if (row == ROW_WEIGHTS)
        NOTE(r->file, value->at, "weights takes keys, as in {like: 1}, not a value");
    else if (row == ROW_TRACKED)
        NOTE(r->file, value->at, "tracked takes accounts, as in {acme: [globex]}, not a value");
    else if (!config_value_store(r->version, &rows[row], value->text, why))
        NOTE(r->file, value->at, "%s %s", rows[row].name, why);
}

static size_t row_find(const char *name) {
    size_t row = 0;
    while (row < ROW_COUNT && strcmp(rows[row].name, name) != 0)
        row++;
    return row;
}

static void note_unknown_rule(struct version_reading *r, const char *name,
                              const struct document_entry *entry) {
    const char *names[ROW_COUNT];
    for (size_t i = 0; i < ROW_COUNT; i++)
        names[i] = rows[i].name;
    note_unknown(r->file, entry->key_at, "rule", name, names, ROW_COUNT);
}

static bool is_empty_section(const char *name, const struct document_node *value) {
    static const char *const sections[] = {"weights", "tracked", "series", "reach", "window", "alerts"};
    for (size_t i = 0; value->kind == DOCUMENT_MAPPING && i < sizeof(sections) / sizeof(sections[0]); i++) {
        if (strcmp(name, sections[i]) == 0)
            return true;
    }
    return false;
}

static void read_entry(void *context, const char *name, const struct document_entry *entry) {
    struct version_reading *r = context;
    const struct document_node *value = entry->value;
    bool weight = strncmp(name, "weights.", 8) == 0;
    size_t row = row_find(name);
    if (is_empty_section(name, value))
        return;
    if (strncmp(name, "tracked.", 8) == 0)
        read_tracked(r, name + 8, entry);
    else if (!weight && row == ROW_COUNT)
        note_unknown_rule(r, name, entry);
    else if (value->kind != DOCUMENT_SCALAR || value->null)
        NOTE(r->file, value->at, "%s %s", name, value->null ? "has no value (null)" : "takes one value");
    else if (weight)
        read_weight(r, name + 8, entry);
    else if (r->row_given[row])
        NOTE(r->file, entry->key_at, "%s is given twice", name);
    else {
        r->row_given[row] = true;
        read_row(r, row, value);
    }
}

// --- Versions

static void version_default(struct rules *version, const struct rules_kinds *kinds) {
    char why[CONFIG_WHY_MAX];
    *version = (struct rules){.version = 1};
    for (size_t i = ROW_SPANS; i < ROW_COUNT; i++)
        CHECK(config_value_store(version, &rows[i], rows[i].fallback, why));
    memcpy(version->weights, kinds->defaults, sizeof(version->weights));
}

static void book_append(struct rules_book *book, const struct rules *version) {
    book->versions = memory_grow(book->versions, book->count + 1, sizeof(*book->versions));
    book->versions[book->count++] = *version;
}

static void read_version(struct book_reading *file, const struct document_node *node) {
    if (node->kind != DOCUMENT_MAPPING) {
        NOTE(file, node->at, "a version is a mapping: version, since, and what it changes");
        return;
    }
    struct rules version;
    version_default(&version, file->kinds);
    if (file->book->count > 0)
        version = file->book->versions[file->book->count - 1];
    struct version_reading r = {.file = file, .version = &version};
    document_walk(node, &file->arena, read_entry, &r);
    tracked_settle(&r.tracked, &file->book->names, &version);
    if (!r.row_given[ROW_VERSION])
        NOTE(file, node->at, "this version does not say its number (version: %zu)", file->book->count + 1);
    if (!r.row_given[ROW_SINCE])
        NOTE(file, node->at, "this version does not say from which record time on it is in force (since)");
    if (version.alerts.calm_sigmas > version.alerts.sigmas)
        NOTE(file, node->at,
             "alerts.calm_sigmas is greater than alerts.sigmas: an alert would be over at once");
    book_append(file->book, &version);
}

static void read_book(struct book_reading *file, const char *path) {
    document_read(&file->document, &file->arena, path, &file->findings);
    const struct document_node *root = file->document.root;
    if (file->findings.status != STATUS_OK && root == NULL)
        return;
    if (root == NULL || root->kind != DOCUMENT_SEQUENCE || root->first == NULL) {
        findings_add(&file->findings, STATUS_CONFIG, path,
                     "rules are a list of versions, at least one: - version: 1");
        return;
    }
    for (const struct document_entry *entry = root->first; entry != NULL; entry = entry->next)
        read_version(file, entry->value);
}

struct canonical {
    char text[RULES_WEIGHTS_MAX * 24 + 1024];
    size_t length;
};

static void canonical_add(struct canonical *c, const char *name, int64_t value) {
    size_t left = sizeof(c->text) - c->length;
    int length = snprintf(c->text + c->length, left, "%s=%" PRId64 "\n", name, value);
    CHECK(length > 0 && (size_t)length < left);
    c->length += (size_t)length;
}

// Of a rule that the first release did not have.
static void canonical_add_unless(struct canonical *c, const char *name, int64_t value, int64_t fallback) {
    if (value != fallback)
        canonical_add(c, name, value);
}

static int64_t value_of(const struct rules *version, const struct option_row *row) {
    return *(const int64_t *)((const char *)version + row->offset);
}

// What a version decides, however it was written. The `since` of version 1 is no part: it also holds before
// it. Weights left at their default are none either, so that a program that knows a further kind finds the
// same hash, nor is a later rule left at its own; which is why no default, once released, ever changes.
static void hash_version(struct rules *version, const struct rules_kinds *kinds) {
    struct canonical c = {.length = 0};
    struct rules defaults;
    char name[32];
    version_default(&defaults, kinds);
    canonical_add(&c, "max_future_skew_ms", version->max_future_skew_ms);
    canonical_add(&c, "max_past_ms", version->max_past_ms);
    canonical_add(&c, "series_retain_ms", version->series_retain_ms);
    canonical_add(&c, "reach_retain_ms", version->reach_retain_ms);
    canonical_add_unless(&c, "window_disorder_ms", version->window_disorder_ms, defaults.window_disorder_ms);
    canonical_add_unless(&c, "window_lateness_ms", version->window_lateness_ms, defaults.window_lateness_ms);
    canonical_add_unless(&c, "window_heartbeat_ms", version->window_heartbeat_ms,
                         defaults.window_heartbeat_ms);
    canonical_add_unless(&c, "window_refunds_ms", version->window_refunds_ms, defaults.window_refunds_ms);
    for (size_t i = ROW_ALERTS; i < ROW_COUNT; i++)
        canonical_add_unless(&c, rows[i].name, value_of(version, &rows[i]), value_of(&defaults, &rows[i]));
    for (int kind = 0; kind < RULES_WEIGHTS_MAX; kind++) {
        snprintf(name, sizeof(name), "weight.%d", kind);
        canonical_add_unless(&c, name, version->weights[kind], defaults.weights[kind]);
    }
    if (version->tracked_count > 0)
        canonical_add(&c, "tracked", (int64_t)tracked_hash(version));
    if (version->version > 1)
        canonical_add(&c, "since_ms", version->since_ms);
    snprintf(version->hash, sizeof(version->hash), "%016" PRIx64, (uint64_t)XXH3_64bits(c.text, c.length));
}

static void hash_versions(struct rules_book *book, const struct rules_kinds *kinds) {
    for (size_t i = 0; i < book->count; i++)
        hash_version(&book->versions[i], kinds);
    memcpy(book->first_hash, book->versions[0].hash, sizeof(book->first_hash));
}

enum status rules_load(struct rules_book *book, const char *path, const struct rules_kinds *kinds) {
    *book = (struct rules_book){0};
    arena_init(&book->names, NAMES_BLOCK);
    struct book_reading file = {.book = book, .kinds = kinds};
    arena_init(&file.arena, 16384);
    findings_init(&file.findings);
    if (path != NULL && path[0] != '\0') {
        read_book(&file, path);
    } else {
        struct rules version;
        version_default(&version, kinds);
        book_append(book, &version);
    }
    enum status status = file.findings.status;
    if (status == STATUS_OK)
        hash_versions(book, kinds);
    else
        rules_fini(book);
    findings_print(&file.findings);
    findings_fini(&file.findings);
    arena_fini(&file.arena);
    return status;
}

void rules_fini(struct rules_book *book) {
    free(book->versions);
    arena_fini(&book->names);
    *book = (struct rules_book){0};
}

const struct rules *rules_at(const struct rules_book *book, int64_t record_time_ms) {
    size_t i = book->count - 1;
    while (i > 0 && book->versions[i].since_ms > record_time_ms)
        i--;
    return &book->versions[i];
}
