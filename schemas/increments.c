#include "schemas/increments.h"

void increments_of(struct increments *out, const struct event *e) {
    const struct kind_row *kind = kind_find(e->kind);
    out->count = 0;
    out->has_kind = kind == NULL || kind->counter != COUNTER_NONE;
    if (out->has_kind) {
        field_code field = kind != NULL ? field_counter(kind->counter) : field_kind(e->kind);
        out->at[out->count++] = (struct increment){field, e->delta};
    }
    for (uint32_t i = 0; i < e->measure_count; i++) {
        const struct measure *m = &e->measures[i];
        field_code field = field_counter(m->counter);
        if (counter_row(m->counter)->by_currency)
            field = field_currency(field, e->currency);
        out->at[out->count++] = (struct increment){field, m->value};
    }
}
