// Small texts: values of options, addresses, marks, names of the registries, ids in keys. What is read is
// written back the same, and no two ids have one name.
#include <stdlib.h>

#include "fuzz.h"
#include "loadtest/recordings/fields.h"
#include "runtime/config/config.h"
#include "runtime/http/http_place.h"
#include "runtime/memory.h"
#include "runtime/redis/redis_link.h"
#include "runtime/utf8.h"
#include "schemas/layout.h"
#include "schemas/registry.h"

static void read_values(const char *text, struct slice bytes) {
    int64_t value;
    if (config_parse_duration(text, &value))
        CHECK(value >= 0);
    if (config_parse_size(text, &value))
        CHECK(value >= 0);
    config_parse_int(text, &value);
    config_parse_time(text, &value);
    if (field_integer(bytes, &value))
        CHECK(value > -1000000000 && value < 1000000000);
    if (field_micros(bytes, &value))
        CHECK(value > INT64_C(-1000000000000000) && value < INT64_C(1000000000000000));
    field_time(bytes, &value);
}

static void read_addresses(const char *text) {
    struct redis_address address = {0};
    struct http_place place;
    struct problem problem;
    if (redis_address_parse(&address, text, &problem) == STATUS_OK)
        CHECK(address.host[0] != '\0' && address.port >= 0 && address.port < 65536 && address.database >= 0);
    if (http_place_parse(&place, text, &problem) == STATUS_OK)
        CHECK(place.port[0] != '\0' && atoi(place.port) < 65536);
}

static void read_mark(struct slice text) {
    struct mark mark, again;
    char written[MARK_TEXT_MAX];
    if (!mark_parse(&mark, text))
        return;
    size_t length = mark_write(written, &mark);
    CHECK(mark_parse(&again, (struct slice){written, length}) && memcmp(&mark, &again, sizeof(mark)) == 0);
}

static void read_names(struct slice name) {
    char written[PLATFORM_NAME_MAX];
    uint32_t platform = platform_parse(name.at, name.length), kind = kind_parse(name.at, name.length);
    if (platform != 0) {
        size_t length = platform_write(written, platform);
        CHECK(slice_equal(name, (struct slice){written, length}));
    }
    if (kind != 0)
        CHECK(kind_find(kind) != NULL && slice_equal(name, slice_of(kind_find(kind)->name)));
}

static void read_field(struct slice name) {
    char written[FIELD_MAX];
    field_code field;
    if (counter_parse(name) != COUNTER_NONE)
        CHECK(slice_equal(name, slice_of(counter_row(counter_parse(name))->name)));
    if (field_parse(&field, name))
        CHECK(slice_equal(name, (struct slice){written, field_write(written, field)}));
}

static int hex_of(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// Decodes what key_encode wrote: the same id must come out, and nothing that parts a key may stand in it.
static void encode_id(struct slice id) {
    char *encoded = memory_take(3 * id.length + 1);
    size_t length = key_encode(encoded, id), at = 0;
    CHECK(length <= 3 * id.length);
    for (size_t i = 0; i < length; i++, at++) {
        char c = encoded[i];
        CHECK(c != ':' && c != '{' && c != '}' && at < id.length);
        if (c == '%') {
            CHECK(i + 2 < length && hex_of(encoded[i + 1]) >= 0 && hex_of(encoded[i + 2]) >= 0);
            c = (char)(hex_of(encoded[i + 1]) << 4 | hex_of(encoded[i + 2]));
            i += 2;
        }
        CHECK(c == id.at[at]);
    }
    CHECK(at == id.length);
    free(encoded);
}

// The quick road and the slow one.
static void judge_utf8(struct slice text) {
    CHECK(utf8_valid(text.at, text.length) == utf8_valid_slowly((const unsigned char *)text.at, text.length));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct slice text = {(const char *)bytes, length};
    char *terminated = memory_take(length + 1);
    memcpy(terminated, bytes, length);
    terminated[length] = '\0';
    read_values(terminated, text);
    read_addresses(terminated);
    read_mark(text);
    read_names(text);
    read_field(text);
    encode_id(text);
    judge_utf8(text);
    key_slot(text);
    free(terminated);
    return 0;
}
