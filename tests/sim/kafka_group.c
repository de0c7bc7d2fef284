// The consumer group: who owns what, by the group; and who still thinks so.
//
// In good order a partition leaves its owner by his answer, and only then is another's. An expelled member's
// partitions are another's at once; he learns it at his next poll, as lost, and joins anew.
#include "runtime/check.h"
#include "tests/sim/kafka.h"

static bool is_member(int number) {
    return number >= 0 && world.workers[number].alive && world.workers[number].member.joined;
}

static void choose(int32_t partition, struct chance *c) {
    int candidates[WORKERS_MAX], count = 0;
    for (int i = 0; i < world.worker_count; i++) {
        if (is_member(i))
            candidates[count++] = i;
    }
    world.target[partition] = count > 0 ? candidates[chance_below(c, (uint32_t)count)] : -1;
}

void group_shuffle(struct chance *c) {
    for (int32_t i = 0; i < world.log.partitions; i++) {
        if (chance_is(c, 60))
            choose(i, c);
    }
}

void group_join(struct worker *w) {
    w->member.joined = true;
    w->member.expelled = false;
    memset(w->member.to_assign, 0, sizeof(w->member.to_assign));
    memset(w->member.to_revoke, 0, sizeof(w->member.to_revoke));
    group_shuffle(&world.group);
}

static void let_go(int number) {
    for (int32_t i = 0; i < LOG_PARTITIONS_MAX; i++) {
        if (world.owner[i] == number)
            world.owner[i] = -1;
    }
}

void group_leave(struct worker *w) {
    w->member = (struct member){0};
    let_go(w->number);
}

void group_expel(struct worker *w) {
    if (!w->member.joined)
        return;
    TRACE("the group expels worker %d", w->number);
    w->member.joined = false;
    w->member.expelled = true;
    let_go(w->number);
}

void group_released(struct worker *w, int32_t partition) {
    w->member.to_revoke[partition] = false;
    if (world.owner[partition] == w->number && !w->member.to_assign[partition])
        world.owner[partition] = -1;
}

static void settle_partition(int32_t partition) {
    int owner = world.owner[partition];
    if (!is_member(world.target[partition]))
        choose(partition, &world.group);
    int target = world.target[partition];
    if (target < 0 || owner == target) {
        if (owner >= 0 && !world.workers[owner].consumer->asked)
            world.workers[owner].member.to_revoke[partition] = false;
        return;
    }
    if (owner >= 0) {
        struct member *m = &world.workers[owner].member;
        if (m->assigned[partition])
            m->to_revoke[partition] = true;
        return; // else it was only just given: it takes it first
    }
    if (world.now_ms < world.orphan_until_ms[partition])
        return;
    world.owner[partition] = target;
    world.workers[target].member.to_assign[partition] = true;
}

void group_commit(struct worker *w, void *opaque) {
    CHECK(world.commit_count < sizeof(world.commits) / sizeof(world.commits[0]));
    struct commit *c = &world.commits[world.commit_count++];
    *c = (struct commit){.worker = w, .incarnation = w->incarnation, .opaque = opaque};
    c->due_ms = world.now_ms + chance_between(&world.group, 0, 400);
    memcpy(c->fenced, w->fenced, sizeof(c->fenced));
}

static void answer_commits(void) {
    size_t kept = 0;
    for (size_t i = 0; i < world.commit_count; i++) {
        struct commit *c = &world.commits[i];
        struct worker *w = c->worker;
        if (c->due_ms > world.now_ms) {
            world.commits[kept++] = *c;
            continue;
        }
        if (!w->alive || w->dead || w->incarnation != c->incarnation || w->consumer == NULL)
            continue;
        bool accepted = w->member.joined && world.now_ms >= world.commits_refused_until_ms;
        for (int32_t p = 0; accepted && p < LOG_PARTITIONS_MAX; p++)
            w->fenced[p] = w->fenced[p] && !c->fenced[p];
        kafka_commit_answer(w->consumer, c->opaque,
                            accepted ? RD_KAFKA_RESP_ERR_NO_ERROR : RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS);
    }
    world.commit_count = kept;
}

void group_turn(void) {
    answer_commits();
    for (int32_t i = 0; i < world.log.partitions; i++)
        settle_partition(i);
}
