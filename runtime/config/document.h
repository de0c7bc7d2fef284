// A YAML file as a tree, read strictly: one document; no tags, no merge keys, no duplicate keys, no keys that
// are null or not scalars. Anchors and aliases are understood (an alias is the very node it names). Every
// node knows its line and column.
//
// Bounds: 1 MiB, 10,000 nodes after aliases, 32 levels, keys of 256 bytes.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/arena.h"
#include "runtime/config/findings.h"

struct document_mark {
    size_t line, column; // both from 1
};

enum document_kind { DOCUMENT_SCALAR, DOCUMENT_MAPPING, DOCUMENT_SEQUENCE };

struct document_node {
    enum document_kind kind;
    struct document_mark at;
    const char *text; // of a scalar: without NUL bytes inside
    bool null;        // a plain scalar that is empty, ~ or null
    size_t size;      // nodes of the whole subtree
    struct document_entry *first;
};

struct document_entry {
    const char *key; // "" in a sequence
    struct document_mark key_at;
    const struct document_node *value;
    struct document_entry *next;
};

struct document {
    const char *path;
    unsigned mode;                    // permission bits of the file
    const struct document_node *root; // NULL where the file is empty or cannot be read
};

// Reads `path` (kept, not copied) into `arena`, which owns the tree. A file that cannot be opened or read is
// a finding of STATUS_NO_INPUT, anything wrong in it one of STATUS_CONFIG.
void document_read(struct document *d, struct arena *arena, const char *path, struct findings *findings);

// "clameur.yaml:12:3"
const char *document_origin(const struct document *d, struct arena *arena, struct document_mark at);

// Visits every leaf below a mapping (a scalar, a sequence, or a mapping without entries) by its dotted name:
// `{a: {b: 1}}` and
// `{a.b: 1}` are the same to the visitor. Names live in `arena`.
typedef void (*document_visit)(void *context, const char *name, const struct document_entry *entry);
void document_walk(const struct document_node *mapping, struct arena *arena, document_visit visit,
                   void *context);
