#include "runtime/redis/redis_greeting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char *refusal(int step, int type, char *text) {
    const redisReply reply = {.type = type, .str = text, .len = strlen(text)};
    return redis_greeting_refusal(step, &reply);
}

static void what_is_refused_is_told_in_redis_own_words(void **state) {
    char ok[] = "OK", wrong[] = "WRONGPASS invalid username-password pair or user is disabled.";
    char nameless[] = "NOPERM this user has no permissions to run the 'client|setname' command";
    for (int step = 0; step < REDIS_GREETING_STEPS; step++)
        assert_null(refusal(step, REDIS_REPLY_STATUS, ok));
    assert_string_equal(refusal(0, REDIS_REPLY_ERROR, wrong), wrong);
    assert_true(redis_greeting_not_allowed(wrong));
    assert_null(refusal(1, REDIS_REPLY_ERROR, nameless)); // the name is a courtesy
    assert_string_equal(refusal(2, REDIS_REPLY_ERROR, nameless), nameless);
    assert_non_null(refusal(0, REDIS_REPLY_STRING, ok));
}

// As Redis answers where AUTH is renamed: 7.0 in the first form, others in the second.
static void a_password_that_redis_repeats_is_not_told(void **state) {
    char texts[][96] = {"ERR unknown command 'AUTH', with args beginning with: 'clameur' 'hunter2' ",
                        "ERR unknown command `AUTH`, with args beginning with: `hunter2`, "};
    for (size_t i = 0; i < 2; i++) {
        const char *told = refusal(0, REDIS_REPLY_ERROR, texts[i]);
        assert_null(strstr(told, "hunter2"));
        assert_non_null(strstr(told, "AUTH"));
        assert_true(redis_greeting_not_allowed(told));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_refused_is_told_in_redis_own_words),
        cmocka_unit_test(a_password_that_redis_repeats_is_not_told),
    };
    return cmocka_run_group_tests_name("redis_greeting", tests, NULL, NULL);
}
