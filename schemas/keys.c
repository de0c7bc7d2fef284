#include "schemas/keys.h"

#include "runtime/check.h"
#include "schemas/decimal.h"
#include "schemas/money.h"

#define UNLISTED_KIND "kind_"

enum {
    SLOT_BITS = 14,
    SLOTS = 1 << SLOT_BITS,
    KEY_OVERHEAD = 256, // of a name: tag, family, platform, time and the colons
    KIND_PREFIX_LENGTH = sizeof(UNLISTED_KIND) - 1,
    MINUTES = 60,
};

static const uint16_t crc16_table[256] = {
    0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7, 0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c,
    0xd1ad, 0xe1ce, 0xf1ef, 0x1231, 0x0210, 0x3273, 0x2252, 0x52b5, 0x4294, 0x72f7, 0x62d6, 0x9339, 0x8318,
    0xb37b, 0xa35a, 0xd3bd, 0xc39c, 0xf3ff, 0xe3de, 0x2462, 0x3443, 0x0420, 0x1401, 0x64e6, 0x74c7, 0x44a4,
    0x5485, 0xa56a, 0xb54b, 0x8528, 0x9509, 0xe5ee, 0xf5cf, 0xc5ac, 0xd58d, 0x3653, 0x2672, 0x1611, 0x0630,
    0x76d7, 0x66f6, 0x5695, 0x46b4, 0xb75b, 0xa77a, 0x9719, 0x8738, 0xf7df, 0xe7fe, 0xd79d, 0xc7bc, 0x48c4,
    0x58e5, 0x6886, 0x78a7, 0x0840, 0x1861, 0x2802, 0x3823, 0xc9cc, 0xd9ed, 0xe98e, 0xf9af, 0x8948, 0x9969,
    0xa90a, 0xb92b, 0x5af5, 0x4ad4, 0x7ab7, 0x6a96, 0x1a71, 0x0a50, 0x3a33, 0x2a12, 0xdbfd, 0xcbdc, 0xfbbf,
    0xeb9e, 0x9b79, 0x8b58, 0xbb3b, 0xab1a, 0x6ca6, 0x7c87, 0x4ce4, 0x5cc5, 0x2c22, 0x3c03, 0x0c60, 0x1c41,
    0xedae, 0xfd8f, 0xcdec, 0xddcd, 0xad2a, 0xbd0b, 0x8d68, 0x9d49, 0x7e97, 0x6eb6, 0x5ed5, 0x4ef4, 0x3e13,
    0x2e32, 0x1e51, 0x0e70, 0xff9f, 0xefbe, 0xdfdd, 0xcffc, 0xbf1b, 0xaf3a, 0x9f59, 0x8f78, 0x9188, 0x81a9,
    0xb1ca, 0xa1eb, 0xd10c, 0xc12d, 0xf14e, 0xe16f, 0x1080, 0x00a1, 0x30c2, 0x20e3, 0x5004, 0x4025, 0x7046,
    0x6067, 0x83b9, 0x9398, 0xa3fb, 0xb3da, 0xc33d, 0xd31c, 0xe37f, 0xf35e, 0x02b1, 0x1290, 0x22f3, 0x32d2,
    0x4235, 0x5214, 0x6277, 0x7256, 0xb5ea, 0xa5cb, 0x95a8, 0x8589, 0xf56e, 0xe54f, 0xd52c, 0xc50d, 0x34e2,
    0x24c3, 0x14a0, 0x0481, 0x7466, 0x6447, 0x5424, 0x4405, 0xa7db, 0xb7fa, 0x8799, 0x97b8, 0xe75f, 0xf77e,
    0xc71d, 0xd73c, 0x26d3, 0x36f2, 0x0691, 0x16b0, 0x6657, 0x7676, 0x4615, 0x5634, 0xd94c, 0xc96d, 0xf90e,
    0xe92f, 0x99c8, 0x89e9, 0xb98a, 0xa9ab, 0x5844, 0x4865, 0x7806, 0x6827, 0x18c0, 0x08e1, 0x3882, 0x28a3,
    0xcb7d, 0xdb5c, 0xeb3f, 0xfb1e, 0x8bf9, 0x9bd8, 0xabbb, 0xbb9a, 0x4a75, 0x5a54, 0x6a37, 0x7a16, 0x0af1,
    0x1ad0, 0x2ab3, 0x3a92, 0xfd2e, 0xed0f, 0xdd6c, 0xcd4d, 0xbdaa, 0xad8b, 0x9de8, 0x8dc9, 0x7c26, 0x6c07,
    0x5c64, 0x4c45, 0x3ca2, 0x2c83, 0x1ce0, 0x0cc1, 0xef1f, 0xff3e, 0xcf5d, 0xdf7c, 0xaf9b, 0xbfba, 0x8fd9,
    0x9ff8, 0x6e17, 0x7e36, 0x4e55, 0x5e74, 0x2e93, 0x3eb2, 0x0ed1, 0x1ef0,
};

// What follows the tag in the name of a key; keys.def says it, key_write fills it in.
static const char *const patterns[KEY_FAMILY_COUNT] = {
#define KEY(id, family, type, name, doc) [KEY_##id] = name,
#include "schemas/keys.def"
#undef KEY
};

#define KEY(id, family, type, name, doc)                                                                     \
    _Static_assert(sizeof(name) + KEY_PREFIX_MAX + SHARD_TAG_MAX + PLATFORM_NAME_MAX + DECIMAL_MAX <=        \
                       KEY_OVERHEAD,                                                                         \
                   "the name of " family " needs more room");
#include "schemas/keys.def"
#undef KEY

uint16_t key_crc16(struct slice bytes) {
    uint16_t crc = 0;
    for (size_t i = 0; i < bytes.length; i++)
        crc = (uint16_t)((crc << 8) ^ crc16_table[(crc >> 8) ^ (unsigned char)bytes.at[i]]);
    return crc;
}

static uint32_t slot_mirror(uint32_t slot) {
    uint32_t mirrored = 0;
    for (int bit = 0; bit < SLOT_BITS; bit++)
        mirrored |= ((slot >> bit) & 1) << (SLOT_BITS - 1 - bit);
    return mirrored;
}

void key_space_init(struct key_space *space, const char *prefix, uint32_t shards) {
    size_t length = strlen(prefix);
    CHECK(length > 0 && length < KEY_PREFIX_MAX && strpbrk(prefix, "{}") == NULL);
    CHECK(shards > 0 && shards <= SHARDS_MAX);
    *space = (struct key_space){.shards = shards};
    memcpy(space->prefix, prefix, length);
    // The numbers below 109,758 reach every slot; the first that reaches a shard's is its tag.
    uint32_t missing = shards;
    for (uint32_t n = 0; missing > 0; n++) {
        char text[SHARD_TAG_MAX] = {0};
        size_t digits = decimal_write(text, n);
        uint32_t shard = slot_mirror(key_crc16((struct slice){text, digits}) % SLOTS);
        if (shard >= shards || space->tags[shard][0] != '\0')
            continue;
        memcpy(space->tags[shard], text, sizeof(text));
        missing--;
    }
}

uint32_t key_shard(const struct key_space *space, struct slice account) {
    return key_crc16(account) % space->shards;
}

int key_shard_slot(uint32_t shard) {
    return (int)slot_mirror(shard);
}

int key_slot(struct slice key) {
    const char *open = memchr(key.at, '{', key.length);
    const char *close = open != NULL ? memchr(open, '}', key.length - (size_t)(open - key.at)) : NULL;
    if (close != NULL && close > open + 1)
        key = (struct slice){open + 1, (size_t)(close - open - 1)};
    return key_crc16(key) % SLOTS;
}

static inline char *append(char *to, const char *bytes, size_t length) {
    memcpy(to, bytes, length);
    return to + length;
}

size_t key_encode(char *out, struct slice id) {
    static const char hex[] = "0123456789ABCDEF";
    char *to = out;
    for (size_t i = 0; i < id.length; i++) {
        char byte = id.at[i];
        if (byte != ':' && byte != '%' && byte != '{' && byte != '}') {
            *to++ = byte;
            continue;
        }
        *to++ = '%';
        *to++ = hex[byte >> 4];
        *to++ = hex[byte & 15];
    }
    return (size_t)(to - out);
}

// Fills one <placeholder> of a pattern; its first letter tells which.
static char *part_write(char *to, char placeholder, const struct key_parts *parts) {
    switch (placeholder) {
    case 'a': // account
        return to + key_encode(to, parts->account);
    case 'p': // platform
        return to + platform_write(to, parts->platform);
    case 'c': // content, campaign
    case 't': // tag
    case 's': // session
        return to + key_encode(to, parts->id);
    case 'h': // hour
    case 'd': // day
        CHECK(parts->time_s >= 0);
        return to + decimal_write(to, (uint64_t)parts->time_s);
    default:
        CHECK_UNREACHABLE("a placeholder that keys.c does not know stands in keys.def");
    }
}

size_t key_write(char *out, const struct key_space *space, enum key_family family, uint32_t shard,
                 const struct key_parts *parts) {
    CHECK((unsigned)family < KEY_FAMILY_COUNT && shard < space->shards);
    CHECK(3 * (parts->account.length + parts->id.length) + KEY_OVERHEAD <= KEY_MAX);
    char *to = append(out, space->prefix, strlen(space->prefix));
    to = append(to, ":{", 2);
    to = append(to, space->tags[shard], strlen(space->tags[shard]));
    to = append(to, "}:", 2);
    for (const char *from = patterns[family]; *from != '\0'; from++) {
        if (*from != '<') {
            *to++ = *from;
            continue;
        }
        to = part_write(to, from[1], parts);
        while (*from != '>')
            from++;
    }
    return (size_t)(to - out);
}

// The packing of a field_code, from the low end: the number of a counter, or of an unlisted kind (32 bits);
// which of the two (bits 32, 33); the minute + 1 (34..39); the three letters of the currency (40..63).
#define FIELD_IS_COUNTER   (UINT64_C(1) << 32)
#define FIELD_IS_KIND      (UINT64_C(1) << 33)
#define FIELD_MINUTE_BIT   34
#define FIELD_MINUTE_MASK  (UINT64_C(63) << FIELD_MINUTE_BIT)
#define FIELD_CURRENCY_BIT 40

// The longest names: "59:" before, ":EUR" after.
#define COUNTER(id, name, by_currency, doc)                                                                  \
    _Static_assert(sizeof(name) - 1 + 3 + 4 <= FIELD_MAX, "counter name " name " is too long");
#include "schemas/counters.def"
#undef COUNTER
#define KIND(number, id, name, counter, weight)                                                              \
    _Static_assert(sizeof(counter) - 1 + 3 + 4 <= FIELD_MAX, "counter name " counter " is too long");
#include "schemas/kinds.def"
#undef KIND

field_code field_counter(enum counter counter) {
    CHECK(counter_row(counter)->name[0] != '\0');
    return FIELD_IS_COUNTER | (uint32_t)counter;
}

field_code field_kind(uint32_t unlisted_kind) {
    return FIELD_IS_KIND | unlisted_kind;
}

field_code field_currency(field_code counter, struct slice currency) {
    CHECK(counter != 0 && counter >> FIELD_CURRENCY_BIT == 0 && currency.length == MONEY_CURRENCY_LENGTH);
    uint64_t letters = 0;
    for (size_t i = 0; i < MONEY_CURRENCY_LENGTH; i++)
        letters = letters << 8 | (unsigned char)currency.at[i];
    return counter | letters << FIELD_CURRENCY_BIT;
}

field_code field_minute(field_code counter, unsigned minute) {
    CHECK(counter != 0 && (counter & FIELD_MINUTE_MASK) == 0 && minute < MINUTES);
    return counter | (uint64_t)(minute + 1) << FIELD_MINUTE_BIT;
}

bool field_split(field_code field, enum counter *counter, char currency[MONEY_CURRENCY_LENGTH + 1]) {
    uint64_t letters = field >> FIELD_CURRENCY_BIT;
    for (int i = MONEY_CURRENCY_LENGTH - 1; i >= 0; i--, letters >>= 8)
        currency[i] = (char)(letters & 255);
    currency[MONEY_CURRENCY_LENGTH] = '\0';
    *counter = field & FIELD_IS_COUNTER ? (enum counter)(uint32_t)field : COUNTER_NONE;
    return *counter != COUNTER_NONE;
}

size_t field_write(char *out, field_code field) {
    CHECK(field != 0);
    char *to = out;
    unsigned minute = (unsigned)((field & FIELD_MINUTE_MASK) >> FIELD_MINUTE_BIT);
    if (minute > 0) {
        *to++ = (char)('0' + (minute - 1) / 10);
        *to++ = (char)('0' + (minute - 1) % 10);
        *to++ = ':';
    }
    uint32_t number = (uint32_t)field;
    if (field & FIELD_IS_KIND) {
        to = append(to, UNLISTED_KIND, KIND_PREFIX_LENGTH);
        to += decimal_write(to, number);
    } else {
        const char *name = counter_row((enum counter)number)->name;
        to = append(to, name, strlen(name));
    }
    uint64_t letters = field >> FIELD_CURRENCY_BIT;
    if (letters != 0) {
        *to++ = ':';
        for (int shift = 8 * (MONEY_CURRENCY_LENGTH - 1); shift >= 0; shift -= 8)
            *to++ = (char)(letters >> shift & 255);
    }
    return (size_t)(to - out);
}

static field_code kind_field_parse(struct slice name) {
    uint64_t number = 0;
    if (name.length <= KIND_PREFIX_LENGTH || memcmp(name.at, UNLISTED_KIND, KIND_PREFIX_LENGTH) != 0)
        return 0;
    struct slice digits = {name.at + KIND_PREFIX_LENGTH, name.length - KIND_PREFIX_LENGTH};
    for (size_t i = 0; i < digits.length; i++) {
        if (digits.at[i] < '0' || digits.at[i] > '9' || number > UINT32_MAX)
            return 0;
        number = number * 10 + (uint64_t)(digits.at[i] - '0');
    }
    bool plain = digits.at[0] != '0' || digits.length == 1;
    return plain && number <= UINT32_MAX ? field_kind((uint32_t)number) : 0;
}

static field_code counter_field_parse(struct slice name) {
    const char *colon = memchr(name.at, ':', name.length);
    size_t length = colon != NULL ? (size_t)(colon - name.at) : name.length;
    enum counter counter = counter_parse((struct slice){name.at, length});
    if (counter == COUNTER_NONE || counter_row(counter)->by_currency != (colon != NULL))
        return 0;
    if (colon == NULL)
        return field_counter(counter);
    struct slice currency = {colon + 1, name.length - length - 1};
    return money_is_currency(currency) ? field_currency(field_counter(counter), currency) : 0;
}

bool field_parse(field_code *field, struct slice name) {
    *field = 0;
    if (name.length == 0)
        return false;
    *field = kind_field_parse(name);
    if (*field == 0)
        *field = counter_field_parse(name);
    return *field != 0;
}
