// The dead-letter producer.
//
// The happy path of a letter:
// 1. deadletter_send copies the record, once for all its letters (letter.h), numbers the letter and hands it
// to librdkafka;
// 2. librdkafka sends it, for as long as that takes (message.timeout.ms=0), and reports the acknowledgement
// to on_report;
// 3. `settled` moves over the longest unbroken run of acknowledged letters; those behind it are freed.
// Failures: what Kafka refuses for good waits and is sent again once a second. It refuses a batch that is too
// large with every letter in it, and does not say which are; so what may be cut is cut, and the others go
// once more, each in a batch of its own, through a second producer. A letter that is refused there waits.
#include "stream/deadletter.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <librdkafka/rdkafka.h>

#include "runtime/check.h"
#include "runtime/clock.h"
#include "runtime/log/log.h"
#include "runtime/memory.h"
#include "stream/deadletter_producer.h"
#include "stream/letter.h"
#include "stream/source/wake.h"

enum {
    TOPIC_BYTES = 256,
    NUMBER_BYTES = 24,
    RETRY_MS = 1000,
    FULL_LETTERS = 50000,
    FULL_BYTES = 64 * 1024 * 1024,
    FIRST_ROOM = 1024,
    DRAIN_TURN_MS = 20,
};

struct deadletter {
    struct deadletter_producer producer, single; // the second connected when it is needed
    struct wake wake;
    char topic[TOPIC_BYTES];
    char *source_topic;

    struct letter **ring; // of letters settled + 1 .. sent; letter n stands at n mod room
    size_t room;          // a power of two
    uint64_t sent, settled;
    struct originals originals;
    size_t waiting; // letters in LETTER_WAITING
    int64_t retry_at_ms;
    uint64_t acknowledged[REJECT_COUNT];
    size_t refused; // letters that Kafka refused: told with the first, and when none is left
    bool withholding;
};

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque);

enum status deadletter_create(struct deadletter **created, const struct settings *settings,
                              const struct config_pair *passthrough, size_t passthrough_count,
                              struct loop *loop, struct problem *problem) {
    struct deadletter *d = memory_take(sizeof(*d));
    char reason[256];
    *created = NULL;
    settings_dlq_topic(settings, d->topic, sizeof(d->topic));
    d->source_topic = memory_text(settings->kafka_topic);
    d->room = FIRST_ROOM;
    d->ring = memory_take(d->room * sizeof(struct letter *));
    d->producer = (struct deadletter_producer){
        .owner = d, .wake = &d->wake, .called = "dead_letter_producer", .on_report = on_report};
    d->single = d->producer;
    d->single.singly = true;
    wake_init(&d->wake, loop);
    enum status status =
        deadletter_producer_init(&d->producer, settings, passthrough, passthrough_count, problem);
    enum status other =
        deadletter_producer_init(&d->single, settings, passthrough, passthrough_count, problem);
    if (status == STATUS_OK)
        status = other;
    if (status == STATUS_OK && !deadletter_producer_connect(&d->producer, reason, sizeof(reason)))
        status = problem_set(problem, STATUS_CONFIG, "CLM-C1", "correct the kafka section",
                             "the dead-letter producer cannot start: %s", reason);
    if (status != STATUS_OK) {
        deadletter_destroy(&d, 0);
        return status;
    }
    *created = d;
    return STATUS_OK;
}

static void serve(struct deadletter *d, int64_t now_ms, int timeout_ms);

void deadletter_destroy(struct deadletter **destroyed, int timeout_ms) {
    struct deadletter *d = *destroyed;
    if (d == NULL)
        return;
    *destroyed = NULL;
    int64_t deadline = clock_monotonic_ms() + timeout_ms;
    while (d->settled < d->sent && clock_monotonic_ms() < deadline)
        serve(d, clock_monotonic_ms(), DRAIN_TURN_MS);
    if (d->settled < d->sent)
        log_warn("dead_letters_unsettled", FIELD("letters", LOG_INT(d->sent - d->settled)));
    deadletter_producer_fini(&d->single);
    deadletter_producer_fini(&d->producer);
    for (uint64_t n = d->settled + 1; n <= d->sent; n++)
        letter_free(d->ring[n & (d->room - 1)], &d->originals);
    wake_fini(&d->wake);
    free(d->ring);
    free(d->source_topic);
    free(d);
}

// --- Sending

static struct deadletter_producer *producer_of(struct deadletter *d, const struct letter *l) {
    char reason[256];
    // All that a configuration may have wrong, it has wrong for the other as well.
    if (l->alone && d->single.rk == NULL)
        CHECK(deadletter_producer_connect(&d->single, reason, sizeof(reason)));
    return l->alone ? &d->single : &d->producer;
}

static bool is_too_large(rd_kafka_resp_err_t err) {
    int code = err;
    return code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || code == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE;
}

static const char *remedy_of(rd_kafka_resp_err_t err) {
    if (is_too_large(err))
        return "kafka-configs.sh --alter --entity-type topics --entity-name %s --add-config "
               "max.message.bytes=1048588";
    if (deadletter_not_permitted(err))
        return "kafka-acls.sh --add --allow-principal User:NAME --operation Write --topic %s";
    return "create it: kafka-topics.sh --create --topic %s";
}

static void say_refused(struct deadletter *d, const struct letter *l, rd_kafka_resp_err_t err) {
    struct problem problem;
    char remedy[sizeof(problem.remedy)], what[TOPIC_BYTES + 2 * NUMBER_BYTES + 64] = "letters";
    const struct original *o = l->original;
    snprintf(remedy, sizeof(remedy), remedy_of(err), d->topic);
    if (is_too_large(err))
        snprintf(what, sizeof(what), "a letter of %zu bytes about %s/%" PRId32 "/%" PRId64, letter_length(l),
                 d->source_topic, o->partition, o->offset);
    problem_set(&problem, STATUS_UNAVAILABLE, "CLM-K5", remedy,
                "the dead-letter topic %s does not take %s: %s; flushes that cover them wait, and they "
                "are sent again every second",
                d->topic, what, rd_kafka_err2str(err));
    log_problem(LOG_LEVEL_ERROR, "dead_letter_refused", &problem);
}

static void wait_again(struct deadletter *d, struct letter *l, rd_kafka_resp_err_t err) {
    rd_kafka_resp_err_t barred = producer_of(d, l)->barred;
    l->state = LETTER_WAITING;
    if (d->waiting++ == 0)
        d->retry_at_ms = clock_monotonic_ms() + RETRY_MS;
    int code = err;
    bool ours = code == RD_KAFKA_RESP_ERR__QUEUE_FULL || code == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
                code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT || code == RD_KAFKA_RESP_ERR__FATAL;
    if (barred != RD_KAFKA_RESP_ERR_NO_ERROR)
        err = barred;
    else if (ours)
        return;
    if (!l->refused && d->refused++ == 0)
        say_refused(d, l, err);
    l->refused = true;
}

// Sends a letter, or sends it again; what is too large at once, as long as it becomes smaller. Otherwise it
// waits its second.
static rd_kafka_resp_err_t dispatch(struct deadletter *d, struct letter *l) {
    l->state = LETTER_QUEUED;
    rd_kafka_resp_err_t err = letter_produce(l, producer_of(d, l)->rk, d->topic, d->source_topic);
    while (is_too_large(err) && letter_make_smaller(l))
        err = letter_produce(l, producer_of(d, l)->rk, d->topic, d->source_topic);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        wait_again(d, l, err);
    return err;
}

static void make_room(struct deadletter *d) {
    if (d->sent - d->settled < d->room)
        return;
    struct letter **larger = memory_take(2 * d->room * sizeof(struct letter *));
    for (uint64_t n = d->settled + 1; n <= d->sent; n++)
        larger[n & (2 * d->room - 1)] = d->ring[n & (d->room - 1)];
    free(d->ring);
    d->ring = larger;
    d->room *= 2;
}

uint64_t deadletter_send(struct deadletter *d, const struct record *record, int32_t index, struct slice part,
                         enum reject reason) {
    struct letter *l = letter_create(&d->originals, record, index, part, reason);
    make_room(d);
    uint64_t number = ++d->sent;
    d->ring[number & (d->room - 1)] = l;
    if (!d->withholding)
        dispatch(d, l);
    return number;
}

// --- Held back

void deadletter_withhold(struct deadletter *d) {
    d->withholding = true;
}

void deadletter_release(struct deadletter *d) {
    d->withholding = false;
    for (uint64_t n = d->settled + 1; n <= d->sent; n++) {
        struct letter *l = d->ring[n & (d->room - 1)];
        if (l->state == LETTER_WITHHELD)
            dispatch(d, l);
    }
}

// They are the last ones, for none was sent since the first of them.
void deadletter_discard(struct deadletter *d) {
    d->withholding = false;
    for (; d->sent > d->settled; d->sent--) {
        struct letter *l = d->ring[d->sent & (d->room - 1)];
        if (l->state != LETTER_WITHHELD)
            return;
        letter_free(l, &d->originals);
    }
}

// --- Reports

static void settle(struct deadletter *d) {
    while (d->settled < d->sent) {
        struct letter *l = d->ring[(d->settled + 1) & (d->room - 1)];
        if (l->state != LETTER_ACKNOWLEDGED)
            return;
        letter_free(l, &d->originals);
        d->settled++;
    }
}

// Inside rd_kafka_poll, loop thread.
static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
    const struct deadletter_producer *producer = opaque;
    struct deadletter *d = producer->owner;
    struct letter *l = message->_private;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        l->state = LETTER_ACKNOWLEDGED;
        d->acknowledged[l->reason]++;
        if (l->refused && --d->refused == 0)
            log_info("dead_letter_accepted");
        l->refused = false;
        return;
    }
    if (is_too_large(message->err) && !producer->dead && letter_make_smaller(l))
        dispatch(d, l);
    else
        wait_again(d, l, message->err);
}

// As many as librdkafka has room for: the others wait on, in their order.
static void send_waiting(struct deadletter *d, int64_t now_ms) {
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
    d->retry_at_ms = now_ms + RETRY_MS;
    log_debug("dead_letters_sent_again", FIELD("letters", LOG_INT(d->waiting)));
    for (uint64_t n = d->settled + 1; n <= d->sent && err != RD_KAFKA_RESP_ERR__QUEUE_FULL; n++) {
        struct letter *l = d->ring[n & (d->room - 1)];
        if (l->state != LETTER_WAITING)
            continue;
        d->waiting--;
        err = dispatch(d, l);
    }
}

static void serve(struct deadletter *d, int64_t now_ms, int timeout_ms) {
    bool needed = d->settled < d->sent;
    deadletter_producer_poll(&d->producer, now_ms, timeout_ms, needed);
    deadletter_producer_poll(&d->single, now_ms, 0, needed);
    if (d->waiting > 0 && now_ms >= d->retry_at_ms)
        send_waiting(d, now_ms);
    settle(d);
}

void deadletter_poll(struct deadletter *d, int64_t now_ms) {
    serve(d, now_ms, 0);
}

uint64_t deadletter_sent(const struct deadletter *d) {
    return d->sent;
}

uint64_t deadletter_settled(const struct deadletter *d) {
    return d->settled;
}

uint64_t deadletter_acknowledged(const struct deadletter *d, enum reject reason) {
    return d->acknowledged[reason];
}

bool deadletter_full(const struct deadletter *d) {
    return d->sent - d->settled > FULL_LETTERS || d->originals.bytes > FULL_BYTES;
}
