// A file of pseudonym keys. What is accepted has growing sinces, and no message shows a key.
#include "fuzz.h"
#include "stream/pseudonym.h"

static void check(const struct pseudonymiser *p) {
    size_t count;
    unsigned char out[PSEUDONYM_SIZE], again[PSEUDONYM_SIZE];
    const struct key_version *versions = pseudonymiser_versions(p, &count);
    CHECK(count > 0);
    for (size_t i = 1; i < count; i++)
        CHECK(versions[i - 1].since_ms < versions[i].since_ms);
    pseudonym_actor(p, versions[count - 1].since_ms, 2, slice_of("user"), out);
    pseudonym_actor(p, INT64_MAX, 2, slice_of("user"), again);
    CHECK(memcmp(out, again, sizeof(out)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct pseudonymiser *p = NULL;
    struct problem problem = {0};
    if (pseudonymiser_load(&p, fuzz_file("key", bytes, length), &problem) == STATUS_OK) {
        check(p);
        pseudonymiser_destroy(&p);
        return 0;
    }
    CHECK(p == NULL && problem.what[0] != '\0');
    return 0;
}
