#include "loadtest/recount/reading/recount_dedup.h"

#include <stdlib.h>

#include "runtime/hash.h"
#include "runtime/memory.h"

enum { FIRST_ROOM = 1024 };

struct recount_seen {
    unsigned char id[16];
    int64_t next; // newest offset + 1; 0: free
};

static struct recount_seen *slot_find(struct recount_seen *slots, size_t room, const unsigned char id[16]) {
    size_t at = (size_t)hash_bytes(id, 16, 0) & (room - 1);
    while (slots[at].next != 0 && memcmp(slots[at].id, id, 16) != 0)
        at = (at + 1) & (room - 1);
    return &slots[at];
}

// Makes room for one more, leaving behind what no event from `oldest` on can ask for.
static void make_room(struct recount_dedup *d, int64_t oldest) {
    size_t kept = 0;
    for (size_t i = 0; i < d->room; i++)
        kept += d->slots[i].next > oldest;
    size_t room = FIRST_ROOM;
    while (room < 4 * kept)
        room *= 2;
    struct recount_seen *slots = memory_take(room * sizeof(*slots));
    for (size_t i = 0; i < d->room; i++) {
        if (d->slots[i].next > oldest)
            *slot_find(slots, room, d->slots[i].id) = d->slots[i];
    }
    free(d->slots);
    *d = (struct recount_dedup){slots, room, kept};
}

bool recount_dedup_seen(struct recount_dedup *d, const unsigned char id[16], int64_t offset, int64_t span) {
    int64_t oldest = offset - span;
    if (2 * (d->used + 1) > d->room)
        make_room(d, oldest);
    struct recount_seen *slot = slot_find(d->slots, d->room, id);
    bool duplicate = slot->next != 0 && slot->next - 1 >= oldest;
    if (slot->next == 0) {
        memcpy(slot->id, id, 16);
        d->used++;
    }
    slot->next = offset + 1;
    return duplicate;
}

void recount_dedup_fini(struct recount_dedup *d) {
    free(d->slots);
    *d = (struct recount_dedup){0};
}
