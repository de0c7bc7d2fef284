// Start-up's questions to the store: may it be written, and is it of this log, read in this way and counted
// by these keys? Nothing is kept: who runs settles what is new by the same comparisons when all else is open,
// for another may have been quicker (pipeline/pipeline.c).
#include "aggregate/startup_steps.h"
#include "aggregate/store/keyring.h"
#include "aggregate/store/meta.h"
#include "stream/source/source.h"

enum { KAFKA_TIMEOUT_MS = 10000 };

enum status startup_step_store(struct walk *walk) {
    const struct settings *settings = &walk->basis->settings;
    struct store *store;
    struct problem p;
    if (settings->store_url[0] == '\0') {
        problem_set(&p, STATUS_CONFIG, "CLM-C1", "store.url: file:///var/lib/clameur, or s3://bucket/prefix",
                    "store.url is not set: there is nowhere to keep windows");
        return walk_trouble(walk, &p);
    }
    if (store_open_settings(&store, settings, STORE_TO_WRITE, &p) != STATUS_OK)
        return walk_trouble(walk, &p);
    enum status status = store_try(store, &p);
    int64_t all = 0, free_bytes = store_free_bytes(store, &all);
    store_close(&store);
    if (status != STATUS_OK)
        return walk_trouble(walk, &p);
    if (free_bytes >= 0)
        walk_found(walk, "%s, %.1f GB free", settings->store_url, (double)free_bytes / 1e9);
    else
        walk_found(walk, "%s", settings->store_url);
    return STATUS_OK;
}

// `*begun` false: nothing stands there yet, which is no failure.
static enum status meta_look(const struct basis *b, struct store *store, bool *begun, struct problem *p) {
    static struct store_meta stored, ours;
    enum status status = store_meta_read(store, &stored, p);
    *begun = status != STATUS_NO_INPUT;
    if (status != STATUS_OK)
        return *begun ? status : STATUS_OK;
    store_meta_of(&ours, b);
    return store_meta_fit(&stored, &ours, p);
}

enum status startup_step_store_settings(struct walk *walk) {
    const struct basis *b = walk->basis;
    struct store *store;
    struct problem p;
    bool begun = false;
    enum status status = store_open_settings(&store, &b->settings, STORE_TO_READ, &p);
    if (status == STATUS_OK)
        status = meta_look(b, store, &begun, &p);
    store_close(&store);
    if (status != STATUS_OK)
        return walk_trouble(walk, &p);
    walk_found(walk, "%s", begun ? "those that it was begun with" : "a new store");
    return STATUS_OK;
}

// Without `log_reaches` the log is not asked.
static enum status keys_look(const struct basis *b, struct store *store, const struct keyring_ahead *ahead,
                             size_t *known, struct problem *p) {
    size_t count;
    const struct key_version *keys = pseudonymiser_versions(b->pseudonyms, &count);
    return keyring_fit(store, keys, count, ahead, known, p);
}

enum status startup_step_store_keys(struct walk *walk) {
    const struct basis *b = walk->basis;
    const struct keyring_ahead ahead = {.clock_ms = keyring_soonest_ms(&b->settings)};
    struct store *store;
    struct problem p;
    size_t known = 0;
    enum status status = store_open_settings(&store, &b->settings, STORE_TO_READ, &p);
    if (status == STATUS_OK)
        status = keys_look(b, store, &ahead, &known, &p);
    store_close(&store);
    if (status != STATUS_OK)
        return walk_trouble(walk, &p);
    if (known > 0)
        walk_found(walk, "%zu, as in the key file", known);
    else
        walk_found(walk, "none yet: it takes those of the key file");
    return STATUS_OK;
}

static enum status log_reaches(void *context, int64_t since_ms, bool *reaches, struct problem *p) {
    const struct basis *b = context;
    int32_t partition = -1;
    enum status status = source_check_reaches(&b->settings, b->passthrough, b->passthrough_count,
                                              b->partitions, since_ms, &partition, KAFKA_TIMEOUT_MS, p);
    *reaches = partition >= 0;
    return status;
}

enum status startup_step_store_log(struct walk *walk) {
    struct basis *b = walk->basis;
    const struct keyring_ahead ahead = {log_reaches, b, keyring_soonest_ms(&b->settings)};
    struct store *store;
    struct problem p;
    bool begun = false;
    size_t known;
    enum status status = store_open_settings(&store, &b->settings, STORE_TO_READ, &p);
    if (status == STATUS_OK)
        status = meta_look(b, store, &begun, &p);
    if (status == STATUS_OK)
        status = keys_look(b, store, &ahead, &known, &p);
    store_close(&store);
    if (status != STATUS_OK)
        return walk_trouble(walk, &p);
    walk_found(walk, "%s", begun ? "this one" : "a new store: this one from its beginning");
    return STATUS_OK;
}
