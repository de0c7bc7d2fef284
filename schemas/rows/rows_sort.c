// Rows and orders as files have them. A million rows are sorted by words, not by their ids: first by table,
// account and platform, then, among those that are equal so far, by the next bytes of the ids.
#include "runtime/check.h"
#include "schemas/rows/rows_table.h"

enum {
    CHUNK = 7, // bytes of an id in a word; the lowest byte says how many were left
    FEW = 64,  // entries, below which going over all bytes of a word does not pay
    WORD_BYTES = 8,
    BYTE_VALUES = 256,
};

struct entry {
    uint64_t word;
    uint32_t row;
};

struct sorting {
    const struct rows *rows;
    uint32_t *ranks;       // of accounts, by their bytes
    struct entry *scratch; // as many as there are entries
};

static int account_order(const void *a, const void *b, void *rows) {
    const struct rows *r = rows;
    return slice_compare(r->accounts.at[*(const uint32_t *)a], r->accounts.at[*(const uint32_t *)b]);
}

static void sorting_init(struct sorting *s, const struct rows *r) {
    s->rows = r;
    size_t count = r->accounts.count;
    s->ranks = memory_grow(NULL, count + 1, sizeof(uint32_t));
    uint32_t *sorted = memory_grow(NULL, count + 1, sizeof(uint32_t));
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = i;
    qsort_r(sorted, count, sizeof(*sorted), account_order, (void *)(uintptr_t)r);
    for (uint32_t i = 0; i < count; i++)
        s->ranks[sorted[i]] = i;
    free(sorted);
}

// So many bytes of the id, from `skip` on, that fit a word; an id that ends sorts before one that goes on
// with zeroes.
static uint64_t chunk_of(const struct row *row, size_t skip) {
    const unsigned char *id = (const unsigned char *)row->id;
    size_t left = row->id_length > skip ? row->id_length - skip : 0;
    uint64_t word = 0;
    for (size_t i = 0; i < CHUNK; i++)
        word = word << 8 | (i < left ? id[skip + i] : 0);
    return word << 8 | (left < CHUNK + 1 ? left : CHUNK + 1);
}

// Three bits: tables with counters, in the order of their numbers.
static uint64_t table_rank(const struct row *row) {
    return row->table < TABLE_ORDERS ? row->table : TABLE_ORDERS;
}

static uint64_t word_of(const struct sorting *s, uint32_t number, unsigned level) {
    const struct row *row = &s->rows->rows.at[number];
    if (level == 0)
        return table_rank(row) << 61 | (uint64_t)s->ranks[row->account] << 32 | row->platform;
    if (table_has_id(row->table))
        return chunk_of(row, (size_t)(level - 1) * CHUNK);
    return level == 1 ? (uint64_t)row->of.origin << 32 | row->of.format : (row->flags & ROW_PAID);
}

static int entry_order(const void *a, const void *b) {
    uint64_t x = ((const struct entry *)a)->word, y = ((const struct entry *)b)->word;
    return (x > y) - (x < y);
}

// Entries by one byte of their words, those that are alike in it as they were. False: all are alike, and
// stay.
static bool sort_byte(const struct entry *from, struct entry *to, size_t count, unsigned shift) {
    size_t places[BYTE_VALUES] = {0}, place = 0;
    for (size_t i = 0; i < count; i++)
        places[from[i].word >> shift & (BYTE_VALUES - 1)]++;
    if (places[from[0].word >> shift & (BYTE_VALUES - 1)] == count)
        return false;
    for (size_t value = 0; value < BYTE_VALUES; value++) {
        size_t having = places[value];
        places[value] = place;
        place += having;
    }
    for (size_t i = 0; i < count; i++)
        to[places[from[i].word >> shift & (BYTE_VALUES - 1)]++] = from[i];
    return true;
}

static void sort_words(struct entry *entries, struct entry *scratch, size_t count) {
    struct entry *from = entries, *to = scratch;
    if (count < FEW) {
        qsort(entries, count, sizeof(*entries), entry_order);
        return;
    }
    for (unsigned byte = 0; byte < WORD_BYTES; byte++) {
        if (!sort_byte(from, to, count, 8 * byte))
            continue;
        struct entry *sorted = to;
        to = from;
        from = sorted;
    }
    if (from != entries)
        memcpy(entries, from, count * sizeof(*entries));
}

// Before each `at`: the rows that come soon, and the ids of those that come sooner.
static void fetch(const struct rows *r, const struct entry *entries, size_t count, size_t at) {
    if (at + 2 * ROWS_AHEAD < count)
        __builtin_prefetch(&r->rows.at[entries[at + 2 * ROWS_AHEAD].row]);
    if (at + ROWS_AHEAD < count && table_has_id(r->rows.at[entries[at].row].table))
        __builtin_prefetch(r->rows.at[entries[at + ROWS_AHEAD].row].id);
}

static void sort(const struct sorting *s, struct entry *entries, size_t count, unsigned level) {
    CHECK(level <= 1 + ROWS_ID_MAX / CHUNK + 1); // deeper, two rows would be one
    for (size_t i = 0; i < count; i++) {
        if (level > 0)
            fetch(s->rows, entries, count, i);
        entries[i].word = word_of(s, entries[i].row, level);
    }
    sort_words(entries, s->scratch, count);
    for (size_t from = 0, to; from < count; from = to) {
        to = from + 1;
        while (to < count && entries[to].word == entries[from].word)
            to++;
        if (to - from > 1)
            sort(s, entries + from, to - from, level + 1);
    }
}

void rows_sort_numbers(const struct rows *r, uint32_t *numbers, size_t count) {
    struct sorting s;
    sorting_init(&s, r);
    struct entry *entries = memory_grow(NULL, count + 1, sizeof(*entries));
    s.scratch = memory_grow(NULL, count + 1, sizeof(*s.scratch));
    for (size_t i = 0; i < count; i++)
        entries[i].row = numbers[i];
    sort(&s, entries, count, 0);
    for (size_t i = 0; i < count; i++)
        numbers[i] = entries[i].row;
    free(s.scratch);
    free(entries);
    free(s.ranks);
}

void rows_sort(const struct rows *r, uint32_t *out) {
    for (uint32_t i = 0; i < r->rows.count; i++)
        out[i] = i;
    rows_sort_numbers(r, out, r->rows.count);
}

static int order_order(const void *a, const void *b, void *sorting) {
    const struct sorting *s = sorting;
    const struct kept_order *x = &s->rows->orders.at[*(const uint32_t *)a];
    const struct kept_order *y = &s->rows->orders.at[*(const uint32_t *)b];
    if (x->account != y->account)
        return s->ranks[x->account] < s->ranks[y->account] ? -1 : 1;
    int differs = memcmp(x->order->order, y->order->order, ORDER_SIZE);
    if (differs != 0)
        return differs;
    if (x->order->occurred_at_ms != y->order->occurred_at_ms)
        return x->order->occurred_at_ms < y->order->occurred_at_ms ? -1 : 1;
    return memcmp(x->order->event_id, y->order->event_id, EVENT_ID_SIZE);
}

void rows_sort_orders(const struct rows *r, uint32_t *out) {
    struct sorting s;
    sorting_init(&s, r);
    for (uint32_t i = 0; i < r->orders.count; i++)
        out[i] = i;
    qsort_r(out, r->orders.count, sizeof(*out), order_order, &s);
    free(s.ranks);
}

static int sketch_order(const void *a, const void *b, void *sorting) {
    const struct sorting *s = sorting;
    const struct kept_sketch *x = &s->rows->sketches.at[*(const uint32_t *)a];
    const struct kept_sketch *y = &s->rows->sketches.at[*(const uint32_t *)b];
    enum table x_table = sketched_rows[x->sketch.of].table, y_table = sketched_rows[y->sketch.of].table;
    if (x_table != y_table)
        return x_table < y_table ? -1 : 1;
    if (x->account != y->account)
        return s->ranks[x->account] < s->ranks[y->account] ? -1 : 1;
    if (x->sketch.platform != y->sketch.platform)
        return x->sketch.platform < y->sketch.platform ? -1 : 1;
    return (x->sketch.of > y->sketch.of) - (x->sketch.of < y->sketch.of); // sketches.def is sorted by name
}

static bool is_blank(const struct sketch *s) {
    return classes_is_empty(&s->classes) && reach_is_exact(&s->reach) && s->reach.count == 0 &&
           quantiles_count(&s->quantiles) == 0;
}

size_t rows_sort_sketches(const struct rows *r, uint32_t *out) {
    struct sorting s;
    size_t count = 0;
    sorting_init(&s, r);
    for (uint32_t i = 0; i < r->sketches.count; i++) {
        if (!is_blank(&r->sketches.at[i].sketch))
            out[count++] = i;
    }
    qsort_r(out, count, sizeof(*out), sketch_order, &s);
    free(s.ranks);
    return count;
}
