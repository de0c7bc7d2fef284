#include "loadtest/bench/bench_trial.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "loadtest/bench/bench_http.h"
#include "loadtest/stop.h"
#include "runtime/clock.h"
#include "runtime/memory.h"

enum {
    INIT_TIMEOUT_MS = 30000,
    ADMIN_MS = 10000,
    WORDS_OF_OURS = 8,
    UNLINK_CHUNK = 500,
    ANSWER_BYTES = 4096,
    STANDSTILL_MS = 60000,
    POLL_MS = 10,
};

static void trial_name(struct trial *t, struct bench *b, const char *families) {
    static int serial;
    *t = (struct trial){.bench = b, .settings = b->deployment.settings, .port = bench_free_port()};
    snprintf(t->prefix, sizeof(t->prefix), "bench-%d-%d", (int)getpid(), serial++);
    snprintf(t->prefix_flag, sizeof(t->prefix_flag), "--redis.prefix=%s", t->prefix);
    snprintf(t->group_flag, sizeof(t->group_flag), "--kafka.group=%s", t->prefix);
    snprintf(t->listen_flag, sizeof(t->listen_flag), "--http.listen=127.0.0.1:%d", t->port);
    snprintf(t->families_flag, sizeof(t->families_flag), "--counters.families=%s", families);
    t->settings.redis_prefix = t->prefix;
}

// `further`: one more word; NULL: none.
static enum status start(struct trial *t, const char *command, const char *further, bool pinned,
                         struct bench_child *child, struct problem *problem) {
    struct bench *b = t->bench;
    char **argv = memory_take((b->forwarded_count + WORDS_OF_OURS) * sizeof(*argv));
    size_t count = 0;
    argv[count++] = b->worker;
    argv[count++] = (char *)(uintptr_t)command;
    for (size_t i = 0; i < b->forwarded_count; i++)
        argv[count++] = b->forwarded[i];
    argv[count++] = t->prefix_flag;
    argv[count++] = t->group_flag;
    argv[count++] = t->listen_flag;
    argv[count++] = t->families_flag;
    argv[count++] = (char *)(uintptr_t)further;
    enum status status = bench_child_start(child, argv, pinned, problem);
    free(argv);
    return status;
}

static enum status ended_badly(const struct bench_child *child, const char *what, int exit_code,
                               struct problem *problem) {
    bench_child_show(child);
    return problem_set(problem, STATUS_UNAVAILABLE, "", "see its messages above",
                       "%s ended with exit code %d", what, exit_code);
}

static enum status initialise(struct trial *t, bool latest, struct problem *problem) {
    struct bench_child child;
    struct bench_usage usage;
    enum status status = start(t, "init", latest ? "--from=latest" : NULL, false, &child, problem);
    if (status != STATUS_OK)
        return status;
    bench_child_wait(&child, INIT_TIMEOUT_MS, &usage);
    if (usage.exit_code != 0)
        status = ended_badly(&child, "clameur-ingest init", usage.exit_code, problem);
    bench_child_forget(&child);
    return status;
}

enum status trial_open(struct trial **trial, struct bench *b, const char *families, bool latest,
                       struct problem *problem) {
    struct trial *t = memory_take(sizeof(*t));
    *trial = t;
    trial_name(t, b, families);
    enum status status = recount_redis_open(&t->redis, &t->settings, problem);
    if (status == STATUS_OK)
        status = initialise(t, latest, problem);
    if (status == STATUS_OK)
        status = recount_redis_meta(&t->redis, &t->settings, problem);
    if (status == STATUS_OK)
        t->marks = memory_take(t->redis.space.shards * (size_t)t->redis.meta.partitions * sizeof(*t->marks));
    return status;
}

void trial_be_static(struct trial *t) {
    snprintf(t->static_flag, sizeof(t->static_flag), "--kafka.static_id=%s", t->prefix);
}

enum status trial_start(struct trial *t, bool pinned, struct bench_child *child, struct problem *problem) {
    return start(t, "run", t->static_flag[0] != '\0' ? t->static_flag : NULL, pinned, child, problem);
}

enum status trial_stop(struct trial *t, struct bench_child *child, struct bench_usage *usage,
                       struct problem *problem) {
    enum status status = STATUS_OK;
    bench_child_stop(child);
    bench_child_wait(child, t->settings.shutdown_drain_ms + INIT_TIMEOUT_MS, usage);
    if (usage->exit_code != 0)
        status = trial_ended(child, usage, problem);
    bench_child_forget(child);
    return status;
}

enum status trial_ended(const struct bench_child *child, const struct bench_usage *usage,
                        struct problem *problem) {
    return ended_badly(child, "the worker", usage->exit_code, problem);
}

int trial_get(struct trial *t, const char *path, char *out, size_t size) {
    return bench_get(t->port, path, out, size);
}

enum status trial_ready(struct trial *t, struct bench_child *child, struct problem *problem) {
    char text[ANSWER_BYTES];
    struct bench_usage usage;
    int64_t stop_ms = clock_monotonic_ms() + t->bench->options.timeout_ms;
    while (trial_get(t, "/readyz", text, sizeof(text)) != 200) {
        if (bench_child_ended(child, &usage))
            return trial_ended(child, &usage, problem);
        if (stop_asked() || clock_monotonic_ms() > stop_ms)
            return problem_set(problem, STATUS_TRY_AGAIN, "", "raise --timeout",
                               "stopped before the worker was ready");
        usleep(POLL_MS * 1000);
    }
    return STATUS_OK;
}

enum status trial_watch_standstill(struct standstill *s, int64_t value, const struct bench_child *child,
                                   struct problem *problem) {
    int64_t now = clock_monotonic_ms();
    if (s->since_ms == 0 || value != s->value)
        *s = (struct standstill){value, now};
    if (now - s->since_ms < STANDSTILL_MS)
        return STATUS_OK;
    bench_child_show(child);
    return problem_set(problem, STATUS_UNAVAILABLE, "", "see its messages above",
                       "the worker has counted nothing for %d s", STANDSTILL_MS / 1000);
}

enum status trial_standing(struct trial *t, struct standing *standing, struct problem *problem) {
    const struct recount_log *log = &t->bench->log;
    const struct meta *meta = &t->redis.meta;
    *standing = (struct standing){.done = true};
    enum status status = recount_redis_marks_all(&t->redis, t->marks, problem);
    if (status != STATUS_OK)
        return status;
    for (int32_t p = 0; p < meta->partitions; p++) {
        int64_t least = INT64_MAX;
        for (uint32_t shard = 0; shard < t->redis.space.shards; shard++) {
            int64_t next = t->marks[(size_t)shard * (size_t)meta->partitions + (size_t)p].next;
            standing->begun |= next > meta->starts[p];
            least = next < least ? next : least;
        }
        standing->done &= least >= log->end[p];
        standing->counted += least - meta->starts[p];
    }
    return STATUS_OK;
}

int64_t trial_redis_cpu_us(struct trial *t) {
    return recount_redis_cpu_us(&t->redis);
}

// --- Cleaning up

static void read_answers(struct recount_redis *redis) {
    while (recount_redis_pending(redis) > 0)
        freeReplyObject(recount_redis_answer(redis));
}

struct deletion {
    struct recount_redis redis; // a connection of its own: the scan has the other
};

static void unlink_key(void *context, struct slice key) {
    struct deletion *d = context;
    const char *words[] = {"UNLINK", key.at};
    const size_t lengths[] = {6, key.length};
    recount_redis_send(&d->redis, 2, words, lengths);
    if (recount_redis_pending(&d->redis) >= UNLINK_CHUNK)
        read_answers(&d->redis);
}

static void delete_keys(struct trial *t) {
    struct deletion d;
    struct problem problem = {0};
    enum status status = recount_redis_open(&d.redis, &t->settings, &problem);
    key_space_init(&t->redis.space, t->prefix, 1);
    if (status == STATUS_OK)
        status = recount_redis_scan(&t->redis, unlink_key, &d, &problem);
    if (status == STATUS_OK)
        read_answers(&d.redis);
    else
        fprintf(stderr, "bench: keys under %s:* are left in Redis: %s\n", t->prefix, problem.what);
    recount_redis_close(&d.redis);
}

// The embedded broker names a controller that is none of its brokers.
static bool has_controller(rd_kafka_t *client) {
    const struct rd_kafka_metadata *metadata;
    if (rd_kafka_metadata(client, 0, NULL, &metadata, ADMIN_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    int32_t controller = rd_kafka_controllerid(client, ADMIN_MS);
    bool found = false;
    for (int i = 0; i < metadata->broker_cnt; i++)
        found |= metadata->brokers[i].id == controller;
    rd_kafka_metadata_destroy(metadata);
    return found;
}

// Best effort: the embedded broker has no admin API, and librdkafka fails an assertion of its own when it is
// asked all the same (confluentinc/librdkafka#3663); there the empty group goes with the broker.
void bench_delete_group(struct bench *b, const char *name) {
    rd_kafka_t *client = b->log.consumer;
    if (!has_controller(client))
        return;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_DELETEGROUPS);
    rd_kafka_DeleteGroup_t *group = rd_kafka_DeleteGroup_new(name);
    char reason[256];
    rd_kafka_AdminOptions_set_request_timeout(options, ADMIN_MS, reason, sizeof(reason));
    rd_kafka_DeleteGroups(client, &group, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, ADMIN_MS);
    if (event != NULL)
        rd_kafka_event_destroy(event);
    rd_kafka_DeleteGroup_destroy(group);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
}

void trial_close(struct trial **trial) {
    struct trial *t = *trial;
    *trial = NULL;
    if (t->redis.client != NULL && !recount_redis_broken(&t->redis)) {
        delete_keys(t);
        bench_delete_group(t->bench, t->prefix);
    }
    recount_redis_close(&t->redis);
    free(t->marks);
    free(t);
}
