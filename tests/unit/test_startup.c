// init, check, counters and top against a real Redis and librdkafka's embedded broker.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <sys/resource.h>

#include "ingest/commands/commands.h"
#include "ingest/startup/startup.h"
#include "redis_server.h"
#include "runtime/clock.h"
#include "runtime/memory.h"
#include "schemas/weighable.h"

enum { WORDS_MAX = 24, PARTITIONS = 4, SHARDS = 8 };

static struct redis_server server;
static redisContext *redis;
static rd_kafka_t *broker_host;
static rd_kafka_mock_cluster_t *cluster;
static struct key_space keys;
static char config_path[128], key_path[128];
static char out_text[64 * 1024], error_text[64 * 1024];

// --- Running a command

static int capture_begin(int fd) {
    fflush(NULL);
    int saved = dup(fd);
    char path[] = "/tmp/test-startup-XXXXXX";
    int file = mkstemp(path);
    assert_true(saved >= 0 && file >= 0);
    unlink(path);
    dup2(file, fd);
    close(file);
    return saved;
}

static void capture_end(int fd, int saved, char *text, size_t size) {
    fflush(NULL);
    ssize_t length = pread(fd, text, size - 1, 0);
    text[length > 0 ? length : 0] = '\0';
    dup2(saved, fd);
    close(saved);
}

static int run_words(int (*command)(int, char **), const char *const *words, int count) {
    char *argv[WORDS_MAX] = {(char *)"command", (char *)"-c", config_path};
    int argc = 3;
    for (int i = 0; i < count; i++)
        argv[argc++] = (char *)words[i];
    int saved_out = capture_begin(STDOUT_FILENO), saved_error = capture_begin(STDERR_FILENO);
    int code = command(argc, argv);
    capture_end(STDERR_FILENO, saved_error, error_text, sizeof(error_text));
    capture_end(STDOUT_FILENO, saved_out, out_text, sizeof(out_text));
    return code;
}
#define RUN(command, ...)                                                                                    \
    run_words(command, (const char *const[]){"--log.level=info", ##__VA_ARGS__},                             \
              (int)(sizeof((const char *const[]){"--log.level=info", ##__VA_ARGS__}) / sizeof(char *)))

static void expect_said(const char *text, const char *part) {
    if (strstr(text, part) == NULL)
        fail_msg("expected \"%s\" in:\n%s", part, text);
}

static void redis_do(const char *const *words, int count) {
    redisReply *reply = redisCommandArgv(redis, count, (const char **)words, NULL);
    assert_non_null(reply);
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s: %s", words[0], reply->str);
    freeReplyObject(reply);
}
#define DO(...)                                                                                              \
    redis_do((const char *const[]){__VA_ARGS__},                                                             \
             (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)))

static long long count_keys(void) {
    redisReply *reply = redisCommand(redis, "DBSIZE");
    long long count = reply->integer;
    freeReplyObject(reply);
    return count;
}

static char *key_name(enum key_family family, uint32_t shard, const char *account, uint32_t platform,
                      const char *id, int64_t time_s) {
    static char name[KEY_MAX];
    struct key_parts parts = {slice_of(account), platform, slice_of(id), time_s};
    shard = account[0] != '\0' ? key_shard(&keys, parts.account) : shard;
    name[key_write(name, &keys, family, shard, &parts)] = '\0';
    return name;
}

static int set_up(void **state) {
    DO("FLUSHALL");
    DO("CONFIG", "SET", "maxmemory-policy", "noeviction");
    return 0;
}

static int set_up_deployment(void **state) {
    set_up(state);
    return RUN(command_init);
}

// --- init

static void test_init_writes_every_shard_alike(void **state) {
    assert_int_equal(RUN(command_init), 0);
    assert_int_equal(count_keys(), SHARDS);
    expect_said(out_text, "\"topic\":\"engagement\",\"partitions\":4,\"starts\":\"0 0 0 "
                          "0\",\"shards\":8,\"dedup_span\":262144");
    assert_int_equal(RUN(command_check, "--connect"), 0);
    expect_said(out_text, "{\"step\":\"meta\",\"result\":\"ok\"");
}

static void test_init_refuses_to_overwrite(void **state) {
    assert_int_equal(RUN(command_init), STATUS_NO);
    expect_said(error_text, "already holds deployment");
    assert_int_equal(RUN(command_init, "--redis.shards=16"), STATUS_NO);
    expect_said(error_text, "in 8 of these 16 shards");
    DO("DEL", key_name(KEY_META, 3, "", 0, "", 0));
    assert_int_equal(RUN(command_init), STATUS_NO);
    expect_said(error_text, "in 7 of these 8 shards");
    assert_int_equal(count_keys(), SHARDS - 1);
}

static void test_init_refuses_marks_without_their_meta(void **state) {
    DO("HSET", key_name(KEY_MARK, 5, "", 0, "", 0), "0", "1 20 19 00000000000000ff 0");
    assert_int_equal(RUN(command_init), STATUS_NO);
    expect_said(error_text, "CLM-M1");
    expect_said(error_text, "marks without a meta");
    assert_int_equal(count_keys(), 1);
}

// Red without the WATCH of init.
static void test_of_several_inits_at_once_one_holds(void **state) {
#ifdef __SANITIZE_THREAD__
    skip(); // a child of a process with threads cannot begin threads under this sanitizer
#endif
    enum { INITS = 6 };
    pid_t children[INITS];
    int won = 0, refused = 0;
    rd_kafka_mock_broker_set_rtt(cluster, 1, 100); // so that all have looked before the first writes
    for (int i = 0; i < INITS; i++) {
        children[i] = fork();
        if (children[i] == 0)
            _exit(RUN(command_init));
    }
    for (int i = 0; i < INITS; i++) {
        int result;
        assert_int_equal(waitpid(children[i], &result, 0), children[i]);
        won += WIFEXITED(result) && WEXITSTATUS(result) == STATUS_OK;
        refused += WIFEXITED(result) && WEXITSTATUS(result) == STATUS_NO;
    }
    rd_kafka_mock_broker_set_rtt(cluster, 1, 0);
    assert_int_equal(won, 1);
    assert_int_equal(refused, INITS - 1);
    assert_int_equal(RUN(command_check, "--connect"), 0);
}

static void test_init_needs_the_topic(void **state) {
    assert_int_equal(RUN(command_init, "--kafka.topic=engagment"), STATUS_UNAVAILABLE);
    expect_said(error_text, "CLM-K3");
    assert_int_equal(count_keys(), 0);
}

static void test_init_from_latest_starts_at_the_end(void **state) {
    rd_kafka_topic_t *topic = rd_kafka_topic_new(broker_host, "engagement", NULL);
    assert_int_equal(rd_kafka_produce(topic, 2, RD_KAFKA_MSG_F_COPY, (char *)"x", 1, NULL, 0, NULL), 0);
    assert_int_equal(rd_kafka_flush(broker_host, 10000), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_destroy(topic);
    assert_int_equal(RUN(command_init, "--from", "latest", "-o", "csv"), 0);
    expect_said(out_text, "engagement,4,0 0 1 0,8,");
}

// --- check

static void test_the_same_families_in_another_order_are_the_same(void **state) {
    assert_int_equal(RUN(command_check, "--connect",
                         "--counters.families=reach,platform,live,tag,top,series,campaign,content,account"),
                     0);
}

static void test_check_names_what_is_wrong(void **state) {
    static const struct {
        const char *flag, *code, *said;
        int exit;
    } rows[] = {
        {"--redis.shards=16", "CLM-M4", "redis.shards is 16, but deployment", STATUS_CONFIG},
        {"--redis.shards=4", "CLM-M4", "redis.shards is 4, but deployment", STATUS_CONFIG},
        {"--dedup.span=4096", "CLM-M4", "dedup.span is 4096, but deployment", STATUS_CONFIG},
        {"--decode.framing=raw", "CLM-M5", "decode.framing is raw, but deployment", STATUS_CONFIG},
        {"--decode.max_message_bytes=2MiB", "CLM-M5", "decode.max_message_bytes is 2097152, but deployment",
         STATUS_CONFIG},
        {"--decode.max_event_bytes=256B", "CLM-M5", "decode.max_event_bytes is 256, but deployment",
         STATUS_CONFIG},
        {"--counters.families=platform,account", "CLM-M5", "counters.families is account,platform, but",
         STATUS_CONFIG},
        {"--kafka.topic=other", "CLM-M4", "kafka.topic is other, but deployment", STATUS_CONFIG},
        {"--kafka.topic=nosuch", "CLM-K3", "\\\"nosuch\\\" does not exist", STATUS_UNAVAILABLE},
        {"--dlq.topic=nosuch", "CLM-K5", "the dead-letter topic \\\"nosuch\\\" does not exist",
         STATUS_UNAVAILABLE},
        {"--redis.prefix=fresh", "CLM-M1", "no deployment under the prefix fresh", STATUS_BAD_DATA},
        {"--redis.url=127.0.0.1:1", "CLM-R3", "no Redis at 127.0.0.1:1", STATUS_UNAVAILABLE},
        {"--privacy.key_file=/nonexistent", "", "/nonexistent", STATUS_NO_INPUT},
        {"--rules.file=/nonexistent", "", "rules", STATUS_NO_INPUT},
        {"--redis.flush_min=30s", "", "configuration", STATUS_CONFIG},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int code = RUN(command_check, "--connect", rows[i].flag);
        if (code != rows[i].exit)
            fail_msg("%s: exit %d\n%s", rows[i].flag, code, out_text);
        expect_said(out_text, rows[i].said);
        expect_said(out_text, rows[i].code);
    }
}

static void test_a_span_that_nobody_set_is_the_deployments(void **state) {
    assert_int_equal(RUN(command_init, "--dedup.span=4096"), 0);
    assert_int_equal(RUN(command_check, "--connect"), 0);
    expect_said(out_text, "dedup span 4096");
    assert_int_equal(RUN(command_check, "--connect", "--dedup.span=262144"), STATUS_CONFIG);
}

static void test_another_first_version_of_the_rules_is_refused(void **state) {
    char path[] = "/tmp/test-rules-XXXXXX", flag[64];
    int file = mkstemp(path);
    static const char rules[] = "- version: 1\n  since: 0\n  max_past: off\n";
    assert_int_equal(write(file, rules, sizeof(rules) - 1), sizeof(rules) - 1);
    close(file);
    snprintf(flag, sizeof(flag), "--rules.file=%s", path);
    assert_int_equal(RUN(command_check, "--connect", flag), STATUS_CONFIG);
    expect_said(out_text, "CLM-M5");
    unlink(path);
}

// Told before anything is claimed, in every shard: the claim would refuse them one by one.
static void test_rules_that_would_change_the_past_are_refused(void **state) {
    char path[] = "/tmp/test-rules-XXXXXX", flag[64];
    int file = mkstemp(path);
    static const char rules[] =
        "- {version: 1, since: 0}\n- {version: 2, since: 1500000000000, max_past: off}\n";
    assert_int_equal(write(file, rules, sizeof(rules) - 1), sizeof(rules) - 1);
    close(file);
    snprintf(flag, sizeof(flag), "--rules.file=%s", path);
    DO("HSET", key_name(KEY_MARK, 5, "", 0, "", 0), "0", "1 20 19 00000000000000ff 1499999999999");
    assert_int_equal(RUN(command_check, "--connect", flag), 0);
    expect_said(
        out_text,
        "{\"step\":\"rules in force\",\"result\":\"ok\",\"detail\":\"version 2 the last, pseudonym key 1\"");
    DO("HSET", key_name(KEY_MARK, 5, "", 0, "", 0), "0", "1 20 19 00000000000000ff 1500000000000");
    assert_int_equal(RUN(command_check, "--connect", flag), STATUS_CONFIG);
    expect_said(out_text, "CLM-M5");
    expect_said(out_text,
                "shard 5: version 2 of the rules, since 2017-07-14T02:40:00.000Z, does not lie ahead of "
                "what is counted (newest mark: 2017-07-14T02:40:00.000Z)");
    assert_int_equal(count_keys(), SHARDS + 1);
    assert_int_equal(RUN(command_check, "--connect"), 0);
    unlink(path);
}

static void new_version(char flag[64], int64_t since_ms) {
    char rules[128];
    snprintf(flag, 64, "--rules.file=/tmp/test-rules-new-%d", getpid());
    int length = snprintf(rules, sizeof(rules), "- {version: 1, since: 0}\n- {version: 2, since: %lld}\n",
                          (long long)since_ms);
    FILE *file = fopen(flag + strlen("--rules.file="), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(rules, 1, (size_t)length, file), length);
    fclose(file);
}

// The marks alone do not tell: others count past a `since` while shards are claimed.
static void test_a_new_version_needs_the_time_that_claims_take(void **state) {
    char flag[64], text[LAYOUT_RULES_MAX];
    new_version(flag, 1500000000000);
    assert_int_equal(RUN(command_check, "--connect", flag), 0); // nothing was claimed yet
    struct rules_kinds kinds;
    struct rules_book book;
    schemas_rules_kinds(&kinds);
    assert_int_equal(rules_load(&book, flag + strlen("--rules.file="), &kinds), STATUS_OK);
    layout_rules_write(text, &book.versions[0]);
    DO("HSET", key_name(KEY_RULES, 3, "", 0, "", 0), "1", text);
    assert_int_equal(RUN(command_check, "--connect", flag), STATUS_CONFIG);
    expect_said(out_text, "CLM-M5");
    expect_said(out_text, "version of the rules 2 is new to every shard, and its since has passed");
    layout_rules_write(text, &book.versions[1]);
    DO("HSET", key_name(KEY_RULES, 3, "", 0, "", 0), "2", text);
    assert_int_equal(RUN(command_check, "--connect", flag), 0); // what was begun goes on
    rules_fini(&book);
    DO("HDEL", key_name(KEY_RULES, 3, "", 0, "", 0), "2");
    new_version(flag, clock_wall_ms() + 600000);
    assert_int_equal(RUN(command_check, "--connect", flag), 0);
    unlink(flag + strlen("--rules.file="));
}

static void test_shards_of_two_deployments_are_refused(void **state) {
    DO("HSET", key_name(KEY_META, 6, "", 0, "", 0), "deployment", "00000000000000000000000000000000");
    assert_int_equal(RUN(command_check, "--connect"), STATUS_CONFIG);
    expect_said(out_text, "shard 6 belongs to another deployment");
}

static void test_a_shard_without_meta_is_refused(void **state) {
    DO("DEL", key_name(KEY_META, 6, "", 0, "", 0));
    assert_int_equal(RUN(command_check, "--connect"), STATUS_BAD_DATA);
    expect_said(out_text, "CLM-M1");
    expect_said(out_text, "1 of 8 shards");
    expect_said(out_text, "shard 6 the first");
}

static void test_malformed_meta_is_refused(void **state) {
    DO("HSET", key_name(KEY_META, 2, "", 0, "", 0), "partitions", "many");
    assert_int_equal(RUN(command_check, "--connect"), STATUS_BAD_DATA);
    expect_said(out_text, "meta of shard 2: its field partitions is malformed");
}

static void test_partitions_may_grow_but_not_vanish(void **state) {
    for (uint32_t shard = 0; shard < SHARDS; shard++)
        DO("HSET", key_name(KEY_META, shard, "", 0, "", 0), "partitions", "3");
    assert_int_equal(RUN(command_check, "--connect"), 0);
    expect_said(out_text, "has grown from 3 to 4 partitions");
    assert_int_equal(RUN(command_check, "--connect", "--strict"), STATUS_NO);
    for (uint32_t shard = 0; shard < SHARDS; shard++)
        DO("HSET", key_name(KEY_META, shard, "", 0, "", 0), "partitions", "5");
    assert_int_equal(RUN(command_check, "--connect"), STATUS_BAD_DATA);
    expect_said(out_text, "CLM-M3");
}

static void test_more_partitions_than_can_be_counted_are_refused(void **state) {
    for (uint32_t shard = 0; shard < SHARDS; shard++)
        DO("HSET", key_name(KEY_META, shard, "", 0, "", 0), "topic", "crowded");
    assert_int_equal(RUN(command_check, "--connect", "--kafka.topic=crowded"), STATUS_CONFIG);
    expect_said(out_text, "CLM-M6");
    expect_said(out_text, "has 4097 partitions; at most 4096 can be counted");
    assert_int_equal(RUN(command_init, "--kafka.topic=crowded", "--redis.prefix=fresh"), STATUS_CONFIG);
    expect_said(error_text, "CLM-M6");
}

static void test_an_evicting_redis_is_refused_as_wished(void **state) {
    DO("CONFIG", "SET", "maxmemory-policy", "volatile-lru");
    assert_int_equal(RUN(command_check, "--connect"), STATUS_CONFIG);
    expect_said(out_text, "CLM-R1");
    assert_int_equal(RUN(command_check, "--connect", "--redis.require_noeviction=warn"), 0);
    expect_said(out_text, "\"result\":\"warning\",\"detail\":\"\",\"code\":\"CLM-R1\"");
    assert_int_equal(RUN(command_check, "--connect", "--redis.require_noeviction=off"), 0);
    assert_null(strstr(out_text, "CLM-R1"));
}

static void test_a_replica_is_refused(void **state) {
    DO("REPLICAOF", "127.0.0.1", "1");
    int code = RUN(command_check, "--connect");
    DO("REPLICAOF", "NO", "ONE");
    assert_int_equal(code, STATUS_UNAVAILABLE);
    expect_said(out_text, "the role of this Redis is slave");
}

static void test_what_an_acl_forbids_is_named(void **state) {
    setenv("CLAMEUR_REDIS_PASSWORD", "secret", 1);
    DO("ACL", "SETUSER", "worker", "on", ">secret", "~*", "+@all", "-function", "-info");
    int code = RUN(command_check, "--connect", "--redis.username=worker");
    DO("ACL", "DELUSER", "worker");
    assert_int_equal(code, STATUS_NOT_ALLOWED);
    expect_said(out_text, "CLM-A1");
    expect_said(out_text, "whether Redis evicts is unknown");
    DO("ACL", "SETUSER", "worker", "on", ">secret", "~*", "+@all", "-hvals", "-hget");
    code = RUN(command_check, "--connect", "--redis.username=worker");
    DO("ACL", "DELUSER", "worker");
    unsetenv("CLAMEUR_REDIS_PASSWORD");
    assert_int_equal(code, STATUS_NOT_ALLOWED);
    expect_said(out_text, "CLM-A1");
}

static void test_the_writers_functions_are_never_replaced(void **state) {
    struct problem p;
    redisReply *reply =
        redisCommand(redis, "FUNCTION LOAD REPLACE %s",
                     "#!lua name=clameur_v1\nredis.register_function('clameur_flush_v1', function() "
                     "return {'OLD'} end)");
    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    freeReplyObject(reply);
    assert_int_equal(startup_load_functions(redis, &p), STATUS_CONFIG);
    assert_string_equal(p.code, "CLM-R6");
    expect_said(p.what, "another clameur_v1");
    reply = redisCommand(redis, "FCALL clameur_flush_v1 0");
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    assert_string_equal(reply->element[0]->str, "OLD");
    freeReplyObject(reply);
    DO("FUNCTION", "FLUSH");
    assert_int_equal(startup_load_functions(redis, &p), STATUS_OK);
}

static void test_open_files_are_raised_or_told(void **state) {
    struct rlimit before, low;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    low = before;
    low.rlim_cur = 100;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    int code = RUN(command_check);
    struct rlimit after;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &after), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(code, 0);
    expect_said(out_text, "the limit was 100: raised to");
    assert_true(after.rlim_cur == before.rlim_max);
}

// --- counters and top

static void test_counters_show_a_reading_instead_of_the_count(void **state) {
    DO("HSET", key_name(KEY_CONTENT, 0, "acme", 2, "v1", 0), "views", "10", "views.read", "25",
       "views.read_at", "1700000000000", "views.read_id", "ff", "likes", "3", "reach.read", "8",
       "reach.read_at", "1700000000000");
    assert_int_equal(RUN(command_counters, "acme", "tiktok", "v1", "-o", "csv"), 0);
    assert_string_equal(out_text, "account,platform,content,counter,value,source,read_at\r\n"
                                  "acme,tiktok,v1,likes,3,counted,\r\n"
                                  "acme,tiktok,v1,reach,8,reading,1700000000000\r\n"
                                  "acme,tiktok,v1,views,25,reading,1700000000000\r\n");
}

static void test_money_is_rounded_in_tables_only(void **state) {
    DO("HSET", key_name(KEY_ACCOUNT, 0, "acme", 0, "", 0), "gross_micros:EUR", "1234567891",
       "gross_micros:JPY", "2500000");
    assert_int_equal(RUN(command_counters, "acme", "-o", "table"), 0);
    expect_said(out_text, "1234.57 EUR");
    expect_said(out_text, " 2 JPY");
    assert_int_equal(RUN(command_counters, "acme"), 0);
    expect_said(out_text, "\"counter\":\"gross_micros:EUR\",\"value\":1234567891,");
}

static void test_a_series_ends_with_this_minute(void **state) {
    int64_t now_s = (int64_t)time(NULL), hour_s = now_s / 3600 * 3600;
    char field[24];
    snprintf(field, sizeof(field), "%02d:likes", (int)((now_s - hour_s) / 60));
    DO("HSET", key_name(KEY_SERIES, 0, "acme", 2, "", hour_s), field, "4");
    assert_int_equal(RUN(command_counters, "acme", "tiktok", "--series", "5m"), 0);
    expect_said(out_text, "\"counter\":\"likes\",\"value\":4}");
    assert_int_equal(RUN(command_counters, "acme", "--series", "5m"), STATUS_USAGE);
}

static void test_top_ranks_content_over_all_platforms(void **state) {
    int64_t hour_s = (int64_t)time(NULL) / 3600 * 3600;
    DO("ZADD", key_name(KEY_TOP, 0, "acme", 2, "", hour_s), "5", "t1", "1", "t2");
    DO("ZADD", key_name(KEY_TOP, 0, "acme", 5, "", hour_s - 3600), "3", "x1");
    assert_int_equal(RUN(command_top, "acme", "--hours", "2", "-n", "2", "-o", "csv"), 0);
    assert_string_equal(out_text,
                        "rank,account,platform,content,weighted_interactions\r\n1,acme,tiktok,t1,5\r\n"
                        "2,acme,x,x1,3\r\n");
    assert_int_equal(RUN(command_top, "content", "acme", "tiktok", "-o", "csv"), 0);
    expect_said(out_text, "2,acme,tiktok,t2,1\r\n");
    assert_int_equal(RUN(command_top, "acme", "tiktik"), STATUS_USAGE);
    expect_said(error_text, "did you mean \"tiktok\"");
}

static void test_top_platform_sums_the_shards(void **state) {
    DO("HSET", key_name(KEY_PLATFORM, 1, "", 2, "", 0), "likes", "2", "views", "9");
    DO("HSET", key_name(KEY_PLATFORM, 4, "", 2, "", 0), "shares", "1", "views", "1");
    DO("HSET", key_name(KEY_PLATFORM, 0, "", 3, "", 0), "orders", "2");
    assert_int_equal(RUN(command_top, "platform", "-o", "csv"), 0);
    assert_string_equal(out_text, "rank,platform,weighted_interactions,views,orders\r\n1,youtube,10,0,2\r\n"
                                  "2,tiktok,5,10,0\r\n");
}

static void test_top_campaign_finds_those_of_the_account_alone(void **state) {
    DO("HSET", key_name(KEY_CAMPAIGN, 0, "acme*", 0, "spring:1{%}", 0), "likes", "2", "orders", "1");
    DO("HSET", key_name(KEY_CAMPAIGN, 0, "acme*", 0, "summer", 0), "likes", "9");
    DO("HSET", key_name(KEY_CAMPAIGN, 0, "acme-inc", 0, "other", 0), "likes", "100");
    for (int i = 0; i < 3000; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%d", i);
        DO("HSET", key_name(KEY_LIVE, 0, "acme*", 0, id, 0), "live_joins", "1");
    }
    assert_int_equal(RUN(command_top, "campaign", "acme*", "-o", "csv"), 0);
    assert_string_equal(out_text, "rank,campaign,weighted_interactions,views,orders\r\n1,summer,9,0,0\r\n"
                                  "2,spring:1{%},7,0,1\r\n");
}

static void test_readers_load_what_redis_lacks_and_miss_no_deployment(void **state) {
    DO("FUNCTION", "FLUSH");
    assert_int_equal(RUN(command_counters, "acme"), 0);
    assert_int_equal(RUN(command_counters, "acme", "--redis.prefix=other"), STATUS_BAD_DATA);
    expect_said(error_text, "CLM-M1");
}

// --- The world

static void kafka_start(void) {
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", reason, sizeof(reason));
    broker_host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
    cluster = rd_kafka_handle_mock_cluster(broker_host);
    rd_kafka_mock_topic_create(cluster, "engagement", PARTITIONS, 1);
    rd_kafka_mock_topic_create(cluster, "engagement.dlq", 1, 1);
    rd_kafka_mock_topic_create(cluster, "other", PARTITIONS, 1);
    rd_kafka_mock_topic_create(cluster, "crowded", PARTITIONS_MAX + 1, 1);
    rd_kafka_mock_topic_create(cluster, "crowded.dlq", 1, 1);
    rd_kafka_mock_topic_create(cluster, "other.dlq", 1, 1);
}

static void files_write(void) {
    snprintf(key_path, sizeof(key_path), "%s/key", server.directory);
    snprintf(config_path, sizeof(config_path), "%s/clameur.yaml", server.directory);
    FILE *file = fopen(key_path, "w");
    fputs("000102030405060708090a0b0c0d0e0f\n", file);
    fclose(file);
    chmod(key_path, 0600);
    file = fopen(config_path, "w");
    fprintf(file,
            "kafka.bootstrap.servers: %s\nredis.url: redis://127.0.0.1:%d\nprivacy.key_file: "
            "%s\nredis.shards: %d\n",
            rd_kafka_mock_cluster_bootstraps(cluster), server.port, key_path, SHARDS);
    fclose(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_init_writes_every_shard_alike, set_up),
        cmocka_unit_test_setup(test_init_refuses_to_overwrite, set_up_deployment),
        cmocka_unit_test_setup(test_init_refuses_marks_without_their_meta, set_up),
        cmocka_unit_test_setup(test_of_several_inits_at_once_one_holds, set_up),
        cmocka_unit_test_setup(test_init_needs_the_topic, set_up),
        cmocka_unit_test_setup(test_init_from_latest_starts_at_the_end, set_up),
        cmocka_unit_test_setup(test_the_same_families_in_another_order_are_the_same, set_up_deployment),
        cmocka_unit_test_setup(test_check_names_what_is_wrong, set_up_deployment),
        cmocka_unit_test_setup(test_a_span_that_nobody_set_is_the_deployments, set_up),
        cmocka_unit_test_setup(test_another_first_version_of_the_rules_is_refused, set_up_deployment),
        cmocka_unit_test_setup(test_rules_that_would_change_the_past_are_refused, set_up_deployment),
        cmocka_unit_test_setup(test_a_new_version_needs_the_time_that_claims_take, set_up_deployment),
        cmocka_unit_test_setup(test_shards_of_two_deployments_are_refused, set_up_deployment),
        cmocka_unit_test_setup(test_a_shard_without_meta_is_refused, set_up_deployment),
        cmocka_unit_test_setup(test_malformed_meta_is_refused, set_up_deployment),
        cmocka_unit_test_setup(test_partitions_may_grow_but_not_vanish, set_up_deployment),
        cmocka_unit_test_setup(test_more_partitions_than_can_be_counted_are_refused, set_up_deployment),
        cmocka_unit_test_setup(test_an_evicting_redis_is_refused_as_wished, set_up_deployment),
        cmocka_unit_test_setup(test_a_replica_is_refused, set_up_deployment),
        cmocka_unit_test_setup(test_what_an_acl_forbids_is_named, set_up_deployment),
        cmocka_unit_test_setup(test_the_writers_functions_are_never_replaced, set_up),
        cmocka_unit_test_setup(test_open_files_are_raised_or_told, set_up),
        cmocka_unit_test_setup(test_counters_show_a_reading_instead_of_the_count, set_up_deployment),
        cmocka_unit_test_setup(test_money_is_rounded_in_tables_only, set_up_deployment),
        cmocka_unit_test_setup(test_a_series_ends_with_this_minute, set_up_deployment),
        cmocka_unit_test_setup(test_top_ranks_content_over_all_platforms, set_up_deployment),
        cmocka_unit_test_setup(test_top_platform_sums_the_shards, set_up_deployment),
        cmocka_unit_test_setup(test_top_campaign_finds_those_of_the_account_alone, set_up_deployment),
        cmocka_unit_test_setup(test_readers_load_what_redis_lacks_and_miss_no_deployment, set_up_deployment),
    };
    key_space_init(&keys, "clm", SHARDS);
    redis_server_start(&server, "");
    kafka_start();
    files_write();
    struct redis_address address = {.host = "127.0.0.1", .port = server.port};
    struct problem p;
    if (redis_connect(&redis, &address, NULL, 5000, &p) != STATUS_OK) {
        problem_print(&p);
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    redisFree(redis);
    rd_kafka_destroy(broker_host);
    unlink(key_path);
    unlink(config_path);
    redis_server_stop(&server);
    return failed;
}
