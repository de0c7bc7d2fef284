// help TOPIC: the reference tables, from the .def files that the program itself is made of.
#include <stdio.h>

#include "ingest/commands/commands.h"
#include "runtime/config/config.h"
#include "schemas/registry.h"
#include "schemas/settings.h"

static void help_options(void) {
    config_print_options(stdout, settings_options, settings_option_count);
}

static void help_metrics(void) {
#define METRIC(id, name, type, label, doc) program_help_metric(name, label, doc);
#include "ingest/metrics.def"
#undef METRIC
}

static void help_keys(void) {
#define KEY(id, family, type, name, doc) printf("<prefix>:{<tag>}:%s\n    %s: %s\n", name, type, doc);
#include "schemas/keys.def"
#undef KEY
}

static void help_rejects(void) {
#define REJECT(id, name, doc) printf("%-17s %s\n", name, doc);
#include "schemas/rejects.def"
#undef REJECT
}

static void help_counters(void) {
    for (int i = 1; i < COUNTER_COUNT; i++) {
        const struct counter_row *row = counter_row((enum counter)i);
        if (row->name[0] != '\0')
            printf("%-24s %s%s\n", row->name, row->doc,
                   row->by_currency ? " (one field a currency: name:EUR)" : "");
    }
}

static void help_platforms(void) {
#define PLATFORM(number, id, name) printf("%4d  %s\n", number, name);
#include "schemas/platforms.def"
#undef PLATFORM
}

static void help_kinds(void) {
#define KIND(number, id, name, counter, weight)                                                              \
    printf("%4d  %-16s counts %-18s weighs %d\n", number, name, counter[0] != '\0' ? counter : "-", weight);
#include "schemas/kinds.def"
#undef KIND
}

const struct program_topic help_topics[] = {
    {"errors", "codes, exit codes and remedies", program_help_errors},
    {"options", "the configuration: file, CLAMEUR_<NAME>, --name=value", help_options},
    {"metrics", "what /metrics says, and what to do about it", help_metrics},
    {"keys", "the names of keys in Redis", help_keys},
    {"rejects", "why an event goes to the dead-letter topic", help_rejects},
    {"counters", "what the fields of a hash count", help_counters},
    {"platforms", "the platforms that have a name", help_platforms},
    {"kinds", "the kinds of events, their counters and weights", help_kinds},
};
const size_t help_topic_count = sizeof(help_topics) / sizeof(help_topics[0]);
