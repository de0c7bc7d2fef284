#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "aggregate/zone/zone_internal.h"

enum { DEPTH_MAX = 3 };

const char *zone_folder(void) {
    const char *named = getenv("TZDIR");
    return named != NULL && named[0] != '\0' ? named : "/usr/share/zoneinfo";
}

static bool is_fit_part(const char *part, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)part[i]) && strchr("_+-", part[i]) == NULL)
            return false;
    }
    return length > 0;
}

// What a host has made of its own: other hosts have another under the name, or none.
static bool is_of_a_host(const char *first, size_t length) {
    static const char *const names[] = {"localtime", "posixrules", "posix", "right"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strlen(names[i]) == length && memcmp(names[i], first, length) == 0)
            return true;
    }
    return false;
}

bool zone_name_is_fit(const char *name) {
    if (strlen(name) > ZONE_NAME_MAX || is_of_a_host(name, strcspn(name, "/")))
        return false;
    for (const char *part = name;; part++) {
        size_t length = strcspn(part, "/");
        if (!is_fit_part(part, length))
            return false;
        part += length;
        if (*part == '\0')
            return true;
    }
}

// --- The nearest

static bool is_alike(char a, char b) {
    a = a == ' ' ? '_' : a;
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

// How many letters must be changed, added or taken out, capitals being no matter; both at most ZONE_NAME_MAX.
static int distance(const char *a, const char *b) {
    int row[ZONE_NAME_MAX + 1];
    size_t width = strlen(b);
    for (size_t j = 0; j <= width; j++)
        row[j] = (int)j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        int diagonal = row[0];
        row[0] = (int)i + 1;
        for (size_t j = 0; j < width; j++) {
            int change = diagonal + !is_alike(a[i], b[j]);
            diagonal = row[j + 1];
            int shift = 1 + (row[j] < row[j + 1] ? row[j] : row[j + 1]);
            row[j + 1] = change < shift ? change : shift;
        }
    }
    return row[width];
}

static const char *last_part(const char *name) {
    const char *slash = strrchr(name, '/');
    return slash != NULL ? slash + 1 : name;
}

struct search {
    const char *name;
    char *nearest;
    int distance;
};

static bool is_zone(const char *path) {
    char magic[4] = "";
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool is = fread(magic, 1, sizeof(magic), file) == sizeof(magic) && memcmp(magic, "TZif", 4) == 0;
    fclose(file);
    return is;
}

// By the whole name, or by the city alone: a city is often all that somebody gives, or under another
// continent.
static void consider(struct search *s, const char *path, const char *candidate) {
    int whole = distance(s->name, candidate);
    int city = 1 + distance(last_part(s->name), last_part(candidate));
    int best = whole < city ? whole : city;
    bool is_nearer = best < s->distance ||
                     (best == s->distance && s->nearest[0] != '\0' && strcmp(candidate, s->nearest) < 0);
    if (!is_nearer || !is_zone(path))
        return;
    s->distance = best;
    snprintf(s->nearest, ZONE_NAME_MAX + 1, "%s", candidate);
}

static void search_folder(struct search *s, const char *under, int depth);

// `under`: the part of the path that the folder's names begin with, with its slash.
static void consider_entry(struct search *s, const char *under, const char *entry, int depth) {
    char path[4096], name[ZONE_NAME_MAX + 1];
    struct stat about;
    if (strlen(under) + strlen(entry) > ZONE_NAME_MAX)
        return;
    stpcpy(stpcpy(name, under), entry);
    snprintf(path, sizeof(path), "%s/%s", zone_folder(), name);
    if (!zone_name_is_fit(name) || stat(path, &about) != 0)
        return;
    if (S_ISREG(about.st_mode)) {
        consider(s, path, name);
    } else if (S_ISDIR(about.st_mode) && depth < DEPTH_MAX && strlen(name) < ZONE_NAME_MAX) {
        strcat(name, "/");
        search_folder(s, name, depth + 1);
    }
}

static void search_folder(struct search *s, const char *under, int depth) {
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", zone_folder(), under);
    DIR *entries = opendir(path);
    if (entries == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;)
        consider_entry(s, under, entry->d_name, depth);
    closedir(entries);
}

bool zone_name_nearest(const char *name, char nearest[ZONE_NAME_MAX + 1]) {
    size_t length = strlen(name);
    nearest[0] = '\0';
    if (length == 0 || length > ZONE_NAME_MAX)
        return false;
    struct search s = {name, nearest, 2 + (int)strlen(last_part(name)) / 3}; // nearer than that, or not alike
    search_folder(&s, "", 1);
    return nearest[0] != '\0';
}
