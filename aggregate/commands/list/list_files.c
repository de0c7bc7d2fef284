// What lies in a store beside its published windows.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/commands/list/list.h"
#include "runtime/memory.h"

// ---- files

static enum status folder_list(struct output *out, struct store *store, const char *folder,
                               enum list_cell counted, const char *says, struct problem *p) {
    struct store_names names;
    struct list_row row;
    enum status status = store_list(store, folder, &names, p);
    if (status != STATUS_OK)
        return status;
    list_row_init(&row, "files", folder);
    list_row_number(&row, counted, (int64_t)names.count);
    list_row_text(&row, LIST_SAYS, says);
    if (names.count > 0)
        output_row(out, row.cells);
    store_names_fini(&names);
    return STATUS_OK;
}

enum status list_files(struct output *out, struct store *store, struct problem *p) {
    static const struct {
        const char *folder;
        enum list_cell counted; // a folder a window, or a file each
        const char *says;
    } folders[] = {
        {"parts", LIST_WINDOWS, "what each partition has of a window"},
        {"orders", LIST_WINDOWS, "purchases and refunds of those"},
        {"through", LIST_FILES, "sealed-through records"},
        {"checkpoints", LIST_FILES, "windows that are open"},
        {"baselines", LIST_FILES, "what is usual of mentions"},
        {"spans", LIST_FILES, "what merge wrote"},
    };
    enum status status = STATUS_OK;
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && status == STATUS_OK; i++)
        status = folder_list(out, store, folders[i].folder, folders[i].counted, folders[i].says, p);
    return status;
}

// ---- keys

// "<since> <fingerprint>", a line a key (keyring.h). Of those that began the last is in force.
static void keys_of_text(struct output *out, const char *file, const char *text, int64_t now_s) {
    char fingerprint[17];
    int64_t since_ms, next_ms;
    int length;
    for (; sscanf(text, "%" SCNd64 " %16s%n", &since_ms, fingerprint, &length) == 2; text += length) {
        struct list_row row;
        bool has_next = sscanf(text + length, "%" SCNd64, &next_ms) == 1;
        bool is_next_begun = has_next && next_ms <= 1000 * now_s;
        list_row_init(&row, "key", fingerprint);
        list_row_time(&row, LIST_FROM, since_ms / 1000);
        list_row_time(&row, LIST_TO, has_next ? next_ms / 1000 : 0);
        if (since_ms <= 1000 * now_s && !is_next_begun)
            list_row_text(&row, LIST_STATE, "in force");
        list_row_text(&row, LIST_SAYS, file);
        output_row(out, row.cells);
    }
}

static enum status keys_read(struct output *out, struct store *store, const char *name, int64_t now_s,
                             struct problem *p) {
    char *bytes;
    size_t length;
    enum status status = store_get(store, name, &bytes, &length, p);
    if (status != STATUS_OK)
        return status;
    char *text = memory_take(length + 1);
    memcpy(text, bytes, length);
    keys_of_text(out, name, text, now_s);
    free(text);
    free(bytes);
    return STATUS_OK;
}

// The last file holds all of them.
enum status list_keys(struct output *out, struct store *store, int64_t now_s, struct problem *p) {
    struct store_names names;
    char name[2 * NAME_MAX_LENGTH];
    enum status status = store_list(store, "keys", &names, p);
    if (status != STATUS_OK)
        return status;
    if (names.count > 0) {
        snprintf(name, sizeof(name), "keys/%s", names.at[names.count - 1]);
        status = keys_read(out, store, name, now_s, p);
    }
    store_names_fini(&names);
    return status;
}
