// Start-up's question whether alerts on mentions have somewhere to go. Windows do not wait for them: what is
// wrong is a warning.
#include <stdio.h>
#include <string.h>

#include "aggregate/startup_steps.h"
#include "schemas/settings.h"
#include "stream/startup/basis_kafka.h"

enum { TOPIC_BYTES = 256 };

static enum status warn(struct walk *walk, const char *remedy, const char *what, const char *topic) {
    struct problem p;
    problem_set(&p, STATUS_OK, "CLM-K7", remedy, "the topic \"%s\" for alerts on mentions %s", topic, what);
    return walk_trouble(walk, &p);
}

static enum status warn_missing(struct walk *walk, const char *topic) {
    char remedy[384];
    snprintf(remedy, sizeof(remedy),
             "kafka-topics.sh --bootstrap-server %s --create --topic %s --partitions 1",
             walk->basis->settings.kafka_bootstrap, topic);
    return warn(walk, remedy, "does not exist: they wait until it does", topic);
}

static enum status warn_not_ours(struct walk *walk, const char *topic) {
    char remedy[384];
    snprintf(remedy, sizeof(remedy),
             "kafka-acls.sh --add --allow-principal User:NAME --operation Write --topic %s", topic);
    return warn(walk, remedy, "may not be written by us: they wait until it may", topic);
}

// Their key is the account: compaction leaves the last of each.
static enum status warn_compacted(struct walk *walk, const char *topic) {
    char remedy[384];
    snprintf(remedy, sizeof(remedy),
             "kafka-configs.sh --bootstrap-server %s --alter --entity-type topics --entity-name %s "
             "--add-config cleanup.policy=delete",
             walk->basis->settings.kafka_bootstrap, topic);
    return warn(walk, remedy, "is compacted: of each account it keeps the last one alone", topic);
}

enum status startup_step_alerts(struct walk *walk) {
    const struct basis *b = walk->basis;
    char topic[TOPIC_BYTES];
    int32_t partitions;
    struct basis_told told;
    struct problem p;
    settings_alerts_topic(&b->settings, topic, sizeof(topic));
    if (basis_check_topic(b, topic, &partitions, &p) != STATUS_OK) {
        if (strcmp(p.code, "CLM-K3") == 0)
            return warn_missing(walk, topic);
        p.status = STATUS_OK;
        return walk_trouble(walk, &p);
    }
    basis_topic_ask(b, topic, &told);
    if (told.write == BASIS_MAY_NOT)
        return warn_not_ours(walk, topic);
    if (strstr(told.cleanup_policy, "compact") != NULL)
        return warn_compacted(walk, topic);
    walk_found(walk, "%s, %d partition%s", topic, partitions, partitions == 1 ? "" : "s");
    return STATUS_OK;
}
