#include "aggregate/store/keyring.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/store/names.h"
#include "runtime/memory.h"

enum { GENERATIONS_MAX = 9999 };

// The last file and its number; 0 and "" where the store has none.
struct stored {
    unsigned number;
    char *text;
};

static void name_write(char out[NAME_MAX_LENGTH], unsigned number) {
    snprintf(out, NAME_MAX_LENGTH, "keys/%04u", number);
}

static enum status stored_read(struct store *store, struct stored *stored, struct problem *p) {
    *stored = (struct stored){.text = memory_text("")};
    while (stored->number < GENERATIONS_MAX) {
        char name[NAME_MAX_LENGTH], *bytes;
        size_t length;
        name_write(name, stored->number + 1);
        enum status status = store_get(store, name, &bytes, &length, p);
        if (status != STATUS_OK)
            return status == STATUS_NO_INPUT ? STATUS_OK : status;
        free(stored->text);
        stored->text = memory_take(length + 1);
        memcpy(stored->text, bytes, length);
        free(bytes);
        stored->number++;
    }
    return STATUS_OK;
}

static char *lines_of(const struct key_version *versions, size_t count) {
    char *text = memory_take(count * LAYOUT_RULES_MAX + 1), *at = text;
    for (size_t i = 0; i < count; i++) {
        at += layout_key_write(at, &versions[i]);
        *at++ = '\n';
    }
    return text;
}

// ---- is it ours?

static enum status unfit(struct problem *p, size_t number, const char *what) {
    return problem_set(p, STATUS_CONFIG, "CLM-M5",
                       "use the key file of the aggregators that began this store; a rotation is a further "
                       "line whose time lies ahead; to count by another key begin a new store (store.url)",
                       "pseudonym key %zu %s: persons would be counted again", number, what);
}

static enum status malformed(struct problem *p, unsigned number) {
    return problem_set(p, STATUS_BAD_DATA, "CLM-D3", "restore the file from a backup",
                       "the store's file keys/%04u is not one of Clameur's", number);
}

// `*known`: how many keys the store has.
static enum status stored_fit(const struct stored *stored, const struct key_version *ours, size_t count,
                              size_t *known, struct problem *p) {
    const char *at = stored->text;
    for (*known = 0; *at != '\0'; ++*known) {
        struct key_version theirs;
        int length = 0;
        if (sscanf(at, "%" SCNd64 " %16" SCNx64 "%n", &theirs.since_ms, &theirs.fingerprint, &length) != 2 ||
            at[length] != '\n')
            return malformed(p, stored->number);
        if (*known >= count)
            return unfit(p, *known + 1, "of the store is missing in the key file");
        if (theirs.fingerprint != ours[*known].fingerprint)
            return unfit(p, *known + 1, "is another than the store's");
        if (theirs.since_ms != ours[*known].since_ms)
            return unfit(p, *known + 1, "has another time than the store's");
        at += length + 1;
    }
    return stored->number > 0 && *known == 0 ? malformed(p, stored->number) : STATUS_OK;
}

// A store without any takes all, as a rotation may long have passed.
static enum status new_fit(const struct key_version *ours, size_t count, size_t known, int64_t earliest_ms,
                           struct problem *p) {
    for (size_t i = known; known > 0 && i < count; i++)
        if (ours[i].since_ms < earliest_ms)
            return unfit(p, i + 1, "is new to the store, and its time does not lie ahead");
    return STATUS_OK;
}

// ---- and kept

static enum status settle_once(struct store *store, const struct stored *stored,
                               const struct key_version *ours, size_t count, int64_t earliest_ms,
                               unsigned *number, bool *done, struct problem *p) {
    char name[NAME_MAX_LENGTH];
    size_t known;
    enum status status = stored_fit(stored, ours, count, &known, p);
    if (status == STATUS_OK)
        status = new_fit(ours, count, known, earliest_ms, p);
    *number = stored->number;
    *done = status != STATUS_OK || known == count;
    if (*done)
        return status;
    char *text = lines_of(ours, count);
    name_write(name, ++*number);
    status = store_create(store, name, text, strlen(text), done, p);
    free(text);
    return status;
}

enum status keyring_settle(struct store *store, const struct key_version *ours, size_t count,
                           int64_t earliest_ms, unsigned *number, struct problem *p) {
    enum status status = STATUS_OK;
    // Where another was quicker, what it wrote is read.
    for (bool done = false; status == STATUS_OK && !done;) {
        struct stored stored;
        status = stored_read(store, &stored, p);
        if (status == STATUS_OK)
            status = settle_once(store, &stored, ours, count, earliest_ms, number, &done, p);
        free(stored.text);
    }
    return status;
}

enum status keyring_stands(struct store *store, unsigned number, struct problem *p) {
    char name[NAME_MAX_LENGTH], *bytes;
    size_t length;
    name_write(name, number + 1);
    enum status status = store_get(store, name, &bytes, &length, p);
    if (status != STATUS_OK)
        return status == STATUS_NO_INPUT ? STATUS_OK : status;
    free(bytes);
    return problem_set(p, STATUS_CONFIG, "CLM-M5",
                       "start it again with the key file of those that were started last: nothing is lost",
                       "another aggregator has begun with a further pseudonym key, which is missing here");
}
