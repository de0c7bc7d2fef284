// What a consumer is given, and from where: messages, seeks, pauses, bounds.
//
// It fetches at once, in batches of any size, from the partitions that it was assigned, until it is told
// otherwise; while a rebalance is not answered nothing is fetched. The end of a partition is told once at
// every end.
#include <stdlib.h>

#include "runtime/check.h"
#include "runtime/memory.h"
#include "tests/sim/kafka.h"

// ---- librdkafka's own mistakes

static bool misplaces(void) {
    return world.enabled[FAULT_MISPLACE] && !world.settling &&
           chance_below(&world.chance[FAULT_MISPLACE], world.mean[FAULT_MISPLACE]) == 0;
}

// After a rebalance or a pause it goes on somewhere.
void kafka_misplace(struct rd_kafka_s *k, int32_t partition) {
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

void kafka_misplace_all(struct rd_kafka_s *k) {
    for (int32_t i = 0; i < LOG_PARTITIONS_MAX; i++)
        kafka_misplace(k, i);
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
        kafka_tell_rebalance(k);
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
        kafka_misplace(k, list->elems[i].partition);
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
