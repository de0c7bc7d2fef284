// What Redis answered. Nothing is taken for applied that does not say so.

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

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
    static const enum flush_verdict verdicts[] = {
        FLUSH_APPLIED, FLUSH_REPEATED, FLUSH_GAP, FLUSH_FENCED, FLUSH_UNINITIALISED, FLUSH_RULES, FLUSH_KEYS};
    static const char *const words[] = {"APPLIED",       "REPEATED", "GAP", "FENCED",
                                        "UNINITIALISED", "RULES",    "KEYS"};
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

static bool names_keys(const redisReply *reply) {
    for (size_t i = 1; i < reply->elements; i++) {
        if (reply->element[i]->type != REDIS_REPLY_STRING)
            return false;
    }
    return reply->elements > 1;
}

void flush_parse(struct flush_answer *answer, const redisReply *reply) {
    answer->faults = 0;
    answer->partition_count = 0;
    answer->error[0] = '\0';
    answer->verdict = verdict_of(reply, answer->error);
    if (answer->verdict == FLUSH_KEYS && !names_keys(reply))
        answer->verdict = refused(answer->error, "an answer that asks for no keys");
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

enum { TIME_TEXT_MAX = 40 };

// As a rules file takes it; "none" below 0.
static const char *time_write(char out[TIME_TEXT_MAX], int64_t ms) {
    time_t seconds = (time_t)(ms / 1000);
    struct tm t;
    if (ms < 0 || gmtime_r(&seconds, &t) == NULL) {
        snprintf(out, TIME_TEXT_MAX, "none");
        return out;
    }
    size_t length = strftime(out, TIME_TEXT_MAX - 8, "%Y-%m-%dT%H:%M:%S", &t);
    snprintf(out + length, TIME_TEXT_MAX - length, ".%03dZ", (int)(ms % 1000));
    return out;
}

// RULES how version since newest
static void rules_explain(char error[256], const redisReply *reply) {
    char since[TIME_TEXT_MAX], newest[TIME_TEXT_MAX];
    const char *why = "is unlike ours";
    snprintf(error, 256, "it is counted by other rules than ours");
    if (reply->elements < 5)
        return;
    struct slice how = text_of(reply->element[1]);
    if (slice_equal(how, slice_of("LATE")))
        why = "does not lie ahead of what is counted";
    else if (slice_equal(how, slice_of("ALTERED")))
        why = "is what was counted by, and another here";
    else if (slice_equal(how, slice_of("MISSING")))
        why = "is what was counted by, and missing here";
    const char *number = text_of(reply->element[2]).at;
    bool is_key = strncmp(number, "key:", 4) == 0;
    snprintf(error, 256, "%s %.20s%s, since %s, %s (newest mark: %s)", is_key ? "pseudonym key" : "version",
             is_key ? number + 4 : number, is_key ? "" : " of the rules",
             time_write(since, integer_of(reply->element[3])), why,
             time_write(newest, integer_of(reply->element[4])));
}

enum flush_verdict flush_parse_claim(struct flush_claimed *claimed, size_t max, size_t *count,
                                     const redisReply *reply, char error[256]) {
    enum { FIELDS = 6 };
    *count = 0;
    bool is_list = reply->type == REDIS_REPLY_ARRAY && reply->elements > 0;
    if (!is_list || !slice_equal(text_of(reply->element[0]), slice_of("CLAIMED"))) {
        enum flush_verdict verdict = verdict_of(reply, error);
        if (verdict == FLUSH_RULES)
            rules_explain(error, reply);
        return verdict;
    }
    if ((reply->elements - 1) % FIELDS != 0 || (reply->elements - 1) / FIELDS > max)
        return refused(error, "a claim's answer of a wrong length");
    for (size_t i = 1; i < reply->elements; i += FIELDS) {
        if (!claimed_of(&claimed[*count], reply->element + i))
            return refused(error, "a claim's answer with a malformed mark");
        (*count)++;
    }
    return FLUSH_APPLIED;
}

enum status flush_rules_problem(struct problem *p, uint32_t shard, const char *why) {
    return problem_set(p, STATUS_CONFIG, "CLM-M5",
                       "use the rules and the key file of this deployment; append what is new with a since "
                       "that lies ahead of every mark",
                       "shard %u: %s", shard, why);
}
