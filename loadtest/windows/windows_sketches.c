#include "loadtest/windows/windows_sketches.h"

#include <stdlib.h>
#include <string.h>

#include "loadtest/recount/reading/recount_event.h"
#include "loadtest/windows/windows_model.h"
#include "runtime/check.h"
#include "runtime/memory.h"

enum {
    CONSENT_BIT_MEASUREMENT = 1,
    INDEX_BITS = 14,
    MEMBER_BYTES = 80, // about what one takes
    ROW_BYTES = 96,    // besides its name
};

void window_sketches_init(struct window_sketches *s) {
    *s = (struct window_sketches){0};
    names_init(&s->rows);
    names_init(&s->members);
}

void window_sketches_fini(struct window_sketches *s) {
    names_fini(&s->rows);
    names_fini(&s->members);
    pairs_fini(&s->seen_of);
    free(s->seen);
    free(s->at);
    free(s->middles);
    *s = (struct window_sketches){0};
}

// ---- rows and members

static uint32_t row_of(struct window_sketches *s, enum sketched of, const Clameur__V1__Event *e) {
    char name[WINDOW_ROW_MAX];
    const struct row_key key = {.table = sketched_rows[of].table,
                                .platform = (uint32_t)e->platform,
                                .account = recount_text(e->account_id),
                                .id = slice_of(sketched_rows[of].name)};
    uint32_t known = s->rows.count, row = names_put(&s->rows, window_row_write(name, &key));
    if (row < known)
        return row;
    if (known == s->room) {
        s->room = s->room == 0 ? 64 : 2 * s->room;
        s->at = memory_grow(s->at, s->room, sizeof(*s->at));
    }
    s->at[row] = (struct window_sketched){.first = TABLE_NONE};
    return row;
}

static void see(struct window_sketches *s, uint32_t row, uint32_t number) {
    uint32_t *at = pairs_put(&s->seen_of, row, number);
    if (*at == TABLE_NONE) {
        if (s->seen_count == s->seen_room) {
            s->seen_room = s->seen_room == 0 ? 256 : 2 * s->seen_room;
            s->seen = memory_grow(s->seen, s->seen_room, sizeof(*s->seen));
        }
        *at = s->seen_count++;
        s->seen[*at] = (struct window_seen){.number = number, .next = s->at[row].first};
        s->at[row].first = *at;
        s->at[row].members++;
    }
    s->seen[*at].count++;
    s->at[row].events++;
}

// ---- whom

static void see_who(struct window_sketches *s, enum sketched of, const Clameur__V1__Event *e,
                    const unsigned char pseudonym[RECOUNT_PSEUDONYM_SIZE]) {
    struct slice bytes = {(const char *)pseudonym, RECOUNT_PSEUDONYM_SIZE};
    see(s, row_of(s, of, e), names_put(&s->members, bytes));
}

// Content that is a message's: what is done to it is done in a conversation.
static bool is_of_message(const Clameur__V1__Event *e) {
    static const uint32_t kinds[] = {KIND_LIKE,  KIND_REACTION,  KIND_COMMENT,
                                     KIND_REPLY, KIND_POLL_VOTE, KIND_ANSWER};
    bool is_one = false;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        is_one = is_one || (uint32_t)e->kind == kinds[i];
    return is_one && (uint32_t)e->content_format == CLAMEUR__V1__CONTENT_FORMAT__CONTENT_FORMAT_MESSAGE;
}

// Each sketch of actors by its own sentence: one event may be in several.
static void see_actor(struct window_sketches *s, const Clameur__V1__Event *e,
                      const unsigned char who[RECOUNT_PSEUDONYM_SIZE]) {
    uint32_t kind = (uint32_t)e->kind, origin = (uint32_t)e->origin;
    bool is_ambassador = origin == CLAMEUR__V1__ORIGIN__ORIGIN_AMBASSADOR;
    bool is_employee = origin == CLAMEUR__V1__ORIGIN__ORIGIN_EMPLOYEE;
    see_who(s, SKETCHED_ACTORS, e, who);
    see_who(s, e->paid ? SKETCHED_ACTORS_PAID : SKETCHED_ACTORS_ORGANIC, e, who);
    if (origin == CLAMEUR__V1__ORIGIN__ORIGIN_BRAND)
        see_who(s, SKETCHED_ACTORS_BRAND, e, who);
    if (origin == CLAMEUR__V1__ORIGIN__ORIGIN_UGC)
        see_who(s, SKETCHED_ACTORS_UGC, e, who);
    if (is_ambassador)
        see_who(s, SKETCHED_ACTORS_AMBASSADOR, e, who);
    if (is_employee)
        see_who(s, SKETCHED_ACTORS_EMPLOYEE, e, who);
    if (is_ambassador || is_employee)
        see_who(s, SKETCHED_ACTORS_ADVOCACY, e, who);
    if (kind == KIND_LIVE_JOIN || kind == KIND_LIVE_HEARTBEAT || kind == KIND_LIVE_SPEAK)
        see_who(s, SKETCHED_LIVE_ACTORS, e, who);
    if (kind == KIND_MEMBER_ACTIVE || kind == KIND_MESSAGE_REPLY || is_of_message(e))
        see_who(s, SKETCHED_ACTIVE_MEMBERS, e, who);
}

static void see_people(struct window_sketches *s, const struct recount_keys *keys, int64_t time_ms,
                       const Clameur__V1__Event *e) {
    unsigned char who[RECOUNT_PSEUDONYM_SIZE];
    if ((e->consent & CONSENT_BIT_MEASUREMENT) == 0 || (uint32_t)e->kind == KIND_ERASURE)
        return;
    if (e->actor_id.len > 0) {
        recount_pseudonym(keys, time_ms, (uint32_t)e->platform, recount_text(e->actor_id), who);
        see_actor(s, e, who);
    }
    if (e->person_id.len > 0) {
        recount_pseudonym_of_person(keys, time_ms, recount_text(e->person_id), who);
        see_who(s, SKETCHED_PERSONS, e, who);
    }
}

// ---- how long

// Bucket 0 is of 0 and what is less; the last has what is longer, too.
static void buckets_lay_out(struct window_sketches *s) {
    s->middles = memory_take(SKETCH_BUCKETS * sizeof(*s->middles));
    int64_t least = 1;
    for (int bucket = 1; bucket < SKETCH_BUCKETS; bucket++) {
        s->middles[bucket] = least * 101 / 100;
        least = s->middles[bucket] * 100 / 99 + 1;
    }
}

static uint32_t bucket_of(const struct window_sketches *s, int64_t duration_ms) {
    uint32_t low = 0, high = SKETCH_BUCKETS - 1;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (s->middles[middle] * 100 / 99 < duration_ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void see_duration(struct window_sketches *s, enum sketched of, const Clameur__V1__Event *e,
                         int64_t duration_ms) {
    if (s->middles == NULL)
        buckets_lay_out(s);
    see(s, row_of(s, of, e), bucket_of(s, duration_ms));
}

static void see_since(struct window_sketches *s, enum sketched of, const Clameur__V1__Event *e,
                      int64_t since_ms) {
    if (since_ms > 0)
        see_duration(s, of, e, e->occurred_at - since_ms);
}

static void see_durations(struct window_sketches *s, const Clameur__V1__Event *e) {
    uint32_t kind = (uint32_t)e->kind;
    Clameur__V1__Event__BodyCase body = e->body_case;
    if (kind == KIND_VIEW && body == CLAMEUR__V1__EVENT__BODY_VIEW && recount_delta(e) == 1 &&
        e->view->watch_ms != 0)
        see_duration(s, SKETCHED_WATCH_MS, e, e->view->watch_ms);
    if (kind == KIND_MESSAGE_REPLY && body == CLAMEUR__V1__EVENT__BODY_MESSAGE)
        see_since(s, SKETCHED_RESPONSE_MS, e, e->message->replied_to_at);
    if (kind == KIND_FIRST_RESPONSE && body == CLAMEUR__V1__EVENT__BODY_CARE)
        see_since(s, SKETCHED_FIRST_RESPONSE_MS, e, e->care->opened_at);
    if (kind == KIND_CASE_RESOLVED && body == CLAMEUR__V1__EVENT__BODY_CARE)
        see_since(s, SKETCHED_RESOLUTION_MS, e, e->care->opened_at);
    if (kind == KIND_DEAL_WON && body == CLAMEUR__V1__EVENT__BODY_LEAD)
        see_since(s, SKETCHED_CYCLE_MS, e, e->lead->opened_at);
}

size_t window_sketches_add(struct window_sketches *s, const struct recount_keys *keys, int64_t time_ms,
                           const Clameur__V1__Event *e) {
    uint32_t rows = s->rows.count, seen = s->seen_count;
    if ((uint32_t)e->kind == KIND_READING)
        return 0;
    see_people(s, keys, time_ms, e);
    see_durations(s, e);
    return (s->rows.count - rows) * (ROW_BYTES + e->account_id.len) + (s->seen_count - seen) * MEMBER_BYTES;
}

// ---- what they come to

// The pseudonym's first 14 bits say which register; its value is one more than the zeros that follow.
static void register_raise(unsigned char registers[SKETCH_REGISTERS], const unsigned char *pseudonym) {
    uint64_t hash = 0;
    unsigned char value = 1;
    for (int i = 0; i < 8; i++)
        hash = hash << 8 | pseudonym[i];
    for (int bit = 63 - INDEX_BITS; bit >= 0 && (hash >> bit & 1) == 0; bit--)
        value++;
    unsigned char *at = &registers[hash >> (64 - INDEX_BITS)];
    *at = value > *at ? value : *at;
}

void window_sketches_registers(const struct window_sketches *s, uint32_t row,
                               unsigned char out[SKETCH_REGISTERS]) {
    memset(out, 0, SKETCH_REGISTERS);
    for (uint32_t i = s->at[row].first; i != TABLE_NONE; i = s->seen[i].next)
        register_raise(out, (const unsigned char *)s->members.at[s->seen[i].number].at);
}

void window_sketches_buckets(const struct window_sketches *s, uint32_t row, uint64_t out[SKETCH_BUCKETS]) {
    memset(out, 0, SKETCH_BUCKETS * sizeof(*out));
    for (uint32_t i = s->at[row].first; i != TABLE_NONE; i = s->seen[i].next)
        out[s->seen[i].number] = s->seen[i].count;
}

int64_t window_bucket_middle(const struct window_sketches *s, uint32_t bucket) {
    CHECK(bucket < SKETCH_BUCKETS);
    return s->middles == NULL ? 0 : s->middles[bucket];
}
