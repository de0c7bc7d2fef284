#include "schemas/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"
#include "runtime/config/findings.h"
#include "runtime/http/http_place.h"
#include "runtime/memory.h"
#include "schemas/keys.h"
#include "schemas/layout.h"

enum { TOPIC_NAME_MAX = 249 }; // Kafka's

#define OPTION(field, name, type, fallback, flags, min, max, doc)                                            \
    {name, OPTION_##type, offsetof(struct settings, field), fallback, flags, min, max, doc},
const struct option_row settings_options[] = {
#include "schemas/options.def"
};
#undef OPTION
const size_t settings_option_count = sizeof(settings_options) / sizeof(settings_options[0]);

struct option_row *settings_rows_relaxed(void) {
    struct option_row *rows = memory_take(settings_option_count * sizeof(*rows));
    for (size_t i = 0; i < settings_option_count; i++) {
        rows[i] = settings_options[i];
        rows[i].flags &= ~(unsigned)OPTION_REQUIRED;
    }
    return rows;
}

#define FAMILY(id) (UINT32_C(1) << KEY_##id)

static const uint32_t families_always = FAMILY(ORDERS) | FAMILY(MARK) | FAMILY(FAULTS) | FAMILY(META);

// What counters.families may name. The reach of tags needs two of them.
static const char *const family_names[] = {"account", "content", "campaign", "series",  "top",
                                           "tag",     "live",    "reach",    "platform"};
static const uint32_t family_bits[] = {
    FAMILY(ACCOUNT) | FAMILY(ACCOUNT_PLATFORM),
    FAMILY(CONTENT),
    FAMILY(CAMPAIGN),
    FAMILY(SERIES),
    FAMILY(TOP),
    FAMILY(TAG) | FAMILY(TAG_REACH),
    FAMILY(LIVE),
    FAMILY(REACH) | FAMILY(TAG_REACH),
    FAMILY(PLATFORM),
};
enum { FAMILY_NAME_COUNT = sizeof(family_names) / sizeof(family_names[0]) };
_Static_assert(sizeof(family_bits) / sizeof(family_bits[0]) == FAMILY_NAME_COUNT,
               "a family's name and its bits");
_Static_assert(KEY_FAMILY_COUNT <= 32, "the families are bits of 32");

static __attribute__((format(printf, 3, 4))) enum status
finding(const struct config *config, const char *option, const char *format, ...) {
    char what[512];
    struct findings findings;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    findings_init(&findings);
    findings_add(&findings, STATUS_CONFIG, config_origin(config, option), "%s: %s", option, what);
    findings_print(&findings);
    findings_fini(&findings);
    return STATUS_CONFIG;
}

// Cuts the next word off a comma list, without the spaces around it. False at its end.
static bool list_next(const char **rest, struct slice *word) {
    if (*rest == NULL)
        return false;
    const char *end = strchrnul(*rest, ',');
    *word = (struct slice){*rest, (size_t)(end - *rest)};
    *rest = *end == ',' ? end + 1 : NULL;
    while (word->length > 0 && word->at[0] == ' ')
        *word = (struct slice){word->at + 1, word->length - 1};
    while (word->length > 0 && word->at[word->length - 1] == ' ')
        word->length--;
    return true;
}

// FAMILY_NAME_COUNT where there is none of that name.
static size_t family_find(struct slice word) {
    size_t i = 0;
    while (i < FAMILY_NAME_COUNT && !slice_equal(word, slice_of(family_names[i])))
        i++;
    return i;
}

static enum status check_families(const struct settings *s, const struct config *config) {
    static const char option[] = "counters.families";
    enum status status = STATUS_OK;
    if (strcmp(s->counters_families, "all") == 0)
        return status;
    struct slice word;
    for (const char *rest = s->counters_families; list_next(&rest, &word);) {
        if (family_find(word) < FAMILY_NAME_COUNT)
            continue;
        char text[64];
        snprintf(text, sizeof(text), "%.*s", (int)word.length, word.at);
        const char *nearest = config_nearest(text, family_names, FAMILY_NAME_COUNT);
        if (word.length == 0)
            status = finding(config, option, "an empty name in the list");
        else if (nearest != NULL)
            status =
                finding(config, option, "there is no family \"%s\"; did you mean \"%s\"?", text, nearest);
        else
            status = finding(config, option, "there is no family \"%s\"", text);
    }
    return status;
}

static enum status check_prefix(const struct settings *s, const struct config *config) {
    static const char option[] = "redis.prefix";
    size_t length = strlen(s->redis_prefix);
    if (length == 0 || length >= KEY_PREFIX_MAX)
        return finding(config, option, "has %zu bytes; it must have 1 to %d", length, KEY_PREFIX_MAX - 1);
    if (strpbrk(s->redis_prefix, "{}") != NULL)
        return finding(config, option, "\"%s\" has a brace: braces are for the shard's tag", s->redis_prefix);
    return STATUS_OK;
}

// A topic that we send to.
static enum status check_topic(const struct settings *s, const struct config *config, const char *option,
                               const char *called, const char *name) {
    size_t length = strlen(name);
    if (length > TOPIC_NAME_MAX)
        return finding(config, option, "the %s topic's name has %zu bytes; Kafka takes %d", called, length,
                       TOPIC_NAME_MAX);
    if (strcmp(name, s->kafka_topic) == 0)
        return finding(config, option,
                       "\"%s\" is the topic itself: what is sent there would be read, and rejected again",
                       name);
    return STATUS_OK;
}

// A name that is made of kafka.topic's is its fault; that of the alerts topic matters to aggregators alone.
static enum status check_topics(const struct settings *s, const struct config *config) {
    char dlq[2 * TOPIC_NAME_MAX];
    settings_dlq_topic(s, dlq, sizeof(dlq));
    enum status status =
        check_topic(s, config, s->dlq_topic[0] != '\0' ? "dlq.topic" : "kafka.topic", "dead-letter", dlq);
    return status == STATUS_OK ? check_topic(s, config, "alerts.topic", "alerts", s->alerts_topic) : status;
}

static enum status check_flush(const struct settings *s, const struct config *config) {
    if (s->redis_flush_min_ms <= s->redis_flush_max_ms)
        return STATUS_OK;
    return finding(config, "redis.flush_min", "%lldms is longer than redis.flush_max, %lldms",
                   (long long)s->redis_flush_min_ms, (long long)s->redis_flush_max_ms);
}

// Within a group a partition has one reader.
static enum status check_groups(const struct settings *s, const struct config *config) {
    static const char ours[] = "aggregate.group", theirs[] = "kafka.group";
    if (strcmp(s->kafka_group, s->aggregate_group) != 0)
        return STATUS_OK;
    const char *origin = config_origin(config, ours);
    bool by_itself = origin != NULL && strcmp(origin, "default") == 0;
    return finding(config, by_itself ? theirs : ours,
                   "\"%s\" is %s too: workers and aggregators would take each other's partitions",
                   s->kafka_group, by_itself ? ours : theirs);
}

// The place of the store, and what a bucket takes besides: whoever reads the file says so, though the
// aggregators alone open it.
static enum status check_store(const struct settings *s, const struct config *config) {
    static const char option[] = "store.url";
    bool is_directory = strncmp(s->store_url, "file:///", strlen("file:///")) == 0;
    bool has_secret = s->store_s3_secret_key[0] != '\0' || s->store_s3_secret_key_file[0] != '\0';
    if (s->store_url[0] == '\0' || is_directory)
        return STATUS_OK;
    if (strncmp(s->store_url, "s3://", strlen("s3://")) != 0)
        return finding(config, option,
                       "\"%s\" names no store: file:///var/lib/clameur, or s3://bucket/prefix", s->store_url);
    if (s->store_s3_region[0] == '\0')
        return finding(config, option, "a bucket takes store.s3.region, as us-east-1");
    if (s->store_s3_access_key[0] == '\0')
        return finding(config, option, "a bucket takes store.s3.access_key");
    if (!has_secret)
        return finding(config, option, "a bucket takes store.s3.secret_key_file");
    return STATUS_OK;
}

static enum status check_address(const struct config *config, const char *option, const char *address) {
    struct http_place place;
    struct problem problem;
    if (strcmp(address, "off") == 0 || http_place_parse(&place, address, &problem) == STATUS_OK)
        return STATUS_OK;
    return finding(config, option, "%s; %s", problem.what, problem.remedy);
}

static enum status check_listen(const struct settings *s, const struct config *config) {
    enum status status = check_address(config, "http.listen", s->http_listen);
    enum status aggregators = check_address(config, "aggregate.listen", s->aggregate_listen);
    return status == STATUS_OK ? aggregators : status;
}

enum status settings_check(const struct settings *s, const struct config *config) {
    static enum status (*const checks[])(const struct settings *, const struct config *) = {
        check_topics, check_groups, check_prefix, check_flush, check_families, check_store, check_listen};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        if (checks[i](s, config) != STATUS_OK)
            status = STATUS_CONFIG;
    }
    return status;
}

static void topic_write(char *out, size_t size, const char *given, const char *topic, const char *ending) {
    if (given[0] != '\0')
        snprintf(out, size, "%s", given);
    else
        snprintf(out, size, "%s%s", topic, ending);
}

void settings_dlq_topic(const struct settings *s, char *out, size_t size) {
    topic_write(out, size, s->dlq_topic, s->kafka_topic, ".dlq");
}

void settings_alerts_topic(const struct settings *s, char *out, size_t size) {
    topic_write(out, size, s->alerts_topic, s->kafka_topic, ".alerts");
}

uint32_t settings_families(const struct settings *s) {
    if (strcmp(s->counters_families, "all") == 0)
        return (uint32_t)((UINT64_C(1) << KEY_FAMILY_COUNT) - 1);
    bool named[FAMILY_NAME_COUNT] = {false};
    struct slice word;
    for (const char *rest = s->counters_families; list_next(&rest, &word);) {
        size_t family = family_find(word);
        CHECK(family < FAMILY_NAME_COUNT);
        named[family] = true;
    }
    // A family counts when every name that speaks of it is there.
    uint32_t families = (uint32_t)((UINT64_C(1) << KEY_FAMILY_COUNT) - 1);
    for (size_t i = 0; i < FAMILY_NAME_COUNT; i++) {
        if (!named[i])
            families &= ~family_bits[i];
    }
    return families | families_always;
}

static void families_write(const struct settings *s, char *out, size_t size) {
    size_t at = 0;
    bool all = true;
    out[0] = '\0';
    for (size_t i = 0; i < FAMILY_NAME_COUNT; i++) {
        bool named = strcmp(s->counters_families, "all") == 0;
        struct slice word;
        for (const char *rest = s->counters_families; !named && list_next(&rest, &word);)
            named = slice_equal(word, slice_of(family_names[i]));
        all = all && named;
        if (named)
            at += (size_t)snprintf(out + at, size - at, "%s%s", at > 0 ? "," : "", family_names[i]);
        CHECK(at < size);
    }
    if (all)
        snprintf(out, size, "all");
}

void settings_fix(const struct settings *s, struct meta *meta) {
    snprintf(meta->framing, sizeof(meta->framing), "%s", s->decode_framing);
    families_write(s, meta->families, sizeof(meta->families));
    meta->max_event_bytes = s->decode_max_event_bytes;
    meta->max_message_bytes = s->decode_max_message_bytes;
}

static enum status unfit(struct problem *p, const struct meta *meta, const char *option, const char *ours,
                         const char *theirs) {
    return problem_set(p, STATUS_CONFIG, "CLM-M5",
                       "use the settings of this deployment; to count by others: clameur-ingest rebuild "
                       "--from earliest --redis.prefix=NAME",
                       "%s is %s, but deployment %s has been counted by %s", option, ours, meta->deployment,
                       theirs);
}

static enum status bytes_fit(struct problem *p, const struct meta *meta, const char *option, int64_t ours,
                             int64_t theirs) {
    char bytes[2][24];
    if (theirs == 0 || theirs == ours)
        return STATUS_OK;
    snprintf(bytes[0], sizeof(bytes[0]), "%" PRId64, ours);
    snprintf(bytes[1], sizeof(bytes[1]), "%" PRId64, theirs);
    return unfit(p, meta, option, bytes[0], bytes[1]);
}

enum status settings_fit(const struct settings *s, const struct meta *meta, struct problem *p) {
    static struct meta ours;
    settings_fix(s, &ours);
    if (meta->framing[0] != '\0' && strcmp(meta->framing, ours.framing) != 0)
        return unfit(p, meta, "decode.framing", ours.framing, meta->framing);
    if (meta->families[0] != '\0' && strcmp(meta->families, ours.families) != 0)
        return unfit(p, meta, "counters.families", ours.families, meta->families);
    enum status status =
        bytes_fit(p, meta, "decode.max_event_bytes", ours.max_event_bytes, meta->max_event_bytes);
    return status != STATUS_OK ? status
                               : bytes_fit(p, meta, "decode.max_message_bytes", ours.max_message_bytes,
                                           meta->max_message_bytes);
}
