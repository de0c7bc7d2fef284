#include "loadtest/drive.h"

#include <inttypes.h>
#include <stdlib.h>

#include "loadtest/progress.h"
#include "loadtest/stop.h"
#include "runtime/clock.h"
#include "runtime/memory.h"

enum { WAIT_MS_MAX = 100 };

// --- Will it fit?

static enum status refuse(const struct sender *sender, uint64_t events, struct problem *problem) {
    return problem_set(problem, STATUS_USAGE, "",
                       "send less, or start the broker with more --partitions, or use a real Kafka",
                       "the embedded broker keeps 5 MiB a partition and drops the rest without a word: of "
                       "these events only the "
                       "first %" PRIu64 " fit into its %" PRId32 " partitions at 4 MiB each",
                       events, sender_partitions(sender));
}

// The whole feed into nothing but a sum per partition.
static enum status measure(const struct sender *sender, const struct feed *feed, struct problem *problem) {
    int64_t *cost = memory_take((size_t)sender_partitions(sender) * sizeof(*cost));
    uint64_t events = 0;
    struct message m;
    enum status status;
    while ((status = feed->next(feed->context, &m, problem)) == STATUS_OK) {
        if (!sender_has_room(sender, &m, cost[m.partition])) {
            status = refuse(sender, events, problem);
            break;
        }
        cost[m.partition] += sender_cost(&m);
        events += m.events;
    }
    free(cost);
    return status == STATUS_NO ? STATUS_OK : status;
}

static enum status check_fit(const struct sender *sender, const struct drive_source *source,
                             struct problem *problem) {
    struct feed feed;
    enum status status = source->make_feed(source->context, &feed, problem);
    if (status != STATUS_OK)
        return status;
    status = measure(sender, &feed, problem);
    source->drop_feed(source->context, &feed);
    return status;
}

// --- Sending

// Until the message is due, serving reports meanwhile. False: asked to stop, or the time is up.
static bool wait_until_due(struct sender *sender, struct progress *progress, int64_t due_ms,
                           const struct drive_options *options) {
    for (;;) {
        progress_show(progress, sender);
        int64_t elapsed_ms = progress_elapsed_ms(progress);
        if (stop_asked() || (options->seconds > 0 && elapsed_ms >= options->seconds * 1000))
            return false;
        if (elapsed_ms >= due_ms)
            return true;
        int64_t left_ms = due_ms - elapsed_ms;
        sender_poll(sender, left_ms < WAIT_MS_MAX ? (int)left_ms : WAIT_MS_MAX);
    }
}

static enum status send_all(struct sender *sender, const struct feed *feed, struct progress *progress,
                            const struct drive_options *options, const char **end, struct problem *problem) {
    struct message m;
    enum status status;
    while ((status = feed->next(feed->context, &m, problem)) == STATUS_OK) {
        if (!wait_until_due(sender, progress, m.due_ms, options)) {
            *end = stop_asked() ? "signal" : "time";
            return STATUS_OK;
        }
        if (!sender_has_room(sender, &m, 0)) {
            *end = "mock_full";
            return STATUS_OK;
        }
        if (m.time_ms == 0)
            m.time_ms = clock_wall_ms();
        status = sender_send(sender, &m, problem);
        if (status != STATUS_OK)
            return status;
    }
    return status == STATUS_NO ? STATUS_OK : status;
}

static enum status check_places(const struct sender *sender, struct problem *problem) {
    struct sender_figures f;
    sender_figures_read(sender, &f);
    if (f.misplaced == 0)
        return STATUS_OK;
    return problem_set(problem, STATUS_BAD_DATA, "",
                       "the topic's partition count changed while sending, or the partitioner is another",
                       "%" PRIu64 " of %" PRIu64
                       " messages lie in another partition than murmur2 of their key says",
                       f.misplaced, f.delivered);
}

enum status drive_run(struct sender *sender, const struct drive_source *source,
                      const struct drive_options *options, struct problem *problem) {
    enum status status = STATUS_OK;
    if (sender_is_mock(sender) && options->bounded)
        status = check_fit(sender, source, problem);
    if (status != STATUS_OK)
        return status;
    struct feed feed;
    status = source->make_feed(source->context, &feed, problem);
    if (status != STATUS_OK)
        return status;
    stop_arm();
    struct progress progress;
    progress_begin(&progress);
    const char *end = "end";
    status = send_all(sender, &feed, &progress, options, &end, problem);
    source->drop_feed(source->context, &feed);
    if (status == STATUS_OK)
        status = sender_flush(sender, problem);
    if (status == STATUS_OK)
        status = check_places(sender, problem);
    progress_finish(&progress, sender, status == STATUS_OK ? end : "failure");
    return status;
}
