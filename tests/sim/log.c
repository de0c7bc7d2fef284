#include "tests/sim/log.h"

#include <stdio.h>
#include <stdlib.h>

#include "clameur/v1/event.pb-c.h"
#include "runtime/memory.h"
#include "schemas/reject.h"

enum { HOUR_MS = 3600000, TEXT_MAX = 32, RECORD_MAX = 4096 };
#define AMOUNT_MAX INT64_C(100000000000000000) // of what may be counted at once: 93 of them overflow

struct making {
    const struct log_shape *shape;
    struct chance chance;
    int32_t partition;
    int64_t offset, time_ms;
    struct sim_log *log;
};

// One event's memory: protobuf-c borrows everything.
struct event_room {
    Clameur__V1__Event event;
    Clameur__V1__Commerce commerce;
    Clameur__V1__Reading reading;
    Clameur__V1__ReadingValue value;
    Clameur__V1__ReadingValue *values[1];
    ProtobufCBinaryData tags[1];
    char id[TEXT_MAX], account[TEXT_MAX], content[TEXT_MAX], actor[TEXT_MAX], order[TEXT_MAX], tag[TEXT_MAX];
};

static ProtobufCBinaryData text(char out[TEXT_MAX], const char *name, int64_t number) {
    int length = snprintf(out, TEXT_MAX, "%s%lld", name, (long long)number);
    return (ProtobufCBinaryData){(size_t)length, (uint8_t *)out};
}

static ProtobufCBinaryData constant(const char *name) {
    return (ProtobufCBinaryData){strlen(name), (uint8_t *)(uintptr_t)name};
}

static void id_write(struct event_room *r, int32_t partition, int64_t offset, int64_t index) {
    snprintf(r->id, sizeof(r->id), "%02d%012lld%02lld", (int)partition, (long long)offset, (long long)index);
    r->event.event_id = (ProtobufCBinaryData){16, (uint8_t *)r->id};
}

static void make_plain(struct making *m, struct event_room *r) {
    static const Clameur__V1__Kind kinds[] = {CLAMEUR__V1__KIND__KIND_LIKE, CLAMEUR__V1__KIND__KIND_COMMENT,
                                              CLAMEUR__V1__KIND__KIND_SHARE, CLAMEUR__V1__KIND__KIND_VIEW};
    r->event.kind = kinds[chance_below(&m->chance, 4)];
    r->event.content_id = text(r->content, "post", chance_below(&m->chance, 4));
    r->event.consent = chance_is(&m->chance, 70);
    r->event.actor_id = text(r->actor, "person", chance_below(&m->chance, 60));
    if (chance_is(&m->chance, 20))
        r->event.delta = chance_is(&m->chance, 50) ? -1 : 3;
    if (m->shape->huge && chance_is(&m->chance, 80)) {
        r->event.kind = CLAMEUR__V1__KIND__KIND_LIKE;
        r->event.delta = AMOUNT_MAX - chance_below(&m->chance, 9);
    }
    if (chance_is(&m->chance, 20)) {
        r->tags[0] = text(r->tag, "tag", chance_below(&m->chance, 2));
        r->event.tags = r->tags;
        r->event.n_tags = 1;
    }
    if (chance_is(&m->chance, 20))
        r->event.campaign_id = constant("spring");
}

// Copies of an order occur within 36 h of each other; a few come too late to count.
static void make_purchase(struct making *m, struct event_room *r) {
    int64_t window = m->time_ms / (6 * HOUR_MS);
    r->event.kind = CLAMEUR__V1__KIND__KIND_PURCHASE;
    r->event.body_case = CLAMEUR__V1__EVENT__BODY_COMMERCE;
    r->event.commerce = &r->commerce;
    r->event.occurred_at = m->time_ms - chance_between(&m->chance, 0, 30) * HOUR_MS;
    if (chance_is(&m->chance, 10))
        r->event.occurred_at = m->time_ms - INT64_C(60) * HOUR_MS;
    clameur__v1__commerce__init(&r->commerce);
    r->commerce.order_id = text(r->order, "order", 4 * window + chance_below(&m->chance, 4));
    r->commerce.value_micros = chance_between(&m->chance, 1, 9) * 1000000;
    r->commerce.currency = constant("EUR");
    r->event.account_id = text(r->account, "brand", window % 3);
}

static void make_reading(struct making *m, struct event_room *r) {
    static const char *const figures[] = {"views", "likes", "reach"};
    r->event.kind = CLAMEUR__V1__KIND__KIND_READING;
    r->event.body_case = CLAMEUR__V1__EVENT__BODY_READING;
    r->event.reading = &r->reading;
    r->event.content_id = text(r->content, "post", chance_below(&m->chance, 4));
    clameur__v1__reading__init(&r->reading);
    clameur__v1__reading_value__init(&r->value);
    r->reading.read_at = m->time_ms - chance_between(&m->chance, 0, 5) * m->shape->step_ms;
    r->reading.values = r->values;
    r->reading.n_values = 1;
    r->values[0] = &r->value;
    r->value.counter = constant(figures[chance_below(&m->chance, 3)]);
    r->value.value = chance_between(&m->chance, 0, 1000);
}

static void make_event(struct making *m, struct event_room *r, int64_t index) {
    uint32_t sort = chance_below(&m->chance, 100);
    *r = (struct event_room){0};
    clameur__v1__event__init(&r->event);
    id_write(r, m->partition, m->offset, index);
    r->event.occurred_at = m->time_ms - chance_between(&m->chance, 0, 3) * m->shape->step_ms;
    r->event.platform = (Clameur__V1__Platform)(1 + chance_below(&m->chance, m->shape->huge ? 1 : 2));
    r->event.account_id = text(r->account, "brand", chance_below(&m->chance, m->shape->accounts));
    if (sort < 15)
        make_purchase(m, r);
    else if (sort < 25)
        make_reading(m, r);
    else
        make_plain(m, r);
    if (chance_is(&m->chance, 15) && m->offset > 0) // a repetition, within the span or a little beyond
        id_write(r, m->partition,
                 m->offset - chance_between(&m->chance, 1,
                                            m->offset < 2 * m->shape->span ? m->offset : 2 * m->shape->span),
                 0);
}

static void refuse(struct log_record *record, uint32_t version, uint32_t event) {
    record->refused[version] |= 1u << event;
}

static void keep(struct log_record *record, const unsigned char *bytes, size_t length) {
    record->bytes = memory_take(length + 1);
    record->length = length;
    memcpy(record->bytes, bytes, length);
}

static void make_record(struct making *m, struct log_record *record) {
    static struct event_room rooms[LOG_EVENTS_MAX];
    static unsigned char bytes[RECORD_MAX];
    Clameur__V1__Event *events[LOG_EVENTS_MAX];
    size_t count = chance_is(&m->chance, 15) ? 1 + chance_below(&m->chance, LOG_EVENTS_MAX) : 1;
    *record = (struct log_record){.present = true, .time_ms = m->time_ms};
    if (chance_is(&m->chance, 2)) {
        for (uint32_t v = 0; v < RULES_MADE; v++)
            refuse(record, v, LOG_WHOLE);
        keep(record, (const unsigned char *)"\x0a\xff", 2);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        make_event(m, &rooms[i], (int64_t)i);
        events[i] = &rooms[i].event;
        bool nobodys = chance_is(&m->chance, 3);
        if (nobodys)
            rooms[i].event.account_id = constant("");
        for (uint32_t v = 0; v < RULES_MADE; v++) {
            int64_t most_ms = m->shape->rules[v].max_past_ms;
            if (nobodys || (most_ms >= 0 && m->time_ms - rooms[i].event.occurred_at > most_ms))
                refuse(record, v, (uint32_t)i);
        }
    }
    if (count == 1) {
        keep(record, bytes, clameur__v1__event__pack(events[0], bytes));
        return;
    }
    Clameur__V1__EventBatch batch = CLAMEUR__V1__EVENT_BATCH__INIT;
    batch.n_events = count;
    batch.events = events;
    keep(record, bytes, clameur__v1__event_batch__pack(&batch, bytes));
}

static void make_partition(struct making *m, struct log_partition *p) {
    p->length = m->shape->length * chance_between(&m->chance, 50, 100) / 100;
    p->records = memory_take((size_t)p->length * sizeof(*p->records));
    bool gaps = chance_is(&m->chance, 60);
    // What is added later is written later, too.
    int64_t late = m->partition < m->shape->initial ? 0 : m->shape->length;
    for (m->offset = 0; m->offset < p->length; m->offset++) {
        m->time_ms = LOG_TIME_MS + (late + m->offset) * m->shape->step_ms + chance_below(&m->chance, 900);
        if (gaps && chance_is(&m->chance, 2))
            m->offset += chance_between(&m->chance, 2, 15);
        else if (!gaps || !chance_is(&m->chance, 12))
            make_record(m, &p->records[m->offset]);
    }
    if (m->partition < m->shape->initial && chance_is(&m->chance, 50))
        p->start = chance_between(&m->chance, 0, 12);
    p->end = p->start;
}

void sim_log_make(struct sim_log *log, const struct log_shape *shape, uint64_t seed) {
    *log = (struct sim_log){.partitions = shape->initial,
                            .initial = shape->initial,
                            .span = shape->span,
                            .step_ms = shape->step_ms};
    for (int32_t i = 0; i < shape->partitions; i++) {
        struct making m = {
            .shape = shape, .chance = chance_of(seed, 100 + (uint64_t)i), .partition = i, .log = log};
        make_partition(&m, &log->at[i]);
    }
}

void sim_log_free(struct sim_log *log) {
    for (int32_t i = 0; i < LOG_PARTITIONS_MAX; i++) {
        struct log_partition *p = &log->at[i];
        for (int64_t offset = 0; offset < p->length; offset++)
            free(p->records[offset].bytes);
        free(p->records);
    }
}
