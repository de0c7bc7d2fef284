#include "ingest/commands/explain/judge.h"

#include <stdlib.h>

#include "runtime/memory.h"
#include "schemas/weighable.h"
#include "stream/validate.h"

enum { ARENA_BLOCK = 256 * 1024 };

const char *fate_name(enum fate fate) {
    static const char *const names[] = {"counted", "rejected", "duplicate"};
    return names[fate];
}

static enum status read_key(struct judge *j, const struct settings *settings) {
    struct problem p;
    j->has_key = settings->privacy_key_file[0] != '\0';
    if (!j->has_key) {
        j->pseudonyms = pseudonymiser_random();
        return STATUS_OK;
    }
    enum status status = pseudonymiser_load(&j->pseudonyms, settings->privacy_key_file, &p);
    if (status != STATUS_OK)
        problem_print(&p);
    return status;
}

enum status judge_init(struct judge *j, const struct settings *settings, bool persons) {
    struct rules_kinds kinds;
    schemas_rules_kinds(&kinds);
    *j = (struct judge){.dedup_span = settings->dedup_span, .dedup_max_ids = settings->dedup_max_ids};
    arena_init(&j->arena, ARENA_BLOCK);
    enum status status = rules_load(&j->rules, settings->rules_file, &kinds);
    if (status == STATUS_OK)
        status = read_key(j, settings);
    if (status != STATUS_OK)
        return status;
    const struct decoder_options options = {.framing = settings->decode_framing,
                                            .max_event_bytes = settings->decode_max_event_bytes,
                                            .max_message_bytes = settings->decode_max_message_bytes,
                                            .pseudonyms = j->pseudonyms,
                                            .persons = persons};
    j->decoder = decoder_create(&options);
    return STATUS_OK;
}

void judge_forget(struct judge *j) {
    for (int32_t i = 0; i < j->dedup_count; i++)
        dedup_destroy(&j->dedups[i]);
}

void judge_fini(struct judge *j) {
    judge_forget(j);
    free(j->dedups);
    free(j->judged);
    decoder_destroy(&j->decoder);
    pseudonymiser_destroy(&j->pseudonyms);
    rules_fini(&j->rules);
    arena_fini(&j->arena);
}

const struct rules *judge_rules(const struct judge *j, const struct record *record) {
    return rules_at(&j->rules, record->time_ms);
}

// Made at the partition's first record, before which nothing is known.
static struct dedup *dedup_of(struct judge *j, const struct record *record) {
    if (record->partition >= j->dedup_count) {
        int32_t count = record->partition + 1;
        j->dedups = memory_grow(j->dedups, (size_t)count, sizeof(struct dedup *));
        memset(j->dedups + j->dedup_count, 0, (size_t)(count - j->dedup_count) * sizeof(struct dedup *));
        j->dedup_count = count;
    }
    struct dedup **dedup = &j->dedups[record->partition];
    if (*dedup == NULL) {
        *dedup = dedup_create(j->dedup_span, (size_t)j->dedup_max_ids);
        dedup_reset(*dedup, record->offset);
    }
    return *dedup;
}

// Too many ids end a worker; here what was seen is forgotten, and the event is the first again.
static bool is_duplicate(struct judge *j, const struct record *record, const struct event *e,
                         uint32_t index) {
    struct dedup *dedup = dedup_of(j, record);
    enum dedup_verdict verdict = dedup_judge(dedup, e->id, record->offset, index);
    if (verdict != DEDUP_FULL)
        return verdict == DEDUP_DUPLICATE;
    dedup_reset(dedup, record->offset);
    dedup_judge(dedup, e->id, record->offset, index);
    return false;
}

static struct judged judge_event(struct judge *j, const struct record *record, const struct event *e,
                                 uint32_t index) {
    struct judged judged = {.event = e, .index = (int32_t)index};
    judged.reject = validate_event(e, judge_rules(j, record), record->time_ms);
    if (judged.reject != REJECT_NONE)
        judged.fate = FATE_REJECTED;
    else
        judged.fate = is_duplicate(j, record, e, index) ? FATE_DUPLICATE : FATE_COUNTED;
    return judged;
}

const struct judged *judge_record(struct judge *j, const struct record *record, size_t *count) {
    struct event *events;
    size_t event_count;
    arena_reset(&j->arena);
    enum reject reject = decoder_decode(j->decoder, &j->arena, record, &events, &event_count);
    *count = reject != REJECT_NONE ? 1 : event_count;
    if (j->room < *count) {
        j->room = *count + 64;
        j->judged = memory_grow(j->judged, j->room, sizeof(*j->judged));
    }
    if (reject != REJECT_NONE) {
        j->judged[0] = (struct judged){.index = -1, .fate = FATE_REJECTED, .reject = reject};
        return j->judged;
    }
    for (uint32_t i = 0; i < event_count; i++)
        j->judged[i] = judge_event(j, record, &events[i], i);
    return j->judged;
}
