#include "runtime/http/http_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/http/http_place.h"

// A listening socket, or -1 with errno.
static int open_socket(const struct addrinfo *at) {
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    const int yes = 1, no = 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (at->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
    if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, 128) == 0)
        return fd;
    int failure = errno;
    close(fd);
    errno = failure;
    return -1;
}

static unsigned bound_port(int fd) {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {0};
    socklen_t length = sizeof(address);
    if (getsockname(fd, &address.any, &length) != 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

static enum status explain(const struct http_place *place, int failure, struct problem *p) {
    bool v6 = strchr(place->host, ':') != NULL;
    char name[sizeof(place->host) + sizeof(place->port) + 4], holder[128];
    snprintf(name, sizeof(name), v6 ? "[%s]:%s" : "%s:%s", place->host, place->port);
    if (failure == EACCES)
        return problem_set(p, STATUS_NOT_ALLOWED, "", "choose a port above 1023",
                           "not permitted to listen on %s", name);
    if (failure != EADDRINUSE)
        return problem_set(p, STATUS_UNAVAILABLE, "", "choose an address of this machine",
                           "cannot listen on %s: %s", name, strerror(failure));
    http_holder_write(holder, sizeof(holder), (unsigned)strtoul(place->port, NULL, 10));
    return problem_set(p, STATUS_UNAVAILABLE, "CLM-P1", "choose another port, or port 0 for a free one",
                       "%s is taken%s", name, holder);
}

// Tries what the host stands for, one after the other.
static int open_first(const struct addrinfo *found) {
    int fd = -1;
    for (const struct addrinfo *at = found; at != NULL && fd < 0; at = at->ai_next)
        fd = open_socket(at);
    return fd;
}

enum status http_listen_open(int *fd, unsigned *port, const char *listen, struct problem *p) {
    static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                          .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct http_place place;
    struct addrinfo *found;
    enum status status = http_place_parse(&place, listen, p);
    if (status != STATUS_OK)
        return status;
    int failure = getaddrinfo(place.host, place.port, &hints, &found);
    if (failure != 0)
        return problem_set(p, STATUS_UNAVAILABLE, "", "choose an address of this machine",
                           "cannot listen on %s: %s", listen, gai_strerror(failure));
    *fd = open_first(found);
    failure = errno;
    freeaddrinfo(found);
    if (*fd < 0 && strcmp(place.host, "::") == 0 && (failure == EAFNOSUPPORT || failure == EADDRNOTAVAIL)) {
        // A machine without IPv6: "everywhere" is then all of IPv4.
        struct sockaddr_in any = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtoul(place.port, NULL, 10))};
        *fd = open_socket(&(struct addrinfo){
            .ai_family = AF_INET, .ai_addr = (struct sockaddr *)&any, .ai_addrlen = sizeof(any)});
        failure = errno;
    }
    if (*fd < 0)
        return explain(&place, failure, p);
    *port = bound_port(*fd);
    return STATUS_OK;
}
