#include "runtime/config/rules_tracked.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/hash.h"
#include "runtime/memory.h"

static int brand_compare(const void *left, const void *right) {
    const struct slice *a = left, *b = right;
    return slice_compare(*a, *b);
}

// By its account, which is the first of it.
static int list_compare(const void *left, const void *right) {
    const struct rules_tracked *a = left, *b = right;
    return slice_compare(a->account, b->account);
}

static const struct rules_tracked *list_find(const struct rules_tracked *lists, size_t count,
                                             struct slice account) {
    const struct rules_tracked wanted = {.account = account};
    return count > 0 ? bsearch(&wanted, lists, count, sizeof(*lists), list_compare) : NULL;
}

bool rules_track(const struct rules *rules, struct slice account, struct slice brand) {
    const struct rules_tracked *list = list_find(rules->tracked, rules->tracked_count, account);
    if (list == NULL)
        return true;
    return list->count > 0 &&
           bsearch(&brand, list->brands, list->count, sizeof(brand), brand_compare) != NULL;
}

// ---- read

static struct slice text_copy(struct arena *names, const char *text) {
    size_t length = strlen(text);
    char *copy = arena_take_bytes(names, length + 1);
    memcpy(copy, text, length + 1);
    return (struct slice){copy, length};
}

static size_t brands_copy(struct arena *names, const struct document_node *node, struct slice **brands) {
    size_t count = 0, kept = 0;
    *brands = arena_take(names, (node->size + 1) * sizeof(**brands));
    for (const struct document_entry *entry = node->first; entry != NULL; entry = entry->next)
        (*brands)[count++] = text_copy(names, entry->value->text);
    if (count > 1)
        qsort(*brands, count, sizeof(**brands), brand_compare);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || !slice_equal((*brands)[kept - 1], (*brands)[i]))
            (*brands)[kept++] = (*brands)[i];
    }
    return kept;
}

bool tracked_add(struct tracked_lists *lists, struct arena *names, const char *account,
                 const struct document_node *brands) {
    struct slice *copies;
    for (size_t i = 0; i < lists->count; i++) {
        if (slice_equal(lists->at[i].account, slice_of(account)))
            return false;
    }
    size_t count = brands_copy(names, brands, &copies);
    lists->at = memory_grow(lists->at, lists->count + 1, sizeof(*lists->at));
    lists->at[lists->count++] = (struct rules_tracked){text_copy(names, account), copies, count};
    return true;
}

void tracked_settle(struct tracked_lists *lists, struct arena *names, struct rules *version) {
    size_t own = lists->count, count = own;
    struct rules_tracked *all = arena_take(names, (own + version->tracked_count + 1) * sizeof(*all));
    if (own > 0)
        qsort(lists->at, own, sizeof(*lists->at), list_compare);
    for (size_t i = 0; i < own; i++)
        all[i] = lists->at[i];
    for (size_t i = 0; i < version->tracked_count; i++) {
        if (list_find(all, own, version->tracked[i].account) == NULL)
            all[count++] = version->tracked[i];
    }
    if (count > 1)
        qsort(all, count, sizeof(*all), list_compare);
    version->tracked = all;
    version->tracked_count = count;
    free(lists->at);
    *lists = (struct tracked_lists){0};
}

// ---- hashed

// No text has a NUL: one ends each, and an empty one an account's list.
uint64_t tracked_hash(const struct rules *version) {
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    for (size_t i = 0; i < version->tracked_count; i++) {
        const struct rules_tracked *list = &version->tracked[i];
        XXH3_64bits_update(&state, list->account.at, list->account.length + 1);
        for (size_t b = 0; b < list->count; b++)
            XXH3_64bits_update(&state, list->brands[b].at, list->brands[b].length + 1);
        XXH3_64bits_update(&state, "", 1);
    }
    return XXH3_64bits_digest(&state);
}
