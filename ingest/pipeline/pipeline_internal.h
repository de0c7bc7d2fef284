// What the files of the pipeline share: its state. Everything runs on the loop's thread.
//
//     pipeline.c            the whole process on a screen: set-up, the turn, the drain
//     pipeline_records.c    a record's way through the stages into a shard's table
//     pipeline_flush.c      sealing, sending, and the one switch over Redis' verdicts
//     pipeline_ownership.c  partitions gained, lost, fenced
//     pipeline_claims.c     what each shard is asked about them: claims, and where its marks stand
//     pipeline_breaker.c    a topic that holds no events
//     pipeline_rules.c      a shard that is counted by other rules
//     pipeline_reading.c    where a partition is read, and going back for a shard
//     pipeline_commit.c     offsets back to Kafka
//     pipeline_redis.c      Redis on its bad days: refusing, without the library, another's
//     pipeline_nodes.c      its nodes: away, evicting, full
//     pipeline_away.c       of a cluster: shards that cannot count hold up themselves alone
//     pipeline_errand.c     a run with an end
//     pipeline_reload.c     SIGHUP
//     pipeline_report.c     probes, metrics, status
#pragma once

#include "ingest/pipeline/pipeline.h"
#include "ingest/seen.h"
#include "ingest/shard.h"
#include "runtime/arena.h"
#include "runtime/config/config_effective.h"
#include "runtime/http/http.h"
#include "runtime/http/metrics.h"
#include "runtime/redis/redis_router.h"
#include "stream/breaker.h"
#include "stream/deadletter.h"
#include "stream/decode/decode.h"
#include "stream/dedup.h"
#include "stream/source/rota.h"
#include "stream/source/source.h"

enum {
    BATCH_RECORDS = 1000,
    TURN_EVENTS = 65536,      // in a turn, about: a record may be a batch of as many
    TURN_EVENTS_MAX = 262144, // no further record is taken in it
    HEARTBEAT_MS = 1000, // an idle shard is flushed all the same: that is how a rollback behind it is found
    RETRY_MS = 250,      // between two tries at what Redis refused
    AWAY_MS = 1000,      // so long a shard that cannot count may hold up those that can
    COMMIT_MS = 1000,
    BOUNDS_TIMEOUT_MS = 5000,
    SEEN_KEYS_MAX = 2048, // 32 MiB of registers
};

enum pressure_stage {
    PRESSURE_NONE,
    PRESSURE_BREAKER,
    PRESSURE_REDIS,
    PRESSURE_DEADLETTER,
    PRESSURE_FLUSH,
    PRESSURE_STAGES
};

// A partition that this worker owns, or owned until it was fenced.
//
// Reading it goes through: not begun (no shard has said where its mark stands) -> refeed (dedup's span before
// the lowest mark) -> counting. While `seeking`, its records are passed over: the source is about to be moved
// to where a shard needs it.
struct owned {
    int32_t partition;
    bool begun;
    bool seeking;
    bool bounded; // `log` is what the brokers said in this turn
    struct source_extent log;
    bool fenced; // another worker claimed it: passed over until the group has confirmed us and it is claimed
                 // again
    uint64_t fence_commit; // the commit whose acceptance confirms; 0: to be sent
    int64_t fence_retry_ms;
    struct mark position; // next offset to read, and the last record before it (-1: none since it was moved)
    int64_t peak;         // the furthest next offset: below it, everything is read again
    int64_t fed;          // how far dedup has been fed since reading began: no seek goes beyond
    int64_t refeed_until; // records before it only feed dedup
    bool verifying;       // a mark is still to be held against the log's own record before it
    int64_t end;          // end of the log, reached in this batch; -1: not reached
    int64_t committed;    // offset last committed; -1: none
    struct dedup *dedup;
    bool touched;       // in this batch
    struct record last; // its last record in this batch
};

// What is known of a node of Redis, beside its answers to flushes.
struct node_state {
    uint64_t id; // the router's node that it is about; 0: none
    struct redis_address address;
    const char *away; // the code told since its link is down; NULL: up, or not told
    bool up, looking, looked, may_evict, loading;
    int64_t look_at_ms;
    int64_t used_bytes, max_bytes, evicted; // as INFO says; max 0: no bound
    double cpu_s;                           // that it has used when INFO was last asked, -1: unknown
    int64_t cpu_at_ms;
    double busy; // share of one core between the last two; -1: unknown
};

// What is known of Redis as a whole.
struct redis_state {
    struct node_state nodes[REDIS_NODES_MAX]; // by the router's numbers
    bool lost_told;                           // that no node is known
    const char *refusal;                      // the code told since something was refused; NULL: nothing is
    char words[256];                          // of the refusal
    size_t refused_by;                        // number of the node
    int64_t since_ms;
    bool told, meta_asked;
    int64_t faults, faults_at_ms; // not told yet; when they may be
    uint32_t faults_shard;
};

// A configuration that was read at a SIGHUP.
struct reloaded {
    struct config *config;
    struct settings settings;
    struct redis_login login; // the password alone
};

// Refused while the breaker watches: in flight, until their letters are sent.
struct withheld {
    int64_t since_ms; // the oldest; 0: none
    int64_t events;
    int64_t by_reason[REJECT_COUNT];
};

struct tally {
    int64_t read, counted, duplicate, replayed, in_flight, rejected;
    int64_t by_reason[REJECT_COUNT];
    int64_t by_platform[DELTA_PLATFORMS];
    int64_t verdicts[FLUSH_VERDICTS], heartbeats, lost;
    int64_t updates, faults, rollbacks;
    int64_t commits_accepted, commits_refused;
    int64_t pressure_ms[PRESSURE_STAGES];
    struct histogram flush_seconds, event_to_counter;
};

// Anything but 0 is a bug.
static inline int64_t tally_difference(const struct tally *t) {
    return t->read - t->counted - t->rejected - t->duplicate - t->replayed - t->in_flight;
}

struct pipeline {
    struct startup *startup;
    struct pipeline_errand *errand; // NULL: a worker
    int64_t progress_at_ms;
    struct reloaded *reloaded; // the last that was accepted, or NULL
    bool reload_ok;
    int64_t reloaded_at_ms; // wall clock
    char config_hash[CONFIG_HASH_SIZE];
    struct loop loop;
    struct http *http;
    struct metrics *metrics;
    struct redis_router *redis;
    struct source *source;
    struct deadletter *letters;
    struct decoder *decoder;
    struct seen *seen;
    struct arena arena;
    uint32_t families;

    struct shard *shards;
    struct owned *owned[PARTITIONS_MAX]; // by partition
    int32_t owned_numbers[PARTITIONS_MAX];
    size_t owned_count;
    struct shard_position *positions; // of the owned, for sealing
    struct flush_answer answer;       // scratch
    struct flush_claimed *claimed;    // scratch

    int64_t now_ms;
    size_t batch_records; // of the next poll, by how many events the records of the last one held
    int64_t flush_interval_ms;
    int64_t committed_at_ms;
    int64_t bounds_at_ms; // the log's bounds are not asked before: the last try failed
    struct rota bounds;
    enum pressure_stage pressure;
    struct breaker breaker;
    struct withheld withheld;
    char breaker_words[sizeof(((struct problem *)0)->what)]; // why it tripped
    struct redis_state redis_state;
    bool draining;
    int64_t deadline_ms; // of the end: drain, letters, farewell
    bool stopping;       // the process has to stop: `problem` says why
    struct problem problem;
    struct tally tally;
};

// Stops the process at the end of this turn; the first problem holds.
void pipeline_fail(struct pipeline *p, const struct problem *problem);

// pipeline_records.c
// How many of them were taken: what comes after waits while the dead letters are full, and for the next turn
// where this one has had events enough.
size_t records_process(struct pipeline *p, const struct record *records, size_t count);

// pipeline_flush.c
void flush_turn(struct pipeline *p); // seals what is due, sends what waits
// Seals and waits for everything; false: not all were acknowledged. A shard that is away while others count
// is not waited for: it is left out.
bool flush_all(struct pipeline *p, int64_t deadline_ms);
void flush_drop(struct pipeline *p,
                struct shard *shard); // table and call are thrown away; marks are read again
void flush_drop_all(struct pipeline *p);
bool flush_is_full(const struct pipeline *p, const struct shard *shard); // has the table reached its bound?
bool flush_is_crowded(const struct pipeline *p, const struct shard *shard); // so far that a turn must end?
enum pressure_stage flush_pressure(const struct pipeline *p);

// pipeline_breaker.c
void breaker_open(struct pipeline *p);   // begins to watch
void breaker_turn(struct pipeline *p);   // after each batch
void breaker_settle(struct pipeline *p); // before everything is flushed: withheld letters cannot wait longer
void breaker_withhold(struct pipeline *p, enum reject reason); // an event was refused

// pipeline_redis.c
void redis_loop_turn(struct pipeline *p, int wait_ms); // of the loop, and of the router
void redis_turn(struct pipeline *p);
bool redis_serves(const struct pipeline *p, const struct shard *shard); // is its node connected?
uint32_t redis_shards_down(const struct pipeline *p);                   // away, or left out
// An error was the answer to a shard's call, or to the library that it lacked: told once until it is over.
void redis_refused(struct pipeline *p, struct shard *shard, const char *words);
void redis_refusal_tell(struct pipeline *p); // once the node has said how full it is
void redis_fault(struct pipeline *p, const struct shard *shard, int64_t faults);
void redis_load_functions(struct pipeline *p, struct shard *shard); // onto the shard's node
void redis_uninitialised(struct pipeline *p,
                         const struct shard *shard);       // the process stops when it knows why
const char *redis_why_not_ready(const struct pipeline *p); // NULL: it is

// pipeline_away.c
void away_turn(struct pipeline *p);
// So long that others do not wait for it: they count, and it cannot.
bool away_is_excused(const struct pipeline *p, const struct shard *shard);
void away_leave_out(struct pipeline *p, struct shard *shard);
uint32_t away_behind(struct pipeline *p); // shards that take nothing of what is read

// pipeline_nodes.c
void nodes_turn(struct pipeline *p);   // who has come, gone, and who is away
void nodes_inform(struct pipeline *p); // asks how full they are, now and then
void nodes_look(struct pipeline *p, size_t number);
const struct redis_node *nodes_of(const struct pipeline *p, const struct shard *shard); // NULL: not known
struct node_state *nodes_state(struct pipeline *p, const struct redis_node *node);
struct node_figures {
    double memory, busy; // of the node where they are greatest; -1: unknown
    int64_t evicted;     // by all; -1: unknown
};
void nodes_figures(const struct pipeline *p, struct node_figures *f);

// pipeline_ownership.c
extern const struct source_events ownership_events;
struct owned *ownership_of(const struct pipeline *p, int32_t partition); // NULL: it is not ours
void ownership_turn(struct pipeline *p); // claims, readings of marks, seeks that are still to be done
void ownership_fence(struct pipeline *p, const int32_t *partitions, size_t count);
void ownership_confirm(struct pipeline *p, uint64_t commit_id, bool accepted);

// pipeline_claims.c
// Asks each shard whose node is connected: for its marks where it is stale, and to claim what it has not
// claimed. One that answered with an error is asked again RETRY_MS later.
void claims_ask(struct pipeline *p);
bool claims_under_way(const struct pipeline *p); // is an answer to come?
// Turns the loop until every shard has claimed what is owned, for as long as redis.timeout. Shards that are
// away while others answer are not waited for.
void claims_await(struct pipeline *p);

// pipeline_rules.c
void rules_settle(struct pipeline *p, const struct shard *shard);        // mended, or the process stops
void rules_refused(struct pipeline *p, uint32_t shard, const char *why); // stops the process

// pipeline_reading.c
// Lowest acknowledged next offset over the shards, as far as heard; -1: some shard has not been heard of yet.
int64_t reading_lowest(struct pipeline *p, int32_t partition);
// Asks where the logs of partitions begin and end that are to be read from their marks: of all at once, as
// long as that is answered. What was said holds until it is forgotten.
void reading_ask(struct pipeline *p);
void reading_forget(struct pipeline *p);
// An assignment: where to start. False where that is not known yet, or marks and log disagree (then the
// process stops).
bool reading_begin(struct pipeline *p, struct owned *o, int64_t *start);
// The shard learned where its mark stands.
void reading_place(struct pipeline *p, struct shard *shard, struct owned *o, const struct mark *mark);
// Moves the source to the first record that some shard lacks.
void reading_seek(struct pipeline *p, struct owned *o);

// pipeline_errand.c
bool errand_turn(struct pipeline *p); // true when it is done; never without one
void errand_finish(struct pipeline *p);

// pipeline_reload.c
void reload_begin(struct pipeline *p);
void reload_turn(struct pipeline *p);
void reload_end(struct pipeline *p);

// pipeline_commit.c
void commit_turn(struct pipeline *p);
void commit_now(struct pipeline *p);

// pipeline_report.c
struct http_answer report_answer(void *pipeline, const char *path);
struct metrics *report_metrics_create(void);
