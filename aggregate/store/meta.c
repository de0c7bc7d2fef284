#include "aggregate/store/meta.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char name[] = "meta";

// ---- as JSON

static json_t *meta_pack(const struct store_meta *meta) {
    json_t *starts = json_array();
    for (int32_t i = 0; i < meta->partitions; i++)
        json_array_append_new(starts, json_integer(meta->starts[i]));
    return json_pack("{s:I, s:s, s:s, s:i, s:o, s:I, s:s, s:I, s:I, s:s}", "layout", (json_int_t)meta->layout,
                     "topic", meta->topic, "topic_id", meta->topic_id, "partitions", meta->partitions,
                     "starts", starts, "dedup_span", (json_int_t)meta->dedup_span, "framing", meta->framing,
                     "max_event_bytes", (json_int_t)meta->max_event_bytes, "max_message_bytes",
                     (json_int_t)meta->max_message_bytes, "rules_hash", meta->rules_hash);
}

static bool text_take(char *out, size_t size, const char *text) {
    if (strlen(text) >= size)
        return false;
    strcpy(out, text);
    return true;
}

static bool starts_take(struct store_meta *meta, const json_t *starts) {
    if (meta->partitions < 1 || meta->partitions > PARTITIONS_MAX ||
        json_array_size(starts) != (size_t)meta->partitions)
        return false;
    for (int32_t i = 0; i < meta->partitions; i++) {
        const json_t *start = json_array_get(starts, (size_t)i);
        if (!json_is_integer(start) || json_integer_value(start) < 0)
            return false;
        meta->starts[i] = json_integer_value(start);
    }
    return true;
}

static bool meta_unpack(struct store_meta *meta, json_t *root) {
    json_int_t layout, span, event_bytes, message_bytes;
    const char *topic, *topic_id, *framing, *rules_hash;
    json_t *starts;
    if (json_unpack(root, "{s:I, s:s, s:s, s:i, s:o, s:I, s:s, s:I, s:I, s:s}", "layout", &layout, "topic",
                    &topic, "topic_id", &topic_id, "partitions", &meta->partitions, "starts", &starts,
                    "dedup_span", &span, "framing", &framing, "max_event_bytes", &event_bytes,
                    "max_message_bytes", &message_bytes, "rules_hash", &rules_hash) != 0)
        return false;
    meta->layout = layout;
    meta->dedup_span = span;
    meta->max_event_bytes = event_bytes;
    meta->max_message_bytes = message_bytes;
    return text_take(meta->topic, sizeof(meta->topic), topic) &&
           text_take(meta->topic_id, sizeof(meta->topic_id), topic_id) &&
           text_take(meta->framing, sizeof(meta->framing), framing) &&
           text_take(meta->rules_hash, sizeof(meta->rules_hash), rules_hash) && starts_take(meta, starts);
}

// ---- in the store

enum status store_meta_read(struct store *store, struct store_meta *meta, struct problem *p) {
    char *bytes;
    size_t length;
    enum status status = store_get(store, name, &bytes, &length, p);
    if (status != STATUS_OK)
        return status;
    *meta = (struct store_meta){0};
    json_t *root = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, NULL);
    if (root == NULL || !meta_unpack(meta, root))
        status = problem_set(p, STATUS_BAD_DATA, "CLM-D3", "restore the file from a backup",
                             "the store's file \"meta\" is not one of Clameur's");
    json_decref(root);
    free(bytes);
    return status;
}

enum status store_meta_begin(struct store *store, struct store_meta *meta, struct problem *p) {
    json_t *root = meta_pack(meta);
    char *text = json_dumps(root, JSON_INDENT(1));
    bool created;
    enum status status = store_create(store, name, text, strlen(text), &created, p);
    free(text);
    json_decref(root);
    return status == STATUS_OK && !created ? store_meta_read(store, meta, p) : status;
}

// ---- is it ours?

void store_meta_of(struct store_meta *meta, const struct basis *basis) {
    const struct settings *s = &basis->settings;
    *meta = (struct store_meta){.layout = STORE_LAYOUT,
                                .partitions = basis->partitions,
                                .dedup_span = s->dedup_span,
                                .max_event_bytes = s->decode_max_event_bytes,
                                .max_message_bytes = s->decode_max_message_bytes};
    snprintf(meta->topic, sizeof(meta->topic), "%s", s->kafka_topic);
    snprintf(meta->topic_id, sizeof(meta->topic_id), "%s", basis->topic_id);
    snprintf(meta->framing, sizeof(meta->framing), "%s", s->decode_framing);
    snprintf(meta->rules_hash, sizeof(meta->rules_hash), "%s", basis->rules.first_hash);
}

static enum status unfit(struct problem *p, const char *what, const char *ours, const char *stored) {
    return problem_set(
        p, STATUS_CONFIG, "CLM-D4",
        "use the settings that the store was begun with, or begin a new store in another place",
        "%s is %s, but the store was begun with %s", what, ours, stored);
}

static enum status number_fit(struct problem *p, const char *what, int64_t ours, int64_t stored) {
    char text[2][24];
    if (ours == stored)
        return STATUS_OK;
    snprintf(text[0], sizeof(text[0]), "%lld", (long long)ours);
    snprintf(text[1], sizeof(text[1]), "%lld", (long long)stored);
    return unfit(p, what, text[0], text[1]);
}

static enum status text_fit(struct problem *p, const char *what, const char *ours, const char *stored) {
    return strcmp(ours, stored) == 0 ? STATUS_OK : unfit(p, what, ours, stored);
}

// More partitions move persons to others: what is open would be sealed without a part of them.
static enum status partitions_fit(struct problem *p, int32_t ours, int32_t stored) {
    if (ours == 0 || ours == stored)
        return STATUS_OK;
    return problem_set(p, STATUS_CONFIG, "CLM-D4",
                       "nothing that is sealed is wrong: begin a new store (store.url), and take what is "
                       "sealed from the old one up to the cut-over",
                       "the topic has %d partitions, the store was begun with %d", ours, stored);
}

enum status store_meta_fit(const struct store_meta *stored, const struct store_meta *ours,
                           struct problem *p) {
    enum status status = number_fit(p, "the layout of the store", ours->layout, stored->layout);
    if (status == STATUS_OK)
        status = text_fit(p, "kafka.topic", ours->topic, stored->topic);
    if (status == STATUS_OK && ours->topic_id[0] != '\0' && stored->topic_id[0] != '\0')
        status = text_fit(p, "the topic's id", ours->topic_id, stored->topic_id);
    if (status == STATUS_OK)
        status = partitions_fit(p, ours->partitions, stored->partitions);
    if (status == STATUS_OK)
        status = number_fit(p, "dedup.span", ours->dedup_span, stored->dedup_span);
    if (status == STATUS_OK)
        status = text_fit(p, "decode.framing", ours->framing, stored->framing);
    if (status == STATUS_OK)
        status = number_fit(p, "decode.max_event_bytes", ours->max_event_bytes, stored->max_event_bytes);
    if (status == STATUS_OK)
        status =
            number_fit(p, "decode.max_message_bytes", ours->max_message_bytes, stored->max_message_bytes);
    if (status == STATUS_OK)
        status = text_fit(p, "the first version of the rules", ours->rules_hash, stored->rules_hash);
    return status;
}
