// What was read of the store by window, and may be wanted again: of so many bytes at most, beyond which goes
// what was not wanted for longest. On the keeping thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct recent;

// `drop` frees a value.
struct recent *recent_create(size_t bytes_most, void (*drop)(void *value));
void recent_destroy(struct recent **r);

// The window's value, which is wanted now; NULL: there is none. It is valid until the next recent_keep,
// recent_take or recent_forget.
void *recent_find(struct recent *r, int64_t start_s);
// Owns `value`, of so many bytes, from here on. Drops the one that the window had, and, beyond `bytes_most`,
// those that were wanted longest ago.
void recent_keep(struct recent *r, int64_t start_s, void *value, size_t bytes);
// Gives the window's value back, which is the caller's then; NULL: there is none.
void *recent_take(struct recent *r, int64_t start_s);
void recent_forget(struct recent *r, int64_t start_s);

size_t recent_count(const struct recent *r);
