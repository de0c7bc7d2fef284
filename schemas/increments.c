#include "schemas/increments.h"

static enum counter counter_of(const struct measure *m, const struct event *e, const struct rules *rules) {
    bool untracked =
        m->counter == COUNTER_MENTIONS_RIVAL && !rules_track(rules, e->account, e->tracked_brand);
    return untracked ? COUNTER_MENTIONS_UNTRACKED : m->counter;
}

void increments_of(struct increments *out, const struct event *e, const struct rules *rules) {
    const struct kind_row *kind = kind_find(e->kind);
    out->count = 0;
    out->has_kind = kind == NULL || kind->counter != COUNTER_NONE;
    if (out->has_kind) {
        field_code field = kind != NULL ? field_counter(kind->counter) : field_kind(e->kind);
        out->at[out->count++] = (struct increment){field, e->delta};
    }
    for (uint32_t i = 0; i < e->measure_count; i++) {
        const struct measure *m = &e->measures[i];
        enum counter counter = counter_of(m, e, rules);
        field_code field = field_counter(counter);
        if (counter_row(counter)->by_currency)
            field = field_currency(field, e->currency);
        out->at[out->count++] = (struct increment){field, m->value};
    }
}
