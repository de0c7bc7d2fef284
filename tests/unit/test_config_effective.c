#include "runtime/config/config_effective.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct target {
    const char *url, *password, *id;
    int64_t interval_ms, age_ms, bytes, shards;
    bool strict;
};

#define ROW(field, name, type, fallback, flags)                                                              \
    { name, OPTION_##type, offsetof(struct target, field), fallback, flags, 0, 0, "doc" }
static const struct option_row rows[] = {
    ROW(url, "redis.url", STRING, "redis://h:1", 0),
    ROW(password, "redis.password", STRING, "", OPTION_SECRET),
    ROW(id, "kafka.static_id", STRING, "", OPTION_HOST),
    ROW(interval_ms, "redis.flush_min", DURATION, "250ms", OPTION_RELOAD),
    ROW(age_ms, "max_past", DURATION, "off", OPTION_OFF),
    ROW(bytes, "max_bytes", SIZE, "64KiB", 0),
    ROW(shards, "redis.shards", INT, "64", 0),
    ROW(strict, "strict", BOOL, "true", 0),
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static struct config *load(struct target *target, int count, const char *const *words) {
    char *argv[16] = {(char *)"program"};
    struct config *config;
    struct config_request request;
    for (int i = 0; i < count; i++)
        argv[1 + i] = (char *)words[i];
    assert_int_equal(config_load(&config, count + 1, argv, 1, rows, ROWS, target, NULL, 0, NULL, &request),
                     STATUS_OK);
    return config;
}
#define LOAD(target, ...)                                                                                    \
    load((target), (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)),                       \
         (const char *const[]){__VA_ARGS__})

static void collect(void *context, const struct config_setting *setting) {
    char *text = context;
    sprintf(text + strlen(text), "%s=%s (%s)\n", setting->name, config_setting_shown(setting),
            setting->origin);
}

static void forget(void) {
    static const char *const names[] = {"REDIS_PASSWORD", "KAFKA_SASL_PASSWORD", "KAFKA_SSL_KEY_PASSWORD"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char variable[64];
        snprintf(variable, sizeof(variable), "CLAMEUR_%s", names[i]);
        unsetenv(variable);
    }
}

static void what_is_in_force_is_told_with_its_origin_and_without_secrets(void **state) {
    struct target t;
    char text[1024] = "";
    setenv("CLAMEUR_REDIS_PASSWORD", "geheim", 1);
    setenv("CLAMEUR_KAFKA_SASL_PASSWORD", "geheim", 1);
    struct config *c =
        LOAD(&t, "--redis.flush_min=90s", "--max_past=48h", "--max_bytes=1536B", "--kafka.sasl.username=u",
             "--kafka.sasl.pasword=geheim", "--kafka.url=https://u:geheim@h/");
    forget();
    config_effective(c, collect, text);
    assert_string_equal(text, "redis.url=redis://h:1 (default)\n"
                              "redis.password=*** (CLAMEUR_REDIS_PASSWORD)\n"
                              "kafka.static_id= (default)\n"
                              "redis.flush_min=90s (--redis.flush_min)\n"
                              "max_past=2d (--max_past)\n"
                              "max_bytes=1536B (--max_bytes)\n"
                              "redis.shards=64 (default)\n"
                              "strict=true (default)\n"
                              "kafka.sasl.password=*** (CLAMEUR_KAFKA_SASL_PASSWORD)\n"
                              "kafka.sasl.username=u (--kafka.sasl.username)\n"
                              "kafka.sasl.pasword=*** (--kafka.sasl.pasword)\n"
                              "kafka.url=*** (--kafka.url)\n");
    config_destroy(&c);
}

static void defaults_are_shown_as_they_are_written(void **state) {
    struct target t;
    char text[1024] = "";
    struct config *c = LOAD(&t, "--strict=false");
    config_effective(c, collect, text);
    assert_non_null(strstr(text, "redis.flush_min=250ms (default)\nmax_past=off (default)\nmax_bytes=64KiB"));
    assert_non_null(strstr(text, "redis.password= (default)"));
    assert_non_null(strstr(text, "strict=false"));
    config_destroy(&c);
}

static void note(void *context, const char *name, unsigned flags) {
    char *text = context;
    sprintf(text + strlen(text), "%s%s ", name, (flags & OPTION_RELOAD) != 0 ? "+" : "");
}

static void differences_are_named_both_ways_round(void **state) {
    struct target t[2];
    char text[256] = "";
    struct config *a = LOAD(&t[0], "--redis.shards=8", "--kafka.a=1", "--kafka.b=1", "--kafka.c=1");
    setenv("CLAMEUR_REDIS_PASSWORD", "x", 1);
    struct config *b =
        LOAD(&t[1], "--redis.shards=8", "--redis.flush_min=1s", "--kafka.a=1", "--kafka.b=2", "--kafka.d=1");
    forget();
    config_compare(a, b, note, text);
    assert_string_equal(text, "redis.password redis.flush_min+ kafka.b kafka.c kafka.d ");
    text[0] = '\0';
    config_compare(a, a, note, text);
    assert_string_equal(text, "");
    config_destroy(&a);
    config_destroy(&b);
}

static void the_hash_knows_values_but_no_secret_and_no_host(void **state) {
    struct target t[3];
    char hash[3][CONFIG_HASH_SIZE];
    struct config *c[3] = {LOAD(&t[0], "--redis.shards=8"), NULL, LOAD(&t[2], "--redis.shards=9")};
    setenv("CLAMEUR_REDIS_PASSWORD", "x", 1);
    setenv("CLAMEUR_KAFKA_SSL_KEY_PASSWORD", "y", 1);
    c[1] = LOAD(&t[1], "--redis.shards=8", "--kafka.static_id=host-1");
    forget();
    for (int i = 0; i < 3; i++) {
        config_hash(c[i], hash[i]);
        config_destroy(&c[i]);
    }
    assert_int_equal(strlen(hash[0]), 16);
    assert_string_equal(hash[0], hash[1]);
    assert_string_not_equal(hash[0], hash[2]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_in_force_is_told_with_its_origin_and_without_secrets),
        cmocka_unit_test(defaults_are_shown_as_they_are_written),
        cmocka_unit_test(differences_are_named_both_ways_round),
        cmocka_unit_test(the_hash_knows_values_but_no_secret_and_no_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
