#include "loadtest/generate/compose.h"

enum {
    OBSERVATION_MS_MAX = 2000, // between what happened and its being sent
    SHOW_LENGTH_MS = 1800000,
    SHOW_VIEWERS = 12,
    HOT_PERCENT = 60,
};

// --- Names: some hold what the names of keys must encode, some are not ASCII.

static ProtobufCBinaryData account_name(struct draft *d, const struct world *w, uint64_t account) {
    if (!w->mix->rich)
        return draft_numbered(d, "account-", 1000 + account);
    if (account == 0)
        return draft_literal("acme");
    static const char *const forms[] = {"brand-", "acme:eu-", "100%-", "{brand}", "café-", "日本-"};
    return draft_numbered(d, forms[account % 6], account);
}

static ProtobufCBinaryData content_name(struct draft *d, const struct world *w, uint64_t content) {
    static const char *const forms[] = {"post:", "{reel}%", "vidéo/", "投稿"};
    draft_begin(d);
    if (w->mix->rich && content % 16 < 4)
        draft_put(d, forms[content % 4]);
    draft_put_hex(d, random_mix(content), 16);
    return draft_end(d);
}

static ProtobufCBinaryData campaign_name(struct draft *d, uint64_t account, uint64_t number) {
    draft_begin(d);
    draft_put(d, number == 3 ? "soldes:été-" : "campaign-");
    draft_put_number(d, account);
    draft_put(d, "-");
    draft_put_number(d, number);
    return draft_end(d);
}

// A show of the account, a new one every half hour.
static ProtobufCBinaryData session_name(struct draft *d, uint64_t account, int64_t now_ms) {
    draft_begin(d);
    draft_put(d, "live:");
    draft_put_number(d, account);
    draft_put(d, "/");
    draft_put_number(d, (uint64_t)(now_ms / SHOW_LENGTH_MS));
    return draft_end(d);
}

// --- The envelope

// UUIDv7: 48 bits of milliseconds, then what seed and index say.
static void write_id(const struct world *w, const struct moment *m, struct draft *d) {
    struct random r = random_at(w->seed, RANDOM_STREAM_ID, m->index);
    uint64_t words[2] = {(uint64_t)m->sent_ms << 16 | (random_next(&r) & 0xffff), random_next(&r)};
    for (size_t i = 0; i < sizeof(d->id); i++)
        d->id[i] = (unsigned char)(words[i / 8] >> (56 - 8 * (i % 8)));
    draft_stamp_id(d, 7);
}

static bool has_actor(uint32_t kind) {
    return kind != KIND_SPEND && kind != KIND_READING && kind != KIND_ERASURE;
}

// Consent is the actor's, the same in every event. A third of the persons are known to the brand.
static void write_actor(const struct world *w, struct draft *d, uint64_t actor) {
    static const uint32_t consents[] = {3, 3, 3, 1, 3, 1, 2, 3, 3, 0};
    Clameur__V1__Event *e = &d->event;
    draft_begin(d);
    draft_put(d, w->mix->rich && actor % 11 == 0 ? "usér:{%}" : "u");
    draft_put_hex(d, random_mix(actor), 16);
    e->actor_id = draft_end(d);
    e->consent = consents[actor % 10];
    if (w->mix->rich && actor % 3 == 0)
        e->person_id = draft_numbered(d, "cust-", actor);
}

static void write_delta(struct draft *d, struct random *r) {
    uint64_t ticket = random_below(r, 100);
    if (d->event.kind == (Clameur__V1__Kind)KIND_PURCHASE || ticket >= 8)
        return;
    d->event.delta = ticket < 4 ? -1 : (int64_t)ticket - 3;
}

static void write_tags(struct draft *d, struct random *r, bool always) {
    static const char *const tags[] = {"summer", "été", "50%off", "a:b", "{x}", "danse", "ootd", "春"};
    if (!always && !random_percent(r, 15))
        return;
    size_t count = (size_t)random_between(r, 1, 3); // the same one twice among them, now and then
    for (size_t i = 0; i < count; i++)
        d->tags[i] = draft_literal(tags[random_below(r, 8)]);
    d->event.tags = d->tags;
    d->event.n_tags = count;
}

static void write_utm(struct draft *d, struct random *r) {
    clameur__v1__utm__init(&d->utm);
    d->utm.source = draft_literal("instagram");
    d->utm.medium = draft_literal("paid_social");
    d->utm.campaign = draft_numbered(d, "utm-", random_below(r, 40));
    d->event.utm = &d->utm;
}

static void write_unlisted_names(struct draft *d) {
    if (platform_name((uint32_t)d->event.platform) == NULL)
        d->event.platform_name = draft_numbered(d, "hive-", (uint64_t)d->event.platform);
    if (kind_find((uint32_t)d->event.kind) == NULL)
        d->event.kind_name = draft_literal("duet");
}

static bool is_live(uint32_t kind) {
    return kind >= KIND_LIVE_JOIN && kind <= KIND_GIFT;
}

// The shows of an account have few viewers, so that each is heard of more than once, and some fall silent.
static uint64_t actor_of(const struct world *w, const struct subject *s, uint32_t kind) {
    uint64_t actor = random_below(s->random, w->actors);
    if (kind < KIND_LIVE_JOIN || kind > KIND_LIVE_HEARTBEAT)
        return actor;
    return (s->account * SHOW_VIEWERS + actor % SHOW_VIEWERS) % w->actors;
}

// What only the rich mixes carry.
static void write_riches(struct draft *d, struct subject *s) {
    struct random *r = s->random;
    uint32_t kind = (uint32_t)d->event.kind;
    if (is_live(kind) || (has_actor(kind) && random_percent(r, 6)))
        d->event.live_session_id = session_name(d, s->account, s->occurred_at_ms);
    if (has_actor(kind)) {
        write_delta(d, r);
        write_tags(d, r, kind == KIND_CHALLENGE_ENTRY);
    }
    if (random_percent(r, 10))
        write_utm(d, r);
    write_unlisted_names(d);
}

// --- The event

static uint64_t choose_content(const struct world *w, const struct moment *m, struct random *r) {
    uint64_t rank = zipf_draw(&w->contents, r);
    bool hot = m->hot_content != 0 && random_percent(r, HOT_PERCENT);
    return hot ? m->hot_content : rank;
}

// A content lies at one account and, of the places where a kind happens, on one platform.
static uint32_t platform_of(const struct mix_place *place, uint64_t content) {
    return place->platforms[random_mix(content + 2 * RANDOM_STEP) % place->count];
}

// Spend goes by content, campaign or account; a reading by content or account; an erasure has no subject but
// the person.
static bool names_content(uint32_t kind, struct random *r) {
    if (kind == KIND_ERASURE)
        return false;
    return has_actor(kind) || random_percent(r, kind == KIND_SPEND ? 30 : 70);
}

static bool names_campaign(uint32_t kind, struct random *r) {
    if (kind == KIND_ERASURE || kind == KIND_READING)
        return false;
    return random_percent(r, kind == KIND_SPEND ? 70 : 35);
}

static void write_envelope(const struct world *w, struct subject *s, uint64_t content) {
    struct random *r = s->random;
    Clameur__V1__Event *e = &s->draft->event;
    e->account_id = account_name(s->draft, w, s->account);
    if (names_campaign((uint32_t)e->kind, r)) {
        e->campaign_id = campaign_name(s->draft, s->account, random_below(r, 8));
        e->paid = random_percent(r, 60);
    }
    e->content_format = (Clameur__V1__ContentFormat)(random_mix(content) % 18);
    e->origin = (Clameur__V1__Origin)(random_mix(content) / 32 % 5);
    e->traffic_source = (Clameur__V1__TrafficSource)random_below(r, 13);
    e->country = draft_literal(random_percent(r, 70) ? "FR" : "DE");
    e->language = draft_literal("fr");
}

uint32_t compose_kind(const struct world *w, uint64_t index) {
    struct random r = random_at(w->seed, RANDOM_STREAM_EVENT, index);
    return mix_row_at(w->mix, random_below(&r, w->mix_weight))->kind;
}

void compose_event(const struct world *w, const struct moment *m, struct draft *d) {
    draft_reset(d);
    struct random r = random_at(w->seed, RANDOM_STREAM_EVENT, m->index);
    const struct mix_row *row = mix_row_at(w->mix, random_below(&r, w->mix_weight));
    uint64_t content = choose_content(w, m, &r);
    int64_t seen_ms = m->sent_ms - (int64_t)random_below(&r, OBSERVATION_MS_MAX);
    struct subject s = {
        .draft = d,
        .random = &r,
        .seed = w->seed,
        .index = m->index,
        .accounts = w->accounts,
        .account = random_mix(content + RANDOM_STEP) % w->accounts,
        .occurred_at_ms = seen_ms + m->shift_ms,
    };
    Clameur__V1__Event *e = &d->event;
    e->platform = (Clameur__V1__Platform)platform_of(row->place, content);
    e->kind = (Clameur__V1__Kind)row->kind;
    e->occurred_at = s.occurred_at_ms;
    e->observed_at = seen_ms;
    write_id(w, m, d);
    if (names_content(row->kind, &r))
        e->content_id = content_name(d, w, content);
    if (has_actor(row->kind))
        write_actor(w, d, actor_of(w, &s, row->kind));
    row->write_body(&s);
    write_envelope(w, &s, content);
    if (w->mix->rich)
        write_riches(d, &s);
}
