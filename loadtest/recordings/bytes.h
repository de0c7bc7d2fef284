// The bytes of a file, taken out of gzip or zstd where it is packed.
#pragma once

#include <stddef.h>

#include "runtime/status.h"

struct bytes;

// STATUS_NO_INPUT where the file cannot be opened.
enum status bytes_open(struct bytes **bytes, const char *path, struct problem *problem);
void bytes_close(struct bytes **bytes);

// Reads up to `room` bytes; *count is 0 at the end. Returns why no more can be read, NULL where all is well:
// a file that was cut is not one that ends.
const char *bytes_read(struct bytes *bytes, char *out, size_t room, size_t *count);
