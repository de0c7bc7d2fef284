// The dead-letter producer.
//
// The happy path of a letter:
// 1. deadletter_send copies the record, once for all its letters, numbers the letter and hands it to
// librdkafka;
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
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "runtime/check.h"
#include "runtime/clock.h"
#include "runtime/log/log.h"
#include "runtime/memory.h"
#include "stream/deadletter_producer.h"
#include "stream/source/wake.h"

enum {
    TOPIC_BYTES = 256,
    KEY_BYTES = TOPIC_BYTES + 64,
    NUMBER_BYTES = 24,
    CUT_BYTES = 64 * 1024,
    SCHEMA_BYTES = 4,
    RETRY_MS = 1000,
    FULL_LETTERS = 50000,
    FULL_BYTES = 64 * 1024 * 1024,
    FIRST_ROOM = 1024,
    DRAIN_TURN_MS = 20,
};

// withheld -> queued (released); queued -> acknowledged; queued -> waiting (refused) -> queued
enum letter_state { LETTER_WITHHELD, LETTER_QUEUED, LETTER_WAITING, LETTER_ACKNOWLEDGED };

// A record's bytes, which all letters about its events share: a batch may hold tens of thousands.
struct original {
    size_t letters; // that need it
    int32_t partition;
    int64_t offset, time_ms;
    bool has_key, has_value;
    size_t key_length, value_length;
    char bytes[]; // key, then value
};

struct letter {
    enum letter_state state;
    bool cut;
    bool alone;   // in a batch of its own
    bool refused; // by Kafka, and not acknowledged since
    enum reject reason;
    int32_t index;
    size_t at, length; // its part of the original's value
    struct original *original;
};

struct deadletter {
    struct deadletter_producer producer, single; // the second connected when it is needed
    struct wake wake;
    char topic[TOPIC_BYTES];
    char *source_topic;

    struct letter **ring; // of letters settled + 1 .. sent; letter n stands at n mod room
    size_t room;          // a power of two
    uint64_t sent, settled;
    struct original *latest; // of the letter sent last, while it is outstanding
    size_t bytes;            // of originals outstanding
    size_t waiting;          // letters in LETTER_WAITING
    int64_t retry_at_ms;
    uint64_t acknowledged[REJECT_COUNT];
    size_t refused; // letters that Kafka refused: told with the first, and when none is left
    bool withholding;
};

// --- Letters

static bool is_of(const struct original *o, const struct record *record) {
    return o != NULL && o->partition == record->partition && o->offset == record->offset &&
           o->time_ms == record->time_ms && o->has_value == (record->value.at != NULL) &&
           slice_equal((struct slice){o->bytes, o->key_length}, record->key) &&
           o->value_length == record->value.length;
}

static struct original *original_take(struct deadletter *d, const struct record *record) {
    if (is_of(d->latest, record))
        return d->latest;
    struct original *o = memory_take(sizeof(*o) + record->key.length + record->value.length);
    *o = (struct original){
        .partition = record->partition,
        .offset = record->offset,
        .time_ms = record->time_ms,
        .has_key = record->key.at != NULL,
        .has_value = record->value.at != NULL,
        .key_length = record->key.length,
        .value_length = record->value.length,
    };
    if (o->has_key)
        memcpy(o->bytes, record->key.at, o->key_length);
    if (o->has_value)
        memcpy(o->bytes + o->key_length, record->value.at, o->value_length);
    d->bytes += o->key_length + o->value_length;
    d->latest = o;
    return o;
}

static void letter_free(struct deadletter *d, struct letter *l) {
    struct original *o = l->original;
    free(l);
    if (--o->letters > 0)
        return;
    if (d->latest == o)
        d->latest = NULL;
    d->bytes -= o->key_length + o->value_length;
    free(o);
}

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
        letter_free(d, d->ring[n & (d->room - 1)]);
    wake_fini(&d->wake);
    free(d->ring);
    free(d->source_topic);
    free(d);
}

// --- Sending

static void add_number(rd_kafka_headers_t *headers, const char *name, int64_t value) {
    char text[NUMBER_BYTES];
    int length = snprintf(text, sizeof(text), "%" PRId64, value);
    rd_kafka_header_add(headers, name, -1, text, length);
}

static size_t cut_of(const struct letter *l, size_t length) {
    return l->cut && length > CUT_BYTES ? CUT_BYTES : length;
}

// Confluent's frame stands before a batch, not before its events: whoever puts one back needs the schema's
// id.
static void add_schema(rd_kafka_headers_t *headers, const struct letter *l) {
    const unsigned char *value = (const unsigned char *)l->original->bytes + l->original->key_length;
    if (l->at > SCHEMA_BYTES && value[0] == 0)
        add_number(headers, "clameur-schema",
                   (int64_t)value[1] << 24 | value[2] << 16 | value[3] << 8 | value[4]);
}

static rd_kafka_headers_t *headers_of(const struct deadletter *d, const struct letter *l) {
    const struct original *o = l->original;
    rd_kafka_headers_t *headers = rd_kafka_headers_new(10);
    rd_kafka_header_add(headers, "clameur-reason", -1, reject_name(l->reason), -1);
    rd_kafka_header_add(headers, "clameur-topic", -1, d->source_topic, -1);
    add_number(headers, "clameur-partition", o->partition);
    add_number(headers, "clameur-offset", o->offset);
    add_number(headers, "clameur-index", l->index);
    add_number(headers, "clameur-time", o->time_ms);
    add_number(headers, "clameur-size", (int64_t)l->length);
    add_schema(headers, l);
    if (l->cut)
        add_number(headers, "clameur-truncated", 1);
    if (o->has_key)
        rd_kafka_header_add(headers, "clameur-key", -1, o->bytes, (ssize_t)cut_of(l, o->key_length));
    return headers;
}

static struct deadletter_producer *producer_of(struct deadletter *d, const struct letter *l) {
    char reason[256];
    // All that a configuration may have wrong, it has wrong for the other as well.
    if (l->alone && d->single.rk == NULL)
        CHECK(deadletter_producer_connect(&d->single, reason, sizeof(reason)));
    return l->alone ? &d->single : &d->producer;
}

static rd_kafka_resp_err_t produce(struct deadletter *d, struct letter *l) {
    char key[KEY_BYTES];
    struct original *o = l->original;
    int key_length = snprintf(key, sizeof(key), "%s/%" PRId32 "/%" PRId64 "/%" PRId32, d->source_topic,
                              o->partition, o->offset, l->index);
    rd_kafka_headers_t *headers = headers_of(d, l);
    char *value = o->has_value ? o->bytes + o->key_length + l->at : NULL;
    // No flag: librdkafka reads the value where it lies, in the original, which lives as long as its letters.
    rd_kafka_resp_err_t err = rd_kafka_producev(
        producer_of(d, l)->rk, RD_KAFKA_V_TOPIC(d->topic), RD_KAFKA_V_KEY(key, (size_t)key_length),
        RD_KAFKA_V_VALUE(value, cut_of(l, l->length)), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(l),
        RD_KAFKA_V_END);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_headers_destroy(headers);
    return err;
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
        snprintf(what, sizeof(what), "a letter of %zu bytes about %s/%" PRId32 "/%" PRId64,
                 cut_of(l, l->length), d->source_topic, o->partition, o->offset);
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

// What may help one that was refused for its size: to be cut, then to be no part of a larger batch.
static bool make_smaller(struct letter *l) {
    bool large = l->length > CUT_BYTES || l->original->key_length > CUT_BYTES;
    if (large && !l->cut)
        return l->cut = true;
    if (!l->alone)
        return l->alone = true;
    return false;
}

// Sends a letter, or sends it again; what is too large at once, as long as it becomes smaller. Otherwise it
// waits its second.
static rd_kafka_resp_err_t dispatch(struct deadletter *d, struct letter *l) {
    l->state = LETTER_QUEUED;
    rd_kafka_resp_err_t err = produce(d, l);
    while (is_too_large(err) && make_smaller(l))
        err = produce(d, l);
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
    size_t at = part.at != NULL ? (size_t)(part.at - record->value.at) : 0;
    CHECK(at + part.length <= record->value.length);
    struct letter *l = memory_take(sizeof(*l));
    *l = (struct letter){.reason = reason,
                         .index = index,
                         .at = at,
                         .length = part.length,
                         .original = original_take(d, record)};
    l->original->letters++;
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
        letter_free(d, l);
    }
}

// --- Reports

static void settle(struct deadletter *d) {
    while (d->settled < d->sent) {
        struct letter *l = d->ring[(d->settled + 1) & (d->room - 1)];
        if (l->state != LETTER_ACKNOWLEDGED)
            return;
        letter_free(d, l);
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
    if (is_too_large(message->err) && !producer->dead && make_smaller(l))
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
    return d->sent - d->settled > FULL_LETTERS || d->bytes > FULL_BYTES;
}
