#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/redis/redis_seeds.h"
#include "runtime/redis/redis_tls.h"

static void good_addresses(void **state) {
    static const struct {
        const char *url;
        struct redis_address expected;
    } rows[] = {
        {"redis://127.0.0.1:6379", {"127.0.0.1", 6379, 0, false}},
        {"redis://redis-1.shop.example:7000/15", {"redis-1.shop.example", 7000, 15, false}},
        {"localhost:1", {"localhost", 1, 0, false}},
        {"redis://[::1]:6379/2", {"::1", 6379, 2, false}},
        {"[fd00::1]:65535", {"fd00::1", 65535, 0, false}},
        {"unix:/run/redis/redis.sock", {"/run/redis/redis.sock", 0, 0, false}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct redis_address a;
        struct problem p;
        if (redis_address_parse(&a, rows[i].url, &p) != STATUS_OK)
            fail_msg("%s: %s", rows[i].url, p.what);
        assert_string_equal(a.host, rows[i].expected.host);
        assert_int_equal(a.port, rows[i].expected.port);
        assert_int_equal(a.database, rows[i].expected.database);
    }
}

static void bad_addresses_are_refused_with_their_reason(void **state) {
    static const struct {
        const char *url;
        const char *why;
    } rows[] = {
        {"", "no port"},
        {"redis://", "no port"},
        {"localhost", "no port"},
        {"redis://[::1]", "no port"},
        {":6379", "no host name"},
        {"redis://[]:6379", "no host name"},
        {"[:6379", "no host name"},
        {"a b:6379", "no host name"},
        {"::1:6379", "[brackets]"},
        {"localhost:", "65535"},
        {"localhost:0", "65535"},
        {"localhost:65536", "65535"},
        {"localhost:6379x", "65535"},
        {"localhost:-1", "65535"},
        {"localhost:99999999999999999999", "65535"},
        {"redis://localhost:6379/", "database number"},
        {"redis://localhost:6379/x", "database number"},
        {"redis://localhost:6379/0?a=b", "database number"},
        {"localhost:6379/1", "database number"},
        {"http://localhost:6379", "scheme"},
        {"redis://a:1,b:2", "list"},
        {"redis://:geheim@localhost:6379", "user or password"},
        {"unix:run/redis.sock", "absolute"},
        {"unix:", "absolute"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct redis_address a;
        struct problem p;
        if (redis_address_parse(&a, rows[i].url, &p) != STATUS_CONFIG)
            fail_msg("%s was taken", rows[i].url);
        assert_string_equal(p.code, "CLM-C1");
        if (strstr(p.what, rows[i].why) == NULL)
            fail_msg("%s: %s", rows[i].url, p.what);
        assert_null(strstr(p.what, "geheim"));
    }
}

static void tls_is_asked_for_or_refused(void **state) {
    struct redis_address a;
    struct redis_seeds seeds;
    struct problem p;
    enum status expected = redis_tls_built ? STATUS_OK : STATUS_CONFIG;
    assert_int_equal(redis_address_parse(&a, "rediss://redis-1.shop.example:7000/15", &p), expected);
    assert_int_equal(redis_seeds_parse(&seeds, "rediss://a:1,b:2", &p), expected);
    if (!redis_tls_built) {
        assert_string_equal(p.code, "CLM-R7");
        assert_non_null(strstr(p.what, "rediss://"));
        return;
    }
    assert_string_equal(a.host, "redis-1.shop.example");
    assert_int_equal(a.port, 7000);
    assert_int_equal(a.database, 15);
    assert_true(a.tls && seeds.at[0].tls && seeds.at[1].tls);
    assert_int_equal(redis_seeds_parse(&seeds, "rediss://a:1,redis://b:2", &p), STATUS_CONFIG);
    assert_non_null(strstr(p.what, "TLS"));
    assert_int_equal(redis_address_parse(&a, "redis://localhost:1", &p), STATUS_OK);
    assert_false(a.tls);
}

static void what_is_too_long_is_not_cut(void **state) {
    char url[600] = "redis://";
    struct redis_address a;
    memset(url + 8, 'a', 300);
    strcpy(url + 308, ":6379");
    assert_int_equal(redis_address_parse(&a, url, NULL), STATUS_CONFIG);
    strcpy(url, "unix:/");
    memset(url + 6, 'a', 107);
    url[113] = '\0';
    assert_int_equal(redis_address_parse(&a, url, NULL), STATUS_CONFIG);
    url[112] = '\0';
    assert_int_equal(redis_address_parse(&a, url, NULL), STATUS_OK);
    assert_int_equal(strlen(a.host), 107);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_addresses),
        cmocka_unit_test(bad_addresses_are_refused_with_their_reason),
        cmocka_unit_test(tls_is_asked_for_or_refused),
        cmocka_unit_test(what_is_too_long_is_not_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
