#include "schemas/money.h"

#include <inttypes.h>
#include <stdio.h>

#include "runtime/check.h"

enum { MICRO_DIGITS = 6, USUAL_DIGITS = 2 };

#define CURRENCY(code, digits)                                                                               \
    _Static_assert(sizeof(code) == 4 && (digits) >= 0 && (digits) <= MICRO_DIGITS, "currency " code);
#include "schemas/currencies.def"
#undef CURRENCY

bool money_is_currency(struct slice text) {
    if (text.length != MONEY_CURRENCY_LENGTH)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        if (text.at[i] < 'A' || text.at[i] > 'Z')
            return false;
    }
    return true;
}

int money_digits(struct slice currency) {
    static const struct {
        const char *code;
        int digits;
    } unusual[] = {
#define CURRENCY(code, digits) {code, digits},
#include "schemas/currencies.def"
#undef CURRENCY
    };
    for (size_t i = 0; i < sizeof(unusual) / sizeof(unusual[0]); i++) {
        if (slice_equal(currency, slice_of(unusual[i].code)))
            return unusual[i].digits;
    }
    return USUAL_DIGITS;
}

static uint64_t power_of_ten(int exponent) {
    uint64_t power = 1;
    while (exponent-- > 0)
        power *= 10;
    return power;
}

size_t money_write(char out[MONEY_TEXT_MAX], int64_t micros, struct slice currency) {
    int digits = money_digits(currency);
    uint64_t magnitude = micros < 0 ? UINT64_C(0) - (uint64_t)micros : (uint64_t)micros;
    uint64_t divisor = power_of_ten(MICRO_DIGITS - digits), unit = power_of_ten(digits);
    uint64_t shown = magnitude / divisor, rest = magnitude % divisor;
    if (2 * rest > divisor || (2 * rest == divisor && shown % 2 == 1))
        shown++;
    const char *sign = micros < 0 && shown > 0 ? "-" : "";
    int length = digits == 0 ? snprintf(out, MONEY_TEXT_MAX, "%s%" PRIu64, sign, shown)
                             : snprintf(out, MONEY_TEXT_MAX, "%s%" PRIu64 ".%0*" PRIu64, sign, shown / unit,
                                        digits, shown % unit);
    CHECK(length > 0 && length < MONEY_TEXT_MAX);
    return (size_t)length;
}
