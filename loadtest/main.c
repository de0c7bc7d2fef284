// clameur-loadtest: what feeds, checks and measures a deployment.
#include <stdbool.h>
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
#include "runtime/program.h"
#include "runtime/status.h"

static int version(int argc, char **argv) {
    bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
    const char *form = json ? "{\"program\":\"clameur-loadtest\",\"version\":\"%s\",\"librdkafka\":\"%s\","
                              "\"protobuf_c\":\"%s\","
                              "\"zlib\":\"%s\"}\n"
                            : "clameur-loadtest %s (librdkafka %s, protobuf-c %s, zlib %s)\n";
    printf(form, CLAMEUR_VERSION, rd_kafka_version_str(), protobuf_c_version(), zlibVersion());
    return STATUS_OK;
}

static const struct program_command commands[] = {
    {"produce", produce_main, "generate events: seeded, every kind, with duplicates, late and broken ones"},
    {"replay", replay_main, "play a recording of real events"},
    {"broker", broker_main, "run librdkafka's embedded broker, for demos and quick tests"},
    {"recount", recount_main, "count the log independently and compare Redis, or published windows, with it"},
    {"bench", bench_main, "measure the worker against consuming and discarding"},
    {"version", version, "build and libraries; --json for machines"},
};

int main(int argc, char **argv) {
    const struct program program = {
        .name = "clameur-loadtest",
        .flags = "[flags]",
        .commands = commands,
        .command_count = sizeof(commands) / sizeof(commands[0]),
    };
    return program_run(&program, argc, argv);
}
