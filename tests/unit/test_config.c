#include "runtime/config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture.h"

struct target {
    const char *bootstrap;
    int64_t session_ms;
    const char *url;
    const char *password;
    int64_t flush_min_ms;
    int64_t flush_max_ms;
    int64_t max_past_ms;
    int64_t ops;
    int64_t bytes;
    bool strict;
    const char *level;
};

#define ROW(field, name, type, fallback, flags, min, max, doc)                                               \
    { name, OPTION_##type, offsetof(struct target, field), fallback, flags, min, max, doc }
static const struct option_row rows[] = {
    ROW(bootstrap, "kafka.bootstrap.servers", STRING, "", OPTION_REQUIRED, 0, 0, "brokers"),
    ROW(session_ms, "kafka.session.timeout", DURATION, "10s", 0, 1000, 1800000, "wait"),
    ROW(url, "redis.url", STRING, "redis://here", 0, 0, 0, "where"),
    ROW(password, "redis.password", STRING, "", OPTION_SECRET, 0, 0, "secret"),
    ROW(flush_min_ms, "redis.flush_min", DURATION, "250ms", 0, 10, 60000, "least"),
    ROW(flush_max_ms, "redis.flush_max", DURATION, "1s", 0, 10, 60000, "most"),
    ROW(max_past_ms, "max_past", DURATION, "90d", OPTION_OFF, 0, 0, "past"),
    ROW(ops, "redis.flush_max_ops", INT, "4000", 0, 1, 100000, "updates"),
    ROW(bytes, "decode.max_bytes", SIZE, "64KiB", 0, 256, 16777216, "size"),
    ROW(strict, "redis.strict", BOOL, "true", 0, 0, 0, "truth"),
    ROW(level, "log.level", CHOICE, "info", 0, 0, 0, "[debug|info|warn|error] level"),
};
#undef ROW
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

struct extra {
    bool connect;
    int64_t limit;
    const char *topic, *output;
};
static const struct option_row extra_rows[] = {
    {"connect", OPTION_BOOL, offsetof(struct extra, connect), "false", 0, 0, 0, "also ask the servers"},
    {"limit", OPTION_INT, offsetof(struct extra, limit), "10", 0, 0, 0, "how many"},
    {"topic", OPTION_STRING, offsetof(struct extra, topic), "", 0, 0, 0, "which"},
    {"output", OPTION_STRING, offsetof(struct extra, output), "", 0, 0, 0, "as what"},
};

static struct capture captured;
static struct target target;
static struct extra extra;
static struct config_request request;
static struct config *config;
static char folder[64];

static enum status load(char **argv) {
    int argc = 0;
    while (argv[argc] != NULL)
        argc++;
    capture_begin(&captured);
    enum status status =
        config_load(&config, argc, argv, 1, rows, ROWS, &target, extra_rows, 4, &extra, &request);
    capture_end(&captured);
    return status;
}
#define LOAD(...)  load((char *[]){(char[]){"program"}, __VA_ARGS__ __VA_OPT__(, ) NULL})
#define WORD(text) ((char[]){text})
#define BROKERS    WORD("--kafka.bootstrap.servers=k:9092")

static void file_is(const char *name, const char *text) {
    file_write(name, text, strlen(text), 0600);
}

// Loads one file; the broker is given apart, so that only what the file says can be wrong.
static enum status load_text(const char *text) {
    file_is("a.yaml", text);
    return LOAD(WORD("-c"), WORD("a.yaml"), BROKERS);
}

static int set_up(void **state) {
    snprintf(folder, sizeof(folder), "/tmp/test_config.XXXXXX");
    return mkdtemp(folder) == NULL || chdir(folder) != 0 ? -1 : 0;
}

static int tear_down(void **state) {
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return chdir("/") != 0 || system(command) != 0 ? -1 : 0;
}

static int forget(void **state) {
    config_destroy(&config);
    unsetenv("CLAMEUR_REDIS_URL");
    return 0;
}

static void test_defaults(void **state) {
    assert_int_equal(LOAD(BROKERS), STATUS_OK);
    assert_string_equal(target.bootstrap, "k:9092");
    assert_int_equal(target.session_ms, 10000);
    assert_string_equal(target.password, "");
    assert_int_equal(target.max_past_ms, INT64_C(90) * 86400000);
    assert_int_equal(target.ops, 4000);
    assert_int_equal(target.bytes, 65536);
    assert_true(target.strict);
    assert_string_equal(target.level, "info");
    assert_false(extra.connect);
    assert_int_equal(extra.limit, 10);
    assert_string_equal(extra.topic, "");
    assert_string_equal(config_origin(config, "redis.url"), "default");
    assert_string_equal(config_origin(config, "kafka.bootstrap.servers"), "--kafka.bootstrap.servers");
    assert_null(config_origin(config, "redis.nothing"));
    assert_string_equal(captured.text, "");
}

static void test_nested_dotted_and_aliased_keys_mean_the_same(void **state) {
    static const char text[] = "redis: {flush_min: &t 20ms, strict: false}\n"
                               "redis.flush_max: *t\n"
                               "kafka:\n"
                               "  session.timeout: 2m\n"
                               "max_past: off\n"
                               "decode.max_bytes: \"1MiB\"\n";
    assert_int_equal(load_text(text), STATUS_OK);
    assert_int_equal(target.flush_min_ms, 20);
    assert_int_equal(target.flush_max_ms, 20);
    assert_false(target.strict);
    assert_int_equal(target.session_ms, 120000);
    assert_int_equal(target.max_past_ms, -1);
    assert_int_equal(target.bytes, 1 << 20);
    assert_string_equal(config_origin(config, "redis.strict"), "a.yaml:1:37");
}

static void test_an_alias_of_a_mapping(void **state) {
    static const char text[] = "kafka.ssl: &tls {ca.location: /ca, key.location: /key}\nkafka.other: *tls\n";
    assert_int_equal(load_text(text), STATUS_OK);
    const struct config_pair *pairs;
    assert_int_equal(config_passthrough(config, &pairs), 4);
    assert_string_equal(pairs[3].name, "other.key.location");
    assert_string_equal(pairs[3].value, "/key");
}

static void test_later_sources_replace_earlier_ones(void **state) {
    file_is("a.yaml", "redis: {url: one, flush_max_ops: 7}\n");
    file_is("b.yaml", "redis.url: two\n");
    assert_int_equal(LOAD(WORD("-c"), WORD("a.yaml"), WORD("--config=b.yaml"), BROKERS), STATUS_OK);
    assert_string_equal(target.url, "two");
    assert_int_equal(target.ops, 7);
    assert_string_equal(config_origin(config, "redis.url"), "b.yaml:1:12");
    config_destroy(&config);

    setenv("CLAMEUR_REDIS_URL", "three", 1);
    assert_int_equal(LOAD(WORD("-c"), WORD("b.yaml"), BROKERS), STATUS_OK);
    assert_string_equal(target.url, "three");
    assert_string_equal(config_origin(config, "redis.url"), "CLAMEUR_REDIS_URL");
    config_destroy(&config);

    assert_int_equal(LOAD(WORD("--redis.url"), WORD("four"), BROKERS, WORD("-c"), WORD("b.yaml")), STATUS_OK);
    assert_string_equal(target.url, "four");
    assert_string_equal(config_origin(config, "redis.url"), "--redis.url");
}

static void test_a_directory_is_its_yaml_files_in_name_order(void **state) {
    mkdir("conf.d", 0700);
    file_is("conf.d/20.yaml", "redis.url: late\n");
    file_is("conf.d/10.yaml", "redis: {url: early, flush_max_ops: 9}\n");
    file_is("conf.d/.hidden.yaml", "nonsense: 1\n");
    file_is("conf.d/notes.txt", "nonsense: 1\n");
    assert_int_equal(LOAD(WORD("-c"), WORD("conf.d"), BROKERS), STATUS_OK);
    assert_string_equal(target.url, "late");
    assert_int_equal(target.ops, 9);
    config_destroy(&config);
    mkdir("empty.d", 0700);
    assert_int_equal(LOAD(WORD("-c"), WORD("empty.d"), BROKERS), STATUS_NO_INPUT);
    assert_string_equal(captured.text, "empty.d this directory holds no *.yaml\n");
}

// A file, and the whole of what is said about it: nothing more, so that one mistake is one finding.
static const struct {
    const char *text;
    const char *finding;
} wrong_files[] = {
    {"\n\n  redis.flush_mx: 1s\n",
     "a.yaml:3:3 CLM-C1 unknown key redis.flush_mx; did you mean redis.flush_max?\n"},
    {"redis:\n  flsuh_min: 1s\n",
     "a.yaml:2:3 CLM-C1 unknown key redis.flsuh_min; did you mean redis.flush_min?\n"},
    {"reddis: {}\n", "a.yaml:1:1 CLM-C1 unknown key reddis\n"},
    {"redis: {}\nkafka: {}\n", NULL},
    {"zzz: 1\n", "a.yaml:1:1 CLM-C1 unknown key zzz\n"},
    {"connect: true\n", "a.yaml:1:1 CLM-C1 unknown key connect\n"},
    {"kafka.bootstrap_servers: x\n",
     "a.yaml:1:1 CLM-C1 unknown key kafka.bootstrap_servers; did you mean kafka.bootstrap.servers?\n"},
    {"kafka.: x\n", "a.yaml:1:1 CLM-C1 unknown key kafka.\n"},
    {"redis.url: a\nredis.url: b\n", "a.yaml:2:1 CLM-C1 duplicate key redis.url, first given in line 1\n"},
    {"redis: {url: a}\nredis: {flush_min: 1s}\n",
     "a.yaml:2:1 CLM-C1 duplicate key redis, first given in line 1\n"},
    {"redis: {url: a}\nredis.url: b\n", "a.yaml:2:1 CLM-C1 redis.url is given twice, first in a.yaml:1:14\n"},
    {"kafka.log_level: 1\nkafka.log.level: 2\n",
     "a.yaml:2:1 CLM-C1 kafka.log.level is given twice, first in a.yaml:1:18\n"},
    {"redis.url:\n",
     "a.yaml:1:11 CLM-C1 redis.url has no value (null); leave it out, or write \"\" for an empty text\n"},
    {"redis.url: ~\n",
     "a.yaml:1:12 CLM-C1 redis.url has no value (null); leave it out, or write \"\" for an empty text\n"},
    {"redis:\n", "a.yaml:1:7 CLM-C1 redis has no value (null); give it keys or leave it out\n"},
    {"kafka.sasl.mechanism: null\n",
     "a.yaml:1:23 CLM-C1 kafka.sasl.mechanism has no value (null); leave it out, or "
     "write \"\" for an empty text\n"},
    {"redis.url: \"null\"\n", NULL},
    {"redis: here\n", "a.yaml:1:8 CLM-C1 redis is a section: it takes keys, not a value\n"},
    {"redis: [1]\n", "a.yaml:1:8 CLM-C1 redis takes keys, not a list\n"},
    {"redis.url: [a, b]\n", "a.yaml:1:12 CLM-C1 redis.url takes one value, not a list\n"},
    {"redis.url: {}\n", "a.yaml:1:12 CLM-C1 redis.url takes one value, not a mapping\n"},
    {"~: 1\n", "a.yaml:1:1 CLM-C1 a key without a name (null)\n"},
    {"? \n: 1\n", "a.yaml:1:2 CLM-C1 a key without a name (null)\n"},
    {"[a]: 1\n", "a.yaml:1:1 CLM-C1 a key that is not a name\n"},
    {"redis.url: !!str x\n", "a.yaml:1:12 CLM-C1 tags (!) are not understood\n"},
    {"redis.url: ! x\n", "a.yaml:1:12 CLM-C1 tags (!) are not understood\n"},
    {"redis: !!map {url: x}\n", "a.yaml:1:8 CLM-C1 tags (!) are not understood\n"},
    {"a: &x {redis.url: b}\n<<: *x\n",
     "a.yaml:2:1 CLM-C1 merge keys (<<) are not understood; an alias may stand for a "
     "whole value\na.yaml:1:8 CLM-C1 unknown key a.redis.url; did you mean redis.url?\n"},
    {"redis.url: *none\n", "a.yaml:1:12 CLM-C1 an alias (*) of no anchor that stands before it; a text that "
                           "begins with * needs quotes\n"},
    {"redis: &r {url: *r}\n", "a.yaml:1:17 CLM-C1 an alias (*) of no anchor that stands before it; a text "
                              "that begins with * needs quotes\n"},
    {"redis.flush_min: 250\n", "a.yaml:1:18 CLM-C1 redis.flush_min is \"250\"; a duration needs its unit: "
                               "ms, s, m, h or d, as in 10s\n"},
    {"redis.flush_min: 1.5s\n",
     "a.yaml:1:18 CLM-C1 redis.flush_min is \"1.5s\"; a duration is a whole number and ms, s, "
     "m, h or d, as in 250ms\n"},
    {"redis.flush_min: off\n",
     "a.yaml:1:18 CLM-C1 redis.flush_min is \"off\"; a duration is a whole number and ms, s, "
     "m, h or d, as in 250ms\n"},
    {"redis.flush_min: 5ms\n", "a.yaml:1:18 CLM-C1 redis.flush_min is 5ms; it takes 10ms to 1m\n"},
    {"redis.flush_min: 61s\n", "a.yaml:1:18 CLM-C1 redis.flush_min is 61s; it takes 10ms to 1m\n"},
    {"max_past: 90\n",
     "a.yaml:1:11 CLM-C1 max_past is \"90\"; a duration needs its unit: ms, s, m, h or d, as in 10s, "
     "or off\n"},
    {"decode.max_bytes: 1024\n",
     "a.yaml:1:19 CLM-C1 decode.max_bytes is \"1024\"; a size needs its unit: B, KiB, MiB, "
     "GiB, KB, MB or GB\n"},
    {"decode.max_bytes: 17MiB\n", "a.yaml:1:19 CLM-C1 decode.max_bytes is 17MiB; it takes 256B to 16MiB\n"},
    {"redis.flush_max_ops: many\n",
     "a.yaml:1:22 CLM-C1 redis.flush_max_ops is \"many\"; it takes a whole number\n"},
    {"redis.strict: yes\n", "a.yaml:1:15 CLM-C1 redis.strict is \"yes\"; it takes true or false\n"},
    {"log.level: inf\n", "a.yaml:1:12 CLM-C1 log.level is \"inf\"; it takes one of debug|info|warn|error\n"},
    {"- a\n", "a.yaml:1:1 CLM-C1 a configuration is a mapping: NAME: VALUE\n"},
    {"redis.url: a\n---\nredis.url: b\n",
     "a.yaml:2:1 CLM-C1 a second document (---): one file is one document\n"},
    {"redis: {url: a\n",
     "a.yaml:2:1 CLM-C1 not YAML: did not find expected ',' or '}', while parsing a flow mapping\n"},
    {"redis.url: \"a\\0b\"\n", "a.yaml:1:12 CLM-C1 a text with a NUL byte in it\n"},
    {"\"a\\x1b[2Jb\": 1\n", "a.yaml:1:1 CLM-C1 unknown key a?[2Jb\n"},
    {"# nothing\n", NULL},
    {"", NULL},
    {"---\n", NULL},
    {"redis.ulr: a\nredis.flush_min: 3\nlog.level: x\n",
     "a.yaml:1:1 CLM-C1 unknown key redis.ulr; did you mean redis.url?\n"
     "a.yaml:2:18 CLM-C1 redis.flush_min is \"3\"; a duration needs its unit: ms, s, m, h or d, as in 10s\n"
     "a.yaml:3:12 CLM-C1 log.level is \"x\"; it takes one of debug|info|warn|error\n"},
};

static void test_files_are_read_strictly(void **state) {
    for (size_t i = 0; i < sizeof(wrong_files) / sizeof(wrong_files[0]); i++) {
        enum status status = load_text(wrong_files[i].text);
        assert_string_equal(captured.text, wrong_files[i].finding == NULL ? "" : wrong_files[i].finding);
        assert_int_equal(status, wrong_files[i].finding == NULL ? STATUS_OK : STATUS_CONFIG);
        assert_true((config == NULL) == (status != STATUS_OK));
        config_destroy(&config);
    }
}

static void test_a_wrong_value_is_found_although_a_flag_replaces_it(void **state) {
    file_is("a.yaml", "redis.flush_min: 3\n");
    assert_int_equal(LOAD(WORD("-c"), WORD("a.yaml"), WORD("--redis.flush_min=1s"), BROKERS), STATUS_CONFIG);
}

static void test_bytes_that_are_no_text(void **state) {
    file_write("a.yaml", "redis.url: a\nlog\xff: x\n", 20, 0600);
    assert_int_equal(LOAD(WORD("-c"), WORD("a.yaml"), BROKERS), STATUS_CONFIG);
    assert_non_null(strstr(captured.text, "CLM-C1 not YAML: "));
}

static void test_bounds_of_a_file(void **state) {
    static char text[(1 << 20) + 2];
    memset(text, '#', sizeof(text));
    file_write("a.yaml", text, sizeof(text), 0600);
    assert_int_equal(LOAD(WORD("-c"), WORD("a.yaml"), BROKERS), STATUS_CONFIG);
    assert_string_equal(captured.text, "a.yaml CLM-C1 larger than 1 MiB\n");

    memset(text, '{', 40);
    text[40] = '\0';
    assert_int_equal(load_text(text), STATUS_CONFIG);
    assert_non_null(strstr(captured.text, "nested too deeply"));

    // Each line doubles what stands before it: 2^20 leaves out of 20 lines.
    size_t length = (size_t)sprintf(text, "kafka.a0: &a0 {x: 1}\n");
    for (int i = 1; i <= 20; i++)
        length += (size_t)sprintf(text + length, "kafka.a%d: &a%d {x: *a%d, y: *a%d}\n", i, i, i - 1, i - 1);
    assert_int_equal(load_text(text), STATUS_CONFIG);
    assert_non_null(strstr(captured.text, "too large: 10,000 keys and values"));
}

static void test_missing_file(void **state) {
    assert_int_equal(LOAD(WORD("-c"), WORD("none.yaml"), BROKERS), STATUS_NO_INPUT);
    assert_string_equal(captured.text, "none.yaml cannot be opened: No such file or directory\n");
}

static void test_required(void **state) {
    static const char finding[] =
        "CLM-C1 kafka.bootstrap.servers is required (brokers): set it in a file, as kafka.bootstrap.servers: "
        "VALUE; or "
        "by the variable CLAMEUR_KAFKA_BOOTSTRAP_SERVERS; or by the flag --kafka.bootstrap.servers=VALUE\n";
    assert_int_equal(load((char *[]){WORD("program"), NULL}), STATUS_CONFIG);
    assert_string_equal(captured.text, finding);
    assert_int_equal(LOAD(WORD("--kafka.bootstrap.servers=")), STATUS_CONFIG);
    assert_string_equal(captured.text, finding);
}

static void test_of_a_file_that_cannot_be_read_nothing_is_required__red_if_it_is(void **state) {
    assert_int_equal(LOAD(WORD("-c"), WORD("none.yaml")), STATUS_NO_INPUT);
    assert_string_equal(captured.text, "none.yaml cannot be opened: No such file or directory\n");
    file_is("a.yaml", "");
    assert_int_equal(LOAD(WORD("-c"), WORD("a.yaml")), STATUS_CONFIG);
    assert_non_null(strstr(captured.text, "is required"));
}

static void test_what_passes_through_is_told_where_a_required_key_was_meant(void **state) {
    file_is("a.yaml", "kafka.boostrap.servers: k:9092\nkafka.debug: all\n");
    assert_int_equal(LOAD(WORD("-c"), WORD("a.yaml")), STATUS_CONFIG);
    assert_string_equal(captured.text, "a.yaml:1:25 CLM-C1 unknown key kafka.boostrap.servers; did you mean "
                                       "kafka.bootstrap.servers?\n");
    assert_int_equal(LOAD(WORD("-c"), WORD("a.yaml"), BROKERS), STATUS_OK); // librdkafka's own to judge
}

static void test_help_needs_nothing_and_reads_nothing(void **state) {
    assert_int_equal(LOAD(WORD("-c"), WORD("none.yaml"), WORD("--bogus=1"), WORD("-h")), STATUS_OK);
    assert_true(request.help);
    assert_string_equal(captured.text, "");
    assert_int_equal(target.ops, 4000);
    config_destroy(&config);
    assert_int_equal(LOAD(WORD("--"), WORD("--help"), BROKERS), STATUS_CONFIG);
    assert_non_null(strstr(captured.text, "is required"));
}

// One flag, and what is said about it: a key is of the configuration, all else of the command line.
static const struct {
    const char *words[4];
    enum status status;
    const char *finding;
} wrong_flags[] = {
    {{"--redis.flush_mx=1s"},
     STATUS_CONFIG,
     "--redis.flush_mx CLM-C1 unknown key; did you mean --redis.flush_max?\n"},
    {{"--conect"}, STATUS_USAGE, "--conect unknown flag; did you mean --connect?\n"},
    {{"--kafka.debug"}, STATUS_USAGE, "--kafka.debug needs a value\n"},
    {{"--conect=true"}, STATUS_USAGE, "--conect unknown flag; did you mean --connect?\n"},
    {{"--redis.url"}, STATUS_USAGE, "--redis.url needs a value\n"},
    {{"--redis.url", "--connect"}, STATUS_USAGE, "--redis.url needs a value\n"},
    {{"-c"}, STATUS_USAGE, "--config needs a value\n"},
    {{"-o"}, STATUS_USAGE, "--output needs a value\n"},
    {{"-x"}, STATUS_USAGE, "-x unknown flag; -c FILE, -h and --name=value are understood\n"},
    {{"--redis.flush_min=5"},
     STATUS_CONFIG,
     "--redis.flush_min CLM-C1 redis.flush_min is \"5\"; a duration needs its unit: ms, s, m, h or d, as in "
     "10s\n"},
    {{"--redis.url=a", "--redis.url=b"},
     STATUS_CONFIG,
     "--redis.url CLM-C1 is given twice: it takes one value\n"},
    {{"--limit=1", "--limit=2"}, STATUS_USAGE, "--limit is given twice: it takes one value\n"},
    {{"--topic", "-c", "a.yaml"}, STATUS_USAGE, "--topic needs a value\n"},
};

static void test_flags_are_read_strictly(void **state) {
    for (size_t i = 0; i < sizeof(wrong_flags) / sizeof(wrong_flags[0]); i++) {
        char *argv[] = {WORD("program"),
                        BROKERS,
                        (char *)(uintptr_t)wrong_flags[i].words[0],
                        (char *)(uintptr_t)wrong_flags[i].words[1],
                        (char *)(uintptr_t)wrong_flags[i].words[2],
                        NULL};
        assert_int_equal(load(argv), wrong_flags[i].status);
        assert_string_equal(captured.text, wrong_flags[i].finding);
    }
}

static void test_output_has_a_short_name_everywhere(void **state) {
    assert_int_equal(LOAD(WORD("-o"), WORD("json"), WORD("acme"), BROKERS), STATUS_OK);
    assert_string_equal(extra.output, "json");
    assert_int_equal(request.argument_count, 1);
}

static void test_switches_and_arguments(void **state) {
    assert_int_equal(LOAD(WORD("acme"), WORD("--connect"), WORD("tiktok"), WORD("--limit"), WORD("-3"),
                          WORD("-"), BROKERS, WORD("--"), WORD("--redis.url")),
                     STATUS_OK);
    assert_true(extra.connect);
    assert_int_equal(extra.limit, -3);
    assert_int_equal(request.argument_count, 4);
    assert_string_equal(request.arguments[0], "acme");
    assert_string_equal(request.arguments[1], "tiktok");
    assert_string_equal(request.arguments[2], "-");
    assert_string_equal(request.arguments[3], "--redis.url");
    config_destroy(&config);
    assert_int_equal(LOAD(WORD("--redis.strict"), WORD("false"), WORD("--connect=false"), BROKERS),
                     STATUS_OK);
    assert_false(target.strict);
    assert_false(extra.connect);
    assert_int_equal(request.argument_count, 0);
}

static void test_the_lowest_status_wins_and_all_findings_are_told(void **state) {
    file_is("a.yaml", "zzz: 1\n");
    assert_int_equal(LOAD(WORD("-c"), WORD("a.yaml"), WORD("-c"), WORD("none.yaml"), WORD("--qqq=1")),
                     STATUS_USAGE);
    assert_non_null(strstr(captured.text, "a.yaml:1:1 CLM-C1 unknown key zzz\n"));
    assert_non_null(strstr(captured.text, "none.yaml cannot be opened"));
    assert_non_null(strstr(captured.text, "--qqq unknown flag\n"));
}

static void test_environment(void **state) {
    setenv("CLAMEUR_REDIS_FLUSH_MX", "1", 1);
    setenv("CLAMEUR_KAFKA_", "1", 1);
    setenv("CLAMEUR_LIMIT", "1", 1);
    assert_int_equal(LOAD(BROKERS), STATUS_CONFIG);
    assert_non_null(strstr(captured.text, "CLAMEUR_REDIS_FLUSH_MX CLM-C1 unknown variable; did you mean "
                                          "CLAMEUR_REDIS_FLUSH_MAX?\n"));
    assert_non_null(strstr(captured.text, "CLAMEUR_KAFKA_ CLM-C1 unknown variable"));
    assert_non_null(strstr(captured.text, "CLAMEUR_LIMIT CLM-C1 unknown variable"));
    unsetenv("CLAMEUR_REDIS_FLUSH_MX");
    unsetenv("CLAMEUR_KAFKA_");
    unsetenv("CLAMEUR_LIMIT");

    setenv("CLAMEUR_KAFKA_SESSION_TIMEOUT", "3", 1);
    assert_int_equal(LOAD(BROKERS), STATUS_CONFIG);
    assert_string_equal(captured.text,
                        "CLAMEUR_KAFKA_SESSION_TIMEOUT CLM-C1 kafka.session.timeout is \"3\"; a duration "
                        "needs its unit: ms, s, m, h or d, as in 10s\n");
    unsetenv("CLAMEUR_KAFKA_SESSION_TIMEOUT");
}

static void test_without_rows_the_environment_is_not_looked_at(void **state) {
    setenv("CLAMEUR_WHATEVER", "1", 1);
    char *argv[] = {WORD("program"), WORD("--limit=4"), NULL};
    assert_int_equal(config_load(&config, 2, argv, 1, NULL, 0, NULL, extra_rows, 4, &extra, &request),
                     STATUS_OK);
    assert_int_equal(extra.limit, 4);
    unsetenv("CLAMEUR_WHATEVER");
}

static void test_kafka_names_without_a_row_pass_through(void **state) {
    file_is("a.yaml", "kafka:\n  log_level: 6\n  sasl: {mechanism: PLAIN}\n  debug: \"\"\n");
    setenv("CLAMEUR_KAFKA_SASL_MECHANISM", "SCRAM-SHA-512", 1);
    enum status status = LOAD(WORD("-c"), WORD("a.yaml"), BROKERS, WORD("--kafka.log.level"), WORD("7"));
    unsetenv("CLAMEUR_KAFKA_SASL_MECHANISM");
    assert_int_equal(status, STATUS_OK);
    static const struct config_pair expected[] = {
        {"log.level", "7", "--kafka.log.level"},
        {"sasl.mechanism", "SCRAM-SHA-512", "CLAMEUR_KAFKA_SASL_MECHANISM"},
        {"debug", "", "a.yaml:4:10"},
    };
    const struct config_pair *pairs;
    assert_int_equal(config_passthrough(config, &pairs), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(pairs[i].name, expected[i].name);
        assert_string_equal(pairs[i].value, expected[i].value);
        assert_string_equal(pairs[i].origin, expected[i].origin);
    }
}

static void test_a_secret_in_a_file_that_others_may_read_is_refused(void **state) {
    static const char text[] = "redis.password: hunter2\nkafka.sasl.password: hunter3\n";
    static const mode_t open_modes[] = {0644, 0640, 0604};
    for (size_t i = 0; i < 3; i++) {
        file_write("a.yaml", text, strlen(text), open_modes[i]);
        assert_int_equal(LOAD(WORD("-c"), WORD("a.yaml"), BROKERS), STATUS_CONFIG);
        assert_non_null(strstr(captured.text,
                               "a.yaml:1:17 CLM-C1 redis.password is a secret in a file that others "
                               "may read"));
        assert_non_null(strstr(captured.text, "give redis.password_file, or chmod 600 a.yaml\n"));
        assert_non_null(strstr(captured.text, "a.yaml:2:22 CLM-C1 kafka.sasl.password is a secret"));
        assert_non_null(
            strstr(captured.text, "give it as CLAMEUR_KAFKA_SASL_PASSWORD, or chmod 600 a.yaml\n"));
        assert_null(strstr(captured.text, "hunter"));
    }
    file_write("a.yaml", text, strlen(text), 0600);
    assert_int_equal(LOAD(WORD("-c"), WORD("a.yaml"), BROKERS), STATUS_OK);
    assert_string_equal(target.password, "hunter2");
    config_destroy(&config);
    file_write("a.yaml", "redis.password: \"\"\n", 19, 0644);
    assert_int_equal(LOAD(WORD("-c"), WORD("a.yaml"), BROKERS), STATUS_OK);
}

static void test_a_secret_on_the_command_line_is_refused(void **state) {
    assert_int_equal(LOAD(WORD("--redis.password=hunter2"), WORD("--kafka.sasl.password"), WORD("hunter3"),
                          WORD("--kafka.ssl_key_password=hunter4"), BROKERS),
                     STATUS_CONFIG);
    assert_non_null(strstr(captured.text,
                           "--redis.password CLM-C1 is a secret, and a command line is read by "
                           "others; give it as CLAMEUR_REDIS_PASSWORD, or in a file\n"));
    assert_non_null(strstr(captured.text, "give it as CLAMEUR_KAFKA_SASL_PASSWORD, or in a file\n"));
    assert_non_null(strstr(captured.text, "give it as CLAMEUR_KAFKA_SSL_KEY_PASSWORD, or in a file\n"));
    assert_null(strstr(captured.text, "hunter"));
}

// What a password becomes that is not in quotes, or follows one dash.
static void test_a_secret_in_the_wrong_form_is_not_repeated(void **state) {
    static const struct {
        const char *text, *says;
    } forms[] = {
        {"redis.password: *hunter2\n", "a.yaml:1:17 CLM-C1 an alias (*)"},
        {"redis.password: {hunter2}\n", "redis.password takes one value, not a mapping"},
        {"redis: {password: {hunter2: x}}\n", "redis.password takes one value, not a mapping"},
        {"redis.password: {a: {hunter2: x}}\n", "redis.password takes one value, not a mapping"},
        {"kafka.sasl.password: {hunter2}\n", "kafka.sasl.password takes one value, not a mapping"},
        {"kafka:\n  sasl_password: {hunter2: x}\n", "kafka.sasl_password takes one value, not a mapping"},
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        file_write("a.yaml", forms[i].text, strlen(forms[i].text), 0600);
        assert_int_equal(LOAD(WORD("-c"), WORD("a.yaml"), BROKERS), STATUS_CONFIG);
        assert_non_null(strstr(captured.text, forms[i].says));
        assert_null(strstr(captured.text, "hunter"));
    }
    assert_int_equal(LOAD(WORD("-redis.password=hunter2"), BROKERS), STATUS_USAGE);
    assert_non_null(strstr(captured.text, "-redis.password unknown flag"));
    assert_null(strstr(captured.text, "hunter"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_teardown(test_##name, forget)
    const struct CMUnitTest tests[] = {
        TEST(defaults),
        TEST(nested_dotted_and_aliased_keys_mean_the_same),
        TEST(an_alias_of_a_mapping),
        TEST(later_sources_replace_earlier_ones),
        TEST(a_directory_is_its_yaml_files_in_name_order),
        TEST(files_are_read_strictly),
        TEST(a_wrong_value_is_found_although_a_flag_replaces_it),
        TEST(bytes_that_are_no_text),
        TEST(bounds_of_a_file),
        TEST(missing_file),
        TEST(required),
        TEST(of_a_file_that_cannot_be_read_nothing_is_required__red_if_it_is),
        TEST(what_passes_through_is_told_where_a_required_key_was_meant),
        TEST(help_needs_nothing_and_reads_nothing),
        TEST(flags_are_read_strictly),
        TEST(output_has_a_short_name_everywhere),
        TEST(switches_and_arguments),
        TEST(the_lowest_status_wins_and_all_findings_are_told),
        TEST(environment),
        TEST(without_rows_the_environment_is_not_looked_at),
        TEST(kafka_names_without_a_row_pass_through),
        TEST(a_secret_in_a_file_that_others_may_read_is_refused),
        TEST(a_secret_on_the_command_line_is_refused),
        TEST(a_secret_in_the_wrong_form_is_not_repeated),
    };
    return cmocka_run_group_tests_name("config", tests, set_up, tear_down);
}
