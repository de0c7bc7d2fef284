#include "stream/store/store.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/memory.h"
#include "schemas/settings.h"
#include "stream/store/store_kind.h"

enum { STORE_NAME_BYTES_MAX = 255, STORE_SECRET_SIZE = 512 };

enum status store_open(struct store **store, const struct store_place *place, struct problem *p) {
    static const char file[] = "file://", s3[] = "s3://";
    *store = NULL;
    if (strncmp(place->url, file, strlen(file)) == 0)
        return store_directory_open(store, place->url + strlen(file), place->use, p);
    if (strncmp(place->url, s3, strlen(s3)) == 0)
        return store_s3_open(store, place, p);
    return problem_set(p, STATUS_CONFIG, "CLM-C1",
                       "write store.url: file:///absolute/path, or s3://BUCKET/PREFIX",
                       "store.url: \"%s\" is not the address of a store", place->url);
}

enum status store_open_settings(struct store **store, const struct settings *settings, enum store_use use,
                                struct problem *p) {
    char secret[STORE_SECRET_SIZE];
    struct store_place place = {
        .url = settings->store_url,
        .use = use,
        .s3 = {.endpoint = settings->store_s3_endpoint,
               .region = settings->store_s3_region,
               .access_key = settings->store_s3_access_key,
               .secret_key = secret,
               .ca_file = settings->store_s3_ca_file,
               .timeout_ms = settings->store_s3_timeout_ms,
               .retries = settings->store_s3_retries},
    };
    *store = NULL;
    enum status status = settings_store_secret(settings, secret, sizeof(secret), p);
    if (status == STATUS_OK)
        status = store_open(store, &place, p);
    sodium_memzero(secret, sizeof(secret));
    return status;
}

void store_close(struct store **store) {
    if (*store == NULL)
        return;
    (*store)->kind->close(*store);
    *store = NULL;
}

// The name is the same for all: what one leaves behind that dies meanwhile, the next one removes.
enum status store_try(struct store *store, struct problem *p) {
    static const char name[] = "trial";
    enum status status = store_put(store, name, "", 0, p);
    if (status == STATUS_OK)
        status = store_remove(store, name, p);
    return status == STATUS_TRY_AGAIN ? STATUS_OK : status;
}

bool store_part_ok(const char *part, size_t length) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789.-";
    return length > 0 && part[0] != '.' && strspn(part, allowed) >= length;
}

// A name of the caller's may come from a command line: it must not lead out of the store.
static enum status name_check(const char *name, struct problem *p) {
    bool ok = strlen(name) <= STORE_NAME_BYTES_MAX;
    for (const char *part = name, *end; ok && part != NULL; part = *end == '/' ? end + 1 : NULL) {
        end = strchrnul(part, '/');
        ok = store_part_ok(part, (size_t)(end - part));
    }
    if (ok)
        return STATUS_OK;
    return problem_set(p, STATUS_USAGE, "", "use a-z, 0-9, \".\" and \"-\", as in spans/2026-01",
                       "\"%s\" cannot be the name of a file in the store", name);
}

enum status store_put(struct store *store, const char *name, const char *bytes, size_t length,
                      struct problem *p) {
    enum status status = name_check(name, p);
    return status == STATUS_OK ? store->kind->write(store, name, bytes, length, NULL, p) : status;
}

enum status store_create(struct store *store, const char *name, const char *bytes, size_t length,
                         bool *created, struct problem *p) {
    *created = false;
    enum status status = name_check(name, p);
    return status == STATUS_OK ? store->kind->write(store, name, bytes, length, created, p) : status;
}

enum status store_get(struct store *store, const char *name, char **bytes, size_t *length,
                      struct problem *p) {
    *bytes = NULL;
    *length = 0;
    enum status status = name_check(name, p);
    return status == STATUS_OK ? store->kind->read(store, name, bytes, length, p) : status;
}

static int by_bytes(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

enum status store_list(struct store *store, const char *folder, struct store_names *names,
                       struct problem *p) {
    *names = (struct store_names){0};
    enum status status = folder[0] == '\0' ? STATUS_OK : name_check(folder, p);
    if (status == STATUS_OK)
        status = store->kind->list(store, folder, names, p);
    if (status != STATUS_OK)
        store_names_fini(names);
    else if (names->count > 0)
        qsort(names->at, names->count, sizeof(*names->at), by_bytes);
    return status;
}

void store_names_add(struct store_names *names, const char *name, size_t length, bool is_folder) {
    if ((names->count & (names->count - 1)) == 0) // a power of two, or none
        names->at = memory_grow(names->at, names->count == 0 ? 1 : 2 * names->count, sizeof(*names->at));
    char *text = memory_take(length + 2);
    memcpy(text, name, length);
    if (is_folder)
        text[length] = '/';
    names->at[names->count++] = text;
}

void store_names_fini(struct store_names *names) {
    for (size_t i = 0; i < names->count; i++)
        free(names->at[i]);
    free(names->at);
    *names = (struct store_names){0};
}

enum status store_remove(struct store *store, const char *name, struct problem *p) {
    enum status status = name_check(name, p);
    return status == STATUS_OK ? store->kind->remove(store, name, p) : status;
}

int64_t store_free_bytes(struct store *store, int64_t *all) {
    int64_t unasked = 0;
    return store->kind->free_bytes(store, all != NULL ? all : &unasked);
}

bool store_is_low(int64_t free_bytes, int64_t all, int64_t percent) {
    return free_bytes >= 0 && free_bytes < all / 100 * percent;
}
