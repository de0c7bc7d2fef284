// Orders, refunds, readings, live sessions and viewers that are forged, as test_block_damage.c has it of
// rows.
#include "tests/unit/snapshot_forge.h"

// Of a reading its bytes, one field of which is another's.
static struct slice reading_bytes(char *room, unsigned field, struct slice forged) {
    struct wire_out bytes = {0};
    const struct latest_reading reading = reading_of("acme", "7310", "views", 5, 77, 1);
    if (field == 0) {
        reading_write(&bytes, &reading);
    } else {
        struct latest_reading other = reading;
        other.account.length *= field != READING_ACCOUNT;
        other.content.length *= field != READING_CONTENT;
        other.counter.length *= field != READING_COUNTER;
        other.platform *= field != READING_PLATFORM;
        other.read_at_ms *= field != READING_READ_AT;
        reading_write(&bytes, &other);
        wire_append(&bytes, forged);
    }
    memcpy(room, bytes.at, bytes.length);
    free(bytes.at);
    return sized(room, bytes.length);
}

static void assert_readings(const struct slice *readings, size_t count, uint32_t said, const char *expected) {
    struct forged f = {0};
    struct wire_out block = {0};
    forge_header(&f, FILE_PART, (const uint64_t[TABLES]){[TABLE_READINGS] = said});
    wire_uint(&block, BLOCK_TABLE, TABLE_READINGS);
    wire_uint(&block, BLOCK_ROWS, said);
    for (size_t i = 0; i < count; i++)
        wire_element(&block, BLOCK_READINGS, readings[i]);
    forge_message(&f, SNAPSHOT_BLOCK, &block);
    forge_trailer(&f);
    assert_verdict(&f, expected);
}

static void a_forged_reading_is_refused(void **state) {
    static const struct {
        unsigned field;
        struct slice bytes;
        const char *expected;
    } cases[] = {
        {0, {NULL, 0}, ""},
        {READING_ACCOUNT, {NULL, 0}, ""},
        {READING_CONTENT, {NULL, 0}, ""},
        {READING_COUNTER, {NULL, 0}, "no name of a counter"},
        {READING_COUNTER, BYTES("\x22\5Views"), "no name of a counter"},
        {READING_COUNTER, BYTES("\x22\4a\0bc"), "no name of a counter"},
        {READING_COUNTER, BYTES("\x22\60aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeee"), ""},
        {READING_COUNTER, BYTES("\x22\61aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeee"), "no name of"},
        {READING_PLATFORM, BYTES("\x10\xff\xff\xff\xff\xf"), ""},
        {READING_PLATFORM, BYTES("\x10\x80\x80\x80\x80\x10"), "a number of a reading is too large"},
        {READING_READ_AT, {NULL, 0}, "was never read"},
        {READING_READ_AT, BYTES("\x30\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"), "was never read"},
        {READING_EVENT_ID, BYTES("\x3a\0"), "the event id of a reading is of another length"},
        {READING_EVENT_ID, BYTES("\x3a\21ABCDEFGHIJKLMNOPQ"), "the event id of a reading is of another"},
        {READING_VALUE, BYTES("\x28\xff"), "a reading is damaged"},
    };
    char room[1024], longer[ROWS_ID_MAX + 4];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct slice bytes = reading_bytes(room, cases[i].field, cases[i].bytes);
        assert_readings(&bytes, 1, 1, cases[i].expected);
    }
    memset(longer, 'p', sizeof(longer));
    memcpy(longer, "\x1a\x80\4", 3); // 512
    struct slice bytes = reading_bytes(room, READING_CONTENT, sized(longer, 3 + ROWS_ID_MAX));
    assert_readings(&bytes, 1, 1, "");
    longer[1]++;
    bytes = reading_bytes(room, READING_CONTENT, sized(longer, 3 + ROWS_ID_MAX + 1));
    assert_readings(&bytes, 1, 1, "an id of a reading is longer than it may be");
    memcpy(longer, "\xa\x81\2", 3); // 257
    bytes = reading_bytes(room, READING_ACCOUNT, sized(longer, 3 + ROWS_ACCOUNT_MAX + 1));
    assert_readings(&bytes, 1, 1, "an id of a reading is longer than it may be");
}

static void readings_are_sorted_and_as_many_as_is_said(void **state) {
    char rooms[2][256];
    const struct slice whole = reading_bytes(rooms[0], 0, sized(NULL, 0)),
                       no_content = reading_bytes(rooms[1], READING_CONTENT, sized(NULL, 0));
    assert_readings((struct slice[]){no_content, whole}, 2, 2, "");
    assert_readings((struct slice[]){whole, no_content}, 2, 2,
                    "its readings are not sorted, or one comes twice");
    assert_readings((struct slice[]){whole, whole}, 2, 2, "its readings are not sorted, or one comes twice");
    assert_readings((struct slice[]){no_content, whole}, 2, 1, "another number of readings than it says");
    assert_readings((struct slice[]){no_content, whole}, 1, 2, "another number of readings than it says");
}

static void assert_live(const struct live_session *live, size_t count, uint32_t said, const char *expected) {
    struct forged f = {0};
    struct wire_out block = {0}, part = {0}, scratch = {0};
    forge_header(&f, FILE_PART, (const uint64_t[TABLES]){[TABLE_LIVE] = said});
    wire_uint(&block, BLOCK_TABLE, TABLE_LIVE);
    wire_uint(&block, BLOCK_ROWS, said);
    for (size_t i = 0; i < count; i++) {
        part.length = 0;
        live_write(&part, &live[i], &scratch);
        wire_element(&block, BLOCK_LIVE, wire_slice(&part));
    }
    free(scratch.at);
    free(part.at);
    forge_message(&f, SNAPSHOT_BLOCK, &block);
    forge_trailer(&f);
    assert_verdict(&f, expected);
}

static void live_sessions_are_sorted_and_as_many_as_is_said(void **state) {
    const struct live_session first = {.platform = 2,
                                       .account = slice_of("acme"),
                                       .session = slice_of("show"),
                                       .start_s = 900,
                                       .watch_ms = 1};
    struct live_session second = first;
    second.start_s = 1800;
    assert_live((struct live_session[]){first, second}, 2, 2, "");
    assert_live((struct live_session[]){second, first}, 2, 2, "its live sessions are not sorted, or one");
    assert_live((struct live_session[]){first, first}, 2, 2,
                "its live sessions are not sorted, or one comes");
    assert_live((struct live_session[]){first, second}, 2, 1, "another number of live sessions than it says");
    assert_live((struct live_session[]){first, second}, 1, 2, "another number of live sessions than it says");
    second.session = slice_of("");
    assert_live(&second, 1, 1, "has no name");
}

// A viewer as bytes: `key` of so many bytes, then what else it says.
static void assert_viewers(enum file_kind kind, int64_t window_s, const struct slice *viewers, size_t count,
                           uint32_t said, const char *expected) {
    struct forged f = {0};
    struct wire_out block = {0};
    forge_header(&f, kind, (const uint64_t[TABLES]){[TABLE_VIEWERS] = said});
    wire_uint(&block, BLOCK_TABLE, TABLE_VIEWERS);
    wire_int(&block, BLOCK_WINDOW, window_s);
    wire_uint(&block, BLOCK_ROWS, said);
    for (size_t i = 0; i < count; i++)
        wire_element(&block, BLOCK_VIEWERS, viewers[i]);
    forge_message(&f, SNAPSHOT_BLOCK, &block);
    forge_trailer(&f);
    assert_verdict(&f, expected);
}

static void viewers_are_of_checkpoints_and_sorted(void **state) {
    static const struct slice a = {"\xa\20aaaaaaaaaaaaaaaa\x10\1\x18\2\x20\1", 24},
                              b = {"\xa\20aaaaaaaaaaaaaaab", 18};
    assert_viewers(FILE_CHECKPOINT, 0, (struct slice[]){a, b}, 2, 2, "");
    assert_viewers(FILE_PART, 0, &a, 1, 1, "it has viewers, which only checkpoints do");
    assert_viewers(FILE_WINDOW, 0, &a, 1, 1, "it has viewers, which only checkpoints do");
    assert_viewers(FILE_CHECKPOINT, 900, &a, 1, 1, "which only checkpoints do, and of no window");
    assert_viewers(FILE_CHECKPOINT, 0, (struct slice[]){b, a}, 2, 2, "its viewers are not sorted");
    assert_viewers(FILE_CHECKPOINT, 0, (struct slice[]){a, a}, 2, 2, "or one comes twice");
    assert_viewers(FILE_CHECKPOINT, 0, &a, 1, 2, "another number of viewers than it says");
    assert_viewers(FILE_CHECKPOINT, 0, (struct slice[]){a, b}, 2, 1, "another number of viewers");
}

static void a_forged_viewer_is_refused(void **state) {
#define KEY "\xa\20aaaaaaaaaaaaaaaa"
    static const struct {
        struct slice bytes;
        const char *expected;
    } cases[] = {
        {BYTES(KEY "\x30\x80\xdd\xdb\1"), ""}, // an hour
        {BYTES(KEY "\x30\x81\xdd\xdb\1"), "a viewer may be silent for longer than can be"},
        {BYTES(KEY "\x10\xff\xff\xff\xff\xff\xff\xff\xf"), ""}, // the last that is a time
        {BYTES(KEY "\x10\x80\x80\x80\x80\x80\x80\x80\x10"), "a viewer was heard at no time"},
        {BYTES(KEY "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"), "a viewer was heard at no time"},
        {BYTES("\xa\17aaaaaaaaaaaaaaa"), "a viewer is damaged, or has no key"},
        {BYTES("\xa\21aaaaaaaaaaaaaaaaa"), "a viewer is damaged, or has no key"},
        {BYTES("\x10\1"), "a viewer is damaged, or has no key"},
        {BYTES(KEY "\x10\xff"), "a viewer is damaged, or has no key"},
        {BYTES(KEY "\x40\1\x4a\1?"), ""}, // of a newer program
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_viewers(FILE_CHECKPOINT, 0, &cases[i].bytes, 1, 1, cases[i].expected);
}

static void forge_orders(struct forged *f, const struct order *const *orders, size_t count, size_t said) {
    struct wire_out block = {0}, order = {0}, scratch = {0};
    wire_uint(&block, BLOCK_TABLE, TABLE_ORDERS);
    wire_uint(&block, BLOCK_ROWS, said);
    for (size_t i = 0; i < count; i++) {
        order.length = 0;
        order_write(&order, orders[i], &scratch);
        wire_element(&block, BLOCK_ORDERS, wire_slice(&order));
    }
    forge_header(f, FILE_PART, (const uint64_t[TABLES]){[TABLE_ORDERS] = said});
    forge_message(f, SNAPSHOT_BLOCK, &block);
    forge_trailer(f);
    free(order.at);
    free(scratch.at);
}

static void assert_orders(const struct order *a, const struct order *b, size_t said, const char *expected) {
    struct forged f = {0};
    forge_orders(&f, (const struct order *[]){a, b}, b != NULL ? 2 : 1, said);
    assert_verdict(&f, expected);
}

static void forged_orders_are_refused(void **state) {
    const struct order a = order_of("acme", 1, 1, 100, 5), later = order_of("acme", 1, 1, 101, 5);
    const struct order other = order_of("acme", 1, 2, 100, 5), next = order_of("acme", 2, 1, 100, 5);
    const struct order *growing[] = {&a, &other, &later, &next};
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k < 4; k++)
            assert_orders(growing[i], growing[k], 2,
                          i < k ? "" : "its orders are not sorted, or one comes twice");
    }
    assert_orders(&a, NULL, 1, "");
    assert_orders(&a, NULL, 2, "another number of orders than it says");
    assert_orders(&a, &next, 1, "another number of orders than it says");
    struct order bad = a;
    bad.increments.count = 0;
    assert_orders(&bad, NULL, 1, "an order is damaged, or adds nothing");
    char id[ROWS_ID_MAX + 1] = {0};
    memset(id, 'p', sizeof(id));
    bad = a;
    bad.subject.account = sized(id, ROWS_ACCOUNT_MAX + 1);
    assert_orders(&bad, NULL, 1, "an id of an order is longer than it may be");
    bad = a;
    bad.subject.content = sized(id, ROWS_ID_MAX + 1);
    assert_orders(&bad, NULL, 1, "an id of an order is longer than it may be");
    struct slice names[ROWS_NAMES_MAX + 1];
    for (int i = 0; i <= ROWS_NAMES_MAX; i++)
        names[i] = slice_of("x");
    bad = a;
    bad.subject.tags = bad.subject.topics = names;
    bad.subject.tag_count = bad.subject.topic_count = ROWS_NAMES_MAX;
    assert_orders(&bad, NULL, 1, "");
    bad.subject.topic_count++;
    assert_orders(&bad, NULL, 1, "more tags or topics than can be");
    names[3] = sized(id, sizeof(id));
    bad.subject.topic_count--;
    assert_orders(&bad, NULL, 1, "more tags or topics than can be, or longer ones");
}

// A file of one order whose message is given.
static void assert_order_bytes(struct slice bytes, const char *expected) {
    struct forged f = {0};
    struct wire_out block = {0};
    forge_header(&f, FILE_PART, (const uint64_t[TABLES]){[TABLE_ORDERS] = 1});
    wire_uint(&block, BLOCK_TABLE, TABLE_ORDERS);
    wire_uint(&block, BLOCK_ROWS, 1);
    wire_element(&block, BLOCK_ORDERS, bytes);
    forge_message(&f, SNAPSHOT_BLOCK, &block);
    forge_trailer(&f);
    assert_verdict(&f, expected);
}

static void the_parts_of_an_order_are_held_to_their_sizes(void **state) {
    assert_order_bytes(sized("", 0), "adds nothing");
    assert_order_bytes(slice_of("\x12\x01x"), "the hash of an order is of another length");
    assert_order_bytes(slice_of("\x22\x01x"), "the event id of an order is of another length");
    assert_order_bytes(slice_of("\x28\xff\xff\xff\xff\x1f"), "a number of an order is too large");
    assert_order_bytes(slice_of("\x6a\x07\x0a\x05lykes"), "an increment of an order is damaged");
    assert_order_bytes(slice_of("\x6a\x02\x10\x02"), "an increment of an order is damaged");
    char many[9 * (INCREMENTS_MAX + 1) + 1] = "";
    for (int i = 0; i <= INCREMENTS_MAX; i++)
        strcat(many, "\x6a\x07\x0a\x05likes");
    assert_order_bytes(sized(many, 9 * INCREMENTS_MAX), "");
    assert_order_bytes(slice_of(many), "or one too many");
}

static struct refund refund_of(const char *account, unsigned char order, int64_t placed_ms, uint32_t platform,
                               const char *currency) {
    struct refund refund = {
        .order_occurred_at_ms = placed_ms,
        .subject = {.account = slice_of(account), .platform = platform},
        .increments = {2,
                       true,
                       {{field_counter(COUNTER_OF_REFUND), 1},
                        {field_currency(field_counter(COUNTER_REFUNDED_MICROS), slice_of(currency)), 5}}}};
    refund.order[0] = order;
    return refund;
}

// In one block, or, where `apart`, each in its own.
static void assert_refunds(enum file_kind kind, const struct refund *refunds, size_t count, bool apart,
                           size_t said, const char *expected) {
    struct forged f = {0};
    struct wire_out block = {0}, refund = {0}, scratch = {0};
    forge_header(&f, kind, (const uint64_t[TABLES]){[TABLE_REFUNDS] = apart ? count : said});
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || apart) {
            block.length = 0;
            wire_uint(&block, BLOCK_TABLE, TABLE_REFUNDS);
            wire_uint(&block, BLOCK_ROWS, apart ? 1 : said);
        }
        refund.length = 0;
        refund_write(&refund, &refunds[i], &scratch);
        wire_element(&block, BLOCK_REFUNDS, wire_slice(&refund));
        if (i + 1 < count && !apart)
            continue;
        struct wire_out message = {0};
        wire_append(&message, wire_slice(&block));
        forge_message(&f, SNAPSHOT_BLOCK, &message);
    }
    forge_trailer(&f);
    assert_verdict(&f, expected);
    free(block.at);
    free(refund.at);
    free(scratch.at);
}

static void forged_refunds_are_refused(void **state) {
    const struct refund growing[] = {
        refund_of("acme", 1, 0, 0, "EUR"),   refund_of("acme", 1, 100, 0, "EUR"),
        refund_of("acme", 1, 100, 0, "USD"), refund_of("acme", 1, 100, 2, "EUR"),
        refund_of("acme", 2, 5, 0, "EUR"),   refund_of("zoo", 1, 5, 0, "EUR"),
    };
    for (int i = 0; i < 6; i++) {
        for (int k = 0; k < 6; k++) {
            const struct refund two[] = {growing[i], growing[k]};
            const char *verdict = i < k ? "" : "its refunds are not sorted, or one comes twice";
            assert_refunds(FILE_PART, two, 2, false, 2, verdict);
            assert_refunds(FILE_PART, two, 2, true, 2, verdict);
        }
    }
    assert_refunds(FILE_PART, growing, 2, false, 3, "another number of refunds than it says");
    assert_refunds(FILE_WINDOW, growing, 1, false, 1, "it has refunds, which in published files");
    assert_refunds(FILE_SPAN, growing, 1, false, 1, "it has refunds, which in published files");
    struct refund bad = refund_of("acme", 1, -1, 0, "EUR");
    assert_refunds(FILE_PART, &bad, 1, false, 1, "of no time that an event can have");
    bad.order_occurred_at_ms = EVENT_TIME_END_MS;
    assert_refunds(FILE_PART, &bad, 1, false, 1, "of no time that an event can have");
    bad.order_occurred_at_ms--;
    assert_refunds(FILE_PART, &bad, 1, false, 1, "");
    bad.increments.at[0].value = bad.increments.at[1].value = 0;
    assert_refunds(FILE_PART, &bad, 1, false, 1, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forged_reading_is_refused),
        cmocka_unit_test(readings_are_sorted_and_as_many_as_is_said),
        cmocka_unit_test(live_sessions_are_sorted_and_as_many_as_is_said),
        cmocka_unit_test(viewers_are_of_checkpoints_and_sorted),
        cmocka_unit_test(a_forged_viewer_is_refused),
        cmocka_unit_test(forged_orders_are_refused),
        cmocka_unit_test(the_parts_of_an_order_are_held_to_their_sizes),
        cmocka_unit_test(forged_refunds_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
