// The simulated world: a log, a group, a network, a Redis and a clock, and in it several workers, each the
// whole process from pipeline_run on, as a coroutine of this one.
//
//     faults.def      what can happen
//     log             the topic's records, made from the seed
//     redis*, keyspace  Redis: commands, the real functions, snapshots
//     oracle, verdict  the recount, held against every state of a shard; what a flush must be answered
//     kafka*          librdkafka's consumer, as far as stream/source uses it, and the group
//     network         the links to Redis
//     nodes           the nodes of a Redis Cluster, and the slots that move between them
//     worker          coroutines; the loop, the clocks, the dead-letter topic
//     faults*         misfortune, from the seed
//     world           the steps, and what must hold after each
//     sim             seeds, traces, shrinking
//
// A worker runs until it turns its loop or waits for somebody; then another has its turn. Everything is
// decided by the seed.
#pragma once

#include <ucontext.h>

#include "ingest/pipeline/pipeline_internal.h"
#include "tests/sim/oracle.h"

enum { WORKERS_MAX = 3, SNAPSHOTS_MAX = 4, REQUESTS_MAX = 4096 };

enum fault {
#define FAULT(id, name, mean, doc) FAULT_##id,
#include "tests/sim/faults.def"
#undef FAULT
    FAULT_COUNT,
};

// ---- the network

enum { NODES = 2 };

struct redis_link {
    struct worker *worker;
    uint32_t node;
    bool up;
    bool asking; // ASKING came last
    int64_t up_at_ms, last_arrival_ms, last_answer_ms;
    int timeout_ms;
    void (*on_change)(void *context);
    void *context;
};

// A request on its way; freed when it was done (or lost) and answered (or never will be).
struct request {
    uint64_t number;
    struct redis_link *link; // NULL: its connection is gone
    char *bytes;
    size_t length;
    redis_callback callback; // NULL: nobody waits for the answer
    void *context;
    uint32_t node;
    int64_t sent_at_ms, arrives_at_ms, answered_at_ms;
    bool done;
    char *answer; // RESP
    size_t answer_length;
};

struct deadletter {
    struct worker *worker;
    uint64_t sent, settled;
    uint64_t withheld; // the last so many of those sent
    bool withholding;
    struct letter {
        int32_t partition, index;
        int64_t offset;
    } letters[4096]; // by number
    int64_t next_at_ms;
};

// ---- the group

struct member {
    bool joined;
    bool expelled;                     // given up by the group, and does not know yet
    bool assigned[LOG_PARTITIONS_MAX]; // the member's view: between the answers to assign and revoke
    bool to_assign[LOG_PARTITIONS_MAX], to_revoke[LOG_PARTITIONS_MAX];
};

struct commit {
    struct worker *worker;
    uint64_t incarnation;
    bool fenced[LOG_PARTITIONS_MAX]; // by then: what it confirms
    void *opaque;
    int64_t due_ms;
};

// ---- workers

struct worker {
    int number;
    bool alive;           // has a coroutine
    bool dead;            // killed: cut off from the world, it only unwinds
    uint64_t incarnation; // rises with every start
    ucontext_t context;
    char *stack;
    int64_t wake_at_ms; // sleeps until
    int64_t paused_until_ms;
    int64_t start_at_ms;
    int64_t dead_ms; // its own clock when dead
    int64_t wall_shift_ms;
    int64_t roll_at_ms; // it is stopped, to start with the newest rules
    bool stop_asked;
    int64_t stop_by_ms; // it must have ended
    struct startup startup;
    struct loop *loop;
    struct source *source; // while it has one: tells the pipeline
    struct rd_kafka_s *consumer;
    struct redis_link *links[NODES];
    struct deadletter *letters;
    struct member member;
    bool fenced[LOG_PARTITIONS_MAX]; // Redis said so, and no commit sent since was accepted
    enum status status;
    struct problem problem;
};

struct shard_weather {
    const char *refusal; // what every call is answered with; NULL: none
    int64_t until_ms;
    bool emptied; // by misfortune; must stay so until restored
    bool dirty;   // something was written: to be checked
};

struct world {
    uint64_t seed;
    bool tracing, settling;
    int64_t step, faults_until; // steps
    int64_t now_ms;
    struct chance chance[FAULT_COUNT], weather, pace, net, group;
    bool enabled[FAULT_COUNT];
    int64_t next_at[FAULT_COUNT]; // step
    uint32_t mean[FAULT_COUNT];
    uint64_t happened[FAULT_COUNT];

    struct sim_log log;
    struct sim_redis redis;
    struct oracle oracle;
    struct shard_weather shards[REDIS_SHARDS_MAX];
    struct keyspace snapshots[SNAPSHOTS_MAX][REDIS_SHARDS_MAX];
    struct keyspace backup[REDIS_SHARDS_MAX]; // of the beginning
    int snapshot_count;
    bool cluster;
    struct shard_place {
        uint32_t at, to; // nodes; where they differ it moves
        int64_t until_ms;
    } nodes[REDIS_SHARDS_MAX];
    int64_t redis_ahead_s; // of the time that has passed

    struct rules rules[RULES_MADE];
    size_t rules_count;   // those in the file, by now
    bool hasty;           // a version may come into force before every worker has it
    int64_t log_until_ms; // records from here on are not written yet; 0: whatever there is

    int worker_count;
    struct worker workers[WORKERS_MAX];
    struct worker *running;
    int owner[LOG_PARTITIONS_MAX];               // by the group; -1: none
    int target[LOG_PARTITIONS_MAX];              // who is to own it; -1: nobody has been chosen
    int64_t orphan_until_ms[LOG_PARTITIONS_MAX]; // not given to anybody before
    struct commit commits[64];
    size_t commit_count;

    struct request *requests[REQUESTS_MAX]; // in order of sending
    size_t request_count;
    uint64_t request_number;
    int64_t slow_until_ms, commits_refused_until_ms, bounds_unknown_until_ms, seeks_fail_until_ms,
        letters_stall_until_ms, truncated_until_ms, goodbye_until_ms;
    int64_t truncated_first[LOG_PARTITIONS_MAX], truncated_end[LOG_PARTITIONS_MAX];
    int64_t other_log_until_ms;                        // 0: there is none
    bool emptied_ever, truncated_ever, other_log_ever; // a worker may have stopped for it
    int32_t partitions_made; // of the log; those past log.partitions are not there yet
};

extern struct world world;

static inline bool world_log_is_another(void) {
    return world.other_log_until_ms != 0;
}

#define WORLD_DEPLOYMENT "00112233445566778899aabbccddeeff"

// world.c
struct world_setup {
    uint64_t seed;
    bool tracing;
    uint32_t disabled;    // bits of faults
    int64_t faults_until; // steps; -1: as the seed says
};
void world_run(const struct world_setup *setup); // returns, or ends the process in world_violated
_Noreturn void world_violated(const char *format, ...) __attribute__((format(printf, 1, 2)));
void world_trace(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define TRACE(...)                                                                                           \
    do {                                                                                                     \
        if (world.tracing)                                                                                   \
            world_trace(__VA_ARGS__);                                                                        \
    } while (0)
enum { WORLD_WORDS_MAX = 512 };
extern char *world_last_words;         // why it was violated is left here, if anywhere
extern struct recount_keys world_keys; // the recount's reading of it
extern struct pseudonymiser *world_pseudonyms;

// worker.c
void worker_start(struct worker *w);
void worker_resume(struct worker *w);
void worker_kill(struct worker *w);
void worker_ask_to_stop(struct worker *w);
void worker_sleep(int64_t ms);                            // the running one waits
struct pipeline *worker_pipeline(const struct worker *w); // NULL where it has none (yet)

// kafka_group.c
void group_turn(void);
void group_shuffle(struct chance *c); // new targets
void group_join(struct worker *w);
void group_leave(struct worker *w); // at once, nobody is asked
void group_expel(struct worker *w);
void group_released(struct worker *w, int32_t partition);

// verdict.c: is a flush answered as ingest/flush.h promises?
struct verdict {
    bool judged; // it is a flush
    const char *due;
};
struct verdict verdict_before(uint32_t shard, const char *bytes, size_t length);
void verdict_after(const struct verdict *v, uint32_t shard, const char *bytes, size_t length,
                   const char *answer);

// nodes.c: the nodes of Redis
void nodes_begin(struct chance *c);
void nodes_seeds(struct redis_seeds *seeds);
uint32_t nodes_number(const struct redis_address *address);
bool nodes_serve(struct request *r, uint32_t shard); // answers what is no matter of the shard itself
void nodes_move(uint32_t shard, int64_t until_ms);   // the shard's slot, until then
void nodes_turn_slots(int64_t now_ms);

// network.c
void network_turn(void);
void network_answers(struct worker *w); // delivers what is due to it
void network_break(struct redis_link *link, struct chance *c);
void network_forget(struct worker *w); // of a killed one

// faults.c
void faults_begin(uint32_t disabled);
void faults_turn(void);
void faults_end(void); // everything is mended
void faults_snapshot(void);
bool faults_any_late(void);     // went a shard beyond a version's since without it?
bool faults_restore_late(void); // shards that went beyond a version's since without it go back to the backup
const char *fault_name(enum fault fault);
