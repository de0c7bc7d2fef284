// What the commands that only read have in common: a configuration of which they need the store alone, and
// the flags by which people say which windows they mean.
#pragma once

#include "aggregate/commands/published.h"
#include "aggregate/figures/sums.h"
#include "runtime/config/config.h"
#include "runtime/config/rules.h"
#include "runtime/output.h"
#include "schemas/settings.h"
#include "stream/store/store.h"

struct store_reader {
    struct settings settings;
    struct config *config;
    struct config_request request;
    enum output_format format;
    bool terminal;
    struct store *store;
    struct option_row *rows; // which `config` points into
};

// The flag that every command's own begin with.
#define STORE_READER_OUTPUT(type)                                                                            \
    {                                                                                                        \
        "output", OPTION_STRING, offsetof(type, output), "", 0, 0, 0,                                        \
            "-o table|json|jsonl|csv|tsv; by itself a table on a terminal, JSON lines elsewhere"             \
    }

struct store_range {
    const char *since, *until, *tz;
};
#define STORE_READER_RANGE(type, member)                                                                     \
    {"since",                                                                                                \
     OPTION_STRING,                                                                                          \
     offsetof(type, member.since),                                                                           \
     "",                                                                                                     \
     0,                                                                                                      \
     0,                                                                                                      \
     0,                                                                                                      \
     "the first instant: 2026-03, 2026-03-29, 2026-03-29T14:15, ...Z, ...+02:00; or so long before the "     \
     "end: 24h"},                                                                                            \
        {"until",                                                                                            \
         OPTION_STRING,                                                                                      \
         offsetof(type, member.until),                                                                       \
         "",                                                                                                 \
         0,                                                                                                  \
         0,                                                                                                  \
         0,                                                                                                  \
         "the first instant that is no longer meant, of a date its midnight: --until 2026-12-01 ends with "  \
         "November; without it, the last window's end"},                                                     \
    {                                                                                                        \
        "tz", OPTION_STRING, offsetof(type, member.tz), "", 0, 0, 0,                                         \
            "the zone of days, hours and dates: Europe/Berlin, Asia/Kolkata; without it that of --account "  \
            "(accounts.zones), else UTC"                                                                     \
    }

// Reads the command line: the settings, nothing of them required, and the command's own flags into `target`,
// whose first member is `const char *output` where `has_output`. `usage` is printed for --help, after which
// request.help is set and nothing else was done. Problems have been printed when it fails. store_reader_close
// in any case.
enum status store_reader_configure(struct store_reader *r, int argc, char **argv, const char *usage,
                                   const struct option_row *own, size_t own_count, void *target,
                                   bool has_output);
// Opens the store. STATUS_NO_INPUT where there is none, for a reader makes none; STATUS_CONFIG.
enum status store_reader_open(struct store_reader *r, struct problem *p);
// What figures of the store are judged by, beside its records; `lateness_s`: window.lateness.
struct published_terms store_reader_terms(const struct store_reader *r, int64_t lateness_s);
// Opens the store and lists what it has published: STATUS_NO_INPUT where nothing was ever begun. What stands
// there and is no window is said on standard error. published_fini in any case, of a `pub` that was empty.
enum status store_reader_published(struct store_reader *r, int64_t lateness_s, struct published *pub,
                                   struct problem *p);
// STATUS_NO_INPUT: a store in which nothing was ever begun.
enum status store_reader_nothing_begun(struct problem *p);
void store_reader_close(struct store_reader *r);

// Prints the problem and returns its status.
enum status store_reader_fail(const struct problem *p);
// Prints what is wrong, then "usage: ...", and returns STATUS_USAGE.
enum status store_reader_usage(const char *wrong, const char *usage);

// What figures are asked of, by the names of the flags; "" where a flag is not given.
struct store_asked {
    const char *account, *platform, *kpi, *by;
};
// Says on standard error that nothing is known of it: no rows at all would leave open whether a name was
// mistyped. `nearest`: the account that was probably meant, NULL: none. `pub` NULL: a file was asked, no
// store.
void store_reader_nothing(const struct store_asked *asked, const char *nearest, const struct published *pub);

// The number of a platform's name; refuses what nothing is called, with the nearest name. "" is 0.
enum status store_reader_platform(const char *name, uint32_t *platform);
// Refuses what no KPI or figure of a live session is called, with the nearest name. "" is none.
enum status store_reader_kpi(const char *name);
// Refuses a `by` that there is not, with the nearest name.
enum status store_reader_by(const char *name, enum by *by);
// The zone that --tz names; without it that of the account that is asked for, by accounts.zones, else UTC.
// STATUS_USAGE where there is none of that name, STATUS_CONFIG where it is accounts.zones that says so.
enum status store_reader_zone(const struct store_reader *r, const char *tz, const char *account,
                              struct zone **zone, struct problem *p);
// The rules of the configuration that are in force now: lateness, and the weights of interactions.
enum status store_reader_rules(const struct store_reader *r, struct rules *rules, struct problem *p);
