#include "schemas/reject.h"

#include "runtime/check.h"

struct reject_row {
    const char *name;
    const char *doc;
};

static const struct reject_row rows[REJECT_COUNT] = {
    [REJECT_NONE] = {"", ""},
#define REJECT(id, name, doc) [REJECT_##id] = {name, doc},
#include "schemas/rejects.def"
#undef REJECT
};

static const struct reject_row *reject_row(enum reject reject) {
    CHECK((unsigned)reject < REJECT_COUNT);
    return &rows[reject];
}

const char *reject_name(enum reject reject) {
    return reject_row(reject)->name;
}

const char *reject_doc(enum reject reject) {
    return reject_row(reject)->doc;
}
