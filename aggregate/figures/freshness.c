#include "aggregate/figures/freshness.h"

#include <stdio.h>

#include "aggregate/figures/time/period.h"
#include "aggregate/keep/earlier.h"

struct seal seal_of(const struct progress *const *of, uint32_t partitions) {
    struct seal seal = {.partitions = partitions, .known = partitions > 0, .level = partitions > 0};
    for (uint32_t i = 0; i < partitions; i++) {
        if (of[i] == NULL)
            return (struct seal){.partitions = partitions, .last = i};
        seal.level = seal.level && of[i]->sealed_s == of[0]->sealed_s;
        int64_t watermark_s = of[i]->watermark_ms > 0 ? of[i]->watermark_ms / 1000 : 0;
        if (i == 0 || of[i]->sealed_s < seal.sealed_s) {
            seal.sealed_s = of[i]->sealed_s;
            seal.last = i;
        }
        if (i == 0 || watermark_s < seal.watermark_s)
            seal.watermark_s = watermark_s;
    }
    return seal;
}

static bool has_orders(const struct header *published) {
    bool has = false;
    for (size_t i = 0; i < published->coverage_count; i++)
        has = has || published->coverage[i].orders_to > 0;
    return has;
}

// How far orders of a window were read of a partition, of those that the header names of it.
static int64_t read_to(const struct earlier_orders *named, size_t count, uint32_t partition) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (named[middle].partition < partition)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && named[low].partition == partition ? named[low].to : 0;
}

// Does a line have orders that the window's should have been held against, or its refunds looked up in? The
// header names each window of these; one that is gone is not read any more.
static bool lacks_orders(const struct header *published, bool has_own, uint32_t partition,
                         const struct line *line) {
    size_t count;
    const struct earlier_orders *named = earlier_within(published->earlier, published->earlier_count,
                                                        line->start_s, line->start_s + 1, &count);
    bool is_near = has_own && line->start_s >= published->start_s - EARLIER_S;
    if (count == 0)
        return is_near;
    return !named[0].gone && line->orders_to > read_to(named, count, partition);
}

// Lines of windows, by their start, of which none but the earlier ones count.
static bool lacks_earlier(const struct header *published, bool has_own, const struct progress *progress) {
    bool lacks = false;
    for (size_t i = 0; progress != NULL && i < progress->line_count && !lacks; i++) {
        const struct line *line = &progress->lines[i];
        if (line->start_s >= published->start_s)
            return false;
        lacks = line->orders_to > 0 && lacks_orders(published, has_own, progress->partition, line);
    }
    return lacks;
}

static bool lacks_events(const struct coverage *coverage, int64_t start_s, const struct progress *progress) {
    const struct line *line = progress_line(progress, start_s);
    return line != NULL && line->to > coverage->to;
}

bool freshness_is_short(const struct header *published, const struct progress *const *of,
                        uint32_t partitions) {
    bool orders = has_orders(published);
    for (size_t i = 0; i < published->coverage_count; i++) {
        const struct coverage *coverage = &published->coverage[i];
        const struct progress *progress = coverage->partition < partitions ? of[coverage->partition] : NULL;
        if (lacks_events(coverage, published->start_s, progress) ||
            lacks_earlier(published, orders, progress))
            return true;
    }
    return false;
}

enum freshness freshness_of(const struct seal *seal, int64_t window_end_s, int64_t lateness_s,
                            uint32_t revisions, uint32_t missing, bool is_short) {
    if (missing > 0)
        return FRESH_INCOMPLETE;
    if (is_short || !seal->known || seal->watermark_s <= window_end_s + lateness_s)
        return FRESH_PROVISIONAL;
    return revisions > 1 ? FRESH_REVISED : FRESH_SEALED;
}

void freshness_add(struct freshness_sum *sum, enum freshness freshness, uint32_t revisions) {
    if (freshness > sum->worst)
        sum->worst = freshness;
    if (revisions > sum->revisions)
        sum->revisions = revisions;
}

const char *freshness_write(char out[FRESHNESS_TEXT_MAX], const struct freshness_sum *sum) {
    switch (sum->worst) {
    case FRESH_SEALED:
        return "sealed";
    case FRESH_PROVISIONAL:
        return "provisional";
    case FRESH_INCOMPLETE:
        return "incomplete";
    case FRESH_REVISED:
        break;
    }
    snprintf(out, FRESHNESS_TEXT_MAX, "revision %u", sum->revisions);
    return out;
}

// Where a line is gone, the window was published with it: its events are then to be found in a snapshot, or
// in parts.
enum absence absence_of(const struct seal *seal, int64_t start_s, bool has_events) {
    if (!seal->known)
        return ABSENT_MISSING;
    if (start_s + PERIOD_WINDOW_S > seal->sealed_s)
        return ABSENT_UNSEALED;
    return has_events ? ABSENT_MISSING : ABSENT_EMPTY;
}
