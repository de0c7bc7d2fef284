#include "stream/breaker.h"

#include <stdio.h>

static bool is_blank(const struct event *e) {
    return e->id_length != sizeof(e->id) && e->occurred_at_ms <= 0 && e->account.length == 0;
}

static bool is_foreign(enum reject reject, const struct event *events, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!is_blank(&events[i]))
            return false;
    }
    return reject != REJECT_NONE || count > 0;
}

static void take_head(struct breaker *b, struct slice value) {
    size_t length = value.length < BREAKER_HEAD ? value.length : BREAKER_HEAD;
    if (b->foreign == 1) {
        if (length > 0)
            memcpy(b->first, value.at, length);
        b->first_length = b->common = length;
        return;
    }
    size_t same = 0;
    while (same < length && same < b->common && value.at[same] == b->first[same])
        same++;
    b->common = same;
}

void breaker_see(struct breaker *b, const struct record *record, enum reject reject,
                 const struct event *events, size_t count) {
    if (b->state != BREAKER_WATCHING || b->messages == BREAKER_WINDOW)
        return;
    b->messages++;
    if (!is_foreign(reject, events, count))
        return;
    b->foreign++;
    b->absent += record->value.length == 0;
    b->oversized += reject == REJECT_OVERSIZED;
    take_head(b, record->value);
}

enum breaker_state breaker_judge(struct breaker *b, bool now) {
    bool full = b->messages == BREAKER_WINDOW;
    if (b->state != BREAKER_WATCHING)
        return b->state;
    if (2 * (b->messages - b->foreign) >= BREAKER_WINDOW)
        b->state = BREAKER_PASSED;
    else if ((full || (now && b->messages >= BREAKER_LEAST)) && 2 * b->foreign > b->messages)
        b->state = BREAKER_TRIPPED;
    return b->state;
}

// --- What it looks like

static const struct {
    struct slice head;
    const char *name;
} shapes[] = {
    {{"Obj\1", 4}, "an Avro file"},   {{"PAR1", 4}, "a Parquet file"},
    {{"\x1f\x8b", 2}, "gzip"},        {{"\x28\xb5\x2f\xfd", 4}, "zstd"},
    {{"\x04\x22\x4d\x18", 4}, "lz4"}, {{"{", 1}, "JSON objects of another kind"},
    {{"[", 1}, "a JSON array"},       {{"<", 1}, "XML"},
};

static bool is_confluent(const struct breaker *b) {
    return b->common == BREAKER_HEAD && b->first[0] == 0;
}

static uint32_t schema_of(const struct breaker *b) {
    const unsigned char *at = (const unsigned char *)b->first;
    return (uint32_t)at[1] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 8 | at[4];
}

static bool is_text(const struct breaker *b) {
    for (size_t i = 0; i < b->first_length; i++) {
        if (b->first[i] < ' ' || b->first[i] > '~')
            return false;
    }
    return b->first_length > 0;
}

static const char *shape_of(const struct breaker *b) {
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        if (b->common >= shapes[i].head.length &&
            memcmp(b->first, shapes[i].head.at, shapes[i].head.length) == 0)
            return shapes[i].name;
    }
    return is_text(b) ? "text" : "nothing that is known";
}

// "they are in Confluent framing, schema id 7". Nothing of the messages themselves, not even their first
// bytes: what is no event may be anything, and this goes into logs and probes.
static void describe(const struct breaker *b, char *out, size_t size) {
    if (2 * b->absent > b->foreign)
        snprintf(out, size, "most have no value");
    else if (is_confluent(b))
        snprintf(out, size, "they are in Confluent framing, schema id %u", schema_of(b));
    else if (b->common == 0 && b->first_length == 0)
        snprintf(out, size, "the first has no value");
    else
        snprintf(out, size, "%s %s%s", b->common > 0 ? "they begin like" : "the first begins like",
                 shape_of(b),
                 2 * b->oversized > b->foreign ? "; most are larger than decode.max_event_bytes" : "");
}

enum status breaker_problem(const struct breaker *b, const struct settings *settings,
                            struct problem *problem) {
    char looks[160], remedy[sizeof(problem->remedy)];
    describe(b, looks, sizeof(looks));
    bool unframed = strcmp(settings->decode_framing, "auto") != 0 &&
                    strcmp(settings->decode_framing, is_confluent(b) ? "confluent" : "") != 0;
    snprintf(
        remedy, sizeof(remedy),
        "%s, then start again: nothing was counted or dead-lettered of them; if the topic is right and they "
        "are to go to the dead-letter topic: --dlq.breaker=false",
        unframed ? "decode.framing: auto under a fresh redis.prefix (clameur-ingest init)"
                 : "name the right kafka.topic");
    return problem_set(problem, STATUS_BAD_DATA, "CLM-S1", remedy,
                       "%d of %d messages are not clameur.v1.Event; %s", b->foreign, b->messages, looks);
}
