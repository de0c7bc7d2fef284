// The configuration of a deployment, as options.def lists it. Filled by runtime/config/config.h; strings live
// as long as the config.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/config/config.h"
#include "runtime/redis/redis_seeds.h"

struct meta;

struct settings {
#define OPTION_FIELD_STRING                                       const char *
#define OPTION_FIELD_CHOICE                                       const char *
#define OPTION_FIELD_BOOL                                         bool
#define OPTION_FIELD_INT                                          int64_t
#define OPTION_FIELD_SIZE                                         int64_t
#define OPTION_FIELD_DURATION                                     int64_t
#define OPTION(field, name, type, fallback, flags, min, max, doc) OPTION_FIELD_##type field;
#include "schemas/options.def"
#undef OPTION
};

extern const struct option_row settings_options[];
extern const size_t settings_option_count;
// The same without OPTION_REQUIRED, for those that read and do not work; the caller frees.
struct option_row *settings_rows_relaxed(void);

// Checks what no single row can: flush_min <= flush_max, the family list, the prefix, a dead-letter topic
// that is not the topic itself, two groups. Reports every finding to standard error (with CLM-C1 and its
// origin, which `config` knows) and returns STATUS_CONFIG if there was one.
enum status settings_check(const struct settings *s, const struct config *config);

// The dead-letter topic's name, the default resolved, into `out`.
void settings_dlq_topic(const struct settings *s, char *out, size_t size);
void settings_alerts_topic(const struct settings *s, char *out, size_t size);

// Bits 1 << enum key_family for the families that counters.families names (meta, mark, faults and orders
// always; the reach of tags where both `tag` and `reach` are named). Only of settings that settings_check
// found good.
uint32_t settings_families(const struct settings *s);

// What decides what is counted is fixed for a deployment's life, as one worker must count like the next:
// writes decode.framing, decode.max_event_bytes, decode.max_message_bytes and counters.families into its
// meta...
void settings_fix(const struct settings *s, struct meta *meta);
// ...and holds these settings against it: STATUS_CONFIG, CLM-M5, with the first that differs.
enum status settings_fit(const struct settings *s, const struct meta *meta, struct problem *p);

// Where Redis is and who we are there. The login's TLS borrows from the settings. STATUS_CONFIG, or what
// settings_redis_password says.
enum status settings_redis(const struct settings *s, struct redis_seeds *seeds, struct redis_login *login,
                           struct problem *p);
// The login's password alone: the first line of redis.password_file if that is set, else redis.password. ""
// is none. STATUS_NO_INPUT (no such file), STATUS_NOT_ALLOWED (not readable), STATUS_CONFIG (empty, or too
// long).
enum status settings_redis_password(const struct settings *s, struct redis_login *login, struct problem *p);

// The first line of a file that an option names, without its end; an empty one is an error, for the file was
// named for a secret. STATUS_NO_INPUT (no such file), STATUS_NOT_ALLOWED (not readable), STATUS_CONFIG
// (empty, or too long).
enum status settings_secret(const char *option, const char *path, char *out, size_t size, struct problem *p);
// The secret key of the store, from its file if one is named, else from store.s3.secret_key; "" is none. As
// above.
enum status settings_store_secret(const struct settings *s, char *out, size_t size, struct problem *p);
