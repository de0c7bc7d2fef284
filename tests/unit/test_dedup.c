#include "stream/dedup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/hash.h"
#include "runtime/memory.h"

struct line {
    int64_t offset;
    uint32_t index;
    unsigned char id[16];
    bool duplicate; // by the naive model
};

struct log {
    struct line *lines;
    size_t count;
};

static uint64_t random_state;

static uint64_t random_next(void) {
    random_state += UINT64_C(0x9e3779b97f4a7c15);
    return hash_integer(random_state);
}

static size_t random_below(size_t end) {
    return (size_t)(random_next() % end);
}

static void id_of(uint64_t number, unsigned char id[16]) {
    memset(id, 0, 16);
    memcpy(id + 8, &number, sizeof(number));
}

static enum dedup_verdict judge(struct dedup *d, uint64_t number, int64_t offset, uint32_t index) {
    unsigned char id[16];
    id_of(number, id);
    return dedup_judge(d, id, offset, index);
}

// The definition itself: an earlier position, at an offset of at least o - span, has the id.
static void judge_naively(struct log *log, int64_t span) {
    for (size_t i = 0; i < log->count; i++) {
        struct line *line = &log->lines[i];
        line->duplicate = false;
        for (size_t j = i; j-- > 0 && log->lines[j].offset >= line->offset - span && !line->duplicate;)
            line->duplicate = memcmp(log->lines[j].id, line->id, sizeof(line->id)) == 0;
    }
}

// Singles and batches, jumps of offsets, and ids that come again: soon, in the same batch, and around the
// span's edge.
static void make_log(struct log *log, size_t count, int64_t span) {
    log->lines = memory_grow(NULL, count, sizeof(*log->lines));
    log->count = count;
    int64_t offset = (int64_t)random_below(5);
    uint32_t index = 0;
    for (size_t i = 0; i < count; i++) {
        struct line *line = &log->lines[i];
        if (i > 0 && random_below(4) != 0) {
            offset += random_below(20) == 0 ? 1 + (int64_t)random_below((size_t)span + 3) : 1;
            index = 0;
        } else if (i > 0) {
            index++;
        }
        line->offset = offset;
        line->index = index;
        id_of(i + 1000000, line->id);
        int64_t back = random_below(2) == 0 ? span - 1 + (int64_t)random_below(3) : (int64_t)random_below(6);
        for (size_t j = i; random_below(3) == 0 && j-- > 0;) {
            if (log->lines[j].offset > offset - back)
                continue;
            memcpy(line->id, log->lines[j].id, sizeof(line->id));
            break;
        }
    }
    judge_naively(log, span);
}

static size_t first_at(const struct log *log, int64_t offset) {
    size_t i = 0;
    while (i < log->count && log->lines[i].offset < offset)
        i++;
    return i;
}

// Where to read next: mostly on, at times back as far as the verdicts are remembered, at times a new
// assignment.
static size_t move(struct dedup *d, const struct log *log, size_t at, int64_t span, int64_t *known_from) {
    int64_t high = log->lines[at - 1].offset;
    if (random_below(40) == 0) {
        int64_t back = high - (int64_t)random_below((size_t)span + 2);
        if (dedup_remembers(d, back))
            return first_at(log, back);
    }
    if (random_below(150) == 0) {
        *known_from = high - (int64_t)random_below(3 * (size_t)span);
        dedup_reset(d, *known_from);
        return first_at(log, *known_from - span);
    }
    return at;
}

static void run_against_model(uint64_t seed) {
    random_state = seed;
    int64_t span = 1 + (int64_t)random_below(60);
    struct log log;
    make_log(&log, 1500, span);
    struct dedup *d = dedup_create(span, 4096);
    int64_t known_from = 0;
    dedup_reset(d, known_from);
    size_t duplicates = 0;
    for (size_t at = 0, moves = 0; at < log.count;) {
        const struct line *line = &log.lines[at];
        enum dedup_verdict verdict = dedup_judge(d, line->id, line->offset, line->index);
        if (line->offset >= known_from && (verdict == DEDUP_DUPLICATE) != line->duplicate)
            fail_msg("seed %llu: position %lld/%u is judged %d", (unsigned long long)seed,
                     (long long)line->offset, line->index, (int)verdict);
        duplicates += line->duplicate;
        at++;
        if (moves++ < 10000)
            at = move(d, &log, at, span, &known_from);
    }
    assert_true(duplicates > 50);
    dedup_destroy(&d);
    free(log.lines);
}

static void test_random_logs_with_rewinds_agree_with_a_naive_model(void **state) {
    for (uint64_t seed = 1; seed <= 60; seed++)
        run_against_model(seed);
}

static void test_the_span_includes_its_far_edge_and_a_duplicate_renews_its_id(void **state) {
    struct dedup *d = dedup_create(10, 64);
    dedup_reset(d, 0);
    assert_int_equal(judge(d, 1, 100, 0), DEDUP_FIRST);
    assert_int_equal(judge(d, 1, 110, 0), DEDUP_DUPLICATE);
    assert_int_equal(judge(d, 1, 120, 0), DEDUP_DUPLICATE);
    assert_int_equal(judge(d, 2, 121, 0), DEDUP_FIRST);
    assert_int_equal(judge(d, 1, 131, 0), DEDUP_FIRST);
    dedup_destroy(&d);
}

static void test_a_batch_is_judged_by_offset_and_index(void **state) {
    struct dedup *d = dedup_create(10, 64);
    dedup_reset(d, 0);
    assert_int_equal(judge(d, 1, 5, 0), DEDUP_FIRST);
    assert_int_equal(judge(d, 2, 5, 1), DEDUP_FIRST);
    assert_int_equal(judge(d, 1, 5, 2), DEDUP_DUPLICATE);
    assert_int_equal(judge(d, 3, 5, 65534), DEDUP_FIRST);
    // Read again, each position gets its own answer, whatever the table holds by now.
    assert_int_equal(judge(d, 1, 5, 0), DEDUP_FIRST);
    assert_int_equal(judge(d, 2, 5, 1), DEDUP_FIRST);
    assert_int_equal(judge(d, 1, 5, 2), DEDUP_DUPLICATE);
    assert_int_equal(judge(d, 3, 5, 65534), DEDUP_FIRST);
    dedup_destroy(&d);
}

static void test_remembers_what_a_rewind_may_ask(void **state) {
    struct dedup *d = dedup_create(10, 64);
    dedup_reset(d, 100);
    assert_false(dedup_remembers(d, 100));
    judge(d, 1, 95, 0);
    // Ids of 96 to 99 are still to be fed: going on at 100 would leave them out.
    assert_false(dedup_remembers(d, 100));
    judge(d, 2, 100, 0);
    assert_true(dedup_remembers(d, 100));
    assert_false(dedup_remembers(d, 99));
    judge(d, 3, 115, 0);
    assert_true(dedup_remembers(d, 105));
    assert_false(dedup_remembers(d, 104));
    dedup_reset(d, 105);
    assert_false(dedup_remembers(d, 105));
    assert_int_equal(dedup_ids(d), 0);
    assert_int_equal(judge(d, 3, 95, 0), DEDUP_FIRST);
    dedup_destroy(&d);
}

static void test_verdicts_at_the_far_end_of_the_remembered_range(void **state) {
    struct dedup *d = dedup_create(10, 64);
    dedup_reset(d, 0);
    judge(d, 1, 1, 0);
    assert_int_equal(judge(d, 1, 2, 0), DEDUP_DUPLICATE);
    judge(d, 2, 12, 0);
    assert_true(dedup_remembers(d, 2));
    assert_int_equal(judge(d, 1, 2, 0), DEDUP_DUPLICATE);
    assert_int_equal(judge(d, 2, 12, 0), DEDUP_FIRST);
    dedup_destroy(&d);
}

static void test_a_full_span_says_so_and_changes_nothing(void **state) {
    struct dedup *d = dedup_create(100, 4);
    dedup_reset(d, 0);
    for (uint64_t i = 0; i < 4; i++)
        assert_int_equal(judge(d, i, (int64_t)i, 0), DEDUP_FIRST);
    assert_int_equal(judge(d, 9, 4, 0), DEDUP_FULL);
    assert_int_equal(judge(d, 9, 4, 0), DEDUP_FULL);
    assert_int_equal(dedup_ids(d), 4);
    // Offset 0 leaves the span: there is room again.
    assert_int_equal(judge(d, 9, 101, 0), DEDUP_FIRST);
    assert_int_equal(judge(d, 1, 101, 1), DEDUP_FULL);
    assert_int_equal(judge(d, 0, 102, 0), DEDUP_FIRST);
    dedup_destroy(&d);
}

static void test_a_full_span_of_single_events_grows_and_stays_within_12_mb(void **state) {
    const int64_t span = 1 << 18;
    struct dedup *d = dedup_create(span, 1 << 21);
    dedup_reset(d, 0);
    size_t empty = dedup_memory(d);
    assert_true(empty < 64 << 10);
    for (int64_t o = 0; o < 3 * span; o++) {
        unsigned char id[16];
        id_of((uint64_t)o, id);
        dedup_prefetch(d, id);
        assert_int_equal(dedup_judge(d, id, o, 0), DEDUP_FIRST);
    }
    assert_int_equal(dedup_ids(d), (size_t)span + 1);
    assert_int_equal(judge(d, (uint64_t)(2 * span), 3 * span, 0), DEDUP_DUPLICATE);
    assert_int_equal(judge(d, (uint64_t)(2 * span), 3 * span + 1, 0), DEDUP_DUPLICATE);
    assert_int_equal(judge(d, (uint64_t)(2 * span), 4 * span + 2, 0), DEDUP_FIRST);
    print_message("a full span of 2^18 holds %zu bytes\n", dedup_memory(d));
    assert_true(dedup_memory(d) < 12 << 20);
    dedup_destroy(&d);
    assert_null(d);
}

static void test_every_event_a_duplicate(void **state) {
    struct dedup *d = dedup_create(1000, 4096);
    dedup_reset(d, 0);
    for (int64_t o = 0; o < 5000; o++)
        assert_int_equal(judge(d, 7, o, 0), o == 0 ? DEDUP_FIRST : DEDUP_DUPLICATE);
    for (int64_t o = 3999; o < 5000; o++)
        assert_int_equal(judge(d, 7, o, 0), DEDUP_DUPLICATE);
    assert_int_equal(dedup_ids(d), 1001);
    dedup_destroy(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_logs_with_rewinds_agree_with_a_naive_model),
        cmocka_unit_test(test_the_span_includes_its_far_edge_and_a_duplicate_renews_its_id),
        cmocka_unit_test(test_a_batch_is_judged_by_offset_and_index),
        cmocka_unit_test(test_remembers_what_a_rewind_may_ask),
        cmocka_unit_test(test_verdicts_at_the_far_end_of_the_remembered_range),
        cmocka_unit_test(test_a_full_span_says_so_and_changes_nothing),
        cmocka_unit_test(test_a_full_span_of_single_events_grows_and_stays_within_12_mb),
        cmocka_unit_test(test_every_event_a_duplicate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
