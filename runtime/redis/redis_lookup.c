#include "runtime/redis/redis_lookup.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>

bool redis_lookup_is_number(const char *host) {
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static void tell_one_of(struct redis_lookup *lookup, const struct addrinfo *found) {
    unsigned count = 0;
    for (const struct addrinfo *at = found; at != NULL; at = at->ai_next)
        count++;
    const struct addrinfo *chosen = found;
    for (unsigned i = lookup->tries++ % count; i > 0; i--)
        chosen = chosen->ai_next;
    char host[NI_MAXHOST];
    int failure =
        getnameinfo(chosen->ai_addr, chosen->ai_addrlen, host, sizeof(host), NULL, 0, NI_NUMERICHOST);
    lookup->on_found(lookup->context, failure == 0 ? host : NULL, failure == 0 ? "" : gai_strerror(failure));
}

static void on_resolved(uv_getaddrinfo_t *resolving, int status, struct addrinfo *found) {
    struct redis_lookup *lookup = resolving->data;
    if (status == 0 && found != NULL)
        tell_one_of(lookup, found);
    else {
        char why[256];
        snprintf(why, sizeof(why), "%.128s: %s", lookup->host, uv_strerror(status));
        lookup->on_found(lookup->context, NULL, why);
    }
    uv_freeaddrinfo(found);
}

int redis_lookup_begin(struct redis_lookup *lookup, struct loop *loop, const char *host) {
    static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    lookup->host = host;
    lookup->resolving.data = lookup;
    return uv_getaddrinfo(&loop->uv, &lookup->resolving, on_resolved, host, NULL, &hints);
}

void redis_lookup_cancel(struct redis_lookup *lookup) {
    uv_cancel((uv_req_t *)&lookup->resolving);
}
