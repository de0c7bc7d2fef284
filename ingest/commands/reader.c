#include "ingest/commands/reader.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "ingest/startup/startup.h"
#include "runtime/check.h"
#include "runtime/memory.h"
#include "schemas/registry.h"

enum { READER_ARGUMENTS_MAX = REDIS_ASK_WORDS - 4, PLATFORM_NAMES_MAX = 256 };

static const struct option_row flag_rows[] = {
    {"output", OPTION_STRING, offsetof(struct reader_flags, output), "", 0, 0, 0,
     "-o table|json|jsonl|csv|tsv; by itself a table on a terminal, JSON lines elsewhere"},
    {"series", OPTION_DURATION, offsetof(struct reader_flags, series_ms), "0", 0, 0, INT64_C(90) * 86400000,
     "the last so long, minute by minute: --series 60m"},
    {"watch", OPTION_DURATION, offsetof(struct reader_flags, watch_ms), "0", 0, 0, 86400000,
     "again and again; --watch alone is every 2s"},
    {"number", OPTION_INT, offsetof(struct reader_flags, number), "10", 0, 1, 10000, "-n: how many to show"},
    {"hours", OPTION_INT, offsetof(struct reader_flags, hours), "1", 0, 1, 2160,
     "how many hours to look back"},
};
enum { FLAG_ROWS = sizeof(flag_rows) / sizeof(flag_rows[0]) };

// -n by its long name, and --watch with its usual interval.
static char **arguments_spell_out(int argc, char **argv) {
    char **words = memory_take((size_t)(argc + 1) * sizeof(*words));
    for (int i = 0; i < argc; i++) {
        words[i] = argv[i];
        if (strcmp(argv[i], "-n") == 0)
            words[i] = (char *)"--number";
        else if (strcmp(argv[i], "--watch") == 0)
            words[i] = (char *)"--watch=2s";
    }
    return words;
}

static size_t flags_choose(struct option_row *chosen, const char *const *names) {
    size_t count = 0;
    for (size_t i = 0; i < FLAG_ROWS; i++) {
        bool named = strcmp(flag_rows[i].name, "output") == 0;
        for (const char *const *name = names; *name != NULL && !named; name++)
            named = strcmp(flag_rows[i].name, *name) == 0;
        if (named)
            chosen[count++] = flag_rows[i];
    }
    return count;
}

enum status reader_configure(struct reader *r, int argc, char **argv, const char *usage,
                             const char *const *names, const struct option_row *own, size_t own_count,
                             void *own_target) {
    struct option_row *flags = memory_take((FLAG_ROWS + own_count) * sizeof(*flags));
    size_t count = flags_choose(flags, names);
    if (own_count > 0)
        memcpy(flags + count, own, own_count * sizeof(*own));
    count += own_count;
    void *target = own_target != NULL ? own_target : &r->flags;
    *r = (struct reader){
        .arguments = arguments_spell_out(argc, argv), .rows = settings_rows_relaxed(), .flag_rows = flags};
    enum status status = config_load(&r->config, argc, r->arguments, 1, r->rows, settings_option_count,
                                     &r->settings, flags, count, target, &r->request);
    if (status != STATUS_OK)
        return status;
    if (own_target != NULL)
        memcpy(&r->flags, own_target, sizeof(r->flags));
    if (r->request.help) {
        printf("usage: %s\n\n", usage);
        config_print_options(stdout, flags, count);
        printf("\nand the options of the configuration: clameur-ingest help options\n");
        return STATUS_OK;
    }
    r->terminal = isatty(STDOUT_FILENO) == 1;
    if (!output_format_parse(&r->format, r->flags.output, r->terminal)) {
        fprintf(stderr, "-o %s: there is table, json, jsonl, csv and tsv\n", r->flags.output);
        return STATUS_USAGE;
    }
    return settings_check(&r->settings, r->config);
}

static enum status redis_open(struct reader *r, struct problem *p) {
    struct redis_seeds seeds;
    struct redis_login login;
    enum status status = settings_redis(&r->settings, &seeds, &login, p);
    if (status != STATUS_OK)
        return status;
    return redis_client_open(&r->redis, &seeds, &login, (int)r->settings.redis_timeout_ms, p);
}

enum status reader_connect(struct reader *r) {
    key_space_init(&r->keys, r->settings.redis_prefix, 1);
    struct problem p;
    enum status status = redis_open(r, &p);
    if (status != STATUS_OK)
        problem_print(&p);
    return status;
}

enum status reader_open(struct reader *r, int argc, char **argv, const char *usage,
                        const char *const *names) {
    enum status status = reader_configure(r, argc, argv, usage, names, NULL, 0, NULL);
    return status == STATUS_OK && !r->request.help ? reader_connect(r) : status;
}

enum status reader_need_kafka(const struct reader *r) {
    struct problem p;
    if (r->settings.kafka_bootstrap[0] != '\0')
        return STATUS_OK;
    problem_set(&p, STATUS_CONFIG, "CLM-C1", "name the brokers: kafka.bootstrap.servers: HOST:9092",
                "kafka.bootstrap.servers is required");
    problem_print(&p);
    return p.status;
}

void reader_close(struct reader *r) {
    redis_client_close(&r->redis);
    config_destroy(&r->config);
    free(r->flag_rows);
    free(r->rows);
    free(r->arguments);
}

// --- Asking

static enum status none_there(const struct reader *r, struct problem *p) {
    return problem_set(p, STATUS_BAD_DATA, "CLM-M1",
                       "clameur-ingest init, or check redis.url and redis.prefix",
                       "this Redis holds no deployment under the prefix %s", r->settings.redis_prefix);
}

enum status reader_shards(struct reader *r) {
    if (r->shards_known)
        return STATUS_OK;
    char meta[KEY_MAX];
    size_t length = key_write(meta, &r->keys, KEY_META, 0, &(struct key_parts){0});
    struct slice words[] = {slice_of("HGET"), (struct slice){meta, length}, slice_of("shards")};
    redisReply *reply;
    struct problem p;
    enum status status = redis_ask_slot(r->redis, key_shard_slot(0), &reply, words, 3, &p);
    int64_t shards = status == STATUS_OK ? strtoll(redis_ask_text(reply).at, NULL, 10) : 0;
    if (status == STATUS_OK && (shards < 1 || shards > SHARDS_MAX))
        status = none_there(r, &p);
    r->shards_known = status == STATUS_OK;
    if (r->shards_known)
        key_space_init(&r->keys, r->settings.redis_prefix, (uint32_t)shards);
    else
        problem_print(&p);
    freeReplyObject(reply);
    return status;
}

enum status reader_hashes(struct reader *r, enum key_family family, const struct key_parts *parts,
                          void (*take)(void *context, uint32_t shard, const redisReply *flat),
                          void *context) {
    char key[KEY_MAX];
    struct problem p;
    enum status first = STATUS_OK;
    for (uint32_t shard = 0; shard < r->keys.shards; shard++) {
        const size_t lengths[] = {7, key_write(key, &r->keys, family, shard, parts)};
        redis_client_command(r->redis, key_shard_slot(shard), 2, (const char *[]){"HGETALL", key}, lengths);
    }
    for (uint32_t shard = 0; shard < r->keys.shards; shard++) {
        redisReply *reply;
        enum status status = redis_ask_answer(r->redis, &reply, "HGETALL", first == STATUS_OK ? &p : NULL);
        if (status == STATUS_OK)
            take(context, shard, reply);
        first = first == STATUS_OK ? status : first;
        freeReplyObject(reply);
    }
    if (first != STATUS_OK)
        problem_print(&p);
    return first;
}

static enum status call_once(struct reader *r, int slot, redisReply **reply, const struct slice *words,
                             int count, struct problem *p) {
    enum status status = redis_ask_slot(r->redis, slot, reply, words, count, p);
    bool none = status == STATUS_UNAVAILABLE && strstr(p->what, "CLAMEUR no deployment") != NULL;
    return none ? none_there(r, p) : status;
}

// A node of a cluster answers for its own keys: the account's.
static enum status shard_choose(struct reader *r, struct slice account, uint32_t *shard) {
    *shard = 0;
    if (account.at == NULL || !redis_client_routes(r->redis))
        return STATUS_OK;
    enum status status = reader_shards(r);
    *shard = key_shard(&r->keys, account);
    return status;
}

enum status reader_call(struct reader *r, redisReply **reply, const char *function, struct slice account,
                        const struct slice *arguments, int count) {
    CHECK(count <= READER_ARGUMENTS_MAX);
    uint32_t shard;
    char meta[KEY_MAX];
    enum status status = shard_choose(r, account, &shard);
    if (status != STATUS_OK)
        return status;
    int slot = key_shard_slot(shard);
    size_t length = key_write(meta, &r->keys, KEY_META, shard, &(struct key_parts){0});
    struct slice words[REDIS_ASK_WORDS] = {slice_of("FCALL_RO"), slice_of(function), slice_of("1"),
                                           (struct slice){meta, length}};
    for (int i = 0; i < count; i++)
        words[4 + i] = arguments[i];
    struct problem p;
    status = call_once(r, slot, reply, words, 4 + count, &p);
    if (status == STATUS_UNAVAILABLE && strstr(p.what, "Function not found") != NULL) {
        status = startup_load_functions_everywhere(r->redis, &p);
        if (status == STATUS_OK || status == STATUS_CONFIG) // the writer's library is nothing to a reader
            status = call_once(r, slot, reply, words, 4 + count, &p);
    }
    if (status != STATUS_OK)
        problem_print(&p);
    return status;
}

enum status reader_usage(const char *usage) {
    fprintf(stderr, "usage: %s\n", usage);
    return STATUS_USAGE;
}

enum status reader_check_platform(const char *name) {
    if (platform_parse(name, strlen(name)) != 0)
        return STATUS_OK;
    const char *names[PLATFORM_NAMES_MAX];
    size_t count = 0;
    for (uint32_t number = 1; number < PLATFORM_NAMES_MAX; number++) {
        if (platform_name(number) != NULL)
            names[count++] = platform_name(number);
    }
    const char *nearest = config_nearest(name, names, count);
    if (nearest != NULL)
        fprintf(stderr, "there is no platform \"%s\"; did you mean \"%s\"?\n", name, nearest);
    else
        fprintf(stderr, "there is no platform \"%s\"; clameur-ingest help platforms lists them\n", name);
    return STATUS_USAGE;
}

enum status reader_repeat(struct reader *r, enum status (*once)(struct reader *r)) {
    for (;;) {
        if (r->flags.watch_ms > 0 && r->terminal && r->format == OUTPUT_TABLE)
            fputs("\033[H\033[2J", stdout);
        enum status status = once(r);
        if (status != STATUS_OK || r->flags.watch_ms == 0 || ferror(stdout) != 0)
            return status;
        struct timespec pause = {r->flags.watch_ms / 1000, r->flags.watch_ms % 1000 * 1000000};
        nanosleep(&pause, NULL);
    }
}
