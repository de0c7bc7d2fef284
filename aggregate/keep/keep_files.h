// The files that keeping makes and reads. The inside of the keeper.
#pragma once

#include "aggregate/keep/keeper.h"

// The window's part as it is now.
enum status keep_files_part(struct keeper *k, struct kept *kept, const struct ledger_window *w,
                            struct problem *p);
// Its orders alone, where it has any.
enum status keep_files_orders(struct keeper *k, struct kept *kept, const struct ledger_window *w,
                              struct problem *p);
// A segment of what was handed over, or, where there is none or they have become many, a base.
enum status keep_files_checkpoint(struct keeper *k, struct kept *kept, const struct handover *h,
                                  struct problem *p);
enum status keep_files_through(struct keeper *k, struct kept *kept, struct problem *p);
// Removes checkpoints before the last but one base, and through records before the last but one. What cannot
// be removed is tried again the next time.
void keep_files_sweep(struct keeper *k, struct kept *kept);

// Is it of our log, and of the kind? Else STATUS_BAD_DATA (CLM-D3). What fits has progress of one of our
// partitions, or covers a window: all partitions, each in its place.
enum status keep_files_fit(const struct keeper *k, enum file_kind kind, const struct shelf_file *file,
                           struct problem *p);
// Opens a file that fits, and reads its header alone; or all of it, the sum checked, into `rows` (NULL: they
// are passed over).
enum status keep_files_open(struct keeper *k, const char *name, enum file_kind kind, struct shelf_file *file,
                            struct problem *p);
enum status keep_files_read(struct keeper *k, const char *name, enum file_kind kind, struct rows *rows,
                            struct shelf_file *file, struct problem *p);
// The same, but only tables whose bits (1 << table) are set are put into `rows`.
enum status keep_files_read_tables(struct keeper *k, const char *name, enum file_kind kind, uint32_t tables,
                                   struct rows *rows, struct shelf_file *file, struct problem *p);

// Reads a part's rows and what it covers. STATUS_BAD_DATA (CLM-D3) where it is torn, another's or gone.
enum status keep_files_read_part(struct keeper *k, const struct part_name *part, struct rows *rows,
                                 struct coverage *coverage, struct problem *p);
// Reads the orders of a part, from its own file, or where that is torn, another's or gone, from a part that
// says to have just those; that is told. CLM-D3 of the file where there is none. The caller frees *rows.
enum status keep_files_read_orders(struct keeper *k, const struct part_name *part, struct rows **rows,
                                   struct problem *p);
// Sets part->to to the last of the window's parts that ends by `offset`; -1 where there is none.
enum status keep_files_last_part(struct keeper *k, struct part_name *part, int64_t offset, struct problem *p);
// How far the newest published revision of the window covers the partition; -1 where it was published without
// some partition: then the window's lines must stay until a complete one follows. STATUS_NO_INPUT where none
// is published.
enum status keep_files_published(struct keeper *k, int64_t start_s, uint32_t partition, int64_t *to,
                                 struct problem *p);
