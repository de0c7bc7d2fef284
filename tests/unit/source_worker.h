// Workers of one group, each a source, over librdkafka's mock cluster; they share what Redis would remember.
// ON_MOCK(test) gives a test its cluster and its marks.
#pragma once

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "stream/source/source_internal.h"
#include "tests/unit/mock_kafka.h"

enum { PARTITIONS = 6, OFFSETS = 4000, BATCH = 97, PATIENCE_MS = 300000, JOIN_MS = 3000 };
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

static inline void on_assigned(void *context, struct source_position *positions, size_t count) {
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

static inline void on_revoked(void *context, const int32_t *partitions, size_t count, bool lost) {
    struct worker *w = context;
    if (w->turned != NULL)
        loop_turn(w->turned, 5);
    w->lost |= lost;
    for (size_t i = 0; i < count; i++) {
        assert_true(w->owned[partitions[i]]);
        w->owned[partitions[i]] = false;
    }
}

static inline void on_ended(void *context, int32_t partition, int64_t offset) {
    struct worker *w = context;
    assert_true(w->owned[partition]);
    assert_int_equal(offset, w->marks->next[partition]); // every record before it was given
    w->ended[partition] = offset;
}

static inline void on_committed(void *context, uint64_t id, bool accepted) {
    struct worker *w = context;
    w->answered = id;
    w->accepted = accepted;
}

static inline void on_failed(void *context, const struct problem *problem) {
    struct worker *w = context;
    assert_false(w->failed);
    w->failed = true;
    w->problem = *problem;
}

static inline void on_grew(void *context, int32_t before, int32_t after) {}

static const struct source_events events = {on_assigned,  on_revoked, on_ended,
                                            on_committed, on_failed,  on_grew};

static inline struct settings settings_for(const char *group) {
    return (struct settings){.kafka_bootstrap = mock.bootstrap,
                             .kafka_topic = topic,
                             .kafka_group = group,
                             .kafka_session_timeout_ms = 6000,
                             .kafka_static_id = "",
                             .dlq_topic = ""};
}

static inline void worker_start(struct worker *w, struct marks *marks, const char *group) {
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

static inline void worker_stop(struct worker *w, int timeout_ms) {
    source_destroy(&w->source, timeout_ms);
    started--;
}

// One poll; each record must be the next of its partition.
static inline size_t worker_poll(struct worker *w) {
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

static inline void turn(struct worker *a, struct worker *b) {
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

static inline void poll_for(struct worker *w, int64_t ms) {
    int64_t until_ms = clock_monotonic_ms() + ms;
    while (clock_monotonic_ms() < until_ms)
        turn(w, NULL);
}

static inline int owned_count(const struct worker *w) {
    int count = 0;
    for (int i = 0; i < PARTITIONS; i++)
        count += w->owned[i];
    return count;
}

static inline void produce_all(int count) {
    mock_produce(&mock, topic, 0, PARTITIONS, count, 100, "a:1:x");
}

static inline void assert_each_once(const struct marks *marks, int64_t offsets) {
    for (int i = 0; i < PARTITIONS; i++) {
        assert_int_equal(marks->next[i], offsets);
        for (int64_t offset = 0; offset < offsets; offset++)
            assert_int_equal(marks->seen[i][offset], 1);
    }
}

static inline int set_up(void **state) {
    static struct marks marks;
    memset(&marks, 0, sizeof(marks));
    started = 0;
    alarm(900); // a test that hangs ends the program
    loop_init(&loop);
    mock_start(&mock, 2);
    assert_int_equal(rd_kafka_mock_topic_create(mock.cluster, topic, PARTITIONS, 1), 0);
    *state = &marks;
    return 0;
}

static inline int tear_down(void **state) {
    mock_stop(&mock);
    if (started == 0) // a test that failed leaves its sources in the loop
        loop_fini(&loop);
    return 0;
}

#define ON_MOCK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
