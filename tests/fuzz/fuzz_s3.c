// What an S3-compatible store may answer: paths and texts stay in their bounds, and what is found is what was
// read.
#include <stdio.h>
#include <string.h>

#include "fuzz.h"
#include "stream/store/s3_xml.h"

static const char wanted[] = "ListBucketResult/NextContinuationToken";

struct seen {
    char first[64];
    bool found;
};

static bool see(void *context, const char *path, const char *text) {
    struct seen *seen = context;
    CHECK(path[0] != '\0' && path[0] != '/' && strlen(path) < 256 && strlen(text) < 4096);
    if (!seen->found && strcmp(path, wanted) == 0) {
        snprintf(seen->first, sizeof(seen->first), "%s", text);
        seen->found = true;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct seen seen = {.first = ""};
    char found[sizeof(seen.first)];
    s3_xml_read((const char *)bytes, length, see, &seen);
    s3_xml_find((const char *)bytes, length, wanted, found, sizeof(found));
    CHECK(strcmp(found, seen.first) == 0);
    return 0;
}
