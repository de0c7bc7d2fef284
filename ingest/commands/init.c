// init: writes what a deployment fixes for life into every shard's meta, and nothing where there is something
// already.
//
//   1. read the configuration, ask Kafka and Redis as a worker's start would
//   2. WATCH every shard's meta and mark, and look: any meta, or any mark without one, and init refuses
//   3. ask Kafka where each partition starts
//   4. MULTI, one HSET a shard, EXEC: all shards or none. EXEC is empty where another init was faster: then
//   that one holds
#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "ingest/commands/commands.h"
#include "ingest/commands/output.h"
#include "ingest/startup/redis_ask.h"
#include "ingest/startup/startup_steps.h"
#include "runtime/check.h"
#include "runtime/clock.h"
#include "runtime/memory.h"

static const char usage[] = "clameur-ingest init [--from earliest|latest] [-o FORMAT]";

enum {
    META_FIELDS = 11,
    META_VALUE_MAX = 128 * 1024, // 4,096 start offsets
    WATERMARK_TIMEOUT_MS = 10000,
    SUMMARY_FIELDS = 9,
};

struct init_flags {
    const char *from;
    const char *output;
};

static const struct option_row flag_rows[] = {
    {"from", OPTION_CHOICE, offsetof(struct init_flags, from), "earliest", 0, 0, 0,
     "[earliest|latest] where counting starts: with what the log holds, or with what comes"},
    {"output", OPTION_STRING, offsetof(struct init_flags, output), "", 0, 0, 0,
     "table|json|jsonl|csv|tsv; by itself a table on a terminal, JSON lines elsewhere"},
};
enum { FLAG_ROWS = sizeof(flag_rows) / sizeof(flag_rows[0]) };

struct init {
    struct startup startup;
    struct startup_walk walk;
    struct init_flags flags;
    enum output_format format;
};

static void print_trouble(void *context, const char *step, const char *detail,
                          const struct problem *problem) {
    if (problem != NULL && problem->what[0] != '\0')
        problem_print(problem);
}

// --- Is the place free?

static size_t shard_key(const struct init *in, char out[KEY_MAX], enum key_family family, uint32_t shard) {
    size_t length = key_write(out, &in->startup.keys, family, shard, &(struct key_parts){0});
    out[length] = '\0';
    return length;
}

// Watches a shard's meta and mark; `marked` is raised where the mark is there.
static enum status shard_watch(struct init *in, uint32_t shard, bool *marked, struct problem *p) {
    char meta[KEY_MAX], mark[KEY_MAX];
    redisReply *reply;
    shard_key(in, meta, KEY_META, shard);
    shard_key(in, mark, KEY_MARK, shard);
    enum status status = redis_ask_words(in->walk.redis, &reply, p, "WATCH", meta, mark, NULL);
    if (status != STATUS_OK)
        return status;
    freeReplyObject(reply);
    status = redis_ask_words(in->walk.redis, &reply, p, "EXISTS", mark, NULL);
    if (status != STATUS_OK)
        return status;
    *marked = *marked || reply->integer > 0;
    freeReplyObject(reply);
    return STATUS_OK;
}

static enum status refuse_held(const struct init *in, const struct startup_metas *metas, struct problem *p) {
    const struct meta *held = &metas->first;
    const char *prefix = in->startup.keys.prefix;
    if (metas->count == in->startup.keys.shards && metas->alike)
        return problem_set(p, STATUS_NO, "",
                           "count on with clameur-ingest run, or give --redis.prefix another name",
                           "the prefix %s already holds deployment %s (topic \"%s\", %" PRId64 " shards)",
                           prefix, held->deployment, held->topic, held->shards);
    return problem_set(
        p, STATUS_NO, "CLM-M4",
        "clameur-ingest check --connect says more; else give --redis.prefix another name",
        "the prefix %s holds deployment %s (topic \"%s\", %" PRId64 " shards) in %u of these %u shards",
        prefix, held->deployment, held->topic, held->shards, metas->count, in->startup.keys.shards);
}

static enum status place_check(struct init *in, struct problem *p) {
    bool marked = false;
    enum status status = STATUS_OK;
    for (uint32_t shard = 0; shard < in->startup.keys.shards && status == STATUS_OK; shard++)
        status = shard_watch(in, shard, &marked, p);
    if (status != STATUS_OK)
        return status;
    struct startup_metas *metas = memory_take(sizeof(*metas));
    status = startup_metas_read(in->walk.redis, &in->startup.keys, metas, p);
    if (status == STATUS_OK && metas->count > 0)
        status = refuse_held(in, metas, p);
    else if (status == STATUS_OK && marked)
        status =
            problem_set(p, STATUS_NO, "CLM-M1",
                        "restore the newest backup of this Redis, or give --redis.prefix another name",
                        "the prefix %s holds marks without a meta: the remains of a deployment that was lost",
                        in->startup.keys.prefix);
    free(metas);
    return status;
}

// --- What is written

static void deployment_write(char out[33]) {
    unsigned char bytes[16];
    CHECK(getrandom(bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static enum status starts_ask(struct init *in, struct meta *meta, struct problem *p) {
    const struct startup *s = &in->startup;
    bool latest = strcmp(in->flags.from, "latest") == 0;
    rd_kafka_t *client;
    enum status status = startup_kafka_client(s, &client, p);
    if (status != STATUS_OK)
        return status;
    for (int32_t i = 0; i < meta->partitions && status == STATUS_OK; i++) {
        int64_t first = 0, end = 0;
        rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(client, s->settings.kafka_topic, i,
                                                                     &first, &end, WATERMARK_TIMEOUT_MS);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
            status = problem_set(p, STATUS_UNAVAILABLE, "CLM-K1",
                                 "wait until every partition has a leader, and init again",
                                 "where partition %d of \"%s\" starts is unknown: %s", i,
                                 s->settings.kafka_topic, rd_kafka_err2str(error));
        meta->starts[i] = latest ? end : first;
    }
    rd_kafka_destroy(client);
    return status;
}

static enum status meta_make(struct init *in, struct meta *meta, struct problem *p) {
    const struct startup *s = &in->startup;
    *meta = (struct meta){.layout = LAYOUT_VERSION,
                          .shards = s->settings.redis_shards,
                          .dedup_span = s->settings.dedup_span,
                          .partitions = s->partitions,
                          .created_at_ms = clock_wall_ms()};
    if (s->partitions > PARTITIONS_MAX)
        return problem_set(p, STATUS_CONFIG, "", "use a topic of fewer partitions",
                           "\"%s\" has %d partitions; at most %d can be", s->settings.kafka_topic,
                           s->partitions, PARTITIONS_MAX);
    deployment_write(meta->deployment);
    snprintf(meta->topic, sizeof(meta->topic), "%s", s->settings.kafka_topic);
    snprintf(meta->topic_id, sizeof(meta->topic_id), "%s", in->walk.topic_id);
    snprintf(meta->rules_hash, sizeof(meta->rules_hash), "%s", s->rules.first_hash);
    return starts_ask(in, meta, p);
}

struct meta_field {
    const char *name;
    char *value;
};

static void fields_make(struct meta_field fields[META_FIELDS], const struct meta *meta,
                        const struct key_space *keys) {
    char *value = memory_take(META_VALUE_MAX);
    int count = 0;
    for (const char *name; (name = meta_write_field(meta, keys, count, value, META_VALUE_MAX)) != NULL;
         count++) {
        CHECK(count < META_FIELDS);
        fields[count] = (struct meta_field){name, memory_text(value)};
    }
    CHECK(count == META_FIELDS);
    free(value);
}

static void fields_free(struct meta_field fields[META_FIELDS]) {
    for (int i = 0; i < META_FIELDS; i++)
        free(fields[i].value);
}

// --- Writing it

static enum status ask_and_forget(struct init *in, const struct slice *words, int count, struct problem *p) {
    redisReply *reply;
    enum status status = redis_ask(in->walk.redis, &reply, words, count, p);
    if (status == STATUS_OK)
        freeReplyObject(reply);
    return status;
}

static enum status shard_queue(struct init *in, uint32_t shard, const struct meta_field fields[META_FIELDS],
                               struct problem *p) {
    char key[KEY_MAX];
    struct slice words[2 + 2 * META_FIELDS] = {slice_of("HSET"), {key, shard_key(in, key, KEY_META, shard)}};
    for (int i = 0; i < META_FIELDS; i++) {
        words[2 + 2 * i] = slice_of(fields[i].name);
        words[3 + 2 * i] = slice_of(fields[i].value);
    }
    return ask_and_forget(in, words, 2 + 2 * META_FIELDS, p);
}

static enum status judge_exec(const redisReply *reply, const char *prefix, struct problem *p) {
    if (reply->type != REDIS_REPLY_ARRAY)
        return problem_set(p, STATUS_NO, "", "clameur-ingest check --connect",
                           "somebody else wrote under the prefix %s at the same time; nothing was written",
                           prefix);
    for (size_t i = 0; i < reply->elements; i++) {
        if (reply->element[i]->type == REDIS_REPLY_ERROR)
            return problem_set(p, STATUS_UNAVAILABLE, "",
                               "mend Redis, DEL the meta keys of this prefix, and init again",
                               "shard %zu was refused: %s", i, reply->element[i]->str);
    }
    return STATUS_OK;
}

static enum status meta_write_all(struct init *in, const struct meta_field fields[META_FIELDS],
                                  struct problem *p) {
    const struct slice multi = slice_of("MULTI"), exec = slice_of("EXEC");
    enum status status = ask_and_forget(in, &multi, 1, p);
    for (uint32_t shard = 0; shard < in->startup.keys.shards && status == STATUS_OK; shard++)
        status = shard_queue(in, shard, fields, p);
    if (status != STATUS_OK)
        return status;
    redisReply *reply;
    status = redis_ask(in->walk.redis, &reply, &exec, 1, p);
    if (status != STATUS_OK)
        return status;
    status = judge_exec(reply, in->startup.keys.prefix, p);
    freeReplyObject(reply);
    return status;
}

// --- Telling it

static const char *field_value(const struct meta_field fields[META_FIELDS], const char *name) {
    for (int i = 0; i < META_FIELDS; i++) {
        if (strcmp(fields[i].name, name) == 0)
            return fields[i].value;
    }
    CHECK_UNREACHABLE("meta has no such field");
}

// A line a field for people, one object for programs.
static void summary_print(const struct init *in, const struct meta_field fields[META_FIELDS]) {
    static const struct output_column wide[SUMMARY_FIELDS] = {
        {"deployment", false}, {"prefix", false}, {"topic", false},
        {"partitions", true},  {"starts", false}, {"shards", true},
        {"dedup_span", true},  {"layout", true},  {"rules_hash", false}};
    static const struct output_column tall[] = {{"field", false}, {"value", false}};
    bool table = in->format == OUTPUT_TABLE;
    struct output_cell row[SUMMARY_FIELDS];
    struct output o;
    output_init(&o, in->format, table ? tall : wide, table ? 2 : SUMMARY_FIELDS);
    for (size_t i = 0; i < SUMMARY_FIELDS; i++) {
        bool prefix = strcmp(wide[i].name, "prefix") == 0;
        row[i] = output_text(slice_of(prefix ? in->startup.keys.prefix : field_value(fields, wide[i].name)));
        if (table)
            output_row(&o, (struct output_cell[]){output_text(slice_of(wide[i].name)), row[i]});
    }
    if (!table)
        output_row(&o, row);
    output_print(&o, stdout);
    output_fini(&o);
}

static enum status initialise(struct init *in, struct problem *p) {
    struct meta *meta = memory_take(sizeof(*meta));
    enum status status = place_check(in, p);
    if (status == STATUS_OK)
        status = meta_make(in, meta, p);
    if (status == STATUS_OK) {
        struct meta_field fields[META_FIELDS];
        fields_make(fields, meta, &in->startup.keys);
        status = meta_write_all(in, fields, p);
        if (status == STATUS_OK)
            summary_print(in, fields);
        fields_free(fields);
    }
    free(meta);
    return status;
}

static enum status init_all(struct init *in, int argc, char **argv) {
    struct config_request request = {0};
    enum status status = startup_read(&in->startup, argc, argv, flag_rows, FLAG_ROWS, &in->flags, &request);
    if (status != STATUS_OK)
        return status;
    if (request.help) {
        printf("usage: %s\n\n", usage);
        config_print_options(stdout, flag_rows, FLAG_ROWS);
        return STATUS_OK;
    }
    if (request.argument_count > 0 ||
        !output_format_parse(&in->format, in->flags.output, isatty(STDOUT_FILENO) == 1)) {
        fprintf(stderr, "usage: %s\n", usage);
        return STATUS_USAGE;
    }
    in->walk = (struct startup_walk){.s = &in->startup, .report = print_trouble};
    status = startup_walk(&in->walk, STARTUP_KAFKA | STARTUP_REDIS, false);
    if (status != STATUS_OK)
        return status;
    struct problem p;
    status = initialise(in, &p);
    if (status != STATUS_OK)
        problem_print(&p);
    return status;
}

int command_init(int argc, char **argv) {
    struct init *in = memory_take(sizeof(*in));
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-o") == 0)
            argv[i] = (char *)"--output";
    }
    enum status status = init_all(in, argc, argv);
    startup_walk_end(&in->walk);
    startup_fini(&in->startup);
    free(in);
    return (int)status;
}
