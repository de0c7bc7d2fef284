#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/clock.h"
#include "stream/deadletter.h"
#include "tests/unit/mock_kafka.h"

enum { PATIENCE_MS = 300000, PRODUCE = 0, BIG = 200000, CUT = 65536 };
static const char dlq[] = "engagement.dlq";

static struct loop loop;
static struct mock mock;
static char big[BIG];

static struct deadletter *start(const struct config_pair *pairs, size_t count) {
    struct settings settings = {
        .kafka_bootstrap = mock.bootstrap, .kafka_topic = "engagement", .dlq_topic = ""};
    struct problem problem = {0};
    struct deadletter *d = NULL;
    if (deadletter_create(&d, &settings, pairs, count, &loop, &problem) != STATUS_OK)
        fail_msg("%s", problem.what);
    return d;
}

static int offered; // letters to librdkafka, with a set of headers each

rd_kafka_headers_t *rd_kafka_headers_new(size_t count) {
    static rd_kafka_headers_t *(*original)(size_t);
    if (original == NULL)
        *(void **)&original = dlsym(RTLD_NEXT, "rd_kafka_headers_new");
    offered++;
    return original(count);
}

static int set_up(void **state) {
    alarm(900); // a test that hangs ends the program
    memset(big, 'b', sizeof(big));
    loop_init(&loop);
    mock_start(&mock, 1);
    assert_int_equal(rd_kafka_mock_topic_create(mock.cluster, dlq, 1, 1), 0);
    return 0;
}

static int tear_down(void **state) {
    mock_stop(&mock);
    loop_fini(&loop);
    return 0;
}

static struct record record_of(int64_t offset, struct slice value) {
    return (struct record){.partition = 3,
                           .offset = offset,
                           .time_ms = 1700000000000 + offset,
                           .key = slice_of("a:1:x"),
                           .value = value};
}

static void settle_until(struct deadletter *d, uint64_t number) {
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    while (deadletter_settled(d) < number) {
        assert_true(clock_monotonic_ms() < until_ms);
        uint64_t before = deadletter_settled(d);
        loop_turn(&loop, 20);
        deadletter_poll(d, clock_monotonic_ms());
        assert_true(deadletter_settled(d) >= before);
    }
}

// --- What arrived

struct reader {
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic;
};

static struct reader reader_start(void) {
    const char *const properties[][2] = {
        {"bootstrap.servers", mock.bootstrap}, {"fetch.wait.max.ms", "20"}, {"log_level", "0"}};
    rd_kafka_t *rk = mock_client(RD_KAFKA_CONSUMER, properties, 3);
    struct reader r = {rk, rd_kafka_topic_new(rk, dlq, NULL)};
    assert_int_equal(rd_kafka_consume_start(r.topic, 0, RD_KAFKA_OFFSET_BEGINNING), 0);
    return r;
}

static void reader_stop(struct reader *r) {
    rd_kafka_consume_stop(r->topic, 0);
    rd_kafka_topic_destroy(r->topic);
    rd_kafka_destroy(r->rk);
}

static rd_kafka_message_t *read_letter(struct reader *r) {
    for (int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS; clock_monotonic_ms() < until_ms;) {
        rd_kafka_message_t *m = rd_kafka_consume(r->topic, 0, 200);
        if (m != NULL && m->err == RD_KAFKA_RESP_ERR_NO_ERROR)
            return m;
        if (m != NULL)
            rd_kafka_message_destroy(m);
    }
    fail_msg("no letter");
    return NULL;
}

static void assert_header(const rd_kafka_message_t *m, const char *name, const char *expected) {
    rd_kafka_headers_t *headers = NULL;
    const void *value = NULL;
    size_t size = 0;
    assert_int_equal(rd_kafka_message_headers(m, &headers), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_resp_err_t err = rd_kafka_header_get_last(headers, name, &value, &size);
    if (expected == NULL) {
        assert_int_equal(err, RD_KAFKA_RESP_ERR__NOENT);
        return;
    }
    assert_int_equal(err, RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(value, expected, size);
}

// --- Tests

static void letter_says_what_and_whence(void **state) {
    struct deadletter *d = start(NULL, 0);
    struct record r = record_of(77, slice_of("not an event"));
    assert_int_equal(deadletter_send(d, &r, 5, r.value, REJECT_UNDECODABLE), 1);
    struct record empty = {.partition = 0, .offset = 1};
    assert_int_equal(deadletter_send(d, &empty, -1, empty.value, REJECT_NULL_VALUE), 2);
    struct record unnamed = {.partition = 0, .offset = 2, .key = {"", 0}};
    assert_int_equal(deadletter_send(d, &unnamed, -1, unnamed.value, REJECT_NULL_VALUE), 3);
    assert_int_equal(deadletter_sent(d), 3);
    assert_int_equal(deadletter_settled(d), 0);
    settle_until(d, 3);

    struct reader reader = reader_start();
    rd_kafka_message_t *m = read_letter(&reader);
    const char key[] = "engagement/3/77/5";
    assert_int_equal(m->key_len, strlen(key));
    assert_memory_equal(m->key, key, m->key_len);
    assert_int_equal(m->len, strlen("not an event"));
    assert_memory_equal(m->payload, "not an event", m->len);
    static const char *const headers[][2] = {
        {"clameur-reason", "undecodable"}, {"clameur-topic", "engagement"}, {"clameur-partition", "3"},
        {"clameur-offset", "77"},          {"clameur-index", "5"},          {"clameur-size", "12"},
        {"clameur-time", "1700000000077"}, {"clameur-key", "a:1:x"},        {"clameur-truncated", NULL},
    };
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        assert_header(m, headers[i][0], headers[i][1]);
    rd_kafka_message_destroy(m);
    m = read_letter(&reader);
    assert_null(m->payload);
    assert_header(m, "clameur-key", NULL);
    rd_kafka_message_destroy(m);
    m = read_letter(&reader);
    assert_header(m, "clameur-key", ""); // replayed, it goes where an empty key goes
    assert_header(m, "clameur-index", "-1");
    rd_kafka_message_destroy(m);
    reader_stop(&reader);
    deadletter_destroy(&d, 1000);
}

static void oversize_goes_as_its_first_64_kib(void **state) {
    static const struct config_pair pairs[] = {{"message.max.bytes", "100000", "test"}};
    struct deadletter *d = start(pairs, 1);
    struct record r = record_of(1, (struct slice){big, BIG});
    deadletter_send(d, &r, -1, r.value, REJECT_OVERSIZED);
    settle_until(d, 1);
    struct reader reader = reader_start();
    rd_kafka_message_t *m = read_letter(&reader);
    assert_int_equal(m->len, CUT);
    assert_header(m, "clameur-truncated", "1");
    assert_header(m, "clameur-size", "200000");
    rd_kafka_message_destroy(m);
    reader_stop(&reader);
    deadletter_destroy(&d, 1000);
}

// Or a message that fits its topic would have a letter that never does.
static void a_large_key_is_cut_too(void **state) {
    static const struct config_pair pairs[] = {{"message.max.bytes", "100000", "test"}};
    struct deadletter *d = start(pairs, 1);
    struct record r = record_of(1, slice_of("small"));
    r.key = (struct slice){big, BIG};
    deadletter_send(d, &r, -1, r.value, REJECT_UNDECODABLE);
    settle_until(d, 1);
    struct reader reader = reader_start();
    rd_kafka_message_t *m = read_letter(&reader);
    assert_int_equal(m->len, strlen("small"));
    assert_header(m, "clameur-truncated", "1");
    assert_header(m, "clameur-size", "5");
    rd_kafka_message_destroy(m);
    reader_stop(&reader);
    deadletter_destroy(&d, 1000);
}

// The topic's own limit, which only the broker knows. A small letter refused in the same breath is not cut.
static void oversize_for_the_broker_is_cut_too(void **state) {
    struct deadletter *d = start(NULL, 0);
    rd_kafka_mock_push_request_errors(mock.cluster, PRODUCE, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    struct record r = record_of(1, (struct slice){big, BIG});
    deadletter_send(d, &r, -1, r.value, REJECT_OVERSIZED);
    settle_until(d, 1);
    rd_kafka_mock_push_request_errors(mock.cluster, PRODUCE, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    struct record small = record_of(2, slice_of("small"));
    deadletter_send(d, &small, -1, small.value, REJECT_UNDECODABLE);
    settle_until(d, 2);
    struct reader reader = reader_start();
    rd_kafka_message_t *m = read_letter(&reader);
    assert_int_equal(m->len, CUT);
    assert_header(m, "clameur-truncated", "1");
    rd_kafka_message_destroy(m);
    m = read_letter(&reader);
    assert_int_equal(m->len, strlen("small"));
    assert_header(m, "clameur-truncated", NULL);
    rd_kafka_message_destroy(m);
    reader_stop(&reader);
    deadletter_destroy(&d, 1000);
}

// Each permanent error of a produce request fails its letters for good as far as librdkafka is concerned.
static void refused_letters_are_sent_until_accepted(void **state) {
    static const rd_kafka_resp_err_t errors[] = {
        RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_INVALID_MSG,
        RD_KAFKA_RESP_ERR_POLICY_VIOLATION, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS};
    struct deadletter *d = start(NULL, 0);
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        rd_kafka_mock_push_request_errors(mock.cluster, PRODUCE, 2, errors[i], errors[i]);
        struct record r = record_of((int64_t)i, slice_of("x"));
        uint64_t number = deadletter_send(d, &r, -1, r.value, REJECT_UNDECODABLE);
        deadletter_poll(d, clock_monotonic_ms());
        assert_true(deadletter_settled(d) < number);
        settle_until(d, number);
    }
    struct reader reader = reader_start();
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        rd_kafka_message_destroy(read_letter(&reader));
    reader_stop(&reader);
    deadletter_destroy(&d, 1000);
}

// The first letter is refused for a second, the second accepted at once: nothing is settled past the gap.
static void settled_stops_at_the_first_unacknowledged(void **state) {
    struct deadletter *d = start(NULL, 0);
    struct record r = record_of(1, slice_of("first"));
    deadletter_send(d, &r, -1, r.value, REJECT_UNDECODABLE);
    settle_until(d, 1); // connected
    rd_kafka_mock_push_request_errors(mock.cluster, PRODUCE, 1, RD_KAFKA_RESP_ERR_POLICY_VIOLATION);
    deadletter_send(d, &r, -1, r.value, REJECT_UNDECODABLE);
    int64_t until_ms = clock_monotonic_ms() + 500; // refused by then, not yet sent again
    while (clock_monotonic_ms() < until_ms) {
        loop_turn(&loop, 10);
        deadletter_poll(d, 0);
    }
    for (int i = 3; i <= 6; i++)
        deadletter_send(d, &r, -1, r.value, REJECT_UNDECODABLE);
    struct reader reader = reader_start();
    for (int i = 1; i <= 5; i++)
        rd_kafka_message_destroy(read_letter(&reader)); // they are in the topic
    for (int i = 0; i < 20; i++) {
        loop_turn(&loop, 10);
        deadletter_poll(d, 0); // the clock stands: no repeat yet
    }
    assert_int_equal(deadletter_settled(d), 1);
    settle_until(d, 6);
    rd_kafka_message_destroy(read_letter(&reader));
    reader_stop(&reader);
    deadletter_destroy(&d, 1000);
}

// The batch's frame says the schema: an event out of it carries that with it.
static void an_event_of_a_batch_goes_as_its_own_bytes(void **state) {
    static const char value[] = "\0\0\1\2\3\2\2first,second";
    struct deadletter *d = start(NULL, 0);
    struct record r = record_of(1, (struct slice){value, sizeof(value) - 1});
    deadletter_send(d, &r, 1, (struct slice){value + 13, 6}, REJECT_NO_ACCOUNT);
    deadletter_send(d, &r, 0, (struct slice){value + 7, 5}, REJECT_NO_KIND);
    deadletter_send(d, &r, -1, r.value, REJECT_UNDECODABLE);
    settle_until(d, 3);
    struct reader reader = reader_start();
    static const struct {
        const char *value, *size, *index, *schema;
        size_t length;
    } expected[] = {{"second", "6", "1", "66051", 6},
                    {"first", "5", "0", "66051", 5},
                    {value, "19", "-1", NULL, sizeof(value) - 1}};
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        rd_kafka_message_t *m = read_letter(&reader);
        assert_int_equal(m->len, expected[i].length);
        assert_memory_equal(m->payload, expected[i].value, m->len);
        assert_header(m, "clameur-size", expected[i].size);
        assert_header(m, "clameur-index", expected[i].index);
        assert_header(m, "clameur-schema", expected[i].schema);
        assert_header(m, "clameur-key", "a:1:x");
        rd_kafka_message_destroy(m);
    }
    reader_stop(&reader);
    deadletter_destroy(&d, 1000);
}

// A batch may hold 65,535 events that are all refused: a copy of its bytes for each would not fit any memory.
static void letters_of_one_record_share_its_bytes(void **state) {
    enum { LETTERS = 1000 };
    struct deadletter *d = start(NULL, 0);
    rd_kafka_mock_broker_set_down(mock.cluster, 1);
    for (int32_t i = 0; i < LETTERS; i++) {
        char *bytes = malloc(BIG); // not the same place for the same bytes
        memcpy(bytes, big, BIG);
        struct record r = record_of(1, (struct slice){bytes, BIG});
        deadletter_send(d, &r, i, r.value, REJECT_NO_ACCOUNT); // as large as a letter may be
        free(bytes);
    }
    assert_false(deadletter_full(d)); // 200 MB of letters
    struct record next = record_of(2, slice_of("next"));
    deadletter_send(d, &next, 0, next.value, REJECT_NO_ACCOUNT);
    rd_kafka_mock_broker_set_up(mock.cluster, 1);
    settle_until(d, LETTERS + 1);
    struct reader reader = reader_start();
    rd_kafka_message_t *m = read_letter(&reader); // the mock's log keeps the last few MB
    assert_int_equal(m->len, BIG);
    assert_memory_equal(m->payload, big, BIG);
    assert_header(m, "clameur-offset", "1");
    while (m->len == BIG) {
        rd_kafka_message_destroy(m);
        m = read_letter(&reader);
    }
    assert_int_equal(m->len, strlen("next"));
    assert_header(m, "clameur-offset", "2");
    rd_kafka_message_destroy(m);
    reader_stop(&reader);
    deadletter_destroy(&d, 1000);
}

static void withheld_letters_go_when_they_are_released_or_not_at_all(void **state) {
    struct deadletter *d = start(NULL, 0);
    struct record r = record_of(1, slice_of("before"));
    deadletter_send(d, &r, -1, r.value, REJECT_UNDECODABLE);
    deadletter_withhold(d);
    r = record_of(2, slice_of("thrown away"));
    assert_int_equal(deadletter_send(d, &r, -1, r.value, REJECT_UNDECODABLE), 2);
    assert_int_equal(deadletter_send(d, &r, -1, r.value, REJECT_UNDECODABLE), 3);
    settle_until(d, 1);
    deadletter_discard(d);
    assert_int_equal(deadletter_sent(d), 1);
    deadletter_withhold(d);
    for (int64_t i = 3; i < 6; i++) {
        r = record_of(i, slice_of("released"));
        deadletter_send(d, &r, -1, r.value, REJECT_UNDECODABLE);
    }
    for (int i = 0; i < 50; i++) {
        loop_turn(&loop, 10);
        deadletter_poll(d, clock_monotonic_ms());
    }
    assert_int_equal(deadletter_settled(d), 1);
    deadletter_release(d);
    settle_until(d, 4);
    struct reader reader = reader_start();
    static const char *const offsets[] = {"1", "3", "4", "5"};
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        rd_kafka_message_t *m = read_letter(&reader);
        assert_header(m, "clameur-offset", offsets[i]);
        rd_kafka_message_destroy(m);
    }
    reader_stop(&reader);
    deadletter_destroy(&d, 1000);
}

// More letters than librdkafka has room for: a retry offers as many as it takes, not all of them each second.
static void letters_beyond_librdkafkas_room_wait_without_being_offered_again(void **state) {
    enum { LETTERS = 1000 };
    const struct config_pair room = {"queue.buffering.max.messages", "400", "test"};
    struct deadletter *d = start(&room, 1);
    rd_kafka_mock_broker_set_down(mock.cluster, 1);
    for (int i = 0; i < LETTERS; i++) {
        struct record r = record_of(i, slice_of("x"));
        deadletter_send(d, &r, -1, r.value, REJECT_UNDECODABLE);
    }
    int before = offered;
    for (int i = 1; i <= 3; i++)
        deadletter_poll(d, clock_monotonic_ms() + 2000 * i);
    assert_in_range(offered - before, 3, 3);
    rd_kafka_mock_broker_set_up(mock.cluster, 1);
    settle_until(d, LETTERS);
    deadletter_destroy(&d, 1000);
}

static void outage_fills_then_everything_arrives(void **state) {
    enum { LETTERS = 50001 };
    struct deadletter *d = start(NULL, 0);
    rd_kafka_mock_broker_set_down(mock.cluster, 1);
    for (int i = 0; i < LETTERS; i++) {
        assert_false(deadletter_full(d));
        struct record r = record_of(i, slice_of("x"));
        deadletter_send(d, &r, -1, r.value, REJECT_UNDECODABLE);
    }
    assert_true(deadletter_full(d));
    deadletter_poll(d, clock_monotonic_ms());
    assert_int_equal(deadletter_settled(d), 0);
    rd_kafka_mock_broker_set_up(mock.cluster, 1);
    settle_until(d, LETTERS);
    assert_false(deadletter_full(d));

    rd_kafka_mock_broker_set_down(mock.cluster, 1);
    for (int i = 0; !deadletter_full(d); i++) {
        assert_true(i < 400); // 64 MiB
        struct record large = record_of(i, (struct slice){big, BIG});
        deadletter_send(d, &large, -1, large.value, REJECT_OVERSIZED);
    }
    int64_t before = clock_monotonic_ms();
    deadletter_destroy(&d, 300);
    assert_in_range(clock_monotonic_ms() - before, 250, 5000);
    assert_null(d);
}

int main(int argc, char **argv) {
#define ON_MOCK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ON_MOCK(letter_says_what_and_whence),
        ON_MOCK(oversize_goes_as_its_first_64_kib),
        ON_MOCK(a_large_key_is_cut_too),
        ON_MOCK(oversize_for_the_broker_is_cut_too),
        ON_MOCK(refused_letters_are_sent_until_accepted),
        ON_MOCK(settled_stops_at_the_first_unacknowledged),
        ON_MOCK(an_event_of_a_batch_goes_as_its_own_bytes),
        ON_MOCK(letters_of_one_record_share_its_bytes),
        ON_MOCK(withheld_letters_go_when_they_are_released_or_not_at_all),
        ON_MOCK(letters_beyond_librdkafkas_room_wait_without_being_offered_again),
        ON_MOCK(outage_fills_then_everything_arrives),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
