// Of a cluster: a shard that cannot count holds up itself alone.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline_world.h"

enum { OPS = 12, LONG = 200 }; // turns: two seconds

static int cluster_begin(void **state) {
    begin(state);
    routed = true;
    startup.basis.settings.redis_flush_max_ops = OPS;
    return 0;
}

static int64_t mark_of_shard(uint32_t shard, int32_t partition) {
    return shard_slot(&p->shards[shard], partition)->acked.next;
}

// The others have counted everything, the table of this one is bounded, and no commit passes its marks.
static void expect_others_at(uint32_t absent, int64_t to) {
    for (int32_t i = 0; i < PARTITIONS; i++) {
        for (uint32_t s = 0; s < SHARDS; s++)
            assert_true(s == absent || mark_of_shard(s, i) == to);
        assert_true(committed_at[i] <= mark_of_shard(absent, i) && mark_of_shard(absent, i) < to);
    }
    assert_int_equal(p->tally.in_flight, 0);
    assert_true(p->shards[absent].left_out);
    expect_balance();
}

static void counted_to_40(void) {
    assign(0);
    assign(1);
    log_end = 40;
    turns(LONG);
    expect_exact(40);
}

static void a_shard_whose_node_is_away_holds_up_itself_alone(void **state) {
    counted_to_40();
    away[1] = true;
    log_end = 300;
    turns(2 * LONG);
    expect_others_at(1, 300);
    assert_int_equal(committed_at[0], 40);
    assert_int_equal(redis_shards_down(p), 1);
    away[1] = false;
    turns(2 * LONG);
    assert_int_equal(committed_at[0], 300);
    assert_int_equal(redis_shards_down(p), 0);
    settle(LOG);
}

static void a_shard_that_refuses_holds_up_itself_alone(void **state) {
    counted_to_40();
    fates[1] = REFUSED;
    log_end = 300;
    turns(2 * LONG);
    expect_others_at(1, 300);
    int64_t replayed = p->tally.replayed;
    turns(2 * LONG); // it does not go round in circles
    assert_int_equal(p->tally.replayed, replayed);
    settle(LOG);
}

static void assigned_while_a_node_is_away_the_others_begin_and_nothing_is_committed(void **state) {
    away[2] = true;
    assign(0);
    assign(1);
    log_end = 300;
    turns(2 * LONG);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        assert_int_equal(mark_of_shard(0, i), 300);
        assert_int_equal(mark_of_shard(1, i), 300);
        assert_int_equal(reading_lowest(p, i), -1);
        assert_int_equal(committed_at[i], -1);
    }
    away[2] = false;
    turns(2 * LONG);
    assert_int_equal(committed_at[0], 300);
    settle(LOG);
}

static void no_assignment_waits_for_a_node_that_has_been_away(void **state) {
    startup.basis.settings.redis_timeout_ms = 60000;
    assign(0);
    away[1] = true;
    log_end = 20;
    turns(LONG);
    int64_t before_ms = now_ms;
    assign(1);
    assert_in_range(now_ms - before_ms, 0, 1000);
    settle(LOG);
}

static void a_revocation_flushes_the_others_and_leaves_out_whom_it_cannot(void **state) {
    startup.basis.settings.shutdown_drain_ms = 60000;
    startup.basis.settings.redis_flush_max_ops = 4000; // it is not left out before
    counted_to_40();
    away[1] = true;
    turns(LONG);
    log_end = 60;
    turns(6);
    assert_false(p->shards[1].left_out);
    int64_t before_ms = now_ms;
    take_away(0, false);
    assert_in_range(now_ms - before_ms, 0, 2000);
    assert_int_equal(mark_of_shard(0, 1), 60);
    assert_int_equal(mark_of_shard(2, 1), 60);
    assert_int_equal(mark_of_shard(1, 1), 40);
    assert_int_equal(away_behind(p), 1);
    expect_balance();
    settle(LOG);
}

static void nobody_is_left_out_where_nobody_counts(void **state) {
    counted_to_40();
    fates[0] = fates[1] = fates[2] = REFUSED;
    log_end = 300;
    turns(3 * LONG);
    assert_int_equal(flush_pressure(p), PRESSURE_FLUSH);
    away[0] = away[1] = away[2] = true;
    turns(3 * LONG);
    assert_int_equal(flush_pressure(p), PRESSURE_REDIS);
    for (uint32_t i = 0; i < SHARDS; i++)
        assert_false(p->shards[i].left_out);
    settle(LOG);
}

static void one_redis_leaves_nobody_out(void **state) {
    routed = false;
    counted_to_40();
    fates[1] = REFUSED;
    log_end = 300;
    turns(3 * LONG);
    assert_int_equal(flush_pressure(p), PRESSURE_FLUSH);
    assert_false(p->shards[1].left_out);
    settle(LOG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, cluster_begin, end)
        T(a_shard_whose_node_is_away_holds_up_itself_alone),
        T(a_shard_that_refuses_holds_up_itself_alone),
        T(assigned_while_a_node_is_away_the_others_begin_and_nothing_is_committed),
        T(no_assignment_waits_for_a_node_that_has_been_away),
        T(a_revocation_flushes_the_others_and_leaves_out_whom_it_cannot),
        T(nobody_is_left_out_where_nobody_counts),
        T(one_redis_leaves_nobody_out),
    };
    return cmocka_run_group_tests(tests, world_begin, world_end);
}
