#include "runtime/log/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <pthread.h>

#include "capture.h"
#include "runtime/log/log_limit.h"
#include "runtime/log/log_line.h"

static struct capture captured;

// What one line holds.
static const char *line_of(bool json, const char *event, const struct log_field *fields, unsigned count) {
    static struct log_line line;
    log_line_begin(&line, json, LOG_LEVEL_WARN, event, INT64_C(1795320000123));
    for (unsigned i = 0; i < count; i++)
        log_line_add(&line, &fields[i]);
    log_line_end(&line);
    assert_in_range(line.length, 1, LOG_LINE_MAX);
    assert_int_equal(line.bytes[line.length - 1], '\n');
    static char text[LOG_LINE_MAX + 1];
    memcpy(text, line.bytes, line.length - 1);
    text[line.length - 1] = '\0';
    assert_null(strchr(text, '\n'));
    return text;
}
#define LINE(json, ...)                                                                                      \
    line_of(json, "some_event", (const struct log_field[]){__VA_ARGS__},                                     \
            sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))

static void test_forms(void **state) {
    assert_string_equal(LINE(false, FIELD("shard", LOG_INT(12)), FIELD("why", LOG_TEXT("gone"))),
                        "2026-11-22T04:00:00.123Z WARN some_event shard=12 why=gone");
    assert_string_equal(
        LINE(true, FIELD("shard", LOG_INT(12)), FIELD("why", LOG_TEXT("gone"))),
        "{\"ts\":\"2026-11-22T04:00:00.123Z\",\"level\":\"warn\",\"event\":\"some_event\",\"shard\":12,"
        "\"why\":\"gone\"}");
    assert_string_equal(LINE(false, FIELD("window", LOG_TIME(1796119200))),
                        "2026-11-22T04:00:00.123Z WARN some_event window=2026-12-01T10:00:00Z");
    assert_string_equal(line_of(true, "e", NULL, 0),
                        "{\"ts\":\"2026-11-22T04:00:00.123Z\",\"level\":\"warn\",\"event\":\"e\"}");
}

static void test_numbers(void **state) {
    static const struct {
        struct log_value value;
        const char *expected;
    } cases[] = {
        {LOG_INT(INT64_MIN), "-9223372036854775808"},
        {LOG_INT(INT64_MAX), "9223372036854775807"},
        {LOG_REAL(0.1), "0.1"},
        {LOG_REAL(0.1 + 0.2), "0.30000000000000004"},
        {LOG_REAL(1e300), "1e+300"},
        {LOG_REAL(NAN), "null"},
        {LOG_REAL(INFINITY), "null"},
        {LOG_TEXT(NULL), "null"},
        {LOG_TIME(1796119200), "\"2026-12-01T10:00:00Z\""},
        {LOG_TIME(INT64_MAX), "null"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *line = LINE(true, {"x", cases[i].value});
        char expected[64];
        snprintf(expected, sizeof(expected), ",\"x\":%s}", cases[i].expected);
        assert_string_equal(line + strlen(line) - strlen(expected), expected);
    }
}

#define BAD "\xef\xbf\xbd"
static const struct {
    const char *text;
    const char *quoted;
    bool bare;
} texts[] = {
    {"plain/text:1", "plain/text:1", true},
    {"", "", false},
    {"two words", "two words", false},
    {"a=b", "a=b", false},
    {"say \"no\" \\", "say \\\"no\\\" \\\\", false},
    {"\b\f\n\r\t", "\\b\\f\\n\\r\\t", false},
    {"\x01\x1b[2J\x7f", "\\u0001\\u001b[2J\\u007f", false},
    {"\xc2\x9b", "\\u009b", false}, // C1: CSI
    {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", false},
    {"\xff", BAD, false},
    {"a\x80z", "a" BAD "z", false}, // a continuation alone
    {"\xc3", BAD, false},           // cut short at the end
    {"\xe2\x82", BAD BAD, false},
    {"\xe2\x82z", BAD BAD "z", false},
    {"\xc0\xaf", BAD BAD, false}, // overlong
    {"\xe0\x80\x80", BAD BAD BAD, false},
    {"\xf0\x80\x80\x80", BAD BAD BAD BAD, false},
    {"\xed\xa0\x80", BAD BAD BAD, false}, // a surrogate
    {"\xf4\x90\x80\x80", BAD BAD BAD BAD, false},
    {"\xf5\x80", BAD BAD, false},
};

static void test_any_bytes_become_well_formed_text(void **state) {
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char expected[256];
        snprintf(expected, sizeof(expected), ",\"x\":\"%s\"}", texts[i].quoted);
        const char *line = LINE(true, FIELD("x", LOG_TEXT(texts[i].text)));
        assert_string_equal(line + strlen(line) - strlen(expected), expected);
        const char *quote = texts[i].bare ? "" : "\"";
        snprintf(expected, sizeof(expected), " x=%s%s%s", quote, texts[i].quoted, quote);
        line = LINE(false, FIELD("x", LOG_TEXT(texts[i].text)));
        assert_string_equal(line + strlen(line) - strlen(expected), expected);
    }
}

// A seeded stream of bytes, each line read by a parser that is not ours.
static void test_random_bytes_are_read_by_another_parser(void **state) {
    uint32_t seed = 1;
    for (int round = 0; round < 2000; round++) {
        char text[6000], name[64];
        size_t length = (seed >> 8) % (round % 10 == 0 ? sizeof(text) : 64);
        for (size_t i = 0; i <= length; i++) {
            seed = seed * 1664525 + 1013904223;
            text[i] = (char)(seed >> 24);
            name[i % 63] = text[i];
        }
        text[length] = name[63] = '\0';
        name[length % 63] = '\0';
        const char *line = LINE(true, {name, LOG_TEXT(text)}, FIELD("last", LOG_INT(round)));
        json_error_t error;
        json_t *read = json_loads(line, 0, &error);
        assert_non_null(read);
        assert_string_equal(json_string_value(json_object_get(read, "event")), "some_event");
        bool whole = json_object_get(read, "truncated") == NULL;
        assert_true(!whole || json_integer_value(json_object_get(read, "last")) == round);
        json_decref(read);
    }
}

static void assert_json(const char *line) {
    json_error_t error;
    json_t *read = json_loads(line, 0, &error);
    assert_non_null(read);
    json_decref(read);
}

// The gaps left before the end take every size, so that each of the parts of a further field is once the one
// without room.
static void test_a_line_too_long_is_cut_whole_and_says_so(void **state) {
    char text[8000];
    for (size_t pad = 0; pad < 40; pad++) {
        memset(text, '\x01', sizeof(text)); // each becomes six bytes
        memset(text, 'x', pad);
        text[sizeof(text) - 1] = '\0';
        for (int json = 0; json < 2; json++) {
            const char *line = LINE(json == 1, FIELD("first", LOG_TEXT(text)), FIELD("s", LOG_INT(1234567)),
                                    FIELD("third", LOG_TEXT(text)));
            const char *end = json == 1 ? "\",\"truncated\":true}" : "\" truncated=true";
            assert_string_equal(line + strlen(line) - strlen(end), end);
            assert_non_null(strstr(line, "first"));
            assert_true(strlen(line) > LOG_LINE_MAX - 64);
            if (json == 1)
                assert_json(line);
        }
    }
}

static void test_levels(void **state) {
    capture_begin(&captured);
    log_configure("warn", "text");
    log_info("level_info");
    log_warn("level_warn");
    log_error("level_error", FIELD("n", LOG_INT(1)));
    log_configure("debug", "json");
    log_debug("level_debug");
    capture_end(&captured);
    assert_null(strstr(captured.text, "level_info"));
    assert_non_null(strstr(captured.text, "Z WARN level_warn\n"));
    assert_non_null(strstr(captured.text, "Z ERROR level_error n=1\n"));
    assert_non_null(strstr(captured.text, "\"level\":\"debug\",\"event\":\"level_debug\"}\n"));
    log_configure("error", "auto");
    assert_false(log_enabled(LOG_LEVEL_WARN));
    assert_true(log_enabled(LOG_LEVEL_ERROR));
}

static void test_auto_is_json_where_no_terminal_is(void **state) {
    capture_begin(&captured);
    log_configure("info", "auto");
    log_info("auto_format");
    capture_end(&captured);
    assert_int_equal(captured.text[0], '{');
}

static void test_problem(void **state) {
    struct problem p;
    problem_set(&p, STATUS_UNAVAILABLE, "CLM-R3", "redis-cli ping", "no Redis at %s", "here");
    log_configure("info", "text");
    capture_begin(&captured);
    log_problem(LOG_LEVEL_ERROR, "redis_lost", &p);
    p.code[0] = p.remedy[0] = '\0';
    log_problem(LOG_LEVEL_WARN, "redis_lost", &p);
    capture_end(&captured);
    assert_non_null(strstr(
        captured.text, "ERROR redis_lost code=CLM-R3 what=\"no Redis at here\" remedy=\"redis-cli ping\"\n"));
    assert_non_null(strstr(captured.text, "WARN redis_lost what=\"no Redis at here\"\n"));
}

static void test_limit(void **state) {
    static struct log_limit limit;
    uint64_t suppressed;
    for (int i = 0; i < LOG_BURST; i++)
        assert_true(log_limit_admit(&limit, "a", 1000 + i, &suppressed));
    assert_int_equal(suppressed, 0);
    for (int i = 0; i < 7; i++)
        assert_false(log_limit_admit(&limit, "a", 1000 + LOG_WINDOW_MS - 1, &suppressed));
    assert_true(log_limit_admit(&limit, "b", 1500, &suppressed)); // each event has its own
    assert_true(log_limit_admit(&limit, "a", 1000 + LOG_WINDOW_MS, &suppressed));
    assert_int_equal(suppressed, 7);
    assert_true(log_limit_admit(&limit, "a", 1000 + LOG_WINDOW_MS, &suppressed));
    assert_int_equal(suppressed, 0);
}

static void test_a_full_table_limits_nothing_new(void **state) {
    static struct log_limit limit;
    uint64_t suppressed;
    char event[64];
    for (int i = 0; i < LOG_EVENTS_MAX; i++) {
        snprintf(event, sizeof(event), "event_%d", i);
        assert_true(log_limit_admit(&limit, event, 0, &suppressed));
    }
    for (int i = 0; i < 3 * LOG_BURST; i++)
        assert_true(log_limit_admit(&limit, "one_more", 0, &suppressed));
    for (int i = 1; i < LOG_BURST; i++)
        assert_true(log_limit_admit(&limit, "event_9", 0, &suppressed));
    assert_false(log_limit_admit(&limit, "event_9", 0, &suppressed));
}

static size_t count_of(const char *text, const char *part) {
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at += strlen(part))
        count++;
    return count;
}

static void test_repeats_are_limited_but_errors_never(void **state) {
    log_configure("info", "text");
    capture_begin(&captured);
    for (int i = 0; i < 25; i++) {
        log_warn("noisy_warning");
        log_error("noisy_error");
    }
    capture_end(&captured);
    assert_int_equal(count_of(captured.text, "noisy_warning"), LOG_BURST);
    assert_int_equal(count_of(captured.text, "noisy_error"), 25);
}

enum { THREADS = 4, LINES = 200 };

static void *write_lines(void *context) {
    char text[2000];
    memset(text, *(const char *)context, sizeof(text));
    text[sizeof(text) - 1] = '\0';
    for (int i = 0; i < LINES; i++)
        log_error("thread_line", FIELD("text", LOG_TEXT(text)));
    return NULL;
}

// Through a pipe, whose reader is slow: a line in two writes would be torn.
static void test_lines_of_threads_do_not_mix(void **state) {
    log_configure("info", "text");
    static char names[] = "abcd";
    pthread_t threads[THREADS];
    int ends[2], saved = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, write_lines, &names[i]);
    FILE *in = fdopen(ends[0], "r");
    char line[8192];
    int whole = 0;
    for (int i = 0; i < THREADS * LINES && fgets(line, sizeof(line), in) != NULL; i++) {
        const char *text = strstr(line, "text=");
        if (text != NULL && strspn(text + 5, (char[]){text[5], '\0'}) == 1999 &&
            strcmp(text + 2004, "\n") == 0)
            whole++;
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    dup2(saved, STDERR_FILENO);
    close(saved);
    fclose(in);
    assert_int_equal(whole, THREADS * LINES);
}

enum { SHARED_EVENTS = 150 };
static pthread_barrier_t together;

static void *write_repeats(void *context) {
    for (int i = 0; i < SHARED_EVENTS; i++) {
        char event[32];
        snprintf(event, sizeof(event), "shared_%d", i);
        pthread_barrier_wait(&together);
        for (int j = 0; j < LOG_BURST; j++)
            log_warn(event);
    }
    return NULL;
}

// Without the lock lines pass that the limit had counted away.
static void test_threads_share_one_limit(void **state) {
    log_configure("info", "text");
    pthread_t threads[THREADS];
    pthread_barrier_init(&together, NULL, THREADS);
    capture_begin(&captured);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, write_repeats, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    capture_end(&captured);
    pthread_barrier_destroy(&together);
    assert_int_equal(count_of(captured.text, " shared_"), SHARED_EVENTS * LOG_BURST);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_any_bytes_become_well_formed_text),
        cmocka_unit_test(test_random_bytes_are_read_by_another_parser),
        cmocka_unit_test(test_a_line_too_long_is_cut_whole_and_says_so),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_auto_is_json_where_no_terminal_is),
        cmocka_unit_test(test_problem),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_a_full_table_limits_nothing_new),
        cmocka_unit_test(test_repeats_are_limited_but_errors_never),
        cmocka_unit_test(test_lines_of_threads_do_not_mix),
        cmocka_unit_test(test_threads_share_one_limit),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
