// A Redis Cluster of a few nodes, where the seed has one: which node serves a shard's slot, what it says of
// the others', and a slot on the move. What the slots hold is one whole: only the way to it differs.
#include <stdio.h>
#include <stdlib.h>

#include "runtime/check.h"
#include "runtime/memory.h"
#include "runtime/redis/redis_router.h"
#include "tests/sim/sim.h"

enum { PORT = 7000, REDIRECT_MAX = 64 };

void nodes_seeds(struct redis_seeds *seeds) {
    *seeds = (struct redis_seeds){.count = 1, .at = {{.host = "127.0.0.1", .port = PORT}}};
}

uint32_t nodes_number(const struct redis_address *address) {
    CHECK(address->port >= PORT && address->port < PORT + NODES);
    return (uint32_t)(address->port - PORT);
}

// ---- slots

// The slots that are no shard's are nobody's business, but each node has some.
static void slots_place(uint32_t nodes[REDIS_SLOTS]) {
    for (int slot = 0; slot < REDIS_SLOTS; slot++)
        nodes[slot] = slot > REDIS_SLOTS / 2;
    for (uint32_t i = 0; i < world.redis.names.shards; i++)
        nodes[key_shard_slot(i)] = world.nodes[i].at;
}

static void put_range(FILE *out, int first, int last, uint32_t node) {
    fprintf(out, "*3\r\n:%d\r\n:%d\r\n*2\r\n$9\r\n127.0.0.1\r\n:%u\r\n", first, last, PORT + node);
}

// CLUSTER SLOTS.
static void slots_answer(struct request *r) {
    static uint32_t nodes[REDIS_SLOTS];
    char *ranges;
    size_t length;
    int count = 0, first = 0;
    slots_place(nodes);
    FILE *out = open_memstream(&ranges, &length);
    CHECK(out != NULL);
    for (int slot = 1; slot <= REDIS_SLOTS; slot++) {
        if (slot < REDIS_SLOTS && nodes[slot] == nodes[first])
            continue;
        put_range(out, first, slot - 1, nodes[first]);
        first = slot;
        count++;
    }
    fclose(out);
    out = open_memstream(&r->answer, &r->answer_length);
    CHECK(out != NULL);
    fprintf(out, "*%d\r\n", count);
    fwrite(ranges, 1, length, out);
    fclose(out);
    free(ranges);
}

static bool is_command(const struct request *r, const char *name) {
    struct slice first = {r->bytes, r->length < 32 ? r->length : 32};
    return memmem(first.at, first.length, name, strlen(name)) != NULL;
}

static void say(struct request *r, const char *words) {
    r->answer = memory_text(words);
    r->answer_length = strlen(words);
}

static void redirect(struct request *r, const char *how, uint32_t shard, uint32_t node) {
    char words[REDIRECT_MAX];
    snprintf(words, sizeof(words), "-%s %d 127.0.0.1:%u\r\n", how, key_shard_slot(shard), PORT + node);
    say(r, words);
}

// Of a slot on the move each node has a part, and says so of what lies on both.
static bool is_elsewhere(struct request *r, uint32_t shard, bool asked) {
    const struct shard_place *place = &world.nodes[shard];
    struct chance *c = &world.chance[FAULT_RESHARD];
    bool moves = place->to != place->at;
    if (r->node == place->at && (!moves || chance_is(c, 30)))
        return false;
    if (moves && r->node == place->to && asked && chance_is(c, 60))
        return false;
    if (moves && (r->node == place->at ? chance_is(c, 50) : asked && r->node == place->to))
        say(r, "-TRYAGAIN Multiple keys request during rehashing of slot\r\n");
    else if (moves && r->node == place->at)
        redirect(r, "ASK", shard, place->to);
    else
        redirect(r, "MOVED", shard, place->at);
    return true;
}

bool nodes_serve(struct request *r, uint32_t shard) {
    bool asked = r->link != NULL && r->link->asking;
    if (r->link != NULL)
        r->link->asking = is_command(r, "ASKING");
    if (is_command(r, "ASKING"))
        say(r, "+OK\r\n");
    else if (is_command(r, "CLUSTER"))
        slots_answer(r);
    else
        return shard != UINT32_MAX && is_elsewhere(r, shard, asked);
    return true;
}

void nodes_begin(struct chance *c) {
    world.cluster = chance_is(c, 50);
    for (uint32_t i = 0; i < world.redis.names.shards; i++)
        world.nodes[i].at = world.nodes[i].to = world.cluster ? chance_below(c, NODES) : 0;
}

void nodes_move(uint32_t shard, int64_t until_ms) {
    struct shard_place *place = &world.nodes[shard];
    if (!world.cluster || place->to != place->at)
        return;
    place->to = (place->at + 1) % NODES;
    place->until_ms = until_ms;
    TRACE("the slot of shard %u moves to node %u", shard, place->to);
}

void nodes_turn_slots(int64_t now_ms) {
    for (uint32_t i = 0; i < world.redis.names.shards; i++) {
        if (world.nodes[i].until_ms <= now_ms)
            world.nodes[i].at = world.nodes[i].to;
    }
}
