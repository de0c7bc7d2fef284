// A file of baselines, but for its sum, which is made here. What is read is written back, and that file is a
// fixpoint; the next window is judged, and can be written and read.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/listen/watch.h"
#include "fuzz.h"
#include "runtime/hash.h"
#include "runtime/memory.h"
#include "tests/unit/baseline_rules.h"

static char *with_sum(const uint8_t *bytes, size_t length, size_t *whole) {
    char *text = memory_take(length + 64);
    int head = snprintf(text, 64, "{\"sum\":\"%016llx\",", (unsigned long long)hash_bytes(bytes, length, 0));
    memcpy(text + head, bytes, length);
    *whole = (size_t)head + length;
    return text;
}

static void check_fixpoint(const struct watch *w) {
    struct watch again;
    size_t lengths[2];
    char *texts[2] = {watch_write(w, &lengths[0])};
    watch_init(&again);
    CHECK(watch_read(&again, texts[0], lengths[0]));
    texts[1] = watch_write(&again, &lengths[1]);
    CHECK(lengths[0] == lengths[1] && memcmp(texts[0], texts[1], lengths[0]) == 0);
    watch_fini(&again);
    free(texts[0]);
    free(texts[1]);
}

static void check_next(const struct watch *w) {
    struct watch next;
    struct alerts alerts = {0};
    watch_init(&next);
    watch_step(w, &baseline_rules_default, 1767225600, NULL, &next, &alerts);
    check_fixpoint(&next);
    for (size_t i = 0; i < alerts.count; i++)
        free(alert_write(&alerts.at[i], next.start_s, "engagement"));
    alerts_fini(&alerts);
    watch_fini(&next);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct watch w;
    size_t whole;
    char *text = with_sum(bytes, length, &whole);
    watch_init(&w);
    if (watch_read(&w, text, whole)) {
        check_fixpoint(&w);
        check_next(&w);
    }
    watch_fini(&w);
    free(text);
    return 0;
}
