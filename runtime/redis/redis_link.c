// A link's way to an answer:
//  - connect: the name is resolved off the loop (redis_lookup.h), hiredis connects;
//  - TLS where the address asks for it: its first answers come while we greet already;
//  - greet: AUTH, CLIENT SETNAME, SELECT, one after the other; then the link is up;
//  - send: a request joins `pending`, its bytes go to hiredis;
//  - answer: Redis answers in order, so a reply belongs to the head of `pending`.
// It fails in one place, `lose`: hiredis let go of the connection, Redis was silent for too long, or refused
// the greeting. All of `pending` is told LOST there, and the next try is timed. What hiredis says of a lost
// connection after that is not listened to.
//
//     WAITING -> RESOLVING -> CONNECTING -> GREETING -> UP        each of the last four -> WAITING
//
// Silence is counted in ticks of a quarter of the timeout, not read from a clock: a process that was itself
// stopped for longer has answers waiting in its socket, and one tick does not outrun them.

#include "runtime/redis/redis_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"
#include "runtime/clock.h"
#include "runtime/hash.h"
#include "runtime/memory.h"
#include "runtime/redis/redis_greeting.h"
#include "runtime/redis/redis_lookup.h"
#include "runtime/redis/redis_requests.h"
#include "runtime/redis/redis_tls.h"
#include "runtime/redis/redis_uv.h"

enum { DELAY_MIN_MS = 50, DELAY_MAX_MS = 2000, TICKS_OF_SILENCE = 5 };

enum link_state { LINK_WAITING, LINK_RESOLVING, LINK_CONNECTING, LINK_GREETING, LINK_UP };

struct redis_link {
    struct loop *loop;
    struct redis_address address;
    struct redis_login login;
    int timeout_ms;
    void (*on_change)(void *context);
    void *context;

    enum link_state state;
    redisAsyncContext *connection; // from CONNECTING to UP
    int greeting_step;
    struct redis_requests pending; // sent, not answered
    uv_timer_t timer;              // WAITING: the next try; later: the ticks
    int silent_ticks;
    int delay_ms;
    struct redis_lookup lookup;

    int telling; // depth of callbacks: the link must not be destroyed inside them
    struct redis_refusals refusals;

    bool destroyed;
    int holders; // handles and requests of libuv that still point here
    char error[256];
    bool distrusted; // what `error` is about
};

static void begin(struct redis_link *link);
static void greet(struct redis_link *link);

static void tell_head(struct redis_link *link, struct redis_requests *requests, enum redis_outcome outcome,
                      const redisReply *reply) {
    link->telling++;
    redis_requests_tell(requests, outcome, reply);
    link->telling--;
}

static void tell_change(struct redis_link *link) {
    if (link->on_change == NULL)
        return;
    link->telling++;
    link->on_change(link->context);
    link->telling--;
}

// Losing

static void on_timer(uv_timer_t *timer);

// Between half the delay and all of it, so that a fleet does not return as one.
static uint64_t next_delay_ms(struct redis_link *link) {
    uint64_t half = (uint64_t)link->delay_ms / 2;
    uint64_t chance = hash_integer((uint64_t)clock_monotonic_ns() ^ (uint64_t)(uintptr_t)link);
    link->delay_ms = link->delay_ms * 2 < DELAY_MAX_MS ? link->delay_ms * 2 : DELAY_MAX_MS;
    return half + chance % (half + 1);
}

static void lose(struct redis_link *link, const char *why) {
    bool was_up = link->state == LINK_UP;
    struct redis_requests lost = link->pending;
    link->state = LINK_WAITING;
    link->connection = NULL;
    link->pending = (struct redis_requests){0};
    link->distrusted = false;
    snprintf(link->error, sizeof(link->error), "%s", why[0] != '\0' ? why : "the connection was closed");
    uv_update_time(&link->loop->uv);
    uv_timer_start(&link->timer, on_timer, next_delay_ms(link), 0);
    while (lost.head != NULL)
        tell_head(link, &lost, REDIS_LINK_LOST, NULL);
    if (was_up)
        tell_change(link);
}

// Loses a connection that hiredis still holds. Inside a callback of hiredis it is freed when that returns.
static void drop(struct redis_link *link, const char *why) {
    redisAsyncContext *connection = link->connection;
    lose(link, why);
    redisAsyncFree(connection);
}

static void on_gone(redisAsyncContext *ac) {
    struct redis_link *link = ac->data;
    char why[sizeof(link->error)];
    if (link->connection != ac)
        return;
    bool distrusted = redis_tls_refused(&ac->c);
    lose(link, redis_tls_error(&ac->c, why, sizeof(why)));
    link->distrusted = distrusted;
}

static void tick(struct redis_link *link) {
    if (link->state == LINK_UP && link->pending.head == NULL)
        link->silent_ticks = 0;
    else if (++link->silent_ticks >= TICKS_OF_SILENCE) {
        char why[64];
        snprintf(why, sizeof(why), "no answer for %d ms", link->timeout_ms);
        drop(link, why);
    }
}

static void on_timer(uv_timer_t *timer) {
    struct redis_link *link = timer->data;
    if (link->state == LINK_WAITING)
        begin(link);
    else
        tick(link);
}

// Asking and answering

static void on_reply(redisAsyncContext *ac, void *reply, void *unused) {
    struct redis_link *link = ac->data;
    if (link->connection != ac)
        return;
    if (reply == NULL)
        on_gone(ac);
    else if (redis_uv_stray(ac))
        drop(link, "Redis sent an answer to no question");
    else {
        link->silent_ticks = 0;
        tell_head(link, &link->pending, REDIS_LINK_REPLY, reply);
    }
}

static void ask(struct redis_link *link, const char *bytes, size_t length, redis_callback callback,
                void *context) {
    // hiredis looks at the byte after the first word, which a command of one word may not have.
    char brief[64];
    if (length < sizeof(brief)) {
        memcpy(brief, bytes, length);
        brief[length] = '\0';
        bytes = brief;
    }
    redis_requests_push(&link->pending, callback, context);
    // It refuses only on a connection that it is closing, which this one is not, and to unsubscribe.
    CHECK(redisAsyncFormattedCommand(link->connection, on_reply, NULL, bytes, length) == REDIS_OK);
}

void redis_link_send(struct redis_link *link, const char *bytes, size_t length, redis_callback callback,
                     void *context) {
    CHECK(length > 0 && bytes[0] == '*' && callback != NULL);
    if (link->state == LINK_UP)
        ask(link, bytes, length, callback, context);
    else
        redis_refusals_add(&link->refusals, callback, context);
}

void redis_link_command(struct redis_link *link, int count, const char *const *words, const size_t *lengths,
                        redis_callback callback, void *context) {
    char *bytes = NULL;
    long long length = redisFormatCommandArgv(&bytes, count, (const char **)words, lengths);
    CHECK(length > 0);
    redis_link_send(link, bytes, (size_t)length, callback, context);
    redisFreeCommand(bytes);
}

// Connecting and greeting

static void on_greeted(void *context, enum redis_outcome outcome, const redisReply *reply) {
    struct redis_link *link = context;
    if (outcome != REDIS_LINK_REPLY)
        return;
    const char *refusal = redis_greeting_refusal(link->greeting_step, reply);
    if (refusal != NULL) {
        drop(link, refusal);
        return;
    }
    link->greeting_step++;
    greet(link);
}

static void greet(struct redis_link *link) {
    char database[16];
    struct redis_greeting steps[REDIS_GREETING_STEPS];
    redis_greeting_write(steps, &link->address, &link->login, database);
    while (link->greeting_step < REDIS_GREETING_STEPS && steps[link->greeting_step].count == 0)
        link->greeting_step++;
    if (link->greeting_step == REDIS_GREETING_STEPS) {
        link->state = LINK_UP;
        link->delay_ms = DELAY_MIN_MS;
        link->error[0] = '\0';
        tell_change(link);
        return;
    }
    struct redis_greeting *step = &steps[link->greeting_step];
    char *bytes = NULL;
    long long length = redisFormatCommandArgv(&bytes, step->count, step->words, NULL);
    CHECK(length > 0);
    ask(link, bytes, (size_t)length, on_greeted, link);
    redisFreeCommand(bytes);
}

// A failure needs nothing done here: hiredis lets go of the connection next.
static void on_connect(const redisAsyncContext *ac, int status) {
    struct redis_link *link = ac->data;
    if (status != REDIS_OK || link->connection != ac)
        return;
    struct problem p;
    if (link->address.tls &&
        redis_tls_begin(&link->connection->c, &link->address, &link->login.tls, &p) != STATUS_OK) {
        drop(link, p.what);
        link->distrusted = true;
        return;
    }
    link->state = LINK_GREETING;
    link->greeting_step = 0;
    greet(link);
}

// `host` is a number or a path: nothing here looks names up.
static void dial(struct redis_link *link, const char *host) {
    redisAsyncContext *ac =
        link->address.port == 0 ? redisAsyncConnectUnix(host) : redisAsyncConnect(host, link->address.port);
    CHECK(ac != NULL);
    ac->data = link;
    if (ac->err != 0 || !redis_uv_attach(ac, &link->loop->uv, on_gone)) {
        lose(link, ac->err != 0 ? ac->errstr : "the socket cannot be polled");
        redisAsyncFree(ac);
        return;
    }
    uint64_t quarter_ms = (uint64_t)link->timeout_ms / 4 + 1;
    link->connection = ac;
    link->state = LINK_CONNECTING;
    link->silent_ticks = 0;
    uv_timer_start(&link->timer, on_timer, quarter_ms, quarter_ms);
    redisAsyncSetConnectCallback(ac, on_connect);
}

static void release(struct redis_link *link) {
    if (--link->holders > 0)
        return;
    explicit_bzero(&link->login, sizeof(link->login));
    free(link);
}

static void on_found(void *context, const char *host, const char *why) {
    struct redis_link *link = context;
    if (!link->destroyed && host != NULL)
        dial(link, host);
    else if (!link->destroyed)
        lose(link, why);
    release(link);
}

static void begin(struct redis_link *link) {
    if (link->address.port == 0 || redis_lookup_is_number(link->address.host)) {
        dial(link, link->address.host);
        return;
    }
    link->state = LINK_RESOLVING;
    int status = redis_lookup_begin(&link->lookup, link->loop, link->address.host);
    if (status == 0)
        link->holders++;
    else
        lose(link, uv_strerror(status));
}

// The link itself

struct redis_link *redis_link_create(struct loop *l, const struct redis_address *address,
                                     const struct redis_login *login, int timeout_ms,
                                     void (*on_change)(void *context), void *context) {
    CHECK(timeout_ms > 0);
    struct redis_link *link = memory_take(sizeof(*link));
    link->loop = l;
    link->address = *address;
    if (login != NULL)
        link->login = *login;
    link->timeout_ms = timeout_ms;
    link->on_change = on_change;
    link->context = context;
    link->delay_ms = DELAY_MIN_MS;
    link->lookup = (struct redis_lookup){.on_found = on_found, .context = link};
    uv_timer_init(&l->uv, &link->timer);
    redis_refusals_init(&link->refusals, l);
    link->timer.data = link;
    link->holders = 2;
    begin(link);
    return link;
}

static void on_closed(uv_handle_t *handle) {
    release(handle->data);
}

void redis_link_destroy(struct redis_link **link) {
    struct redis_link *l = *link;
    if (l == NULL)
        return;
    CHECK(l->telling == 0 && !l->refusals.telling);
    *link = NULL;
    l->on_change = NULL;
    l->destroyed = true;
    if (l->connection != NULL)
        drop(l, "closed");
    redis_refusals_close(&l->refusals, l, on_closed);
    if (l->state == LINK_RESOLVING)
        redis_lookup_cancel(&l->lookup);
    uv_close((uv_handle_t *)&l->timer, on_closed);
}

void redis_link_login(struct redis_link *link, const struct redis_login *login) {
    link->login = *login;
}

bool redis_link_up(const struct redis_link *link) {
    return link->state == LINK_UP;
}

const char *redis_link_error(const struct redis_link *link) {
    return link->error;
}

bool redis_link_not_allowed(const struct redis_link *link) {
    return redis_greeting_not_allowed(link->error);
}

bool redis_link_distrusted(const struct redis_link *link) {
    return link->distrusted;
}
