// Before a seal: what was folded once for a group of keys goes to each of them.
#include "ingest/count.h"
#include "runtime/hash.h"

enum { HOUR_S = 3600 };

struct spread {
    struct delta *delta;
    uint32_t families;
    const struct delta_identity *group;
    uint64_t account_hash;
};

static void spread_to(const struct spread *s, enum key_family family, uint32_t platform, int64_t time_s,
                      int64_t expire_s, field_code field, int64_t value) {
    if ((s->families & (1u << family)) == 0)
        return;
    struct delta_identity to = {.family = family, .platform = platform, .time_s = time_s};
    if (family != KEY_PLATFORM)
        to.account = s->group->account;
    delta_identify(&to, family != KEY_PLATFORM ? s->account_hash : 0, 0);
    delta_add(s->delta, &to, expire_s, field, value);
}

static void spread_cell(const struct spread *s, int64_t expire_s, field_code field, int64_t value) {
    const struct delta_identity *group = s->group;
    spread_to(s, KEY_ACCOUNT, 0, 0, 0, field, value);
    spread_to(s, KEY_ACCOUNT_PLATFORM, group->platform, 0, 0, field, value);
    spread_to(s, KEY_PLATFORM, group->platform, 0, 0, field, value);
    if (group->family == DELTA_GROUP) {
        int64_t hour_s = group->time_s / HOUR_S * HOUR_S;
        unsigned minute = (unsigned)(group->time_s % HOUR_S / 60);
        spread_to(s, KEY_SERIES, group->platform, hour_s, expire_s, field_minute(field, minute), value);
    }
}

void count_spread(struct delta *d, uint32_t families) {
    uint32_t keys = d->keys.count;
    delta_rank(d);
    for (uint32_t i = 0; i < keys; i++) {
        const struct delta_key key = d->keys.at[i]; // a copy: adding may move the array
        if (key.identity.family < KEY_FAMILY_COUNT)
            continue;
        const struct spread s = {d, families, &key.identity, hash_slice(key.identity.account, 0)};
        for (uint32_t c = key.first_cell; c != DELTA_NONE; c = d->cells.at[c].next)
            spread_cell(&s, key.expire_s, d->cells.at[c].field, d->cells.at[c].delta);
    }
    d->spread = true;
}
