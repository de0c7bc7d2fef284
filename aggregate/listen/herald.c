#include "aggregate/listen/herald.h"

#include <stdio.h>
#include <stdlib.h>

#include <librdkafka/rdkafka.h>

#include "runtime/log/log.h"
#include "runtime/memory.h"
#include "stream/deadletter_producer.h"
#include "stream/source/wake.h"

enum { TOPIC_BYTES = 256, RETRY_MS = 1000, CHANGES = BASELINE_ADOPTED + 1 };

enum letter_state { LETTER_WAITING, LETTER_QUEUED, LETTER_ACKNOWLEDGED };

struct letter {
    enum letter_state state;
    enum baseline_change change;
    char *account, *text;
};

struct herald {
    struct deadletter_producer producer; // connected with the first letter
    struct wake wake;
    char topic[TOPIC_BYTES];
    struct letter **letters;
    size_t count, room, pending;
    int64_t retry_at_ms;
    bool refused; // told, and nothing was accepted since
    uint64_t acknowledged[CHANGES];
};

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque);

enum status herald_create(struct herald **created, const struct settings *settings,
                          const struct config_pair *passthrough, size_t passthrough_count, struct loop *loop,
                          struct problem *problem) {
    struct herald *h = memory_take(sizeof(*h));
    *created = NULL;
    settings_alerts_topic(settings, h->topic, sizeof(h->topic));
    h->producer = (struct deadletter_producer){
        .owner = h, .wake = &h->wake, .called = "alerts_producer", .on_report = on_report};
    wake_init(&h->wake, loop);
    enum status status =
        deadletter_producer_init(&h->producer, settings, passthrough, passthrough_count, problem);
    if (status != STATUS_OK)
        herald_destroy(&h);
    *created = h;
    return status;
}

static void letters_drop(struct herald *h) {
    for (size_t i = 0; i < h->count; i++) {
        free(h->letters[i]->account);
        free(h->letters[i]->text);
        free(h->letters[i]);
    }
    h->count = h->pending = 0;
}

void herald_destroy(struct herald **destroyed) {
    struct herald *h = *destroyed;
    if (h == NULL)
        return;
    *destroyed = NULL;
    deadletter_producer_fini(&h->producer);
    letters_drop(h);
    wake_fini(&h->wake);
    free(h->letters);
    free(h);
}

// ---- sending

static void say_refused(struct herald *h, rd_kafka_resp_err_t err, const char *why) {
    struct problem problem;
    char remedy[sizeof(problem.remedy)];
    if (h->refused)
        return;
    h->refused = true;
    snprintf(remedy, sizeof(remedy),
             deadletter_not_permitted(err)
                 ? "kafka-acls.sh --add --allow-principal User:NAME --operation Write --topic %s"
                 : "create it: kafka-topics.sh --create --topic %s",
             h->topic);
    problem_set(&problem, STATUS_UNAVAILABLE, "CLM-K7", remedy,
                "the topic %s does not take alerts on mentions: %s; %zu wait, and are sent again every "
                "second; no later window is judged meanwhile",
                h->topic, why, h->pending);
    log_problem(LOG_LEVEL_ERROR, "alerts_refused", &problem);
}

static void wait_again(struct herald *h, struct letter *l) {
    l->state = LETTER_WAITING;
    h->retry_at_ms = loop_now_ms(h->wake.loop) + RETRY_MS;
}

// What is no fault of the topic's: our own client was full, purged or dead.
static bool is_ours(int code) {
    return code == RD_KAFKA_RESP_ERR__QUEUE_FULL || code == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
           code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT || code == RD_KAFKA_RESP_ERR__FATAL;
}

static void refused(struct herald *h, struct letter *l, rd_kafka_resp_err_t err) {
    wait_again(h, l);
    if (h->producer.barred != RD_KAFKA_RESP_ERR_NO_ERROR)
        err = h->producer.barred;
    else if (is_ours(err))
        return;
    say_refused(h, err, rd_kafka_err2str(err));
}

static void dispatch(struct herald *h, struct letter *l) {
    // No flag: librdkafka reads the text where it lies, in the letter, which lives until it is acknowledged.
    l->state = LETTER_QUEUED;
    rd_kafka_resp_err_t err = rd_kafka_producev(
        h->producer.rk, RD_KAFKA_V_TOPIC(h->topic), RD_KAFKA_V_KEY(l->account, strlen(l->account)),
        RD_KAFKA_V_VALUE(l->text, strlen(l->text)), RD_KAFKA_V_OPAQUE(l), RD_KAFKA_V_END);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        refused(h, l, err);
}

// Connects where it was not yet; false: it is tried again in a second.
static bool is_connected(struct herald *h) {
    char reason[256];
    if (h->producer.rk == NULL && !deadletter_producer_connect(&h->producer, reason, sizeof(reason)))
        say_refused(h, RD_KAFKA_RESP_ERR__FAIL, reason);
    return h->producer.rk != NULL;
}

static void send_waiting(struct herald *h, int64_t now_ms) {
    h->retry_at_ms = now_ms + RETRY_MS;
    if (!is_connected(h))
        return;
    for (size_t i = 0; i < h->count; i++) {
        if (h->letters[i]->state == LETTER_WAITING)
            dispatch(h, h->letters[i]);
    }
}

static void letter_add(struct herald *h, const struct watcher_message *message) {
    struct letter *l = memory_take(sizeof(*l));
    *l = (struct letter){.change = message->change,
                         .account = memory_text(message->account),
                         .text = memory_text(message->text)};
    if (h->count == h->room) {
        h->room = h->room == 0 ? 8 : 2 * h->room;
        h->letters = memory_grow(h->letters, h->room, sizeof(struct letter *));
    }
    h->letters[h->count++] = l;
    h->pending++;
}

void herald_tell(struct herald *h, const struct watcher_message *messages, size_t count) {
    for (size_t i = 0; i < count; i++) {
        letter_add(h, &messages[i]);
        LOG_AT(messages[i].change == BASELINE_RAISED ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "mentions_alert",
               FIELD("change", LOG_TEXT(baseline_change_name(messages[i].change))),
               FIELD("alert", LOG_TEXT(messages[i].text)));
    }
    h->retry_at_ms = 0;
    wake_now(&h->wake);
}

// ---- reports

// Inside rd_kafka_poll.
static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
    const struct deadletter_producer *producer = opaque;
    struct herald *h = producer->owner;
    struct letter *l = message->_private;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        refused(h, l, message->err);
        return;
    }
    l->state = LETTER_ACKNOWLEDGED;
    h->acknowledged[l->change]++;
    h->pending--;
    if (h->refused)
        log_info("alerts_accepted");
    h->refused = false;
}

void herald_poll(struct herald *h, int64_t now_ms) {
    if (h->pending > 0 && now_ms >= h->retry_at_ms)
        send_waiting(h, now_ms);
    deadletter_producer_poll(&h->producer, now_ms, 0, h->pending > 0);
    if (h->pending == 0)
        letters_drop(h);
}

bool herald_is_done(const struct herald *h) {
    return h->pending == 0;
}

size_t herald_pending(const struct herald *h) {
    return h->pending;
}

uint64_t herald_acknowledged(const struct herald *h, enum baseline_change change) {
    return h->acknowledged[change];
}
