// Requests to the probe listener, over a real connection: whatever is said, it answers in HTTP or hangs up,
// and it is there for the next.
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "runtime/http/http.h"

static struct loop loop;
static struct http *server;

static struct http_answer handle(void *context, const char *path) {
    CHECK(path != NULL);
    if (strcmp(path, "/livez") == 0)
        return (struct http_answer){200, "text/plain", "ok\n", 3};
    return (struct http_answer){404, "text/plain", "", 0};
}

static int dial(void) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)http_port(server))};
    struct linger at_once = {1, 0}; // so that no port waits for its end
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) == 0);
    CHECK(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
    return fd;
}

// What it says until it hangs up, and whether it did.
static bool hear(int fd, char *text, size_t size) {
    size_t total = 0;
    for (int turns = 0; turns < 200; turns++) {
        ssize_t got = recv(fd, text + total, size - 1 - total, MSG_DONTWAIT);
        text[total += got > 0 ? (size_t)got : 0] = '\0';
        if (got == 0 || total == size - 1)
            return true;
        loop_turn(&loop, turns < 20 ? 0 : 5);
    }
    return false;
}

static void ask(const void *bytes, size_t length, char *text, size_t size) {
    int fd = dial();
    // More than its buffers take is more than a request may have.
    ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    CHECK(sent >= 0 || length == 0);
    shutdown(fd, SHUT_WR);
    hear(fd, text, size);
    close(fd);
    loop_turn(&loop, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static char text[65536];
    if (server == NULL) {
        loop_init(&loop);
        CHECK(http_create(&server, &loop, "127.0.0.1:0", handle, NULL, NULL) == STATUS_OK);
    }
    ask(bytes, length, text, sizeof(text));
    CHECK(text[0] == '\0' || strncmp(text, "HTTP/1.", 7) == 0 || strncmp(text, "ok\n", 3) == 0);
    static const char good[] = "GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    ask(good, sizeof(good) - 1, text, sizeof(text));
    CHECK(strncmp(text, "HTTP/1.1 200 ", 13) == 0);
    return 0;
}
