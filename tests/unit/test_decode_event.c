// The bounds of event.proto's comments, field by field, read from the comments themselves: a field that
// decode forgets is found.
#include "decode_fixture.h"

#define AMOUNT_MAX INT64_C(100000000000000000)

struct field {
    char message[32];
    char name[32];
    bool text, repeated, amount;
    long least, most; // of a text, in bytes
};

enum { FIELDS_MAX = 160 };
static struct field fields[FIELDS_MAX];
static size_t field_count;
static struct arena building; // what is made up to be packed

// One line of a message, such as "  string coupon = 7;            // 0..256 bytes".
static void read_field(const char *line, const char *message, const char *note) {
    char type[32], name[32];
    bool repeated = sscanf(line, " repeated %31s %31[a-z_] =", type, name) == 2;
    if (!repeated && sscanf(line, " %31s %31[a-z_] =", type, name) != 2)
        return;
    const char *comment = strstr(line, "//");
    const char *range = strstr(comment != NULL ? comment : note, "..");
    assert_true(field_count < FIELDS_MAX);
    struct field *f = &fields[field_count];
    memset(f, 0, sizeof(*f));
    strcpy(f->message, message);
    strcpy(f->name, name);
    f->repeated = repeated;
    f->text = strcmp(type, "string") == 0;
    f->amount = strcmp(type, "int64") == 0 && comment != NULL && strstr(comment, ">= 0") != NULL;
    if (f->text && range != NULL && sscanf(range, "..%ld bytes", &f->most) == 1)
        f->least = range[-1] - '0';
    if (f->text || f->amount)
        field_count++;
}

static int read_contract(void **state) {
    FILE *file = fopen(SOURCE_DIR "/schemas/clameur/v1/event.proto", "r");
    if (file == NULL)
        return -1;
    char line[512], message[32] = "", note[512] = "";
    while (fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "message %31s {", message) == 1)
            continue;
        if (line[0] == '}')
            message[0] = note[0] = '\0';
        else if (strncmp(line, "//", 2) == 0)
            strcpy(note, line);
        else if (message[0] != '\0')
            read_field(line, message, note);
    }
    fclose(file);
    arena_init(&building, 64 << 10);
    return fixture_set_up(state);
}

static int tear_down(void **state) {
    arena_fini(&building);
    return fixture_tear_down(state);
}

static ProtobufCMessage *take(const ProtobufCMessageDescriptor *descriptor) {
    ProtobufCMessage *message = arena_take(&building, descriptor->sizeof_message);
    protobuf_c_message_init(descriptor, message);
    return message;
}

// Sets a field to a value, or to a list of `times` values.
static void put(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, const void *value,
                size_t size, size_t times) {
    char *at = (char *)message;
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        char *values = arena_take(&building, size * times);
        for (size_t i = 0; i < times; i++)
            memcpy(values + i * size, value, size);
        memcpy(at + field->offset, &values, sizeof(values));
        memcpy(at + field->quantifier_offset, &times, sizeof(times));
        return;
    }
    memcpy(at + field->offset, value, size);
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        memcpy(at + field->quantifier_offset, &field->id, sizeof(uint32_t));
}

// Puts a message into what leads to it from `descriptor`'s.
static bool wrap(const ProtobufCMessageDescriptor *descriptor, ProtobufCMessage *inner,
                 ProtobufCMessage **outer) {
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
        if (field->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        ProtobufCMessage *wrapped = inner;
        if (field->descriptor != inner->descriptor && !wrap(field->descriptor, inner, &wrapped))
            continue;
        *outer = take(descriptor);
        put(*outer, field, &wrapped, sizeof(wrapped), 1);
        return true;
    }
    return false;
}

static const ProtobufCMessageDescriptor *message_named(const ProtobufCMessageDescriptor *from,
                                                       const char *name) {
    if (strcmp(from->short_name, name) == 0)
        return from;
    const ProtobufCMessageDescriptor *found = NULL;
    for (unsigned i = 0; i < from->n_fields && found == NULL; i++) {
        if (from->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
            found = message_named(from->fields[i].descriptor, name);
    }
    return found;
}

// The decoded event that holds `times` values of the field (where it is repeated).
static const struct event *event_with(const struct field *f, const void *value, size_t size, size_t times) {
    const ProtobufCMessageDescriptor *event = &clameur__v1__event__descriptor;
    ProtobufCMessage *message = take(message_named(event, f->message)), *outer = message;
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(message->descriptor, f->name);
    assert_non_null(field);
    put(message, field, value, size, times);
    if (message->descriptor != event)
        assert_true(wrap(event, message, &outer));
    const struct event *e = decode_message((const Clameur__V1__Event *)outer);
    arena_reset(&building);
    return e;
}

static unsigned flaws_with(const struct field *f, const void *value, size_t size, size_t times) {
    return event_with(f, value, size, times)->flaws;
}

static unsigned flaws_of_text(const struct field *f, size_t length, const char *ending, size_t times) {
    char *text = memory_take(length + 1);
    memset(text, 'x', length);
    if (ending != NULL && length >= strlen(ending))
        memcpy(text + length - strlen(ending), ending, strlen(ending));
    ProtobufCBinaryData value = {length, (uint8_t *)text};
    unsigned flaws = flaws_with(f, &value, sizeof(value), times);
    free(text);
    return flaws;
}

static void assert_flaws(const struct field *f, const char *what, unsigned actual, unsigned expected) {
    if (actual != expected)
        fail_msg("%s.%s %s: flaws %u instead of %u", f->message, f->name, what, actual, expected);
}

static void test_every_text_is_held_to_its_bound(void **state) {
    size_t bounded = 0;
    for (size_t i = 0; i < field_count; i++) {
        const struct field *f = &fields[i];
        if (!f->text)
            continue;
        if (f->most == 0) {
            // A currency has a form instead, which validate judges.
            assert_string_equal(f->name, "currency");
            assert_flaws(f, "is long", flaws_of_text(f, 1000, NULL, 1), EVENT_FLAW_NONE);
            continue;
        }
        size_t most = (size_t)f->most;
        assert_flaws(f, "at its bound", flaws_of_text(f, most, NULL, 1), EVENT_FLAW_NONE);
        assert_flaws(f, "past its bound", flaws_of_text(f, most + 1, NULL, 1), EVENT_FLAW_TOO_LONG);
        assert_flaws(f, "is huge", flaws_of_text(f, 60000, NULL, 1), EVENT_FLAW_TOO_LONG);
        if (f->repeated)
            assert_flaws(f, "empty", flaws_of_text(f, 0, NULL, 1), f->least == 1 ? EVENT_FLAW_TOO_LONG : 0);
        bounded++;
    }
    assert_true(bounded > 40);
}

static void test_every_text_is_held_to_utf8(void **state) {
    for (size_t i = 0; i < field_count; i++) {
        const struct field *f = &fields[i];
        if (!f->text)
            continue;
        assert_flaws(f, "ends in a cut sequence", flaws_of_text(f, 2, "\xc3", 1), EVENT_FLAW_UTF8);
        assert_flaws(f, "is not ASCII", flaws_of_text(f, 2, "\xc3\xa9", 1), EVENT_FLAW_NONE);
    }
}

static void test_every_duration_quantity_and_amount_is_held_to_its_range(void **state) {
    static const struct {
        int64_t number;
        unsigned flaws;
    } cases[] = {
        {0, EVENT_FLAW_NONE},
        {1, EVENT_FLAW_NONE},
        {AMOUNT_MAX, EVENT_FLAW_NONE},
        {AMOUNT_MAX + 1, EVENT_FLAW_OUT_OF_RANGE},
        {INT64_MAX, EVENT_FLAW_OUT_OF_RANGE},
        {-1, EVENT_FLAW_NEGATIVE},
        {INT64_MIN, EVENT_FLAW_NEGATIVE},
    };
    size_t amounts = 0;
    for (size_t i = 0; i < field_count; i++) {
        if (!fields[i].amount)
            continue;
        amounts++;
        for (size_t j = 0; j < sizeof(cases) / sizeof(cases[0]); j++) {
            unsigned flaws = flaws_with(&fields[i], &cases[j].number, sizeof(int64_t), 1);
            assert_flaws(&fields[i], "out of its range", flaws, cases[j].flaws);
        }
    }
    assert_true(amounts >= 17);
}

static void test_lists_are_held_to_their_counts(void **state) {
    static const struct {
        const char *message, *name;
        size_t most;
    } texts[] = {{"Event", "tags", 16}, {"Listening", "topics", 16}};
    for (size_t i = 0; i < 2; i++) {
        struct field f = {.text = true, .repeated = true};
        strcpy(f.message, texts[i].message);
        strcpy(f.name, texts[i].name);
        assert_flaws(&f, "as many", flaws_of_text(&f, 3, NULL, texts[i].most), EVENT_FLAW_NONE);
        assert_flaws(&f, "too many", flaws_of_text(&f, 3, NULL, texts[i].most + 1), EVENT_FLAW_TOO_MANY);
        assert_flaws(&f, "a bomb", flaws_of_text(&f, 0, NULL, 15000), EVENT_FLAW_TOO_MANY);
    }
    Clameur__V1__LineItem empty_item = CLAMEUR__V1__LINE_ITEM__INIT, *item = &empty_item;
    Clameur__V1__ReadingValue empty_value = CLAMEUR__V1__READING_VALUE__INIT, *value = &empty_value;
    struct field items = {.message = "Commerce", .name = "items"},
                 values = {.message = "Reading", .name = "values"};
    assert_flaws(&items, "as many", flaws_with(&items, &item, sizeof(item), 256), EVENT_FLAW_NONE);
    assert_flaws(&items, "too many", flaws_with(&items, &item, sizeof(item), 257), EVENT_FLAW_TOO_MANY);
    assert_flaws(&items, "a bomb", flaws_with(&items, &item, sizeof(item), 30000), EVENT_FLAW_TOO_MANY);
    assert_flaws(&values, "as many", flaws_with(&values, &value, sizeof(value), 64), EVENT_FLAW_NONE);
    assert_flaws(&values, "too many", flaws_with(&values, &value, sizeof(value), 65), EVENT_FLAW_TOO_MANY);
}

static void test_delta(void **state) {
    static const struct {
        int64_t sent, read;
        unsigned flaws;
    } cases[] = {
        {0, 1, 0},
        {1, 1, 0},
        {-1, -1, 0},
        {AMOUNT_MAX, AMOUNT_MAX, 0},
        {-AMOUNT_MAX, -AMOUNT_MAX, 0},
        {AMOUNT_MAX + 1, AMOUNT_MAX + 1, EVENT_FLAW_OUT_OF_RANGE},
        {-AMOUNT_MAX - 1, -AMOUNT_MAX - 1, EVENT_FLAW_OUT_OF_RANGE},
        {INT64_MIN, INT64_MIN, EVENT_FLAW_OUT_OF_RANGE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Clameur__V1__Event m = plain_event();
        m.delta = cases[i].sent;
        struct event *e = decode_message(&m);
        assert_int_equal(e->delta, cases[i].read);
        assert_int_equal(e->flaws, cases[i].flaws);
    }
}

static void test_a_reading_has_a_time(void **state) {
    static const struct {
        int64_t read_at_ms;
        unsigned flaws;
    } cases[] = {{-1, 0}, {0, 0}, {EVENT_TIME_END_MS - 1, 0}, {EVENT_TIME_END_MS, EVENT_FLAW_OUT_OF_RANGE}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Clameur__V1__Event m = plain_event();
        Clameur__V1__Reading reading = CLAMEUR__V1__READING__INIT;
        reading.read_at = cases[i].read_at_ms;
        m.body_case = CLAMEUR__V1__EVENT__BODY_READING;
        m.reading = &reading;
        assert_int_equal(decode_message(&m)->flaws, cases[i].flaws);
    }
}

// Any amount of money asks for a currency, whichever field it stands in.
static void test_any_money_is_a_value(void **state) {
    size_t micros = 0;
    for (size_t i = 0; i < field_count; i++) {
        if (!fields[i].amount)
            continue;
        bool money = strstr(fields[i].name, "_micros") != NULL;
        int64_t none = 0, one = 1;
        assert_false(event_with(&fields[i], &none, sizeof(none), 1)->has_value);
        assert_int_equal(event_with(&fields[i], &one, sizeof(one), 1)->has_value, money);
        micros += money;
    }
    assert_int_equal(micros, 9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_text_is_held_to_its_bound),
        cmocka_unit_test(test_every_text_is_held_to_utf8),
        cmocka_unit_test(test_every_duration_quantity_and_amount_is_held_to_its_range),
        cmocka_unit_test(test_lists_are_held_to_their_counts),
        cmocka_unit_test(test_delta),
        cmocka_unit_test(test_a_reading_has_a_time),
        cmocka_unit_test(test_any_money_is_a_value),
    };
    return cmocka_run_group_tests(tests, read_contract, tear_down);
}
