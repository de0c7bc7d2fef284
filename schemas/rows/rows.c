#include "schemas/rows/rows.h"

#include "runtime/check.h"
#include "runtime/hash.h"
#include "schemas/rows/rows_table.h"

enum { ID_FIRST = 1024, ID_BLOCK = 64 * 1024 }; // orders of thousands of windows are few in each

struct rows *rows_create(void) {
    struct rows *r = memory_take(sizeof(*r));
    arena_init_growing(&r->ids, ID_FIRST, ID_BLOCK);
    slots_init(&r->row_slots);
    slots_init(&r->field_slots);
    slots_init(&r->account_slots);
    rows_cells_init(r);
    slots_init(&r->order_slots);
    slots_init(&r->least_slots);
    slots_init(&r->refund_slots);
    slots_init(&r->sketch_slots);
    slots_init(&r->reading_slots);
    slots_init(&r->live_slots);
    r->last_account = r->last_set = ROWS_END;
    return r;
}

void rows_destroy(struct rows **r) {
    struct rows *gone = *r;
    *r = NULL;
    if (gone == NULL)
        return;
    slots_fini(&gone->live_slots);
    slots_fini(&gone->reading_slots);
    slots_fini(&gone->sketch_slots);
    slots_fini(&gone->refund_slots);
    slots_fini(&gone->least_slots);
    slots_fini(&gone->order_slots);
    slots_fini(&gone->account_slots);
    slots_fini(&gone->field_slots);
    slots_fini(&gone->row_slots);
    rows_live_fini(gone);
    rows_sketches_fini(gone);
    rows_array_fini(&gone->readings);
    rows_array_fini(&gone->refunds);
    rows_array_fini(&gone->orders);
    rows_array_fini(&gone->accounts);
    rows_array_fini(&gone->fields);
    rows_array_fini(&gone->words);
    rows_array_fini(&gone->rows);
    arena_fini(&gone->ids);
    free(gone);
}

struct slice rows_keep(struct rows *r, struct slice text) {
    if (text.length == 0)
        return (struct slice){"", 0};
    char *copy = arena_take_bytes(&r->ids, text.length);
    memcpy(copy, text.at, text.length);
    return (struct slice){copy, text.length};
}

// The slot of an account, or the free one where it would stand.
static struct slot *account_slot(const struct rows *r, struct slice account, uint32_t hash) {
    struct slot *slot = slots_first(&r->account_slots, hash);
    while (slot->number != 0 &&
           (slot->hash != hash || !slice_equal(r->accounts.at[slot->number - 1], account)))
        slot = slots_next(&r->account_slots, slot);
    return slot;
}

uint32_t rows_account_find(const struct rows *r, struct slice account) {
    if (r->last_account != ROWS_END && slice_equal(r->accounts.at[r->last_account], account))
        return r->last_account;
    const struct slot *slot = account_slot(r, account, slots_hash(hash_slice(account, 0)));
    return slot->number != 0 ? slot->number - 1 : ROWS_END;
}

uint32_t rows_account(struct rows *r, struct slice account) {
    if (r->last_account != ROWS_END && slice_equal(r->accounts.at[r->last_account], account))
        return r->last_account;
    uint32_t hash = slots_hash(hash_slice(account, 0));
    struct slot *slot = account_slot(r, account, hash);
    if (slot->number != 0)
        return r->last_account = slot->number - 1;
    CHECK(account.length <= ROWS_ACCOUNT_MAX && r->accounts.count < ROWS_ACCOUNTS_MAX);
    rows_append(&r->accounts, rows_keep(r, account));
    r->last_account = r->accounts.count - 1;
    slots_fill(&r->account_slots, slot, hash, r->last_account);
    return r->last_account;
}

static uint32_t field_hash(field_code field) {
    return slots_hash(field * UINT64_C(0x9e3779b97f4a7c15));
}

// The slot of a field, or the free one where it would stand.
static struct slot *field_slot(const struct rows *r, field_code field) {
    uint32_t hash = field_hash(field);
    struct slot *slot = slots_first(&r->field_slots, hash);
    while (slot->number != 0 && r->fields.at[slot->number - 1] != field)
        slot = slots_next(&r->field_slots, slot);
    return slot;
}

uint32_t rows_field(struct rows *r, field_code field) {
    struct slot *slot = field_slot(r, field);
    if (slot->number != 0)
        return slot->number - 1;
    rows_append(&r->fields, field);
    slots_fill(&r->field_slots, slot, field_hash(field), r->fields.count - 1);
    return r->fields.count - 1;
}

uint32_t rows_field_find(const struct rows *r, field_code field) {
    uint32_t number = field_slot(r, field)->number;
    return number != 0 ? number - 1 : ROWS_END;
}

uint32_t rows_hash(uint32_t account, const struct row_key *key) {
    uint64_t seed = ((uint64_t)account << 32 | key->platform) ^ (uint64_t)key->table << 29;
    if (table_has_id(key->table))
        return slots_hash(hash_slice(key->id, seed * UINT64_C(0x9e3779b97f4a7c15)));
    uint64_t kind = ((uint64_t)key->origin << 32 | key->format) + key->paid;
    return slots_hash(hash_integer(hash_integer(seed) ^ kind * UINT64_C(0x9e3779b97f4a7c15)));
}

static bool row_is(const struct row *row, uint32_t account, const struct row_key *key) {
    if (row->account != account || row->platform != key->platform || row->table != key->table)
        return false;
    if (table_has_id(key->table))
        return slice_equal((struct slice){row->id, row->id_length}, key->id);
    return row->of.origin == key->origin && row->of.format == key->format &&
           ((row->flags & ROW_PAID) != 0) == key->paid;
}

static uint32_t row_make(struct rows *r, uint32_t account, const struct row_key *key) {
    CHECK(key->id.length <= ROWS_ID_MAX && r->rows.count < ROWS_FIRST);
    struct row row = {.platform = key->platform,
                      .account = account,
                      .id_length = (uint16_t)key->id.length,
                      .table = (uint8_t)key->table,
                      .flags = key->paid ? ROW_PAID : 0};
    if (table_has_id(key->table)) {
        CHECK(key->origin == 0 && key->format == 0 && !key->paid);
        row.id = rows_keep(r, key->id).at;
    } else {
        CHECK(key->id.length == 0);
        row.of.origin = key->origin;
        row.of.format = key->format;
    }
    rows_append(&r->rows, row);
    return r->rows.count - 1;
}

uint32_t rows_row_of(struct rows *r, uint32_t account, const struct row_key *key, uint32_t hash) {
    struct slot *slot = slots_first(&r->row_slots, hash);
    for (; slot->number != 0; slot = slots_next(&r->row_slots, slot)) {
        if (slot->hash == hash && row_is(&r->rows.at[slot->number - 1], account, key))
            return slot->number - 1;
    }
    uint32_t row = row_make(r, account, key);
    slots_fill(&r->row_slots, slot, hash, row);
    return row;
}

uint32_t rows_row(struct rows *r, const struct row_key *key) {
    CHECK(table_has_counters((unsigned)key->table));
    uint32_t account = rows_account(r, key->account);
    return rows_row_of(r, account, key, rows_hash(account, key));
}

// An event on its way to the rows of its subject: what is looked up once for all of them.
struct adding {
    struct rows *rows;
    const struct subject *subject;
    uint32_t account;
    uint32_t count;
    uint32_t fields[INCREMENTS_MAX];
    const struct increments *increments;
};

static void adding_init(struct adding *a, struct rows *r, const struct subject *subject,
                        const struct increments *increments) {
    a->rows = r;
    a->subject = subject;
    a->account = rows_account(r, subject->account);
    a->increments = increments;
    a->count = increments->count;
    for (uint32_t i = 0; i < a->count; i++)
        a->fields[i] = rows_field(r, increments->at[i].field);
}

static void add_first(struct adding *a, const struct row_key *key, uint32_t count) {
    uint32_t row = rows_row_of(a->rows, a->account, key, rows_hash(a->account, key));
    for (uint32_t i = 0; i < count; i++)
        rows_add_cell(a->rows, row, a->fields[i], a->increments->at[i].value);
}

static struct row_key whole_key(enum table table, const struct subject *s) {
    return (struct row_key){
        .table = table, .platform = s->platform, .origin = s->origin, .format = s->format, .paid = s->paid};
}

static void add_whole(struct adding *a, enum table table) {
    struct row_key key = whole_key(table, a->subject);
    add_first(a, &key, a->count);
}

static void add_named(struct adding *a, enum table table, struct slice id, uint32_t count) {
    if (id.length > 0)
        add_first(a, &(struct row_key){.table = table, .platform = a->subject->platform, .id = id}, count);
}

static void add_each(struct adding *a, enum table table, const struct slice *ids, uint32_t id_count,
                     uint32_t count) {
    for (uint32_t i = 0; i < id_count; i++) {
        uint32_t before = 0;
        while (before < i && !slice_equal(ids[before], ids[i]))
            before++;
        if (before == i)
            add_named(a, table, ids[i], count);
    }
}

void rows_add_subject(struct rows *r, const struct subject *subject, const struct increments *increments) {
    if (increments->count == 0)
        return;
    struct adding a;
    adding_init(&a, r, subject, increments);
    add_whole(&a, TABLE_TOTALS);
    add_named(&a, TABLE_CONTENT, subject->content, a.count);
    add_named(&a, TABLE_CAMPAIGN, subject->campaign, a.count);
    if (increments->has_kind)
        add_each(&a, TABLE_TAG, subject->tags, subject->tag_count, 1);
    add_each(&a, TABLE_TOPIC, subject->topics, subject->topic_count, a.count);
}

void rows_add_late(struct rows *r, const struct subject *subject, const struct increments *increments) {
    if (increments->count == 0)
        return;
    struct adding a;
    adding_init(&a, r, subject, increments);
    add_whole(&a, TABLE_LATE);
}

size_t rows_count(const struct rows *r) {
    return r->rows.count;
}

size_t rows_memory(const struct rows *r) {
    return sizeof(*r) + arena_held(&r->ids) + r->rows.room * sizeof(*r->rows.at) +
           r->words.room * sizeof(*r->words.at) + r->fields.room * sizeof(*r->fields.at) +
           r->accounts.room * sizeof(*r->accounts.at) + r->orders.room * sizeof(*r->orders.at) +
           slots_memory(&r->row_slots) + slots_memory(&r->field_slots) + slots_memory(&r->account_slots) +
           slots_memory(&r->order_slots) + slots_memory(&r->least_slots) +
           r->refunds.room * sizeof(*r->refunds.at) + slots_memory(&r->refund_slots) +
           r->sketches.room * sizeof(*r->sketches.at) + r->sketch_bytes +
           r->sketch_sets.room * sizeof(*r->sketch_sets.at) + slots_memory(&r->sketch_slots) +
           r->readings.room * sizeof(*r->readings.at) + slots_memory(&r->reading_slots) +
           r->live.room * sizeof(*r->live.at) + r->live_bytes + slots_memory(&r->live_slots);
}

struct row_key rows_key(const struct rows *r, uint32_t row) {
    CHECK(row < r->rows.count);
    const struct row *at = &r->rows.at[row];
    struct row_key key = {.table = (enum table)at->table,
                          .platform = at->platform,
                          .paid = (at->flags & ROW_PAID) != 0,
                          .account = r->accounts.at[at->account],
                          .id = {"", 0}};
    if (table_has_id(at->table)) {
        key.id = (struct slice){at->id, at->id_length};
    } else {
        key.origin = at->of.origin;
        key.format = at->of.format;
    }
    return key;
}

// The row of a hash as its slot has it: a guess, for only the key would tell.
static const struct row *row_guess(const struct rows *r, uint32_t hash) {
    const struct slot *slot = slots_first(&r->row_slots, hash);
    while (slot->number != 0 && slot->hash != hash)
        slot = slots_next(&r->row_slots, slot);
    return slot->number != 0 ? &r->rows.at[slot->number - 1] : NULL;
}

void rows_prefetch(struct rows *r, uint32_t hash) {
    __builtin_prefetch(slots_first(&r->row_slots, hash), 1);
    const struct row *row = row_guess(r, r->ahead[(r->ahead_next - ROWS_STEP) % ROWS_AHEAD]);
    if (row != NULL)
        __builtin_prefetch(row);
    row = row_guess(r, r->ahead[(r->ahead_next - 2 * ROWS_STEP) % ROWS_AHEAD]);
    if (row != NULL && table_has_id(row->table))
        __builtin_prefetch(row->id);
    if (row != NULL && row->cell_count > 0) {
        __builtin_prefetch(&r->words.at[row->cells]);
        __builtin_prefetch(&r->words.at[row->cells + row_room(row) / 2 + ROWS_FIRST_VALUES], 1);
    }
    r->ahead[r->ahead_next++ % ROWS_AHEAD] = hash;
}

static void prefetch_named(struct rows *r, uint32_t account, enum table table, uint32_t platform,
                           struct slice id) {
    if (id.length > 0)
        rows_prefetch(r,
                      rows_hash(account, &(struct row_key){.table = table, .platform = platform, .id = id}));
}

void rows_prefetch_subject(struct rows *r, const struct subject *s) {
    uint32_t account = rows_account_find(r, s->account);
    if (account == ROWS_END)
        return;
    struct row_key totals = whole_key(TABLE_TOTALS, s);
    rows_prefetch(r, rows_hash(account, &totals));
    prefetch_named(r, account, TABLE_CONTENT, s->platform, s->content);
    prefetch_named(r, account, TABLE_CAMPAIGN, s->platform, s->campaign);
}
