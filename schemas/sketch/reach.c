// A register's value: one more than the zeros that the hash has in front behind the index's bits; the highest
// value of a member's register stays. An exact one has no registers, and a sketch no members.
#include "schemas/sketch/reach.h"

#include <math.h>
#include <stdlib.h>

#include "runtime/check.h"
#include "runtime/memory.h"
#include "schemas/sketch/members.h"
#include "schemas/sketch/varint.h"

enum {
    REST_BITS = 64 - REACH_PRECISION,
    VALUE_MAX = REST_BITS + 1,
    VALUE_BITS = 6,
    VALUE_MASK = (1 << VALUE_BITS) - 1,
    GROUP = 8, // registers that end with a byte
    GROUP_BYTES = GROUP * VALUE_BITS / 8,
    ROOM_FIRST = 4,
};

enum form { FORM_SET = 1, FORM_SPARSE = 2, FORM_DENSE = 3 };

void reach_fini(struct reach *r) {
    free(r->members);
    free(r->registers);
    *r = (struct reach){0};
}

// --- Members

static void members_reserve(struct reach *r, uint32_t count) {
    if (count <= r->room)
        return;
    uint32_t room = r->room > 0 ? 2 * r->room : ROOM_FIRST;
    while (room < count)
        room *= 2;
    r->members = memory_grow(r->members, room, sizeof(*r->members));
    r->room = room;
}

// From the end on, so that nothing is overwritten before it has moved.
static void members_unite(struct reach *into, const struct reach *from, uint32_t news) {
    members_reserve(into, into->count + news);
    uint32_t i = into->count, j = from->count, to = into->count + news;
    into->count = to;
    while (j > 0) {
        int order = i > 0 ? member_compare(into->members[i - 1], from->members[j - 1]) : -1;
        into->members[--to] = order > 0 ? into->members[i - 1] : from->members[j - 1];
        i -= order >= 0 && i > 0;
        j -= order <= 0;
    }
}

// --- Registers

static uint64_t group_get(const unsigned char *registers, uint32_t group) {
    uint32_t low;
    uint16_t high;
    memcpy(&low, registers + group * GROUP_BYTES, sizeof(low));
    memcpy(&high, registers + group * GROUP_BYTES + sizeof(low), sizeof(high));
    return le32toh(low) | (uint64_t)le16toh(high) << 32;
}

static void group_set(unsigned char *registers, uint32_t group, uint64_t values) {
    uint32_t low = htole32((uint32_t)values);
    uint16_t high = htole16((uint16_t)(values >> 32));
    memcpy(registers + group * GROUP_BYTES, &low, sizeof(low));
    memcpy(registers + group * GROUP_BYTES + sizeof(low), &high, sizeof(high));
}

static unsigned registers_get(const unsigned char *registers, uint32_t index) {
    return group_get(registers, index / GROUP) >> (index % GROUP * VALUE_BITS) & VALUE_MASK;
}

static void registers_raise(unsigned char *registers, uint32_t index, unsigned value) {
    unsigned shift = index % GROUP * VALUE_BITS;
    uint64_t values = group_get(registers, index / GROUP);
    if ((values >> shift & VALUE_MASK) >= value)
        return;
    values = (values & ~((uint64_t)VALUE_MASK << shift)) | (uint64_t)value << shift;
    group_set(registers, index / GROUP, values);
}

// Takes the lowest value that is not 0 out of a group; false where there is none left.
static inline bool group_next(uint64_t *group, uint32_t *place, unsigned *value) {
    if (*group == 0)
        return false;
    *place = (uint32_t)__builtin_ctzll(*group) / VALUE_BITS;
    *value = *group >> (*place * VALUE_BITS) & VALUE_MASK;
    *group &= ~((uint64_t)VALUE_MASK << (*place * VALUE_BITS));
    return true;
}

static uint32_t register_of(uint64_t hash) {
    return (uint32_t)(hash >> REST_BITS);
}

static unsigned value_of(uint64_t hash) {
    uint64_t rest = hash << REACH_PRECISION;
    return (unsigned)(rest == 0 ? REST_BITS : __builtin_clzll(rest)) + 1;
}

static void registers_add(unsigned char *registers, uint64_t hash) {
    registers_raise(registers, register_of(hash), value_of(hash));
}

// The greater of each two of every other value of a group, which leaves the bit above each free: there a one
// outlasts the difference where a's is not less.
static uint64_t greater_of_four(uint64_t a, uint64_t b) {
    const uint64_t values = UINT64_C(0x03f03f03f03f), above = UINT64_C(0x040040040040);
    a &= values;
    b &= values;
    uint64_t not_less = ((a | above) - b) & above, from_a = not_less - (not_less >> VALUE_BITS);
    return (a & from_a) | (b & ~from_a);
}

static void registers_merge(unsigned char *into, const unsigned char *from) {
    for (uint32_t group = 0; group < REACH_REGISTERS / GROUP; group++) {
        uint64_t a = group_get(into, group), b = group_get(from, group);
        group_set(into, group,
                  greater_of_four(a, b) | greater_of_four(a >> VALUE_BITS, b >> VALUE_BITS) << VALUE_BITS);
    }
}

void reach_forget_members(struct reach *r) {
    if (!reach_is_exact(r))
        return;
    unsigned char *registers = memory_take(REACH_SKETCH_BYTES);
    for (uint32_t i = 0; i < r->count; i++)
        registers_add(registers, r->members[i].high);
    reach_fini(r);
    r->registers = registers;
}

// --- Both

void reach_add(struct reach *r, const unsigned char pseudonym[PSEUDONYM_SIZE]) {
    struct reach_member m = member_of(pseudonym);
    if (!reach_is_exact(r)) {
        registers_add(r->registers, m.high);
        return;
    }
    uint32_t place = member_place(r->members, r->count, m);
    if (place < r->count && member_compare(r->members[place], m) == 0)
        return;
    if (r->count == REACH_EXACT_MAX) {
        reach_forget_members(r);
        registers_add(r->registers, m.high);
        return;
    }
    members_reserve(r, r->count + 1);
    memmove(&r->members[place + 1], &r->members[place], (r->count - place) * sizeof(m));
    r->members[place] = m;
    r->count++;
}

void reach_prefetch(const struct reach *r, const unsigned char pseudonym[PSEUDONYM_SIZE]) {
    struct reach_member m = member_of(pseudonym);
    if (!reach_is_exact(r))
        __builtin_prefetch(r->registers + (m.high >> REST_BITS) / GROUP * GROUP_BYTES, 1);
    else if (r->count > 0)
        __builtin_prefetch(&r->members[(m.high >> 32) * r->count >> 32], 1);
}

static void merge_members(struct reach *into, const struct reach *from) {
    uint32_t news =
        reach_is_exact(into) ? members_new(into->members, into->count, from->members, from->count) : 0;
    if (into->count + news > REACH_EXACT_MAX)
        reach_forget_members(into);
    if (reach_is_exact(into)) {
        members_unite(into, from, news);
        return;
    }
    for (uint32_t i = 0; i < from->count; i++)
        registers_add(into->registers, from->members[i].high);
}

void reach_merge(struct reach *into, const struct reach *from) {
    CHECK(into != from);
    if (reach_is_exact(from)) {
        merge_members(into, from);
        return;
    }
    reach_forget_members(into);
    registers_merge(into->registers, from->registers);
}

size_t reach_memory(const struct reach *r) {
    return r->room * sizeof(*r->members) + (reach_is_exact(r) ? 0 : REACH_SKETCH_BYTES);
}

bool reach_equal(const struct reach *a, const struct reach *b) {
    if (reach_is_exact(a) != reach_is_exact(b) || a->count != b->count)
        return false;
    if (!reach_is_exact(a))
        return memcmp(a->registers, b->registers, REACH_SKETCH_BYTES) == 0;
    return a->count == 0 || memcmp(a->members, b->members, a->count * sizeof(*a->members)) == 0;
}

// --- The count: algorithm 6 of Ertl's paper. Of libm it takes the square root alone, which every one rounds
// --- alike.

// x + sum of x^(2^k) 2^(k-1), for the registers that are still zero.
static double sigma(double x) {
    if (x == 1)
        return INFINITY;
    double sum = x, before, weight = 1;
    do {
        x *= x;
        before = sum;
        sum += x * weight;
        weight += weight;
    } while (sum != before);
    return sum;
}

// (1 - x - sum of (1 - x^(2^-k))^2 2^-k) / 3, for those at their end.
static double tau(double x) {
    if (x == 0 || x == 1)
        return 0;
    double sum = 1 - x, before, weight = 1;
    do {
        x = sqrt(x);
        before = sum;
        weight /= 2;
        sum -= (1 - x) * (1 - x) * weight;
    } while (sum != before);
    return sum / 3;
}

static double estimate(const unsigned char *registers) {
    const double m = REACH_REGISTERS, alpha = 0.72134752044448170368; // 1 / (2 ln 2)
    uint32_t having[VALUE_MASK + 1] = {REACH_REGISTERS}, place;
    unsigned value;
    for (uint32_t group = 0; group < REACH_REGISTERS / GROUP; group++) {
        for (uint64_t values = group_get(registers, group); group_next(&values, &place, &value); having[0]--)
            having[value]++;
    }
    double z = m * tau(1 - having[VALUE_MAX] / m);
    for (int i = REST_BITS; i >= 1; i--)
        z = (z + having[i]) / 2;
    z += m * sigma(having[0] / m);
    return alpha * m * (m / z);
}

uint64_t reach_count(const struct reach *r) {
    if (reach_is_exact(r))
        return r->count;
    double count = estimate(r->registers);
    return count < 0x1p63 ? (uint64_t)(count + 0.5) : UINT64_C(1) << 63; // every register at its end: no end
}

// --- The written form

static size_t write_set(const struct reach *r, unsigned char *out) {
    for (uint32_t i = 0; i < r->count; i++, out += PSEUDONYM_SIZE)
        member_store(out, r->members[i]);
    return (size_t)r->count * PSEUDONYM_SIZE;
}

// 0: not shorter than the dense form.
static size_t write_sparse(const unsigned char *registers, unsigned char *out) {
    unsigned char *at = out;
    uint32_t before = 0, place;
    unsigned value;
    for (uint32_t group = 0; group < REACH_REGISTERS / GROUP; group++) {
        for (uint64_t values = group_get(registers, group); group_next(&values, &place, &value);) {
            uint32_t index = group * GROUP + place;
            uint64_t entry = (uint64_t)(index - before) << VALUE_BITS | value;
            if ((size_t)(at - out) + varint_size(entry) >= REACH_SKETCH_BYTES)
                return 0;
            at = varint_write(at, entry);
            before = index;
        }
    }
    return (size_t)(at - out);
}

// What write_sparse makes of their registers. Members ascend, and so do these; so few are always shorter than
// the dense form.
static size_t write_sparse_of(const struct reach *set, unsigned char *out) {
    unsigned char *at = out;
    uint32_t before = 0;
    for (uint32_t i = 0, next; i < set->count; i = next) {
        uint32_t index = register_of(set->members[i].high);
        unsigned value = 0;
        for (next = i; next < set->count && register_of(set->members[next].high) == index; next++) {
            unsigned own = value_of(set->members[next].high);
            value = own > value ? own : value;
        }
        at = varint_write(at, (uint64_t)(index - before) << VALUE_BITS | value);
        before = index;
    }
    return (size_t)(at - out);
}

static bool is_blank(const unsigned char *registers) {
    for (size_t i = 0; i < REACH_SKETCH_BYTES; i++) {
        if (registers[i] != 0)
            return false;
    }
    return true;
}

size_t reach_write(const struct reach *r, unsigned char out[REACH_BYTES_MAX]) {
    if (reach_is_exact(r)) {
        out[0] = FORM_SET;
        return 1 + write_set(r, out + 1);
    }
    size_t length = write_sparse(r->registers, out + 1);
    if (length > 0 || is_blank(r->registers)) {
        out[0] = FORM_SPARSE;
        return 1 + length;
    }
    out[0] = FORM_DENSE;
    memcpy(out + 1, r->registers, REACH_SKETCH_BYTES);
    return REACH_BYTES_MAX;
}

size_t reach_write_forgotten(const struct reach *r, unsigned char out[REACH_BYTES_MAX]) {
    if (!reach_is_exact(r))
        return reach_write(r, out);
    out[0] = FORM_SPARSE;
    return 1 + write_sparse_of(r, out + 1);
}

static bool read_set(struct reach *r, const unsigned char *at, size_t length) {
    if (length % PSEUDONYM_SIZE != 0 || length / PSEUDONYM_SIZE > REACH_EXACT_MAX)
        return false;
    members_reserve(r, (uint32_t)(length / PSEUDONYM_SIZE));
    for (const unsigned char *end = at + length; at < end; at += PSEUDONYM_SIZE) {
        struct reach_member m = member_of(at);
        if (r->count > 0 && member_compare(r->members[r->count - 1], m) >= 0)
            return false;
        r->members[r->count++] = m;
    }
    return true;
}

static bool read_sparse(struct reach *r, const unsigned char *at, size_t length) {
    if (length >= REACH_SKETCH_BYTES)
        return false;
    uint64_t index = 0, entry;
    bool first = true;
    for (const unsigned char *end = at + length; at < end; first = false) {
        if (!varint_read(&at, end, &entry))
            return false;
        uint64_t step = entry >> VALUE_BITS, value = entry & VALUE_MASK;
        if ((step == 0 && !first) || step >= REACH_REGISTERS - index || value == 0 || value > VALUE_MAX)
            return false;
        index += step;
        registers_raise(r->registers, (uint32_t)index, (unsigned)value);
    }
    return true;
}

static bool read_dense(struct reach *r, const unsigned char *at, size_t length) {
    unsigned char sparse[REACH_SKETCH_BYTES];
    if (length != REACH_SKETCH_BYTES)
        return false;
    memcpy(r->registers, at, length);
    for (uint32_t i = 0; i < REACH_REGISTERS; i++) {
        if (registers_get(r->registers, i) > VALUE_MAX)
            return false;
    }
    return !is_blank(r->registers) && write_sparse(r->registers, sparse) == 0;
}

static bool read_form(struct reach *r, enum form form, const unsigned char *at, size_t length) {
    switch (form) {
    case FORM_SET:
        return read_set(r, at, length);
    case FORM_SPARSE:
        r->registers = memory_take(REACH_SKETCH_BYTES);
        return read_sparse(r, at, length);
    case FORM_DENSE:
        r->registers = memory_take(REACH_SKETCH_BYTES);
        return read_dense(r, at, length);
    default:
        return false;
    }
}

bool reach_read(struct reach *r, struct slice bytes) {
    const unsigned char *at = (const unsigned char *)bytes.at;
    *r = (struct reach){0};
    if (bytes.length == 0)
        return false;
    if (read_form(r, (enum form)at[0], at + 1, bytes.length - 1))
        return true;
    reach_fini(r);
    return false;
}
