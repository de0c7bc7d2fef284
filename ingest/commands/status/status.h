// The inside of `status`: what its parts share.
#pragma once

#include <jansson.h>

#include "ingest/commands/reader.h"
#include "runtime/http/http_get.h"

enum { STATUS_WORKERS_MAX = 256, STATUS_TIMEOUT_MS = 3000 };

struct status_flags {
    struct reader_flags reader; // first, as reader_configure wants
    const char *by;
    const char *workers; // HOST:PORT, comma separated; "": the configured http.listen
    bool self;
};

// One worker, as it answered.
struct status_worker {
    char name[HTTP_TARGET_NAME_MAX]; // where it was asked
    char trouble[256];               // why it did not answer; "" where it did
    json_t *answer;                  // of /status; NULL where it did not
    int64_t asked_ms;
};

struct status_fleet {
    struct status_worker *workers;
    size_t count;
};

// status_fleet.c: asks every worker once. Printed where a name is no address; a worker that does not answer
// is one with `trouble`.
enum status status_fleet_ask(struct status_fleet *fleet, const struct reader *r,
                             const struct status_flags *flags);
void status_fleet_fini(struct status_fleet *fleet);
const struct status_worker *status_fleet_find(const struct status_fleet *fleet, const char *name);
// The worker that owns the partition, and what it says of it; NULL: none of those asked.
const struct status_worker *status_fleet_owner(const struct status_fleet *fleet, int32_t partition,
                                               const json_t **said);

// A metric's value, of a label or the sum over all (`label` NULL); 0 where it is not there.
double status_metric(const struct status_worker *worker, const char *name, const char *label);

// status_workers.c: one row a worker; `before` is what the same workers said a while ago.
enum status status_workers_print(struct output *o, const struct status_fleet *before,
                                 const struct status_fleet *now);
// Upper bound in ms of the bucket that holds the quantile of what was added between the two; -1: nothing.
int64_t status_quantile_ms(const json_t *before, const json_t *now, double q);

// status_places.c: Kafka's commits and ends, Redis' marks; one row a partition, or one for the group.
enum status status_partitions_print(struct reader *r, struct output *o, const struct status_fleet *fleet);
enum status status_group_print(struct reader *r, struct output *o);

extern const struct output_column status_worker_columns[], status_partition_columns[], status_group_columns[];
extern const size_t status_worker_column_count, status_partition_column_count, status_group_column_count;
