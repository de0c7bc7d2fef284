// The OTTO sample: a session a line, with its clicks, carts and orders in milliseconds. A session is the
// actor; read line by line, most events are older than an earlier one. An event of type `orders` is one
// article bought: several share a session and an instant, so that only the article tells their orders apart.
// There is no value.
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "loadtest/recordings/lines.h"
#include "loadtest/recordings/recording.h"
#include "runtime/memory.h"
#include "schemas/registry.h"

struct otto {
    struct lines *lines;
    json_t *session; // the line's object; NULL before the first
    json_int_t number;
    const json_t *events;
    size_t at;
};

enum status otto_open(const char *path, void **recording, struct problem *problem) {
    struct lines *lines;
    enum status status = lines_open(&lines, path, problem);
    if (status != STATUS_OK)
        return status;
    struct otto *r = memory_take(sizeof(*r));
    r->lines = lines;
    *recording = r;
    return STATUS_OK;
}

void otto_close(void *recording) {
    struct otto *r = recording;
    lines_close(&r->lines);
    json_decref(r->session);
    free(r);
}

static enum status refuse(const struct otto *r, struct problem *problem, const char *what) {
    return problem_set(problem, STATUS_BAD_DATA, "", "check --format and the file", "%s:%" PRIu64 " %s",
                       lines_path(r->lines), lines_number(r->lines), what);
}

static enum status read_session(struct otto *r, struct problem *problem) {
    struct slice line;
    enum status status = lines_next(r->lines, &line, problem);
    if (status != STATUS_OK)
        return status;
    json_decref(r->session);
    r->session = json_loadb(line.at, line.length, JSON_REJECT_DUPLICATES, NULL);
    const json_t *number = json_object_get(r->session, "session");
    r->events = json_object_get(r->session, "events");
    r->number = json_integer_value(number);
    r->at = 0;
    if (!json_is_integer(number) || r->number < 0 || !json_is_array(r->events))
        return refuse(r, problem, "is not `{\"session\": NUMBER, \"events\": [...]}`");
    return STATUS_OK;
}

static uint32_t kind_of(const json_t *type) {
    static const struct {
        const char *word;
        uint32_t kind;
    } words[] = {{"clicks", KIND_CLICK}, {"carts", KIND_ADD_TO_CART}, {"orders", KIND_PURCHASE}};
    for (size_t i = 0; json_is_string(type) && i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(json_string_value(type), words[i].word) == 0)
            return words[i].kind;
    }
    return 0;
}

static void put_order(struct draft *d, const struct otto *r, json_int_t ts, json_int_t aid) {
    clameur__v1__commerce__init(&d->commerce);
    d->event.body_case = CLAMEUR__V1__EVENT__BODY_COMMERCE;
    d->event.commerce = &d->commerce;
    draft_begin(d);
    draft_put_number(d, (uint64_t)r->number);
    draft_put(d, "-");
    draft_put_number(d, (uint64_t)ts);
    draft_put(d, "-");
    draft_put_number(d, (uint64_t)aid);
    d->commerce.order_id = draft_end(d);
}

enum status otto_read(void *recording, struct draft *draft, struct problem *problem) {
    struct otto *r = recording;
    while (r->at >= json_array_size(r->events)) {
        enum status status = read_session(r, problem);
        if (status != STATUS_OK)
            return status;
    }
    const json_t *event = json_array_get(r->events, r->at++);
    json_int_t ts = json_integer_value(json_object_get(event, "ts"));
    json_int_t aid = json_integer_value(json_object_get(event, "aid"));
    uint32_t kind = kind_of(json_object_get(event, "type"));
    if (ts <= 0 || aid < 0 || !json_is_integer(json_object_get(event, "aid")) || kind == 0)
        return refuse(
            r, problem,
            "has an event that is not `{\"aid\": NUMBER, \"ts\": MS, \"type\": clicks|carts|orders}`");
    Clameur__V1__Event *e = &draft->event;
    e->platform = CLAMEUR__V1__PLATFORM__PLATFORM_WEB;
    e->kind = (Clameur__V1__Kind)kind;
    e->occurred_at = ts;
    e->actor_id = draft_numbered(draft, "", (uint64_t)r->number);
    e->content_id = draft_numbered(draft, "", (uint64_t)aid);
    e->consent = 3;
    if (kind == KIND_PURCHASE)
        put_order(draft, r, ts, aid);
    char name[128];
    int length = snprintf(name, sizeof(name), "%" PRId64 " %" PRId64 " %" PRId64 " %" PRIu32,
                          (int64_t)r->number, (int64_t)ts, (int64_t)aid, kind);
    recording_mint_id(draft, UINT64_C(0x6f74746f), (struct slice){name, (size_t)length}); // "otto"
    return STATUS_OK;
}
