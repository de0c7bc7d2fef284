// What a store is of: written once, and whoever would use it otherwise is refused.
#include "aggregate/store/meta.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/store_of_test.h"

static int fresh(void **state) {
    store = store_fresh();
    return store == NULL;
}

static struct store_meta some_meta(void) {
    return (struct store_meta){.layout = STORE_LAYOUT,
                               .topic = "engagement",
                               .topic_id = "k8s2",
                               .partitions = 3,
                               .starts = {0, 17, 4},
                               .dedup_span = 262144,
                               .framing = "auto",
                               .max_event_bytes = 65536,
                               .max_message_bytes = 1048576,
                               .rules_hash = "5b4befa068f68491"};
}

static void assert_same(const struct store_meta *a, const struct store_meta *b) {
    struct problem p;
    assert_int_equal(store_meta_fit(a, b, &p), STATUS_OK);
    for (int32_t i = 0; i < a->partitions; i++)
        assert_int_equal(a->starts[i], b->starts[i]);
}

static void the_first_one_stands__goes_red_if_the_second_begins_elsewhere(void **state) {
    static struct store_meta first, second, read;
    struct problem p;
    first = second = some_meta();
    assert_int_equal(store_meta_read(store, &read, &p), STATUS_NO_INPUT);
    assert_int_equal(store_meta_begin(store, &first, &p), STATUS_OK);
    second.starts[1] = 500;
    assert_int_equal(store_meta_begin(store, &second, &p), STATUS_OK);
    assert_int_equal(second.starts[1], 17);
    assert_int_equal(store_meta_read(store, &read, &p), STATUS_OK);
    assert_same(&read, &first);
}

static void another_log_or_another_way_to_read_it_is_refused(void **state) {
    static struct store_meta stored, ours[9];
    struct problem p;
    stored = some_meta();
    for (size_t i = 0; i < 9; i++)
        ours[i] = stored;
    ours[0].layout++;
    strcpy(ours[1].topic, "orders");
    strcpy(ours[2].topic_id, "made-anew");
    ours[3].partitions++;
    ours[4].dedup_span--;
    strcpy(ours[5].framing, "json");
    ours[6].max_event_bytes++;
    ours[7].max_message_bytes++;
    strcpy(ours[8].rules_hash, "0000000000000000");
    for (size_t i = 0; i < 9; i++) {
        assert_int_equal(store_meta_fit(&stored, &ours[i], &p), STATUS_CONFIG);
        assert_string_equal(p.code, "CLM-D4");
    }
}

// A library, or a broker, that does not tell ids says nothing against it.
static void an_id_that_is_not_known_is_no_other(void **state) {
    static struct store_meta stored, ours;
    struct problem p;
    stored = ours = some_meta();
    ours.topic_id[0] = '\0';
    assert_int_equal(store_meta_fit(&stored, &ours, &p), STATUS_OK);
    assert_int_equal(store_meta_fit(&ours, &stored, &p), STATUS_OK);
}

static void what_is_no_such_file_is_refused(void **state) {
    static const char *const files[] = {
        "",
        "{}",
        "[1]",
        "\xff",
        "{\"layout\":1,\"topic\":\"t\",\"topic_id\":\"\",\"partitions\":2,\"starts\":[0],\"dedup_span\":1,"
        "\"framing\":\"auto\",\"max_event_bytes\":1,\"max_message_bytes\":1,\"rules_hash\":\"0\"}",
        "{\"layout\":1,\"topic\":\"t\",\"topic_id\":\"\",\"partitions\":1,\"starts\":[-1],\"dedup_span\":1,"
        "\"framing\":\"auto\",\"max_event_bytes\":1,\"max_message_bytes\":1,\"rules_hash\":\"0\"}",
        "{\"layout\":1,\"topic\":\"t\",\"topic_id\":\"\",\"partitions\":0,\"starts\":[],\"dedup_span\":1,"
        "\"framing\":\"auto\",\"max_event_bytes\":1,\"max_message_bytes\":1,\"rules_hash\":\"0\"}",
        "{\"layout\":1,\"topic\":\"t\",\"topic_id\":\"\",\"partitions\":1,\"starts\":[0],\"dedup_span\":1,"
        "\"framing\":\"longer than any\",\"max_event_bytes\":1,\"max_message_bytes\":1,"
        "\"rules_hash\":\"00000000000000000\"}"};
    static struct store_meta read;
    struct problem p;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        assert_int_equal(store_put(store, "meta", files[i], strlen(files[i]), NULL), STATUS_OK);
        assert_int_equal(store_meta_read(store, &read, &p), STATUS_BAD_DATA);
        assert_string_equal(p.code, "CLM-D3");
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fresh, done)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_first_one_stands__goes_red_if_the_second_begins_elsewhere),
        TEST(another_log_or_another_way_to_read_it_is_refused),
        TEST(an_id_that_is_not_known_is_no_other),
        TEST(what_is_no_such_file_is_refused),
    };
    return cmocka_run_group_tests(tests, store_fixture_begin, store_fixture_end);
}
