#include "loadtest/bench/bench_watch.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/check.h"
#include "runtime/clock.h"
#include "runtime/memory.h"

enum { ROOM_AT_FIRST = 256 };

struct waiting {
    int64_t offset, due_ns, sent_ns;
};

// The events of a shard and a partition that are not seen yet, in order of their offsets: a ring of a power
// of two.
struct lane {
    struct waiting *ring;
    size_t room, head, count;
};

struct watch {
    struct trial *trial;
    pthread_t thread;
    pthread_mutex_t lock; // of what follows
    bool stop;
    enum status status;
    struct problem problem;
    uint64_t outstanding;
    struct lane *lanes; // as the marks: partition p of shard s at s * partitions + p
    size_t lane_count;
    struct watch_answer answer;
};

static void lane_grow(struct lane *lane) {
    size_t room = lane->room > 0 ? 2 * lane->room : ROOM_AT_FIRST;
    struct waiting *ring = memory_take(room * sizeof(*ring));
    for (size_t i = 0; i < lane->count; i++)
        ring[i] = lane->ring[(lane->head + i) & (lane->room - 1)];
    free(lane->ring);
    *lane = (struct lane){.ring = ring, .room = room, .count = lane->count};
}

void watch_sent(void *watch, const struct feed_event *event) {
    struct watch *w = watch;
    pthread_mutex_lock(&w->lock);
    struct lane *lane =
        &w->lanes[event->shard * (size_t)w->trial->redis.meta.partitions + (size_t)event->partition];
    if (lane->count == lane->room)
        lane_grow(lane);
    lane->ring[(lane->head + lane->count++) & (lane->room - 1)] =
        (struct waiting){event->offset, event->due_ns, event->sent_ns};
    w->outstanding++;
    percentile_add(&w->answer.lateness, (event->sent_ns - event->due_ns) / 1000);
    pthread_mutex_unlock(&w->lock);
}

static void lane_see(struct watch *w, struct lane *lane, int64_t next, int64_t now_ns) {
    while (lane->count > 0 && lane->ring[lane->head].offset < next) {
        const struct waiting *seen = &lane->ring[lane->head];
        percentile_add(&w->answer.corrected, (now_ns - seen->due_ns) / 1000);
        percentile_add(&w->answer.raw, (now_ns - seen->sent_ns) / 1000);
        lane->head = (lane->head + 1) & (lane->room - 1);
        lane->count--;
        w->outstanding--;
    }
}

// True: go on.
static bool look(struct watch *w, int64_t *last_ns) {
    struct problem problem;
    enum status status = recount_redis_marks_all(&w->trial->redis, w->trial->marks, &problem);
    int64_t now_ns = clock_monotonic_ns();
    pthread_mutex_lock(&w->lock);
    bool go_on = status == STATUS_OK && !w->stop;
    if (status == STATUS_OK) {
        for (size_t i = 0; i < w->lane_count; i++)
            lane_see(w, &w->lanes[i], w->trial->marks[i].next, now_ns);
        percentile_add(&w->answer.gaps, (now_ns - *last_ns) / 1000);
    } else {
        w->status = status;
        w->problem = problem;
    }
    *last_ns = now_ns;
    pthread_mutex_unlock(&w->lock);
    return go_on;
}

// The observer's thread.
static void *observe(void *watch) {
    struct watch *w = watch;
    int64_t last_ns = clock_monotonic_ns();
    while (look(w, &last_ns)) {
        int64_t left_ns = last_ns + INT64_C(1000000) * WATCH_EVERY_MS - clock_monotonic_ns();
        if (left_ns > 0)
            usleep((unsigned)(left_ns / 1000));
    }
    return NULL;
}

struct watch *watch_start(struct trial *t) {
    struct watch *w = memory_take(sizeof(*w));
    w->trial = t;
    w->lane_count = t->redis.space.shards * (size_t)t->redis.meta.partitions;
    w->lanes = memory_take(w->lane_count * sizeof(*w->lanes));
    pthread_mutex_init(&w->lock, NULL);
    CHECK(pthread_create(&w->thread, NULL, observe, w) == 0);
    return w;
}

uint64_t watch_outstanding(struct watch *w) {
    pthread_mutex_lock(&w->lock);
    uint64_t outstanding = w->outstanding;
    pthread_mutex_unlock(&w->lock);
    return outstanding;
}

enum status watch_status(struct watch *w, struct problem *problem) {
    pthread_mutex_lock(&w->lock);
    enum status status = w->status;
    if (status != STATUS_OK)
        *problem = w->problem;
    pthread_mutex_unlock(&w->lock);
    return status;
}

void watch_stop(struct watch **watch, struct watch_answer *answer) {
    struct watch *w = *watch;
    *watch = NULL;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_mutex_destroy(&w->lock);
    percentile_merge(&answer->corrected, &w->answer.corrected);
    percentile_merge(&answer->raw, &w->answer.raw);
    percentile_merge(&answer->gaps, &w->answer.gaps);
    percentile_merge(&answer->lateness, &w->answer.lateness);
    for (size_t i = 0; i < w->lane_count; i++)
        free(w->lanes[i].ring);
    free(w->lanes);
    free(w);
}
