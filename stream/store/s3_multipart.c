#include "stream/store/s3_multipart.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/config/config.h"
#include "runtime/memory.h"
#include "stream/store/s3_xml.h"

enum { UPLOAD_ID_SIZE = 1024, PART_SIZE = 256, NAME_SIZE = 512, LIST_BYTES_MAX = 16 << 20 };

struct upload {
    struct s3 *s3;
    const char *name;
    char id[3 * UPLOAD_ID_SIZE]; // as it is sent in a query
    char *parts;                 // the list that makes them a file
    size_t parts_length, parts_room;
};

static const char write_it[] = "write";

static enum status strange(const struct upload *u, const char *why, struct problem *p) {
    return s3_problem(u->s3, STATUS_TRY_AGAIN, "CLM-D1", "see what answers under store.s3.endpoint", write_it,
                      u->name, why, p);
}

static enum status upload_begin(struct upload *u, struct problem *p) {
    struct s3_answer answer;
    struct s3_request request = {.method = "POST", .name = u->name, .query = "uploads="};
    enum status status = s3_send(u->s3, &request, write_it, &answer, p);
    if (status != STATUS_OK)
        return status;
    char id[UPLOAD_ID_SIZE];
    s3_xml_find(answer.bytes, answer.length, "InitiateMultipartUploadResult/UploadId", id, sizeof(id));
    s3_answer_fini(&answer);
    if (id[0] == '\0' || !s3_encode(id, u->id, sizeof(u->id)))
        return strange(u, "its answer names no upload", p);
    return STATUS_OK;
}

static void add_part(struct upload *u, const char *text) {
    size_t length = strlen(text);
    if (u->parts_length + length + 1 > u->parts_room) {
        u->parts_room = 2 * u->parts_room + length + 1;
        u->parts = memory_grow(u->parts, u->parts_room, 1);
    }
    memcpy(u->parts + u->parts_length, text, length + 1);
    u->parts_length += length;
}

static enum status send_part(struct upload *u, size_t number, const char *bytes, size_t length,
                             struct problem *p) {
    char query[sizeof(u->id) + 64], part[PART_SIZE];
    struct s3_answer answer;
    snprintf(query, sizeof(query), "partNumber=%zu&uploadId=%s", number, u->id);
    struct s3_request request = {
        .method = "PUT", .name = u->name, .query = query, .bytes = bytes, .length = length};
    enum status status = s3_send(u->s3, &request, write_it, &answer, p);
    if (status != STATUS_OK)
        return status;
    if (answer.status >= 300)
        status = strange(u, "the upload was ended by somebody else", p);
    else if (answer.etag[0] == '\0' || strpbrk(answer.etag, "<>&") != NULL)
        status = strange(u, "its answer to a part has no ETag", p);
    snprintf(part, sizeof(part), "<Part><PartNumber>%zu</PartNumber><ETag>%s</ETag></Part>", number,
             answer.etag);
    add_part(u, part);
    s3_answer_fini(&answer);
    return status;
}

static enum status send_all(struct upload *u, const char *bytes, size_t length, struct problem *p) {
    enum status status = STATUS_OK;
    add_part(u, "<CompleteMultipartUpload>");
    for (size_t sent = 0, number = 1; status == STATUS_OK && sent < length; number++) {
        size_t part = length - sent < S3_PART_BYTES ? length - sent : S3_PART_BYTES;
        status = send_part(u, number, bytes + sent, part, p);
        sent += part;
    }
    add_part(u, "</CompleteMultipartUpload>");
    return status;
}

static enum status upload_end(struct upload *u, bool creates, struct s3_answer *answer, struct problem *p) {
    char query[sizeof(u->id) + 16];
    snprintf(query, sizeof(query), "uploadId=%s", u->id);
    struct s3_request request = {.method = "POST",
                                 .name = u->name,
                                 .query = query,
                                 .bytes = u->parts,
                                 .length = u->parts_length,
                                 .creates = creates};
    return s3_send(u->s3, &request, write_it, answer, p);
}

// Parts that belong to no file are paid for like others.
static void upload_abandon(struct upload *u) {
    char query[sizeof(u->id) + 16];
    struct s3_answer answer;
    snprintf(query, sizeof(query), "uploadId=%s", u->id);
    struct s3_request request = {.method = "DELETE", .name = u->name, .query = query};
    s3_send(u->s3, &request, write_it, &answer, NULL);
    s3_answer_fini(&answer);
}

enum status s3_send_parts(struct s3 *s3, const char *name, const char *bytes, size_t length, bool creates,
                          struct s3_answer *answer, struct problem *p) {
    struct upload u = {.s3 = s3, .name = name};
    *answer = (struct s3_answer){0};
    enum status status = upload_begin(&u, p);
    if (status != STATUS_OK)
        return status;
    status = send_all(&u, bytes, length, p);
    if (status == STATUS_OK)
        status = upload_end(&u, creates, answer, p);
    if (status != STATUS_OK || answer->status >= 300)
        upload_abandon(&u);
    free(u.parts);
    return status;
}

// ---- uploads of those who are gone

// What a list says of one of them, until the next begins.
struct relic {
    struct s3 *s3;
    int64_t before_ms;
    char key[NAME_SIZE], id[UPLOAD_ID_SIZE], began[64];
};

static void relic_clear(struct relic *r) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789.-/";
    size_t prefix = strlen(s3_prefix(r->s3));
    struct upload u = {.s3 = r->s3, .name = r->key + prefix};
    int64_t began_ms;
    if (strncmp(r->key, s3_prefix(r->s3), prefix) != 0 || u.name[strspn(u.name, allowed)] != '\0')
        return; // of somebody else
    if (config_parse_time(r->began, &began_ms) && began_ms < r->before_ms &&
        s3_encode(r->id, u.id, sizeof(u.id)))
        upload_abandon(&u);
}

static bool take_upload(void *context, const char *path, const char *text) {
    struct relic *r = context;
    if (strcmp(path, "ListMultipartUploadsResult/Upload/Key") == 0)
        return (size_t)snprintf(r->key, sizeof(r->key), "%s", text) < sizeof(r->key);
    if (strcmp(path, "ListMultipartUploadsResult/Upload/UploadId") == 0)
        return (size_t)snprintf(r->id, sizeof(r->id), "%s", text) < sizeof(r->id);
    if (strcmp(path, "ListMultipartUploadsResult/Upload/Initiated") == 0)
        return (size_t)snprintf(r->began, sizeof(r->began), "%s", text) < sizeof(r->began);
    if (strcmp(path, "ListMultipartUploadsResult/Upload") == 0)
        relic_clear(r);
    return true;
}

void s3_clear_uploads(struct s3 *s3, int64_t before_ms) {
    char prefix[3 * NAME_SIZE], query[sizeof(prefix) + 64];
    struct relic relic = {.s3 = s3, .before_ms = before_ms};
    struct s3_answer answer;
    if (!s3_encode(s3_prefix(s3), prefix, sizeof(prefix)))
        return;
    snprintf(query, sizeof(query), "prefix=%s&uploads=", prefix);
    struct s3_request request = {.method = "GET", .query = query, .answer_max = LIST_BYTES_MAX};
    if (s3_send(s3, &request, "list", &answer, NULL) == STATUS_OK && answer.status == 200)
        s3_xml_read(answer.bytes, answer.length, take_upload, &relic);
    s3_answer_fini(&answer);
}
