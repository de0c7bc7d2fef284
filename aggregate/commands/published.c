#include "aggregate/commands/published.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/memory.h"
#include "schemas/layout.h"

// ---- sealed-through records

// One that is torn is named; the one before it says less, and nothing that is wrong.
static enum status through_read(struct published *pub, uint32_t partition, const char *text,
                                struct problem *p) {
    char name[NAME_MAX_LENGTH];
    struct shelf_file *file = &pub->through_files[partition];
    snprintf(name, sizeof(name), "through/%s", text);
    enum status status = shelf_read(pub->store, name, NULL, file, p);
    if (status == STATUS_NO_INPUT)
        return STATUS_OK; // swept meanwhile
    if (status == STATUS_BAD_DATA) {
        problem_print(p);
        return STATUS_OK;
    }
    if (status != STATUS_OK)
        return status;
    const struct header *header = snapshot_header(file->snapshot);
    pub->throughs[partition] = header->progress;
    if (header->partitions > pub->partitions)
        pub->partitions = header->partitions;
    return STATUS_OK;
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

enum status published_open(struct published *pub, struct store *store, int64_t lateness_s,
                           struct problem *p) {
    *pub = (struct published){.store = store, .lateness_s = lateness_s};
    enum status status = shelf_windows(store, "snapshots", &pub->starts, &pub->count, p);
    if (status == STATUS_OK)
        status = shelf_windows(store, "parts", &pub->part_starts, &pub->part_count, p);
    if (status == STATUS_OK)
        status = throughs_read(pub, p);
    if (status == STATUS_OK)
        pub->seal = seal_of(pub->throughs, pub->partitions);
    return status;
}

void published_fini(struct published *pub) {
    for (uint32_t i = 0; i < PARTITIONS_MAX && pub->through_files != NULL; i++) {
        if (pub->throughs[i] != NULL)
            shelf_file_fini(&pub->through_files[i]);
    }
    free(pub->through_files);
    free(pub->throughs);
    free(pub->part_starts);
    free(pub->starts);
    *pub = (struct published){0};
}

// ---- a window

static void revision_of(const struct published *pub, const struct header *header, struct revision *revision) {
    revision->start_s = header->start_s;
    revision->end_s = header->end_s;
    for (size_t i = 0; i < header->coverage_count; i++) {
        revision->counted += header->coverage[i].counted;
        revision->late += header->coverage[i].late;
    }
    revision->missing = header_missing(header);
    revision->freshness =
        freshness_of(&pub->seal, header->end_s, pub->lateness_s, revision->number, revision->missing,
                     freshness_is_short(header, pub->throughs, pub->partitions));
}

static enum status newest_read(const struct published *pub, int64_t start_s, struct rows *rows,
                               struct revision *revision, struct shelf_file *file, struct problem *p) {
    struct snapshot_name *names;
    size_t count;
    enum status status = shelf_revisions(pub->store, start_s, &names, &count, p);
    if (status == STATUS_OK && count > 0)
        snapshot_name_write(revision->name, &names[count - 1]);
    free(names);
    if (status != STATUS_OK || count == 0)
        return status == STATUS_OK ? STATUS_NO_INPUT : status;
    status = shelf_read(pub->store, revision->name, rows, file, p);
    if (status != STATUS_OK)
        return status;
    revision->number = (uint32_t)count;
    revision_of(pub, snapshot_header(file->snapshot), revision);
    return STATUS_OK;
}

static enum status window_visit(const struct published *pub, int64_t start_s, revision_visit visit,
                                void *context, struct problem *p) {
    struct revision revision = {0};
    struct shelf_file file;
    struct rows *rows = rows_create();
    enum status status = newest_read(pub, start_s, rows, &revision, &file, p);
    if (status == STATUS_OK) {
        status = visit(context, &revision, &file, rows, p);
        shelf_file_fini(&file);
    } else if (status == STATUS_NO_INPUT) {
        char time[LOCAL_TIME_MAX];
        local_time_write(time, NULL, start_s);
        fprintf(stderr, "warning: the window that begins at %s has no snapshot: the figures are without it\n",
                time);
        status = STATUS_OK;
    }
    rows_destroy(&rows);
    return status;
}

enum status published_each(const struct published *pub, size_t first, size_t last, revision_visit visit,
                           void *context, struct problem *p) {
    enum status status = STATUS_OK;
    for (size_t i = first; i < last && status == STATUS_OK; i++)
        status = window_visit(pub, pub->starts[i], visit, context, p);
    return status;
}

// ---- the range

const char *published_waits_for(const struct published *pub, char out[WAITS_TEXT_MAX]) {
    char time[LOCAL_TIME_MAX];
    if (pub->partitions == 0)
        snprintf(out, WAITS_TEXT_MAX,
                 "no partition has a sealed-through record yet: is clameur-aggregate run running?");
    else if (!pub->seal.known)
        snprintf(out, WAITS_TEXT_MAX, "partition %u has no sealed-through record yet: it waits for its owner",
                 pub->seal.last);
    else if (pub->seal.sealed_s == 0)
        snprintf(out, WAITS_TEXT_MAX, "partition %u has sealed nothing yet", pub->seal.last);
    else {
        local_time_write(time, NULL, pub->seal.sealed_s);
        snprintf(out, WAITS_TEXT_MAX, "partition %u seals last: it has sealed what ends by %s",
                 pub->seal.last, time);
    }
    return out;
}

enum status published_period(const struct published *pub, struct period *period, struct problem *p) {
    char waits[WAITS_TEXT_MAX];
    if (pub->count == 0)
        return problem_set(
            p, STATUS_NO, "",
            "wait; clameur_sealed_last_partition and clameur_kafka_lag_seconds of the aggregators tell more",
            "no window is published yet: %s", published_waits_for(pub, waits));
    return period_settle(period, pub->starts[0], pub->starts[pub->count - 1] + PERIOD_WINDOW_S, p);
}

static size_t place_of(const int64_t *starts, size_t count, int64_t start_s) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (starts[middle] < start_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_among(const int64_t *starts, size_t count, int64_t start_s) {
    size_t place = place_of(starts, count, start_s);
    return place < count && starts[place] == start_s;
}

void published_range(const struct published *pub, int64_t start_s, int64_t end_s, size_t *first,
                     size_t *last) {
    *first = place_of(pub->starts, pub->count, start_s);
    *last = place_of(pub->starts, pub->count, end_s);
}

// Where nobody says what was sealed, no more can be told than what lacks in the middle.
static struct period between_published(const struct published *pub, const struct period *period) {
    struct period within = *period;
    if (pub->count == 0)
        within.end_s = within.start_s;
    else if (within.start_s < pub->starts[0])
        within.start_s = pub->starts[0];
    if (pub->count > 0 && within.end_s > pub->starts[pub->count - 1])
        within.end_s = pub->starts[pub->count - 1];
    return within;
}

void published_gaps(const struct published *pub, const struct period *period, gap_visit visit,
                    void *context) {
    struct period within = pub->seal.known ? *period : between_published(pub, period);
    for (int64_t start_s = within.start_s; start_s < within.end_s; start_s += PERIOD_WINDOW_S) {
        if (is_among(pub->starts, pub->count, start_s))
            continue;
        bool has_parts = is_among(pub->part_starts, pub->part_count, start_s);
        enum absence absence = absence_of(&pub->seal, pub->throughs, start_s, has_parts);
        if (absence != ABSENT_EMPTY)
            visit(context, start_s, absence);
    }
}

// Before the first that is there nobody knows which windows had events: they may have left the store
// (store.retain), or nobody may have read the log then.
void published_known(const struct published *pub, const struct period *period, known_visit visit,
                     void *context) {
    int64_t first_s = pub->count > 0 ? pub->starts[0] : period->end_s;
    int64_t begin_s = first_s > period->start_s ? first_s : period->start_s;
    for (int64_t start_s = begin_s; start_s < period->end_s; start_s += PERIOD_WINDOW_S) {
        bool has_parts = is_among(pub->part_starts, pub->part_count, start_s);
        if (is_among(pub->starts, pub->count, start_s) ||
            (pub->seal.known && absence_of(&pub->seal, pub->throughs, start_s, has_parts) == ABSENT_EMPTY))
            visit(context, start_s);
    }
}

// By absence: how many, and the first.
struct gaps {
    size_t count[ABSENT_MISSING + 1];
    int64_t first_s[ABSENT_MISSING + 1];
};

static void gap_count(void *context, int64_t start_s, enum absence absence) {
    struct gaps *gaps = context;
    if (gaps->count[absence]++ == 0)
        gaps->first_s[absence] = start_s;
}

static void gaps_say(const struct gaps *gaps, enum absence absence, const char *what, const char *more) {
    char time[LOCAL_TIME_MAX];
    size_t count = gaps->count[absence];
    if (count == 0)
        return;
    local_time_write(time, NULL, gaps->first_s[absence]);
    fprintf(stderr, "warning: %zu window%s of this time %s %s, the first begins at %s: %s\n", count,
            count == 1 ? "" : "s", count == 1 ? "is" : "are", what, time, more);
}

static void retain_say(const struct published *pub, const struct period *period, int64_t retain_ms) {
    char time[LOCAL_TIME_MAX];
    int64_t kept_s = pub->seal.sealed_s - retain_ms / 1000;
    bool is_older = period->start_s < kept_s && (pub->count == 0 || period->start_s < pub->starts[0]);
    if (retain_ms <= 0 || !pub->seal.known || !is_older)
        return;
    local_time_write(time, NULL, kept_s);
    fprintf(stderr,
            "warning: the store keeps nothing that ended before %s (store.retain): the figures are without "
            "it\n",
            time);
}

void published_warn(const struct published *pub, const struct period *period, int64_t retain_ms) {
    struct gaps gaps = {0};
    char waits[WAITS_TEXT_MAX];
    retain_say(pub, period, retain_ms);
    published_gaps(pub, period, gap_count, &gaps);
    gaps_say(&gaps, ABSENT_MISSING, "missing", "the figures are without what happened then");
    gaps_say(&gaps, ABSENT_UNSEALED, "not sealed yet", published_waits_for(pub, waits));
}
