// Secrets that lie in files of their own.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/settings.h"

enum status settings_secret(const char *option, const char *path, char *out, size_t size, struct problem *p) {
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return problem_set(p, errno == EACCES ? STATUS_NOT_ALLOWED : STATUS_NO_INPUT, "",
                           "name a file that this user can read, its first line the password", "%s %s: %s",
                           option, path, strerror(errno));
    char *line = NULL;
    size_t room = 0;
    size_t length = getline(&line, &room, file) > 0 ? strcspn(line, "\r\n") : 0;
    fclose(file);
    enum status status = STATUS_OK;
    if (length == 0)
        status = problem_set(p, STATUS_CONFIG, "CLM-C1", "write the password into its first line",
                             "%s %s: its first line is empty", option, path);
    else if (length >= size)
        status = problem_set(p, STATUS_CONFIG, "CLM-C1", "choose a shorter password",
                             "%s %s: its first line is longer than %zu bytes", option, path, size - 1);
    else
        *(char *)mempcpy(out, line, length) = '\0';
    free(line);
    return status;
}

enum status settings_store_secret(const struct settings *s, char *out, size_t size, struct problem *p) {
    if (s->store_s3_secret_key_file[0] != '\0')
        return settings_secret("store.s3.secret_key_file", s->store_s3_secret_key_file, out, size, p);
    if (strlen(s->store_s3_secret_key) >= size)
        return problem_set(p, STATUS_CONFIG, "CLM-C1", "look at what store.s3.secret_key is",
                           "store.s3.secret_key is longer than %zu bytes", size - 1);
    strcpy(out, s->store_s3_secret_key);
    return STATUS_OK;
}
