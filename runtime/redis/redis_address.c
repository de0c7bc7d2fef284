// redis_address_parse: where a Redis is.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/redis/redis_link.h"
#include "runtime/redis/redis_tls.h"

static const char forms[] =
    "write redis://HOST:PORT, redis://HOST:PORT/DATABASE, rediss:// for TLS, HOST:PORT or unix:/PATH";

// The URL itself is not repeated: somebody may have put a password into it.
static enum status refuse(struct problem *p, const char *why) {
    return problem_set(p, STATUS_CONFIG, "CLM-C1", forms, "the address of Redis %s", why);
}

// A decimal number of at most `max`, and nothing else.
static bool parse_number(const char *text, long max, int *number) {
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 9 || text[digits] != '\0')
        return false;
    long value = strtol(text, NULL, 10);
    *number = (int)value;
    return value <= max;
}

static enum status refuse_tls(struct problem *p) {
    return problem_set(
        p, STATUS_CONFIG, "CLM-R7",
        "build Clameur where pkg-config finds hiredis_ssl (Debian 13), or reach Redis by a private "
        "network, unix:/PATH or a tunnel",
        "redis.url asks for TLS (rediss://), which this build cannot do: hiredis %d.%d.%d, without "
        "hiredis_ssl",
        HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
}

static enum status parse_unix(struct redis_address *a, const char *path, struct problem *p) {
    if (path[0] != '/')
        return refuse(p, "needs an absolute path after unix:");
    if (strlen(path) > 107) // sockaddr_un
        return refuse(p, "has a socket path of more than 107 bytes");
    snprintf(a->host, sizeof(a->host), "%s", path);
    return STATUS_OK;
}

// HOST:PORT, where an IPv6 address stands in brackets.
static enum status parse_host_port(struct redis_address *a, char *text, struct problem *p) {
    char *host = text;
    char *colon = strrchr(text, ':');
    if (colon == NULL || strchr(colon, ']') != NULL)
        return refuse(p, "has no port");
    *colon = '\0';
    if (!parse_number(colon + 1, 65535, &a->port) || a->port == 0)
        return refuse(p, "has a port that is not a number from 1 to 65535");
    if (host[0] == '[' && colon[-1] == ']') {
        colon[-1] = '\0';
        host++;
    } else if (strchr(host, ':') != NULL) {
        return refuse(p, "has an IPv6 address without its [brackets]");
    }
    if (host[0] == '\0' || strpbrk(host, "[] \t") != NULL)
        return refuse(p, "has no host name, or not one");
    snprintf(a->host, sizeof(a->host), "%s", host);
    return STATUS_OK;
}

enum status redis_address_parse(struct redis_address *a, const char *url, struct problem *p) {
    *a = (struct redis_address){0};
    if (strncmp(url, "unix:", 5) == 0)
        return parse_unix(a, url + 5, p);
    a->tls = strncmp(url, "rediss://", 9) == 0;
    if (a->tls && !redis_tls_built)
        return refuse_tls(p);
    char text[sizeof(a->host)];
    const char *rest = a->tls ? url + 9 : strncmp(url, "redis://", 8) == 0 ? url + 8 : url;
    if ((size_t)snprintf(text, sizeof(text), "%s", rest) >= sizeof(text))
        return refuse(p, "is too long");
    if (strstr(text, "://") != NULL)
        return refuse(p, "is not of a scheme that is known");
    if (strchr(text, '@') != NULL)
        return refuse(p, "holds a user or password: they have options of their own");
    if (strchr(text, ',') != NULL)
        return refuse(p, "is a list, and must be one");
    char *slash = strchr(text, '/');
    if (slash != NULL) {
        *slash = '\0';
        if (rest == url || !parse_number(slash + 1, 999999, &a->database))
            return refuse(p, "has something after the port that is not a database number");
    }
    return parse_host_port(a, text, p);
}
