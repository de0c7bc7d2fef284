// Whom an account reached, by class of event, as unions: an event adds its actor to one class alone, which is
// what makes it cheap to fold.
#include "runtime/check.h"
#include "schemas/rows/rows_table.h"

enum { ORIGINS = 5, UNIONS_MAX = 4, ORIGIN_BRAND = 1, ORIGIN_UGC, ORIGIN_AMBASSADOR, ORIGIN_EMPLOYEE };

static const enum sketched classes[2][ORIGINS] = {
    {SKETCHED_SEEN_ORGANIC,
     [ORIGIN_BRAND] = SKETCHED_SEEN_ORGANIC_BRAND,
     [ORIGIN_UGC] = SKETCHED_SEEN_ORGANIC_UGC,
     [ORIGIN_AMBASSADOR] = SKETCHED_SEEN_ORGANIC_AMBASSADOR,
     [ORIGIN_EMPLOYEE] = SKETCHED_SEEN_ORGANIC_EMPLOYEE},
    {SKETCHED_SEEN_PAID,
     [ORIGIN_BRAND] = SKETCHED_SEEN_PAID_BRAND,
     [ORIGIN_UGC] = SKETCHED_SEEN_PAID_UGC,
     [ORIGIN_AMBASSADOR] = SKETCHED_SEEN_PAID_AMBASSADOR,
     [ORIGIN_EMPLOYEE] = SKETCHED_SEEN_PAID_EMPLOYEE},
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

// The unions that a class is part of.
static size_t unions_of(bool paid, uint32_t origin, enum sketched out[UNIONS_MAX]) {
    size_t count = 0;
    out[count++] = SKETCHED_ACTORS;
    out[count++] = paid ? SKETCHED_ACTORS_PAID : SKETCHED_ACTORS_ORGANIC;
    if (origin > 0)
        out[count++] = of_origin[origin];
    if (origin == ORIGIN_AMBASSADOR || origin == ORIGIN_EMPLOYEE)
        out[count++] = SKETCHED_ACTORS_ADVOCACY;
    return count;
}

static void class_unite(struct rows *r, uint32_t set, bool paid, uint32_t origin) {
    enum sketched unions[UNIONS_MAX];
    uint32_t place = r->sketch_sets.at[set].numbers[classes[paid][origin]];
    if (place == 0)
        return;
    struct sketch class = r->sketches.at[place - 1].sketch; // the array may grow
    r->sketches.at[place - 1].sketch.reach = (struct reach){0};
    size_t count = unions_of(paid, origin, unions);
    for (size_t i = 0; i < count; i++) {
        class.of = unions[i];
        rows_keep_sketch(r, &class);
    }
    r->sketch_bytes -= reach_memory(&class.reach);
    reach_fini(&class.reach);
}

void rows_unite(struct rows *r) {
    uint32_t count = r->sketch_sets.count;
    for (uint32_t set = 0; set < count; set++) {
        for (uint32_t origin = 0; origin < ORIGINS; origin++) {
            class_unite(r, set, false, origin);
            class_unite(r, set, true, origin);
        }
    }
}
