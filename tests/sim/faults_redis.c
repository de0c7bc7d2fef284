// What happens to Redis and on the way to it.
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/faults.h"

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

void fault_break_link(void) {
    struct worker *w = fault_any_worker();
    struct redis_link *link =
        w != NULL ? w->links[chance_below(fault_chance, world.cluster ? NODES : 1)] : NULL;
    if (link != NULL)
        network_break(link, fault_chance);
}

void fault_delay(void) {
    world.slow_until_ms = fault_in_ms(50, 1500);
}

void fault_refuse(void) {
    uint32_t first = fault_any_shard(), count = chance_is(fault_chance, 30) ? world.redis.names.shards : 1;
    for (uint32_t i = 0; i < count; i++) {
        struct shard_weather *shard = &world.shards[(first + i) % world.redis.names.shards];
        shard->refusal = refusals[chance_below(fault_chance, sizeof(refusals) / sizeof(refusals[0]))];
        shard->until_ms = fault_in_ms(50, 2500);
    }
}

void fault_reshard(void) {
    nodes_move(fault_any_shard(), fault_in_ms(0, 1500));
}

void fault_hours_pass(void) {
    world.redis_ahead_s += chance_between(fault_chance, 1, 60) * 3600;
}

// Of those whose every update is a sum: what could not be applied is kept to the unit. The name is free yet.
void fault_foreign_key(void) {
    static const enum key_family families[] = {
        KEY_ACCOUNT, KEY_ACCOUNT_PLATFORM, KEY_CAMPAIGN, KEY_SERIES, KEY_TOP, KEY_TAG, KEY_PLATFORM};
    char account[16], tag[16], name[KEY_MAX];
    enum key_family family = families[chance_below(fault_chance, sizeof(families) / sizeof(families[0]))];
    struct key_parts parts = {.platform = 1 + chance_below(fault_chance, 2), .id = slice_of("spring")};
    snprintf(account, sizeof(account), "brand%u",
             chance_below(fault_chance, 2 + 2 * world.redis.names.shards));
    snprintf(tag, sizeof(tag), "tag%u", chance_below(fault_chance, 2));
    parts.account = slice_of(account);
    if (family == KEY_TAG)
        parts.id = slice_of(tag);
    parts.time_s =
        LOG_TIME_MS / 1000 + chance_between(fault_chance, 0, 40) * world.log.step_ms * 5 / 1000 / 3600 * 3600;
    uint32_t shard =
        family == KEY_PLATFORM ? fault_any_shard() : key_shard(&world.redis.names, parts.account);
    struct slice key = {name, key_write(name, &world.redis.names, family, shard, &parts)};
    if (world.shards[shard].emptied || keyspace_find(&world.redis.shards[shard], key) != NULL)
        return;
    TRACE("somebody writes %.*s", (int)key.length, key.at);
    keyspace_own(&world.redis.shards[shard], key, OBJECT_FOREIGN);
    world.shards[shard].dirty = true;
}

void fault_forget_functions(void) {
    world.redis.functions_loaded = false;
}

bool faults_anything_emptied(void) {
    for (uint32_t i = 0; i < world.redis.names.shards; i++) {
        if (world.shards[i].emptied)
            return true;
    }
    return false;
}

void faults_restore(uint32_t shard) {
    uint32_t chosen = chance_below(fault_chance, (uint32_t)world.snapshot_count);
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

void fault_rollback(void) {
    if (faults_anything_emptied() || world_log_is_another())
        return;
    uint32_t shard = fault_any_shard();
    bool all = chance_is(fault_chance, 50);
    for (uint32_t i = 0; i < world.redis.names.shards; i++) {
        if (all || i == shard)
            faults_restore(i);
    }
}

void fault_empty(void) {
    uint32_t shard = fault_any_shard();
    if (world_log_is_another())
        return;
    TRACE("shard %u loses everything", shard);
    keyspace_clear(&world.redis.shards[shard]);
    world.shards[shard].emptied = true;
    world.shards[shard].until_ms = fault_in_ms(100, 4000);
    world.emptied_ever = true;
}

void fault_double_owner(void) {
    int32_t partition = (int32_t)chance_below(fault_chance, (uint32_t)world.log.partitions);
    uint32_t shard = fault_any_shard();
    bool all = chance_is(fault_chance, 50);
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
        faults_log_put_back(); // the beginning does not tell one log from another
    for (uint32_t i = 0; i < world.redis.names.shards; i++) {
        if (world.shards[i].emptied || !is_late(i))
            continue;
        TRACE("shard %u goes back to the beginning: a version of the rules came too late for it", i);
        keyspace_copy(&world.redis.shards[i], &world.backup[i]);
        world.shards[i].dirty = any = true;
    }
    return any;
}
