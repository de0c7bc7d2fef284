// The recount's comparison against a real Redis that holds keys written by hand: equal where they are right,
// and each kind of wrong is one difference.
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "loadtest/recount/reading/recount_rules.h"
#include "loadtest/recount/recount_reach.h"
#include "loadtest/recount/recount_unknown.h"
#include "redis_server.h"
#include "runtime/memory.h"
#include "schemas/weighable.h"

#define FAMILY(id) (1u << KEY_##id)
#define ACTOR      "0123456789abcdef"

static struct redis_server server;

// A deployment of one shard and one partition, whose log holds a like, an order and a reading.
struct world {
    struct settings settings;
    struct rules_book rules;
    struct recount_keys keys;
    struct recount_redis redis;
    struct recount_model model;
    struct recount_reach reach;
    struct fold_setup setup;
    struct recount_fold fold;
    int64_t log_end;
    struct mark mark;
    int64_t hour_s;
    struct recount_report report;
};

static ProtobufCBinaryData bytes(const char *text) {
    return (ProtobufCBinaryData){strlen(text), (uint8_t *)(uintptr_t)text};
}

static void count_events(struct world *w) {
    const struct rules *rules = rules_at(&w->rules, 0);
    Clameur__V1__Event e = CLAMEUR__V1__EVENT__INIT;
    e.event_id = bytes("0123456789012345");
    e.occurred_at = w->hour_s * 1000;
    e.platform = (Clameur__V1__Platform)PLATFORM_TIKTOK;
    e.kind = (Clameur__V1__Kind)KIND_LIKE;
    e.account_id = bytes("acme");
    e.content_id = bytes("v1");
    e.consent = 1;
    recount_model_count(&w->model, &e, rules, 0, (const unsigned char *)ACTOR);
    Clameur__V1__Commerce c = CLAMEUR__V1__COMMERCE__INIT;
    c.order_id = bytes("o1");
    e.kind = (Clameur__V1__Kind)KIND_PURCHASE;
    e.consent = 0;
    e.content_id = bytes("");
    e.body_case = CLAMEUR__V1__EVENT__BODY_COMMERCE;
    e.commerce = &c;
    recount_model_count(&w->model, &e, rules, 0, NULL);
    Clameur__V1__ReadingValue v = CLAMEUR__V1__READING_VALUE__INIT, *values[] = {&v};
    Clameur__V1__Reading r = CLAMEUR__V1__READING__INIT;
    v.counter = bytes("followers");
    v.value = 7;
    r.read_at = 1000;
    r.values = values;
    r.n_values = 1;
    e.kind = (Clameur__V1__Kind)KIND_READING;
    e.body_case = CLAMEUR__V1__EVENT__BODY_READING;
    e.reading = &r;
    recount_model_count(&w->model, &e, rules, 0, NULL);
}

static void load_key(struct world *w, const char *text) {
    char path[] = "/tmp/recount-key-XXXXXX";
    struct problem problem;
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
    close(file);
    recount_keys_fini(&w->keys);
    assert_int_equal(recount_keys_load(&w->keys, path, &problem), STATUS_OK);
    unlink(path);
}

static struct world *world_create(void) {
    struct world *w = memory_take(sizeof(*w));
    struct rules_kinds kinds;
    struct problem problem;
    char *url = memory_take(64);
    schemas_rules_kinds(&kinds);
    assert_int_equal(rules_load(&w->rules, NULL, &kinds), STATUS_OK);
    load_key(w, "000102030405060708090a0b0c0d0e0f\n");
    snprintf(url, 64, "redis://127.0.0.1:%d", server.port);
    w->settings = (struct settings){.redis_url = url,
                                    .redis_prefix = "t",
                                    .redis_username = "",
                                    .redis_password = "",
                                    .redis_password_file = "",
                                    .redis_tls_ca_file = "",
                                    .redis_tls_cert_file = "",
                                    .redis_tls_key_file = "",
                                    .redis_tls_server_name = "",
                                    .redis_timeout_ms = 5000};
    assert_int_equal(recount_redis_open(&w->redis, &w->settings, &problem), STATUS_OK);
    key_space_init(&w->redis.space, "t", 1);
    w->redis.meta.partitions = 1;
    w->hour_s = time(NULL) / 3600 * 3600;
    uint32_t families =
        FAMILY(ACCOUNT) | FAMILY(ACCOUNT_PLATFORM) | FAMILY(TOP) | FAMILY(REACH) | FAMILY(ORDERS);
    recount_model_init(&w->model, &w->redis.space, families, recount_reach_add, &w->reach);
    recount_reach_init(&w->reach, &w->redis, &w->model, 0);
    w->setup = (struct fold_setup){
        .rules = &w->rules, .keys = &w->keys, .partitions = 1, .starts = w->redis.meta.starts};
    recount_fold_init(&w->fold, &w->setup, &w->model);
    w->fold.common[0] = (struct fold_last){2, 5, 0xabc};
    w->log_end = 3;
    w->mark = (struct mark){1, 3, 2, 0xabc, 5};
    recount_report_init(&w->report, 20);
    count_events(w);
    assert_int_equal(recount_reach_flush(&w->reach, &problem), STATUS_OK);
    return w;
}

static void world_destroy(struct world *w) {
    recount_reach_delete(&w->reach);
    recount_report_fini(&w->report);
    recount_reach_fini(&w->reach);
    recount_fold_fini(&w->fold);
    recount_model_fini(&w->model);
    recount_redis_close(&w->redis);
    rules_fini(&w->rules);
    recount_keys_fini(&w->keys);
    free((char *)(uintptr_t)w->settings.redis_url);
    free(w);
}

// A command of blank-separated words; %T stands for the tag and prefix, %H for the hour, %D for the day.
static void command(struct world *w, const char *text) {
    char line[1024], *words[32], *rest = line;
    size_t length = 0;
    for (; *text != '\0'; text++) {
        char one[32] = {*text};
        if (text[0] == '%' && text[1] == 'T')
            snprintf(one, sizeof(one), "t:{%s}", w->redis.space.tags[0]);
        else if (text[0] == '%' && text[1] == 'E')
            snprintf(one, sizeof(one), "%" PRId64, w->hour_s + 3600 + 48 * 3600);
        else if (text[0] == '%' && text[1] == 'H')
            snprintf(one, sizeof(one), "%lld", (long long)w->hour_s);
        else if (text[0] == '%' && text[1] == 'D')
            snprintf(one, sizeof(one), "%" PRId64, w->hour_s / 86400 * 86400);
        else if (text[0] == '%' && text[1] == 'R')
            snprintf(one, sizeof(one), "%" PRId64, w->hour_s / 86400 * 86400 + 86400 + 35 * 86400);
        text += one[1] != '\0';
        length += (size_t)snprintf(line + length, sizeof(line) - length, "%s", one);
    }
    int count = 0;
    for (char *word; (word = strsep(&rest, " ")) != NULL;)
        words[count++] = word;
    redis_client_command(w->redis.client, 0, count, (const char *const *)words, NULL);
    redisReply *reply = redis_client_answer(w->redis.client);
    assert_non_null(reply);
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s: %s", line, reply->str);
    freeReplyObject(reply);
}

// Version 1 and the key as a worker has counted by them.
static void write_rules(struct world *w) {
    char text[LAYOUT_RULES_MAX];
    size_t length = layout_rules_write(text, &w->rules.versions[0]);
    recount_redis_send(&w->redis, 4,
                       (const char *[]){"HSET", "t:{3560}:rules", "key:1", "0 d0fbc3c44ca11df5"},
                       (size_t[]){4, 14, 5, 18});
    freeReplyObject(recount_redis_answer(&w->redis));
    char key[KEY_MAX];
    struct key_parts none = {0};
    size_t key_length = key_write(key, &w->redis.space, KEY_RULES, 0, &none);
    recount_redis_send(&w->redis, 4, (const char *[]){"HSET", key, "1", text},
                       (size_t[]){4, key_length, 1, length});
    freeReplyObject(recount_redis_answer(&w->redis));
}

// What a worker would have left.
static void write_right_keys(struct world *w) {
    char entry[256], hash[ORDER_HASH_SIZE], rank[ORDER_RANK_SIZE];
    order_hash_write(hash, slice_of("o1"));
    order_rank_write(rank, w->hour_s * 1000, (const unsigned char *)"0123456789012345");
    snprintf(entry, sizeof(entry), "HSET %%T:orders:acme %.32s %.48s", hash, rank);
    command(w, "HSET %T:acct:acme likes 1 orders 1 followers.read 7");
    command(
        w,
        "HSET %T:acct:acme:tiktok likes 1 orders 1 followers.read 7 followers.read_at 1000 followers.read_id "
        "30313233343536373839303132333435");
    command(w, "ZADD %T:top:acme:tiktok:%H 1 v1");
    command(w, "EXPIREAT %T:top:acme:tiktok:%H %E");
    command(w, "PFADD %T:reach:acme:tiktok:%D " ACTOR);
    command(w, "EXPIREAT %T:reach:acme:tiktok:%D %R");
    command(w, "HSET %T:meta shards 1");
    command(w, "HSET %T:mark 0 x");
    write_rules(w);
    command(w, entry);
}

static uint64_t differences(struct world *w) {
    const struct recount_compare c = {&w->redis, &w->model, &w->fold, &w->report, &w->log_end};
    const bool settled = true;
    struct problem problem = {0};
    assert_int_equal(recount_compare_shard(&c, 0, &w->mark, &problem), STATUS_OK);
    assert_int_equal(recount_unknown_search(&c, &settled, &problem), STATUS_OK);
    return w->report.differences;
}

static const struct tampering {
    const char *command;
    uint64_t differences;
} tamperings[] = {
    {"PING", 0},
    {"HINCRBY %T:acct:acme likes 1", 1},
    {"HDEL %T:acct:acme likes", 1},
    {"HSET %T:acct:acme likes one", 1},
    {"HSET %T:acct:acme shares 0", 0},
    {"HSET %T:acct:acme shares 1", 1},
    {"DEL %T:acct:acme", 3},
    {"SET %T:acct:acme x", 3},
    {"EXPIRE %T:acct:acme 5000", 1},
    {"HSET %T:acct:acme:tiktok followers.read 8", 1},
    {"HSET %T:acct:acme:tiktok followers.read_at 1001", 1},
    {"HSET %T:acct:acme:tiktok followers.read_id 00000000000000000000000000000000", 1},
    {"HDEL %T:acct:acme:tiktok followers.read_id", 1},
    {"HSET %T:acct:acme:tiktok other.read_at 5", 1},
    {"ZINCRBY %T:top:acme:tiktok:%H 1 v1", 1},
    {"ZADD %T:top:acme:tiktok:%H 1 v2", 1},
    {"ZADD %T:top:acme:tiktok:%H 0 v2", 0},
    {"DEL %T:top:acme:tiktok:%H", 1},
    {"PERSIST %T:top:acme:tiktok:%H", 1},
    {"PFADD %T:reach:acme:tiktok:%D another", 1},
    {"DEL %T:reach:acme:tiktok:%D", 1},
    {"EXPIRE %T:reach:acme:tiktok:%D 5000", 1},
    {"DEL %T:orders:acme", 1},
    {"HSET %T:orders:acme 00000000000000000000000000000000 x", 1},
    {"SET %T:acct:nobody 1", 1},
    {"SET t:junk 1", 1},
    {"HSET %T:content:acme:tiktok:v9 likes 0 gross_micros:EUR 0",
     0}, // left behind by an order that was displaced
    {"HSET %T:content:acme:tiktok:v9 likes 0 shares 1", 1},
    {"ZADD %T:top:acme:web:%H 0 v1", 0},
    {"HSET %T:faults x 1", 0},
    {"DEL %T:rules", 2},
    {"HSET %T:rules 1 x", 1},
    {"HSET %T:rules 2 x", 1},
    {"HSET %T:rules 01 x", 1},
    {"HSET %T:rules key:2 x", 1},
    {"HDEL %T:rules key:1", 1},
    {"SET %T:rules x", 1},
};

static void each_kind_of_wrong_is_found(void **state) {
    for (size_t i = 0; i < sizeof(tamperings) / sizeof(tamperings[0]); i++) {
        struct world *w = world_create();
        write_right_keys(w);
        command(w, tamperings[i].command);
        uint64_t found = differences(w);
        if (found != tamperings[i].differences)
            fail_msg("%s: %llu differences", tamperings[i].command, (unsigned long long)found);
        command(w, "FLUSHALL");
        world_destroy(w);
    }
}

static void what_the_faults_account_for_is_no_difference(void **state) {
    struct world *w = world_create();
    write_right_keys(w);
    command(w, "HINCRBY %T:acct:acme likes -5");
    command(w, "HSET %T:faults [\"%T:acct:acme\",\"likes\"] 2 [\"%T:acct:acme\",\"likes\",\"7\"] 3 "
               "[\"%T:acct:acme\",\"likes\",\"error\"] ERR");
    assert_int_equal(differences(w), 0);
    assert_int_equal(w->report.fault_count, 1);
    assert_string_equal(w->report.faults[0].error, "ERR");
    command(w, "FLUSHALL");
    world_destroy(w);
}

static void marks_are_held_against_the_log(void **state) {
    static const struct {
        struct mark mark;
        uint64_t differences;
    } cases[] = {
        {{1, 3, 2, 0xabc, 5}, 0}, {{9, 3, 2, 0xabc, 5}, 0}, {{1, 4, 2, 0xabc, 5}, 1},
        {{1, 3, 1, 0xabc, 5}, 1}, {{1, 3, 2, 0xabd, 5}, 1}, {{1, 3, 2, 0xabc, 6}, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct world *w = world_create();
        write_right_keys(w);
        w->mark = cases[i].mark;
        assert_int_equal(differences(w), cases[i].differences);
        command(w, "FLUSHALL");
        world_destroy(w);
    }
}

// Red without the fingerprints: reach would count every person a second time, by hearsay a difference among
// many.
static void another_pseudonym_key_is_refused_and_an_appended_one_is_not(void **state) {
    struct world *w = world_create();
    struct problem p;
    write_right_keys(w);
    assert_int_equal(recount_rules_keys(&w->redis, &w->keys, &p), STATUS_OK);
    load_key(w, "000102030405060708090a0b0c0d0e0f\n1700000000000: 0f0e0d0c0b0a09080706050403020100\n");
    assert_int_equal(recount_rules_keys(&w->redis, &w->keys, &p), STATUS_OK);
    command(w, "HSET %T:rules key:2 x");
    assert_int_equal(recount_rules_keys(&w->redis, &w->keys, &p), STATUS_CONFIG);
    assert_string_equal(p.what, "pseudonym key 2 is another here than shard 0 was counted by");
    command(w, "HDEL %T:rules key:2");
    load_key(w, "0f0e0d0c0b0a09080706050403020100\n");
    assert_int_equal(recount_rules_keys(&w->redis, &w->keys, &p), STATUS_CONFIG);
    assert_string_equal(p.code, "CLM-M5");
    assert_string_equal(p.what, "pseudonym key 1 is another here than shard 0 was counted by");
    command(w, "DEL %T:rules");
    assert_int_equal(recount_rules_keys(&w->redis, &w->keys, &p), STATUS_OK);
    world_destroy(w);
}

static void a_shard_that_nobody_claimed_needs_no_rules(void **state) {
    struct world *w = world_create();
    write_right_keys(w);
    command(w, "DEL %T:rules");
    w->mark.epoch = -1;
    assert_int_equal(differences(w), 0);
    command(w, "FLUSHALL");
    world_destroy(w);
}

static void a_trimmed_order_may_be_gone(void **state) {
    struct world *w = world_create();
    write_right_keys(w);
    command(w, "DEL %T:orders:acme");
    w->mark.time_ms = w->fold.common[0].time_ms = w->hour_s * 1000 + ORDER_TRIM_MS;
    assert_int_equal(differences(w), 1); // exactly 96 h: not yet
    w->mark.time_ms = ++w->fold.common[0].time_ms;
    w->report.differences = 0;
    assert_int_equal(differences(w), 0);
    command(w, "FLUSHALL");
    world_destroy(w);
}

static void the_scratch_keys_are_taken_away(void **state) {
    struct world *w = world_create();
    recount_reach_delete(&w->reach);
    const char *words[] = {"DBSIZE"};
    redis_client_command(w->redis.client, 0, 1, words, NULL);
    redisReply *reply = redis_client_answer(w->redis.client);
    assert_int_equal(reply->integer, 0);
    freeReplyObject(reply);
    world_destroy(w);
}

static int start(void **state) {
    redis_server_start(&server, "");
    return 0;
}

static int stop(void **state) {
    redis_server_stop(&server);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_wrong_is_found),
        cmocka_unit_test(what_the_faults_account_for_is_no_difference),
        cmocka_unit_test(marks_are_held_against_the_log),
        cmocka_unit_test(another_pseudonym_key_is_refused_and_an_appended_one_is_not),
        cmocka_unit_test(a_shard_that_nobody_claimed_needs_no_rules),
        cmocka_unit_test(a_trimmed_order_may_be_gone),
        cmocka_unit_test(the_scratch_keys_are_taken_away),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
