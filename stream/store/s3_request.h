// Requests to a bucket of an S3-compatible store, signed (SigV4) and sent by libcurl, again where that may
// help: after 5xx, 429, a time-out, a connection that was not made or was cut. Under one thread at a time.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "stream/store/s3_place.h"

struct s3_request {
    const char *method; // GET, PUT, POST, DELETE
    const char *name;   // of a file, below the prefix; NULL: the bucket itself
    const char
        *query; // as it is signed: by name, encoded, "name=value" also where the value is ""; NULL: none
    const char *bytes; // of PUT and POST
    size_t length;
    bool creates;      // where there is none alone: "If-None-Match: *"
    size_t answer_max; // a longer answer is refused (64 KiB are always taken)
};

struct s3_answer {
    long status;   // HTTP's
    char code[64]; // what S3 calls an error; "" is none
    char etag[128];
    char *bytes; // of the answer, or NULL
    size_t length;
    bool again; // an earlier try got no answer, or one of trouble within the store: it may have been carried
                // out
};
void s3_answer_fini(struct s3_answer *answer);

// STATUS_OK: there is an answer: 2xx, 404 (not of the bucket) or 412. Else the answer is empty and `p` says
// "cannot DO NAME": STATUS_TRY_AGAIN (CLM-D1), when all tries have failed; STATUS_NOT_ALLOWED (CLM-A1);
// STATUS_CONFIG; STATUS_CANT_CREATE.
enum status s3_send(struct s3 *s3, const struct s3_request *request, const char *verb,
                    struct s3_answer *answer, struct problem *p);

// A problem of this store's: "store s3://bucket/prefix: cannot VERB NAME: why".
enum status s3_problem(const struct s3 *s3, enum status status, const char *code, const char *remedy,
                       const char *verb, const char *name, const char *why, struct problem *p);
