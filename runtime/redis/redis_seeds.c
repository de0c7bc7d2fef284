#include "runtime/redis/redis_seeds.h"

#include <stdio.h>
#include <string.h>

enum { URL_MAX = 4096 };

static enum status refuse(struct problem *p, const char *why) {
    return problem_set(p, STATUS_CONFIG, "CLM-C1", "write redis://HOST:PORT,HOST:PORT,...",
                       "the list of Redis' addresses %s", why);
}

static enum status seed_add(struct redis_seeds *seeds, const char *scheme, size_t scheme_length,
                            const char *text, struct problem *p) {
    char url[URL_MAX];
    if (seeds->count == REDIS_SEEDS_MAX)
        return refuse(p, "holds more than 16: a few nodes are enough, they tell the others");
    bool has_scheme = strstr(text, "://") != NULL;
    snprintf(url, sizeof(url), "%.*s%s", has_scheme ? 0 : (int)scheme_length, scheme, text);
    struct redis_address *address = &seeds->at[seeds->count];
    enum status status = redis_address_parse(address, url, p);
    if (status != STATUS_OK)
        return status;
    if (address->port == 0)
        return refuse(p, "holds a socket: nodes of a cluster are reached as HOST:PORT");
    if (address->database != 0)
        return refuse(p, "holds the number of a database: a cluster has only 0");
    if (address->tls != seeds->at[0].tls)
        return refuse(p, "has TLS (rediss://) for some of them only");
    seeds->count++;
    return STATUS_OK;
}

enum status redis_seeds_parse(struct redis_seeds *seeds, const char *url, struct problem *p) {
    *seeds = (struct redis_seeds){0};
    if (strchr(url, ',') == NULL) {
        seeds->count = 1;
        return redis_address_parse(&seeds->at[0], url, p);
    }
    char text[URL_MAX];
    if ((size_t)snprintf(text, sizeof(text), "%s", url) >= sizeof(text))
        return refuse(p, "is too long");
    const char *rest = strstr(url, "://");
    size_t scheme_length = rest != NULL ? (size_t)(rest - url) + 3 : 0;
    enum status status = STATUS_OK;
    for (char *at = text, *comma; status == STATUS_OK && at != NULL; at = comma) {
        comma = strchr(at, ',');
        if (comma != NULL)
            *comma++ = '\0';
        status = seed_add(seeds, url, scheme_length, at, p);
    }
    return status;
}

const char *redis_address_write(char out[REDIS_ADDRESS_TEXT], const struct redis_address *a) {
    bool is_ipv6 = a->port != 0 && strchr(a->host, ':') != NULL;
    if (a->port == 0)
        snprintf(out, REDIS_ADDRESS_TEXT, "%s", a->host);
    else
        snprintf(out, REDIS_ADDRESS_TEXT, is_ipv6 ? "[%s]:%d" : "%s:%d", a->host, a->port);
    return out;
}
