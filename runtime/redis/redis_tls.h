// TLS to Redis, over a connection of hiredis that stands. Part of redis_link and redis_connect. Where the
// build has no hiredis_ssl, redis_address_parse refuses rediss://, and nothing here is ever called.
//
// A certificate must be vouched for and bear the name we asked for: hiredis alone would take any name. The
// files are read anew for each connection, so what has replaced them is used from the next one on.
#pragma once

#include <hiredis/hiredis.h>
#include <stdbool.h>

#include "runtime/redis/redis_link.h"

extern const bool redis_tls_built;

// Shakes hands: at once on a blocking connection; otherwise begins to, and what fails later is told as
// hiredis' own errors are (see redis_tls_error). STATUS_CONFIG (CLM-R7): a file is of no use, or one side
// does not trust the other. STATUS_UNAVAILABLE (CLM-R3): the other side went away or is silent.
enum status redis_tls_begin(redisContext *c, const struct redis_address *address, const struct redis_tls *tls,
                            struct problem *p);

// What ended the connection: TLS' own reason, which hiredis does not know, or hiredis'. Written into `out`
// where needed; to be asked before anything else is done with it.
const char *redis_tls_error(const redisContext *c, char *out, size_t size);

// Whether that reason is one of TLS, so that trying again will not help. To be asked before redis_tls_error.
bool redis_tls_refused(const redisContext *c);

// Whether the connection is under TLS.
bool redis_tls_on(const redisContext *c);

// As recv with MSG_PEEK: the next byte that Redis has sent, which stays where it is. False where there is
// none yet.
bool redis_tls_peek(const redisContext *c, char *first);
