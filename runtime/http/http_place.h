// "HOST:PORT" and "[V6]:PORT", as listeners and those who ask them write it.
#pragma once

#include "runtime/status.h"

struct http_place {
    char host[256];
    char port[8];
};

// STATUS_CONFIG (CLM-C1) for anything else.
enum status http_place_parse(struct http_place *place, const char *text, struct problem *p);
