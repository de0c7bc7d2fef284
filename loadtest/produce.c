#include "loadtest/produce.h"

#include <inttypes.h>
#include <stdio.h>

#include "loadtest/drive.h"
#include "loadtest/generate/batch.h"
#include "runtime/clock.h"
#include "stream/murmur2.h"

struct flags {
#define FIELD_INT                                        int64_t
#define FIELD_STRING                                     const char *
#define FIELD_CHOICE                                     const char *
#define FIELD_BOOL                                       bool
#define FLAG(field, name, type, fallback, min, max, doc) FIELD_##type field;
#include "loadtest/produce.def"
#undef FLAG
};

static const struct option_row rows[] = {
#define FLAG(field, name, type, fallback, min, max, doc)                                                     \
    {name, OPTION_##type, offsetof(struct flags, field), fallback, 0, min, max, doc},
#include "loadtest/produce.def"
#undef FLAG
};

static const struct command command = {
    .usage = "produce [flags]",
    .doc = "Writes generated events into kafka.topic. A summary follows on standard output.",
    .rows = rows,
    .row_count = sizeof(rows) / sizeof(rows[0]),
    .connects = true,
};

// The generated stream as a feed.
struct stream {
    const struct generate_options *options;
    const struct flags *flags;
    int32_t partitions;
    struct generator *generator;
    struct batcher *batcher; // NULL: single events
    uint64_t next;
};

static enum status read_shares(const struct flags *f, struct generate_options *o) {
    struct {
        const char *flag, *text;
        double most, *value;
    } reals[] = {
        {"zipf", f->zipf, ZIPF_EXPONENT_MAX, &o->zipf},
        {"duplicates", f->duplicates, 1, &o->duplicates},
        {"late", f->late, 1, &o->late},
        {"malformed", f->malformed, 1, &o->malformed},
        {"future", f->future, 1, &o->future},
    };
    for (size_t i = 0; i < sizeof(reals) / sizeof(reals[0]); i++) {
        enum status status =
            deployment_parse_real(reals[i].flag, reals[i].text, reals[i].most, reals[i].value);
        if (status != STATUS_OK)
            return status;
    }
    if (o->duplicates + o->late + o->malformed + o->future <= 1)
        return STATUS_OK;
    fprintf(stderr, "--duplicates, --late, --malformed and --future are more than 1 together\n");
    return STATUS_USAGE;
}

static enum status read_options(const struct flags *f, struct generate_options *o) {
    *o = (struct generate_options){
        .seed = (uint64_t)f->seed,
        .mix = mix_find(f->mix),
        .accounts = (uint64_t)f->accounts,
        .contents = (uint64_t)f->contents,
        .actors = (uint64_t)f->actors,
        .start_ms = f->start_time > 0 ? f->start_time : clock_wall_ms(),
        .rate = f->rate > 0 ? f->rate : GENERATE_PACE,
        .bursts = f->bursts,
    };
    return read_shares(f, o);
}

// --- The feed

// --events bounds the stream, and so does --seconds by the stream's own clock where there is a rate.
static bool is_over(const struct stream *s) {
    const struct flags *f = s->flags;
    if (f->events > 0 && s->next >= (uint64_t)f->events)
        return true;
    return f->rate > 0 && f->seconds > 0 && s->next >= (uint64_t)f->rate * (uint64_t)f->seconds;
}

static void give_single(const struct generated *event, int32_t partition, struct message *out) {
    *out = (struct message){
        .key = event->key,
        .value = event->value,
        .time_ms = event->sent_ms,
        .partition = partition,
        .events = 1,
    };
    out->fates[event->fate] = 1;
}

static enum status next_message(void *context, struct message *out, struct problem *problem) {
    struct stream *s = context;
    bool given = false;
    while (!given && !is_over(s)) {
        struct generated event;
        generator_make(s->generator, s->next++, &event);
        int32_t partition = murmur2_partition(event.key, s->partitions);
        given = s->batcher == NULL || event.stands_alone;
        if (given)
            give_single(&event, partition, out);
        else
            given = batcher_add(s->batcher, &event, partition, out);
    }
    if (!given && (s->batcher == NULL || !batcher_drain(s->batcher, out)))
        return STATUS_NO;
    out->due_ms = s->flags->rate > 0 ? out->time_ms - s->options->start_ms : 0;
    return STATUS_OK;
}

static enum status make_feed(void *context, struct feed *feed, struct problem *problem) {
    struct stream *s = context;
    s->next = 0;
    s->generator = generator_create(s->options);
    s->batcher = s->flags->batch > 0 ? batcher_create(s->partitions, (uint32_t)s->flags->batch) : NULL;
    *feed = (struct feed){next_message, s};
    return STATUS_OK;
}

static void drop_feed(void *context, struct feed *feed) {
    struct stream *s = context;
    generator_destroy(&s->generator);
    batcher_destroy(&s->batcher);
}

// --- The command

static enum status produce(const struct deployment *deployment, const void *given, struct problem *problem) {
    const struct flags *flags = given;
    struct generate_options options;
    enum status status = read_options(flags, &options);
    if (status != STATUS_OK)
        return status; // said already
    struct sender *sender;
    status = sender_create(&sender, deployment, !flags->partitions_check, problem);
    if (status != STATUS_OK)
        return status;
    struct stream stream = {.options = &options, .flags = flags, .partitions = sender_partitions(sender)};
    struct drive_source source = {make_feed, drop_feed, &stream};
    bool timed = flags->rate > 0 && flags->seconds > 0; // by the stream's own clock
    struct drive_options drive = {
        .seconds = timed ? 0 : flags->seconds,
        .bounded = timed || flags->events > 0,
    };
    status = drive_run(sender, &source, &drive, problem);
    sender_destroy(&sender);
    return status;
}

int produce_main(int argc, char **argv) {
    struct flags flags = {0};
    return deployment_main(&command, argc, argv, &flags, 0, produce);
}
