#include "loadtest/bench/bench_feed.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "loadtest/generate/generate.h"
#include "loadtest/sender.h"
#include "runtime/clock.h"
#include "runtime/memory.h"
#include "stream/murmur2.h"

enum { ACCOUNTS = 100, CONTENTS = 1000000, ACTORS = 1000000, WAIT_MS = 1 };

struct bench_feed {
    struct bench *bench;
    const struct key_space *space;
    struct deployment deployment; // the bench's, with the properties below
    struct config_pair *properties;
    struct sender *sender;
    struct generator *generator;
    uint64_t rate, next;
    int64_t *offsets; // by partition: that of the next event
    int64_t began_ns, began_wall_ms;
};

// A producer that waits 50 ms for company would be most of what is measured. The configuration's own
// linger.ms stands after ours and wins.
static void prefer_promptness(struct bench_feed *f) {
    const struct deployment *d = &f->bench->deployment;
    f->properties = memory_take((d->passthrough_count + 1) * sizeof(*f->properties));
    f->properties[0] = (struct config_pair){"linger.ms", "5", "bench"};
    for (size_t i = 0; i < d->passthrough_count; i++)
        f->properties[1 + i] = d->passthrough[i];
    f->deployment = *d;
    f->deployment.passthrough = f->properties;
    f->deployment.passthrough_count++;
}

enum status feed_open(struct bench_feed **feed, struct bench *b, const struct key_space *space, uint64_t rate,
                      struct problem *problem) {
    struct bench_feed *f = memory_take(sizeof(*f));
    *feed = f;
    *f = (struct bench_feed){.bench = b, .space = space, .rate = rate};
    prefer_promptness(f);
    enum status status = sender_create(&f->sender, &f->deployment, true, problem);
    if (status == STATUS_OK && sender_mock_holds(f->sender) != NULL)
        return problem_set(problem, STATUS_USAGE, "", "use a real Kafka",
                           "the embedded broker keeps too little for a stream");
    if (status == STATUS_OK)
        status = recount_log_bounds(&b->log, problem);
    if (status != STATUS_OK)
        return status;
    f->offsets = memory_take((size_t)b->log.partitions * sizeof(*f->offsets));
    memcpy(f->offsets, b->log.end, (size_t)b->log.partitions * sizeof(*f->offsets));
    return STATUS_OK;
}

void feed_close(struct bench_feed **feed) {
    struct bench_feed *f = *feed;
    *feed = NULL;
    if (f == NULL)
        return;
    sender_destroy(&f->sender);
    if (f->generator != NULL)
        generator_destroy(&f->generator);
    free(f->offsets);
    free(f->properties);
    free(f);
}

void feed_begin(struct bench_feed *f) {
    f->began_wall_ms = clock_wall_ms();
    f->began_ns = clock_monotonic_ns();
    // The wall clock is the seed: another run's ids would be duplicates.
    f->generator = generator_create(&(struct generate_options){
        .seed = (uint64_t)f->began_wall_ms,
        .mix = mix_find("bench"),
        .accounts = ACCOUNTS,
        .contents = CONTENTS,
        .actors = ACTORS,
        .zipf = 1,
        .start_ms = f->began_wall_ms,
        .rate = (int64_t)f->rate,
    });
}

static enum status send_next(struct bench_feed *f, const struct feed_taker *taker, struct problem *problem) {
    struct generated made;
    generator_make(f->generator, f->next, &made);
    int32_t partition = murmur2_partition(made.key, f->bench->log.partitions);
    struct message m = {
        .key = made.key, .value = made.value, .time_ms = made.sent_ms, .partition = partition, .events = 1};
    m.fates[FATE_PLAIN] = 1;
    struct feed_event event = {
        .shard = key_shard(f->space, made.account),
        .partition = partition,
        .offset = f->offsets[partition],
        .due_ns = f->began_ns + feed_due_ns(f->next, f->rate),
        .sent_ns = clock_monotonic_ns(),
    };
    enum status status = sender_send(f->sender, &m, problem);
    if (status != STATUS_OK)
        return status;
    f->offsets[partition]++;
    f->next++;
    if (taker != NULL)
        taker->sent(taker->context, &event);
    return STATUS_OK;
}

enum status feed_step(struct bench_feed *f, const struct feed_taker *taker, struct problem *problem) {
    enum status status = STATUS_OK;
    uint64_t due = feed_due_count(clock_monotonic_ns() - f->began_ns, f->rate);
    while (status == STATUS_OK && f->next < due)
        status = send_next(f, taker, problem);
    int64_t left_ns = f->began_ns + feed_due_ns(f->next, f->rate) - clock_monotonic_ns();
    sender_poll(f->sender, left_ns > 0 ? WAIT_MS : 0);
    return status;
}

enum status feed_finish(struct bench_feed *f, struct problem *problem) {
    struct recount_log *log = &f->bench->log;
    enum status status = sender_flush(f->sender, problem);
    if (status == STATUS_OK)
        status = recount_log_bounds(log, problem);
    for (int32_t p = 0; status == STATUS_OK && p < log->partitions; p++) {
        if (log->end[p] != f->offsets[p])
            status = problem_set(problem, STATUS_BAD_DATA, "", "use a topic that nobody else writes to",
                                 "%s [%" PRId32 "] ends at %" PRId64 " where %" PRId64 " was reckoned",
                                 log->topic, p, log->end[p], f->offsets[p]);
    }
    return status;
}

uint64_t feed_count(const struct bench_feed *f) {
    return f->next;
}

int64_t feed_elapsed_ms(const struct bench_feed *f) {
    return (clock_monotonic_ns() - f->began_ns) / 1000000;
}
