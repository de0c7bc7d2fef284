// What the files of the source share: source.c (life, records), source_rebalance.c, source_place.c (seek,
// hold, commit), source_errors.c (what librdkafka reports), source_properties.c, source_check.c.
#pragma once

#include <librdkafka/rdkafka.h>

#include "stream/source/source.h"
#include "stream/source/wake.h"

enum { SOURCE_MESSAGE_BYTES = 512, SOURCE_NO_END = -1 };

// A partition gives records while it is `assigned` and neither `muted` nor `behind`; then the next one is at
// `expect` or later.
struct source_partition {
    bool assigned;
    bool muted;       // its place is not known, or a seek failed: only a source_seek opens it
    bool unplaced;    // muted and paused since it was assigned without a place
    bool behind;      // librdkafka stands elsewhere than `expect` (after a pause): sought by ourselves
    int64_t expect;   // one past the last record given, or the place sought
    int64_t ended_at; // an end of the log, to be told once the records before it were taken; SOURCE_NO_END
};

struct source_rebalance {
    rd_kafka_resp_err_t kind;
    rd_kafka_topic_partition_list_t *list;
};

struct source {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;   // records, rebalances, errors, statistics
    rd_kafka_queue_t *replies; // of commits
    struct wake wake;
    struct loop *loop;
    const struct source_events *events;
    void *context;
    char *topic, *bootstrap;

    struct source_partition *partitions; // by number
    int32_t partition_room;
    int32_t topic_partitions; // as source_expect was told, or as it has grown since; 0 before
    int32_t grown_from;       // to be told; 0: nothing

    rd_kafka_message_t **messages; // those given out stand first, until source_release
    size_t message_room, given;
    struct source_rebalance *rebalances; // asked for by librdkafka, in order, not served yet
    size_t rebalance_count;
    bool ended_any;  // some partition has an ended_at
    bool behind_any; // some partition is behind
    bool serving;    // inside source_poll or source_destroy: callbacks must not come back in
    bool closing;
    bool assigned_ever;
    bool gone_ever; // the topic
    bool failing, failure_told;
    unsigned unconnected; // statistics in a row without a broker that is connected
    char last_error[320]; // of a connection: ALL_BROKERS_DOWN says less than what came before it
    struct problem failure;

    bool held, paused;
    int64_t held_since_ms, behind_tried_ms;
    uint64_t next_commit; // id of the next one
    uint64_t *unsent;     // commits that could not even be sent
    size_t unsent_count;
    uint32_t sampled;
    struct source_figures figures;
};

struct source_partition *source_partition(struct source *s, int32_t number); // makes room for it

// source_rebalance.c
void source_on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t kind, rd_kafka_topic_partition_list_t *list,
                         void *opaque);
void source_serve_rebalances(struct source *s);
void source_revoke_rest(struct source *s);

// source_place.c
void source_fall_behind(struct source *s); // librdkafka may stand elsewhere than we do, in every partition
void source_catch_up(struct source *s);    // seeks those behind to where we stand
void source_serve_hold(struct source *s);
void source_serve_commits(struct source *s);

// source_errors.c
void source_on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque);
int source_on_statistics(rd_kafka_t *rk, char *json, size_t length, void *opaque);
void source_take_error(struct source *s, const rd_kafka_message_t *message);
void source_topic_is_back(struct source *s);

// source_check.c
// `which`: RD_KAFKA_OFFSET_BEGINNING or RD_KAFKA_OFFSET_END.
rd_kafka_resp_err_t source_ask_offset(rd_kafka_t *rk, const char *topic, int32_t partition, int64_t which,
                                      int64_t *offset, int timeout_ms);
