// The Lua that Redis runs, as compiled into the program.
#pragma once

#include "runtime/slice.h"

// ingest/functions/clameur.lua: the flush and the claim. The library's name carries its version and a loaded
// one is never replaced.
struct slice functions_writer(void);
// ingest/functions/clameur_read.lua: the reader. Replaced where it differs.
struct slice functions_reader(void);

#define FUNCTION_FLUSH "clameur_flush_v1"
#define FUNCTION_CLAIM "clameur_claim_v1"
#define FUNCTION_RULES "clameur_rules_v1"
