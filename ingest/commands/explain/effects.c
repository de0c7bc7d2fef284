#include "ingest/commands/explain/effects.h"

#include <stdlib.h>

#include "runtime/memory.h"
#include "schemas/layout.h"

enum { SEEN_KEYS = EVENT_TAGS_MAX + 1, HEX_SIZE = 2 * PSEUDONYM_SIZE };

static const char if_least[] = "it is the least copy of the order";
static const char if_copy[] = "it is not the least copy of the order";
static const char if_latest[] = "no later reading is there";

const char *effect_op_name(enum effect_op op) {
    static const char *const names[] = {"add", "score", "reach", "set", "move", "order"};
    return names[op];
}

void effects_init(struct effects *f, const struct key_space *keys, uint32_t families) {
    *f = (struct effects){.keys = keys, .families = families, .seen = seen_create(SEEN_KEYS)};
    delta_init(&f->delta);
    arena_init(&f->arena, 16 * 1024);
}

void effects_fini(struct effects *f) {
    delta_fini(&f->delta);
    arena_fini(&f->arena);
    seen_destroy(&f->seen);
    free(f->at);
}

static struct slice keep(struct effects *f, const char *text, size_t length) {
    char *copy = arena_take_bytes(&f->arena, length + 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    return (struct slice){copy, length};
}

static struct effect *append(struct effects *f, enum effect_op op, uint32_t shard, uint32_t key) {
    char name[KEY_MAX];
    if (f->count == f->room) {
        f->room = f->room == 0 ? 64 : 2 * f->room;
        f->at = memory_grow(f->at, f->room, sizeof(*f->at));
    }
    struct effect *effect = &f->at[f->count++];
    *effect = (struct effect){.op = op, .expire_s = f->delta.keys.at[key].expire_s};
    effect->key = keep(f, name, delta_key_name(name, &f->delta, key, f->keys, shard));
    size_t head =
        (size_t)((const char *)memchr(effect->key.at, '}', effect->key.length) - effect->key.at) + 2;
    effect->name = (struct slice){effect->key.at + head, effect->key.length - head};
    return effect;
}

static void name_field(struct effects *f, struct effect *effect, field_code field) {
    char name[KEY_MAX];
    effect->field = keep(f, name, delta_field_name(name, &f->delta, field));
}

static struct slice hex_of(struct effects *f, const unsigned char *bytes) {
    static const char digits[] = "0123456789abcdef";
    char text[HEX_SIZE];
    for (size_t i = 0; i < PSEUDONYM_SIZE; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    return keep(f, text, sizeof(text));
}

static enum effect_op op_of(const struct delta *d, uint32_t key) {
    return d->keys.at[key].identity.family == KEY_TOP ? EFFECT_SCORE : EFFECT_ADD;
}

static void tell_key(struct effects *f, uint32_t shard, uint32_t key) {
    const struct delta *d = &f->delta;
    for (uint32_t c = d->keys.at[key].first_cell; c != DELTA_NONE; c = d->cells.at[c].next) {
        struct effect *effect = append(f, op_of(d, key), shard, key);
        effect->delta = d->cells.at[c].delta;
        name_field(f, effect, d->cells.at[c].field);
    }
    for (uint32_t i = d->keys.at[key].first_element; i != DELTA_NONE; i = d->elements.at[i].next) {
        struct effect *effect = append(f, EFFECT_REACH, shard, key);
        effect->delta = 1;
        effect->field = hex_of(f, d->elements.at[i].bytes);
    }
}

static struct slice read_field(struct effects *f, struct slice counter) {
    char *name = arena_take_bytes(&f->arena, counter.length + sizeof(".read"));
    memcpy(name, counter.at, counter.length);
    memcpy(name + counter.length, ".read", sizeof(".read"));
    return (struct slice){name, counter.length + strlen(".read")};
}

static void tell_reading(struct effects *f, uint32_t shard, const struct delta_reading *reading) {
    struct effect *set = append(f, EFFECT_SET, shard, reading->key);
    set->field = read_field(f, reading->counter);
    set->delta = reading->value;
    set->read_at_ms = reading->read_at_ms;
    set->condition = if_latest;
    for (uint32_t i = 0; i < reading->total_key_count; i++) {
        struct effect *move = append(f, EFFECT_MOVE, shard, reading->total_keys[i]);
        move->field = read_field(f, reading->counter);
        move->condition = if_latest;
    }
}

static void tell_order(struct effects *f, uint32_t shard, const struct delta_order *order) {
    char hash[ORDER_HASH_SIZE], rank[ORDER_RANK_SIZE];
    order_hash_write(hash, order->order);
    order_rank_write(rank, order->occurred_at_ms, order->event_id);
    struct effect *entry = append(f, EFFECT_ORDER, shard, order->key);
    entry->field = keep(f, hash, sizeof(hash));
    entry->rank = keep(f, rank, sizeof(rank));
    entry->condition = if_least;
    for (uint32_t i = 0; i < order->increment_count; i++) {
        const struct delta_increment *step = &f->delta.increments.at[order->first_increment + i];
        struct effect *effect = append(f, op_of(&f->delta, step->key), shard, step->key);
        effect->delta = step->delta;
        effect->condition = if_least;
        name_field(f, effect, step->field);
    }
    for (uint32_t i = 0; i < order->copy_key_count; i++) {
        struct effect *copy = append(f, EFFECT_ADD, shard, order->copy_keys[i]);
        copy->delta = 1;
        copy->condition = if_copy;
        name_field(f, copy, field_counter(COUNTER_ORDER_COPIES));
    }
}

static void tell_table(struct effects *f, uint32_t shard) {
    const struct delta *d = &f->delta;
    for (uint32_t family = 0; family < KEY_FAMILY_COUNT; family++) {
        for (uint32_t key = 0; key < d->keys.count; key++) {
            if (d->keys.at[key].identity.family == family)
                tell_key(f, shard, key);
        }
    }
    for (uint32_t i = 0; i < d->readings.count; i++)
        tell_reading(f, shard, &d->readings.at[i]);
    for (uint32_t i = 0; i < d->orders.count; i++)
        tell_order(f, shard, &d->orders.at[i]);
}

void effects_tell(struct effects *f, const struct event *e, const struct rules *rules,
                  int64_t record_time_ms) {
    struct count c = {.rules = rules,
                      .record_time_ms = record_time_ms,
                      .families = f->families,
                      .shard = key_shard(f->keys, e->account),
                      .seen = f->seen};
    f->count = 0;
    arena_reset(&f->arena);
    delta_clear(&f->delta);
    seen_clear(f->seen); // so that whoever did it is new to every reach
    count_prepare(&c, &f->delta, e);
    count_event(&f->delta, &c, e);
    count_spread(&f->delta, f->families);
    tell_table(f, c.shard);
}
