// What a kind of store does, for store.c alone: it has checked the names, and sorts the lists.
#pragma once

#include "stream/store/store.h"

struct store_kind {
    // `created` NULL: replaces what is there.
    enum status (*write)(struct store *store, const char *name, const char *bytes, size_t length,
                         bool *created, struct problem *p);
    enum status (*read)(struct store *store, const char *name, char **bytes, size_t *length,
                        struct problem *p);
    enum status (*list)(struct store *store, const char *folder, struct store_names *names,
                        struct problem *p);
    enum status (*remove)(struct store *store, const char *name, struct problem *p);
    int64_t (*free_bytes)(struct store *store, int64_t *all); // `all` is given; 0 until it is told
    void (*close)(struct store *store);
};

// The first member of what each kind keeps.
struct store {
    const struct store_kind *kind;
};

// One name between two slashes: of a-z 0-9 . - and not with a dot in front. Whatever else lies in a store is
// not ours: lists pass it over.
bool store_part_ok(const char *part, size_t length);
void store_names_add(struct store_names *names, const char *name, size_t length, bool is_folder);

enum status store_s3_open(struct store **store, const struct store_place *place, struct problem *p);
enum status store_directory_open(struct store **store, const char *path, enum store_use use,
                                 struct problem *p);
