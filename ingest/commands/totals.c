#include "ingest/commands/totals.h"

#include <inttypes.h>
#include <stdlib.h>

#include "runtime/clock.h"
#include "runtime/memory.h"
#include "schemas/registry.h"
#include "schemas/weighable.h"

enum { NUMBER_TEXT_MAX = 24, TOTAL_COLUMNS = 5 };

enum status totals_init(struct totals *t, const struct settings *settings) {
    struct rules_kinds kinds;
    schemas_rules_kinds(&kinds);
    *t = (struct totals){0};
    arena_init(&t->arena, 4096);
    enum status status = rules_load(&t->book, settings->rules_file, &kinds);
    if (status == STATUS_OK)
        t->rules = rules_at(&t->book, clock_wall_ms());
    return status;
}

void totals_fini(struct totals *t) {
    free(t->rows);
    arena_fini(&t->arena);
    rules_fini(&t->book);
}

// value x weight of the kind that the field counts; a sum that would leave 64 bits stays where it is.
static void weigh(struct total *total, const struct rules *rules, struct slice field, int64_t value) {
    for (uint32_t kind = 1; kind < RULES_WEIGHTS_MAX; kind++) {
        const struct kind_row *row = kind_find(kind);
        if (row == NULL || row->counter == COUNTER_NONE || rules->weights[kind] == 0 ||
            !slice_equal(field, slice_of(counter_row(row->counter)->name)))
            continue;
        int64_t sum;
        if (!__builtin_mul_overflow(value, (int64_t)rules->weights[kind], &sum) &&
            !__builtin_add_overflow(total->interactions, sum, &sum))
            total->interactions = sum;
    }
}

static struct total *row_take(struct totals *t, struct slice name) {
    if (t->count == t->room) {
        t->room = t->room == 0 ? 64 : 2 * t->room;
        t->rows = memory_grow(t->rows, t->room, sizeof(*t->rows));
    }
    char *copy = arena_take_bytes(&t->arena, name.length + 1);
    memcpy(copy, name.at, name.length);
    struct total *total = &t->rows[t->count++];
    *total = (struct total){.name = {copy, name.length}};
    return total;
}

static void counters_add(struct total *total, const struct rules *rules, const redisReply *flat) {
    for (size_t i = 0; i + 1 < flat->elements; i += 2) {
        struct slice field = redis_ask_text(flat->element[i]), text = redis_ask_text(flat->element[i + 1]);
        int64_t value = strtoll(text.at, NULL, 10);
        if (slice_equal(field, slice_of("views")))
            total->views += value;
        if (slice_equal(field, slice_of("orders")))
            total->orders += value;
        weigh(total, rules, field, value);
    }
}

void totals_take(struct totals *t, struct slice name, const redisReply *flat) {
    if (flat->type == REDIS_REPLY_ARRAY && flat->elements > 0)
        counters_add(row_take(t, name), t->rules, flat);
}

void totals_add(struct totals *t, struct slice name, const redisReply *flat) {
    for (size_t i = 0; i < t->count; i++) {
        if (slice_equal(t->rows[i].name, name)) {
            counters_add(&t->rows[i], t->rules, flat);
            return;
        }
    }
    totals_take(t, name, flat);
}

// The most first; equal ones by name, so that the order is always the same.
static int total_compare(const void *left, const void *right) {
    const struct total *a = left, *b = right;
    if (a->interactions != b->interactions)
        return a->interactions < b->interactions ? 1 : -1;
    return slice_compare(a->name, b->name);
}

static void row_add(struct output *o, const struct total *total, size_t rank) {
    char text[TOTAL_COLUMNS][NUMBER_TEXT_MAX];
    struct output_cell cells[TOTAL_COLUMNS];
    const int64_t numbers[TOTAL_COLUMNS] = {(int64_t)rank, 0, total->interactions, total->views,
                                            total->orders};
    for (size_t i = 0; i < TOTAL_COLUMNS; i++) {
        snprintf(text[i], sizeof(text[i]), "%" PRId64, numbers[i]);
        cells[i] = output_text(slice_of(text[i]));
    }
    cells[1] = output_text(total->name);
    output_row(o, cells);
}

void totals_print(struct totals *t, const struct reader *r, const struct output_column *name_column) {
    const struct output_column columns[TOTAL_COLUMNS] = {
        {"rank", true}, *name_column, {"weighted_interactions", true}, {"views", true}, {"orders", true}};
    struct output o;
    output_init(&o, r->format, columns, TOTAL_COLUMNS);
    if (t->count > 1)
        qsort(t->rows, t->count, sizeof(*t->rows), total_compare);
    for (size_t i = 0; i < t->count && o.row_count < (size_t)r->flags.number; i++) {
        if (i == 0 || slice_compare(t->rows[i].name, t->rows[i - 1].name) != 0)
            row_add(&o, &t->rows[i], o.row_count + 1);
    }
    output_print(&o, stdout);
    output_fini(&o);
}
