#include "ingest/commands/tap/tap_where.h"

#include <ctype.h>
#include <string.h>

#include "runtime/config/config.h"
#include "schemas/registry.h"

enum { NAMES_MAX = 256 };

// The length of the name that `text` begins with, if `=` follows it; else 0.
static size_t name_length(const char *text) {
    size_t length = 0;
    while (isalnum((unsigned char)text[length]) || text[length] == '_' || text[length] == '.')
        length++;
    return text[length] == '=' ? length : 0;
}

static size_t value_length(const char *text) {
    size_t length = 0;
    while (text[length] != '\0' && (text[length] != ',' || name_length(text + length + 1) == 0))
        length++;
    return length;
}

// What may stand before `=`: columns first, then the figures that a measure is shown under.
static size_t names_list(const struct tap_where *w, const char *names[NAMES_MAX]) {
    size_t count = 0;
    for (int i = 0; i < w->column_count; i++)
        names[count++] = w->columns[i].name;
    for (int i = 0; i < COUNTER_COUNT && count < NAMES_MAX; i++) {
        if (counter_row((enum counter)i)->name[0] != '\0')
            names[count++] = counter_row((enum counter)i)->name;
    }
    return count;
}

static enum status say_unknown(struct slice name, const char *const *names, size_t count) {
    char word[64];
    snprintf(word, sizeof(word), "%.*s", (int)name.length, name.at);
    const char *nearest = config_nearest(word, names, count);
    fprintf(stderr, "--where: there is no \"%s\" in a row%s%s%s\n", word,
            nearest != NULL ? "; did you mean \"" : "; see its columns with -o json",
            nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
    return STATUS_USAGE;
}

// A reading's figure is shown as NAME.read.
static bool is_called(struct slice name, const char *known, bool is_measure) {
    static const char read[] = ".read";
    size_t length = strlen(known), suffix = sizeof(read) - 1;
    if (slice_equal(name, slice_of(known)))
        return true;
    return is_measure && name.length == length + suffix && memcmp(name.at, known, length) == 0 &&
           memcmp(name.at + length, read, suffix) == 0;
}

static enum status add(struct tap_where *w, struct slice name, struct slice value) {
    const char *names[NAMES_MAX];
    size_t count = names_list(w, names);
    for (size_t i = 0; i < count; i++) {
        bool is_measure = i >= (size_t)w->column_count;
        if (!is_called(name, names[i], is_measure))
            continue;
        w->conditions[w->count++] = (struct tap_condition){is_measure ? TAP_MEASURE : (int)i, name, value};
        return STATUS_OK;
    }
    return say_unknown(name, names, count);
}

enum status tap_where_parse(struct tap_where *w, const char *text, const struct output_column *columns,
                            int column_count, int measures) {
    *w = (struct tap_where){.columns = columns, .column_count = column_count, .measures = measures};
    while (*text != '\0') {
        size_t length = name_length(text);
        if (length == 0 || w->count == TAP_CONDITIONS_MAX) {
            fprintf(stderr, "--where: write COLUMN=VALUE, at most %d with commas between\n",
                    TAP_CONDITIONS_MAX);
            return STATUS_USAGE;
        }
        struct slice name = {text, length};
        text += length + 1;
        struct slice value = {text, value_length(text)};
        text += value.length;
        text += *text == ',';
        enum status status = add(w, name, value);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

// "name=value" is one of the words.
static bool has_word(struct slice words, const struct tap_condition *c) {
    const size_t length = c->name.length + 1 + c->value.length; // as they stand in the option, `=` between
    for (size_t at = 0; at + length <= words.length; at++) {
        bool begins = at == 0 || words.at[at - 1] == ' ';
        bool ends = at + length == words.length || words.at[at + length] == ' ';
        if (begins && ends && memcmp(words.at + at, c->name.at, length) == 0)
            return true;
    }
    return false;
}

bool tap_where_holds(const struct tap_where *w, const struct output_cell *cells) {
    for (size_t i = 0; i < w->count; i++) {
        const struct tap_condition *c = &w->conditions[i];
        bool holds = c->column == TAP_MEASURE ? has_word(cells[w->measures].text, c)
                                              : slice_equal(cells[c->column].text, c->value);
        if (!holds)
            return false;
    }
    return true;
}
