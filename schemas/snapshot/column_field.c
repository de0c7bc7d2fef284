#include "schemas/snapshot/snapshot_parts.h"

// Digits without a leading zero, up to 32 bits.
static bool read_number(struct slice digits, uint32_t *number) {
    uint64_t value = 0;
    for (size_t i = 0; i < digits.length; i++) {
        if (digits.at[i] < '0' || digits.at[i] > '9' || value > UINT32_MAX)
            return false;
        value = value * 10 + (uint64_t)(digits.at[i] - '0');
    }
    *number = (uint32_t)value;
    return digits.length > 0 && value <= UINT32_MAX && (digits.at[0] != '0' || digits.length == 1);
}

static field_code plain_field(struct slice name) {
    for (unsigned c = 1; c < COUNTER_COUNT; c++) {
        if (slice_equal(slice_of(counter_row((enum counter)c)->name), name) && name.length > 0)
            return field_counter((enum counter)c);
    }
    uint32_t kind;
    if (name.length > 5 && memcmp(name.at, "kind_", 5) == 0 &&
        read_number((struct slice){name.at + 5, name.length - 5}, &kind))
        return field_kind(kind);
    return 0;
}

field_code column_field_parse(struct slice name) {
    const char *colon = name.length > 0 ? memchr(name.at, ':', name.length) : NULL;
    if (colon == NULL)
        return plain_field(name);
    struct slice currency = {colon + 1, name.length - (size_t)(colon + 1 - name.at)};
    field_code counter = plain_field((struct slice){name.at, (size_t)(colon - name.at)});
    if (counter == 0 || currency.length != 3)
        return 0;
    for (size_t i = 0; i < currency.length; i++) {
        if (currency.at[i] < 'A' || currency.at[i] > 'Z')
            return 0;
    }
    return field_currency(counter, currency);
}
