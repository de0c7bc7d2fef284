#include "schemas/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SLOTS = 16384 };

static struct key_space space;

static struct key_parts parts_of(const char *account, uint32_t platform, const char *id, int64_t time_s) {
    return (struct key_parts){slice_of(account), platform, slice_of(id), time_s};
}

// Bit by bit, straight from the definition: nothing in common with the table.
static uint16_t crc16_by_definition(const char *bytes, size_t length) {
    uint16_t crc = 0;
    for (size_t i = 0; i < length; i++) {
        crc = (uint16_t)(crc ^ (unsigned char)bytes[i] << 8);
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
    }
    return crc;
}

static void crc16_is_the_one_of_redis_cluster(void **state) {
    assert_int_equal(key_crc16(slice_of("123456789")), 0x31C3);
    assert_int_equal(key_crc16(slice_of("")), 0);
    for (unsigned byte = 0; byte < 256; byte++) {
        const char bytes[] = {(char)byte, (char)(byte * 7), 'x'};
        assert_int_equal(key_crc16((struct slice){bytes, 3}), crc16_by_definition(bytes, 3));
    }
}

static unsigned reverse14(unsigned value) {
    unsigned reversed = 0;
    for (int bit = 0; bit < 14; bit++)
        reversed = reversed << 1 | (value >> bit & 1);
    return reversed;
}

static void the_tag_of_a_shard_sits_at_its_mirrored_slot(void **state) {
    static const uint32_t shard_counts[] = {1, 3, 64, 1024};
    for (size_t i = 0; i < sizeof(shard_counts) / sizeof(shard_counts[0]); i++) {
        key_space_init(&space, "clm", shard_counts[i]);
        for (uint32_t shard = 0; shard < shard_counts[i]; shard++) {
            const char *tag = space.tags[shard];
            assert_true(tag[0] != '\0' && strspn(tag, "0123456789") == strlen(tag));
            assert_int_equal(crc16_by_definition(tag, strlen(tag)) % SLOTS, reverse14(shard));
            for (uint32_t other = 0; other < shard; other++)
                assert_string_not_equal(tag, space.tags[other]);
        }
    }
}

static void a_tag_is_the_smallest_number_of_its_slot(void **state) {
    key_space_init(&space, "clm", 1024);
    unsigned long smallest[SLOTS];
    memset(smallest, 0xFF, sizeof(smallest));
    for (unsigned long n = 200000; n-- > 0;) {
        char text[SHARD_TAG_MAX];
        int length = snprintf(text, sizeof(text), "%lu", n);
        smallest[crc16_by_definition(text, (size_t)length) % SLOTS] = n;
    }
    for (uint32_t shard = 0; shard < 1024; shard++)
        assert_int_equal(strtoul(space.tags[shard], NULL, 10), smallest[reverse14(shard)]);
}

static void the_first_tags_are_the_same_for_every_shard_count(void **state) {
    static const char *const first[] = {"3560", "8209", "4129", "356"};
    static const uint32_t shard_counts[] = {1, 2, 4, 64, 1024};
    for (size_t i = 0; i < sizeof(shard_counts) / sizeof(shard_counts[0]); i++) {
        key_space_init(&space, "clm", shard_counts[i]);
        for (uint32_t shard = 0; shard < 4 && shard < shard_counts[i]; shard++)
            assert_string_equal(space.tags[shard], first[shard]);
    }
}

static void shards_spread_evenly_over_the_slots(void **state) {
    key_space_init(&space, "clm", 64);
    bool taken[64] = {false};
    for (uint32_t shard = 0; shard < 64; shard++) {
        unsigned slot = crc16_by_definition(space.tags[shard], strlen(space.tags[shard])) % SLOTS;
        assert_int_equal(slot % (SLOTS / 64), 0);
        assert_false(taken[slot / (SLOTS / 64)]);
        taken[slot / (SLOTS / 64)] = true;
    }
}

// Over as many masters as a cluster may have, each with one run of slots, as redis-cli deals them out.
static void shards_spread_evenly_over_the_masters(void **state) {
    enum { MASTERS_MAX = 16 };
    static const uint32_t counts[] = {16, 64, 100, 256, 1024};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        for (uint32_t masters = 1; masters <= MASTERS_MAX; masters++) {
            uint32_t served[MASTERS_MAX] = {0}, least = UINT32_MAX, most = 0;
            for (uint32_t shard = 0; shard < counts[i]; shard++)
                served[(uint32_t)key_shard_slot(shard) * masters / SLOTS]++;
            for (uint32_t m = 0; m < masters; m++) {
                least = served[m] < least ? served[m] : least;
                most = served[m] > most ? served[m] : most;
            }
            bool is_power = (counts[i] & (counts[i] - 1)) == 0;
            assert_true(most - least <= (is_power ? 1u : 3u));
        }
    }
}

static void the_slot_of_a_key_is_its_tag_s(void **state) {
    key_space_init(&space, "clm", 64);
    for (uint32_t shard = 0; shard < 64; shard++) {
        char name[KEY_MAX];
        struct key_parts parts = {.account = slice_of("a{b}"), .platform = 1};
        size_t length = key_write(name, &space, KEY_ACCOUNT, shard, &parts);
        assert_int_equal(key_slot((struct slice){name, length}), key_shard_slot(shard));
    }
    // As the documentation of Redis Cluster has it.
    assert_int_equal(key_slot(slice_of("123456789")), 0x31C3);
    assert_int_equal(key_slot(slice_of("{user1000}.following")), key_slot(slice_of("{user1000}.followers")));
    assert_int_equal(key_slot(slice_of("foo{}{bar}")), key_crc16(slice_of("foo{}{bar}")) % SLOTS);
    assert_int_equal(key_slot(slice_of("foo{{bar}}zap")), key_slot(slice_of("{bar")));
}

static void the_shard_follows_the_raw_account(void **state) {
    key_space_init(&space, "clm", 64);
    static const char *const accounts[] = {"acme", "a:b", "%{}", "maison-\xC3\xA9toile", "1"};
    for (size_t i = 0; i < sizeof(accounts) / sizeof(accounts[0]); i++)
        assert_int_equal(key_shard(&space, slice_of(accounts[i])),
                         crc16_by_definition(accounts[i], strlen(accounts[i])) % 64);
}

static void assert_key(enum key_family family, struct key_parts parts, const char *expected) {
    char out[KEY_MAX];
    size_t length = key_write(out, &space, family, 0, &parts);
    assert_true(length < sizeof(out));
    out[length] = '\0';
    assert_string_equal(out, expected);
}

static void every_family_has_its_name(void **state) {
    key_space_init(&space, "clm", 64);
    const int64_t hour = 1782864000, day = 1782777600;
    assert_key(KEY_ACCOUNT, parts_of("acme", 0, "", 0), "clm:{3560}:acct:acme");
    assert_key(KEY_ACCOUNT_PLATFORM, parts_of("acme", 2, "", 0), "clm:{3560}:acct:acme:tiktok");
    assert_key(KEY_CONTENT, parts_of("acme", 2, "v1", 0), "clm:{3560}:content:acme:tiktok:v1");
    assert_key(KEY_CAMPAIGN, parts_of("acme", 0, "spring", 0), "clm:{3560}:campaign:acme:spring");
    assert_key(KEY_SERIES, parts_of("acme", 5, "", hour), "clm:{3560}:series:acme:x:1782864000");
    assert_key(KEY_TOP, parts_of("acme", 5, "", hour), "clm:{3560}:top:acme:x:1782864000");
    assert_key(KEY_TAG, parts_of("acme", 777, "go", 0), "clm:{3560}:tag:acme:platform_777:go");
    assert_key(KEY_LIVE, parts_of("acme", 0, "s-1", 0), "clm:{3560}:live:acme:s-1");
    assert_key(KEY_REACH, parts_of("acme", 1, "", day), "clm:{3560}:reach:acme:instagram:1782777600");
    assert_key(KEY_TAG_REACH, parts_of("acme", 1, "go", day),
               "clm:{3560}:reach:acme:instagram:tag:go:1782777600");
    assert_key(KEY_ORDERS, parts_of("acme", 0, "", 0), "clm:{3560}:orders:acme");
    assert_key(KEY_PLATFORM, parts_of("", 2, "", 0), "clm:{3560}:platform:tiktok");
    assert_key(KEY_MARK, parts_of("", 0, "", 0), "clm:{3560}:mark");
    assert_key(KEY_FAULTS, parts_of("", 0, "", 0), "clm:{3560}:faults");
    assert_key(KEY_META, parts_of("", 0, "", 0), "clm:{3560}:meta");
    assert_key(KEY_RULES, parts_of("", 0, "", 0), "clm:{3560}:rules");
    assert_key(KEY_SERIES, parts_of("acme", 5, "", 0), "clm:{3560}:series:acme:x:0");
}

static void ids_cannot_pass_for_other_ids(void **state) {
    key_space_init(&space, "clm", 64);
    assert_key(KEY_ACCOUNT, parts_of("a:b", 0, "", 0), "clm:{3560}:acct:a%3Ab");
    assert_key(KEY_CAMPAIGN, parts_of("a", 0, "b", 0), "clm:{3560}:campaign:a:b");
    assert_key(KEY_CAMPAIGN, parts_of("a:b", 0, "c", 0), "clm:{3560}:campaign:a%3Ab:c");
    assert_key(KEY_CAMPAIGN, parts_of("a", 0, "b:c", 0), "clm:{3560}:campaign:a:b%3Ac");
    assert_key(KEY_CAMPAIGN, parts_of("a%3Ab", 0, "c", 0), "clm:{3560}:campaign:a%253Ab:c");
    // An account that is called like a platform key of another one, and one that would bring its own hash
    // tag.
    assert_key(KEY_ACCOUNT, parts_of("acme:tiktok", 0, "", 0), "clm:{3560}:acct:acme%3Atiktok");
    assert_key(KEY_ACCOUNT, parts_of("{1}", 0, "", 0), "clm:{3560}:acct:%7B1%7D");
}

static void only_four_bytes_are_encoded(void **state) {
    static const struct {
        const char *id, *encoded;
    } cases[] = {
        {"", ""},
        {"plain-id_1.2/3", "plain-id_1.2/3"},
        {":%{}", "%3A%25%7B%7D"},
        {"caf\xC3\xA9 \xE2\x98\x95", "caf\xC3\xA9 \xE2\x98\x95"},
        {"%3A", "%253A"},
        {"%3a", "%253a"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[64];
        size_t length = key_encode(out, slice_of(cases[i].id));
        assert_int_equal(length, strlen(cases[i].encoded));
        assert_memory_equal(out, cases[i].encoded, length);
    }
    for (unsigned byte = 0; byte < 256; byte++) {
        char one = (char)byte, out[3];
        bool special = byte == ':' || byte == '%' || byte == '{' || byte == '}';
        assert_int_equal(key_encode(out, (struct slice){&one, 1}), special ? 3 : 1);
    }
}

static void the_longest_names_fit(void **state) {
    char prefix[KEY_PREFIX_MAX], account[256], content[512], encoded[3 * 512], out[KEY_MAX];
    memset(prefix, 'p', sizeof(prefix) - 1);
    prefix[sizeof(prefix) - 1] = '\0';
    memset(account, '{', sizeof(account));
    memset(content, ':', sizeof(content));
    key_space_init(&space, prefix, SHARDS_MAX);
    struct key_parts parts = {{account, sizeof(account)}, UINT32_MAX, {content, sizeof(content)}, INT64_MAX};
    for (unsigned family = 0; family < KEY_FAMILY_COUNT; family++)
        assert_in_range(key_write(out, &space, (enum key_family)family, SHARDS_MAX - 1, &parts), 1, KEY_MAX);
    size_t length = key_write(out, &space, KEY_CONTENT, SHARDS_MAX - 1, &parts);
    assert_int_equal(key_encode(encoded, parts.id), sizeof(encoded));
    assert_memory_equal(out + length - sizeof(encoded), encoded, sizeof(encoded));
    assert_int_equal(out[length - sizeof(encoded) - 1], ':');
}

static void assert_field(field_code field, const char *expected) {
    char out[FIELD_MAX];
    size_t length = field_write(out, field);
    assert_true(length < sizeof(out));
    out[length] = '\0';
    assert_string_equal(out, expected);
}

static void fields_have_their_names(void **state) {
    field_code likes = field_counter(COUNTER_OF_LIKE), gross = field_counter(COUNTER_GROSS_MICROS);
    field_code euros = field_currency(gross, slice_of("EUR"));
    assert_field(likes, "likes");
    assert_field(euros, "gross_micros:EUR");
    assert_field(field_minute(likes, 7), "07:likes");
    assert_field(field_minute(likes, 0), "00:likes");
    assert_field(field_minute(likes, 59), "59:likes");
    assert_field(field_minute(euros, 7), "07:gross_micros:EUR");
    assert_field(field_currency(field_minute(gross, 7), slice_of("EUR")), "07:gross_micros:EUR");
    assert_field(field_kind(777), "kind_777");
    assert_field(field_kind(UINT32_MAX), "kind_4294967295");
    assert_field(field_minute(field_kind(777), 7), "07:kind_777");
    assert_field(field_minute(field_kind(UINT32_MAX), 59), "59:kind_4294967295");
    assert_field(field_counter(COUNTER_ORDERS_LATE), "orders_late");
}

// 0 would be "no field"; equal numbers would be one field.
static void different_fields_are_different_numbers(void **state) {
    field_code gross = field_counter(COUNTER_GROSS_MICROS), units = field_counter(COUNTER_UNITS);
    const field_code fields[] = {
        gross,
        units,
        field_counter(COUNTER_OF_IMPRESSION),
        field_kind(0),
        field_kind((uint32_t)COUNTER_UNITS),
        field_kind(UINT32_MAX),
        field_currency(gross, slice_of("EUR")),
        field_currency(gross, slice_of("EUS")),
        field_currency(gross, slice_of("RUE")),
        field_minute(gross, 0),
        field_minute(gross, 1),
        field_minute(gross, 59),
        field_minute(field_kind(UINT32_MAX), 59),
        field_minute(field_currency(gross, slice_of("EUR")), 0),
        field_minute(field_currency(gross, slice_of("EUR")), 59),
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        assert_true(fields[i] != 0);
        for (size_t j = 0; j < i; j++)
            assert_true(fields[i] != fields[j]);
    }
    assert_true(field_counter(COUNTER_UNITS) == units);
    assert_true(field_minute(field_currency(gross, slice_of("EUR")), 9) ==
                field_currency(field_minute(gross, 9), slice_of("EUR")));
}

static void every_counter_fits_into_a_field(void **state) {
    char out[FIELD_MAX];
    for (unsigned i = 1; i < COUNTER_COUNT; i++) {
        const char *name = counter_row((enum counter)i)->name;
        if (name[0] == '\0')
            continue;
        field_code field = field_minute(field_currency(field_counter((enum counter)i), slice_of("USD")), 42);
        size_t length = field_write(out, field);
        assert_int_equal(length, strlen(name) + strlen("42:") + strlen(":USD"));
        assert_memory_equal(out + 3, name, strlen(name));
    }
}

static void assert_read_back(field_code field) {
    char name[FIELD_MAX];
    field_code read;
    struct slice written = {name, field_write(name, field)};
    if (!field_parse(&read, written) || read != field)
        fail_msg("%.*s was read as another field", (int)written.length, written.at);
}

static void fields_are_read_back(void **state) {
    for (unsigned i = 1; i < COUNTER_COUNT; i++) {
        const struct counter_row *row = counter_row((enum counter)i);
        if (row->name[0] == '\0')
            continue;
        field_code field = field_counter((enum counter)i);
        assert_read_back(row->by_currency ? field_currency(field, slice_of("EUR")) : field);
    }
    // A listed kind's, too: it was written before the kind was listed.
    static const uint32_t kinds[] = {0, 1, KIND_LIKE, 9, 10, 777, UINT32_MAX - 1, UINT32_MAX};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        assert_read_back(field_kind(kinds[i]));
}

static void a_field_has_one_name(void **state) {
    static const char *const no_names[] = {
        "",
        ":",
        "Likes",
        "likes ",
        "likes:",
        "likes:EUR",
        "07:likes",
        "07:gross_micros:EUR",
        "gross_micros",
        "gross_micros:",
        "gross_micros:EU",
        "gross_micros:EURO",
        "gross_micros:eur",
        "gross_micros:E1R",
        "gross_micros:EUR:",
        "gross_micros:EUR:USD",
        ":EUR",
        "kind_",
        "kind",
        "kind_007",
        "kind_00",
        "kind_+7",
        "kind_-1",
        "kind_7 ",
        "kind_7x",
        "kind_777:EUR",
        "kind_4294967296",
        "kind_18446744073709551617",
        "kind_99999999999999999999999",
    };
    field_code field;
    for (size_t i = 0; i < sizeof(no_names) / sizeof(no_names[0]); i++) {
        field = 1;
        if (field_parse(&field, slice_of(no_names[i])) || field != 0)
            fail_msg("\"%s\" was taken for a field", no_names[i]);
    }
    assert_false(field_parse(&field, (struct slice){NULL, 0}));
    assert_false(field_parse(&field, (struct slice){"likes\0", 6}));
    assert_false(field_parse(&field, (struct slice){"kind_7\0", 7}));
}

static void a_field_is_split_into_counter_and_currency(void **state) {
    enum counter counter;
    char currency[4];
    assert_true(field_split(field_counter(COUNTER_OF_LIKE), &counter, currency));
    assert_int_equal(counter, COUNTER_OF_LIKE);
    assert_string_equal(currency, "");
    field_code gross = field_currency(field_counter(COUNTER_GROSS_MICROS), slice_of("EUR"));
    assert_true(field_split(field_minute(gross, 59), &counter, currency));
    assert_int_equal(counter, COUNTER_GROSS_MICROS);
    assert_string_equal(currency, "EUR");
    assert_false(field_split(field_kind(COUNTER_OF_LIKE), &counter, currency));
    assert_int_equal(counter, COUNTER_NONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc16_is_the_one_of_redis_cluster),
        cmocka_unit_test(the_tag_of_a_shard_sits_at_its_mirrored_slot),
        cmocka_unit_test(a_tag_is_the_smallest_number_of_its_slot),
        cmocka_unit_test(the_first_tags_are_the_same_for_every_shard_count),
        cmocka_unit_test(shards_spread_evenly_over_the_slots),
        cmocka_unit_test(shards_spread_evenly_over_the_masters),
        cmocka_unit_test(the_slot_of_a_key_is_its_tag_s),
        cmocka_unit_test(the_shard_follows_the_raw_account),
        cmocka_unit_test(every_family_has_its_name),
        cmocka_unit_test(ids_cannot_pass_for_other_ids),
        cmocka_unit_test(only_four_bytes_are_encoded),
        cmocka_unit_test(the_longest_names_fit),
        cmocka_unit_test(fields_have_their_names),
        cmocka_unit_test(different_fields_are_different_numbers),
        cmocka_unit_test(every_counter_fits_into_a_field),
        cmocka_unit_test(fields_are_read_back),
        cmocka_unit_test(a_field_has_one_name),
        cmocka_unit_test(a_field_is_split_into_counter_and_currency),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
