// librdkafka's consumer, as far as stream/source uses it: the source itself is the real one. Lists, errors
// and configurations are librdkafka's own.
//
// A consumer fetches at once, in batches of any size, from the partitions that it was assigned, until it is
// told otherwise. A rebalance is told within a call for messages, and answered outside of it; meanwhile
// nothing is fetched. The end of a partition is told once at every end.
#include <stdlib.h>

#include "runtime/check.h"
#include "runtime/memory.h"
#include "stream/source/source_internal.h"
#include "tests/sim/kafka.h"

enum queue_kind { QUEUE_CONSUMER, QUEUE_REPLIES };

struct rd_kafka_queue_s {
    struct rd_kafka_s *consumer;
    enum queue_kind kind;
};

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

// ---- librdkafka's own mistakes

static bool misplaces(void) {
    return world.enabled[FAULT_MISPLACE] && !world.settling &&
           chance_below(&world.chance[FAULT_MISPLACE], world.mean[FAULT_MISPLACE]) == 0;
}

// After a rebalance or a pause it goes on somewhere.
static void misplace(struct rd_kafka_s *k, int32_t partition) {
    struct chance *c = &world.chance[FAULT_MISPLACE];
    int64_t first, end;
    if (!world.enabled[FAULT_MISPLACE] || world.settling || !k->worker->member.assigned[partition] ||
        !chance_is(c, 30))
        return;
    kafka_bounds(partition, &first, &end);
    k->at[partition].position = chance_between(c, first, end);
    k->at[partition].told_end = -1;
    world.happened[FAULT_MISPLACE]++;
}

static void misplace_all(struct rd_kafka_s *k) {
    for (int32_t i = 0; i < LOG_PARTITIONS_MAX; i++)
        misplace(k, i);
}

// The end that was asked for at an assignment may be told after a seek, and goes before it.
static void take_late_end(struct rd_kafka_s *k, int32_t partition) {
    struct fetch *f = &k->at[partition];
    int64_t first;
    if (!f->asks_end || !chance_is(&world.pace, 20))
        return;
    f->asks_end = false;
    kafka_bounds(partition, &first, &f->position);
}

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

static void tell_rebalance(struct rd_kafka_s *k) {
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
    misplace_all(k);
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
    misplace_all(k);
    if (k->worker->dead)
        return NULL;
    for (int i = 0; i < list->cnt; i++)
        group_released(k->worker, list->elems[i].partition);
    return NULL;
}

rd_kafka_resp_err_t rd_kafka_assign(rd_kafka_t *k, const rd_kafka_topic_partition_list_t *list) {
    CHECK_UNREACHABLE("an eager assignment in a cooperative group");
}

// ---- messages

// The other log is the same, one record later.
static const struct log_record *record_of(int32_t partition, int64_t offset) {
    const struct log_partition *p = &world.log.at[partition];
    return &p->records[world_log_is_another() ? offset + 1 : offset];
}

static rd_kafka_message_t *message_make(int32_t partition, int64_t offset, rd_kafka_resp_err_t err) {
    rd_kafka_message_t *m = memory_take(sizeof(*m));
    m->partition = partition;
    m->offset = offset;
    m->err = err;
    return m;
}

void rd_kafka_message_destroy(rd_kafka_message_t *m) {
    free(m);
}

const char *rd_kafka_message_errstr(const rd_kafka_message_t *m) {
    return rd_kafka_err2str(m->err);
}

int64_t rd_kafka_message_timestamp(const rd_kafka_message_t *m, rd_kafka_timestamp_type_t *type) {
    *type = RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME;
    return record_of(m->partition, m->offset)->time_ms;
}

static rd_kafka_message_t *next_message(struct rd_kafka_s *k, int32_t partition) {
    struct fetch *f = &k->at[partition];
    int64_t first, end;
    take_late_end(k, partition);
    kafka_bounds(partition, &first, &end);
    if (misplaces() && f->position - first > 3)
        f->position -= chance_between(&world.chance[FAULT_MISPLACE], 1, 3);
    if (f->position < first || f->position > end) {
        if (f->told_lost)
            return NULL;
        f->told_lost = true;
        return message_make(partition, f->position, RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET);
    }
    while (f->position < end && !record_of(partition, f->position)->present)
        f->position++;
    if (f->position < end) {
        const struct log_record *r = record_of(partition, f->position);
        rd_kafka_message_t *m = message_make(partition, f->position++, RD_KAFKA_RESP_ERR_NO_ERROR);
        m->payload = r->bytes;
        m->len = r->length;
        return m;
    }
    if (f->told_end == end)
        return NULL;
    f->told_end = end;
    return message_make(partition, end, RD_KAFKA_RESP_ERR__PARTITION_EOF);
}

ssize_t rd_kafka_consume_batch_queue(rd_kafka_queue_t *queue, int timeout_ms, rd_kafka_message_t **messages,
                                     size_t size) {
    struct rd_kafka_s *k = queue->consumer;
    size_t count = 0, limit = chance_below(&world.pace, 12);
    if (k->worker->dead)
        return 0;
    while (!k->asked && !k->closing && count < limit && count < size) {
        int32_t partition = (int32_t)chance_below(&world.pace, LOG_PARTITIONS_MAX);
        bool reads = k->worker->member.assigned[partition] && (!k->at[partition].paused || misplaces());
        rd_kafka_message_t *m = reads ? next_message(k, partition) : NULL;
        if (m == NULL)
            limit--;
        else
            messages[count++] = m;
    }
    if (!k->asked)
        tell_rebalance(k);
    return (ssize_t)count;
}

// ---- places

// These calls wait for librdkafka's own thread, which before 2.10 forgets them where a consumer has closed:
// it may, as soon as no rebalance waits for its answer.
static void check_answered(const struct rd_kafka_s *k) {
    CHECK(!k->closing || k->asked || k->worker->dead);
}

rd_kafka_error_t *rd_kafka_seek_partitions(rd_kafka_t *k, rd_kafka_topic_partition_list_t *list,
                                           int timeout_ms) {
    bool fails = world.now_ms < world.seeks_fail_until_ms;
    check_answered(k);
    for (int i = 0; i < list->cnt; i++) {
        rd_kafka_topic_partition_t *row = &list->elems[i];
        struct fetch *f = &k->at[row->partition];
        row->err = fails ? RD_KAFKA_RESP_ERR__TIMED_OUT : RD_KAFKA_RESP_ERR_NO_ERROR;
        *f = (struct fetch){
            .paused = f->paused, .asks_end = f->asks_end, .position = row->offset, .told_end = -1};
        if (fails && chance_is(&world.pace, 50))
            f->position = world.log.at[row->partition].end; // anywhere
    }
    return fails ? rd_kafka_error_new(RD_KAFKA_RESP_ERR__TIMED_OUT, "the broker is slow") : NULL;
}

static void set_paused(struct rd_kafka_s *k, const rd_kafka_topic_partition_list_t *list, bool paused) {
    check_answered(k);
    for (int i = 0; i < list->cnt; i++)
        k->at[list->elems[i].partition].paused = paused;
}

rd_kafka_resp_err_t rd_kafka_pause_partitions(rd_kafka_t *k, rd_kafka_topic_partition_list_t *list) {
    set_paused(k, list, true);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t rd_kafka_resume_partitions(rd_kafka_t *k, rd_kafka_topic_partition_list_t *list) {
    set_paused(k, list, false);
    for (int i = 0; i < list->cnt; i++)
        misplace(k, list->elems[i].partition);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void kafka_bounds(int32_t partition, int64_t *first, int64_t *end) {
    bool truncated = world.now_ms < world.truncated_until_ms;
    if (world_log_is_another()) {
        *first = 0;
        *end = world.log.at[partition].length - 1;
        return;
    }
    *first = truncated ? world.truncated_first[partition] : world.log.at[partition].first;
    *end = truncated ? world.truncated_end[partition] : world.log.at[partition].end;
}

rd_kafka_resp_err_t rd_kafka_offsets_for_times(rd_kafka_t *k, rd_kafka_topic_partition_list_t *list,
                                               int timeout_ms) {
    if (world.now_ms < world.bounds_unknown_until_ms || k->worker->dead) {
        worker_sleep(timeout_ms < 1000 ? timeout_ms : 1000);
        return RD_KAFKA_RESP_ERR__TIMED_OUT;
    }
    worker_sleep(chance_between(&world.pace, 0, 5));
    for (int i = 0; i < list->cnt; i++) {
        int64_t first, end;
        kafka_bounds(list->elems[i].partition, &first, &end);
        list->elems[i].offset = list->elems[i].offset == RD_KAFKA_OFFSET_BEGINNING ? first : end;
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t rd_kafka_get_watermark_offsets(rd_kafka_t *k, const char *topic, int32_t partition,
                                                   int64_t *first, int64_t *end) {
    kafka_bounds(partition, first, end);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
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
