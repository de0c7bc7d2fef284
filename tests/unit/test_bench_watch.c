// The observer of bench: which events it takes for counted, and how long they took. On a real Redis.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "loadtest/bench/bench_watch.h"
#include "runtime/clock.h"
#include "runtime/memory.h"
#include "tests/unit/redis_server.h"

enum { SHARDS = 2, PARTITIONS = 2, WAIT_US = 5000 };

static struct redis_server server;
static struct trial *trial;
static struct watch *watch;
static struct recount_redis writer;

static int set_up(void **state) {
    char url[64];
    redis_server_start(&server, "");
    snprintf(url, sizeof(url), "redis://127.0.0.1:%d", server.port);
    trial = memory_take(sizeof(*trial));
    trial->settings = (struct settings){
        .redis_url = url, .redis_username = "", .redis_prefix = "t", .redis_timeout_ms = 5000};
    trial->settings.redis_password = trial->settings.redis_password_file = "";
    trial->settings.redis_tls_ca_file = trial->settings.redis_tls_cert_file = "";
    trial->settings.redis_tls_key_file = trial->settings.redis_tls_server_name = "";
    assert_int_equal(recount_redis_open(&trial->redis, &trial->settings, NULL), STATUS_OK);
    assert_int_equal(recount_redis_open(&writer, &trial->settings, NULL), STATUS_OK);
    key_space_init(&trial->redis.space, "t", SHARDS);
    trial->redis.meta.partitions = PARTITIONS;
    trial->marks = memory_take((size_t)SHARDS * PARTITIONS * sizeof(*trial->marks));
    watch = watch_start(trial);
    return 0;
}

static int tear_down(void **state) {
    recount_redis_close(&writer);
    recount_redis_close(&trial->redis);
    free(trial->marks);
    free(trial);
    redis_server_stop(&server);
    return 0;
}

static void set_mark(uint32_t shard, int32_t partition, int64_t next) {
    char name[KEY_MAX], field[16], text[MARK_TEXT_MAX];
    struct key_parts parts = {0};
    name[key_write(name, &trial->redis.space, KEY_MARK, shard, &parts)] = '\0';
    snprintf(field, sizeof(field), "%d", (int)partition);
    mark_write(text, &(struct mark){.epoch = 1, .next = next, .last = next - 1, .time_ms = 1});
    const char *words[] = {"HSET", name, field, text};
    redis_client_command(writer.client, 0, 4, words, NULL);
    freeReplyObject(redis_client_answer(writer.client));
}

static void note_sent(uint32_t shard, int32_t partition, int64_t offset, int64_t due_before_ms,
                      int64_t sent_before_ms) {
    int64_t now_ns = clock_monotonic_ns();
    watch_sent(watch, &(struct feed_event){.shard = shard,
                                           .partition = partition,
                                           .offset = offset,
                                           .due_ns = now_ns - due_before_ms * 1000000,
                                           .sent_ns = now_ns - sent_before_ms * 1000000});
}

static void wait_outstanding(uint64_t count) {
    struct problem problem;
    while (watch_outstanding(watch) > count) {
        assert_int_equal(watch_status(watch, &problem), STATUS_OK);
        usleep(WAIT_US);
    }
    assert_int_equal(watch_outstanding(watch), count);
}

// Waits for a look that has seen every mark set until now, and asserts how many events are not counted by it.
// A look reads shard 0 before shard 1: one that shows what was set in shard 0 last has seen shard 1 as well.
static void look_outstanding(uint64_t count) {
    static int64_t offset;
    note_sent(0, 1, offset, 0, 0);
    set_mark(0, 1, ++offset);
    wait_outstanding(count);
}

static void test_an_event_is_counted_when_the_mark_of_its_own_shard_has_passed_it(void **state) {
    for (int64_t offset = 0; offset < 1000; offset++) // more than the ring holds at first
        note_sent(1, 0, offset, 3000, 1000);
    set_mark(0, 0, 5000); // another shard's
    set_mark(1, 1, 5000); // another partition's
    look_outstanding(1000);
    set_mark(1, 0, 600); // the next to be counted is offset 600
    look_outstanding(400);
    for (int64_t offset = 1000; offset < 1700; offset++) // the ring grows where it has gone round
        note_sent(1, 0, offset, 3000, 1000);
    set_mark(1, 0, 1350);
    look_outstanding(350);
    set_mark(1, 0, 1700);
    wait_outstanding(0);

    struct watch_answer *answer = memory_take(sizeof(*answer));
    watch_stop(&watch, answer);
    assert_int_equal(answer->corrected.count, 1703);
    assert_int_equal(answer->raw.count, 1703);
    assert_true(percentile_at(&answer->corrected, 50) >= 3000000); // due 3 s before it could be seen
    assert_true(percentile_at(&answer->raw, 50) >= 1000000);
    assert_in_range(percentile_at(&answer->lateness, 50), 2000000, 2002000);
    assert_true(percentile_at(&answer->raw, 50) < percentile_at(&answer->corrected, 50));
    assert_true(answer->gaps.count > 3 && percentile_at(&answer->gaps, 50) >= WATCH_EVERY_MS * 1000);
    free(answer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_event_is_counted_when_the_mark_of_its_own_shard_has_passed_it),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
