// The worker's ownership, flushes and records as they are, over a real Redis and a log that this file plays.
//
// Played: Kafka's source, the dead-letter topic, the loop's clock, and the link, whose calls reach Redis when
// a turn delivers them, or never, or without their answer.
#pragma once

#include "decode_fixture.h"
#include "flush_fixture.h"
#include "ingest/pipeline/pipeline_internal.h"

enum { SHARDS = 3, PARTITIONS = 2, LOG = 400, SPAN = 16, CALLS_MAX = 1024, BATCH = 5 };

#define DAY_S "1767139200" // of the events

enum fate { DELIVERED, UNSENT, UNANSWERED, HELD, REFUSED };

struct pending {
    char *bytes;
    size_t length;
    uint32_t shard;
    redis_callback callback;
    void *context;
};

static struct pending pending[CALLS_MAX];
static size_t pending_count;
static enum fate fates[SHARDS]; // of the calls to each shard
static bool routed;             // a cluster
static bool away[SHARDS];       // its node is
static bool bounds_known, commits_accepted;
static int32_t leaderless; // a partition of which nobody says the bounds; -1: none
static int questions;      // for bounds
static uint64_t commit_asked[64], commits;
static size_t commit_count;
static int64_t committed_at[PARTITIONS]; // -1: nothing was
static int64_t now_ms, reading_at[PARTITIONS], log_end;
static int64_t log_first, log_last; // as the broker tells them
static int64_t log_shift_ms;        // of the records' times: another log
static int64_t log_hole;            // an offset without a record: another log; -1: none
static int64_t spoiled;             // the offset of a record without an account; -1: none
static uint64_t letters_sent, letters_settled;
static bool letters_withheld;
static size_t arena_peak;      // held while something was refused
static uint64_t letters_bound; // outstanding, and they are full
static int64_t foreign_to;     // records before are no events
static const char *stop_code;  // with which the worker must stop, and has not yet
static bool owned[PARTITIONS];
static struct startup startup;
static struct rules rules;
static struct pipeline *p;

// ---- the world, as the worker sees it

// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): `p` is the world's
void pipeline_fail(struct pipeline *stopped, const struct problem *problem) {
    if (stop_code == NULL || strcmp(problem->code, stop_code) != 0)
        fail_msg("the worker stops: %s", problem->what);
    stopped->stopping = true;
    stop_code = NULL;
}

int64_t loop_now_ms(const struct loop *l) {
    return now_ms;
}

static void deliver_one(struct pending *call) {
    static redisReply loading = {.type = REDIS_REPLY_ERROR, .str = (char *)"LOADING a dump"};
    enum fate fate = fates[call->shard];
    redisReply *reply = NULL;
    if (fate == DELIVERED || fate == UNANSWERED) {
        const struct flush_call bytes = {.bytes = call->bytes, .length = call->length};
        reply = call_send(&bytes);
    }
    free(call->bytes);
    bool answered = fate == DELIVERED || fate == REFUSED;
    call->callback(call->context, answered ? REDIS_LINK_REPLY : REDIS_LINK_LOST,
                   !answered         ? NULL
                   : fate == REFUSED ? &loading
                                     : reply);
    if (reply != NULL)
        freeReplyObject(reply);
}

void loop_turn(struct loop *l, int wait_ms) {
    static struct pending taken[CALLS_MAX];
    size_t count = 0, held = 0;
    now_ms += 10;
    for (size_t i = 0; i < pending_count; i++) {
        if (fates[pending[i].shard] == HELD)
            pending[held++] = pending[i];
        else
            taken[count++] = pending[i];
    }
    pending_count = held;
    for (size_t i = 0; i < count; i++)
        deliver_one(&taken[i]);
}

// Each shard has a node of its own.
static uint32_t shard_of(int slot) {
    uint32_t shard = 0;
    while (shard < SHARDS && key_shard_slot(shard) != slot)
        shard++;
    assert_true(shard < SHARDS);
    return shard;
}

bool redis_router_up(const struct redis_router *router, int slot) {
    return !away[shard_of(slot)];
}
bool redis_router_routes(const struct redis_router *router) {
    return routed;
}
size_t redis_router_node_of(const struct redis_router *router, int slot) {
    return shard_of(slot);
}
const struct redis_node *redis_router_node(const struct redis_router *router, size_t number) {
    static struct redis_node nodes[SHARDS];
    if (number >= SHARDS)
        return NULL;
    nodes[number] = (struct redis_node){.id = number + 1, .number = number, .slots = 1};
    return &nodes[number];
}
size_t redis_router_numbers(const struct redis_router *router) {
    return SHARDS;
}
const char *redis_router_error(const struct redis_router *router) {
    return "";
}
void redis_router_turn(struct redis_router *router, int64_t time_ms) {}

static void call_add(uint32_t shard, char *bytes, size_t length, redis_callback callback, void *context) {
    assert_true(pending_count < CALLS_MAX);
    pending[pending_count++] = (struct pending){bytes, length, shard, callback, context};
}

void redis_router_send(struct redis_router *router, int slot, const char *bytes, size_t length,
                       redis_callback callback, void *context) {
    char *copy = malloc(length);
    memcpy(copy, bytes, length);
    call_add(shard_of(slot), copy, length, callback, context);
}

void redis_router_command(struct redis_router *router, int slot, int count, const char *const *words,
                          const size_t *lengths, redis_callback callback, void *context) {
    char *bytes;
    long long length = redisFormatCommandArgv(&bytes, count, (const char **)(uintptr_t)words, lengths);
    call_add(shard_of(slot), bytes, (size_t)length, callback, context);
}

// The node's own link.
bool redis_link_up(const struct redis_link *link) {
    return true;
}
bool redis_link_distrusted(const struct redis_link *link) {
    return false;
}
bool redis_link_not_allowed(const struct redis_link *link) {
    return false;
}
const char *redis_link_error(const struct redis_link *link) {
    return "";
}

void redis_link_command(struct redis_link *link, int count, const char *const *words, const size_t *lengths,
                        redis_callback callback, void *context) {
    char *bytes;
    long long length = redisFormatCommandArgv(&bytes, count, (const char **)(uintptr_t)words, lengths);
    call_add(0, bytes, (size_t)length, callback, context);
}

enum status source_extents(struct source *source, struct source_extent *extents, size_t count, int timeout_ms,
                           struct problem *problem) {
    bool known = bounds_known;
    questions++;
    for (size_t i = 0; i < count; i++) {
        extents[i].first = log_first;
        extents[i].end = log_last;
        known = known && extents[i].partition != leaderless;
    }
    return known ? STATUS_OK : problem_set(problem, STATUS_UNAVAILABLE, "", "", "no broker");
}

enum status source_seek(struct source *source, const struct source_position *positions, size_t count) {
    for (size_t i = 0; i < count; i++)
        reading_at[positions[i].partition] = positions[i].offset;
    return STATUS_OK;
}

uint64_t source_commit(struct source *source, const struct source_position *positions, size_t count) {
    for (size_t i = 0; i < count; i++)
        committed_at[positions[i].partition] = positions[i].offset;
    if (commit_count < 64)
        commit_asked[commit_count++] = ++commits;
    return commits;
}

uint64_t deadletter_send(struct deadletter *d, const struct record *record, int32_t index, struct slice part,
                         enum reject reason) {
    if (record->offset != spoiled && record->offset >= foreign_to)
        fail_msg("rejected: %d", reason);
    if (arena_held(&p->arena) > arena_peak)
        arena_peak = arena_held(&p->arena);
    return ++letters_sent;
}
uint64_t deadletter_sent(const struct deadletter *d) {
    return letters_sent;
}
uint64_t deadletter_settled(const struct deadletter *d) {
    return letters_settled;
}
uint64_t deadletter_acknowledged(const struct deadletter *d, enum reject reason) {
    return 0;
}
void deadletter_withhold(struct deadletter *d) {
    letters_withheld = true;
}
void deadletter_release(struct deadletter *d) {
    letters_withheld = false;
}
void deadletter_discard(struct deadletter *d) {
    letters_withheld = false;
    letters_sent = letters_settled;
}
bool deadletter_full(const struct deadletter *d) {
    return letters_sent - letters_settled > letters_bound;
}
// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): `now_ms` is the world's
void deadletter_poll(struct deadletter *d, int64_t time_ms) {}

// ---- the log: every seventh record repeats the id of one within the span

static bool is_repeated(int64_t offset) {
    return offset % 7 == 6;
}

static const char *account_of(int64_t offset) {
    static char name[24];
    snprintf(name, sizeof(name), "brand%lld", (long long)(offset * 5 % 16));
    return name;
}

// Every ninth place holds no record, as transactions leave them.
static bool is_empty(int64_t offset) {
    return offset % 9 == 8;
}

// One actor in three comes in both partitions.
static const char *actor_of(int32_t partition, int64_t offset) {
    static char name[32];
    snprintf(name, sizeof(name), "%d:%lld", offset % 3 == 0 ? 0 : partition, (long long)offset);
    return name;
}

static size_t record_pack(unsigned char *out, int32_t partition, int64_t offset) {
    char id[17];
    Clameur__V1__Event m = plain_event();
    snprintf(id, sizeof(id), "%04d%012lld", partition,
             (long long)(is_repeated(offset) ? offset - 5 : offset));
    m.event_id = text_of(id);
    m.account_id = text_of(offset == spoiled     ? ""
                           : is_repeated(offset) ? account_of(offset - 5)
                                                 : account_of(offset));
    m.actor_id = text_of(actor_of(partition, is_repeated(offset) ? offset - 5 : offset));
    m.consent = CONSENT_MEASUREMENT;
    return clameur__v1__event__pack(&m, out);
}

static void read_batch(int32_t partition) {
    static unsigned char values[BATCH][256];
    struct record records[BATCH];
    size_t count = 0;
    int64_t *at = &reading_at[partition];
    if (!owned[partition] || *at < 0 || flush_pressure(p) != PRESSURE_NONE)
        return;
    for (; *at < log_end && count < BATCH; ++*at) {
        if (is_empty(*at) || *at == log_hole)
            continue;
        size_t length =
            *at < foreign_to ? sizeof("something else") : record_pack(values[count], partition, *at);
        if (*at < foreign_to)
            memcpy(values[count], "something else", length);
        records[count] = (struct record){partition,
                                         *at,
                                         FIXTURE_TIME_MS + *at + log_shift_ms,
                                         {NULL, 0},
                                         {(const char *)values[count], length}};
        count++;
    }
    if (count == 0 && *at == log_end)
        ownership_events.ended(p, partition, log_end);
    size_t taken = records_process(p, records, count);
    if (taken < count)
        *at = records[taken].offset;
}

// What the log's first `to` records of both partitions come to in a shard.
static int64_t recount(uint32_t shard, int64_t to) {
    int64_t sum = 0;
    for (int64_t offset = 0; offset < to; offset++) {
        bool original_is_there = is_repeated(offset) && !is_empty(offset - 5);
        int64_t source = is_repeated(offset) ? offset - 5 : offset;
        if (!is_empty(offset) && !original_is_there &&
            key_shard(&keys, slice_of(account_of(source))) == shard)
            sum += PARTITIONS;
    }
    return sum;
}

// The same persons as the log's, put into scratch keys, come to the same registers.
static void expect_reach(int64_t to) {
    tell("SELECT 2");
    tell("FLUSHDB");
    for (int32_t partition = 0; partition < PARTITIONS; partition++) {
        for (int64_t offset = 0; offset < to; offset++) {
            int64_t source = is_repeated(offset) ? offset - 5 : offset;
            unsigned char actor[PSEUDONYM_SIZE];
            pseudonym_actor(fixture.pseudonyms, FIXTURE_TIME_MS, PLATFORM_TIKTOK,
                            slice_of(actor_of(partition, source)), actor);
            if (!is_empty(offset))
                tell("PFADD %s %b", account_of(source), actor, sizeof(actor));
        }
    }
    for (int64_t i = 0; i < 16; i++) {
        char want[24];
        const char *account = account_of(i);
        tell("SELECT 2");
        redisReply *reply = ask("PFCOUNT %s", account);
        snprintf(want, sizeof(want), "%lld", reply->integer);
        freeReplyObject(reply);
        tell("SELECT 0");
        expect(want, "PFCOUNT clm:{%s}:reach:%s:tiktok:%s", keys.tags[key_shard(&keys, slice_of(account))],
               account, DAY_S);
    }
}

// ---- the worker

static int begin(void **state) {
    tell("FLUSHALL");
    library_load();
    key_space_init(&keys, "clm", SHARDS);
    for (int i = 0; i < SHARDS; i++)
        tell("HSET clm:{%s}:meta deployment " DEPLOYMENT " partitions 2 starts %s", keys.tags[i], "0 0");
    startup = (struct startup){
        .basis = {.rules = {.versions = &rules, .count = 1}, .pseudonyms = fixture.pseudonyms}, .keys = keys};
    rules = (struct rules){.version = 1, .max_future_skew_ms = DELTA_PLATFORMS * HOUR_MS, .max_past_ms = -1};
    memcpy(rules.hash, version_1.hash, sizeof(rules.hash));
    key_1 = *startup_sender(&startup).keys; // the other worker's too
    rules.series_retain_ms = rules.reach_retain_ms = 100000 * 24 * HOUR_MS;
    startup.basis.settings.redis_flush_min_ms = startup.basis.settings.redis_flush_max_ms = 100;
    startup.basis.settings.redis_flush_max_ops = 4000;
    startup.basis.settings.redis_timeout_ms = startup.basis.settings.shutdown_drain_ms = 200;
    startup.basis.settings.dedup_max_ids = 100000;
    startup.basis.settings.decode_framing = "auto";
    startup.meta = (struct meta){.deployment = DEPLOYMENT, .dedup_span = SPAN, .partitions = PARTITIONS};
    p = memory_take(sizeof(*p));
    p->startup = &startup;
    arena_init(&p->arena, 1 << 16);
    p->decoder = fixture.decoder;
    p->seen = seen_create(16);
    p->families = UINT32_MAX;
    p->positions = memory_take(PARTITIONS_MAX * sizeof(*p->positions));
    p->claimed = memory_take(PARTITIONS_MAX * sizeof(*p->claimed));
    p->shards = memory_take(SHARDS * sizeof(*p->shards));
    p->flush_interval_ms = 100;
    rota_init(&p->bounds, PARTITIONS_MAX);
    questions = 0;
    for (uint32_t i = 0; i < SHARDS; i++) {
        shard_init(&p->shards[i], i);
        fates[i] = DELIVERED;
        away[i] = false;
    }
    now_ms = 1000;
    routed = false;
    bounds_known = commits_accepted = true;
    leaderless = -1;
    commit_count = 0;
    committed_at[0] = committed_at[1] = -1;
    log_end = log_first = log_shift_ms = 0;
    log_last = LOG;
    spoiled = log_hole = -1;
    foreign_to = 0;
    letters_withheld = false;
    letters_bound = UINT64_MAX;
    arena_peak = 0;
    breaker_open(p);
    letters_sent = letters_settled = 0;
    stop_code = NULL;
    return 0;
}

static void take_away(int32_t partition, bool lost) {
    ownership_events.revoked(p, &partition, 1, lost);
    owned[partition] = false;
}

static int end(void **state) {
    for (int32_t i = 0; i < PARTITIONS; i++)
        if (owned[i])
            take_away(i, true);
    for (int i = 0; i < SHARDS; i++)
        fates[i] = UNSENT;
    loop_turn(NULL, 0);
    for (uint32_t i = 0; i < SHARDS; i++)
        shard_fini(&p->shards[i]);
    arena_fini(&p->arena);
    seen_destroy(&p->seen);
    free(p->shards);
    free(p->claimed);
    free(p->positions);
    free(p);
    return 0;
}

static void assign(int32_t partition) {
    struct source_position position = {partition, SOURCE_START_UNKNOWN};
    ownership_events.assigned(p, &position, 1);
    reading_at[partition] = position.offset;
    owned[partition] = true;
}

static void turn(void) {
    loop_turn(NULL, 0);
    p->now_ms = now_ms;
    for (size_t i = 0; i < commit_count; i++)
        ownership_events.committed(p, commit_asked[i], commits_accepted);
    commit_count = 0;
    ownership_turn(p);
    flush_turn(p);
    commit_turn(p);
    for (int32_t i = 0; i < PARTITIONS; i++)
        read_batch(i);
    breaker_turn(p);
}

static void turns(int count) {
    while (count-- > 0)
        turn();
}

static inline void another_claims(int32_t partition) {
    struct flush_claimed claimed;
    for (uint32_t i = 0; i < SHARDS; i++)
        assert_int_equal(claim_on(i, &partition, 1, &claimed), FLUSH_APPLIED);
}

// The balance holds at any time; at rest Redis holds what the log says.
static void expect_balance(void) {
    const struct tally *t = &p->tally;
    assert_int_equal(t->read, t->counted + t->rejected + t->duplicate + t->replayed + t->in_flight);
}

static void expect_exact(int64_t to) {
    char want[24];
    for (uint32_t i = 0; i < SHARDS; i++) {
        snprintf(want, sizeof(want), "%lld", (long long)recount(i, to));
        expect(want, "HGET clm:{%s}:platform:tiktok likes", keys.tags[i]);
    }
    expect_balance();
    assert_int_equal(p->tally.in_flight, 0);
}

static inline void settle(int64_t to) {
    bounds_known = commits_accepted = true;
    leaderless = -1;
    for (int i = 0; i < SHARDS; i++) {
        fates[i] = DELIVERED;
        away[i] = false;
    }
    for (int32_t i = 0; i < PARTITIONS; i++)
        if (!owned[i])
            assign(i);
    log_end = to;
    turns(900);
    expect_exact(to);
    expect_reach(to);
}

// ---- all tests of a file

static int world_begin(void **state) {
    return redis_begin(state) + fixture_set_up(state);
}

static int world_end(void **state) {
    return redis_end(state) + fixture_tear_down(state);
}
