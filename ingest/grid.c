#include "ingest/grid.h"

#include <string.h>

// A key's cells by ascending field, however they were folded.
struct row {
    field_code fields[GRID_FIELDS];
    int64_t deltas[GRID_FIELDS];
    uint32_t count;
};

static void insert(struct row *row, field_code field, int64_t delta) {
    uint32_t at = row->count++;
    for (; at > 0 && row->fields[at - 1] > field; at--) {
        row->fields[at] = row->fields[at - 1];
        row->deltas[at] = row->deltas[at - 1];
    }
    row->fields[at] = field;
    row->deltas[at] = delta;
}

static void row_read(struct row *row, const struct delta *d, const struct delta_key *key) {
    row->count = 0;
    for (uint32_t i = key->first_cell; i != DELTA_NONE; i = d->cells.at[i].next)
        insert(row, d->cells.at[i].field, d->cells.at[i].delta);
}

static bool may_stand_in_a_grid(const struct delta_key *key) {
    return key->used && key->cell_count > 0 && key->cell_count <= GRID_FIELDS && key->expire_s == 0 &&
           key->identity.family != KEY_TOP;
}

// A sum that left 64 bits goes on in a further cell of its field.
static bool has_a_field_twice(const struct row *row) {
    for (uint32_t i = 1; i < row->count; i++) {
        if (row->fields[i] == row->fields[i - 1])
            return true;
    }
    return false;
}

// NULL where there are shapes enough already.
static struct grid *grid_of(struct grids *grids, const struct row *row) {
    size_t size = row->count * sizeof(row->fields[0]);
    for (size_t i = 0; i < grids->count; i++) {
        struct grid *grid = &grids->at[i];
        if (grid->field_count == row->count && memcmp(grid->fields, row->fields, size) == 0)
            return grid;
    }
    if (grids->count == GRIDS_MAX)
        return NULL;
    struct grid *added = &grids->at[grids->count++];
    *added = (struct grid){.field_count = row->count, .first = DELTA_NONE, .last = DELTA_NONE};
    memcpy(added->fields, row->fields, size);
    return added;
}

static void append(struct grids *grids, struct grid *grid, uint32_t key) {
    if (grid->key_count++ == 0)
        grid->first = key;
    else
        grids->next[grid->last] = key;
    grid->last = key;
    grids->next[key] = DELTA_NONE;
}

void grids_gather(struct grids *grids, const struct delta *d, uint32_t *next) {
    grids->next = next;
    grids->count = 0;
    for (uint32_t i = 0; i < d->keys.count; i++) {
        if (!may_stand_in_a_grid(&d->keys.at[i]))
            continue;
        struct row row;
        row_read(&row, d, &d->keys.at[i]);
        struct grid *grid = has_a_field_twice(&row) ? NULL : grid_of(grids, &row);
        if (grid != NULL)
            append(grids, grid, i);
    }
}

void grid_row(int64_t deltas[GRID_FIELDS], const struct delta *d, uint32_t key) {
    struct row row;
    row_read(&row, d, &d->keys.at[key]);
    memcpy(deltas, row.deltas, row.count * sizeof(row.deltas[0]));
}
