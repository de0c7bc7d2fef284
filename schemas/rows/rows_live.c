// Live sessions: how the number of viewers changes, second by second.
#include "runtime/check.h"
#include "runtime/hash.h"
#include "schemas/rows/rows_table.h"

static uint32_t live_hash(const struct live_session *live) {
    uint64_t hash = hash_slice(live->session, hash_slice(live->account, live->platform));
    return slots_hash(hash ^ hash_integer((uint64_t)live->start_s));
}

static bool is_of_same(const struct live_session *a, const struct live_session *b) {
    return a->start_s == b->start_s && a->platform == b->platform && slice_equal(a->session, b->session) &&
           slice_equal(a->account, b->account);
}

// The slot of the session in its window, or the free one where it would stand.
static struct slot *live_slot(const struct rows *r, const struct live_session *live, uint32_t hash) {
    struct slot *slot = slots_first(&r->live_slots, hash);
    while (slot->number != 0 && (slot->hash != hash || !is_of_same(&r->live.at[slot->number - 1].live, live)))
        slot = slots_next(&r->live_slots, slot);
    return slot;
}

static struct kept_live *live_make(struct rows *r, const struct live_session *live, struct slot *slot,
                                   uint32_t hash) {
    CHECK(live->session.length > 0 && live->session.length <= ROWS_ID_MAX && r->live.count < ROWS_FIRST);
    CHECK(live->start_s >= 0 && live->start_s % ROWS_WINDOW_S == 0);
    struct kept_live kept = {.live = {.platform = live->platform, .start_s = live->start_s}};
    uint32_t account = rows_account(r, live->account);
    kept.live.account = r->accounts.at[account];
    kept.live.session = rows_keep(r, live->session);
    rows_append(&r->live, kept);
    slots_fill(&r->live_slots, slot, hash, r->live.count - 1);
    return &r->live.at[r->live.count - 1];
}

static void sum(int64_t *into, int64_t value) {
    *into = (int64_t)((uint64_t)*into + (uint64_t)value);
}

// How many changes lie before a second: most come in the order of time.
static uint32_t change_place(const struct kept_live *kept, uint32_t second) {
    uint32_t low = 0, high = kept->live.change_count;
    if (high > 0 && kept->changes[high - 1].second < second)
        return high;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (kept->changes[middle].second < second)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void change_insert(struct rows *r, struct kept_live *kept, uint32_t place,
                          const struct live_change *change) {
    uint32_t count = kept->live.change_count++;
    if (count == kept->room) {
        uint32_t room = count < 4 ? 4 : 2 * count;
        r->live_bytes += (room - kept->room) * sizeof(*kept->changes);
        kept->room = room;
        kept->live.changes = kept->changes = memory_grow(kept->changes, room, sizeof(*kept->changes));
    }
    memmove(&kept->changes[place + 1], &kept->changes[place], (count - place) * sizeof(*kept->changes));
    kept->changes[place] = *change;
}

static void change_add(struct rows *r, struct kept_live *kept, const struct live_change *change) {
    CHECK(change->second < ROWS_LIVE_S);
    uint32_t place = change_place(kept, change->second);
    if (place < kept->live.change_count && kept->changes[place].second == change->second)
        sum(&kept->changes[place].change, change->change);
    else
        change_insert(r, kept, place, change);
}

void rows_add_live(struct rows *r, const struct live_session *live) {
    uint32_t hash = live_hash(live);
    struct slot *slot = live_slot(r, live, hash);
    struct kept_live *kept =
        slot->number != 0 ? &r->live.at[slot->number - 1] : live_make(r, live, slot, hash);
    sum(&kept->live.joins, live->joins);
    sum(&kept->live.leaves, live->leaves);
    sum(&kept->live.watch_ms, live->watch_ms);
    sum(&kept->live.expired, live->expired);
    sum(&kept->live.returned, live->returned);
    for (uint32_t i = 0; i < live->change_count; i++)
        change_add(r, kept, &live->changes[i]);
}

void rows_live_fini(struct rows *r) {
    for (uint32_t i = 0; i < r->live.count; i++)
        free(r->live.at[i].changes);
    rows_array_fini(&r->live);
}

size_t rows_live_count(const struct rows *r) {
    return r->live.count;
}

const struct live_session *rows_live(const struct rows *r, size_t number) {
    CHECK(number < r->live.count);
    return &r->live.at[number].live;
}

bool live_session_is_empty(const struct live_session *live) {
    uint32_t i = 0;
    while (i < live->change_count && live->changes[i].change == 0)
        i++;
    return i == live->change_count && live->joins == 0 && live->leaves == 0 && live->watch_ms == 0 &&
           live->expired == 0 && live->returned == 0;
}

int live_session_order(const struct live_session *a, const struct live_session *b) {
    int differs = slice_compare(a->account, b->account);
    if (differs == 0)
        differs = (a->platform > b->platform) - (a->platform < b->platform);
    if (differs == 0)
        differs = slice_compare(a->session, b->session);
    return differs != 0 ? differs : (a->start_s > b->start_s) - (a->start_s < b->start_s);
}

static int number_order(const void *a, const void *b, void *rows) {
    const struct rows *r = rows;
    return live_session_order(&r->live.at[*(const uint32_t *)a].live, &r->live.at[*(const uint32_t *)b].live);
}

size_t rows_sort_live(const struct rows *r, uint32_t *out) {
    size_t count = 0;
    for (uint32_t i = 0; i < r->live.count; i++) {
        if (!live_session_is_empty(&r->live.at[i].live))
            out[count++] = i;
    }
    qsort_r(out, count, sizeof(*out), number_order, (void *)(uintptr_t)r);
    return count;
}
