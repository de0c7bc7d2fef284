// Alerts on their way to Kafka, over librdkafka's mock.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "aggregate/listen/herald.h"
#include "runtime/clock.h"
#include "tests/unit/mock_kafka.h"

enum { PATIENCE_MS = 300000, PRODUCE = 0 };
static const char topic[] = "engagement.alerts";

static struct loop loop;
static struct mock mock;
static struct herald *herald;
static int64_t stands_at_ms; // the herald's clock; 0: it goes

static int set_up(void **state) {
    const struct settings settings = {.kafka_bootstrap = "", .kafka_topic = "engagement", .alerts_topic = ""};
    struct settings s = settings;
    struct problem problem = {0};
    stands_at_ms = 0;
    alarm(900); // a test that hangs ends the program
    loop_init(&loop);
    mock_start(&mock, 1);
    assert_int_equal(rd_kafka_mock_topic_create(mock.cluster, topic, 1, 1), 0);
    s.kafka_bootstrap = mock.bootstrap;
    if (herald_create(&herald, &s, NULL, 0, &loop, &problem) != STATUS_OK)
        fail_msg("%s", problem.what);
    return 0;
}

static int tear_down(void **state) {
    herald_destroy(&herald);
    mock_stop(&mock);
    loop_fini(&loop);
    return 0;
}

static void tell(const char *text) {
    const struct watcher_message message = {BASELINE_RAISED, (char *)(uintptr_t) "acme",
                                            (char *)(uintptr_t)text};
    herald_tell(herald, &message, 1);
}

static void serve(void) {
    loop_turn(&loop, 20);
    herald_poll(herald, stands_at_ms > 0 ? stands_at_ms : loop_now_ms(&loop));
}

static void serve_until_done(void) {
    int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
    while (!herald_is_done(herald) && clock_monotonic_ms() < deadline)
        serve();
    assert_true(herald_is_done(herald));
}

// Message `number` of the topic: its value, its key is the account.
static void assert_sent(int64_t number, const char *value) {
    const char *const properties[][2] = {{"bootstrap.servers", mock.bootstrap}, {"group.id", "reader"}};
    rd_kafka_t *rk = mock_client(RD_KAFKA_CONSUMER, properties, 2);
    rd_kafka_topic_partition_list_t *from = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(from, topic, 0)->offset = number;
    assert_int_equal(rd_kafka_assign(rk, from), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_message_t *message = NULL;
    for (int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
         (message == NULL || message->err != RD_KAFKA_RESP_ERR_NO_ERROR) &&
         clock_monotonic_ms() < deadline;) {
        if (message != NULL)
            rd_kafka_message_destroy(message);
        message = rd_kafka_consumer_poll(rk, 1000);
    }
    if (message == NULL) {
        fail_msg("message %lld has not come", (long long)number);
        return;
    }
    assert_int_equal(message->len, strlen(value));
    assert_memory_equal(message->payload, value, message->len);
    assert_int_equal(message->key_len, strlen("acme"));
    assert_memory_equal(message->key, "acme", message->key_len);
    rd_kafka_message_destroy(message);
    rd_kafka_topic_partition_list_destroy(from);
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
}

static void what_is_told_arrives(void **state) {
    assert_true(herald_is_done(herald));
    serve();
    tell("{\"id\":1}");
    tell("{\"id\":2}");
    assert_false(herald_is_done(herald));
    assert_int_equal(herald_pending(herald), 2);
    serve_until_done();
    assert_int_equal(herald_acknowledged(herald, BASELINE_RAISED), 2);
    assert_int_equal(herald_acknowledged(herald, BASELINE_RECOVERED), 0);
    assert_sent(0, "{\"id\":1}");
    assert_sent(1, "{\"id\":2}");
}

static void what_is_refused_is_told_until_it_is_taken__goes_red_if_it_is_given_up(void **state) {
    rd_kafka_mock_push_request_errors(mock.cluster, PRODUCE, 2, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                                      RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS);
    tell("{\"id\":3}");
    serve_until_done();
    assert_int_equal(herald_acknowledged(herald, BASELINE_RAISED), 1);
    assert_sent(0, "{\"id\":3}");
}

// The next window's alerts do not wait until what was sent before might be repeated.
static void what_is_told_is_sent_at_once__goes_red_if_it_waits_for_a_repeat(void **state) {
    stands_at_ms = loop_now_ms(&loop);
    tell("{\"id\":5}");
    serve_until_done();
    tell("{\"id\":6}");
    serve_until_done();
    assert_int_equal(herald_acknowledged(herald, BASELINE_RAISED), 2);
}

static void it_ends_with_what_was_not_taken(void **state) {
    rd_kafka_mock_broker_set_down(mock.cluster, 1);
    tell("{\"id\":4}");
    for (int i = 0; i < 5; i++)
        serve();
    assert_false(herald_is_done(herald));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_is_told_arrives),
        TEST(what_is_refused_is_told_until_it_is_taken__goes_red_if_it_is_given_up),
        TEST(what_is_told_is_sent_at_once__goes_red_if_it_waits_for_a_repeat),
        TEST(it_ends_with_what_was_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
