// Why an event is not counted: the rows of rejects.def.
#pragma once

enum reject {
    REJECT_NONE = 0,
#define REJECT(id, name, doc) REJECT_##id,
#include "schemas/rejects.def"
#undef REJECT
    REJECT_COUNT,
};

const char *reject_name(enum reject reject); // "" for REJECT_NONE
const char *reject_doc(enum reject reject);
