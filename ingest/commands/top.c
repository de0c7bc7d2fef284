// top content ACCOUNT [PLATFORM]: content by weighted interactions over the last hours. top platform: totals
// of the platforms.
#include <inttypes.h>
#include <stdlib.h>

#include "ingest/commands/commands.h"
#include "ingest/commands/reader.h"
#include "ingest/commands/totals.h"
#include "runtime/clock.h"
#include "runtime/memory.h"
#include "schemas/registry.h"

static const char usage[] = "clameur-ingest top [content] ACCOUNT [PLATFORM] | top campaign ACCOUNT | top "
                            "platform  [-n 10] [--hours 1] "
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
    enum status status = reader_call(r, &reply, "clameur_top", words[0], words, 5);
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

struct share {
    struct totals *totals;
    struct slice platform;
};

static void share_take(void *context, uint32_t shard, const redisReply *flat) {
    const struct share *share = context;
    (void)shard;
    totals_add(share->totals, share->platform, flat);
}

// Of a cluster, where no node has all shards.
static enum status platforms_gather(struct reader *r, struct totals *t) {
    enum status status = reader_shards(r);
    for (uint32_t number = 1; number < PLATFORM_NUMBERS && status == STATUS_OK; number++) {
        if (platform_name(number) == NULL)
            continue;
        struct share share = {t, slice_of(platform_name(number))};
        status = reader_hashes(r, KEY_PLATFORM, &(struct key_parts){.platform = number}, share_take, &share);
    }
    return status;
}

static enum status platforms_ask(struct reader *r, struct totals *t) {
    redisReply *reply;
    enum status status = reader_call(r, &reply, "clameur_platforms", (struct slice){NULL, 0}, NULL, 0);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i + 1 < reply->elements; i += 2)
        totals_take(t, redis_ask_text(reply->element[i]), reply->element[i + 1]);
    freeReplyObject(reply);
    return STATUS_OK;
}

static enum status platform_once(struct reader *r) {
    struct totals t;
    enum status status = totals_init(&t, &r->settings);
    if (status == STATUS_OK)
        status = redis_client_routes(r->redis) ? platforms_gather(r, &t) : platforms_ask(r, &t);
    if (status == STATUS_OK)
        totals_print(&t, r, &(struct output_column){"platform", false});
    totals_fini(&t);
    return status;
}

// --- Campaigns: nothing lists them, so the keyspace is walked, in steps that Redis hardly feels

struct campaigns {
    struct totals totals;
    char pattern[2 * KEY_MAX]; // for MATCH
    size_t stem;               // length of a key's name before the campaign
    int slot;                  // of them all
    char cursor[REDIS_ASK_CURSOR];
};

static enum status asked(enum status status, const struct problem *p) {
    if (status != STATUS_OK)
        problem_print(p);
    return status;
}

// The pattern is the name of a campaign's key, with `*` for the campaign and whatever else means something to
// MATCH escaped.
static enum status pattern_make(struct reader *r, struct campaigns *c, const char *account) {
    struct slice words[] = {slice_of("campaign"), slice_of(account), slice_of("-")};
    redisReply *reply;
    struct problem p;
    enum status status = reader_call(r, &reply, "clameur_key", (struct slice){NULL, 0}, words, 3);
    if (status != STATUS_OK)
        return status;
    if (!redis_ask_is_list(reply, 1) || redis_ask_text(reply->element[0]).length == 0)
        return asked(redis_ask_refuse(&reply, "clameur_key", &p), &p);
    struct slice name = redis_ask_text(reply->element[0]);
    char *to = c->pattern;
    c->stem = name.length - 1;
    c->slot = key_slot(name);
    for (size_t i = 0; i < c->stem && i < KEY_MAX - 1; i++) {
        if (memchr("*?[]\\", name.at[i], 5) != NULL)
            *to++ = '\\';
        *to++ = name.at[i];
    }
    memcpy(to, "*", 2);
    freeReplyObject(reply);
    return STATUS_OK;
}

static int hex_value(char digit) {
    const char *digits = "0123456789ABCDEF", *found = memchr(digits, digit, 16);
    return found != NULL ? (int)(found - digits) : 0;
}

// What keys.h percent-encodes.
static size_t key_decode(char *out, struct slice encoded) {
    size_t length = 0;
    for (size_t i = 0; i < encoded.length; i++) {
        bool escaped = encoded.at[i] == '%' && i + 2 < encoded.length;
        int byte = escaped ? hex_value(encoded.at[i + 1]) * 16 + hex_value(encoded.at[i + 2]) : encoded.at[i];
        out[length++] = (char)byte;
        i += escaped ? 2 : 0;
    }
    return length;
}

static enum status campaign_take(struct reader *r, struct campaigns *c, struct slice key) {
    struct slice words[] = {slice_of("HGETALL"), key};
    struct problem p;
    redisReply *reply;
    if (key.length <= c->stem)
        return STATUS_OK; // not of the pattern
    if (asked(redis_ask_slot(r->redis, key_slot(key), &reply, words, 2, &p), &p) != STATUS_OK)
        return p.status;
    char *name = memory_take(key.length);
    size_t length = key_decode(name, (struct slice){key.at + c->stem, key.length - c->stem});
    totals_take(&c->totals, (struct slice){name, length}, reply);
    free(name);
    freeReplyObject(reply);
    return STATUS_OK;
}

// One step of the walk; the cursor is "0" again after the last.
static enum status campaigns_scan(struct reader *r, struct campaigns *c) {
    struct problem p;
    redisContext *redis;
    redisReply *reply;
    enum status status = redis_client_master(r->redis, c->slot, &redis, &p);
    if (status == STATUS_OK)
        status =
            redis_ask_words(redis, &reply, &p, "SCAN", c->cursor, "MATCH", c->pattern, "COUNT", "1000", NULL);
    if (status == STATUS_OK && !redis_ask_cursor(c->cursor, reply))
        status = redis_ask_refuse(&reply, "SCAN", &p);
    if (asked(status, &p) != STATUS_OK)
        return status;
    const redisReply *keys = reply->element[1];
    for (size_t i = 0; i < keys->elements && status == STATUS_OK; i++)
        status = campaign_take(r, c, redis_ask_text(keys->element[i]));
    freeReplyObject(reply);
    return status;
}

static enum status campaign_once(struct reader *r) {
    struct campaigns *c = memory_take(sizeof(*c));
    enum status status = totals_init(&c->totals, &r->settings);
    if (status == STATUS_OK)
        status = pattern_make(r, c, r->request.arguments[1]);
    strcpy(c->cursor, "0");
    do {
        status = status == STATUS_OK ? campaigns_scan(r, c) : status;
    } while (status == STATUS_OK && strcmp(c->cursor, "0") != 0);
    if (status == STATUS_OK)
        totals_print(&c->totals, r, &(struct output_column){"campaign", false});
    totals_fini(&c->totals);
    free(c);
    return status;
}

static enum status top_show(struct reader *r) {
    const char *first = r->request.argument_count > 0 ? r->request.arguments[0] : "";
    if (r->request.argument_count == 1 && strcmp(first, "platform") == 0)
        return reader_repeat(r, platform_once);
    if (r->request.argument_count == 2 && strcmp(first, "campaign") == 0 &&
        r->request.arguments[1][0] != '\0')
        return reader_repeat(r, campaign_once);
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
