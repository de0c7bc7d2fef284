#include "ingest/seen.h"

#include <stdlib.h>

#include "runtime/check.h"
#include "runtime/hash.h"
#include "runtime/memory.h"

// Redis' own HyperLogLog: 2^14 registers, MurmurHash64A of the element with this seed, the low 14 bits choose
// the register, the position of the lowest set bit of the rest is its value (redis/src/hyperloglog.c).
enum { REGISTER_BITS = 14, REGISTERS = 1 << REGISTER_BITS };
#define REDIS_HLL_SEED UINT64_C(0xadc83b19)

struct seen_key {
    struct delta_identity identity; // slices owned
    uint32_t shard;
    int64_t expire_s;
    unsigned char *registers; // NULL: the place is free
};

struct seen {
    struct seen_key *keys;
    size_t keys_max;
    size_t count;
    unsigned char *registers; // of all keys, in one piece
    uint32_t *slots;          // index + 1
    uint32_t slot_mask;
    uint64_t clears; // from 1
};

struct seen *seen_create(size_t keys_max) {
    CHECK(keys_max > 0 && keys_max < (1u << 24));
    struct seen *s = memory_take(sizeof(*s));
    s->keys_max = keys_max;
    s->keys = memory_take(keys_max * sizeof(*s->keys));
    uint32_t slots = 64;
    while (slots < 2 * keys_max)
        slots *= 2;
    s->slots = memory_take(slots * sizeof(uint32_t));
    s->slot_mask = slots - 1;
    s->clears = 1;
    s->registers = memory_take(keys_max * REGISTERS);
    return s;
}

static void key_release(struct seen_key *key) {
    free((char *)key->identity.account.at);
    free((char *)key->identity.id.at);
    *key = (struct seen_key){0};
}

void seen_destroy(struct seen **s) {
    if (*s == NULL)
        return;
    seen_clear(*s);
    free((*s)->registers);
    free((*s)->keys);
    free((*s)->slots);
    free(*s);
    *s = NULL;
}

void seen_clear(struct seen *s) {
    for (size_t i = 0; i < s->keys_max; i++) {
        if (s->keys[i].registers != NULL)
            key_release(&s->keys[i]);
    }
    memset(s->slots, 0, ((size_t)s->slot_mask + 1) * sizeof(uint32_t));
    s->count = 0;
    s->clears++;
}

static void slot_insert(struct seen *s, uint32_t index) {
    uint32_t slot = (uint32_t)s->keys[index].identity.hash & s->slot_mask;
    while (s->slots[slot] != 0)
        slot = (slot + 1) & s->slot_mask;
    s->slots[slot] = index + 1;
}

// A shard's marks were read again. Rare: the slots are simply made anew.
void seen_clear_shard(struct seen *s, uint32_t shard) {
    s->clears++;
    memset(s->slots, 0, ((size_t)s->slot_mask + 1) * sizeof(uint32_t));
    for (uint32_t i = 0; i < s->keys_max; i++) {
        struct seen_key *key = &s->keys[i];
        if (key->registers == NULL)
            continue;
        if (key->shard == shard) {
            key_release(key);
            s->count--;
        } else {
            slot_insert(s, i);
        }
    }
}

static bool key_is(const struct seen_key *key, uint32_t shard, const struct delta_identity *identity) {
    const struct delta_identity *own = &key->identity;
    return own->hash == identity->hash && key->shard == shard && own->family == identity->family &&
           own->platform == identity->platform && own->time_s == identity->time_s &&
           slice_equal(own->account, identity->account) && slice_equal(own->id, identity->id);
}

static struct slice copy_of(struct slice text) {
    char *copy = memory_take(text.length + 1);
    memcpy(copy, text.at, text.length);
    return (struct slice){copy, text.length};
}

static struct seen_key *key_add(struct seen *s, uint32_t shard, const struct delta_identity *identity) {
    if (s->count == s->keys_max)
        seen_clear(s); // days pass and their keys with them: what is still in use comes back, at the price of
                       // repeats
    uint32_t index = 0;
    while (s->keys[index].registers != NULL)
        index++;
    struct seen_key *key = &s->keys[index];
    key->identity = *identity;
    key->identity.account = copy_of(identity->account);
    key->identity.id = copy_of(identity->id);
    key->shard = shard;
    key->registers = s->registers + (size_t)index * REGISTERS;
    memset(key->registers, 0, REGISTERS);
    s->count++;
    slot_insert(s, index);
    return key;
}

static struct seen_key *key_find(const struct seen *s, uint32_t shard,
                                 const struct delta_identity *identity) {
    uint32_t slot = (uint32_t)identity->hash & s->slot_mask;
    while (s->slots[slot] != 0) {
        struct seen_key *key = &s->keys[s->slots[slot] - 1];
        if (key_is(key, shard, identity))
            return key;
        slot = (slot + 1) & s->slot_mask;
    }
    return NULL;
}

// MurmurHash64A of the 16 bytes, as Redis computes it on a little-endian machine.
static uint64_t murmur64a(const unsigned char element[PSEUDONYM_SIZE]) {
    const uint64_t m = UINT64_C(0xc6a4a7935bd1e995);
    uint64_t h = REDIS_HLL_SEED ^ (PSEUDONYM_SIZE * m);
    for (int i = 0; i < PSEUDONYM_SIZE; i += 8) {
        uint64_t k;
        memcpy(&k, element + i, sizeof(k));
        k *= m;
        k ^= k >> 47;
        k *= m;
        h ^= k;
        h *= m;
    }
    h ^= h >> 47;
    h *= m;
    h ^= h >> 47;
    return h;
}

struct seen_place seen_find(const struct seen *s, uint32_t shard, const struct delta_identity *identity,
                            const unsigned char element[PSEUDONYM_SIZE]) {
    const struct seen_key *key = key_find(s, shard, identity);
    if (key == NULL)
        return (struct seen_place){0};
    struct seen_place place = {key->registers, murmur64a(element), s->clears, &key->expire_s};
    __builtin_prefetch(&place.registers[place.hash & (REGISTERS - 1)], 1);
    return place;
}

static unsigned char *register_of(struct seen_place place) {
    return &place.registers[place.hash & (REGISTERS - 1)];
}

static unsigned char rank_of(struct seen_place place) {
    uint64_t rest = (place.hash >> REGISTER_BITS) | (UINT64_C(1) << (64 - REGISTER_BITS));
    return (unsigned char)(__builtin_ctzll(rest) + 1);
}

bool seen_may_raise(const struct seen *s, struct seen_place place, int64_t expire_s) {
    return place.clears != s->clears || rank_of(place) > *register_of(place) || expire_s > *place.expire_s;
}

bool seen_raise(struct seen *s, struct seen_place place, uint32_t shard,
                const struct delta_identity *identity, int64_t expire_s,
                const unsigned char element[PSEUDONYM_SIZE]) {
    struct seen_key *key = key_find(s, shard, identity);
    if (key == NULL)
        key = key_add(s, shard, identity);
    if (place.clears != s->clears)
        place = (struct seen_place){.registers = key->registers, .hash = murmur64a(element)};
    unsigned char rank = rank_of(place);
    bool raised = rank > *register_of(place);
    bool prolonged = expire_s > key->expire_s;
    if (raised)
        *register_of(place) = rank;
    if (prolonged)
        key->expire_s = expire_s;
    return raised || prolonged;
}

size_t seen_keys(const struct seen *s) {
    return s->count;
}

size_t seen_keys_max(const struct seen *s) {
    return s->keys_max;
}
