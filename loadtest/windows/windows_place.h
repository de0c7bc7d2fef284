// Where the aggregators' store is, and what bytes and names are there: nothing of what they mean. A directory
// is read here; a bucket's come over the aggregators' client, which knows nothing of either.
#pragma once

#include "schemas/settings.h"
#include "stream/store/store.h"

struct windows_place {
    char *root;           // the directory; of a bucket its address
    struct store *bucket; // NULL: it is a directory
};

// The place of store.*. STATUS_CONFIG where that names none; what stream/store/store.h says of a bucket.
enum status windows_place_open(struct windows_place *place, const struct settings *settings,
                               struct problem *p);
void windows_place_close(struct windows_place *place);

// A whole file; the caller frees `*bytes`. STATUS_NO_INPUT where there is none.
enum status windows_place_read(const struct windows_place *place, const char *name, char **bytes,
                               size_t *length, struct problem *p);
// Every name in a folder, in no order; none where there is no such folder.
typedef void (*windows_place_name)(void *context, const char *name);
enum status windows_place_list(const struct windows_place *place, const char *folder, windows_place_name take,
                               void *context, struct problem *p);
