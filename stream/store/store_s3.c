// A store in a bucket of an S3-compatible store.
//
// A file is an object, whole when it is there. What may exist once alone is created by a conditional put,
// which the store itself decides: 412 is "there is one". A put whose answer was lost is sent again, and a
// conditional one is then refused for the sake of its own object: the bytes that are there tell whether it
// was. Folders are what names share up to a '/'.
//
// Errors: what the store or the way to it may get over is CLM-D1, when s3_request.c has tried often enough. A
// store that takes no notice of the condition would have two owners publish one window: it is refused at the
// first create.

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "runtime/memory.h"
#include "runtime/slice.h"
#include "stream/store/s3_multipart.h"
#include "stream/store/s3_request.h"
#include "stream/store/s3_xml.h"
#include "stream/store/store_kind.h"

enum { PREFIX_SIZE = 768, TOKEN_SIZE = 1024, LIST_BYTES_MAX = 16 << 20, UPLOAD_AGE_MS = 24 * 60 * 60 * 1000 };
static const size_t file_bytes_max = (size_t)4 << 30;
static const char look_there[] = "see what answers under store.s3.endpoint";
static const char shorten[] = "use a shorter prefix in store.url", too_long[] = "its name is too long";

struct bucket {
    struct store store;
    struct s3 *s3;
    bool honours_conditions; // it was seen to
};

static struct s3 *s3_of(struct store *store) {
    return ((struct bucket *)store)->s3;
}

// ---- files

static enum status bucket_read(struct store *store, const char *name, char **bytes, size_t *length,
                               struct problem *p) {
    struct s3_answer answer;
    struct s3_request request = {.method = "GET", .name = name, .answer_max = file_bytes_max};
    enum status status = s3_send(s3_of(store), &request, "read", &answer, p);
    if (status != STATUS_OK)
        return status;
    if (answer.status != 200) {
        s3_answer_fini(&answer);
        return s3_problem(s3_of(store), STATUS_NO_INPUT, "", "", "read", name, "there is no such file", p);
    }
    *bytes = answer.bytes != NULL ? answer.bytes : memory_take(1);
    *length = answer.length;
    return STATUS_OK;
}

static enum status send_file(struct s3 *s3, const char *name, const char *bytes, size_t length, bool creates,
                             struct s3_answer *answer, struct problem *p) {
    struct s3_request request = {
        .method = "PUT", .name = name, .bytes = bytes, .length = length, .creates = creates};
    if (length > S3_PART_BYTES)
        return s3_send_parts(s3, name, bytes, length, creates, answer, p);
    return s3_send(s3, &request, "write", answer, p);
}

// Does the file hold these bytes? Not where there is none.
static enum status holds(struct store *store, const char *name, const char *bytes, size_t length, bool *same,
                         struct problem *p) {
    char *found = NULL;
    size_t found_length = 0;
    *same = false;
    enum status status = bucket_read(store, name, &found, &found_length, p);
    if (status == STATUS_NO_INPUT)
        return STATUS_OK;
    if (status != STATUS_OK)
        return status;
    *same = slice_equal((struct slice){found, found_length}, (struct slice){bytes, length});
    free(found);
    return STATUS_OK;
}

// An object that two puts claim, out of the way of all names.
static enum status check_conditions(struct bucket *b, struct problem *p) {
    char name[64];
    struct s3_answer answers[3];
    if (b->honours_conditions)
        return STATUS_OK;
    snprintf(name, sizeof(name), ".condition-%08x%08x", randombytes_random(), randombytes_random());
    enum status status = send_file(b->s3, name, "1", 1, false, &answers[0], p);
    if (status != STATUS_OK)
        return status;
    status = send_file(b->s3, name, "2", 1, true, &answers[1], p);
    struct s3_request removal = {.method = "DELETE", .name = name};
    s3_send(b->s3, &removal, "remove", &answers[2], NULL);
    b->honours_conditions = status == STATUS_OK && answers[1].status == 412;
    if (status == STATUS_OK && !b->honours_conditions)
        status = s3_problem(
            b->s3, STATUS_CONFIG, "CLM-C1", "use a store that knows conditional puts", "create", name,
            "it takes no notice of If-None-Match: *, so that a window could be published twice", p);
    for (size_t i = 0; i < 3; i++)
        s3_answer_fini(&answers[i]);
    return status;
}

// Nothing was written. Was it, by a try before, whose answer was lost?
static enum status settle(struct store *store, const char *name, const char *bytes, size_t length,
                          const struct s3_answer *answer, bool *created, struct problem *p) {
    bool ours = false;
    enum status status = answer->again ? holds(store, name, bytes, length, &ours, p) : STATUS_OK;
    if (status != STATUS_OK)
        return status;
    if (created != NULL)
        *created = ours;
    if (ours || answer->status == 412)
        return STATUS_OK;
    return s3_problem(s3_of(store), STATUS_TRY_AGAIN, "CLM-D1", "write it again", "write", name,
                      "the upload was ended by somebody else", p);
}

static enum status bucket_write(struct store *store, const char *name, const char *bytes, size_t length,
                                bool *created, struct problem *p) {
    struct s3_answer answer;
    enum status status = created != NULL ? check_conditions((struct bucket *)store, p) : STATUS_OK;
    if (status == STATUS_OK)
        status = send_file(s3_of(store), name, bytes, length, created != NULL, &answer, p);
    if (status != STATUS_OK)
        return status;
    if (answer.status >= 300)
        status = settle(store, name, bytes, length, &answer, created, p);
    else if (created != NULL)
        *created = true;
    s3_answer_fini(&answer);
    return status;
}

static enum status bucket_remove(struct store *store, const char *name, struct problem *p) {
    struct s3_answer answer;
    struct s3_request request = {.method = "DELETE", .name = name};
    enum status status = s3_send(s3_of(store), &request, "remove", &answer, p);
    s3_answer_fini(&answer);
    return status;
}

// ---- lists

struct page {
    struct store_names *names;
    const char *folder; // with the prefix and the '/' at the end
    bool more;
    char token[TOKEN_SIZE];
};

static void take_name(struct page *page, const char *key, bool is_folder) {
    size_t folder = strlen(page->folder), length = strlen(key);
    if (strncmp(key, page->folder, folder) != 0)
        return;
    length -= folder + (is_folder && length > folder && key[length - 1] == '/');
    if (store_part_ok(key + folder, length))
        store_names_add(page->names, key + folder, length, is_folder);
}

static bool take_entry(void *context, const char *path, const char *text) {
    struct page *page = context;
    if (strcmp(path, "ListBucketResult/Contents/Key") == 0)
        take_name(page, text, false);
    else if (strcmp(path, "ListBucketResult/CommonPrefixes/Prefix") == 0)
        take_name(page, text, true);
    else if (strcmp(path, "ListBucketResult/IsTruncated") == 0)
        page->more = strcmp(text, "true") == 0;
    else if (strcmp(path, "ListBucketResult/NextContinuationToken") == 0)
        return (size_t)snprintf(page->token, sizeof(page->token), "%s", text) < sizeof(page->token);
    return true;
}

static enum status list_page(struct s3 *s3, struct page *page, const char *query, struct problem *p) {
    struct s3_answer answer;
    struct s3_request request = {.method = "GET", .query = query, .answer_max = LIST_BYTES_MAX};
    enum status status = s3_send(s3, &request, "list", &answer, p);
    if (status != STATUS_OK)
        return status;
    page->more = false;
    page->token[0] = '\0';
    bool read = answer.status == 200 && s3_xml_read(answer.bytes, answer.length, take_entry, page) &&
                (!page->more || page->token[0] != '\0');
    s3_answer_fini(&answer);
    if (read)
        return STATUS_OK;
    return s3_problem(s3, STATUS_TRY_AGAIN, "CLM-D1", look_there, "list", page->folder,
                      "its answer is no list", p);
}

static enum status list_all(struct s3 *s3, struct page *page, struct problem *p) {
    char prefix[3 * PREFIX_SIZE], token[3 * TOKEN_SIZE], last[TOKEN_SIZE] = "";
    char query[sizeof(prefix) + sizeof(token) + 64];
    if (!s3_encode(page->folder, prefix, sizeof(prefix)))
        return s3_problem(s3, STATUS_CONFIG, "CLM-C1", shorten, "list", page->folder, too_long, p);
    snprintf(query, sizeof(query), "delimiter=%%2F&list-type=2&prefix=%s", prefix);
    enum status status = list_page(s3, page, query, p);
    while (status == STATUS_OK && page->more) {
        if (!s3_encode(page->token, token, sizeof(token)) || strcmp(page->token, last) == 0)
            return s3_problem(s3, STATUS_TRY_AGAIN, "CLM-D1", look_there, "list", page->folder,
                              "its pages do not go on", p);
        strcpy(last, page->token);
        snprintf(query, sizeof(query), "continuation-token=%s&delimiter=%%2F&list-type=2&prefix=%s", token,
                 prefix);
        status = list_page(s3, page, query, p);
    }
    return status;
}

static enum status bucket_list(struct store *store, const char *folder, struct store_names *names,
                               struct problem *p) {
    struct s3 *s3 = s3_of(store);
    char path[PREFIX_SIZE];
    struct page page = {.names = names, .folder = path};
    if ((size_t)snprintf(path, sizeof(path), "%s%s%s", s3_prefix(s3), folder, folder[0] != '\0' ? "/" : "") >=
        sizeof(path))
        return s3_problem(s3, STATUS_CONFIG, "CLM-C1", shorten, "list", folder, too_long, p);
    return list_all(s3, &page, p);
}

// ---- the store

static int64_t bucket_free_bytes(struct store *store, int64_t *all) {
    return -1;
}

static void bucket_close(struct store *store) {
    struct bucket *b = (struct bucket *)store;
    s3_destroy(&b->s3);
    free(b);
}

static const struct store_kind bucket_kind = {
    .write = bucket_write,
    .read = bucket_read,
    .list = bucket_list,
    .remove = bucket_remove,
    .free_bytes = bucket_free_bytes,
    .close = bucket_close,
};

// Asks for one name: the address, the keys and the bucket are right then.
static enum status greet(struct s3 *s3, struct problem *p) {
    struct store_names names = {0};
    struct page page = {.names = &names, .folder = ""};
    char prefix[3 * PREFIX_SIZE], query[sizeof(prefix) + 64];
    if (!s3_encode(s3_prefix(s3), prefix, sizeof(prefix)))
        return s3_problem(s3, STATUS_CONFIG, "CLM-C1", shorten, "list", s3_prefix(s3), too_long, p);
    snprintf(query, sizeof(query), "list-type=2&max-keys=1&prefix=%s", prefix);
    enum status status = list_page(s3, &page, query, p);
    store_names_fini(&names);
    if (status == STATUS_TRY_AGAIN && p != NULL)
        p->status = STATUS_UNAVAILABLE;
    return status == STATUS_TRY_AGAIN ? STATUS_UNAVAILABLE : status;
}

enum status store_s3_open(struct store **store, const struct store_place *place, struct problem *p) {
    struct s3 *s3;
    enum status status = s3_create(&s3, place, p);
    if (status == STATUS_OK)
        status = greet(s3, p);
    if (status != STATUS_OK) {
        s3_destroy(&s3);
        return status;
    }
    struct bucket *b = memory_take(sizeof(*b));
    b->store.kind = &bucket_kind;
    b->s3 = s3;
    if (place->use == STORE_TO_WRITE)
        s3_clear_uploads(s3, clock_wall_ms() - UPLOAD_AGE_MS);
    *store = &b->store;
    return STATUS_OK;
}
