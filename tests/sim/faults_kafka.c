// What happens to the log, to the group, and to what is asked of both.
#include "tests/sim/faults.h"

void fault_rebalance(void) {
    group_shuffle(fault_chance);
}

void fault_orphan(void) {
    world.orphan_until_ms[chance_below(fault_chance, (uint32_t)world.log.partitions)] =
        fault_in_ms(500, chance_is(fault_chance, 30) ? 30000 : 8000);
}

void fault_expel(void) {
    struct worker *w = fault_any_worker();
    if (w != NULL)
        group_expel(w);
}

void fault_commit_refused(void) {
    world.commits_refused_until_ms = fault_in_ms(100, 4000);
}

void fault_bounds_unknown(void) {
    world.bounds_unknown_until_ms = fault_in_ms(100, 3000);
}

void fault_seek_fails(void) {
    world.seeks_fail_until_ms = fault_in_ms(50, 1500);
}

void fault_letters_stall(void) {
    world.letters_stall_until_ms = fault_in_ms(100, 4000);
}

void fault_add_partition(void) {
    if (world.log.partitions < world.partitions_made && !world_log_is_another())
        world.log.partitions++;
}

// The least mark of a partition, of any state that Redis has or may go back to.
static int64_t lowest_mark(int32_t partition) {
    int64_t lowest = world.hasty ? world.log.at[partition].start : INT64_MAX;
    for (uint32_t i = 0; i < world.redis.names.shards; i++) {
        struct mark mark;
        for (int j = -1; j < world.snapshot_count; j++) {
            const struct keyspace *held = j < 0 ? &world.redis.shards[i] : &world.snapshots[j][i];
            if (oracle_mark(&world.oracle, held, i, partition, &mark) && mark.next < lowest)
                lowest = mark.next;
        }
    }
    return lowest;
}

void fault_retention(void) {
    int32_t partition = (int32_t)chance_below(fault_chance, (uint32_t)world.log.partitions);
    struct log_partition *p = &world.log.at[partition];
    int64_t most = lowest_mark(partition) - world.log.span;
    if (most > p->first)
        p->first = chance_between(fault_chance, p->first, most);
}

// Another log, for a while: begun past every mark (nearer, a span would be short, which is a loss that the
// product owns up to), or ended before one.
void fault_truncation(void) {
    if (world.now_ms < world.truncated_until_ms)
        return;
    bool begin = chance_is(fault_chance, 50);
    for (int32_t i = 0; i < LOG_PARTITIONS_MAX; i++) {
        const struct log_partition *p = &world.log.at[i];
        world.truncated_first[i] = begin ? p->length + 1 : p->first;
        world.truncated_end[i] = begin ? p->length + 1 : chance_between(fault_chance, p->first, p->end);
        TRACE("the log of partition %d is [%lld, %lld) for a while", i, (long long)world.truncated_first[i],
              (long long)world.truncated_end[i]);
    }
    world.truncated_until_ms = fault_in_ms(500, 5000);
    world.truncated_ever = true;
}

void fault_goodbye_unanswered(void) {
    world.goodbye_until_ms = fault_in_ms(500, 15000);
}

static bool every_mark_has_a_record(void) {
    for (uint32_t i = 0; i < world.redis.names.shards; i++) {
        for (int32_t j = 0; j < world.log.partitions; j++) {
            struct mark mark;
            if (!oracle_mark(&world.oracle, &world.redis.shards[i], i, j, &mark) || mark.last < 0)
                return false;
        }
    }
    return true;
}

static void kill_all(void) {
    for (int i = 0; i < world.worker_count; i++) {
        if (world.workers[i].alive)
            worker_kill(&world.workers[i]);
        world.workers[i].start_at_ms = fault_in_ms(0, 1000);
    }
}

// Where nothing was counted, nothing tells one log from another: then it is let be.
void fault_recreation(void) {
    if (faults_anything_emptied() || world_log_is_another() || !every_mark_has_a_record())
        return;
    kill_all();
    world.other_log_until_ms = fault_in_ms(500, 5000);
    world.other_log_ever = true;
}

void faults_log_put_back(void) {
    TRACE("the topic is put back");
    kill_all();
    world.other_log_until_ms = 0;
}
