#include "stream/store/s3_place.h"

#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/check.h"
#include "runtime/memory.h"

static bool is_of(const char *text, size_t length, const char *also) {
    for (size_t i = 0; i < length; i++) {
        bool plain = (text[i] >= 'a' && text[i] <= 'z') || (text[i] >= '0' && text[i] <= '9');
        if (!plain && strchr(also, text[i]) == NULL)
            return false;
    }
    return length > 0;
}

static char *text_of(const char *format, const char *a, const char *b) {
    char *text = NULL;
    CHECK(asprintf(&text, format, a, b) >= 0);
    return text;
}

static enum status refuse(const char *option, const char *why, struct problem *p) {
    return problem_set(p, STATUS_CONFIG, "CLM-C1",
                       "write store.url: s3://BUCKET/PREFIX, and store.s3.* as README.md says", "%s: %s",
                       option, why);
}

// "bucket/some/prefix" into its two parts.
static enum status take_path(struct s3 *s3, const char *endpoint, const char *path, struct problem *p) {
    size_t bucket = strcspn(path, "/");
    const char *prefix = path[bucket] == '/' ? path + bucket + 1 : path + bucket;
    size_t length = strlen(prefix);
    while (length > 0 && prefix[length - 1] == '/')
        length--;
    if (!is_of(path, bucket, ".-"))
        return refuse("store.url", "a bucket's name is of a-z, 0-9, \".\" and \"-\"", p);
    if (length > 0 && (!is_of(prefix, length, "ABCDEFGHIJKLMNOPQRSTUVWXYZ._-/") || prefix[0] == '/' ||
                       strstr(prefix, "//") != NULL || strstr(prefix, "..") != NULL))
        return refuse("store.url", "a prefix is of A-Z, a-z, 0-9, \".\", \"_\", \"-\" and \"/\"", p);
    char *name = strndup(path, bucket);
    char *inner = strndup(prefix, length);
    CHECK(name != NULL && inner != NULL);
    s3->bucket = text_of("%s/%s", endpoint, name);
    s3->prefix = text_of("%s%s", inner, length > 0 ? "/" : "");
    free(name);
    free(inner);
    return STATUS_OK;
}

static enum status take_place(struct s3 *s3, const struct store_place *place, struct problem *p) {
    static const char scheme[] = "s3://";
    const struct s3_place *given = &place->s3;
    size_t length = strlen(given->endpoint);
    bool secure = strncmp(given->endpoint, "https://", 8) == 0;
    CHECK(strncmp(place->url, scheme, strlen(scheme)) == 0);
    if (!is_of(given->region, strlen(given->region), "-"))
        return refuse("store.s3.region", "name the region, as us-east-1", p);
    if (length > 0 && !secure && strncmp(given->endpoint, "http://", 7) != 0)
        return refuse("store.s3.endpoint", "write https://HOST, or http://HOST:PORT", p);
    if (given->access_key[0] == '\0' || given->secret_key[0] == '\0')
        return refuse("store.s3.access_key", "both keys are needed: store.s3.access_key, and the secret one",
                      p);
    while (length > 0 && given->endpoint[length - 1] == '/')
        length--;
    char *endpoint = length > 0 ? strndup(given->endpoint, length)
                                : text_of("https://s3.%s.amazonaws.com%s", given->region, "");
    CHECK(endpoint != NULL);
    s3->url = memory_text(place->url);
    s3->use = place->use;
    s3->signature = text_of("aws:amz:%s:%s", given->region, "s3");
    s3->access_key = memory_text(given->access_key);
    s3->secret_key = memory_text(given->secret_key);
    s3->ca_file = memory_text(given->ca_file);
    s3->timeout_s = (long)((given->timeout_ms + 999) / 1000);
    s3->retries = (unsigned)given->retries;
    enum status status = take_path(s3, endpoint, place->url + strlen(scheme), p);
    free(endpoint);
    return status;
}

// Once a process. What is written to a connection that the other side has closed must be an error, not an
// end.
static void curl_begin(void) {
    struct sigaction now;
    CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
        signal(SIGPIPE, SIG_IGN);
}

enum status s3_create(struct s3 **out, const struct store_place *place, struct problem *p) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, curl_begin);
    struct s3 *s3 = memory_take(sizeof(*s3));
    s3->curl = curl_easy_init();
    CHECK(s3->curl != NULL);
    enum status status = take_place(s3, place, p);
    if (status != STATUS_OK)
        s3_destroy(&s3);
    *out = s3;
    return status;
}

void s3_destroy(struct s3 **s3) {
    struct s3 *s = *s3;
    if (s == NULL)
        return;
    curl_easy_cleanup(s->curl);
    free(s->url);
    free(s->bucket);
    free(s->prefix);
    free(s->signature);
    free(s->access_key);
    if (s->secret_key != NULL)
        sodium_memzero(s->secret_key, strlen(s->secret_key));
    free(s->secret_key);
    free(s->ca_file);
    free(s);
    *s3 = NULL;
}

const char *s3_prefix(const struct s3 *s3) {
    return s3->prefix;
}

bool s3_encode(const char *value, char *out, size_t size) {
    size_t at = 0;
    for (; *value != '\0'; value++) {
        bool plain = is_of(value, 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ._~-");
        if (at + 4 > size)
            return false;
        at += (size_t)snprintf(out + at, 4, plain ? "%c" : "%%%02X", (unsigned char)*value);
    }
    out[at] = '\0';
    return size > at;
}
