#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cluster_nodes.h"
#include "runtime/clock.h"
#include "runtime/redis/redis_client.h"

enum { FIRST = 8000, LOW = 100, HIGH = 9000, TIMEOUT_MS = 400 }; // slots of nodes[0] and nodes[1]

static struct loop loop;
static struct redis_client *client;
static pid_t serving;
static char said[CLUSTER_NODES][8][96];

static int nodes_prepare(void **state) {
    loop_init(&loop);
    nodes_start(&loop);
    slots_are(FIRST, &nodes[1]);
    return 0;
}

// The nodes answer from a process of their own: the client blocks.
static void nodes_serve(void) {
    serving = fork();
    if (serving != 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    uv_loop_fork(&loop.uv);
    for (;;)
        loop_turn(&loop, 1000);
}

static int nodes_end(void **state) {
    redis_client_close(&client);
    if (serving != 0) {
        kill(serving, SIGKILL);
        waitpid(serving, NULL, 0);
        serving = 0;
    }
    nodes_stop();
    loop_fini(&loop);
    return 0;
}

// The node's answers in their order; %d is the port of nodes[2].
static void node_says(size_t node, const char *const *formats) {
    for (size_t i = 0; formats[i] != NULL; i++) {
        snprintf(said[node][i], sizeof(said[node][i]), formats[i], nodes[2].port);
        nodes[node].answers[i] = said[node][i];
    }
}
#define SAYS(node, ...) node_says(node, (const char *const[]){__VA_ARGS__, NULL})

static enum status client_open(struct problem *p) {
    struct redis_seeds seeds = {
        .count = 2, .at = {{.host = "127.0.0.1", .port = 1}, {.host = "127.0.0.1", .port = nodes[2].port}}};
    return redis_client_open(&client, &seeds, NULL, TIMEOUT_MS, p);
}

static void begin(void) {
    struct problem p;
    nodes_serve();
    if (client_open(&p) != STATUS_OK)
        fail_msg("%s", p.what);
}

static void send_to(int slot, const char *word) {
    redis_client_command(client, slot, 1, &word, NULL);
}

static void assert_answer(const char *expected) {
    redisReply *reply = redis_client_answer(client);
    assert_non_null(reply);
    if (strncmp(reply->str, expected, strlen(expected)) != 0)
        fail_msg("\"%s\" instead of \"%s\"", reply->str, expected);
    freeReplyObject(reply);
}

static void answers_come_in_the_order_of_the_commands(void **state) {
    SAYS(0, "+low 1\r\n", "+low 2\r\n");
    SAYS(1, "+high 1\r\n", "+high 2\r\n");
    begin();
    for (int i = 0; i < 2; i++) {
        send_to(HIGH, "A");
        send_to(LOW, "B");
    }
    assert_int_equal(redis_client_pending(client), 4);
    assert_answer("high 1");
    assert_answer("low 1");
    assert_answer("high 2");
    assert_answer("low 2");
    uint16_t numbers[REDIS_NODES_MAX];
    assert_true(redis_client_routes(client));
    assert_int_equal(redis_client_masters(client, numbers), 2);
}

static void what_has_moved_is_followed__and_found_at_once_from_then_on(void **state) {
    SAYS(0, "-MOVED 100 127.0.0.1:%d\r\n", "+low\r\n");
    SAYS(2, "+moved 1\r\n", "+moved 2\r\n");
    begin();
    send_to(LOW, "A");
    send_to(LOW + 1, "B");
    assert_answer("moved 1");
    assert_answer("low");
    send_to(LOW, "C");
    assert_answer("moved 2");
}

static void what_is_asked_elsewhere_is_asked_there_once(void **state) {
    SAYS(0, "-ASK 100 127.0.0.1:%d\r\n", "+low\r\n");
    SAYS(2, "+asked\r\n");
    begin();
    send_to(LOW, "A");
    assert_answer("asked");
    send_to(LOW, "B");
    assert_answer("low");
}

static void asking_that_is_not_permitted_is_the_answer(void **state) {
    SAYS(0, "-ASK 100 127.0.0.1:%d\r\n");
    nodes[2].asking = "-NOPERM this user has no permissions to run the 'asking' command\r\n";
    begin();
    send_to(LOW, "A");
    assert_answer("NOPERM this user");
}

static void what_is_to_be_tried_again_is(void **state) {
    SAYS(0, "-TRYAGAIN Multiple keys request during rehashing of slot\r\n",
         "-CLUSTERDOWN The cluster is down\r\n", "+low\r\n", "-WRONGTYPE\r\n");
    begin();
    send_to(LOW, "A");
    assert_answer("low");
    send_to(LOW, "B");
    assert_answer("WRONGTYPE");
}

static void redirections_without_end_are_the_answer__goes_red_without_a_bound(void **state) {
    char to_itself[SAID_MAX];
    snprintf(to_itself, sizeof(to_itself), "-MOVED 100 127.0.0.1:%d\r\n", nodes[0].port);
    nodes[0].always = to_itself;
    begin();
    int64_t began_ms = clock_monotonic_ms();
    send_to(LOW, "A");
    assert_answer("MOVED 100");
    assert_true(clock_monotonic_ms() - began_ms >= TIMEOUT_MS);
    send_to(HIGH, "B");
    assert_answer("DONE");
}

static void a_lost_answer_is_told_with_its_node__goes_red_if_it_is_sent_again(void **state) {
    nodes[0].mute = true;
    begin();
    send_to(LOW, "A");
    send_to(HIGH, "B");
    assert_null(redis_client_answer(client));
    assert_null(redis_client_answer(client));
    struct problem p = {0};
    char name[32];
    snprintf(name, sizeof(name), "127.0.0.1:%d", nodes[0].port);
    assert_int_equal(redis_client_lost(client, &p), STATUS_UNAVAILABLE);
    assert_string_equal(p.code, "CLM-R3");
    assert_non_null(strstr(p.what, name));
}

static void a_node_that_is_not_there_is_told(void **state) {
    snprintf(nodes[2].slots, SAID_MAX, "*1\r\n*3\r\n:0\r\n:%d\r\n*2\r\n$9\r\n127.0.0.1\r\n:1\r\n", FIRST);
    struct problem p = {0};
    begin();
    send_to(LOW, "A");
    assert_null(redis_client_answer(client));
    assert_int_equal(redis_client_lost(client, &p), STATUS_UNAVAILABLE);
    assert_non_null(strstr(p.what, "no Redis at 127.0.0.1:1:"));
    redis_client_close(&client);
    assert_int_equal(client_open(&p), STATUS_OK);
    send_to(HIGH, "A");
    assert_null(redis_client_answer(client));
    assert_int_equal(redis_client_lost(client, &p), STATUS_TRY_AGAIN);
    assert_non_null(strstr(p.what, "serves slot 9000"));
}

static void a_list_and_a_single_redis_do_not_go_together(void **state) {
    snprintf(nodes[2].slots, SAID_MAX, "-ERR This instance has cluster support disabled\r\n");
    struct problem p = {0};
    nodes_serve();
    assert_int_equal(client_open(&p), STATUS_CONFIG);
    assert_string_equal(p.code, "CLM-C1");
    assert_null(client);
    struct redis_seeds seeds = {.count = 1, .at = {{.host = "127.0.0.1", .port = nodes[2].port}}};
    assert_int_equal(redis_client_open(&client, &seeds, NULL, TIMEOUT_MS, &p), STATUS_OK);
    assert_false(redis_client_routes(client));
    send_to(LOW, "A");
    send_to(HIGH, "B");
    assert_answer("DONE");
    assert_answer("DONE");
}

// INFO is asked where the slots are not told; what these nodes say to it is DONE, which is no cluster.
static void who_may_not_ask_for_the_slots_has_a_single_redis(void **state) {
    snprintf(nodes[2].slots, SAID_MAX, "-NOPERM this user has no permissions to run 'cluster|slots'\r\n");
    SAYS(2, "$20\r\nredis_mode:cluster\r\n\r\n");
    struct redis_seeds seeds = {.count = 1, .at = {{.host = "127.0.0.1", .port = nodes[2].port}}};
    struct problem p = {0};
    nodes_serve();
    assert_int_equal(redis_client_open(&client, &seeds, NULL, TIMEOUT_MS, &p), STATUS_NOT_ALLOWED);
    assert_non_null(strstr(p.remedy, "+cluster|slots"));
    assert_int_equal(redis_client_open(&client, &seeds, NULL, TIMEOUT_MS, &p), STATUS_OK);
    assert_false(redis_client_routes(client));
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, nodes_prepare, nodes_end)
    const struct CMUnitTest tests[] = {
        CASE(answers_come_in_the_order_of_the_commands),
        CASE(what_has_moved_is_followed__and_found_at_once_from_then_on),
        CASE(what_is_asked_elsewhere_is_asked_there_once),
        CASE(asking_that_is_not_permitted_is_the_answer),
        CASE(what_is_to_be_tried_again_is),
        CASE(redirections_without_end_are_the_answer__goes_red_without_a_bound),
        CASE(a_lost_answer_is_told_with_its_node__goes_red_if_it_is_sent_again),
        CASE(a_node_that_is_not_there_is_told),
        CASE(a_list_and_a_single_redis_do_not_go_together),
        CASE(who_may_not_ask_for_the_slots_has_a_single_redis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
