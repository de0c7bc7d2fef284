// What a flush must be answered, by ingest/flush.h and by what the shard holds: judged here in C, apart from
// the function. That nothing but marks and counters of an APPLIED one has changed is the oracle's to find.
#include <stdlib.h>

#include "ingest/functions.h"
#include "tests/sim/sim.h"

enum { MARK_WORDS = 7 };

struct flush_words {
    struct slice *words;
    size_t marks, first; // the first mark's word
};

static bool flush_read(const char *bytes, size_t length, struct flush_words *f) {
    static struct slice words[REDIS_WORDS_MAX];
    const size_t head = length < 64 ? length : 64;
    if (memmem(bytes, head, FUNCTION_FLUSH, strlen(FUNCTION_FLUSH)) == NULL)
        return false;
    sim_redis_words(bytes, words);
    size_t at = 3 + strtoul(words[2].at, NULL, 10) + 5; // the keys; deployment, rules, pseudonym keys
    *f = (struct flush_words){words, strtoul(words[at].at, NULL, 10), at + 1};
    return true;
}

static int64_t word_number(const struct flush_words *f, size_t mark, size_t word) {
    return atoll(f->words[f->first + MARK_WORDS * mark + word].at);
}

static bool stored_read(const struct flush_words *f, uint32_t shard, size_t mark, struct mark *stored) {
    return oracle_mark(&world.oracle, &world.redis.shards[shard], shard, (int32_t)word_number(f, mark, 0),
                       stored);
}

static bool rules_hold(const struct flush_words *f, uint32_t shard) {
    const struct slice *rules = &f->words[f->first - 5];
    return oracle_rules(&world.oracle, &world.redis.shards[shard], shard) ==
           (size_t)strtoul(rules[0].at, NULL, 10);
}

static const char *verdict_of(const struct flush_words *f, uint32_t shard) {
    bool fenced = false, repeated = true, gap = false;
    if (world.redis.shards[shard].keys.count == 0)
        return "UNINITIALISED";
    for (size_t i = 0; i < f->marks; i++) {
        struct mark stored;
        if (!stored_read(f, shard, i, &stored))
            return NULL;
        fenced = fenced || (int64_t)stored.epoch > word_number(f, i, 1);
        gap = gap || stored.next != word_number(f, i, 2);
        repeated = repeated && stored.next == word_number(f, i, 3);
    }
    if (fenced || repeated || gap)
        return fenced ? "FENCED" : repeated ? "REPEATED" : "GAP";
    return rules_hold(f, shard) ? "APPLIED" : "RULES";
}

struct verdict verdict_before(uint32_t shard, const char *bytes, size_t length) {
    struct flush_words f;
    if (shard == UINT32_MAX || !world.redis.functions_loaded || !flush_read(bytes, length, &f))
        return (struct verdict){0};
    return (struct verdict){true, verdict_of(&f, shard)};
}

// The keys that an earlier copy of an order moved are known in Redis alone: it may ask for them, once.
static bool asks_for_keys(const char *bytes, const char *answer) {
    static struct slice words[REDIS_WORDS_MAX], asked[REDIS_WORDS_MAX];
    sim_redis_words(bytes, words);
    size_t declared = strtoul(words[2].at, NULL, 10), count = sim_redis_words(answer, asked);
    bool fresh = count > 1 && slice_equal(asked[0], slice_of("KEYS"));
    for (size_t i = 1; i < count; i++) {
        for (size_t j = 0; j < declared; j++)
            fresh = fresh && !slice_equal(asked[i], words[3 + j]);
    }
    return fresh;
}

void verdict_after(const struct verdict *v, uint32_t shard, const char *bytes, size_t length,
                   const char *answer) {
    struct flush_words f;
    if (!v->judged || v->due == NULL)
        return;
    const char *word = strstr(answer, "\r\n"); // *n, $length, the word
    word = word != NULL && answer[0] == '*' ? strstr(word + 2, "\r\n") : NULL;
    if (word != NULL && strcmp(v->due, "APPLIED") == 0 && asks_for_keys(bytes, answer))
        return;
    if (word == NULL || strncmp(word + 2, v->due, strlen(v->due)) != 0)
        world_violated("shard %u answers a flush with %.*s, which is %s", shard,
                       (int)strcspn(word != NULL ? word + 2 : answer, "\r"), word != NULL ? word + 2 : answer,
                       v->due);
    if (strcmp(v->due, "APPLIED") != 0 || !flush_read(bytes, length, &f))
        return;
    for (size_t i = 0; i < f.marks; i++) {
        struct mark stored;
        if (!stored_read(&f, shard, i, &stored) || stored.next != word_number(&f, i, 3) ||
            (int64_t)stored.epoch != word_number(&f, i, 1))
            world_violated("shard %u has applied a flush, and a mark is not where it belongs", shard);
    }
}
