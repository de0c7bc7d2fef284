#include "runtime/redis/redis_tls.h"
#include "schemas/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "schemas/keys.h"

enum { FLAGS_MAX = 4 };

// The settings that a command line gives, over the defaults.
static struct config *load(struct settings *s, const char *const flags[FLAGS_MAX]) {
    char *argv[FLAGS_MAX + 4] = {(char *)"clameur", (char *)"--kafka.bootstrap.servers=localhost:9092",
                                 (char *)"--privacy.key_file=key"};
    int argc = 3;
    for (int i = 0; i < FLAGS_MAX && flags[i] != NULL; i++)
        argv[argc++] = (char *)flags[i];
    struct config *config = NULL;
    struct config_request request = {0};
    assert_int_equal(config_load(&config, argc, argv, 1, settings_options, settings_option_count, s, NULL, 0,
                                 NULL, &request),
                     STATUS_OK);
    return config;
}

// What settings_check returned, and what it wrote to standard error.
static enum status check(const char *const flags[FLAGS_MAX], char *said, size_t size) {
    struct settings s;
    struct config *config = load(&s, flags);
    fflush(stderr);
    int kept = dup(STDERR_FILENO);
    FILE *file = tmpfile();
    dup2(fileno(file), STDERR_FILENO);
    enum status status = settings_check(&s, config);
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    rewind(file);
    said[fread(said, 1, size - 1, file)] = '\0';
    fclose(file);
    config_destroy(&config);
    return status;
}

static void the_defaults_stand(void **state) {
    char said[4096];
    assert_int_equal(check((const char *const[FLAGS_MAX]){NULL}, said, sizeof(said)), STATUS_OK);
    assert_string_equal(said, "");
    struct settings s;
    struct config *config = load(&s, (const char *const[FLAGS_MAX]){NULL});
    assert_int_equal(s.redis_shards, 64);
    assert_int_equal(s.redis_flush_min_ms, 250);
    assert_string_equal(s.redis_prefix, "clm");
    assert_string_equal(s.http_listen, "[::]:8470");
    assert_string_equal(s.store_url, "");
    assert_string_equal(s.aggregate_group, "clameur-aggregate");
    assert_string_equal(s.aggregate_listen, "[::]:8471");
    assert_int_equal(s.aggregate_checkpoint_ms, 30000);
    config_destroy(&config);
}

static void good_settings_pass(void **state) {
    static const char *const cases[][FLAGS_MAX] = {
        {"--counters.families=account"},
        {"--counters.families=account, content ,platform"},
        {"--redis.flush_min=1s", "--redis.flush_max=1s"},
        {"--redis.prefix=ppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp"},
        {"--redis.prefix=clm:eu"},
        {"--dlq.topic=rejects"},
        {"--http.listen=off", "--aggregate.listen=[::1]:0"},
        {"--store.url=s3://bucket/prefix", "--store.s3.region=eu-central-1", "--store.s3.access_key=name",
         "--store.s3.secret_key_file=secret"},
        {"--store.url=file:///var/lib/clameur", "--store.s3.access_key=name"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char said[4096];
        if (check(cases[i], said, sizeof(said)) != STATUS_OK || said[0] != '\0')
            fail_msg("%s: %s", cases[i][0], said);
    }
}

static void bad_settings_are_named_with_their_origin(void **state) {
    static const struct {
        const char *flags[FLAGS_MAX];
        const char *option, *says;
    } cases[] = {
        {{"--counters.families=account,contnet"}, "counters.families", "did you mean \"content\"?"},
        {{"--counters.families=qqqqqqqq"}, "counters.families", "no family \"qqqqqqqq\""},
        {{"--counters.families=account,,tag"}, "counters.families", "an empty name"},
        {{"--counters.families="}, "counters.families", "an empty name"},
        {{"--counters.families=all,tag"}, "counters.families", "no family \"all\""},
        {{"--counters.families=orders"}, "counters.families", "no family \"orders\""},
        {{"--redis.prefix="}, "redis.prefix", "0 bytes"},
        {{"--redis.prefix=pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp"},
         "redis.prefix",
         "64 bytes"},
        {{"--redis.prefix=c{1}"}, "redis.prefix", "brace"},
        {{"--redis.prefix=c}"}, "redis.prefix", "brace"},
        {{"--redis.flush_min=2s"}, "redis.flush_min", "2000ms is longer than redis.flush_max, 1000ms"},
        {{"--dlq.topic=engagement"}, "dlq.topic", "the topic itself"},
        {{"--alerts.topic=engagement"}, "alerts.topic", "the topic itself"},
        {{"--store.url=/var/lib/clameur"}, "store.url", "\"/var/lib/clameur\" names no store"},
        {{"--store.url=file://clameur"}, "store.url", "names no store"},
        {{"--store.url=s3://bucket", "--store.s3.access_key=name", "--store.s3.secret_key_file=secret"},
         "store.url",
         "takes store.s3.region"},
        {{"--store.url=s3://bucket", "--store.s3.region=eu", "--store.s3.secret_key_file=secret"},
         "store.url",
         "takes store.s3.access_key"},
        {{"--store.url=s3://bucket", "--store.s3.region=eu", "--store.s3.access_key=name"},
         "store.url",
         "takes store.s3.secret_key_file"},
        {{"--aggregate.group=clameur-ingest"}, "aggregate.group", "is kafka.group too"},
        {{"--http.listen=x"}, "http.listen", "\"x\" is no address to listen on; write HOST:PORT"},
        {{"--aggregate.listen=::1:8471"}, "aggregate.listen", "\"::1:8471\" is no address to listen on"},
        {{"--kafka.group=clameur-aggregate"}, "kafka.group", "is aggregate.group too"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char said[4096], begin[64];
        assert_int_equal(check(cases[i].flags, said, sizeof(said)), STATUS_CONFIG);
        snprintf(begin, sizeof(begin), "--%s CLM-C1 %s: ", cases[i].option, cases[i].option);
        if (strncmp(said, begin, strlen(begin)) != 0 || strstr(said, cases[i].says) == NULL)
            fail_msg("%s: %s", cases[i].flags[0], said);
    }
}

static void all_findings_are_reported(void **state) {
    static const char *const flags[FLAGS_MAX] = {"--redis.prefix={", "--redis.flush_min=2s",
                                                 "--dlq.topic=engagement", "--counters.families=contnet,tga"};
    char said[4096];
    assert_int_equal(check(flags, said, sizeof(said)), STATUS_CONFIG);
    static const char *const each[] = {"redis.prefix:", "redis.flush_min:", "dlq.topic:", "\"contnet\"",
                                       "\"tga\""};
    for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++)
        assert_non_null(strstr(said, each[i]));
}

static void a_topic_name_has_room_for_its_dead_letters(void **state) {
    char flag[300] = "--kafka.topic=", said[4096];
    memset(flag + strlen(flag), 't', 245);
    assert_int_equal(check((const char *const[FLAGS_MAX]){flag}, said, sizeof(said)), STATUS_OK);
    strcat(flag, "t");
    assert_int_equal(check((const char *const[FLAGS_MAX]){flag}, said, sizeof(said)), STATUS_CONFIG);
    assert_non_null(strstr(said, "kafka.topic: the dead-letter topic's name has 250 bytes"));
}

static void the_dead_letter_topic_has_a_default(void **state) {
    char out[256];
    struct settings s = {.kafka_topic = "engagement", .dlq_topic = ""};
    settings_dlq_topic(&s, out, sizeof(out));
    assert_string_equal(out, "engagement.dlq");
    s.dlq_topic = "rejects";
    settings_dlq_topic(&s, out, sizeof(out));
    assert_string_equal(out, "rejects");
}

static void the_alerts_topic_has_a_default(void **state) {
    char out[256];
    struct settings s = {.kafka_topic = "engagement", .alerts_topic = ""};
    settings_alerts_topic(&s, out, sizeof(out));
    assert_string_equal(out, "engagement.alerts");
    s.alerts_topic = "crises";
    settings_alerts_topic(&s, out, sizeof(out));
    assert_string_equal(out, "crises");
}

#define BIT(id) (UINT32_C(1) << KEY_##id)

static void families_become_bits(void **state) {
    static const uint32_t always = BIT(ORDERS) | BIT(MARK) | BIT(FAULTS) | BIT(RULES) | BIT(META);
    static const struct {
        const char *list;
        uint32_t bits;
    } cases[] = {
        {"all", (UINT32_C(1) << KEY_FAMILY_COUNT) - 1},
        {"account", BIT(ACCOUNT) | BIT(ACCOUNT_PLATFORM)},
        {"content, campaign", BIT(CONTENT) | BIT(CAMPAIGN)},
        {"series,top,live", BIT(SERIES) | BIT(TOP) | BIT(LIVE)},
        {"tag", BIT(TAG)},
        {"reach", BIT(REACH)},
        {"reach,tag", BIT(TAG) | BIT(REACH) | BIT(TAG_REACH)},
        {"platform", BIT(PLATFORM)},
        {"account,content,campaign,series,top,tag,live,reach,platform",
         (UINT32_C(1) << KEY_FAMILY_COUNT) - 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct settings s = {.counters_families = cases[i].list};
        assert_int_equal(settings_families(&s), cases[i].bits | always);
    }
}

static enum status password_of(const char *content, size_t length, struct redis_login *login,
                               struct problem *p) {
    char path[] = "/tmp/clameur_password_XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, content, length), length);
    close(descriptor);
    struct settings s = {.redis_password = "inline", .redis_password_file = path};
    enum status status = settings_redis_password(&s, login, p);
    unlink(path);
    return status;
}

static void the_password_is_the_first_line_of_its_file(void **state) {
    char longest[sizeof(((struct redis_login *)0)->password) + 1];
    char too_long[sizeof(longest)];
    memset(longest, 'x', sizeof(longest));
    memcpy(too_long, longest, sizeof(longest));
    longest[sizeof(longest) - 2] = too_long[sizeof(longest) - 1] = '\0';
    const struct {
        const char *content;
        enum status status;
        const char *password;
    } cases[] = {
        {"secret\n", STATUS_OK, "secret"},
        {"secret", STATUS_OK, "secret"},
        {"secret\r\nother\n", STATUS_OK, "secret"},
        {" two words \n", STATUS_OK, " two words "},
        {longest, STATUS_OK, longest},
        {too_long, STATUS_CONFIG, NULL},
        {"\nsecond", STATUS_CONFIG, NULL},
        {"", STATUS_CONFIG, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct redis_login login = {0};
        struct problem p = {0};
        enum status status = password_of(cases[i].content, strlen(cases[i].content), &login, &p);
        if (status != cases[i].status)
            fail_msg("case %zu: status %d", i, (int)status);
        if (status == STATUS_OK)
            assert_string_equal(login.password, cases[i].password);
        else
            assert_null(strstr(p.what, "xxx"));
    }
}

static void the_password_may_stand_in_the_settings(void **state) {
    struct redis_login login;
    char too_long[sizeof(login.password) + 1];
    struct problem p = {0};
    struct settings s = {.redis_password = "inline", .redis_password_file = ""};
    assert_int_equal(settings_redis_password(&s, &login, &p), STATUS_OK);
    assert_string_equal(login.password, "inline");
    s.redis_password = "";
    assert_int_equal(settings_redis_password(&s, &login, &p), STATUS_OK);
    assert_string_equal(login.password, "");
    memset(too_long, 'x', sizeof(too_long));
    too_long[sizeof(too_long) - 1] = '\0';
    s.redis_password = too_long;
    assert_int_equal(settings_redis_password(&s, &login, &p), STATUS_CONFIG);
    s.redis_password_file = "/nonexistent/password";
    assert_int_equal(settings_redis_password(&s, &login, &p), STATUS_NO_INPUT);
    assert_non_null(strstr(p.what, "/nonexistent/password"));
}

static void the_key_of_the_store_may_lie_in_a_file(void **state) {
    char path[] = "/tmp/clameur_secret_XXXXXX", secret[8];
    struct problem p = {0};
    struct settings s = {.store_s3_secret_key = "inline", .store_s3_secret_key_file = ""};
    assert_int_equal(settings_store_secret(&s, secret, sizeof(secret), &p), STATUS_OK);
    assert_string_equal(secret, "inline");
    s.store_s3_secret_key = "too long";
    assert_int_equal(settings_store_secret(&s, secret, sizeof(secret), &p), STATUS_CONFIG);
    int descriptor = mkstemp(path);
    assert_int_equal(write(descriptor, "filed\n", 6), 6);
    close(descriptor);
    s.store_s3_secret_key_file = path;
    assert_int_equal(settings_store_secret(&s, secret, sizeof(secret), &p), STATUS_OK);
    assert_string_equal(secret, "filed");
    unlink(path);
    assert_int_equal(settings_store_secret(&s, secret, sizeof(secret), &p), STATUS_NO_INPUT);
    assert_non_null(strstr(p.what, "store.s3.secret_key_file"));
}

static struct settings redis_settings(const char *url) {
    return (struct settings){.redis_url = url,
                             .redis_username = "worker",
                             .redis_password = "inline",
                             .redis_password_file = "",
                             .redis_tls_ca_file = "",
                             .redis_tls_cert_file = "",
                             .redis_tls_key_file = "",
                             .redis_tls_server_name = ""};
}

static void a_redis_is_where_and_who(void **state) {
    struct redis_seeds seeds;
    struct redis_login login;
    struct problem p = {0};
    struct settings s = redis_settings("redis://127.0.0.1:7,127.0.0.1:8");
    assert_int_equal(settings_redis(&s, &seeds, &login, &p), STATUS_OK);
    assert_int_equal(seeds.count, 2);
    assert_string_equal(login.username, "worker");
    assert_string_equal(login.password, "inline");
    char too_long[sizeof(login.username) + 1];
    memset(too_long, 'x', sizeof(too_long));
    too_long[sizeof(too_long) - 1] = '\0';
    s.redis_username = too_long;
    assert_int_equal(settings_redis(&s, &seeds, &login, &p), STATUS_CONFIG);
}

static void files_of_tls_without_tls_are_refused(void **state) {
    struct redis_seeds seeds;
    struct redis_login login;
    struct problem p = {0};
    struct settings s = redis_settings("redis://127.0.0.1:7");
    s.redis_tls_server_name = "redis";
    assert_int_equal(settings_redis(&s, &seeds, &login, &p), STATUS_CONFIG);
    assert_non_null(strstr(p.what, "does not ask for TLS"));
    s.redis_tls_server_name = "";
    s.redis_tls_ca_file = "ca.pem";
    assert_int_equal(settings_redis(&s, &seeds, &login, &p), STATUS_CONFIG);
    assert_non_null(strstr(p.what, "does not ask for TLS"));
}

static void files_of_tls_are_whole(void **state) {
    struct redis_seeds seeds;
    struct redis_login login;
    struct problem p = {0};
    struct settings s = redis_settings("rediss://127.0.0.1:7");
    s.redis_tls_ca_file = "ca.pem";
    s.redis_tls_cert_file = "certificate.pem";
    if (!redis_tls_built) {
        assert_int_equal(settings_redis(&s, &seeds, &login, &p), STATUS_CONFIG);
        assert_string_equal(p.code, "CLM-R7");
        return;
    }
    assert_int_equal(settings_redis(&s, &seeds, &login, &p), STATUS_CONFIG);
    assert_non_null(strstr(p.what, "only one is set"));
    s.redis_tls_key_file = "key.pem";
    assert_int_equal(settings_redis(&s, &seeds, &login, &p), STATUS_OK);
    assert_true(seeds.at[0].tls);
    assert_string_equal(login.tls.ca_file, "ca.pem");
    assert_string_equal(login.tls.cert_file, "certificate.pem");
    assert_string_equal(login.tls.key_file, "key.pem");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults_stand),
        cmocka_unit_test(good_settings_pass),
        cmocka_unit_test(bad_settings_are_named_with_their_origin),
        cmocka_unit_test(all_findings_are_reported),
        cmocka_unit_test(a_topic_name_has_room_for_its_dead_letters),
        cmocka_unit_test(the_dead_letter_topic_has_a_default),
        cmocka_unit_test(the_alerts_topic_has_a_default),
        cmocka_unit_test(families_become_bits),
        cmocka_unit_test(the_password_is_the_first_line_of_its_file),
        cmocka_unit_test(the_password_may_stand_in_the_settings),
        cmocka_unit_test(the_key_of_the_store_may_lie_in_a_file),
        cmocka_unit_test(a_redis_is_where_and_who),
        cmocka_unit_test(files_of_tls_without_tls_are_refused),
        cmocka_unit_test(files_of_tls_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
