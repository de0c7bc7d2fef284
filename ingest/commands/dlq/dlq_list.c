// dlq list: letters by reason and partition of their source.
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "ingest/commands/dlq/dlq.h"
#include "runtime/memory.h"
#include "schemas/layout.h"

struct heap {
    int64_t letters, bytes;
    int64_t time_ms; // of the newest
    struct dlq_place newest;
};

// Reasons that this version does not know are one row, "".
struct listing {
    struct heap (*heaps)[REJECT_COUNT]; // by partition
};

static const struct output_column columns[] = {{"reason", false}, {"partition", true}, {"letters", true},
                                               {"bytes", true},   {"newest", false},   {"newest_at", false}};

static enum status take(void *context, const struct dlq_letter *letter) {
    struct listing *l = context;
    if (letter->place.partition < 0 || letter->place.partition >= PARTITIONS_MAX)
        return STATUS_OK;
    struct heap *heap = &l->heaps[letter->place.partition][letter->reject];
    heap->letters++;
    heap->bytes += letter->size;
    if (heap->letters == 1 || letter->time_ms >= heap->time_ms) {
        heap->time_ms = letter->time_ms;
        heap->newest = letter->place;
    }
    return STATUS_OK;
}

static void print_heap(struct dlq *d, struct output *output, int32_t partition, enum reject reason,
                       const struct heap *heap) {
    char numbers[3][24], newest[32], place[DLQ_PLACE_MAX];
    time_t seconds = (time_t)(heap->time_ms / 1000);
    struct tm utc;
    snprintf(numbers[0], sizeof(numbers[0]), "%" PRId32, partition);
    snprintf(numbers[1], sizeof(numbers[1]), "%" PRId64, heap->letters);
    snprintf(numbers[2], sizeof(numbers[2]), "%" PRId64, heap->bytes);
    strftime(newest, sizeof(newest), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &utc));
    output_row(output,
               (struct output_cell[]){output_text(slice_of(reject_name(reason))),
                                      output_text(slice_of(numbers[0])), output_text(slice_of(numbers[1])),
                                      output_text(slice_of(numbers[2])), output_text(slice_of(newest)),
                                      output_text(slice_of(dlq_place_write(d, &heap->newest, place)))});
}

enum status dlq_list(struct dlq *d) {
    struct listing l = {.heaps = memory_take(PARTITIONS_MAX * sizeof(*l.heaps))};
    enum status status = dlq_walk(d, take, &l);
    struct output output;
    output_init(&output, d->r.format, columns, sizeof(columns) / sizeof(columns[0]));
    for (int reason = 0; reason < REJECT_COUNT; reason++) {
        for (int32_t partition = 0; partition < PARTITIONS_MAX; partition++) {
            if (l.heaps[partition][reason].letters > 0)
                print_heap(d, &output, partition, (enum reject)reason, &l.heaps[partition][reason]);
        }
    }
    if (status == STATUS_OK)
        output_print(&output, stdout);
    output_fini(&output);
    free(l.heaps);
    return status;
}
