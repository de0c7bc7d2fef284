// help TOPIC: the reference tables, from the .def files that the program itself is made of.
#include <stdio.h>

#include "aggregate/commands/commands.h"
#include "runtime/config/config.h"
#include "schemas/settings.h"

static void help_options(void) {
    config_print_options(stdout, settings_options, settings_option_count);
}

static void help_metrics(void) {
#define METRIC(id, name, type, label, doc) program_help_metric(name, label, doc);
#include "aggregate/metrics.def"
#undef METRIC
}

static void print_kpi(const char *platform, const char *format, const char *name, const char *numerator,
                      const char *denominator, const char *unit, const char *doc) {
    bool divided = denominator[0] != '\0';
    printf("%-16s %-24s %s%s%s%s%s (%s)%s%s\n    %s\n", platform, name, divided ? "(" : "", numerator,
           divided ? ") / (" : "", denominator, divided ? ")" : "", unit, format[0] != '\0' ? " of " : "",
           format, doc);
}

static void help_kpis(void) {
#define KPI(id, platform, format, name, version, numerator, denominator, objective, unit, doc)               \
    print_kpi(platform, format, name, numerator, denominator, unit, doc);
#include "schemas/kpis.def"
#undef KPI
}

const struct program_topic help_topics[] = {
    {"errors", "codes, exit codes and remedies", program_help_errors},
    {"options", "the configuration: file, CLAMEUR_<NAME>, --name=value", help_options},
    {"metrics", "what /metrics says, and what to do about it", help_metrics},
    {"kpis", "the KPIs: of which platform (*: all others), numerator / denominator", help_kpis},
};
const size_t help_topic_count = sizeof(help_topics) / sizeof(help_topics[0]);
