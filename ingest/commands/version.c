#include <hiredis/hiredis.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "ingest/commands/commands.h"
#include "ingest/functions.h"
#include "runtime/redis/redis_tls.h"
#include "runtime/status.h"
#include "schemas/layout.h"

int command_version(int argc, char **argv) {
    bool json = argc == 2 && (strcmp(argv[1], "--json") == 0 || strcmp(argv[1], "--json=true") == 0);
    if (argc > 1 && !json) {
        fprintf(stderr, "usage: clameur-ingest version [--json]\n");
        return STATUS_USAGE;
    }
    const char *form =
        json ? "{\"program\":\"clameur-ingest\",\"version\":\"%s\",\"layout\":%d,\"flush\":\"%s\","
               "\"librdkafka\":\"%s\",\"hiredis\":\"%d.%d.%d\",\"redis_tls\":%s,\"libuv\":\"%s\","
               "\"compiler\":\"%s\"}\n"
             : "clameur-ingest %s (layout %d, %s)\nlibrdkafka %s, hiredis %d.%d.%d (TLS: %s), libuv %s, "
               "compiler %s\n";
    const char *tls = json ? redis_tls_built ? "true" : "false" : redis_tls_built ? "yes" : "no";
    printf(form, CLAMEUR_VERSION, LAYOUT_VERSION, FUNCTION_FLUSH, rd_kafka_version_str(), HIREDIS_MAJOR,
           HIREDIS_MINOR, HIREDIS_PATCH, tls, uv_version_string(), __VERSION__);
    return STATUS_OK;
}
