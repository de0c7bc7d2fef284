#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <zstd.h>

#include "loadtest/recordings/lines.h"
#include "loadtest/recordings/recording.h"
#include "schemas/registry.h"

enum { EVENTS_MAX = 16 };

// A folder of files, and the last recording played from it.
struct world {
    char folder[64], path[128];
    size_t count;
    enum status end;
    struct problem problem;
    Clameur__V1__Event *events[EVENTS_MAX];
};

static int setup(void **state) {
    struct world *w = calloc(1, sizeof(*w));
    snprintf(w->folder, sizeof(w->folder), "/tmp/clameur-test-recordings-XXXXXX");
    *state = w;
    return mkdtemp(w->folder) == NULL;
}

static void forget(struct world *w) {
    for (size_t i = 0; i < w->count; i++)
        clameur__v1__event__free_unpacked(w->events[i], NULL);
    w->count = 0;
    w->problem = (struct problem){0};
}

static int teardown(void **state) {
    static const char *const names[] = {"file", "transactions.csv", "campaigns.csv",
                                        "campaign_descriptions.csv", "coupon_redemptions.csv"};
    struct world *w = *state;
    forget(w);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(w->path, sizeof(w->path), "%s/%s", w->folder, names[i]);
        unlink(w->path);
    }
    int failed = rmdir(w->folder);
    free(w);
    return failed;
}

static void write_bytes(struct world *w, const char *name, const void *bytes, size_t length) {
    snprintf(w->path, sizeof(w->path), "%s/%s", w->folder, name);
    FILE *out = fopen(w->path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, length, out), length);
    assert_int_equal(fclose(out), 0);
}

static void write_text(struct world *w, const char *name, const char *text) {
    write_bytes(w, name, text, strlen(text));
}

static void play(struct world *w, const char *format, const char *path) {
    static struct draft draft;
    static uint8_t packed[DRAFT_PACKED_MAX];
    const struct recording_format *f = recording_find(format);
    void *recording;
    forget(w);
    w->end = f->open(path, &recording, &w->problem);
    if (w->end != STATUS_OK)
        return;
    for (;;) {
        draft_reset(&draft);
        w->end = f->read(recording, &draft, &w->problem);
        if (w->end != STATUS_OK)
            break;
        assert_true(w->count < EVENTS_MAX);
        size_t length = draft_pack(&draft, packed);
        w->events[w->count++] = clameur__v1__event__unpack(NULL, length, packed);
    }
    f->close(recording);
}

static void play_text(struct world *w, const char *format, const char *text) {
    write_text(w, "file", text);
    play(w, format, w->path);
}

static void assert_text(ProtobufCBinaryData found, const char *expected) {
    assert_int_equal(found.len, strlen(expected));
    if (found.len > 0)
        assert_memory_equal(found.data, expected, found.len);
}

static void assert_distinct_ids(const struct world *w) {
    for (size_t i = 0; i < w->count; i++) {
        assert_int_equal(w->events[i]->event_id.len, 16);
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(w->events[i]->event_id.data, w->events[k]->event_id.data, 16);
    }
}

static void assert_refused(const struct world *w, const char *place) {
    assert_int_equal(w->end, STATUS_BAD_DATA);
    assert_non_null(strstr(w->problem.what, place));
}

// --- Online Retail

#define RETAIL "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"

// Two equal lines, an invoice within another, one that has a free line too, and every other kind of line.
static void test_invoices(void **state) {
    static const struct {
        int kind;
        const char *order, *content, *person;
        int64_t micros, units;
        size_t items;
    } expected[] = {
        {KIND_PURCHASE, "7", "France", "12", 7001000, 5, 3},
        {KIND_PURCHASE, "8", "EIRE", "", 10000, 1, 1},
        {KIND_OTHER, "7", "free", "12", 0, 9, 1},
        {KIND_REFUND, "", "France", "12", 3500000, 2, 2},
        {KIND_OTHER, "9", "stock_or_fault", "", 0, 30, 1},
        {KIND_OTHER, "A1", "ledger_credit", "", 1060000, 1, 1},
        {KIND_OTHER, "A2", "ledger_debit", "", 1060000, 1, 1},
    };
    struct world *w = *state;
    play_text(w, "online-retail",
              RETAIL "7,22,\"A \"\"RED\"\", TIN\",2,2011-01-04T10:00:00Z,1.75,12,France\n"
                     "7,22,\"A \"\"RED\"\", TIN\",2,2011-01-04T10:00:00Z,1.75,12,France\n"
                     "8,23,,1,2011-01-04T10:00:00Z,0.01,,EIRE\n"
                     "7,PADS,,1,2011-01-04T10:01:00Z,0.001,12,France\n"
                     "7,24,,9,2011-01-04T10:01:00Z,0,12,France\n"
                     "C10,22,,-1,2011-01-04T10:02:00Z,1.75,12,France\n"
                     "C10,22,,-1,2011-01-04T10:02:00Z,1.75,12,France\n"
                     "9,25,damaged,-30,2011-01-04T10:02:00Z,0,,France\n"
                     "A1,B,,1,2011-01-04T10:02:00Z,1.06,,France\n"
                     "A2,B,,1,2011-01-04T10:02:00Z,-1.06,,France\n");
    assert_int_equal(w->end, STATUS_NO);
    assert_int_equal(w->count, sizeof(expected) / sizeof(expected[0]));
    for (size_t i = 0; i < w->count; i++) {
        const Clameur__V1__Event *e = w->events[i];
        const Clameur__V1__Commerce *c = e->commerce;
        assert_int_equal(e->kind, expected[i].kind);
        assert_text(c->order_id, expected[i].order);
        assert_text(e->content_id, expected[i].content);
        assert_text(e->person_id, expected[i].person);
        assert_int_equal(c->value_micros, expected[i].micros);
        assert_text(c->currency, expected[i].micros > 0 ? "GBP" : "");
        assert_int_equal(c->n_items, expected[i].items);
        int64_t units = 0;
        for (size_t k = 0; k < c->n_items; k++)
            units += c->items[k]->quantity;
        assert_int_equal(units, expected[i].units);
    }
    assert_int_equal(w->events[0]->occurred_at, INT64_C(1294135200000));
    assert_distinct_ids(w);
}

// The contract ends at 256 items: no unit and no line may be lost.
static void test_a_long_invoice(void **state) {
    enum { LINES = 600 };
    struct world *w = *state;
    char *text = malloc(LINES * 64 + sizeof(RETAIL));
    size_t length = (size_t)sprintf(text, RETAIL);
    for (unsigned i = 0; i < LINES; i++)
        length += (size_t)sprintf(text + length, "7,%u,,2,2011-01-04T10:00:00Z,1.5,12,France\n", i);
    play_text(w, "online-retail", text);
    free(text);
    assert_int_equal(w->count, 3);
    const Clameur__V1__Commerce *first = w->events[0]->commerce;
    assert_int_equal(first->value_micros, INT64_C(3000000) * LINES);
    assert_int_equal(first->n_items, 256);
    assert_int_equal(first->items[255]->quantity, 2 * (LINES - 255));
    assert_int_equal(first->items[255]->product_id.len, 0);
    assert_int_equal(w->events[1]->kind, KIND_OTHER);
    assert_text(w->events[1]->content_id, "further_lines");
    assert_int_equal(w->events[1]->commerce->value_micros, 0);
    assert_text(w->events[1]->commerce->currency, "GBP"); // its prices need one
    assert_int_equal(w->events[1]->commerce->n_items + w->events[2]->commerce->n_items, LINES - 255);
    assert_text(w->events[1]->commerce->items[0]->product_id, "255");
    assert_text(w->events[2]->commerce->items[LINES - 255 - 256 - 1]->product_id, "599");
    assert_distinct_ids(w);
}

static void test_what_is_no_line_of_an_invoice(void **state) {
    static const char *const bad[] = {
        "7,22,,2,2011-01-04T10:00:00Z,1.75,12",
        "7,22,,2,2011-01-04T10:00:00Z,1.75,12,France,x",
        "7,22,\"open,2,2011-01-04T10:00:00Z,1,12,France",
        ",22,,2,2011-01-04T10:00:00Z,1.75,12,France",
        "7,22,,2.5,2011-01-04T10:00:00Z,1.75,12,France",
        "7,22,,2,2011-02-30T10:00:00Z,1.75,12,France",
        "7,22,,2,2011-01-04 10:00:00Z,1.75,12,France",
        "7,22,,2,2011-01-04T10:00:00Z,1.7512345,12,France",
        "7,22,,2,2011-01-04T10:00:00Z,-1.75,12,France",
        "C7,22,,2,2011-01-04T10:00:00Z,1.75,12,France",
        "7,22,,2,2011-01-04T10:00:00Z,1.,12,France",
        "7,22,,999999999,2011-01-04T10:00:00Z,999999999,12,France",
        "",
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[512];
        snprintf(text, sizeof(text), RETAIL "7,22,,2,2011-01-04T10:00:00Z,1.75,12,France\n%s\n", bad[i]);
        play_text(w, "online-retail", text);
        assert_refused(w, "/file:3 ");
    }
    play_text(w, "online-retail", "InvoiceNo,StockCode\n");
    assert_refused(w, "/file:1 is not the header");
}

// --- Complete Journey

#define BASKETS                                                                                              \
    "household_id,store_id,basket_id,product_id,quantity,sales_value,retail_disc,coupon_disc,"               \
    "coupon_match_disc,week,transaction_timestamp\n"

static void write_journey(struct world *w) {
    write_text(w, "transactions.csv",
               BASKETS "1,31,900,77,3,1.00,0.10,0.20,0.03,1,2017-08-01T00:03:01\n"
                       "2,31,901,78,0,0.00,0.00,0.00,0.00,1,2017-08-01T00:03:01\n"
                       "1,31,900,79,1,2.50,0.00,0.00,0.00,1,2017-08-01T00:03:01\n"
                       "2,31,902,79,1,2.50,0.00,0.00,0.00,1,2017-08-03T00:00:00\n");
    write_text(w, "campaign_descriptions.csv",
               "campaign_id,campaign_type,start_date,end_date\n"
               "5,Type A,2017-08-02,2017-09-01\n");
    write_text(w, "campaigns.csv", "campaign_id,household_id\n5,1\n5,2\n");
    write_text(w, "coupon_redemptions.csv",
               "household_id,coupon_upc,campaign_id,redemption_date\n"
               "2,5555,5,2017-08-03\n");
}

static void test_baskets_mailings_and_coupons_come_in_the_order_of_time(void **state) {
    static const struct {
        int kind;
        const char *household, *campaign, *order;
    } expected[] = {
        {KIND_PURCHASE, "1", "", "900"},     {KIND_PURCHASE, "2", "", "901"},
        {KIND_MESSAGE_SENT, "1", "5", NULL}, {KIND_MESSAGE_SENT, "2", "5", NULL},
        {KIND_REDEMPTION, "2", "5", ""},     {KIND_PURCHASE, "2", "", "902"},
    };
    struct world *w = *state;
    write_journey(w);
    play(w, "complete-journey", w->folder);
    assert_int_equal(w->end, STATUS_NO);
    assert_int_equal(w->count, sizeof(expected) / sizeof(expected[0]));
    for (size_t i = 0; i < w->count; i++) {
        assert_int_equal(w->events[i]->kind, expected[i].kind);
        assert_text(w->events[i]->person_id, expected[i].household);
        assert_text(w->events[i]->campaign_id, expected[i].campaign);
        if (expected[i].order != NULL)
            assert_text(w->events[i]->commerce->order_id, expected[i].order);
    }
    const Clameur__V1__Commerce *basket = w->events[0]->commerce;
    assert_int_equal(basket->value_micros, 3500000);
    assert_int_equal(basket->discount_micros, 330000);
    assert_int_equal(basket->n_items, 2);
    assert_int_equal(basket->items[0]->unit_price_micros, 333333);
    assert_text(w->events[0]->content_id, "31");
    assert_text(w->events[4]->commerce->coupon, "5555");
    assert_int_equal(w->events[2]->occurred_at, INT64_C(1501632000000));
    assert_distinct_ids(w);
}

static void test_what_does_not_belong_into_the_folder(void **state) {
    static const struct {
        const char *name, *text, *place;
    } bad[] = {
        {"transactions.csv", BASKETS "1,31,900,77,3,-1.00,0.10,0.20,0.03,1,2017-08-01T00:03:01\n",
         "transactions.csv:2 "},
        {"transactions.csv", BASKETS "1,31,900,77,3,1.00,0.10,0.20,0.03,1,2017-08-01T24:03:01\n",
         "transactions.csv:2 "},
        {"campaigns.csv", "campaign_id,household_id\n5,1\n6,1\n", "campaigns.csv:3 "},
        {"campaign_descriptions.csv", "campaign_id,campaign_type,start_date,end_date\n5,A,soon,later\n",
         "campaign_descriptions.csv:2 "},
        {"coupon_redemptions.csv", "household_id,coupon_upc,campaign_id\n", "coupon_redemptions.csv:1 "},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_journey(w);
        write_text(w, bad[i].name, bad[i].text);
        play(w, "complete-journey", w->folder);
        assert_refused(w, bad[i].place);
    }
    write_journey(w);
    unlink(w->path);
    play(w, "complete-journey", w->folder);
    assert_int_equal(w->end, STATUS_NO_INPUT);
}

// --- OTTO

static void test_sessions(void **state) {
    static const struct {
        int kind;
        const char *session, *article;
        int64_t at_ms;
    } expected[] = {
        {KIND_CLICK, "0", "11", 1659304800025},
        {KIND_PURCHASE, "0", "11", 1659304900000},
        {KIND_PURCHASE, "0", "12", 1659304900000},
        {KIND_ADD_TO_CART, "3", "11", 1659304800000},
    };
    struct world *w = *state;
    play_text(w, "otto-sample",
              "{\"session\":0,\"events\":[{\"aid\":11,\"ts\":1659304800025,\"type\":\"clicks\"},"
              "{\"aid\":11,\"ts\":1659304900000,\"type\":\"orders\"},"
              "{\"aid\":12,\"ts\":1659304900000,\"type\":\"orders\"}]}\n"
              "{\"session\":2,\"events\":[]}\n"
              "{\"session\":3,\"events\":[{\"aid\":11,\"ts\":1659304800000,\"type\":\"carts\"}]}\n");
    assert_int_equal(w->end, STATUS_NO);
    assert_int_equal(w->count, sizeof(expected) / sizeof(expected[0]));
    for (size_t i = 0; i < w->count; i++) {
        assert_int_equal(w->events[i]->kind, expected[i].kind);
        assert_int_equal(w->events[i]->occurred_at, expected[i].at_ms);
        assert_text(w->events[i]->actor_id, expected[i].session);
        assert_text(w->events[i]->content_id, expected[i].article);
    }
    // Two articles in one instant are two orders, not two copies of one.
    assert_text(w->events[1]->commerce->order_id, "0-1659304900000-11");
    assert_text(w->events[2]->commerce->order_id, "0-1659304900000-12");
    assert_distinct_ids(w);
}

static void test_what_is_no_session(void **state) {
    static const char *const bad[] = {
        "",
        "{\"session\":1",
        "[]",
        "{\"session\":\"1\",\"events\":[]}",
        "{\"session\":-1,\"events\":[]}",
        "{\"session\":1,\"events\":{}}",
        "{\"session\":1,\"events\":[7]}",
        "{\"session\":1,\"events\":[{\"aid\":1,\"ts\":0,\"type\":\"clicks\"}]}",
        "{\"session\":1,\"events\":[{\"aid\":1,\"ts\":5,\"type\":\"views\"}]}",
        "{\"session\":1,\"events\":[{\"ts\":5,\"type\":\"clicks\"}]}",
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), "{\"session\":0,\"events\":[]}\n%s\n", bad[i]);
        play_text(w, "otto-sample", text);
        assert_refused(w, "/file:2 ");
    }
}

// --- zstd

static char *many_lines(size_t *length) {
    char *text = malloc(4000000);
    *length = 0;
    for (unsigned i = 0; *length < 3900000; i++)
        *length += (size_t)sprintf(text + *length, "%u %u %u RT\n", i * 7919 % 100003, i, 1341100972 + i);
    return text;
}

static enum status count_lines(const struct world *w, uint64_t *count, struct problem *problem) {
    struct lines *lines;
    struct slice line;
    assert_int_equal(lines_open(&lines, w->path, problem), STATUS_OK);
    enum status status;
    while ((status = lines_next(lines, &line, problem)) == STATUS_OK)
        ;
    *count = lines_number(lines);
    lines_close(&lines);
    return status;
}

// A highly packed file gives more than a buffer of text for its last bytes; a cut one must not pass for a
// short recording.
static void test_zstd(void **state) {
    struct world *w = *state;
    size_t length, room, packed_length;
    char *text = many_lines(&length);
    room = ZSTD_compressBound(length);
    char *packed = malloc(room);
    ZSTD_CCtx *zstd = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
    packed_length = ZSTD_compress2(zstd, packed, room, text, length);
    uint64_t plain_count, count;
    struct problem problem = {0};
    write_bytes(w, "file", text, length);
    assert_int_equal(count_lines(w, &plain_count, &problem), STATUS_NO);
    write_bytes(w, "file", packed, packed_length);
    assert_int_equal(count_lines(w, &count, &problem), STATUS_NO);
    assert_int_equal(count, plain_count);
    write_bytes(w, "file", packed, packed_length - 100);
    assert_int_equal(count_lines(w, &count, &problem), STATUS_BAD_DATA);
    assert_non_null(strstr(problem.what, "/file breaks off after line "));
    packed[packed_length / 2] ^= 1;
    write_bytes(w, "file", packed, packed_length);
    assert_int_equal(count_lines(w, &count, &problem), STATUS_BAD_DATA);
    memset(text, '\n', length);
    packed_length = ZSTD_compress2(zstd, packed, room, text, length);
    write_bytes(w, "file", packed, packed_length);
    assert_int_equal(count_lines(w, &count, &problem), STATUS_NO);
    assert_int_equal(count, length);
    ZSTD_freeCCtx(zstd);
    free(packed);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_invoices, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_long_invoice, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_line_of_an_invoice, setup, teardown),
        cmocka_unit_test_setup_teardown(test_baskets_mailings_and_coupons_come_in_the_order_of_time, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_what_does_not_belong_into_the_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sessions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_session, setup, teardown),
        cmocka_unit_test_setup_teardown(test_zstd, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
