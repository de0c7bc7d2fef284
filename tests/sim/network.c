// The links to Redis, whose requests travel, are done, and are answered, each at its own time.
#include <stdio.h>
#include <stdlib.h>

#include "ingest/functions.h"
#include "runtime/check.h"
#include "runtime/memory.h"
#include "tests/sim/sim.h"

enum { PAST_MS = 8000 }; // how late a request may still be done

static int64_t greater(int64_t a, int64_t b) {
    return a > b ? a : b;
}

// ---- requests

static void request_free(struct request *r) {
    free(r->bytes);
    free(r->answer);
    free(r);
}

static struct request *request_add(struct redis_link *link, const char *bytes, size_t length) {
    CHECK(world.request_count < REQUESTS_MAX);
    struct request *r = memory_take(sizeof(*r));
    *r = (struct request){.number = ++world.request_number,
                          .link = link,
                          .bytes = memory_take(length + 1),
                          .length = length,
                          .sent_at_ms = world.now_ms};
    memcpy(r->bytes, bytes, length);
    world.requests[world.request_count++] = r;
    return r;
}

static int64_t travel_ms(void) {
    if (world.now_ms < world.slow_until_ms && chance_is(&world.net, 50))
        return chance_between(&world.net, 20, 1500);
    return chance_between(&world.net, 0, 8);
}

static void request_serve(struct request *r, uint32_t shard) {
    const char *refusal = shard == UINT32_MAX ? NULL : world.shards[shard].refusal;
    if (nodes_serve(r, shard))
        return;
    if (refusal != NULL) {
        r->answer = memory_text(refusal);
        r->answer_length = strlen(r->answer);
        return;
    }
    struct verdict verdict = verdict_before(shard, r->bytes, r->length);
    sim_redis_serve(&world.redis, shard == UINT32_MAX ? 0 : shard, r->bytes, r->length, &r->answer,
                    &r->answer_length);
    verdict_after(&verdict, shard, r->bytes, r->length, r->answer);
    if (shard != UINT32_MAX)
        world.shards[shard].dirty = true;
}

// What a request does in Redis, and when the answer will be there.
static void request_do(struct request *r) {
    uint32_t shard = sim_redis_shard(&world.redis, r->bytes, r->length);
    r->done = true;
    request_serve(r, shard);
    TRACE("redis %s request %llu of shard %d: %.*s", r->callback != NULL ? "does" : "does, unheard,",
          (unsigned long long)r->number, (int)shard, (int)strcspn(r->answer, "\r"), r->answer);
    if (r->callback != NULL) {
        r->answered_at_ms = greater(world.now_ms + travel_ms(), r->link->last_answer_ms);
        r->link->last_answer_ms = r->answered_at_ms;
    }
    if (world.enabled[FAULT_REPEAT] && !world.settling &&
        chance_below(&world.chance[FAULT_REPEAT], world.mean[FAULT_REPEAT]) == 0) {
        struct request *again = request_add(NULL, r->bytes, r->length);
        again->node = r->node;
        again->arrives_at_ms = world.now_ms + chance_between(&world.chance[FAULT_REPEAT], 1, PAST_MS);
        world.happened[FAULT_REPEAT]++;
        TRACE("request %llu will be done again as %llu", (unsigned long long)r->number,
              (unsigned long long)again->number);
    }
}

// Takes off what has ended, keeping the order.
static void requests_sweep(void) {
    size_t kept = 0;
    for (size_t i = 0; i < world.request_count; i++) {
        struct request *r = world.requests[i];
        if (r->done && r->callback == NULL)
            request_free(r);
        else
            world.requests[kept++] = r;
    }
    world.request_count = kept;
}

void network_turn(void) {
    for (size_t i = 0; i < world.request_count; i++) {
        struct request *r = world.requests[i];
        if (!r->done && r->arrives_at_ms <= world.now_ms)
            request_do(r);
    }
    requests_sweep();
    for (int i = 0; i < world.worker_count * NODES; i++) {
        struct redis_link *link = world.workers[i / NODES].links[i % NODES];
        if (link == NULL || link->up || link->up_at_ms > world.now_ms || link->worker->dead)
            continue;
        link->up = true;
        link->asking = false;
        link->last_arrival_ms = link->last_answer_ms = world.now_ms;
    }
}

// What becomes of a request whose connection broke: lost, or still done.
static void request_orphan(struct request *r, struct chance *c) {
    r->callback = NULL;
    r->link = NULL;
    if (r->done)
        return;
    uint32_t fate = chance_below(c, 3);
    if (fate == 0)
        r->done = true; // never was
    else if (fate == 1)
        r->arrives_at_ms = world.now_ms + chance_between(c, 0, PAST_MS);
}

// Events count as counted when Redis says so, and not otherwise.
static int64_t counted_by(const struct worker *w) {
    const struct pipeline *p = worker_pipeline(w);
    return p != NULL ? p->tally.counted : 0;
}

static bool says_applied(const redisReply *reply) {
    return reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 &&
           (strcmp(reply->element[0]->str, "APPLIED") == 0 ||
            strcmp(reply->element[0]->str, "REPEATED") == 0);
}

static void check_counted(const struct worker *w, int64_t before, bool applied) {
    if (counted_by(w) != before && !applied)
        world_violated("worker %d takes %lld events for counted, which Redis did not say", w->number,
                       (long long)(counted_by(w) - before));
}

void network_break(struct redis_link *link, struct chance *c) {
    struct lost {
        redis_callback callback;
        void *context;
    } lost[256];
    size_t count = 0;
    if (!link->up)
        return;
    TRACE("the connection of worker %d breaks", link->worker->number);
    link->up = false;
    link->up_at_ms = world.now_ms + chance_between(c, 50, 1000);
    for (size_t i = 0; i < world.request_count; i++) {
        struct request *r = world.requests[i];
        if (r->link != link || r->callback == NULL)
            continue;
        CHECK(count < 256);
        lost[count++] = (struct lost){r->callback, r->context};
        request_orphan(r, c);
    }
    requests_sweep();
    struct worker *before = world.running;
    world.running = link->worker;
    int64_t counted = counted_by(link->worker);
    for (size_t i = 0; i < count; i++)
        lost[i].callback(lost[i].context, REDIS_LINK_LOST, NULL);
    check_counted(link->worker, counted, false);
    if (link->on_change != NULL)
        link->on_change(link->context);
    world.running = before;
}

// The process is gone: its callbacks are for redis_link_destroy, what it sent is as with a break.
void network_forget(struct worker *w) {
    struct worker *before = world.running;
    for (int i = 0; i < NODES; i++) {
        if (w->links[i] != NULL)
            network_break(w->links[i], &world.net);
    }
    world.running = before;
}

static bool is_too_late(const struct redis_link *link, const struct request *r) {
    return world.now_ms - r->sent_at_ms > link->timeout_ms;
}

static redisReply *reply_read(const struct request *r) {
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    CHECK(redisReaderFeed(reader, r->answer, r->answer_length) == REDIS_OK);
    CHECK(redisReaderGetReply(reader, &reply) == REDIS_OK && reply != NULL);
    redisReaderFree(reader);
    return reply;
}

// ---- fences: who was fenced claims again only when the group has confirmed him since

// Is the worker still waiting for the answer to these very bytes?
static bool is_awaited(const struct worker *w, const struct request *r) {
    const struct pipeline *p = worker_pipeline(w);
    uint32_t number = sim_redis_shard(&world.redis, r->bytes, r->length);
    if (p == NULL || number == UINT32_MAX)
        return false;
    const struct shard *shard = &p->shards[number];
    return shard->state == SHARD_SENT && shard->call.length == r->length &&
           memcmp(shard->call.bytes, r->bytes, r->length) == 0;
}

static void note_fence(struct worker *w, const redisReply *reply) {
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0 ||
        strcmp(reply->element[0]->str, "FENCED") != 0)
        return;
    for (size_t i = 1; i < reply->elements; i++)
        w->fenced[atoi(reply->element[i]->str)] = true;
}

// A claim ends in the number of rules and keys, two words each, and its partitions.
static void check_claim(const struct worker *w, const char *bytes, size_t length) {
    static struct slice words[REDIS_WORDS_MAX];
    const size_t head = length < 64 ? length : 64;
    if (memmem(bytes, head, FUNCTION_CLAIM, strlen(FUNCTION_CLAIM)) == NULL)
        return;
    size_t count = sim_redis_words(bytes, words), at = 4 + strtoul(words[2].at, NULL, 10);
    for (at += 1 + 2 * strtoul(words[at].at, NULL, 10); at < count; at++) {
        int32_t partition = atoi(words[at].at);
        if (w->fenced[partition])
            world_violated(
                "worker %d claims partition %d again, and the group has not confirmed it since it was "
                "fenced",
                w->number, partition);
    }
}

static void answer_deliver(struct worker *w, struct request *r) {
    redis_callback callback = r->callback;
    redisReply *reply = reply_read(r);
    bool awaited = is_awaited(w, r);
    r->callback = NULL;
    if (awaited)
        note_fence(w, reply);
    int64_t counted = counted_by(w);
    callback(r->context, REDIS_LINK_REPLY, reply);
    check_counted(w, counted, awaited && says_applied(reply));
    freeReplyObject(reply);
}

// In order.
static void link_answers(struct worker *w, struct redis_link *link) {
    bool waits = false;
    for (size_t i = 0; i < world.request_count && link->up && !waits; i++) {
        struct request *r = world.requests[i];
        if (r->link != link || r->callback == NULL)
            continue;
        bool arrived = r->done && r->answered_at_ms <= world.now_ms;
        waits = !arrived;
        if (arrived)
            answer_deliver(w, r);
        else if (is_too_late(link, r))
            network_break(link, &world.net);
    }
    requests_sweep();
}

void network_answers(struct worker *w) {
    for (int i = 0; i < NODES; i++) {
        if (w->links[i] != NULL)
            link_answers(w, w->links[i]);
    }
}

// ---- runtime/redis/redis_link.h

struct redis_link *redis_link_create(struct loop *l, const struct redis_address *address,
                                     const struct redis_login *login, int timeout_ms,
                                     void (*on_change)(void *context), void *context) {
    struct redis_link *link = memory_take(sizeof(*link));
    *link = (struct redis_link){.worker = world.running,
                                .node = nodes_number(address),
                                .timeout_ms = timeout_ms,
                                .on_change = on_change,
                                .context = context,
                                .up_at_ms = world.now_ms};
    CHECK(world.running->links[link->node] == NULL);
    world.running->links[link->node] = link;
    return link;
}

void redis_link_destroy(struct redis_link **held) {
    struct redis_link *link = *held;
    if (link == NULL)
        return;
    *held = NULL;
    link->on_change = NULL;
    network_break(link, &world.net);
    link->worker->links[link->node] = NULL;
    free(link);
}

bool redis_link_up(const struct redis_link *link) {
    return link->up;
}

void redis_link_login(struct redis_link *link, const struct redis_login *login) {}

const char *redis_link_error(const struct redis_link *link) {
    return link->up ? "" : "the connection broke";
}

bool redis_link_not_allowed(const struct redis_link *link) {
    return false;
}

bool redis_link_distrusted(const struct redis_link *link) {
    return false;
}

void redis_link_send(struct redis_link *link, const char *bytes, size_t length, redis_callback callback,
                     void *context) {
    if (!link->up) {
        callback(context, REDIS_LINK_DOWN, NULL);
        return;
    }
    check_claim(link->worker, bytes, length);
    struct request *r = request_add(link, bytes, length);
    uint32_t shard = sim_redis_shard(&world.redis, bytes, length);
    r->callback = callback;
    r->context = context;
    r->node = link->node;
    r->arrives_at_ms = greater(world.now_ms + travel_ms(), link->last_arrival_ms);
    link->last_arrival_ms = r->arrives_at_ms;
    TRACE("worker %d sends request %llu to shard %d at node %u", link->worker->number,
          (unsigned long long)r->number, (int)shard, r->node);
}

void redis_link_command(struct redis_link *link, int count, const char *const *words, const size_t *lengths,
                        redis_callback callback, void *context) {
    char *bytes;
    long long length = redisFormatCommandArgv(&bytes, count, (const char **)(uintptr_t)words, lengths);
    redis_link_send(link, bytes, (size_t)length, callback, context);
    redisFreeCommand(bytes);
}
