#include "schemas/weighable.h"

#include "schemas/registry.h"

#define KIND(number, id, name, counter, weight)                                                              \
    _Static_assert((number) > 0 && (number) < RULES_WEIGHTS_MAX, "kind " name " cannot be weighed");
#include "schemas/kinds.def"
#undef KIND

static const char *const kind_names[] = {
#define KIND(number, id, name, counter, weight) name,
#include "schemas/kinds.def"
#undef KIND
};

static const char *name_at(size_t index) {
    return index < sizeof(kind_names) / sizeof(kind_names[0]) ? kind_names[index] : NULL;
}

void schemas_rules_kinds(struct rules_kinds *out) {
    *out = (struct rules_kinds){
        .parse = kind_parse,
        .name_at = name_at,
        .defaults =
            {
#define KIND(number, id, name, counter, weight) [number] = weight,
#include "schemas/kinds.def"
#undef KIND
            },
    };
}
