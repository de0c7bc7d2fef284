#include "stream/letter.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"
#include "runtime/memory.h"

enum {
    KEY_BYTES = 256 + 64,
    NUMBER_BYTES = 24,
    CUT_BYTES = 64 * 1024,
    SCHEMA_BYTES = 4,
};

// ---- what it holds

static bool is_of(const struct original *o, const struct record *record) {
    return o != NULL && o->partition == record->partition && o->offset == record->offset &&
           o->time_ms == record->time_ms && o->has_value == (record->value.at != NULL) &&
           slice_equal((struct slice){o->bytes, o->key_length}, record->key) &&
           o->value_length == record->value.length;
}

static struct original *original_take(struct originals *originals, const struct record *record) {
    if (is_of(originals->latest, record))
        return originals->latest;
    struct original *o = memory_take(sizeof(*o) + record->key.length + record->value.length);
    *o = (struct original){
        .partition = record->partition,
        .offset = record->offset,
        .time_ms = record->time_ms,
        .has_key = record->key.at != NULL,
        .has_value = record->value.at != NULL,
        .key_length = record->key.length,
        .value_length = record->value.length,
    };
    if (o->has_key)
        memcpy(o->bytes, record->key.at, o->key_length);
    if (o->has_value)
        memcpy(o->bytes + o->key_length, record->value.at, o->value_length);
    originals->bytes += o->key_length + o->value_length;
    originals->latest = o;
    return o;
}

struct letter *letter_create(struct originals *originals, const struct record *record, int32_t index,
                             struct slice part, enum reject reason) {
    size_t at = part.at != NULL ? (size_t)(part.at - record->value.at) : 0;
    CHECK(at + part.length <= record->value.length);
    struct letter *l = memory_take(sizeof(*l));
    *l = (struct letter){.reason = reason,
                         .index = index,
                         .at = at,
                         .length = part.length,
                         .original = original_take(originals, record)};
    l->original->letters++;
    return l;
}

void letter_free(struct letter *l, struct originals *originals) {
    struct original *o = l->original;
    free(l);
    if (--o->letters > 0)
        return;
    if (originals->latest == o)
        originals->latest = NULL;
    originals->bytes -= o->key_length + o->value_length;
    free(o);
}

// ---- its size

static size_t cut_of(const struct letter *l, size_t length) {
    return l->cut && length > CUT_BYTES ? CUT_BYTES : length;
}

size_t letter_length(const struct letter *l) {
    return cut_of(l, l->length);
}

bool letter_make_smaller(struct letter *l) {
    bool large = l->length > CUT_BYTES || l->original->key_length > CUT_BYTES;
    if (large && !l->cut)
        return l->cut = true;
    if (!l->alone)
        return l->alone = true;
    return false;
}

// ---- its form

static void add_number(rd_kafka_headers_t *headers, const char *name, int64_t value) {
    char text[NUMBER_BYTES];
    int length = snprintf(text, sizeof(text), "%" PRId64, value);
    rd_kafka_header_add(headers, name, -1, text, length);
}

// Confluent's frame stands before a batch, not before its events: whoever puts one back needs the schema's
// id.
static void add_schema(rd_kafka_headers_t *headers, const struct letter *l) {
    const unsigned char *value = (const unsigned char *)l->original->bytes + l->original->key_length;
    if (l->at > SCHEMA_BYTES && value[0] == 0)
        add_number(headers, "clameur-schema",
                   (int64_t)value[1] << 24 | value[2] << 16 | value[3] << 8 | value[4]);
}

static rd_kafka_headers_t *headers_of(const struct letter *l, const char *source_topic) {
    const struct original *o = l->original;
    rd_kafka_headers_t *headers = rd_kafka_headers_new(10);
    rd_kafka_header_add(headers, "clameur-reason", -1, reject_name(l->reason), -1);
    rd_kafka_header_add(headers, "clameur-topic", -1, source_topic, -1);
    add_number(headers, "clameur-partition", o->partition);
    add_number(headers, "clameur-offset", o->offset);
    add_number(headers, "clameur-index", l->index);
    add_number(headers, "clameur-time", o->time_ms);
    add_number(headers, "clameur-size", (int64_t)l->length);
    add_schema(headers, l);
    if (l->cut)
        add_number(headers, "clameur-truncated", 1);
    if (o->has_key)
        rd_kafka_header_add(headers, "clameur-key", -1, o->bytes, (ssize_t)cut_of(l, o->key_length));
    return headers;
}

rd_kafka_resp_err_t letter_produce(struct letter *l, rd_kafka_t *rk, const char *topic,
                                   const char *source_topic) {
    char key[KEY_BYTES];
    struct original *o = l->original;
    int key_length = snprintf(key, sizeof(key), "%s/%" PRId32 "/%" PRId64 "/%" PRId32, source_topic,
                              o->partition, o->offset, l->index);
    rd_kafka_headers_t *headers = headers_of(l, source_topic);
    char *value = o->has_value ? o->bytes + o->key_length + l->at : NULL;
    // No flag: librdkafka reads the value where it lies, in the original, which lives as long as its letters.
    rd_kafka_resp_err_t err =
        rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY(key, (size_t)key_length),
                          RD_KAFKA_V_VALUE(value, letter_length(l)), RD_KAFKA_V_HEADERS(headers),
                          RD_KAFKA_V_OPAQUE(l), RD_KAFKA_V_END);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_headers_destroy(headers);
    return err;
}
