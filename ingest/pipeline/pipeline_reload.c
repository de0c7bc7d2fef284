// SIGHUP: the configuration is read anew, from the same command line. Everything is parsed and checked first;
// then either all that differs may be reloaded (OPTION_RELOAD) and is in force at once, or nothing is, and
// what may not is named. The aggregators' keys (OPTION_OTHERS) stand in the same file, and are none of ours.
// The first line of redis.password_file is read anew in any case: the next connection uses it. A refused
// reload changes nothing, the probes among it.

#include <stdio.h>
#include <stdlib.h>

#include "ingest/pipeline/pipeline_internal.h"
#include "runtime/clock.h"
#include "runtime/config/config_effective.h"
#include "runtime/log/log.h"
#include "runtime/memory.h"
#include "schemas/weighable.h"

enum { NAMES_MAX = 256 };

struct names {
    char changed[NAMES_MAX];
    char fixed[NAMES_MAX]; // what may not change
};

static void name_append(char list[NAMES_MAX], const char *name) {
    size_t length = strlen(list);
    snprintf(list + length, NAMES_MAX - length, "%s%s", length > 0 ? ", " : "", name);
}

static void note_difference(void *context, const char *name, unsigned flags) {
    struct names *names = context;
    if ((flags & OPTION_OTHERS) != 0)
        return;
    name_append((flags & OPTION_RELOAD) != 0 ? names->changed : names->fixed, name);
}

static enum status refused(struct problem *problem, enum status status) {
    return problem_set(problem, status, "CLM-C1", "clameur-ingest check tells it too",
                       "the configuration is not in order, as the lines before this one say");
}

// The file may be named as before and say something else.
static void note_rules(const struct pipeline *p, const struct rules_book *book, struct names *names) {
    const struct rules_book *ours = &p->startup->basis.rules;
    bool same = book->count == ours->count;
    for (size_t i = 0; same && i < book->count; i++)
        same = strcmp(book->versions[i].hash, ours->versions[i].hash) == 0;
    if (!same)
        name_append(names->fixed, "the rules in rules.file");
}

static enum status rules_check(const struct pipeline *p, const struct settings *settings, struct names *names,
                               struct problem *problem) {
    struct rules_kinds kinds;
    struct rules_book book;
    schemas_rules_kinds(&kinds);
    enum status status = rules_load(&book, settings->rules_file, &kinds);
    if (status != STATUS_OK)
        return refused(problem, status);
    note_rules(p, &book, names);
    rules_fini(&book);
    return STATUS_OK;
}

static void note_keys(const struct pipeline *p, const struct pseudonymiser *pseudonyms, struct names *names) {
    size_t ours_count, count;
    const struct key_version *ours = pseudonymiser_versions(p->startup->basis.pseudonyms, &ours_count);
    const struct key_version *theirs = pseudonymiser_versions(pseudonyms, &count);
    bool same = count == ours_count;
    for (size_t i = 0; same && i < count; i++)
        same = ours[i].since_ms == theirs[i].since_ms && ours[i].fingerprint == theirs[i].fingerprint;
    if (!same)
        name_append(names->fixed, "the keys in privacy.key_file");
}

static enum status keys_check(const struct pipeline *p, const struct settings *settings, struct names *names,
                              struct problem *problem) {
    struct pseudonymiser *pseudonyms = NULL;
    enum status status = pseudonymiser_load(&pseudonyms, settings->privacy_key_file, problem);
    if (status == STATUS_OK)
        note_keys(p, pseudonyms, names);
    pseudonymiser_destroy(&pseudonyms);
    return status;
}

static enum status reload_read(struct pipeline *p, struct reloaded *r, struct problem *problem) {
    const struct startup *s = p->startup;
    struct config_request request;
    enum status status = config_load(&r->config, s->basis.argc, s->basis.argv, 1, settings_options,
                                     settings_option_count, &r->settings, NULL, 0, NULL, &request);
    if (status == STATUS_OK)
        status = settings_check(&r->settings, r->config);
    if (status != STATUS_OK)
        return refused(problem, status);
    // A span that nobody set is the deployment's, as at the start.
    if (strcmp(config_origin(r->config, "dedup.span"), "default") == 0)
        r->settings.dedup_span = s->basis.settings.dedup_span;
    return settings_redis_password(&r->settings, &r->login, problem);
}

static enum status reload_judge(struct pipeline *p, struct reloaded *r, struct names *names,
                                struct problem *problem) {
    const struct config *before = p->reloaded != NULL ? p->reloaded->config : p->startup->basis.config;
    enum status status = rules_check(p, &r->settings, names, problem);
    if (status == STATUS_OK)
        status = keys_check(p, &r->settings, names, problem);
    if (status != STATUS_OK)
        return status;
    config_compare(before, r->config, note_difference, names);
    if (names->fixed[0] == '\0')
        return STATUS_OK;
    return problem_set(problem, STATUS_CONFIG, "CLM-C1", "restart the worker for these, or put them back",
                       "cannot change while the worker runs: %s; nothing was reloaded", names->fixed);
}

static void reloaded_free(struct reloaded *r) {
    if (r == NULL)
        return;
    config_destroy(&r->config);
    explicit_bzero(&r->login, sizeof(r->login));
    free(r);
}

static void apply(struct pipeline *p, struct reloaded *r) {
    struct settings *s = &p->startup->basis.settings;
    struct redis_login *login = &p->startup->login;
    bool password_changed = strcmp(login->password, r->login.password) != 0;
    log_configure(r->settings.log_level, s->log_format);
    s->redis_flush_min_ms = r->settings.redis_flush_min_ms;
    s->redis_flush_max_ms = r->settings.redis_flush_max_ms;
    if (p->flush_interval_ms < s->redis_flush_min_ms)
        p->flush_interval_ms = s->redis_flush_min_ms;
    if (p->flush_interval_ms > s->redis_flush_max_ms)
        p->flush_interval_ms = s->redis_flush_max_ms;
    memcpy(login->password, r->login.password, sizeof(login->password));
    if (password_changed)
        redis_router_login(p->redis, login);
    reloaded_free(p->reloaded);
    p->reloaded = r; // what it says is in force: the next reload is held against it
}

void reload_begin(struct pipeline *p) {
    p->reload_ok = true;
    p->reloaded_at_ms = clock_wall_ms();
    config_hash(p->startup->basis.config, p->config_hash);
}

void reload_end(struct pipeline *p) {
    reloaded_free(p->reloaded);
}

void reload_turn(struct pipeline *p) {
    if (!p->loop.reload_requested)
        return;
    p->loop.reload_requested = false; // further signals until here are this one
    struct reloaded *r = memory_take(sizeof(*r));
    struct problem problem = {0};
    struct names names = {0};
    enum status status = reload_read(p, r, &problem);
    if (status == STATUS_OK)
        status = reload_judge(p, r, &names, &problem);
    p->reload_ok = status == STATUS_OK;
    if (status != STATUS_OK) {
        log_problem(LOG_LEVEL_ERROR, "reload_refused", &problem);
        reloaded_free(r);
        return;
    }
    apply(p, r);
    p->reloaded_at_ms = clock_wall_ms();
    config_hash(r->config, p->config_hash);
    log_info("reloaded", FIELD("changed", LOG_TEXT(names.changed[0] != '\0' ? names.changed : "nothing")),
             FIELD("config", LOG_TEXT(p->config_hash)));
}
