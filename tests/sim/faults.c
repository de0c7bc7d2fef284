// Misfortune: when. Each kind has its own chances and its own times, so that it can be switched off alone.
#include "tests/sim/faults.h"

struct chance *fault_chance;

int64_t fault_in_ms(int64_t least, int64_t most) {
    return world.now_ms + chance_between(fault_chance, least, most);
}

struct worker *fault_any_worker(void) {
    struct worker *w = &world.workers[chance_below(fault_chance, (uint32_t)world.worker_count)];
    return w->alive ? w : NULL;
}

uint32_t fault_any_shard(void) {
    return chance_below(fault_chance, world.redis.names.shards);
}

// ---- workers

void fault_crash(void) {
    struct worker *w = fault_any_worker();
    if (w == NULL)
        return;
    worker_kill(w);
    w->start_at_ms = fault_in_ms(0, 2000);
}

void fault_stop(void) {
    struct worker *w = fault_any_worker();
    if (w == NULL || w->loop == NULL)
        return;
    worker_ask_to_stop(w);
}

void fault_pause_worker(void) {
    struct worker *w = fault_any_worker();
    if (w == NULL)
        return;
    w->paused_until_ms = fault_in_ms(20, chance_is(fault_chance, 30) ? 6000 : 600);
    w->stop_by_ms += w->paused_until_ms - world.now_ms;
}

void fault_clock_step(void) {
    struct worker *w = fault_any_worker();
    if (w != NULL)
        w->wall_shift_ms = chance_between(fault_chance, -INT64_C(10) * 86400000, INT64_C(10) * 86400000);
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
void fault_new_rules(void) {
    if (world.rules_count == RULES_MADE)
        return;
    struct rules *next = &world.rules[world.rules_count++];
    int64_t since_ms = newest_written_ms() + 1 + chance_between(fault_chance, 0, 8) * world.log.step_ms;
    next->since_ms = since_ms > next[-1].since_ms ? since_ms : next[-1].since_ms + 1;
    if (!world.hasty && world.log_until_ms == 0)
        world.log_until_ms = next->since_ms;
    TRACE("version %u of the rules, since %lld", next->version, (long long)next->since_ms);
    for (int i = 0; i < world.worker_count; i++)
        world.workers[i].roll_at_ms = fault_in_ms(0, 5000);
}

// ---- when

void fault_repeat(void) {}   // the network's own
void fault_misplace(void) {} // the consumer's own

static const struct {
    const char *name;
    uint32_t mean;
    void (*happen)(void);
} faults[FAULT_COUNT] = {
#define FAULT(id, name, mean, doc) [FAULT_##id] = {#name, mean, fault_##name},
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
    fault_chance = &world.chance[FAULT_ORPHAN];
    if (world.enabled[FAULT_ORPHAN])
        fault_orphan(); // from the beginning: it has no mark
}

static void weather_change(void) {
    nodes_turn_slots(world.now_ms);
    for (uint32_t i = 0; i < world.redis.names.shards; i++) {
        struct shard_weather *shard = &world.shards[i];
        if (shard->until_ms > world.now_ms)
            continue;
        shard->refusal = NULL;
        fault_chance = &world.weather;
        if (shard->emptied)
            faults_restore(i);
    }
    if (world_log_is_another() && world.other_log_until_ms <= world.now_ms)
        faults_log_put_back();
}

void faults_turn(void) {
    weather_change();
    if (chance_below(&world.weather, 60) == 0 && !faults_anything_emptied())
        faults_snapshot();
    for (int i = 0; i < FAULT_COUNT; i++) {
        if (!world.enabled[i] || world.next_at[i] > world.step)
            continue;
        fault_chance = &world.chance[i];
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
