// From libyaml's events to a tree.
//
// While a node is read, `event` is its first event; when read_node returns, its last. A syntax error or a
// broken bound ends the reading (NULL all the way up); what is merely not allowed is noted, and the reading
// goes on for the next finding.
#include "runtime/config/document.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "runtime/check.h"
#include "runtime/memory.h"

enum { FILE_MAX = 1 << 20, NODES_MAX = 10000, DEPTH_MAX = 32, KEY_TEXT_MAX = 256 };

struct anchor {
    const char *name;
    const struct document_node *node;
    struct anchor *next;
};

struct reader {
    struct document *document;
    struct arena *arena;
    struct findings *findings;
    yaml_parser_t parser;
    yaml_event_t event;
    struct anchor *anchors; // the newest first: a name may be given again
    size_t nodes;
    unsigned depth;
};

static const struct document_node *read_node(struct reader *r);

static char *take_text(struct arena *arena, const char *text, size_t length) {
    char *copy = arena_take_bytes(arena, length + 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

const char *document_origin(const struct document *d, struct arena *arena, struct document_mark at) {
    size_t room = strlen(d->path) + 48;
    char *origin = arena_take_bytes(arena, room);
    snprintf(origin, room, "%s:%zu:%zu", d->path, at.line, at.column);
    return origin;
}

static void note(struct reader *r, struct document_mark at, const char *what) {
    findings_add(r->findings, STATUS_CONFIG, document_origin(r->document, r->arena, at), "%s", what);
}

static struct document_mark mark_of(yaml_mark_t mark) {
    return (struct document_mark){mark.line + 1, mark.column + 1};
}

static void note_syntax(struct reader *r) {
    // Bytes that are no text at all are met by the reader below the scanner, which knows no line.
    bool bytes = r->parser.error == YAML_READER_ERROR;
    char what[256];
    snprintf(what, sizeof(what), "not YAML: %s%s%s",
             r->parser.problem != NULL ? r->parser.problem : "unreadable",
             r->parser.context != NULL ? ", " : "", r->parser.context != NULL ? r->parser.context : "");
    note(r, mark_of(bytes ? r->parser.mark : r->parser.problem_mark), what);
}

static bool next_event(struct reader *r) {
    yaml_event_delete(&r->event);
    if (yaml_parser_parse(&r->parser, &r->event))
        return true;
    note_syntax(r);
    return false;
}

static struct document_node *node_create(struct reader *r, enum document_kind kind) {
    struct document_node *node = arena_take(r->arena, sizeof(*node));
    *node = (struct document_node){.kind = kind, .at = mark_of(r->event.start_mark), .text = "", .size = 1};
    return node;
}

// An anchor stands for its node once that is complete, so no alias can lie within what it names.
static void remember(struct reader *r, const char *name, const struct document_node *node) {
    if (name == NULL || node == NULL)
        return;
    struct anchor *anchor = arena_take(r->arena, sizeof(*anchor));
    *anchor = (struct anchor){name, node, r->anchors};
    r->anchors = anchor;
}

static bool text_is_null(const char *text) {
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++)
        if (strcmp(text, nulls[i]) == 0)
            return true;
    return false;
}

static const struct document_node *read_scalar(struct reader *r) {
    struct document_node *node = node_create(r, DOCUMENT_SCALAR);
    const char *bytes = (const char *)r->event.data.scalar.value;
    size_t length = r->event.data.scalar.length;
    bool plain = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    // libyaml drops the tag `!` itself and leaves only this trace of it.
    bool bare_tag = r->event.data.scalar.tag == NULL && plain && !r->event.data.scalar.plain_implicit;
    if (bare_tag || r->event.data.scalar.tag != NULL)
        note(r, node->at, "tags (!) are not understood");
    if (memchr(bytes, '\0', length) != NULL)
        note(r, node->at, "a text with a NUL byte in it");
    node->text = take_text(r->arena, bytes, length);
    node->null = plain && text_is_null(node->text);
    return node;
}

// The node that an entry is appended after, to keep the file's order.
static void append(struct document_node *node, struct document_entry ***tail, struct document_entry *entry) {
    **tail = entry;
    *tail = &entry->next;
    node->size += entry->value->size;
}

static const struct document_node *read_sequence(struct reader *r) {
    struct document_node *node = node_create(r, DOCUMENT_SEQUENCE);
    if (r->event.data.sequence_start.tag != NULL)
        note(r, node->at, "tags (!) are not understood");
    struct document_entry **tail = &node->first;
    while (next_event(r)) {
        if (r->event.type == YAML_SEQUENCE_END_EVENT)
            return node;
        const struct document_node *value = read_node(r);
        if (value == NULL)
            return NULL;
        struct document_entry *entry = arena_take(r->arena, sizeof(*entry));
        *entry = (struct document_entry){"", value->at, value, NULL};
        append(node, &tail, entry);
    }
    return NULL;
}

static const struct document_entry *entry_find(const struct document_node *mapping, const char *key) {
    for (const struct document_entry *entry = mapping->first; entry != NULL; entry = entry->next)
        if (strcmp(entry->key, key) == 0)
            return entry;
    return NULL;
}

static bool key_allowed(struct reader *r, const struct document_node *mapping,
                        const struct document_node *key, struct document_mark at) {
    if (key->kind != DOCUMENT_SCALAR) {
        note(r, at, "a key that is not a name");
        return false;
    }
    if (key->null) {
        note(r, at, "a key without a name (null)");
        return false;
    }
    if (strlen(key->text) > KEY_TEXT_MAX) {
        note(r, at, "a key of more than 256 bytes");
        return false;
    }
    if (strcmp(key->text, "<<") == 0) {
        note(r, at, "merge keys (<<) are not understood; an alias may stand for a whole value");
        return false;
    }
    const struct document_entry *twin = entry_find(mapping, key->text);
    if (twin == NULL)
        return true;
    findings_add(r->findings, STATUS_CONFIG, document_origin(r->document, r->arena, at),
                 "duplicate key %s, first given in line %zu", key->text, twin->key_at.line);
    return false;
}

static const struct document_node *read_mapping(struct reader *r) {
    struct document_node *node = node_create(r, DOCUMENT_MAPPING);
    if (r->event.data.mapping_start.tag != NULL)
        note(r, node->at, "tags (!) are not understood");
    struct document_entry **tail = &node->first;
    while (next_event(r)) {
        if (r->event.type == YAML_MAPPING_END_EVENT)
            return node;
        struct document_mark key_at = mark_of(r->event.start_mark);
        const struct document_node *key = read_node(r);
        const struct document_node *value = key != NULL && next_event(r) ? read_node(r) : NULL;
        if (value == NULL)
            return NULL;
        if (!key_allowed(r, node, key, key_at))
            continue;
        struct document_entry *entry = arena_take(r->arena, sizeof(*entry));
        *entry = (struct document_entry){key->text, key_at, value, NULL};
        append(node, &tail, entry);
    }
    return NULL;
}

// What looks like one may be a password that nobody has put in quotes: it is not repeated.
static const struct document_node *read_alias(struct reader *r) {
    const char *name = (const char *)r->event.data.alias.anchor;
    for (const struct anchor *anchor = r->anchors; anchor != NULL; anchor = anchor->next)
        if (strcmp(anchor->name, name) == 0)
            return anchor->node;
    note(r, mark_of(r->event.start_mark),
         "an alias (*) of no anchor that stands before it; a text that begins with * needs quotes");
    return NULL;
}

static const char *anchor_of(struct reader *r) {
    const yaml_char_t *name = NULL;
    if (r->event.type == YAML_SCALAR_EVENT)
        name = r->event.data.scalar.anchor;
    else if (r->event.type == YAML_MAPPING_START_EVENT)
        name = r->event.data.mapping_start.anchor;
    else if (r->event.type == YAML_SEQUENCE_START_EVENT)
        name = r->event.data.sequence_start.anchor;
    return name == NULL ? NULL : take_text(r->arena, (const char *)name, strlen((const char *)name));
}

static const struct document_node *read_kind(struct reader *r) {
    if (r->event.type == YAML_ALIAS_EVENT)
        return read_alias(r);
    if (r->event.type == YAML_MAPPING_START_EVENT)
        return read_mapping(r);
    if (r->event.type == YAML_SEQUENCE_START_EVENT)
        return read_sequence(r);
    return read_scalar(r);
}

static const struct document_node *read_node(struct reader *r) {
    struct document_mark at = mark_of(r->event.start_mark);
    const char *anchor = anchor_of(r);
    bool alias = r->event.type == YAML_ALIAS_EVENT;
    if (r->depth == DEPTH_MAX) {
        note(r, at, "nested too deeply: 32 levels are read");
        return NULL;
    }
    r->depth++;
    const struct document_node *node = read_kind(r);
    r->depth--;
    if (node == NULL)
        return NULL;
    remember(r, anchor, node);
    r->nodes += alias ? node->size : 1;
    if (r->nodes <= NODES_MAX)
        return node;
    note(r, at, "too large: 10,000 keys and values are read, aliases counted in full");
    return NULL;
}

static void read_documents(struct reader *r) {
    if (!next_event(r) || !next_event(r) || r->event.type == YAML_STREAM_END_EVENT)
        return;
    const struct document_node *root = next_event(r) ? read_node(r) : NULL;
    if (root == NULL || !next_event(r) || !next_event(r))
        return;
    if (r->event.type != YAML_STREAM_END_EVENT)
        note(r, mark_of(r->event.start_mark), "a second document (---): one file is one document");
    r->document->root = root->null ? NULL : root;
}

// The whole file, or NULL with a finding.
static char *file_read(struct document *d, struct findings *findings, size_t *length) {
    struct stat facts;
    int file = open(d->path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &facts) != 0) {
        findings_add(findings, STATUS_NO_INPUT, d->path, "cannot be opened: %s", strerror(errno));
        if (file >= 0)
            close(file);
        return NULL;
    }
    d->mode = facts.st_mode & 07777;
    char *bytes = memory_take(FILE_MAX + 1);
    ssize_t got = 1;
    for (*length = 0; got > 0 && *length <= FILE_MAX; *length += got > 0 ? (size_t)got : 0)
        got = read(file, bytes + *length, FILE_MAX + 1 - *length);
    int error = errno;
    close(file);
    if (got == 0 && *length <= FILE_MAX)
        return bytes;
    if (got < 0)
        findings_add(findings, STATUS_NO_INPUT, d->path, "cannot be read: %s", strerror(error));
    else
        findings_add(findings, STATUS_CONFIG, d->path, "larger than 1 MiB");
    free(bytes);
    return NULL;
}

void document_read(struct document *d, struct arena *arena, const char *path, struct findings *findings) {
    *d = (struct document){.path = path};
    size_t length = 0;
    char *bytes = file_read(d, findings, &length);
    if (bytes == NULL)
        return;
    struct reader r = {.document = d, .arena = arena, .findings = findings};
    CHECK(yaml_parser_initialize(&r.parser)); // fails only where memory has run out
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)bytes, length);
    read_documents(&r);
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    free(bytes);
}

static const char *name_join(struct arena *arena, const char *prefix, const char *key) {
    if (prefix[0] == '\0')
        return key;
    size_t length = strlen(prefix), room = length + strlen(key) + 2;
    char *name = arena_take_bytes(arena, room);
    snprintf(name, room, "%s.%s", prefix, key);
    return name;
}

static void walk_below(const struct document_node *mapping, struct arena *arena, const char *prefix,
                       document_visit visit, void *context) {
    for (const struct document_entry *entry = mapping->first; entry != NULL; entry = entry->next) {
        const char *name = name_join(arena, prefix, entry->key);
        if (entry->value->kind == DOCUMENT_MAPPING && entry->value->first != NULL)
            walk_below(entry->value, arena, name, visit, context);
        else
            visit(context, name, entry);
    }
}

void document_walk(const struct document_node *mapping, struct arena *arena, document_visit visit,
                   void *context) {
    walk_below(mapping, arena, "", visit, context);
}
