// Findings: what is wrong in what a person wrote (files, variables, flags), one line each, kept until all of
// them are known.
//
//     clameur.yaml:12:3 CLM-C1 unknown key redis.flush_mx; did you mean redis.flush_max?
#pragma once

#include <stddef.h>

#include "runtime/status.h"

struct findings {
    char *text;
    size_t length;
    size_t count;
    enum status status; // STATUS_OK, else the lowest given: the command line before missing files before
                        // their content
};

void findings_init(struct findings *f);
void findings_fini(struct findings *f);

// `origin` "" is left out. Control characters of foreign text are shown as `?`; a line ends after 1,000
// bytes.
void findings_add(struct findings *f, enum status status, const char *origin, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// All lines to standard error, at once.
void findings_print(const struct findings *f);
