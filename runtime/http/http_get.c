#include "runtime/http/http_get.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "runtime/http/http_place.h"
#include "runtime/memory.h"

enum { ANSWER_MAX = 8 << 20, READ_STEP = 64 << 10 };

// --- Who is asked

static bool is_loopback(const struct sockaddr *address) {
    if (address->sa_family == AF_INET)
        return (ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24) == 127;
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

static void target_fill(struct http_target *target, const struct addrinfo *found, const char *port) {
    char host[INET6_ADDRSTRLEN] = "?";
    getnameinfo(found->ai_addr, found->ai_addrlen, host, sizeof(host), NULL, 0, NI_NUMERICHOST);
    snprintf(target->name, sizeof(target->name), found->ai_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host,
             port);
    memcpy(&target->address, found->ai_addr, found->ai_addrlen);
    target->length = found->ai_addrlen;
    target->loopback = is_loopback(found->ai_addr);
}

enum status http_targets_find(struct http_target *targets, size_t max, size_t *count, const char *place,
                              struct problem *p) {
    static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct http_place at_place;
    struct addrinfo *found;
    *count = 0;
    enum status status = http_place_parse(&at_place, place, p);
    if (status != STATUS_OK)
        return status;
    if (strtol(at_place.port, NULL, 10) == 0)
        return problem_set(p, STATUS_CONFIG, "CLM-C1",
                           "name the port that the worker's log tells: --worker HOST:PORT",
                           "%s: port 0 is one that nobody can know beforehand", place);
    // A listener on all addresses of both families answers on the loopback of the first.
    bool wildcard = strcmp(at_place.host, "::") == 0 || strcmp(at_place.host, "0.0.0.0") == 0;
    int failure = getaddrinfo(wildcard ? "127.0.0.1" : at_place.host, at_place.port, &hints, &found);
    if (failure != 0)
        return problem_set(p, STATUS_UNAVAILABLE, "", "check the name", "%s: %s", place,
                           gai_strerror(failure));
    for (const struct addrinfo *at = found; at != NULL && *count < max; at = at->ai_next)
        target_fill(&targets[(*count)++], at, at_place.port);
    freeaddrinfo(found);
    return STATUS_OK;
}

// --- The asking

static enum status nobody(struct problem *p, const struct http_target *target, const char *why) {
    return problem_set(p, STATUS_UNAVAILABLE, "",
                       "is the worker running, and its http.listen reachable from here?",
                       "%s does not answer: %s", target->name, why);
}

static int open_socket(const struct http_target *target, int timeout_ms) {
    const struct timeval bound = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
    int fd = socket(target->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof(bound)); // of connect, too
    if (connect(fd, (const struct sockaddr *)&target->address, target->length) == 0)
        return fd;
    int failure = errno == EINPROGRESS ? ETIMEDOUT : errno;
    close(fd);
    errno = failure;
    return -1;
}

static bool send_request(int fd, const struct http_target *target, const char *path) {
    char request[512];
    int length = snprintf(request, sizeof(request),
                          "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, target->name);
    return send(fd, request, (size_t)length, MSG_NOSIGNAL) == length;
}

// Up to the end that the other side makes. Terminated.
static bool receive_all(int fd, char **text, size_t *length) {
    *text = NULL;
    *length = 0;
    for (;;) {
        *text = memory_grow(*text, *length + READ_STEP + 1, 1);
        ssize_t got = recv(fd, *text + *length, READ_STEP, 0);
        if (got < 0 || *length > ANSWER_MAX)
            return false;
        *length += (size_t)got;
        (*text)[*length] = '\0';
        if (got == 0)
            return true;
    }
}

// Of a head that is cut off or says another length than there is: false.
static bool understand(struct http_reply *reply, const char *text, size_t length) {
    int end = 0;
    const char *body = strstr(text, "\r\n\r\n"), *said = strcasestr(text, "\r\nContent-Length:");
    if (body == NULL || sscanf(text, "HTTP/1.%*1[01] %3u%n", &reply->code, &end) != 1 || end == 0)
        return false;
    if (reply->code < 100 || reply->code > 999 ||
        (text[end] != ' ' && text[end] != '\r')) // -1 is a number, too
        return false;
    body += 4;
    reply->length = length - (size_t)(body - text);
    if (said != NULL && said < body && strtoul(said + 17, NULL, 10) != reply->length)
        return false;
    reply->body = memory_take(reply->length + 1);
    memcpy(reply->body, body, reply->length);
    return true;
}

enum status http_get(struct http_reply *reply, const struct http_target *target, const char *path,
                     int timeout_ms, struct problem *p) {
    char *text = NULL;
    size_t length = 0;
    *reply = (struct http_reply){0};
    int fd = open_socket(target, timeout_ms);
    if (fd < 0)
        return nobody(p, target, strerror(errno));
    bool answered = send_request(fd, target, path) && receive_all(fd, &text, &length);
    int failure = errno == EAGAIN ? ETIMEDOUT : errno;
    close(fd);
    enum status status = STATUS_OK;
    if (!answered)
        status = nobody(p, target, strerror(failure));
    else if (!understand(reply, text, length))
        status = nobody(p, target, "what it says is not the whole of an HTTP answer");
    free(text);
    return status;
}
