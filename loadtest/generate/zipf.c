// Compiled without contraction of a * b + c (CMakeLists.txt): a fused step would round differently where it
// exists.
#include "loadtest/generate/zipf.h"

#include <math.h>

#include "runtime/check.h"

#define LN2_HIGH 0x1.62e42fefa38p-1
#define LN2_LOW  0x1.ef35793c7673p-45

// ln x for x > 0: x = m 2^e with m near 1, and ln m = 2 artanh((m - 1) / (m + 1)).
static double natural_log(double x) {
    int e;
    double m = frexp(x, &e);
    if (m < 0.70710678118654752) {
        m *= 2;
        e--;
    }
    double t = (m - 1) / (m + 1), square = t * t, sum = 0;
    for (int odd = 23; odd >= 1; odd -= 2)
        sum = sum * square + 1.0 / odd;
    return (double)e * LN2_HIGH + ((double)e * LN2_LOW + 2 * t * sum);
}

// e^x for |x| < 700: x = k ln 2 + r with |r| <= ln 2 / 2, and Taylor for r.
static double natural_exp(double x) {
    double k = floor(x * 1.4426950408889634 + 0.5);
    double r = (x - k * LN2_HIGH) - k * LN2_LOW, sum = 1;
    for (int n = 14; n >= 1; n--)
        sum = 1 + sum * r / n;
    return ldexp(sum, (int)k);
}

// (e^x - 1) / x, also near 0, where the difference would lose its digits.
static double exp_less_one_over(double x) {
    if (fabs(x) > 0.25)
        return (natural_exp(x) - 1) / x;
    double sum = 1;
    for (int n = 13; n >= 2; n--)
        sum = 1 + sum * x / n;
    return sum;
}

// ln(1 + x) / x, also near 0.
static double log_one_plus_over(double x) {
    if (fabs(x) > 0.25)
        return natural_log(1 + x) / x;
    double sum = 0;
    for (int n = 26; n >= 1; n--)
        sum = 1.0 / n - x * sum;
    return sum;
}

// The hat h(x) = x^-s, its integral H and that one's inverse. All three hold at s = 1 as they stand.
static double hat(const struct zipf *z, double x) {
    return natural_exp(-z->s * natural_log(x));
}

static double hat_integral(const struct zipf *z, double x) {
    double log_x = natural_log(x);
    return exp_less_one_over((1 - z->s) * log_x) * log_x;
}

static double hat_integral_inverse(const struct zipf *z, double y) {
    double t = y * (1 - z->s);
    if (t < -1 + 0x1p-52) // only by rounding
        t = -1 + 0x1p-52;
    return natural_exp(log_one_plus_over(t) * y);
}

void zipf_init(struct zipf *z, uint64_t n, double s) {
    CHECK(n >= 1 && n <= UINT64_C(1) << 40);
    CHECK(s >= 0 && s <= ZIPF_EXPONENT_MAX);
    *z = (struct zipf){.n = n, .s = s};
    z->first = hat_integral(z, 1.5) - 1;
    z->last = hat_integral(z, (double)n + 0.5);
    z->sure = 2 - hat_integral_inverse(z, hat_integral(z, 2.5) - hat(z, 2));
}

static uint64_t nearest_rank(const struct zipf *z, double x) {
    if (x < 1)
        return 1;
    uint64_t k = (uint64_t)(x + 0.5);
    return k > z->n ? z->n : k;
}

uint64_t zipf_draw(const struct zipf *z, struct random *r) {
    for (;;) {
        double y = z->last + random_unit(r) * (z->first - z->last);
        double x = hat_integral_inverse(z, y);
        uint64_t k = nearest_rank(z, x);
        double rank = (double)k;
        if (rank - x <= z->sure || y >= hat_integral(z, rank + 0.5) - hat(z, rank))
            return k;
    }
}
