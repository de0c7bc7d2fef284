// Start-up's question whether what is refused has somewhere to go.
#include <stdio.h>
#include <string.h>

#include "ingest/startup/startup_steps.h"
#include "stream/startup/basis_kafka.h"

enum status startup_step_dlq(struct walk *walk) {
    const struct basis *b = walk->basis;
    char topic[256];
    int32_t partitions;
    struct problem p;
    settings_dlq_topic(&b->settings, topic, sizeof(topic));
    enum status status = basis_check_topic(b, topic, &partitions, &p);
    if (status == STATUS_OK) {
        walk_found(walk, "%s, %d partition%s", topic, partitions, partitions == 1 ? "" : "s");
        return STATUS_OK;
    }
    if (strcmp(p.code, "CLM-K3") == 0) {
        char remedy[sizeof(p.remedy)];
        snprintf(remedy, sizeof(remedy),
                 "kafka-topics.sh --bootstrap-server %s --create --topic %s --partitions %d",
                 b->settings.kafka_bootstrap, topic, b->partitions);
        problem_set(&p, STATUS_UNAVAILABLE, "CLM-K5", remedy, "the dead-letter topic \"%s\" does not exist",
                    topic);
    }
    return walk_trouble(walk, &p);
}
