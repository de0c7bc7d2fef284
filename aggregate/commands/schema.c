// schema: with it snapshots are read without generated code, by whatever knows protobuf.
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "aggregate/commands/commands.h"
#include "aggregate/schema.h"
#include "runtime/status.h"

static const char usage[] = "usage: clameur-aggregate schema > snapshot.binpb\n\n"
                            "Writes the FileDescriptorSet of snapshot.proto. A snapshot is one message "
                            "clameur.v1.Snapshot, compressed with zstd.\n";

int command_schema(int argc, char **argv) {
    bool asks_help = argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    if (argc > 1 && !asks_help) {
        fputs(usage, stderr);
        return STATUS_USAGE;
    }
    if (asks_help) {
        fputs(usage, stdout);
        return STATUS_OK;
    }
    if (isatty(STDOUT_FILENO) == 1) {
        fputs("these are bytes, not text: clameur-aggregate schema > snapshot.binpb\n", stderr);
        return STATUS_USAGE;
    }
    size_t length = (size_t)(schema_end - schema_begin);
    bool whole = fwrite(schema_begin, 1, length, stdout) == length && fflush(stdout) == 0;
    return whole ? STATUS_OK : STATUS_CANT_CREATE;
}
