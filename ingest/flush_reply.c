// What Redis answered. Nothing is taken for applied that does not say so.

#include <stdio.h>
#include <stdlib.h>

#include "ingest/flush.h"

static struct slice text_of(const redisReply *reply) {
    if (reply == NULL || (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS))
        return (struct slice){"", 0};
    return (struct slice){reply->str, (size_t)reply->len};
}

static enum flush_verdict refused(char error[256], const char *words) {
    snprintf(error, 256, "%s", words);
    return FLUSH_REFUSED;
}

// The first word of the answer, or what an error means.
static enum flush_verdict verdict_of(const redisReply *reply, char error[256]) {
    static const enum flush_verdict verdicts[] = {FLUSH_APPLIED, FLUSH_REPEATED, FLUSH_GAP, FLUSH_FENCED,
                                                  FLUSH_UNINITIALISED};
    static const char *const words[] = {"APPLIED", "REPEATED", "GAP", "FENCED", "UNINITIALISED"};
    if (reply->type == REDIS_REPLY_ERROR && strstr(reply->str, "Function not found") != NULL)
        return FLUSH_NO_FUNCTION;
    if (reply->type == REDIS_REPLY_ERROR)
        return refused(error, reply->str);
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0)
        return refused(error, "an answer that is no list");
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (slice_equal(text_of(reply->element[0]), slice_of(words[i])))
            return verdicts[i];
    }
    return refused(error, "an answer that begins with an unknown word");
}

static int64_t integer_of(const redisReply *reply) {
    return strtoll(text_of(reply).length > 0 ? reply->str : "-1", NULL, 10);
}

void flush_parse(struct flush_answer *answer, const redisReply *reply) {
    answer->faults = 0;
    answer->partition_count = 0;
    answer->error[0] = '\0';
    answer->verdict = verdict_of(reply, answer->error);
    if (answer->verdict == FLUSH_APPLIED && reply->elements > 1)
        answer->faults = integer_of(reply->element[1]);
    if (answer->verdict != FLUSH_FENCED && answer->verdict != FLUSH_GAP)
        return;
    size_t step = answer->verdict == FLUSH_GAP ? 2 : 1;
    for (size_t i = 1; i < reply->elements && answer->partition_count < PARTITIONS_MAX; i += step)
        answer->partitions[answer->partition_count++] = (int32_t)integer_of(reply->element[i]);
}

static bool claimed_of(struct flush_claimed *claimed, redisReply *const *fields) {
    char text[MARK_TEXT_MAX];
    claimed->partition = (int32_t)integer_of(fields[0]);
    int length = snprintf(text, sizeof(text), "%s %s %s %s %s", text_of(fields[1]).at, text_of(fields[2]).at,
                          text_of(fields[3]).at, text_of(fields[4]).at, text_of(fields[5]).at);
    return claimed->partition >= 0 && length > 0 && (size_t)length < sizeof(text) &&
           mark_parse(&claimed->mark, (struct slice){text, (size_t)length});
}

enum flush_verdict flush_parse_claim(struct flush_claimed *claimed, size_t max, size_t *count,
                                     const redisReply *reply, char error[256]) {
    enum { FIELDS = 6 };
    *count = 0;
    bool is_list = reply->type == REDIS_REPLY_ARRAY && reply->elements > 0;
    if (!is_list || !slice_equal(text_of(reply->element[0]), slice_of("CLAIMED")))
        return verdict_of(reply, error);
    if ((reply->elements - 1) % FIELDS != 0 || (reply->elements - 1) / FIELDS > max)
        return refused(error, "a claim's answer of a wrong length");
    for (size_t i = 1; i < reply->elements; i += FIELDS) {
        if (!claimed_of(&claimed[*count], reply->element + i))
            return refused(error, "a claim's answer with a malformed mark");
        (*count)++;
    }
    return FLUSH_APPLIED;
}
