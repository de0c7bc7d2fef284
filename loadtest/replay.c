#include "loadtest/replay.h"

#include <stdio.h>
#include <stdlib.h>

#include "loadtest/drive.h"
#include "loadtest/recordings/recording.h"
#include "runtime/check.h"
#include "runtime/memory.h"
#include "stream/murmur2.h"

struct flags {
#define FIELD_INT                                               int64_t
#define FIELD_STRING                                            const char *
#define FIELD_CHOICE                                            const char *
#define FLAG(field, name, type, fallback, needs, min, max, doc) FIELD_##type field;
#include "loadtest/replay.def"
#undef FLAG
};

static const struct option_row rows[] = {
#define FLAG(field, name, type, fallback, needs, min, max, doc)                                              \
    {name, OPTION_##type, offsetof(struct flags, field), fallback, needs, min, max, doc},
#include "loadtest/replay.def"
#undef FLAG
};

static const struct command command = {
    .usage = "replay --format FORMAT PATH [flags]",
    .doc =
        "Writes the events of a recording (plain text, gzip or zstd) into kafka.topic. A summary follows on "
        "standard output.",
    .rows = rows,
    .row_count = sizeof(rows) / sizeof(rows[0]),
    .connects = true,
};

// --- The feed

struct replay {
    const struct replay_options *options;
    const struct recording_format *format;
    void *recording;
    uint64_t given;
    int64_t first_ms; // when the first event given occurred
    struct draft draft;
    char key[DRAFT_KEY_MAX];
    uint8_t packed[DRAFT_PACKED_MAX];
};

enum status replay_open(struct replay **replay, const struct replay_options *options,
                        struct problem *problem) {
    const struct recording_format *format = recording_find(options->format);
    CHECK(format != NULL);
    void *recording;
    enum status status = format->open(options->path, &recording, problem);
    if (status != STATUS_OK)
        return status;
    struct replay *r = memory_take(sizeof(*r));
    r->options = options;
    r->format = format;
    r->recording = recording;
    *replay = r;
    return STATUS_OK;
}

void replay_close(struct replay **replay) {
    if (*replay == NULL)
        return;
    (*replay)->format->close((*replay)->recording);
    free(*replay);
    *replay = NULL;
}

static enum status read_wanted(struct replay *r, struct problem *problem) {
    const struct replay_options *o = r->options;
    for (;;) {
        draft_reset(&r->draft);
        enum status status = r->format->read(r->recording, &r->draft, problem);
        int64_t occurred_at_ms = r->draft.event.occurred_at;
        if (status != STATUS_OK || (occurred_at_ms >= o->from_s * 1000 && occurred_at_ms < o->until_s * 1000))
            return status;
    }
}

static int64_t due_ms(const struct replay *r) {
    const struct replay_options *o = r->options;
    if (o->rate > 0)
        return (int64_t)(r->given * 1000 / (uint64_t)o->rate);
    if (o->speed > 0)
        return (int64_t)((double)(r->draft.event.occurred_at - r->first_ms) / o->speed);
    return 0;
}

enum status replay_next(void *replay, struct message *out, struct problem *problem) {
    struct replay *r = replay;
    const struct replay_options *o = r->options;
    if (o->limit > 0 && r->given >= o->limit)
        return STATUS_NO;
    enum status status = read_wanted(r, problem);
    if (status != STATUS_OK)
        return status;
    Clameur__V1__Event *e = &r->draft.event;
    e->account_id = draft_literal(o->account[0] != '\0' ? o->account : r->format->account);
    if (r->given == 0)
        r->first_ms = e->occurred_at;
    struct slice key = {r->key, draft_key(&r->draft, r->key)};
    *out = (struct message){
        .key = key,
        .value = {(const char *)r->packed, draft_pack(&r->draft, r->packed)},
        .time_ms = o->stamp_now ? 0 : e->occurred_at,
        .due_ms = due_ms(r),
        .partition = murmur2_partition(key, o->partitions),
        .events = 1,
    };
    out->fates[FATE_PLAIN] = 1;
    r->given++;
    return STATUS_OK;
}

static enum status make_feed(void *context, struct feed *feed, struct problem *problem) {
    struct replay *r;
    enum status status = replay_open(&r, context, problem);
    if (status == STATUS_OK)
        *feed = (struct feed){replay_next, r};
    return status;
}

static void drop_feed(void *context, struct feed *feed) {
    struct replay *r = feed->context;
    replay_close(&r);
}

// --- The command

static enum status read_options(const struct deployment *deployment, const struct flags *f,
                                struct replay_options *o) {
    *o = (struct replay_options){
        .path = deployment->request.arguments[0],
        .format = f->format,
        .account = f->account,
        .from_s = f->from,
        .until_s = f->until,
        .limit = (uint64_t)f->limit,
        .rate = f->rate,
        .stamp_now = strcmp(f->timestamps, "now") == 0,
    };
    enum status status = deployment_parse_real("speed", f->speed, 1e9, &o->speed);
    if (status != STATUS_OK || o->rate == 0 || o->speed == 0) // 0 is exact: no speed was given
        return status;
    fprintf(stderr, "--rate and --speed exclude each other\n");
    return STATUS_USAGE;
}

static enum status play(const struct deployment *deployment, const void *flags, struct problem *problem) {
    struct replay_options options;
    enum status status = read_options(deployment, flags, &options);
    if (status != STATUS_OK)
        return status; // said already
    struct replay *probe;
    status = replay_open(&probe, &options, problem); // a wrong path is said before Kafka is asked
    if (status != STATUS_OK)
        return status;
    replay_close(&probe);
    struct sender *sender;
    status = sender_create(&sender, deployment, true, problem);
    if (status != STATUS_OK)
        return status;
    options.partitions = sender_partitions(sender);
    struct drive_source source = {make_feed, drop_feed, &options};
    status = drive_run(sender, &source, &(struct drive_options){.bounded = true}, problem);
    sender_destroy(&sender);
    return status;
}

int replay_main(int argc, char **argv) {
    struct flags flags = {0};
    return deployment_main(&command, argc, argv, &flags, 1, play);
}
