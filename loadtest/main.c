// clameur-loadtest: what feeds, checks and measures a deployment.
#include <stdio.h>
#include <string.h>

#include <google/protobuf-c/protobuf-c.h>
#include <librdkafka/rdkafka.h>
#include <zlib.h>

#include "loadtest/bench/bench.h"
#include "loadtest/broker.h"
#include "loadtest/produce.h"
#include "loadtest/recount/recount.h"
#include "loadtest/replay.h"
#include "runtime/status.h"

struct subcommand {
    const char *name;
    int (*main)(int argc, char **argv); // argv[0] is the name; returns the exit code
    const char *doc;
};

static const struct subcommand subcommands[] = {
    {"produce", produce_main, "generate events: seeded, every kind, with duplicates, late and broken ones"},
    {"replay", replay_main, "play a recording of real events"},
    {"broker", broker_main, "run librdkafka's embedded broker, for demos and quick tests"},
    {"recount", recount_main, "count the log independently and compare Redis, or published windows, with it"},
    {"bench", bench_main, "measure the worker against consuming and discarding"},
};
enum { SUBCOMMAND_COUNT = sizeof(subcommands) / sizeof(subcommands[0]) };

static void print_usage(FILE *out) {
    fprintf(out, "usage: clameur-loadtest COMMAND [flags]\n\n");
    for (int i = 0; i < SUBCOMMAND_COUNT; i++)
        fprintf(out, "  %-8s  %s\n", subcommands[i].name, subcommands[i].doc);
    fprintf(
        out,
        "  %-8s  the flags of a command: COMMAND --help\n  %-8s  build and libraries; --json for machines\n",
        "help", "version");
}

static void print_version(bool json) {
    const char *form = json ? "{\"program\":\"clameur-loadtest\",\"version\":\"%s\",\"librdkafka\":\"%s\","
                              "\"protobuf_c\":\"%s\","
                              "\"zlib\":\"%s\"}\n"
                            : "clameur-loadtest %s (librdkafka %s, protobuf-c %s, zlib %s)\n";
    printf(form, CLAMEUR_VERSION, rd_kafka_version_str(), protobuf_c_version(), zlibVersion());
}

static const struct subcommand *find(const char *name) {
    for (int i = 0; i < SUBCOMMAND_COUNT; i++) {
        if (strcmp(subcommands[i].name, name) == 0)
            return &subcommands[i];
    }
    return NULL;
}

static int help(int argc, char **argv) {
    const struct subcommand *about = argc > 2 ? find(argv[2]) : NULL;
    if (about != NULL)
        return about->main(2, (char *[]){argv[2], (char[]){"--help"}, NULL});
    print_usage(stdout);
    return STATUS_OK;
}

int main(int argc, char **argv) {
    const char *name = argc > 1 ? argv[1] : "";
    const struct subcommand *subcommand = find(name);
    if (subcommand != NULL)
        return subcommand->main(argc - 1, argv + 1);
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0)
        return help(argc, argv);
    if (strcmp(name, "version") == 0 || strcmp(name, "--version") == 0) {
        print_version(argc > 2 && strcmp(argv[2], "--json") == 0);
        return STATUS_OK;
    }
    if (name[0] != '\0')
        fprintf(stderr, "%s is no command of clameur-loadtest\n", name);
    print_usage(stderr);
    return STATUS_USAGE;
}
