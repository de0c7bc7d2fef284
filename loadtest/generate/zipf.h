// Ranks 1..n with P(k) proportional to k^-s, exactly, in constant time and without a table.
//
// Rejection-inversion: W. Hörmann, G. Derflinger: Rejection-inversion to generate variates from monotone
// discrete distributions, ACM TOMACS 6(3), 1996. Logarithm and exponential are our own, from + - * / alone,
// so that a seed gives the same ranks on every machine: a libm may differ in the last bit.
#pragma once

#include <stdint.h>

#include "loadtest/generate/random.h"

#define ZIPF_EXPONENT_MAX 8.0

struct zipf {
    uint64_t n;
    double s;
    double first, last; // the hat's integral at 1.5, less 1, and at n + 0.5
    double sure;        // how far from its rank an inverted point is accepted without a look
};

// 1 <= n <= 2^40, 0 <= s <= ZIPF_EXPONENT_MAX (CHECKed). s = 0 is uniform.
void zipf_init(struct zipf *z, uint64_t n, double s);
uint64_t zipf_draw(const struct zipf *z, struct random *r);
