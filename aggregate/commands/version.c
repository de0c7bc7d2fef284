#include <librdkafka/rdkafka.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>
#include <zstd.h>

#include "aggregate/commands/commands.h"
#include "runtime/status.h"
#include "schemas/kpi.h"
#include "schemas/snapshot/snapshot.h"

int command_version(int argc, char **argv) {
    bool json = argc == 2 && (strcmp(argv[1], "--json") == 0 || strcmp(argv[1], "--json=true") == 0);
    bool asks_help = argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    if (argc > 1 && !json) {
        fprintf(asks_help ? stdout : stderr, "usage: clameur-aggregate version [--json]\n");
        return asks_help ? STATUS_OK : STATUS_USAGE;
    }
    char kpis[KPI_HASH_SIZE];
    kpi_hash(kpis);
    const char *form =
        json ? "{\"program\":\"clameur-aggregate\",\"version\":\"%s\",\"format\":%d,\"kpis\":\"%s\","
               "\"librdkafka\":\"%s\",\"zstd\":\"%s\",\"sqlite\":\"%s\",\"libuv\":\"%s\","
               "\"compiler\":\"%s\"}\n"
             : "clameur-aggregate %s (format %d, definitions %s)\nlibrdkafka %s, zstd %s, sqlite %s, "
               "libuv %s, compiler %s\n";
    printf(form, CLAMEUR_VERSION, SNAPSHOT_FORMAT_VERSION, kpis, rd_kafka_version_str(), ZSTD_versionString(),
           sqlite3_libversion(), uv_version_string(), __VERSION__);
    return STATUS_OK;
}
