// Readings: of each counter that a platform tells as an absolute value, the last that was read.
#include "runtime/check.h"
#include "runtime/hash.h"
#include "schemas/rows/rows_table.h"

static uint32_t reading_hash(const struct latest_reading *reading) {
    uint64_t hash = hash_slice(reading->account, reading->platform);
    return slots_hash(hash_slice(reading->counter, hash_slice(reading->content, hash)));
}

static bool is_of_same(const struct latest_reading *a, const struct latest_reading *b) {
    return a->platform == b->platform && slice_equal(a->content, b->content) &&
           slice_equal(a->counter, b->counter) && slice_equal(a->account, b->account);
}

// The slot of what is read, or the free one where it would stand.
static struct slot *reading_slot(const struct rows *r, const struct latest_reading *reading, uint32_t hash) {
    struct slot *slot = slots_first(&r->reading_slots, hash);
    while (slot->number != 0 &&
           (slot->hash != hash || !is_of_same(&r->readings.at[slot->number - 1], reading)))
        slot = slots_next(&r->reading_slots, slot);
    return slot;
}

static bool is_later(const struct latest_reading *a, const struct latest_reading *b) {
    if (a->read_at_ms != b->read_at_ms)
        return a->read_at_ms > b->read_at_ms;
    int differs = memcmp(a->event_id, b->event_id, EVENT_ID_SIZE);
    return differs != 0 ? differs > 0 : a->value > b->value;
}

static void reading_make(struct rows *r, const struct latest_reading *reading, struct slot *slot,
                         uint32_t hash) {
    CHECK(reading->content.length <= ROWS_ID_MAX && reading->counter.length <= ROWS_READ_COUNTER_MAX &&
          reading->counter.length > 0 && reading->read_at_ms > 0 && r->readings.count < ROWS_FIRST);
    struct latest_reading kept = *reading;
    uint32_t account = rows_account(r, reading->account);
    kept.account = r->accounts.at[account];
    kept.content = rows_keep(r, reading->content);
    kept.counter = rows_keep(r, reading->counter);
    rows_append(&r->readings, kept);
    slots_fill(&r->reading_slots, slot, hash, r->readings.count - 1);
}

void rows_add_reading(struct rows *r, const struct latest_reading *reading) {
    uint32_t hash = reading_hash(reading);
    struct slot *slot = reading_slot(r, reading, hash);
    if (slot->number == 0) {
        reading_make(r, reading, slot, hash);
        return;
    }
    struct latest_reading *kept = &r->readings.at[slot->number - 1];
    if (!is_later(reading, kept))
        return;
    kept->value = reading->value;
    kept->read_at_ms = reading->read_at_ms;
    memcpy(kept->event_id, reading->event_id, EVENT_ID_SIZE);
}

size_t rows_reading_count(const struct rows *r) {
    return r->readings.count;
}

const struct latest_reading *rows_reading(const struct rows *r, size_t number) {
    CHECK(number < r->readings.count);
    return &r->readings.at[number];
}

const struct latest_reading *rows_reading_find(const struct rows *r, struct slice account, uint32_t platform,
                                               struct slice counter) {
    const struct latest_reading wanted = {
        .platform = platform, .account = account, .content = {"", 0}, .counter = counter};
    const struct slot *slot = reading_slot(r, &wanted, reading_hash(&wanted));
    return slot->number != 0 ? &r->readings.at[slot->number - 1] : NULL;
}

int latest_reading_order(const struct latest_reading *a, const struct latest_reading *b) {
    int differs = slice_compare(a->account, b->account);
    if (differs == 0)
        differs = (a->platform > b->platform) - (a->platform < b->platform);
    if (differs == 0)
        differs = slice_compare(a->content, b->content);
    return differs != 0 ? differs : slice_compare(a->counter, b->counter);
}

static int number_order(const void *a, const void *b, void *rows) {
    const struct rows *r = rows;
    return latest_reading_order(&r->readings.at[*(const uint32_t *)a], &r->readings.at[*(const uint32_t *)b]);
}

void rows_sort_readings(const struct rows *r, uint32_t *out) {
    for (uint32_t i = 0; i < r->readings.count; i++)
        out[i] = i;
    qsort_r(out, r->readings.count, sizeof(*out), number_order, (void *)(uintptr_t)r);
}
