#include "runtime/config/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>

#include <cmocka.h>

#include "capture.h"

enum { LIKE = 3, SHARE = 5, MINUTE = 60000 };
static const int64_t day = 86400000;

static const char *const kinds_by_number[] = {"", "", "", "like", "", "share"};

static uint32_t kind_parse(const char *name, size_t length) {
    for (uint32_t i = 1; i < 6; i++)
        if (length > 0 && strlen(kinds_by_number[i]) == length &&
            memcmp(kinds_by_number[i], name, length) == 0)
            return i;
    return 0;
}

static const char *kind_name_at(size_t index) {
    return index == 0 ? "like" : index == 1 ? "share" : NULL;
}

static struct rules_kinds kinds = {kind_parse, kind_name_at, {[LIKE] = 1, [SHARE] = 2}};

static struct capture captured;
static struct rules_book book;
static char folder[64];

static enum status load(const char *path) {
    capture_begin(&captured);
    enum status status = rules_load(&book, path, &kinds);
    capture_end(&captured);
    return status;
}

static enum status load_text(const char *text) {
    file_write("r.yaml", text, strlen(text), 0600);
    return load("r.yaml");
}

static int set_up(void **state) {
    snprintf(folder, sizeof(folder), "/tmp/test_rules.XXXXXX");
    return mkdtemp(folder) == NULL || chdir(folder) != 0 ? -1 : 0;
}

static int tear_down(void **state) {
    unlink("r.yaml");
    return chdir("/") != 0 || rmdir(folder) != 0 ? -1 : 0;
}

static int forget(void **state) {
    rules_fini(&book);
    return 0;
}

static void test_without_a_file_the_defaults_hold_for_ever(void **state) {
    assert_int_equal(load(NULL), STATUS_OK);
    rules_fini(&book);
    assert_int_equal(load(""), STATUS_OK);
    assert_int_equal(book.count, 1);
    const struct rules *r = rules_at(&book, 0);
    assert_int_equal(r->version, 1);
    assert_int_equal(r->since_ms, 0);
    assert_int_equal(r->max_future_skew_ms, 5 * MINUTE);
    assert_int_equal(r->max_past_ms, 90 * day);
    assert_int_equal(r->series_retain_ms, 2 * day);
    assert_int_equal(r->reach_retain_ms, 35 * day);
    assert_int_equal(r->window_disorder_ms, MINUTE);
    assert_int_equal(r->window_lateness_ms, 10 * MINUTE);
    assert_int_equal(r->window_refunds_ms, INT64_C(180) * 86400000);
    const struct rules_alerts alerts = {5000, 2500, 2, 96, 32, 16, 3000, 100, 20};
    assert_memory_equal(&r->alerts, &alerts, sizeof(alerts));
    assert_int_equal(r->window_heartbeat_ms, 3 * MINUTE / 2);
    assert_int_equal(r->weights[LIKE], 1);
    assert_int_equal(r->weights[SHARE], 2);
    assert_int_equal(r->weights[4], 0);
    assert_ptr_equal(rules_at(&book, INT64_MAX), r);
    assert_ptr_equal(rules_at(&book, -1), r);
}

static void test_a_version_inherits_what_it_does_not_say(void **state) {
    static const char text[] = "- version: 1\n"
                               "  since: 0\n"
                               "  max_past: off\n"
                               "  weights: {share: 7}\n"
                               "- version: 2\n"
                               "  since: 2026-01-01T00:00:00Z\n"
                               "  series: {retain: 5100d}\n"
                               "  window: {disorder: 0, lateness: 2h, refunds: 30d, heartbeat: off}\n"
                               "  alerts: {sigmas: 4.125, calm_windows: 3}\n"
                               "- version: 3\n"
                               "  since: 1767225600001\n"
                               "  max_future_skew: 1m\n"
                               "  reach.retain: 1d\n"
                               "  window.disorder: 30s\n"
                               "  alerts.calm_sigmas: 0.5\n"
                               "  weights.like: -3\n";
    assert_int_equal(load_text(text), STATUS_OK);
    assert_string_equal(captured.text, "");
    assert_int_equal(book.count, 3);
    const struct rules *second = &book.versions[1], *third = &book.versions[2];
    assert_int_equal(second->version, 2);
    assert_int_equal(second->since_ms, INT64_C(1767225600000));
    assert_int_equal(second->max_past_ms, -1);
    assert_int_equal(second->max_future_skew_ms, 5 * MINUTE);
    assert_int_equal(second->series_retain_ms, 5100 * day);
    assert_int_equal(second->window_disorder_ms, 0);
    assert_int_equal(second->window_lateness_ms, 120 * MINUTE);
    assert_int_equal(second->window_refunds_ms, INT64_C(30) * 86400000);
    assert_int_equal(second->window_heartbeat_ms, -1);
    assert_int_equal(second->weights[SHARE], 7);
    assert_int_equal(second->weights[LIKE], 1);
    assert_int_equal(third->version, 3);
    assert_int_equal(third->max_future_skew_ms, MINUTE);
    assert_int_equal(third->series_retain_ms, 5100 * day);
    assert_int_equal(third->reach_retain_ms, day);
    assert_int_equal(third->window_disorder_ms, MINUTE / 2);
    assert_int_equal(third->window_lateness_ms, 120 * MINUTE);
    const struct rules_alerts alerts = {4125, 500, 3, 96, 32, 16, 3000, 100, 20};
    assert_memory_equal(&third->alerts, &alerts, sizeof(alerts));
    assert_int_equal(third->window_heartbeat_ms, -1);
    assert_int_equal(third->weights[SHARE], 7);
    assert_int_equal(third->weights[LIKE], -3);
}

static bool tracks(int version, const char *account, const char *brand) {
    return rules_track(&book.versions[version - 1], slice_of(account), slice_of(brand));
}

static void test_an_account_has_the_rivals_of_its_last_list(void **state) {
    static const char text[] = "- {version: 1, since: 0}\n"
                               "- version: 2\n"
                               "  since: 1000\n"
                               "  tracked: {acme: [initech, globex, initech], other: [hooli], a.b: []}\n"
                               "- {version: 3, since: 2000, tracked.acme: [hooli], tracked: {zoo: [x]}}\n"
                               "- {version: 4, since: 3000, weights: {like: 2}, tracked: {}}\n";
    assert_int_equal(load_text(text), STATUS_OK);
    assert_true(tracks(1, "acme", "globex") && tracks(1, "acme", "hooli"));
    assert_true(tracks(2, "acme", "globex") && tracks(2, "acme", "initech") && !tracks(2, "acme", "hooli"));
    assert_true(!tracks(2, "a.b", "globex") && tracks(2, "zoo", "globex"));
    for (int version = 3; version <= 4; version++) {
        assert_true(tracks(version, "acme", "hooli") && !tracks(version, "acme", "globex"));
        assert_true(tracks(version, "other", "hooli") && !tracks(version, "other", "globex"));
        assert_true(tracks(version, "zoo", "x") && !tracks(version, "zoo", "y"));
    }
    assert_string_not_equal(book.versions[1].hash, book.versions[2].hash);
}

static void test_the_version_in_force_is_the_last_that_is_not_later(void **state) {
    assert_int_equal(
        load_text("- {version: 1, since: 1000}\n- {version: 2, since: 2000}\n- {version: 3, since: 3000}\n"),
        STATUS_OK);
    static const struct {
        int64_t at;
        uint32_t version;
    } cases[] = {{0, 1}, {999, 1}, {1000, 1}, {1999, 1}, {2000, 2}, {2999, 2}, {3000, 3}, {INT64_MAX, 3}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(rules_at(&book, cases[i].at)->version, cases[i].version);
}

// The hash that belongs to a file.
static void hash_of(const char *text, char hash[17]) {
    assert_int_equal(load_text(text), STATUS_OK);
    memcpy(hash, book.first_hash, 17);
    rules_fini(&book);
}

// A program that knows one kind more, with a weight, must still open the deployments there are.
static void test_a_further_kind_with_a_weight_leaves_the_hash_as_it_is(void **state) {
    char before[17];
    assert_int_equal(load(NULL), STATUS_OK);
    memcpy(before, book.first_hash, 17);
    rules_fini(&book);
    kinds.defaults[201] = 9;
    assert_int_equal(load(NULL), STATUS_OK);
    assert_string_equal(book.first_hash, before);
    kinds.defaults[201] = 0;
}

static void test_the_hash_is_of_what_version_1_decides_not_of_how_it_is_written(void **state) {
    char defaults[17], hash[17];
    assert_int_equal(load(NULL), STATUS_OK);
    memcpy(defaults, book.first_hash, 17);
    rules_fini(&book);
    assert_int_equal(strspn(defaults, "0123456789abcdef"), 16);
    // Kept in Redis by every deployment: it must not change by itself.
    assert_string_equal(defaults, "5b4befa068f68491");

    static const char *const same[] = {
        "- {version: 1, since: 0}\n",
        "- version: 1\n  since: 2026-01-01T00:00:00Z # its since decides nothing\n",
        "- since: 0\n  weights: {share: 2}\n  series: {retain: 2d}\n  max_future_skew: 300s\n  version: 1\n",
        "- {version: 1, since: 0, window: {disorder: 60s, lateness: 600s, refunds: 4320h}}\n",
        "- {version: 1, since: 0, alerts: {sigmas: 5.000, least_share: 0.10, least_count: 20}}\n",
        "- {version: 1, since: 0}\n- {version: 2, since: 1, max_past: off, weights: {like: 9}}\n",
    };
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        hash_of(same[i], hash);
        assert_string_equal(hash, defaults);
    }
    static const char *const other[] = {
        "- {version: 1, since: 0, max_future_skew: 6m}\n",
        "- {version: 1, since: 0, max_past: off}\n",
        "- {version: 1, since: 0, series.retain: 3d}\n",
        "- {version: 1, since: 0, reach.retain: 3d}\n",
        "- {version: 1, since: 0, weights: {like: 2}}\n",
        "- {version: 1, since: 0, weights: {share: 0}}\n",
        "- {version: 1, since: 0, window.disorder: 0}\n",
        "- {version: 1, since: 0, window.lateness: 11m}\n",
        "- {version: 1, since: 0, window.refunds: 181d}\n",
        "- {version: 1, since: 0, tracked: {a: []}}\n",
        "- {version: 1, since: 0, alerts.sigmas: 6}\n",
        "- {version: 1, since: 0, alerts.least_share: 0}\n",
        "- {version: 1, since: 0, window.heartbeat: 91s}\n",
        "- {version: 1, since: 0, window.heartbeat: off}\n",
    };
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        hash_of(other[i], hash);
        assert_string_not_equal(hash, defaults);
    }
}

// Kept in Redis too, by every shard: what a version decides and since when, not how it is written.
static void test_lists_have_one_hash_however_they_are_written(void **state) {
    char hash[17], other[17];
    static const char head[] = "- {version: 1, since: 0, ";
    static const struct {
        const char *rest;
        bool same;
    } cases[] = {
        {"tracked: {b: [y, x, y], a: [z]}}\n", true},
        {"tracked.a: [z], tracked.b: [x, y]}\n", true},
        {"tracked: {a: [z, x, y]}}\n", false},
        {"tracked: {a: [z], b: [xy]}}\n", false},
        {"tracked: {a: [z], b: [x, y], c: []}}\n", false},
        {"tracked: {a: [], z: [b, x, y]}}\n", false},
    };
    hash_of("- {version: 1, since: 0, tracked: {a: [z], b: [x, y]}}\n", hash);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), "%s%s", head, cases[i].rest);
        hash_of(text, other);
        assert_int_equal(strcmp(hash, other) == 0, cases[i].same);
    }
}

static void test_every_version_has_a_hash(void **state) {
    static const char head[] = "- {version: 1, since: 0}\n";
    static const struct {
        const char *second;
        bool same;
    } cases[] = {
        {"- {version: 2, since: 1000, weights: {like: 9}}\n", true},
        {"- {since: 1970-01-01T00:00:01Z, weights.like: 9, version: 2}\n", true},
        {"- {version: 2, since: 1000, weights: {like: 9, share: 2}, max_future_skew: 300s}\n", true},
        {"- {version: 2, since: 1000, weights: {like: 9}, window.disorder: 60s, window: {}}\n", true},
        {"- {version: 2, since: 1001, weights: {like: 9}}\n", false},
        {"- {version: 2, since: 1000, weights: {like: 9}, window.disorder: 61s}\n", false},
        {"- {version: 2, since: 1000, weights: {like: 9}, window.lateness: 61s}\n", false},
        {"- {version: 2, since: 1000, weights: {like: 8}}\n", false},
        {"- {version: 2, since: 1000, weights: {like: 9}, reach.retain: 3d}\n", false},
        {"- {version: 2, since: 1000, weights: {like: 9}, tracked: {a: [b]}}\n", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), "%s%s", head, cases[i].second);
        assert_int_equal(load_text(text), STATUS_OK);
        assert_string_equal(book.versions[0].hash, book.first_hash);
        assert_int_equal(strcmp(book.versions[1].hash, "345053a44a31e23f") == 0, cases[i].same);
        rules_fini(&book);
    }
}

// A file, and the whole of what is said about it.
static const struct {
    const char *text;
    const char *finding;
} wrong[] = {
    {"- {version: 1, since: 0, max_futur_skew: 1m}\n",
     "r.yaml:1:26 CLM-C1 unknown rule max_futur_skew; did you mean max_future_skew?\n"},
    {"- {version: 1, since: 0, series.retian: 1m}\n",
     "r.yaml:1:26 CLM-C1 unknown rule series.retian; did you mean series.retain?\n"},
    {"- {version: 1, since: 0, weights: {lik: 1}}\n",
     "r.yaml:1:36 CLM-C1 unknown kind lik; did you mean like?\n"},
    {"- {version: 1, since: 0, weights: {like: 1.5}}\n",
     "r.yaml:1:42 CLM-C1 weights.like is \"1.5\"; it takes a whole number from -1000000 to 1000000\n"},
    {"- {version: 1, since: 0, weights: {like: 1000001}}\n",
     "r.yaml:1:42 CLM-C1 weights.like is \"1000001\"; it takes a whole number from -1000000 to 1000000\n"},
    {"- {version: 1, since: 0, weights: {like: ~}}\n",
     "r.yaml:1:42 CLM-C1 weights.like has no value (null)\n"},
    {"- {version: 1, since: 0, weights: {like: 1}, weights.like: 2}\n",
     "r.yaml:1:46 CLM-C1 weights.like is given twice\n"},
    {"- {version: 1, since: 0, tracked: 1}\n",
     "r.yaml:1:35 CLM-C1 tracked takes accounts, as in {acme: [globex]}, not a value\n"},
    {"- {version: 1, since: 0, tracked: {acme: globex}}\n",
     "r.yaml:1:42 CLM-C1 tracked.acme takes a list of brands of 1 to 256 bytes, as in [globex, initech]\n"},
    {"- {version: 1, since: 0, tracked: {acme: [globex, ~]}}\n",
     "r.yaml:1:42 CLM-C1 tracked.acme takes a list of brands of 1 to 256 bytes, as in [globex, initech]\n"},
    {"- {version: 1, since: 0, tracked: {acme: [globex, ['']]}}\n",
     "r.yaml:1:42 CLM-C1 tracked.acme takes a list of brands of 1 to 256 bytes, as in [globex, initech]\n"},
    {"- {version: 1, since: 0, tracked: {acme: []}, tracked.acme: [globex]}\n",
     "r.yaml:1:47 CLM-C1 tracked.acme is given twice\n"},
    {"- {version: 1, since: 0, weights: 1}\n",
     "r.yaml:1:35 CLM-C1 weights takes keys, as in {like: 1}, not a value\n"},
    {"- {version: 1, since: 0, series: {retain: 1d}, series.retain: 2d}\n",
     "r.yaml:1:48 CLM-C1 series.retain is given twice\n"},
    {"- {version: 1, since: 0, max_past: 1d, max_past: 2d}\n",
     "r.yaml:1:40 CLM-C1 duplicate key max_past, first given in line 1\n"},
    {"- {version: 1, since: 0, max_past: 90}\n", "r.yaml:1:36 CLM-C1 max_past is \"90\"; a duration needs "
                                                 "its unit: ms, s, m, h or d, as in 10s, or off\n"},
    {"- {version: 1, since: 0, max_past: 0}\n",
     "r.yaml:1:36 CLM-C1 max_past is 0; it takes 1ms to 36500d, or off\n"},
    {"- {version: 1, since: 0, series.retain: off}\n",
     "r.yaml:1:41 CLM-C1 series.retain is \"off\"; a duration is a whole number and ms, s, m, h or d, as in "
     "250ms\n"},
    {"- {version: 1, since: 0, max_future_skew: 36501d}\n",
     "r.yaml:1:43 CLM-C1 max_future_skew is 36501d; it takes 0 to 36500d\n"},
    {"- {version: 1, since: 0, window: {disorder: off}}\n",
     "r.yaml:1:45 CLM-C1 window.disorder is \"off\"; a duration is a whole number and ms, s, m, h or d, as "
     "in "
     "250ms\n"},
    {"- {version: 1, since: 0, window.heartbeat: 999ms}\n",
     "r.yaml:1:44 CLM-C1 window.heartbeat is 999ms; it takes 1s to 1h, or off\n"},
    {"- {version: 1, since: 0, window.heartbeat: 3601s}\n",
     "r.yaml:1:44 CLM-C1 window.heartbeat is 3601s; it takes 1s to 1h, or off\n"},
    {"- {version: 1, since: 0, window.lateness: 36501d}\n",
     "r.yaml:1:43 CLM-C1 window.lateness is 36501d; it takes 0 to 36500d\n"},
    {"- {version: 1, since: 0, max_past: [1d]}\n", "r.yaml:1:36 CLM-C1 max_past takes one value\n"},
    {"- {version: 1, since: 0, alerts.sigmas: 1001}\n",
     "r.yaml:1:41 CLM-C1 alerts.sigmas is 1001; it takes 0.001 to 1000\n"},
    {"- {version: 1, since: 0, alerts.sigmas: 0}\n",
     "r.yaml:1:41 CLM-C1 alerts.sigmas is 0; it takes 0.001 to 1000\n"},
    {"- {version: 1, since: 0, alerts.least_share: 0.1234}\n",
     "r.yaml:1:46 CLM-C1 alerts.least_share is \"0.1234\"; it takes a number of at most three places, as in "
     "2.5\n"},
    {"- {version: 1, since: 0, alerts.least_share: .5}\n",
     "r.yaml:1:46 CLM-C1 alerts.least_share is \".5\"; it takes a number of at most three places, as in "
     "2.5\n"},
    {"- {version: 1, since: 0, alerts.least_share: 1.}\n",
     "r.yaml:1:46 CLM-C1 alerts.least_share is \"1.\"; it takes a number of at most three places, as in "
     "2.5\n"},
    {"- {version: 1, since: 0, alerts.cold_windows: 0}\n",
     "r.yaml:1:47 CLM-C1 alerts.cold_windows is 0; it takes 1 to 2880\n"},
    {"- {version: 1, since: 0, alerts.calm_windows: 1.5}\n",
     "r.yaml:1:47 CLM-C1 alerts.calm_windows is \"1.5\"; it takes a whole number\n"},
    {"- {version: 1, since: 0, alerts.sigmas: 2}\n",
     "r.yaml:1:3 CLM-C1 alerts.calm_sigmas is greater than alerts.sigmas: an alert would be over at once\n"},
    {"- {version: 1, since: 0, alerts.sigma: 6}\n",
     "r.yaml:1:26 CLM-C1 unknown rule alerts.sigma; did you mean alerts.sigmas?\n"},
    {"- {since: 0}\n", "r.yaml:1:3 CLM-C1 this version does not say its number (version: 1)\n"},
    {"- {version: 1}\n",
     "r.yaml:1:3 CLM-C1 this version does not say from which record time on it is in force (since)\n"},
    {"- {version: 2, since: 0}\n",
     "r.yaml:1:13 CLM-C1 version is \"2\"; versions count 1, 2, 3...: here 1\n"},
    {"- {version: 1, since: 0}\n- {version: 1, since: 1}\n",
     "r.yaml:2:13 CLM-C1 version is \"1\"; versions count 1, 2, 3...: here 2\n"},
    {"- {version: 1, since: 0}\n- {version: 2, since: 0}\n",
     "r.yaml:2:23 CLM-C1 since 0 does not lie after the since of version 1\n"},
    {"- {version: 1, since: yesterday}\n", "r.yaml:1:23 CLM-C1 since is \"yesterday\"; it takes a time in "
                                           "UTC, as 2026-01-01T00:00:00Z, or milliseconds since "
                                           "1970\n"},
    {"", "r.yaml CLM-C1 rules are a list of versions, at least one: - version: 1\n"},
    {"[]\n", "r.yaml CLM-C1 rules are a list of versions, at least one: - version: 1\n"},
    {"version: 1\nsince: 0\n", "r.yaml CLM-C1 rules are a list of versions, at least one: - version: 1\n"},
    {"- 1\n", "r.yaml:1:3 CLM-C1 a version is a mapping: version, since, and what it changes\n"},
    {"- {version: !!int 1, since: 0}\n", "r.yaml:1:13 CLM-C1 tags (!) are not understood\n"},
    {"- {version: 1\n",
     "r.yaml:2:1 CLM-C1 not YAML: did not find expected ',' or '}', while parsing a flow mapping\n"},
    {"- {version: 1, since: 0, a: 1, max_past: 3}\n- {version: 2, since: 0}\n",
     "r.yaml:1:26 CLM-C1 unknown rule a\n"
     "r.yaml:1:42 CLM-C1 max_past is \"3\"; a duration needs its unit: ms, s, m, h or d, as in 10s, or off\n"
     "r.yaml:2:23 CLM-C1 since 0 does not lie after the since of version 1\n"},
};

static void test_the_file_is_read_strictly(void **state) {
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(load_text(wrong[i].text), STATUS_CONFIG);
        assert_string_equal(captured.text, wrong[i].finding);
        assert_null(book.versions);
    }
}

static void test_empty_sections_change_nothing(void **state) {
    assert_int_equal(load_text("- {version: 1, since: 0, weights: {}, series: {}, reach: {}}\n"), STATUS_OK);
}

static void test_missing_file(void **state) {
    assert_int_equal(load("none.yaml"), STATUS_NO_INPUT);
    assert_string_equal(captured.text, "none.yaml cannot be opened: No such file or directory\n");
    assert_int_equal(load("/"), STATUS_NO_INPUT);
    assert_string_equal(captured.text, "/ cannot be read: Is a directory\n");
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(test_##name, forget)
    const struct CMUnitTest tests[] = {
        TEST(without_a_file_the_defaults_hold_for_ever),
        TEST(a_version_inherits_what_it_does_not_say),
        TEST(an_account_has_the_rivals_of_its_last_list),
        TEST(lists_have_one_hash_however_they_are_written),
        TEST(the_version_in_force_is_the_last_that_is_not_later),
        TEST(the_hash_is_of_what_version_1_decides_not_of_how_it_is_written),
        TEST(a_further_kind_with_a_weight_leaves_the_hash_as_it_is),
        TEST(every_version_has_a_hash),
        TEST(the_file_is_read_strictly),
        TEST(empty_sections_change_nothing),
        TEST(missing_file),
    };
    return cmocka_run_group_tests_name("rules", tests, set_up, tear_down);
}
