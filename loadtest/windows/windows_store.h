// What the aggregators' store says, without any of their code: what it is of, each partition's sealed-through
// record, and of each published window the newest file. The names are those of aggregate/store/names.h, the
// files are read by schemas/snapshot.
#pragma once

#include "loadtest/windows/windows_place.h"
#include "schemas/layout.h"
#include "schemas/settings.h"
#include "schemas/snapshot/snapshot.h"

struct windows_meta {
    char topic[256], topic_id[64];
    int32_t partitions;
    int64_t starts[PARTITIONS_MAX];
    int64_t dedup_span;
    char framing[16];
    int64_t max_event_bytes, max_message_bytes;
    char rules_hash[17];
};

struct windows_through {
    bool is_there;
    struct progress progress; // `lines` are ours
};

struct windows_published {
    int64_t start_s;
    char *file;  // the newest, below the root
    int64_t sum; // as its name says
    int64_t *covers;
    struct earlier_orders *earlier;
    size_t earlier_count;
    char *damage; // NULL, or why its header is not to be had; `covers` are the starts then
};

struct windows_store {
    struct windows_place place;
    struct windows_meta meta;
    struct windows_through *throughs; // by partition
    struct windows_published *at;     // by start
    size_t count;
    int64_t sealed_s; // every window that ends by then is sealed by all; 0: none
};

// The store of store.*. STATUS_CONFIG where that names none, STATUS_NO_INPUT where no aggregator has begun
// one there, STATUS_BAD_DATA (CLM-D3) where its file "meta" is not one; what stream/store/store.h says of
// a bucket.
enum status windows_store_open(struct windows_store *store, const struct settings *settings,
                               struct problem *p);
void windows_store_close(struct windows_store *store);

// Reads it all; again, anew. Through records first, so that what they say is sealed may have been published.
// STATUS_BAD_DATA (CLM-D3) where a through record is damaged; a damaged file of a window is that window's.
enum status windows_store_read(struct windows_store *store, struct problem *p);

// A file, whole; its rows are added to `rows` unless that is NULL. STATUS_BAD_DATA with what is wrong.
struct windows_file {
    char *bytes;
    size_t length;
    struct snapshot *snapshot;
};
enum status windows_store_file(const struct windows_store *store, const char *name, struct rows *rows,
                               struct windows_file *file, struct problem *p);
void windows_file_close(struct windows_file *file);

// Windows that are sealed by all, and of which a line says more than is published: their publisher was not
// there yet.
size_t windows_store_behind(const struct windows_store *store);
const struct windows_published *windows_store_find(const struct windows_store *store, int64_t start_s);
