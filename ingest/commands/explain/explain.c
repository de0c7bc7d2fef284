// explain EVENT_ID | FILE | TOPIC/PARTITION/OFFSET: one event through every stage of the worker, by the
// worker's own code. explain --counter: where a counter lies and what it means.
#include "ingest/commands/explain/explain.h"

#include <unistd.h>

#include "ingest/commands/commands.h"

static const char usage[] =
    "clameur-ingest explain EVENT_ID|FILE|TOPIC/PARTITION/OFFSET [--expect FILE] [--at TIME] [-o FORMAT]\n"
    "       clameur-ingest explain --counter ACCOUNT COUNTER [PLATFORM [CONTENT]] [-o FORMAT]";

static const struct option_row own_rows[] = {
    {"expect", OPTION_STRING, offsetof(struct explain_flags, expect), "", 0, 0, 0,
     "a JSON file of outcomes: exit 1, and the differences, where the events' are others"},
    {"at", OPTION_STRING, offsetof(struct explain_flags, at), "", 0, 0, 0,
     "record time of a FILE's events, as 2026-01-01T00:00:00Z or in ms; by itself now"},
    {"counter", OPTION_BOOL, offsetof(struct explain_flags, counter), "false", 0, 0, 0,
     "explain a counter, not an event"},
    {"back", OPTION_INT, offsetof(struct explain_flags, back), "1000000", 0, 1, INT64_C(1000000000000),
     "how many messages, of all partitions together, are searched for an EVENT_ID, backwards from the end"},
};
enum { OWN_ROWS = sizeof(own_rows) / sizeof(own_rows[0]) };

static enum status tell(struct explain *x, const char *argument) {
    unsigned char id[16];
    if (strcmp(argument, "-") == 0 || access(argument, F_OK) == 0)
        return explain_file(x, argument);
    if (explain_is_place(argument))
        return explain_place(x, argument);
    if (explain_is_id(argument, id))
        return explain_id(x, id);
    return explain_file(x, argument); // which says that there is none
}

static enum status explain_event(struct explain *x) {
    key_space_init(&x->keys, x->r.settings.redis_prefix, (uint32_t)x->r.settings.redis_shards);
    effects_init(&x->effects, &x->keys, settings_families(&x->r.settings));
    x->told = json_array();
    enum status status = judge_init(&x->judge, &x->r.settings, false);
    if (status == STATUS_OK)
        status = tell(x, x->r.request.arguments[0]);
    if (status == STATUS_OK && x->flags.expect[0] != '\0')
        status = explain_expect(x, x->flags.expect);
    else if (status == STATUS_OK)
        explain_print(x);
    json_decref(x->told);
    judge_fini(&x->judge);
    effects_fini(&x->effects);
    return status;
}

static enum status explain(struct explain *x) {
    if (x->flags.counter)
        return explain_counter(x);
    return x->r.request.argument_count == 1 ? explain_event(x) : reader_usage(usage);
}

int command_explain(int argc, char **argv) {
    static struct explain x;
    enum status status =
        reader_configure(&x.r, argc, argv, usage, (const char *const[]){NULL}, own_rows, OWN_ROWS, &x.flags);
    if (status == STATUS_OK && !x.r.request.help)
        status = explain(&x);
    reader_close(&x.r);
    return (int)status;
}
