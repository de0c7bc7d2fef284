#include "loadtest/generate/draft.h"

#include "runtime/check.h"
#include "schemas/decimal.h"

void draft_reset(struct draft *d) {
    clameur__v1__event__init(&d->event);
    d->used = 0;
}

void draft_begin(struct draft *d) {
    d->began = d->used;
}

void draft_put_bytes(struct draft *d, const void *bytes, size_t length) {
    CHECK(length <= sizeof(d->text) - d->used);
    memcpy(d->text + d->used, bytes, length);
    d->used += length;
}

void draft_put(struct draft *d, const char *text) {
    draft_put_bytes(d, text, strlen(text));
}

void draft_put_number(struct draft *d, uint64_t number) {
    char digits[DECIMAL_MAX];
    draft_put_bytes(d, digits, decimal_write(digits, number));
}

void draft_put_hex(struct draft *d, uint64_t number, unsigned digits) {
    char text[16];
    for (unsigned i = digits; i-- > 0; number >>= 4)
        text[i] = "0123456789abcdef"[number & 15];
    draft_put_bytes(d, text, digits);
}

ProtobufCBinaryData draft_end(struct draft *d) {
    return (ProtobufCBinaryData){d->used - d->began, (uint8_t *)d->text + d->began};
}

ProtobufCBinaryData draft_numbered(struct draft *d, const char *prefix, uint64_t number) {
    draft_begin(d);
    draft_put(d, prefix);
    draft_put_number(d, number);
    return draft_end(d);
}

// protobuf-c wants a pointer to what it never writes.
ProtobufCBinaryData draft_literal(const char *text) {
    return (ProtobufCBinaryData){strlen(text), (uint8_t *)(uintptr_t)text};
}

void draft_stamp_id(struct draft *d, unsigned version) {
    d->id[6] = (unsigned char)((d->id[6] & 0x0f) | version << 4);
    d->id[8] = (unsigned char)((d->id[8] & 0x3f) | 0x80);
    d->event.event_id = (ProtobufCBinaryData){sizeof(d->id), d->id};
}

static size_t key_write(char *out, const char *prefix, ProtobufCBinaryData id) {
    size_t length = strlen(prefix);
    CHECK(length + id.len <= DRAFT_KEY_MAX);
    memcpy(out, prefix, length);
    if (id.len > 0)
        memcpy(out + length, id.data, id.len);
    return length + id.len;
}

static size_t key_write_actor(char *out, uint32_t platform, ProtobufCBinaryData id) {
    char prefix[DECIMAL_MAX + 4] = "a:";
    size_t digits = decimal_write(prefix + 2, platform);
    prefix[2 + digits] = ':';
    prefix[3 + digits] = '\0';
    return key_write(out, prefix, id);
}

size_t draft_key(const struct draft *d, char *out) {
    const Clameur__V1__Event *e = &d->event;
    ProtobufCBinaryData person = e->person_id, actor = e->actor_id;
    if (e->body_case == CLAMEUR__V1__EVENT__BODY_ERASURE) {
        person = e->erasure->person_id;
        actor = e->erasure->actor_id;
    }
    if (person.len > 0)
        return key_write(out, "p:", person);
    if (actor.len > 0)
        return key_write_actor(out, e->platform, actor);
    if (e->content_id.len > 0)
        return key_write(out, "c:", e->content_id);
    if (e->campaign_id.len > 0)
        return key_write(out, "m:", e->campaign_id);
    return key_write(out, "t:", e->account_id);
}

size_t draft_pack(const struct draft *d, uint8_t *out) {
    CHECK(clameur__v1__event__get_packed_size(&d->event) <= DRAFT_PACKED_MAX);
    return clameur__v1__event__pack(&d->event, out);
}
