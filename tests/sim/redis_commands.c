// The commands that the functions use, as Redis documents them.
#include <stdio.h>
#include <stdlib.h>

#include "runtime/check.h"
#include "runtime/hash.h"
#include "runtime/memory.h"
#include "tests/sim/redis.h"

enum { REGISTER_BITS = 14, LIST_MAX = 4096 };
#define SKETCH_SEED UINT64_C(0xadc83b19)

static struct slice list[LIST_MAX];
static char room[64]; // of a text that no key holds

struct command {
    struct sim_redis *redis;
    struct keyspace *keys;
    const struct slice *words;
    size_t count;
    struct answer *answer;
};

static void answer_error(struct answer *a, const char *text) {
    *a = (struct answer){.kind = ANSWER_ERROR, .text = slice_of(text)};
}

static void answer_integer(struct answer *a, int64_t value) {
    *a = (struct answer){.kind = ANSWER_INTEGER, .integer = value};
}

// False where the key holds another type; NULL where it holds nothing.
static bool find(struct command *c, enum object_type type, const struct object **object) {
    *object = keyspace_find(c->keys, c->words[1]);
    if (*object == NULL || (*object)->type == type)
        return true;
    answer_error(c->answer, "WRONGTYPE Operation against a key holding the wrong kind of value");
    return false;
}

static struct slice field_of(const struct object *o, struct slice name) {
    const struct row *row = o != NULL ? rows_find(&o->fields, name) : NULL;
    return row != NULL ? text_slice(row->value) : (struct slice){NULL, 0};
}

static bool integer_parse(struct slice text, int64_t *value) {
    char *end;
    char copy[32];
    if (text.length == 0 || text.length >= sizeof(copy))
        return false;
    memcpy(copy, text.at, text.length);
    copy[text.length] = '\0';
    *value = strtoll(copy, &end, 10);
    snprintf(room, sizeof(room), "%lld", (long long)*value);
    return *end == '\0' && slice_equal(text, slice_of(room)); // no blanks, no zeros ahead, no saturation
}

static void hget(struct command *c) {
    const struct object *o;
    if (!find(c, OBJECT_HASH, &o))
        return;
    struct slice value = field_of(o, c->words[2]);
    *c->answer = (struct answer){.kind = value.at != NULL ? ANSWER_TEXT : ANSWER_NIL, .text = value};
}

static void hmget(struct command *c) {
    const struct object *o;
    if (!find(c, OBJECT_HASH, &o))
        return;
    for (size_t i = 2; i < c->count; i++)
        list[i - 2] = field_of(o, c->words[i]);
    *c->answer = (struct answer){.kind = ANSWER_LIST, .list = list, .count = c->count - 2};
}

static void fields_answer(struct command *c, bool names, bool values) {
    const struct object *o;
    size_t count = 0;
    if (!find(c, OBJECT_HASH, &o))
        return;
    for (uint32_t i = 0; o != NULL && i < o->fields.count; i++) {
        CHECK(count + 2 <= LIST_MAX);
        if (names)
            list[count++] = text_slice(o->fields.at[i].name);
        if (values)
            list[count++] = text_slice(o->fields.at[i].value);
    }
    *c->answer = (struct answer){.kind = ANSWER_LIST, .list = list, .count = count};
}

static void hgetall(struct command *c) {
    fields_answer(c, true, true);
}

static void hvals(struct command *c) {
    fields_answer(c, false, true);
}

static void hlen(struct command *c) {
    const struct object *o;
    if (find(c, OBJECT_HASH, &o))
        answer_integer(c->answer, o != NULL ? o->fields.count : 0);
}

static void hset(struct command *c) {
    const struct object *o;
    if (!find(c, OBJECT_HASH, &o))
        return;
    struct object *own = keyspace_own(c->keys, c->words[1], OBJECT_HASH);
    for (size_t i = 2; i + 1 < c->count; i += 2)
        rows_set(&own->fields, c->words[i], c->words[i + 1]);
    answer_integer(c->answer, (int64_t)(c->count / 2 - 1));
}

static void hincrby(struct command *c) {
    const struct object *o;
    int64_t delta, sum, held = 0;
    if (!find(c, OBJECT_HASH, &o))
        return;
    if (!integer_parse(c->words[3], &delta))
        return answer_error(c->answer, "ERR value is not an integer or out of range");
    struct slice old = field_of(o, c->words[2]);
    if (old.at != NULL && !integer_parse(old, &held))
        return answer_error(c->answer, "ERR hash value is not an integer");
    if (__builtin_add_overflow(held, delta, &sum))
        return answer_error(c->answer, "ERR increment or decrement would overflow");
    struct object *own = keyspace_own(c->keys, c->words[1], OBJECT_HASH);
    snprintf(room, sizeof(room), "%lld", (long long)sum);
    rows_set(&own->fields, c->words[2], slice_of(room));
    answer_integer(c->answer, sum);
}

static void hdel(struct command *c) {
    const struct object *o;
    if (!find(c, OBJECT_HASH, &o))
        return;
    answer_integer(c->answer, 0);
    if (o == NULL)
        return;
    struct object *own = keyspace_own(c->keys, c->words[1], OBJECT_HASH);
    for (size_t i = 2; i < c->count; i++)
        rows_delete(&own->fields, c->words[i]);
    if (own->fields.count == 0)
        keyspace_delete(c->keys, c->words[1]);
}

// key count WITHVALUES: that many different fields, or all.
static void hrandfield(struct command *c) {
    const struct object *o;
    int64_t wanted;
    uint32_t chosen[LIST_MAX / 2];
    if (!find(c, OBJECT_HASH, &o))
        return;
    CHECK(integer_parse(c->words[2], &wanted) && wanted > 0);
    uint32_t count = o != NULL ? o->fields.count : 0;
    size_t given = 0;
    CHECK(count <= LIST_MAX / 2);
    for (uint32_t i = 0; i < count; i++)
        chosen[i] = i;
    for (uint32_t i = 0; i < count && i < (uint32_t)wanted; i++) {
        c->redis->random = hash_integer(c->redis->random + 1);
        uint32_t other = i + (uint32_t)(c->redis->random % (count - i)), swap = chosen[i];
        chosen[i] = chosen[other];
        chosen[other] = swap;
        list[given++] = text_slice(o->fields.at[chosen[i]].name);
        list[given++] = text_slice(o->fields.at[chosen[i]].value);
    }
    *c->answer = (struct answer){.kind = ANSWER_LIST, .list = list, .count = given};
}

static void zincrby(struct command *c) {
    const struct object *o;
    if (!find(c, OBJECT_SCORES, &o))
        return;
    struct object *own = keyspace_own(c->keys, c->words[1], OBJECT_SCORES);
    struct slice old = field_of(own, c->words[3]);
    double score = (old.at != NULL ? strtod(old.at, NULL) : 0) + strtod(c->words[2].at, NULL);
    snprintf(room, sizeof(room), "%.17g", score);
    rows_set(&own->fields, c->words[3], slice_of(room));
    *c->answer = (struct answer){.kind = ANSWER_TEXT, .text = slice_of(room)};
}

// MurmurHash64A; the low 14 bits choose the register, the lowest set bit of the rest is the rank.
void sketch_place(struct slice element, uint32_t *place, uint32_t *rank) {
    const uint64_t m = UINT64_C(0xc6a4a7935bd1e995);
    uint64_t h = SKETCH_SEED ^ (element.length * m);
    CHECK(element.length % 8 == 0);
    for (size_t i = 0; i < element.length; i += 8) {
        uint64_t k;
        memcpy(&k, element.at + i, sizeof(k));
        k *= m;
        k ^= k >> 47;
        h = (h ^ (k * m)) * m;
    }
    h = (h ^ (h >> 47)) * m;
    h ^= h >> 47;
    *place = (uint32_t)(h & ((1u << REGISTER_BITS) - 1));
    h >>= REGISTER_BITS;
    *rank = h == 0 ? 64 - REGISTER_BITS + 1 : (uint32_t)__builtin_ctzll(h) + 1;
}

static void pfadd(struct command *c) {
    const struct object *o;
    if (!find(c, OBJECT_SKETCH, &o))
        return;
    struct object *own = keyspace_own(c->keys, c->words[1], OBJECT_SKETCH);
    for (size_t i = 2; i < c->count; i++) {
        char name[16], value[16];
        uint32_t place, rank;
        sketch_place(c->words[i], &place, &rank);
        snprintf(name, sizeof(name), "%u", place);
        struct slice held = field_of(own, slice_of(name));
        if (held.at != NULL && strtoul(held.at, NULL, 10) >= rank)
            continue;
        snprintf(value, sizeof(value), "%u", rank);
        rows_set(&own->fields, slice_of(name), slice_of(value));
    }
    answer_integer(c->answer, 1);
}

// key seconds NX|GT
static void expireat(struct command *c) {
    const struct object *o = keyspace_find(c->keys, c->words[1]);
    int64_t at;
    if (!integer_parse(c->words[2], &at))
        return answer_error(c->answer, "ERR value is not an integer or out of range");
    answer_integer(c->answer, 0);
    bool newer = slice_equal(c->words[3], slice_of("GT"));
    if (o == NULL || (newer ? o->expire_s == 0 || at <= o->expire_s : o->expire_s != 0))
        return;
    answer_integer(c->answer, 1);
    if (at <= c->redis->now_s)
        keyspace_delete(c->keys, c->words[1]);
    else
        keyspace_own(c->keys, c->words[1], o->type)->expire_s = at;
}

static const struct {
    const char *name;
    size_t least; // words
    void (*run)(struct command *c);
} commands[] = {
    {"HGET", 3, hget},       {"HMGET", 3, hmget}, {"HGETALL", 2, hgetall},       {"HVALS", 2, hvals},
    {"HLEN", 2, hlen},       {"HSET", 4, hset},   {"HINCRBY", 4, hincrby},       {"HDEL", 3, hdel},
    {"ZINCRBY", 4, zincrby}, {"PFADD", 3, pfadd}, {"HRANDFIELD", 4, hrandfield}, {"EXPIREAT", 4, expireat},
};

void sim_redis_command(struct sim_redis *r, uint32_t shard, const struct slice *words, size_t count,
                       struct answer *answer) {
    struct command c = {r, &r->shards[shard], words, count, answer};
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (!slice_equal(words[0], slice_of(commands[i].name)))
            continue;
        CHECK(count >= commands[i].least);
        commands[i].run(&c);
        return;
    }
    CHECK_UNREACHABLE("a command that the simulated Redis does not know");
}
