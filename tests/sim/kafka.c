// librdkafka's consumer, as far as stream/source uses it: the source itself is the real one. Lists, errors
// and configurations are librdkafka's own.
//
// A rebalance is told within a call for messages, and answered outside of it. An answer to a commit is an
// event, whenever the group gives it.
#include <stdlib.h>

#include "runtime/check.h"
#include "runtime/memory.h"
#include "stream/source/source_internal.h"
#include "tests/sim/kafka.h"

struct rd_kafka_op_s { // an event: the answer to a commit
    void *opaque;
    rd_kafka_resp_err_t err;
    rd_kafka_topic_partition_list_t *list;
};

static void *last_opaque;
static void (*rebalance_cb)(rd_kafka_t *, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t *, void *);

// ---- life

enum status source_properties(void *conf, const char *role, const struct settings *settings,
                              const struct config_pair *passthrough, size_t passthrough_count,
                              struct problem *problem) {
    return STATUS_OK;
}

void rd_kafka_conf_set_opaque(rd_kafka_conf_t *conf, void *opaque) {
    last_opaque = opaque;
}

void rd_kafka_conf_set_rebalance_cb(rd_kafka_conf_t *conf,
                                    void (*callback)(rd_kafka_t *, rd_kafka_resp_err_t,
                                                     rd_kafka_topic_partition_list_t *, void *)) {
    rebalance_cb = callback;
}

rd_kafka_t *rd_kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, char *reason, size_t reason_size) {
    struct rd_kafka_s *k = memory_take(sizeof(*k));
    *k = (struct rd_kafka_s){.worker = world.running, .opaque = last_opaque};
    rd_kafka_conf_destroy(conf);
    world.running->consumer = k;
    world.running->source = last_opaque;
    return k;
}

int rd_kafka_version(void) {
    return 0x020800ff;
}

rd_kafka_resp_err_t rd_kafka_subscribe(rd_kafka_t *k, const rd_kafka_topic_partition_list_t *topics) {
    group_join(k->worker);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t rd_kafka_poll_set_consumer(rd_kafka_t *k) {
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_queue_t *queue_make(rd_kafka_t *k, enum queue_kind kind) {
    struct rd_kafka_queue_s *queue = memory_take(sizeof(*queue));
    *queue = (struct rd_kafka_queue_s){k, kind};
    return queue;
}

rd_kafka_queue_t *rd_kafka_queue_get_consumer(rd_kafka_t *k) {
    return queue_make(k, QUEUE_CONSUMER);
}

// For the answers to commits, or, at the end, for what a closing consumer has to say.
rd_kafka_queue_t *rd_kafka_queue_new(rd_kafka_t *k) {
    return queue_make(k, QUEUE_REPLIES);
}

void rd_kafka_queue_destroy(rd_kafka_queue_t *queue) {
    free(queue);
}

rd_kafka_error_t *rd_kafka_consumer_close_queue(rd_kafka_t *k, rd_kafka_queue_t *queue) {
    k->closing = true;
    return NULL;
}

int rd_kafka_consumer_closed(rd_kafka_t *k) {
    if (world.now_ms < world.goodbye_until_ms && !k->worker->dead)
        return 0;
    for (int32_t i = 0; i < LOG_PARTITIONS_MAX; i++) {
        if (k->worker->member.assigned[i] && !k->worker->dead)
            return 0;
    }
    return 1;
}

void rd_kafka_destroy_flags(rd_kafka_t *k, int flags) {
    if (!k->worker->dead)
        group_leave(k->worker);
    k->worker->consumer = NULL;
    k->worker->source = NULL;
    for (size_t i = 0; i < k->event_count; i++)
        rd_kafka_event_destroy(k->events[i]);
    free(k);
}

rd_kafka_resp_err_t rd_kafka_fatal_error(rd_kafka_t *k, char *text, size_t size) {
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

// ---- stream/source/wake.h: every step asks anyway

void wake_init(struct wake *w, struct loop *loop) {}
void wake_fini(struct wake *w) {}
void wake_watch(struct wake *w, rd_kafka_queue_t *queue) {}
void wake_unwatch(rd_kafka_queue_t *queue) {}
void wake_now(struct wake *w) {}

// ---- rebalances

static void ask(struct rd_kafka_s *k, rd_kafka_resp_err_t kind, const bool chosen[LOG_PARTITIONS_MAX]) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(LOG_PARTITIONS_MAX);
    for (int32_t i = 0; i < LOG_PARTITIONS_MAX; i++) {
        if (!chosen[i])
            continue;
        rd_kafka_topic_partition_list_add(list, "engagement", i);
        if (kind == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
            k->worker->fenced[i] = false;
    }
    if (list->cnt > 0) {
        TRACE("the group %s worker %d %d partitions, the first is %d",
              kind == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? "gives" : "takes from", k->worker->number,
              list->cnt, list->elems[0].partition);
        k->asked = true;
        rebalance_cb(k, kind, list, k->opaque);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

void kafka_tell_rebalance(struct rd_kafka_s *k) {
    struct member *m = &k->worker->member;
    if (m->expelled || k->closing) {
        ask(k, RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS, m->assigned);
        if (!k->asked && !k->closing) // everything is answered for
            group_join(k->worker);
        return;
    }
    ask(k, RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS, m->to_revoke);
    if (!k->asked)
        ask(k, RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS, m->to_assign);
}

const char *rd_kafka_rebalance_protocol(rd_kafka_t *k) {
    return "COOPERATIVE";
}

int rd_kafka_assignment_lost(rd_kafka_t *k) {
    return k->worker->member.expelled;
}

rd_kafka_error_t *rd_kafka_incremental_assign(rd_kafka_t *k, const rd_kafka_topic_partition_list_t *list) {
    struct member *m = &k->worker->member;
    k->asked = false;
    kafka_misplace_all(k);
    for (int i = 0; i < list->cnt; i++) {
        int32_t partition = list->elems[i].partition;
        int64_t offset = list->elems[i].offset;
        m->assigned[partition] = true;
        m->to_assign[partition] = false;
        k->at[partition] = (struct fetch){
            .paused = k->at[partition].paused,
            .asks_end = offset < 0,
            .position = offset >= 0 ? offset : world.log.at[partition].end,
            .told_end = -1,
        };
    }
    return NULL;
}

rd_kafka_error_t *rd_kafka_incremental_unassign(rd_kafka_t *k, const rd_kafka_topic_partition_list_t *list) {
    struct member *m = &k->worker->member;
    k->asked = false;
    for (int i = 0; i < list->cnt; i++)
        m->assigned[list->elems[i].partition] = k->worker->fenced[list->elems[i].partition] = false;
    kafka_misplace_all(k);
    if (k->worker->dead)
        return NULL;
    for (int i = 0; i < list->cnt; i++)
        group_released(k->worker, list->elems[i].partition);
    return NULL;
}

rd_kafka_resp_err_t rd_kafka_assign(rd_kafka_t *k, const rd_kafka_topic_partition_list_t *list) {
    CHECK_UNREACHABLE("an eager assignment in a cooperative group");
}

// ---- commits: answered later, by what the group thinks then

rd_kafka_resp_err_t rd_kafka_commit_queue(rd_kafka_t *k, const rd_kafka_topic_partition_list_t *list,
                                          rd_kafka_queue_t *queue,
                                          void (*callback)(rd_kafka_t *, rd_kafka_resp_err_t,
                                                           rd_kafka_topic_partition_list_t *, void *),
                                          void *opaque) {
    if (k->worker->dead)
        return RD_KAFKA_RESP_ERR__DESTROY;
    group_commit(k->worker, opaque);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void kafka_commit_answer(struct rd_kafka_s *k, void *opaque, rd_kafka_resp_err_t err) {
    CHECK(k->event_count < sizeof(k->events) / sizeof(k->events[0]));
    struct rd_kafka_op_s *event = memory_take(sizeof(*event));
    *event = (struct rd_kafka_op_s){opaque, err, rd_kafka_topic_partition_list_new(1)};
    k->events[k->event_count++] = event;
}

rd_kafka_event_t *rd_kafka_queue_poll(rd_kafka_queue_t *queue, int timeout_ms) {
    struct rd_kafka_s *k = queue->consumer;
    if (k->event_count == 0)
        return NULL;
    rd_kafka_event_t *event = k->events[0];
    memmove(k->events, k->events + 1, --k->event_count * sizeof(k->events[0]));
    return event;
}

rd_kafka_event_type_t rd_kafka_event_type(const rd_kafka_event_t *event) {
    return RD_KAFKA_EVENT_OFFSET_COMMIT;
}

void *rd_kafka_event_opaque(rd_kafka_event_t *event) {
    return event->opaque;
}

rd_kafka_resp_err_t rd_kafka_event_error(rd_kafka_event_t *event) {
    return event->err;
}

const char *rd_kafka_event_error_string(rd_kafka_event_t *event) {
    return rd_kafka_err2str(event->err);
}

rd_kafka_topic_partition_list_t *rd_kafka_event_topic_partition_list(rd_kafka_event_t *event) {
    return event->list;
}

void rd_kafka_event_destroy(rd_kafka_event_t *event) {
    rd_kafka_topic_partition_list_destroy(event->list);
    free(event);
}
