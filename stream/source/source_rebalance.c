// Rebalances: noted when librdkafka calls, answered outside of its call (see source.c). librdkafka asks one
// thing at a time and waits for the answer, which is rd_kafka_(incremental_)(un)assign.
//
// While it waits it pauses every partition, and goes on afterwards from where it believes the application to
// stand. That place can be wrong, and records are skipped: 2.0 counts messages that the pause itself took
// back out of a batch not yet returned; since 2.1 the end of a partition, told as a message, counts as one.
// So after the answer each partition that we keep is sought to where we stand.
#include <stdlib.h>
#include <string.h>

#include "runtime/log/log.h"
#include "runtime/memory.h"
#include "stream/source/source_internal.h"

// Inside rd_kafka_consume_batch_queue, loop thread.
void source_on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t kind, rd_kafka_topic_partition_list_t *list,
                         void *opaque) {
    struct source *s = opaque;
    s->rebalances = memory_grow(s->rebalances, s->rebalance_count + 1, sizeof(*s->rebalances));
    s->rebalances[s->rebalance_count++] =
        (struct source_rebalance){kind, rd_kafka_topic_partition_list_copy(list)};
}

static bool is_cooperative(const struct source *s) {
    const char *protocol = rd_kafka_rebalance_protocol(s->rk);
    return protocol != NULL && strcmp(protocol, "COOPERATIVE") == 0;
}

static bool answer_assign(struct source *s, const rd_kafka_topic_partition_list_t *list) {
    if (!is_cooperative(s)) {
        rd_kafka_resp_err_t err = rd_kafka_assign(s->rk, list);
        if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
            log_warn("assign_failed", FIELD("why", LOG_TEXT(rd_kafka_err2str(err))));
        return err == RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    rd_kafka_error_t *error = rd_kafka_incremental_assign(s->rk, list);
    bool done = error == NULL;
    if (!done)
        log_warn("assign_failed", FIELD("why", LOG_TEXT(rd_kafka_error_string(error))));
    rd_kafka_error_destroy(error);
    return done;
}

static void answer_revoke(struct source *s, const rd_kafka_topic_partition_list_t *list) {
    if (!is_cooperative(s)) {
        rd_kafka_assign(s->rk, NULL);
        return;
    }
    rd_kafka_error_t *error = rd_kafka_incremental_unassign(s->rk, list);
    if (error != NULL)
        log_warn("unassign_failed", FIELD("why", LOG_TEXT(rd_kafka_error_string(error))));
    rd_kafka_error_destroy(error);
}

// --- Given

// Before the answer, or fetching would begin.
static void pause_unplaced(struct source *s, const rd_kafka_topic_partition_list_t *list) {
    rd_kafka_topic_partition_list_t *unplaced = rd_kafka_topic_partition_list_new(list->cnt);
    for (int i = 0; i < list->cnt; i++) {
        if (source_partition(s, list->elems[i].partition)->unplaced)
            rd_kafka_topic_partition_list_add(unplaced, s->topic, list->elems[i].partition);
    }
    rd_kafka_pause_partitions(s->rk, unplaced);
    rd_kafka_topic_partition_list_destroy(unplaced);
}

// The places come from `assigned`. Where none is known yet the partition stays paused until a seek, at a
// place by number: where the end is asked for, librdkafka (2.0 to 2.15 at least) asks once more when the
// answer comes after a seek, and then goes to the end from where the seek had brought it: records are
// skipped.
static void ask_places(struct source *s, rd_kafka_topic_partition_list_t *list) {
    size_t count = (size_t)list->cnt;
    struct source_position *positions = memory_take((count + 1) * sizeof(*positions));
    for (size_t i = 0; i < count; i++)
        positions[i] = (struct source_position){list->elems[i].partition, SOURCE_START_UNKNOWN};
    if (count > 0)
        s->events->assigned(s->context, positions, count);
    for (size_t i = 0; i < count; i++) {
        bool known = positions[i].offset >= 0;
        *source_partition(s, positions[i].partition) = (struct source_partition){
            .assigned = true,
            .muted = !known,
            .unplaced = !known,
            .expect = known ? positions[i].offset : 0,
            .ended_at = SOURCE_NO_END,
        };
        list->elems[i].offset = known ? positions[i].offset : 0;
    }
    free(positions);
    pause_unplaced(s, list);
}

static void forget(struct source *s, const rd_kafka_topic_partition_list_t *list, bool lost);

static void serve_assign(struct source *s, rd_kafka_topic_partition_list_t *list) {
    s->figures.rebalances_assigned++;
    s->assigned_ever = true;
    if (list->cnt > 0)
        source_topic_is_back(s);
    if (s->closing) { // nobody is asked for a place any more: librdkafka takes it back at once
        for (int i = 0; i < list->cnt; i++)
            list->elems[i].offset = RD_KAFKA_OFFSET_END;
        answer_assign(s, list);
        return;
    }
    ask_places(s, list);
    if (!answer_assign(s, list))
        forget(s, list, true);
    else if (s->paused)
        rd_kafka_pause_partitions(s->rk, list);
}

// --- Taken away

// Tells of those that `assigned` was told of.
static void forget(struct source *s, const rd_kafka_topic_partition_list_t *list, bool lost) {
    int32_t *numbers = memory_take(((size_t)list->cnt + 1) * sizeof(*numbers));
    size_t count = 0;
    for (int i = 0; i < list->cnt; i++) {
        if (source_partition(s, list->elems[i].partition)->assigned)
            numbers[count++] = list->elems[i].partition;
    }
    if (count > 0)
        s->events->revoked(s->context, numbers, count, lost);
    for (size_t i = 0; i < count; i++)
        *source_partition(s, numbers[i]) = (struct source_partition){.ended_at = SOURCE_NO_END};
    free(numbers);
}

static void serve_revoke(struct source *s, rd_kafka_topic_partition_list_t *list) {
    bool lost = rd_kafka_assignment_lost(s->rk);
    s->figures.rebalances_revoked++;
    s->figures.rebalances_lost += lost;
    forget(s, list, lost);
    answer_revoke(s, list);
    // A pause is remembered by the partition: given to us again, it would stay paused. Of a consumer that
    // closes this answer may be the last thing it waited for; before 2.10 librdkafka then forgets what else
    // it is asked, and who asked waits for ever.
    if (!s->closing)
        rd_kafka_resume_partitions(s->rk, list);
}

void source_serve_rebalances(struct source *s) {
    for (size_t i = 0; i < s->rebalance_count; i++) {
        struct source_rebalance *r = &s->rebalances[i];
        source_fall_behind(s);
        if (r->kind == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
            serve_assign(s, r->list);
        else if (r->kind == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS)
            serve_revoke(s, r->list);
        else
            rd_kafka_assign(s->rk, NULL);
        rd_kafka_topic_partition_list_destroy(r->list);
    }
    if (s->rebalance_count > 0 && !s->paused && !s->closing)
        source_catch_up(s);
    s->rebalance_count = 0;
}

void source_revoke_rest(struct source *s) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(s->partition_room);
    for (int32_t i = 0; i < s->partition_room; i++) {
        if (s->partitions[i].assigned)
            rd_kafka_topic_partition_list_add(list, s->topic, i);
    }
    forget(s, list, false);
    rd_kafka_topic_partition_list_destroy(list);
}
