// A connection to one Redis, kept alive: hiredis' asynchronous client over the libuv loop, through an adapter
// of our own (the packaged one ignores poll errors). Loop thread only.
//
// After connecting (and TLS) it authenticates (AUTH [user] password), names itself (CLIENT SETNAME) and
// selects the database; only then is it up. A lost connection is made anew by itself, with a growing delay
// (50 ms .. 2 s, jittered). What was sent and not answered is answered with REDIS_LINK_LOST when the
// connection breaks or `timeout_ms` has passed without any answer: whether it was applied is unknown. The
// link never sends anything twice: that is its user's decision.
#pragma once

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

#include "runtime/loop.h"
#include "runtime/status.h"

enum redis_outcome {
    REDIS_LINK_REPLY, // `reply` is set (it may be an error reply)
    REDIS_LINK_LOST,  // the connection broke or timed out before the answer: applied or not, nobody knows
    REDIS_LINK_DOWN,  // never sent
};

// `reply` is borrowed for the call.
typedef void (*redis_callback)(void *context, enum redis_outcome outcome, const redisReply *reply);

struct redis_address {
    char host[256]; // or the path of a Unix socket
    int port;       // 0: Unix socket
    int database;
    bool tls;
};

// Paths of PEM files; NULL or "" is none. Borrowed.
struct redis_tls {
    const char *ca_file;     // whom to trust; none: whom the system trusts
    const char *cert_file;   // who we are, where Redis asks for it
    const char *key_file;    // its key
    const char *server_name; // what the certificate of Redis must say; none: the host of the address
};

struct redis_login {
    char username[128];
    char password[256];
    struct redis_tls tls; // for an address that asks for it
};

struct redis_link;

// redis://host:port[/db], host:port, unix:/path; rediss:// is TLS. STATUS_CONFIG for anything else: CLM-C1,
// or CLM-R7 for TLS in a build that has none.
enum status redis_address_parse(struct redis_address *a, const char *url, struct problem *p);

// Begins to connect at once and never gives up. `on_change` (may be NULL) is told after each change of
// redis_link_up.
struct redis_link *redis_link_create(struct loop *l, const struct redis_address *address,
                                     const struct redis_login *login, int timeout_ms,
                                     void (*on_change)(void *context), void *context);
// Every pending callback is called with REDIS_LINK_LOST first. Not from within a callback of the link.
void redis_link_destroy(struct redis_link **link);

// Who we are from the next connection on; the present one stays as it is.
void redis_link_login(struct redis_link *link, const struct redis_login *login);

bool redis_link_up(const struct redis_link *link);
// Why it is not up: the last error, "" if none.
const char *redis_link_error(const struct redis_link *link);
// Whether that was about who we are: the login is wrong, and no waiting mends it.
bool redis_link_not_allowed(const struct redis_link *link);
// Whether that was about TLS: one side does not trust the other, and no waiting mends it.
bool redis_link_distrusted(const struct redis_link *link);

// Sends a formatted RESP command (copied). The callback is always called exactly once, never from within this
// call... except that a link that is down calls it at once with REDIS_LINK_DOWN (from within a callback that
// is just told so: at a later turn, so that callers who insist do not go down the stack). Subscriptions and
// MONITOR are not for links.
void redis_link_send(struct redis_link *link, const char *bytes, size_t length, redis_callback callback,
                     void *context);

// The same for a command given as words.
void redis_link_command(struct redis_link *link, int count, const char *const *words, const size_t *lengths,
                        redis_callback callback, void *context);

// Blocking, for commands at the edge (init, check, counters, recount): connects, authenticates, selects.
// STATUS_UNAVAILABLE (CLM-R3), STATUS_NOT_ALLOWED (CLM-A1) or STATUS_CONFIG (CLM-R7: no TLS). The context is
// freed with redisFree.
enum status redis_connect(redisContext **context, const struct redis_address *address,
                          const struct redis_login *login, int timeout_ms, struct problem *p);
