// The floor: librdkafka's own cost of bringing the topic into this process, with the worker's settings.
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>

#include "loadtest/bench/bench_run.h"
#include "runtime/clock.h"

enum { BATCH = 4096, WAIT_MS = 200, STALL_MS = 60000 };

struct floor {
    int32_t open; // partitions whose end was not reached
    uint64_t messages;
    int64_t first_ms, last_ms;
};

static void discard(struct floor *f, rd_kafka_message_t **messages, ssize_t count) {
    for (ssize_t i = 0; i < count; i++) {
        if (messages[i]->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            f->open--;
        else if (messages[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR)
            f->messages++;
        rd_kafka_message_destroy(messages[i]);
    }
}

static bool consume(struct floor *f, rd_kafka_queue_t *queue) {
    rd_kafka_message_t *messages[BATCH];
    int64_t moved_ms = clock_monotonic_ms();
    while (f->open > 0 && clock_monotonic_ms() - moved_ms < STALL_MS) {
        uint64_t before = f->messages;
        discard(f, messages, rd_kafka_consume_batch_queue(queue, WAIT_MS, messages, BATCH));
        if (f->messages == before)
            continue;
        moved_ms = f->last_ms = clock_monotonic_ms();
        if (before == 0)
            f->first_ms = f->last_ms;
    }
    return f->open == 0;
}

int bench_floor_child(struct bench *b) {
    struct recount_log *log = &b->log;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(log->partitions);
    for (int32_t p = 0; p < log->partitions; p++)
        rd_kafka_topic_partition_list_add(list, log->topic, p)->offset = log->first[p];
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(log->consumer);
    struct floor f = {.open = log->partitions};
    rd_kafka_assign(log->consumer, list);
    bool whole = consume(&f, queue);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_queue_destroy(queue);
    printf("%" PRIu64 " %" PRId64 "\n", f.messages, f.last_ms - f.first_ms);
    return whole ? STATUS_OK : STATUS_UNAVAILABLE;
}

enum status bench_floor_run(struct bench *b, bool pinned, struct bench_take *take, struct problem *problem) {
    static const char *const words[] = {"bench", "--floor", NULL};
    struct bench_part part;
    *take = (struct bench_take){0};
    enum status status = bench_part_run(b, words, pinned, &part, problem);
    if (status != STATUS_OK)
        return status;
    take->usage = part.usage;
    if (part.usage.exit_code != 0 ||
        sscanf(part.line, "%" SCNu64 " %" SCNd64, &take->messages, &take->wall_ms) != 2)
        status = bench_part_failed(&part, "the floor", problem);
    bench_child_forget(&part.child);
    return status;
}
