// The rules and pseudonym keys that a shard is counted by. A claim is refused where ours are others; a flush
// finds that they have become others since: another worker appended a version, or Redis was restored from a
// dump older than our claim. A claim of no partition tells which: it puts our versions back, or is refused.

#include <stdlib.h>

#include "ingest/pipeline/pipeline_internal.h"
#include "runtime/log/log.h"
#include "runtime/memory.h"

struct settling {
    struct pipeline *pipeline;
    uint32_t shard;
};

void rules_refused(struct pipeline *p, uint32_t shard, const char *why) {
    struct problem problem;
    flush_rules_problem(&problem, shard, why);
    pipeline_fail(p, &problem);
}

// Whatever else was answered, the flush is repeated and finds out.
static void settled(void *context, enum redis_outcome outcome, const redisReply *reply) {
    struct settling settling = *(struct settling *)context;
    free(context);
    size_t count;
    char error[256];
    if (outcome == REDIS_LINK_REPLY && flush_parse_claim(NULL, 0, &count, reply, error) == FLUSH_RULES)
        rules_refused(settling.pipeline, settling.shard, error);
}

void rules_settle(struct pipeline *p, const struct shard *shard) {
    struct flush_sender sender = startup_sender(p->startup);
    struct settling *settling = memory_take(sizeof(*settling));
    *settling = (struct settling){p, shard->number};
    log_warn("flush_rules", FIELD("shard", LOG_INT(shard->number)));
    struct flush_call call = {0};
    flush_encode_claim(&call, &p->startup->keys, shard->number, &sender, NULL, 0);
    redis_router_send(p->redis, shard->slot, call.bytes, call.length, settled, settling);
    flush_call_fini(&call);
}
