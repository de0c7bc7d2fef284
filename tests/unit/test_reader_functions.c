// The reading Functions against a real Redis whose keys are named by schemas/keys.c: two programs that must
// agree.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingest/startup/startup.h"
#include "redis_server.h"
#include "runtime/memory.h"

enum { HOUR_S = 3600, HOUR_0 = 1700000000 / HOUR_S * HOUR_S, DAY_0 = 1700000000 / 86400 * 86400 };

static struct redis_server server;
static redisContext *redis;
static struct key_space keys;

static redisReply *ask(const char *const *words, int count) {
    redisReply *reply = redisCommandArgv(redis, count, (const char **)words, NULL);
    assert_non_null(reply);
    return reply;
}
#define ASK(...)                                                                                             \
    ask((const char *const[]){__VA_ARGS__},                                                                  \
        (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)))

static void do_it(redisReply *reply) {
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s", reply->str);
    freeReplyObject(reply);
}
#define DO(...) do_it(ASK(__VA_ARGS__))

// A reply as text: elements by blanks, lists in parentheses.
static void render_into(FILE *out, const redisReply *reply) {
    if (reply->type == REDIS_REPLY_INTEGER)
        fprintf(out, "%lld", reply->integer);
    else if (reply->type != REDIS_REPLY_ARRAY)
        fprintf(out, "%s", reply->str != NULL ? reply->str : "nil");
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        bool list = reply->element[i]->type == REDIS_REPLY_ARRAY;
        fputs(i > 0 ? " " : "", out);
        fputs(list ? "(" : "", out);
        render_into(out, reply->element[i]);
        fputs(list ? ")" : "", out);
    }
}

static void expect_reply(redisReply *reply, const char *text) {
    char *rendered = NULL;
    size_t length;
    FILE *out = open_memstream(&rendered, &length);
    render_into(out, reply);
    fclose(out);
    freeReplyObject(reply);
    assert_string_equal(rendered, text);
    free(rendered);
}
#define EXPECT(text, ...) expect_reply(ASK("FCALL_RO", __VA_ARGS__), text)

// The name that schemas gives, terminated; the account's own shard, or `shard` for what has no account.
static char *name_of(enum key_family family, uint32_t shard, const char *account, const char *platform,
                     const char *id, int64_t time_s) {
    char *name = memory_take(KEY_MAX);
    struct key_parts parts = {.account = slice_of(account),
                              .platform = platform_parse(platform, strlen(platform)),
                              .id = slice_of(id),
                              .time_s = time_s};
    if (account[0] != '\0')
        shard = key_shard(&keys, parts.account);
    name[key_write(name, &keys, family, shard, &parts)] = '\0';
    return name;
}

static void put(char *name, const char *command, const char *a, const char *b) {
    if (b != NULL)
        DO(command, name, a, b);
    else
        DO(command, name, a);
    free(name);
}

static void meta_put(void) {
    char tags[SHARDS_MAX * SHARD_TAG_MAX] = "";
    for (uint32_t shard = 0; shard < keys.shards; shard++) {
        strcat(tags, shard > 0 ? " " : "");
        strcat(tags, keys.tags[shard]);
    }
    for (uint32_t shard = 0; shard < keys.shards; shard++)
        put(name_of(KEY_META, shard, "", "", "", 0), "HSET", "tags", tags);
}

static int set_up(void **state) {
    DO("FLUSHALL");
    key_space_init(&keys, "clm", 8);
    meta_put();
    return 0;
}

static void test_counters_are_found_without_the_layout(void **state) {
    static const char odd[] = "a:b%{c}";
    put(name_of(KEY_ACCOUNT, 0, "acme", "", "", 0), "HSET", "views", "7");
    put(name_of(KEY_ACCOUNT_PLATFORM, 0, "acme", "tiktok", "", 0), "HSET", "likes", "9223372036854775807");
    put(name_of(KEY_ACCOUNT_PLATFORM, 0, "acme", "tiktok", "", 0), "HSET", "comments", "-3");
    put(name_of(KEY_CONTENT, 0, odd, "x", "v:{1}", 0), "HSET", "views.read", "5");
    put(name_of(KEY_CAMPAIGN, 0, "acme", "", "spring:1", 0), "HSET", "orders", "2");
    put(name_of(KEY_TAG, 0, "acme", "tiktok", "dance%", 0), "HSET", "views", "4");
    EXPECT("views 7", "clameur_account", "0", "acme");
    EXPECT("comments -3 likes 9223372036854775807", "clameur_account", "0", "acme", "tiktok");
    EXPECT("views.read 5", "clameur_content", "0", odd, "x", "v:{1}");
    EXPECT("orders 2", "clameur_campaign", "0", "acme", "spring:1");
    EXPECT("views 4", "clameur_tag", "0", "acme", "tiktok", "dance%");
    EXPECT("", "clameur_account", "0", "nobody");
}

static void test_every_account_lies_in_the_shard_that_schemas_says(void **state) {
    for (int i = 0; i < 200; i++) {
        char account[32];
        snprintf(account, sizeof(account), "brand-%d-\xc3\xa9", i * 7919);
        char *name = name_of(KEY_ACCOUNT_PLATFORM, 0, account, "mastodon", "", 0);
        redisReply *reply = ASK("FCALL_RO", "clameur_key", "0", "acct", account, "mastodon");
        assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
        assert_string_equal(reply->element[0]->str, name);
        assert_string_equal(reply->element[1]->str, keys.tags[key_shard(&keys, slice_of(account))]);
        freeReplyObject(reply);
        free(name);
    }
}

static void test_every_family_has_the_name_that_schemas_says(void **state) {
    char hour[24], day[24];
    snprintf(hour, sizeof(hour), "%d", HOUR_0 + 59);
    snprintf(day, sizeof(day), "%d", DAY_0 + 86399);
    const struct {
        enum key_family family;
        const char *account, *platform, *id;
        int64_t time_s;
        const char *words[8];
    } rows[] = {
        {KEY_ACCOUNT, "acme", "", "", 0, {"acct", "acme"}},
        {KEY_CONTENT, "acme", "x", "c:1", 0, {"content", "acme", "x", "c:1"}},
        {KEY_CAMPAIGN, "acme", "", "c:1", 0, {"campaign", "acme", "c:1"}},
        {KEY_SERIES, "acme", "x", "", HOUR_0, {"series", "acme", "x", hour}},
        {KEY_TOP, "acme", "x", "", HOUR_0, {"top", "acme", "x", hour}},
        {KEY_TAG, "acme", "x", "t", 0, {"tag", "acme", "x", "t"}},
        {KEY_LIVE, "acme", "", "s", 0, {"live", "acme", "s"}},
        {KEY_REACH, "acme", "x", "", DAY_0, {"reach", "acme", "x", day}},
        {KEY_TAG_REACH, "acme", "x", "t", DAY_0, {"reach", "acme", "x", day, "t"}},
        {KEY_ORDERS, "acme", "", "", 0, {"orders", "acme"}},
        {KEY_PLATFORM, "", "x", "", 0, {"platform", "5", "x"}},
        {KEY_MARK, "", "", "", 0, {"mark", "5"}},
        {KEY_FAULTS, "", "", "", 0, {"faults", "5"}},
        {KEY_META, "", "", "", 0, {"meta", "5"}},
        {KEY_RULES, "", "", "", 0, {"rules", "5"}},
    };
    _Static_assert(KEY_FAMILY_COUNT == sizeof(rows) / sizeof(rows[0]) + 1, "acct stands for two families");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *words[11] = {"FCALL_RO", "clameur_key", "0"};
        int count = 3;
        for (const char *const *word = rows[i].words; *word != NULL; word++)
            words[count++] = *word;
        char *name =
            name_of(rows[i].family, 5, rows[i].account, rows[i].platform, rows[i].id, rows[i].time_s);
        redisReply *reply = ask(words, count);
        if (reply->type != REDIS_REPLY_ARRAY)
            fail_msg("%s: %s", rows[i].words[0], reply->str);
        assert_string_equal(reply->element[0]->str, name);
        freeReplyObject(reply);
        free(name);
    }
}

static void test_a_series_is_told_minute_by_minute(void **state) {
    char since[24], until[24];
    put(name_of(KEY_SERIES, 0, "acme", "x", "", HOUR_0), "HSET", "58:likes", "1");
    put(name_of(KEY_SERIES, 0, "acme", "x", "", HOUR_0), "HSET", "59:views", "2");
    put(name_of(KEY_SERIES, 0, "acme", "x", "", HOUR_0), "HSET", "59:gross_micros:EUR", "30");
    put(name_of(KEY_SERIES, 0, "acme", "x", "", HOUR_0 + HOUR_S), "HSET", "00:views", "3");
    put(name_of(KEY_SERIES, 0, "acme", "x", "", HOUR_0 + HOUR_S), "HSET", "01:views", "4");
    snprintf(since, sizeof(since), "%d", HOUR_0 + 59 * 60 + 30);
    snprintf(until, sizeof(until), "%d", HOUR_0 + HOUR_S + 60);
    char text[160];
    snprintf(text, sizeof(text), "%d gross_micros:EUR 30 %d views 2 %d views 3", HOUR_0 + 3540, HOUR_0 + 3540,
             HOUR_0 + HOUR_S);
    EXPECT(text, "clameur_series", "0", "acme", "x", since, until);
    snprintf(text, sizeof(text), "%d views 2 %d views 3", HOUR_0 + 3540, HOUR_0 + HOUR_S);
    EXPECT(text, "clameur_series", "0", "acme", "x", since, until, "views", "likes");
}

static void test_the_top_of_several_hours_is_their_sum(void **state) {
    char hour[24];
    put(name_of(KEY_TOP, 0, "acme", "x", "", HOUR_0), "ZADD", "10", "a");
    put(name_of(KEY_TOP, 0, "acme", "x", "", HOUR_0), "ZADD", "9", "b");
    put(name_of(KEY_TOP, 0, "acme", "x", "", HOUR_0 - HOUR_S), "ZADD", "5", "b");
    put(name_of(KEY_TOP, 0, "acme", "x", "", HOUR_0 - HOUR_S), "ZADD", "9007199254740992", "c");
    snprintf(hour, sizeof(hour), "%d", HOUR_0 + 12);
    EXPECT("a 10 b 9", "clameur_top", "0", "acme", "x", hour, "5");
    EXPECT("a 10", "clameur_top", "0", "acme", "x", hour, "1");
    EXPECT("c 9007199254740992 b 14", "clameur_top", "0", "acme", "x", hour, "2", "2");
}

static void test_platforms_are_summed_over_the_shards_to_the_last_digit(void **state) {
    put(name_of(KEY_PLATFORM, 0, "", "x", "", 0), "HSET", "views", "9007199254740993");
    put(name_of(KEY_PLATFORM, 3, "", "x", "", 0), "HSET", "views", "2");
    put(name_of(KEY_PLATFORM, 7, "", "x", "", 0), "HSET", "net_micros:EUR", "-5000000001");
    put(name_of(KEY_PLATFORM, 1, "", "x", "", 0), "HSET", "net_micros:EUR", "4000000000");
    put(name_of(KEY_PLATFORM, 1, "", "x", "", 0), "HSET", "zero", "-7");
    put(name_of(KEY_PLATFORM, 2, "", "x", "", 0), "HSET", "zero", "7");
    put(name_of(KEY_PLATFORM, 2, "", "platform_777", "", 0), "HSET", "views", "1");
    EXPECT("x (net_micros:EUR -1000000001 views 9007199254740995 zero 0)", "clameur_platforms", "0");
    EXPECT("platform_777 (views 1)", "clameur_platforms", "0", "platform_777");
}

static void test_every_listed_platform_is_asked_for(void **state) {
    size_t listed = 0;
    for (uint32_t number = 1; number < 256; number++) {
        if (platform_name(number) == NULL)
            continue;
        put(name_of(KEY_PLATFORM, 0, "", platform_name(number), "", 0), "HSET", "views", "1");
        listed++;
    }
    redisReply *reply = ASK("FCALL_RO", "clameur_platforms", "0");
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    assert_int_equal(reply->elements, 2 * listed);
    freeReplyObject(reply);
}

// What PFCOUNT says, which 7.0 forbids to read-only functions: sparse and dense, few and many.
static void test_reach_is_what_pfcount_says(void **state) {
    char day[24], member[32];
    char *name = name_of(KEY_REACH, 0, "acme", "x", "", DAY_0);
    snprintf(day, sizeof(day), "%d", DAY_0 + 7200);
    for (int i = 0, next = 1; i < 60000; i++) {
        snprintf(member, sizeof(member), "actor-%d", i);
        redisAppendCommand(redis, "PFADD %s %s", name, member);
        redisReply *reply;
        assert_int_equal(redisGetReply(redis, (void **)&reply), REDIS_OK);
        freeReplyObject(reply);
        if (i + 1 != next)
            continue;
        next *= 3;
        char text[KEY_MAX + 64];
        reply = ASK("PFCOUNT", name);
        snprintf(text, sizeof(text), "key %s reach %lld", name, reply->integer);
        freeReplyObject(reply);
        EXPECT(text, "clameur_reach", "0", "acme", "x", day);
    }
    free(name);
}

static void test_viewers_now_are_joins_less_leaves(void **state) {
    put(name_of(KEY_LIVE, 0, "acme", "", "s1", 0), "HSET", "live_joins", "12");
    put(name_of(KEY_LIVE, 0, "acme", "", "s1", 0), "HSET", "live_leaves", "5");
    put(name_of(KEY_LIVE, 0, "acme", "", "s2", 0), "HSET", "comments", "1");
    EXPECT("live_joins 12 live_leaves 5 viewers_now 7", "clameur_live", "0", "acme", "s1");
    EXPECT("comments 1 viewers_now 0", "clameur_live", "0", "acme", "s2");
    EXPECT("", "clameur_live", "0", "acme", "s3");
}

static void test_marks_and_faults_of_all_shards(void **state) {
    put(name_of(KEY_MARK, 0, "", "", "", 0), "HSET", "3", "1 20 19 00000000000000ff 1700000000000");
    put(name_of(KEY_MARK, 7, "", "", "", 0), "HSET", "0", "1 5 4 00000000000000ff 1700000000000");
    put(name_of(KEY_FAULTS, 2, "", "", "", 0), "HSET", "[\"k\",\"f\"]", "3");
    EXPECT("0:3 1 20 19 00000000000000ff 1700000000000 7:0 1 5 4 00000000000000ff 1700000000000",
           "clameur_marks", "0");
    EXPECT("2:[\"k\",\"f\"] 3", "clameur_faults", "0");
}

static void test_another_prefix_is_reached_by_any_of_its_keys(void **state) {
    key_space_init(&keys, "shop:eu", 4);
    meta_put();
    put(name_of(KEY_ACCOUNT, 0, "acme", "", "", 0), "HSET", "views", "99");
    char *key = name_of(KEY_MARK, 2, "", "", "", 0);
    EXPECT("views 99", "clameur_account", "1", key, "acme");
    EXPECT("", "clameur_account", "0", "acme");
    free(key);
}

static void test_an_audit_gives_marks_and_values_in_one_answer(void **state) {
    char *mark = name_of(KEY_MARK, 0, "", "", "", 0), *hash = name_of(KEY_ACCOUNT, 0, "acme", "", "", 0);
    char *top = name_of(KEY_TOP, 0, "acme", "x", "", HOUR_0),
         *none = name_of(KEY_LIVE, 0, "acme", "", "s", 0);
    DO("HSET", mark, "0", "1 5 4 00000000000000ff 0");
    DO("HSET", hash, "views", "7");
    DO("ZADD", top, "3", "c");
    DO("EXPIREAT", top, "32503680000");
    DO("SET", "plain", "bytes");
    EXPECT("(0 1 5 4 00000000000000ff 0) (hash -1 (views 7)) (zset 32503680000 (c 3)) (none -2 ()) (string "
           "-1 (bytes))",
           "clameur_audit", "5", mark, hash, top, none, "plain");
    free(mark);
    free(hash);
    free(top);
    free(none);
}

static void expect_error(redisReply *reply, const char *part) {
    assert_int_equal(reply->type, REDIS_REPLY_ERROR);
    if (strstr(reply->str, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", reply->str, part);
    freeReplyObject(reply);
}

static void test_wrong_arguments_are_told_what_is_right(void **state) {
    expect_error(ASK("FCALL_RO", "clameur_account", "0"),
                 "usage: FCALL_RO clameur_account 0|1 [KEY] ACCOUNT [PLATFORM]");
    expect_error(ASK("FCALL_RO", "clameur_account", "0", ""), "argument 1 is empty");
    expect_error(ASK("FCALL_RO", "clameur_account", "1", "nonsense", "acme"), "is no key of a deployment");
    expect_error(ASK("FCALL_RO", "clameur_account", "1", "other:{3560}:meta", "acme"),
                 "no deployment at other:{3560}:meta");
    expect_error(ASK("FCALL_RO", "clameur_top", "0", "acme", "x", "now", "3"), "is not a number");
    expect_error(ASK("FCALL_RO", "clameur_top", "0", "acme", "x", "0", "0"), "N must be");
    expect_error(ASK("FCALL_RO", "clameur_series", "0", "acme", "x", "0", "99999999999"), "90 days");
    expect_error(ASK("FCALL_RO", "clameur_key", "0", "nosuch", "x"), "there is no family");
    expect_error(ASK("FCALL_RO", "clameur_key", "0", "meta", "8"), "there are 8 shards");
    expect_error(ASK("FCALL_RO", "clameur_audit", "0"), "usage: FCALL_RO clameur_audit");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_counters_are_found_without_the_layout, set_up),
        cmocka_unit_test_setup(test_every_account_lies_in_the_shard_that_schemas_says, set_up),
        cmocka_unit_test_setup(test_every_family_has_the_name_that_schemas_says, set_up),
        cmocka_unit_test_setup(test_a_series_is_told_minute_by_minute, set_up),
        cmocka_unit_test_setup(test_the_top_of_several_hours_is_their_sum, set_up),
        cmocka_unit_test_setup(test_platforms_are_summed_over_the_shards_to_the_last_digit, set_up),
        cmocka_unit_test_setup(test_every_listed_platform_is_asked_for, set_up),
        cmocka_unit_test_setup(test_reach_is_what_pfcount_says, set_up),
        cmocka_unit_test_setup(test_viewers_now_are_joins_less_leaves, set_up),
        cmocka_unit_test_setup(test_marks_and_faults_of_all_shards, set_up),
        cmocka_unit_test_setup(test_another_prefix_is_reached_by_any_of_its_keys, set_up),
        cmocka_unit_test_setup(test_an_audit_gives_marks_and_values_in_one_answer, set_up),
        cmocka_unit_test_setup(test_wrong_arguments_are_told_what_is_right, set_up),
    };
    redis_server_start(&server, "");
    struct redis_address address = {.host = "127.0.0.1", .port = server.port};
    struct problem p;
    if (redis_connect(&redis, &address, NULL, 5000, &p) != STATUS_OK ||
        startup_load_functions(redis, &p) != STATUS_OK) {
        problem_print(&p);
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    redisFree(redis);
    redis_server_stop(&server);
    return failed;
}
