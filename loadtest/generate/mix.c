#include "loadtest/generate/mix.h"

#include "runtime/check.h"

// Numbers that no registry lists: they are kept and counted as `platform_<number>` and `kind_<number>`.
enum { PLATFORM_UNLISTED_HIVE = 1007, PLATFORM_UNLISTED_ORBIT = 1999 };
enum { KIND_UNLISTED_DUET = 777, KIND_UNLISTED_STITCH = 900 };

static const uint32_t ANYWHERE_platforms[] = {
#define PLATFORM(number, id, name) PLATFORM_##id,
#include "schemas/platforms.def"
#undef PLATFORM
    PLATFORM_UNLISTED_HIVE,
    PLATFORM_UNLISTED_ORBIT,
};

#define COUNT(rows)    (sizeof(rows) / sizeof((rows)[0]))
#define PLACE_OF(name) static const struct mix_place name = {name##_platforms, COUNT(name##_platforms)};
#define PLACE(name, ...)                                                                                     \
    static const uint32_t name##_platforms[] = {__VA_ARGS__};                                                \
    PLACE_OF(name)

PLACE_OF(ANYWHERE)
PLACE(EIGHT, PLATFORM_INSTAGRAM, PLATFORM_TIKTOK, PLATFORM_YOUTUBE, PLATFORM_FACEBOOK, PLATFORM_X,
      PLATFORM_LINKEDIN, PLATFORM_PINTEREST, PLATFORM_SNAPCHAT)
PLACE(SOCIAL, PLATFORM_TIKTOK, PLATFORM_INSTAGRAM, PLATFORM_YOUTUBE, PLATFORM_TIKTOK, PLATFORM_FACEBOOK,
      PLATFORM_X, PLATFORM_INSTAGRAM, PLATFORM_LINKEDIN, PLATFORM_PINTEREST, PLATFORM_SNAPCHAT,
      PLATFORM_BLUESKY, PLATFORM_MASTODON, PLATFORM_THREADS, PLATFORM_REDDIT, PLATFORM_TWITTER)
PLACE(VIDEO, PLATFORM_TIKTOK, PLATFORM_YOUTUBE, PLATFORM_INSTAGRAM, PLATFORM_TIKTOK, PLATFORM_FACEBOOK,
      PLATFORM_TWITCH)
PLACE(STORIES, PLATFORM_INSTAGRAM, PLATFORM_FACEBOOK, PLATFORM_SNAPCHAT)
PLACE(SHOWS, PLATFORM_TIKTOK, PLATFORM_YOUTUBE, PLATFORM_INSTAGRAM, PLATFORM_X, PLATFORM_LINKEDIN,
      PLATFORM_TWITCH, PLATFORM_METAVERSE)
PLACE(CHATS, PLATFORM_WHATSAPP, PLATFORM_MESSENGER, PLATFORM_INSTAGRAM_DIRECT, PLATFORM_TELEGRAM,
      PLATFORM_DISCORD, PLATFORM_ENTERPRISE)
PLACE(SHOPS, PLATFORM_WEB, PLATFORM_TIKTOK, PLATFORM_INSTAGRAM, PLATFORM_WEB, PLATFORM_STORE,
      PLATFORM_PINTEREST)
PLACE(SITE, PLATFORM_WEB)
PLACE(ADS, PLATFORM_INSTAGRAM, PLATFORM_FACEBOOK, PLATFORM_TIKTOK, PLATFORM_YOUTUBE, PLATFORM_LINKEDIN,
      PLATFORM_PINTEREST)

#define ROW(kind, weight, place, body) {KIND_##kind, weight, &place, body_##body},
static const struct mix_row rows_all[] = {
#include "loadtest/generate/mix_all.def"
};
static const struct mix_row rows_bench[] = {
#include "loadtest/generate/mix_bench.def"
};
#undef ROW

const struct mix mixes[] = {
    {"all", "every platform, every kind, every body", rows_all, COUNT(rows_all), true},
    {"bench", "eight platforms, six kinds, about 121 bytes an event", rows_bench, COUNT(rows_bench), false},
};
const size_t mix_count = COUNT(mixes);

const struct mix *mix_find(const char *name) {
    for (size_t i = 0; i < mix_count; i++) {
        if (strcmp(mixes[i].name, name) == 0)
            return &mixes[i];
    }
    return NULL;
}

uint64_t mix_weight(const struct mix *mix) {
    uint64_t sum = 0;
    for (size_t i = 0; i < mix->count; i++)
        sum += mix->rows[i].weight;
    return sum;
}

const struct mix_row *mix_row_at(const struct mix *mix, uint64_t ticket) {
    const struct mix_row *row = mix->rows;
    while (ticket >= row->weight) {
        ticket -= row->weight;
        row++;
        CHECK(row < mix->rows + mix->count);
    }
    return row;
}
