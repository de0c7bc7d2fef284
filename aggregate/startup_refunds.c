// Start-up's question whether orders are kept for as long as refunds look for them. Windows that have left
// are no harm to what is counted: what is lost is whose sale came back, so this is a warning.
#include "aggregate/startup_steps.h"
#include "runtime/clock.h"
#include "schemas/settings.h"
#include "stream/startup/basis.h"

static double days(int64_t ms) {
    return (double)ms / (24 * 3600 * 1000);
}

// Of the version in force, and of those to come.
static int64_t longest_ms(const struct rules_book *book, int64_t now_ms) {
    int64_t longest = 0;
    for (const struct rules *r = rules_at(book, now_ms); r < book->versions + book->count; r++)
        longest = r->window_refunds_ms > longest ? r->window_refunds_ms : longest;
    return longest;
}

enum status startup_step_refunds(struct walk *walk) {
    const struct basis *b = walk->basis;
    struct problem p;
    int64_t retain_ms = b->settings.store_retain_ms, longest = longest_ms(&b->rules, clock_wall_ms());
    if (retain_ms <= 0 || retain_ms >= longest) {
        walk_found(walk, "orders of %g days", days(longest));
        return STATUS_OK;
    }
    problem_set(&p, STATUS_OK, "CLM-D5", "lengthen store.retain, or shorten window.refunds in the rules",
                "orders leave the store after %g days (store.retain), refunds look for theirs up to %g days "
                "back (window.refunds): later refunds count as unattributed",
                days(retain_ms), days(longest));
    return walk_trouble(walk, &p);
}
