#include "aggregate/store/keyring.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "schemas/key_versions.h"

// The last file and its number; 0 and nothing where the store has none.
struct stored {
    unsigned number;
    struct key_versions keys;
};

static enum status malformed(struct problem *p, const char *name) {
    return problem_set(p, STATUS_BAD_DATA, "CLM-D3", "restore the file from a backup",
                       "the store's file %s is not one of Clameur's", name);
}

static enum status stored_take(struct store *store, struct stored *stored, struct problem *p) {
    char name[KEY_VERSIONS_NAME_MAX], *bytes;
    size_t length;
    struct key_versions keys;
    key_versions_name(name, stored->number + 1);
    enum status status = store_get(store, name, &bytes, &length, p);
    if (status != STATUS_OK)
        return status;
    bool is_one = key_versions_read(&keys, bytes, length);
    free(bytes);
    if (!is_one)
        return malformed(p, name);
    key_versions_fini(&stored->keys);
    *stored = (struct stored){stored->number + 1, keys};
    return STATUS_OK;
}

static enum status stored_read(struct store *store, struct stored *stored, struct problem *p) {
    enum status status = STATUS_OK;
    *stored = (struct stored){0};
    while (status == STATUS_OK)
        status = stored_take(store, stored, p);
    return status == STATUS_NO_INPUT ? STATUS_OK : status;
}

// ---- is it ours?

static enum status unfit(struct problem *p, size_t number, const char *what) {
    return problem_set(p, STATUS_CONFIG, "CLM-M5",
                       "use the key file of the aggregators that began this store; a rotation is a further "
                       "line whose time lies ahead; to count by another key begin a new store (store.url)",
                       "pseudonym key %zu %s: persons would be counted again", number, what);
}

static enum status stored_fit(const struct key_versions *stored, const struct key_version *ours, size_t count,
                              struct problem *p) {
    for (size_t i = 0; i < stored->count; i++) {
        if (i >= count)
            return unfit(p, i + 1, "of the store is missing in the key file");
        if (stored->at[i].fingerprint != ours[i].fingerprint)
            return unfit(p, i + 1, "is another than the store's");
        if (stored->at[i].since_ms != ours[i].since_ms)
            return unfit(p, i + 1, "has another time than the store's");
    }
    return STATUS_OK;
}

// A store without any takes all, as a rotation may long have passed. Of several the first lies before the
// others.
static enum status new_fit(const struct key_version *ours, size_t count, size_t known,
                           const struct keyring_ahead *ahead, struct problem *p) {
    if (known == 0 || known == count)
        return STATUS_OK;
    int64_t since_ms = ours[known].since_ms;
    if (since_ms < ahead->clock_ms)
        return unfit(p, known + 1, "is new to the store, and its time does not lie ahead");
    bool reaches;
    if (ahead->log_reaches == NULL)
        return STATUS_OK;
    enum status status = ahead->log_reaches(ahead->context, since_ms, &reaches, p);
    if (status == STATUS_OK && reaches)
        return unfit(p, known + 1, "is new to the store, and the log has records of its time");
    return status;
}

static enum status fit(const struct key_versions *stored, const struct key_version *ours, size_t count,
                       const struct keyring_ahead *ahead, struct problem *p) {
    enum status status = stored_fit(stored, ours, count, p);
    return status == STATUS_OK ? new_fit(ours, count, stored->count, ahead, p) : status;
}

enum status keyring_fit(struct store *store, const struct key_version *ours, size_t count,
                        const struct keyring_ahead *ahead, size_t *known, struct problem *p) {
    struct stored stored;
    enum status status = stored_read(store, &stored, p);
    if (status == STATUS_OK)
        status = fit(&stored.keys, ours, count, ahead, p);
    *known = stored.keys.count;
    key_versions_fini(&stored.keys);
    return status;
}

int64_t keyring_soonest_ms(const struct settings *settings) {
    return clock_wall_ms() + settings->kafka_session_timeout_ms;
}

// ---- and kept

static enum status settle_once(struct store *store, const struct stored *stored,
                               const struct key_version *ours, size_t count,
                               const struct keyring_ahead *ahead, unsigned *number, bool *done,
                               struct problem *p) {
    char name[KEY_VERSIONS_NAME_MAX];
    enum status status = fit(&stored->keys, ours, count, ahead, p);
    *number = stored->number;
    *done = status != STATUS_OK || stored->keys.count == count;
    if (*done)
        return status;
    char *text = key_versions_write(ours, count);
    key_versions_name(name, ++*number);
    status = store_create(store, name, text, strlen(text), done, p);
    free(text);
    return status;
}

enum status keyring_settle(struct store *store, const struct key_version *ours, size_t count,
                           const struct keyring_ahead *ahead, unsigned *number, struct problem *p) {
    enum status status = STATUS_OK;
    // Where another was quicker, what it wrote is read.
    for (bool done = false; status == STATUS_OK && !done;) {
        struct stored stored;
        status = stored_read(store, &stored, p);
        if (status == STATUS_OK)
            status = settle_once(store, &stored, ours, count, ahead, number, &done, p);
        key_versions_fini(&stored.keys);
    }
    return status;
}

enum status keyring_stands(struct store *store, unsigned number, struct problem *p) {
    char name[KEY_VERSIONS_NAME_MAX], *bytes;
    size_t length;
    key_versions_name(name, number + 1);
    enum status status = store_get(store, name, &bytes, &length, p);
    if (status != STATUS_OK)
        return status == STATUS_NO_INPUT ? STATUS_OK : status;
    free(bytes);
    return problem_set(p, STATUS_CONFIG, "CLM-M5",
                       "start it again with the key file of those that were started last: nothing is lost",
                       "another aggregator has begun with a further pseudonym key, which is missing here");
}
