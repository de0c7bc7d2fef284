#include "loadtest/recount/recount_model.h"

#include <stdlib.h>

#include "loadtest/recount/reading/measures.h"
#include "loadtest/recount/reading/recount_event.h"
#include "runtime/check.h"
#include "runtime/memory.h"

enum { HOUR_S = 3600, DAY_S = 86400, CONSENT_BIT_MEASUREMENT = 1 };

// One event on its way into the model.
struct counting {
    struct recount_model *model;
    const Clameur__V1__Event *event;
    const struct rules *rules;
    int64_t time_ms;
    uint32_t shard;
    struct slice account;
    uint32_t platform;
    int64_t occurred_s;
    struct recount_increments increments;
    struct model_order *order; // takes note of what is posted; NULL: nobody does
    bool is_order;
};

void recount_model_init(struct recount_model *m, const struct key_space *space, uint32_t families,
                        model_reach reach, void *context) {
    *m = (struct recount_model){
        .space = space, .families = families, .reach = reach, .reach_context = context};
    names_init(&m->key_names);
    names_init(&m->field_names);
}

void recount_model_fini(struct recount_model *m) {
    for (uint32_t i = 0; i < m->order_count; i++)
        free(m->orders[i].postings);
    names_fini(&m->key_names);
    names_fini(&m->field_names);
    pairs_fini(&m->counter_of);
    pairs_fini(&m->reading_of);
    pairs_fini(&m->order_of);
    free(m->keys);
    free(m->counters);
    free(m->readings);
    free(m->orders);
    *m = (struct recount_model){0};
}

// Room for one more of an array whose count and room are 32 bits.
static void *grown(void *array, uint32_t count, uint32_t *room, size_t size) {
    CHECK(count < TABLE_NONE / 2);
    if (count < *room)
        return array;
    *room = *room == 0 ? 1024 : 2 * *room;
    return memory_grow(array, *room, size);
}

// TABLE_NONE where the family is switched off.
static uint32_t key_of(struct recount_model *m, enum key_family family, uint32_t shard,
                       const struct key_parts *parts) {
    if ((m->families >> family & 1) == 0)
        return TABLE_NONE;
    char name[KEY_MAX];
    size_t length = key_write(name, m->space, family, shard, parts);
    uint32_t known = m->key_names.count;
    uint32_t key = names_put(&m->key_names, (struct slice){name, length});
    if (key < known)
        return key;
    if (known == m->key_room) {
        m->key_room = m->key_room == 0 ? 1024 : 2 * m->key_room;
        m->keys = memory_grow(m->keys, m->key_room, sizeof(*m->keys));
    }
    m->keys[key] = (struct model_key){.family = family,
                                      .shard = shard,
                                      .first_counter = TABLE_NONE,
                                      .first_reading = TABLE_NONE,
                                      .first_order = TABLE_NONE};
    return key;
}

static void expires(const struct counting *c, uint32_t key, int64_t expire_s) {
    struct model_key *k = &c->model->keys[key];
    if (!c->is_order && expire_s > k->expire_sure_s)
        k->expire_sure_s = expire_s;
    if (k->expire_min_s == 0 || expire_s < k->expire_min_s)
        k->expire_min_s = expire_s;
    if (expire_s > k->expire_max_s)
        k->expire_max_s = expire_s;
}

static uint32_t counter_at(struct recount_model *m, uint32_t key, struct slice field) {
    uint32_t number = names_put(&m->field_names, field);
    uint32_t *at = pairs_put(&m->counter_of, key, number);
    if (*at != TABLE_NONE)
        return *at;
    m->counters = grown(m->counters, m->counter_count, &m->counter_room, sizeof(*m->counters));
    m->counters[m->counter_count] =
        (struct model_counter){.key = key, .field = number, .next = m->keys[key].first_counter};
    m->keys[key].first_counter = m->counter_count;
    *at = m->counter_count;
    return m->counter_count++;
}

static void post(struct counting *c, uint32_t key, struct slice field, int64_t delta) {
    struct recount_model *m = c->model;
    uint32_t counter = counter_at(m, key, field);
    m->counters[counter].value += delta;
    if (c->order == NULL)
        return;
    struct model_order *o = c->order;
    o->postings = memory_grow(o->postings, o->posting_count + 1, sizeof(*o->postings));
    o->postings[o->posting_count++] = (struct model_posting){counter, delta};
}

static void post_field(struct counting *c, uint32_t key, field_code field, int64_t delta) {
    char name[FIELD_MAX];
    size_t length = field_write(name, field);
    post(c, key, (struct slice){name, length}, delta);
}

static uint32_t key_for(struct counting *c, enum key_family family, struct slice id, int64_t time_s) {
    struct key_parts parts = {.account = c->account, .platform = c->platform, .id = id, .time_s = time_s};
    return key_of(c->model, family, c->shard, &parts);
}

static const struct slice nothing = {"", 0};

// All increments, into one key.
static void post_all(struct counting *c, enum key_family family, struct slice id) {
    uint32_t key = key_for(c, family, id, 0);
    for (size_t i = 0; key != TABLE_NONE && i < c->increments.count; i++)
        post_field(c, key, c->increments.at[i].field, c->increments.at[i].delta);
}

// Milliseconds of retention in seconds, rounded up.
static int64_t retain_s(int64_t ms) {
    return (ms + 999) / 1000;
}

static bool is_over(const struct counting *c, int64_t expire_s) {
    return c->time_ms != 0 && expire_s * 1000 <= c->time_ms;
}

// The series or the ranking of the hour, which expires; TABLE_NONE where that is over.
static uint32_t hour_key(struct counting *c, enum key_family family) {
    int64_t hour = c->occurred_s - c->occurred_s % HOUR_S;
    int64_t expire_s = hour + HOUR_S + retain_s(c->rules->series_retain_ms);
    uint32_t key = is_over(c, expire_s) ? TABLE_NONE : key_for(c, family, nothing, hour);
    if (key != TABLE_NONE)
        expires(c, key, expire_s);
    return key;
}

static void post_series(struct counting *c) {
    uint32_t key = c->increments.count == 0 ? TABLE_NONE : hour_key(c, KEY_SERIES);
    if (key == TABLE_NONE)
        return;
    unsigned minute = (unsigned)(c->occurred_s % HOUR_S / 60);
    for (size_t i = 0; i < c->increments.count; i++)
        post_field(c, key, field_minute(c->increments.at[i].field, minute), c->increments.at[i].delta);
}

// Delta times weight; a product that leaves 64 bits stays at their edge.
static int64_t score_of(const struct counting *c) {
    uint32_t kind = (uint32_t)c->event->kind;
    __int128 score =
        (__int128)recount_delta(c->event) * (kind < RULES_WEIGHTS_MAX ? c->rules->weights[kind] : 0);
    return score > INT64_MAX ? INT64_MAX : score < -INT64_MAX ? -INT64_MAX : (int64_t)score;
}

static void post_top(struct counting *c) {
    int64_t score = score_of(c);
    struct slice content = recount_text(c->event->content_id);
    bool ranks = content.length > 0 && score != 0;
    uint32_t key = ranks ? hour_key(c, KEY_TOP) : TABLE_NONE;
    if (key != TABLE_NONE)
        post(c, key, content, score);
}

// The distinct tags of an event: is this one its first of that name?
static bool is_first_tag(const Clameur__V1__Event *e, size_t index) {
    for (size_t i = 0; i < index; i++) {
        if (slice_equal(recount_text(e->tags[i]), recount_text(e->tags[index])))
            return false;
    }
    return true;
}

static void post_tags(struct counting *c) {
    const Clameur__V1__Event *e = c->event;
    for (size_t i = 0; c->increments.kind != 0 && i < e->n_tags; i++) {
        uint32_t key = is_first_tag(e, i) ? key_for(c, KEY_TAG, recount_text(e->tags[i]), 0) : TABLE_NONE;
        if (key != TABLE_NONE)
            post_field(c, key, c->increments.kind, recount_delta(e));
    }
}

// What an ordinary event adds, and an order that counts.
static void post_event(struct counting *c) {
    const Clameur__V1__Event *e = c->event;
    post_all(c, KEY_ACCOUNT, nothing);
    post_all(c, KEY_ACCOUNT_PLATFORM, nothing);
    post_all(c, KEY_PLATFORM, nothing);
    if (e->content_id.len > 0)
        post_all(c, KEY_CONTENT, recount_text(e->content_id));
    if (e->campaign_id.len > 0)
        post_all(c, KEY_CAMPAIGN, recount_text(e->campaign_id));
    if (e->live_session_id.len > 0)
        post_all(c, KEY_LIVE, recount_text(e->live_session_id));
    post_series(c);
    post_tags(c);
    post_top(c);
}

// One more of a counter that only the account and the platform have.
static void post_apart(struct counting *c, enum counter counter, uint32_t platform) {
    static const enum key_family families[] = {KEY_ACCOUNT, KEY_ACCOUNT_PLATFORM, KEY_PLATFORM};
    for (size_t i = 0; i < 3; i++) {
        struct key_parts parts = {.account = c->account, .platform = platform};
        uint32_t key = key_of(c->model, families[i], c->shard, &parts);
        if (key != TABLE_NONE)
            post_field(c, key, field_counter(counter), 1);
    }
}

static struct model_order *order_find(struct counting *c, bool *fresh) {
    struct recount_model *m = c->model;
    char hash[ORDER_HASH_SIZE];
    order_hash_write(hash, recount_text(c->event->commerce->order_id));
    uint32_t key = key_for(c, KEY_ORDERS, nothing, 0);
    uint32_t field = names_put(&m->field_names, (struct slice){hash, sizeof(hash)});
    uint32_t *at = pairs_put(&m->order_of, key, field);
    *fresh = *at == TABLE_NONE;
    if (!*fresh)
        return &m->orders[*at];
    *at = m->order_count;
    m->orders = grown(m->orders, m->order_count, &m->order_room, sizeof(*m->orders));
    m->orders[m->order_count] =
        (struct model_order){.key = key, .field = field, .next = m->keys[key].first_order};
    m->keys[key].first_order = m->order_count;
    return &m->orders[m->order_count++];
}

static void order_take_back(struct recount_model *m, struct model_order *o) {
    for (uint32_t i = 0; i < o->posting_count; i++)
        m->counters[o->postings[i].counter].value -= o->postings[i].delta;
    free(o->postings);
    o->postings = NULL;
    o->posting_count = 0;
}

// The copy of least (occurred_at, event_id) counts; every other one is an order_copies. Wherever it comes
// first it counts until then, and its keys' expiries stay.
static void count_order(struct counting *c) {
    char rank[ORDER_RANK_SIZE];
    order_rank_write(rank, c->event->occurred_at, c->event->event_id.data);
    bool fresh;
    struct model_order *o = order_find(c, &fresh);
    c->is_order = true;
    if (!fresh && memcmp(rank, o->rank, sizeof(rank)) >= 0) {
        hour_key(c, KEY_SERIES);
        hour_key(c, KEY_TOP);
        return post_apart(c, COUNTER_ORDER_COPIES, c->platform);
    }
    if (!fresh) {
        order_take_back(c->model, o);
        post_apart(c, COUNTER_ORDER_COPIES, o->platform);
    }
    memcpy(o->rank, rank, sizeof(rank));
    o->platform = c->platform;
    c->order = o;
    post_event(c);
    c->order = NULL;
}

static void reach_key(struct counting *c, enum key_family family, struct slice tag,
                      const unsigned char *actor) {
    int64_t day = c->occurred_s - c->occurred_s % DAY_S;
    int64_t expire_s = day + DAY_S + retain_s(c->rules->reach_retain_ms);
    uint32_t key = is_over(c, expire_s) ? TABLE_NONE : key_for(c, family, tag, day);
    if (key == TABLE_NONE)
        return;
    expires(c, key, expire_s);
    c->model->reach(c->model->reach_context, key, actor);
}

static void count_reach(struct counting *c, const unsigned char *actor) {
    const Clameur__V1__Event *e = c->event;
    if (actor == NULL || (e->consent & CONSENT_BIT_MEASUREMENT) == 0)
        return;
    reach_key(c, KEY_REACH, nothing, actor);
    for (size_t i = 0; i < e->n_tags; i++) {
        if (is_first_tag(e, i))
            reach_key(c, KEY_TAG_REACH, recount_text(e->tags[i]), actor);
    }
}

static struct model_reading *reading_find(struct counting *c, uint32_t key, struct slice figure,
                                          bool *fresh) {
    struct recount_model *m = c->model;
    uint32_t number = names_put(&m->field_names, figure);
    uint32_t *at = pairs_put(&m->reading_of, key, number);
    *fresh = *at == TABLE_NONE;
    if (!*fresh)
        return &m->readings[*at];
    *at = m->reading_count;
    m->readings = grown(m->readings, m->reading_count, &m->reading_room, sizeof(*m->readings));
    m->readings[m->reading_count] =
        (struct model_reading){.key = key, .figure = number, .next = m->keys[key].first_reading};
    m->keys[key].first_reading = m->reading_count;
    return &m->readings[m->reading_count++];
}

static void move_read(struct counting *c, uint32_t key, struct slice figure, __int128 by) {
    char field[FIELD_MAX + 8];
    memcpy(field, figure.at, figure.length);
    memcpy(field + figure.length, ".read", 5);
    uint32_t counter = counter_at(c->model, key, (struct slice){field, figure.length + 5});
    c->model->counters[counter].value += by;
}

static void count_reading_value(struct counting *c, uint32_t subject, const Clameur__V1__ReadingValue *v) {
    struct slice figure = recount_text(v->counter);
    int64_t read_at_ms = c->event->reading->read_at;
    bool fresh;
    struct model_reading *r = reading_find(c, subject, figure, &fresh);
    int order = fresh ? -1 : memcmp(r->id, c->event->event_id.data, sizeof(r->id));
    if (!fresh && (read_at_ms < r->read_at_ms || (read_at_ms == r->read_at_ms && order >= 0)))
        return;
    __int128 by = (__int128)v->value - r->value;
    r->value = v->value;
    r->read_at_ms = read_at_ms;
    memcpy(r->id, c->event->event_id.data, sizeof(r->id));
    move_read(c, subject, figure, by);
    if (layout_is_unique(figure))
        return;
    static const enum key_family totals[] = {KEY_ACCOUNT, KEY_PLATFORM, KEY_ACCOUNT_PLATFORM};
    size_t count = c->event->content_id.len > 0 ? 3 : 2;
    for (size_t i = 0; i < count; i++) {
        uint32_t key = key_for(c, totals[i], nothing, 0);
        if (key != TABLE_NONE)
            move_read(c, key, figure, by);
    }
}

static void count_reading(struct counting *c) {
    struct slice content = recount_text(c->event->content_id);
    uint32_t subject = key_for(c, content.length > 0 ? KEY_CONTENT : KEY_ACCOUNT_PLATFORM, content, 0);
    for (size_t i = 0; subject != TABLE_NONE && i < c->event->reading->n_values; i++)
        count_reading_value(c, subject, c->event->reading->values[i]);
}

void recount_model_count(struct recount_model *m, const Clameur__V1__Event *e, const struct rules *rules,
                         int64_t time_ms, const unsigned char *actor) {
    struct counting c = {.model = m,
                         .event = e,
                         .rules = rules,
                         .time_ms = time_ms,
                         .account = recount_text(e->account_id),
                         .platform = (uint32_t)e->platform,
                         .occurred_s = e->occurred_at / 1000};
    c.shard = key_shard(m->space, c.account);
    uint32_t kind = (uint32_t)e->kind;
    if (kind == KIND_READING)
        return count_reading(&c);
    recount_increments_of(&c.increments, e, rules);
    if (kind == KIND_ERASURE)
        return post_all(&c, KEY_PLATFORM, nothing);
    count_reach(&c, actor);
    if (kind != KIND_PURCHASE)
        return post_event(&c);
    if (time_ms != 0 && time_ms - e->occurred_at > ORDER_LATE_MS)
        return post_apart(&c, COUNTER_ORDERS_LATE, c.platform);
    count_order(&c);
}

uint32_t recount_model_key(const struct recount_model *m, struct slice name) {
    return names_find(&m->key_names, name);
}

struct model_counter *recount_model_counter(const struct recount_model *m, uint32_t key, struct slice field) {
    uint32_t number = names_find(&m->field_names, field);
    uint32_t counter = number == TABLE_NONE ? TABLE_NONE : pairs_find(&m->counter_of, key, number);
    return counter == TABLE_NONE ? NULL : &m->counters[counter];
}
