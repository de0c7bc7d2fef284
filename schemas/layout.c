#include "schemas/layout.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/check.h"
#include "runtime/hash.h"

size_t mark_write(char out[MARK_TEXT_MAX], const struct mark *mark) {
    int length = snprintf(out, MARK_TEXT_MAX, "%" PRId64 " %" PRId64 " %" PRId64 " %016" PRIx64 " %" PRId64,
                          mark->epoch, mark->next, mark->last, mark->fingerprint, mark->time_ms);
    CHECK(length > 0 && length < MARK_TEXT_MAX);
    return (size_t)length;
}

bool mark_parse(struct mark *mark, struct slice text) {
    char copy[MARK_TEXT_MAX];
    if (text.length >= sizeof(copy))
        return false;
    memcpy(copy, text.at, text.length);
    copy[text.length] = '\0';
    int end = 0;
    int fields = sscanf(copy, "%" SCNd64 " %" SCNd64 " %" SCNd64 " %16" SCNx64 " %" SCNd64 "%n", &mark->epoch,
                        &mark->next, &mark->last, &mark->fingerprint, &mark->time_ms, &end);
    return fields == 5 && (size_t)end == text.length && mark->next >= 0;
}

size_t layout_rules_write(char out[LAYOUT_RULES_MAX], const struct rules *version) {
    int length = snprintf(out, LAYOUT_RULES_MAX, "%" PRId64 " %s",
                          version->version == 1 ? 0 : version->since_ms, version->hash);
    CHECK(length > 0 && length < LAYOUT_RULES_MAX);
    return (size_t)length;
}

size_t layout_key_write(char out[LAYOUT_RULES_MAX], const struct key_version *version) {
    int length =
        snprintf(out, LAYOUT_RULES_MAX, "%" PRId64 " %016" PRIx64, version->since_ms, version->fingerprint);
    CHECK(length > 0 && length < LAYOUT_RULES_MAX);
    return (size_t)length;
}

static bool text_to_integer(struct slice text, int64_t *value) {
    char copy[24];
    if (text.length == 0 || text.length >= sizeof(copy))
        return false;
    memcpy(copy, text.at, text.length);
    copy[text.length] = '\0';
    char *end;
    *value = strtoll(copy, &end, 10);
    return *end == '\0';
}

static bool text_copy(char *out, size_t size, struct slice text) {
    if (text.length >= size)
        return false;
    memcpy(out, text.at, text.length);
    out[text.length] = '\0';
    return true;
}

static bool read_partitions(struct meta *meta, struct slice value) {
    int64_t partitions;
    if (!text_to_integer(value, &partitions) || partitions < 1 || partitions > PARTITIONS_MAX)
        return false;
    meta->partitions = (int32_t)partitions;
    return true;
}

// "0 0 17": the first offset of each partition, by blanks.
static bool read_starts(struct meta *meta, struct slice value) {
    size_t at = 0;
    for (int count = 0; at < value.length; count++) {
        size_t end = at;
        while (end < value.length && value.at[end] != ' ')
            end++;
        struct slice word = {value.at + at, end - at};
        if (count >= PARTITIONS_MAX || !text_to_integer(word, &meta->starts[count]) ||
            meta->starts[count] < 0)
            return false;
        at = end + 1;
    }
    return true;
}

bool meta_read_field(struct meta *meta, struct slice name, struct slice value) {
    if (slice_equal(name, slice_of("deployment")))
        return text_copy(meta->deployment, sizeof(meta->deployment), value);
    if (slice_equal(name, slice_of("layout")))
        return text_to_integer(value, &meta->layout);
    if (slice_equal(name, slice_of("shards")))
        return text_to_integer(value, &meta->shards);
    if (slice_equal(name, slice_of("dedup_span")))
        return text_to_integer(value, &meta->dedup_span);
    if (slice_equal(name, slice_of("topic")))
        return text_copy(meta->topic, sizeof(meta->topic), value);
    if (slice_equal(name, slice_of("topic_id")))
        return text_copy(meta->topic_id, sizeof(meta->topic_id), value);
    if (slice_equal(name, slice_of("rules_hash")))
        return text_copy(meta->rules_hash, sizeof(meta->rules_hash), value);
    if (slice_equal(name, slice_of("partitions")))
        return read_partitions(meta, value);
    if (slice_equal(name, slice_of("starts")))
        return read_starts(meta, value);
    if (slice_equal(name, slice_of("created_at")))
        return text_to_integer(value, &meta->created_at_ms);
    if (slice_equal(name, slice_of("framing")))
        return text_copy(meta->framing, sizeof(meta->framing), value);
    if (slice_equal(name, slice_of("families")))
        return text_copy(meta->families, sizeof(meta->families), value);
    if (slice_equal(name, slice_of("max_event_bytes")))
        return text_to_integer(value, &meta->max_event_bytes);
    if (slice_equal(name, slice_of("max_message_bytes")))
        return text_to_integer(value, &meta->max_message_bytes);
    return true;
}

bool meta_equal(const struct meta *a, const struct meta *b) {
    return strcmp(a->deployment, b->deployment) == 0 && a->layout == b->layout && a->shards == b->shards &&
           a->dedup_span == b->dedup_span && strcmp(a->topic, b->topic) == 0 &&
           strcmp(a->topic_id, b->topic_id) == 0 && strcmp(a->rules_hash, b->rules_hash) == 0 &&
           a->partitions == b->partitions && memcmp(a->starts, b->starts, sizeof(a->starts)) == 0 &&
           a->created_at_ms == b->created_at_ms && strcmp(a->framing, b->framing) == 0 &&
           strcmp(a->families, b->families) == 0 && a->max_event_bytes == b->max_event_bytes &&
           a->max_message_bytes == b->max_message_bytes;
}

bool meta_is_whole(const struct meta *meta) {
    return meta->deployment[0] != '\0' && meta->layout > 0 && meta->shards > 0 && meta->dedup_span > 0 &&
           meta->topic[0] != '\0' && meta->rules_hash[0] != '\0' && meta->partitions > 0;
}

// Words by blanks; what does not fit is a bug of the caller's buffer.
static void append_word(char *out, size_t size, size_t *used, const char *word) {
    int length = snprintf(out + *used, size - *used, "%s%s", *used > 0 ? " " : "", word);
    CHECK(length >= 0 && (size_t)length < size - *used);
    *used += (size_t)length;
}

static void write_starts(const struct meta *meta, char *out, size_t size) {
    size_t used = 0;
    for (int32_t i = 0; i < meta->partitions; i++) {
        char word[24];
        snprintf(word, sizeof(word), "%" PRId64, meta->starts[i]);
        append_word(out, size, &used, word);
    }
}

static void write_tags(const struct key_space *space, char *out, size_t size) {
    size_t used = 0;
    for (uint32_t shard = 0; shard < space->shards; shard++)
        append_word(out, size, &used, space->tags[shard]);
}

static const char *named_integer(const char *name, int64_t value, char *out, size_t size) {
    snprintf(out, size, "%" PRId64, value);
    return name;
}

static const char *named_text(const char *name, const char *value, char *out, size_t size) {
    snprintf(out, size, "%s", value);
    return name;
}

const char *meta_write_field(const struct meta *meta, const struct key_space *space, int index, char *out,
                             size_t size) {
    switch (index) {
    case 0:
        return named_text("deployment", meta->deployment, out, size);
    case 1:
        return named_integer("layout", meta->layout, out, size);
    case 2:
        return named_integer("shards", meta->shards, out, size);
    case 3:
        write_tags(space, out, size);
        return "tags";
    case 4:
        return named_integer("dedup_span", meta->dedup_span, out, size);
    case 5:
        return named_text("topic", meta->topic, out, size);
    case 6:
        return named_text("topic_id", meta->topic_id, out, size);
    case 7:
        return named_text("rules_hash", meta->rules_hash, out, size);
    case 8:
        return named_integer("partitions", meta->partitions, out, size);
    case 9:
        write_starts(meta, out, size);
        return "starts";
    case 10:
        return named_integer("created_at", meta->created_at_ms, out, size);
    case 11:
        return named_text("framing", meta->framing, out, size);
    case 12:
        return named_text("families", meta->families, out, size);
    case 13:
        return named_integer("max_event_bytes", meta->max_event_bytes, out, size);
    case 14:
        return named_integer("max_message_bytes", meta->max_message_bytes, out, size);
    default:
        return NULL;
    }
}

static void write_hex(char *out, const unsigned char *bytes, size_t count) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
}

void order_hash(unsigned char out[ORDER_HASH_SIZE / 2], struct slice order) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(order.at, order.length));
    memcpy(out, canonical.digest, sizeof(canonical.digest));
}

void order_hash_write(char out[ORDER_HASH_SIZE], struct slice order) {
    unsigned char hash[ORDER_HASH_SIZE / 2];
    order_hash(hash, order);
    write_hex(out, hash, sizeof(hash));
}

void order_rank_write(char out[ORDER_RANK_SIZE], int64_t occurred_at_ms, const unsigned char event_id[16]) {
    for (int i = 15; i >= 0; i--) {
        out[i] = (char)('0' + occurred_at_ms % 10);
        occurred_at_ms /= 10;
    }
    write_hex(out + 16, event_id, 16);
}

bool layout_is_unique(struct slice reading) {
    static const char *const names[] = {"reach", "unique_viewers", "unique_listeners", "active_members"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (slice_equal(reading, slice_of(names[i])))
            return true;
    }
    return false;
}
