// A topic that has more partitions than it had: told at the start, and while it is counted.
#include "ingest/startup/startup.h"

void startup_grown_problem(struct problem *p, const struct meta *meta, int32_t before, int32_t after) {
    problem_set(
        p, STATUS_OK, "", "plan a new topic and a cut-over; counting goes on",
        "\"%s\" has grown from %d to %d partitions: copies of an event, or a person's events, may now lie "
        "in two partitions, and such copies count twice",
        meta->topic, before, after);
}
