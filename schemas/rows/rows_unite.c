// Whom an account reached, by class of event, as the unions that are told.
#include "schemas/rows/rows_table.h"

enum { ORIGINS = 5, ORIGIN_BRAND = 1, ORIGIN_UGC, ORIGIN_AMBASSADOR, ORIGIN_EMPLOYEE };

_Static_assert((int)CLASSES == 2 * (int)ORIGINS, "a class for each origin, paid and not");

// Of an origin both classes.
#define OF(origin) ((uint16_t)(1u << (origin) | 1u << ((origin) + ORIGINS)))
#define ORGANIC    ((uint16_t)((1u << ORIGINS) - 1))
#define PAID       ((uint16_t)(ORGANIC << ORIGINS))

static const enum sketched of_origin[ORIGINS] = {[ORIGIN_BRAND] = SKETCHED_ACTORS_BRAND,
                                                 [ORIGIN_UGC] = SKETCHED_ACTORS_UGC,
                                                 [ORIGIN_AMBASSADOR] = SKETCHED_ACTORS_AMBASSADOR,
                                                 [ORIGIN_EMPLOYEE] = SKETCHED_ACTORS_EMPLOYEE};

unsigned sketched_class(bool paid, uint32_t origin) {
    return (paid ? ORIGINS : 0) + (origin < ORIGINS ? origin : 0);
}

bool sketched_of_origin(enum sketched *of, uint32_t origin) {
    bool is_listed = origin > 0 && origin < ORIGINS;
    *of = is_listed ? of_origin[origin] : SKETCHED_ACTORS;
    return is_listed;
}

static struct reach *reach_of(struct rows *r, uint32_t set, enum sketched of) {
    const struct sketch_set *names = &r->sketch_sets.at[set];
    uint32_t number = rows_sketch_number(r, of, r->accounts.at[names->account], names->platform);
    r->sketches.at[number].sketch.reached = 0;
    return &r->sketches.at[number].sketch.reach;
}

static void unite(struct rows *r, uint32_t set, enum sketched of, const struct classes *c, uint16_t mask) {
    struct reach *reach = reach_of(r, set, of);
    r->sketch_bytes -= reach_memory(reach);
    classes_unite(c, mask, reach);
    r->sketch_bytes += reach_memory(reach);
}

static void all_unite(struct rows *r, uint32_t set, enum sketched half) {
    struct reach *all = reach_of(r, set, SKETCHED_ACTORS); // the array may grow here, and not after
    const struct reach *of = reach_of(r, set, half);
    r->sketch_bytes -= reach_memory(all);
    reach_merge(all, of);
    r->sketch_bytes += reach_memory(all);
}

static void set_unite(struct rows *r, uint32_t set, const struct classes *c) {
    unite(r, set, SKETCHED_ACTORS_ORGANIC, c, ORGANIC);
    unite(r, set, SKETCHED_ACTORS_PAID, c, PAID);
    for (uint32_t origin = ORIGIN_BRAND; origin < ORIGINS; origin++)
        unite(r, set, of_origin[origin], c, OF(origin));
    unite(r, set, SKETCHED_ACTORS_ADVOCACY, c, OF(ORIGIN_AMBASSADOR) | OF(ORIGIN_EMPLOYEE));
    all_unite(r, set, SKETCHED_ACTORS_ORGANIC);
    all_unite(r, set, SKETCHED_ACTORS_PAID);
}

void rows_unite(struct rows *r) {
    uint32_t count = r->sketch_sets.count;
    for (uint32_t set = 0; set < count; set++) {
        uint32_t place = r->sketch_sets.at[set].numbers[SKETCHED_ACTED];
        struct classes c = place != 0 ? r->sketches.at[place - 1].sketch.classes : (struct classes){0};
        if (classes_is_empty(&c))
            continue;
        r->sketches.at[place - 1].sketch.classes = (struct classes){0};
        r->sketch_bytes -= classes_memory(&c);
        set_unite(r, set, &c);
        classes_fini(&c);
    }
}
