// A rules file. Versions that are accepted are numbered 1, 2, 3... and begin one after the other.
#include "fuzz.h"
#include "runtime/config/findings.h"
#include "schemas/layout.h"
#include "schemas/weighable.h"

static void tell(void *context, const struct problem *finding) {
    ++*(size_t *)context;
}

static void check(const struct rules_book *book) {
    CHECK(book->count > 0);
    for (size_t i = 0; i < book->count; i++) {
        const struct rules *r = &book->versions[i];
        char text[LAYOUT_RULES_MAX];
        CHECK(r->version == i + 1 && strlen(r->hash) == 16);
        CHECK(i == 0 || r[-1].since_ms < r->since_ms);
        CHECK(rules_at(book, r->since_ms) == r);
        CHECK(r->max_past_ms >= -1 && r->max_future_skew_ms >= 0);
        CHECK(r->window_disorder_ms >= 0 && r->window_lateness_ms >= 0 && r->window_refunds_ms >= 0);
        CHECK(r->window_heartbeat_ms == -1 ||
              (r->window_heartbeat_ms >= 1000 && r->window_heartbeat_ms <= 3600 * 1000));
        CHECK(layout_rules_write(text, r) < sizeof(text));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct rules_kinds kinds;
    struct rules_book book;
    size_t told = 0;
    schemas_rules_kinds(&kinds);
    findings_redirect(tell, &told);
    enum status status = rules_load(&book, fuzz_file("rules.yaml", bytes, length), &kinds);
    CHECK((status == STATUS_OK) == (told == 0));
    if (status == STATUS_OK) {
        check(&book);
        rules_fini(&book);
    }
    return 0;
}
