// A try: the handle is set up from nothing (its connections stay), performed, and judged. What S3 answers is
// final, or trouble to be tried again after a pause of chance length, twice as long at most each time;
// `again` remembers that a try without a clear answer may have been carried out all the same.
//
// Two things are left to libcurl, which differs between its versions: the signature, which is why queries
// come here in the form in which they are signed and the hash of the bytes is told to it; and the connection.

#include "stream/store/s3_request.h"

#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/check.h"
#include "runtime/memory.h"
#include "runtime/sha256.h"
#include "stream/store/s3_xml.h"

enum {
    PAUSE_FIRST_MS = 100,
    PAUSE_MAX_MS = 10000,
    URL_SIZE = 4096,
    ANSWER_FIRST = 16384,
    ERROR_BYTES_MAX = 65536
};

// By who uses it.
static const struct {
    const char *permit, *wait;
} remedies[] = {
    [STORE_TO_WRITE] =
        {"give these keys the right to list, read, write and delete below the prefix, and look "
         "at the clock of this host",
         "wait, or mend what the message names: nothing is lost meanwhile, writing is tried "
         "again"},
    [STORE_TO_READ] =
        {"give these keys the right to list and read below the prefix, and look at the clock of "
         "this host",
         "see that store.s3.endpoint is right and answers here, then call it again"},
};

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

// ---- the place

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

// ---- one try

struct try {
    const struct s3_request *request;
    struct s3_answer *answer;
    size_t room;
    size_t sent;
    bool too_long;
    char url[URL_SIZE];
    struct curl_slist *headers;
    char error[CURL_ERROR_SIZE];
};

static size_t take_bytes(char *bytes, size_t size, size_t count, void *context) {
    struct try *t = context;
    struct s3_answer *a = t->answer;
    size_t length = size * count;
    size_t most = t->request->answer_max > ERROR_BYTES_MAX ? t->request->answer_max : ERROR_BYTES_MAX;
    if (length > most - a->length) {
        t->too_long = true;
        return 0;
    }
    if (a->length + length > t->room) {
        while (t->room < a->length + length)
            t->room = t->room == 0 ? ANSWER_FIRST : 2 * t->room;
        char *grown = realloc(a->bytes, t->room); // not memory_grow: how much it is is not for us to say
        if (grown == NULL)
            return 0;
        a->bytes = grown;
    }
    memcpy(a->bytes + a->length, bytes, length);
    a->length += length;
    return length;
}

static size_t give_bytes(char *out, size_t size, size_t count, void *context) {
    struct try *t = context;
    size_t length = t->request->length - t->sent;
    if (length > size * count)
        length = size * count;
    memcpy(out, t->request->bytes + t->sent, length);
    t->sent += length;
    return length;
}

// A connection that was kept turns out to be closed: the bytes are sent again from their beginning.
static int seek_bytes(void *context, curl_off_t offset, int origin) {
    struct try *t = context;
    if (origin != SEEK_SET || offset < 0 || (size_t)offset > t->request->length)
        return CURL_SEEKFUNC_CANTSEEK;
    t->sent = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

static void add_header(struct try *t, const char *line) {
    t->headers = curl_slist_append(t->headers, line);
    CHECK(t->headers != NULL);
}

static void add_headers(struct try *t) {
    unsigned char hash[SHA256_SIZE];
    char hex[2 * sizeof(hash) + 1], line[128];
    const char *bytes = t->request->bytes != NULL ? t->request->bytes : "";
    sha256_of((struct slice){bytes, t->request->length}, hash);
    snprintf(line, sizeof(line), "x-amz-content-sha256: %s",
             sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash)));
    add_header(t, line);
    if (t->request->creates)
        add_header(t, "If-None-Match: *");
}

static void set_up_transfer(struct s3 *s3, struct try *t) {
    CURL *c = s3->curl;
    const struct s3_request *r = t->request;
    bool sends = strcmp(r->method, "PUT") == 0 || strcmp(r->method, "POST") == 0;
    curl_easy_setopt(c, CURLOPT_URL, t->url);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, t->headers);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->error);
    if (sends) {
        curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->length);
        curl_easy_setopt(c, CURLOPT_READFUNCTION, give_bytes);
        curl_easy_setopt(c, CURLOPT_READDATA, t);
        curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, seek_bytes);
        curl_easy_setopt(c, CURLOPT_SEEKDATA, t);
    }
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, r->method);
    // On a connection that it kept libcurl sends a request once more by itself, and tells nobody.
    curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, r->creates || strcmp(r->method, "POST") == 0 ? 1L : 0L);
}

// A transfer that stands still for the time-out ends; how long it takes while it moves is not bounded.
static void set_up_connection(struct s3 *s3) {
    CURL *c = s3->curl;
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, s3->timeout_s);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, s3->timeout_s);
    curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (s3->ca_file[0] != '\0')
        curl_easy_setopt(c, CURLOPT_CAINFO, s3->ca_file);
    curl_easy_setopt(c, CURLOPT_AWS_SIGV4, s3->signature);
    curl_easy_setopt(c, CURLOPT_USERNAME, s3->access_key);
    curl_easy_setopt(c, CURLOPT_PASSWORD, s3->secret_key);
}

static CURLcode try_once(struct s3 *s3, struct try *t) {
    struct s3_answer *a = t->answer;
    free(a->bytes);
    *a = (struct s3_answer){.again = a->again};
    t->room = t->sent = 0;
    t->error[0] = '\0';
    curl_easy_reset(s3->curl);
    set_up_connection(s3);
    set_up_transfer(s3, t);
    CURLcode code = curl_easy_perform(s3->curl);
    struct curl_header *etag;
    if (code == CURLE_OK)
        curl_easy_getinfo(s3->curl, CURLINFO_RESPONSE_CODE, &a->status);
    if (code == CURLE_OK && curl_easy_header(s3->curl, "ETag", 0, CURLH_HEADER, -1, &etag) == CURLHE_OK)
        snprintf(a->etag, sizeof(a->etag), "%s", etag->value);
    // Assembling the parts of a file may fail after its 200 was sent.
    if (code == CURLE_OK && (a->status >= 300 || strcmp(t->request->method, "POST") == 0))
        s3_xml_find(a->bytes, a->length, "Error/Code", a->code, sizeof(a->code));
    if (strcmp(a->code, "PreconditionFailed") == 0)
        a->status = 412;
    return code;
}

// ---- what an answer means

static bool is_final(const struct s3_answer *a) {
    if (a->status == 404)
        return strcmp(a->code, "NoSuchBucket") != 0;
    return a->status == 412 || (a->status >= 200 && a->status < 300 && a->code[0] == '\0');
}

static bool is_worth_another_try(CURLcode code, const struct s3_answer *a) {
    switch ((int)code) {
    case CURLE_OK:
        break;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_NOT_BUILT_IN:
    case CURLE_OUT_OF_MEMORY:
    case CURLE_WRITE_ERROR:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_CIPHER:
    case CURLE_AUTH_ERROR:
        return false;
    default:
        return true;
    }
    // 409: two creates met, and which of them is first is not settled yet. 400 RequestTimeout: the bytes came
    // too slowly.
    return a->status >= 500 ? a->status != 501
                            : a->status == 429 || a->status == 408 || a->status == 409 || a->status < 300 ||
                                  strcmp(a->code, "RequestTimeout") == 0;
}

enum status s3_problem(const struct s3 *s3, enum status status, const char *code, const char *remedy,
                       const char *verb, const char *name, const char *why, struct problem *p) {
    return problem_set(p, status, code, remedy, "store %s: cannot %s %s: %s", s3->url, verb, name, why);
}

static void why_of(CURLcode code, const struct try *t, unsigned tries, char *out, size_t size) {
    const struct s3_answer *a = t->answer;
    int at;
    if (t->too_long)
        at = snprintf(out, size, "its answer is too long");
    else if (code != CURLE_OK)
        at = snprintf(out, size, "%s", t->error[0] != '\0' ? t->error : curl_easy_strerror(code));
    else
        at = snprintf(out, size, "it answers %ld %s", a->status, a->code);
    if (tries > 1 && at > 0 && (size_t)at < size)
        snprintf(out + at, size - (size_t)at, "; tried %u times", tries);
}

static enum status give_up(struct s3 *s3, CURLcode code, const struct try *t, unsigned tries,
                           const char *verb, struct problem *p) {
    const struct s3_answer *a = t->answer;
    const char *name = t->request->name != NULL ? t->request->name : "its bucket";
    char why[CURL_ERROR_SIZE + 64];
    why_of(code, t, tries, why, sizeof(why));
    if (is_worth_another_try(code, a))
        return s3_problem(s3, STATUS_TRY_AGAIN, "CLM-D1", remedies[s3->use].wait, verb, name, why, p);
    if (code == CURLE_OK && (a->status == 401 || a->status == 403))
        return s3_problem(s3, STATUS_NOT_ALLOWED, "CLM-A1", remedies[s3->use].permit, verb, name, why, p);
    if (t->too_long)
        return s3_problem(s3, STATUS_BAD_DATA, "CLM-D3", "see what lies there", verb, name, why, p);
    return s3_problem(s3, STATUS_CONFIG, "CLM-C1", "correct store.url and store.s3.*", verb, name, why, p);
}

// Of all that were told to wait, not all come back at once.
static void pause_before(unsigned tries) {
    int64_t most_ms = PAUSE_FIRST_MS;
    for (unsigned i = 1; i < tries && most_ms < PAUSE_MAX_MS; i++)
        most_ms *= 2;
    int64_t pause_ms = most_ms / 2 + randombytes_uniform((uint32_t)(most_ms / 2));
    nanosleep(&(struct timespec){pause_ms / 1000, pause_ms % 1000 * 1000000}, NULL);
}

void s3_answer_fini(struct s3_answer *answer) {
    free(answer->bytes);
    *answer = (struct s3_answer){0};
}

enum status s3_send(struct s3 *s3, const struct s3_request *request, const char *verb,
                    struct s3_answer *answer, struct problem *p) {
    struct try t = {.request = request, .answer = answer};
    const char *name = request->name != NULL ? request->name : "";
    const char *query = request->query != NULL ? request->query : "";
    int length = snprintf(t.url, sizeof(t.url), "%s%s%s%s%s%s", s3->bucket, name[0] != '\0' ? "/" : "",
                          name[0] != '\0' ? s3->prefix : "", name, query[0] != '\0' ? "?" : "", query);
    *answer = (struct s3_answer){0};
    if ((size_t)length >= sizeof(t.url))
        return s3_problem(s3, STATUS_CONFIG, "CLM-C1", "use a shorter prefix", verb, name,
                          "its address is too long", p);
    add_headers(&t);
    CURLcode code = try_once(s3, &t);
    unsigned tries = 1;
    for (; !is_final(answer) && is_worth_another_try(code, answer) && tries <= s3->retries; tries++) {
        pause_before(tries);
        answer->again = true;
        code = try_once(s3, &t);
    }
    curl_slist_free_all(t.headers);
    enum status status = STATUS_OK;
    if (code != CURLE_OK || !is_final(answer))
        status = give_up(s3, code, &t, tries, verb, p);
    if (status != STATUS_OK)
        s3_answer_fini(answer);
    return status;
}
