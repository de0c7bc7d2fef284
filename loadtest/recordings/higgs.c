// The Higgs week: `actor target unix_seconds kind`, a line an event. The target stands for the content.
// Neither has an id of its own: (actor, target, second, kind) is unique, and without the kind it is not:
// every reply is also a mention in the same second.
#include <inttypes.h>

#include "loadtest/recordings/lines.h"
#include "loadtest/recordings/recording.h"
#include "schemas/registry.h"

enum { FIELDS = 4, SECONDS_DIGITS_MAX = 11 };
#define SEED UINT64_C(0x6869676773) // "higgs"

static enum status refuse(const struct lines *lines, struct problem *problem) {
    return problem_set(problem, STATUS_BAD_DATA, "", "check --format and the file",
                       "%s:%" PRIu64 " is not `actor target unix_seconds RT|MT|RE`", lines_path(lines),
                       lines_number(lines));
}

// Exactly FIELDS words, a single space between two.
static bool split(struct slice line, struct slice *fields) {
    const char *at = line.at, *end = line.at + line.length;
    for (size_t i = 0; i < FIELDS; i++) {
        const char *space = memchr(at, ' ', (size_t)(end - at));
        const char *stop = i + 1 < FIELDS ? space : end;
        if (stop == NULL || stop == at || (i + 1 == FIELDS && space != NULL))
            return false;
        fields[i] = (struct slice){at, (size_t)(stop - at)};
        at = stop + 1;
    }
    return true;
}

static bool parse_seconds(struct slice text, int64_t *seconds) {
    *seconds = 0;
    if (text.length > SECONDS_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        *seconds = *seconds * 10 + (text.at[i] - '0');
    }
    return *seconds > 0;
}

static uint32_t parse_kind(struct slice text) {
    static const struct {
        const char *word;
        uint32_t kind;
    } words[] = {{"RT", KIND_REPOST}, {"MT", KIND_MENTION}, {"RE", KIND_REPLY}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (slice_equal(text, slice_of(words[i].word)))
            return words[i].kind;
    }
    return 0;
}

static ProtobufCBinaryData copy(struct draft *d, struct slice text) {
    draft_begin(d);
    draft_put_bytes(d, text.at, text.length);
    return draft_end(d);
}

enum status higgs_open(const char *path, void **recording, struct problem *problem) {
    struct lines *lines;
    enum status status = lines_open(&lines, path, problem);
    if (status == STATUS_OK)
        *recording = lines;
    return status;
}

void higgs_close(void *recording) {
    struct lines *lines = recording;
    lines_close(&lines);
}

enum status higgs_read(void *recording, struct draft *draft, struct problem *problem) {
    struct lines *lines = recording;
    struct slice line, fields[FIELDS];
    enum status status = lines_next(lines, &line, problem);
    if (status != STATUS_OK)
        return status;
    int64_t seconds;
    if (line.length > 512 || !split(line, fields) || !parse_seconds(fields[2], &seconds) ||
        parse_kind(fields[3]) == 0)
        return refuse(lines, problem);
    Clameur__V1__Event *e = &draft->event;
    e->platform = CLAMEUR__V1__PLATFORM__PLATFORM_TWITTER;
    e->kind = (Clameur__V1__Kind)parse_kind(fields[3]);
    e->occurred_at = seconds * 1000;
    e->actor_id = copy(draft, fields[0]);
    e->content_id = copy(draft, fields[1]);
    e->consent = 1;
    // The whole line is the name: its words and single spaces cannot be read in two ways.
    recording_mint_id(draft, SEED, line);
    return STATUS_OK;
}
