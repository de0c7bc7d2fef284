// Asking over HTTP: what is no whole answer is none.
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/http/http_get.h"

// A server of one answer.
struct server {
    int fd;
    const char *answer;
    char request[512];
};

static void *serve(void *argument) {
    struct server *s = argument;
    int fd = accept(s->fd, NULL, NULL);
    ssize_t got = recv(fd, s->request, sizeof(s->request) - 1, 0);
    if (got > 0 && send(fd, s->answer, strlen(s->answer), MSG_NOSIGNAL) < 0)
        perror("send");
    close(fd);
    return NULL;
}

static enum status ask(const char *answer, struct http_reply *reply, struct problem *p, char request[512]) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    struct server s = {.fd = socket(AF_INET, SOCK_STREAM, 0), .answer = answer};
    assert_int_equal(bind(s.fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(s.fd, 1), 0);
    assert_int_equal(getsockname(s.fd, (struct sockaddr *)&address, &length), 0);
    char place[32];
    snprintf(place, sizeof(place), "127.0.0.1:%u", ntohs(address.sin_port));
    struct http_target target;
    size_t count;
    assert_int_equal(http_targets_find(&target, 1, &count, place, p), STATUS_OK);
    assert_int_equal(count, 1);
    assert_string_equal(target.name, place);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, serve, &s), 0);
    enum status status = http_get(reply, &target, "/status", 10000, p);
    pthread_join(thread, NULL);
    close(s.fd);
    strcpy(request, s.request);
    return status;
}

static void test_an_answer_is_its_code_and_its_body(void **state) {
    struct http_reply reply;
    struct problem p;
    char request[512];
    assert_int_equal(
        ask("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 9\r\n\r\nstarting\n", &reply, &p, request),
        STATUS_OK);
    assert_int_equal(reply.code, 503);
    assert_string_equal(reply.body, "starting\n");
    assert_int_equal(strncmp(request, "GET /status HTTP/1.1\r\nHost: 127.0.0.1:", 38), 0);
    free(reply.body);
}

static void test_what_is_no_whole_answer_is_none(void **state) {
    static const char *const answers[] = {"",
                                          "hello",
                                          "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut",
                                          "HTTP/1.1 200 OK\r\n",
                                          "SSH-2.0-OpenSSH_9.2\r\n\r\n",
                                          "HTTP/1.1 2000 OK\r\n\r\n",
                                          "HTTP/1.0 -01 OK\r\n\r\n",
                                          "HTTP/1.1 20 OK\r\n\r\n"};
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct http_reply reply;
        struct problem p;
        char request[512];
        assert_int_equal(ask(answers[i], &reply, &p, request), STATUS_UNAVAILABLE);
        assert_null(reply.body);
        assert_non_null(strstr(p.what, "does not answer"));
    }
}

static void test_nobody_and_nowhere(void **state) {
    static const struct {
        const char *place;
        enum status status;
    } rows[] = {{"127.0.0.1", STATUS_CONFIG},
                {"off", STATUS_CONFIG},
                {"127.0.0.1:0", STATUS_CONFIG},
                {"no-such-host.invalid:80", STATUS_UNAVAILABLE}};
    struct http_target target;
    struct problem p;
    size_t count;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(http_targets_find(&target, 1, &count, rows[i].place, &p), rows[i].status);
    assert_int_equal(http_targets_find(&target, 1, &count, "[::]:1", &p), STATUS_OK);
    assert_string_equal(target.name, "127.0.0.1:1");
    assert_true(target.loopback);
    struct http_reply reply;
    assert_int_equal(http_get(&reply, &target, "/", 10000, &p),
                     STATUS_UNAVAILABLE); // nobody may listen on port 1
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_answer_is_its_code_and_its_body),
        cmocka_unit_test(test_what_is_no_whole_answer_is_none),
        cmocka_unit_test(test_nobody_and_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
