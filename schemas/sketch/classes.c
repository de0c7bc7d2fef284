#include "schemas/sketch/classes.h"

#include <stdlib.h>

#include "runtime/check.h"
#include "runtime/memory.h"
#include "schemas/sketch/members.h"
#include "schemas/sketch/varint.h"

enum { FORM_ONE = 4, FORM_APART = 5, MASK_BYTES = 2, ROOM_FIRST = 4, ALL = (1 << CLASSES) - 1 };

void classes_fini(struct classes *c) {
    for (unsigned class = 0; c->apart != NULL && class < CLASSES; class ++)
        reach_fini(&c->apart[class]);
    free(c->apart);
    free(c->members);
    free(c->masks);
    *c = (struct classes){0};
}

// ---- one set

static void reserve(struct classes *c, uint32_t count) {
    if (count <= c->room)
        return;
    uint32_t room = c->room > 0 ? 2 * c->room : ROOM_FIRST;
    while (room < count)
        room *= 2;
    c->members = memory_grow(c->members, room, sizeof(*c->members));
    c->masks = memory_grow(c->masks, room, sizeof(*c->masks));
    c->room = room;
}

// Those who are in any class of the mask.
static struct reach gather(const struct classes *c, uint16_t mask) {
    struct reach found = {0};
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->count; i++)
        count += (c->masks[i] & mask) != 0;
    if (count == 0)
        return found;
    found.members = memory_grow(NULL, count, sizeof(*found.members));
    found.room = count;
    for (uint32_t i = 0; i < c->count; i++) {
        if ((c->masks[i] & mask) != 0)
            found.members[found.count++] = c->members[i];
    }
    return found;
}

static void part(struct classes *c) {
    if (c->apart != NULL)
        return;
    struct reach *apart = memory_take(CLASSES * sizeof(*apart));
    for (unsigned class = 0; class < CLASSES; class ++)
        apart[class] = gather(c, (uint16_t)(1u << class));
    classes_fini(c);
    c->apart = apart;
}

// From the end on, so that nothing is overwritten before it has moved.
static void unite(struct classes *into, const struct classes *from, uint32_t news) {
    reserve(into, into->count + news);
    uint32_t i = into->count, j = from->count, to = into->count + news;
    into->count = to;
    while (j > 0) {
        int order = i > 0 ? member_compare(into->members[i - 1], from->members[j - 1]) : -1;
        uint16_t own = i > 0 ? into->masks[i - 1] : 0;
        to--;
        into->members[to] = order > 0 ? into->members[i - 1] : from->members[j - 1];
        into->masks[to] = (uint16_t)((order >= 0 ? own : 0) | (order <= 0 ? from->masks[j - 1] : 0));
        i -= order >= 0 && i > 0;
        j -= order <= 0;
    }
}

// ---- both

void classes_add(struct classes *c, unsigned class, const unsigned char pseudonym[PSEUDONYM_SIZE]) {
    CHECK(class < CLASSES);
    struct reach_member m = member_of(pseudonym);
    uint16_t mask = (uint16_t)(1u << class);
    uint32_t place = c->apart == NULL ? member_place(c->members, c->count, m) : 0;
    if (c->apart == NULL && place < c->count && member_compare(c->members[place], m) == 0) {
        c->masks[place] |= mask;
        return;
    }
    if (c->count == REACH_EXACT_MAX)
        part(c);
    if (c->apart != NULL) {
        reach_add(&c->apart[class], pseudonym);
        return;
    }
    reserve(c, c->count + 1);
    memmove(&c->members[place + 1], &c->members[place], (c->count - place) * sizeof(m));
    memmove(&c->masks[place + 1], &c->masks[place], (c->count - place) * sizeof(mask));
    c->members[place] = m;
    c->masks[place] = mask;
    c->count++;
}

void classes_prefetch(const struct classes *c, unsigned class,
                      const unsigned char pseudonym[PSEUDONYM_SIZE]) {
    if (c->apart != NULL)
        reach_prefetch(&c->apart[class], pseudonym);
    else if (c->count > 0)
        __builtin_prefetch(&c->members[(member_of(pseudonym).high >> 32) * c->count >> 32], 1);
}

void classes_merge(struct classes *into, const struct classes *from) {
    CHECK(into != from);
    bool is_one = into->apart == NULL && from->apart == NULL;
    uint32_t news = is_one ? members_new(into->members, into->count, from->members, from->count) : 0;
    if (is_one && into->count + news <= REACH_EXACT_MAX) {
        unite(into, from, news);
        return;
    }
    part(into);
    for (unsigned class = 0; class < CLASSES; class ++)
        classes_unite(from, (uint16_t)(1u << class), &into->apart[class]);
}

void classes_unite(const struct classes *c, uint16_t mask, struct reach *into) {
    if (c->apart == NULL) {
        struct reach found = gather(c, mask);
        reach_merge(into, &found);
        reach_fini(&found);
        return;
    }
    for (unsigned class = 0; class < CLASSES; class ++) {
        if ((mask >> class & 1) != 0)
            reach_merge(into, &c->apart[class]);
    }
}

bool classes_is_empty(const struct classes *c) {
    return c->apart == NULL && c->count == 0;
}

uint64_t classes_count(const struct classes *c) {
    struct reach all = {0};
    if (c->apart == NULL)
        return c->count;
    classes_unite(c, ALL, &all);
    uint64_t count = reach_count(&all);
    reach_fini(&all);
    return count;
}

size_t classes_memory(const struct classes *c) {
    size_t bytes = c->room * (sizeof(*c->members) + sizeof(*c->masks));
    for (unsigned class = 0; c->apart != NULL && class < CLASSES; class ++)
        bytes += sizeof(*c->apart) + reach_memory(&c->apart[class]);
    return bytes;
}

bool classes_equal(const struct classes *a, const struct classes *b) {
    if ((a->apart == NULL) != (b->apart == NULL) || a->count != b->count)
        return false;
    for (unsigned class = 0; a->apart != NULL && class < CLASSES; class ++) {
        if (!reach_equal(&a->apart[class], &b->apart[class]))
            return false;
    }
    return a->count == 0 || (memcmp(a->members, b->members, a->count * sizeof(*a->members)) == 0 &&
                             memcmp(a->masks, b->masks, a->count * sizeof(*a->masks)) == 0);
}

// ---- the written form

static size_t write_one(const struct classes *c, unsigned char *out) {
    unsigned char *at = out;
    for (uint32_t i = 0; i < c->count; i++, at += PSEUDONYM_SIZE)
        member_store(at, c->members[i]);
    for (uint32_t i = 0; i < c->count; i++) {
        *at++ = (unsigned char)c->masks[i];
        *at++ = (unsigned char)(c->masks[i] >> 8);
    }
    return (size_t)(at - out);
}

static size_t write_apart(const struct classes *c, unsigned char *out) {
    unsigned char bytes[REACH_BYTES_MAX], *at = out;
    for (unsigned class = 0; class < CLASSES; class ++) {
        const struct reach *of = &c->apart[class];
        if (reach_is_exact(of) && of->count == 0)
            continue;
        size_t length = reach_write(of, bytes);
        *at++ = (unsigned char)class;
        at = varint_write(at, length);
        memcpy(at, bytes, length);
        at += length;
    }
    return (size_t)(at - out);
}

size_t classes_write(const struct classes *c, unsigned char out[CLASSES_BYTES_MAX]) {
    out[0] = c->apart == NULL ? FORM_ONE : FORM_APART;
    return 1 + (c->apart == NULL ? write_one(c, out + 1) : write_apart(c, out + 1));
}

static bool read_one(struct classes *c, const unsigned char *at, size_t length) {
    enum { MEMBER_BYTES = PSEUDONYM_SIZE + MASK_BYTES };
    if (length % MEMBER_BYTES != 0 || length / MEMBER_BYTES > REACH_EXACT_MAX)
        return false;
    uint32_t count = (uint32_t)(length / MEMBER_BYTES);
    const unsigned char *masks = at + (size_t)count * PSEUDONYM_SIZE;
    reserve(c, count);
    for (uint32_t i = 0; i < count; i++) {
        c->members[i] = member_of(at + (size_t)i * PSEUDONYM_SIZE);
        c->masks[i] = (uint16_t)(masks[MASK_BYTES * i] | masks[MASK_BYTES * i + 1] << 8);
        if (c->masks[i] == 0 || c->masks[i] > ALL ||
            (i > 0 && member_compare(c->members[i - 1], c->members[i]) >= 0))
            return false;
    }
    c->count = count;
    return true;
}

// A class by itself may be few; all together are not.
static bool are_many(const struct classes *c) {
    struct reach all = {0};
    for (unsigned class = 0; class < CLASSES; class ++) {
        if (!reach_is_exact(&c->apart[class]))
            return true;
    }
    classes_unite(c, ALL, &all);
    bool many = !reach_is_exact(&all);
    reach_fini(&all);
    return many;
}

static bool read_apart(struct classes *c, const unsigned char *at, size_t length) {
    const unsigned char *end = at + length;
    int last = -1;
    c->apart = memory_take(CLASSES * sizeof(*c->apart));
    while (at < end) {
        uint64_t size;
        int class = *at++;
        if (class <= last || class >= CLASSES || !varint_read(&at, end, &size) || size > (size_t)(end - at) ||
            size < 2 || !reach_read(&c->apart[class], (struct slice){(const char *)at, size}))
            return false;
        at += size;
        last = class;
    }
    return are_many(c);
}

bool classes_read(struct classes *c, struct slice bytes) {
    const unsigned char *at = (const unsigned char *)bytes.at;
    *c = (struct classes){0};
    if (bytes.length == 0 || (at[0] != FORM_ONE && at[0] != FORM_APART))
        return false;
    bool is_whole =
        at[0] == FORM_ONE ? read_one(c, at + 1, bytes.length - 1) : read_apart(c, at + 1, bytes.length - 1);
    if (!is_whole)
        classes_fini(c);
    return is_whole;
}
