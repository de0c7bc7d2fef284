#include "stream/pseudonym.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runtime/check.h"
#include "runtime/memory.h"

enum {
    KEY_BYTES = crypto_shorthash_siphashx24_KEYBYTES,
    FILE_BYTES_MAX = 64 << 10,
    KEYS_MAX = 1024,
    ID_MAX = 512,
    ID_OFFSET = 5
};
_Static_assert(PSEUDONYM_SIZE == crypto_shorthash_siphashx24_BYTES, "a pseudonym is one SipHash-2-4-128");

struct epoch {
    int64_t since_ms; // record time
    unsigned char key[KEY_BYTES];
};

struct pseudonymiser {
    size_t count;
    struct key_version versions[KEYS_MAX];
    struct epoch epochs[KEYS_MAX]; // by since_ms, growing
};

static const unsigned char *key_at(const struct pseudonymiser *p, int64_t record_time_ms) {
    size_t i = p->count - 1;
    while (i > 0 && p->epochs[i].since_ms > record_time_ms)
        i--;
    return p->epochs[i].key;
}

static void pseudonym_write(const struct pseudonymiser *p, int64_t record_time_ms, unsigned char kind,
                            uint32_t platform, struct slice id, unsigned char out[PSEUDONYM_SIZE]) {
    unsigned char text[ID_OFFSET + ID_MAX];
    // A longer id is rejected later on; its pseudonym does not matter.
    size_t length = id.length < ID_MAX ? id.length : ID_MAX;
    text[0] = kind;
    for (unsigned i = 0; i < 4; i++)
        text[1 + i] = (unsigned char)(platform >> (8 * i));
    memcpy(text + ID_OFFSET, id.at, length);
    crypto_shorthash_siphashx24(out, text, ID_OFFSET + length, key_at(p, record_time_ms));
}

void pseudonym_actor(const struct pseudonymiser *p, int64_t record_time_ms, uint32_t platform,
                     struct slice id, unsigned char out[PSEUDONYM_SIZE]) {
    pseudonym_write(p, record_time_ms, PSEUDONYM_KIND_ACTOR, platform, id, out);
}

void pseudonym_person(const struct pseudonymiser *p, int64_t record_time_ms, struct slice id,
                      unsigned char out[PSEUDONYM_SIZE]) {
    pseudonym_write(p, record_time_ms, PSEUDONYM_KIND_PERSON, 0, id, out);
}

static const char lines_remedy[] = "lines are `KEY` or `SINCE: KEY`, KEY 32 hex digits, SINCE growing";

// Reads up to FILE_BYTES_MAX bytes; -1 with errno where it fails.
static ssize_t read_all(int file, char *text) {
    size_t length = 0;
    while (length < FILE_BYTES_MAX) {
        ssize_t got = read(file, text + length, FILE_BYTES_MAX - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        length += (size_t)got;
    }
    return (ssize_t)length;
}

// By a new key all would be other persons: the making of one is told only where there is no file.
static enum status unreadable(struct problem *problem, const char *path, int error) {
    static const char format[] = "the key file %s cannot be read: %s";
    if (error == EACCES || error == EPERM)
        return problem_set(problem, STATUS_NOT_ALLOWED, "", "give this user the right to read it", format,
                           path, strerror(error));
    if (error != ENOENT && error != ENOTDIR)
        return problem_set(problem, STATUS_NO_INPUT, "", "name the key file in privacy.key_file", format,
                           path, strerror(error));
    return problem_set(
        problem, STATUS_NO_INPUT, "",
        "name the key file in privacy.key_file; only where nothing was counted yet make a new one: (umask "
        "077; od -An -N16 -tx1 /dev/urandom | tr -d ' \\n' > FILE)",
        format, path, strerror(error));
}

// The whole file into `text`, closed by a zero byte.
static enum status read_file(const char *path, char text[FILE_BYTES_MAX + 1], struct problem *problem) {
    struct stat about = {0};
    ssize_t length = -1;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file >= 0 && fstat(file, &about) == 0)
        length = read_all(file, text);
    int error = errno;
    if (file >= 0)
        close(file);
    if (length < 0)
        return unreadable(problem, path, error);
    if (about.st_mode & S_IRWXO)
        return problem_set(problem, STATUS_CONFIG, "", "chmod o-rwx FILE (in Kubernetes: defaultMode 0440)",
                           "the key file %s is open to others than its owner and group (mode %03o)", path,
                           (unsigned)about.st_mode & 0777);
    text[length] = '\0';
    if (length == FILE_BYTES_MAX || strlen(text) != (size_t)length)
        return problem_set(problem, STATUS_CONFIG, "", lines_remedy, "the key file %s is no text of keys",
                           path);
    return STATUS_OK;
}

static bool read_digits(const char *text, size_t count, int *number) {
    *number = 0;
    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *number = *number * 10 + (text[i] - '0');
    }
    return true;
}

// YYYY-MM-DDTHH:MM:SS[.mmm]Z
static bool read_instant(const char *text, int64_t *ms) {
    size_t length = strlen(text);
    struct tm day = {0};
    int year, month, fraction = 0;
    if (length != 20 && length != 24)
        return false;
    if (text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' ||
        text[length - 1] != 'Z' || (length == 24 && text[19] != '.'))
        return false;
    if (!read_digits(text, 4, &year) || !read_digits(text + 5, 2, &month) ||
        !read_digits(text + 8, 2, &day.tm_mday) || !read_digits(text + 11, 2, &day.tm_hour) ||
        !read_digits(text + 14, 2, &day.tm_min) || !read_digits(text + 17, 2, &day.tm_sec) ||
        (length == 24 && !read_digits(text + 20, 3, &fraction)))
        return false;
    day.tm_year = year - 1900;
    day.tm_mon = month - 1;
    struct tm given = day;
    time_t seconds = timegm(&day);
    // timegm carries over what does not exist, such as the 30th of February.
    if (day.tm_mon != given.tm_mon || day.tm_mday != given.tm_mday || day.tm_hour != given.tm_hour ||
        day.tm_min != given.tm_min || day.tm_sec != given.tm_sec)
        return false;
    *ms = (int64_t)seconds * 1000 + fraction;
    return true;
}

static bool read_since(const char *text, int64_t *ms) {
    if (read_instant(text, ms))
        return true;
    size_t length = strlen(text);
    if (length == 0 || length > 15 || strspn(text, "0123456789") != length)
        return false;
    *ms = strtoll(text, NULL, 10);
    return true;
}

static bool read_key(const char *text, unsigned char key[KEY_BYTES]) {
    size_t length = strlen(text), written;
    return length == 2 * KEY_BYTES &&
           sodium_hex2bin(key, KEY_BYTES, text, length, NULL, &written, NULL) == 0 && written == KEY_BYTES;
}

static uint64_t fingerprint_of(const unsigned char key[KEY_BYTES]) {
    static const unsigned char text[] = {0, 'k', 'e', 'y'};
    unsigned char hash[crypto_shorthash_siphashx24_BYTES];
    uint64_t fingerprint = 0;
    crypto_shorthash_siphashx24(hash, text, sizeof(text), key);
    for (size_t i = 0; i < sizeof(fingerprint); i++)
        fingerprint = fingerprint << 8 | hash[i];
    return fingerprint;
}

// The first key also holds before its time.
static void key_append(struct pseudonymiser *p, const struct epoch *epoch) {
    p->versions[p->count] =
        (struct key_version){p->count > 0 ? epoch->since_ms : 0, fingerprint_of(epoch->key)};
    p->epochs[p->count++] = *epoch;
}

const struct key_version *pseudonymiser_versions(const struct pseudonymiser *p, size_t *count) {
    *count = p->count;
    return p->versions;
}

static char *trim(char *text) {
    const char *blanks = " \t\r";
    text += strspn(text, blanks);
    size_t length = strlen(text);
    while (length > 0 && strchr(blanks, text[length - 1]) != NULL)
        length--;
    text[length] = '\0';
    return text;
}

// One line, without comment and blanks around it. Returns what is wrong with it, or NULL.
static const char *read_line(char *line, struct pseudonymiser *p) {
    if (p->count == KEYS_MAX)
        return "more keys than 1024";
    struct epoch epoch = {.since_ms = 0};
    char *key = line;
    char *colon = strrchr(line, ':');
    if (colon != NULL) {
        *colon = '\0';
        key = trim(colon + 1);
        if (!read_since(trim(line), &epoch.since_ms))
            return "what stands before the key is neither a time such as 2026-01-01T00:00:00Z nor "
                   "milliseconds";
    }
    if (!read_key(key, epoch.key))
        return "a key is 32 hex digits";
    if (p->count > 0 && epoch.since_ms <= p->epochs[p->count - 1].since_ms)
        return "a further key needs a time after that of the line before";
    key_append(p, &epoch);
    return NULL;
}

static enum status read_lines(char *text, const char *path, struct pseudonymiser *p,
                              struct problem *problem) {
    unsigned number = 0;
    for (char *next = text, *line; (line = strsep(&next, "\n")) != NULL;) {
        number++;
        line[strcspn(line, "#")] = '\0';
        line = trim(line);
        const char *wrong = line[0] != '\0' ? read_line(line, p) : NULL;
        if (wrong != NULL)
            return problem_set(problem, STATUS_CONFIG, "", lines_remedy, "%s:%u: %s", path, number, wrong);
    }
    if (p->count == 0)
        return problem_set(problem, STATUS_CONFIG, "", lines_remedy, "the key file %s holds no key", path);
    return STATUS_OK;
}

enum status pseudonymiser_load(struct pseudonymiser **p, const char *path, struct problem *problem) {
    char *text = memory_take(FILE_BYTES_MAX + 1);
    *p = memory_take(sizeof(**p));
    enum status status = read_file(path, text, problem);
    if (status == STATUS_OK)
        status = read_lines(text, path, *p, problem);
    sodium_memzero(text, FILE_BYTES_MAX + 1);
    free(text);
    if (status != STATUS_OK)
        pseudonymiser_destroy(p);
    return status;
}

struct pseudonymiser *pseudonymiser_random(void) {
    CHECK(sodium_init() >= 0);
    struct pseudonymiser *p = memory_take(sizeof(*p));
    struct epoch epoch = {.since_ms = 0};
    randombytes_buf(epoch.key, KEY_BYTES);
    key_append(p, &epoch);
    sodium_memzero(&epoch, sizeof(epoch));
    return p;
}

void pseudonymiser_destroy(struct pseudonymiser **p) {
    if (*p == NULL)
        return;
    sodium_memzero(*p, sizeof(**p));
    free(*p);
    *p = NULL;
}
