// Some of many partitions have no leader, and leave whoever is asked about with them without an answer.
#include "stream/source/rota.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { PARTITIONS = 100, ROUNDS = 60 };

static bool leaderless[PARTITIONS], known[PARTITIONS];

// One question, about those that are not known yet; returns of how many it was.
static size_t ask(struct rota *r) {
    int32_t last = 0;
    size_t count = 0;
    bool answered = true, asked[PARTITIONS] = {false};
    for (int32_t i = 0; i < PARTITIONS && count < r->most; i++) {
        int32_t partition = rota_at(r, i, PARTITIONS);
        if (known[partition])
            continue;
        answered = answered && !leaderless[partition];
        asked[partition] = true;
        last = partition;
        count++;
    }
    if (count > 0)
        rota_asked(r, last, count, answered, PARTITIONS);
    for (int32_t i = 0; i < PARTITIONS; i++)
        known[i] = known[i] || (asked[i] && answered);
    return count;
}

static void learns_all_but(int32_t first, int32_t count) {
    struct rota r;
    rota_init(&r, PARTITIONS);
    memset(leaderless, 0, sizeof(leaderless));
    memset(known, 0, sizeof(known));
    for (int32_t i = 0; i < count; i++)
        leaderless[(first + i * 7) % PARTITIONS] = true;
    for (int round = 0; round < ROUNDS; round++)
        ask(&r);
    for (int32_t i = 0; i < PARTITIONS; i++)
        assert_int_equal(known[i], !leaderless[i]);
}

static void where_all_answer_one_question_is_enough(void **state) {
    struct rota r;
    rota_init(&r, PARTITIONS);
    memset(leaderless, 0, sizeof(leaderless));
    memset(known, 0, sizeof(known));
    assert_int_equal(ask(&r), PARTITIONS);
    assert_int_equal(ask(&r), 0);
}

static void one_without_a_leader_does_not_keep_the_others__goes_red_if_all_are_asked_again(void **state) {
    for (int32_t i = 0; i < PARTITIONS; i++)
        learns_all_but(i, 1);
}

static void nor_do_some__goes_red_if_the_first_is_asked_again_and_again(void **state) {
    for (int32_t i = 0; i < PARTITIONS; i++)
        learns_all_but(i, 4);
}

static void when_all_answer_again_more_are_asked_about_at_once(void **state) {
    struct rota r;
    rota_init(&r, PARTITIONS);
    memset(known, 0, sizeof(known));
    memset(leaderless, true, sizeof(leaderless));
    for (int round = 0; round < ROUNDS; round++)
        ask(&r);
    assert_int_equal(ask(&r), 1);
    memset(leaderless, 0, sizeof(leaderless));
    for (int round = 0; round < 8; round++)
        ask(&r);
    assert_int_equal(ask(&r), 0);
    assert_true(r.most >= PARTITIONS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_all_answer_one_question_is_enough),
        cmocka_unit_test(one_without_a_leader_does_not_keep_the_others__goes_red_if_all_are_asked_again),
        cmocka_unit_test(nor_do_some__goes_red_if_the_first_is_asked_again_and_again),
        cmocka_unit_test(when_all_answer_again_more_are_asked_about_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
