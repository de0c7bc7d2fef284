// The files keys/0001, keys/0002... of a store: by which pseudonym keys it counts persons, as fingerprints,
// of which none leads back to its key. Lines "<since> <fingerprint>" as in Redis (schemas/layout.h), by
// since, one at least. Each is created only where there is none and never changed, and each further one has
// the lines of the one before it and those of a rotation: the last by number holds.
//
// The aggregators write them (aggregate/store/keyring.h); whoever counts the same log again holds its own
// keys against them.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "schemas/layout.h"

enum { KEY_VERSIONS_NAME_MAX = 16 };

struct key_versions {
    struct key_version *at;
    size_t count;
};

void key_versions_name(char out[KEY_VERSIONS_NAME_MAX], unsigned number); // from 1

// The bytes of a file, terminated; the caller frees them.
char *key_versions_write(const struct key_version *at, size_t count);
// False where they are no such file's, and then there is nothing to free.
bool key_versions_read(struct key_versions *versions, const char *bytes, size_t length);
void key_versions_fini(struct key_versions *versions);
