#include <arpa/inet.h>
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/clock.h"
#include "runtime/http/http.h"
#include "runtime/loop.h"
#include "runtime/memory.h"

enum { LARGE = 3 * 1024 * 1024 };

static struct loop loop;
static struct http *subject;
static int asked;

static struct http_answer handle(void *context, const char *path) {
    static char body[LARGE];
    asked++;
    memset(body, 'x', sizeof(body));
    if (strcmp(path, "/large") == 0)
        return (struct http_answer){200, "text/plain", body, LARGE};
    if (strcmp(path, "/empty") == 0)
        return (struct http_answer){503, "text/plain", NULL, 0};
    int length = snprintf(body, sizeof(body), "%s %s", (const char *)context, path);
    return (struct http_answer){strcmp(path, "/livez") == 0 ? 200 : 404, "application/json", body,
                                (size_t)length};
}

static int open_descriptors(void) {
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

static int set_up(void **state) {
    asked = 0;
    loop_init(&loop);
    assert_int_equal(http_create(&subject, &loop, "127.0.0.1:0", handle, "hello", NULL), STATUS_OK);
    return 0;
}

static int set_up_loop(void **state) {
    loop_init(&loop);
    return 0;
}

static int tear_down(void **state) {
    http_destroy(&subject);
    assert_null(subject);
    loop_fini(&loop);
    return 0;
}

static int dial(int family, unsigned port) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 v6 = {
        .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = in6addr_loopback};
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int failure = family == AF_INET ? connect(fd, (struct sockaddr *)&v4, sizeof(v4))
                                    : connect(fd, (struct sockaddr *)&v6, sizeof(v6));
    if (failure == 0)
        return fd;
    close(fd);
    return -1;
}

static void say(int fd, const char *request) {
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
}

// Turns the loop until the server has hung up, or `end` is in what it said. The text is good until the next
// call.
static const char *hear(int fd, const char *end, int limit_ms, size_t *length) {
    static char text[LARGE + 4096];
    size_t total = 0;
    for (int64_t last = clock_monotonic_ms() + limit_ms; clock_monotonic_ms() < last;) {
        ssize_t got = recv(fd, text + total, sizeof(text) - 1 - total, MSG_DONTWAIT);
        if (got == 0)
            break;
        if (got > 0)
            total += (size_t)got;
        else
            loop_turn(&loop, 5);
        text[total] = '\0';
        if (end != NULL && strstr(text, end) != NULL)
            break;
    }
    text[total] = '\0';
    if (length != NULL)
        *length = total;
    return text;
}

static const char *ask(const char *request) {
    int fd = dial(AF_INET, http_port(subject));
    say(fd, request);
    const char *text = hear(fd, NULL, 5000, NULL);
    close(fd);
    return text;
}

static void answers(void **state) {
    const char *text = ask("GET /livez?verbose=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_int_equal(strncmp(text, "HTTP/1.1 200 ", 13), 0);
    assert_non_null(strstr(text, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(text, "\r\nCache-Control: no-store\r\n"));
    assert_non_null(strstr(text, "\r\n\r\nhello /livez"));
    text = ask("GET /nothing HTTP/1.0\r\n\r\n");
    assert_non_null(strstr(text, " 404 "));
    assert_non_null(strstr(text, "\r\n\r\nhello /nothing"));
    text = ask("GET /empty HTTP/1.0\r\n\r\n");
    assert_non_null(strstr(text, " 503 "));
    assert_int_equal(asked, 3);
}

static void head_has_no_body(void **state) {
    const char *text = ask("HEAD /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_int_equal(strncmp(text, "HTTP/1.1 200 ", 13), 0);
    assert_non_null(strstr(text, "\r\nContent-Length: 12\r\n"));
    assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n");
}

static void only_reading_is_allowed(void **state) {
    static const char *const methods[] = {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        char request[256];
        snprintf(request, sizeof(request),
                 "%s /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\nConnection: close\r\n\r\nx",
                 methods[i]);
        const char *text = ask(request);
        assert_int_equal(strncmp(text, "HTTP/1.1 405 ", 13), 0);
        assert_non_null(strstr(text, "\r\nAllow: GET, HEAD\r\n"));
    }
    assert_string_equal(ask("GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"), "");
    assert_int_equal(asked, 0);
}

static void connection_is_kept_and_used_again(void **state) {
    int fd = dial(AF_INET, http_port(subject));
    for (int i = 0; i < 3; i++) {
        say(fd, "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_non_null(strstr(hear(fd, "hello /livez", 5000, NULL), " 200 "));
    }
    close(fd);
    assert_int_equal(asked, 3);
}

static void large_answers_are_copied_and_whole(void **state) {
    int one = dial(AF_INET, http_port(subject)), other = dial(AF_INET, http_port(subject));
    say(one, "GET /large HTTP/1.0\r\n\r\n");
    for (int i = 0; i < 20; i++)
        loop_turn(&loop, 1);
    say(other, "GET /livez HTTP/1.0\r\n\r\n"); // overwrites the handler's buffer
    assert_non_null(strstr(hear(other, NULL, 5000, NULL), "hello /livez"));
    size_t length;
    const char *text = hear(one, NULL, 10000, &length);
    const char *body = strstr(text, "\r\n\r\n") + 4;
    assert_int_equal(length - (size_t)(body - text), LARGE);
    assert_int_equal(strspn(body, "x"), LARGE);
    close(one);
    close(other);
}

static void request_headers_are_bounded(void **state) {
    int fd = dial(AF_INET, http_port(subject));
    say(fd, "GET /livez HTTP/1.1\r\nHost: a\r\nX-Long: ");
    char *filling = memory_take(64 * 1024 + 1);
    memset(filling, 'y', 64 * 1024);
    if (send(fd, filling, 64 * 1024, MSG_NOSIGNAL) < 0)
        perror("send");
    const char *text = hear(fd, NULL, 5000, NULL);
    assert_true(text[0] == '\0' || strstr(text, " 431 ") != NULL || strstr(text, " 413 ") != NULL);
    free(filling);
    close(fd);
    assert_int_equal(asked, 0);
    assert_non_null(strstr(ask("GET /livez HTTP/1.0\r\n\r\n"), " 200 "));
}

static void rubbish_is_answered_or_left(void **state) {
    static const char *const rubbish[] = {"\x16\x03\x01\x02", "GET\r\n\r\n", "\r\n\r\n\r\n\r\n",
                                          "GET / HTTP/9.9\r\n\r\n", "*1\r\n$4\r\nPING\r\n"};
    for (size_t i = 0; i < sizeof(rubbish) / sizeof(rubbish[0]); i++) {
        int fd = dial(AF_INET, http_port(subject));
        say(fd, rubbish[i]);
        hear(fd, "\r\n\r\n", 50, NULL);
        close(fd);
    }
    assert_int_equal(asked, 0);
    assert_non_null(strstr(ask("GET /livez HTTP/1.0\r\n\r\n"), " 200 "));
}

// Goes red without the limit (all stay), or if it turns away who comes instead of who has waited longest.
enum { LIMIT = 64, MORE = 40 };

static void crowd_in(int slow[LIMIT + MORE]) {
    for (int i = 0; i < LIMIT + MORE; i++) {
        slow[i] = dial(AF_INET, http_port(subject));
        say(slow[i], "GET /liv");
        loop_turn(&loop, 5);
    }
}

static void crowd_out(int slow[LIMIT + MORE]) {
    for (int i = 0; i < LIMIT + MORE; i++)
        close(slow[i]);
    for (int i = 0; i < 10; i++)
        loop_turn(&loop, 5);
}

// Where the crowd took so long to come that the time of its requests was up, it comes again.
static void who_has_waited_longest_makes_room(void **state) {
    int slow[LIMIT + MORE];
    uint64_t before = http_shown_out(subject);
    int64_t began = clock_monotonic_ms();
    crowd_in(slow);
    int late = dial(AF_INET, http_port(subject));
    say(late, "GET /livez HTTP/1.0\r\n\r\n");
    assert_non_null(strstr(hear(late, NULL, 9000, NULL), "hello /livez"));
    close(late);
    if (clock_monotonic_ms() - began > 8000) {
        crowd_out(slow);
        who_has_waited_longest_makes_room(state);
        return;
    }
    assert_int_equal(http_shown_out(subject) - before, MORE + 1);
    for (int i = 0; i < LIMIT + MORE; i++) {
        char end;
        ssize_t heard = recv(slow[i], &end, 1, MSG_DONTWAIT);
        for (int turns = 0; i <= MORE && heard != 0 && turns < 1000; turns++) { // hung up in a turn to come
            loop_turn(&loop, 5);
            heard = recv(slow[i], &end, 1, MSG_DONTWAIT);
        }
        assert_int_equal(heard, i <= MORE ? 0 : -1);
    }
    crowd_out(slow);
}

// Goes red without the limit on the time of a request: what trickles is never idle.
static void who_trickles_is_shown_out(void **state) {
    int fd = dial(AF_INET, http_port(subject));
    uint64_t before = http_shown_out(subject);
    say(fd, "GET /livez HTTP/1.1\r\nx: ");
    int64_t began = clock_monotonic_ms();
    char end;
    while (recv(fd, &end, 1, MSG_DONTWAIT) != 0) {
        assert_true(clock_monotonic_ms() - began < 60000);
        send(fd, "y", 1, MSG_NOSIGNAL);
        for (int i = 0; i < 10; i++)
            loop_turn(&loop, 20);
    }
    assert_true(clock_monotonic_ms() - began >= 9000);
    assert_int_equal(http_shown_out(subject) - before, 1);
    close(fd);
}

static void destroy_hangs_up(void **state) {
    int before = open_descriptors();
    struct http *other;
    assert_int_equal(http_create(&other, &loop, "127.0.0.1:0", handle, "", NULL), STATUS_OK);
    int fd = dial(AF_INET, http_port(other));
    say(fd, "GET /li");
    for (int i = 0; i < 5; i++)
        loop_turn(&loop, 1);
    http_destroy(&other);
    assert_int_equal(recv(fd, &(char){0}, 1, 0), 0);
    close(fd);
    loop_turn(&loop, 0);
    assert_int_equal(open_descriptors(), before);
}

static void where_it_listens(void **state) {
    static const struct {
        const char *listen;
        int family;
    } rows[] = {{"127.0.0.1:0", AF_INET},
                {"localhost:0", 0},
                {"[::]:0", AF_INET},
                {"[::]:0", AF_INET6},
                {"0.0.0.0:0", AF_INET}};
    int v6 = socket(AF_INET6, SOCK_STREAM, 0);
    struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    bool has_v6 = v6 >= 0 && bind(v6, (struct sockaddr *)&loopback, sizeof(loopback)) == 0;
    close(v6);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct problem p;
        if (http_create(&subject, &loop, rows[i].listen, handle, "", &p) != STATUS_OK)
            fail_msg("%s: %s", rows[i].listen, p.what);
        assert_in_range(http_port(subject), 1, 65535);
        if (rows[i].family == AF_INET || (rows[i].family == AF_INET6 && has_v6)) {
            int fd = dial(rows[i].family, http_port(subject));
            assert_true(fd >= 0);
            close(fd);
        }
        http_destroy(&subject);
    }
    assert_int_equal(http_create(&subject, &loop, "off", handle, "", NULL), STATUS_OK);
    assert_null(subject);
    assert_int_equal(http_port(subject), 0);
}

static void where_it_cannot_listen(void **state) {
    static const struct {
        const char *listen;
        enum status status;
    } rows[] = {
        {"", STATUS_CONFIG},
        {"8470", STATUS_CONFIG},
        {":8470", STATUS_CONFIG},
        {"localhost", STATUS_CONFIG},
        {"localhost:", STATUS_CONFIG},
        {"localhost:http", STATUS_CONFIG},
        {"::1:80", STATUS_CONFIG},
        {"127.0.0.1:65536", STATUS_CONFIG},
        {"[]:80", STATUS_CONFIG},
        {"[::]", STATUS_CONFIG},
        {"127.0.0.1:-1", STATUS_CONFIG},
        {"192.0.2.1:0", STATUS_UNAVAILABLE},
        {"no-such-host.invalid:0", STATUS_UNAVAILABLE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct problem p;
        if (http_create(&subject, &loop, rows[i].listen, handle, "", &p) != rows[i].status)
            fail_msg("%s: %s", rows[i].listen, p.what);
        assert_null(subject);
        assert_string_not_equal(p.what, "");
    }
}

static void taken_port_names_its_holder(void **state) {
    static const char *const hosts[] = {"127.0.0.1", "[::]", "0.0.0.0"};
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        char listen[32], holder[64];
        struct http *second;
        struct problem p;
        snprintf(listen, sizeof(listen), "%s:%u", hosts[i], http_port(subject));
        assert_int_equal(http_create(&second, &loop, listen, handle, "", &p), STATUS_UNAVAILABLE);
        assert_null(second);
        assert_string_equal(p.code, "CLM-P1");
        snprintf(holder, sizeof(holder), "%s is taken by pid %d (", listen, getpid());
        assert_int_equal(strncmp(p.what, holder, strlen(holder)), 0);
    }
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_SERVER(answers),
        WITH_SERVER(head_has_no_body),
        WITH_SERVER(only_reading_is_allowed),
        WITH_SERVER(connection_is_kept_and_used_again),
        WITH_SERVER(large_answers_are_copied_and_whole),
        WITH_SERVER(request_headers_are_bounded),
        WITH_SERVER(rubbish_is_answered_or_left),
        WITH_SERVER(who_has_waited_longest_makes_room),
        WITH_SERVER(who_trickles_is_shown_out),
        WITH_SERVER(destroy_hangs_up),
        cmocka_unit_test_setup_teardown(where_it_listens, set_up_loop, tear_down),
        cmocka_unit_test_setup_teardown(where_it_cannot_listen, set_up_loop, tear_down),
        WITH_SERVER(taken_port_names_its_holder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
