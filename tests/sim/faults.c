// Misfortune. Each kind has its own chances and its own times, so that it can be switched off alone.
#include <stdio.h>
#include <stdlib.h>

#include "runtime/check.h"
#include "tests/sim/sim.h"

static const char *const refusals[] = {
    "-LOADING Redis is loading the dataset in memory\r\n",
    "-READONLY You can't write against a read only replica.\r\n",
    "-OOM command not allowed when used memory > 'maxmemory'.\r\n",
    "-TRYAGAIN Multiple keys request during rehashing of slot\r\n",
    "-MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.\r\n",
    "-NOREPLICAS Not enough good replicas to write.\r\n",
    "-CLUSTERDOWN The cluster is down\r\n",
    "-BUSY Redis is busy running a script.\r\n",
};

static struct chance *c; // of the fault under way

static int64_t in_ms(int64_t least, int64_t most) {
    return world.now_ms + chance_between(c, least, most);
}

static struct worker *any_worker(void) {
    struct worker *w = &world.workers[chance_below(c, (uint32_t)world.worker_count)];
    return w->alive ? w : NULL;
}

static uint32_t any_shard(void) {
    return chance_below(c, world.redis.names.shards);
}

// ---- workers

static void crash(void) {
    struct worker *w = any_worker();
    if (w == NULL)
        return;
    worker_kill(w);
    w->start_at_ms = in_ms(0, 2000);
}

static void stop(void) {
    struct worker *w = any_worker();
    if (w == NULL || w->loop == NULL)
        return;
    worker_ask_to_stop(w);
}

static void pause_worker(void) {
    struct worker *w = any_worker();
    if (w == NULL)
        return;
    w->paused_until_ms = in_ms(20, chance_is(c, 30) ? 6000 : 600);
    w->stop_by_ms += w->paused_until_ms - world.now_ms;
}

static void clock_step(void) {
    struct worker *w = any_worker();
    if (w != NULL)
        w->wall_shift_ms = chance_between(c, -INT64_C(10) * 86400000, INT64_C(10) * 86400000);
}

// ---- the network and Redis

static void break_link(void) {
    struct worker *w = any_worker();
    struct redis_link *link = w != NULL ? w->links[chance_below(c, world.cluster ? NODES : 1)] : NULL;
    if (link != NULL)
        network_break(link, c);
}

static void delay(void) {
    world.slow_until_ms = in_ms(50, 1500);
}

static void refuse(void) {
    uint32_t first = any_shard(), count = chance_is(c, 30) ? world.redis.names.shards : 1;
    for (uint32_t i = 0; i < count; i++) {
        struct shard_weather *shard = &world.shards[(first + i) % world.redis.names.shards];
        shard->refusal = refusals[chance_below(c, sizeof(refusals) / sizeof(refusals[0]))];
        shard->until_ms = in_ms(50, 2500);
    }
}

static void reshard(void) {
    nodes_move(any_shard(), in_ms(0, 1500));
}

static void hours_pass(void) {
    world.redis_ahead_s += chance_between(c, 1, 60) * 3600;
}

// Of those whose every update is a sum: what could not be applied is kept to the unit. The name is free yet.
static void foreign_key(void) {
    static const enum key_family families[] = {
        KEY_ACCOUNT, KEY_ACCOUNT_PLATFORM, KEY_CAMPAIGN, KEY_SERIES, KEY_TOP, KEY_TAG, KEY_PLATFORM};
    char account[16], tag[16], name[KEY_MAX];
    enum key_family family = families[chance_below(c, sizeof(families) / sizeof(families[0]))];
    struct key_parts parts = {.platform = 1 + chance_below(c, 2), .id = slice_of("spring")};
    snprintf(account, sizeof(account), "brand%u", chance_below(c, 2 + 2 * world.redis.names.shards));
    snprintf(tag, sizeof(tag), "tag%u", chance_below(c, 2));
    parts.account = slice_of(account);
    if (family == KEY_TAG)
        parts.id = slice_of(tag);
    parts.time_s = LOG_TIME_MS / 1000 + chance_between(c, 0, 40) * world.log.step_ms * 5 / 1000 / 3600 * 3600;
    uint32_t shard = family == KEY_PLATFORM ? any_shard() : key_shard(&world.redis.names, parts.account);
    struct slice key = {name, key_write(name, &world.redis.names, family, shard, &parts)};
    if (world.shards[shard].emptied || keyspace_find(&world.redis.shards[shard], key) != NULL)
        return;
    TRACE("somebody writes %.*s", (int)key.length, key.at);
    keyspace_own(&world.redis.shards[shard], key, OBJECT_FOREIGN);
    world.shards[shard].dirty = true;
}

static void forget_functions(void) {
    world.redis.functions_loaded = false;
}

static bool anything_emptied(void) {
    for (uint32_t i = 0; i < world.redis.names.shards; i++) {
        if (world.shards[i].emptied)
            return true;
    }
    return false;
}

static void restore(uint32_t shard) {
    uint32_t chosen = chance_below(c, (uint32_t)world.snapshot_count);
    TRACE("shard %u goes back to snapshot %u", shard, chosen);
    keyspace_copy(&world.redis.shards[shard], &world.snapshots[chosen][shard]);
    sim_redis_expire(&world.redis, shard);
    world.shards[shard].emptied = false;
    world.shards[shard].dirty = true;
}

static bool is_late(uint32_t shard) {
    const struct keyspace *held = &world.redis.shards[shard];
    size_t known = oracle_rules(&world.oracle, held, shard);
    for (int32_t i = 0; i < world.log.partitions && known < world.rules_count && known > 0; i++) {
        struct mark mark;
        if (oracle_mark(&world.oracle, held, shard, i, &mark) && mark.last >= 0 &&
            mark.time_ms >= world.rules[known].since_ms)
            return true;
    }
    return false;
}

void faults_snapshot(void) {
    int chosen = world.snapshot_count < SNAPSHOTS_MAX ? world.snapshot_count++
                                                      : (int)chance_below(&world.weather, SNAPSHOTS_MAX);
    for (uint32_t i = 0; i < world.redis.names.shards; i++)
        keyspace_copy(&world.snapshots[chosen][i], &world.redis.shards[i]);
}

static void rollback(void) {
    if (anything_emptied() || world_log_is_another())
        return;
    uint32_t shard = any_shard();
    bool all = chance_is(c, 50);
    for (uint32_t i = 0; i < world.redis.names.shards; i++) {
        if (all || i == shard)
            restore(i);
    }
}

static void empty(void) {
    uint32_t shard = any_shard();
    if (world_log_is_another())
        return;
    TRACE("shard %u loses everything", shard);
    keyspace_clear(&world.redis.shards[shard]);
    world.shards[shard].emptied = true;
    world.shards[shard].until_ms = in_ms(100, 4000);
    world.emptied_ever = true;
}

static void double_owner(void) {
    int32_t partition = (int32_t)chance_below(c, (uint32_t)world.log.partitions);
    uint32_t shard = any_shard();
    bool all = chance_is(c, 50);
    const struct rules_book book = {.versions = world.rules, .count = world.rules_count};
    struct flush_sender sender = {.deployment = WORLD_DEPLOYMENT, .rules = &book};
    sender.keys = pseudonymiser_versions(world_pseudonyms, &sender.key_count);
    for (uint32_t i = 0; i < world.redis.names.shards; i++) {
        struct flush_call call = {0};
        char *answer;
        size_t length;
        if (!all && i != shard)
            continue;
        TRACE("a stranger claims partition %d on shard %u", partition, i);
        flush_encode_claim(&call, &world.redis.names, i, &sender, &partition, 1);
        sim_redis_serve(&world.redis, i, call.bytes, call.length, &answer, &length);
        world.shards[i].dirty = true;
        free(answer);
        flush_call_fini(&call);
    }
}

// ---- Kafka

static void rebalance(void) {
    group_shuffle(c);
}

static void orphan(void) {
    world.orphan_until_ms[chance_below(c, (uint32_t)world.log.partitions)] =
        in_ms(500, chance_is(c, 30) ? 30000 : 8000);
}

static void expel(void) {
    struct worker *w = any_worker();
    if (w != NULL)
        group_expel(w);
}

static void commit_refused(void) {
    world.commits_refused_until_ms = in_ms(100, 4000);
}

static void bounds_unknown(void) {
    world.bounds_unknown_until_ms = in_ms(100, 3000);
}

static void seek_fails(void) {
    world.seeks_fail_until_ms = in_ms(50, 1500);
}

static void letters_stall(void) {
    world.letters_stall_until_ms = in_ms(100, 4000);
}

static void add_partition(void) {
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

static void retention(void) {
    int32_t partition = (int32_t)chance_below(c, (uint32_t)world.log.partitions);
    struct log_partition *p = &world.log.at[partition];
    int64_t most = lowest_mark(partition) - world.log.span;
    if (most > p->first)
        p->first = chance_between(c, p->first, most);
}

// Another log, for a while: begun past every mark (nearer, a span would be short, which is a loss that the
// product owns up to), or ended before one.
static void truncation(void) {
    if (world.now_ms < world.truncated_until_ms)
        return;
    bool begin = chance_is(c, 50);
    for (int32_t i = 0; i < LOG_PARTITIONS_MAX; i++) {
        const struct log_partition *p = &world.log.at[i];
        world.truncated_first[i] = begin ? p->length + 1 : p->first;
        world.truncated_end[i] = begin ? p->length + 1 : chance_between(c, p->first, p->end);
        TRACE("the log of partition %d is [%lld, %lld) for a while", i, (long long)world.truncated_first[i],
              (long long)world.truncated_end[i]);
    }
    world.truncated_until_ms = in_ms(500, 5000);
    world.truncated_ever = true;
}

static void goodbye_unanswered(void) {
    world.goodbye_until_ms = in_ms(500, 15000);
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
        world.workers[i].start_at_ms = in_ms(0, 1000);
    }
}

// Where nothing was counted, nothing tells one log from another: then it is let be.
static void recreation(void) {
    if (anything_emptied() || world_log_is_another() || !every_mark_has_a_record())
        return;
    kill_all();
    world.other_log_until_ms = in_ms(500, 5000);
    world.other_log_ever = true;
}

static void log_put_back(void) {
    TRACE("the topic is put back");
    kill_all();
    world.other_log_until_ms = 0;
}

// ---- rules

static int64_t newest_written_ms(void) {
    int64_t newest = 0;
    for (int32_t i = 0; i < world.log.partitions; i++) {
        const struct log_partition *p = &world.log.at[i];
        for (int64_t offset = p->end - 1; offset >= 0; offset--) {
            if (!p->records[offset].present)
                continue;
            newest = p->records[offset].time_ms > newest ? p->records[offset].time_ms : newest;
            break;
        }
    }
    return newest;
}

// It comes into force ahead of all that was written: when every worker has it, or (hastily) maybe sooner.
static void new_rules(void) {
    if (world.rules_count == RULES_MADE)
        return;
    struct rules *next = &world.rules[world.rules_count++];
    int64_t since_ms = newest_written_ms() + 1 + chance_between(c, 0, 8) * world.log.step_ms;
    next->since_ms = since_ms > next[-1].since_ms ? since_ms : next[-1].since_ms + 1;
    if (!world.hasty && world.log_until_ms == 0)
        world.log_until_ms = next->since_ms;
    TRACE("version %u of the rules, since %lld", next->version, (long long)next->since_ms);
    for (int i = 0; i < world.worker_count; i++)
        world.workers[i].roll_at_ms = in_ms(0, 5000);
}

bool faults_any_late(void) {
    for (uint32_t i = 0; i < world.redis.names.shards; i++) {
        if (is_late(i))
            return true;
    }
    return false;
}

bool faults_restore_late(void) {
    bool any = false;
    if (world_log_is_another())
        log_put_back(); // the beginning does not tell one log from another
    for (uint32_t i = 0; i < world.redis.names.shards; i++) {
        if (world.shards[i].emptied || !is_late(i))
            continue;
        TRACE("shard %u goes back to the beginning: a version of the rules came too late for it", i);
        keyspace_copy(&world.redis.shards[i], &world.backup[i]);
        world.shards[i].dirty = any = true;
    }
    return any;
}

// ---- when

static void repeat(void) {}   // the network's own
static void misplace(void) {} // the consumer's own

static const struct {
    const char *name;
    uint32_t mean;
    void (*happen)(void);
} faults[FAULT_COUNT] = {
#define FAULT(id, name, mean, doc) [FAULT_##id] = {#name, mean, name},
#include "tests/sim/faults.def"
#undef FAULT
};

const char *fault_name(enum fault fault) {
    return faults[fault].name;
}

static void next_choose(int i) {
    world.next_at[i] = world.step + 1 + chance_below(&world.chance[i], 2 * world.mean[i]);
}

// A seed has some of the faults, each more or less often: together they would drown each other.
void faults_begin(uint32_t disabled) {
    for (int i = 0; i < FAULT_COUNT; i++) {
        world.chance[i] = chance_of(world.seed, (uint64_t)i + 1);
        bool has = chance_is(&world.chance[i], 50);
        world.mean[i] = faults[i].mean * (uint32_t)chance_between(&world.chance[i], 30, 200) / 100;
        world.enabled[i] = has && (disabled >> i & 1) == 0;
        next_choose(i);
    }
    c = &world.chance[FAULT_ORPHAN];
    if (world.enabled[FAULT_ORPHAN])
        orphan(); // from the beginning: it has no mark
}

static void weather_change(void) {
    nodes_turn_slots(world.now_ms);
    for (uint32_t i = 0; i < world.redis.names.shards; i++) {
        struct shard_weather *shard = &world.shards[i];
        if (shard->until_ms > world.now_ms)
            continue;
        shard->refusal = NULL;
        c = &world.weather;
        if (shard->emptied)
            restore(i);
    }
    if (world_log_is_another() && world.other_log_until_ms <= world.now_ms)
        log_put_back();
}

void faults_turn(void) {
    weather_change();
    if (chance_below(&world.weather, 60) == 0 && !anything_emptied())
        faults_snapshot();
    for (int i = 0; i < FAULT_COUNT; i++) {
        if (!world.enabled[i] || world.next_at[i] > world.step)
            continue;
        c = &world.chance[i];
        next_choose(i);
        if (i == FAULT_REPEAT || i == FAULT_MISPLACE)
            continue;
        TRACE("fault: %s", faults[i].name);
        world.happened[i]++;
        faults[i].happen();
    }
}

void faults_end(void) {
    for (uint32_t i = 0; i < world.redis.names.shards; i++)
        world.shards[i].until_ms = 0;
    nodes_turn_slots(INT64_MAX);
    if (world_log_is_another())
        world.other_log_until_ms = 1;
    weather_change();
    world.slow_until_ms = world.commits_refused_until_ms = world.bounds_unknown_until_ms = 0;
    world.seeks_fail_until_ms = world.letters_stall_until_ms = world.truncated_until_ms = 0;
    world.goodbye_until_ms = 0;
    memset(world.orphan_until_ms, 0, sizeof(world.orphan_until_ms));
    for (int i = 0; i < world.worker_count; i++)
        world.workers[i].paused_until_ms = world.workers[i].roll_at_ms = 0;
}
