// Members and durations on their way to the sketches of a table of rows. A sketch lies anywhere in memory; so
// they wait, in the order they came, and go there many at a time, those of one sketch together. Pure.
#pragma once

#include "schemas/rows/rows.h"

struct waiting;

struct waiting *waiting_create(void);
void waiting_destroy(struct waiting **w);

// Makes the sketch, where there is none. `rows` is the same for all of a `waiting`.
void waiting_acted(struct waiting *w, struct rows *rows, unsigned class, struct slice account,
                   uint32_t platform, const unsigned char pseudonym[PSEUDONYM_SIZE]);
void waiting_reached(struct waiting *w, struct rows *rows, enum sketched of, struct slice account,
                     uint32_t platform, const unsigned char pseudonym[PSEUDONYM_SIZE]);
void waiting_duration(struct waiting *w, struct rows *rows, enum sketched of, struct slice account,
                      uint32_t platform, int64_t duration_ms);

// Nothing waits afterwards.
void waiting_settle(struct waiting *w, struct rows *rows);

size_t waiting_memory(const struct waiting *w);
