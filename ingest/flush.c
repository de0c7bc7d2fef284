#include "ingest/flush.h"

#include <stdio.h>
#include <stdlib.h>

#include "ingest/functions.h"
#include "ingest/grid.h"
#include "runtime/check.h"
#include "runtime/memory.h"
#include "schemas/decimal.h"

enum { MARK_ARGUMENTS = 7, FIXED_KEYS = 4, GRID_HEAD = 4, PAIRS_HEAD = 4, STEP_ARGUMENTS = 5 };

static void reserve(struct flush_call *call, size_t more) {
    if (call->capacity - call->length >= more)
        return;
    size_t capacity = call->capacity == 0 ? 64 * 1024 : call->capacity;
    while (capacity - call->length < more)
        capacity *= 2;
    call->bytes = memory_grow(call->bytes, capacity, 1);
    call->capacity = capacity;
}

static void put_head(struct flush_call *call, char type, uint64_t count) {
    char *at = call->bytes + call->length;
    *at++ = type;
    at += decimal_write(at, count);
    *at++ = '\r';
    *at++ = '\n';
    call->length = (size_t)(at - call->bytes);
}

// One argument: a RESP bulk string.
static void put(struct flush_call *call, const char *bytes, size_t length) {
    reserve(call, length + DECIMAL_MAX + 5);
    put_head(call, '$', length);
    memcpy(call->bytes + call->length, bytes, length);
    memcpy(call->bytes + call->length + length, "\r\n", 2);
    call->length += length + 2;
}

static void put_text(struct flush_call *call, const char *text) {
    put(call, text, strlen(text));
}

static void put_slice(struct flush_call *call, struct slice text) {
    put(call, text.at, text.length);
}

static void put_integer(struct flush_call *call, int64_t value) {
    char text[DECIMAL_MAX + 1];
    size_t sign = value < 0 ? 1 : 0;
    text[0] = '-';
    put(call, text, sign + decimal_write(text + sign, value < 0 ? 0 - (uint64_t)value : (uint64_t)value));
}

static void put_hex(struct flush_call *call, const unsigned char *bytes, size_t count) {
    static const char digits[] = "0123456789abcdef";
    char text[2 * PSEUDONYM_SIZE];
    for (size_t i = 0; i < count; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    put(call, text, 2 * count);
}

static void put_key(struct flush_call *call, const struct key_space *space, enum key_family family,
                    uint32_t shard, const struct key_parts *parts) {
    char name[KEY_MAX];
    put(call, name, key_write(name, space, family, shard, parts));
}

static void put_bytes(struct flush_call *call, const char *bytes, size_t length) {
    reserve(call, length);
    memcpy(call->bytes + call->length, bytes, length);
    call->length += length;
}

// FCALL, the function, and how many keys follow.
static void put_front(struct flush_call *call, const char *function, uint64_t key_count,
                      uint64_t argument_count) {
    call->length = 0;
    call->function = function;
    call->keys = key_count;
    call->arguments = argument_count;
    reserve(call, 64);
    put_head(call, '*', 3 + key_count + argument_count);
    put_text(call, "FCALL");
    put_text(call, function);
    put_integer(call, (int64_t)key_count);
    call->keys_begin = call->length;
}

// And the keys that every call declares.
static void put_call(struct flush_call *call, const struct key_space *space, uint32_t shard,
                     const char *function, uint64_t key_count, uint64_t argument_count) {
    const struct key_parts none = {0};
    put_front(call, function, key_count, argument_count);
    put_key(call, space, KEY_META, shard, &none);
    put_key(call, space, KEY_MARK, shard, &none);
    put_key(call, space, KEY_FAULTS, shard, &none);
    put_key(call, space, KEY_RULES, shard, &none);
}

static void put_key_version(struct flush_call *call, const struct key_version *version) {
    char text[LAYOUT_RULES_MAX];
    put(call, text, layout_key_write(text, version));
}

static void put_version(struct flush_call *call, const struct rules *version) {
    char text[LAYOUT_RULES_MAX];
    put(call, text, layout_rules_write(text, version));
}

// The encoding of one table: which keys are told, under which numbers.
struct encoding {
    struct flush_call *call;
    const struct delta *delta;
    uint32_t *numbers; // by key index; 0: not told
    uint32_t *order;   // the other way round: key index by number
    struct grids grids;
    uint32_t grids_end; // the last number that is in a grid
    uint64_t keys;
    uint64_t arguments;
};

static bool has_cells(const struct delta_key *key) {
    return key->used && key->cell_count > 0;
}

static void number(struct encoding *e, uint32_t index) {
    e->numbers[index] = (uint32_t)++e->keys;
    e->order[e->keys] = index;
}

// Grids first, each in one run.
static void number_keys(struct encoding *e) {
    for (size_t g = 0; g < e->grids.count; g++) {
        for (uint32_t i = e->grids.at[g].first; i != DELTA_NONE; i = e->grids.next[i])
            number(e, i);
    }
    e->grids_end = (uint32_t)e->keys;
    for (uint32_t i = 0; i < e->delta->keys.count; i++) {
        if (e->delta->keys.at[i].used && e->numbers[i] == 0)
            number(e, i);
    }
}

static bool is_pairs(const struct encoding *e, uint32_t index) {
    return has_cells(&e->delta->keys.at[index]) && e->numbers[index] > e->grids_end;
}

// Counts the arguments, which RESP wants to know first.
static void count_arguments(struct encoding *e) {
    const struct delta *d = e->delta;
    for (size_t i = 0; i < e->grids.count; i++) {
        const struct grid *grid = &e->grids.at[i];
        e->arguments += GRID_HEAD + grid->field_count * (1 + (uint64_t)grid->key_count);
    }
    for (uint32_t i = 0; i < d->keys.count; i++) {
        const struct delta_key *key = &d->keys.at[i];
        if (is_pairs(e, i))
            e->arguments += PAIRS_HEAD + 2 * (uint64_t)key->cell_count;
        if (key->element_count > 0)
            e->arguments += PAIRS_HEAD + (uint64_t)key->element_count;
    }
    for (uint32_t i = 0; i < d->readings.count; i++)
        e->arguments += 7 + d->readings.at[i].total_key_count;
    for (uint32_t i = 0; i < d->orders.count; i++)
        e->arguments +=
            6 + d->orders.at[i].copy_key_count + STEP_ARGUMENTS * (uint64_t)d->orders.at[i].increment_count;
}

static void put_keys(struct encoding *e, const struct key_space *space, uint32_t shard) {
    for (uint64_t i = FIXED_KEYS + 1; i <= e->keys; i++) {
        char name[KEY_MAX];
        put(e->call, name, delta_key_name(name, e->delta, e->order[i], space, shard));
    }
}

static void put_field(struct encoding *e, field_code field) {
    char name[KEY_MAX];
    put(e->call, name, delta_field_name(name, e->delta, field));
}

static void put_grid(struct encoding *e, const struct grid *grid) {
    put_text(e->call, "G");
    put_integer(e->call, e->numbers[grid->first]);
    put_integer(e->call, grid->key_count);
    put_integer(e->call, grid->field_count);
    for (uint32_t f = 0; f < grid->field_count; f++)
        put_field(e, grid->fields[f]);
    for (uint32_t i = grid->first; i != DELTA_NONE; i = e->grids.next[i]) {
        int64_t row[GRID_FIELDS];
        grid_row(row, e->delta, i);
        for (uint32_t f = 0; f < grid->field_count; f++)
            put_integer(e->call, row[f]);
    }
}

static const char *code_of(const struct delta_key *key) {
    return key->identity.family == KEY_TOP ? "Z" : "H";
}

static void put_pairs(struct encoding *e, uint32_t index) {
    const struct delta_key *key = &e->delta->keys.at[index];
    put_text(e->call, code_of(key));
    put_integer(e->call, e->numbers[index]);
    put_integer(e->call, key->expire_s);
    put_integer(e->call, key->cell_count);
    for (uint32_t i = key->first_cell; i != DELTA_NONE; i = e->delta->cells.at[i].next) {
        put_field(e, e->delta->cells.at[i].field);
        put_integer(e->call, e->delta->cells.at[i].delta);
    }
}

static void put_elements(struct encoding *e, uint32_t index) {
    const struct delta_key *key = &e->delta->keys.at[index];
    put_text(e->call, "P");
    put_integer(e->call, e->numbers[index]);
    put_integer(e->call, key->expire_s);
    put_integer(e->call, key->element_count);
    for (uint32_t i = key->first_element; i != DELTA_NONE; i = e->delta->elements.at[i].next)
        put(e->call, (const char *)e->delta->elements.at[i].bytes, PSEUDONYM_SIZE);
}

static void put_reading(struct encoding *e, const struct delta_reading *reading) {
    put_text(e->call, "R");
    put_integer(e->call, e->numbers[reading->key]);
    put_slice(e->call, reading->counter);
    put_integer(e->call, reading->value);
    put_integer(e->call, reading->read_at_ms);
    put_hex(e->call, reading->event_id, sizeof(reading->event_id));
    put_integer(e->call, reading->total_key_count);
    for (uint32_t i = 0; i < reading->total_key_count; i++)
        put_integer(e->call, e->numbers[reading->total_keys[i]]);
}

static void put_order(struct encoding *e, const struct delta_order *order) {
    char hash[ORDER_HASH_SIZE];
    char rank[ORDER_RANK_SIZE];
    order_hash_write(hash, order->order);
    order_rank_write(rank, order->occurred_at_ms, order->event_id);
    put_text(e->call, "O");
    put_integer(e->call, e->numbers[order->key]);
    put(e->call, hash, sizeof(hash));
    put(e->call, rank, sizeof(rank));
    put_integer(e->call, order->copy_key_count);
    for (uint32_t i = 0; i < order->copy_key_count; i++)
        put_integer(e->call, e->numbers[order->copy_keys[i]]);
    put_integer(e->call, order->increment_count);
    for (uint32_t i = 0; i < order->increment_count; i++) {
        const struct delta_increment *step = &e->delta->increments.at[order->first_increment + i];
        const struct delta_key *key = &e->delta->keys.at[step->key];
        put_text(e->call, code_of(key));
        put_integer(e->call, e->numbers[step->key]);
        put_integer(e->call, key->expire_s);
        put_field(e, step->field);
        put_integer(e->call, step->delta);
    }
}

static void put_operations(struct encoding *e) {
    const struct delta *d = e->delta;
    for (size_t i = 0; i < e->grids.count; i++)
        put_grid(e, &e->grids.at[i]);
    for (uint32_t i = 0; i < d->keys.count; i++) {
        if (is_pairs(e, i))
            put_pairs(e, i);
        if (d->keys.at[i].element_count > 0)
            put_elements(e, i);
    }
    for (uint32_t i = 0; i < d->readings.count; i++)
        put_reading(e, &d->readings.at[i]);
    for (uint32_t i = 0; i < d->orders.count; i++)
        put_order(e, &d->orders.at[i]);
}

static void put_mark(struct flush_call *call, const struct flush_mark *mark) {
    char fingerprint[17];
    snprintf(fingerprint, sizeof(fingerprint), "%016llx", (unsigned long long)mark->mark.fingerprint);
    put_integer(call, mark->partition);
    put_integer(call, mark->mark.epoch);
    put_integer(call, mark->from);
    put_integer(call, mark->mark.next);
    put_integer(call, mark->mark.last);
    put_text(call, fingerprint);
    put_integer(call, mark->mark.time_ms);
}

void flush_encode(struct flush_call *call, const struct key_space *space, uint32_t shard,
                  const struct flush_sender *sender, const struct flush_mark *marks, size_t mark_count,
                  const struct delta *delta) {
    size_t count = (size_t)delta->keys.count + FIXED_KEYS + 1;
    uint32_t *indices = memory_take(3 * count * sizeof(*indices));
    struct encoding e = {.call = call,
                         .delta = delta,
                         .numbers = indices,
                         .order = indices + count,
                         .keys = FIXED_KEYS,
                         .arguments = 6 + MARK_ARGUMENTS * (uint64_t)mark_count};
    grids_gather(&e.grids, delta, indices + 2 * count);
    number_keys(&e);
    count_arguments(&e);
    put_call(call, space, shard, FUNCTION_FLUSH, e.keys, e.arguments);
    put_keys(&e, space, shard);
    call->keys_end = call->length;
    put_text(call, sender->deployment);
    put_integer(call, (int64_t)sender->rules->count);
    put_version(call, &sender->rules->versions[sender->rules->count - 1]);
    put_integer(call, (int64_t)sender->key_count);
    put_key_version(call, &sender->keys[sender->key_count - 1]);
    put_integer(call, (int64_t)mark_count);
    for (size_t i = 0; i < mark_count; i++)
        put_mark(call, &marks[i]);
    put_operations(&e);
    free(indices);
}

void flush_declare(struct flush_call *call, const redisReply *reply) {
    const struct flush_call old = *call;
    size_t further = reply->elements - 1;
    *call = (struct flush_call){0};
    put_front(call, old.function, old.keys + further, old.arguments);
    put_bytes(call, old.bytes + old.keys_begin, old.keys_end - old.keys_begin);
    for (size_t i = 1; i <= further; i++)
        put(call, reply->element[i]->str, (size_t)reply->element[i]->len);
    call->keys_end = call->length;
    put_bytes(call, old.bytes + old.keys_end, old.length - old.keys_end);
    free(old.bytes);
}

// The versions and the pseudonym keys by which we count, and as many further arguments as the caller puts
// behind them.
static void put_rules(struct flush_call *call, const struct key_space *space, uint32_t shard,
                      const char *function, const struct flush_sender *sender, size_t more) {
    const struct rules_book *rules = sender->rules;
    put_call(call, space, shard, function, FIXED_KEYS, 2 + 2 * (rules->count + sender->key_count) + more);
    put_text(call, sender->deployment);
    put_integer(call, (int64_t)(rules->count + sender->key_count));
    for (size_t i = 0; i < rules->count; i++) {
        put_integer(call, rules->versions[i].version);
        put_version(call, &rules->versions[i]);
    }
    for (size_t i = 0; i < sender->key_count; i++) {
        char number[32];
        snprintf(number, sizeof(number), "key:%zu", i + 1);
        put_text(call, number);
        put_key_version(call, &sender->keys[i]);
    }
}

void flush_encode_claim(struct flush_call *call, const struct key_space *space, uint32_t shard,
                        const struct flush_sender *sender, const int32_t *partitions, size_t count) {
    put_rules(call, space, shard, FUNCTION_CLAIM, sender, count);
    for (size_t i = 0; i < count; i++)
        put_integer(call, partitions[i]);
}

void flush_encode_rules(struct flush_call *call, const struct key_space *space, uint32_t shard,
                        const struct flush_sender *sender) {
    put_rules(call, space, shard, FUNCTION_RULES, sender, 0);
}

void flush_call_fini(struct flush_call *call) {
    free(call->bytes);
    *call = (struct flush_call){0};
}

const char *flush_verdict_name(enum flush_verdict verdict) {
    static const char *const names[FLUSH_VERDICTS] = {
        [FLUSH_APPLIED] = "applied", [FLUSH_REPEATED] = "repeated",           [FLUSH_GAP] = "gap",
        [FLUSH_FENCED] = "fenced",   [FLUSH_UNINITIALISED] = "uninitialised", [FLUSH_RULES] = "rules",
        [FLUSH_KEYS] = "keys",       [FLUSH_NO_FUNCTION] = "no_function",     [FLUSH_REFUSED] = "refused",
    };
    CHECK((unsigned)verdict < FLUSH_VERDICTS);
    return names[verdict];
}
