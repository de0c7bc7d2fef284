// Configuration: default < file(s) < environment < flags, every source strict.
//
// A program has a table of option rows (from a .def) and a struct that they fill. Files are YAML mappings,
// nested
// (`redis: {flush_min: 250ms}`) or dotted (`redis.flush_min: 250ms`), both understood; the environment is
// CLAMEUR_<NAME> with
// `.` as `_`; flags are --name=value or --name value. Unknown, duplicate and null keys, tags, and bare
// numbers where a unit is needed, secrets on the command line or in a file that others may read are errors
// that name file, line, column and the nearest right name (CLM-C1). All findings are reported, not the first.
// Keys under `kafka.` that no row names pass through, as given: whoever owns librdkafka checks them.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "runtime/status.h"

enum option_type {
    OPTION_STRING,   // const char *
    OPTION_CHOICE,   // const char *, one of the names in the doc's [a|b]
    OPTION_BOOL,     // bool: true, false
    OPTION_INT,      // int64_t
    OPTION_SIZE,     // int64_t, bytes: B, KiB, MiB, GiB (also KB, MB, GB)
    OPTION_DURATION, // int64_t, ms: ms, s, m, h, d
    OPTION_DECIMAL,  // int64_t, thousandths: 2.5
};

enum {
    OPTION_REQUIRED = 1,
    OPTION_SECRET = 2,
    OPTION_RELOAD = 4,  // may change while the process runs
    OPTION_OFF = 8,     // understands "off", which is -1
    OPTION_HOST = 16,   // a host's own: may differ in a fleet of one configuration
    OPTION_OTHERS = 32, // another program's: who reloads passes it over
};

struct option_row {
    const char *name;
    enum option_type type;
    size_t offset; // of the field in the program's struct
    const char *fallback;
    unsigned flags;
    int64_t min, max; // both 0: no bounds
    const char *doc;
};

struct config;

// A pass-through key, without its `kafka.` prefix.
struct config_pair {
    const char *name;
    const char *value;
    const char *origin; // "clameur.yaml:12:3", "CLAMEUR_KAFKA_SECURITY_PROTOCOL", "--kafka.security.protocol"
};

// What a command line asked for besides options.
struct config_request {
    bool help;
    int argument_count; // positional
    const char **arguments;
};

// Reads `argv[first..]` (flags, -c FILE or --config FILE, which may repeat; a directory: its *.yaml in name
// order; -o for --output; -h, --help; -- ends the flags), the files and the environment into `target` by the
// rows. Further tables may be given for a command's own flags: rows of `extra` fill `extra_target` and come
// from flags only (may be NULL, 0, NULL). A bool is also a switch: --name alone is true. Without any `rows`
// the environment is not looked at. Returns STATUS_OK, STATUS_USAGE (command line), STATUS_NO_INPUT (a named
// file is missing) or STATUS_CONFIG; findings are on standard error, and `*config` is NULL. With
// `request->help` set only the defaults are filled in, and nothing is required.
// `*config` owns every string it gave out.
enum status config_load(struct config **config, int argc, char **argv, int first,
                        const struct option_row *rows, size_t row_count, void *target,
                        const struct option_row *extra, size_t extra_count, void *extra_target,
                        struct config_request *request);
void config_destroy(struct config **config);

// The pass-through keys, in order; later sources have replaced earlier ones of the same (folded) name.
size_t config_passthrough(const struct config *config, const struct config_pair **pairs);

// Where a row's value came from: "default", "FILE:LINE:COLUMN", "CLAMEUR_...", "--name". NULL where no row is
// called so.
const char *config_origin(const struct config *config, const char *name);

// The name among `names` that `word` was probably meant to be, or NULL (edit distance, at most a third of its
// length).
const char *config_nearest(const char *word, const char *const *names, size_t count);

// Prints rows as --help does (name, default, doc), aligned.
void config_print_options(FILE *out, const struct option_row *rows, size_t row_count);

// Value grammars, for other strict readers (the rules file). False where the text is not one.
bool config_parse_duration(const char *text, int64_t *ms);
bool config_parse_size(const char *text, int64_t *bytes);
bool config_parse_int(const char *text, int64_t *value);
// RFC 3339 in UTC with at most milliseconds (2026-01-01T00:00:00Z), or milliseconds since 1970: ms since
// 1970.
bool config_parse_time(const char *text, int64_t *ms);
