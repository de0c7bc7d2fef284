// A published window, made again from its parts.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/commands/verify/verify.h"
#include "aggregate/keep/earlier.h"

static enum status file_take(struct verify *v, struct rows *rows, const char *name, struct problem *p) {
    struct shelf_file file;
    enum status status = shelf_read(v->store, name, rows, &file, p);
    if (status == STATUS_OK)
        shelf_file_fini(&file);
    return status;
}

static enum status parts_take(struct verify *v, struct rows *rows, const struct header *header,
                              struct problem *p) {
    enum status status = STATUS_OK;
    char name[NAME_MAX_LENGTH];
    for (size_t i = 0; i < header->coverage_count && status == STATUS_OK; i++) {
        const struct coverage *c = &header->coverage[i];
        part_name_write(name, &(struct part_name){header->start_s, c->partition, c->start, c->to});
        if (c->to > c->start)
            status = file_take(v, rows, name, p);
    }
    return status;
}

// The orders of the windows in [from_s, end_s).
static enum status earlier_take(struct verify *v, struct rows *rows, const struct header *header,
                                int64_t from_s, int64_t end_s, struct problem *p) {
    enum status status = STATUS_OK;
    char name[NAME_MAX_LENGTH];
    size_t count;
    const struct earlier_orders *list =
        earlier_within(header->earlier, header->earlier_count, from_s, end_s, &count);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        const struct earlier_orders *e = &list[i];
        int64_t start = 0;
        if (e->gone || e->to == 0)
            continue;
        for (size_t c = 0; c < header->coverage_count; c++)
            start = header->coverage[c].partition == e->partition ? header->coverage[c].start : start;
        orders_name_write(name, &(struct part_name){e->start_s, e->partition, start, e->to});
        status = file_take(v, rows, name, p);
    }
    return status;
}

static enum status refunds_take(struct verify *v, struct rows *rows, const struct header *header,
                                int64_t window_s, struct problem *p) {
    if (window_s == header->start_s) {
        rows_settle_refunds(rows, window_s, rows);
        return STATUS_OK;
    }
    struct rows *sold = rows_create();
    enum status status = earlier_take(v, sold, header, window_s, window_s + 1, p);
    if (status == STATUS_OK)
        rows_settle_refunds(rows, window_s, sold);
    rows_destroy(&sold);
    return status;
}

static enum status settle(struct verify *v, struct rows *rows, const struct header *header,
                          struct problem *p) {
    struct rows *earlier = rows_create();
    int64_t *windows;
    size_t count = rows_refund_windows(rows, &windows);
    enum status status = earlier_take(v, earlier, header, header->start_s - EARLIER_S, header->start_s, p);
    if (status == STATUS_OK)
        rows_settle(rows, earlier);
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        status = refunds_take(v, rows, header, windows[i], p);
    free(windows);
    rows_destroy(&earlier);
    return status;
}

static void compare(struct verify *v, const char *name, const struct header *header, const struct rows *rows,
                    const unsigned char *published) {
    const struct snapshot_window window = {header->start_s, rows};
    struct snapshot_bytes bytes;
    snapshot_write(&bytes, header, &window, 1);
    if (memcmp(bytes.sum, published, SNAPSHOT_SUM_SIZE) != 0)
        verify_bad(v, name, "its parts, merged again, give other bytes: clameur-aggregate diff tells where");
    snapshot_bytes_fini(&bytes);
}

// A torn file of orders was named where its own window was looked at.
enum status verify_again(struct verify *v, const char *name, const struct header *header,
                         const unsigned char *published, struct problem *p) {
    struct rows *rows = rows_create();
    enum status status = parts_take(v, rows, header, p);
    if (status == STATUS_OK)
        status = settle(v, rows, header, p);
    if (status == STATUS_OK) {
        rows_fold(rows);
        rows_unite(rows);
        compare(v, name, header, rows, published);
    }
    rows_destroy(&rows);
    return status == STATUS_BAD_DATA || status == STATUS_NO_INPUT ? STATUS_OK : status;
}
