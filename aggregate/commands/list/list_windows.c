// Windows, added up by their state.
#include "aggregate/commands/list/list.h"
#include "aggregate/commands/revisions.h"

enum { STATES = FRESH_INCOMPLETE + 1 };

struct tally {
    int64_t windows, files, bytes, events, revisions;
    int64_t first_s, end_s;
};

static void window_tally(struct tally *tally, int64_t start_s) {
    if (tally->windows++ == 0)
        tally->first_s = start_s;
    tally->end_s = start_s + PERIOD_WINDOW_S;
}

static void tally_init(struct list_row *row, const struct tally *tally, const char *state) {
    list_row_init(row, "windows", "");
    list_row_text(row, LIST_STATE, state);
    list_row_number(row, LIST_WINDOWS, tally->windows);
    list_row_time(row, LIST_FROM, tally->first_s);
    list_row_time(row, LIST_TO, tally->end_s);
}

// ---- that are published

static enum status revision_tally(void *context, const struct revision *revision,
                                  const struct shelf_file *file, const struct rows *rows, struct problem *p) {
    struct tally *tally = &((struct tally *)context)[revision->freshness];
    window_tally(tally, revision->start_s);
    tally->files += revision->number;
    tally->bytes += (int64_t)file->length;
    tally->events += (int64_t)(revision->counted + revision->late);
    if (revision->number > tally->revisions)
        tally->revisions = revision->number;
    return STATUS_OK;
}

// A file that cannot be read is named and counted, and hides no other: what else is there was asked.
static enum status window_read(const struct published *pub, int64_t start_s, struct tally *tallies,
                               struct tally *unread, struct problem *p) {
    enum status status = revisions_header(pub, start_s, revision_tally, tallies, p);
    if (status != STATUS_BAD_DATA)
        return status;
    problem_print(p);
    window_tally(unread, start_s);
    return STATUS_OK;
}

static enum status windows_read(const struct published *pub, const struct period *period,
                                struct tally *tallies, struct tally *unread, struct problem *p) {
    const struct window_set *windows = &pub->windows;
    enum status status = STATUS_OK;
    for (size_t i = window_set_place(windows, period->start_s);
         i < windows->count && windows->at[i] < period->end_s && status == STATUS_OK; i++)
        status = window_read(pub, windows->at[i], tallies, unread, p);
    return status;
}

static void published_list(struct output *out, const struct tally *tallies) {
    static const struct {
        enum freshness freshness;
        const char *name, *says;
    } states[STATES] = {
        {FRESH_SEALED, "sealed", "only what comes too late may still be counted, apart"},
        {FRESH_REVISED, "revised", "sealed; figures published before were others"},
        {FRESH_PROVISIONAL, "provisional", "not past its lateness, or it lacks something that is known"},
        {FRESH_INCOMPLETE, "incomplete", "published without a partition"},
    };
    for (size_t i = 0; i < STATES; i++) {
        const struct tally *tally = &tallies[states[i].freshness];
        struct list_row row;
        if (tally->windows == 0)
            continue;
        tally_init(&row, tally, states[i].name);
        list_row_number(&row, LIST_FILES, tally->files);
        list_row_number(&row, LIST_BYTES, tally->bytes);
        list_row_number(&row, LIST_EVENTS, tally->events);
        list_row_number(&row, LIST_REVISIONS, tally->revisions);
        list_row_text(&row, LIST_SAYS, states[i].says);
        output_row(out, row.cells);
    }
}

// ---- of which no more is known

static void rest_list(struct output *out, const struct tally *tally, const char *state, const char *says) {
    struct list_row row;
    if (tally->windows == 0)
        return;
    tally_init(&row, tally, state);
    list_row_text(&row, LIST_SAYS, says);
    output_row(out, row.cells);
}

static void absents_list(struct output *out, const struct published *pub, const struct period *period,
                         bool all) {
    struct tally tallies[ABSENT_MISSING + 1] = {0};
    char waits[WAITS_TEXT_MAX];
    for (size_t i = 0; i < pub->touched.count; i++) {
        int64_t start_s = pub->touched.at[i];
        bool is_meant = all || (start_s >= period->start_s && start_s < period->end_s);
        if (is_meant && start_s >= pub->gone_before_s && !window_set_has(&pub->windows, start_s))
            window_tally(&tallies[absence_of(&pub->seal, start_s, true)], start_s);
    }
    rest_list(out, &tallies[ABSENT_MISSING], "missing", "all have sealed it, and it is not published");
    rest_list(out, &tallies[ABSENT_UNSEALED], "not sealed yet", published_waits_for(pub, waits));
}

enum status list_windows(struct output *out, const struct published *pub, const struct period *period,
                         bool all, int64_t *unread, struct problem *p) {
    struct tally tallies[STATES] = {0}, torn = {0};
    enum status status = STATUS_OK;
    if (pub->windows.count > 0)
        status = windows_read(pub, period, tallies, &torn, p);
    if (status != STATUS_OK)
        return status;
    published_list(out, tallies);
    rest_list(out, &torn, "unreadable", "the newest revision is torn, changed or another's: see verify");
    absents_list(out, pub, period, all);
    *unread = torn.windows;
    return STATUS_OK;
}
