// The Kafka consumer: records in, positions out. It decides nothing about offsets by itself: the pipeline
// says where an assigned partition starts, where to seek and what to commit.
//
// Everything runs on the loop's thread. The consumer's queue wakes the loop through an eventfd; records and
// rebalances are served by source_poll, outside of libuv, so that `assigned` and `revoked` may turn the loop
// while they wait for answers.
//
// Cooperative-sticky assignment; enable.auto.offset.store=false, enable.auto.commit=false,
// auto.offset.reset=error, partition EOFs on.
#pragma once

#include "runtime/config/config.h"
#include "runtime/loop.h"
#include "runtime/status.h"
#include "schemas/settings.h"
#include "stream/record.h"

struct source_position {
    int32_t partition;
    int64_t offset;
};

enum { SOURCE_START_UNKNOWN = -1 }; // of an assigned partition: nothing is fetched of it until a seek

struct source_events {
    // Partitions were added. Fill each offset with where to start, or SOURCE_START_UNKNOWN.
    void (*assigned)(void *context, struct source_position *positions, size_t count);
    // Partitions are taken away when this returns (`lost`: they are gone already, and another worker may own
    // them).
    void (*revoked)(void *context, const int32_t *partitions, size_t count, bool lost);
    // The end of the log was reached at `offset`: no record lies between the last one given and it.
    void (*ended)(void *context, int32_t partition, int64_t offset);
    // A commit was answered. `accepted`: by the group's coordinator, for all partitions, from a member of its
    // present generation. librdkafka may put a commit off over a rebalance: of a partition it says that the
    // group counts us its owner only where that was not `revoked` since the commit.
    void (*committed)(void *context, uint64_t commit_id, bool accepted);
    // The log cannot be read on from here (fetch offset out of range, fatal error, not authorised): the
    // process has to stop.
    void (*failed)(void *context, const struct problem *problem);
    // Partitions were added to the topic since source_expect, or since this was last told.
    void (*grew)(void *context, int32_t before, int32_t after);
};

struct source;

// Connects and subscribes. `passthrough` are librdkafka properties as the configuration has them; those with
// a key of their own (group.id, enable.auto.commit, enable.auto.offset.store, auto.offset.reset) are refused
// with the reason, unknown ones with the nearest name (STATUS_CONFIG, CLM-C1). Does not wait for the broker:
// see source_check_topic.
enum status source_create(struct source **source, const struct settings *settings,
                          const struct config_pair *passthrough, size_t passthrough_count, struct loop *loop,
                          const struct source_events *events, void *context, struct problem *problem);
// Leaves the group: calls `revoked` for what is left (not lost), then closes. Bounded by timeout_ms.
void source_destroy(struct source **source, int timeout_ms);

// Applies the properties alone: what `check` runs, and what every other Kafka client of the project is made
// of. `role` "consumer" or "producer" filters properties that only the other understands. The caller owns the
// rd_kafka_conf_t, given as void * to keep librdkafka out of this header.
enum status source_properties(void *rd_kafka_conf, const char *role, const struct settings *settings,
                              const struct config_pair *passthrough, size_t passthrough_count,
                              struct problem *problem);

// Serves rebalances and commits, and takes at most `max` records, not waiting. They are valid until
// source_release, which must be called before the next poll, with how many of them were taken: the others are
// given again, once nothing holds them, by a later poll (and are fetched again for it). Records of partitions
// that were revoked or sought in the meantime are not among them. A poll that gave records may have left more
// behind that nothing wakes the loop for: wait only after one that gave none.
size_t source_poll(struct source *source, struct record *records, size_t max);
void source_release(struct source *source, size_t taken);

// Pressure: while held, source_poll gives no records but still serves rebalances and commits. (For the first
// second by merely not asking for records; then by pausing the partitions, and on release seeking each to the
// position after its last given record.)
void source_hold(struct source *source, bool hold);

// Moves partitions to other offsets; later polls give nothing from before. STATUS_TRY_AGAIN where librdkafka
// could not (yet): the partitions that were not moved give nothing at all until a later seek succeeds.
enum status source_seek(struct source *source, const struct source_position *positions, size_t count);

// Commits offsets, not waiting; the answer comes to `committed` with the id returned here.
uint64_t source_commit(struct source *source, const struct source_position *positions, size_t count);

// First and end offset of partitions as the brokers have them now (blocking, timeout_ms; any thread). Each of
// the two questions may have to wait behind a fetch, half a second: better one for many than one for each.
struct source_extent {
    int32_t partition;
    int64_t first, end;
};
enum status source_extents(struct source *source, struct source_extent *extents, size_t count, int timeout_ms,
                           struct problem *problem);
enum status source_bounds(struct source *source, int32_t partition, int64_t *first, int64_t *end,
                          int timeout_ms, struct problem *problem);
// Which of the first `count` partitions has a record of that record time or later? -1: none. As the brokers
// have it now; blocking, timeout_ms.
enum status source_reaches(struct source *source, int32_t count, int64_t time_ms, int32_t *partition,
                           int timeout_ms, struct problem *problem);
// End offset as last seen in a fetch, not asking anybody; -1 where unknown.
int64_t source_end(struct source *source, int32_t partition);
// First offset that the log still has, as librdkafka asks every few seconds; -1 where unknown.
int64_t source_first(struct source *source, int32_t partition);
// How many partitions the topic had at the start: keys are held against that number, and its growth is told.
void source_expect(struct source *source, int32_t partitions);

// Number of partitions of the topic, or STATUS_UNAVAILABLE: CLM-K1 no broker, CLM-K2 wrong advertised
// address, CLM-K3 no topic (with the nearest existing name). Blocking up to timeout_ms. Makes a short-lived
// client of its own.
enum status source_check_topic(const struct settings *settings, const struct config_pair *passthrough,
                               size_t passthrough_count, const char *topic, int32_t *partitions,
                               int timeout_ms, struct problem *problem);
// source_reaches of settings' topic, as source_check_topic: with a client of its own.
enum status source_check_reaches(const struct settings *settings, const struct config_pair *passthrough,
                                 size_t passthrough_count, int32_t count, int64_t time_ms, int32_t *partition,
                                 int timeout_ms, struct problem *problem);

// Errors that librdkafka reported, by its name for them; what comes after so many names is under "other".
enum { SOURCE_ERRORS_MAX = 24 };
struct source_error {
    char name[48];
    uint64_t count;
};

struct source_figures {
    uint64_t rebalances_assigned, rebalances_revoked, rebalances_lost;
    struct source_error errors[SOURCE_ERRORS_MAX]; // transient ones among them
    size_t error_count;
    uint64_t misplaced;    // of one record in 64, after source_expect: its partition is not murmur2(key)
                           // mod partitions
    uint64_t offset_jumps; // offsets left out between two records (transaction markers, or a bug)
    int64_t queue_bytes;   // fetched, not yet given out (from librdkafka's statistics)
    int64_t held_ms;       // time held
    bool brokers_down;     // none is connected: told once (CLM-K1), and once when one is again
    bool topic_gone;       // deleted while it was read: told once (CLM-K3)
};
void source_figures_read(const struct source *source, struct source_figures *figures);
