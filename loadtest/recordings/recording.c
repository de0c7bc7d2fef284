#include "loadtest/recordings/recording.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

const struct recording_format recording_formats[] = {
    {"higgs", "higgs", "reposts, mentions and replies on Twitter, July 2012: `actor target seconds RT|MT|RE`",
     higgs_open, higgs_read, higgs_close},
    {"online-retail", "online-retail", "two years of a shop's invoices, 2010 to 2011: a CSV of their lines",
     online_retail_open, online_retail_read, online_retail_close},
    {"complete-journey", "complete-journey",
     "baskets, mailings and coupons of households, 2017: a folder of four CSVs", complete_journey_open,
     complete_journey_read, complete_journey_close},
    {"otto-sample", "otto", "clicks, carts and orders of a shop's sessions, August 2022: JSON lines",
     otto_open, otto_read, otto_close},
};
const size_t recording_format_count = sizeof(recording_formats) / sizeof(recording_formats[0]);

const struct recording_format *recording_find(const char *name) {
    for (size_t i = 0; i < recording_format_count; i++) {
        if (strcmp(recording_formats[i].name, name) == 0)
            return &recording_formats[i];
    }
    return NULL;
}

void recording_mint_id(struct draft *d, uint64_t seed, struct slice name) {
    XXH128_canonical_t hash;
    XXH128_canonicalFromHash(&hash, XXH3_128bits_withSeed(name.at, name.length, seed));
    memcpy(d->id, hash.digest, sizeof(d->id));
    draft_stamp_id(d, 8);
}
