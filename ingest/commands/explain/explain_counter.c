// explain --counter: where a counter lies, what it means, what it is now, and which log positions that stands
// for.
#include <inttypes.h>
#include <stdlib.h>

#include "ingest/commands/explain/explain.h"
#include "runtime/memory.h"
#include "schemas/layout.h"

enum { NUMBER_MAX = 24, DEFINITION_MAX = 512 };

// A counter's name taken apart: `gross_micros:EUR`, `likes.read`.
struct counter_name {
    struct slice base;
    struct slice currency; // .at NULL: none
    bool reading;          // x.read, x.read_at, x.read_id
};

static struct counter_name name_take_apart(const char *text) {
    struct counter_name name = {.base = slice_of(text)};
    const char *dot = strstr(text, ".read"), *colon = strchr(text, ':');
    if (colon != NULL) {
        name.base.length = (size_t)(colon - text);
        name.currency = slice_of(colon + 1);
    }
    if (dot != NULL) {
        name.base.length = (size_t)(dot - text);
        name.reading = true;
    }
    return name;
}

// COUNTER_NONE where nothing is called so.
static enum counter counter_of(struct slice base) {
    for (int i = 1; i < COUNTER_COUNT; i++) {
        const struct counter_row *row = counter_row((enum counter)i);
        if (row->name[0] != '\0' && slice_equal(slice_of(row->name), base))
            return (enum counter)i;
    }
    return COUNTER_NONE;
}

static const char *nearest_name(const char *text) {
    const char *names[COUNTER_COUNT];
    size_t count = 0;
    for (int i = 1; i < COUNTER_COUNT; i++) {
        if (counter_row((enum counter)i)->name[0] != '\0')
            names[count++] = counter_row((enum counter)i)->name;
    }
    return config_nearest(text, names, count);
}

// The kinds that move the counter by their delta, with their weights in `top`.
static size_t kinds_write(char *out, size_t size, enum counter counter) {
    size_t length = 0;
    for (uint32_t kind = 1; kind < RULES_WEIGHTS_MAX && length < size; kind++) {
        const struct kind_row *k = kind_find(kind);
        if (k != NULL && k->counter == counter)
            length += (size_t)snprintf(out + length, size - length, "%s%s (kind %u, weighs %d in top)",
                                       length > 0 ? ", " : "moved by the delta of events of kind ", k->name,
                                       kind, k->weight);
    }
    return length;
}

// What is by currency may be a count as well: priced_orders.
static const char *currency_words(enum counter counter) {
    if (!counter_row(counter)->by_currency)
        return "";
    return counter_is_money(counter) ? ", in micros of " : ", in ";
}

// False where nothing is known by this name.
static bool define(char out[DEFINITION_MAX], const char *text) {
    struct counter_name name = name_take_apart(text);
    enum counter counter = counter_of(name.base);
    uint32_t unlisted;
    int end = 0;
    if (name.reading) {
        snprintf(out, DEFINITION_MAX,
                 "what the platform itself last reported as %.*s, by events of kind reading",
                 (int)name.base.length, name.base.at);
        return true;
    }
    if (sscanf(text, "kind_%u%n", &unlisted, &end) == 1 && text[end] == '\0') {
        snprintf(out, DEFINITION_MAX, "moved by the delta of events of kind %u, which has no name here",
                 unlisted);
        return true;
    }
    if (counter == COUNTER_NONE || counter_row(counter)->by_currency != (name.currency.at != NULL))
        return false;
    if (kinds_write(out, DEFINITION_MAX, counter) == 0)
        snprintf(out, DEFINITION_MAX, "%s%s%s", counter_row(counter)->doc, currency_words(counter),
                 name.currency.at != NULL ? name.currency.at : "");
    return true;
}

// --- Redis

static enum status key_ask(struct reader *r, redisReply **reply) {
    const char *const *words = r->request.arguments;
    int count = r->request.argument_count;
    bool content = count == 4;
    struct slice parts[4] = {slice_of(content ? "content" : "acct"), slice_of(words[0])};
    for (int i = 2; i < count; i++)
        parts[i] = slice_of(words[i]);
    enum status status = reader_call(r, reply, "clameur_key", (struct slice){NULL, 0}, parts, count);
    if (status != STATUS_OK || redis_ask_is_list(*reply, 2))
        return status;
    struct problem p;
    status = redis_ask_refuse(reply, "clameur_key", &p);
    problem_print(&p);
    return status;
}

static struct slice value_find(const redisReply *flat, const char *field) {
    for (size_t i = 0; i + 1 < flat->elements; i += 2) {
        if (slice_equal(redis_ask_text(flat->element[i]), slice_of(field)))
            return redis_ask_text(flat->element[i + 1]);
    }
    return (struct slice){NULL, 0};
}

static json_t *marks_json(const redisReply *flat) {
    json_t *marks = json_array();
    for (size_t i = 0; i + 1 < flat->elements; i += 2) {
        struct mark mark;
        if (!mark_parse(&mark, redis_ask_text(flat->element[i + 1])))
            continue;
        json_array_append_new(marks,
                              json_pack("{s:I, s:I, s:I, s:I}", "partition",
                                        (json_int_t)strtoll(redis_ask_text(flat->element[i]).at, NULL, 10),
                                        "next", (json_int_t)mark.next, "epoch", (json_int_t)mark.epoch,
                                        "record_time", (json_int_t)mark.time_ms));
    }
    return marks;
}

static json_t *value_json(struct slice text) {
    return text.at == NULL ? json_null() : json_integer(strtoll(text.at, NULL, 10));
}

// What of this counter could not be applied and is kept in the shard's faults.
static enum status fault_ask(struct reader *r, const char *stem, struct slice key, const char *field,
                             json_t *told, struct problem *p) {
    char name[KEY_MAX];
    snprintf(name, sizeof(name), "%sfaults", stem);
    json_t *where = json_pack("[s%s]", key.at, (int)key.length, field);
    char *text = where != NULL ? json_dumps(where, JSON_COMPACT | JSON_ESCAPE_SLASH) : NULL;
    json_decref(where);
    if (text == NULL)
        return STATUS_OK;
    redisReply *reply;
    struct slice words[] = {slice_of("HGET"), slice_of(name), slice_of(text)};
    enum status status = redis_ask_slot(r->redis, key_slot(key), &reply, words, 3, p);
    free(text);
    if (status != STATUS_OK)
        return status;
    if (reply->type == REDIS_REPLY_STRING)
        json_object_set_new(told, "in_faults", value_json(redis_ask_text(reply)));
    freeReplyObject(reply);
    return STATUS_OK;
}

// Marks and value in one call, so that they belong together.
static enum status figures_ask(struct reader *r, const char *stem, struct slice key, const char *field,
                               json_t *told, struct problem *p) {
    char mark[KEY_MAX], meta[KEY_MAX];
    snprintf(mark, sizeof(mark), "%smark", stem);
    snprintf(meta, sizeof(meta), "%smeta", stem);
    struct slice words[] = {
        slice_of("FCALL_RO"), slice_of("clameur_audit"), slice_of("3"), slice_of(mark), key, slice_of(meta)};
    redisReply *reply;
    enum status status = redis_ask_slot(r->redis, key_slot(key), &reply, words, 6, p);
    if (status != STATUS_OK)
        return status;
    if (!redis_ask_is_list(reply, 3) || !redis_ask_is_list(reply->element[1], 3) ||
        !redis_ask_is_list(reply->element[2], 3))
        return redis_ask_refuse(&reply, "clameur_audit", p);
    const redisReply *fields = reply->element[1]->element[2], *of_meta = reply->element[2]->element[2];
    struct slice shards = value_find(of_meta, "shards");
    const char *account = r->request.arguments[0];
    if (shards.at != NULL && strtoll(shards.at, NULL, 10) > 0)
        json_object_set_new(told, "shard",
                            json_integer((json_int_t)(key_crc16(slice_of(account)) %
                                                      (uint64_t)strtoll(shards.at, NULL, 10))));
    json_object_set_new(told, "value", value_json(value_find(fields, field)));
    json_object_set_new(told, "marks", marks_json(reply->element[0]));
    freeReplyObject(reply);
    return fault_ask(r, stem, key, field, told, p);
}

static enum status ask(struct reader *r, const char *field, json_t *told) {
    redisReply *reply;
    struct problem p;
    enum status status = key_ask(r, &reply);
    if (status != STATUS_OK)
        return status;
    struct slice key = redis_ask_text(reply->element[0]), tag = redis_ask_text(reply->element[1]);
    char stem[KEY_MAX];
    snprintf(stem, sizeof(stem), "%s:{%s}:", r->settings.redis_prefix, tag.at);
    json_object_set_new(told, "key", json_stringn(key.at, key.length));
    json_object_set_new(told, "field", json_string(field));
    json_object_set_new(told, "slot", json_integer(key_slot(key)));
    status = figures_ask(r, stem, key, field, told, &p);
    if (status != STATUS_OK)
        problem_print(&p);
    else
        json_object_set_new(
            told, "node",
            json_string(redis_client_name(r->redis, redis_client_master_of(r->redis, key_slot(key)))));
    freeReplyObject(reply);
    return status;
}

// --- Told

static struct slice property_write(char *out, size_t size, const json_t *value) {
    if (json_is_null(value))
        return (struct slice){NULL, 0};
    if (json_is_integer(value))
        snprintf(out, size, "%" PRId64, (int64_t)json_integer_value(value));
    else
        snprintf(out, size, "%s", json_string_value(value));
    return slice_of(out);
}

static struct slice mark_text(char *out, size_t size, const json_t *mark) {
    char time[OUTPUT_TIME_MAX];
    output_time(time, json_integer_value(json_object_get(mark, "record_time")) / 1000);
    snprintf(out, size, "partition %" PRId64 ": up to offset %" PRId64 ", record time %s, epoch %" PRId64,
             (int64_t)json_integer_value(json_object_get(mark, "partition")),
             (int64_t)json_integer_value(json_object_get(mark, "next")), time,
             (int64_t)json_integer_value(json_object_get(mark, "epoch")));
    return slice_of(out);
}

static void print_rows(const json_t *told, enum output_format format) {
    static const struct output_column columns[] = {{"what", false}, {"is", false}};
    struct output o;
    const char *name;
    const json_t *value, *mark;
    size_t i;
    char text[KEY_MAX + DEFINITION_MAX];
    output_init(&o, format, columns, 2);
    json_object_foreach((json_t *)told, name, value) {
        if (!json_is_array(value))
            output_row(&o, (struct output_cell[]){output_text(slice_of(name)),
                                                  output_text(property_write(text, sizeof(text), value))});
        json_array_foreach(value, i, mark)
            output_row(&o, (struct output_cell[]){output_text(slice_of("mark")),
                                                  output_text(mark_text(text, sizeof(text), mark))});
    }
    output_print(&o, stdout);
    output_fini(&o);
}

static void print_told(const json_t *told, enum output_format format) {
    if (format != OUTPUT_JSON && format != OUTPUT_JSONL) {
        print_rows(told, format);
        return;
    }
    fputs(format == OUTPUT_JSON ? "[\n" : "", stdout);
    json_dumpf(told, stdout, JSON_COMPACT);
    fputs(format == OUTPUT_JSON ? "\n]\n" : "\n", stdout);
}

static enum status unknown_counter(const char *name) {
    const char *nearest = nearest_name(name);
    enum counter counter = counter_of(name_take_apart(name).base);
    if (counter != COUNTER_NONE && counter_row(counter)->by_currency)
        fprintf(stderr, "%s is counted by currency: %.*s:EUR\n", name, (int)strcspn(name, ":"), name);
    else if (counter != COUNTER_NONE)
        fprintf(stderr, "there is no counter \"%s\": %s is not counted by currency\n", name,
                counter_row(counter)->name);
    else if (nearest != NULL)
        fprintf(stderr, "there is no counter \"%s\"; did you mean \"%s\"?\n", name, nearest);
    else
        fprintf(stderr, "there is no counter \"%s\"; clameur-ingest help counters lists them\n", name);
    return STATUS_USAGE;
}

enum status explain_counter(struct explain *x) {
    struct reader *r = &x->r;
    char definition[DEFINITION_MAX];
    int count = r->request.argument_count;
    if (count < 2 || count > 4 || r->request.arguments[0][0] == '\0')
        return reader_usage("clameur-ingest explain --counter ACCOUNT COUNTER [PLATFORM [CONTENT]]");
    if (count > 2 && reader_check_platform(r->request.arguments[2]) != STATUS_OK)
        return STATUS_USAGE;
    if (!define(definition, r->request.arguments[1]))
        return unknown_counter(r->request.arguments[1]);
    enum status status = reader_connect(r);
    if (status != STATUS_OK)
        return status;
    json_t *told = json_object();
    status = ask(r, r->request.arguments[1], told);
    json_object_set_new(told, "definition", json_string(definition));
    if (status == STATUS_OK)
        print_told(told, r->format);
    json_decref(told);
    return status;
}
