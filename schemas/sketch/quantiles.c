// The buckets, from the shortest value on: where one begins at v, its middle is the greatest whole number
// that is at most 1 % above v, and it ends at the greatest one that the middle is at most 1 % below:
//
//     middle = floor(v x 101 / 100)      last = floor(middle x 100 / 99)      the next begins at last + 1
//
// Whole numbers only, so that every machine has the same.
#include "schemas/sketch/quantiles.h"

#include <stdlib.h>

#include "runtime/check.h"
#include "runtime/memory.h"
#include "schemas/sketch/varint.h"

enum {
    FORM = 1,
    COUNT_BITS = 48,
    ROOM_FIRST = 2,
    SPARSE_MAX = 128, // buckets, before a value that needs another one makes room for all
    CELL_BITS = 5,    // cells to a doubling, as bits: each has few buckets
    CELLS = (63 - CELL_BITS) << CELL_BITS,
};

static int64_t bucket_last[QUANTILES_BUCKETS_MAX]; // the greatest value of each
static int64_t bucket_middle[QUANTILES_BUCKETS_MAX];
static uint16_t cell_first[CELLS]; // the bucket that a cell's least value is in

// Values with the same highest bit and the same CELL_BITS behind it share a cell.
static uint32_t cell_of(int64_t value_ms) {
    unsigned below = 63 - CELL_BITS - (unsigned)__builtin_clzll((uint64_t)value_ms);
    return (below << CELL_BITS) + (uint32_t)((uint64_t)value_ms >> below) - (1 << CELL_BITS);
}

// In the last is also what is longer.
static uint32_t bucket_of(int64_t value_ms) {
    if (value_ms < 100)
        return value_ms > 0 ? (uint32_t)value_ms : 0;
    uint32_t bucket = cell_first[cell_of(value_ms)];
    while (bucket < QUANTILES_BUCKETS_MAX - 1 && bucket_last[bucket] < value_ms)
        bucket++;
    return bucket;
}

static void cells_lay_out(void) {
    uint32_t bucket = 0;
    for (uint32_t cell = 0; cell < CELLS; cell++) {
        int64_t least = (int64_t)((cell & ((1 << CELL_BITS) - 1)) | 1 << CELL_BITS) << (cell >> CELL_BITS);
        while (bucket < QUANTILES_BUCKETS_MAX - 1 && bucket_last[bucket] < least)
            bucket++;
        cell_first[cell] = (uint16_t)bucket;
    }
}

__attribute__((constructor)) static void buckets_lay_out(void) {
    int64_t value = 1;
    for (int i = 1; i < QUANTILES_BUCKETS_MAX; i++) { // 0: the bucket of 0
        CHECK(value <= QUANTILES_LONGEST_MS);
        bucket_middle[i] = value * 101 / 100;
        bucket_last[i] = bucket_middle[i] * 100 / 99;
        value = bucket_last[i] + 1;
    }
    CHECK(value > QUANTILES_LONGEST_MS);
    cells_lay_out();
}

void quantiles_fini(struct quantiles *q) {
    free(q->buckets);
    *q = (struct quantiles){0};
}

static uint32_t number_of(uint64_t bucket) {
    return (uint32_t)(bucket >> COUNT_BITS);
}

static uint64_t count_of(uint64_t bucket) {
    return bucket & QUANTILES_COUNT_MAX;
}

static uint64_t bucket_with(uint32_t number, uint64_t count) {
    return number * (QUANTILES_COUNT_MAX + 1) + count;
}

static void bucket_raise(uint64_t *bucket, uint64_t count) {
    uint64_t room = QUANTILES_COUNT_MAX - count_of(*bucket);
    *bucket += count < room ? count : room;
}

static void buckets_reserve(struct quantiles *q, uint32_t count) {
    if (count <= q->room)
        return;
    uint32_t room = q->room > 0 ? 2 * q->room : ROOM_FIRST;
    while (room < count)
        room *= 2;
    q->buckets = memory_grow(q->buckets, room, sizeof(*q->buckets));
    q->room = room;
}

// The first place whose bucket is not before `number`; without branches, for nothing foretells them.
static uint32_t bucket_place(const struct quantiles *q, uint32_t number) {
    uint32_t first = 0, length = q->count;
    while (length > 1) {
        uint32_t half = length / 2;
        first += number_of(q->buckets[first + half - 1]) < number ? half : 0;
        length -= half;
    }
    return first + (length > 0 && number_of(q->buckets[first]) < number);
}

static bool has_all(const struct quantiles *q) {
    return q->count == QUANTILES_BUCKETS_MAX;
}

static void make_all(struct quantiles *q) {
    uint64_t *all = memory_grow(NULL, QUANTILES_BUCKETS_MAX, sizeof(*all));
    for (uint32_t number = 0; number < QUANTILES_BUCKETS_MAX; number++)
        all[number] = bucket_with(number, 0);
    for (uint32_t i = 0; i < q->count; i++)
        all[number_of(q->buckets[i])] = q->buckets[i];
    free(q->buckets);
    *q = (struct quantiles){all, QUANTILES_BUCKETS_MAX, QUANTILES_BUCKETS_MAX};
}

static uint64_t *bucket_make(struct quantiles *q, uint32_t number, uint32_t place) {
    if (q->count >= SPARSE_MAX) {
        make_all(q);
        return &q->buckets[number];
    }
    buckets_reserve(q, q->count + 1);
    memmove(&q->buckets[place + 1], &q->buckets[place], (q->count - place) * sizeof(*q->buckets));
    q->buckets[place] = bucket_with(number, 0);
    q->count++;
    return &q->buckets[place];
}

static uint64_t *bucket_at(struct quantiles *q, uint32_t number) {
    if (has_all(q))
        return &q->buckets[number];
    uint32_t place = bucket_place(q, number);
    bool is_there = place < q->count && number_of(q->buckets[place]) == number;
    return is_there ? &q->buckets[place] : bucket_make(q, number, place);
}

void quantiles_add(struct quantiles *q, int64_t value_ms, uint64_t count) {
    if (count > 0)
        bucket_raise(bucket_at(q, bucket_of(value_ms)), count);
}

void quantiles_prefetch(const struct quantiles *q, int64_t value_ms) {
    if (q->count > 0)
        __builtin_prefetch(has_all(q) ? &q->buckets[bucket_of(value_ms)] : &q->buckets[q->count / 2], 1);
}

void quantiles_merge(struct quantiles *into, const struct quantiles *from) {
    CHECK(into != from);
    if (has_all(from) && !has_all(into))
        make_all(into);
    for (uint32_t i = 0; i < from->count; i++) {
        if (count_of(from->buckets[i]) > 0)
            bucket_raise(bucket_at(into, number_of(from->buckets[i])), count_of(from->buckets[i]));
    }
}

// At most 1081 x 2^48: no overflow.
uint64_t quantiles_count(const struct quantiles *q) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < q->count; i++)
        count += count_of(q->buckets[i]);
    return count;
}

size_t quantiles_memory(const struct quantiles *q) {
    return q->room * sizeof(*q->buckets);
}

// The first place from `i` on whose bucket holds something.
static uint32_t next_held(const struct quantiles *q, uint32_t i) {
    while (i < q->count && count_of(q->buckets[i]) == 0)
        i++;
    return i;
}

bool quantiles_equal(const struct quantiles *a, const struct quantiles *b) {
    uint32_t i = next_held(a, 0), j = next_held(b, 0);
    while (i < a->count && j < b->count && a->buckets[i] == b->buckets[j]) {
        i = next_held(a, i + 1);
        j = next_held(b, j + 1);
    }
    return i == a->count && j == b->count;
}

bool quantiles_at(const struct quantiles *q, unsigned permille, int64_t *value_ms) {
    CHECK(permille <= 1000);
    if (q->count == 0)
        return false;
    uint64_t place = (uint64_t)((unsigned __int128)(quantiles_count(q) - 1) * permille / 1000);
    uint32_t i = 0;
    for (; place >= count_of(q->buckets[i]); i++)
        place -= count_of(q->buckets[i]);
    *value_ms = bucket_middle[number_of(q->buckets[i])];
    return true;
}

size_t quantiles_write(const struct quantiles *q, unsigned char out[QUANTILES_BYTES_MAX]) {
    unsigned char *at = out;
    uint32_t before = 0;
    *at++ = FORM;
    for (uint32_t i = next_held(q, 0); i < q->count; i = next_held(q, i + 1)) {
        uint32_t number = number_of(q->buckets[i]);
        at = varint_write(varint_write(at, number - before), count_of(q->buckets[i]));
        before = number;
    }
    return (size_t)(at - out);
}

static bool read_bucket(struct quantiles *q, const unsigned char **at, const unsigned char *end) {
    uint64_t step, count, before = q->count > 0 ? number_of(q->buckets[q->count - 1]) : 0;
    if (!varint_read(at, end, &step) || !varint_read(at, end, &count))
        return false;
    if ((step == 0 && q->count > 0) || step >= QUANTILES_BUCKETS_MAX - before)
        return false;
    if (count == 0 || count > QUANTILES_COUNT_MAX)
        return false;
    buckets_reserve(q, q->count + 1);
    q->buckets[q->count++] = bucket_with((uint32_t)(before + step), count);
    return true;
}

bool quantiles_read(struct quantiles *q, struct slice bytes) {
    const unsigned char *at = (const unsigned char *)bytes.at, *end = at + bytes.length;
    *q = (struct quantiles){0};
    bool good = bytes.length > 0 && *at++ == FORM;
    while (good && at < end)
        good = read_bucket(q, &at, end);
    if (!good)
        quantiles_fini(q);
    return good;
}
