// Recordings of every format, plain or packed: each event that is read packs to an event with an id. A format
// of several files has them one after the other, a NUL between.
#include "fuzz.h"
#include "loadtest/recordings/recording.h"

static const char *const names[] = {"transactions.csv", "campaigns.csv", "campaign_descriptions.csv",
                                    "coupon_redemptions.csv"};

static const char *files_write(struct slice rest) {
    static char folder[256];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *end = rest.length > 0 ? memchr(rest.at, '\0', rest.length) : NULL;
        size_t length = end == NULL ? rest.length : (size_t)(end - rest.at);
        strcpy(folder, fuzz_file(names[i], rest.at, length));
        rest.at += length + (end != NULL);
        rest.length -= length + (end != NULL);
    }
    *strrchr(folder, '/') = '\0';
    return folder;
}

static void play(const struct recording_format *format, const char *path) {
    static struct draft draft;
    static uint8_t packed[DRAFT_PACKED_MAX];
    void *recording;
    struct problem problem;
    enum status status = format->open(path, &recording, &problem);
    if (status != STATUS_OK)
        return;
    for (;;) {
        draft_reset(&draft);
        status = format->read(recording, &draft, &problem);
        if (status != STATUS_OK)
            break;
        size_t length = draft_pack(&draft, packed);
        Clameur__V1__Event *event = clameur__v1__event__unpack(NULL, length, packed);
        CHECK(length <= DRAFT_PACKED_MAX && event != NULL && event->event_id.len == 16);
        clameur__v1__event__free_unpacked(event, NULL);
    }
    CHECK(status == STATUS_NO || (status == STATUS_BAD_DATA && strchr(problem.what, ':') != NULL));
    format->close(recording);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    const struct recording_format *format =
        &recording_formats[fuzz_choice(&bytes, &length) % recording_format_count];
    struct slice text = {(const char *)bytes, length};
    bool several = strcmp(format->name, "complete-journey") == 0;
    play(format, several ? files_write(text) : fuzz_file("file", bytes, length));
    return 0;
}
