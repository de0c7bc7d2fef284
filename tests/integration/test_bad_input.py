"""All that a producer can get wrong, in one table: what becomes of each, and the way back out of the dead-letter topic."""
import json
import time

from harness import load
from harness.contract import open_record
from harness.deadletters import check_letters, letters_of
from harness.keys import shard_of
from harness.log import read_log
from harness.produce import Sender, batch, confluent_frame, event, json_frame, key_of
from harness.registry import KIND_NUMBERS as KIND
from harness.registry import Event
from harness.worker import metrics_of

MONEY = {"value_micros": 5, "currency": "EUR"}
MINUTE, DAY = 60_000, 86_400_000
UNKNOWN = b"\xfa\x3e"  # the tag of a field that the contract does not have, with a length


def _unknown(e, size):
    """The event with a field of `size` bytes that no reader knows."""
    length = bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14])
    return e.SerializeToString() + UNKNOWN + length + bytes(size)


def _like(**fields):
    return event(KIND["like"], **fields)


def _around(ms, **fields):
    return _like(occurred_at=int(time.time() * 1000) + ms, **fields)


# name: what is wrong with the event, how it is mended (fields of the event), by the reason that it is refused for
REFUSED = {
    "no_id": (lambda: _like(event_id=b"short"), {"event_id": bytes(range(16))}),
    "no_time": (lambda: _like(occurred_at=0), {"occurred_at": None}),
    "future": (lambda: _around(60 * MINUTE), {"occurred_at": None}),
    "too_old": (lambda: _around(-91 * DAY), {"occurred_at": None}),
    "no_platform": (lambda: _like(platform=0), {"platform": 2}),
    "no_kind": (lambda: event(0), {"kind": KIND["like"]}),
    "no_account": (lambda: _like(account=""), {"account_id": "mended"}),
    "too_long": (lambda: _like(content_id="x" * 513), {"content_id": "x"}),
    "bad_utf8": (lambda: _like(content_id="xyz").SerializeToString().replace(b"xyz", b"x\xffz"), {"content_id": "x"}),
    "negative_measure": (lambda: event(KIND["view"], view={"watch_ms": -1}), {"view": {"watch_ms": 1}}),
    "out_of_range": (lambda: _like(delta=10**17 + 1), {"delta": 1}),
    "no_currency": (lambda: event(KIND["refund"], commerce={"value_micros": 5}), {"commerce": MONEY}),
    "no_order_id": (lambda: event(KIND["purchase"], commerce=MONEY), {"commerce": {"order_id": "o-1"}}),
    "bad_delta": (lambda: event(KIND["purchase"], delta=2, commerce=MONEY | {"order_id": "o-2"}), {"delta": 1}),
    "no_session": (lambda: event(KIND["live_join"]), {"live_session_id": "show"}),
    "bad_reading": (lambda: event(KIND["reading"], reading={"read_at": 1}), {"kind": KIND["like"]}),
    "bad_body": (lambda: event(KIND["spend"]), {"kind": KIND["like"]}),
}
# Not even an event, each beside the reason.
FOREIGN = {
    "cut short": ("undecodable", lambda: _like().SerializeToString()[:-3]),
    "no protobuf": ("undecodable", lambda: b"\xff\xff\xff"),
    "no JSON": ("undecodable", lambda: b'{"eventId": '),
    "Avro": ("undecodable", lambda: b"\0\0\0\0\7\x0eavro"),
    "no value": ("null_value", lambda: None),
    "no bytes": ("empty", lambda: b""),
    "an event of 70 kB": ("oversized", lambda: _unknown(_like(), 70_000)),
    "an event of 2 MB": ("oversized", lambda: _unknown(_like(), 2_000_000)),
    "a batch of nothing": ("batch_too_long", lambda: b"\0\0\0\0\7\2\2"),
}
# Odd, but right: the counters of its own account.
COUNTED = {
    "unknown fields": (lambda a: _unknown(_like(account=a), 2_000), {"likes": 1}),
    "an unknown platform": (lambda a: _like(account=a, platform=4711), {"likes": 1}),
    "an unknown kind": (lambda a: event(4711, a), {"kind_4711": 1}),
    "a named unknown kind": (lambda a: event(1234, a, kind_name="superwave"), {"kind_1234": 1}),
    "an old event within bounds": (lambda a: _around(-89 * DAY, account=a), {"likes": 1}),
    "a little ahead": (lambda a: _around(4 * MINUTE, account=a), {"likes": 1}),
    "taken back": (lambda a: _like(account=a, delta=-3), {"likes": -3}),
    "no value, no currency": (lambda a: event(KIND["refund"], a, commerce={}), {"refunds": 1}),
    "a:b%{c}": (lambda a: _like(account=a, content_id="x:{y}%:z", campaign_id="{}", tags=["%3A", ":"]), {"likes": 1}),
    "a:b%7Bc}": (lambda a: _like(account=a, content_id="x", tags=["{"]), {"likes": 1}),
    "a": (lambda a: _like(account=a, content_id="b:c"), {"likes": 1}),
    "a:2:b": (lambda a: _like(account=a, content_id="c"), {"likes": 1}),
    "JSON": (lambda a: json_frame(_like(account=a)), {"likes": 1}),
    "Confluent": (lambda a: confluent_frame(_like(account=a)), {"likes": 1}),
}


def _produce(deployment):
    """Sends all of the tables; {the letters' expected reasons}, by how many."""
    sender = Sender(deployment.bootstrap, deployment.topic, **{"message.max.bytes": 4_000_000})
    for number, (make, _) in enumerate(REFUSED.values()):
        sender.send(make(), b"k%d" % number)
    for reason, make in FOREIGN.values():
        sender.send(make())
    for account, (make, _) in COUNTED.items():
        sender.send(make(account))
    mixed = batch([_like(account="batch"), _like(event_id=b"short"), _like(account="batch")])
    for value in (mixed, confluent_frame(mixed), json_frame(mixed)):  # the two likes of the others are duplicates
        sender.send(value, key_of(mixed.events[0]))
    sender.close()
    return sorted([*REFUSED, *(reason for reason, _ in FOREIGN.values()), *["no_id"] * 3])


def _counters(deployment, account):
    name = deployment.space.name(shard_of(account, deployment.space.shards), "acct", account)
    return {field.decode(): int(value) for field, value in deployment.redis.client.hgetall(name).items()}


def _rows(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def _check_listed(deployment, reasons):
    """`dlq list` and `dlq show` say of every letter what the letter says."""
    listed = {row["reason"]: row["letters"] for row in _rows(deployment.ingest("dlq", "list"))}
    assert listed == {reason: reasons.count(reason) for reason in reasons}
    letters = letters_of(deployment)
    shown = {row["letter"]: row for row in _rows(deployment.ingest("dlq", "show", *letters))}
    assert {place: (row["reason"], row["size"]) for place, row in shown.items()} == \
        {place: (letter.headers["clameur-reason"].decode(), int(letter.headers["clameur-size"]))
         for place, letter in letters.items()}


def _mend(letter, reason):
    """A letter's event as its producer would have it; the id stays unless it is what was wrong."""
    mended = Event()
    mended.ParseFromString(letter.value.replace(b"x\xffz", b"x?z"))
    for name, value in REFUSED[reason][1].items():
        if isinstance(value, dict):
            mended.MergeFrom(Event(**{name: value}))
        else:
            setattr(mended, name, int(time.time() * 1000) if value is None else value)
    return mended.SerializeToString()


def _replay_mended(deployment, letters, directory):
    """One letter of each reason that an event can be refused for, mended, back into the topic."""
    sent, file = set(), directory / "mended"
    for place, letter in letters.items():
        reason = letter.headers["clameur-reason"].decode()
        if reason not in REFUSED or reason in sent:
            continue
        file.write_bytes(_mend(letter, reason))
        row, = _rows(deployment.ingest("dlq", "replay", place, "--file", file))
        assert (row["letters"], row["sent"], row["failed"]) == (1, 1, 0), (reason, row)
        sent.add(reason)
    assert sent == set(REFUSED)


def test_all_bad_input_at_once_meets_its_fate_and_finds_its_way_back(kafka, deployment, tmp_path):
    kafka.set_topic(deployment.topic, max_message_bytes="4000000")
    reasons = _produce(deployment)
    worker = deployment.worker(flags=["--dlq.breaker=false"])
    recount = load.settle(deployment, [worker])
    assert sorted(reason for *_, reason in recount.refused) == reasons
    assert {account: _counters(deployment, account) for account in COUNTED} == \
        {account: counters for account, (_, counters) in COUNTED.items()}
    assert _counters(deployment, "batch") == {"likes": 2}
    assert recount.counted == len(COUNTED) + 2 and recount.duplicates == 4
    assert all(open_record(r, recount.rules[0]) for part in read_log(deployment.bootstrap, deployment.topic).values()
               for r in part)
    letters = check_letters(deployment, recount)
    large, = [letter for letter in letters.values() if int(letter.headers["clameur-size"]) > 2_000_000]
    assert "clameur-truncated" in large.headers and len(large.value) == 65536
    _check_listed(deployment, reasons)

    # What is still wrong stays where it is; what has been mended counts.
    refused_again = _rows(deployment.ingest("dlq", "replay", "--reason", "no_currency"))[0]
    assert (refused_again["sent"], refused_again["refused_again"]) == (0, 1)
    cut = _rows(deployment.ingest("dlq", "replay", "--reason", "oversized"))[0]
    assert cut["sent"] == 0 and cut["truncated"] == 1
    _replay_mended(deployment, letters, tmp_path)
    again = load.settle(deployment, [worker])
    assert again.counted == recount.counted + len(REFUSED) and again.refused == recount.refused
    check_letters(deployment, again)
    assert worker.terminate() == 0


def test_a_counter_that_leaves_64_bits_is_a_fault_and_stops_nothing(deployment):
    """It stands at the last figure that fits; what came on top is in `faults`, and the sum of both is the recount's."""
    views = 200  # of 10^17 each: more than twice what 64 bits hold
    worker = deployment.worker()
    sender = Sender(deployment.bootstrap, deployment.topic)
    for number in range(views):
        sender.send(event(KIND["view"], actor_id=f"user-{number}", view={"watch_ms": 10**17}))
    sender.close()
    recount = load.settle(deployment, [worker], faults=True)
    name = deployment.space.name(shard_of("acme", deployment.space.shards), "acct", "acme")
    counters = _counters(deployment, "acme")
    assert recount.hashes[name]["watch_ms"] == views * 10**17 > 2**64
    assert counters["views"] == views, "its other counters go on"
    assert 0 < counters["watch_ms"] < 2**63 and 2**63 - counters["watch_ms"] <= views * 10**17
    faults = deployment.redis.client.execute_command("FCALL_RO", "clameur_faults", 0)
    assert name in str(faults) and "overflow" in str(faults)
    assert worker.is_ready() and worker.metric("counter_faults_total") > 0
    lines = worker.said("CLM-F1", "counter_faults")
    assert lines and "clameur_faults" in lines[0]
    assert metrics_of(worker.get("/metrics")[1])["clameur_redis_refusing"].get("", 0) == 0
    sender = Sender(deployment.bootstrap, deployment.topic)
    sender.send(event(KIND["like"]))
    sender.close()
    load.settle(deployment, [worker], faults=True)
    assert _counters(deployment, "acme")["likes"] == 1
    assert worker.terminate() == 0
