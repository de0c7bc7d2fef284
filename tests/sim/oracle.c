#include "tests/sim/oracle.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct checking {
    struct oracle *oracle;
    struct oracle_shard *shard;
    const struct keyspace *held;
    const struct object *faults; // NULL: none
    struct slice key;            // its name
    int64_t trim_before_ms;
};

static bool wrong(struct oracle *o, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(o->wrong, sizeof(o->wrong), format, arguments);
    va_end(arguments);
    return false;
}

#define TEXT(s) (int)(s).length, (s).at

static const struct object *own_object(const struct oracle *o, const struct keyspace *held, uint32_t shard,
                                       enum key_family family) {
    char name[KEY_MAX];
    const struct key_parts none = {0};
    size_t length = key_write(name, o->names, family, shard, &none);
    return keyspace_find(held, (struct slice){name, length});
}

// ---- rules

size_t oracle_rules(const struct oracle *o, const struct keyspace *held, uint32_t shard) {
    const struct object *object = own_object(o, held, shard, KEY_RULES);
    size_t count = 0;
    for (uint32_t i = 0; object != NULL && i < object->fields.count; i++)
        count += strncmp(object->fields.at[i].name->bytes, "key:", 4) != 0;
    for (uint32_t i = 0; i < count && i < RULES_MADE; i++) {
        char number[12], text[LAYOUT_RULES_MAX];
        snprintf(number, sizeof(number), "%u", i + 1);
        layout_rules_write(text, &o->rules[i]);
        const struct row *row = rows_find(&object->fields, slice_of(number));
        if (row == NULL || !slice_equal(text_slice(row->value), slice_of(text)))
            return RULES_MADE + 1;
    }
    return count;
}

// ---- counting up to the marks

static void take_reach(void *context, uint32_t key, const unsigned char actor[16]) {
    struct oracle *o = context;
    struct answer answer;
    struct slice name = o->shards[o->counting].model.key_names.at[key];
    const struct slice words[] = {slice_of("PFADD"), name, {(const char *)actor, 16}};
    sim_redis_command(&o->sketches, o->counting, words, 3, &answer);
}

static void shard_end(struct oracle *o, uint32_t number) {
    struct oracle_shard *s = &o->shards[number];
    if (!s->begun)
        return;
    recount_fold_fini(&s->fold);
    recount_model_fini(&s->model);
    keyspace_clear(&o->sketches.shards[number]);
    s->begun = false;
}

static void shard_begin(struct oracle *o, uint32_t number, size_t rules) {
    struct oracle_shard *s = &o->shards[number];
    shard_end(o, number);
    recount_model_init(&s->model, o->names, UINT32_MAX, take_reach, o);
    s->rules = (struct rules_book){.versions = (struct rules *)(uintptr_t)o->rules, .count = rules};
    s->setup = o->setup;
    s->setup.rules = &s->rules;
    recount_fold_init(&s->fold, &s->setup, &s->model);
    memcpy(s->at, o->starts, sizeof(s->at));
    s->begun = true;
}

// Records of a partition from a span before where the shard stood: their ids may come again.
static void count_partition(struct oracle *o, struct oracle_shard *s, int32_t partition, int64_t to) {
    const struct log_partition *p = &o->log->at[partition];
    int64_t from = s->at[partition] - o->setup.dedup_span;
    for (int64_t offset = from > 0 ? from : 0; offset < to; offset++) {
        const struct log_record *held = &p->records[offset];
        const struct recount_record r = {
            partition, offset, held->time_ms, {NULL, 0}, {(const char *)held->bytes, held->length}};
        if (held->present)
            recount_fold_record(&s->fold, &r);
    }
    s->at[partition] = to;
}

static void count_to(struct oracle *o, uint32_t number, const struct mark *marks, size_t rules) {
    int64_t wanted[REDIS_SHARDS_MAX * LOG_PARTITIONS_MAX] = {0};
    struct oracle_shard *s = &o->shards[number];
    bool back = !s->begun || s->rules.count != rules, forward = false;
    for (int32_t i = 0; i < LOG_PARTITIONS_MAX; i++)
        back = back || marks[i].next < s->at[i];
    if (back)
        shard_begin(o, number, rules);
    for (int32_t i = 0; i < LOG_PARTITIONS_MAX; i++) {
        wanted[number * LOG_PARTITIONS_MAX + (uint32_t)i] = marks[i].next;
        forward = forward || marks[i].next > s->at[i];
    }
    if (!forward)
        return;
    o->counting = number;
    recount_fold_round(&s->fold, wanted);
    for (int32_t i = 0; i < LOG_PARTITIONS_MAX; i++) {
        if (marks[i].next > s->at[i])
            count_partition(o, s, i, marks[i].next);
    }
}

// ---- comparing

static __int128 number(struct slice text) {
    __int128 value = 0;
    bool negative = text.length > 0 && text.at[0] == '-';
    for (size_t i = negative ? 1 : 0; i < text.length; i++)
        value = 10 * value + (text.at[i] - '0');
    return negative ? -value : value;
}

// What could not be applied of a field: ["key","field"] and, where that sum overflows, ["key","field","n"].
static __int128 fault_of(const struct checking *c, struct slice field) {
    char begin[KEY_MAX];
    __int128 sum = 0;
    int length = snprintf(begin, sizeof(begin), "[\"%.*s\",\"%.*s\"", TEXT(c->key), TEXT(field));
    for (uint32_t i = 0; c->faults != NULL && i < c->faults->fields.count; i++) {
        const struct row *row = &c->faults->fields.at[i];
        bool ours = strncmp(row->name->bytes, begin, (size_t)length) == 0;
        if (ours && strstr(row->name->bytes + length, "error") == NULL)
            sum += number(text_slice(row->value));
    }
    return sum;
}

static bool differs(struct checking *c, struct slice field, struct slice held, __int128 expected) {
    return wrong(c->oracle, "%.*s %.*s: Redis holds %.*s, the recount %lld", TEXT(c->key), TEXT(field),
                 TEXT(held), (long long)expected);
}

static struct model_reading *reading_of(const struct recount_model *m, uint32_t key, struct slice field,
                                        const char *end) {
    size_t length = strlen(end);
    if (field.length <= length || memcmp(field.at + field.length - length, end, length) != 0)
        return NULL;
    uint32_t figure = names_find(&m->field_names, (struct slice){field.at, field.length - length});
    uint32_t found = figure == TABLE_NONE ? TABLE_NONE : pairs_find(&m->reading_of, key, figure);
    return found == TABLE_NONE ? NULL : &m->readings[found];
}

// Scores are doubles: exact as far as doubles are, beyond that to their precision.
static bool score_is(struct slice text, __int128 expected) {
    const double whole = 9007199254740992.0; // 2^53
    double score = strtod(text.at, NULL), wanted = (double)expected;
    return fabs(wanted) <= whole ? score == wanted : fabs(score - wanted) <= 1e-9 * fabs(wanted);
}

static bool check_field(struct checking *c, uint32_t key, const struct row *row) {
    const struct recount_model *m = &c->shard->model;
    struct slice field = text_slice(row->name), value = text_slice(row->value);
    struct model_counter *counter = recount_model_counter(m, key, field);
    if (counter != NULL) {
        counter->met = true;
        __int128 due = counter->value - fault_of(c, field);
        return (m->keys[key].family == KEY_TOP ? score_is(value, due) : number(value) == due) ||
               differs(c, field, value, counter->value);
    }
    const struct model_reading *reading = reading_of(m, key, field, ".read_at");
    if (reading != NULL)
        return number(value) == reading->read_at_ms || differs(c, field, value, reading->read_at_ms);
    reading = reading_of(m, key, field, ".read_id");
    if (reading == NULL)
        return number(value) + fault_of(c, field) == 0 || differs(c, field, value, 0);
    char hex[33];
    for (size_t i = 0; i < sizeof(reading->id); i++)
        snprintf(hex + 2 * i, 3, "%02x", reading->id[i]);
    return slice_equal(value, slice_of(hex)) || differs(c, field, value, 0);
}

// Fields that Redis does not have must be 0, or faults.
static bool check_unmet(struct checking *c, uint32_t key) {
    struct recount_model *m = &c->shard->model;
    bool right = true;
    for (uint32_t i = m->keys[key].first_counter; i != TABLE_NONE; i = m->counters[i].next) {
        struct model_counter *counter = &m->counters[i];
        struct slice field = m->field_names.at[counter->field];
        if (!counter->met && right && counter->value != fault_of(c, field))
            right = differs(c, field, slice_of("nothing"), counter->value);
        counter->met = false;
    }
    return right;
}

static int64_t rank_time(const char *rank) {
    char digits[17] = {0};
    memcpy(digits, rank, 16);
    return strtoll(digits, NULL, 10);
}

static bool check_orders(struct checking *c, uint32_t key, const struct object *held) {
    const struct recount_model *m = &c->shard->model;
    uint32_t met = 0, wanted = 0;
    for (uint32_t i = 0; i < held->fields.count; i++) {
        struct slice hash = text_slice(held->fields.at[i].name), entry = text_slice(held->fields.at[i].value);
        uint32_t field = names_find(&m->field_names, hash);
        uint32_t found = field == TABLE_NONE ? TABLE_NONE : pairs_find(&m->order_of, key, field);
        if (found == TABLE_NONE || entry.length < ORDER_RANK_SIZE ||
            memcmp(entry.at, m->orders[found].rank, ORDER_RANK_SIZE) != 0)
            return wrong(c->oracle, "%.*s: another copy of an order counts", TEXT(c->key));
        met += rank_time(m->orders[found].rank) >= c->trim_before_ms;
    }
    for (uint32_t i = m->keys[key].first_order; i != TABLE_NONE; i = m->orders[i].next)
        wanted += rank_time(m->orders[i].rank) >= c->trim_before_ms;
    return met == wanted || wrong(c->oracle, "%.*s: %u orders of %u", TEXT(c->key), met, wanted);
}

static bool check_sketch(struct checking *c, uint32_t shard, const struct object *held) {
    const struct object *own = keyspace_find(&c->oracle->sketches.shards[shard], c->key);
    if (own == NULL || own->fields.count != held->fields.count)
        return wrong(c->oracle, "%.*s: %u registers, the recount has %u", TEXT(c->key), held->fields.count,
                     own != NULL ? own->fields.count : 0);
    for (uint32_t i = 0; i < held->fields.count; i++) {
        const struct row *row = &held->fields.at[i];
        const struct row *same = rows_find(&own->fields, text_slice(row->name));
        if (same == NULL || !slice_equal(text_slice(same->value), text_slice(row->value)))
            return wrong(c->oracle, "%.*s: register %s differs", TEXT(c->key), row->name->bytes);
    }
    return true;
}

// A key whose time was over by one version of the rules, and not yet by a later one, has lost what it held by
// the first: that is no function of the log.
static bool is_over(const struct checking *c, const struct model_key *key) {
    return key->expire_min_s != 0 && key->expire_min_s <= c->oracle->redis->now_s;
}

static bool check_key(struct checking *c, uint32_t shard, const struct object *held) {
    const struct recount_model *m = &c->shard->model;
    uint32_t key = recount_model_key(m, c->key);
    if (held->type == OBJECT_FOREIGN)
        return key == TABLE_NONE || is_over(c, &m->keys[key]) || check_unmet(c, key);
    if (key == TABLE_NONE) {
        for (uint32_t i = 0; i < held->fields.count; i++) {
            if (held->type == OBJECT_SKETCH || number(text_slice(held->fields.at[i].value)) != 0)
                return wrong(c->oracle, "%.*s: nothing in the log explains it", TEXT(c->key));
        }
        return true;
    }
    int64_t expire_s = m->keys[key].expire_max_s;
    if (expire_s != 0 && expire_s <= c->oracle->redis->now_s)
        return wrong(c->oracle, "%.*s: its time is over, and it is there again", TEXT(c->key));
    if (is_over(c, &m->keys[key]))
        return true;
    int64_t sure_s = m->keys[key].expire_sure_s;
    if (held->expire_s > expire_s || held->expire_s < (sure_s > 0 ? sure_s : m->keys[key].expire_min_s))
        return wrong(c->oracle, "%.*s expires at %" PRId64 ", not %" PRId64, TEXT(c->key), held->expire_s,
                     expire_s);
    if (held->type == OBJECT_SKETCH)
        return check_sketch(c, shard, held);
    if (m->keys[key].family == KEY_ORDERS)
        return check_orders(c, key, held);
    for (uint32_t i = 0; i < held->fields.count; i++) {
        if (!check_field(c, key, &held->fields.at[i]))
            return false;
    }
    return check_unmet(c, key);
}

static bool is_ours(const struct oracle *o, uint32_t shard, enum key_family family, struct slice name) {
    char own[KEY_MAX];
    const struct key_parts none = {0};
    size_t length = key_write(own, o->names, family, shard, &none);
    return slice_equal((struct slice){own, length}, name);
}

static bool check_keys(struct checking *c, uint32_t shard) {
    struct oracle *o = c->oracle;
    for (uint32_t i = 0; i < c->held->keys.count; i++) {
        const struct row *row = &c->held->keys.at[i];
        c->key = text_slice(row->name);
        if (is_ours(o, shard, KEY_META, c->key) || is_ours(o, shard, KEY_MARK, c->key) ||
            is_ours(o, shard, KEY_RULES, c->key) || is_ours(o, shard, KEY_FAULTS, c->key))
            continue;
        if (!check_key(c, shard, row->object))
            return false;
    }
    const struct recount_model *m = &c->shard->model;
    for (uint32_t key = 0; key < m->key_names.count; key++) {
        c->key = m->key_names.at[key];
        bool is_met = m->keys[key].shard != shard || keyspace_find(c->held, c->key) != NULL;
        if (is_met || is_over(c, &m->keys[key]))
            continue;
        enum key_family family = m->keys[key].family;
        if (family == KEY_REACH || family == KEY_TAG_REACH)
            return wrong(o, "%.*s is missing", TEXT(c->key));
        if (!check_unmet(c, key))
            return false;
    }
    return true;
}

// ---- marks

bool oracle_mark(const struct oracle *o, const struct keyspace *held, uint32_t shard, int32_t partition,
                 struct mark *mark) {
    char field[16];
    const struct object *marks = own_object(o, held, shard, KEY_MARK);
    snprintf(field, sizeof(field), "%d", partition);
    const struct row *row = marks != NULL ? rows_find(&marks->fields, slice_of(field)) : NULL;
    *mark = (struct mark){.next = o->starts[partition], .last = -1};
    return row == NULL || mark_parse(mark, text_slice(row->value));
}

static bool check_mark(struct oracle *o, uint32_t shard, int32_t partition, const struct mark *mark) {
    const struct fold_last last = recount_fold_last(&o->shards[shard].fold, shard, partition);
    bool same = mark->last == last.offset &&
                (last.offset < 0 || (mark->fingerprint == last.fingerprint && mark->time_ms == last.time_ms));
    return same || wrong(o,
                         "shard %u partition %d: the mark's last record is %" PRId64 " of %" PRId64
                         ", the recount's %" PRId64,
                         shard, partition, mark->last, mark->next, last.offset);
}

// No mark passes a refused event whose letter is not acknowledged.
static bool check_letters(struct oracle *o, uint32_t shard, int32_t partition, const struct mark *mark) {
    const struct log_partition *p = &o->log->at[partition];
    const struct rules_book *rules = &o->shards[shard].rules;
    for (int64_t offset = o->starts[partition]; offset < mark->next; offset++) {
        const struct log_record *r = &p->records[offset];
        if (r->present && (r->refused[rules_at(rules, r->time_ms)->version - 1] & ~r->lettered) != 0)
            return wrong(o,
                         "shard %u partition %d: the mark %" PRId64 " passes offset %" PRId64
                         ", whose dead letter is not acknowledged",
                         shard, partition, mark->next, offset);
    }
    return true;
}

bool oracle_check(struct oracle *o, const struct keyspace *held, uint32_t shard) {
    struct mark marks[LOG_PARTITIONS_MAX];
    struct checking c = {.oracle = o, .shard = &o->shards[shard], .held = held, .trim_before_ms = INT64_MAX};
    size_t rules = oracle_rules(o, held, shard);
    if (rules > RULES_MADE)
        return wrong(o, "shard %u: the rules that it keeps are not those that there are", shard);
    c.faults = own_object(o, held, shard, KEY_FAULTS);
    for (int32_t i = 0; i < LOG_PARTITIONS_MAX; i++) {
        if (!oracle_mark(o, held, shard, i, &marks[i]))
            return wrong(o, "shard %u: the mark of partition %d is not one", shard, i);
        if (marks[i].next > o->log->at[i].end && marks[i].next != o->starts[i])
            return wrong(o, "shard %u: the mark of partition %d is past the log's end", shard, i);
    }
    count_to(o, shard, marks, rules > 0 ? rules : 1);
    for (int32_t i = 0; i < o->log->initial; i++) {
        int64_t time_ms = marks[i].last >= 0 ? marks[i].time_ms : 0;
        c.trim_before_ms = time_ms < c.trim_before_ms ? time_ms : c.trim_before_ms;
    }
    c.trim_before_ms -= ORDER_TRIM_MS;
    for (int32_t i = 0; i < LOG_PARTITIONS_MAX; i++) {
        if (!check_mark(o, shard, i, &marks[i]) || !check_letters(o, shard, i, &marks[i]))
            return false;
    }
    return check_keys(&c, shard);
}

void oracle_init(struct oracle *o, struct sim_log *log, const struct sim_redis *redis,
                 const struct rules *rules, const struct recount_keys *keys) {
    *o = (struct oracle){.log = log, .redis = redis, .names = &redis->names, .rules = rules};
    for (int32_t i = 0; i < LOG_PARTITIONS_MAX; i++)
        o->starts[i] = log->at[i].start;
    o->setup = (struct fold_setup){
        .framing = {.framing = "auto", .max_event_bytes = 64 << 10, .max_message_bytes = 1 << 20},
        .keys = keys,
        .dedup_span = log->span,
        .partitions = LOG_PARTITIONS_MAX,
        .starts = o->starts};
    sim_redis_init(&o->sketches, redis->names.shards, 0);
}

void oracle_fini(struct oracle *o) {
    for (uint32_t i = 0; i < REDIS_SHARDS_MAX; i++)
        shard_end(o, i);
    sim_redis_fini(&o->sketches);
}
