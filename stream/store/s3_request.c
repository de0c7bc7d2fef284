// A try: the handle is set up from nothing (its connections stay), performed, and judged. What S3 answers is
// final, or trouble to be tried again after a pause of chance length, twice as long at most each time;
// `again` remembers that a try without a clear answer may have been carried out all the same.
//
// Two things are left to libcurl, which differs between its versions: the signature, which is why queries
// come here in the form in which they are signed and the hash of the bytes is told to it; and the connection.

#include "stream/store/s3_request.h"

#include <curl/curl.h>
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
