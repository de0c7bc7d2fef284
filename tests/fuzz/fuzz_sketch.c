// The written forms of sketches, by the first byte: a reach, classes of actors or quantiles. What is read is
// written back as it stood; merged with another it holds at least as much, in whichever order.
#include "fuzz.h"
#include "schemas/sketch/classes.h"
#include "schemas/sketch/quantiles.h"
#include "schemas/sketch/reach.h"

static void check_bytes(const unsigned char *written, size_t length, struct slice bytes) {
    CHECK(length == bytes.length && memcmp(written, bytes.at, length) == 0);
}

static void read_reach(struct slice bytes) {
    static unsigned char written[REACH_BYTES_MAX];
    struct reach r, other = {0}, twice = {0};
    if (!reach_read(&r, bytes)) {
        CHECK(reach_count(&r) == 0 && reach_memory(&r) == 0);
        return;
    }
    check_bytes(written, reach_write(&r, written), bytes);
    for (unsigned char i = 0; i < 5; i++)
        reach_add(&other, (const unsigned char[PSEUDONYM_SIZE]){i, i, i});
    reach_merge(&twice, &other);
    reach_merge(&twice, &r);
    reach_merge(&r, &other);
    CHECK(reach_equal(&r, &twice) && reach_count(&r) == reach_count(&twice));
    reach_merge(&twice, &other);
    CHECK(reach_equal(&r, &twice));
    reach_fini(&r);
    reach_fini(&other);
    reach_fini(&twice);
}

static void read_classes(struct slice bytes) {
    static unsigned char written[CLASSES_BYTES_MAX];
    struct classes c, other = {0};
    if (!classes_read(&c, bytes)) {
        CHECK(classes_is_empty(&c) && classes_memory(&c) == 0);
        return;
    }
    check_bytes(written, classes_write(&c, written), bytes);
    for (unsigned char i = 0; i < 5; i++)
        classes_add(&other, i, (const unsigned char[PSEUDONYM_SIZE]){i, i, i});
    classes_merge(&other, &c);
    for (unsigned char i = 0; i < 5; i++)
        classes_add(&c, i, (const unsigned char[PSEUDONYM_SIZE]){i, i, i});
    CHECK(classes_equal(&c, &other) && classes_count(&c) == classes_count(&other));
    classes_fini(&c);
    classes_fini(&other);
}

static void read_quantiles(struct slice bytes) {
    static unsigned char written[QUANTILES_BYTES_MAX];
    struct quantiles q, other = {0};
    int64_t median, p99;
    if (!quantiles_read(&q, bytes)) {
        CHECK(quantiles_count(&q) == 0 && quantiles_memory(&q) == 0);
        return;
    }
    check_bytes(written, quantiles_write(&q, written), bytes);
    quantiles_add(&other, 60000, 7);
    quantiles_merge(&other, &q);
    quantiles_add(&q, 60000, 7);
    CHECK(quantiles_equal(&q, &other));
    CHECK(quantiles_at(&q, 500, &median) && quantiles_at(&q, 990, &p99) && median >= 0 && median <= p99);
    quantiles_fini(&q);
    quantiles_fini(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    uint8_t choice = fuzz_choice(&bytes, &length);
    struct slice rest = {(const char *)bytes, length};
    if (choice % 4 == 3)
        read_classes(rest);
    else if (choice % 2 == 0)
        read_reach(rest);
    else
        read_quantiles(rest);
    return 0;
}
