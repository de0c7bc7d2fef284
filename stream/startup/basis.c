// The steps that need no network.
#include "stream/startup/basis.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "schemas/weighable.h"
#include "stream/source/source.h"
#include "stream/startup/basis_kafka.h"

// The probe listener's 64 connections, Redis or the store, a connection or two to each broker of a large
// cluster, and the process's own.
enum { OPEN_FILES_NEEDED = 512 };

void basis_fini(struct basis *b) {
    pseudonymiser_destroy(&b->pseudonyms);
    rules_fini(&b->rules);
    config_destroy(&b->config);
}

bool basis_files_read(const struct basis *b) {
    return b->rules.count > 0 && b->pseudonyms != NULL;
}

// config_load and settings_check have told everything already.
enum status basis_configure(struct walk *walk, int argc, char **argv, const struct option_row *extra,
                            size_t extra_count, void *extra_target, struct config_request *request) {
    struct basis *b = walk->basis;
    walk->step = "configuration";
    *b = (struct basis){.argc = argc, .argv = argv};
    enum status status = config_load(&b->config, argc, argv, 1, settings_options, settings_option_count,
                                     &b->settings, extra, extra_count, extra_target, request);
    if (status == STATUS_OK && request->help)
        return STATUS_OK;
    if (status == STATUS_OK)
        status = settings_check(&b->settings, b->config);
    if (status != STATUS_OK)
        return walk_trouble_told(walk, status);
    b->passthrough_count = config_passthrough(b->config, &b->passthrough);
    return STATUS_OK;
}

// It is asked without a client, so without a network.
enum status basis_step_properties(struct walk *walk) {
    struct basis *b = walk->basis;
    struct problem p;
    static const char *const roles[] = {"consumer", "producer"};
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        enum status status =
            source_properties(conf, roles[i], &b->settings, b->passthrough, b->passthrough_count, &p);
        rd_kafka_conf_destroy(conf);
        if (status != STATUS_OK)
            return walk_trouble(walk, &p);
    }
    walk_found(walk, "%zu of librdkafka's own", b->passthrough_count);
    return STATUS_OK;
}

// rules_load has told everything already.
enum status basis_step_rules(struct walk *walk) {
    struct basis *b = walk->basis;
    struct rules_kinds kinds;
    schemas_rules_kinds(&kinds);
    enum status status = rules_load(&b->rules, b->settings.rules_file, &kinds);
    if (status != STATUS_OK)
        return walk_trouble_told(walk, status);
    walk_found(walk, "%zu version%s%s", b->rules.count, b->rules.count == 1 ? "" : "s",
               b->settings.rules_file[0] == '\0' ? ", the defaults" : "");
    return STATUS_OK;
}

enum status basis_step_pseudonyms(struct walk *walk) {
    struct basis *b = walk->basis;
    struct problem p;
    if (pseudonymiser_load(&b->pseudonyms, b->settings.privacy_key_file, &p) != STATUS_OK)
        return walk_trouble(walk, &p);
    walk_found(walk, "%s", b->settings.privacy_key_file);
    return STATUS_OK;
}

enum status basis_step_open_files(struct walk *walk) {
    struct rlimit limit;
    struct problem p;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        problem_set(&p, STATUS_OS, "CLM-L1", "", "the limit of open files cannot be read: %s",
                    strerror(errno));
        return walk_trouble(walk, &p);
    }
    if (limit.rlim_cur >= OPEN_FILES_NEEDED) {
        walk_found(walk, "limit %llu", (unsigned long long)limit.rlim_cur);
        return STATUS_OK;
    }
    unsigned long long before = limit.rlim_cur, hard = limit.rlim_max;
    limit.rlim_cur = limit.rlim_max;
    if (hard < OPEN_FILES_NEEDED || setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        problem_set(&p, STATUS_OS, "CLM-L1", "LimitNOFILE=65536 in the unit, or ulimit -Hn 65536",
                    "needs %d open files, the hard limit is %llu", OPEN_FILES_NEEDED, hard);
        return walk_trouble(walk, &p);
    }
    problem_set(&p, STATUS_OK, "CLM-L1", "LimitNOFILE=65536 in the unit, so that it need not be raised",
                "needs %d open files, the limit was %llu: raised to %llu", OPEN_FILES_NEEDED, before, hard);
    return walk_trouble(walk, &p);
}
