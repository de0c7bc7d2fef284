#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/redis/redis_seeds.h"
#include "runtime/redis/redis_slots.h"

static const struct redis_address asked = {.host = "10.0.0.9", .port = 7009};
static struct redis_slots slots;

static bool take(const char *resp) {
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    redisReaderFeed(reader, resp, strlen(resp));
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    bool taken = redis_slots_read(&slots, reply, &asked);
    freeReplyObject(reply);
    redisReaderFree(reader);
    return taken;
}

static void expect_owner(int slot, const char *address) {
    char text[REDIS_ADDRESS_TEXT] = "nobody";
    if (slots.owner[slot] != REDIS_NO_NODE)
        redis_address_write(text, &slots.nodes[slots.owner[slot]]);
    assert_string_equal(text, address);
}

// Redis 7: host, port, id, and what is beside it; a replica behind the master.
static void hosts_as_nodes_tell_them(void **state) {
    assert_true(take("*5\r\n"
                     "*4\r\n:0\r\n:99\r\n*4\r\n$8\r\n10.0.0.1\r\n:7001\r\n$1\r\na\r\n*0\r\n"
                     "*4\r\n$8\r\n10.0.0.2\r\n:7002\r\n$1\r\nb\r\n*0\r\n"
                     "*3\r\n:100\r\n:100\r\n*4\r\n$0\r\n\r\n:7001\r\n$1\r\nc\r\n*0\r\n"
                     "*3\r\n:200\r\n:299\r\n*4\r\n$-1\r\n:7003\r\n$1\r\nd\r\n*0\r\n"
                     "*3\r\n:300\r\n:300\r\n*4\r\n$1\r\n?\r\n:7004\r\n$1\r\ne\r\n"
                     "*2\r\n$2\r\nip\r\n$8\r\n10.0.0.4\r\n"
                     "*3\r\n:16383\r\n:16383\r\n*4\r\n$10\r\nredis.shop\r\n:7005\r\n$1\r\nf\r\n"
                     "*2\r\n$2\r\nip\r\n$8\r\n10.0.0.5\r\n"));
    assert_int_equal(slots.count, 5);
    expect_owner(0, "10.0.0.1:7001");
    expect_owner(99, "10.0.0.1:7001");
    expect_owner(100, "10.0.0.9:7001");
    expect_owner(101, "nobody");
    expect_owner(250, "10.0.0.9:7003");
    expect_owner(300, "10.0.0.4:7004");
    expect_owner(16383, "redis.shop:7005");
    expect_owner(16382, "nobody");
}

// Redis 6 and others have no id; IPv6.
static void fewer_words(void **state) {
    assert_true(take("*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$3\r\n::1\r\n:7001\r\n"));
    expect_owner(5, "[::1]:7001");
}

static void what_is_no_table_is_refused(void **state) {
    static const char *const replies[] = {"*0\r\n",
                                          "+OK\r\n",
                                          "-ERR This instance has cluster support disabled\r\n",
                                          "*1\r\n:1\r\n",
                                          "*1\r\n*2\r\n:0\r\n:1\r\n",
                                          "*1\r\n*3\r\n:-1\r\n:1\r\n*2\r\n$1\r\na\r\n:1\r\n",
                                          "*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n$1\r\na\r\n:1\r\n",
                                          "*1\r\n*3\r\n:9\r\n:8\r\n*2\r\n$1\r\na\r\n:1\r\n",
                                          "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\na\r\n:0\r\n",
                                          "*1\r\n*3\r\n:0\r\n:1\r\n*1\r\n$1\r\na\r\n"};
    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++)
        assert_false(take(replies[i]));
}

static void redirections(void **state) {
    static const struct {
        const char *text, *address;
        bool ask;
    } rows[] = {{"MOVED 3999 127.0.0.1:6381", "127.0.0.1:6381", false},
                {"ASK 3999 127.0.0.1:6381", "127.0.0.1:6381", true},
                {"MOVED 3999 :6381", "10.0.0.9:6381", false},
                {"MOVED 3999 ?:6381", "10.0.0.9:6381", false},
                {"MOVED 3999 redis.shop:6381", "redis.shop:6381", false},
                {"MOVED 3999 fe80::1:6381", "[fe80::1]:6381", false},
                {"MOVED 16384 127.0.0.1:6381", NULL, false},
                {"MOVED x 127.0.0.1:6381", NULL, false},
                {"MOVED 3999 127.0.0.1", NULL, false},
                {"MOVED 3999 127.0.0.1:0", NULL, false},
                {"TRYAGAIN Multiple keys request during rehashing of slot", NULL, false},
                {"ERR MOVED 1 a:1", NULL, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[REDIS_ADDRESS_TEXT];
        redisReply reply = {.type = REDIS_REPLY_ERROR, .str = (char *)(uintptr_t)rows[i].text};
        struct redis_redirect redirect;
        assert_int_equal(redis_redirect_read(&redirect, &reply, &asked), rows[i].address != NULL);
        if (rows[i].address == NULL)
            continue;
        assert_int_equal(redirect.slot, 3999);
        assert_int_equal(redirect.ask, rows[i].ask);
        assert_string_equal(redis_address_write(text, &redirect.address), rows[i].address);
    }
}

static void seeds(void **state) {
    static const struct {
        const char *url, *addresses; // NULL: refused
    } rows[] = {{"redis://127.0.0.1:6379/3", "127.0.0.1:6379 "},
                {"unix:/run/redis.sock", "/run/redis.sock "},
                {"redis://a:7000,b:7001,[::1]:7002", "a:7000 b:7001 [::1]:7002 "},
                {"a:7000,b:7001", "a:7000 b:7001 "},
                {"redis://a:7000,redis://b:7001", "a:7000 b:7001 "},
                {"redis://a:7000,b:7001/1", NULL},
                {"unix:/run/redis.sock,a:7000", NULL},
                {"redis://a:7000,", NULL},
                {",", NULL},
                {"redis://a:7000,b", NULL},
                {"redis://a:7000,u:p@b:7001", NULL},
                {"a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1,a:1", NULL}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct redis_seeds found;
        struct problem p = {0};
        char all[1024] = "", text[REDIS_ADDRESS_TEXT];
        enum status status = redis_seeds_parse(&found, rows[i].url, &p);
        assert_int_equal(status, rows[i].addresses != NULL ? STATUS_OK : STATUS_CONFIG);
        if (rows[i].addresses == NULL) {
            assert_string_equal(p.code, "CLM-C1");
            continue;
        }
        for (size_t k = 0; k < found.count; k++) {
            strcat(all, redis_address_write(text, &found.at[k]));
            strcat(all, " ");
        }
        assert_string_equal(all, rows[i].addresses);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_as_nodes_tell_them),
        cmocka_unit_test(fewer_words),
        cmocka_unit_test(what_is_no_table_is_refused),
        cmocka_unit_test(redirections),
        cmocka_unit_test(seeds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
