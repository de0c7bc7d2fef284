#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cluster_nodes.h"
#include "runtime/clock.h"
#include "runtime/redis/redis_router.h"

enum { FIRST = 8000, LOW = 100, HIGH = 9000 }; // slots of nodes[0] and nodes[1]

struct heard {
    int calls;
    enum redis_outcome outcome;
    char text[128];
};

static struct loop loop;
static struct redis_router *router;
static int changes;
static int64_t later_ms; // the router's clock runs ahead by so much

static void on_change(void *context) {
    changes++;
}

static void hear(void *context, enum redis_outcome outcome, const redisReply *reply) {
    struct heard *h = context;
    h->calls++;
    h->outcome = outcome;
    snprintf(h->text, sizeof(h->text), "%.120s", reply != NULL && reply->str != NULL ? reply->str : "");
}

static void turn(void) {
    loop_turn(&loop, 5);
    if (router != NULL)
        redis_router_turn(router, clock_monotonic_ms() + later_ms);
}

static bool until(bool (*condition)(void *), void *context) {
    for (int64_t end = clock_monotonic_ms() + 60000; !condition(context);)
        if (clock_monotonic_ms() >= end)
            return false;
        else
            turn();
    return true;
}

static void turn_for(int ms) {
    for (int64_t end = clock_monotonic_ms() + ms; clock_monotonic_ms() < end;)
        turn();
}

static bool was_heard(void *h) {
    return ((struct heard *)h)->calls > 0;
}
static bool both_are_up(void *unused) {
    return redis_router_up(router, LOW) && redis_router_up(router, HIGH);
}
static bool low_is_down(void *unused) {
    return !redis_router_up(router, LOW);
}

static struct redis_seeds seeds_of(const struct cluster_node *node) {
    struct redis_seeds seeds = {.count = 1};
    seeds.at[0] = (struct redis_address){.host = "127.0.0.1", .port = node->port};
    return seeds;
}

static void router_open(void) {
    struct redis_seeds seeds = seeds_of(&nodes[2]);
    router = redis_router_create(&loop, &seeds, true, NULL, 300, on_change, NULL);
}

static void say(int slot, const char *command, struct heard *h) {
    *h = (struct heard){0};
    redis_router_command(router, slot, 1, &command, NULL, hear, h);
}

static struct heard ask(int slot, const char *command) {
    struct heard h;
    say(slot, command, &h);
    assert_true(until(was_heard, &h));
    assert_int_equal(h.calls, 1);
    return h;
}

static int set_up(void **state) {
    loop_init(&loop);
    nodes_start(&loop);
    slots_are(FIRST, &nodes[1]);
    for (size_t i = 0; i < CLUSTER_NODES; i++) // each knows its own address as nothing
        assert_true(nodes[i].port > 0);
    snprintf(nodes[2].slots, SAID_MAX,
             "*2\r\n*3\r\n:0\r\n:%d\r\n*2\r\n$9\r\n127.0.0.1\r\n:%d\r\n"
             "*3\r\n:%d\r\n:16383\r\n*2\r\n$0\r\n\r\n:%d\r\n",
             FIRST - 1, nodes[0].port, FIRST, nodes[1].port);
    changes = 0;
    later_ms = 0;
    return 0;
}

static int tear_down(void **state) {
    redis_router_destroy(&router);
    nodes_stop();
    loop_fini(&loop);
    return 0;
}

static void a_command_goes_to_the_node_of_its_slot(void **state) {
    router_open();
    assert_false(redis_router_up(router, LOW)); // nothing is known yet
    struct heard h;
    say(LOW, "EARLY", &h);
    assert_int_equal(h.outcome, REDIS_LINK_DOWN);
    assert_true(until(both_are_up, NULL));
    assert_string_equal(ask(LOW, "ONE").text, "DONE");
    assert_string_equal(ask(FIRST - 1, "TWO").text, "DONE");
    assert_string_equal(ask(FIRST, "THREE").text, "DONE");
    assert_string_equal(nodes[0].heard, "ONE;TWO;");
    assert_string_equal(nodes[1].heard, "THREE;");
    assert_string_equal(nodes[2].heard, "");
    assert_true(changes >= 3);
    size_t low = redis_router_node_of(router, LOW);
    assert_int_equal(redis_router_node(router, low)->address.port, nodes[0].port);
    assert_int_equal(redis_router_node(router, low)->slots, FIRST);
}

static void errors_that_are_no_redirection_are_replies(void **state) {
    nodes[0].answers[0] = "-TRYAGAIN Multiple keys request during rehashing of slot\r\n";
    nodes[0].answers[1] = "-CLUSTERDOWN The cluster is down\r\n";
    nodes[0].answers[2] = "-READONLY You can't write against a read only replica.\r\n";
    router_open();
    assert_true(until(both_are_up, NULL));
    for (int i = 0; i < 3; i++) {
        struct heard h = ask(LOW, "SAME");
        assert_int_equal(h.outcome, REDIS_LINK_REPLY);
        assert_int_equal(strncmp(h.text, nodes[0].answers[i] + 1, 8), 0);
    }
    assert_string_equal(nodes[0].heard, "SAME;SAME;SAME;");
}

// Goes red if the router itself repeats: then the node that the slot moved to hears it without being asked.
static void moved__is_not_done__the_next_goes_to_the_new_node(void **state) {
    char moved[64];
    snprintf(moved, sizeof(moved), "-MOVED %d :%d\r\n", LOW, nodes[1].port); // an empty host: the node's own
    nodes[0].answers[0] = moved;
    router_open();
    assert_true(until(both_are_up, NULL));
    later_ms = 2000; // by now it has been asked again, with both up, and rests for half a minute
    turn_for(50);
    int asked = nodes[0].asked_for_slots + nodes[1].asked_for_slots + nodes[2].asked_for_slots;
    struct heard h = ask(LOW, "COUNT");
    assert_int_equal(h.outcome, REDIS_LINK_DOWN);
    assert_string_equal(nodes[1].heard, "");
    slots_are(LOW, &nodes[1]);
    assert_string_equal(ask(LOW, "COUNT").text, "DONE");
    assert_string_equal(nodes[0].heard, "COUNT;");
    assert_string_equal(nodes[1].heard, "COUNT;");
    turn_for(300); // the table has been asked for anew, and says the same
    assert_true(nodes[0].asked_for_slots + nodes[1].asked_for_slots + nodes[2].asked_for_slots > asked);
    assert_string_equal(ask(FIRST - 1, "NEXT").text, "DONE");
    assert_string_equal(nodes[1].heard, "COUNT;NEXT;");
}

static void ask_at_low(char said[64]) {
    snprintf(said, 64, "-ASK %d 127.0.0.1:%d\r\n", LOW, nodes[1].port);
    nodes[0].answers[0] = said;
    router_open();
    assert_true(until(both_are_up, NULL));
    assert_int_equal(ask(LOW, "COUNT").outcome, REDIS_LINK_DOWN);
}

static void ask__sends_the_same_bytes_behind_asking__once(void **state) {
    char said[64];
    ask_at_low(said);
    assert_string_equal(ask(LOW, "COUNT").text, "DONE");
    assert_string_equal(ask(LOW, "COUNT").text, "DONE");
    assert_string_equal(nodes[1].heard, "ASKING;COUNT;");
    assert_string_equal(nodes[0].heard, "COUNT;COUNT;");
}

// A part of the slot is still where it was: there, the other command may find its key, and not at the target.
static void ask__is_for_no_other_command(void **state) {
    char said[64];
    ask_at_low(said);
    assert_string_equal(ask(LOW, "OTHER").text, "DONE");
    assert_string_equal(ask(LOW, "COUNT").text, "DONE");
    assert_string_equal(nodes[1].heard, "ASKING;COUNT;");
    assert_string_equal(nodes[0].heard, "COUNT;OTHER;");
}

static void ask__is_forgotten_where_nobody_sends_again(void **state) {
    char said[64];
    ask_at_low(said);
    later_ms = 2000;
    turn_for(20);
    assert_string_equal(ask(LOW, "COUNT").text, "DONE");
    assert_string_equal(nodes[1].heard, "");
    assert_string_equal(nodes[0].heard, "COUNT;COUNT;");
}

// The target turns it away again, as it does without ASKING; what it said of that is what can be mended.
static void ask__that_is_not_permitted_is_the_reply__goes_red_if_a_redirection_is(void **state) {
    char said[64], back[64];
    snprintf(back, sizeof(back), "-MOVED %d 127.0.0.1:%d\r\n", LOW, nodes[0].port);
    nodes[1].asking = "-NOPERM this user has no permissions to run the 'asking' command\r\n";
    nodes[1].answers[0] = back;
    ask_at_low(said);
    struct heard h = ask(LOW, "COUNT");
    assert_int_equal(h.outcome, REDIS_LINK_REPLY);
    assert_string_equal(h.text, "NOPERM this user has no permissions to run the 'asking' command");
    assert_string_equal(ask(LOW, "COUNT").text, "DONE");
    assert_string_equal(nodes[1].heard, "ASKING;COUNT;");
    assert_string_equal(nodes[0].heard, "COUNT;COUNT;");
}

static bool knows_third(void *unused) {
    return nodes[2].asked_for_slots > 0 && both_are_up(NULL);
}

// Two nodes that send each other's slot around.
static void redirections_without_end_become_the_reply(void **state) {
    char there[64], back[64];
    snprintf(there, sizeof(there), "-MOVED %d 127.0.0.1:%d\r\n", LOW, nodes[1].port);
    snprintf(back, sizeof(back), "-MOVED %d 127.0.0.1:%d\r\n", LOW, nodes[0].port);
    for (int i = 0; i < 8; i++) {
        nodes[0].answers[i] = there;
        nodes[1].answers[i] = back;
    }
    nodes[0].answers[7] = nodes[1].answers[7] = NULL;
    router_open();
    assert_true(until(knows_third, NULL));
    int turned_away = 0;
    struct heard h;
    do {
        h = ask(LOW, "COUNT");
        turned_away += h.outcome == REDIS_LINK_DOWN;
    } while (h.outcome == REDIS_LINK_DOWN && turned_away < 20);
    assert_int_equal(h.outcome, REDIS_LINK_REPLY);
    assert_int_equal(strncmp(h.text, "MOVED", 5), 0);
    assert_int_equal(turned_away, 4);
}

static void a_node_that_is_lost_is_down_for_its_slots_alone(void **state) {
    router_open();
    assert_true(until(both_are_up, NULL));
    nodes[0].mute = true;
    struct heard waiting;
    say(LOW, "COUNT", &waiting);
    turn_for(20);
    node_die(&nodes[0]);
    assert_true(until(was_heard, &waiting));
    assert_int_equal(waiting.outcome, REDIS_LINK_LOST); // done or not: the caller's to find out
    assert_false(redis_router_up(router, LOW));
    assert_string_equal(ask(HIGH, "OTHER").text, "DONE");
    assert_string_equal(nodes[0].heard, "COUNT;");

    // A replica was made master in its place.
    snprintf(nodes[1].slots, SAID_MAX,
             "*2\r\n*3\r\n:0\r\n:%d\r\n*2\r\n$9\r\n127.0.0.1\r\n:%d\r\n"
             "*3\r\n:%d\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:%d\r\n",
             FIRST - 1, nodes[2].port, FIRST, nodes[1].port);
    memcpy(nodes[2].slots, nodes[1].slots, SAID_MAX);
    assert_true(until(both_are_up, NULL));
    assert_string_equal(ask(LOW, "COUNT").text, "DONE");
    assert_string_equal(nodes[2].heard, "COUNT;");
}

static void all_are_lost_and_come_back(void **state) {
    router_open();
    assert_true(until(both_are_up, NULL));
    for (size_t i = 0; i < CLUSTER_NODES; i++)
        node_die(&nodes[i]);
    assert_true(until(low_is_down, NULL));
    turn_for(50);
    for (size_t i = 0; i < CLUSTER_NODES; i++)
        node_listen(&nodes[i], &loop);
    assert_true(until(both_are_up, NULL));
    assert_string_equal(ask(LOW, "COUNT").text, "DONE");
}

static bool first_is_gone(void *number) {
    return redis_router_node(router, *(size_t *)number) == NULL;
}

static void a_node_without_slots_is_no_node__and_its_number_another_s(void **state) {
    router_open();
    assert_true(until(both_are_up, NULL));
    size_t number = redis_router_node_of(router, LOW);
    uint64_t id = redis_router_node(router, number)->id;
    for (size_t i = 0; i < CLUSTER_NODES; i++)
        snprintf(nodes[i].slots, SAID_MAX, "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:%d\r\n",
                 nodes[1].port);
    later_ms = 31000; // it is asked again by itself
    assert_true(until(first_is_gone, &number));
    later_ms += 100000;
    turn_for(100);
    slots_are(FIRST, &nodes[1]);
    later_ms += 31000;
    assert_true(until(both_are_up, NULL));
    turn_for(200);
    assert_int_not_equal(redis_router_node(router, redis_router_node_of(router, LOW))->id, id);
}

static void what_is_no_cluster_is_told(void **state) {
    for (size_t i = 0; i < CLUSTER_NODES; i++)
        snprintf(nodes[i].slots, SAID_MAX, "-NOPERM no permission for 'cluster|slots'\r\n");
    router_open();
    turn_for(300);
    assert_non_null(strstr(redis_router_error(router), "NOPERM"));
    assert_false(redis_router_up(router, LOW));
}

static bool single_is_up(void *unused) {
    return redis_router_up(router, LOW);
}

static void a_single_redis_is_asked_nothing(void **state) {
    struct redis_seeds seeds = seeds_of(&nodes[2]);
    nodes[2].answers[0] = "-MOVED 1 127.0.0.1:1\r\n";
    router = redis_router_create(&loop, &seeds, false, NULL, 300, on_change, NULL);
    assert_true(until(single_is_up, NULL));
    assert_int_equal(strncmp(ask(LOW, "ONE").text, "MOVED", 5), 0); // not followed
    assert_string_equal(ask(HIGH, "TWO").text, "DONE");
    later_ms = 60000;
    turn_for(50);
    assert_int_equal(nodes[2].asked_for_slots, 0);
    assert_int_equal(redis_router_node(router, 0)->slots, REDIS_SLOTS);
    assert_null(redis_router_node(router, 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_command_goes_to_the_node_of_its_slot, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_that_are_no_redirection_are_replies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(moved__is_not_done__the_next_goes_to_the_new_node, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ask__sends_the_same_bytes_behind_asking__once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ask__is_for_no_other_command, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ask__is_forgotten_where_nobody_sends_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ask__that_is_not_permitted_is_the_reply__goes_red_if_a_redirection_is,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(redirections_without_end_become_the_reply, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_node_that_is_lost_is_down_for_its_slots_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_are_lost_and_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_node_without_slots_is_no_node__and_its_number_another_s, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_cluster_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_single_redis_is_asked_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
