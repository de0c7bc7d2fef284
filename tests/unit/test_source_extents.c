// The bounds of many logs, asked at once: whatever becomes of the list on its way.
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "stream/source/source_internal.h"

enum { LOGS = 3, NONE = -1 };

static int32_t left_out; // of the answer
static struct source source = {.topic = (char *)"engagement"};

// Defined here, it comes before librdkafka's: partition P begins at P and ends at 10 x P + 10; it has records
// up to the time 1000 x P.
rd_kafka_resp_err_t rd_kafka_offsets_for_times(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list,
                                               int timeout_ms) {
    for (int i = 0; i < list->cnt; i++) {
        rd_kafka_topic_partition_t *log = &list->elems[i];
        if (log->offset >= 0)
            log->offset = log->offset <= 1000 * log->partition ? 7 : RD_KAFKA_OFFSET_END;
        else if (log->partition != left_out)
            log->offset = log->offset == RD_KAFKA_OFFSET_END ? 10 * log->partition + 10 : log->partition;
    }
    rd_kafka_topic_partition_list_sort(list, NULL, NULL);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static enum status ask(struct source_extent extents[LOGS], struct problem *p) {
    static const int32_t partitions[LOGS] = {2, 0, 1};
    for (int i = 0; i < LOGS; i++)
        extents[i] = (struct source_extent){.partition = partitions[i]};
    return source_extents(&source, extents, LOGS, 1000, p);
}

static void each_log_has_its_own_in_whatever_order_they_come(void **state) {
    struct source_extent extents[LOGS];
    struct problem p;
    left_out = NONE;
    assert_int_equal(ask(extents, &p), STATUS_OK);
    for (int i = 0; i < LOGS; i++) {
        assert_int_equal(extents[i].first, extents[i].partition);
        assert_int_equal(extents[i].end, 10 * extents[i].partition + 10);
    }
}

// Its end would be -1: a partition that has read anything would be past it, and be sealed by the clock.
static void one_that_is_left_out_of_the_answer_is_not_known__goes_red_if_it_ends_before_all(void **state) {
    struct source_extent extents[LOGS];
    struct problem p;
    for (left_out = 0; left_out < LOGS; left_out++) {
        char partition[32];
        snprintf(partition, sizeof(partition), "partition %d ", left_out);
        assert_int_equal(ask(extents, &p), STATUS_UNAVAILABLE);
        assert_non_null(strstr(p.what, partition));
    }
}

static void the_log_reaches_a_time_where_any_of_its_parts_does(void **state) {
    struct problem p;
    int32_t partition;
    assert_int_equal(source_reaches(&source, LOGS, 2000, &partition, 1000, &p), STATUS_OK);
    assert_int_equal(partition, 2);
    assert_int_equal(source_reaches(&source, LOGS, 2001, &partition, 1000, &p), STATUS_OK);
    assert_int_equal(partition, -1);
    assert_int_equal(source_reaches(&source, LOGS - 1, 2000, &partition, 1000, &p), STATUS_OK);
    assert_int_equal(partition, -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_log_has_its_own_in_whatever_order_they_come),
        cmocka_unit_test(one_that_is_left_out_of_the_answer_is_not_known__goes_red_if_it_ends_before_all),
        cmocka_unit_test(the_log_reaches_a_time_where_any_of_its_parts_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
