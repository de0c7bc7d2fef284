"""The tests' own tools: a recount that cannot find a difference, or a proxy that loses nothing, would prove nothing."""
import time

import pytest
import redis as redis_client
import xxhash

from harness import contract, proxy as proxy_module
from harness.compare import Comparison
from harness.keys import KeySpace, shard_of, shard_tags
from harness.log import read_log
from harness.places import wait_until
from harness.produce import Sender, batch, confluent_frame, event, json_frame
from harness.reader_cases import json_cases, wire_cases
from harness.recount import Mark, Recount, fingerprint, key_text
from harness.redis_cluster import SlotMove, slot_of
from harness.registry import KIND_NUMBERS as KIND
from harness.siphash import siphash_128


def _now():
    return int(time.time() * 1000)


def test_shard_tags_and_pseudonyms_are_those_of_the_documentation():
    assert shard_tags(4) == ["3560", "8209", "4129", "356"]
    key = bytes(range(16))
    assert siphash_128(key, b"\1\2\0\0\0user-1").hex() == "0f69292f90099b28c1754f1c244ecb8e"
    assert key_text(key) == "0 d0fbc3c44ca11df5"
    assert siphash_128(key, b"\2\0\0\0\0c-42").hex() == "e767ba5cda688a52fe383ca566b4329f"


def test_the_proxy_loses_the_reply_that_it_is_told_to_and_no_other(redis, proxy):
    client = redis_client.Redis(port=proxy.port, retry=None)
    replies = []

    def lose_the_second(words, _reply):
        replies.append(words)
        return proxy_module.CUT if len(replies) == 2 else proxy_module.PASS

    client.ping()
    proxy.on_reply = lose_the_second
    client.execute_command("APPEND", "k", "1")
    with pytest.raises(redis_client.exceptions.ConnectionError):
        client.execute_command("APPEND", "k", "2")
    assert redis.client.get("k") == b"12"
    proxy.on_reply = None
    client.execute_command("APPEND", "k", "3")
    assert redis.client.get("k") == b"123"


def test_redis_goes_back_to_a_copy(redis):
    redis.client.set("k", 1)
    redis.save_copy("older.rdb")
    redis.client.set("k", 2)
    redis.go_back_to("older.rdb")
    assert redis.client.get("k") == b"1"


def test_a_cluster_moves_slots_and_replaces_a_master(redis_cluster):
    client, slot = redis_cluster.client, slot_of("k:{7}")
    first, second = redis_cluster.master_of(slot), redis_cluster.masters()
    second = next(node for node in second if node is not first)
    client.set("k:{7}", 1)
    client.set("l:{7}", 2)
    move = SlotMove(redis_cluster, slot, second).begin()
    move.move("k:{7}")
    with pytest.raises(redis_client.exceptions.AskError, match=f"{slot} {second.name}"):
        first.client.get("k:{7}")
    with pytest.raises(redis_client.exceptions.TryAgainError):
        first.client.mget("k:{7}", "l:{7}")
    move.finish()
    assert client.mget("k:{7}", "l:{7}") == [b"1", b"2"] and redis_cluster.master_of(slot) is second
    third = redis_cluster.failover(slot)
    assert third not in (first, second) and not second.is_master and client.get("l:{7}") == b"2"
    client.set("m:{0}", 3)
    dead = redis_cluster.kill_master(slot_of("m:{0}"))
    heir = redis_cluster.wait_for_other_master(slot_of("m:{0}"), dead)
    assert heir not in (first, second, third, dead) and client.get("m:{0}") == b"3"
    dead.start()
    wait_until("it is a replica now", redis_cluster.is_whole)
    assert redis_cluster.replica_of(heir) is dead


def test_framings_are_told_apart():
    plain, other = event(content_id="a"), event(content_id="b")
    for value, count in [(plain.SerializeToString(), 1), (batch([plain, other]).SerializeToString(), 2),
                         (confluent_frame(plain), 1), (confluent_frame(batch([plain, other])), 2), (json_frame(plain), 1),
                         (json_frame(batch([plain, other])), 2)]:
        opened = _open(value)
        assert [(index, reason) for index, _, reason in opened] == [(i, None) for i in range(count)]
        assert opened[0][1].SerializeToString() == plain.SerializeToString()


@pytest.mark.parametrize("cases, least", [(json_cases(), 90), (wire_cases(), 30)], ids=["json", "protobuf"])
def test_records_are_read_as_the_unit_tests_have_it(cases, least):
    assert len(cases) > least
    for value, reason in cases:
        (_, event_read, refused), *_ = _open(value)
        assert (refused if event_read is None else None) == reason, value


@pytest.mark.parametrize("value, reason", [
    (b"\xfa\x87\0\0", "no_id"), (b"\xf8\x07\x01", "batch_too_long"), (b"\xf8\x07\x01\xfa\x07\0", "no_id"),
    (b"\0\0\0\0\7\0\xfa\x07\0", "no_id"), (b"\0\0\0\0\7\2\2", "batch_too_long"), (b"\0\0\0\0\7\2\4", "undecodable"),
    (b"\0\0\0\0\7\0{}", "undecodable"), (b"\x12\x01x", "undecodable"), (b"\xf2\x01\x02\x0a\0", "undecodable"),
    (b"\xb2\x3f\x01x", "no_id"), (b"{}" + b" " * 65534, "no_id"), (b"{}" + b" " * 65535, "oversized"),
    (b'{"events":[{}]}' + b" " * 70_000, "no_id"), (b'{"events":[{"tags":["%s"]}]}' % (b"x" * 65536), "oversized"),
    (b"{" + b" " * (16 << 20), "oversized"), (b"\xfa\x07\0".ljust(64 << 20, b"\xff"), "undecodable"),
    (b"\xfa\x07\0".ljust((64 << 20) + 1, b"\xff"), "oversized"),
    (b'{"a":' + b"[" * 2047 + b"]" * 2047 + b"}", "no_id"), (b'{"a":' + b"[" * 2048 + b"]" * 2048 + b"}", "undecodable"),
    (b"\xfa\x07\0" * 65535, "no_id"), (b"\xfa\x07\0" * 65536, "batch_too_long")],
    ids=lambda value: value if isinstance(value, str) else "")
def test_the_bounds_of_records(value, reason):
    assert _open(value)[0][2] == reason


def _open(value):
    return contract.open_record(contract.Record(0, 0, _now(), b"k", value, {}), Recount().rules[0],
                                max_message_bytes=64 << 20)


def _some_of_everything():
    now, order = _now(), {"order_id": "o-1", "value_micros": 9_990_000, "currency": "EUR", "items": [{"quantity": 2}]}
    liked = event(KIND["like"], tags=["summer", "summer", "a:b"], campaign_id="spring", live_session_id="live-1")
    return [
        liked, liked, event(KIND["like"], delta=-1), event(777), event(KIND["view"], view={"watch_ms": 1500}),
        event(KIND["purchase"], commerce=order, occurred_at=now - 1000),
        event(KIND["purchase"], commerce=order, occurred_at=now - 2000),
        event(KIND["purchase"], commerce=order, occurred_at=now - 49 * 3_600_000),
        event(KIND["reading"], reading={"read_at": now, "values": [{"counter": "views", "value": 70}]}),
        event(KIND["erasure"], account="", erasure={"actor_id": "user-1"}),
        event(KIND["like"], event_id=b"short"), event(KIND["spend"]),
    ]


def _write(client, recount, log, marks):
    """Puts what the recount expects into Redis, as a worker should have done."""
    space = recount.space
    for name, fields in recount.hashes.items():
        client.hset(name, mapping=dict(fields))
    for name, members in recount.tops.items():
        client.zadd(name, dict(members))
    for name, people in recount.reached.items():
        client.pfadd(name, *people)
    for name, expiries in recount.expiries.items():
        client.expireat(name, max(expiries))
    for (shard, account, order), copies in recount.orders.items():
        occurred_at, event_id = copies[0][:2]
        client.hset(space.name(shard, "orders", account), xxhash.xxh3_128_hexdigest(order), f"{occurred_at:016}{event_id.hex()} x")
    for shard in range(space.shards):
        client.hset(space.name(shard, "rules"), mapping={"1": recount.rules[0].text(1), "key:1": key_text(recount.keys[0][1])})
        for p, mark in marks[shard].items():
            client.hset(space.name(shard, "mark"), p, f"1 {mark.next} {mark.last} {mark.fingerprint:016x} {mark.time_ms}")


def test_the_recount_agrees_with_itself_and_finds_every_single_difference(kafka, topic, redis):
    sender = Sender(kafka.bootstrap, topic)
    for e in _some_of_everything():
        sender.send(e)
    sender.close()
    log = read_log(kafka.bootstrap, topic)
    assert sum(len(records) for records in log.values()) == 12
    last = {p: records[-1] for p, records in log.items() if records}
    marks = [{p: Mark(r.offset + 1, r.offset, fingerprint(r), r.time_ms) for p, r in last.items()} for _ in range(4)]
    recount = Recount(KeySpace(shards=4)).fold(log, marks)
    assert (recount.read, recount.duplicates) == (12, 1)
    assert sorted(reason for *_, reason in recount.refused) == ["bad_body", "no_id"]
    acme = recount.hashes[recount.space.name(shard_of("acme", 4), "acct", "acme")]
    assert {"likes": 0, "orders": 1, "gross_micros:EUR": 9_990_000, "units": 2, "order_copies": 1, "orders_late": 1,
            "kind_777": 1, "watch_ms": 1500, "views": 1, "views.read": 70}.items() <= acme.items(), acme
    client = redis.client
    _write(client, recount, log, marks)

    def differences():
        return Comparison(client, recount, log, marks).differences

    assert not differences()
    for family in ("acct", "content", "campaign", "series", "tag", "live", "platform", "top", "reach", "orders", "rules"):
        name = next(client.scan_iter("clm:*:rules" if family == "rules" else f"clm:*:{family}:*"))
        kept = client.dump(name), client.expiretime(name)
        for harm in (lambda n: client.delete(n), lambda n: client.expireat(n, _now() // 1000 + 9000), _alter(client)):
            harm(name)
            is_harmless = family in ("orders", "rules") and client.exists(name) and client.expiretime(name) > 0
            assert is_harmless or differences(), (family, harm)
            client.delete(name)
            client.restore(name, max(kept[1], 0) * 1000, kept[0], absttl=kept[1] > 0, replace=True)
        assert not differences(), family
    for name in ("clm:{3560}:surprise", "clm:{1}:acct:acme", "clm:{3560}:acct:nobody"):
        client.hset(name, "likes", 1)
        assert differences(), name
        client.delete(name)


def _alter(client):
    def harm(name):
        kind = client.type(name)
        if kind == b"zset":
            client.zincrby(name, 1, "video-1")
        elif kind == b"string":
            client.pfadd(name, "somebody else")
        else:
            field, value = next((f, v) for f, v in client.hgetall(name).items() if not f.endswith(b"_id"))
            client.hset(name, field, int(value) + 1 if value.isdigit() else b"0" + value)
    return harm
