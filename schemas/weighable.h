// What a rules version may weigh: the kinds, as runtime/config/rules.h wants them told.
#pragma once

#include "runtime/config/rules.h"

// Fills the names, the parser and the default weights from kinds.def. Nothing is owned.
void schemas_rules_kinds(struct rules_kinds *out);
