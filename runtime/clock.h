// Time, injected: stages take `now_ms` as a value; only the edges ask the clock.
#pragma once

#include <stdint.h>

int64_t clock_monotonic_ms(void);
int64_t clock_monotonic_ns(void);
int64_t clock_wall_ms(void); // since 1970-01-01 UTC
