// What the files of the pipeline share: its state. Everything runs on the loop's thread, but for the work of
// jobs.
//
//     pipeline.c          the whole process on a screen: set-up, the turn, the drain
//     pipeline_lanes.c    partitions gained and lost, restored, placed
//     pipeline_records.c  a record's way through the stages into the panes of its partition
//     pipeline_jobs.c     handing over to the keeping thread, and what it answers
//     pipeline_ask.c      what brokers are asked, off this thread
//     pipeline_idle.c     a log that is quiet seals by the clock
//     pipeline_watch.c    mentions of sealed windows are judged, alerts told
//     pipeline_report.c   probes, metrics, status
#pragma once

#include "aggregate/keep/keeper.h"
#include "aggregate/keep/publisher.h"
#include "aggregate/listen/herald.h"
#include "aggregate/listen/watcher.h"
#include "aggregate/pipeline/pipeline.h"
#include "aggregate/store/meta.h"
#include "runtime/arena.h"
#include "runtime/http/http.h"
#include "runtime/http/metrics.h"
#include "runtime/loop.h"
#include "schemas/kpi.h"
#include "schemas/reject.h"
#include "stream/decode/decode.h"
#include "stream/dedup.h"
#include "stream/source/rota.h"
#include "stream/source/source.h"

enum {
    BATCH_RECORDS = 1000,
    TURN_EVENTS = 65536, // in a turn, about: a record may be a batch of as many
    RETRY_MS = 1000,     // between two tries at what the store refused
    BOUNDS_TIMEOUT_MS = 5000,
    PUBLISH_MOST = 8, // windows in one job, which a stop waits for, and what partitions have gained
    RETAIN_MOST = 64, // files in one job
    RETAIN_EVERY_MS = 3600 * 1000,
    WATCH_MOST = 16,
};

// What windows of a partition may have gained before it is handed over; and those of all, before it is kept:
// then the source is held.
#define LANE_BYTES_MAX  ((size_t)64 << 20)
#define PANES_BYTES_MAX ((size_t)512 << 20)

// A partition that is ours goes through:
//
//     restoring   the keeping thread reads its checkpoint
//     placing     the source is to be moved there
//     refeeding   records before the checkpoint feed dedup alone
//     counting
enum lane_state { LANE_RESTORING, LANE_PLACING, LANE_REFEEDING, LANE_COUNTING };

struct lane {
    int32_t partition;
    enum lane_state state;
    bool gone;                // taken away while a job of it runs: freed when that ends
    struct kept *kept;        // the keeping thread's while `busy`
    bool busy;                // a job of it waits or runs
    struct handover handover; // given and not yet kept, where `handing`
    bool handing;
    size_t handed_bytes; // of its panes, as they were given: the keeping thread may change them
    bool refused;        // its last job, by the store
    bool asked;          // the brokers, for its place
    bool told;           // that they do not say
    int64_t retry_at_ms;

    struct dedup *dedup;
    int64_t next;     // offset of the next record
    int64_t last_end; // one past the last record before `next`, and, while refeeding, before `count_from`
    uint64_t last_fingerprint;
    const struct record *last; // of this batch, not yet in the two above
    int64_t count_from;        // records before it only feed dedup
    int64_t doubted;           // a count_from that the store was asked for again; -1: none
    int64_t time_ms;           // record time of the last record
    int64_t end;               // the log's end as reached in this batch; -1: not reached
    bool at_end;               // nothing was read since the end was reached
    int64_t asked_at_ms;       // when the broker was asked for the end last
    int64_t watermark_ms;
    uint64_t read, rejected, duplicate; // of the log's prefix
    struct panes panes;                 // gained since the last handover
    struct viewers viewers;             // after all that was counted

    int64_t handed_at_ms;
    int64_t handed_next; // what the last handover ended with
    int64_t handed_sealed_s;
    int64_t committed;                  // offset; -1: none
    size_t windows_open, windows_bytes; // of the ledger, as of the last job
};

enum job_kind { JOB_RESTORE, JOB_KEEP, JOB_PUBLISH, JOB_RETAIN, JOB_WATCH };

// Work for the keeping thread: one at a time, in the order they were begun.
struct job {
    uv_work_t work;
    struct job *next;
    struct pipeline *pipeline;
    enum job_kind kind;
    struct lane *lane; // of RESTORE and KEEP
    bool *owned;       // of PUBLISH and RETAIN, by partition
    bool more;
    size_t removed;    // files, of RETAIN
    bool told, forget; // of WATCH
    struct watcher_answer answer;
    enum status status;
    struct problem problem;
    struct kept *restored;
    int64_t store_free, store_all; // afterwards, in bytes, as store_free_bytes has them
    int64_t began_ms;
};

// A question to the brokers: where do the logs of some partitions begin and end? On a thread of the pool.
struct ask {
    uv_work_t work;
    struct pipeline *pipeline;
    void (*answered)(struct ask *ask); // on the loop's thread
    bool pending;
    struct source_extent logs[PARTITIONS_MAX];
    size_t count;
    struct rota rota;
    int64_t clock_ms; // of quiet ones: what the watermarks become, if nothing was left to read then
    enum status status;
    struct problem problem;
};

// Of the chain of baselines: where WATCHER_PARTITION is ours, after each round of publishing.
struct watching {
    struct watcher *watcher; // the keeping thread's
    struct herald *herald;
    struct watcher_figures figures; // as of the last job
    bool due, busy;
    bool telling; // the herald has what the watcher found; its file waits
    bool away;    // the partition was another's since the last job
};

struct tally {
    uint64_t read, counted, late, duplicate, replayed, rejected;
    uint64_t by_reason[REJECT_COUNT];
    uint64_t handovers, part_bytes, checkpoint_bytes, removed;
    uint64_t commits_accepted, commits_refused;
    struct histogram keep_seconds, publish_seconds;
    int64_t pressure_ms;
    int64_t turn_ns; // the longest turn while there were records
};

struct pipeline {
    struct loop loop;
    int64_t now_ms;
    const struct basis *basis;
    struct store *store;
    struct store_meta meta;
    unsigned keyring; // the file of the store that says what we count persons by
    struct keeper keeper;
    char kpis_hash[KPI_HASH_SIZE];
    struct publisher *publisher;        // the keeping thread's
    struct publisher_figures published; // as of the last job
    struct source *source;
    struct http *http;
    struct metrics *metrics;
    struct decoder *decoder;
    struct arena arena;
    size_t batch_records;
    int64_t polled_ns; // when the source was asked last

    struct lane **lanes; // by partition; NULL: not ours
    size_t lane_count;
    struct job *first, *last; // jobs, the first one running
    struct ask sealing, placing;
    bool publishing, retaining;
    struct watching watch;
    int64_t publish_at_ms, retain_at_ms;
    bool publish_refused, watch_refused; // the last of them, by the store
    bool store_refuses;                  // one of them, or a lane's; and told
    int64_t store_free;                  // as of the last job; -1: unknown
    bool store_low;                      // and told

    bool stopping, draining, holding;
    struct problem problem;
    int64_t deadline_ms;
    struct tally tally;
};

// Stops the process: the first problem is the one that is told.
void pipeline_fail(struct pipeline *p, const struct problem *problem);

// pipeline_lanes.c
extern const struct source_events lanes_events;
void lanes_restored(struct pipeline *p, struct lane *lane, struct kept *kept);
void lanes_turn(struct pipeline *p); // places what has been restored
void lane_free(struct lane **lane);
void lanes_free(struct pipeline *p);

// pipeline_records.c
size_t records_process(struct pipeline *p, const struct record *records, size_t count);

// pipeline_jobs.c
void jobs_restore(struct pipeline *p, struct lane *lane);
void jobs_lost(struct pipeline *p);                // partitions were
void jobs_turn(struct pipeline *p);                // hands over what is due, publishes
bool jobs_drain(struct pipeline *p);               // hands over all; true where everything has been kept
void jobs_wait(struct pipeline *p);                // for the one that runs; those behind it are dropped
size_t jobs_panes_bytes(const struct pipeline *p); // what was gained and is not yet kept
bool jobs_are_behind(const struct pipeline *p); // so much has been gained and not been kept: hold the source

// For the other files of jobs.
struct job *job_begin(struct pipeline *p, enum job_kind kind, struct lane *lane);
void job_queue(struct pipeline *p, struct job *job);
// True where it may be tried again; anything but the store's refusal ends the process.
bool job_store_refused(struct pipeline *p, const struct job *job);
void job_store_answered(struct pipeline *p, const struct job *job);

// pipeline_watch.c
void watch_work(struct job *job); // on the keeping thread
void watch_done(struct pipeline *p, struct job *job);
void watch_turn(struct pipeline *p);

// pipeline_idle.c
void idle_turn(struct pipeline *p);

// pipeline_ask.c
void ask_begin(struct pipeline *p, struct ask *ask, void (*answered)(struct ask *ask));
void asks_wait(struct pipeline *p); // until no question is open

// pipeline_report.c
struct metrics *report_metrics_create(void);
struct http_answer report_answer(void *pipeline, const char *path);
