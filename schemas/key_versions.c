#include "schemas/key_versions.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/memory.h"

void key_versions_name(char out[KEY_VERSIONS_NAME_MAX], unsigned number) {
    snprintf(out, KEY_VERSIONS_NAME_MAX, "keys/%04u", number);
}

char *key_versions_write(const struct key_version *at, size_t count) {
    char *text = memory_take(count * LAYOUT_RULES_MAX + 1), *end = text;
    for (size_t i = 0; i < count; i++) {
        end += layout_key_write(end, &at[i]);
        *end++ = '\n';
    }
    *end = '\0';
    return text;
}

// A line is one that we would write so; `*at` moves behind it.
static bool line_read(struct key_version *version, const char **at) {
    char line[LAYOUT_RULES_MAX];
    if (sscanf(*at, "%" SCNd64 " %" SCNx64, &version->since_ms, &version->fingerprint) != 2)
        return false;
    size_t length = layout_key_write(line, version);
    if (strncmp(*at, line, length) != 0 || (*at)[length] != '\n')
        return false;
    *at += length + 1;
    return true;
}

static bool lines_read(struct key_versions *versions, const char *at) {
    while (*at != '\0') {
        versions->at = memory_grow(versions->at, versions->count + 1, sizeof(*versions->at));
        if (!line_read(&versions->at[versions->count++], &at))
            return false;
    }
    return versions->count > 0;
}

bool key_versions_read(struct key_versions *versions, const char *bytes, size_t length) {
    *versions = (struct key_versions){0};
    char *text = memory_take(length + 1);
    memcpy(text, bytes, length);
    text[length] = '\0';
    bool is_one = strlen(text) == length && lines_read(versions, text);
    free(text);
    if (!is_one)
        key_versions_fini(versions);
    return is_one;
}

void key_versions_fini(struct key_versions *versions) {
    free(versions->at);
    *versions = (struct key_versions){0};
}
