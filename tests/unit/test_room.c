#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadtest/room.h"

static struct message message_of(int32_t partition, size_t bytes) {
    static char text[1 << 20];
    return (struct message){
        .key = {text, 10}, .value = {text, bytes - 10}, .partition = partition, .events = 1};
}

static uint64_t fill(struct room *room, int32_t partition, size_t bytes) {
    struct message m = message_of(partition, bytes);
    uint64_t taken = 0;
    while (room_take(room, &m))
        taken++;
    return taken;
}

static void test_a_partition_takes_4_mib_and_no_message_more(void **state) {
    const int64_t before[] = {0, 0};
    struct room *room = room_create(2, before);
    assert_int_equal(fill(room, 0, 168), ROOM_BYTES_MAX / 200); // 32 bytes of framing each
    assert_int_equal(fill(room, 1, 1000), ROOM_BYTES_MAX / 1032);
    assert_int_equal(fill(room, 0, 168), 0);
    room_destroy(&room);
    assert_null(room);
}

// What a partition holds is judged by the average, not by the one large message that comes first.
static void test_what_lies_there_counts_by_the_average(void **state) {
    const int64_t before[] = {11000, 30000};
    struct room *room = room_create(2, before);
    struct message large = message_of(0, 5000);
    assert_true(room_take(room, &large));
    uint64_t taken = fill(room, 0, 148);
    assert_in_range(taken, 11000, 12500);
    struct message small = message_of(1, 148);
    assert_false(room_take(room, &small));
    room_destroy(&room);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_partition_takes_4_mib_and_no_message_more),
        cmocka_unit_test(test_what_lies_there_counts_by_the_average),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
