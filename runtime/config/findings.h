// Findings: what is wrong in what a person wrote (files, variables, flags), one line each, kept until all of
// them are known.
//
//     clameur.yaml:12:3 CLM-C1 unknown key redis.flush_mx; did you mean redis.flush_max?
//
// CLM-C1 is of what ends in STATUS_CONFIG; a wrong command line and a file that is not there have no code.
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

// All lines, at once: to standard error, or to who asked for them.
void findings_print(const struct findings *f);

// From now on findings_print tells `tell` instead, finding by finding, `what` with its origin in front. NULL:
// standard error again.
typedef void findings_tell(void *context, const struct problem *finding);
void findings_redirect(findings_tell *tell, void *context);
