// top content ACCOUNT [PLATFORM]: content by weighted interactions over the last hours. top platform: totals
// of the platforms.
#include <inttypes.h>
#include <stdlib.h>

#include "ingest/commands/commands.h"
#include "ingest/commands/reader.h"
#include "runtime/clock.h"
#include "runtime/memory.h"
#include "runtime/rules.h"
#include "schemas/registry.h"
#include "schemas/weighable.h"

static const char usage[] =
    "clameur-ingest top [content] ACCOUNT [PLATFORM] | top platform  [-n 10] [--hours 1] "
    "[--watch[=2s]] [-o FORMAT]";

enum { PLATFORM_NUMBERS = 256, NUMBER_TEXT_MAX = 24 };

// The arguments behind the ranking's name, which may be left out for content.
static int words_of(const struct reader *r, const char *const **words) {
    bool named = r->request.argument_count > 0 && strcmp(r->request.arguments[0], "content") == 0;
    *words = (const char *const *)r->request.arguments + (named ? 1 : 0);
    return r->request.argument_count - (named ? 1 : 0);
}

// --- Content

struct ranked {
    const char *platform;
    struct slice content; // borrowed from its reply
    struct slice score;
    double order;
};

struct ranking {
    struct ranked *rows;
    size_t count;
    redisReply *replies[PLATFORM_NUMBERS];
    size_t reply_count;
};

static void ranking_fini(struct ranking *k) {
    for (size_t i = 0; i < k->reply_count; i++)
        freeReplyObject(k->replies[i]);
    free(k->rows);
}

static void ranking_take(struct ranking *k, const char *platform, redisReply *reply) {
    k->replies[k->reply_count++] = reply;
    k->rows = memory_grow(k->rows, k->count + reply->elements / 2 + 1, sizeof(*k->rows));
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        struct slice score = redis_ask_text(reply->element[i + 1]);
        k->rows[k->count++] =
            (struct ranked){platform, redis_ask_text(reply->element[i]), score, strtod(score.at, NULL)};
    }
}

// The best first; equal ones by platform and content, so that the order is always the same.
static int ranked_compare(const void *left, const void *right) {
    const struct ranked *a = left, *b = right;
    if (a->order != b->order)
        return a->order < b->order ? 1 : -1;
    int by_platform = strcmp(a->platform, b->platform);
    if (by_platform != 0)
        return by_platform;
    size_t length = a->content.length < b->content.length ? a->content.length : b->content.length;
    int by_content = memcmp(a->content.at, b->content.at, length);
    return by_content != 0
               ? by_content
               : (a->content.length > b->content.length) - (a->content.length < b->content.length);
}

static enum status ranking_ask(struct reader *r, struct ranking *k, const char *account,
                               const char *platform) {
    char now[NUMBER_TEXT_MAX], number[NUMBER_TEXT_MAX], hours[NUMBER_TEXT_MAX];
    snprintf(now, sizeof(now), "%" PRId64, clock_wall_ms() / 1000);
    snprintf(number, sizeof(number), "%" PRId64, r->flags.number);
    snprintf(hours, sizeof(hours), "%" PRId64, r->flags.hours);
    struct slice words[] = {slice_of(account), slice_of(platform), slice_of(now), slice_of(number),
                            slice_of(hours)};
    redisReply *reply;
    enum status status = reader_call(r, &reply, "clameur_top", words, 5);
    if (status == STATUS_OK)
        ranking_take(k, platform, reply);
    return status;
}

static enum status ranking_ask_all(struct reader *r, struct ranking *k, const char *account) {
    enum status status = STATUS_OK;
    for (uint32_t number = 1; number < PLATFORM_NUMBERS && status == STATUS_OK; number++) {
        if (platform_name(number) != NULL)
            status = ranking_ask(r, k, account, platform_name(number));
    }
    return status;
}

static void ranking_print(const struct reader *r, const struct ranking *k, const char *account) {
    static const struct output_column columns[] = {{"rank", true},
                                                   {"account", false},
                                                   {"platform", false},
                                                   {"content", false},
                                                   {"weighted_interactions", true}};
    struct output o;
    output_init(&o, r->format, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < k->count && i < (size_t)r->flags.number; i++) {
        char rank[NUMBER_TEXT_MAX];
        snprintf(rank, sizeof(rank), "%zu", i + 1);
        output_row(&o,
                   (struct output_cell[]){output_text(slice_of(rank)), output_text(slice_of(account)),
                                          output_text(slice_of(k->rows[i].platform)),
                                          output_text(k->rows[i].content), output_text(k->rows[i].score)});
    }
    output_print(&o, stdout);
    output_fini(&o);
}

static enum status content_once(struct reader *r) {
    const char *const *words;
    bool one_platform = words_of(r, &words) == 2;
    struct ranking k = {0};
    enum status status =
        one_platform ? ranking_ask(r, &k, words[0], words[1]) : ranking_ask_all(r, &k, words[0]);
    if (status == STATUS_OK) {
        if (k.count > 1)
            qsort(k.rows, k.count, sizeof(*k.rows), ranked_compare);
        ranking_print(r, &k, words[0]);
    }
    ranking_fini(&k);
    return status;
}

// --- Platforms

struct platform_total {
    struct slice name;
    int64_t interactions; // weighted as the rules have it now
    int64_t views, orders;
};

static int64_t integer_of(const redisReply *reply) {
    return reply->type == REDIS_REPLY_STRING ? strtoll(reply->str, NULL, 10) : 0;
}

static void total_add(struct platform_total *t, const struct rules *rules, struct slice field,
                      int64_t value) {
    if (slice_equal(field, slice_of("views")))
        t->views = value;
    if (slice_equal(field, slice_of("orders")))
        t->orders = value;
    for (uint32_t kind = 1; kind < RULES_WEIGHTS_MAX; kind++) {
        const struct kind_row *row = kind_find(kind);
        if (row == NULL || row->counter == COUNTER_NONE || rules->weights[kind] == 0 ||
            !slice_equal(field, slice_of(counter_row(row->counter)->name)))
            continue;
        int64_t weighted;
        if (!__builtin_mul_overflow(value, rules->weights[kind], &weighted) &&
            !__builtin_add_overflow(t->interactions, weighted, &weighted))
            t->interactions = weighted;
    }
}

static int total_compare(const void *left, const void *right) {
    const struct platform_total *a = left, *b = right;
    if (a->interactions != b->interactions)
        return a->interactions < b->interactions ? 1 : -1;
    return (a->name.at > b->name.at) - (a->name.at < b->name.at);
}

static void totals_print(const struct reader *r, const struct platform_total *totals, size_t count) {
    static const struct output_column columns[] = {{"rank", true},
                                                   {"platform", false},
                                                   {"weighted_interactions", true},
                                                   {"views", true},
                                                   {"orders", true}};
    struct output o;
    output_init(&o, r->format, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < count && i < (size_t)r->flags.number; i++) {
        char text[4][NUMBER_TEXT_MAX];
        const int64_t numbers[] = {(int64_t)i + 1, totals[i].interactions, totals[i].views, totals[i].orders};
        for (size_t n = 0; n < 4; n++)
            snprintf(text[n], sizeof(text[n]), "%" PRId64, numbers[n]);
        output_row(&o, (struct output_cell[]){output_text(slice_of(text[0])), output_text(totals[i].name),
                                              output_text(slice_of(text[1])), output_text(slice_of(text[2])),
                                              output_text(slice_of(text[3]))});
    }
    output_print(&o, stdout);
    output_fini(&o);
}

static void totals_show(const struct reader *r, const redisReply *reply, const struct rules *rules) {
    size_t count = reply->elements / 2;
    struct platform_total *totals = memory_take((count + 1) * sizeof(*totals));
    for (size_t i = 0; i < count; i++) {
        totals[i].name = redis_ask_text(reply->element[2 * i]);
        const redisReply *flat = reply->element[2 * i + 1];
        for (size_t f = 0; f + 1 < flat->elements; f += 2)
            total_add(&totals[i], rules, redis_ask_text(flat->element[f]), integer_of(flat->element[f + 1]));
    }
    qsort(totals, count, sizeof(*totals), total_compare);
    totals_print(r, totals, count);
    free(totals);
}

static enum status platform_once(struct reader *r) {
    struct rules_book book = {0};
    struct rules_kinds kinds;
    schemas_rules_kinds(&kinds);
    enum status status = rules_load(&book, r->settings.rules_file, &kinds);
    if (status != STATUS_OK)
        return status;
    redisReply *reply;
    status = reader_call(r, &reply, "clameur_platforms", NULL, 0);
    if (status == STATUS_OK) {
        totals_show(r, reply, rules_at(&book, clock_wall_ms()));
        freeReplyObject(reply);
    }
    rules_fini(&book);
    return status;
}

static enum status top_show(struct reader *r) {
    if (r->request.argument_count == 1 && strcmp(r->request.arguments[0], "platform") == 0)
        return reader_repeat(r, platform_once);
    const char *const *words;
    int count = words_of(r, &words);
    if (count < 1 || count > 2 || words[0][0] == '\0')
        return reader_usage(usage);
    if (count == 2 && reader_check_platform(words[1]) != STATUS_OK)
        return STATUS_USAGE;
    return reader_repeat(r, content_once);
}

int command_top(int argc, char **argv) {
    struct reader r;
    enum status status =
        reader_open(&r, argc, argv, usage, (const char *const[]){"watch", "number", "hours", NULL});
    if (status == STATUS_OK && !r.request.help)
        status = top_show(&r);
    reader_close(&r);
    return (int)status;
}
