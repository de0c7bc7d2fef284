#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/clock.h"
#include "stream/murmur2.h"
#include "stream/source/source_internal.h"
#include "tests/unit/mock_kafka.h"

enum { PARTITIONS = 6, OFFSETS = 4000, BATCH = 97, PATIENCE_MS = 30000, JOIN_MS = 3000 };
static const char topic[] = "engagement";

// What Redis would remember, of one topic: shared by the workers of a test.
struct marks {
    int64_t next[PARTITIONS];
    unsigned char seen[PARTITIONS][OFFSETS];
    size_t given;
};

struct worker {
    struct source *source;
    struct marks *marks;
    bool owned[PARTITIONS];
    bool unknown_start, lost;
    bool leaves; // takes half of what a poll gives
    int64_t ended[PARTITIONS];
    uint64_t answered; // the last commit
    bool accepted;
    bool failed;
    struct problem problem;
    int64_t first_time_ms;
    struct loop *turned; // by the callbacks, where not NULL
};

static struct loop loop;
static struct mock mock;
static int started; // sources that are not stopped yet

static void on_assigned(void *context, struct source_position *positions, size_t count) {
    struct worker *w = context;
    if (w->turned != NULL)
        loop_turn(w->turned, 5);
    for (size_t i = 0; i < count; i++) {
        assert_false(w->owned[positions[i].partition]);
        w->owned[positions[i].partition] = true;
        if (!w->unknown_start)
            positions[i].offset = w->marks->next[positions[i].partition];
    }
}

static void on_revoked(void *context, const int32_t *partitions, size_t count, bool lost) {
    struct worker *w = context;
    if (w->turned != NULL)
        loop_turn(w->turned, 5);
    w->lost |= lost;
    for (size_t i = 0; i < count; i++) {
        assert_true(w->owned[partitions[i]]);
        w->owned[partitions[i]] = false;
    }
}

static void on_ended(void *context, int32_t partition, int64_t offset) {
    struct worker *w = context;
    assert_true(w->owned[partition]);
    assert_int_equal(offset, w->marks->next[partition]); // every record before it was given
    w->ended[partition] = offset;
}

static void on_committed(void *context, uint64_t id, bool accepted) {
    struct worker *w = context;
    w->answered = id;
    w->accepted = accepted;
}

static void on_failed(void *context, const struct problem *problem) {
    struct worker *w = context;
    assert_false(w->failed);
    w->failed = true;
    w->problem = *problem;
}

static void on_grew(void *context, int32_t before, int32_t after) {}

static const struct source_events events = {on_assigned,  on_revoked, on_ended,
                                            on_committed, on_failed,  on_grew};

static struct settings settings_for(const char *group) {
    return (struct settings){.kafka_bootstrap = mock.bootstrap,
                             .kafka_topic = topic,
                             .kafka_group = group,
                             .kafka_session_timeout_ms = 6000,
                             .kafka_static_id = "",
                             .dlq_topic = ""};
}

static void worker_start(struct worker *w, struct marks *marks, const char *group) {
    static const struct config_pair pairs[] = {{"fetch.wait.max.ms", "20", "test"},
                                               {"heartbeat.interval.ms", "200", "test"}};
    struct settings settings = settings_for(group);
    struct problem problem = {0};
    *w = (struct worker){.marks = marks, .unknown_start = w->unknown_start, .turned = w->turned};
    enum status status = source_create(&w->source, &settings, pairs, 2, &loop, &events, w, &problem);
    if (status != STATUS_OK)
        fail_msg("%s", problem.what);
    started++;
}

static void worker_stop(struct worker *w, int timeout_ms) {
    source_destroy(&w->source, timeout_ms);
    started--;
}

// One poll; each record must be the next of its partition.
static size_t worker_poll(struct worker *w) {
    struct record records[BATCH];
    size_t count = source_poll(w->source, records, BATCH);
    if (w->leaves && count > 1)
        count = count / 2;
    for (size_t i = 0; i < count; i++) {
        const struct record *r = &records[i];
        assert_true(w->owned[r->partition]);
        assert_int_equal(r->offset, w->marks->next[r->partition]);
        assert_in_range(r->time_ms, 1700000000000, 1700000000000 + OFFSETS);
        w->marks->next[r->partition]++;
        w->marks->seen[r->partition][r->offset]++;
    }
    w->marks->given += count;
    source_release(w->source, count);
    return count;
}

static void turn(struct worker *a, struct worker *b) {
    size_t count = worker_poll(a);
    if (b != NULL)
        count += worker_poll(b);
    loop_turn(&loop, count > 0 ? 0 : 20);
}

// Polls until `done` holds.
#define POLL_UNTIL(a, b, done)                                                                               \
    do {                                                                                                     \
        int64_t until_ms_ = clock_monotonic_ms() + PATIENCE_MS;                                              \
        while (!(done)) {                                                                                    \
            if (clock_monotonic_ms() > until_ms_)                                                            \
                fail_msg("line %d: still not %s", __LINE__, #done);                                          \
            turn(a, b);                                                                                      \
        }                                                                                                    \
    } while (0)

static void poll_for(struct worker *w, int64_t ms) {
    int64_t until_ms = clock_monotonic_ms() + ms;
    while (clock_monotonic_ms() < until_ms)
        turn(w, NULL);
}

static int owned_count(const struct worker *w) {
    int count = 0;
    for (int i = 0; i < PARTITIONS; i++)
        count += w->owned[i];
    return count;
}

static void produce_all(int count) {
    mock_produce(&mock, topic, 0, PARTITIONS, count, 100, "a:1:x");
}

static void assert_each_once(const struct marks *marks, int64_t offsets) {
    for (int i = 0; i < PARTITIONS; i++) {
        assert_int_equal(marks->next[i], offsets);
        for (int64_t offset = 0; offset < offsets; offset++)
            assert_int_equal(marks->seen[i][offset], 1);
    }
}

static int set_up(void **state) {
    static struct marks marks;
    memset(&marks, 0, sizeof(marks));
    started = 0;
    alarm(120); // a test that hangs ends the program
    loop_init(&loop);
    mock_start(&mock, 2);
    assert_int_equal(rd_kafka_mock_topic_create(mock.cluster, topic, PARTITIONS, 1), 0);
    *state = &marks;
    return 0;
}

static int tear_down(void **state) {
    mock_stop(&mock);
    if (started == 0) // a test that failed leaves its sources in the loop
        loop_fini(&loop);
    return 0;
}

// --- Records

static void two_workers_read_everything_once(void **state) {
    struct marks *marks = *state;
    struct worker a = {.turned = &loop}, b = {.turned = &loop};
    produce_all(500);
    worker_start(&a, marks, "g");
    POLL_UNTIL(&a, NULL, marks->given >= 1000);
    worker_start(&b, marks, "g");
    POLL_UNTIL(&a, &b, owned_count(&b) == PARTITIONS / 2 && owned_count(&a) == PARTITIONS / 2);
    produce_all(500);
    POLL_UNTIL(&a, &b, marks->given == (size_t)PARTITIONS * 1000);
    POLL_UNTIL(&a, &b, a.ended[0] + b.ended[0] > 0);
    struct source_figures figures;
    source_figures_read(a.source, &figures);
    assert_true(figures.rebalances_assigned >= 1);
    assert_true(figures.rebalances_revoked >= 1);
    assert_int_equal(figures.offset_jumps, 0);
    worker_stop(&b, 5000);
    assert_int_equal(owned_count(&b), 0);
    POLL_UNTIL(&a, NULL, owned_count(&a) == PARTITIONS);
    produce_all(100);
    POLL_UNTIL(&a, NULL, marks->given == (size_t)PARTITIONS * 1100);
    poll_for(&a, 200);
    assert_each_once(marks, 1100);
    assert_false(a.lost || b.lost || a.failed || b.failed);
    assert_int_equal(source_end(a.source, 0), 1100);
    worker_stop(&a, 5000);
    assert_int_equal(owned_count(&a), 0);
}

static void record_wakes_the_loop(void **state) {
    struct worker w = {0};
    worker_start(&w, *state, "g");
    POLL_UNTIL(&w, NULL, w.ended[PARTITIONS - 1] == 0 && owned_count(&w) == PARTITIONS);
    poll_for(&w, 300);
    int64_t before = clock_monotonic_ms();
    mock_produce(&mock, topic, 0, 1, 1, 10, "k");
    while (worker_poll(&w) == 0)
        loop_turn(&loop, 10000);
    assert_true(clock_monotonic_ms() - before < 5000);
    worker_stop(&w, 5000);
}

// --- Seeks

static void rewind_to(struct worker *w, int64_t offset) {
    struct source_position positions[PARTITIONS];
    for (int32_t i = 0; i < PARTITIONS; i++) {
        positions[i] = (struct source_position){i, offset};
        w->marks->next[i] = offset;
    }
    w->marks->given = 0;
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    enum status status = source_seek(w->source, positions, PARTITIONS);
    while (status == STATUS_TRY_AGAIN &&
           clock_monotonic_ms() < until_ms) // not yet: allowed on a busy machine
        status = source_seek(w->source, positions, PARTITIONS);
    assert_int_equal(status, STATUS_OK);
}

// worker_poll demands that the first record after a seek is the one sought, and each after it the next.
static void seek_gives_nothing_from_before(void **state) {
    struct marks *marks = *state;
    struct worker w = {0};
    produce_all(1000);
    worker_start(&w, marks, "g");
    POLL_UNTIL(&w, NULL, marks->given >= 1500);
    for (int i = 0; i < 20; i++) {
        rewind_to(&w, 10 * i);
        POLL_UNTIL(&w, NULL, marks->given >= 200);
    }
    rewind_to(&w, 0);
    POLL_UNTIL(&w, NULL, marks->given == PARTITIONS * 1000);
    POLL_UNTIL(&w, NULL, w.ended[PARTITIONS - 1] == 1000);
    w.ended[PARTITIONS - 1] = 0;
    rewind_to(&w, 1000); // to the end: told again
    POLL_UNTIL(&w, NULL, w.ended[PARTITIONS - 1] == 1000);
    struct source_position foreign = {PARTITIONS + 5, 0};
    assert_int_equal(source_seek(w.source, &foreign, 1), STATUS_TRY_AGAIN);
    worker_stop(&w, 5000);
}

static void unknown_start_gives_nothing_before_a_seek(void **state) {
    struct marks *marks = *state;
    struct worker w = {.unknown_start = true};
    produce_all(50);
    worker_start(&w, marks, "g");
    POLL_UNTIL(&w, NULL, owned_count(&w) == PARTITIONS);
    produce_all(50);
    poll_for(&w, 500);
    assert_int_equal(marks->given, 0);
    rewind_to(&w, 3);
    POLL_UNTIL(&w, NULL, marks->given == PARTITIONS * 97);
    worker_stop(&w, 5000);
}

static void set_round_trip(int ms) {
    for (int32_t broker = 1; broker <= 2; broker++)
        assert_int_equal(rd_kafka_mock_broker_set_rtt(mock.cluster, broker, ms), 0);
}

// Whatever was asked of a broker before the seek, and is answered after it, moves no partition.
static void seek_holds_against_late_answers(void **state) {
    struct marks *marks = *state;
    struct worker w = {.unknown_start = true};
    produce_all(50);
    produce_all(50);
    worker_start(&w, marks, "g");
    POLL_UNTIL(&w, NULL, owned_count(&w) == PARTITIONS);
    set_round_trip(1000);
    poll_for(&w, 600);
    rewind_to(&w, 3);
    set_round_trip(0);
    POLL_UNTIL(&w, NULL, marks->given == PARTITIONS * 97);
    poll_for(&w, 1000);
    worker_stop(&w, 5000);
}

// --- Holding back

static void hold_for(struct worker *w, int64_t ms) {
    size_t before = w->marks->given;
    source_hold(w->source, true);
    poll_for(w, ms / 2);
    produce_all(100);
    poll_for(w, ms / 2);
    assert_int_equal(w->marks->given, before);
    source_hold(w->source, false);
}

static void hold_loses_and_repeats_nothing(void **state) {
    struct marks *marks = *state;
    struct worker w = {0};
    produce_all(1000);
    worker_start(&w, marks, "g");
    POLL_UNTIL(&w, NULL, marks->given >= 300);
    hold_for(&w, 200); // merely not asked
    POLL_UNTIL(&w, NULL, marks->given >= 600);
    hold_for(&w, 2000); // paused
    POLL_UNTIL(&w, NULL, marks->given >= 900);
    hold_for(&w, 2000);
    POLL_UNTIL(&w, NULL, marks->given == PARTITIONS * 1300);
    hold_for(&w, 2000); // at the end of the log
    POLL_UNTIL(&w, NULL, marks->given == PARTITIONS * 1400);
    poll_for(&w, 200);
    assert_each_once(marks, 1400);
    struct source_figures figures;
    source_figures_read(w.source, &figures);
    assert_in_range(figures.held_ms, 6000, 20000);
    assert_int_equal(figures.offset_jumps, 0);
    worker_stop(&w, 5000);
}

// What a poll gave and was not taken is given again, and an end that was reached behind it is none.
static void records_left_are_given_again(void **state) {
    struct marks *marks = *state;
    struct worker w = {0};
    produce_all(300);
    worker_start(&w, marks, "g");
    w.leaves = true;
    POLL_UNTIL(&w, NULL, marks->given >= PARTITIONS * 200);
    w.leaves = false;
    POLL_UNTIL(&w, NULL, marks->given == PARTITIONS * 300);
    poll_for(&w, 200);
    assert_each_once(marks, 300);
    struct source_figures figures;
    source_figures_read(w.source, &figures);
    assert_int_equal(figures.offset_jumps, 0);
    worker_stop(&w, 5000);
}

static void hold_still_serves_rebalances(void **state) {
    struct marks *marks = *state;
    struct worker a = {0}, b = {0};
    produce_all(300);
    worker_start(&a, marks, "g");
    POLL_UNTIL(&a, NULL, marks->given >= 100);
    source_hold(a.source, true);
    poll_for(&a, 1500);
    worker_start(&b, marks, "g");
    POLL_UNTIL(&a, &b, owned_count(&b) == PARTITIONS / 2);
    worker_stop(&b, 5000);
    POLL_UNTIL(&a, NULL, owned_count(&a) == PARTITIONS); // given back while held: stays held
    size_t before = marks->given;
    poll_for(&a, 500);
    assert_int_equal(marks->given, before);
    source_hold(a.source, false);
    POLL_UNTIL(&a, NULL, marks->given == PARTITIONS * 300);
    assert_each_once(marks, 300);
    worker_stop(&a, 5000);
}

// librdkafka remembers a pause over a rebalance: a partition that leaves while we hold and comes back
// afterwards must flow.
static void partition_paused_elsewhere_flows_again(void **state) {
    struct marks *marks = *state;
    struct worker a = {0}, b = {0};
    worker_start(&a, marks, "g");
    POLL_UNTIL(&a, NULL, owned_count(&a) == PARTITIONS);
    source_hold(a.source, true);
    poll_for(&a, 1500);
    worker_start(&b, marks, "g");
    POLL_UNTIL(&a, &b, owned_count(&b) == PARTITIONS / 2);
    source_hold(a.source, false);
    worker_stop(&b, 5000);
    POLL_UNTIL(&a, NULL, owned_count(&a) == PARTITIONS);
    produce_all(100);
    POLL_UNTIL(&a, NULL, marks->given == PARTITIONS * 100);
    assert_each_once(marks, 100);
    worker_stop(&a, 5000);
}

// --- Commits

static void commit_is_accepted_only_by_the_group(void **state) {
    struct marks *marks = *state;
    struct worker w = {0};
    produce_all(10);
    worker_start(&w, marks, "g");
    POLL_UNTIL(&w, NULL, marks->given == PARTITIONS * 10);
    struct source_position positions[] = {{0, 10}, {1, 10}};
    uint64_t id = source_commit(w.source, positions, 2);
    POLL_UNTIL(&w, NULL, w.answered == id);
    assert_true(w.accepted);

    // The group has gone on without us: whatever we own is lost.
    rd_kafka_mock_push_request_errors(mock.cluster, 8 /* OffsetCommit */, 1,
                                      RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION);
    id = source_commit(w.source, positions, 2);
    assert_int_equal(id, w.answered + 1);
    POLL_UNTIL(&w, NULL, w.answered == id);
    assert_false(w.accepted);
    POLL_UNTIL(&w, NULL, w.lost);
    POLL_UNTIL(&w, NULL, owned_count(&w) == PARTITIONS);
    produce_all(10);
    POLL_UNTIL(&w, NULL, marks->given == PARTITIONS * 20);
    assert_each_once(marks, 20);
    struct source_figures figures;
    source_figures_read(w.source, &figures);
    assert_int_equal(figures.rebalances_lost, 1);
    worker_stop(&w, 5000);
}

// --- Failures

static void place_past_the_end_fails(void **state) {
    struct marks *marks = *state;
    struct worker w = {0};
    marks->next[2] = 500;
    mock_produce(&mock, topic, 2, 1, 20, 10, "k");
    worker_start(&w, marks, "g");
    POLL_UNTIL(&w, NULL, w.failed);
    assert_int_equal(w.problem.status, STATUS_BAD_DATA);
    assert_string_equal(w.problem.code, "CLM-M3");
    assert_non_null(strstr(w.problem.what, "partition 2"));
    poll_for(&w, 300); // told once
    worker_stop(&w, 5000);
}

static void place_the_log_no_longer_has_fails(void **state) {
    struct worker w = {0};
    mock_produce(&mock, topic, 4, 1, 200, 60000, "k"); // the mock keeps 5 MiB of a partition
    worker_start(&w, *state, "g");
    POLL_UNTIL(&w, NULL, w.failed);
    assert_string_equal(w.problem.code, "CLM-M2");
    int64_t first = 0, end = 0;
    struct problem problem;
    assert_int_equal(source_bounds(w.source, 4, &first, &end, 5000, &problem), STATUS_OK);
    assert_int_equal(end, 200);
    assert_in_range(first, 1, 199);
    worker_stop(&w, 5000);
}

static void misplaced_keys_are_seen(void **state) {
    struct marks *marks = *state;
    struct worker w = {0};
    int32_t home = murmur2_partition(slice_of("a:1:x"), PARTITIONS);
    worker_start(&w, marks, "g");
    source_expect(w.source, PARTITIONS);
    mock_produce(&mock, topic, home, 1, 640, 10, "a:1:x");
    POLL_UNTIL(&w, NULL, marks->given == 640);
    struct source_figures figures;
    source_figures_read(w.source, &figures);
    assert_int_equal(figures.misplaced, 0);
    mock_produce(&mock, topic, (home + 1) % PARTITIONS, 1, 640, 10, "a:1:x");
    POLL_UNTIL(&w, NULL, marks->given == 1280);
    source_figures_read(w.source, &figures);
    assert_int_equal(figures.misplaced, 10);
    worker_stop(&w, 5000);
}

static void destroy_is_bounded_without_a_broker(void **state) {
    struct marks *marks = *state;
    struct worker w = {0};
    produce_all(10);
    worker_start(&w, marks, "g");
    POLL_UNTIL(&w, NULL, marks->given == PARTITIONS * 10);
    rd_kafka_mock_broker_set_down(mock.cluster, 1);
    rd_kafka_mock_broker_set_down(mock.cluster, 2);
    struct source_figures figures = {0};
    for (int i = 0; i < 500 && !figures.brokers_down; i++) {
        turn(&w, NULL);
        source_figures_read(w.source, &figures);
    }
    assert_true(figures.brokers_down);
    int64_t before = clock_monotonic_ms();
    worker_stop(&w, 1000);
    assert_in_range(clock_monotonic_ms() - before, 0, 4000);
    assert_int_equal(owned_count(&w), 0);
}

static bool is_down_after(struct source *source, const char *state) {
    char statistics[128];
    int length =
        snprintf(statistics, sizeof(statistics), "{\"brokers\": {\"a\": {\"state\": \"%s\"}}}", state);
    source_on_statistics(NULL, statistics, (size_t)length, source);
    struct source_figures figures;
    source_figures_read(source, &figures);
    return figures.brokers_down;
}

static void without_a_word_of_it_an_outage_is_seen_in_the_statistics(void **state) {
    struct worker w = {0};
    worker_start(&w, *state, "g");
    assert_false(is_down_after(w.source, "DOWN"));
    assert_false(is_down_after(w.source, "UP"));
    assert_false(is_down_after(w.source, "CONNECT"));
    assert_true(is_down_after(w.source, "DOWN"));
    assert_false(is_down_after(w.source, "UP"));
    worker_stop(&w, 5000);
}

// --- Properties

static void properties_of_the_configuration(void **state) {
    static const struct {
        const char *name, *value, *role, *says; // says NULL: applied, "": not for this role
    } rows[] = {
        {"fetch.min.bytes", "77", "consumer", NULL},
        {"fetch_min_bytes", "77", "consumer", NULL}, // as the environment spells it
        {"queued.max.messages.kbytes", "1234", "consumer", NULL},
        {"fetch.min.bytes", "77", "producer", ""},
        {"linger.ms", "7", "producer", NULL},
        {"linger.ms", "7", "consumer", ""},
        {"group.id", "x", "consumer", "kafka.group"},
        {"group.id", "x", "producer", "kafka.group"},
        {"enable.auto.commit", "true", "consumer", "committed"},
        {"enable_auto_commit", "true", "consumer", "committed"},
        {"enable.auto.offset.store", "true", "consumer", "committed"},
        {"auto.offset.reset", "earliest", "consumer", "lose"},
        {"partitioner", "random", "producer", "murmur2"},
        {"session.timeout.ms", "1", "consumer", "kafka.session.timeout"},
        {"fetch.mim.bytes", "1", "consumer", "did you mean kafka.fetch.min.bytes?"},
        {"topc", "1", "consumer", "did you mean kafka.topic?"},
        {"sesion.timeout", "1", "producer", "did you mean kafka.session.timeout?"},
        {"static_ids", "1", "consumer", "did you mean kafka.static_id?"},
        {"quite.another.thing", "1", "consumer", "no such property"},
        {"fetch.min.bytes", "many", "consumer", "fetch.min.bytes"},
    };
    struct settings settings = settings_for("g");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct config_pair pair = {rows[i].name, rows[i].value, "file:3:1"};
        struct problem problem = {0};
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        enum status status = source_properties(conf, rows[i].role, &settings, &pair, 1, &problem);
        bool refused = rows[i].says != NULL && rows[i].says[0] != '\0';
        char value[64] = "", name[64];
        size_t size = sizeof(value);
        assert_int_equal(status, refused ? STATUS_CONFIG : STATUS_OK);
        if (refused) {
            assert_string_equal(problem.code, "CLM-C1");
            assert_non_null(strstr(problem.what, rows[i].says));
            assert_non_null(strstr(problem.what, "file:3:1"));
        } else {
            snprintf(name, sizeof(name), "%s", rows[i].name);
            for (char *at = name; *at != '\0'; at++)
                *at = *at == '_' ? '.' : *at;
            assert_int_equal(rd_kafka_conf_get(conf, name, value, &size), RD_KAFKA_CONF_OK);
            assert_int_equal(strcmp(value, rows[i].value) == 0, rows[i].says == NULL);
        }
        rd_kafka_conf_destroy(conf);
    }
}

static void properties_of_ours(void **state) {
    static const char *const rows[][2] = {
        {"client.id", "clameur"},           {"group.id", "g"},
        {"group.instance.id", "worker-1"},  {"enable.auto.commit", "false"},
        {"auto.offset.reset", "error"},     {"partition.assignment.strategy", "cooperative-sticky"},
        {"session.timeout.ms", "6000"},     {"heartbeat.interval.ms", "2000"},
        {"enable.partition.eof", "true"},   {"allow.auto.create.topics", "false"},
        {"statistics.interval.ms", "5000"}, {"enable.auto.offset.store", "false"},
    };
    struct settings settings = settings_for("g");
    settings.kafka_static_id = "worker-1";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    struct problem problem;
    assert_int_equal(source_properties(conf, "consumer", &settings, NULL, 0, &problem), STATUS_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char value[64];
        size_t size = sizeof(value);
        assert_int_equal(rd_kafka_conf_get(conf, rows[i][0], value, &size), RD_KAFKA_CONF_OK);
        assert_string_equal(value, rows[i][1]);
    }
    rd_kafka_conf_destroy(conf);
}

// What only rd_kafka_new finds wrong, and a source that leaves before it was given anything.
static void create_fails_or_is_undone(void **state) {
    static const struct config_pair wrong = {"ssl.ca.location", "/nowhere/ca.pem", "test"},
                                    tls = {"security.protocol", "ssl", "test"};
    const struct config_pair pairs[] = {tls, wrong};
    struct settings settings = settings_for("g");
    struct problem problem = {0};
    struct worker w = {.marks = *state};
    assert_int_equal(source_create(&w.source, &settings, pairs, 2, &loop, &events, &w, &problem),
                     STATUS_CONFIG);
    assert_null(w.source);
    assert_non_null(strstr(problem.what, "ca.location"));
    worker_start(&w, *state, "g");
    worker_stop(&w, 2000);
    worker_start(&w, *state, "g");
    poll_for(&w, 1500); // joined, not yet assigned
    assert_int_equal(owned_count(&w), 0);
    worker_stop(&w, 2000);
    assert_null(w.source);
}

// --- Checks

static void check_names_what_is_wrong(void **state) {
    struct settings settings = settings_for("g");
    struct problem problem;
    int32_t count = 0;
    assert_int_equal(source_check_topic(&settings, NULL, 0, topic, &count, 10000, &problem), STATUS_OK);
    assert_int_equal(count, PARTITIONS);
    assert_int_equal(source_check_topic(&settings, NULL, 0, "engagment", &count, 10000, &problem),
                     STATUS_UNAVAILABLE);
    assert_string_equal(problem.code, "CLM-K3");
    assert_non_null(strstr(problem.what, "did you mean \"engagement\"?"));

    // The broker that answers names another one that does not.
    rd_kafka_mock_partition_set_leader(mock.cluster, topic, 3, 2);
    char first[64];
    snprintf(first, sizeof(first), "%.*s", (int)strcspn(mock.bootstrap, ","), mock.bootstrap);
    settings.kafka_bootstrap = first;
    rd_kafka_mock_broker_set_down(mock.cluster, 2);
    assert_int_equal(source_check_topic(&settings, NULL, 0, topic, &count, 3000, &problem),
                     STATUS_UNAVAILABLE);
    assert_string_equal(problem.code, "CLM-K2");

    settings.kafka_bootstrap = "127.0.0.1:1";
    int64_t before = clock_monotonic_ms();
    assert_int_equal(source_check_topic(&settings, NULL, 0, topic, &count, 1500, &problem),
                     STATUS_UNAVAILABLE);
    assert_in_range(clock_monotonic_ms() - before, 0, 4000);
    assert_string_equal(problem.code, "CLM-K1");
    assert_non_null(strstr(problem.what, "127.0.0.1:1"));
    assert_non_null(strstr(problem.what, "refused"));
}

int main(int argc, char **argv) {
#define ON_MOCK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ON_MOCK(two_workers_read_everything_once),
        ON_MOCK(record_wakes_the_loop),
        ON_MOCK(seek_gives_nothing_from_before),
        ON_MOCK(unknown_start_gives_nothing_before_a_seek),
        ON_MOCK(seek_holds_against_late_answers),
        ON_MOCK(hold_loses_and_repeats_nothing),
        ON_MOCK(records_left_are_given_again),
        ON_MOCK(hold_still_serves_rebalances),
        ON_MOCK(partition_paused_elsewhere_flows_again),
        ON_MOCK(commit_is_accepted_only_by_the_group),
        ON_MOCK(place_past_the_end_fails),
        ON_MOCK(place_the_log_no_longer_has_fails),
        ON_MOCK(misplaced_keys_are_seen),
        ON_MOCK(destroy_is_bounded_without_a_broker),
        ON_MOCK(without_a_word_of_it_an_outage_is_seen_in_the_statistics),
        cmocka_unit_test(properties_of_the_configuration),
        cmocka_unit_test(properties_of_ours),
        ON_MOCK(create_fails_or_is_undone),
        ON_MOCK(check_names_what_is_wrong),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
