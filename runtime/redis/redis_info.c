#include "runtime/redis/redis_info.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool redis_info_value(const char *info, const char *name, char out[REDIS_INFO_VALUE_MAX]) {
    size_t length = strlen(name);
    snprintf(out, REDIS_INFO_VALUE_MAX, "unknown");
    for (const char *line = info; line != NULL && *line != '\0';) {
        if (strncmp(line, name, length) == 0 && line[length] == ':') {
            const char *value = line + length + 1;
            snprintf(out, REDIS_INFO_VALUE_MAX, "%.*s", (int)strcspn(value, "\r\n"), value);
            return out[0] != '\0';
        }
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    return false;
}

int64_t redis_info_number(const char *info, const char *name) {
    char value[REDIS_INFO_VALUE_MAX];
    return redis_info_value(info, name, value) ? strtoll(value, NULL, 10) : -1;
}
