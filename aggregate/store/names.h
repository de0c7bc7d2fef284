// How files are called in a store.
//
//     meta                                       what the first aggregator fixed (meta.h)
//     keys/0001                                  by which pseudonym keys it counts (schemas/key_versions.h)
//     parts/<start>/p0003-<from>-<to>.zst        one window of one partition, after [from, to) of its log
//     orders/<start>/p0003-<from>-<to>.zst       its purchases alone
//     through/p0003-<offset>-<sealed>.zst        the last by name is the partition's sealed-through record
//     checkpoints/p0003-<offset>-<after>.zst     open windows: a base (after = offset), or a segment on the
//                                                file at `after`
//     snapshots/<start>/<sum>-<hash>.zst         a published window: of several the one with the greatest sum
//                                                is the newest
//     baselines/<start>.json                     what is usual of mentions after that window (listen/)
//     spans/...                                  merges that somebody asked for, under the name they gave
//
// <start> is the window's start in Unix seconds. Offsets, sums, <sealed> (Unix seconds, too) and the <start>
// of a baseline have 19 digits, so that names sort as they do. <sum> adds up the `to` of all partitions and
// of the earlier orders, one more for each of these that is gone, less one for each partition that is missing
// (never below 0): so a window that is complete comes after one that is not, also where the partition has
// nothing of it, and what revisions say together comes after each of them. <hash> is 16 hex digits of XXH3-64
// over both vectors.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { NAME_MAX_LENGTH = 128 };

struct part_name {
    int64_t start_s;
    uint32_t partition;
    int64_t from, to;
};
struct through_name {
    uint32_t partition;
    int64_t offset;
    int64_t sealed_s; // every window that ends by then is sealed
};
struct checkpoint_name {
    uint32_t partition;
    int64_t offset, after;
};
struct snapshot_name {
    int64_t start_s;
    int64_t sum;
    uint64_t hash;
};

void part_name_write(char out[NAME_MAX_LENGTH], const struct part_name *name);
void orders_name_write(char out[NAME_MAX_LENGTH], const struct part_name *name);
void through_name_write(char out[NAME_MAX_LENGTH], const struct through_name *name);
void checkpoint_name_write(char out[NAME_MAX_LENGTH], const struct checkpoint_name *name);
void snapshot_name_write(char out[NAME_MAX_LENGTH], const struct snapshot_name *name);
void baseline_name_write(char out[NAME_MAX_LENGTH], int64_t start_s); // not negative

// The names as store_list gives them, without their folder; false for any other.
bool part_name_parse(struct part_name *name, int64_t start_s, const char *text);
bool through_name_parse(struct through_name *name, const char *text);
bool checkpoint_name_parse(struct checkpoint_name *name, const char *text);
bool snapshot_name_parse(struct snapshot_name *name, int64_t start_s, const char *text);
bool baseline_name_parse(int64_t *start_s, const char *text);
// "1767225600/": of windows that can be. They begin every 15 minutes, and no event is of a time from 2^53 ms
// on.
bool window_folder_parse(int64_t *start_s, const char *text);
