#include "loadtest/windows/windows_place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/memory.h"

enum { PATH_ROOM = 4096 };

static enum status trouble(const struct windows_place *place, const char *name, struct problem *p) {
    enum status status = errno == EACCES || errno == EPERM ? STATUS_NOT_ALLOWED
                         : errno == ENOENT                 ? STATUS_NO_INPUT
                                                           : STATUS_OS;
    return problem_set(p, status, "", "see what is there: ls -la", "%s/%s: %s", place->root, name,
                       strerror(errno));
}

// The whole of an open file.
static char *bytes_read(int fd, size_t *length) {
    struct stat about;
    if (fstat(fd, &about) != 0)
        return NULL;
    char *bytes = memory_take((size_t)about.st_size + 1);
    for (*length = 0; *length < (size_t)about.st_size;) {
        ssize_t count = read(fd, bytes + *length, (size_t)about.st_size - *length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) {
            free(bytes);
            return NULL;
        }
        if (count == 0)
            break; // shorter than it was: its reader says so
        *length += (size_t)count;
    }
    return bytes;
}

enum status windows_place_read(const struct windows_place *place, const char *name, char **bytes,
                               size_t *length, struct problem *p) {
    char path[PATH_ROOM];
    *bytes = NULL;
    if (place->bucket != NULL)
        return store_get(place->bucket, name, bytes, length, p);
    snprintf(path, sizeof(path), "%s/%s", place->root, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return trouble(place, name, p);
    *bytes = bytes_read(fd, length);
    enum status status = *bytes == NULL ? trouble(place, name, p) : STATUS_OK;
    close(fd);
    return status;
}

enum status windows_place_open(struct windows_place *place, const struct settings *settings,
                               struct problem *p) {
    static const char directory[] = "file://", bucket[] = "s3://";
    const char *url = settings->store_url;
    *place = (struct windows_place){0};
    if (strncmp(url, bucket, strlen(bucket)) == 0) {
        place->root = memory_text(url);
        return store_open_settings(&place->bucket, settings, STORE_TO_READ, p);
    }
    if (strncmp(url, directory, strlen(directory)) != 0 || strlen(url) > PATH_ROOM / 2)
        return problem_set(p, STATUS_CONFIG, "CLM-C1", "store.url: file:///var/lib/clameur",
                           "store.url is \"%s\", which names no store", url);
    place->root = memory_text(url + strlen(directory));
    return STATUS_OK;
}

static enum status bucket_folder_read(const struct windows_place *place, const char *folder,
                                      windows_place_name take, void *context, struct problem *p) {
    struct store_names names;
    enum status status = store_list(place->bucket, folder, &names, p);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < names.count; i++) {
        names.at[i][strcspn(names.at[i], "/")] = '\0'; // of a folder within
        take(context, names.at[i]);
    }
    store_names_fini(&names);
    return STATUS_OK;
}

enum status windows_place_list(const struct windows_place *place, const char *folder, windows_place_name take,
                               void *context, struct problem *p) {
    char path[PATH_ROOM];
    if (place->bucket != NULL)
        return bucket_folder_read(place, folder, take, context, p);
    snprintf(path, sizeof(path), "%s/%s", place->root, folder);
    DIR *dir = opendir(path);
    if (dir == NULL)
        return errno == ENOENT ? STATUS_OK : trouble(place, folder, p);
    const struct dirent *entry;
    while ((errno = 0, entry = readdir(dir)) != NULL)
        take(context, entry->d_name);
    int error = errno;
    closedir(dir);
    errno = error;
    return error == 0 ? STATUS_OK : trouble(place, folder, p);
}

void windows_place_close(struct windows_place *place) {
    store_close(&place->bucket);
    free(place->root);
    *place = (struct windows_place){0};
}
