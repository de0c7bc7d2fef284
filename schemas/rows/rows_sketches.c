// Sketches by account and platform: of whom an account reached, and of how long things took.
#include "runtime/check.h"
#include "runtime/hash.h"
#include "schemas/rows/rows_table.h"

const struct sketched_row sketched_rows[SKETCHED_COUNT] = {
#define SKETCH(id, table, name, doc) {TABLE_##table, name},
#include "schemas/sketches.def"
#undef SKETCH
};

static uint32_t set_hash(uint32_t account, uint32_t platform) {
    return slots_hash(hash_integer((uint64_t)account << 32 | platform));
}

// The slot of a set, or the free one where it would stand.
static struct slot *set_slot(const struct rows *r, uint32_t account, uint32_t platform) {
    struct slot *slot = slots_first(&r->sketch_slots, set_hash(account, platform));
    for (; slot->number != 0; slot = slots_next(&r->sketch_slots, slot)) {
        const struct sketch_set *set = &r->sketch_sets.at[slot->number - 1];
        if (set->account == account && set->platform == platform)
            break;
    }
    return slot;
}

static uint32_t set_number(struct rows *r, uint32_t account, uint32_t platform) {
    struct slot *slot = set_slot(r, account, platform);
    if (slot->number != 0)
        return slot->number - 1;
    rows_append(&r->sketch_sets, (struct sketch_set){account, platform, {0}});
    slots_fill(&r->sketch_slots, slot, set_hash(account, platform), r->sketch_sets.count - 1);
    return r->sketch_sets.count - 1;
}

static bool is_last(const struct rows *r, uint32_t account, uint32_t platform) {
    if (r->last_set == ROWS_END)
        return false;
    const struct sketch_set *last = &r->sketch_sets.at[r->last_set];
    return last->account == account && last->platform == platform;
}

// An event asks for it several times.
static struct sketch_set *set_of(struct rows *r, uint32_t account, uint32_t platform) {
    if (!is_last(r, account, platform))
        r->last_set = set_number(r, account, platform);
    return &r->sketch_sets.at[r->last_set];
}

uint32_t rows_sketch_number(struct rows *r, enum sketched of, struct slice account, uint32_t platform) {
    uint32_t number = rows_account(r, account);
    uint32_t *place = &set_of(r, number, platform)->numbers[of];
    if (*place != 0)
        return *place - 1;
    CHECK(r->sketches.count < ROWS_FIRST);
    rows_append(&r->sketches, (struct kept_sketch){.sketch = {.of = of, .platform = platform}});
    struct kept_sketch *kept = &r->sketches.at[r->sketches.count - 1];
    kept->account = number;
    kept->sketch.account = r->accounts.at[number];
    *place = r->sketches.count;
    return *place - 1;
}

void rows_sketches_fini(struct rows *r) {
    for (uint32_t i = 0; i < r->sketches.count; i++) {
        classes_fini(&r->sketches.at[i].sketch.classes);
        reach_fini(&r->sketches.at[i].sketch.reach);
        quantiles_fini(&r->sketches.at[i].sketch.quantiles);
    }
    rows_array_fini(&r->sketches);
    rows_array_fini(&r->sketch_sets);
}

void rows_add_acted(struct rows *r, uint32_t sketch, unsigned class,
                    const unsigned char pseudonym[PSEUDONYM_SIZE]) {
    struct sketch *s = &r->sketches.at[sketch].sketch;
    CHECK(sketch < r->sketches.count && s->of == SKETCHED_ACTED);
    r->sketch_bytes -= classes_memory(&s->classes);
    classes_add(&s->classes, class, pseudonym);
    r->sketch_bytes += classes_memory(&s->classes);
}

void rows_add_reached(struct rows *r, uint32_t sketch, const unsigned char pseudonym[PSEUDONYM_SIZE]) {
    struct sketch *s = &r->sketches.at[sketch].sketch;
    CHECK(sketch < r->sketches.count && sketched_rows[s->of].table == TABLE_REACH && s->of != SKETCHED_ACTED);
    r->sketch_bytes -= reach_memory(&s->reach);
    reach_add(&s->reach, pseudonym);
    r->sketch_bytes += reach_memory(&s->reach);
    s->reached = 0;
}

void rows_prefetch_sketch(const struct rows *r, uint32_t sketch) {
    __builtin_prefetch(&r->sketches.at[sketch].sketch);
}

void rows_prefetch_reached(const struct rows *r, uint32_t sketch,
                           const unsigned char pseudonym[PSEUDONYM_SIZE]) {
    reach_prefetch(&r->sketches.at[sketch].sketch.reach, pseudonym);
}

void rows_prefetch_acted(const struct rows *r, uint32_t sketch, unsigned class,
                         const unsigned char pseudonym[PSEUDONYM_SIZE]) {
    classes_prefetch(&r->sketches.at[sketch].sketch.classes, class, pseudonym);
}

void rows_prefetch_duration(const struct rows *r, uint32_t sketch, int64_t duration_ms) {
    quantiles_prefetch(&r->sketches.at[sketch].sketch.quantiles, duration_ms);
}

void rows_add_duration(struct rows *r, uint32_t sketch, int64_t duration_ms) {
    struct sketch *s = &r->sketches.at[sketch].sketch;
    CHECK(sketch < r->sketches.count && sketched_rows[s->of].table == TABLE_QUANTILES);
    r->sketch_bytes -= quantiles_memory(&s->quantiles);
    quantiles_add(&s->quantiles, duration_ms, 1);
    r->sketch_bytes += quantiles_memory(&s->quantiles);
}

static size_t memory_of(const struct sketch *s) {
    return classes_memory(&s->classes) + reach_memory(&s->reach) + quantiles_memory(&s->quantiles);
}

void rows_keep_sketch(struct rows *r, const struct sketch *sketch) {
    uint32_t before = r->sketches.count;
    uint32_t number = rows_sketch_number(r, sketch->of, sketch->account, sketch->platform);
    struct sketch *s = &r->sketches.at[number].sketch;
    s->reached = r->sketches.count > before ? sketch->reached : 0;
    r->sketch_bytes -= memory_of(s);
    classes_merge(&s->classes, &sketch->classes);
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
    const struct slot *slot = number != ROWS_END ? set_slot(r, number, platform) : NULL;
    uint32_t place = slot != NULL && slot->number != 0 ? r->sketch_sets.at[slot->number - 1].numbers[of] : 0;
    return place != 0 ? &r->sketches.at[place - 1].sketch : NULL;
}

uint64_t rows_sketch_reached(const struct sketch *s) {
    if (s->of == SKETCHED_ACTED)
        return classes_count(&s->classes);
    return s->reached > 0 ? s->reached : reach_count(&s->reach);
}
