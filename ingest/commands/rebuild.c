// rebuild: the counters of a log made anew, under a prefix where nothing is.
//
//   1. read the configuration, ask Kafka and Redis as a worker's start would
//   2. see that nothing stands under the prefix; tell the plan; ask
//   3. write meta as init does, then count with the worker's own pipeline, up to the ends that the log had in
//   2
//   4. say how it went, how to prove it and how to switch
//
// It reads in a consumer group of its own, so that workers may count under another prefix meanwhile. What it
// refuses before the commits of the workers' group was dead-lettered by them: a worker commits what Redis has
// acknowledged, and that is sent after the letters. From there on the letters are this run's to write. Where
// the group has committed nothing, or its commits have expired, that is all of them, a second time perhaps.
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "ingest/commands/commands.h"
#include "ingest/pipeline/pipeline.h"
#include "ingest/startup/deployment.h"
#include "ingest/startup/redis_ask.h"
#include "runtime/clock.h"
#include "runtime/log/log.h"
#include "runtime/memory.h"
#include "runtime/output.h"
#include "stream/source/group_places.h"

static const char usage[] =
    "clameur-ingest rebuild --from earliest --redis.prefix=FRESH [--yes] [-o FORMAT]\n\n"
    "Counts the whole log anew under a prefix where nothing stands, up to where it ends now. A worker with "
    "that\n"
    "prefix goes on from there.";

enum { LINE_MS = 5000, GROUP_MAX = 512, PATTERN_MAX = 2 * KEY_PREFIX_MAX + 8 };

struct rebuild_flags {
    const char *from;
    bool yes;
    const char *output;
};

static const struct option_row flag_rows[] = {
    {"from", OPTION_CHOICE, offsetof(struct rebuild_flags, from), "", OPTION_REQUIRED, 0, 0,
     "[earliest] with the first records that the log still holds"},
    {"yes", OPTION_BOOL, offsetof(struct rebuild_flags, yes), "false", 0, 0, 0, "begin without asking"},
    {"output", OPTION_STRING, offsetof(struct rebuild_flags, output), "", 0, 0, 0,
     "table|json|jsonl|csv|tsv; by itself a table on a terminal, JSON lines elsewhere"},
};
enum { FLAG_ROWS = sizeof(flag_rows) / sizeof(flag_rows[0]) };

struct rebuild {
    struct startup startup;
    struct startup_walk walk;
    struct rebuild_flags flags;
    enum output_format format;
    struct deployment_bounds bounds;
    const char *workers_group;
    int64_t letters_from[PARTITIONS_MAX];
    char group[GROUP_MAX];
    bool terminal;
    int64_t began_ms;
    int64_t line_at_ms;
};

// ---- Is the prefix fresh?

// PREFIX:{*, with what SCAN would take for a pattern in the prefix made plain.
static void pattern_write(char out[PATTERN_MAX], const char *prefix) {
    size_t at = 0;
    for (; *prefix != '\0'; prefix++) {
        if (strchr("*?[]^\\", *prefix) != NULL)
            out[at++] = '\\';
        out[at++] = *prefix;
    }
    strcpy(out + at, ":{*");
}

static enum status judge_scan(const struct rebuild *r, const redisReply *reply, char cursor[REDIS_ASK_CURSOR],
                              struct problem *p) {
    if (!redis_ask_cursor(cursor, reply))
        return problem_set(p, STATUS_UNAVAILABLE, "", "", "Redis answers SCAN with what is no scan");
    const redisReply *found = reply->element[1];
    if (found->elements == 0)
        return STATUS_OK;
    return problem_set(
        p, STATUS_NO, "",
        "give it a fresh one: --redis.prefix=NAME (and in Redis' access rules, if there are any)",
        "something stands under the prefix %s already: %.*s", r->startup.keys.prefix,
        (int)redis_ask_text(found->element[0]).length, redis_ask_text(found->element[0]).at);
}

static enum status node_scan(struct rebuild *r, uint16_t node, struct problem *p) {
    char pattern[PATTERN_MAX], cursor[REDIS_ASK_CURSOR] = "0";
    redisContext *redis;
    pattern_write(pattern, r->startup.keys.prefix);
    enum status status = redis_client_node(r->walk.redis, node, &redis, p);
    if (status != STATUS_OK)
        return status;
    do {
        redisReply *reply;
        status = redis_ask_words(redis, &reply, p, "SCAN", cursor, "MATCH", pattern, "COUNT", "10000", NULL);
        if (status != STATUS_OK)
            return status;
        status = judge_scan(r, reply, cursor, p);
        freeReplyObject(reply);
        if (status != STATUS_OK)
            return status;
    } while (strcmp(cursor, "0") != 0);
    return STATUS_OK;
}

static enum status prefix_check(struct rebuild *r, struct problem *p) {
    enum status status = STATUS_OK;
    for (size_t i = 0; i < r->walk.node_count && status == STATUS_OK; i++)
        status = node_scan(r, r->walk.nodes[i].number, p);
    // which keeps watching until meta is written
    return status == STATUS_OK ? deployment_place_check(&r->walk, p) : status;
}

// How far the workers' group has come.
static enum status letters_place(struct rebuild *r, struct problem *p) {
    struct startup *s = &r->startup;
    struct settings asked = s->basis.settings;
    struct group_place *places;
    int32_t count;
    asked.kafka_group = r->workers_group;
    enum status status =
        group_places_read(&places, &count, &asked, s->basis.passthrough, s->basis.passthrough_count, p);
    for (int32_t i = 0; status == STATUS_OK && i < count && i < PARTITIONS_MAX; i++)
        r->letters_from[i] = places[i].committed > 0 ? places[i].committed : 0;
    free(places);
    return status;
}

// ---- The plan

static int64_t offsets_in_all(const struct rebuild *r) {
    int64_t all = 0;
    for (int32_t i = 0; i < r->startup.basis.partitions; i++)
        all += r->bounds.end[i] - r->bounds.first[i];
    return all;
}

// Of how many of the offsets to come a refused event gets its letter from this run.
static int64_t offsets_lettered(const struct rebuild *r) {
    int64_t all = 0;
    for (int32_t i = 0; i < r->startup.basis.partitions; i++) {
        int64_t from = r->letters_from[i] > r->bounds.first[i] ? r->letters_from[i] : r->bounds.first[i];
        all += from < r->bounds.end[i] ? r->bounds.end[i] - from : 0;
    }
    return all;
}

static void plan_print(const struct rebuild *r) {
    const struct startup *s = &r->startup;
    char address[REDIS_ADDRESS_TEXT];
    int32_t shortened = 0;
    for (int32_t i = 0; i < s->basis.partitions; i++)
        shortened += r->bounds.first[i] > 0;
    fprintf(stderr,
            "rebuild  topic \"%s\", %d partitions, %" PRId64
            " offsets, from the first to where each ends now\n",
            s->basis.settings.kafka_topic, s->basis.partitions, offsets_in_all(r));
    fprintf(stderr, "   into  the fresh prefix \"%s\" of Redis at %s, %u shards; %zu rules version%s\n",
            s->keys.prefix, redis_address_write(address, &s->redis.at[0]), s->keys.shards,
            s->basis.rules.count, s->basis.rules.count == 1 ? "" : "s");
    fprintf(stderr,
            "   group %s; dead letters only of what lies beyond the commits of group %s: %" PRId64
            " offsets\n",
            r->group, r->workers_group, offsets_lettered(r));
    if (shortened > 0)
        fprintf(
            stderr,
            "   NOTE  the log no longer begins at offset 0 in %d of %d partitions: what lay before is not "
            "counted\n",
            shortened, s->basis.partitions);
}

static enum status ask(const struct rebuild *r) {
    if (r->flags.yes)
        return STATUS_OK;
    if (isatty(STDIN_FILENO) != 1) {
        fprintf(stderr, "nobody is here to be asked: give --yes to begin\n");
        return STATUS_USAGE;
    }
    char answer[16] = "";
    fprintf(stderr, "begin? [y/N] ");
    if (fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y'))
        return STATUS_OK;
    fprintf(stderr, "nothing was written\n");
    return STATUS_NO;
}

// ---- Counting

static void progress(void *context, int64_t done, int64_t all) {
    struct rebuild *r = context;
    int64_t now_ms = clock_monotonic_ms(), took_ms = now_ms - r->began_ms;
    if (!r->terminal && now_ms < r->line_at_ms && done < all)
        return;
    r->line_at_ms = now_ms + LINE_MS;
    int64_t rate = took_ms > 0 ? done * 1000 / took_ms : 0;
    int64_t left_s = rate > 0 ? (all - done) / rate : 0;
    fprintf(stderr,
            "%s%5.1f %%  %" PRId64 " of %" PRId64 " offsets  %" PRId64 "/s  %" PRId64 ":%02" PRId64 " left%s",
            r->terminal ? "\r" : "", all > 0 ? 100 * (double)done / (double)all : 100.0, done, all, rate,
            left_s / 60, left_s % 60, r->terminal ? "\033[K" : "\n");
}

static void print_result(const struct rebuild *r, const struct pipeline_errand *e) {
    static const struct output_column columns[] = {
        {"prefix", false},  {"deployment", false}, {"read", true},   {"counted", true},
        {"rejected", true}, {"duplicate", true},   {"seconds", true}};
    char numbers[5][24];
    const int64_t values[] = {e->read, e->counted, e->rejected, e->duplicate,
                              (clock_monotonic_ms() - r->began_ms + 999) / 1000};
    struct output_cell cells[7] = {output_text(slice_of(r->startup.keys.prefix)),
                                   output_text(slice_of(r->startup.meta.deployment))};
    for (int i = 0; i < 5; i++) {
        snprintf(numbers[i], sizeof(numbers[i]), "%" PRId64, values[i]);
        cells[2 + i] = output_text(slice_of(numbers[i]));
    }
    struct output o;
    output_init(&o, r->format, columns, 7);
    output_row(&o, cells);
    output_print(&o, stdout);
    output_fini(&o);
}

static enum status count(struct rebuild *r, struct problem *p) {
    struct pipeline_errand errand = {.partitions = r->startup.basis.partitions,
                                     .first = r->bounds.first,
                                     .end = r->bounds.end,
                                     .letters_from = r->letters_from,
                                     .progress = progress,
                                     .context = r};
    const char *prefix = r->startup.keys.prefix;
    r->began_ms = clock_monotonic_ms();
    r->terminal = isatty(STDERR_FILENO) == 1;
    enum status status = pipeline_run(&r->startup, &errand, p);
    if (r->terminal)
        fputc('\n', stderr);
    if (status != STATUS_OK)
        return status;
    if (!errand.reached)
        return problem_set(
            p, STATUS_TRY_AGAIN, "",
            "a worker with this redis.prefix goes on from here; or give another one and begin again",
            "stopped before the log's end; the prefix %s holds what was counted until then", prefix);
    print_result(r, &errand);
    fprintf(stderr,
            "prove it:  clameur-loadtest recount -c FILE --redis.prefix=%s\n"
            "switch:    set redis.prefix: %s for every worker and reader, and start the workers again\n",
            prefix, prefix);
    return STATUS_OK;
}

// ---- All of it

// Beside the workers: a group and no port of its own, and a quiet log.
static void settle_beside(struct rebuild *r) {
    struct settings *s = &r->startup.basis.settings;
    const char *origin = config_origin(r->startup.basis.config, "http.listen");
    r->workers_group = s->kafka_group;
    snprintf(r->group, sizeof(r->group), "%.255s-rebuild-%.200s", s->kafka_group, s->redis_prefix);
    s->kafka_group = r->group;
    s->kafka_static_id = "";
    if (origin == NULL || strncmp(origin, "--", 2) != 0)
        s->http_listen = "off";
    bool quiet = strcmp(config_origin(r->startup.basis.config, "log.level"), "default") == 0;
    log_configure(quiet ? "warn" : s->log_level, s->log_format);
}

static enum status begin(struct rebuild *r, struct problem *p) {
    struct meta *meta = memory_take(sizeof(*meta));
    enum status status = letters_place(r, p);
    if (status == STATUS_OK)
        status = prefix_check(r, p);
    if (status == STATUS_OK)
        status = deployment_meta_make(meta, &r->bounds, &r->walk, false, p);
    if (status != STATUS_OK) {
        free(meta);
        return status;
    }
    plan_print(r);
    p->what[0] = '\0';
    status = ask(r);
    if (status == STATUS_OK) {
        struct deployment_field fields[DEPLOYMENT_FIELDS];
        deployment_fields_make(fields, meta, &r->startup.keys);
        status = deployment_write(&r->walk, fields, p);
        deployment_fields_free(fields);
    }
    free(meta);
    return status;
}

static enum status rebuild_all(struct rebuild *r) {
    struct problem p = {0};
    settle_beside(r);
    startup_walk_begin(&r->walk, &r->startup, walk_print_trouble, NULL);
    enum status status = startup_walk(&r->walk, STARTUP_KAFKA | STARTUP_REDIS, false);
    if (status != STATUS_OK)
        return status;
    status = begin(r, &p);
    if (status == STATUS_OK) {
        status = startup_walk(&r->walk, STARTUP_META, false); // prints its own problems
        startup_walk_end(&r->walk);
        if (status == STATUS_OK)
            status = count(r, &p);
    }
    if (status != STATUS_OK && p.what[0] != '\0')
        problem_print(&p);
    return status;
}

static enum status read_and_rebuild(struct rebuild *r, int argc, char **argv) {
    struct config_request request = {0};
    enum status status = startup_read(&r->startup, argc, argv, flag_rows, FLAG_ROWS, &r->flags, &request);
    if (status != STATUS_OK)
        return status;
    if (request.help) {
        printf("usage: %s\n\n", usage);
        config_print_options(stdout, flag_rows, FLAG_ROWS);
        return STATUS_OK;
    }
    if (request.argument_count > 0 ||
        !output_format_parse(&r->format, r->flags.output, isatty(STDOUT_FILENO) == 1)) {
        fprintf(stderr, "usage: %s\n", usage);
        return STATUS_USAGE;
    }
    return rebuild_all(r);
}

int command_rebuild(int argc, char **argv) {
    struct rebuild *r = memory_take(sizeof(*r));
    enum status status = read_and_rebuild(r, argc, argv);
    startup_walk_end(&r->walk);
    startup_fini(&r->startup);
    free(r);
    return (int)status;
}
