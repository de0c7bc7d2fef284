#include "loadtest/recount/recount_compare.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "loadtest/recount/reading/recount_rules.h"
#include "loadtest/recount/recount_faults.h"
#include "loadtest/recount/recount_reach.h"
#include "runtime/check.h"
#include "runtime/memory.h"

enum {
    CHUNK = 500,
    EXPIRY_MARGIN_S = 10, // keys that end within are left alone: they may go while we look
    NUMBER_TEXT = 48,
};

#define DOUBLE_WHOLE ((__int128)1 << 53) // scores are doubles: whole numbers up to here

// One shard under comparison.
struct shard_compare {
    const struct recount_compare *c;
    uint32_t shard;
    int64_t now_s;
    int64_t trim_before_ms; // orders that occurred before may have been trimmed
    struct recount_faults faults;
};

static struct slice text_of(const redisReply *reply) {
    if (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS ||
        reply->type == REDIS_REPLY_ERROR)
        return (struct slice){reply->str, (size_t)reply->len};
    return slice_of("");
}

static struct slice number_write(char out[NUMBER_TEXT], __int128 value) {
    unsigned __int128 rest = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
    char *at = out + NUMBER_TEXT;
    do {
        *--at = (char)('0' + (int)(rest % 10));
        rest /= 10;
    } while (rest != 0);
    if (value < 0)
        *--at = '-';
    return (struct slice){at, (size_t)(out + NUMBER_TEXT - at)};
}

// A counter's text: digits, perhaps a sign. False where it is none.
static bool number_read(struct slice text, __int128 *value) {
    size_t at = text.length > 0 && text.at[0] == '-';
    *value = 0;
    for (size_t i = at; i < text.length; i++) {
        if (text.at[i] < '0' || text.at[i] > '9' || i > 30)
            return false;
        *value = *value * 10 + (text.at[i] - '0');
    }
    *value = at == 1 ? -*value : *value;
    return text.length > at;
}

static struct slice key_name(const struct recount_compare *c, uint32_t key) {
    return c->model->key_names.at[key];
}

static struct slice field_name(const struct recount_compare *c, uint32_t field) {
    return c->model->field_names.at[field];
}

static const struct slice absent = {"absent", 6};

static void differs(const struct recount_compare *c, uint32_t key, struct slice field, struct slice redis,
                    struct slice recount) {
    recount_report_difference(c->report, key_name(c, key), field, redis, recount);
}

static void differs_from_number(const struct recount_compare *c, uint32_t key, struct slice field,
                                struct slice redis, __int128 recount) {
    char room[NUMBER_TEXT];
    differs(c, key, field, redis, number_write(room, recount));
}

// What the counters of a key come to that Redis did not name: all of it must be 0, or in the faults.
static void compare_unmet(const struct shard_compare *s, uint32_t key) {
    const struct recount_compare *c = s->c;
    for (uint32_t i = c->model->keys[key].first_counter; i != TABLE_NONE; i = c->model->counters[i].next) {
        struct model_counter *counter = &c->model->counters[i];
        struct slice field = field_name(c, counter->field);
        if (!counter->met && counter->value != recount_faults_of(&s->faults, key_name(c, key), field))
            differs_from_number(c, key, field, absent, counter->value);
        c->report->counters += !counter->met;
        counter->met = false;
    }
    for (uint32_t i = c->model->keys[key].first_reading; i != TABLE_NONE; i = c->model->readings[i].next) {
        struct model_reading *reading = &c->model->readings[i];
        if (!reading->met_at || !reading->met_id)
            differs(c, key, field_name(c, reading->figure), slice_of("no read_at or read_id"),
                    slice_of("a reading"));
        reading->met_at = reading->met_id = false;
    }
}

static bool ends_with(struct slice text, const char *end, struct slice *front) {
    size_t length = strlen(end);
    *front = (struct slice){text.at, text.length - length};
    return text.length > length && memcmp(text.at + front->length, end, length) == 0;
}

static struct model_reading *reading_named(const struct recount_compare *c, uint32_t key,
                                           struct slice figure) {
    uint32_t number = names_find(&c->model->field_names, figure);
    uint32_t reading = number == TABLE_NONE ? TABLE_NONE : pairs_find(&c->model->reading_of, key, number);
    return reading == TABLE_NONE ? NULL : &c->model->readings[reading];
}

// <figure>.read_at and <figure>.read_id. False where the field is neither of a reading that there was.
static bool compare_reading(const struct recount_compare *c, uint32_t key, struct slice field,
                            struct slice value) {
    struct slice figure;
    struct model_reading *reading;
    if (ends_with(field, ".read_at", &figure) && (reading = reading_named(c, key, figure)) != NULL) {
        __int128 at;
        reading->met_at = true;
        if (!number_read(value, &at) || at != reading->read_at_ms)
            differs_from_number(c, key, field, value, reading->read_at_ms);
        return true;
    }
    if (ends_with(field, ".read_id", &figure) && (reading = reading_named(c, key, figure)) != NULL) {
        char hex[33];
        for (size_t i = 0; i < sizeof(reading->id); i++)
            snprintf(hex + 2 * i, 3, "%02x", reading->id[i]);
        reading->met_id = true;
        if (!slice_equal(value, slice_of(hex)))
            differs(c, key, field, value, slice_of(hex));
        return true;
    }
    return false;
}

static void compare_field(const struct shard_compare *s, uint32_t key, struct slice field,
                          struct slice value) {
    const struct recount_compare *c = s->c;
    c->report->counters++;
    struct model_counter *counter = recount_model_counter(c->model, key, field);
    if (counter == NULL && compare_reading(c, key, field, value))
        return;
    __int128 held;
    bool whole = number_read(value, &held);
    __int128 expected = counter != NULL ? counter->value : 0;
    if (counter != NULL)
        counter->met = true;
    if (!whole || held + recount_faults_of(&s->faults, key_name(c, key), field) != expected)
        differs_from_number(c, key, field, value, expected);
}

static void compare_hash(const struct shard_compare *s, uint32_t key, const redisReply *reply) {
    for (size_t i = 0; i + 1 < reply->elements; i += 2)
        compare_field(s, key, text_of(reply->element[i]), text_of(reply->element[i + 1]));
    compare_unmet(s, key);
}

// Scores are doubles: exact as far as doubles are, beyond that to their precision.
static bool score_equals(double score, __int128 expected) {
    if (expected <= DOUBLE_WHOLE && expected >= -DOUBLE_WHOLE)
        return score == (double)expected;
    return fabs(score - (double)expected) <= 1e-9 * fabs((double)expected);
}

static void compare_scores(const struct shard_compare *s, uint32_t key, const redisReply *reply) {
    const struct recount_compare *c = s->c;
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        struct slice member = text_of(reply->element[i]), score = text_of(reply->element[i + 1]);
        c->report->counters++;
        struct model_counter *counter = recount_model_counter(c->model, key, member);
        __int128 expected = counter != NULL ? counter->value : 0;
        if (counter != NULL)
            counter->met = true;
        __int128 fault = recount_faults_of(&s->faults, key_name(c, key), member);
        if (!score_equals(strtod(reply->element[i + 1]->str, NULL), expected - fault))
            differs_from_number(c, key, member, score, expected);
    }
    compare_unmet(s, key);
}

static void compare_orders(const struct shard_compare *s, uint32_t key, const redisReply *reply) {
    const struct recount_compare *c = s->c;
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        struct slice hash = text_of(reply->element[i]), entry = text_of(reply->element[i + 1]);
        uint32_t field = names_find(&c->model->field_names, hash);
        uint32_t number = field == TABLE_NONE ? TABLE_NONE : pairs_find(&c->model->order_of, key, field);
        c->report->counters++;
        if (number == TABLE_NONE) {
            differs(c, key, hash, entry, absent);
            continue;
        }
        struct model_order *order = &c->model->orders[number];
        struct slice rank = {entry.at, entry.length < ORDER_RANK_SIZE ? entry.length : ORDER_RANK_SIZE};
        order->met = true;
        if (!slice_equal(rank, (struct slice){order->rank, ORDER_RANK_SIZE}))
            differs(c, key, hash, rank, (struct slice){order->rank, ORDER_RANK_SIZE});
    }
    for (uint32_t i = c->model->keys[key].first_order; i != TABLE_NONE; i = c->model->orders[i].next) {
        struct model_order *order = &c->model->orders[i];
        int64_t occurred_at_ms = 0;
        for (int digit = 0; digit < 16; digit++)
            occurred_at_ms = occurred_at_ms * 10 + (order->rank[digit] - '0');
        if (!order->met && occurred_at_ms >= s->trim_before_ms)
            differs(c, key, field_name(c, order->field), absent,
                    (struct slice){order->rank, ORDER_RANK_SIZE});
        order->met = false;
    }
}

static void compare_sketch(const struct shard_compare *s, uint32_t key, const redisReply *held,
                           const redisReply *own) {
    char redis[24], recount[24];
    s->c->report->counters++;
    long long held_count = held->type == REDIS_REPLY_INTEGER ? held->integer : 0;
    if (own->type == REDIS_REPLY_INTEGER && held_count == own->integer)
        return;
    snprintf(redis, sizeof(redis), "%lld", held_count);
    snprintf(recount, sizeof(recount), "%lld", own->integer);
    differs(s->c, key, slice_of("PFCOUNT"), slice_of(redis), slice_of(recount));
}

static void compare_expiry(const struct shard_compare *s, uint32_t key, const redisReply *reply) {
    const struct model_key *k = &s->c->model->keys[key];
    int64_t expected = k->expire_max_s, least = k->expire_sure_s > 0 ? k->expire_sure_s : k->expire_min_s;
    if (reply->integer == -2 || (expected == 0 && reply->integer == -1) ||
        (expected > 0 && reply->integer >= least && reply->integer <= expected))
        return;
    char redis[24];
    snprintf(redis, sizeof(redis), "%lld", reply->integer);
    differs_from_number(s->c, key, slice_of("EXPIRETIME"), slice_of(redis), expected == 0 ? -1 : expected);
}

static bool is_sketch(const struct recount_compare *c, uint32_t key) {
    enum key_family family = c->model->keys[key].family;
    return family == KEY_REACH || family == KEY_TAG_REACH;
}

static void ask_one(const struct recount_compare *c, const char *command, struct slice name, int extra,
                    const char *const *more) {
    const char *words[5] = {command, name.at};
    size_t lengths[5] = {strlen(command), name.length};
    for (int i = 0; i < extra; i++) {
        words[2 + i] = more[i];
        lengths[2 + i] = strlen(more[i]);
    }
    recount_redis_send(c->redis, 2 + extra, words, lengths);
}

static void ask_key(const struct recount_compare *c, uint32_t key) {
    static const char *const all_scores[] = {"0", "-1", "WITHSCORES"};
    struct slice name = key_name(c, key);
    if (is_sketch(c, key)) {
        char own[KEY_MAX + 2 * KEY_PREFIX_MAX];
        size_t length = recount_reach_name(c->redis, own, sizeof(own), name);
        ask_one(c, "PFCOUNT", name, 0, NULL);
        ask_one(c, "PFCOUNT", (struct slice){own, length}, 0, NULL);
    } else if (c->model->keys[key].family == KEY_TOP) {
        ask_one(c, "ZRANGE", name, 3, all_scores);
    } else {
        ask_one(c, "HGETALL", name, 0, NULL);
    }
    ask_one(c, "EXPIRETIME", name, 0, NULL);
}

// Another type than ours holds nothing of ours: what should be there is missing, or in the faults.
static enum status check_reply(const redisReply *reply, struct problem *problem) {
    if (reply->type != REDIS_REPLY_ERROR || strncmp(reply->str, "WRONGTYPE", 9) == 0)
        return STATUS_OK;
    bool denied = strncmp(reply->str, "NOPERM", 6) == 0;
    return problem_set(problem, denied ? STATUS_NOT_ALLOWED : STATUS_UNAVAILABLE,
                       denied ? "CLM-A1" : "CLM-R5", "see the message of Redis",
                       "Redis refuses to be read: %s", reply->str);
}

static enum status answer_key(const struct shard_compare *s, uint32_t key, struct problem *problem) {
    const struct recount_compare *c = s->c;
    size_t count = is_sketch(c, key) ? 3 : 2;
    redisReply *replies[3] = {NULL};
    enum status status = STATUS_OK;
    bool whole = true;
    for (size_t i = 0; i < count; i++) {
        replies[i] = recount_redis_answer(c->redis);
        whole = whole && replies[i] != NULL;
        if (whole && status == STATUS_OK)
            status = check_reply(replies[i], problem);
    }
    if (!whole)
        status = recount_redis_lost(c->redis, problem);
    else if (status == STATUS_OK) {
        enum key_family family = c->model->keys[key].family;
        c->report->keys++;
        if (count == 3)
            compare_sketch(s, key, replies[0], replies[1]);
        else if (family == KEY_TOP)
            compare_scores(s, key, replies[0]);
        else if (family == KEY_ORDERS)
            compare_orders(s, key, replies[0]);
        else
            compare_hash(s, key, replies[0]);
        compare_expiry(s, key, replies[count - 1]);
    }
    for (size_t i = 0; i < count; i++)
        freeReplyObject(replies[i]);
    return status;
}

// The keys of the shard whose time is not over, a pipeline at a time.
static enum status compare_keys(const struct shard_compare *s, struct problem *problem) {
    const struct recount_compare *c = s->c;
    uint32_t chunk[CHUNK];
    enum status status = STATUS_OK;
    for (uint32_t next = 0; status == STATUS_OK && next < c->model->key_names.count;) {
        size_t count = 0;
        for (; next < c->model->key_names.count && count < CHUNK; next++) {
            const struct model_key *key = &c->model->keys[next];
            bool over = key->expire_min_s != 0 && key->expire_min_s <= s->now_s + EXPIRY_MARGIN_S;
            if (key->shard != s->shard)
                continue;
            c->report->expired += over;
            if (!over)
                chunk[count++] = next;
        }
        for (size_t i = 0; i < count; i++)
            ask_key(c, chunk[i]);
        for (size_t i = 0; status == STATUS_OK && i < count; i++)
            status = answer_key(s, chunk[i], problem);
    }
    return status;
}

static void compare_mark(const struct shard_compare *s, int32_t partition, const struct mark *mark) {
    const struct recount_compare *c = s->c;
    char name[KEY_MAX], field[16], held[96], expected[96];
    struct key_parts parts = {0};
    struct slice key = {name, key_write(name, &c->redis->space, KEY_MARK, s->shard, &parts)};
    snprintf(field, sizeof(field), "%" PRId32, partition);
    struct fold_last last = recount_fold_last(c->fold, s->shard, partition);
    c->report->counters++;
    if (mark->next > c->log_end[partition]) {
        snprintf(held, sizeof(held), "next %" PRId64, mark->next);
        snprintf(expected, sizeof(expected), "the log ends at %" PRId64, c->log_end[partition]);
        recount_report_difference(c->report, key, slice_of(field), slice_of(held), slice_of(expected));
        return;
    }
    bool equal =
        mark->last == last.offset &&
        (last.offset < 0 || (mark->fingerprint == last.fingerprint && mark->time_ms == last.time_ms));
    if (equal)
        return;
    snprintf(held, sizeof(held), "last %" PRId64 " %016" PRIx64 " %" PRId64, mark->last, mark->fingerprint,
             mark->time_ms);
    snprintf(expected, sizeof(expected), "last %" PRId64 " %016" PRIx64 " %" PRId64, last.offset,
             last.fingerprint, last.time_ms);
    recount_report_difference(c->report, key, slice_of(field), slice_of(held), slice_of(expected));
}

static void compare_marks(struct shard_compare *s, const struct mark *marks) {
    int64_t lowest_ms = INT64_MAX;
    for (int32_t p = 0; p < s->c->redis->meta.partitions; p++) {
        compare_mark(s, p, &marks[p]);
        if (marks[p].last >= 0 && marks[p].time_ms < lowest_ms)
            lowest_ms = marks[p].time_ms;
    }
    s->trim_before_ms = lowest_ms == INT64_MAX ? 0 : lowest_ms - ORDER_TRIM_MS;
}

enum status recount_compare_shard(const struct recount_compare *c, uint32_t shard, const struct mark *marks,
                                  struct problem *problem) {
    struct shard_compare s = {.c = c, .shard = shard};
    enum status status = recount_redis_time(c->redis, &s.now_s, problem);
    if (status != STATUS_OK)
        return status;
    status = recount_rules_compare(c, shard, marks, problem);
    if (status != STATUS_OK)
        return status;
    status = recount_faults_read(&s.faults, c->redis, shard, c->report, problem);
    if (status == STATUS_OK) {
        compare_marks(&s, marks);
        status = compare_keys(&s, problem);
    }
    recount_faults_fini(&s.faults);
    return status;
}
