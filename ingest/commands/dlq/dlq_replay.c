// dlq replay: letters back into the topic, under their own keys, so into the partition where their copies
// would be. What would be refused again is not sent: it would come back as another letter.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <librdkafka/rdkafka.h>

#include "ingest/commands/dlq/dlq.h"
#include "ingest/commands/explain/judge.h"
#include "runtime/check.h"
#include "runtime/clock.h"
#include "runtime/memory.h"

enum { FILE_BYTES_MAX = 64 << 20, POLL_MS = 200, REASON_BYTES = 256 };

struct replay {
    struct dlq *d;
    struct judge judge;
    rd_kafka_t *rk;
    char *room, *file;
    size_t file_length;
    int64_t letters, sent, refused, cut, failed;
};

// Inside rd_kafka_poll.
static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
    struct replay *r = opaque;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        r->sent++;
    else if (r->failed++ == 0)
        fprintf(stderr, "dlq replay: %s\n", rd_kafka_err2str(message->err));
}

static enum status connect_producer(struct replay *r, struct problem *p) {
    static const char *const ours[][2] = {{"enable.idempotence", "true"}, {"partitioner", "murmur2_random"}};
    const struct config_pair *pairs;
    size_t count = config_passthrough(r->d->r.config, &pairs);
    char reason[REASON_BYTES];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum status status = source_properties(conf, "producer", &r->d->r.settings, pairs, count, p);
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        CHECK(rd_kafka_conf_set(conf, ours[i][0], ours[i][1], reason, sizeof(reason)) == RD_KAFKA_CONF_OK);
    rd_kafka_conf_set_opaque(conf, r);
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    if (status == STATUS_OK)
        r->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
    if (r->rk != NULL)
        return STATUS_OK;
    rd_kafka_conf_destroy(conf);
    return status != STATUS_OK ? status
                               : problem_set(p, STATUS_CONFIG, "CLM-C1", "correct the kafka section",
                                             "the producer cannot start: %s", reason);
}

static enum status read_file(struct replay *r, struct problem *p) {
    FILE *file = fopen(r->d->flags.file, "rb");
    if (file == NULL)
        return problem_set(p, STATUS_NO_INPUT, "", "check the path", "%s: %s", r->d->flags.file,
                           strerror(errno));
    r->file = memory_take(FILE_BYTES_MAX);
    r->file_length = fread(r->file, 1, FILE_BYTES_MAX, file);
    bool whole = ferror(file) == 0 && feof(file) != 0;
    fclose(file);
    return whole ? STATUS_OK
                 : problem_set(p, STATUS_NO_INPUT, "", "one message's bytes",
                               "%s cannot be read, or is too large", r->d->flags.file);
}

// As a worker would that reads it now.
static bool would_be_refused(struct replay *r, struct slice value, enum reject *why) {
    struct record record = {.time_ms = clock_wall_ms(), .value = value};
    size_t count;
    judge_forget(&r->judge);
    const struct judged *judged = judge_record(&r->judge, &record, &count);
    for (size_t i = 0; i < count; i++) {
        if (judged[i].fate == FATE_REJECTED) {
            *why = judged[i].reject;
            return true;
        }
    }
    return false;
}

// Without a key it goes where its original was: at random it would miss its own copies.
static void produce(struct replay *r, const struct dlq_letter *l, struct slice value) {
    rd_kafka_resp_err_t err;
    int32_t partition = l->key.at != NULL ? RD_KAFKA_PARTITION_UA : l->place.partition;
    do {
        err = rd_kafka_producev(r->rk, RD_KAFKA_V_TOPIC(r->d->r.settings.kafka_topic),
                                RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_KEY(l->key.at, l->key.length),
                                RD_KAFKA_V_VALUE((void *)(uintptr_t)value.at, value.length),
                                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
        rd_kafka_poll(r->rk, err == RD_KAFKA_RESP_ERR__QUEUE_FULL ? POLL_MS : 0);
    } while (err == RD_KAFKA_RESP_ERR__QUEUE_FULL);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR && r->failed++ == 0)
        fprintf(stderr, "dlq replay: %s\n", rd_kafka_err2str(err));
}

static void say(struct replay *r, const struct dlq_letter *l, const char *what) {
    char place[DLQ_PLACE_MAX];
    if (r->d->flags.dry_run || r->d->place_count > 0)
        fprintf(stderr, "%s (%.*s): %s\n", dlq_place_write(r->d, &l->place, place), (int)l->reason.length,
                l->reason.at, what);
}

static enum status take(void *context, const struct dlq_letter *l) {
    struct replay *r = context;
    enum reject why = REJECT_NONE;
    struct slice value = r->file != NULL ? (struct slice){r->file, r->file_length} : dlq_message(l, &r->room);
    char words[128];
    r->letters++;
    if (l->cut && (r->file == NULL || l->key.length >= 65536)) {
        r->cut++;
        say(r, l, "cut: its beginning alone is no event; --file sends the repaired bytes");
        return STATUS_OK;
    }
    if (would_be_refused(r, value, &why)) {
        r->refused++;
        snprintf(words, sizeof(words), "would be refused again: %s", reject_name(why));
        say(r, l, words);
        return STATUS_OK;
    }
    say(r, l, r->d->flags.dry_run ? "would be sent" : "sent");
    if (r->d->flags.dry_run)
        r->sent++;
    else
        produce(r, l, value);
    return r->failed == 0 ? STATUS_OK : STATUS_UNAVAILABLE;
}

static void print_result(const struct replay *r) {
    static const struct output_column columns[] = {{"letters", true},       {"sent", true},
                                                   {"refused_again", true}, {"truncated", true},
                                                   {"failed", true},        {"dry_run", false}};
    const int64_t numbers[] = {r->letters, r->sent, r->refused, r->cut, r->failed};
    enum { NUMBERS = sizeof(numbers) / sizeof(numbers[0]) };
    char texts[NUMBERS][24];
    struct output_cell cells[NUMBERS + 1];
    struct output output;
    for (size_t i = 0; i < NUMBERS; i++) {
        snprintf(texts[i], sizeof(texts[i]), "%" PRId64, numbers[i]);
        cells[i] = output_text(slice_of(texts[i]));
    }
    cells[NUMBERS] = output_text(slice_of(r->d->flags.dry_run ? "yes" : "no"));
    output_init(&output, r->d->r.format, columns, NUMBERS + 1);
    output_row(&output, cells);
    output_print(&output, stdout);
    output_fini(&output);
}

// Until Kafka has answered for each: message.timeout.ms bounds it.
static enum status finish(struct replay *r, enum status status) {
    while (r->rk != NULL && rd_kafka_outq_len(r->rk) > 0)
        rd_kafka_poll(r->rk, POLL_MS);
    if (status == STATUS_OK && r->failed > 0)
        status = STATUS_UNAVAILABLE;
    if (status == STATUS_OK || r->letters > 0)
        print_result(r);
    return status;
}

enum status dlq_replay(struct dlq *d) {
    struct replay r = {.d = d};
    struct problem p = {0};
    if (d->place_count == 0 && d->flags.reason[0] == '\0') {
        fprintf(stderr, "which letters? dlq replay --reason R, or dlq replay %s/PARTITION/OFFSET/INDEX\n",
                d->r.settings.kafka_topic);
        return STATUS_USAGE;
    }
    if (d->flags.file[0] != '\0' && (d->place_count != 1 || d->places[0].index == DLQ_ANY_INDEX)) {
        fprintf(stderr, "--file takes the place of one letter: name it with its index\n");
        return STATUS_USAGE;
    }
    enum status status = d->flags.file[0] != '\0' ? read_file(&r, &p) : STATUS_OK;
    if (status == STATUS_OK && !d->flags.dry_run)
        status = connect_producer(&r, &p);
    if (status != STATUS_OK)
        problem_print(&p);
    if (status == STATUS_OK)
        status = judge_init(&r.judge, &d->r.settings, false);
    if (status == STATUS_OK)
        status = finish(&r, dlq_walk(d, take, &r));
    judge_fini(&r.judge);
    if (r.rk != NULL)
        rd_kafka_destroy(r.rk);
    free(r.room);
    free(r.file);
    return status;
}
