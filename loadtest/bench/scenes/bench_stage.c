#include "loadtest/bench/scenes/bench_stage.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>

#include "runtime/clock.h"
#include "runtime/memory.h"
#include "schemas/weighable.h"
#include "stream/decode/decode.h"
#include "stream/dedup.h"
#include "stream/validate.h"

enum {
    BATCH = 1000,
    CHUNK = 32, // records decoded together, as the programs do
    WAIT_MS = 200,
    STALL_MS = 60000,
    FLAG_MAX = 64,
    ARENA_BLOCK = 1 << 20,
};

struct stage {
    bool dedups;
    struct rules_book rules;
    struct pseudonymiser *pseudonyms;
    struct decoder *decoder;
    struct arena arena;
    struct dedup **dedup; // by partition
    struct record records[CHUNK];
    struct event *events[CHUNK];
    size_t counts[CHUNK];
    size_t held;
    int32_t open; // partitions whose end was not reached
    uint64_t messages, taken, fresh;
    int64_t first_ms, last_ms;
};

static enum status stage_open(struct stage *st, struct bench *b, const char *stage, struct problem *problem) {
    const struct settings *s = &b->deployment.settings;
    struct rules_kinds kinds;
    schemas_rules_kinds(&kinds);
    *st = (struct stage){.dedups = strcmp(stage, "dedup") == 0, .open = b->log.partitions};
    enum status status = rules_load(&st->rules, s->rules_file, &kinds);
    if (status == STATUS_OK)
        status = pseudonymiser_load(&st->pseudonyms, s->privacy_key_file, problem);
    if (status != STATUS_OK)
        return status;
    const struct decoder_options options = {.framing = s->decode_framing,
                                            .max_event_bytes = s->decode_max_event_bytes,
                                            .max_message_bytes = s->decode_max_message_bytes,
                                            .pseudonyms = st->pseudonyms};
    st->decoder = decoder_create(&options);
    arena_init(&st->arena, ARENA_BLOCK);
    st->dedup = memory_take((size_t)b->log.partitions * sizeof(*st->dedup));
    for (int32_t p = 0; p < b->log.partitions; p++)
        st->dedup[p] = dedup_create(s->dedup_span, (size_t)s->dedup_max_ids);
    return STATUS_OK;
}

static void record_judge(struct stage *st, size_t i) {
    const struct record *r = &st->records[i];
    const struct rules *rules = rules_at(&st->rules, r->time_ms);
    for (uint32_t e = 0; e < st->counts[i]; e++) {
        const struct event *event = &st->events[i][e];
        if (validate_event(event, rules, r->time_ms) == REJECT_NONE)
            st->fresh += dedup_judge(st->dedup[r->partition], event->id, r->offset, e) == DEDUP_FIRST;
    }
}

static void chunk_take(struct stage *st) {
    for (size_t i = 0; i < st->held; i++) {
        const struct record *r = &st->records[i];
        if (decoder_decode(st->decoder, &st->arena, r, &st->events[i], &st->counts[i]) != REJECT_NONE)
            st->counts[i] = 0;
        st->taken += st->counts[i] > 0 ? st->counts[i] : 1; // one that cannot be decoded is one
        for (size_t e = 0; st->dedups && e < st->counts[i]; e++)
            dedup_prefetch(st->dedup[r->partition], st->events[i][e].id);
    }
    for (size_t i = 0; st->dedups && i < st->held; i++)
        record_judge(st, i);
    st->held = 0;
    arena_reset(&st->arena);
}

static void message_take(struct stage *st, const rd_kafka_message_t *m) {
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        st->open--;
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    rd_kafka_timestamp_type_t type;
    int64_t time_ms = rd_kafka_message_timestamp(m, &type);
    st->messages++;
    st->records[st->held++] = (struct record){.partition = m->partition,
                                              .offset = m->offset,
                                              .time_ms = time_ms > 0 ? time_ms : 0,
                                              .key = {m->key, m->key_len},
                                              .value = {m->payload, m->len}};
    if (st->held == CHUNK)
        chunk_take(st);
}

static bool consume(struct stage *st, rd_kafka_queue_t *queue) {
    rd_kafka_message_t *messages[BATCH];
    int64_t moved_ms = clock_monotonic_ms();
    while (st->open > 0 && clock_monotonic_ms() - moved_ms < STALL_MS) {
        uint64_t before = st->messages;
        ssize_t count = rd_kafka_consume_batch_queue(queue, WAIT_MS, messages, BATCH);
        for (ssize_t i = 0; i < count; i++)
            message_take(st, messages[i]);
        chunk_take(st);
        for (ssize_t i = 0; i < count; i++)
            rd_kafka_message_destroy(messages[i]);
        if (st->messages == before)
            continue;
        moved_ms = st->last_ms = clock_monotonic_ms();
        if (before == 0)
            st->first_ms = st->last_ms;
    }
    return st->open == 0;
}

int bench_stage_child(struct bench *b, const char *stage) {
    static struct stage st;
    struct recount_log *log = &b->log;
    struct problem problem = {0};
    if (stage_open(&st, b, stage, &problem) != STATUS_OK) {
        problem_print(&problem);
        return STATUS_CONFIG;
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(log->partitions);
    for (int32_t p = 0; p < log->partitions; p++)
        rd_kafka_topic_partition_list_add(list, log->topic, p)->offset = log->first[p];
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(log->consumer);
    rd_kafka_assign(log->consumer, list);
    bool whole = consume(&st, queue);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_queue_destroy(queue);
    printf("%" PRIu64 " %" PRIu64 " %" PRId64 "\n", st.messages, st.taken, st.last_ms - st.first_ms);
    return whole ? STATUS_OK : STATUS_UNAVAILABLE;
}

enum status bench_stage_run(struct bench *b, const char *stage, struct bench_take *take,
                            struct problem *problem) {
    char flag[FLAG_MAX];
    const char *const words[] = {"bench", "aggregate", flag, NULL};
    struct bench_part part;
    *take = (struct bench_take){0};
    snprintf(flag, sizeof(flag), "--stage=%s", stage);
    enum status status = bench_part_run(b, words, false, &part, problem);
    if (status != STATUS_OK)
        return status;
    take->usage = part.usage;
    if (part.usage.exit_code != 0 || sscanf(part.line, "%" SCNu64 " %" SCNu64 " %" SCNd64, &take->messages,
                                            &take->events, &take->wall_ms) != 3)
        status = bench_part_failed(&part, flag, problem);
    bench_child_forget(&part.child);
    return status;
}
