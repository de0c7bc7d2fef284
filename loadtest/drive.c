#include "loadtest/drive.h"

#include <inttypes.h>

#include "loadtest/progress.h"
#include "loadtest/room.h"
#include "loadtest/stop.h"
#include "runtime/clock.h"

enum { WAIT_MS_MAX = 100 };

// --- Will it fit?

static enum status refuse(const struct sender *sender, uint64_t events, struct problem *problem) {
    return problem_set(
        problem, STATUS_USAGE, "",
        "send less, or start the broker with more --partitions, or use a real Kafka",
        "the embedded broker keeps 5 MiB a partition and drops the rest without a word: of these events only "
        "the first %" PRIu64 " fit into its %" PRId32 " partitions at 4 MiB each, beside what it holds",
        events, sender_partitions(sender));
}

// The whole feed into nothing but the books.
static enum status measure(const struct sender *sender, const struct feed *feed, struct problem *problem) {
    struct room *room = room_create(sender_partitions(sender), sender_mock_holds(sender));
    uint64_t events = 0;
    struct message m;
    enum status status;
    while ((status = feed->next(feed->context, &m, problem)) == STATUS_OK && room_take(room, &m))
        events += m.events;
    room_destroy(&room);
    if (status == STATUS_OK)
        return refuse(sender, events, problem);
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

struct drive {
    struct sender *sender;
    const struct drive_options *options;
    struct room *room; // NULL: a real broker
    struct progress progress;
    const char *end; // why it ended
};

static bool time_is_up(struct drive *d) {
    int64_t seconds = d->options->seconds;
    if (stop_asked())
        d->end = "signal";
    else if (seconds > 0 && progress_elapsed_ms(&d->progress) >= seconds * 1000)
        d->end = "time";
    else
        return false;
    return true;
}

// Until the message is due, serving reports meanwhile. False: it is not to be sent any more.
static bool wait_until_due(struct drive *d, int64_t due_ms) {
    for (;;) {
        progress_show(&d->progress, d->sender);
        if (time_is_up(d))
            return false;
        int64_t left_ms = due_ms - progress_elapsed_ms(&d->progress);
        if (left_ms <= 0)
            return true;
        sender_poll(d->sender, left_ms < WAIT_MS_MAX ? (int)left_ms : WAIT_MS_MAX);
    }
}

static bool has_room(struct drive *d, const struct message *m) {
    if (d->room == NULL || room_take(d->room, m))
        return true;
    d->end = "mock_full";
    return false;
}

static enum status send_all(struct drive *d, const struct feed *feed, struct problem *problem) {
    struct message m;
    enum status status;
    while ((status = feed->next(feed->context, &m, problem)) == STATUS_OK) {
        if (!wait_until_due(d, m.due_ms) || !has_room(d, &m))
            return STATUS_OK;
        if (m.time_ms == 0)
            m.time_ms = clock_wall_ms();
        status = sender_send(d->sender, &m, problem);
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
    const int64_t *mock_holds = sender_mock_holds(sender);
    enum status status = STATUS_OK;
    if (mock_holds != NULL && options->bounded)
        status = check_fit(sender, source, problem);
    if (status != STATUS_OK)
        return status;
    struct feed feed;
    status = source->make_feed(source->context, &feed, problem);
    if (status != STATUS_OK)
        return status;
    stop_arm();
    struct drive d = {.sender = sender, .options = options, .end = "end"};
    d.room = mock_holds != NULL ? room_create(sender_partitions(sender), mock_holds) : NULL;
    progress_begin(&d.progress);
    status = send_all(&d, &feed, problem);
    source->drop_feed(source->context, &feed);
    if (status == STATUS_OK)
        status = sender_flush(sender, problem);
    if (status == STATUS_OK)
        status = check_places(sender, problem);
    progress_finish(&d.progress, sender, status == STATUS_OK ? d.end : "failure");
    room_destroy(&d.room);
    return status;
}
