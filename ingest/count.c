// One event's way into the delta table:
//
//   - a reading sets absolute figures; nothing else
//   - an erasure is counted on its platform; nothing else
//   - a purchase that comes too late is counted as such, apart from the sums
//   - any other purchase becomes an order: its increments travel together, because Redis alone knows whether
//   it is a copy
//   - everything else is folded into cells: its kind's counter and its measures, on every key it touches
//   - and whoever did it is added to the day's reach, with consent

#include "ingest/count.h"

#include "runtime/hash.h"
#include "schemas/increments.h"
#include "schemas/layout.h"

enum { HOUR_S = 3600, DAY_S = 86400 };

// An event on its way: what is computed once and used for every key. `order` is where increments go instead
// of cells.
struct fold {
    struct delta *delta;
    const struct count *count;
    const struct event *event;
    int64_t hour_s;
    unsigned minute;
    struct delta_order *order;
    struct increments increments;
};

static bool counts(const struct fold *f, enum key_family family) {
    return (f->count->families & (1u << family)) != 0;
}

static struct delta_identity identify(const struct fold *f, uint32_t family, uint32_t platform,
                                      struct slice id, int64_t time_s) {
    struct delta_identity identity = {.family = family, .platform = platform, .time_s = time_s, .id = id};
    if (family != KEY_PLATFORM)
        identity.account = f->event->account;
    delta_identify(&identity, family != KEY_PLATFORM ? f->count->account_hash : 0,
                   id.length > 0 ? hash_slice(id, 0) : 0);
    return identity;
}

// The content's key, whose hash is known since count_prepare.
static struct delta_identity identify_content(const struct fold *f) {
    return (struct delta_identity){.family = KEY_CONTENT,
                                   .platform = f->event->platform,
                                   .account = f->event->account,
                                   .id = f->event->content,
                                   .hash = f->count->content_key};
}

static const struct slice no_id = {"", 0};

static void add(struct fold *f, const struct delta_identity *identity, int64_t expire_s, field_code field,
                int64_t value) {
    if (value == 0)
        return;
    if (f->order == NULL) {
        delta_add(f->delta, identity, expire_s, field, value);
        return;
    }
    uint32_t key = delta_key(f->delta, identity, expire_s);
    delta_order_increment(f->delta, f->order, key, field, value);
}

static void add_all(struct fold *f, const struct delta_identity *identity) {
    for (uint32_t i = 0; i < f->increments.count; i++)
        add(f, identity, 0, f->increments.at[i].field, f->increments.at[i].value);
}

// The same for a key that has few cells: one look-up for all its fields.
static void add_all_at(struct fold *f, const struct delta_identity *identity, int64_t expire_s) {
    uint32_t key = delta_key(f->delta, identity, expire_s);
    for (uint32_t i = 0; i < f->increments.count; i++) {
        if (f->increments.at[i].value == 0)
            continue;
        if (f->order == NULL)
            delta_add_at(f->delta, key, f->increments.at[i].field, f->increments.at[i].value);
        else
            delta_order_increment(f->delta, f->order, key, f->increments.at[i].field,
                                  f->increments.at[i].value);
    }
}

// A bucket that expires before its record was written is not begun: a replay of old records resurrects
// nothing.
static bool expired(const struct fold *f, int64_t expire_s) {
    return f->count->record_time_ms != 0 && expire_s * 1000 <= f->count->record_time_ms;
}

static int64_t seconds_up(int64_t ms) {
    return (ms + 999) / 1000;
}

static void fold_totals(struct fold *f) {
    const struct event *e = f->event;
    if (counts(f, KEY_ACCOUNT)) {
        struct delta_identity account = identify(f, KEY_ACCOUNT, 0, no_id, 0);
        struct delta_identity on_platform = identify(f, KEY_ACCOUNT_PLATFORM, e->platform, no_id, 0);
        add_all(f, &account);
        add_all(f, &on_platform);
    }
    if (counts(f, KEY_PLATFORM)) {
        struct delta_identity platform = identify(f, KEY_PLATFORM, e->platform, no_id, 0);
        add_all(f, &platform);
    }
}

static void fold_content(struct fold *f) {
    if (f->event->content.length == 0 || !counts(f, KEY_CONTENT))
        return;
    struct delta_identity identity = identify_content(f);
    add_all_at(f, &identity, 0);
}

static void fold_named(struct fold *f, enum key_family family, struct slice id) {
    if (id.length == 0 || !counts(f, family))
        return;
    struct delta_identity identity = identify(f, family, 0, id, 0);
    add_all_at(f, &identity, 0);
}

static int64_t series_expiry(const struct fold *f) {
    return f->hour_s + HOUR_S + seconds_up(f->count->rules->series_retain_ms);
}

static void fold_series(struct fold *f) {
    int64_t expire_s = series_expiry(f);
    if (!counts(f, KEY_SERIES) || expired(f, expire_s))
        return;
    struct delta_identity series = identify(f, KEY_SERIES, f->event->platform, no_id, f->hour_s);
    for (uint32_t i = 0; i < f->increments.count; i++)
        add(f, &series, expire_s, field_minute(f->increments.at[i].field, f->minute),
            f->increments.at[i].value);
}

static int64_t weight_of(const struct rules *rules, uint32_t kind) {
    return kind < RULES_WEIGHTS_MAX ? rules->weights[kind] : 0;
}

// The score moves by delta times weight; a product beyond 64 bits cannot be meant and stays at their edge.
static int64_t score_of(const struct event *e, const struct rules *rules) {
    int64_t score, weight = weight_of(rules, e->kind);
    if (__builtin_mul_overflow(e->delta, weight, &score) || score == INT64_MIN)
        return (e->delta > 0) == (weight > 0) ? INT64_MAX : -INT64_MAX;
    return score;
}

static void fold_top(struct fold *f) {
    const struct event *e = f->event;
    int64_t score = score_of(e, f->count->rules);
    int64_t expire_s = series_expiry(f);
    if (score == 0 || e->content.length == 0 || !counts(f, KEY_TOP) || expired(f, expire_s))
        return;
    struct delta_identity content = identify_content(f);
    struct delta_identity top = identify(f, KEY_TOP, e->platform, no_id, f->hour_s);
    uint32_t member = delta_key(f->delta, &content, 0);
    uint32_t ranking = delta_key(f->delta, &top, expire_s);
    if (f->order == NULL)
        delta_add_at(f->delta, member, DELTA_MEMBER | ranking, score);
    else
        delta_order_increment(f->delta, f->order, ranking, DELTA_MEMBER | member, score);
}

static void fold_tags(struct fold *f) {
    const struct event *e = f->event;
    if (!f->increments.has_kind || !counts(f, KEY_TAG))
        return;
    for (uint32_t i = 0; i < e->tag_count; i++) {
        if (event_tag_is_repeated(e, i))
            continue;
        struct delta_identity tag = identify(f, KEY_TAG, e->platform, e->tags[i], 0);
        add(f, &tag, 0, f->increments.at[0].field, f->increments.at[0].value);
    }
}

static void reach_add(struct fold *f, struct seen_place place, const struct delta_identity *identity,
                      int64_t expire_s) {
    if (seen_raise(f->count->seen, place, f->count->shard, identity, expire_s, f->event->actor))
        delta_add_element(f->delta, identity, expire_s, f->event->actor);
}

static bool is_reached(const struct event *e, uint32_t families) {
    return e->has_actor && (e->consent & CONSENT_MEASUREMENT) != 0 && (families & (1u << KEY_REACH)) != 0;
}

static int64_t day_of(const struct event *e) {
    return e->occurred_at_ms / 1000 / DAY_S * DAY_S;
}

static void fold_reach(struct fold *f) {
    const struct event *e = f->event;
    int64_t day_s = day_of(e);
    int64_t expire_s = day_s + DAY_S + seconds_up(f->count->rules->reach_retain_ms);
    if (!is_reached(e, f->count->families) || expired(f, expire_s))
        return;
    if (seen_may_raise(f->count->seen, f->count->reach, expire_s)) {
        struct delta_identity reach = identify(f, KEY_REACH, e->platform, no_id, day_s);
        reach_add(f, f->count->reach, &reach, expire_s);
    }
    for (uint32_t i = 0; i < e->tag_count && counts(f, KEY_TAG_REACH); i++) {
        if (event_tag_is_repeated(e, i))
            continue;
        struct delta_identity tagged = identify(f, KEY_TAG_REACH, e->platform, e->tags[i], day_s);
        reach_add(f, (struct seen_place){0}, &tagged, expire_s);
    }
}

static int64_t minute_of(const struct event *e) {
    return e->occurred_at_ms / 60000 * 60;
}

// Account, platform and series at once; an order's increments are not folded, so they go to each.
static void fold_group(struct fold *f) {
    if (f->order != NULL) {
        fold_totals(f);
        fold_series(f);
        return;
    }
    int64_t expire_s = series_expiry(f);
    uint32_t family = expired(f, expire_s) ? DELTA_GROUP_WITHOUT_SERIES : DELTA_GROUP;
    struct delta_identity group = {.family = family,
                                   .platform = f->event->platform,
                                   .time_s = minute_of(f->event),
                                   .account = f->event->account,
                                   .hash = f->count->group_key};
    if (family != DELTA_GROUP)
        delta_identify(&group, f->count->account_hash, 0);
    add_all_at(f, &group, expire_s);
}

static void fold_increments(struct fold *f) {
    const struct event *e = f->event;
    fold_group(f);
    fold_content(f);
    fold_named(f, KEY_CAMPAIGN, e->campaign);
    fold_named(f, KEY_LIVE, e->session);
    fold_top(f);
    fold_tags(f);
}

// Where order_copies and orders_late count: the account, the account on the platform, the platform.
static uint32_t sum_keys(struct fold *f, uint32_t keys[3]) {
    uint32_t count = 0;
    if (counts(f, KEY_ACCOUNT)) {
        struct delta_identity account = identify(f, KEY_ACCOUNT, 0, no_id, 0);
        struct delta_identity on_platform = identify(f, KEY_ACCOUNT_PLATFORM, f->event->platform, no_id, 0);
        keys[count++] = delta_key(f->delta, &account, 0);
        keys[count++] = delta_key(f->delta, &on_platform, 0);
    }
    if (counts(f, KEY_PLATFORM)) {
        struct delta_identity platform = identify(f, KEY_PLATFORM, f->event->platform, no_id, 0);
        keys[count++] = delta_key(f->delta, &platform, 0);
    }
    return count;
}

static void fold_order(struct fold *f) {
    struct delta_identity orders = identify(f, KEY_ORDERS, 0, no_id, 0);
    struct delta_order *order = delta_order(f->delta, delta_key(f->delta, &orders, 0), f->event->order);
    order->occurred_at_ms = f->event->occurred_at_ms;
    memcpy(order->event_id, f->event->id, sizeof(order->event_id));
    order->copy_key_count = sum_keys(f, order->copy_keys);
    for (uint32_t i = 0; i < order->copy_key_count; i++)
        delta_use(f->delta, order->copy_keys[i]);
    f->order = order;
    fold_increments(f);
    f->order = NULL;
}

static void fold_late_order(struct fold *f) {
    f->increments.count = 1;
    f->increments.has_kind = false;
    f->increments.at[0].field = field_counter(COUNTER_ORDERS_LATE);
    f->increments.at[0].value = 1;
    fold_totals(f);
}

// A negative record time lies after nothing, and its difference may leave 64 bits.
static bool is_late_order(const struct fold *f) {
    return f->count->record_time_ms > 0 &&
           f->count->record_time_ms - f->event->occurred_at_ms > ORDER_LATE_MS;
}

static void fold_erasure(struct fold *f) {
    if (!counts(f, KEY_PLATFORM))
        return;
    struct delta_identity platform = identify(f, KEY_PLATFORM, f->event->platform, no_id, 0);
    add_all(f, &platform);
}

// Does an earlier value of the same event read the same counter? The first wins.
static bool reading_is_repeated(const struct event *e, uint32_t index) {
    for (uint32_t i = 0; i < index; i++) {
        if (slice_equal(e->readings[i].counter, e->readings[index].counter))
            return true;
    }
    return false;
}

static void fold_reading(struct fold *f, const struct reading *value) {
    const struct event *e = f->event;
    bool of_content = e->content.length > 0;
    struct delta_identity content = identify_content(f);
    struct delta_identity on_platform = identify(f, KEY_ACCOUNT_PLATFORM, e->platform, no_id, 0);
    if (!counts(f, of_content ? KEY_CONTENT : KEY_ACCOUNT_PLATFORM))
        return;
    uint32_t subject = delta_key(f->delta, of_content ? &content : &on_platform, 0);
    struct delta_reading *reading = delta_reading(f->delta, subject, value->counter);
    reading->value = value->value;
    reading->read_at_ms = e->read_at_ms;
    memcpy(reading->event_id, e->id, sizeof(reading->event_id));
    if (layout_is_unique(value->counter))
        return;
    uint32_t keys[3];
    uint32_t count = sum_keys(f, keys);
    for (uint32_t i = 0; i < count; i++) {
        if (keys[i] == subject)
            continue;
        reading->total_keys[reading->total_key_count++] = keys[i];
        delta_use(f->delta, keys[i]);
    }
}

static void fold_readings(struct fold *f) {
    for (uint32_t i = 0; i < f->event->reading_count; i++) {
        if (!reading_is_repeated(f->event, i))
            fold_reading(f, &f->event->readings[i]);
    }
}

static struct delta_identity identity_of(const struct count *c, const struct event *e, uint32_t family,
                                         struct slice id, uint64_t id_hash, int64_t time_s) {
    struct delta_identity identity = {
        .family = family, .platform = e->platform, .time_s = time_s, .account = e->account, .id = id};
    delta_identify(&identity, c->account_hash, id_hash);
    return identity;
}

void count_prepare(struct count *c, const struct delta *d, const struct event *e) {
    c->account_hash = hash_slice(e->account, 0);
    c->reach = (struct seen_place){0};
    if (is_reached(e, c->families)) {
        struct delta_identity reach = identity_of(c, e, KEY_REACH, no_id, 0, day_of(e));
        c->reach = seen_find(c->seen, c->shard, &reach, e->actor);
    }
    c->group_key = identity_of(c, e, DELTA_GROUP, no_id, 0, minute_of(e)).hash;
    c->content_key = 0;
    delta_prefetch(d, c->group_key, 0);
    if (e->content.length == 0)
        return;
    c->content_key = identity_of(c, e, KEY_CONTENT, e->content, hash_slice(e->content, 0), 0).hash;
    delta_prefetch(d, c->content_key, 0);
}

void count_fetch(const struct count *c, const struct delta *d, int step) {
    delta_prefetch(d, c->group_key, step);
    if (c->content_key != 0)
        delta_prefetch(d, c->content_key, step);
}

void count_event(struct delta *d, const struct count *c, const struct event *e) {
    int64_t occurred_s = e->occurred_at_ms / 1000;
    struct fold f = {.delta = d, .count = c, .event = e};
    f.hour_s = occurred_s / HOUR_S * HOUR_S;
    f.minute = (unsigned)(occurred_s % HOUR_S / 60);
    d->events++;
    d->platforms[e->platform < DELTA_PLATFORMS ? e->platform : 0]++;
    if (e->kind == KIND_READING) {
        fold_readings(&f);
        return;
    }
    increments_of(&f.increments, e, c->rules);
    if (e->kind == KIND_ERASURE) {
        fold_erasure(&f);
        return;
    }
    if (e->kind != KIND_PURCHASE)
        fold_increments(&f);
    else if (is_late_order(&f))
        fold_late_order(&f);
    else
        fold_order(&f);
    fold_reach(&f);
}
