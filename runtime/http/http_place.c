#include "runtime/http/http_place.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_port(const char *text) {
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits <= 5 && text[digits] == '\0' && strtol(text, NULL, 10) <= 65535;
}

enum status http_place_parse(struct http_place *place, const char *text, struct problem *p) {
    const char *host = text, *colon = strrchr(text, ':');
    size_t length = colon != NULL ? (size_t)(colon - text) : 0;
    bool brackets = length >= 2 && text[0] == '[' && text[length - 1] == ']';
    if (brackets) {
        host++;
        length -= 2;
    }
    bool bare_v6 = !brackets && memchr(host, ':', length) != NULL;
    if (length == 0 || length >= sizeof(place->host) || bare_v6 || !is_port(colon + 1))
        return problem_set(p, STATUS_CONFIG, "CLM-C1", "write HOST:PORT, [::]:PORT or off",
                           "\"%.200s\" is no address to listen on", text);
    memcpy(place->host, host, length);
    place->host[length] = '\0';
    snprintf(place->port, sizeof(place->port), "%.5s", colon + 1);
    return STATUS_OK;
}
