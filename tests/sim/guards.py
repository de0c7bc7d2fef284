"""The guards of the promise: what is removed, and by which words. tests/sim/mutate removes each and looks for a seed that goes red.

A row: name, what it guards against, file, what stands there, what is put in its place. Where no seed goes red, `elsewhere` says why, or what
test watches it instead.
"""

from typing import NamedTuple


class Guard(NamedTuple):
    name: str
    doc: str
    file: str
    text: str
    instead: str
    elsewhere: str = ""
    beside: str = ""  # another guard, taken out at the same time: it alone would do


LUA = "ingest/functions/clameur.lua"
PIPELINE = "ingest/pipeline/pipeline_"
SOURCE = "stream/source/source.c"

GUARDS = [
    # ---- the call in Redis
    Guard("from", "a flush applies only where every mark is at its `from`", LUA,
          "  if #gaps > 1 then return gaps end\n", ""),
    Guard("whole", "a flush is applied whole: not what is new of it", LUA,
          "if m.stored.next ~= m.from then", "if m.stored.next ~= m.from and m.stored.next ~= m.to then", beside="epoch"),
    Guard("repeated-all", "a repetition is one where every mark is at its `to`, not any", LUA,
          "if m.stored.next ~= m.to then repeated = false end",
          "if m.stored.next == m.to and m.to ~= m.from then repeated = 'any' end\n"
          "    if repeated ~= 'any' and m.stored.next ~= m.to then repeated = false end",
          "the next flush is answered GAP, and what was taken for applied is read again", beside="epoch"),
    Guard("repeated", "a call that was applied already is answered REPEATED", LUA,
          "  if repeated then return {'REPEATED'} end\n", "",
          "GAP would do: the marks are read again and the events replayed. REPEATED spares that"),
    Guard("epoch", "a worker whose partition another has claimed is fenced", LUA,
          "  if #fenced > 1 then return fenced end\n", "",
          "the marks alone keep the counters exact (see `whole`); the fence ends ping-pong: unit/test_flush, unit/test_pipeline"),
    Guard("missing-mark-guessed", "a missing mark is the recorded start, not 0", LUA,
          "next = recorded_start(keys, partition)", "next = '0'"),
    Guard("missing-mark-accepted", "a missing mark is not what the caller says it is", LUA,
          "    m.stored = mark_read(keys, m.partition)\n",
          "    m.stored = redis.call('HGET', keys[MARK], m.partition) and mark_read(keys, m.partition)\n"
          "      or {epoch = '0', next = m.from, last = '-1', fingerprint = '0000000000000000', time = '0'}\n"),
    Guard("last-record", "a mark over no record keeps the last one's fingerprint", LUA,
          "local moved = m.last ~= '-1' and m.to ~= m.from", "local moved = true",
          "it takes a rewind to the end of a log that goes on with markers alone; unit/test_flush"),
    Guard("order-least", "the least copy of an order counts, not the first to come", LUA,
          "if stored and not precedes(order, stored) then", "if stored then"),
    Guard("order-take-back", "an earlier copy takes back what a later one did", LUA,
          "  if stored then order_take_back(state, stored) end\n", ""),
    Guard("order-keys", "an earlier copy takes back from no key that the call has not declared", LUA,
          "  answer = keys_missing(state)\n  if answer then return answer end\n", ""),
    Guard("reading-latest", "the latest reading counts, not the last to come", LUA,
          "if old_at and (decimal_after(old_at, read_at)", "if false and (decimal_after(old_at, read_at)"),
    Guard("trim-unclaimed", "orders are not trimmed before every partition has a mark", LUA,
          "  if unmarked > 0 then return end\n", ""),
    Guard("trim-lowest", "orders are trimmed by the lowest record time of the marks", LUA,
          "if not lowest or time < lowest then", "if not lowest or time > lowest then"),
    # ---- its answer
    Guard("error-reply", "an error reply is not APPLIED", "ingest/flush_reply.c",
          "        return refused(error, reply->str);\n    if (reply->type != REDIS_REPLY_ARRAY",
          "        return FLUSH_APPLIED;\n    if (reply->type != REDIS_REPLY_ARRAY"),
    Guard("keys-declared", "what Redis asks to be declared is declared", PIPELINE + "flush.c",
          "        flush_declare(&shard->call, reply);\n", ""),
    Guard("lost-reply", "a call without an answer is sent again, not taken for applied", PIPELINE + "flush.c",
          "        wait_and_repeat(sent.shard, p->now_ms); // as soon", "        take_for_counted(p, sent.shard); // as soon"),
    Guard("era", "the answer to a call that was dropped means nothing", PIPELINE + "flush.c",
          "sent.shard->era != sent.era || sent.shard->state != SHARD_SENT", "sent.shard->state != SHARD_SENT",
          "one connection answers in order: the old answer comes before anything new is sent; unit/test_shard has the eras"),
    Guard("marks-type", "marks are read from a hash only: an error reply holds no marks", PIPELINE + "claims.c",
          "    if (reply->type != REDIS_REPLY_ARRAY) {\n        shard->claim_at_ms", "    if (false) {\n        shard->claim_at_ms",
          "what is claimed anew counts as well; unit/test_pipeline is red without: it takes the partition from its owner"),
    Guard("marks-era", "marks that were asked for before a drop are not those after it", PIPELINE + "claims.c",
          "    if (shard->era != asked.era)\n        return;\n    shard->rereading = false;", "    shard->rereading = false;",
          "one connection answers in order: the marks of the last question come last"),
    # ---- flushing
    Guard("letters", "no flush goes ahead of the dead letters that it covers", PIPELINE + "flush.c",
          "    if (deadletter_settled(p->letters) < shard->letters)\n        return;\n", ""),
    Guard("heartbeat", "an idle shard is flushed too: that finds a rollback", PIPELINE + "flush.c",
          "return flush_is_full(p, shard) || age_ms >= HEARTBEAT_MS;", "return flush_is_full(p, shard);"),
    Guard("seeking-marks", "a partition that goes back moves no mark", PIPELINE + "flush.c",
          "bool reading = o->begun && !o->seeking;", "bool reading = o->begun;",
          "the position is then the lowest place that a shard needs, which moves no mark"),
    # ---- partitions gained, lost, fenced
    Guard("revoke-drain", "partitions are flushed before they are given away", PIPELINE + "ownership.c",
          "bool flushed = !lost && flush_all(p, deadline_ms);", "bool flushed = !lost && deadline_ms > 0;"),
    Guard("revoke-drop", "tables that could not be flushed are dropped with the partition", PIPELINE + "ownership.c",
          "    else\n        flush_drop_all(p);", "    else\n        (void)p;"),
    Guard("fence-drop", "a fence drops the tables: they cannot be split by partition", PIPELINE + "ownership.c",
          "    flush_drop_all(p);\n    for (size_t i = 0; i < count; i++) {\n        int32_t partition = partitions[i];",
          "    for (size_t i = 0; i < count; i++) {\n        int32_t partition = partitions[i];"),
    Guard("fence-claim", "a claim is no answer to a fence: the group must confirm first", PIPELINE + "ownership.c",
          "        o->fenced = true;\n", ""),
    Guard("fence-reread", "marks read again tell of a fence, too", PIPELINE + "claims.c",
          "if (stored.epoch > slot->acked.epoch) {", "if (false) {",
          "the flush that follows is answered FENCED"),
    Guard("drain-deadline", "a stop has one deadline: what the group is slow to answer is not waited for beyond it", PIPELINE[:-1] + ".c",
          "return left > FAREWELL_MS ? (int)left : FAREWELL_MS;", "return left > FAREWELL_MS ? (int)left : 60000;"),
    Guard("mark-gone", "a mark that is gone is claimed again: a shard that lost everything has no start", PIPELINE + "claims.c",
          "        slot->claimed = slot->claimed && value != NULL;\n        if (!slot->claimed)\n            continue;\n"
          "        if (!mark_read(&stored, value)) {",
          "        if (!slot->claimed)\n            continue;\n        const struct meta *meta = &p->startup->meta;\n"
          "        stored = (struct mark){.next = o->partition < meta->partitions ? meta->starts[o->partition] : 0, .last = -1};\n"
          "        if (value != NULL && !mark_read(&stored, value)) {",
          "it takes a log that no longer has the start, and marks read while the shard has none; two cases and unit/test_pipeline"),
    Guard("acked-last", "a mark that moved over no record names the last one still, in the worker too", "ingest/shard.c",
          "    if (to->last >= 0)\n        return;\n", "    return;\n",
          "it takes a rewind before the record was held against the log; a case and unit/test_shard"),
    # ---- versions of the rules
    Guard("rules-known", "a worker that does not know a shard's versions flushes nothing", LUA,
          "  if not rules_hold(keys, argv, 2) then return {'RULES'} end\n", ""),
    # ---- where librdkafka goes on
    Guard("expect", "what was given is not given again", SOURCE,
          " || m->offset < p->expect)", ")"),
    Guard("expect-end", "nor is an end before it one", SOURCE,
          "end >= p->expect && p->assigned", "p->assigned",
          "only a log that was cut ends before a place, and a worker stops for that (log-bounds)"),
    Guard("behind", "while a partition is to be sought to its place, nothing of it is given", SOURCE,
          "p->muted || p->behind || m->offset", "p->muted || m->offset"),
    Guard("behind-rebalance", "after a rebalance every partition is sought to its place", "stream/source/source_rebalance.c",
          "        source_fall_behind(s);\n        if (r->kind", "        if (r->kind"),
    Guard("behind-resume", "and after a pause", "stream/source/source_place.c",
          "    source_fall_behind(s);\n    source_catch_up(s);", "    source_catch_up(s);",
          "it takes a pause of a second and a misplacement at its end: one seed in a thousand"),
    Guard("behind-slipped", "and where something slipped through a pause", SOURCE,
          "        p->behind = s->behind_any = true;\n        return false;\n    }\n    s->figures", "        return false;\n    }\n    s->figures",
          "the release seeks every partition (behind-resume); this keeps an end from being told before it"),
    Guard("placed-by-number", "a partition without a place asks for no end, which may be told after a seek", "stream/source/source_rebalance.c",
          "known ? positions[i].offset : 0;", "known ? positions[i].offset : RD_KAFKA_OFFSET_END;"),
    Guard("unplaced-flows", "it flows once it has a place", "stream/source/source_place.c",
          "    resume_placed(s, list);\n", ""),
    Guard("pause-forgotten", "a pause ends with the ownership", "stream/source/source_rebalance.c",
          "    if (!s->closing)\n        rd_kafka_resume_partitions(s->rk, list);\n", ""),
    Guard("closing-quiet", "of a consumer that closes nothing is asked after its last answer", "stream/source/source_rebalance.c",
          "    if (!s->closing)\n        rd_kafka_resume_partitions(", "    rd_kafka_resume_partitions("),
    Guard("given-back", "what of a poll was not taken is given again", SOURCE,
          "    give_back(s, taken);\n", ""),
    # ---- going back
    Guard("skip", "a rewind is one shard's: the others skip what they have", "ingest/shard.c",
          "return slot->claimed && offset >= slot->folded.next;", "return slot->claimed && offset >= slot->acked.next;"),
    Guard("keep", "what a shard has folded is noted before the partition goes back", PIPELINE + "reading.c",
          "        keep_all(p, o);\n        if (o->fed", "        if (o->fed"),
    Guard("keep-target", "a place to go back to is not kept as one that was read", PIPELINE + "reading.c",
          "    if (o->begun && !o->seeking) {\n", "    if (o->begun) {\n",
          "the place is only ever lowered, so that no shard stands before it; without both, unit/test_pipeline and a case are red"),
    Guard("stale", "nothing is folded for a shard whose marks are unknown", "ingest/shard.c",
          "    if (s->stale || partition >= s->slot_count)", "    if (partition >= s->slot_count)"),
    Guard("seeking-records", "records are passed over while the source is to be moved", PIPELINE + "records.c",
          "if (o == NULL || o->seeking)", "if (o == NULL)"),
    Guard("refeed", "ids of a span before the mark are fed on an assignment", PIPELINE + "reading.c",
          "lowest > p->startup->meta.dedup_span ? lowest - p->startup->meta.dedup_span : 0;", "lowest;"),
    Guard("fed", "no seek goes beyond what dedup has been fed", PIPELINE + "reading.c",
          "        start = start < o->fed ? start\n", "        start = start > 0 ? start\n"),
    Guard("log-bounds", "a mark that the log does not reach stops the worker", PIPELINE + "reading.c",
          "    if (!marks_fit_log(p, o, o->log.first, o->log.end))\n        return false;\n", ""),
    Guard("log-record", "a log whose record before a mark is another, or missing, stops the worker", PIPELINE + "records.c",
          "    if (o->verifying)\n        verify(p, o, r->offset, r);\n", ""),
    Guard("log-record-end", "also where it ends in that place", PIPELINE + "records.c",
          "        verify(p, o, o->end - 1, NULL);\n", "        (void)p;\n",
          "it takes a log that ends just there; unit/test_pipeline_log is red without"),
    Guard("last-counted", "a mark names records that were counted, not those that only fed dedup", PIPELINE + "records.c",
          "if (o->touched && o->last.offset >= o->refeed_until) {", "if (o->touched) {",
          "it takes a gap just behind a mark: some seeds in a thousand have it"),
    Guard("muted", "a partition whose seek failed gives nothing", SOURCE,
          "if (!p->assigned || p->muted || p->behind", "if (!p->assigned || p->behind",
          "the pipeline passes over what comes while its seek is to be done, too (seeking-records)"),
    Guard("reach-mirror-drop", "the mirror of the registers is cleared when a table is dropped", PIPELINE + "flush.c",
          "    seen_clear_shard(p->seen, shard->number);\n", ""),
    Guard("reach-mirror-revoke", "and when a partition is given away", PIPELINE + "ownership.c",
          "    seen_clear(p->seen);\n", ""),
    # ---- duplicates
    Guard("span", "an id is remembered for the span, not for ever", "stream/dedup.c",
          "    expire(d, position.offset - d->span);\n", ""),
    Guard("span-clock", "it is forgotten by offsets, not by the clock", "stream/dedup.c",
          "    expire(d, position.offset - d->span);\n",
          "    extern int64_t clock_wall_ms(void);\n    expire(d, position.offset - clock_wall_ms() / 1000 % (d->span + 1));\n"),
    Guard("span-counted", "a duplicate is one of any earlier copy, counted or not", "stream/dedup.c",
          "    *slot = (struct slot){tag, (uint32_t)place};\n", "    if (!duplicate)\n        *slot = (struct slot){tag, (uint32_t)place};\n"),
    Guard("verdicts", "a rewind gets the verdicts of the first time", "stream/dedup.c",
          "    if (d->judged && !position_before(d->high, position))\n        return judge_again(d, position);\n", ""),
    Guard("verdicts-known", "further back than verdicts are remembered is an assignment", PIPELINE + "reading.c",
          "return o->begun && dedup_remembers(o->dedup, start);", "return o->begun;"),
    Guard("bounds-anew", "what was said of a log's bounds is forgotten with the turn", PIPELINE + "ownership.c",
          "    reading_forget(p);\n}\n\n// ---- gained", "}\n\n// ---- gained"),
]
