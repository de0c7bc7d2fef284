// Sketches by account and platform: of whom an account reached, and of how long things took.
#include "runtime/check.h"
#include "runtime/hash.h"
#include "schemas/snapshot/rows_table.h"

const struct sketched_row sketched_rows[SKETCHED_COUNT] = {
#define SKETCH(id, table, name, doc) {TABLE_##table, name},
#include "schemas/sketches.def"
#undef SKETCH
};

static uint32_t sketch_hash(enum sketched of, uint32_t account, uint32_t platform) {
    return slots_hash(hash_integer((uint64_t)account << 32 | platform) + of * UINT64_C(0x9e3779b97f4a7c15));
}

// The slot of a sketch, or the free one where it would stand.
static struct slot *sketch_slot(const struct rows *r, enum sketched of, uint32_t account, uint32_t platform) {
    uint32_t hash = sketch_hash(of, account, platform);
    struct slot *slot = slots_first(&r->sketch_slots, hash);
    for (; slot->number != 0; slot = slots_next(&r->sketch_slots, slot)) {
        const struct kept_sketch *kept = &r->sketches.at[slot->number - 1];
        if (kept->account == account && kept->sketch.platform == platform && kept->sketch.of == of)
            break;
    }
    return slot;
}

static struct sketch *sketch_of(struct rows *r, enum sketched of, struct slice account, uint32_t platform) {
    uint32_t number = rows_account(r, account);
    struct slot *slot = sketch_slot(r, of, number, platform);
    if (slot->number != 0)
        return &r->sketches.at[slot->number - 1].sketch;
    CHECK(r->sketches.count < ROWS_FIRST);
    rows_append(&r->sketches, (struct kept_sketch){.sketch = {.of = of, .platform = platform}});
    struct kept_sketch *kept = &r->sketches.at[r->sketches.count - 1];
    kept->account = number;
    kept->sketch.account = r->accounts.at[number];
    slots_fill(&r->sketch_slots, slot, sketch_hash(of, number, platform), r->sketches.count - 1);
    return &kept->sketch;
}

void rows_sketches_fini(struct rows *r) {
    for (uint32_t i = 0; i < r->sketches.count; i++) {
        reach_fini(&r->sketches.at[i].sketch.reach);
        quantiles_fini(&r->sketches.at[i].sketch.quantiles);
    }
    free(r->sketches.at);
}

void rows_add_reached(struct rows *r, enum sketched of, struct slice account, uint32_t platform,
                      const unsigned char pseudonym[PSEUDONYM_SIZE]) {
    CHECK(sketched_rows[of].table == TABLE_REACH);
    struct sketch *s = sketch_of(r, of, account, platform);
    r->sketch_bytes -= reach_memory(&s->reach);
    reach_add(&s->reach, pseudonym);
    r->sketch_bytes += reach_memory(&s->reach);
    s->reached = 0;
}

void rows_add_duration(struct rows *r, enum sketched of, struct slice account, uint32_t platform,
                       int64_t duration_ms) {
    CHECK(sketched_rows[of].table == TABLE_QUANTILES);
    struct sketch *s = sketch_of(r, of, account, platform);
    r->sketch_bytes -= quantiles_memory(&s->quantiles);
    quantiles_add(&s->quantiles, duration_ms, 1);
    r->sketch_bytes += quantiles_memory(&s->quantiles);
}

static size_t memory_of(const struct sketch *s) {
    return reach_memory(&s->reach) + quantiles_memory(&s->quantiles);
}

void rows_keep_sketch(struct rows *r, const struct sketch *sketch) {
    uint32_t before = r->sketches.count;
    struct sketch *s = sketch_of(r, sketch->of, sketch->account, sketch->platform);
    s->reached = r->sketches.count > before ? sketch->reached : 0;
    r->sketch_bytes -= memory_of(s);
    reach_merge(&s->reach, &sketch->reach);
    quantiles_merge(&s->quantiles, &sketch->quantiles);
    r->sketch_bytes += memory_of(s);
}

size_t rows_sketch_count(const struct rows *r) {
    return r->sketches.count;
}

const struct sketch *rows_sketch(const struct rows *r, size_t number) {
    CHECK(number < r->sketches.count);
    return &r->sketches.at[number].sketch;
}

const struct sketch *rows_sketch_find(const struct rows *r, enum sketched of, struct slice account,
                                      uint32_t platform) {
    uint32_t number = rows_account_find(r, account);
    const struct slot *slot = number != ROWS_END ? sketch_slot(r, of, number, platform) : NULL;
    return slot != NULL && slot->number != 0 ? &r->sketches.at[slot->number - 1].sketch : NULL;
}

uint64_t rows_sketch_reached(const struct sketch *s) {
    return s->reached > 0 ? s->reached : reach_count(&s->reach);
}

void rows_prefetch_reached(const struct rows *r, enum sketched of, struct slice account, uint32_t platform,
                           const unsigned char pseudonym[PSEUDONYM_SIZE]) {
    const struct sketch *s = rows_sketch_find(r, of, account, platform);
    if (s != NULL)
        reach_prefetch(&s->reach, pseudonym);
}
