#include "aggregate/commands/store_reader.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aggregate/zone/account_zones.h"
#include "runtime/clock.h"
#include "runtime/memory.h"
#include "schemas/registry.h"
#include "schemas/weighable.h"

enum { PLATFORM_NAMES_MAX = 256, OTHERS_SAID_MAX = 3, NAMES_TOLD_MAX = 20 };
static const char directory_scheme[] = "file://";

// A host without time zones is told so where one is needed.
static enum status zones_check(const struct store_reader *r) {
    struct problem p;
    enum status status =
        account_zones_check(r->settings.accounts_zones, config_origin(r->config, "accounts.zones"), &p);
    return status == STATUS_CONFIG ? status : STATUS_OK;
}

static void help_print(const char *usage, const struct option_row *own, size_t own_count) {
    printf("usage: %s\n", usage);
    if (own_count > 0)
        printf("\n");
    config_print_options(stdout, own, own_count);
    printf("\nand the options of the configuration, of which store.url is needed: clameur-aggregate help "
           "options\n");
}

enum status store_reader_configure(struct store_reader *r, int argc, char **argv, const char *usage,
                                   const struct option_row *own, size_t own_count, void *target,
                                   bool has_output) {
    *r = (struct store_reader){.rows = settings_rows_relaxed()};
    enum status status = config_load(&r->config, argc, argv, 1, r->rows, settings_option_count, &r->settings,
                                     own, own_count, target, &r->request);
    if (status != STATUS_OK)
        return status;
    if (r->request.help) {
        help_print(usage, own, own_count);
        return STATUS_OK;
    }
    r->terminal = isatty(STDOUT_FILENO) == 1;
    const char *output = has_output ? *(const char *const *)target : "";
    if (!output_format_parse(&r->format, output, r->terminal)) {
        fprintf(stderr, "-o %s: there is table, json, jsonl, csv and tsv\n", output);
        return STATUS_USAGE;
    }
    status = settings_check(&r->settings, r->config);
    enum status zones = zones_check(r);
    return status == STATUS_OK ? zones : status;
}

// Opening makes a directory that is not there; of a name that was mistyped a reader would see an empty store.
static enum status directory_is_there(const char *url, struct problem *p) {
    struct stat about;
    const char *path = url + strlen(directory_scheme);
    if (strncmp(url, directory_scheme, strlen(directory_scheme)) != 0 || stat(path, &about) == 0)
        return STATUS_OK;
    return problem_set(p, STATUS_NO_INPUT, "",
                       "correct store.url, or let clameur-aggregate run begin the store",
                       "there is no store at %s", path);
}

enum status store_reader_open(struct store_reader *r, struct problem *p) {
    const char *url = r->settings.store_url;
    if (url[0] == '\0')
        return problem_set(p, STATUS_CONFIG, "CLM-C1",
                           "name it: -c FILE, or --store.url=file:///var/lib/clameur",
                           "store.url is required");
    enum status status = directory_is_there(url, p);
    return status == STATUS_OK ? store_open_settings(&r->store, &r->settings, STORE_TO_READ, p) : status;
}

struct published_terms store_reader_terms(const struct store_reader *r, int64_t lateness_s) {
    return (struct published_terms){.lateness_s = lateness_s,
                                    .retain_s = r->settings.store_retain_ms / 1000,
                                    .now_s = clock_wall_ms() / 1000};
}

static void others_say(const struct store_names *others) {
    for (size_t i = 0; i < others->count && i < OTHERS_SAID_MAX; i++)
        fprintf(stderr, "note: %s is no window, and is left out\n", others->at[i]);
    if (others->count > OTHERS_SAID_MAX)
        fprintf(stderr, "note: so are %zu more: clameur-aggregate verify names them\n",
                others->count - OTHERS_SAID_MAX);
}

enum status store_reader_nothing_begun(struct problem *p) {
    return problem_set(p, STATUS_NO_INPUT, "",
                       "correct store.url, or let clameur-aggregate run begin the store",
                       "there is nothing in the store");
}

// An aggregator writes first of which log the store is. A copy of files has no such file, but has some.
static enum status begun_check(const struct published *pub, struct problem *p) {
    static const char *const folders[] = {"checkpoints", "spans", "keys"};
    bool is_begun = pub->meta.topic[0] != '\0' || pub->windows.count > 0 || pub->touched.count > 0 ||
                    pub->partitions > 0 || pub->others.count > 0;
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && !is_begun; i++) {
        struct store_names names;
        enum status status = store_list(pub->store, folders[i], &names, p);
        if (status != STATUS_OK)
            return status;
        is_begun = names.count > 0;
        store_names_fini(&names);
    }
    return is_begun ? STATUS_OK : store_reader_nothing_begun(p);
}

enum status store_reader_published(struct store_reader *r, int64_t lateness_s, struct published *pub,
                                   struct problem *p) {
    const struct published_terms terms = store_reader_terms(r, lateness_s);
    enum status status = store_reader_open(r, p);
    if (status == STATUS_OK)
        status = published_open(pub, r->store, &terms, p);
    if (status == STATUS_OK)
        status = begun_check(pub, p);
    if (status == STATUS_OK)
        others_say(&pub->others);
    return status;
}

void store_reader_close(struct store_reader *r) {
    if (r->store != NULL)
        store_close(&r->store);
    config_destroy(&r->config);
    free(r->rows);
}

enum status store_reader_fail(const struct problem *p) {
    problem_print(p);
    return p->status;
}

enum status store_reader_usage(const char *wrong, const char *usage) {
    fprintf(stderr, "%s\nusage: %s\n", wrong, usage);
    return STATUS_USAGE;
}

static void held_say(const struct window_set *windows) {
    char first[LOCAL_TIME_MAX], end[LOCAL_TIME_MAX];
    local_time_write(first, NULL, windows->at[0]);
    local_time_write(end, NULL, windows->at[windows->count - 1] + PERIOD_WINDOW_S);
    fprintf(stderr, "    the store holds windows from %s to %s\n", first, end);
}

void store_reader_nothing(const struct store_asked *asked, const char *nearest, const struct published *pub) {
    const struct {
        const char *name, *value;
    } flags[] = {
        {"account", asked->account}, {"platform", asked->platform}, {"kpi", asked->kpi}, {"by", asked->by}};
    fputs("nothing is known in this time", stderr);
    const char *of = " of";
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (flags[i].value[0] == '\0')
            continue;
        fprintf(stderr, "%s --%s ", of, flags[i].name);
        output_print_text(stderr, slice_of(flags[i].value));
        of = "";
    }
    if (nearest != NULL) {
        fputs("; did you mean --account ", stderr);
        output_print_text(stderr, slice_of(nearest));
        fputs("?", stderr);
    }
    fputs("\n", stderr);
    if (pub != NULL)
        held_say(&pub->windows);
}

// `where` tells names that are too many to tell here.
static enum status name_refuse(const char *what, const char *name, const char *const *names, size_t count,
                               const char *where) {
    const char *nearest = config_nearest(name, names, count);
    if (nearest != NULL)
        fprintf(stderr, "there is no %s \"%s\"; did you mean \"%s\"?\n", what, name, nearest);
    else
        fprintf(stderr, "there is no %s \"%s\"\n", what, name);
    if (nearest == NULL && count > NAMES_TOLD_MAX)
        fprintf(stderr, "    do: see %s\n", where);
    for (size_t i = 0; nearest == NULL && i < count && count <= NAMES_TOLD_MAX; i++)
        fprintf(stderr, "%s%s%s", i == 0 ? "    there is " : ", ", names[i], i + 1 == count ? "\n" : "");
    return STATUS_USAGE;
}

enum status store_reader_platform(const char *name, uint32_t *platform) {
    const char *names[PLATFORM_NAMES_MAX];
    size_t count = 0;
    *platform = platform_parse(name, strlen(name));
    if (*platform != 0 || name[0] == '\0')
        return STATUS_OK;
    for (uint32_t number = 1; number < PLATFORM_NAMES_MAX; number++) {
        if (platform_name(number) != NULL)
            names[count++] = platform_name(number);
    }
    return name_refuse("platform", name, names, count, "clameur-ingest help platforms");
}

enum status store_reader_by(const char *name, enum by *by) {
    const char *names[BY_COUNT];
    if (by_parse(by, name))
        return STATUS_OK;
    for (int i = 0; i < BY_COUNT; i++)
        names[i] = by_row((enum by)i)->name;
    return name_refuse("--by", name, names, BY_COUNT, "clameur-aggregate show --help");
}

enum status store_reader_kpi(const char *name) {
    static const char *const names[] = {
#define KPI(id, platform, rest_of_platforms, kpi_name, ...) kpi_name,
#include "schemas/kpis.def"
#undef KPI
#define SESSION(id, figure, ...) figure,
#include "aggregate/figures/sessions.def"
#undef SESSION
#define VELOCITY(id, figure, ...) figure,
#include "aggregate/figures/velocity.def"
#undef VELOCITY
        "late_events",
    };
    enum { NAMES = sizeof(names) / sizeof(names[0]) };
    for (size_t i = 0; i < NAMES; i++) {
        if (strcmp(names[i], name) == 0)
            return STATUS_OK;
    }
    return name[0] == '\0' ? STATUS_OK
                           : name_refuse("KPI", name, names, NAMES, "clameur-aggregate help kpis");
}

static enum status zone_asked(const char *tz, struct zone **zone, struct problem *p) {
    enum status status = zone_open(zone, tz, p);
    if (status == STATUS_CONFIG)
        p->status = status = STATUS_USAGE;
    return status;
}

enum status store_reader_zone(const struct store_reader *r, const char *tz, const char *account,
                              struct zone **zone, struct problem *p) {
    char name[ZONE_NAME_MAX + 1];
    if (tz[0] != '\0')
        return zone_asked(tz, zone, p);
    enum status status = account_zones_find(r->settings.accounts_zones, account, name, p);
    return status == STATUS_OK ? zone_open(zone, name[0] != '\0' ? name : "UTC", p) : status;
}

enum status store_reader_rules(const struct store_reader *r, struct rules *rules, struct problem *p) {
    struct rules_book book;
    struct rules_kinds kinds;
    schemas_rules_kinds(&kinds);
    enum status status = rules_load(&book, r->settings.rules_file, &kinds);
    if (status != STATUS_OK)
        return problem_set(p, status, "CLM-C1",
                           "correct what was said above, or --rules.file= for the defaults",
                           "rules.file: %s cannot be used", r->settings.rules_file);
    *rules = *rules_at(&book, clock_wall_ms());
    rules->tracked = NULL; // the book's, and of no use to a reader
    rules->tracked_count = 0;
    rules_fini(&book);
    return STATUS_OK;
}
