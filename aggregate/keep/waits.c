#include "aggregate/keep/waits.h"

#include <stdlib.h>

#include "aggregate/window/pane.h"
#include "runtime/memory.h"

struct wait {
    int64_t offset, sealed_s;
    int64_t moved_ms; // when the two changed last; -1: not noted yet
};

struct waits {
    uint32_t partitions;
    int64_t after_ms;
    int64_t now_ms;       // of the last note
    int64_t watermark_ms; // the greatest
    struct wait *at;
};

struct waits *waits_create(uint32_t partitions, int64_t after_ms) {
    struct waits *w = memory_take(sizeof(*w));
    *w = (struct waits){.partitions = partitions, .after_ms = after_ms, .watermark_ms = INT64_MIN};
    w->at = memory_take(partitions * sizeof(*w->at));
    for (uint32_t i = 0; i < partitions; i++)
        w->at[i].moved_ms = -1;
    return w;
}

void waits_destroy(struct waits **w) {
    if (*w == NULL)
        return;
    free((*w)->at);
    free(*w);
    *w = NULL;
}

void waits_note(struct waits *w, uint32_t partition, int64_t offset, int64_t sealed_s, int64_t watermark_ms,
                int64_t now_ms) {
    struct wait *at = &w->at[partition];
    bool moved = at->moved_ms < 0 || at->offset != offset || at->sealed_s != sealed_s;
    *at = (struct wait){offset, offset < 0 ? 0 : sealed_s, moved ? now_ms : at->moved_ms};
    w->now_ms = now_ms;
    if (offset >= 0 && watermark_ms > w->watermark_ms)
        w->watermark_ms = watermark_ms;
}

bool waits_lacks(const struct waits *w, uint32_t partition, int64_t start_s) {
    return start_s + WINDOW_S > w->at[partition].sealed_s;
}

bool waits_stands_still(const struct waits *w, uint32_t partition) {
    return w->after_ms >= 0 && w->now_ms - w->at[partition].moved_ms >= w->after_ms;
}

bool waits_are_over(const struct waits *w, int64_t start_s) {
    bool lacks_any = false;
    for (uint32_t i = 0; i < w->partitions; i++) {
        bool lacks = waits_lacks(w, i, start_s);
        if (lacks && !waits_stands_still(w, i))
            return false;
        lacks_any = lacks_any || lacks;
    }
    return !lacks_any || w->watermark_ms >= (start_s + WINDOW_S) * 1000 + w->after_ms;
}
