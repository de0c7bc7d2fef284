// Online Retail: the lines of a shop's invoices, with the quirks of a real ledger. What a line is:
//
//     invoice C...                   part of a refund, which names no order
//     invoice A...                   ledger adjustment, other: ledger_credit, or ledger_debit where negative
//     quantity < 0 (price 0)         stock moved or lost, other: stock_or_fault
//     price 0                        given away, other: free
//     else                           a line of the purchase of that number
//
// An invoice is one event of its country; each line that is `other` is one of its own, and its class stands
// for the content. Amounts of `other` have no sign: the content says the direction. The zone of times is
// nominal.
#include "loadtest/recordings/fields.h"
#include "loadtest/recordings/orders.h"
#include "loadtest/recordings/recording.h"
#include "runtime/memory.h"

#include <stdlib.h>

static const char *const header =
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";

enum { INVOICE, STOCK_CODE, DESCRIPTION, QUANTITY, DATE, PRICE, CUSTOMER, COUNTRY };
enum { LINGER_MS = 3600 * 1000 }; // an invoice goes on after a line of another, a minute later

struct online_retail {
    struct csv csv;
    struct orders *orders;
    int64_t now_ms; // the time of the last line; INT64_MAX at the end
};

enum status online_retail_open(const char *path, void **recording, struct problem *problem) {
    struct csv csv;
    enum status status = csv_open(&csv, path, header, problem);
    if (status != STATUS_OK)
        return status;
    struct online_retail *r = memory_take(sizeof(*r));
    r->csv = csv;
    r->orders = orders_create(&(struct orders_shape){
        .linger_ms = LINGER_MS,
        .platform = CLAMEUR__V1__PLATFORM__PLATFORM_WEB,
        .currency = "GBP",
        .seed = UINT64_C(0x72657461696c), // "retail"
    });
    *recording = r;
    return STATUS_OK;
}

void online_retail_close(void *recording) {
    struct online_retail *r = recording;
    csv_close(&r->csv);
    orders_destroy(&r->orders);
    free(r);
}

struct row {
    struct slice invoice, customer, country;
    int64_t at_ms, price_micros;
    struct order_line line;
};

static bool parse_row(const struct slice *f, struct row *row) {
    *row = (struct row){.invoice = f[INVOICE], .customer = f[CUSTOMER], .country = f[COUNTRY]};
    return row->invoice.length > 0 && row->invoice.length <= ORDER_TEXT_MAX &&
           field_integer(f[QUANTITY], &row->line.quantity) && field_time(f[DATE], &row->at_ms) &&
           field_micros(f[PRICE], &row->price_micros) &&
           !__builtin_mul_overflow(row->line.quantity, row->price_micros, &row->line.value_micros) &&
           order_text_set(&row->line.product, f[STOCK_CODE]);
}

// The content of a line that is no sale and no cancellation; NULL for those two.
static const char *class_of(const struct row *row) {
    if (row->invoice.at[0] == 'A')
        return row->line.value_micros < 0 ? "ledger_debit" : "ledger_credit";
    if (row->invoice.at[0] == 'C')
        return NULL;
    if (row->line.quantity < 0)
        return "stock_or_fault";
    return row->price_micros == 0 ? "free" : NULL;
}

// A negative amount means something only where its row says what.
static bool is_understood(const struct row *row) {
    if (row->invoice.at[0] == 'A')
        return true;
    if (row->invoice.at[0] == 'C')
        return row->line.quantity <= 0 && row->price_micros >= 0;
    return row->price_micros >= 0 && row->line.value_micros >= 0;
}

static enum status take_row(struct online_retail *r, struct row *row, struct problem *problem) {
    static const char *const too_much = "has a text or an amount that is too long";
    const char *class = class_of(row);
    bool refund = class == NULL && row->invoice.at[0] == 'C';
    uint32_t kind = refund ? KIND_REFUND : class != NULL ? KIND_OTHER : KIND_PURCHASE;
    struct order *order = orders_open(r->orders, kind, row->invoice, row->at_ms, lines_number(r->csv.lines));
    struct order_line *line = &row->line;
    line->unit_price_micros = llabs(row->price_micros);
    line->value_micros = llabs(line->value_micros);
    line->quantity = llabs(line->quantity);
    if (!order_text_set(&order->person, row->customer) ||
        !order_text_set(&order->content, class != NULL ? slice_of(class) : row->country) ||
        !order_add(order, line))
        return csv_refuse(&r->csv, problem, too_much);
    return STATUS_OK;
}

enum status online_retail_read(void *recording, struct draft *draft, struct problem *problem) {
    struct online_retail *r = recording;
    while (orders_first(r->orders, r->now_ms) == NULL) {
        if (r->now_ms == INT64_MAX)
            return STATUS_NO;
        struct slice fields[CSV_COLUMNS_MAX];
        struct row row;
        enum status status = csv_next(&r->csv, fields, problem);
        if (status == STATUS_NO) {
            r->now_ms = INT64_MAX;
            continue;
        }
        if (status != STATUS_OK)
            return status;
        if (!parse_row(fields, &row) || !is_understood(&row))
            return csv_refuse(&r->csv, problem, "is not a line of an invoice");
        r->now_ms = row.at_ms;
        status = take_row(r, &row, problem);
        if (status != STATUS_OK)
            return status;
    }
    orders_write(r->orders, draft);
    return STATUS_OK;
}
