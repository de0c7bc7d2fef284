// A TZif file: a header and a block of data of 32-bit times, which is stepped over, another of both of 64-bit
// times, and the footer. A block is, one after the other: the transitions' instants, the type that each
// begins, the types (offset, is it summer time, abbreviation), the abbreviations, leap seconds, and two lists
// of flags.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aggregate/zone/zone_internal.h"
#include "runtime/memory.h"

enum { HEADER = 44, TYPE = 6, LONG_TIME = 8, SHORT_TIME = 4, TYPES_MAX = 256, FILE_MAX = 1 << 20 };

static const char reinstall[] = "install tzdata anew, or name another folder of zones in TZDIR";

// --- The content

struct counts {
    uint64_t universal, standard, leap, transitions, types, abbreviations;
};

struct content {
    const unsigned char *at, *end;
};

static const unsigned char *take(struct content *c, uint64_t length) {
    const unsigned char *at = c->at;
    if (length > (uint64_t)(c->end - c->at))
        return NULL;
    c->at += length;
    return at;
}

static uint32_t read_32(const unsigned char *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int64_t read_64(const unsigned char *at) {
    return (int64_t)((uint64_t)read_32(at) << 32 | read_32(at + 4));
}

// NULL, or what is wrong with it; so with all below.
static const char *read_header(struct content *c, struct counts *counts) {
    const unsigned char *header = take(c, HEADER);
    if (header == NULL || memcmp(header, "TZif", 4) != 0)
        return "it is no TZif file";
    if (header[4] < '2')
        return "it is of version 1, which has no rule for times to come";
    *counts = (struct counts){read_32(header + 20), read_32(header + 24), read_32(header + 28),
                              read_32(header + 32), read_32(header + 36), read_32(header + 40)};
    return NULL;
}

static const char *check_counts(const struct counts *counts) {
    if (counts->leap > 0)
        return "it counts leap seconds";
    if (counts->types == 0 || counts->types > TYPES_MAX || counts->abbreviations == 0)
        return "its header is damaged";
    if (counts->standard != 0 && counts->standard != counts->types)
        return "its header is damaged";
    if (counts->universal != 0 && counts->universal != counts->types)
        return "its header is damaged";
    return NULL;
}

static bool is_offset(int32_t offset) {
    return offset >= ZONE_OFFSET_LEAST && offset <= ZONE_OFFSET_MOST;
}

static const char *read_types(const unsigned char *types, const struct counts *counts, int32_t *offsets) {
    for (uint64_t i = 0; i < counts->types; i++, types += TYPE) {
        offsets[i] = (int32_t)read_32(types);
        if (!is_offset(offsets[i]) || types[4] > 1 || types[5] >= counts->abbreviations)
            return "a type of time is damaged";
    }
    return NULL;
}

static const char *read_transitions(struct zone *z, const unsigned char *times, const unsigned char *types,
                                    const struct counts *counts, const int32_t *offsets) {
    z->transitions = (size_t)counts->transitions;
    z->at = memory_grow(NULL, z->transitions + 1, sizeof(*z->at));
    z->from_then = memory_grow(NULL, z->transitions + 1, sizeof(*z->from_then));
    z->before = offsets[0];
    for (size_t i = 0; i < z->transitions; i++) {
        z->at[i] = read_64(times + i * LONG_TIME);
        if (types[i] >= counts->types || (i > 0 && z->at[i] <= z->at[i - 1]))
            return "its transitions are damaged";
        z->from_then[i] = offsets[types[i]];
    }
    return NULL;
}

static const char *read_block(struct zone *z, struct content *c, const struct counts *counts) {
    int32_t offsets[TYPES_MAX];
    const unsigned char *times = take(c, counts->transitions * LONG_TIME);
    const unsigned char *begun = take(c, counts->transitions), *types = take(c, counts->types * TYPE);
    const unsigned char *rest = take(c, counts->abbreviations + counts->standard + counts->universal);
    if (times == NULL || begun == NULL || types == NULL || rest == NULL)
        return "it breaks off";
    const char *wrong = read_types(types, counts, offsets);
    return wrong != NULL ? wrong : read_transitions(z, times, begun, counts, offsets);
}

// An empty one: what holds after the last transition holds on.
static const char *read_footer(struct zone *z, struct content *c) {
    const unsigned char *newline = take(c, 1);
    if (newline == NULL || *newline != '\n')
        return "its rule is missing";
    const unsigned char *end = memchr(c->at, '\n', (size_t)(c->end - c->at));
    if (end == NULL)
        return "its rule breaks off";
    z->has_rule = end > c->at;
    if (z->has_rule && !zone_rule_read(&z->rule, (struct slice){(const char *)c->at, (size_t)(end - c->at)}))
        return "its rule is none";
    return NULL;
}

static const char *read_content(struct zone *z, struct slice tzif) {
    struct content c = {(const unsigned char *)tzif.at, (const unsigned char *)tzif.at + tzif.length};
    struct counts counts;
    const char *wrong = read_header(&c, &counts);
    if (wrong != NULL)
        return wrong;
    if (take(&c, counts.transitions * (SHORT_TIME + 1) + counts.types * TYPE + counts.abbreviations +
                     counts.leap * (SHORT_TIME + 4) + counts.standard + counts.universal) == NULL)
        return "it breaks off";
    if ((wrong = read_header(&c, &counts)) != NULL || (wrong = check_counts(&counts)) != NULL)
        return wrong;
    if ((wrong = read_block(z, &c, &counts)) != NULL)
        return wrong;
    return read_footer(z, &c);
}

static struct zone *zone_called(const char *name) {
    struct zone *z = memory_take(sizeof(*z));
    snprintf(z->name, sizeof(z->name), "%s", name);
    return z;
}

enum status zone_read(struct zone **z, const char *name, struct slice tzif, struct problem *problem) {
    *z = zone_called(name);
    const char *wrong = read_content(*z, tzif);
    if (wrong == NULL)
        return STATUS_OK;
    zone_close(z);
    return problem_set(problem, STATUS_BAD_DATA, "", reinstall, "the file of time zone %s cannot be used: %s",
                       name, wrong);
}

// --- The file

static enum status unknown(const char *name, struct problem *problem) {
    char nearest[ZONE_NAME_MAX + 1], remedy[2 * ZONE_NAME_MAX + 128];
    struct stat about;
    if (stat(zone_folder(), &about) != 0)
        return problem_set(problem, STATUS_NO_INPUT, "",
                           "apt-get install tzdata, or name a folder of zones in TZDIR",
                           "there are no time zones in %s: %s", zone_folder(), strerror(errno));
    if (zone_name_nearest(name, nearest))
        snprintf(remedy, sizeof(remedy), "%s is the nearest name that there is", nearest);
    else
        snprintf(remedy, sizeof(remedy), "names are IANA's, such as Europe/Paris: those of %.100s",
                 zone_folder());
    return problem_set(problem, STATUS_CONFIG, "", remedy, "there is no time zone \"%.100s\"", name);
}

// Into a block of FILE_MAX bytes.
static enum status read_whole(int file, const char *path, char *bytes, size_t *length,
                              struct problem *problem) {
    for (*length = 0; *length < FILE_MAX;) {
        ssize_t count = read(file, bytes + *length, FILE_MAX - *length);
        if (count == 0)
            return STATUS_OK;
        if (count < 0 && errno != EINTR)
            return problem_set(problem, STATUS_NO_INPUT, "", reinstall, "%s: %s", path, strerror(errno));
        *length += count > 0 ? (size_t)count : 0;
    }
    return problem_set(problem, STATUS_BAD_DATA, "", reinstall, "%s is larger than any time zone", path);
}

static enum status read_file(struct zone **z, const char *name, const char *path, int file,
                             struct problem *problem) {
    size_t length;
    char *bytes = memory_take(FILE_MAX);
    enum status status = read_whole(file, path, bytes, &length, problem);
    if (status == STATUS_OK)
        status = zone_read(z, name, (struct slice){bytes, length}, problem);
    free(bytes);
    return status;
}

enum status zone_open(struct zone **z, const char *name, struct problem *problem) {
    char path[4096];
    struct stat about;
    *z = NULL;
    if (strcmp(name, "UTC") == 0) {
        *z = zone_called(name);
        return STATUS_OK;
    }
    if (!zone_name_is_fit(name))
        return unknown(name, problem);
    snprintf(path, sizeof(path), "%s/%s", zone_folder(), name);
    if (stat(path, &about) != 0 || !S_ISREG(about.st_mode))
        return unknown(name, problem);
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return problem_set(problem, STATUS_NO_INPUT, "", reinstall, "%s: %s", path, strerror(errno));
    enum status status = read_file(z, name, path, file, problem);
    close(file);
    return status;
}
