#include "loadtest/windows/windows_read.h"

#include <stdlib.h>

#include "loadtest/recount/reading/recount_event.h"
#include "runtime/check.h"
#include "runtime/memory.h"

enum {
    HEAD = 3 * sizeof(uint32_t),
    NAME_MAX_BYTES = HEAD + ROWS_ACCOUNT_MAX + ROWS_ID_MAX + ROWS_READ_COUNTER_MAX
};

void windows_read_init(struct windows_read *r) {
    *r = (struct windows_read){0};
    names_init(&r->names);
}

void windows_read_fini(struct windows_read *r) {
    names_fini(&r->names);
    free(r->at);
}

// Three numbers, and the texts that they measure.
static struct slice name_write(char out[NAME_MAX_BYTES], uint32_t platform, struct slice account,
                               struct slice content, struct slice counter) {
    const uint32_t head[] = {platform, (uint32_t)account.length, (uint32_t)content.length};
    const struct slice texts[] = {account, content, counter};
    size_t length = HEAD;
    CHECK(account.length <= ROWS_ACCOUNT_MAX && content.length <= ROWS_ID_MAX &&
          counter.length <= ROWS_READ_COUNTER_MAX);
    memcpy(out, head, HEAD);
    for (int i = 0; i < 3; i++) {
        if (texts[i].length > 0)
            memcpy(out + length, texts[i].at, texts[i].length);
        length += texts[i].length;
    }
    return (struct slice){out, length};
}

static bool is_before(const struct windows_reading *kept, const Clameur__V1__Event *e, int64_t value) {
    if (kept->read_at_ms != e->reading->read_at)
        return kept->read_at_ms < e->reading->read_at;
    int order = memcmp(kept->event_id, e->event_id.data, EVENT_ID_SIZE);
    return order != 0 ? order < 0 : kept->value < value;
}

static void value_add(struct windows_read *r, const Clameur__V1__Event *e,
                      const Clameur__V1__ReadingValue *value) {
    char name[NAME_MAX_BYTES];
    uint32_t known = r->names.count;
    uint32_t number =
        names_put(&r->names, name_write(name, (uint32_t)e->platform, recount_text(e->account_id),
                                        recount_text(e->content_id), recount_text(value->counter)));
    if (number >= r->room) {
        r->room = r->room == 0 ? 64 : 2 * r->room;
        r->at = memory_grow(r->at, r->room, sizeof(*r->at));
    }
    if (number < known && !is_before(&r->at[number], e, value->value))
        return;
    r->at[number] = (struct windows_reading){.value = value->value, .read_at_ms = e->reading->read_at};
    memcpy(r->at[number].event_id, e->event_id.data, EVENT_ID_SIZE);
}

// An event that names a counter twice means the first.
static bool is_first(const Clameur__V1__Reading *reading, size_t index) {
    for (size_t i = 0; i < index; i++) {
        if (slice_equal(recount_text(reading->values[i]->counter),
                        recount_text(reading->values[index]->counter)))
            return false;
    }
    return true;
}

size_t windows_read_add(struct windows_read *r, const Clameur__V1__Event *e) {
    uint32_t before = r->names.count;
    for (size_t i = 0; i < e->reading->n_values; i++) {
        if (is_first(e->reading, i))
            value_add(r, e, e->reading->values[i]);
    }
    size_t text = e->account_id.len + e->content_id.len + ROWS_READ_COUNTER_MAX;
    return (r->names.count - before) * (HEAD + text + 2 * sizeof(*r->at));
}

struct windows_reading *windows_read_find(const struct windows_read *r,
                                          const struct latest_reading *reading) {
    char name[NAME_MAX_BYTES];
    uint32_t number = names_find(
        &r->names, name_write(name, reading->platform, reading->account, reading->content, reading->counter));
    return number != TABLE_NONE ? &r->at[number] : NULL;
}

struct latest_reading windows_read_tell(const struct windows_read *r, uint32_t number) {
    uint32_t head[3];
    const struct slice name = r->names.at[number];
    memcpy(head, name.at, HEAD);
    const char *account = name.at + HEAD, *content = account + head[1], *counter = content + head[2];
    struct latest_reading told = {.platform = head[0],
                                  .account = {account, head[1]},
                                  .content = {content, head[2]},
                                  .counter = {counter, (size_t)(name.at + name.length - counter)},
                                  .value = r->at[number].value,
                                  .read_at_ms = r->at[number].read_at_ms};
    memcpy(told.event_id, r->at[number].event_id, EVENT_ID_SIZE);
    return told;
}
