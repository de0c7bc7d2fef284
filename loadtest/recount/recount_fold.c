#include "loadtest/recount/recount_fold.h"

#include <stdlib.h>

#include "runtime/check.h"
#include "runtime/hash.h"
#include "runtime/memory.h"

static size_t cell(const struct recount_fold *f, uint32_t shard, int32_t partition) {
    return (size_t)shard * (size_t)f->setup->partitions + (size_t)partition;
}

void recount_fold_init(struct recount_fold *f, const struct fold_setup *setup, struct recount_model *model) {
    size_t partitions = (size_t)setup->partitions;
    size_t cells = partitions * model->space->shards;
    *f = (struct recount_fold){.setup = setup, .model = model};
    f->dedup = memory_take(partitions * sizeof(*f->dedup));
    f->from = memory_take(cells * sizeof(*f->from));
    f->to = memory_take(cells * sizeof(*f->to));
    f->low = memory_take(partitions * sizeof(*f->low));
    f->high = memory_take(partitions * sizeof(*f->high));
    f->rejected_to = memory_take(partitions * sizeof(*f->rejected_to));
    f->common = memory_take(partitions * sizeof(*f->common));
    f->own = memory_take(cells * sizeof(*f->own));
    for (size_t p = 0; p < partitions; p++) {
        f->common[p].offset = -1;
        f->low[p] = f->high[p] = setup->starts[p];
    }
    for (size_t i = 0; i < cells; i++) {
        f->own[i].offset = -1;
        f->to[i] = setup->starts[i % partitions];
    }
}

void recount_fold_fini(struct recount_fold *f) {
    for (int32_t p = 0; p < f->setup->partitions; p++)
        recount_dedup_fini(&f->dedup[p]);
    recount_events_fini(&f->events);
    free(f->dedup);
    free(f->from);
    free(f->to);
    free(f->low);
    free(f->high);
    free(f->rejected_to);
    free(f->common);
    free(f->own);
    *f = (struct recount_fold){0};
}

void recount_fold_round(struct recount_fold *f, const int64_t *marks) {
    uint32_t shards = f->model->space->shards;
    f->tally.lag = 0;
    for (int32_t p = 0; p < f->setup->partitions; p++) {
        recount_dedup_fini(&f->dedup[p]);
        f->rejected_to[p] = f->high[p];
        f->low[p] = INT64_MAX;
        for (uint32_t s = 0; s < shards; s++) {
            size_t i = cell(f, s, p);
            f->from[i] = f->to[i];
            f->to[i] = marks[i] > f->from[i] ? marks[i] : f->from[i];
            f->low[p] = f->to[i] < f->low[p] ? f->to[i] : f->low[p];
            f->high[p] = f->to[i] > f->high[p] ? f->to[i] : f->high[p];
        }
    }
}

int64_t recount_fold_begin(const struct recount_fold *f, int32_t partition) {
    int64_t begin = INT64_MAX;
    for (uint32_t s = 0; s < f->model->space->shards; s++) {
        size_t i = cell(f, s, partition);
        begin = f->from[i] < begin ? f->from[i] : begin;
    }
    return begin > f->setup->dedup_span ? begin - f->setup->dedup_span : 0;
}

// XXH3-64 of the time, seeding that of the key, seeding that of the value.
static uint64_t fingerprint(const struct recount_record *r) {
    uint64_t seed = hash_bytes(&r->time_ms, sizeof(r->time_ms), 0);
    seed = hash_slice(r->key, seed);
    return hash_slice(r->value, seed);
}

static void note_last(struct recount_fold *f, const struct recount_record *r) {
    int32_t p = r->partition;
    if (r->offset < f->setup->starts[p] || r->offset >= f->high[p])
        return;
    struct fold_last last = {r->offset, r->time_ms, fingerprint(r)};
    if (r->offset < f->low[p]) {
        f->common[p] = last;
        return;
    }
    for (uint32_t s = 0; s < f->model->space->shards; s++) {
        if (r->offset < f->to[cell(f, s, p)])
            f->own[cell(f, s, p)] = last;
    }
}

static bool is_tallied(const struct recount_fold *f, const struct recount_record *r) {
    return r->offset >= f->rejected_to[r->partition] && r->offset < f->high[r->partition];
}

static void tally_reject(struct recount_fold *f, const struct recount_record *r, enum reject reject) {
    if (!is_tallied(f, r))
        return;
    f->tally.read++;
    f->tally.rejected_all++;
    f->tally.rejected[reject]++;
}

static void fold_event(struct recount_fold *f, const struct recount_record *r, const Clameur__V1__Event *e) {
    const struct rules *rules = rules_at(f->setup->rules, r->time_ms);
    enum reject reject = recount_judge(e, rules, r->time_ms);
    if (reject != REJECT_NONE)
        return tally_reject(f, r, reject);
    bool duplicate =
        recount_dedup_seen(&f->dedup[r->partition], e->event_id.data, r->offset, f->setup->dedup_span);
    size_t i = cell(f, key_shard(f->model->space, recount_text(e->account_id)), r->partition);
    if (r->offset < f->from[i] || r->offset >= f->to[i])
        return;
    f->tally.read++;
    if (duplicate) {
        f->tally.duplicates++;
        return;
    }
    f->tally.counted++;
    unsigned char actor[RECOUNT_PSEUDONYM_SIZE];
    if (e->actor_id.len > 0)
        recount_pseudonym(f->setup->keys, r->time_ms, (uint32_t)e->platform, recount_text(e->actor_id),
                          actor);
    recount_model_count(f->model, e, rules, r->time_ms, e->actor_id.len > 0 ? actor : NULL);
}

void recount_fold_record(struct recount_fold *f, const struct recount_record *r) {
    CHECK(r->partition >= 0 && r->partition < f->setup->partitions);
    f->tally.records += is_tallied(f, r);
    if (r->offset >= f->low[r->partition])
        f->tally.lag++;
    note_last(f, r);
    enum reject reject = recount_events_read(&f->events, &f->setup->framing, r->value);
    if (reject != REJECT_NONE)
        tally_reject(f, r, reject);
    for (size_t i = 0; i < f->events.count; i++)
        fold_event(f, r, f->events.at[i]);
    recount_events_clear(&f->events);
}

struct fold_last recount_fold_last(const struct recount_fold *f, uint32_t shard, int32_t partition) {
    const struct fold_last *own = &f->own[cell(f, shard, partition)];
    return own->offset > f->common[partition].offset ? *own : f->common[partition];
}
