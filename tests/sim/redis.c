// Requests in RESP, and which shard they are for.
#include "tests/sim/redis.h"

#include <stdio.h>
#include <stdlib.h>

#include "ingest/functions.h"
#include "runtime/check.h"
#include "runtime/hash.h"
#include "runtime/memory.h"

static const char info[] =
    "used_memory:1\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\nevicted_keys:0\r\n";

void sim_redis_init(struct sim_redis *r, uint32_t shards, uint64_t seed) {
    CHECK(shards <= REDIS_SHARDS_MAX);
    *r = (struct sim_redis){.random = hash_integer(seed), .functions_loaded = true};
    key_space_init(&r->names, "clm", shards);
}

void sim_redis_fini(struct sim_redis *r) {
    for (uint32_t i = 0; i < REDIS_SHARDS_MAX; i++)
        keyspace_clear(&r->shards[i]);
}

// The tag between the first braces.
uint32_t sim_redis_shard(const struct sim_redis *r, const char *bytes, size_t length) {
    const char *open = memchr(bytes, '{', length);
    for (uint32_t i = 0; open != NULL && i < r->names.shards; i++) {
        size_t tag = strlen(r->names.tags[i]);
        if (memcmp(open + 1, r->names.tags[i], tag) == 0 && open[tag + 1] == '}')
            return i;
    }
    return UINT32_MAX;
}

bool sim_redis_expire(struct sim_redis *r, uint32_t shard) {
    struct keyspace *k = &r->shards[shard];
    bool any = false;
    for (uint32_t i = 0; i < k->keys.count;) {
        const struct row *row = &k->keys.at[i];
        if (row->object->expire_s == 0 || row->object->expire_s > r->now_s) {
            i++;
            continue;
        }
        keyspace_delete(k, text_slice(row->name));
        any = true;
    }
    return any;
}

size_t sim_redis_words(const char *bytes, struct slice *words) {
    char *next;
    CHECK(*bytes == '*');
    size_t count = strtoul(bytes + 1, &next, 10);
    CHECK(count > 0 && count <= REDIS_WORDS_MAX);
    for (size_t i = 0; i < count; i++) {
        CHECK(next[2] == '$');
        size_t length = strtoul(next + 3, &next, 10);
        words[i] = (struct slice){next + 2, length};
        next += 2 + length;
    }
    return count;
}

static void put_text(FILE *out, struct slice text) {
    if (text.at == NULL) {
        fputs("$-1\r\n", out);
        return;
    }
    fprintf(out, "$%zu\r\n", text.length);
    fwrite(text.at, 1, text.length, out);
    fputs("\r\n", out);
}

static void put_answer(FILE *out, const struct answer *a) {
    switch (a->kind) {
    case ANSWER_NIL:
        fputs("$-1\r\n", out);
        return;
    case ANSWER_INTEGER:
        fprintf(out, ":%lld\r\n", (long long)a->integer);
        return;
    case ANSWER_ERROR:
        fprintf(out, "-%.*s\r\n", (int)a->text.length, a->text.at);
        return;
    case ANSWER_TEXT:
        put_text(out, a->text);
        return;
    case ANSWER_LIST:
        fprintf(out, "*%zu\r\n", a->count);
        for (size_t i = 0; i < a->count; i++)
            put_text(out, a->list[i]);
        return;
    }
    CHECK_UNREACHABLE("no answer");
}

void sim_redis_serve(struct sim_redis *r, uint32_t shard, const char *bytes, size_t length, char **out,
                     size_t *out_length) {
    static struct slice words[REDIS_WORDS_MAX];
    struct answer answer = {.kind = ANSWER_TEXT, .text = slice_of("clameur_v1")};
    size_t count = sim_redis_words(bytes, words);
    if (slice_equal(words[0], slice_of("FUNCTION")))
        r->functions_loaded = r->functions_loaded || slice_equal(words[2], functions_writer());
    else if (slice_equal(words[0], slice_of("INFO")))
        answer.text = slice_of(info);
    else if (!slice_equal(words[0], slice_of("FCALL")))
        sim_redis_command(r, shard, words, count, &answer);
    else if (!r->functions_loaded)
        answer = (struct answer){.kind = ANSWER_ERROR, .text = slice_of("ERR Function not found")};
    else
        sim_redis_fcall(r, shard, words, count, &answer);
    FILE *stream = open_memstream(out, out_length);
    CHECK(stream != NULL);
    put_answer(stream, &answer);
    fclose(stream);
}
