#include "aggregate/commands/export/choice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/commands/store_reader.h"
#include "runtime/memory.h"

// Each word of a list, until one is refused.
typedef enum status (*word_visit)(struct export_choice *choice, const char *word);
static enum status words_each(struct export_choice *choice, const char *list, word_visit visit) {
    char *copy = memory_text(list), *rest = copy;
    enum status status = STATUS_OK;
    for (char *word = strsep(&rest, ","); word != NULL && status == STATUS_OK; word = strsep(&rest, ","))
        status = visit(choice, word);
    free(copy);
    return status;
}

static enum status by_take(struct export_choice *choice, const char *word) {
    enum by by;
    enum status status = store_reader_by(word, &by);
    if (status != STATUS_OK)
        return status;
    if (by_row(by)->every != EVERY_PERIOD) {
        fprintf(stderr, "--by %s: an export tells times by --every %s\n", word, word);
        return STATUS_USAGE;
    }
    choice->by[by] = true;
    return STATUS_OK;
}

static enum status kpi_check(struct export_choice *choice, const char *word) {
    return store_reader_kpi(word[0] != '\0' ? word : ",");
}

enum status export_choice_read(struct export_choice *choice, const char *by, const char *kpis) {
    *choice = (struct export_choice){.kpis = kpis};
    for (int i = 0; i < BY_COUNT; i++)
        choice->by[i] = by[0] == '\0' && by_row((enum by)i)->every == EVERY_PERIOD;
    enum status status = by[0] != '\0' ? words_each(choice, by, by_take) : STATUS_OK;
    return status == STATUS_OK && kpis[0] != '\0' ? words_each(choice, kpis, kpi_check) : status;
}

bool export_choice_has(const struct export_choice *choice, const char *kpi) {
    size_t length = strlen(kpi);
    if (choice->kpis[0] == '\0')
        return true;
    for (const char *at = choice->kpis; at != NULL; at = strchr(at, ',')) {
        at += at[0] == ',';
        if (strncmp(at, kpi, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}

bool export_choice_counts(const struct export_choice *choice, enum table table) {
    bool counts = false;
    if (choice->kpis[0] != '\0')
        return false;
    for (int i = 0; i < BY_COUNT; i++)
        counts = counts ||
                 (choice->by[i] && by_row((enum by)i)->table == (table == TABLE_LATE ? TABLE_TOTALS : table));
    return counts;
}
