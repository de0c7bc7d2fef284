// What a worker may answer to `status`: whole in HTTP, or no answer.
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "runtime/http/http_get.h"

struct answer {
    int fd;
    const uint8_t *bytes;
    size_t length;
};

static void *serve(void *context) {
    const struct answer *a = context;
    char request[512];
    int fd = accept(a->fd, NULL, NULL);
    while (fd >= 0 && recv(fd, request, sizeof(request), 0) <= 0) { // given up by the one before
        close(fd);
        fd = accept(a->fd, NULL, NULL);
    }
    CHECK(fd >= 0);
    for (size_t sent = 0; sent < a->length;) {
        ssize_t done = send(fd, a->bytes + sent, a->length - sent, MSG_NOSIGNAL);
        if (done <= 0)
            break;
        sent += (size_t)done;
    }
    close(fd);
    return NULL;
}

static int listen_begin(struct http_target *target) {
    struct sockaddr_in place = {.sin_family = AF_INET};
    socklen_t length = sizeof(place);
    char text[32];
    size_t count;
    struct problem problem;
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&place, length) == 0 && listen(fd, 8) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&place, &length) == 0);
    snprintf(text, sizeof(text), "127.0.0.1:%u", ntohs(place.sin_port));
    CHECK(http_targets_find(target, 1, &count, text, &problem) == STATUS_OK && count == 1);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static struct http_target target;
    static int fd = -1;
    if (fd < 0)
        fd = listen_begin(&target);
    struct answer answer = {fd, bytes, length};
    struct http_reply reply = {0};
    struct problem problem;
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, serve, &answer) == 0);
    enum status status = http_get(&reply, &target, "/status", 10000, &problem);
    pthread_join(thread, NULL);
    if (status == STATUS_OK)
        CHECK(reply.code <= 999 && reply.length <= length && reply.body[reply.length] == '\0');
    else
        CHECK(reply.body == NULL);
    free(reply.body);
    return 0;
}
