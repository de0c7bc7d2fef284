#include "aggregate/keep/recent.h"

#include <stdlib.h>

#include "runtime/hash.h"
#include "runtime/memory.h"

enum { FIRST_CHAINS = 64 };

struct kept_value {
    int64_t start_s;
    void *value;
    size_t bytes;
    struct kept_value *next;           // of its chain
    struct kept_value *newer, *longer; // wanted later, and longer ago
};

struct recent {
    struct kept_value **chains;
    size_t chain_count, count; // chain_count: a power of two
    struct kept_value *newest, *oldest;
    size_t bytes, bytes_most;
    void (*drop)(void *value);
};

struct recent *recent_create(size_t bytes_most, void (*drop)(void *value)) {
    struct recent *r = memory_take(sizeof(*r));
    *r = (struct recent){.chain_count = FIRST_CHAINS, .bytes_most = bytes_most, .drop = drop};
    r->chains = memory_take(FIRST_CHAINS * sizeof(*r->chains));
    return r;
}

static struct kept_value **chain_of(const struct recent *r, int64_t start_s) {
    return &r->chains[hash_integer((uint64_t)start_s) & (r->chain_count - 1)];
}

// Where the window's value hangs, or would.
static struct kept_value **place_of(const struct recent *r, int64_t start_s) {
    struct kept_value **at = chain_of(r, start_s);
    while (*at != NULL && (*at)->start_s != start_s)
        at = &(*at)->next;
    return at;
}

static void unlink_order(struct recent *r, struct kept_value *v) {
    *(v->newer != NULL ? &v->newer->longer : &r->newest) = v->longer;
    *(v->longer != NULL ? &v->longer->newer : &r->oldest) = v->newer;
}

static void link_newest(struct recent *r, struct kept_value *v) {
    v->newer = NULL;
    v->longer = r->newest;
    *(r->newest != NULL ? &r->newest->newer : &r->oldest) = v;
    r->newest = v;
}

void *recent_take(struct recent *r, int64_t start_s) {
    struct kept_value **at = place_of(r, start_s), *gone = *at;
    if (gone == NULL)
        return NULL;
    void *value = gone->value;
    *at = gone->next;
    unlink_order(r, gone);
    r->bytes -= gone->bytes;
    r->count--;
    free(gone);
    return value;
}

void recent_forget(struct recent *r, int64_t start_s) {
    void *value = recent_take(r, start_s);
    if (value != NULL)
        r->drop(value);
}

void recent_destroy(struct recent **r) {
    if (*r == NULL)
        return;
    while ((*r)->oldest != NULL)
        recent_forget(*r, (*r)->oldest->start_s);
    free((*r)->chains);
    free(*r);
    *r = NULL;
}

void *recent_find(struct recent *r, int64_t start_s) {
    struct kept_value *found = *place_of(r, start_s);
    if (found == NULL)
        return NULL;
    unlink_order(r, found);
    link_newest(r, found);
    return found->value;
}

static void chains_double(struct recent *r) {
    free(r->chains);
    r->chain_count *= 2;
    r->chains = memory_take(r->chain_count * sizeof(*r->chains));
    for (struct kept_value *v = r->newest; v != NULL; v = v->longer) {
        struct kept_value **chain = chain_of(r, v->start_s);
        v->next = *chain;
        *chain = v;
    }
}

void recent_keep(struct recent *r, int64_t start_s, void *value, size_t bytes) {
    recent_forget(r, start_s);
    while (r->oldest != NULL && r->bytes + bytes > r->bytes_most)
        recent_forget(r, r->oldest->start_s);
    if (r->count == r->chain_count)
        chains_double(r);
    struct kept_value *v = memory_take(sizeof(*v)), **chain = chain_of(r, start_s);
    *v = (struct kept_value){.start_s = start_s, .value = value, .bytes = bytes, .next = *chain};
    *chain = v;
    link_newest(r, v);
    r->bytes += bytes;
    r->count++;
}

size_t recent_count(const struct recent *r) {
    return r->count;
}
