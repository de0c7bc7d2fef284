// Which rules versions a shard lets itself be counted by: the claim keeps them, refuses what would change the
// past, and a flush finds out where they have become others.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flush_fixture.h"

#define NOW_MS INT64_C(1700000000000) // of every mark that mark_at makes

static struct delta d;
static struct rules versions[4];
static struct rules_book book = {.versions = versions};
static struct key_version prints[3];
static struct flush_sender self = {DEPLOYMENT, &book, prints, 1};
static char error[256];
static int64_t epoch;

// Version 1, and further ones whose since is so far from the marks.
static void count_by(size_t count, ...) {
    va_list ahead_ms;
    va_start(ahead_ms, count);
    for (size_t i = 0; i < count; i++) {
        versions[i] = (struct rules){.version = (uint32_t)i + 1};
        versions[i].since_ms = i > 0 ? NOW_MS + va_arg(ahead_ms, int) : 5;
        snprintf(versions[i].hash, sizeof(versions[i].hash), "%016llx", 0xaaULL + i);
    }
    va_end(ahead_ms);
    book.count = count;
}

// The same of the pseudonym keys.
static void key_by(size_t count, ...) {
    va_list ahead_ms;
    va_start(ahead_ms, count);
    for (size_t i = 0; i < count; i++)
        prints[i] = (struct key_version){i > 0 ? NOW_MS + va_arg(ahead_ms, int) : 0, 0xb1 + i};
    va_end(ahead_ms);
    self.key_count = count;
}

static int begin(void **state) {
    deployment_begin(state);
    delta_init(&d);
    key_by(1);
    epoch = 9;
    error[0] = '\0';
    return 0;
}

static int end(void **state) {
    delta_fini(&d);
    return 0;
}

static enum flush_verdict ask_claim(const struct flush_call *call) {
    struct flush_claimed claimed[2];
    size_t count;
    redisReply *reply = call_send(call);
    enum flush_verdict verdict = flush_parse_claim(claimed, 2, &count, reply, error);
    freeReplyObject(reply);
    return verdict;
}

static enum flush_verdict claim(void) {
    static const int32_t partitions[] = {0, 1};
    struct flush_call call = {0};
    flush_encode_claim(&call, &keys, 0, &self, partitions, 2);
    enum flush_verdict verdict = ask_claim(&call);
    flush_call_fini(&call);
    return verdict;
}

// Would it be refused? Asking changes nothing.
static enum flush_verdict foresee(void) {
    struct flush_call call = {0};
    char before[64], after[64];
    digest(before);
    flush_encode_rules(&call, &keys, 0, &self);
    enum flush_verdict verdict = ask_claim(&call);
    digest(after);
    assert_string_equal(before, after);
    flush_call_fini(&call);
    return verdict;
}

static enum flush_verdict flush_to(int64_t from, int64_t to) {
    struct flush_call call = {0};
    struct flush_mark mark = mark_at(0, from, to);
    mark.mark.epoch = epoch;
    epoch += 100; // above every claim's
    add(&d, KEY_ACCOUNT, "", 1);
    flush_encode(&call, &keys, 0, &self, &mark, 1, &d);
    enum flush_verdict verdict = call_judge(&call);
    flush_call_fini(&call);
    delta_clear(&d);
    return verdict;
}

// Refused alike by start-up's question and by the claim, which changes nothing, epochs neither.
static void expect_refused(const char *why) {
    char before[64], after[64];
    assert_int_equal(foresee(), FLUSH_RULES);
    error[0] = '\0';
    digest(before);
    assert_int_equal(claim(), FLUSH_RULES);
    digest(after);
    assert_string_equal(before, after);
    assert_string_equal(error, why);
}

static void expect_claimed(void) {
    assert_int_equal(foresee(), FLUSH_APPLIED);
    assert_int_equal(claim(), FLUSH_APPLIED);
}

static void the_first_claim_keeps_the_versions(void **state) {
    count_by(3, -50, 70);
    expect_claimed();
    expect("4", "HLEN clm:{3560}:rules");
    expect("0 00000000000000b1", "HGET clm:{3560}:rules key:1");
    expect("0 00000000000000aa", "HGET clm:{3560}:rules 1");
    expect("1699999999950 00000000000000ab", "HGET clm:{3560}:rules 2");
    expect("1700000000070 00000000000000ac", "HGET clm:{3560}:rules 3");
    expect("1 0 -1 0000000000000000 0", "HGET clm:{3560}:mark 0");
}

static void the_same_versions_again_are_fine_wherever_the_marks_are(void **state) {
    count_by(2, -50);
    expect_claimed();
    assert_int_equal(flush_to(0, 10), FLUSH_APPLIED);
    expect_claimed();
    expect("10 10 9 0000000000abcdef 1700000000000", "HGET clm:{3560}:mark 0");
}

static void a_version_ahead_of_every_mark_may_be_appended(void **state) {
    count_by(1);
    expect_claimed();
    assert_int_equal(flush_to(0, 10), FLUSH_APPLIED);
    count_by(2, 1);
    expect_claimed();
    expect("1700000000001 00000000000000ab", "HGET clm:{3560}:rules 2");
    count_by(3, 1, 2);
    expect_claimed();
    expect("4", "HLEN clm:{3560}:rules");
}

static void a_version_that_is_not_ahead_of_a_mark_is_refused_and_nothing_changes(void **state) {
    count_by(1);
    expect_claimed();
    assert_int_equal(flush_to(0, 10), FLUSH_APPLIED);
    count_by(2, 0);
    expect_refused(
        "version 2 of the rules, since 2023-11-14T22:13:20.000Z, does not lie ahead of what is counted "
        "(newest mark: 2023-11-14T22:13:20.000Z)");
    count_by(3, -1, 50);
    expect_refused(
        "version 2 of the rules, since 2023-11-14T22:13:19.999Z, does not lie ahead of what is counted "
        "(newest mark: 2023-11-14T22:13:20.000Z)");
    expect("2", "HLEN clm:{3560}:rules");
}

// The mark of one partition is enough, whichever is claimed.
static void every_mark_of_the_shard_counts(void **state) {
    count_by(1);
    expect_claimed();
    tell("HSET clm:{3560}:mark 6 %s", "1 5 4 00000000000000ff 1700000000300");
    tell("HSET clm:{3560}:mark 7 %s", "1 5 4 00000000000000ff 1700000000500");
    tell("HSET clm:{3560}:mark 8 %s", "1 5 4 00000000000000ff 1700000000400");
    count_by(2, 500);
    expect_refused(
        "version 2 of the rules, since 2023-11-14T22:13:20.500Z, does not lie ahead of what is counted "
        "(newest mark: 2023-11-14T22:13:20.500Z)");
    count_by(2, 501);
    expect_claimed();
}

static void an_altered_version_is_refused(void **state) {
    count_by(2, 100);
    expect_claimed();
    versions[1].hash[0] = 'f';
    expect_refused(
        "version 2 of the rules, since 2023-11-14T22:13:20.100Z, is what was counted by, and another here "
        "(newest mark: none)");
    count_by(2, 101);
    expect_refused(
        "version 2 of the rules, since 2023-11-14T22:13:20.100Z, is what was counted by, and another here "
        "(newest mark: none)");
    count_by(2, 100);
    versions[0].hash[0] = 'f';
    assert_int_equal(claim(), FLUSH_RULES);
}

static void a_removed_version_is_refused(void **state) {
    count_by(2, 100);
    expect_claimed();
    count_by(1);
    expect_refused(
        "version 2 of the rules, since 2023-11-14T22:13:20.100Z, is what was counted by, and missing here "
        "(newest mark: none)");
}

static void version_1_is_exempt_only_where_nothing_is_stored(void **state) {
    count_by(1);
    tell("HSET clm:{3560}:mark 0 %s", "1 5 4 00000000000000ff 1700000000500");
    expect_claimed(); // a deployment from before the rules were kept
    count_by(2, 1000);
    expect_claimed();
    tell("HDEL clm:{3560}:rules 1");
    expect_refused(
        "version 1 of the rules, since 1970-01-01T00:00:00.000Z, does not lie ahead of what is counted "
        "(newest mark: 2023-11-14T22:13:20.500Z)");
}

// A dump from before the version was appended, with marks from then: it lies ahead again.
static void after_a_restored_dump_the_claim_keeps_the_version_again(void **state) {
    count_by(1);
    expect_claimed();
    redisReply *rules = ask("DUMP clm:{3560}:rules"), *mark = ask("DUMP clm:{3560}:mark");
    count_by(2, -100);
    expect_claimed();
    assert_int_equal(flush_to(0, 10), FLUSH_APPLIED);
    tell("RESTORE clm:{3560}:rules 0 %b REPLACE", rules->str, (size_t)rules->len);
    expect_refused(
        "version 2 of the rules, since 2023-11-14T22:13:19.900Z, does not lie ahead of what is counted "
        "(newest mark: 2023-11-14T22:13:20.000Z)"); // the half of a dump is none
    tell("RESTORE clm:{3560}:mark 0 %b REPLACE", mark->str, (size_t)mark->len);
    expect_claimed();
    expect("3", "HLEN clm:{3560}:rules");
    freeReplyObject(rules);
    freeReplyObject(mark);
}

// Red without rules_hold: a worker with the old file would go on counting past the new version's since, and
// one that outlived a restored dump would leave marks beyond a version that nobody kept.
static void a_flush_by_other_versions_is_not_applied(void **state) {
    char before[64], after[64];
    count_by(2, 100);
    expect_claimed();
    digest(before);
    count_by(1);
    assert_int_equal(flush_to(0, 10), FLUSH_RULES);
    count_by(3, 100, 200);
    assert_int_equal(flush_to(0, 10), FLUSH_RULES);
    count_by(2, 101);
    assert_int_equal(flush_to(0, 10), FLUSH_RULES);
    digest(after);
    assert_string_equal(before, after);
    count_by(2, 100);
    assert_int_equal(flush_to(0, 10), FLUSH_APPLIED);
    tell("HDEL clm:{3560}:rules 2");
    count_by(1);
    assert_int_equal(flush_to(0, 10), FLUSH_REPEATED); // what was applied stays so
}

// What heals a flush that was refused: the versions are back, and no epoch has moved.
static void a_claim_of_no_partition_keeps_versions_and_raises_nothing(void **state) {
    struct flush_call call = {0};
    count_by(2, 100);
    expect_claimed();
    tell("HDEL clm:{3560}:rules 2");
    flush_encode_claim(&call, &keys, 0, &self, NULL, 0);
    assert_int_equal(ask_claim(&call), FLUSH_APPLIED);
    expect("1700000000100 00000000000000ab", "HGET clm:{3560}:rules 2");
    expect("1 0 -1 0000000000000000 0", "HGET clm:{3560}:mark 0");
    flush_call_fini(&call);
}

// Red where keys are not judged: with another key every person of the day is counted a second time.
static void another_pseudonym_key_is_refused(void **state) {
    count_by(1);
    expect_claimed();
    prints[0].fingerprint++;
    expect_refused(
        "pseudonym key 1, since 1970-01-01T00:00:00.000Z, is what was counted by, and another here "
        "(newest mark: none)");
    assert_int_equal(flush_to(0, 10), FLUSH_RULES);
    key_by(1);
    assert_int_equal(flush_to(0, 10), FLUSH_APPLIED);
}

static void a_pseudonym_key_ahead_of_every_mark_may_be_appended(void **state) {
    count_by(1);
    expect_claimed();
    assert_int_equal(flush_to(0, 10), FLUSH_APPLIED);
    key_by(2, 0);
    expect_refused("pseudonym key 2, since 2023-11-14T22:13:20.000Z, does not lie ahead of what is counted "
                   "(newest mark: 2023-11-14T22:13:20.000Z)");
    key_by(2, 1);
    expect_claimed();
    expect("1700000000001 00000000000000b2", "HGET clm:{3560}:rules key:2");
    key_by(1);
    assert_int_equal(flush_to(10, 20), FLUSH_RULES); // a worker with the old file
    expect_refused(
        "pseudonym key 2, since 2023-11-14T22:13:20.001Z, is what was counted by, and missing here "
        "(newest mark: 2023-11-14T22:13:20.000Z)");
    count_by(2, 1);
    assert_int_equal(flush_to(10, 20), FLUSH_RULES); // as many versions and keys, but others
}

static void a_deployment_from_before_keys_were_kept_takes_the_first(void **state) {
    count_by(1);
    expect_claimed();
    assert_int_equal(flush_to(0, 10), FLUSH_APPLIED);
    tell("HDEL clm:{3560}:rules key:1");
    assert_int_equal(flush_to(10, 20), FLUSH_RULES);
    expect_claimed();
    expect("0 00000000000000b1", "HGET clm:{3560}:rules key:1");
}

static void malformed_rules_change_nothing(void **state) {
    static const char *const calls[] = {"",           "x",           "-1",        "1",        "1 1",
                                        "1 1 0",      "1 x %s",      "1 1 %s x",  "2 1 %s 2", "1 key: %s",
                                        "1 key:x %s", "1 key:1x %s", "1 kez:1 %s"};
    char before[64], after[64], line[256];
    digest(before);
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        snprintf(line, sizeof(line),
                 "FCALL clameur_claim_v1 4 clm:{3560}:meta clm:{3560}:mark clm:{3560}:faults "
                 "clm:{3560}:rules " DEPLOYMENT " %s",
                 calls[i]);
        redisReply *reply = ask(line, "0 00000000000000aa");
        if (reply->type != REDIS_REPLY_ERROR)
            fail_msg("taken: %s", line);
        freeReplyObject(reply);
    }
    digest(after);
    assert_string_equal(before, after);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(the_first_claim_keeps_the_versions),
        T(the_same_versions_again_are_fine_wherever_the_marks_are),
        T(a_version_ahead_of_every_mark_may_be_appended),
        T(a_version_that_is_not_ahead_of_a_mark_is_refused_and_nothing_changes),
        T(every_mark_of_the_shard_counts),
        T(an_altered_version_is_refused),
        T(a_removed_version_is_refused),
        T(version_1_is_exempt_only_where_nothing_is_stored),
        T(after_a_restored_dump_the_claim_keeps_the_version_again),
        T(a_flush_by_other_versions_is_not_applied),
        T(a_claim_of_no_partition_keeps_versions_and_raises_nothing),
        T(another_pseudonym_key_is_refused),
        T(a_pseudonym_key_ahead_of_every_mark_may_be_appended),
        T(a_deployment_from_before_keys_were_kept_takes_the_first),
        T(malformed_rules_change_nothing),
    };
    return cmocka_run_group_tests(tests, redis_begin, redis_end);
}
