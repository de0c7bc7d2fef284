// The addresses of a name; the resolver is this file's.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <netdb.h>

#include <cmocka.h>

#include "runtime/redis/redis_lookup.h"

static struct sockaddr_in places[3];
static struct addrinfo rows[3];

// On a thread of libuv's. "three" has that many addresses, no other name has any.
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **found) {
    if (strcmp(name, "three") != 0)
        return EAI_NONAME;
    for (int i = 0; i < 3; i++) {
        places[i] =
            (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(0x7f000001U + (uint32_t)i)}};
        rows[i] = (struct addrinfo){.ai_family = AF_INET,
                                    .ai_socktype = SOCK_STREAM,
                                    .ai_addrlen = sizeof(places[i]),
                                    .ai_addr = (struct sockaddr *)&places[i],
                                    .ai_next = i < 2 ? &rows[i + 1] : NULL};
    }
    *found = rows;
    return 0;
}

void freeaddrinfo(struct addrinfo *found) {}

static struct loop loop;
static int told;
static char host_told[64], why_told[256];

static void on_found(void *context, const char *host, const char *why) {
    told++;
    snprintf(host_told, sizeof(host_told), "%s", host != NULL ? host : "");
    snprintf(why_told, sizeof(why_told), "%s", why);
}

static int begin(void **state) {
    loop_init(&loop);
    told = 0;
    return 0;
}

static int end(void **state) {
    loop_fini(&loop);
    return 0;
}

static void look_up(struct redis_lookup *lookup, const char *name) {
    int before = told;
    assert_int_equal(redis_lookup_begin(lookup, &loop, name), 0);
    assert_int_equal(told, before);
    while (told == before)
        loop_turn(&loop, 10);
    assert_int_equal(told, before + 1);
}

static void each_finds_the_next_address__goes_red_if_the_first_is_always_taken(void **state) {
    struct redis_lookup lookup = {.on_found = on_found};
    const char *expected[] = {"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.1"};
    for (int i = 0; i < 4; i++) {
        look_up(&lookup, "three");
        assert_string_equal(host_told, expected[i]);
    }
}

static void where_there_is_none_it_says_of_which_name(void **state) {
    struct redis_lookup lookup = {.on_found = on_found};
    look_up(&lookup, "nobody");
    assert_string_equal(host_told, "");
    assert_non_null(strstr(why_told, "nobody: "));
}

static void one_that_is_cancelled_is_told_all_the_same(void **state) {
    struct redis_lookup lookup = {.on_found = on_found};
    assert_int_equal(redis_lookup_begin(&lookup, &loop, "three"), 0);
    redis_lookup_cancel(&lookup);
    while (told == 0)
        loop_turn(&loop, 10);
    assert_int_equal(told, 1);
}

static void numbers_are_not_looked_up(void **state) {
    assert_true(redis_lookup_is_number("127.0.0.1"));
    assert_true(redis_lookup_is_number("::1"));
    assert_false(redis_lookup_is_number("localhost"));
    assert_false(redis_lookup_is_number("127.0.0"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_finds_the_next_address__goes_red_if_the_first_is_always_taken,
                                        begin, end),
        cmocka_unit_test_setup_teardown(where_there_is_none_it_says_of_which_name, begin, end),
        cmocka_unit_test_setup_teardown(one_that_is_cancelled_is_told_all_the_same, begin, end),
        cmocka_unit_test(numbers_are_not_looked_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
