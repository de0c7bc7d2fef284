// What the fuzz targets share. Each fuzz_<name>.c reads one sort of foreign bytes and holds what comes out to
// a property; a property that does not hold, like anything the sanitizers find, ends the process.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runtime/check.h"
#include "runtime/slice.h"

// libFuzzer's; replay.c calls it too.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

// Writes a file of the process's own folder, which is gone when it ends, and returns its path.
const char *fuzz_file(const char *name, const void *bytes, size_t length);

// Takes the first byte off: targets choose by it. 0 where there is none.
uint8_t fuzz_choice(const uint8_t **bytes, size_t *length);
