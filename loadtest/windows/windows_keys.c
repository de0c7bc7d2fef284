#include "loadtest/windows/windows_keys.h"

#include <stdlib.h>

#include "schemas/key_versions.h"

// The file of this number. STATUS_NO_INPUT where there is none.
static enum status file_read(const struct windows_place *place, unsigned number, struct key_versions *keys,
                             struct problem *p) {
    char name[KEY_VERSIONS_NAME_MAX], *bytes;
    size_t length = 0;
    key_versions_name(name, number);
    enum status status = windows_place_read(place, name, &bytes, &length, p);
    if (status == STATUS_OK && !key_versions_read(keys, bytes, length))
        status = problem_set(p, STATUS_BAD_DATA, "CLM-D3", "restore the file from a backup",
                             "%s/%s is not one of Clameur's", place->root, name);
    free(bytes);
    return status;
}

// The last file holds.
static enum status stored_read(const struct windows_place *place, struct key_versions *stored,
                               struct problem *p) {
    enum status status = STATUS_OK;
    *stored = (struct key_versions){0};
    for (unsigned number = 1; status == STATUS_OK; number++) {
        struct key_versions next;
        status = file_read(place, number, &next, p);
        if (status != STATUS_OK)
            continue;
        key_versions_fini(stored);
        *stored = next;
    }
    return status == STATUS_NO_INPUT ? STATUS_OK : status;
}

static const char *difference_of(const struct key_version *stored, const struct recount_keys *keys,
                                 size_t index) {
    if (index >= keys->count)
        return "of the store is missing in the key file";
    struct key_version ours = recount_key_version(keys, index);
    return ours.fingerprint != stored->fingerprint ? "is another than the store's"
           : ours.since_ms != stored->since_ms     ? "has another time than the store's"
                                                   : NULL;
}

static enum status compare(const struct key_versions *stored, const struct recount_keys *keys,
                           struct problem *p) {
    for (size_t i = 0; i < stored->count; i++) {
        const char *difference = difference_of(&stored->at[i], keys, i);
        if (difference != NULL)
            return problem_set(p, STATUS_CONFIG, "CLM-M5",
                               "name the key file of the aggregators: privacy.key_file",
                               "pseudonym key %zu %s: all persons would be others", i + 1, difference);
    }
    return STATUS_OK;
}

enum status windows_keys_check(const struct windows_place *place, const struct recount_keys *keys,
                               size_t *known, struct problem *p) {
    struct key_versions stored;
    enum status status = stored_read(place, &stored, p);
    if (status == STATUS_OK)
        status = compare(&stored, keys, p);
    *known = stored.count > 0 ? stored.count : keys->count;
    key_versions_fini(&stored);
    return status;
}
