// A watch as a file, and an alert as a message: both JSON.
//
//     {"sum": "<16 hex digits: XXH3-64 of what follows>",
//     "format": 1, "window_s": 1767225600, "accounts": [
//      {"account": "acme", "age": 40, "quiet": 0, "mentions": SERIES, "negative": SERIES,
//       "topics": [["refund", SERIES...], ...]}, ...]}
//
//     SERIES: [mean, variance, learned, raised, lasted, calm, since_s]
//
// Numbers with a point are written with the 17 digits that say them exactly.
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "aggregate/listen/watch.h"
#include "runtime/check.h"
#include "runtime/hash.h"
#include "runtime/memory.h"

// Of counts below 2^64; the variance stays below its bound, then, whatever comes.
#define MEAN_MAX     0x1p64
#define VARIANCE_MAX 0x1p129

enum { FORMAT = 1, SUM_SIZE = 17, ID_SIZE = 33, SERIES_NUMBERS = 7 };

static const char sum_open[] = "{\"sum\":\"", sum_close[] = "\",";
#define HEAD_LENGTH (sizeof(sum_open) - 1 + SUM_SIZE - 1 + sizeof(sum_close) - 1)

// ---- written

static json_t *text_pack(struct slice text) {
    return json_stringn(text.at, text.length);
}

static json_t *series_pack(const struct watched *series, json_t *array) {
    const struct baseline *b = &series->baseline;
    json_array_append_new(array, json_real(b->mean));
    json_array_append_new(array, json_real(b->variance));
    json_array_append_new(array, json_integer(b->learned));
    json_array_append_new(array, json_integer(b->raised));
    json_array_append_new(array, json_integer(b->lasted));
    json_array_append_new(array, json_integer(b->calm));
    json_array_append_new(array, json_integer(series->since_s));
    return array;
}

static json_t *topic_pack(const struct watched *series) {
    json_t *array = json_array();
    json_array_append_new(array, text_pack(series->topic));
    return series_pack(series, array);
}

static json_t *account_pack(const struct watched *mentions) {
    json_t *account = json_object();
    json_object_set_new(account, "account", text_pack(mentions->account));
    json_object_set_new(account, "age", json_integer(mentions->age));
    json_object_set_new(account, "quiet", json_integer(mentions->quiet));
    json_object_set_new(account, "mentions", series_pack(mentions, json_array()));
    return account;
}

static json_t *watch_pack(const struct watch *w) {
    json_t *root = json_object(), *accounts = json_array(), *account = NULL, *topics = NULL;
    json_object_set_new(root, "format", json_integer(FORMAT));
    json_object_set_new(root, "window_s", json_integer(w->start_s));
    json_object_set_new(root, "accounts", accounts);
    for (size_t i = 0; i < w->count; i++) {
        const struct watched *series = &w->at[i];
        if (series->of == HEARD_MENTIONS) {
            account = account_pack(series);
            topics = json_array();
            json_array_append_new(accounts, account);
        } else if (series->of == HEARD_NEGATIVE) {
            json_object_set_new(account, "negative", series_pack(series, json_array()));
            json_object_set_new(account, "topics", topics);
        } else {
            json_array_append_new(topics, topic_pack(series));
        }
    }
    return root;
}

char *watch_write(const struct watch *w, size_t *length) {
    json_t *root = watch_pack(w);
    char *body = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    CHECK(body != NULL);
    size_t body_length = strlen(body + 1); // without its brace
    char *text = memory_take(HEAD_LENGTH + body_length + 1);
    *length = (size_t)snprintf(text, HEAD_LENGTH + body_length + 1, "%s%016llx%s%s", sum_open,
                               (unsigned long long)hash_bytes(body + 1, body_length, 0), sum_close, body + 1);
    free(body);
    return text;
}

// ---- read

static struct slice text_take(struct watch *w, const json_t *value) {
    size_t length = json_string_length(value);
    char *copy = arena_take_bytes(&w->names, length + 1);
    memcpy(copy, json_string_value(value), length);
    return (struct slice){copy, length};
}

static bool number_take(uint32_t *number, const json_t *value) {
    json_int_t given = json_integer_value(value);
    *number = (uint32_t)given;
    return json_is_integer(value) && given >= 0 && given <= UINT32_MAX;
}

static bool real_take(double *number, const json_t *value, double most) {
    *number = json_real_value(value);
    return json_is_real(value) && *number >= 0 && *number <= most;
}

// The numbers at the end of an array that has `before` other members.
static bool series_take(struct watch *w, struct watched series, const json_t *array, size_t before) {
    struct baseline *b = &series.baseline;
    const json_t *at[SERIES_NUMBERS];
    if (json_array_size(array) != before + SERIES_NUMBERS)
        return false;
    for (size_t i = 0; i < SERIES_NUMBERS; i++)
        at[i] = json_array_get(array, before + i);
    if (!real_take(&b->mean, at[0], MEAN_MAX) || !real_take(&b->variance, at[1], VARIANCE_MAX) ||
        !number_take(&b->learned, at[2]) || !number_take(&b->lasted, at[4]) || !number_take(&b->calm, at[5]))
        return false;
    b->raised = (int)json_integer_value(at[3]);
    series.since_s = json_integer_value(at[6]);
    w->at[w->count++] = series;
    return b->raised >= -1 && b->raised <= 1;
}

static bool topics_take(struct watch *w, struct slice account, const json_t *topics) {
    size_t index;
    json_t *topic;
    json_array_foreach(topics, index, topic) {
        const json_t *name = json_array_get(topic, 0);
        if (!json_is_string(name))
            return false;
        struct watched series = {HEARD_TOPIC, account, text_take(w, name), {0}, 0, 0, 0};
        if (!series_take(w, series, topic, 1))
            return false;
    }
    return json_is_array(topics);
}

static void make_room(struct watch *w, size_t series) {
    if (w->count + series <= w->room)
        return;
    w->room = 2 * (w->count + series);
    w->at = memory_grow(w->at, w->room, sizeof(*w->at));
}

static bool account_take(struct watch *w, const json_t *account) {
    const json_t *name = json_object_get(account, "account"), *topics = json_object_get(account, "topics");
    struct watched series = {.of = HEARD_MENTIONS};
    if (!json_is_string(name) || !number_take(&series.age, json_object_get(account, "age")) ||
        !number_take(&series.quiet, json_object_get(account, "quiet")))
        return false;
    make_room(w, 2 + json_array_size(topics));
    series.account = text_take(w, name);
    const struct watched negative = {HEARD_NEGATIVE, series.account, {"", 0}, {0}, 0, 0, 0};
    return series_take(w, series, json_object_get(account, "mentions"), 0) &&
           series_take(w, negative, json_object_get(account, "negative"), 0) &&
           topics_take(w, series.account, topics);
}

static bool watch_unpack(struct watch *w, const json_t *root) {
    const json_t *window = json_object_get(root, "window_s"), *accounts = json_object_get(root, "accounts");
    size_t index;
    json_t *account;
    if (json_integer_value(json_object_get(root, "format")) != FORMAT || !json_is_integer(window) ||
        !json_is_array(accounts))
        return false;
    w->is_begun = true;
    w->start_s = json_integer_value(window);
    json_array_foreach(accounts, index, account) {
        if (!account_take(w, account))
            return false;
    }
    return true;
}

static bool is_whole(const char *bytes, size_t length) {
    char head[HEAD_LENGTH + 1];
    if (length < HEAD_LENGTH)
        return false;
    snprintf(head, sizeof(head), "%s%016llx%s", sum_open,
             (unsigned long long)hash_bytes(bytes + HEAD_LENGTH, length - HEAD_LENGTH, 0), sum_close);
    return memcmp(bytes, head, HEAD_LENGTH) == 0;
}

bool watch_read(struct watch *w, const char *bytes, size_t length) {
    if (!is_whole(bytes, length))
        return false;
    json_t *root = json_loadb(bytes, length, JSON_ALLOW_NUL, NULL);
    bool read = root != NULL && watch_unpack(w, root);
    json_decref(root);
    return read;
}

// ---- alerts

const char *baseline_change_name(enum baseline_change change) {
    static const char *const names[] = {[BASELINE_NONE] = "none",
                                        [BASELINE_RAISED] = "raised",
                                        [BASELINE_RECOVERED] = "recovered",
                                        [BASELINE_ADOPTED] = "adopted"};
    return names[change];
}

static const char *const heard_names[] = {
    [HEARD_MENTIONS] = "mentions", [HEARD_NEGATIVE] = "negative_mentions", [HEARD_TOPIC] = "topic_mentions"};

// Texts with their lengths, so that no two series are written alike.
static void id_write(char out[ID_SIZE], const struct alert *a, int64_t start_s, const char *kafka_topic) {
    const int64_t words[] = {start_s, a->of, a->change, (int64_t)a->account.length, (int64_t)a->topic.length};
    XXH3_state_t state;
    XXH3_128bits_reset(&state);
    XXH3_128bits_update(&state, words, sizeof(words));
    XXH3_128bits_update(&state, a->account.at, a->account.length);
    XXH3_128bits_update(&state, a->topic.at, a->topic.length);
    XXH3_128bits_update(&state, kafka_topic, strlen(kafka_topic));
    XXH128_hash_t hash = XXH3_128bits_digest(&state);
    snprintf(out, ID_SIZE, "%016llx%016llx", (unsigned long long)hash.high64, (unsigned long long)hash.low64);
}

char *alert_write(const struct alert *a, int64_t start_s, const char *kafka_topic) {
    char id[ID_SIZE];
    json_t *root = json_object();
    id_write(id, a, start_s, kafka_topic);
    json_object_set_new(root, "id", json_string(id));
    json_object_set_new(root, "change", json_string(baseline_change_name(a->change)));
    json_object_set_new(root, "of", json_string(heard_names[a->of]));
    json_object_set_new(root, "account", text_pack(a->account));
    if (a->of == HEARD_TOPIC)
        json_object_set_new(root, "topic", text_pack(a->topic));
    json_object_set_new(root, "window_start_s", json_integer(start_s));
    json_object_set_new(root, "window_end_s", json_integer(start_s + WINDOW_S));
    json_object_set_new(root, "first_seen_s", json_integer(a->since_s));
    json_object_set_new(root, "count", json_integer((json_int_t)a->verdict.count));
    json_object_set_new(root, "expected", json_real(a->verdict.mean));
    json_object_set_new(root, "deviation", json_real(a->verdict.deviation));
    json_object_set_new(root, "sigmas", json_real(a->verdict.score));
    char *text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(6));
    json_decref(root);
    CHECK(text != NULL);
    return text;
}
