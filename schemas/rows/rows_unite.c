// Whom an account reached, by class of event, as unions: an event adds its actor to one class alone, which is
// what makes it cheap to fold.
#include "schemas/rows/rows_table.h"

enum { ORIGINS = 5, ORIGIN_BRAND = 1, ORIGIN_UGC, ORIGIN_AMBASSADOR, ORIGIN_EMPLOYEE };

static const enum sketched classes[2][ORIGINS] = {
    {SKETCHED_ACTED_ORGANIC,
     [ORIGIN_BRAND] = SKETCHED_ACTED_ORGANIC_BRAND,
     [ORIGIN_UGC] = SKETCHED_ACTED_ORGANIC_UGC,
     [ORIGIN_AMBASSADOR] = SKETCHED_ACTED_ORGANIC_AMBASSADOR,
     [ORIGIN_EMPLOYEE] = SKETCHED_ACTED_ORGANIC_EMPLOYEE},
    {SKETCHED_ACTED_PAID,
     [ORIGIN_BRAND] = SKETCHED_ACTED_PAID_BRAND,
     [ORIGIN_UGC] = SKETCHED_ACTED_PAID_UGC,
     [ORIGIN_AMBASSADOR] = SKETCHED_ACTED_PAID_AMBASSADOR,
     [ORIGIN_EMPLOYEE] = SKETCHED_ACTED_PAID_EMPLOYEE},
};

static const enum sketched of_origin[ORIGINS] = {[ORIGIN_BRAND] = SKETCHED_ACTORS_BRAND,
                                                 [ORIGIN_UGC] = SKETCHED_ACTORS_UGC,
                                                 [ORIGIN_AMBASSADOR] = SKETCHED_ACTORS_AMBASSADOR,
                                                 [ORIGIN_EMPLOYEE] = SKETCHED_ACTORS_EMPLOYEE};

enum sketched sketched_class(bool paid, uint32_t origin) {
    return classes[paid][origin < ORIGINS ? origin : 0];
}

bool sketched_of_origin(enum sketched *of, uint32_t origin) {
    bool is_listed = origin > 0 && origin < ORIGINS;
    *of = is_listed ? of_origin[origin] : SKETCHED_ACTORS;
    return is_listed;
}

static struct reach *reach_of(struct rows *r, uint32_t set, enum sketched of) {
    uint32_t place = r->sketch_sets.at[set].numbers[of];
    return place != 0 ? &r->sketches.at[place - 1].sketch.reach : NULL;
}

static bool has_any(struct rows *r, uint32_t set, enum sketched of) {
    const struct reach *reach = reach_of(r, set, of);
    return reach != NULL && (reach->count > 0 || !reach_is_exact(reach));
}

// Adds one sketch of an account on a platform to another; `spent`: and leaves none of it.
static void unite(struct rows *r, uint32_t set, enum sketched of, enum sketched into, bool spent) {
    if (!has_any(r, set, of))
        return;
    const struct sketch_set *names = &r->sketch_sets.at[set];
    uint32_t number = rows_sketch_number(r, into, r->accounts.at[names->account], names->platform);
    struct sketch *to = &r->sketches.at[number].sketch;
    struct reach *from = reach_of(r, set, of);
    r->sketch_bytes -= reach_memory(&to->reach) + reach_memory(from);
    if (spent && !has_any(r, set, into)) {
        reach_fini(&to->reach);
        to->reach = *from;
        *from = (struct reach){0};
    } else {
        reach_merge(&to->reach, from);
    }
    if (spent)
        reach_fini(from);
    r->sketch_bytes += reach_memory(&to->reach) + reach_memory(from);
    to->reached = 0;
}

// What both halves are part of, then the halves themselves, whose classes are spent.
static void set_unite(struct rows *r, uint32_t set) {
    for (uint32_t origin = 1; origin < ORIGINS; origin++) {
        unite(r, set, classes[0][origin], of_origin[origin], false);
        unite(r, set, classes[1][origin], of_origin[origin], false);
    }
    unite(r, set, SKETCHED_ACTORS_AMBASSADOR, SKETCHED_ACTORS_ADVOCACY, false);
    unite(r, set, SKETCHED_ACTORS_EMPLOYEE, SKETCHED_ACTORS_ADVOCACY, false);
    for (uint32_t origin = 0; origin < ORIGINS; origin++) {
        unite(r, set, classes[0][origin], SKETCHED_ACTORS_ORGANIC, true);
        unite(r, set, classes[1][origin], SKETCHED_ACTORS_PAID, true);
    }
    unite(r, set, SKETCHED_ACTORS_ORGANIC, SKETCHED_ACTORS, false);
    unite(r, set, SKETCHED_ACTORS_PAID, SKETCHED_ACTORS, false);
}

void rows_unite(struct rows *r) {
    uint32_t count = r->sketch_sets.count;
    for (uint32_t set = 0; set < count; set++)
        set_unite(r, set);
}
