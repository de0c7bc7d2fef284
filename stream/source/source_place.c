// Where the consumer stands: seeks, holding back, commits.
#include <stdlib.h>

#include "runtime/check.h"
#include "runtime/clock.h"
#include "runtime/log/log.h"
#include "runtime/memory.h"
#include "stream/source/source_internal.h"

enum { SEEK_TIMEOUT_MS = 1000, HOLD_SOFT_MS = 1000, BEHIND_RETRY_MS = 100, TIMEOUT_MENDED = 0x02010000 };

// --- Seeks

// Before 2.1.0 rd_kafka_seek_partitions takes its milliseconds for microseconds.
static int seek_timeout(void) {
    return rd_kafka_version() < TIMEOUT_MENDED ? SEEK_TIMEOUT_MS * 1000 : SEEK_TIMEOUT_MS;
}

// Those sought for the first time flow from now on. While all are paused they wait for the release as well.
static void resume_placed(struct source *s, const rd_kafka_topic_partition_list_t *list) {
    rd_kafka_topic_partition_list_t *placed = rd_kafka_topic_partition_list_new(list->cnt);
    for (int i = 0; i < list->cnt; i++) {
        struct source_partition *p = source_partition(s, list->elems[i].partition);
        if (!p->unplaced || p->muted)
            continue;
        p->unplaced = false;
        p->behind = s->behind_any = true; // as after every pause
        rd_kafka_topic_partition_list_add(placed, s->topic, list->elems[i].partition);
    }
    if (!s->paused)
        rd_kafka_resume_partitions(s->rk, placed);
    rd_kafka_topic_partition_list_destroy(placed);
}

// Seeks the listed partitions; opens those where it worked. librdkafka raises a partition's version before
// the call returns, and what was fetched under an older one never leaves its queue: nothing from before comes
// after. Where the seek did not work, the barrier may stand all the same and the fetcher be anywhere, so the
// partition stays shut.
static bool seek_list(struct source *s, rd_kafka_topic_partition_list_t *list) {
    if (list->cnt == 0)
        return true;
    rd_kafka_error_t *error = rd_kafka_seek_partitions(s->rk, list, seek_timeout());
    bool all = true;
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *row = &list->elems[i];
        struct source_partition *p = source_partition(s, row->partition);
        if (row->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            all = false;
            continue;
        }
        p->muted = p->behind = false;
        p->expect = row->offset;
    }
    resume_placed(s, list);
    if (error != NULL)
        log_warn("seek_failed", FIELD("why", LOG_TEXT(rd_kafka_error_string(error))));
    rd_kafka_error_destroy(error);
    return all;
}

enum status source_seek(struct source *s, const struct source_position *positions, size_t count) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    bool all = true;
    for (size_t i = 0; i < count; i++) {
        struct source_partition *p = source_partition(s, positions[i].partition);
        CHECK(positions[i].offset >= 0);
        if (!p->assigned) {
            all = false;
            continue;
        }
        p->muted = true;
        p->ended_at = SOURCE_NO_END;
        rd_kafka_topic_partition_list_add(list, s->topic, positions[i].partition)->offset =
            positions[i].offset;
    }
    all = seek_list(s, list) && all;
    rd_kafka_topic_partition_list_destroy(list);
    return all ? STATUS_OK : STATUS_TRY_AGAIN;
}

// --- Holding back
//
// held, not paused -> paused (after a second) -> released: resumed, every open partition sought to `expect`,
// because librdkafka goes on from where it believes the application to stand.

static rd_kafka_topic_partition_list_t *list_assigned(const struct source *s, bool only_behind) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(s->partition_room);
    for (int32_t i = 0; i < s->partition_room; i++) {
        const struct source_partition *p = &s->partitions[i];
        if (p->assigned && !p->unplaced && (!only_behind || (p->behind && !p->muted)))
            rd_kafka_topic_partition_list_add(list, s->topic, i)->offset = p->expect;
    }
    return list;
}

static void pause_all(struct source *s) {
    rd_kafka_topic_partition_list_t *list = list_assigned(s, false);
    rd_kafka_pause_partitions(s->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    s->paused = true;
}

void source_fall_behind(struct source *s) {
    for (int32_t i = 0; i < s->partition_room; i++)
        s->partitions[i].behind = s->partitions[i].assigned;
    s->behind_any = true;
}

void source_catch_up(struct source *s) {
    rd_kafka_topic_partition_list_t *list = list_assigned(s, true);
    s->behind_tried_ms = clock_monotonic_ms();
    s->behind_any = !seek_list(s, list);
    rd_kafka_topic_partition_list_destroy(list);
}

static void resume_all(struct source *s) {
    rd_kafka_topic_partition_list_t *list = list_assigned(s, false);
    rd_kafka_resume_partitions(s->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    s->paused = false;
    source_fall_behind(s);
    source_catch_up(s);
}

void source_hold(struct source *s, bool hold) {
    if (hold == s->held)
        return;
    int64_t now_ms = clock_monotonic_ms();
    s->held = hold;
    if (hold) {
        s->held_since_ms = now_ms;
        return;
    }
    s->figures.held_ms += now_ms - s->held_since_ms;
    if (s->paused)
        resume_all(s);
    wake_now(&s->wake); // the queue was left full: no edge will come of it
}

void source_serve_hold(struct source *s) {
    if (!s->held && !s->behind_any)
        return;
    int64_t now_ms = clock_monotonic_ms();
    if (s->held && !s->paused && now_ms - s->held_since_ms >= HOLD_SOFT_MS)
        pause_all(s);
    if (!s->held && s->behind_any && now_ms - s->behind_tried_ms >= BEHIND_RETRY_MS)
        source_catch_up(s);
}

// --- Commits

uint64_t source_commit(struct source *s, const struct source_position *positions, size_t count) {
    uint64_t id = s->next_commit++;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, s->topic, positions[i].partition)->offset =
            positions[i].offset;
    // The id travels as the opaque pointer. Without a callback the answer stays an event of our own queue.
    rd_kafka_resp_err_t err = rd_kafka_commit_queue(s->rk, list, s->replies, NULL, (void *)(uintptr_t)id);
    rd_kafka_topic_partition_list_destroy(list);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return id;
    s->unsent = memory_grow(s->unsent, s->unsent_count + 1, sizeof(*s->unsent));
    s->unsent[s->unsent_count++] = id;
    wake_now(&s->wake);
    return id;
}

static rd_kafka_resp_err_t reply_error(rd_kafka_event_t *reply) {
    const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(reply);
    rd_kafka_resp_err_t err = rd_kafka_event_error(reply);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR && list == NULL)
        return RD_KAFKA_RESP_ERR__FAIL;
    for (int i = 0; err == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++)
        err = list->elems[i].err;
    return err;
}

static void take_reply(struct source *s, rd_kafka_event_t *reply) {
    uint64_t id = (uint64_t)(uintptr_t)rd_kafka_event_opaque(reply);
    rd_kafka_resp_err_t err = reply_error(reply);
    bool accepted = err == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (!accepted)
        log_info("commit_not_accepted", FIELD("why", LOG_TEXT(rd_kafka_err2str(err))));
    s->events->committed(s->context, id, accepted);
}

void source_serve_commits(struct source *s) {
    for (size_t i = 0; i < s->unsent_count; i++)
        s->events->committed(s->context, s->unsent[i], false);
    s->unsent_count = 0;
    for (rd_kafka_event_t *reply; (reply = rd_kafka_queue_poll(s->replies, 0)) != NULL;) {
        if (rd_kafka_event_type(reply) == RD_KAFKA_EVENT_OFFSET_COMMIT)
            take_reply(s, reply);
        rd_kafka_event_destroy(reply);
    }
}
