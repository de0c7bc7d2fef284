// A configuration file, or the environment's and flags' texts by it. What is accepted is accepted again, as
// the same.
#include <stdlib.h>

#include "fuzz.h"
#include "runtime/config/config_effective.h"
#include "runtime/config/findings.h"
#include "schemas/layout.h"
#include "schemas/settings.h"

static void tell(void *context, const struct problem *finding) {
    CHECK(finding->what[0] != '\0');
    ++*(size_t *)context;
}

static enum status load(struct config **config, const char *path, size_t *told) {
    static struct settings settings;
    char *argv[] = {(char[]){"fuzz"}, (char[]){"-c"}, (char *)(uintptr_t)path};
    struct config_request request;
    *told = 0;
    findings_redirect(tell, told);
    enum status status = config_load(config, 3, argv, 1, settings_options, settings_option_count, &settings,
                                     NULL, 0, NULL, &request);
    CHECK((status == STATUS_OK) == (*told == 0));
    if (status == STATUS_OK && settings_check(&settings, *config) == STATUS_OK) {
        struct meta *meta = calloc(1, sizeof(*meta));
        struct problem problem;
        settings_fix(&settings, meta);
        CHECK(settings_fit(&settings, meta, &problem) == STATUS_OK);
        CHECK(settings_families(&settings) != 0);
        free(meta);
    }
    return status;
}

static void visit(void *context, const struct config_setting *setting) {
    CHECK(setting->name[0] != '\0' && setting->origin[0] != '\0' && setting->value != NULL);
    CHECK(config_setting_shown(setting) != NULL);
}

static void differs(void *context, const char *name, unsigned flags) {
    CHECK_UNREACHABLE("the same file is another configuration");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    const char *path = fuzz_file("clameur.yaml", bytes, length);
    struct config *config, *again;
    size_t told, told_again;
    enum status status = load(&config, path, &told);
    CHECK(load(&again, path, &told_again) == status && told == told_again);
    if (status != STATUS_OK)
        return 0;
    char hash[CONFIG_HASH_SIZE], hash_again[CONFIG_HASH_SIZE];
    config_effective(config, visit, NULL);
    config_compare(config, again, differs, NULL);
    config_hash(config, hash);
    config_hash(again, hash_again);
    CHECK(strcmp(hash, hash_again) == 0);
    config_destroy(&config);
    config_destroy(&again);
    return 0;
}
