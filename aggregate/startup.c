#include "aggregate/startup.h"

#include "aggregate/startup_steps.h"
#include "stream/store/store.h"

enum { READING = 1, CONNECTING = 2, SAMPLE = 4 }; // parts
enum { LEAF = 0, TOPIC = 1, RULES = 2 };          // what others may need

static enum status read_store(struct walk *walk) {
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

static const struct walk_step steps[] = {
    {"kafka properties", READING, LEAF, 0, basis_step_properties},
    {"rules", READING, RULES, 0, basis_step_rules},
    {"refunds", READING, LEAF, RULES, startup_step_refunds},
    {"pseudonym key", READING, LEAF, 0, basis_step_pseudonyms},
    {"open files", READING, LEAF, 0, basis_step_open_files},
    {"store", READING, LEAF, 0, read_store},
    {"kafka topic", CONNECTING, TOPIC, 0, basis_step_topic},
    {"topic settings", CONNECTING, LEAF, TOPIC, basis_step_topic_settings},
    {"alerts topic", CONNECTING, LEAF, TOPIC, startup_step_alerts},
    {"topic's messages", SAMPLE, LEAF, TOPIC, basis_step_sample},
};
enum { STEPS = sizeof(steps) / sizeof(steps[0]) };

enum status startup_read(struct basis *basis, int argc, char **argv, const struct option_row *extra,
                         size_t extra_count, void *extra_target, struct config_request *request,
                         walk_report report, void *context) {
    struct walk walk = {.basis = basis, .report = report, .context = context};
    enum status status = basis_configure(&walk, argc, argv, extra, extra_count, extra_target, request);
    if (status != STATUS_OK || request->help)
        return status;
    basis->settings.kafka_group = basis->settings.aggregate_group;
    walk_found(&walk, "topic %s, group %s", basis->settings.kafka_topic, basis->settings.kafka_group);
    return walk_steps(&walk, steps, STEPS, READING, 0, true);
}

enum status startup_connect(struct basis *basis, bool all, walk_report report, void *context) {
    struct walk walk = {.basis = basis, .report = report, .context = context};
    return walk_steps(&walk, steps, STEPS, CONNECTING | (all ? SAMPLE : 0), 0, all);
}
