// Where the log, the group and the counters stand, partition by partition: asked of Kafka and Redis, so that
// it is known also while no worker answers.
#include <inttypes.h>
#include <stdlib.h>

#include "ingest/commands/status/status.h"
#include "runtime/clock.h"
#include "runtime/memory.h"
#include "schemas/layout.h"
#include "stream/source/group_places.h"

enum { NUMBER_MAX = 24 };

const struct output_column status_partition_columns[] = {
    {"partition", true}, {"worker", false}, {"state", false},       {"committed", true},  {"mark", true},
    {"position", true},  {"end", true},     {"lag_messages", true}, {"lag_seconds", true}};
const size_t status_partition_column_count =
    sizeof(status_partition_columns) / sizeof(status_partition_columns[0]);

const struct output_column status_group_columns[] = {{"group", false},
                                                     {"topic", false},
                                                     {"partitions", true},
                                                     {"committed", true},
                                                     {"lag_messages", true},
                                                     {"lag_seconds", true},
                                                     {"commit_lag_messages", true},
                                                     {"slowest_partition", true}};
const size_t status_group_column_count = sizeof(status_group_columns) / sizeof(status_group_columns[0]);

// A partition: what Kafka says, and the lowest of its marks over the shards.
struct standing {
    struct group_place place;
    struct mark mark; // next -1: no shard has one
};

struct standings {
    struct standing *at;
    int32_t count;
};

// `name` is the partition, perhaps behind the shard and a colon.
static void take_mark(struct standings *s, struct slice name, struct slice text) {
    struct mark mark;
    const char *colon = memchr(name.at, ':', name.length);
    long partition = strtol(colon != NULL ? colon + 1 : name.at, NULL, 10);
    if (partition < 0 || partition >= s->count || !mark_parse(&mark, text))
        return;
    struct mark *lowest = &s->at[partition].mark;
    if (lowest->next < 0 || mark.next < lowest->next)
        *lowest = mark;
}

static void take_marks(void *context, uint32_t shard, const redisReply *flat) {
    (void)shard;
    for (size_t i = 0; i + 1 < flat->elements; i += 2)
        take_mark(context, redis_ask_text(flat->element[i]), redis_ask_text(flat->element[i + 1]));
}

static enum status ask_marks(struct reader *r, struct standings *s) {
    redisReply *reply;
    if (redis_client_routes(r->redis)) { // no node has them all
        enum status status = reader_shards(r);
        return status == STATUS_OK ? reader_hashes(r, KEY_MARK, &(struct key_parts){0}, take_marks, s)
                                   : status;
    }
    enum status status = reader_call(r, &reply, "clameur_marks", (struct slice){NULL, 0}, NULL, 0);
    if (status != STATUS_OK)
        return status;
    take_marks(s, 0, reply);
    freeReplyObject(reply);
    return STATUS_OK;
}

// The marks are read before the ends: a lag is then never less than nothing.
static enum status standings_ask(struct standings *s, struct reader *r) {
    struct problem p;
    const struct config_pair *pairs;
    struct group_place *places;
    size_t count = config_passthrough(r->config, &pairs);
    s->count = PARTITIONS_MAX;
    s->at = memory_take(PARTITIONS_MAX * sizeof(*s->at));
    for (int32_t i = 0; i < s->count; i++)
        s->at[i].mark = (struct mark){.next = -1};
    enum status status = ask_marks(r, s);
    if (status != STATUS_OK)
        return status;
    status = group_places_read(&places, &s->count, &r->settings, pairs, count, &p);
    if (status != STATUS_OK) {
        problem_print(&p);
        return status;
    }
    for (int32_t i = 0; i < s->count; i++)
        s->at[i].place = places[i];
    free(places);
    return STATUS_OK;
}

static int64_t above_zero(int64_t value) {
    return value > 0 ? value : 0;
}

// A partition without a mark is counted from its beginning.
static int64_t lag_of(const struct standing *s) {
    return above_zero(s->place.end - (s->mark.next >= 0 ? s->mark.next : s->place.first));
}

static int64_t commit_lag_of(const struct standing *s) {
    return above_zero(s->place.end - (s->place.committed >= 0 ? s->place.committed : s->place.first));
}

// The age of the last counted record while there is lag. -1: nothing was counted yet.
static int64_t lag_seconds_of(const struct standing *s) {
    if (lag_of(s) == 0)
        return 0;
    return s->mark.next >= 0 && s->mark.time_ms > 0 ? above_zero(clock_wall_ms() - s->mark.time_ms) / 1000
                                                    : -1;
}

static struct output_cell number(char out[NUMBER_MAX], int64_t value) {
    snprintf(out, NUMBER_MAX, "%" PRId64, value);
    return output_text(value >= 0 ? slice_of(out) : (struct slice){NULL, 0});
}

static const char *state_of(const json_t *said) {
    if (said == NULL)
        return "not owned by those asked";
    if (json_is_true(json_object_get(said, "fenced")))
        return "fenced";
    return json_is_true(json_object_get(said, "seeking")) ? "seeking" : "counting";
}

static void partition_row(struct output *o, const struct status_fleet *fleet, const struct standings *s,
                          int32_t partition) {
    char n[7][NUMBER_MAX];
    const json_t *said;
    const struct standing *at = &s->at[partition];
    const struct status_worker *owner = status_fleet_owner(fleet, partition, &said);
    const json_t *position = json_object_get(said, "position");
    output_row(o, (struct output_cell[]){
                      number(n[0], partition),
                      output_text(owner != NULL ? slice_of(owner->name) : (struct slice){NULL, 0}),
                      output_text(slice_of(state_of(said))),
                      number(n[1], at->place.committed),
                      number(n[2], at->mark.next),
                      number(n[3], position != NULL ? (int64_t)json_integer_value(position) : -1),
                      number(n[4], at->place.end),
                      number(n[5], lag_of(at)),
                      number(n[6], lag_seconds_of(at)),
                  });
}

enum status status_partitions_print(struct reader *r, struct output *o, const struct status_fleet *fleet) {
    struct standings s = {0};
    enum status status = standings_ask(&s, r);
    for (int32_t i = 0; i < s.count && status == STATUS_OK; i++)
        partition_row(o, fleet, &s, i);
    if (status == STATUS_OK)
        output_print(o, stdout);
    free(s.at);
    return status;
}

static void group_row(const struct reader *r, struct output *o, const struct standings *s) {
    char n[6][NUMBER_MAX];
    int64_t committed = 0, lag = 0, commit_lag = 0, lag_s = 0, slowest = -1, most = 0;
    for (int32_t i = 0; i < s->count; i++) {
        const struct standing *at = &s->at[i];
        committed += at->place.committed >= 0;
        lag += lag_of(at);
        commit_lag += commit_lag_of(at);
        lag_s = lag_seconds_of(at) > lag_s ? lag_seconds_of(at) : lag_s;
        if (lag_of(at) > most) {
            most = lag_of(at);
            slowest = i;
        }
    }
    output_row(o, (struct output_cell[]){
                      output_text(slice_of(r->settings.kafka_group)),
                      output_text(slice_of(r->settings.kafka_topic)),
                      number(n[0], s->count),
                      number(n[1], committed),
                      number(n[2], lag),
                      number(n[3], lag_s),
                      number(n[4], commit_lag),
                      number(n[5], slowest),
                  });
}

enum status status_group_print(struct reader *r, struct output *o) {
    struct standings s = {0};
    enum status status = standings_ask(&s, r);
    if (status == STATUS_OK) {
        group_row(r, o, &s);
        output_print(o, stdout);
    }
    free(s.at);
    return status;
}
