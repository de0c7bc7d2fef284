// Purchases: which of the copies of an order counts, once all are together. And the merge, which brings them
// together.
#include "runtime/check.h"
#include "runtime/hash.h"
#include "schemas/rows/rows_table.h"

// The rank of a copy among those of its order.
int rows_rank_order(const struct order *a, const struct order *b) {
    if (a->occurred_at_ms != b->occurred_at_ms)
        return a->occurred_at_ms < b->occurred_at_ms ? -1 : 1;
    return memcmp(a->event_id, b->event_id, EVENT_ID_SIZE);
}

static int number_order(uint64_t a, uint64_t b) {
    return (a > b) - (a < b);
}

static int slices_order(const struct slice *a, uint32_t a_count, const struct slice *b, uint32_t b_count) {
    for (uint32_t i = 0; i < a_count && i < b_count; i++) {
        int differs = slice_compare(a[i], b[i]);
        if (differs != 0)
            return differs;
    }
    return number_order(a_count, b_count);
}

int rows_subject_order(const struct subject *a, const struct subject *b) {
    const int differences[] = {number_order(a->platform, b->platform),
                               number_order(a->origin, b->origin),
                               number_order(a->format, b->format),
                               number_order(a->paid, b->paid),
                               slice_compare(a->content, b->content),
                               slice_compare(a->campaign, b->campaign),
                               slices_order(a->tags, a->tag_count, b->tags, b->tag_count),
                               slices_order(a->topics, a->topic_count, b->topics, b->topic_count)};
    for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]); i++) {
        if (differences[i] != 0)
            return differences[i];
    }
    return 0;
}

// Of two purchases that bear one event id but say different things, one is kept, the same whatever came
// first.
static int twin_order(const struct order *a, const struct order *b) {
    int differs = rows_subject_order(&a->subject, &b->subject);
    const struct increments *x = &a->increments, *y = &b->increments;
    for (uint32_t i = 0; differs == 0 && i < x->count && i < y->count; i++) {
        differs = number_order(x->at[i].field, y->at[i].field);
        if (differs == 0)
            differs = number_order((uint64_t)x->at[i].value, (uint64_t)y->at[i].value);
    }
    return differs != 0 ? differs : number_order(x->count, y->count);
}

static uint32_t group_hash(uint32_t account, const unsigned char order[ORDER_SIZE]) {
    return slots_hash(hash_bytes(order, ORDER_SIZE, account));
}

static uint32_t order_hash(uint32_t account, const struct order *order) {
    unsigned char bytes[ORDER_SIZE + EVENT_ID_SIZE + sizeof(int64_t)];
    memcpy(bytes, order->order, ORDER_SIZE);
    memcpy(bytes + ORDER_SIZE, order->event_id, EVENT_ID_SIZE);
    memcpy(bytes + ORDER_SIZE + EVENT_ID_SIZE, &order->occurred_at_ms, sizeof(int64_t));
    return slots_hash(hash_bytes(bytes, sizeof(bytes), account));
}

static bool is_of_group(const struct kept_order *kept, uint32_t account,
                        const unsigned char order[ORDER_SIZE]) {
    return kept->account == account && memcmp(kept->order->order, order, ORDER_SIZE) == 0;
}

// The slot of the least copy of an order, or the free one where it would stand.
static struct slot *least_slot(const struct rows *r, uint32_t account,
                               const unsigned char order[ORDER_SIZE]) {
    uint32_t hash = group_hash(account, order);
    struct slot *slot = slots_first(&r->least_slots, hash);
    while (slot->number != 0 &&
           (slot->hash != hash || !is_of_group(&r->orders.at[slot->number - 1], account, order)))
        slot = slots_next(&r->least_slots, slot);
    return slot;
}

static const struct slice *slices_keep(struct rows *r, const struct slice *from, uint32_t count) {
    if (count == 0)
        return NULL;
    struct slice *copy = arena_take(&r->ids, count * sizeof(*copy));
    for (uint32_t i = 0; i < count; i++)
        copy[i] = rows_keep(r, from[i]);
    return copy;
}

void rows_keep_subject(struct rows *r, struct subject *s, uint32_t account) {
    s->account = r->accounts.at[account];
    s->content = rows_keep(r, s->content);
    s->campaign = rows_keep(r, s->campaign);
    s->tags = slices_keep(r, s->tags, s->tag_count);
    s->topics = slices_keep(r, s->topics, s->topic_count);
}

static struct order *order_copy(struct rows *r, const struct order *order, uint32_t account) {
    size_t size = offsetof(struct order, increments.at) + order->increments.count * sizeof(struct increment);
    struct order *copy = arena_take(&r->ids, size);
    memcpy(copy, order, size);
    rows_keep_subject(r, &copy->subject, account);
    return copy;
}

static void keep_twin(struct rows *r, uint32_t number, const struct order *order, bool settled) {
    struct kept_order *kept = &r->orders.at[number];
    uint64_t again = kept->order->again + 1 + order->again;
    if (!kept->settled && twin_order(order, kept->order) < 0)
        kept->order = order_copy(r, order, kept->account);
    kept->order->again = again;
    kept->settled |= settled;
}

static void keep_least(struct rows *r, uint32_t number) {
    const struct kept_order *kept = &r->orders.at[number];
    struct slot *least = least_slot(r, kept->account, kept->order->order);
    if (least->number == 0)
        slots_fill(&r->least_slots, least, group_hash(kept->account, kept->order->order), number);
    else if (rows_rank_order(kept->order, r->orders.at[least->number - 1].order) < 0)
        least->number = number + 1;
}

void rows_keep_order(struct rows *r, const struct order *order, bool settled) {
    CHECK(order->increments.has_kind && order->increments.count > 0 &&
          order->increments.count <= INCREMENTS_MAX);
    uint32_t account = rows_account(r, order->subject.account);
    uint32_t hash = order_hash(account, order);
    struct slot *slot = slots_first(&r->order_slots, hash);
    for (; slot->number != 0; slot = slots_next(&r->order_slots, slot)) {
        const struct kept_order *kept = &r->orders.at[slot->number - 1];
        if (slot->hash == hash && is_of_group(kept, account, order->order) &&
            rows_rank_order(order, kept->order) == 0) {
            keep_twin(r, slot->number - 1, order, settled);
            return;
        }
    }
    CHECK(r->orders.count < ROWS_FIRST);
    rows_append(&r->orders, (struct kept_order){order_copy(r, order, account), account, settled});
    uint32_t number = r->orders.count - 1;
    slots_fill(&r->order_slots, slot, hash, number);
    keep_least(r, number);
}

void rows_add_order(struct rows *r, const struct order *order) {
    rows_keep_order(r, order, false);
}

const struct order *rows_least_order(const struct rows *r, struct slice account,
                                     const unsigned char order[ORDER_SIZE]) {
    uint32_t known = r != NULL ? rows_account_find(r, account) : ROWS_END;
    uint32_t number = known != ROWS_END ? least_slot(r, known, order)->number : 0;
    return number != 0 ? r->orders.at[number - 1].order : NULL;
}

static void count_copies(struct rows *r, const struct subject *s, uint64_t copies) {
    if (copies == 0)
        return;
    struct row_key key = {.table = TABLE_TOTALS,
                          .platform = s->platform,
                          .origin = s->origin,
                          .format = s->format,
                          .paid = s->paid,
                          .account = s->account};
    rows_add(r, rows_row(r, &key), field_counter(COUNTER_ORDER_COPIES), (int64_t)copies);
}

void rows_settle(struct rows *r, const struct rows *earlier) {
    for (uint32_t i = 0; i < r->orders.count; i++) {
        struct kept_order *kept = &r->orders.at[i];
        if (kept->settled)
            continue;
        kept->settled = true;
        const struct order *before =
            rows_least_order(earlier, kept->order->subject.account, kept->order->order);
        bool is_least = least_slot(r, kept->account, kept->order->order)->number == i + 1;
        bool counts = is_least && (before == NULL || rows_rank_order(kept->order, before) <= 0);
        if (counts)
            rows_add_subject(r, &kept->order->subject, &kept->order->increments);
        count_copies(r, &kept->order->subject, kept->order->again + !counts);
    }
}

size_t rows_order_count(const struct rows *r) {
    return r->orders.count;
}

const struct order *rows_order(const struct rows *r, size_t number) {
    CHECK(number < r->orders.count);
    return r->orders.at[number].order;
}

// Numbers of one table as they are in another.
struct translation {
    uint32_t *accounts, *fields;
};

// A row on its way into another table.
struct merging {
    struct row_key key;
    uint32_t account, hash;
};

static void merging_init(struct merging *m, const struct rows *from, uint32_t number,
                         const struct translation *t) {
    m->key = rows_key(from, number);
    m->account = t->accounts[from->rows.at[number].account];
    m->hash = rows_hash(m->account, &m->key);
}

static void merge_row(struct rows *r, const struct rows *from, uint32_t number, const struct merging *m,
                      const struct translation *t) {
    uint32_t row = rows_row_of(r, m->account, &m->key, m->hash);
    const struct row *theirs = &from->rows.at[number];
    for (uint32_t i = 0; i < theirs->cell_count; i++) {
        struct row_cell cell = row_cell(from, theirs, i);
        rows_add_cell(r, row, t->fields[cell.field], cell.value);
    }
}

// Rows are looked up in no order that the cache knows: each is fetched while those before it are added.
static void merge_rows(struct rows *r, const struct rows *from, const struct translation *t) {
    struct merging ahead[ROWS_AHEAD];
    for (uint32_t i = 0; i < from->rows.count + ROWS_AHEAD; i++) {
        struct merging *m = &ahead[i % ROWS_AHEAD];
        if (i >= ROWS_AHEAD)
            merge_row(r, from, i - ROWS_AHEAD, m, t);
        if (i >= from->rows.count)
            continue;
        merging_init(m, from, i, t);
        rows_prefetch(r, m->hash);
    }
}

void rows_merge(struct rows *r, const struct rows *from) {
    CHECK(r != from);
    struct translation t = {memory_grow(NULL, from->accounts.count + 1, sizeof(uint32_t)),
                            memory_grow(NULL, from->fields.count + 1, sizeof(uint32_t))};
    for (uint32_t i = 0; i < from->accounts.count; i++)
        t.accounts[i] = rows_account(r, from->accounts.at[i]);
    for (uint32_t i = 0; i < from->fields.count; i++)
        t.fields[i] = rows_field(r, from->fields.at[i]);
    merge_rows(r, from, &t);
    for (uint32_t i = 0; i < from->orders.count; i++)
        rows_keep_order(r, from->orders.at[i].order, from->orders.at[i].settled);
    for (uint32_t i = 0; i < from->refunds.count; i++) {
        if (!from->refunds.at[i].settled)
            rows_add_refund(r, from->refunds.at[i].refund);
    }
    for (uint32_t i = 0; i < from->sketches.count; i++)
        rows_keep_sketch(r, &from->sketches.at[i].sketch);
    for (uint32_t i = 0; i < from->readings.count; i++)
        rows_add_reading(r, &from->readings.at[i]);
    for (uint32_t i = 0; i < from->live.count; i++)
        rows_add_live(r, &from->live.at[i].live);
    free(t.accounts);
    free(t.fields);
}
