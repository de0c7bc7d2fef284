// Who the workers are: every address behind the names given is asked for /status, each worker once.
#include <stdlib.h>

#include "ingest/commands/status/status.h"
#include "runtime/clock.h"
#include "runtime/memory.h"

enum { PLACE_MAX = 300 };

static void take_answer(struct status_worker *w, const struct http_reply *reply) {
    json_error_t error;
    if (reply->code != 200) {
        snprintf(w->trouble, sizeof(w->trouble), "%.200s", reply->body);
        w->trouble[strcspn(w->trouble, "\n")] = '\0';
        return;
    }
    w->answer = json_loadb(reply->body, reply->length, 0, &error);
    if (w->answer == NULL)
        snprintf(w->trouble, sizeof(w->trouble), "its /status is no JSON");
}

static void ask(struct status_worker *w, const struct http_target *target) {
    struct http_reply reply;
    struct problem p;
    *w = (struct status_worker){.asked_ms = clock_monotonic_ms()};
    snprintf(w->name, sizeof(w->name), "%s", target->name);
    if (http_get(&reply, target, "/status", STATUS_TIMEOUT_MS, &p) == STATUS_OK)
        take_answer(w, &reply);
    else
        snprintf(w->trouble, sizeof(w->trouble), "%.250s", p.what);
    free(reply.body);
}

static void worker_fini(struct status_worker *w) {
    json_decref(w->answer);
}

// The same process under another address.
static bool is_known(const struct status_fleet *fleet, const struct status_worker *w) {
    const json_t *instance = json_object_get(w->answer, "instance");
    for (size_t i = 0; i < fleet->count && instance != NULL; i++) {
        if (json_equal(json_object_get(fleet->workers[i].answer, "instance"), instance))
            return true;
    }
    return false;
}

// Loopback has an address in each family, of which a listener may have one: another's answer is enough.
static enum status ask_place(struct status_fleet *fleet, const char *place, struct problem *p) {
    struct http_target targets[STATUS_WORKERS_MAX];
    size_t count, answered = 0;
    enum status status = http_targets_find(targets, STATUS_WORKERS_MAX, &count, place, p);
    if (status != STATUS_OK)
        return status;
    struct status_worker *asked = memory_take((count + 1) * sizeof(*asked));
    for (size_t i = 0; i < count; i++) {
        ask(&asked[i], &targets[i]);
        answered += asked[i].answer != NULL;
    }
    fleet->workers = memory_grow(fleet->workers, fleet->count + count + 1, sizeof(*fleet->workers));
    for (size_t i = 0; i < count; i++) {
        bool other = asked[i].answer == NULL && targets[i].loopback && answered > 0;
        if (other || is_known(fleet, &asked[i]))
            worker_fini(&asked[i]);
        else
            fleet->workers[fleet->count++] = asked[i];
    }
    free(asked);
    return STATUS_OK;
}

enum status status_fleet_ask(struct status_fleet *fleet, const struct reader *r,
                             const struct status_flags *flags) {
    const char *rest = flags->workers[0] != '\0' ? flags->workers : r->settings.http_listen;
    struct problem p;
    *fleet = (struct status_fleet){0};
    enum status status = STATUS_OK;
    while (*rest != '\0' && status == STATUS_OK) {
        char place[PLACE_MAX];
        size_t length = strcspn(rest, ",");
        snprintf(place, sizeof(place), "%.*s", (int)length, rest);
        rest += length + (rest[length] == ',');
        status = ask_place(fleet, place, &p);
    }
    if (status != STATUS_OK)
        problem_print(&p);
    return status;
}

void status_fleet_fini(struct status_fleet *fleet) {
    for (size_t i = 0; i < fleet->count; i++)
        worker_fini(&fleet->workers[i]);
    free(fleet->workers);
    *fleet = (struct status_fleet){0};
}

const struct status_worker *status_fleet_find(const struct status_fleet *fleet, const char *name) {
    for (size_t i = 0; i < fleet->count; i++) {
        if (strcmp(fleet->workers[i].name, name) == 0)
            return &fleet->workers[i];
    }
    return NULL;
}

const struct status_worker *status_fleet_owner(const struct status_fleet *fleet, int32_t partition,
                                               const json_t **said) {
    for (size_t i = 0; i < fleet->count; i++) {
        size_t k;
        const json_t *of;
        json_array_foreach(json_object_get(fleet->workers[i].answer, "partitions"), k, of) {
            *said = of;
            if (json_integer_value(json_object_get(of, "partition")) == partition)
                return &fleet->workers[i];
        }
    }
    *said = NULL;
    return NULL;
}

double status_metric(const struct status_worker *worker, const char *name, const char *label) {
    const json_t *metric = json_object_get(json_object_get(worker->answer, "metrics"), name);
    const char *key;
    const json_t *value;
    double sum = 0;
    if (!json_is_object(metric))
        return json_number_value(metric);
    json_object_foreach((json_t *)metric, key, value) {
        if (label == NULL || strcmp(key, label) == 0)
            sum += json_number_value(value);
    }
    return sum;
}
