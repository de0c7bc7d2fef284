// The worker's stages for one record at a time, without its state: decode, validate, dedup. What the commands
// that look at events judge with.
#pragma once

#include "ingest/commands/reader.h"
#include "runtime/arena.h"
#include "runtime/config/rules.h"
#include "stream/decode/decode.h"
#include "stream/dedup.h"

enum fate { FATE_COUNTED, FATE_REJECTED, FATE_DUPLICATE };
const char *fate_name(enum fate fate);

// An event and what becomes of it. `event` is NULL where its record is refused as a whole (index -1).
struct judged {
    const struct event *event;
    int32_t index;
    enum fate fate;
    enum reject reject;
};

struct judge {
    struct rules_book rules;
    struct pseudonymiser *pseudonyms;
    bool has_key; // the pseudonyms are the deployment's; else they mean something within this process only
    struct decoder *decoder;
    struct arena arena;
    int64_t dedup_span;
    int64_t dedup_max_ids;
    struct dedup **dedups; // by partition
    int32_t dedup_count;
    struct judged *judged;
    size_t room;
};

// Reads the rules and, where the settings name one, the key file; problems have been printed when that fails.
// `persons`: fill event.person. judge_fini in any case.
enum status judge_init(struct judge *j, const struct settings *settings, bool persons);
void judge_fini(struct judge *j);

// Judges the record's events, or the record. Valid until the next call. A partition's records must come in
// order: an event is a duplicate of those that were judged before.
const struct judged *judge_record(struct judge *j, const struct record *record, size_t *count);

// Forgets what was judged: the next record of a partition is the first again.
void judge_forget(struct judge *j);

// The version by which the record is judged.
const struct rules *judge_rules(const struct judge *j, const struct record *record);
