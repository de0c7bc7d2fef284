// The worker under test: a fresh deployment under a prefix of its own, counted to the end of the log, and
// deleted again.
#include <arpa/inet.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loadtest/bench/bench_run.h"
#include "loadtest/recount/recount_redis.h"
#include "loadtest/stop.h"
#include "runtime/clock.h"
#include "runtime/memory.h"

enum {
    POLL_US = 200000,
    INIT_TIMEOUT_MS = 30000,
    ADMIN_MS = 10000,
    METRICS_BYTES = 1 << 20,
    WORDS_OF_OURS = 8,
    UNLINK_CHUNK = 500,
};

struct trial {
    struct bench *bench;
    struct settings settings; // those of the deployment, under our prefix
    char prefix[KEY_PREFIX_MAX];
    char prefix_flag[KEY_PREFIX_MAX + 32], group_flag[KEY_PREFIX_MAX + 32], listen_flag[48];
    int port;
    struct recount_redis redis;
};

// A port that nobody listens on at the moment.
static int free_port(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int port = 0;
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, length) == 0 &&
        getsockname(fd, (struct sockaddr *)&address, &length) == 0)
        port = ntohs(address.sin_port);
    if (fd >= 0)
        close(fd);
    return port;
}

static void trial_name(struct trial *t, struct bench *b, int64_t run) {
    *t = (struct trial){.bench = b, .settings = b->deployment.settings, .port = free_port()};
    snprintf(t->prefix, sizeof(t->prefix), "bench-%d-%" PRId64, (int)getpid(), run);
    snprintf(t->prefix_flag, sizeof(t->prefix_flag), "--redis.prefix=%s", t->prefix);
    snprintf(t->group_flag, sizeof(t->group_flag), "--kafka.group=%s", t->prefix);
    snprintf(t->listen_flag, sizeof(t->listen_flag), "--http.listen=127.0.0.1:%d", t->port);
    t->settings.redis_prefix = t->prefix;
}

static enum status start(struct trial *t, const char *command, bool pin, struct bench_child *child,
                         struct problem *problem) {
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
    enum status status = bench_child_start(child, argv, pin, problem);
    free(argv);
    return status;
}

static enum status ended_badly(const struct bench_child *child, const char *what, int exit_code,
                               struct problem *problem) {
    bench_child_show(child);
    return problem_set(problem, STATUS_UNAVAILABLE, "", "see its messages above",
                       "%s ended with exit code %d", what, exit_code);
}

static enum status initialise(struct trial *t, struct problem *problem) {
    struct bench_child child;
    struct bench_usage usage;
    enum status status = start(t, "init", false, &child, problem);
    if (status != STATUS_OK)
        return status;
    bench_child_wait(&child, INIT_TIMEOUT_MS, &usage);
    if (usage.exit_code != 0)
        status = ended_badly(&child, "clameur-ingest init", usage.exit_code, problem);
    bench_child_forget(&child);
    return status;
}

// Microseconds of CPU that Redis has used, its own and its system's.
static int64_t redis_cpu_us(struct trial *t) {
    static const char *const fields[] = {"used_cpu_sys:", "used_cpu_user:"};
    const char *words[] = {"INFO", "cpu"};
    redisReply *reply = recount_redis_ask(&t->redis, 2, words);
    double seconds = 0;
    for (size_t i = 0; reply != NULL && reply->type == REDIS_REPLY_STRING && i < 2; i++) {
        const char *at = strstr(reply->str, fields[i]);
        seconds += at != NULL ? strtod(at + strlen(fields[i]), NULL) : 0;
    }
    freeReplyObject(reply);
    return (int64_t)(seconds * 1e6);
}

struct standing {
    bool begun; // some mark has moved
    bool done;  // every mark is at the end of the log
};

static enum status read_standing(struct trial *t, struct standing *standing, struct problem *problem) {
    const struct recount_log *log = &t->bench->log;
    int32_t partitions = t->redis.meta.partitions;
    struct mark *marks = memory_take((size_t)partitions * sizeof(*marks));
    enum status status = STATUS_OK;
    *standing = (struct standing){.done = true};
    for (uint32_t shard = 0; status == STATUS_OK && shard < t->redis.space.shards; shard++) {
        size_t missing;
        status = recount_redis_marks(&t->redis, shard, marks, &missing, problem);
        for (int32_t p = 0; status == STATUS_OK && p < partitions; p++) {
            standing->begun |= marks[p].next > t->redis.meta.starts[p];
            standing->done &= marks[p].next >= log->end[p];
        }
    }
    free(marks);
    return status;
}

// Waits until every mark is at the end of the log. The first and the last record are known to a poll's length
// and the worker's heartbeat, a second at most.
static enum status wait_counted(struct trial *t, struct bench_child *child, struct bench_figures *figures,
                                struct problem *problem) {
    int64_t started_ms = clock_monotonic_ms(), first_ms = started_ms;
    struct standing standing = {0};
    bool begun = false;
    while (!standing.done) {
        usleep(POLL_US);
        int64_t now = clock_monotonic_ms();
        if (bench_child_ended(child, &figures->usage))
            return ended_badly(child, "the worker", figures->usage.exit_code, problem);
        if (stop_asked() || now - started_ms > t->bench->options.timeout_ms)
            return problem_set(problem, STATUS_TRY_AGAIN, "", "raise --timeout",
                               "stopped before the worker reached the end of the log");
        enum status status = read_standing(t, &standing, problem);
        if (status != STATUS_OK)
            return status;
        if (!begun)
            first_ms = now - POLL_US / 1000;
        begun |= standing.begun;
        figures->wall_ms = now - first_ms;
    }
    return STATUS_OK;
}

// GET /metrics into `out`; empty where there is no answer.
static void fetch_metrics(int port, char *out, size_t size) {
    static const char request[] = "GET /metrics HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval timeout = {.tv_sec = 5};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t length = 0;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        write(fd, request, sizeof(request) - 1) == (ssize_t)sizeof(request) - 1) {
        for (ssize_t got; length + 1 < size && (got = read(fd, out + length, size - 1 - length)) > 0;)
            length += (size_t)got;
    }
    out[length] = '\0';
    close(fd);
}

// The sum over a metric's labels.
static uint64_t metric_sum(const char *text, const char *name) {
    size_t length = strlen(name);
    double sum = 0;
    for (const char *line = text; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) != 0 || (line[length] != ' ' && line[length] != '{'))
            continue;
        const char *value = line[length] == '{' ? strchr(line, '}') : line + length - 1;
        sum += value != NULL ? strtod(value + 1, NULL) : 0;
    }
    return (uint64_t)sum;
}

static enum status read_metrics(struct trial *t, struct bench_figures *figures, struct problem *problem) {
    char *text = memory_take(METRICS_BYTES);
    fetch_metrics(t->port, text, METRICS_BYTES);
    figures->updates = metric_sum(text, "clameur_redis_updates_total");
    figures->events =
        metric_sum(text, "clameur_events_read_total") - metric_sum(text, "clameur_events_replayed_total");
    bool empty = figures->events == 0;
    free(text);
    return empty
               ? problem_set(problem, STATUS_UNAVAILABLE, "", "fill the topic with clameur-loadtest produce",
                             "the worker's metrics tell of no events")
               : STATUS_OK;
}

static enum status count_topic(struct trial *t, struct bench_figures *figures, struct problem *problem) {
    struct bench_child child;
    int64_t redis_before = redis_cpu_us(t);
    enum status status = start(t, "run", t->bench->options.pin, &child, problem);
    if (status != STATUS_OK)
        return status;
    status = wait_counted(t, &child, figures, problem);
    figures->redis_cpu_us = redis_cpu_us(t) - redis_before;
    if (status == STATUS_OK)
        status = read_metrics(t, figures, problem);
    if (child.pid > 0) {
        bench_child_stop(&child);
        bench_child_wait(&child, t->settings.shutdown_drain_ms + INIT_TIMEOUT_MS, &figures->usage);
        if (status == STATUS_OK && figures->usage.exit_code != 0)
            status = ended_badly(&child, "the worker", figures->usage.exit_code, problem);
    }
    bench_child_forget(&child);
    return status;
}

static void read_answers(struct recount_redis *redis) {
    while (redis->pending > 0)
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
    if (d->redis.pending >= UNLINK_CHUNK)
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
static void delete_group(struct trial *t) {
    rd_kafka_t *client = t->bench->log.consumer;
    if (!has_controller(client))
        return;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_DELETEGROUPS);
    rd_kafka_DeleteGroup_t *group = rd_kafka_DeleteGroup_new(t->prefix);
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

enum status bench_worker_run(struct bench *b, int64_t run, struct bench_figures *figures,
                             struct problem *problem) {
    struct trial *t = memory_take(sizeof(*t));
    trial_name(t, b, run);
    enum status status = recount_redis_open(&t->redis, &t->settings, problem);
    if (status == STATUS_OK) {
        status = initialise(t, problem);
        if (status == STATUS_OK)
            status = recount_redis_meta(&t->redis, &t->settings, problem);
        if (status == STATUS_OK)
            status = count_topic(t, figures, problem);
        delete_keys(t);
        delete_group(t);
    }
    recount_redis_close(&t->redis);
    free(t);
    return status;
}
