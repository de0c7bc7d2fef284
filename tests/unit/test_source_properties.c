#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/source_worker.h"

// --- Properties

static void properties_of_the_configuration(void **state) {
    static const struct {
        const char *name, *value, *role, *says; // says NULL: applied, "": not for this role
    } rows[] = {
        {"fetch.min.bytes", "77", "consumer", NULL},
        {"fetch_min_bytes", "77", "consumer", NULL}, // as the environment spells it
        {"queued.max.messages.kbytes", "1234", "consumer", NULL},
        {"fetch.min.bytes", "77", "producer", ""},
        {"linger.ms", "7", "producer", NULL},
        {"linger.ms", "7", "consumer", ""},
        {"group.id", "x", "consumer", "kafka.group"},
        {"group.id", "x", "producer", "kafka.group"},
        {"enable.auto.commit", "true", "consumer", "committed"},
        {"enable_auto_commit", "true", "consumer", "committed"},
        {"enable.auto.offset.store", "true", "consumer", "committed"},
        {"auto.offset.reset", "earliest", "consumer", "lose"},
        {"isolation.level", "read_uncommitted", "consumer", "transaction"},
        {"delivery.report.only.error", "true", "producer", "arrived"},
        {"partitioner", "random", "producer", "murmur2"},
        {"session.timeout.ms", "1", "consumer", "kafka.session.timeout"},
        {"fetch.mim.bytes", "1", "consumer", "did you mean kafka.fetch.min.bytes?"},
        {"topc", "1", "consumer", "did you mean kafka.topic?"},
        {"sesion.timeout", "1", "producer", "did you mean kafka.session.timeout?"},
        {"static_ids", "1", "consumer", "did you mean kafka.static_id?"},
        {"quite.another.thing", "1", "consumer", "no such property"},
        {"fetch.min.bytes", "many", "consumer", "fetch.min.bytes"},
    };
    struct settings settings = settings_for("g");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct config_pair pair = {rows[i].name, rows[i].value, "file:3:1"};
        struct problem problem = {0};
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        enum status status = source_properties(conf, rows[i].role, &settings, &pair, 1, &problem);
        bool refused = rows[i].says != NULL && rows[i].says[0] != '\0';
        char value[64] = "", name[64];
        size_t size = sizeof(value);
        assert_int_equal(status, refused ? STATUS_CONFIG : STATUS_OK);
        if (refused) {
            assert_string_equal(problem.code, "CLM-C1");
            assert_non_null(strstr(problem.what, rows[i].says));
            assert_non_null(strstr(problem.what, "file:3:1"));
        } else {
            snprintf(name, sizeof(name), "%s", rows[i].name);
            for (char *at = name; *at != '\0'; at++)
                *at = *at == '_' ? '.' : *at;
            assert_int_equal(rd_kafka_conf_get(conf, name, value, &size), RD_KAFKA_CONF_OK);
            assert_int_equal(strcmp(value, rows[i].value) == 0, rows[i].says == NULL);
        }
        rd_kafka_conf_destroy(conf);
    }
}

static void properties_of_ours(void **state) {
    static const char *const rows[][2] = {
        {"client.id", "clameur"},           {"group.id", "g"},
        {"group.instance.id", "worker-1"},  {"enable.auto.commit", "false"},
        {"auto.offset.reset", "error"},     {"partition.assignment.strategy", "cooperative-sticky"},
        {"session.timeout.ms", "6000"},     {"heartbeat.interval.ms", "2000"},
        {"enable.partition.eof", "true"},   {"allow.auto.create.topics", "false"},
        {"statistics.interval.ms", "5000"}, {"enable.auto.offset.store", "false"},
    };
    struct settings settings = settings_for("g");
    settings.kafka_static_id = "worker-1";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    struct problem problem;
    assert_int_equal(source_properties(conf, "consumer", &settings, NULL, 0, &problem), STATUS_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char value[64];
        size_t size = sizeof(value);
        assert_int_equal(rd_kafka_conf_get(conf, rows[i][0], value, &size), RD_KAFKA_CONF_OK);
        assert_string_equal(value, rows[i][1]);
    }
    rd_kafka_conf_destroy(conf);
}

// What only rd_kafka_new finds wrong, and a source that leaves before it was given anything.
static void create_fails_or_is_undone(void **state) {
    static const struct config_pair wrong = {"ssl.ca.location", "/nowhere/ca.pem", "test"},
                                    tls = {"security.protocol", "ssl", "test"};
    const struct config_pair pairs[] = {tls, wrong};
    struct settings settings = settings_for("g");
    struct problem problem = {0};
    struct worker w = {.marks = *state};
    assert_int_equal(source_create(&w.source, &settings, pairs, 2, &loop, &events, &w, &problem),
                     STATUS_CONFIG);
    assert_null(w.source);
    assert_non_null(strstr(problem.what, "ca.location"));
    worker_start(&w, *state, "g");
    worker_stop(&w, 2000);
    worker_start(&w, *state, "g");
    poll_for(&w, 1500); // joined, not yet assigned
    assert_int_equal(owned_count(&w), 0);
    worker_stop(&w, 2000);
    assert_null(w.source);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(properties_of_the_configuration),
        cmocka_unit_test(properties_of_ours),
        ON_MOCK(create_fails_or_is_undone),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
