// A message of protobuf-JSON, an event or a batch: both readers agree.
#include "agree.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    uint8_t choice = fuzz_choice(&bytes, &length);
    agree_on("json", choice & 1 ? 256 : 65536, (struct slice){(const char *)bytes, length});
    return 0;
}
