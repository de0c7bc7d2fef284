#include "aggregate/startup.h"

#include "aggregate/startup_steps.h"
#include "aggregate/zone/account_zones.h"

enum { READING = 1, CONNECTING = 2, SAMPLE = 4 }; // parts
// What others may need.
enum { LEAF = 0, TOPIC = 1, RULES = 2, KEYS = 4, STORE = 8, BEGUN = 16, KEYRING = 32 };
enum { OF_READING = RULES | KEYS | STORE | BEGUN | KEYRING };

// Commands alone need the zones: without any on this host an aggregator works.
static enum status check_zones(struct walk *walk) {
    const struct basis *b = walk->basis;
    struct problem p;
    enum status status =
        account_zones_check(b->settings.accounts_zones, config_origin(b->config, "accounts.zones"), &p);
    if (status == STATUS_CONFIG)
        return walk_trouble_told(walk, status);
    if (status != STATUS_OK) {
        p.status = STATUS_OK;
        return walk_trouble(walk, &p);
    }
    walk_found(walk, "%s", b->settings.accounts_zones[0] != '\0' ? b->settings.accounts_zones : "none named");
    return STATUS_OK;
}

static const struct walk_step steps[] = {
    {"account zones", READING, LEAF, 0, check_zones},
    {"kafka properties", READING, LEAF, 0, basis_step_properties},
    {"rules", READING, RULES, 0, basis_step_rules},
    {"refunds", READING, LEAF, RULES, startup_step_refunds},
    {"pseudonym key", READING, KEYS, 0, basis_step_pseudonyms},
    {"open files", READING, LEAF, 0, basis_step_open_files},
    {"store", READING, STORE, 0, startup_step_store},
    {"store's settings", READING, BEGUN, RULES | STORE, startup_step_store_settings},
    {"store's keys", READING, KEYRING, KEYS | STORE, startup_step_store_keys},
    {"kafka topic", CONNECTING, TOPIC, 0, basis_step_topic},
    {"topic settings", CONNECTING, LEAF, TOPIC, basis_step_topic_settings},
    {"store's log", CONNECTING, LEAF, TOPIC | OF_READING, startup_step_store_log},
    {"alerts topic", CONNECTING, LEAF, TOPIC, startup_step_alerts},
    {"topic's messages", SAMPLE, LEAF, TOPIC, basis_step_sample},
};
enum { STEPS = sizeof(steps) / sizeof(steps[0]) };

enum status startup_read(struct basis *basis, int argc, char **argv, const struct option_row *extra,
                         size_t extra_count, void *extra_target, struct config_request *request,
                         walk_report report, void *context) {
    struct walk walk = {.basis = basis, .report = report, .context = context};
    enum status status = basis_configure(&walk, argc, argv, extra, extra_count, extra_target, request);
    if (status != STATUS_OK || request->help) {
        basis->failed = OF_READING;
        return status;
    }
    basis->settings.kafka_group = basis->settings.aggregate_group;
    walk_found(&walk, "topic %s, group %s", basis->settings.kafka_topic, basis->settings.kafka_group);
    return walk_steps(&walk, steps, STEPS, READING, &basis->failed, true);
}

enum status startup_connect(struct basis *basis, bool all, walk_report report, void *context) {
    struct walk walk = {.basis = basis, .report = report, .context = context};
    return walk_steps(&walk, steps, STEPS, CONNECTING | (all ? SAMPLE : 0), &basis->failed, all);
}
