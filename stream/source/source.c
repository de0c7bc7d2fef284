// The consumer's life and its records.
//
// The happy path of a poll:
// 1. what came up during the last one is served first: rebalances, ends of the log, answers to commits;
// 2. one call takes up to `max` messages off librdkafka's queue, and runs its callbacks on the way;
// 3. messages become records, by pointer; errors become events or figures;
// 4. the caller reads the records, then releases them.
//
// Why no record is stale. librdkafka runs the rebalance callback in the middle of (2), when older messages
// may already lie in the array. So the callback only notes the rebalance; it is answered at (1) of the next
// poll, after the records were released, and until it is answered the partitions are still ours (the group
// waits for us, but for a `lost`, after which whatever we count is caught by the marks). After the answer,
// and after a seek, librdkafka drops what it had fetched: each such step raises the partition's version, a
// barrier set by the calling thread, and messages of an older version never leave the queue. Under that
// stands our own net: `expect` is the next offset, a message below it is never given out; and a partition
// whose step failed is muted until a later one succeeds.
#include "stream/source/source_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"
#include "runtime/clock.h"
#include "runtime/log/log.h"
#include "runtime/memory.h"
#include "stream/murmur2.h"

enum { SAMPLE_MASK = 63, CLOSE_TURN_MS = 10, CLOSE_BATCH = 1000, DESTROY_MENDED = 0x02030000 };

// --- Life

static enum status prepare(rd_kafka_conf_t *conf, struct source *s, const struct settings *settings,
                           const struct config_pair *pairs, size_t count, struct problem *problem) {
    enum status status = source_properties(conf, "consumer", settings, pairs, count, problem);
    rd_kafka_conf_set_opaque(conf, s);
    rd_kafka_conf_set_rebalance_cb(conf, source_on_rebalance);
    rd_kafka_conf_set_error_cb(conf, source_on_error);
    rd_kafka_conf_set_stats_cb(conf, source_on_statistics);
    return status;
}

static enum status subscribe(struct source *s, struct problem *problem) {
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, s->topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t err = rd_kafka_subscribe(s->rk, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return STATUS_OK;
    return problem_set(problem, STATUS_CONFIG, "CLM-C1", "correct kafka.topic",
                       "cannot subscribe to \"%s\": %s", s->topic, rd_kafka_err2str(err));
}

static void connect_queues(struct source *s) {
    rd_kafka_poll_set_consumer(s->rk);
    s->queue = rd_kafka_queue_get_consumer(s->rk);
    s->replies = rd_kafka_queue_new(s->rk);
    wake_init(&s->wake, s->loop);
    wake_watch(&s->wake, s->queue);
    wake_watch(&s->wake, s->replies);
}

static void disconnect_queues(struct source *s) {
    wake_unwatch(s->queue);
    wake_unwatch(s->replies);
    rd_kafka_queue_destroy(s->queue);
    rd_kafka_queue_destroy(s->replies);
    wake_fini(&s->wake);
}

static void free_rest(struct source *s) {
    for (size_t i = 0; i < s->rebalance_count; i++)
        rd_kafka_topic_partition_list_destroy(s->rebalances[i].list);
    free(s->rebalances);
    free(s->partitions);
    free(s->messages);
    free(s->unsent);
    free(s->topic);
    free(s->bootstrap);
    free(s);
}

enum status source_create(struct source **source, const struct settings *settings,
                          const struct config_pair *passthrough, size_t passthrough_count, struct loop *loop,
                          const struct source_events *events, void *context, struct problem *problem) {
    struct source *s = memory_take(sizeof(*s));
    s->loop = loop;
    s->events = events;
    s->context = context;
    s->topic = memory_text(settings->kafka_topic);
    s->bootstrap = memory_text(settings->kafka_bootstrap);
    s->next_commit = 1;
    s->figures.errors[s->figures.error_count++] =
        (struct source_error){"_TRANSPORT", 0}; // shown from the start
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char reason[SOURCE_MESSAGE_BYTES];
    *source = NULL;

    enum status status = prepare(conf, s, settings, passthrough, passthrough_count, problem);
    if (status != STATUS_OK) {
        rd_kafka_conf_destroy(conf);
        free_rest(s);
        return status;
    }
    s->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof(reason));
    if (s->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        free_rest(s);
        return problem_set(problem, STATUS_CONFIG, "CLM-C1", "correct the kafka section",
                           "the Kafka client cannot start: %s", reason);
    }
    connect_queues(s);
    *source = s;
    status = subscribe(s, problem);
    if (status != STATUS_OK)
        source_destroy(source, 0);
    return status;
}

static void make_room(struct source *s, size_t count) {
    if (count <= s->message_room)
        return;
    s->messages = memory_grow(s->messages, count, sizeof(*s->messages));
    s->message_room = count;
}

static void drop_messages(rd_kafka_message_t **messages, size_t count) {
    for (size_t i = 0; i < count; i++)
        rd_kafka_message_destroy(messages[i]);
}

// Leaves the group by a queue of its own, so that rebalances are answered as ever (and may turn the loop),
// until librdkafka says that it is closed or the time is over: a broker that is gone never answers.
static void leave(struct source *s, int timeout_ms) {
    int64_t deadline = clock_monotonic_ms() + timeout_ms;
    rd_kafka_queue_t *closing = rd_kafka_queue_new(s->rk);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(s->rk, closing);
    s->closing = true;
    make_room(s, CLOSE_BATCH);
    while (error == NULL && !rd_kafka_consumer_closed(s->rk) && clock_monotonic_ms() < deadline) {
        ssize_t count = rd_kafka_consume_batch_queue(closing, 0, s->messages, CLOSE_BATCH);
        drop_messages(s->messages, count > 0 ? (size_t)count : 0);
        source_serve_rebalances(s);
        source_serve_commits(s);
        loop_turn(s->loop, CLOSE_TURN_MS);
    }
    if (error != NULL || !rd_kafka_consumer_closed(s->rk))
        log_warn("kafka_left_without_goodbye",
                 FIELD("why", LOG_TEXT(error != NULL ? rd_kafka_error_string(error) : "no answer in time")));
    rd_kafka_error_destroy(error);
    rd_kafka_queue_destroy(closing);
}

// Before 2.3.0 librdkafka aborts the process when a member that has joined but was never assigned anything is
// destroyed (an assertion on the sticky assignor's missing state); and 2.0.2 was seen not to come back from
// destroying a consumer whose topic had been deleted and made anew. The process, which ends then, rather
// leaves the client behind.
static bool destroy_is_unsafe(const struct source *s) {
    return s->gone_ever || (rd_kafka_version() < DESTROY_MENDED && !s->assigned_ever);
}

void source_destroy(struct source **source, int timeout_ms) {
    struct source *s = *source;
    if (s == NULL)
        return;
    CHECK(!s->serving);
    s->serving = true;
    source_release(s, s->given);
    leave(s, timeout_ms);
    source_revoke_rest(s);
    *source = NULL; // not before: `revoked` may commit what it has flushed
    disconnect_queues(s);
    // Whether or not the group was told, no further waiting for it.
    if (!destroy_is_unsafe(s))
        rd_kafka_destroy_flags(s->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    free_rest(s);
}

// --- Records

struct source_partition *source_partition(struct source *s, int32_t number) {
    CHECK(number >= 0);
    if (number >= s->partition_room) {
        int32_t room = number + 64;
        s->partitions = memory_grow(s->partitions, (size_t)room, sizeof(*s->partitions));
        for (int32_t i = s->partition_room; i < room; i++)
            s->partitions[i] = (struct source_partition){.ended_at = SOURCE_NO_END};
        s->partition_room = room;
    }
    return &s->partitions[number];
}

// Whether a message is to be given out.
static bool is_wanted(struct source *s, struct source_partition *p, const rd_kafka_message_t *m) {
    if (!p->assigned || p->muted || p->behind || m->offset < p->expect)
        return false;
    if (s->held) { // slipped through a pause: fetched again after the release
        p->behind = s->behind_any = true;
        return false;
    }
    s->figures.offset_jumps += (uint64_t)(m->offset - p->expect);
    p->expect = m->offset + 1;
    return true;
}

static void fill(struct source *s, struct record *r, const rd_kafka_message_t *m) {
    rd_kafka_timestamp_type_t type;
    int64_t time_ms = rd_kafka_message_timestamp(m, &type);
    *r = (struct record){
        .partition = m->partition,
        .offset = m->offset,
        .time_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? 0 : time_ms,
        .key = {m->key, m->key_len},
        .value = {m->payload, m->len},
    };
    // One record in 64 is enough to see a producer that places keys otherwise.
    if ((s->sampled++ & SAMPLE_MASK) == 0 && m->key_len > 0 && s->topic_partitions > 0 &&
        murmur2_partition(r->key, s->topic_partitions) != m->partition)
        s->figures.misplaced++;
}

static size_t fetch(struct source *s, struct record *records, size_t max) {
    make_room(s, max);
    ssize_t count = rd_kafka_consume_batch_queue(s->queue, 0, s->messages, max);
    size_t given = 0;
    for (ssize_t i = 0; i < count; i++) {
        rd_kafka_message_t *m = s->messages[i];
        if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            source_take_error(s, m);
            rd_kafka_message_destroy(m);
        } else if (is_wanted(s, source_partition(s, m->partition), m)) {
            s->messages[given] = m;
            fill(s, &records[given++], m);
        } else
            rd_kafka_message_destroy(m);
    }
    return given;
}

static void tell_ends(struct source *s) {
    if (!s->ended_any)
        return;
    s->ended_any = false;
    for (int32_t i = 0; i < s->partition_room; i++) {
        struct source_partition *p = &s->partitions[i];
        int64_t end = p->ended_at;
        p->ended_at = SOURCE_NO_END;
        // Records that came after it in the same batch make it an end no more.
        if (end != SOURCE_NO_END && end >= p->expect && p->assigned && !p->muted && !p->behind)
            s->events->ended(s->context, i, end);
    }
}

static void serve(struct source *s) {
    source_serve_commits(s);
    tell_ends(s); // first: a revoke would forget them
    source_serve_rebalances(s);
    if (s->grown_from > 0) {
        s->events->grew(s->context, s->grown_from, s->topic_partitions);
        s->grown_from = 0;
    }
    if (s->failing && !s->failure_told) {
        s->failure_told = true;
        s->events->failed(s->context, &s->failure);
    }
}

static bool has_news(const struct source *s) {
    return s->ended_any || s->rebalance_count > 0 || s->grown_from > 0 || (s->failing && !s->failure_told);
}

size_t source_poll(struct source *s, struct record *records, size_t max) {
    CHECK(!s->serving && s->given == 0);
    s->serving = true;
    serve(s);
    source_serve_hold(s);
    // Held and not yet paused, what is queued simply stays there.
    if (!s->held || s->paused)
        s->given = fetch(s, records, max);
    // What a batch with records brought up waits for their release; the loop must not sleep over it.
    if (has_news(s) && s->given > 0)
        wake_now(&s->wake);
    else
        serve(s);
    s->serving = false;
    return s->given;
}

// Backwards, so that a partition comes to stand at the first of its own.
static void give_back(struct source *s, size_t taken) {
    for (size_t i = s->given; i-- > taken;) {
        struct source_partition *p = source_partition(s, s->messages[i]->partition);
        p->expect = s->messages[i]->offset;
        p->behind = s->behind_any = true;
    }
}

void source_release(struct source *s, size_t taken) {
    give_back(s, taken);
    drop_messages(s->messages, s->given);
    s->given = 0;
}

void source_figures_read(const struct source *s, struct source_figures *figures) {
    *figures = s->figures;
    if (s->held)
        figures->held_ms += clock_monotonic_ms() - s->held_since_ms;
}

void source_expect(struct source *s, int32_t partitions) {
    s->topic_partitions = partitions;
}

int64_t source_end(struct source *s, int32_t partition) {
    int64_t first = 0, end = 0;
    rd_kafka_resp_err_t err = rd_kafka_get_watermark_offsets(s->rk, s->topic, partition, &first, &end);
    return err == RD_KAFKA_RESP_ERR_NO_ERROR && end >= 0 ? end : -1;
}

int64_t source_first(struct source *s, int32_t partition) {
    int64_t first = 0, end = 0;
    rd_kafka_resp_err_t err = rd_kafka_get_watermark_offsets(s->rk, s->topic, partition, &first, &end);
    return err == RD_KAFKA_RESP_ERR_NO_ERROR && first >= 0 ? first : -1;
}
