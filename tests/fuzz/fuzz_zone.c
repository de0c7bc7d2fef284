// A file of tzdata, or by the first byte the rule of one alone. Whatever it says, each instant has one offset
// and is in one day.
#include "aggregate/zone/zone_internal.h"
#include "fuzz.h"
#include "runtime/hash.h"

enum { INSTANTS = 16 };

// From 1900 to 2160.
static int64_t instant_of(const uint8_t *bytes, size_t length, uint64_t nth) {
    return (int64_t)(hash_bytes(bytes, length, nth) % 8200000000) - 2200000000;
}

static void ask_zone(const struct zone *z, int64_t instant) {
    int64_t day = zone_day_at(z, instant);
    struct zone_bounds bounds = zone_day_bounds(z, day);
    CHECK(bounds.start_s <= instant && instant < bounds.end_s);
    CHECK(zone_day_start(z, day + 1) == bounds.end_s);
    CHECK(bounds.start_s + zone_offset_at(z, bounds.start_s) >= day * ZONE_DAY_S);
    CHECK(bounds.start_s - 1 + zone_offset_at(z, bounds.start_s - 1) < day * ZONE_DAY_S);
}

static void ask_rule(const struct zone_rule *rule, int64_t instant) {
    struct zone_span span = zone_rule_span(rule, instant);
    CHECK(span.start <= instant && instant < span.end);
    CHECK(span.offset >= ZONE_OFFSET_LEAST && span.offset <= ZONE_OFFSET_MOST);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    bool is_rule = fuzz_choice(&bytes, &length) % 2 == 1;
    struct slice rest = {(const char *)bytes, length};
    struct zone_rule rule;
    struct zone *z;
    struct problem problem = {0};
    if (is_rule && zone_rule_read(&rule, rest)) {
        for (uint64_t i = 0; i < INSTANTS; i++)
            ask_rule(&rule, instant_of(bytes, length, i));
    }
    if (is_rule)
        return 0;
    enum status status = zone_read(&z, "Fuzz/Zone", rest, &problem);
    CHECK(status == STATUS_OK || (status == STATUS_BAD_DATA && z == NULL && problem.what[0] != '\0'));
    for (uint64_t i = 0; i < INSTANTS && status == STATUS_OK; i++)
        ask_zone(z, instant_of(bytes, length, i));
    zone_close(&z);
    return 0;
}
