#include "loadtest/windows/windows_viewed.h"

#include "loadtest/recount/reading/recount_event.h"
#include "runtime/check.h"

static void put(struct recount_increments *out, enum counter counter, __int128 value) {
    if (value == 0)
        return;
    CHECK(out->count < RECOUNT_INCREMENTS_MAX);
    out->at[out->count].field = field_counter(counter);
    out->at[out->count++].delta = (int64_t)value;
}

void windows_viewed_add(struct recount_increments *out, const Clameur__V1__Event *e) {
    if (e->body_case != CLAMEUR__V1__EVENT__BODY_VIEW)
        return;
    uint32_t kind = (uint32_t)e->kind;
    bool is_view = kind == KIND_VIEW, is_known = e->view->duration_ms > 0;
    __int128 watched = e->view->watch_ms, length = (__int128)recount_delta(e) * e->view->duration_ms;
    __int128 looped = 0;
    if (kind == KIND_REPLAY || (is_known && length < 0))
        looped = watched;
    else if (is_known && watched > length)
        looped = watched - length;
    if (length > RECOUNT_NUMBER_MAX || length < -RECOUNT_NUMBER_MAX)
        length = 0;
    put(out, is_view ? COUNTER_VIEWS_TIMED_MS : COUNTER_OTHERS_TIMED_MS, is_known ? watched : 0);
    put(out, is_view ? COUNTER_VIEWS_LOOPED_MS : COUNTER_OTHERS_LOOPED_MS, looped);
    put(out, COUNTER_VIEWS_LENGTH_MS, is_view ? length : 0);
    put(out, COUNTER_STARTS_LENGTH_MS, kind == KIND_VIEW_START ? length : 0);
}
