// Workers as coroutines, and what stands for the loop, the clock, the probes, the log and the dead-letter
// topic.
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "runtime/check.h"
#include "runtime/clock.h"
#include "runtime/http/http.h"
#include "runtime/log/log.h"
#include "runtime/loop.h"
#include "runtime/memory.h"
#include "stream/deadletter.h"
#include "stream/source/source_internal.h"
#include "tests/sim/sim.h"

enum { STACK_BYTES = 1 << 20, STOP_MS = 1000 + 5000 + 2000 };

static ucontext_t scheduler;
static char *stacks[WORKERS_MAX];

// ---- coroutines

static void body(void) {
    struct worker *w = world.running;
    w->status = pipeline_run(&w->startup, NULL, &w->problem);
    w->alive = false;
    swapcontext(&w->context, &scheduler);
}

void worker_start(struct worker *w) {
    CHECK(!w->alive);
    if (stacks[w->number] == NULL)
        stacks[w->number] = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(stacks[w->number] != MAP_FAILED);
    w->alive = true;
    w->dead = w->stop_asked = false;
    w->incarnation++;
    w->wake_at_ms = w->paused_until_ms = 0;
    w->problem = (struct problem){0};
    memset(w->fenced, 0, sizeof(w->fenced));
    getcontext(&w->context);
    w->context.uc_stack.ss_sp = stacks[w->number];
    w->context.uc_stack.ss_size = STACK_BYTES;
    makecontext(&w->context, body, 0);
    TRACE("worker %d starts", w->number);
}

void worker_resume(struct worker *w) {
    world.running = w;
    swapcontext(&scheduler, &w->context);
    world.running = NULL;
}

static void yield(struct worker *w) {
    swapcontext(&w->context, &scheduler);
}

void worker_sleep(int64_t ms) {
    struct worker *w = world.running;
    if (w->dead) {
        w->dead_ms += ms > 0 ? ms : 1;
        return;
    }
    w->wake_at_ms = world.now_ms + ms;
    yield(w);
}

// What it has for that: its drain, the farewell, and what may be under way: a question for the log's bounds.
void worker_ask_to_stop(struct worker *w) {
    TRACE("worker %d is asked to stop", w->number);
    w->stop_asked = true;
    w->stop_by_ms = world.now_ms + w->startup.basis.settings.shutdown_drain_ms + STOP_MS;
    w->loop->stop_requests++;
}

// From here on nothing that it does reaches the world; it runs to its end at once.
void worker_kill(struct worker *w) {
    TRACE("worker %d is killed", w->number);
    w->dead = true;
    w->dead_ms = world.now_ms;
    network_forget(w);
    group_leave(w);
    if (w->loop != NULL)
        w->loop->stop_requests = 2;
    for (int i = 0; w->alive; i++) {
        if (i == 1000)
            world_violated("a killed worker does not come to an end");
        worker_resume(w);
    }
}

struct pipeline *worker_pipeline(const struct worker *w) {
    return w->alive && w->source != NULL ? w->source->context : NULL;
}

// ---- the loop

void loop_init(struct loop *l) {
    memset(l, 0, sizeof(*l));
    world.running->loop = l;
}

void loop_fini(struct loop *l) {
    world.running->loop = NULL;
}

void loop_turn(struct loop *l, int wait_ms) {
    struct worker *w = world.running;
    if (w->dead) {
        l->stop_requests = 2;
        w->dead_ms += wait_ms + 1;
        return;
    }
    w->wake_at_ms = world.now_ms + wait_ms;
    yield(w);
    if (w->dead)
        l->stop_requests = 2;
    else
        network_answers(w);
}

int64_t loop_now_ms(const struct loop *l) {
    return clock_monotonic_ms();
}

// ---- the clocks

int64_t clock_monotonic_ms(void) {
    const struct worker *w = world.running;
    return w != NULL && w->dead ? w->dead_ms : world.now_ms;
}

int64_t clock_monotonic_ns(void) {
    return clock_monotonic_ms() * 1000000;
}

int64_t clock_wall_ms(void) {
    return LOG_TIME_MS + world.now_ms + (world.running != NULL ? world.running->wall_shift_ms : 0);
}

// ---- probes: none

enum status http_create(struct http **h, struct loop *l, const char *listen, http_handler handler,
                        void *context, struct problem *p) {
    *h = NULL;
    return STATUS_OK;
}

unsigned http_port(const struct http *h) {
    return 0;
}

uint64_t http_shown_out(const struct http *h) {
    return 0;
}

void http_destroy(struct http **h) {}

// ---- the log: lines of the trace

bool log_enabled(enum log_level level) {
    return world.tracing;
}

void log_configure(const char *level, const char *format) {}

void log_write(enum log_level level, const char *event, const struct log_field *fields, unsigned count) {
    char line[512];
    int length = 0;
    if (!world.tracing || (world.running != NULL && world.running->dead))
        return;
    for (unsigned i = 0; i < count && length < (int)sizeof(line) - 200; i++) {
        const struct log_value *v = &fields[i].value;
        length += v->type == LOG_VALUE_TEXT
                      ? snprintf(line + length, 160, " %s=%.100s", fields[i].name, v->text)
                      : snprintf(line + length, 160, " %s=%lld", fields[i].name,
                                 (long long)(v->type == LOG_VALUE_INT ? v->integer : (int64_t)v->real));
    }
    line[length] = '\0';
    world_trace("worker %d says %s%s", world.running != NULL ? world.running->number : -1, event, line);
}

void log_problem(enum log_level level, const char *event, const struct problem *p) {
    log_write(level, event,
              (struct log_field[]){FIELD("code", LOG_TEXT(p->code)), FIELD("what", LOG_TEXT(p->what))}, 2);
}

// A bug that the product itself has found.
void check_failed(const char *condition, const char *file, int line) {
    world_violated("%s:%d: %s", file, line, condition);
}

// ---- stream/deadletter.h: acknowledgements that take their time

static uint32_t letter_bit(int32_t index) {
    return 1u << (index < 0 ? LOG_WHOLE : index);
}

// By the rules that the worker has, which may not be the newest.
static void check_letter(const struct worker *w, const struct record *record, int32_t index) {
    const struct rules *rules = rules_at(&w->startup.basis.rules, record->time_ms);
    const struct log_record *r = &world.log.at[record->partition].records[record->offset];
    if (!w->dead && !world_log_is_another() && (r->refused[rules->version - 1] & letter_bit(index)) == 0)
        world_violated("worker %d writes a dead letter of %d/%lld/%d, which is right", w->number,
                       record->partition, (long long)record->offset, index);
}

enum status deadletter_create(struct deadletter **d, const struct settings *settings,
                              const struct config_pair *passthrough, size_t passthrough_count,
                              struct loop *loop, struct problem *problem) {
    *d = memory_take(sizeof(**d));
    (*d)->worker = world.running;
    world.running->letters = *d;
    return STATUS_OK;
}

void deadletter_destroy(struct deadletter **d, int timeout_ms) {
    if (*d != NULL)
        (*d)->worker->letters = NULL;
    free(*d);
    *d = NULL;
}

uint64_t deadletter_send(struct deadletter *d, const struct record *record, int32_t index, struct slice part,
                         enum reject reason) {
    CHECK(d->sent < sizeof(d->letters) / sizeof(d->letters[0]));
    check_letter(d->worker, record, index);
    d->letters[d->sent++] = (struct letter){record->partition, index, record->offset};
    d->withheld += d->withholding;
    TRACE("worker %d writes a dead letter of %d/%lld/%d", d->worker->number, record->partition,
          (long long)record->offset, index);
    return d->sent;
}

void deadletter_withhold(struct deadletter *d) {
    d->withholding = true;
}

void deadletter_release(struct deadletter *d) {
    d->withholding = false;
    d->withheld = 0;
}

void deadletter_discard(struct deadletter *d) {
    d->sent -= d->withheld;
    deadletter_release(d);
}

uint64_t deadletter_sent(const struct deadletter *d) {
    return d->sent;
}

uint64_t deadletter_settled(const struct deadletter *d) {
    return d->settled;
}

uint64_t deadletter_acknowledged(const struct deadletter *d, enum reject reason) {
    return 0; // told in a metric, which nobody reads here
}

// A few are many here: so that what a poll gave is left, and given again.
bool deadletter_full(const struct deadletter *d) {
    enum { FULL = 6 };
    return d->sent - d->settled > FULL;
}

void deadletter_poll(struct deadletter *d, int64_t now_ms) {
    while (!d->worker->dead && d->settled < d->sent - d->withheld && d->next_at_ms <= world.now_ms &&
           world.now_ms >= world.letters_stall_until_ms) {
        const struct letter *letter = &d->letters[d->settled++];
        struct log_record *r = &world.log.at[letter->partition].records[letter->offset];
        if (!world_log_is_another())
            r->lettered |= letter_bit(letter->index);
        d->next_at_ms = world.now_ms + chance_between(&world.net, 0, 60);
    }
}
