// A shard that cannot count holds up itself alone. (Of a cluster: where one node serves all shards, nobody is
// left to go ahead.)
//
//     away      its node is not connected, or refuses its calls; or it is left out
//     excused   so for AWAY_MS, while a shard on another node counts: no drain and no assignment waits for it
//     left out  excused, and its table has reached its bound: the table is dropped, its slots are given up.
//
// What is read for a shard that is left out is passed over until it can be claimed again; then its partitions
// go back to its marks, and the others skip what they have.
//
// Until it is claimed nothing is known of it but its last marks: commits do not pass them.

#include "ingest/pipeline/pipeline_internal.h"
#include "runtime/log/log.h"

static bool is_away(const struct pipeline *p, const struct shard *shard) {
    return shard->left_out || shard->refused || !redis_serves(p, shard);
}

static bool another_counts(const struct pipeline *p, const struct shard *shard) {
    size_t node = redis_router_node_of(p->redis, shard->slot);
    for (uint32_t i = 0; i < p->startup->keys.shards; i++) {
        const struct shard *other = &p->shards[i];
        if (!is_away(p, other) && redis_router_node_of(p->redis, other->slot) != node)
            return true;
    }
    return false;
}

bool away_is_excused(const struct pipeline *p, const struct shard *shard) {
    return shard->away_since_ms != 0 && p->now_ms - shard->away_since_ms >= AWAY_MS &&
           another_counts(p, shard);
}

void away_leave_out(struct pipeline *p, struct shard *shard) {
    log_warn("shard_left_out", FIELD("shard", LOG_INT(shard->number)),
             FIELD("events", LOG_INT(shard_events(shard))));
    flush_drop(p, shard);
    for (size_t i = 0; i < p->owned_count; i++)
        shard_leave_out(shard, p->owned_numbers[i]);
    shard->claim_at_ms = p->now_ms + AWAY_MS; // one that takes claims and refuses flushes is not to go round
}

void away_turn(struct pipeline *p) {
    if (!redis_router_routes(p->redis))
        return;
    for (uint32_t i = 0; i < p->startup->keys.shards; i++) {
        struct shard *shard = &p->shards[i];
        if (!is_away(p, shard))
            shard->away_since_ms = 0;
        else if (shard->away_since_ms == 0)
            shard->away_since_ms = p->now_ms;
    }
    for (uint32_t i = 0; i < p->startup->keys.shards; i++) {
        struct shard *shard = &p->shards[i];
        if (shard->state == SHARD_SEALED && flush_is_full(p, shard) && away_is_excused(p, shard))
            away_leave_out(p, shard);
    }
}

uint32_t away_behind(struct pipeline *p) {
    uint32_t behind = 0;
    for (uint32_t i = 0; i < p->startup->keys.shards; i++) {
        bool takes_all = true;
        for (size_t j = 0; j < p->owned_count; j++) {
            const struct owned *o = p->owned[p->owned_numbers[j]];
            takes_all = takes_all && (!o->begun || shard_slot(&p->shards[i], o->partition)->claimed);
        }
        behind += !takes_all;
    }
    return behind;
}
