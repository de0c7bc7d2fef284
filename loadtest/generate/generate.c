#include "loadtest/generate/generate.h"

#include <stdlib.h>

#include "loadtest/generate/bodies.h"
#include "loadtest/generate/compose.h"
#include "loadtest/generate/spoil.h"
#include "runtime/check.h"
#include "runtime/memory.h"

enum {
    BURST_CYCLE_S = 30,
    BURST_CALM_MS = 25000,
    BURST_MS = 5000,
    BURST_CONTENTS = 1000, // hot contents come from the middle of the ranks
    MINUTE_MS = 60000,
    HOUR_MS = 3600000,
    DAY_MS = 86400000,
};

struct generator {
    struct generate_options options;
    struct world world;
    uint64_t thresholds[FATE_COUNT]; // of a random 64-bit ticket, cumulated; that of the plain is the end
    struct draft draft, sale;
    char key[DRAFT_KEY_MAX];
    uint8_t packed[DRAFT_PACKED_MAX];
};

// share x 2^64, as far as it fits.
static uint64_t threshold_of(double share) {
    if (share >= 1)
        return UINT64_MAX;
    return share <= 0 ? 0 : (uint64_t)(share * 0x1p64);
}

struct generator *generator_create(const struct generate_options *options) {
    CHECK(options->rate >= 1 && options->rate <= GENERATE_RATE_MAX);
    CHECK(options->accounts >= 1 && options->actors >= 1);
    struct generator *g = memory_take(sizeof(*g));
    g->options = *options;
    g->world = (struct world){
        .seed = options->seed,
        .mix = options->mix,
        .mix_weight = mix_weight(options->mix),
        .accounts = options->accounts,
        .actors = options->actors,
    };
    zipf_init(&g->world.contents, options->contents, options->zipf);
    double sum = options->duplicates;
    g->thresholds[FATE_DUPLICATE] = threshold_of(sum);
    g->thresholds[FATE_LATE] = threshold_of(sum += options->late);
    g->thresholds[FATE_MALFORMED] = threshold_of(sum += options->malformed);
    g->thresholds[FATE_FUTURE] = threshold_of(sum + options->future);
    return g;
}

void generator_destroy(struct generator **g) {
    free(*g);
    *g = NULL;
}

// --- Time

static int64_t calm_time(uint64_t index, uint64_t rate) {
    return (int64_t)(index / rate * 1000 + index % rate * 1000 / rate);
}

// Half of a cycle's events in its first 25 s, the other half in its last 5.
static int64_t burst_time(uint64_t index, uint64_t rate, bool *hot) {
    uint64_t cycle = BURST_CYCLE_S * rate, half = cycle / 2, at = index % cycle;
    int64_t start_ms = (int64_t)(index / cycle) * BURST_CYCLE_S * 1000;
    *hot = at >= half;
    if (!*hot)
        return start_ms + (int64_t)(at * BURST_CALM_MS / half);
    return start_ms + BURST_CALM_MS + (int64_t)((at - half) * BURST_MS / half);
}

static void set_moment(const struct generator *g, uint64_t index, struct moment *m) {
    const struct generate_options *o = &g->options;
    uint64_t rate = (uint64_t)o->rate;
    bool hot = false;
    int64_t offset_ms = o->bursts ? burst_time(index, rate, &hot) : calm_time(index, rate);
    *m = (struct moment){.index = index, .sent_ms = o->start_ms + offset_ms};
    if (!hot)
        return;
    struct random r = random_at(o->seed, RANDOM_STREAM_BURST, index / (BURST_CYCLE_S * rate));
    m->hot_content = 1 + random_below(&r, o->contents < BURST_CONTENTS ? o->contents : BURST_CONTENTS);
}

// --- Fates

// The fate that the ticket of an event says. Whether a duplicate finds something to repeat is another
// question.
static enum fate draw_fate(const struct generator *g, uint64_t index) {
    struct random r = random_at(g->options.seed, RANDOM_STREAM_FATE, index);
    uint64_t ticket = random_next(&r);
    for (enum fate fate = FATE_DUPLICATE; fate < FATE_COUNT; fate++) {
        if (ticket < g->thresholds[fate])
            return fate;
    }
    return FATE_PLAIN;
}

static int64_t draw_shift(const struct generator *g, uint64_t index, enum fate fate) {
    struct random r = random_at(g->options.seed, RANDOM_STREAM_FATE, index);
    uint64_t ticket = random_next(&r);
    if (fate == FATE_FUTURE)
        return random_between(&r, 6 * MINUTE_MS, 2 * DAY_MS);
    if (fate != FATE_LATE)
        return 0;
    // Half within the 48 hours in which an order still counts.
    return ticket % 2 == 0 ? -random_between(&r, 2 * HOUR_MS, 47 * HOUR_MS)
                           : -random_between(&r, 49 * (int64_t)HOUR_MS, 20 * (int64_t)DAY_MS);
}

// An earlier event, plain or late, within the window; UINT64_MAX where there is none.
static uint64_t find_original(const struct generator *g, uint64_t index) {
    uint64_t window = index < GENERATE_DUPLICATE_WINDOW ? index : GENERATE_DUPLICATE_WINDOW;
    if (window == 0)
        return UINT64_MAX;
    struct random r = random_at(g->options.seed, RANDOM_STREAM_FATE, index);
    random_next(&r); // the ticket
    for (uint64_t back = 1 + random_below(&r, window); back <= window; back++) {
        enum fate fate = draw_fate(g, index - back);
        if (fate == FATE_PLAIN || fate == FATE_LATE)
            return index - back;
    }
    return UINT64_MAX;
}

// --- Refunds

static bool is_sale(const struct generator *g, uint64_t index) {
    enum fate fate = draw_fate(g, index);
    return (fate == FATE_PLAIN || fate == FATE_LATE) && compose_kind(&g->world, index) == KIND_PURCHASE;
}

// An earlier purchase within the window; UINT64_MAX where there is none.
static uint64_t find_sale(const struct generator *g, uint64_t index, struct random *r) {
    uint64_t window = index < GENERATE_DUPLICATE_WINDOW ? index : GENERATE_DUPLICATE_WINDOW;
    uint64_t back = window > 0 ? 1 + random_below(r, window) : 1;
    while (back <= window && !is_sale(g, index - back))
        back++;
    return back <= window ? index - back : UINT64_MAX;
}

// Most refunds are of a sale that was made.
static void refund_sale(struct generator *g, uint64_t index) {
    struct random r = random_at(g->options.seed, RANDOM_STREAM_REFUND, index);
    struct moment moment;
    if (g->draft.event.kind != (Clameur__V1__Kind)KIND_REFUND || random_percent(&r, 25))
        return;
    uint64_t sale = find_sale(g, index, &r);
    if (sale == UINT64_MAX)
        return;
    set_moment(g, sale, &moment);
    moment.shift_ms = draw_shift(g, sale, draw_fate(g, sale));
    compose_event(&g->world, &moment, &g->sale);
    body_refund_of(&g->draft, &g->sale, &r);
}

// --- The event

static void pack(struct generator *g, struct generated *out) {
    out->key = (struct slice){g->key, draft_key(&g->draft, g->key)};
    out->value = (struct slice){(const char *)g->packed, draft_pack(&g->draft, g->packed)};
}

static void make_malformed(struct generator *g, uint64_t index, struct generated *out) {
    struct random r = random_at(g->options.seed, RANDOM_STREAM_FATE, index);
    random_next(&r); // the ticket
    const struct spoil *spoil = &spoils[random_below(&r, spoil_count)];
    out->key = (struct slice){g->key, draft_key(&g->draft, g->key)};
    if (spoil->write != NULL)
        spoil->write(&g->draft);
    size_t length = draft_pack(&g->draft, g->packed);
    if (spoil->break_bytes != NULL)
        length = spoil->break_bytes(g->packed, length, &r);
    out->value = (struct slice){spoil->reason == REJECT_NULL_VALUE ? NULL : (const char *)g->packed, length};
    out->reason = spoil->reason;
    out->stands_alone = spoil_stands_alone(spoil);
}

void generator_make(struct generator *g, uint64_t index, struct generated *out) {
    struct moment moment;
    set_moment(g, index, &moment);
    *out = (struct generated){.sent_ms = moment.sent_ms, .fate = draw_fate(g, index)};
    if (out->fate == FATE_DUPLICATE) {
        uint64_t original = find_original(g, index);
        if (original == UINT64_MAX)
            out->fate = FATE_PLAIN;
        else {
            index = original;
            set_moment(g, index, &moment);
        }
    }
    // A duplicate is written as its original was: by that one's own fate.
    enum fate written = out->fate == FATE_DUPLICATE ? draw_fate(g, index) : out->fate;
    moment.shift_ms = draw_shift(g, index, written);
    compose_event(&g->world, &moment, &g->draft);
    refund_sale(g, index);
    const ProtobufCBinaryData account = g->draft.event.account_id;
    out->account = (struct slice){(const char *)account.data, account.len};
    if (out->fate == FATE_MALFORMED)
        make_malformed(g, index, out);
    else
        pack(g, out);
}
