// Complete Journey: the baskets of households, the mailings they were sent, the coupons they redeemed. A
// basket is a purchase at its store. A mailing is a paid message of its campaign on the campaign's first day,
// at 00:00; a redemption has a day, too, and no basket. The three come out in the order of their times.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "loadtest/recordings/fields.h"
#include "loadtest/recordings/orders.h"
#include "loadtest/recordings/recording.h"
#include "runtime/memory.h"

#define SEED UINT64_C(0x6a6f75726e6579) // "journey"

enum { PATH_MAX_LENGTH = 4096, CAMPAIGN_MAX = 1000 };

// What is not a basket.
struct occasion {
    int64_t at_ms;
    uint32_t kind; // KIND_MESSAGE_SENT, KIND_REDEMPTION
    uint64_t row;  // of its file
    struct order_text campaign, household, coupon;
};

struct complete_journey {
    struct csv transactions;
    struct orders *orders;
    int64_t now_ms;                     // the time of the last line; INT64_MAX at the end
    int64_t began_ms[CAMPAIGN_MAX + 1]; // by campaign; 0: there is none
    struct occasion *occasions;         // in the order of their times
    size_t count, given;
};

// --- Opening

static enum status open_file(struct csv *csv, const char *folder, const char *name, const char *header,
                             struct problem *problem) {
    char path[PATH_MAX_LENGTH];
    snprintf(path, sizeof(path), "%s/%s.csv.zst", folder, name);
    if (access(path, F_OK) != 0)
        snprintf(path, sizeof(path), "%s/%s.csv", folder, name);
    return csv_open(csv, path, header, problem);
}

static bool field_campaign(struct slice text, int64_t *campaign) {
    return field_integer(text, campaign) && *campaign >= 0 && *campaign <= CAMPAIGN_MAX;
}

static struct occasion *add_occasion(struct complete_journey *r, uint32_t kind, const struct csv *csv) {
    if ((r->count & (r->count - 1)) == 0) // full at every power of two
        r->occasions = memory_grow(r->occasions, r->count == 0 ? 1 : 2 * r->count, sizeof(*r->occasions));
    struct occasion *o = &r->occasions[r->count++];
    *o = (struct occasion){.kind = kind, .row = lines_number(csv->lines)};
    return o;
}

static bool take_description(struct complete_journey *r, const struct csv *csv, const struct slice *f) {
    int64_t campaign;
    return field_campaign(f[0], &campaign) && field_time(f[2], &r->began_ms[campaign]);
}

static bool take_mailing(struct complete_journey *r, const struct csv *csv, const struct slice *f) {
    struct occasion *o = add_occasion(r, KIND_MESSAGE_SENT, csv);
    int64_t campaign;
    if (!field_campaign(f[0], &campaign) || r->began_ms[campaign] == 0)
        return false;
    o->at_ms = r->began_ms[campaign];
    return order_text_set(&o->campaign, f[0]) && order_text_set(&o->household, f[1]);
}

static bool take_redemption(struct complete_journey *r, const struct csv *csv, const struct slice *f) {
    struct occasion *o = add_occasion(r, KIND_REDEMPTION, csv);
    return order_text_set(&o->household, f[0]) && order_text_set(&o->coupon, f[1]) &&
           order_text_set(&o->campaign, f[2]) && field_time(f[3], &o->at_ms);
}

static const struct side_file {
    const char *name, *header, *otherwise;
    bool (*take)(struct complete_journey *r, const struct csv *csv, const struct slice *fields);
} side_files[] = {
    {"campaign_descriptions", "campaign_id,campaign_type,start_date,end_date",
     "is not a campaign and its days", take_description},
    {"campaigns", "campaign_id,household_id", "is not a described campaign and a household", take_mailing},
    {"coupon_redemptions", "household_id,coupon_upc,campaign_id,redemption_date",
     "is not a household, a coupon, a campaign and a day", take_redemption},
};

static enum status read_side_file(struct complete_journey *r, const char *folder,
                                  const struct side_file *file, struct problem *problem) {
    struct csv csv;
    enum status status = open_file(&csv, folder, file->name, file->header, problem);
    if (status != STATUS_OK)
        return status;
    struct slice fields[CSV_COLUMNS_MAX];
    while ((status = csv_next(&csv, fields, problem)) == STATUS_OK) {
        if (!file->take(r, &csv, fields)) {
            status = csv_refuse(&csv, problem, file->otherwise);
            break;
        }
    }
    csv_close(&csv);
    return status == STATUS_NO ? STATUS_OK : status;
}

static int by_time(const void *left, const void *right) {
    const struct occasion *a = left, *b = right;
    if (a->at_ms != b->at_ms)
        return a->at_ms < b->at_ms ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

enum status complete_journey_open(const char *path, void **recording, struct problem *problem) {
    struct complete_journey *r = memory_take(sizeof(*r));
    enum status status =
        open_file(&r->transactions, path, "transactions",
                  "household_id,store_id,basket_id,product_id,quantity,sales_value,retail_disc,"
                  "coupon_disc,coupon_match_disc,week,transaction_timestamp",
                  problem);
    for (size_t i = 0; status == STATUS_OK && i < sizeof(side_files) / sizeof(side_files[0]); i++)
        status = read_side_file(r, path, &side_files[i], problem);
    if (status != STATUS_OK) {
        complete_journey_close(r);
        return status;
    }
    if (r->count > 0)
        qsort(r->occasions, r->count, sizeof(*r->occasions), by_time);
    r->orders = orders_create(&(struct orders_shape){
        .platform = CLAMEUR__V1__PLATFORM__PLATFORM_STORE,
        .currency = "USD",
        .seed = SEED,
    });
    *recording = r;
    return STATUS_OK;
}

void complete_journey_close(void *recording) {
    struct complete_journey *r = recording;
    csv_close(&r->transactions);
    orders_destroy(&r->orders);
    free(r->occasions);
    free(r);
}

// --- Baskets

enum { HOUSEHOLD, STORE, BASKET, PRODUCT, QUANTITY, SALES, RETAIL, COUPON, COUPON_MATCH, WEEK, TIME };

// The publisher gives the value of a line; the price of a unit is that over the quantity, cut to a micro.
static bool parse_line(const struct slice *f, struct order_line *line) {
    int64_t discounts[3];
    *line = (struct order_line){0};
    for (size_t i = 0; i < 3; i++) {
        if (!field_micros(f[RETAIL + i], &discounts[i]) || discounts[i] < 0)
            return false;
        line->discount_micros += discounts[i];
    }
    if (!field_integer(f[QUANTITY], &line->quantity) || !field_micros(f[SALES], &line->value_micros) ||
        line->quantity < 0 || line->value_micros < 0 || !order_text_set(&line->product, f[PRODUCT]))
        return false;
    line->unit_price_micros = line->quantity > 0 ? line->value_micros / line->quantity : 0;
    return true;
}

static enum status take_line(struct complete_journey *r, const struct slice *f, struct problem *problem) {
    struct order_line line;
    int64_t at_ms;
    if (!parse_line(f, &line) || !field_time(f[TIME], &at_ms) || f[BASKET].length == 0 ||
        f[BASKET].length > ORDER_TEXT_MAX)
        return csv_refuse(&r->transactions, problem, "is not a line of a basket");
    struct order *order =
        orders_open(r->orders, KIND_PURCHASE, f[BASKET], at_ms, lines_number(r->transactions.lines));
    if (!order_text_set(&order->person, f[HOUSEHOLD]) || !order_text_set(&order->content, f[STORE]) ||
        !order_add(order, &line))
        return csv_refuse(&r->transactions, problem, "has a text or an amount that is too long");
    r->now_ms = at_ms;
    return STATUS_OK;
}

// --- The two together

static ProtobufCBinaryData lend(const struct order_text *text) {
    return (ProtobufCBinaryData){text->length, (uint8_t *)(uintptr_t)text->at};
}

static void write_occasion(const struct occasion *o, struct draft *d) {
    char name[64];
    int length = snprintf(name, sizeof(name), "%" PRIu32 ":%" PRIu64, o->kind, o->row);
    recording_mint_id(d, SEED, (struct slice){name, (size_t)length});
    Clameur__V1__Event *e = &d->event;
    e->platform = CLAMEUR__V1__PLATFORM__PLATFORM_STORE;
    e->kind = (Clameur__V1__Kind)o->kind;
    e->occurred_at = o->at_ms;
    e->actor_id = e->person_id = lend(&o->household);
    e->campaign_id = lend(&o->campaign);
    e->consent = 3;
    e->paid = o->kind == KIND_MESSAGE_SENT;
    if (o->kind != KIND_REDEMPTION)
        return;
    clameur__v1__commerce__init(&d->commerce);
    d->commerce.coupon = lend(&o->coupon);
    e->body_case = CLAMEUR__V1__EVENT__BODY_COMMERCE;
    e->commerce = &d->commerce;
}

// The first whole basket, or NULL where there is none any more.
static enum status find_basket(struct complete_journey *r, const struct order **basket,
                               struct problem *problem) {
    while ((*basket = orders_first(r->orders, r->now_ms)) == NULL && r->now_ms != INT64_MAX) {
        struct slice fields[CSV_COLUMNS_MAX];
        enum status status = csv_next(&r->transactions, fields, problem);
        if (status == STATUS_OK)
            status = take_line(r, fields, problem);
        else if (status == STATUS_NO)
            r->now_ms = INT64_MAX;
        if (status != STATUS_OK && status != STATUS_NO)
            return status;
    }
    return STATUS_OK;
}

enum status complete_journey_read(void *recording, struct draft *draft, struct problem *problem) {
    struct complete_journey *r = recording;
    const struct order *basket;
    enum status status = find_basket(r, &basket, problem);
    if (status != STATUS_OK)
        return status;
    bool left = r->given < r->count;
    if (left && (basket == NULL || r->occasions[r->given].at_ms <= basket->at_ms))
        write_occasion(&r->occasions[r->given++], draft);
    else if (basket != NULL)
        orders_write(r->orders, draft);
    else
        return STATUS_NO;
    return STATUS_OK;
}
