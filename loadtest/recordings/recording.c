#include "loadtest/recordings/recording.h"

const struct recording_format recording_formats[] = {
    {"higgs", "higgs", "reposts, mentions and replies on Twitter, July 2012: `actor target seconds RT|MT|RE`",
     higgs_read},
};
const size_t recording_format_count = sizeof(recording_formats) / sizeof(recording_formats[0]);

const struct recording_format *recording_find(const char *name) {
    for (size_t i = 0; i < recording_format_count; i++) {
        if (strcmp(recording_formats[i].name, name) == 0)
            return &recording_formats[i];
    }
    return NULL;
}
