// verify: is every file of the store whole, and does everything add up?
#include "aggregate/commands/verify/verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "aggregate/commands/commands.h"
#include "aggregate/commands/snapshot_file.h"
#include "runtime/clock.h"
#include "runtime/memory.h"
#include "schemas/layout.h"

static const char usage[] =
    "clameur-aggregate verify [--deep] [-c FILE] [-o FORMAT]    the whole store\n"
    "       clameur-aggregate verify FILE...                     files alone\n\n"
    "Checks each file (checksum, order of its rows, header against name), that what "
    "became of each partition's events adds\n"
    "up, that each part has what its line says, that each published window covers "
    "what its parts have, and that what\n"
    "was published is there until store.retain lets it go. Exit 65 where a file is not what it must be, "
    "or is gone.";

struct verify_flags {
    const char *output;
    bool deep;
};

static const struct option_row flag_rows[] = {
    STORE_READER_OUTPUT(struct verify_flags),
    {"deep", OPTION_BOOL, offsetof(struct verify_flags, deep), "false", 0, 0, 0,
     "also merge every window's parts again, and compare the checksum of the bytes"},
};
enum { FLAG_ROWS = sizeof(flag_rows) / sizeof(flag_rows[0]), TEXT_MAX = 512, PROGRESS_EVERY = 50 };

// ---- findings

static void finding_add(struct verify *v, const char *file, const char *state, const char *text) {
    output_row(&v->findings, (struct output_cell[]){output_text(slice_of(file)), output_text(slice_of(state)),
                                                    output_text(slice_of(text))});
}

void verify_bad(struct verify *v, const char *file, const char *format, ...) {
    char text[TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    finding_add(v, file, "bad", text);
    if (v->bad_files++ == 0)
        problem_set(&v->first, STATUS_BAD_DATA, "CLM-D3", "", "%s: %s", file, text);
}

void verify_note(struct verify *v, const char *file, const char *format, ...) {
    char text[TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    finding_add(v, file, "note", text);
    v->notes++;
}

// ---- a file

// The problem's text begins with the file's name, which has a column of its own.
static void said_bad(struct verify *v, const char *name, const struct problem *p) {
    const char *what = p->what;
    size_t length = strlen(name);
    if (strncmp(what, name, length) == 0 && strncmp(what + length, ": ", 2) == 0)
        what += length + 2;
    verify_bad(v, name, "%s", what);
}

static void check_header(struct verify *v, const char *name, const struct header *header) {
    char text[AUDIT_TEXT_MAX];
    if (!audit_name(name, header, text))
        verify_bad(v, name, "%s", text);
    else if (header->progress != NULL && !audit_balance(header->progress, text))
        verify_bad(v, name, "%s", text);
}

enum status verify_file(struct verify *v, const char *name, struct shelf_file *file, struct problem *p) {
    enum status status = shelf_read(v->store, name, NULL, file, p);
    if (status == STATUS_OK) {
        v->files++;
        check_header(v, name, snapshot_header(file->snapshot));
        return STATUS_OK;
    }
    *file = (struct shelf_file){0};
    if (status == STATUS_BAD_DATA)
        said_bad(v, name, p);
    v->files += status == STATUS_BAD_DATA;
    return status == STATUS_BAD_DATA || status == STATUS_NO_INPUT ? STATUS_OK : status;
}

// ---- folders

// What stands in a folder that has no windows: each file by itself.
static enum status folder_check(struct verify *v, const char *folder, struct problem *p) {
    struct store_names names;
    char name[NAME_MAX_LENGTH * 2 + 16];
    enum status status = store_list(v->store, folder, &names, p);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < names.count && status == STATUS_OK; i++) {
        struct shelf_file file;
        snprintf(name, sizeof(name), "%s/%s", folder, names.at[i]);
        if (!audit_is_name(name)) {
            verify_note(v, name, "nothing in a store is called so");
            continue;
        }
        status = verify_file(v, name, &file, p);
        if (status == STATUS_OK && file.snapshot != NULL)
            shelf_file_fini(&file);
    }
    store_names_fini(&names);
    return status;
}

static enum status folders_check(struct verify *v, struct problem *p) {
    static const char *const folders[] = {"through", "checkpoints", "spans"};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && status == STATUS_OK; i++)
        status = folder_check(v, folders[i], p);
    return status;
}

// ---- windows

static void progress_show(const struct verify *v, size_t done, size_t count) {
    if (v->shows_progress && (done % PROGRESS_EVERY == 0 || done == count))
        fprintf(stderr, "\r%zu of %zu window%s, %zu file%s%s", done, count, count == 1 ? "" : "s", v->files,
                v->files == 1 ? "" : "s", done == count ? "\n" : "");
}

static enum status windows_check(struct verify *v, struct problem *p) {
    struct window_set all = {0}; // that have parts, snapshots or lines
    enum status status = STATUS_OK;
    window_set_join(&all, v->pub.windows.at, v->pub.windows.count);
    window_set_join(&all, v->pub.touched.at, v->pub.touched.count);
    for (size_t i = 0; i < all.count && status == STATUS_OK; i++) {
        status = verify_window(v, all.at[i], p);
        progress_show(v, i + 1, all.count);
    }
    v->windows = all.count;
    window_set_fini(&all);
    return status;
}

// ---- the command

static void others_note(struct verify *v) {
    for (size_t i = 0; i < v->pub.others.count; i++)
        verify_note(v, v->pub.others.at[i], "no window is called so: whoever reads the store leaves it out");
}

static enum status store_check(struct verify *v, const struct published_terms *terms, struct problem *p) {
    enum status status = published_open(&v->pub, v->store, terms, p);
    if (status != STATUS_OK)
        return status;
    others_note(v);
    status = folders_check(v, p);
    if (status == STATUS_OK)
        status = windows_check(v, p);
    if (status == STATUS_OK)
        verify_settled(v);
    return status;
}

static enum status files_check(struct verify *v, const struct config_request *request, struct problem *p) {
    for (int i = 0; i < request->argument_count; i++) {
        struct snapshot_file f;
        enum status status = snapshot_file_open_path(&f, request->arguments[i], p);
        if (status == STATUS_OK)
            check_header(v, request->arguments[i], snapshot_header(f.file.snapshot));
        else if (status == STATUS_BAD_DATA)
            said_bad(v, request->arguments[i], p);
        snapshot_file_close(&f);
        if (status != STATUS_OK && status != STATUS_BAD_DATA)
            return status;
        v->files++;
    }
    return STATUS_OK;
}

static enum status verdict(struct verify *v) {
    struct problem p;
    if (v->files + v->windows == 0) {
        (void)store_reader_nothing_begun(&p);
        return store_reader_fail(&p);
    }
    if (v->bad_files > 0) {
        problem_set(&p, STATUS_BAD_DATA, "CLM-D3",
                    "restore the files from a backup; a torn checkpoint, or a torn snapshot of the last four "
                    "days, may be removed: aggregators make it again when they next start",
                    "%zu finding%s in %zu file%s; the first: %s", v->bad_files, v->bad_files == 1 ? "" : "s",
                    v->files, v->files == 1 ? "" : "s", v->first.what);
        return store_reader_fail(&p);
    }
    fprintf(stderr, "%zu file%s", v->files, v->files == 1 ? "" : "s");
    if (v->pub.store != NULL)
        fprintf(stderr, ", %zu window%s%s", v->windows, v->windows == 1 ? "" : "s",
                v->deep ? ", each published one merged again" : "");
    fputs(": whole, and everything adds up\n", stderr);
    return STATUS_OK;
}

static enum status verify(struct store_reader *r, const struct verify_flags *flags) {
    static const struct output_column columns[] = {{"file", false}, {"state", false}, {"finding", false}};
    struct problem p;
    struct verify v = {.deep = flags->deep, .shows_progress = isatty(STDERR_FILENO) == 1};
    bool of_store = r->request.argument_count == 0;
    enum status status = of_store ? store_reader_open(r, &p) : STATUS_OK;
    if (status != STATUS_OK)
        return store_reader_fail(&p);
    v.store = r->store;
    const struct published_terms terms = store_reader_terms(r, 0);
    v.settled_counted = memory_take(PARTITIONS_MAX * sizeof(*v.settled_counted));
    v.settled_late = memory_take(PARTITIONS_MAX * sizeof(*v.settled_late));
    v.is_ahead = memory_take(PARTITIONS_MAX * sizeof(*v.is_ahead));
    output_init(&v.findings, r->format, columns, 3);
    output_fit(&v.findings, stdout);
    status = of_store ? store_check(&v, &terms, &p) : files_check(&v, &r->request, &p);
    if (v.bad_files + v.notes > 0 || r->format != OUTPUT_TABLE)
        output_print(&v.findings, stdout);
    status = status == STATUS_OK ? verdict(&v) : store_reader_fail(&p);
    output_fini(&v.findings);
    published_fini(&v.pub);
    free(v.orders);
    free(v.is_ahead);
    free(v.settled_late);
    free(v.settled_counted);
    return status;
}

int command_verify(int argc, char **argv) {
    struct store_reader r;
    struct verify_flags flags = {0};
    enum status status = store_reader_configure(&r, argc, argv, usage, flag_rows, FLAG_ROWS, &flags, true);
    if (status == STATUS_OK && !r.request.help)
        status = verify(&r, &flags);
    store_reader_close(&r);
    return (int)status;
}
