// A topic that has more partitions than it had, or than can be: told at the start, and while it is counted.
#include "ingest/startup/startup.h"

enum status startup_crowded_problem(struct problem *p, const char *topic, int32_t partitions) {
    return problem_set(p, STATUS_CONFIG, "CLM-M6",
                       "count from a topic of fewer partitions: a new one, and clameur-ingest init under a "
                       "fresh prefix",
                       "\"%s\" has %d partitions; at most %d can be counted", topic, partitions,
                       PARTITIONS_MAX);
}

void startup_grown_problem(struct problem *p, const struct meta *meta, int32_t before, int32_t after) {
    problem_set(
        p, STATUS_OK, "", "plan a new topic and a cut-over; counting goes on",
        "\"%s\" has grown from %d to %d partitions: copies of an event, or a person's events, may now lie "
        "in two partitions, and such copies count twice",
        meta->topic, before, after);
}
