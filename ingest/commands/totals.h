// Rankings by what hashes of counters total: the weighted interactions, by the rules in force now, beside
// views and orders.
#pragma once

#include "ingest/commands/reader.h"
#include "runtime/arena.h"
#include "runtime/config/rules.h"

struct total {
    struct slice name;
    int64_t interactions;
    int64_t views;
    int64_t orders;
};

struct totals {
    struct rules_book book;
    const struct rules *rules;
    struct arena arena;
    struct total *rows;
    size_t count;
    size_t room;
};

// Reads the rules file that the settings name; its findings have been printed when that fails. totals_fini in
// any case.
enum status totals_init(struct totals *t, const struct settings *settings);
void totals_fini(struct totals *t);

// Takes the counters of one hash (flat, as HGETALL answers). The name is copied; an empty hash is left out.
void totals_take(struct totals *t, struct slice name, const redisReply *flat);
// The same; what was taken under the name before is added to.
void totals_add(struct totals *t, struct slice name, const redisReply *flat);

// Sorts, and prints the first --number rows; a name that was taken twice once.
void totals_print(struct totals *t, const struct reader *r, const struct output_column *name_column);
