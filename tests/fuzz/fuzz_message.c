// A message of protobuf: single, batch, in Confluent framing, or whatever the first byte says. Both readers
// agree; what decode_lean takes is what protobuf-c takes; what was decoded packs to bytes that decode to it.
#include "agree.h"
#include "fuzz.h"

#include <stdlib.h>

#include "runtime/memory.h"
#include "stream/decode/decode_lean.h"
#include "stream/decode/wellformed.h"

static size_t pack(const Clameur__V1__Event *m, uint8_t **out) {
    *out = memory_take(clameur__v1__event__get_packed_size(m) + 1);
    return clameur__v1__event__pack(m, *out);
}

static void packs_to_the_same(const Clameur__V1__Event *a, const Clameur__V1__Event *b) {
    uint8_t *of_a, *of_b;
    size_t length = pack(a, &of_a);
    CHECK(pack(b, &of_b) == length && memcmp(of_a, of_b, length) == 0);
    free(of_a);
    free(of_b);
}

// What is not well-formed, protobuf-c may take and pack to what it does not take.
static void lean_is_what_protobuf_has(struct slice bytes) {
    static struct lean_event lean;
    bool is_lean = decode_lean(&lean, bytes);
    if (!wellformed(&clameur__v1__event__descriptor, bytes)) {
        CHECK(!is_lean);
        return;
    }
    Clameur__V1__Event *other = clameur__v1__event__unpack(NULL, bytes.length, (const uint8_t *)bytes.at),
                       *again;
    CHECK(!is_lean || other != NULL);
    if (other == NULL)
        return;
    if (is_lean)
        packs_to_the_same(&lean.event, other);
    uint8_t *packed;
    size_t length = pack(other, &packed);
    again = clameur__v1__event__unpack(NULL, length, packed);
    CHECK(again != NULL);
    packs_to_the_same(other, again);
    clameur__v1__event__free_unpacked(again, NULL);
    clameur__v1__event__free_unpacked(other, NULL);
    free(packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static const char *const framings[] = {"auto", "raw", "confluent"};
    uint8_t choice = fuzz_choice(&bytes, &length);
    struct slice value = {(const char *)bytes, length};
    agree_on(framings[choice % 3], choice & 4 ? 256 : 65536, value);
    lean_is_what_protobuf_has(value);
    return 0;
}
