// counters ACCOUNT [PLATFORM [CONTENT]]: what is counted now, or minute by minute.
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "ingest/commands/commands.h"
#include "ingest/commands/reader.h"
#include "runtime/clock.h"
#include "schemas/money.h"

static const char usage[] =
    "clameur-ingest counters ACCOUNT [PLATFORM [CONTENT]] [--series 60m] [--watch[=2s]] [-o FORMAT]";

enum { MONEY_SHOWN_MAX = MONEY_TEXT_MAX + 8, MINUTE_S = 60 };

static struct slice argument(const struct reader *r, int index) {
    if (index >= r->request.argument_count)
        return (struct slice){NULL, 0};
    return slice_of(r->request.arguments[index]);
}

static bool ends_with(struct slice text, const char *end) {
    size_t length = strlen(end);
    return text.length >= length && memcmp(text.at + text.length - length, end, length) == 0;
}

// The value of the field `base``suffix` of a flat reply; .at NULL where there is none.
static struct slice field_find(const redisReply *flat, struct slice base, const char *suffix) {
    for (size_t i = 0; i + 1 < flat->elements; i += 2) {
        struct slice name = redis_ask_text(flat->element[i]);
        if (name.length == base.length + strlen(suffix) && memcmp(name.at, base.at, base.length) == 0 &&
            ends_with(name, suffix))
            return redis_ask_text(flat->element[i + 1]);
    }
    return (struct slice){NULL, 0};
}

static int64_t integer_of(struct slice text) {
    char copy[24] = {0};
    memcpy(copy, text.at, text.length < sizeof(copy) ? text.length : sizeof(copy) - 1);
    return strtoll(copy, NULL, 10);
}

// An amount in micros as people read it, into `out`; .at NULL for other counters.
static struct slice money_shown(char out[MONEY_SHOWN_MAX], struct slice counter, struct slice value) {
    const char *colon = memrchr(counter.at, ':', counter.length);
    if (colon == NULL || !ends_with((struct slice){counter.at, (size_t)(colon - counter.at)}, "_micros"))
        return (struct slice){NULL, 0};
    struct slice currency = {colon + 1, counter.length - (size_t)(colon + 1 - counter.at)};
    char amount[MONEY_TEXT_MAX];
    money_write(amount, integer_of(value), currency);
    int length = snprintf(out, MONEY_SHOWN_MAX, "%s %.*s", amount,
                          (int)(currency.length < 4 ? currency.length : 4), currency.at);
    return (struct slice){out, (size_t)length};
}

// One counter: what the platform last reported where there is such a reading, else what was counted.
static void counter_row_add(struct output *o, const struct reader *r, const redisReply *flat, size_t at) {
    struct slice name = redis_ask_text(flat->element[at]), value = redis_ask_text(flat->element[at + 1]);
    bool reading = ends_with(name, ".read");
    if (ends_with(name, ".read_at") || ends_with(name, ".read_id") ||
        (!reading && field_find(flat, name, ".read").at != NULL))
        return;
    if (reading)
        name.length -= strlen(".read");
    struct slice read_at = reading ? field_find(flat, name, ".read_at") : (struct slice){NULL, 0};
    char money[MONEY_SHOWN_MAX], read_time[OUTPUT_TIME_MAX];
    struct slice read_shown = {NULL, 0};
    if (read_at.at != NULL) {
        read_shown = output_time(read_time, integer_of(read_at) / 1000);
    }
    output_row(o, (struct output_cell[]){output_text(argument(r, 0)),
                                         output_text(argument(r, 1)),
                                         output_text(argument(r, 2)),
                                         output_text(name),
                                         {value, money_shown(money, name, value)},
                                         output_text(slice_of(reading ? "reading" : "counted")),
                                         {read_at, read_shown}});
}

static enum status counters_once(struct reader *r) {
    static const struct output_column columns[] = {
        {"account", false}, {"platform", false}, {"content", false}, {"counter", false},
        {"value", true},    {"source", false},   {"read_at", true}};
    struct slice words[3] = {argument(r, 0), argument(r, 1), argument(r, 2)};
    redisReply *reply;
    enum status status =
        reader_call(r, &reply, r->request.argument_count == 3 ? "clameur_content" : "clameur_account",
                    words[0], words, r->request.argument_count);
    if (status != STATUS_OK)
        return status;
    struct output o;
    output_init(&o, r->format, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i + 1 < reply->elements; i += 2)
        counter_row_add(&o, r, reply, i);
    output_print(&o, stdout);
    if (!o.rowed)
        fprintf(stderr, "nothing is counted under these names\n");
    output_fini(&o);
    freeReplyObject(reply);
    return STATUS_OK;
}

static void series_row_add(struct output *o, const struct reader *r, redisReply *const *triple) {
    struct slice at = redis_ask_text(triple[0]), counter = redis_ask_text(triple[1]),
                 value = redis_ask_text(triple[2]);
    char minute[OUTPUT_TIME_MAX], money[MONEY_SHOWN_MAX];
    output_time(minute, integer_of(at));
    output_row(o, (struct output_cell[]){output_text(argument(r, 0)),
                                         output_text(argument(r, 1)),
                                         output_text(slice_of(minute)),
                                         output_text(counter),
                                         {value, money_shown(money, counter, value)}});
}

// The last minutes, the present one included.
static enum status series_once(struct reader *r) {
    static const struct output_column columns[] = {
        {"account", false}, {"platform", false}, {"minute", false}, {"counter", false}, {"value", true}};
    char since[24], until[24];
    int64_t now_s = clock_wall_ms() / 1000, end_s = now_s - now_s % MINUTE_S + MINUTE_S;
    int64_t minutes = (r->flags.series_ms / 1000 + MINUTE_S - 1) / MINUTE_S;
    snprintf(since, sizeof(since), "%" PRId64, end_s - minutes * MINUTE_S);
    snprintf(until, sizeof(until), "%" PRId64, end_s);
    struct slice words[] = {argument(r, 0), argument(r, 1), slice_of(since), slice_of(until)};
    redisReply *reply;
    enum status status = reader_call(r, &reply, "clameur_series", words[0], words, 4);
    if (status != STATUS_OK)
        return status;
    struct output o;
    output_init(&o, r->format, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i + 2 < reply->elements; i += 3)
        series_row_add(&o, r, &reply->element[i]);
    output_print(&o, stdout);
    output_fini(&o);
    freeReplyObject(reply);
    return STATUS_OK;
}

static enum status counters_show(struct reader *r) {
    int count = r->request.argument_count;
    bool series = r->flags.series_ms > 0;
    if (count < 1 || count > 3 || (series && count != 2) || argument(r, 0).length == 0)
        return reader_usage(series ? "clameur-ingest counters ACCOUNT PLATFORM --series 60m" : usage);
    if (count > 1 && reader_check_platform(r->request.arguments[1]) != STATUS_OK)
        return STATUS_USAGE;
    return reader_repeat(r, series ? series_once : counters_once);
}

int command_counters(int argc, char **argv) {
    struct reader r;
    enum status status = reader_open(&r, argc, argv, usage, (const char *const[]){"series", "watch", NULL});
    if (status == STATUS_OK && !r.request.help)
        status = counters_show(&r);
    reader_close(&r);
    return (int)status;
}
