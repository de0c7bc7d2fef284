// A bucket of an S3-compatible store, as settings name it: its address, its keys, and how it is talked to.
// Asks nobody.
#pragma once

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#include "stream/store/store.h"

struct s3 {
    CURL *curl;
    enum store_use use;
    char *url;    // as the operator wrote it
    char *bucket; // http://host:port/bucket
    char *prefix;
    char *signature; // "aws:amz:REGION:s3"
    char *access_key, *secret_key, *ca_file;
    long timeout_s;
    unsigned retries;
};

// `place` is copied. STATUS_CONFIG where the address or the settings are none.
enum status s3_create(struct s3 **out, const struct store_place *place, struct problem *p);
void s3_destroy(struct s3 **s3);

// The prefix of all names, with its '/' at the end; "" is none.
const char *s3_prefix(const struct s3 *s3);

// A value of a query, encoded as it is signed; false where `out` is too small.
bool s3_encode(const char *value, char *out, size_t size);
