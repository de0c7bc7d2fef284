// The names of keys and fields in Redis. This file is the only place that knows them; the reference is
// keys.def.
//
// shard = CRC16(account_id) mod S. Every key of a shard carries its hash tag: {n}, n the smallest decimal
// number whose own slot is the shard's: shard i sits at slot reverse14(i), the 14 bits of i mirrored, so that
// any S spreads evenly over the 16,384 slots, and shard 0, where the deployment's meta is read first, sits in
// the same place for every S.
#pragma once

#include "runtime/slice.h"
#include "schemas/registry.h"

enum {
    KEY_MAX = 8192, // room for every name the contract's bounds allow, encoded
    FIELD_MAX = 96, // room for every field name
    SHARDS_MAX = 1024,
    SHARD_TAG_MAX = 12,
    KEY_PREFIX_MAX = 64,
};

enum key_family {
#define KEY(id, family, type, name, doc) KEY_##id,
#include "schemas/keys.def"
#undef KEY
    KEY_FAMILY_COUNT,
};

struct key_space {
    char prefix[KEY_PREFIX_MAX];
    uint32_t shards;
    char tags[SHARDS_MAX][SHARD_TAG_MAX];
};

// CRC-16/XMODEM, Redis Cluster's.
uint16_t key_crc16(struct slice bytes);

// `prefix` is 1..63 bytes without braces; 1 <= shards <= SHARDS_MAX (both CHECKed: the configuration has
// refused others).
void key_space_init(struct key_space *space, const char *prefix, uint32_t shards);

uint32_t key_shard(const struct key_space *space, struct slice account);

// The slot of Redis Cluster in which all keys of a shard lie.
int key_shard_slot(uint32_t shard);
// That of any key: of what stands between its first brace and the next closing one, if anything does.
int key_slot(struct slice key);

// What may stand in a name; what a family does not need is left empty. `time_s` is the start of the hour or
// day.
struct key_parts {
    struct slice account;
    uint32_t platform;
    struct slice id; // content, campaign, tag, session
    int64_t time_s;
};

// Writes the name of a key into `out` (KEY_MAX bytes, not terminated) and returns its length.
size_t key_write(char *out, const struct key_space *space, enum key_family family, uint32_t shard,
                 const struct key_parts *parts);

// A field of a counter hash, packed: a counter or an unlisted kind, a currency, a minute of the hour.
// Equal fields are equal numbers; 0 is no field.
typedef uint64_t field_code;

field_code field_counter(enum counter counter); // "likes"
field_code field_kind(uint32_t unlisted_kind);  // "kind_777"
field_code field_currency(field_code counter,
                          struct slice currency);             // "gross_micros:EUR"; currency: three capitals
field_code field_minute(field_code counter, unsigned minute); // "07:likes"

// The counter of a field, and its currency, terminated, "" where it has none. False where it is of an
// unlisted kind.
bool field_split(field_code field, enum counter *counter, char currency[4]);

// Writes the field's name into `out` (FIELD_MAX bytes, not terminated) and returns its length.
size_t field_write(char *out, field_code field);

// Reads the name of a field without a minute, as field_write writes it and not otherwise: a counter by
// currency has one, and no other has. `kind_<number>` is read for listed kinds too: it was written before
// they were. False, and *field is 0, where no field is called so.
bool field_parse(field_code *field, struct slice name);

// Percent-encodes `:` `%` `{` `}` of an id. Returns the length; at most 3 times the id's.
size_t key_encode(char *out, struct slice id);
