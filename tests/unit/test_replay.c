#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "clameur/v1/event.pb-c.h"
#include "loadtest/replay.h"
#include "stream/murmur2.h"

// A reply that is also a mention in the same second, a person of its own target, two in one second.
static const char *const sample = "223789 213163 1341100972 MT\n"
                                  "223789 213163 1341100972 RE\n"
                                  "376989 50329 1341101181 RT\n"
                                  "26375 26375 1341101183 MT\n"
                                  "376989 13813 1341101192 RT\r\n"
                                  "453850 99258 1341101192 RT";
enum { SAMPLE_EVENTS = 6 };

struct file {
    char path[64];
};

static int setup(void **state) {
    struct file *f = calloc(1, sizeof(*f));
    snprintf(f->path, sizeof(f->path), "/tmp/clameur-test-replay-XXXXXX");
    close(mkstemp(f->path));
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct file *f = *state;
    unlink(f->path);
    free(f);
    return 0;
}

static void write_plain(const struct file *f, const void *bytes, size_t length) {
    FILE *out = fopen(f->path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, length, out), length);
    assert_int_equal(fclose(out), 0);
}

static void write_gzip(const struct file *f, const char *text) {
    gzFile out = gzopen(f->path, "wb");
    assert_int_equal(gzwrite(out, text, (unsigned)strlen(text)), (int)strlen(text));
    assert_int_equal(gzclose(out), Z_OK);
}

static struct replay_options options_of(const struct file *f) {
    return (struct replay_options){
        .path = f->path,
        .format = "higgs",
        .account = "",
        .until_s = INT64_C(99999999999),
        .partitions = 8,
    };
}

struct played {
    size_t count;
    enum status end;
    struct problem problem;
    int64_t due_ms[SAMPLE_EVENTS], time_ms[SAMPLE_EVENTS];
    unsigned char ids[SAMPLE_EVENTS][16];
};

static void play(const struct replay_options *o, struct played *p) {
    *p = (struct played){0};
    struct replay *r;
    assert_int_equal(replay_open(&r, o, &p->problem), STATUS_OK);
    struct message m;
    while ((p->end = replay_next(r, &m, &p->problem)) == STATUS_OK) {
        assert_true(p->count < SAMPLE_EVENTS);
        Clameur__V1__Event *e = clameur__v1__event__unpack(NULL, m.value.length, (const uint8_t *)m.value.at);
        assert_non_null(e);
        assert_int_equal(e->event_id.len, 16);
        memcpy(p->ids[p->count], e->event_id.data, 16);
        p->due_ms[p->count] = m.due_ms;
        p->time_ms[p->count++] = m.time_ms;
        clameur__v1__event__free_unpacked(e, NULL);
    }
    replay_close(&r);
}

static void assert_text(ProtobufCBinaryData found, const char *expected) {
    assert_int_equal(found.len, strlen(expected));
    assert_memory_equal(found.data, expected, found.len);
}

static void test_a_row_becomes_an_event(void **state) {
    static const struct {
        const char *actor, *target, *key;
        int64_t at_ms;
        int kind;
    } rows[SAMPLE_EVENTS] = {
        {"223789", "213163", "a:23:223789", 1341100972000, 37},
        {"223789", "213163", "a:23:223789", 1341100972000, 23},
        {"376989", "50329", "a:23:376989", 1341101181000, 25},
        {"26375", "26375", "a:23:26375", 1341101183000, 37},
        {"376989", "13813", "a:23:376989", 1341101192000, 25},
        {"453850", "99258", "a:23:453850", 1341101192000, 25},
    };
    const struct file *f = *state;
    write_gzip(f, sample);
    struct replay_options o = options_of(f);
    struct problem problem;
    struct replay *r;
    assert_int_equal(replay_open(&r, &o, &problem), STATUS_OK);
    for (size_t i = 0; i < SAMPLE_EVENTS; i++) {
        struct message m;
        assert_int_equal(replay_next(r, &m, &problem), STATUS_OK);
        assert_true(slice_equal(m.key, slice_of(rows[i].key)));
        assert_int_equal(m.partition, murmur2_partition(m.key, 8));
        assert_int_equal(m.time_ms, rows[i].at_ms);
        assert_int_equal(m.events, 1);
        Clameur__V1__Event *e = clameur__v1__event__unpack(NULL, m.value.length, (const uint8_t *)m.value.at);
        assert_non_null(e);
        assert_int_equal(e->platform, 23);
        assert_int_equal(e->kind, rows[i].kind);
        assert_int_equal(e->occurred_at, rows[i].at_ms);
        assert_int_equal(e->consent, 1);
        assert_text(e->account_id, "higgs");
        assert_text(e->actor_id, rows[i].actor);
        assert_text(e->content_id, rows[i].target);
        clameur__v1__event__free_unpacked(e, NULL);
    }
    struct message m;
    assert_int_equal(replay_next(r, &m, &problem), STATUS_NO);
    replay_close(&r);
}

// A mention and the reply that it also is differ only in their kind.
static void test_ids_are_distinct_and_minted_from_the_row_alone(void **state) {
    const struct file *f = *state;
    write_plain(f, sample, strlen(sample));
    struct replay_options o = options_of(f);
    struct played all, later;
    play(&o, &all);
    assert_int_equal(all.count, SAMPLE_EVENTS);
    for (size_t i = 0; i < SAMPLE_EVENTS; i++) {
        assert_int_equal(all.ids[i][6] >> 4, 8);
        assert_int_equal(all.ids[i][8] >> 6, 2);
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(all.ids[i], all.ids[k], 16);
    }
    o.from_s = 1341101192;
    play(&o, &later);
    assert_int_equal(later.count, 2);
    assert_memory_equal(later.ids, all.ids[4], sizeof(all.ids[0]) * 2);
}

static void test_a_part_is_played(void **state) {
    const struct file *f = *state;
    write_plain(f, sample, strlen(sample));
    static const struct {
        int64_t from_s, until_s;
        uint64_t limit;
        size_t count;
    } cases[] = {
        {0, 99999999999, 0, 6},          {1341100972, 1341100973, 0, 2},  {1341100973, 1341101192, 0, 2},
        {1341101192, 99999999999, 0, 2}, {1341101193, 99999999999, 0, 0}, {0, 99999999999, 3, 3},
        {1341101181, 99999999999, 1, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct replay_options o = options_of(f);
        o.from_s = cases[i].from_s;
        o.until_s = cases[i].until_s;
        o.limit = cases[i].limit;
        struct played p;
        play(&o, &p);
        assert_int_equal(p.count, cases[i].count);
        assert_int_equal(p.end, STATUS_NO);
    }
}

static void test_time(void **state) {
    const struct file *f = *state;
    write_plain(f, sample, strlen(sample));
    struct replay_options o = options_of(f);
    struct played p;
    o.rate = 100;
    play(&o, &p);
    assert_int_equal(p.due_ms[5], 50);
    o.rate = 0;
    o.speed = 10;
    o.from_s = 1341101181;
    o.stamp_now = true;
    play(&o, &p);
    assert_int_equal(p.due_ms[0], 0);
    assert_int_equal(p.due_ms[1], 200);
    assert_int_equal(p.due_ms[3], 1100);
    assert_int_equal(p.time_ms[0], 0);
}

static void test_what_is_no_row_is_named_by_its_line(void **state) {
    static const char *const bad[] = {
        "1 2 1341100972",     "1 2 1341100972 XX",     "1 2 1341100972 RT 5",
        "1  2 1341100972 RT", " 1 2 1341100972 RT",    "1 2 -1341100972 RT",
        "1 2 0 RT",           "1 2 13411009720000 RT", "",
        "1 2 1341100972 RT ", "1 2 1341100972x RT",
    };
    const struct file *f = *state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), "7 8 1341100972 RT\n%s\n", bad[i]);
        write_plain(f, text, strlen(text));
        struct replay_options o = options_of(f);
        struct played p;
        play(&o, &p);
        assert_int_equal(p.count, 1);
        assert_int_equal(p.end, STATUS_BAD_DATA);
        assert_non_null(strstr(p.problem.what, ":2 is not"));
    }
}

// Without the look at gzerror a cut download would pass for a short recording.
static void test_a_cut_file_is_an_error(void **state) {
    const struct file *f = *state;
    char *text = malloc(400000);
    size_t length = 0;
    for (unsigned i = 0; length < 390000; i++)
        length += (size_t)sprintf(text + length, "%u %u %u RT\n", i * 7919 % 100003, i, 1341100972 + i);
    write_gzip(f, text);
    free(text);
    assert_int_equal(truncate(f->path, 60000), 0);
    struct replay_options o = options_of(f);
    struct problem problem;
    struct replay *r;
    assert_int_equal(replay_open(&r, &o, &problem), STATUS_OK);
    struct message m;
    enum status status;
    while ((status = replay_next(r, &m, &problem)) == STATUS_OK) {
    }
    assert_int_equal(status, STATUS_BAD_DATA);
    replay_close(&r);
}

static void test_no_file(void **state) {
    const struct file *f = *state;
    unlink(f->path);
    struct replay_options o = options_of(f);
    struct problem problem;
    struct replay *r;
    assert_int_equal(replay_open(&r, &o, &problem), STATUS_NO_INPUT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_row_becomes_an_event, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ids_are_distinct_and_minted_from_the_row_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_part_is_played, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_row_is_named_by_its_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_cut_file_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_file, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
