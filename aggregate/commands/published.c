#include "aggregate/commands/published.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/figures/audit.h"
#include "aggregate/keep/retention.h"
#include "runtime/memory.h"
#include "schemas/layout.h"

// ---- a file

static bool is_of_the_log(const struct published *pub, const struct header *h) {
    const struct store_meta *meta = &pub->meta;
    bool is_same_id =
        h->topic_id[0] == '\0' || meta->topic_id[0] == '\0' || strcmp(h->topic_id, meta->topic_id) == 0;
    return meta->topic[0] == '\0' || (strcmp(h->topic, meta->topic) == 0 && is_same_id);
}

enum status published_fit(const struct published *pub, const struct shelf_file *file, struct problem *p) {
    const struct header *h = snapshot_header(file->snapshot);
    char what[AUDIT_TEXT_MAX];
    if (!is_of_the_log(pub, h))
        return problem_set(p, STATUS_BAD_DATA, "CLM-D3",
                           "take it out of the store, and what was put there with it",
                           "%s is of the topic %s (%s), and the store of %s (%s)", file->name, h->topic,
                           h->topic_id, pub->meta.topic, pub->meta.topic_id);
    if (!audit_name(file->name, h, what))
        return problem_set(p, STATUS_BAD_DATA, "CLM-D3",
                           "take it out of the store; clameur-aggregate verify names all such",
                           "%s is another file than its name says: %s", file->name, what);
    return STATUS_OK;
}

// ---- sealed-through records

static void through_take(struct published *pub, uint32_t partition, const struct shelf_file *file) {
    const struct header *header = snapshot_header(file->snapshot);
    pub->through_files[partition] = *file;
    pub->throughs[partition] = header->progress;
    if (header->partitions > pub->partitions)
        pub->partitions = header->partitions;
}

// One that is torn, or another's, is named; the one before it says less, and nothing that is wrong.
static enum status through_read(struct published *pub, uint32_t partition, const char *text,
                                struct problem *p) {
    char name[NAME_MAX_LENGTH];
    struct shelf_file file;
    snprintf(name, sizeof(name), "through/%s", text);
    enum status status = shelf_read(pub->store, name, NULL, &file, p);
    if (status == STATUS_OK) {
        status = published_fit(pub, &file, p);
        if (status == STATUS_OK)
            through_take(pub, partition, &file);
        else
            shelf_file_fini(&file);
    }
    if (status == STATUS_BAD_DATA)
        problem_print(p);
    bool is_passed_over = status == STATUS_BAD_DATA || status == STATUS_NO_INPUT; // swept meanwhile
    return is_passed_over ? STATUS_OK : status;
}

static uint32_t throughs_room(const struct store_names *names) {
    uint32_t room = 0;
    for (size_t i = 0; i < names->count; i++) {
        struct through_name name;
        if (through_name_parse(&name, names->at[i]) && name.partition < PARTITIONS_MAX &&
            name.partition >= room)
            room = name.partition + 1;
    }
    return room;
}

// Names sort by partition, offset and how far is sealed: of each partition the last that is whole.
static enum status throughs_read(struct published *pub, struct problem *p) {
    struct store_names names;
    enum status status = store_list(pub->store, "through", &names, p);
    if (status != STATUS_OK)
        return status;
    uint32_t room = throughs_room(&names);
    pub->through_files = memory_take(PARTITIONS_MAX * sizeof(*pub->through_files));
    pub->throughs = memory_take(PARTITIONS_MAX * sizeof(const struct progress *));
    for (size_t i = names.count; i-- > 0 && status == STATUS_OK;) {
        struct through_name name;
        if (through_name_parse(&name, names.at[i]) && name.partition < room &&
            pub->throughs[name.partition] == NULL)
            status = through_read(pub, name.partition, names.at[i], p);
    }
    if (pub->partitions < room)
        pub->partitions = room;
    store_names_fini(&names);
    return status;
}

// ---- windows

static void others_take(struct published *pub, const char *folder, const struct store_names *names) {
    char name[2 * NAME_MAX_LENGTH];
    pub->others.at =
        memory_grow(pub->others.at, pub->others.count + names->count + 1, sizeof(*pub->others.at));
    for (size_t i = 0; i < names->count; i++) {
        snprintf(name, sizeof(name), "%s/%s", folder, names->at[i]);
        pub->others.at[pub->others.count++] = memory_text(name);
    }
}

static enum status folder_read(struct published *pub, const char *folder, struct window_set *windows,
                               struct problem *p) {
    struct store_names others;
    enum status status = shelf_windows(pub->store, folder, &windows->at, &windows->count, &others, p);
    if (status == STATUS_OK)
        others_take(pub, folder, &others);
    store_names_fini(&others);
    return status;
}

static void lines_touch(struct published *pub) {
    size_t count = 0;
    for (uint32_t i = 0; i < pub->partitions; i++)
        count += pub->throughs[i] != NULL ? pub->throughs[i]->line_count : 0;
    int64_t *starts = memory_take((count + 1) * sizeof(*starts));
    count = 0;
    for (uint32_t i = 0; i < pub->partitions; i++) {
        for (size_t l = 0; pub->throughs[i] != NULL && l < pub->throughs[i]->line_count; l++)
            starts[count++] = pub->throughs[i]->lines[l].start_s;
    }
    window_set_join(&pub->touched, starts, count);
    free(starts);
}

static int64_t gone_before(const struct published *pub) {
    const struct window_set *windows = &pub->windows;
    if (!pub->seal.known || windows->count == 0)
        return 0;
    int64_t newest_end_s = windows->at[windows->count - 1] + PERIOD_WINDOW_S;
    int64_t now_s = retention_now(pub->terms.now_s, newest_end_s, pub->seal.sealed_s);
    return retention_horizon(now_s, pub->terms.retain_s);
}

static enum status log_read(struct published *pub, struct problem *p) {
    enum status status = store_meta_read(pub->store, &pub->meta, p);
    return status == STATUS_NO_INPUT ? STATUS_OK : status;
}

enum status published_open(struct published *pub, struct store *store, const struct published_terms *terms,
                           struct problem *p) {
    *pub = (struct published){.store = store, .terms = *terms};
    enum status status = log_read(pub, p);
    if (status == STATUS_OK)
        status = folder_read(pub, "snapshots", &pub->windows, p);
    if (status == STATUS_OK)
        status = folder_read(pub, "parts", &pub->touched, p);
    if (status == STATUS_OK)
        status = throughs_read(pub, p);
    if (status != STATUS_OK)
        return status;
    pub->seal = seal_of(pub->throughs, pub->partitions);
    pub->gone_before_s = gone_before(pub);
    lines_touch(pub);
    return STATUS_OK;
}

void published_fini(struct published *pub) {
    for (uint32_t i = 0; i < PARTITIONS_MAX && pub->through_files != NULL; i++) {
        if (pub->throughs[i] != NULL)
            shelf_file_fini(&pub->through_files[i]);
    }
    free(pub->through_files);
    free(pub->throughs);
    window_set_fini(&pub->touched);
    window_set_fini(&pub->windows);
    store_names_fini(&pub->others);
    *pub = (struct published){0};
}

// ---- the range

const char *published_waits_for(const struct published *pub, char out[WAITS_TEXT_MAX]) {
    const struct seal *seal = &pub->seal;
    char time[LOCAL_TIME_MAX];
    local_time_write(time, NULL, seal->sealed_s);
    if (pub->partitions == 0)
        snprintf(out, WAITS_TEXT_MAX,
                 "no partition has a sealed-through record yet: is clameur-aggregate run running?");
    else if (!seal->known)
        snprintf(out, WAITS_TEXT_MAX, "partition %u has no sealed-through record yet: it waits for its owner",
                 seal->last);
    else if (seal->sealed_s == 0 && seal->level)
        snprintf(out, WAITS_TEXT_MAX, "no partition has sealed anything yet");
    else if (seal->sealed_s == 0)
        snprintf(out, WAITS_TEXT_MAX, "partition %u has sealed nothing yet", seal->last);
    else if (seal->level)
        snprintf(out, WAITS_TEXT_MAX, "all partitions have sealed what ends by %s", time);
    else
        snprintf(out, WAITS_TEXT_MAX, "partition %u seals last: it has sealed what ends by %s", seal->last,
                 time);
    return out;
}

enum status published_period(const struct published *pub, struct period *period, struct problem *p) {
    char waits[WAITS_TEXT_MAX];
    const struct window_set *windows = &pub->windows;
    if (windows->count == 0)
        return problem_set(
            p, STATUS_NO, "",
            "wait; clameur_sealed_last_partition and clameur_kafka_lag_seconds of the aggregators tell more",
            "no window is published yet: %s", published_waits_for(pub, waits));
    return period_settle(period, windows->at[0], windows->at[windows->count - 1] + PERIOD_WINDOW_S, p);
}

// Up to there it is known which windows had no event: where all have sealed, and never of what is still to
// come.
static int64_t known_end(const struct published *pub, const struct period *period) {
    int64_t end_s = pub->seal.sealed_s < pub->terms.now_s ? pub->seal.sealed_s : pub->terms.now_s;
    return end_s < period->end_s ? end_s : period->end_s;
}

static bool is_known(const struct published *pub, int64_t start_s) {
    return window_set_has(&pub->windows, start_s) ||
           absence_of(&pub->seal, start_s, window_set_has(&pub->touched, start_s)) == ABSENT_EMPTY;
}

// Before the first that is there nobody knows which windows had events: they may have left the store
// (store.retain), or nobody may have read the log then.
void published_known(const struct published *pub, const struct period *period, known_visit visit,
                     void *context) {
    const struct window_set *windows = &pub->windows;
    int64_t first_s = windows->count > 0 ? windows->at[0] : period->end_s;
    int64_t start_s = first_s > period->start_s ? first_s : period->start_s;
    int64_t known_s = known_end(pub, period);
    for (; start_s + PERIOD_WINDOW_S <= known_s; start_s += PERIOD_WINDOW_S) {
        if (is_known(pub, start_s))
            visit(context, start_s);
    }
    for (size_t i = window_set_place(windows, start_s); i < windows->count && windows->at[i] < period->end_s;
         i++)
        visit(context, windows->at[i]);
}
