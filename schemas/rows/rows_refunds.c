// Refunds: they count where their order does, which is known only once that is looked up. Until then they
// are sums by order, and so by what they say of themselves.
#include "runtime/check.h"
#include "runtime/hash.h"
#include "schemas/rows/rows_table.h"

static int number_order(int64_t a, int64_t b) {
    return (a > b) - (a < b);
}

static int field_name_order(field_code a, field_code b) {
    char x[FIELD_MAX], y[FIELD_MAX];
    size_t x_length = field_write(x, a), y_length = field_write(y, b);
    return slice_compare((struct slice){x, x_length}, (struct slice){y, y_length});
}

static int fields_order(const struct increments *a, const struct increments *b) {
    for (uint32_t i = 0; i < a->count && i < b->count; i++) {
        int differs = a->at[i].field == b->at[i].field ? 0 : field_name_order(a->at[i].field, b->at[i].field);
        if (differs != 0)
            return differs;
    }
    return number_order(a->count, b->count);
}

int rows_refund_order(const struct refund *a, const struct refund *b) {
    int differs = slice_compare(a->subject.account, b->subject.account);
    if (differs == 0)
        differs = memcmp(a->order, b->order, ORDER_SIZE);
    if (differs == 0)
        differs = number_order(a->order_occurred_at_ms, b->order_occurred_at_ms);
    if (differs == 0)
        differs = rows_subject_order(&a->subject, &b->subject);
    return differs != 0 ? differs : fields_order(&a->increments, &b->increments);
}

static uint32_t refund_hash(uint32_t account, const struct refund *refund) {
    uint64_t hash = hash_bytes(refund->order, ORDER_SIZE, account);
    return slots_hash(hash_bytes(&refund->order_occurred_at_ms, sizeof(refund->order_occurred_at_ms), hash));
}

static struct refund *refund_copy(struct rows *r, const struct refund *refund, uint32_t account) {
    size_t size =
        offsetof(struct refund, increments.at) + refund->increments.count * sizeof(struct increment);
    struct refund *copy = arena_take(&r->ids, size);
    memcpy(copy, refund, size);
    rows_keep_subject(r, &copy->subject, account);
    return copy;
}

static void refund_sum(struct refund *kept, const struct refund *refund) {
    struct increment *at = kept->increments.at;
    for (uint32_t i = 0; i < kept->increments.count; i++)
        at[i].value = (int64_t)((uint64_t)at[i].value + (uint64_t)refund->increments.at[i].value);
}

void rows_add_refund(struct rows *r, const struct refund *refund) {
    CHECK(refund->increments.has_kind && refund->increments.count > 0 &&
          refund->increments.count <= INCREMENTS_MAX);
    uint32_t account = rows_account(r, refund->subject.account);
    uint32_t hash = refund_hash(account, refund);
    struct slot *slot = slots_first(&r->refund_slots, hash);
    for (; slot->number != 0; slot = slots_next(&r->refund_slots, slot)) {
        struct kept_refund *kept = &r->refunds.at[slot->number - 1];
        if (slot->hash == hash && !kept->settled && rows_refund_order(kept->refund, refund) == 0) {
            refund_sum(kept->refund, refund);
            return;
        }
    }
    CHECK(r->refunds.count < ROWS_FIRST);
    rows_append(&r->refunds, (struct kept_refund){refund_copy(r, refund, account), account, false});
    slots_fill(&r->refund_slots, slot, hash, r->refunds.count - 1);
}

// What of a refund's increments is told once more where its order is not known; 0: nothing.
static field_code unattributed(field_code field) {
    enum counter counter;
    char currency[4];
    if (!field_split(field, &counter, currency))
        return 0;
    if (counter == COUNTER_OF_REFUND)
        return field_counter(COUNTER_REFUNDS_UNATTRIBUTED);
    if (counter == COUNTER_REFUNDED_MICROS)
        return field_currency(field_counter(COUNTER_UNATTRIBUTED_MICROS), slice_of(currency));
    return 0;
}

// The kind's counter is that of the increments: so no tag gets any of these.
void rows_add_unattributed(struct rows *r, const struct subject *subject,
                           const struct increments *increments) {
    struct increments told = {.count = 0};
    for (uint32_t i = 0; i < increments->count; i++) {
        field_code field = unattributed(increments->at[i].field);
        if (field != 0)
            told.at[told.count++] = (struct increment){field, increments->at[i].value};
    }
    rows_add_subject(r, subject, increments);
    rows_add_subject(r, subject, &told);
}

static int64_t window_of(const struct refund *refund) {
    return refund->order_occurred_at_ms / (ROWS_WINDOW_S * INT64_C(1000)) * ROWS_WINDOW_S;
}

static int start_order(const void *a, const void *b) {
    return number_order(*(const int64_t *)a, *(const int64_t *)b);
}

size_t rows_refund_windows(const struct rows *r, int64_t **starts) {
    size_t count = 0, kept = 0;
    *starts = memory_take((r->refunds.count + 1) * sizeof(**starts));
    for (uint32_t i = 0; i < r->refunds.count; i++) {
        if (!r->refunds.at[i].settled)
            (*starts)[count++] = window_of(r->refunds.at[i].refund);
    }
    qsort(*starts, count, sizeof(**starts), start_order);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || (*starts)[i] != (*starts)[kept - 1])
            (*starts)[kept++] = (*starts)[i];
    }
    return kept;
}

void rows_settle_refunds(struct rows *r, int64_t start_s, const struct rows *sold) {
    for (uint32_t i = 0; i < r->refunds.count; i++) {
        struct kept_refund *kept = &r->refunds.at[i];
        const struct refund *refund = kept->refund;
        if (kept->settled || window_of(refund) != start_s)
            continue;
        kept->settled = true;
        const struct order *order = rows_least_order(sold, refund->subject.account, refund->order);
        if (order != NULL)
            rows_add_subject(r, &order->subject, &refund->increments);
        else
            rows_add_unattributed(r, &refund->subject, &refund->increments);
    }
}

size_t rows_refund_count(const struct rows *r) {
    return r->refunds.count;
}

const struct refund *rows_refund(const struct rows *r, size_t number) {
    CHECK(number < r->refunds.count);
    return r->refunds.at[number].settled ? NULL : r->refunds.at[number].refund;
}

static int kept_order_of(const void *a, const void *b, void *rows) {
    const struct rows *r = rows;
    return rows_refund_order(r->refunds.at[*(const uint32_t *)a].refund,
                             r->refunds.at[*(const uint32_t *)b].refund);
}

// Those that add up to nothing as well: a window that was looked up once is looked up in every revision.
size_t rows_sort_refunds(const struct rows *r, uint32_t *out) {
    size_t count = 0;
    for (uint32_t i = 0; i < r->refunds.count; i++) {
        if (!r->refunds.at[i].settled)
            out[count++] = i;
    }
    qsort_r(out, count, sizeof(*out), kept_order_of, (void *)(uintptr_t)r);
    return count;
}
