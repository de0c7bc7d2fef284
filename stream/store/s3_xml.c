#include "stream/store/s3_xml.h"

#include <expat.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "runtime/check.h"

enum { PATH_SIZE = 256, TEXT_SIZE = 4096 };

struct reading {
    XML_Parser parser;
    s3_xml_text text;
    void *context;
    char path[PATH_SIZE];
    size_t path_length;
    char found[TEXT_SIZE];
    size_t found_length;
    bool good;
};

static void stop(struct reading *r) {
    r->good = false;
    XML_StopParser(r->parser, XML_FALSE);
}

static void begin(void *context, const char *name, const char **attributes) {
    struct reading *r = context;
    size_t left = PATH_SIZE - r->path_length;
    int written = snprintf(r->path + r->path_length, left, "%s%s", r->path_length > 0 ? "/" : "", name);
    r->found_length = 0;
    if ((size_t)written >= left)
        stop(r);
    else
        r->path_length += (size_t)written;
}

static void characters(void *context, const char *text, int length) {
    struct reading *r = context;
    if ((size_t)length >= TEXT_SIZE - r->found_length) {
        stop(r);
        return;
    }
    memcpy(r->found + r->found_length, text, (size_t)length);
    r->found_length += (size_t)length;
}

static void end(void *context, const char *name) {
    struct reading *r = context;
    r->found[r->found_length] = '\0';
    r->found_length = 0;
    if (r->good && !r->text(r->context, r->path, r->found)) {
        stop(r);
        return;
    }
    const char *last = strrchr(r->path, '/');
    r->path_length = last != NULL ? (size_t)(last - r->path) : 0;
    r->path[r->path_length] = '\0';
}

// Entities and what else a document type brings: no answer of S3 has one.
static void refuse_doctype(void *context, const char *name, const char *system, const char *public,
                           int subset) {
    stop(context);
}

bool s3_xml_read(const char *bytes, size_t length, s3_xml_text text, void *context) {
    struct reading r = {.text = text, .context = context, .good = true};
    if (length > INT_MAX)
        return false;
    r.parser = XML_ParserCreate(NULL);
    CHECK(r.parser != NULL);
    XML_SetUserData(r.parser, &r);
    XML_SetElementHandler(r.parser, begin, end);
    XML_SetCharacterDataHandler(r.parser, characters);
    XML_SetStartDoctypeDeclHandler(r.parser, refuse_doctype);
    bool parsed = XML_Parse(r.parser, bytes, (int)length, XML_TRUE) == XML_STATUS_OK;
    XML_ParserFree(r.parser);
    return parsed && r.good;
}

struct search {
    const char *path;
    char *out;
    size_t size;
};

static bool is_not_yet(void *context, const char *path, const char *text) {
    struct search *s = context;
    if (strcmp(path, s->path) != 0)
        return true;
    snprintf(s->out, s->size, "%s", text);
    return false;
}

void s3_xml_find(const char *bytes, size_t length, const char *path, char *out, size_t size) {
    struct search search = {path, out, size};
    out[0] = '\0';
    s3_xml_read(bytes, length, is_not_yet, &search);
}
