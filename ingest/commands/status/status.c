// status [--self] [--by worker|partition|group]: how far the counting is behind, and what holds it.
#include "ingest/commands/status/status.h"

#include <stdlib.h>
#include <time.h>

#include "ingest/commands/commands.h"
#include "runtime/memory.h"

static const char usage[] = "clameur-ingest status [--self] [--by worker|partition|group] [--worker "
                            "HOST:PORT]... [--watch[=2s]] [-o FORMAT]";

static const struct option_row own_rows[] = {
    {"by", OPTION_CHOICE, offsetof(struct status_flags, by), "worker", 0, 0, 0,
     "[worker|partition|group] one row for each"},
    {"worker", OPTION_STRING, offsetof(struct status_flags, workers), "", 0, 0, 0,
     "whom to ask, HOST:PORT; may repeat, and a name stands for all its addresses; by itself http.listen"},
    {"self", OPTION_BOOL, offsetof(struct status_flags, self), "false", 0, 0, 0,
     "only whether the worker at http.listen is ready: exit 0 ready, 1 not ready, 69 no answer"},
};
enum { OWN_ROWS = sizeof(own_rows) / sizeof(own_rows[0]), SAMPLE_MS = 1000 };

// The reader stands first, so that what is repeated for --watch finds the rest.
struct status_command {
    struct reader r;
    struct status_flags flags;
    struct status_fleet before; // as asked last
};

// --- The command line

static const char *worker_value(char **argv, int *i, int argc) {
    static const char flag[] = "--worker";
    size_t length = sizeof(flag) - 1;
    if (strncmp(argv[*i], flag, length) != 0)
        return NULL;
    if (argv[*i][length] == '=')
        return argv[*i] + length + 1;
    return argv[*i][length] == '\0' && *i + 1 < argc ? argv[++*i] : NULL;
}

// A flag is given once: repeated --worker become one list.
static int workers_join(int argc, char **argv, char **words, char **list) {
    int count = 0;
    size_t length = sizeof("--worker=");
    for (int i = 0; i < argc; i++)
        length += strlen(argv[i]) + 1;
    *list = memory_take(length);
    for (int i = 0; i < argc; i++) {
        const char *value = worker_value(argv, &i, argc);
        if (value == NULL) {
            words[count++] = argv[i];
            continue;
        }
        strcat(*list, (*list)[0] == '\0' ? "--worker=" : ",");
        strcat(*list, value);
    }
    if ((*list)[0] != '\0')
        words[count++] = *list;
    return count;
}

// --- What is asked

static struct output output_begin(const struct reader *r, const struct output_column *columns, size_t count) {
    struct output o;
    output_init(&o, r->format, columns, count);
    return o;
}

static void wait_ms(int64_t ms) {
    struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

// Rates and quantiles are of the time between two answers.
static enum status workers_once(struct reader *r) {
    struct status_command *c = (struct status_command *)r;
    struct status_fleet now;
    enum status status = STATUS_OK;
    if (c->before.count == 0) {
        status = status_fleet_ask(&c->before, r, &c->flags);
        wait_ms(status == STATUS_OK ? SAMPLE_MS : 0);
    }
    if (status == STATUS_OK)
        status = status_fleet_ask(&now, r, &c->flags);
    if (status != STATUS_OK)
        return status;
    struct output o = output_begin(r, status_worker_columns, status_worker_column_count);
    status = status_workers_print(&o, &c->before, &now);
    output_fini(&o);
    status_fleet_fini(&c->before);
    c->before = now;
    // Whoever watches wants to see a worker come back.
    return r->flags.watch_ms > 0 ? STATUS_OK : status;
}

static enum status partitions_once(struct reader *r) {
    struct status_command *c = (struct status_command *)r;
    struct status_fleet fleet;
    enum status status = status_fleet_ask(&fleet, r, &c->flags);
    struct output o = output_begin(r, status_partition_columns, status_partition_column_count);
    if (status == STATUS_OK)
        status = status_partitions_print(r, &o, &fleet);
    output_fini(&o);
    status_fleet_fini(&fleet);
    return status;
}

static enum status group_once(struct reader *r) {
    struct output o = output_begin(r, status_group_columns, status_group_column_count);
    enum status status = status_group_print(r, &o);
    output_fini(&o);
    return status;
}

// --- A health check

static enum status self_row(const struct reader *r, const char *name, const char *state, enum status status) {
    static const struct output_column columns[] = {{"worker", false}, {"state", false}};
    struct output o = output_begin(r, columns, 2);
    output_row(&o, (struct output_cell[]){output_text(slice_of(name)), output_text(slice_of(state))});
    output_print(&o, stdout);
    output_fini(&o);
    return status;
}

static enum status ask_self(const struct reader *r, struct problem *p) {
    struct http_target target;
    struct http_reply reply;
    size_t count;
    enum status status = http_targets_find(&target, 1, &count, r->settings.http_listen, p);
    if (status == STATUS_OK)
        status = http_get(&reply, &target, "/readyz", STATUS_TIMEOUT_MS, p);
    if (status != STATUS_OK)
        return status;
    reply.body[strcspn(reply.body, "\n")] = '\0';
    status = reply.code == 200 ? self_row(r, target.name, "ready", STATUS_OK)
                               : self_row(r, target.name, reply.body, STATUS_NO);
    free(reply.body);
    return status;
}

static enum status self_once(const struct reader *r) {
    struct problem p;
    p.what[0] = '\0';
    enum status status = ask_self(r, &p);
    if (status != STATUS_OK && p.what[0] != '\0')
        problem_print(&p);
    return status;
}

static enum status show(struct status_command *c) {
    if (c->flags.self)
        return self_once(&c->r);
    if (strcmp(c->flags.by, "worker") == 0)
        return reader_repeat(&c->r, workers_once);
    enum status status = reader_need_kafka(&c->r);
    if (status == STATUS_OK)
        status = reader_connect(&c->r);
    if (status != STATUS_OK)
        return status;
    return reader_repeat(&c->r, strcmp(c->flags.by, "group") == 0 ? group_once : partitions_once);
}

int command_status(int argc, char **argv) {
    static struct status_command c;
    char **words = memory_take((size_t)(argc + 2) * sizeof(*words)), *list;
    int count = workers_join(argc, argv, words, &list);
    enum status status = reader_configure(&c.r, count, words, usage, (const char *const[]){"watch", NULL},
                                          own_rows, OWN_ROWS, &c.flags);
    if (status == STATUS_OK && c.r.request.argument_count > 0)
        status = reader_usage(usage);
    if (status == STATUS_OK && !c.r.request.help)
        status = show(&c);
    status_fleet_fini(&c.before);
    reader_close(&c.r);
    free(words);
    free(list);
    return (int)status;
}
