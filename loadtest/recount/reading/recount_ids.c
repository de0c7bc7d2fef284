#include "loadtest/recount/reading/recount_ids.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "runtime/check.h"
#include "runtime/config/config.h"
#include "runtime/memory.h"

enum { KIND_BYTE_ACTOR = 1, KIND_BYTE_PERSON = 2, ID_MAX = 512, HEX_DIGITS = 32 };

struct recount_key {
    int64_t since_ms;
    unsigned char bytes[crypto_shorthash_siphashx24_KEYBYTES];
};

// A record time: milliseconds, or RFC 3339 in UTC to the second.
static bool since_parse(const char *text, int64_t *ms) {
    if (config_parse_int(text, ms))
        return true;
    struct tm day = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &day);
    if (end == NULL || strcmp(end, "Z") != 0)
        return false;
    *ms = (int64_t)timegm(&day) * 1000;
    return true;
}

// "KEY" or "SINCE: KEY", without blanks around.
static bool key_parse(char *line, struct recount_key *key) {
    key->since_ms = INT64_MIN;
    size_t length = strlen(line);
    if (length > HEX_DIGITS) {
        char *hex = line + length - HEX_DIGITS;
        char *colon = hex - 1;
        while (colon > line && (*colon == ' ' || *colon == '\t'))
            colon--;
        if (*colon != ':')
            return false;
        *colon = '\0';
        if (!since_parse(line, &key->since_ms))
            return false;
        line = hex;
    }
    size_t size;
    return sodium_hex2bin(key->bytes, sizeof(key->bytes), line, strlen(line), NULL, &size, NULL) == 0 &&
           size == sizeof(key->bytes);
}

static char *trimmed(char *line) {
    line[strcspn(line, "#\r\n")] = '\0';
    line += strspn(line, " \t");
    for (size_t end = strlen(line); end > 0 && (line[end - 1] == ' ' || line[end - 1] == '\t'); end--)
        line[end - 1] = '\0';
    return line;
}

static enum status keys_read(struct recount_keys *keys, FILE *file, const char *path,
                             struct problem *problem) {
    char line[256];
    for (int number = 1; fgets(line, sizeof(line), file) != NULL; number++) {
        char *text = trimmed(line);
        if (*text == '\0')
            continue;
        struct recount_key key;
        if (!key_parse(text, &key) ||
            (keys->count > 0 && key.since_ms <= keys->keys[keys->count - 1].since_ms))
            return problem_set(
                problem, STATUS_CONFIG, "CLM-C1", "write 32 hex digits, or SINCE: and 32 hex digits",
                "privacy.key_file %s: line %d is not a key, or not later than the one before", path, number);
        keys->keys = memory_grow(keys->keys, keys->count + 1, sizeof(key));
        keys->keys[keys->count++] = key;
        sodium_memzero(&key, sizeof(key));
    }
    sodium_memzero(line, sizeof(line));
    if (keys->count == 0)
        return problem_set(problem, STATUS_CONFIG, "CLM-C1", "write 32 hex digits into it",
                           "privacy.key_file %s holds no key", path);
    return STATUS_OK;
}

enum status recount_keys_load(struct recount_keys *keys, const char *path, struct problem *problem) {
    *keys = (struct recount_keys){0};
    CHECK(sodium_init() >= 0);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return problem_set(problem, errno == EACCES ? STATUS_NOT_ALLOWED : STATUS_NO_INPUT, "",
                           "name the key file of the workers, as a user who may read it",
                           "privacy.key_file %s: %s", path, strerror(errno));
    enum status status = keys_read(keys, file, path, problem);
    fclose(file);
    return status;
}

struct key_version recount_key_version(const struct recount_keys *keys, size_t index) {
    const unsigned char text[] = {0, 'k', 'e', 'y'};
    unsigned char hash[crypto_shorthash_siphashx24_BYTES];
    uint64_t fingerprint = 0;
    crypto_shorthash_siphashx24(hash, text, sizeof(text), keys->keys[index].bytes);
    for (int i = 0; i < 8; i++)
        fingerprint |= (uint64_t)hash[i] << (56 - 8 * i);
    return (struct key_version){index == 0 ? 0 : keys->keys[index].since_ms, fingerprint};
}

void recount_keys_cut(struct recount_keys *keys, size_t count) {
    CHECK(count <= keys->count);
    if (count < keys->count)
        sodium_memzero(keys->keys + count, (keys->count - count) * sizeof(*keys->keys));
    keys->count = count;
}

void recount_keys_fini(struct recount_keys *keys) {
    recount_keys_cut(keys, 0);
    free(keys->keys);
    *keys = (struct recount_keys){0};
}

static void pseudonym(const struct recount_keys *keys, int64_t time_ms, unsigned char kind, uint32_t platform,
                      struct slice id, unsigned char out[RECOUNT_PSEUDONYM_SIZE]) {
    CHECK(keys->count > 0 && id.length <= ID_MAX);
    size_t index = 0;
    while (index + 1 < keys->count && keys->keys[index + 1].since_ms <= time_ms)
        index++;
    unsigned char text[5 + ID_MAX] = {kind};
    for (int i = 0; i < 4; i++)
        text[1 + i] = (unsigned char)(platform >> (8 * i));
    memcpy(text + 5, id.at, id.length);
    crypto_shorthash_siphashx24(out, text, 5 + id.length, keys->keys[index].bytes);
}

void recount_pseudonym(const struct recount_keys *keys, int64_t time_ms, uint32_t platform,
                       struct slice actor, unsigned char out[RECOUNT_PSEUDONYM_SIZE]) {
    pseudonym(keys, time_ms, KIND_BYTE_ACTOR, platform, actor, out);
}

void recount_pseudonym_of_person(const struct recount_keys *keys, int64_t time_ms, struct slice person,
                                 unsigned char out[RECOUNT_PSEUDONYM_SIZE]) {
    pseudonym(keys, time_ms, KIND_BYTE_PERSON, 0, person, out);
}
