"""What cannot be counted is never dropped: it lies in the dead-letter topic, whole, with its reason and its place."""
import json
import os
import re
import time

from harness import load
from harness.compare import read_marks
from harness.deadletters import check_letters, letters_of
from harness.log import ends_of, read_log
from harness.places import wait_until
from harness.produce import Sender, batch, confluent_frame, event, json_frame, key_of
from harness.registry import KIND_NUMBERS as KIND


def test_every_refused_event_has_its_dead_letter(deployment):
    deployment.produce(*load.flags(10_000, seed=3, malformed=0.1))
    worker = deployment.worker()
    recount = load.settle(deployment, [worker])
    reasons = {reason for *_, reason in recount.refused}
    assert len(reasons) > 8, reasons
    check_letters(deployment, recount)


def test_a_message_too_large_for_the_topic_goes_as_its_beginning(kafka, deployment):
    kafka.set_topic(f"{deployment.topic}.dlq", max_message_bytes="100000")
    value = b"\xff" + os.urandom(900_000)
    sender = Sender(deployment.bootstrap, deployment.topic)
    sender.send(value)
    sender.send(event())
    sender.close()
    deployment.worker()
    deployment.drain()
    recount = deployment.recount()
    letter, = check_letters(deployment, recount).values()
    assert letter.headers["clameur-size"] == b"900001"
    assert letter.headers["clameur-truncated"] == b"1" and letter.value == value[:65536]


def _foreign(sender, count, value):
    for number in range(count):
        sender.send(value % number if b"%" in value else value, b"k%d" % number)


def test_a_topic_of_something_else_pauses_the_worker_before_the_dead_letters_are_a_copy_of_it(deployment):
    sender = Sender(deployment.bootstrap, deployment.topic)
    _foreign(sender, 912, b"\0\0\0\0\7avro %06d")
    for _ in range(88):
        sender.send(event())
    sender.close()
    words = "912 of 1000 messages are not clameur.v1.Event; they are in Confluent framing, schema id 7"
    check = deployment.ingest("check", "--connect", check=65)
    assert words in check.stdout and "CLM-S1" in check.stdout
    worker = deployment.worker(ready=False)
    wait_until("the breaker has tripped", lambda: worker.metric("breaker_open") == 1, 60)
    status, why = worker.get("/readyz")
    # A slow machine may read fewer than all before it judges.
    assert status == 503 and re.fullmatch(r"CLM-S1 \d+ of \d+ messages are not clameur.v1.Event; they are in Confluent "
                                          r"framing, schema id 7\n", why), why
    assert worker.get("/livez")[0] == 200
    assert worker.metric("events_counted_total") == worker.metric("events_rejected_total") == 0
    assert worker.metric("pressure_seconds_total", 'stage="breaker"') > 0
    assert worker.terminate() == 0
    assert not letters_of(deployment)
    marks = [mark for of in read_marks(deployment.redis.client, deployment.space) for mark in of.values()]
    assert marks and all(mark.next == 0 for mark in marks)

    worker = deployment.worker(flags=["--dlq.breaker=false"])  # it is the right topic, says the operator
    recount = load.settle(deployment, [worker])
    assert recount.counted == 88 and len(recount.refused) == 912
    check_letters(deployment, recount)


def test_json_of_another_kind_is_something_else_too(deployment):
    sender = Sender(deployment.bootstrap, deployment.topic)
    _foreign(sender, 400, b'{"user": %d, "action": "like"}')
    sender.close()
    worker = deployment.worker(ready=False)
    wait_until("the breaker has tripped", lambda: worker.metric("breaker_open") == 1, 60)
    assert "JSON objects of another kind" in worker.get("/readyz")[1]
    assert not letters_of(deployment)


def _dlq(deployment, *arguments, check=0):
    done = deployment.ingest("dlq", *arguments, check=check)
    return [json.loads(line) for line in done.stdout.splitlines()], done


def test_letters_are_listed_shown_and_put_back(deployment, tmp_path):
    """The road of a repair: a batch with one bad event and a broken message; the repaired ones count, once."""
    like = KIND["like"]
    good, bad = event(like, actor_id="alice-7f3a"), event(like, account="", actor_id="alice-7f3a")
    repaired = event(like, event_id=bad.event_id, actor_id="alice-7f3a")
    sender = Sender(deployment.bootstrap, deployment.topic)
    sender.send(confluent_frame(batch([good, bad])), key_of(good))
    sender.send(good.SerializeToString()[:-3], key_of(good))  # cut off on its way
    sender.send(event(like, occurred_at=event().occurred_at + 600_000, actor_id="alice-7f3a"))
    sender.close()
    worker = deployment.worker()
    assert len(load.settle(deployment, [worker]).refused) == 3

    rows, _ = _dlq(deployment, "list")
    assert {row["reason"]: row["letters"] for row in rows} == {"no_account": 1, "undecodable": 1, "future": 1}
    place = {row["reason"]: row["newest_at"] for row in rows}
    assert _dlq(deployment, "list", "--reason", "future")[0] == [row for row in rows if row["reason"] == "future"]
    shown, done = _dlq(deployment, "show", place["no_account"])
    assert shown[0]["letter"] == place["no_account"] and shown[0]["reason"] == "no_account" and shown[0]["schema"] == 7
    assert shown[0]["event"] == bad.event_id.hex() and shown[0]["platform"] == "tiktok" and shown[0]["size"] == bad.ByteSize()
    broken, also = _dlq(deployment, "show", place["undecodable"])
    assert broken[0]["hex"] == good.SerializeToString()[:8].hex() and broken[0]["fate_now"] == "undecodable"
    raw, _ = _dlq(deployment, "show", "--raw", place["undecodable"])
    assert raw[0]["key"] == key_of(good).decode() and bytes.fromhex(raw[0]["hex"]) == good.SerializeToString()[:-3]
    assert not [text for text in (done.stdout, also.stdout, also.stderr) if "alice" in text or b"alice".hex() in text]
    _dlq(deployment, "show", f"{deployment.topic}/0/99", check=1)

    # What is still wrong is not sent, and a dry run sends nothing.
    assert _dlq(deployment, "replay", "--reason", "no_account")[0][0] == {
        "letters": 1, "sent": 0, "refused_again": 1, "truncated": 0, "failed": 0, "dry_run": "no"}
    file = tmp_path / "repaired"
    file.write_bytes(repaired.SerializeToString())
    assert _dlq(deployment, "replay", place["no_account"], "--file", file, "--dry-run")[0][0]["sent"] == 1
    before = ends_of(deployment.bootstrap, deployment.topic)
    assert sum(before.values()) == 3
    for _ in range(2):  # twice within the span is once
        assert _dlq(deployment, "replay", place["no_account"], "--file", file)[0][0]["sent"] == 1
    _dlq(deployment, "replay", "--reason", "undecodable", "--file", file, check=64)
    _dlq(deployment, "replay", check=64)
    assert "no reason" in _dlq(deployment, "replay", "--reason", "futures", check=64)[1].stderr
    recount = load.settle(deployment, [worker])
    assert recount.counted == 2 and recount.duplicates == 1 and len(recount.refused) == 3
    log = read_log(deployment.bootstrap, deployment.topic)
    same, = [part for part in log.values() if any(r.value == repaired.SerializeToString() for r in part)]
    assert {r.key for r in same} == {key_of(good)} and len([r for part in log.values() for r in part]) == 5
    assert any(r.value.endswith(bad.SerializeToString()) for r in same), "in the partition of its original"


def test_an_event_that_was_too_early_is_put_back_as_it_was(deployment):
    """Out of a batch in Confluent framing: sent with a frame of its own. Copies of a letter are one."""
    early = event(KIND["like"], occurred_at=event().occurred_at + 304_000)
    sender = Sender(deployment.bootstrap, deployment.topic)
    sender.send(confluent_frame(batch([event(KIND["like"]), early])), key_of(early))
    sender.close()
    worker = deployment.worker()
    load.settle(deployment, [worker])
    letter, = letters_of(deployment).values()
    assert letter.headers["clameur-reason"] == b"future"
    copy = Sender(deployment.bootstrap, f"{deployment.topic}.dlq")
    copy.send(letter.value, letter.key, headers=list(letter.headers.items()))
    copy.close()
    wait_until("its time has come", lambda: time.time() * 1000 > early.occurred_at - 299_000, 30)
    assert _dlq(deployment, "replay", "--reason", "future")[0][0]["sent"] == 1
    recount = load.settle(deployment, [worker])
    assert recount.counted == 2 and [reason for *_, reason in recount.refused] == ["future"]
    records = [r for part in read_log(deployment.bootstrap, deployment.topic).values() for r in part]
    assert records[-1].value == confluent_frame(early) and records[-1].key == key_of(early)


def test_a_letter_without_a_key_is_put_back_where_it_came_from__goes_red_if_it_goes_anywhere(deployment, tmp_path):
    """Sent twice it is once: its copies must lie in one partition. A producer without keys is wrong, and is counted right."""
    sender = Sender(deployment.bootstrap, deployment.topic)
    for partition in ends_of(deployment.bootstrap, deployment.topic):
        sender.send(event(account="").SerializeToString(), None, partition=partition)
    sender.close()
    worker = deployment.worker()
    assert len(load.settle(deployment, [worker]).refused) == len(ends_of(deployment.bootstrap, deployment.topic))
    file = tmp_path / "repaired"
    for place in letters_of(deployment):
        file.write_bytes(event().SerializeToString())
        for _ in range(2):
            assert _dlq(deployment, "replay", place, "--file", file)[0][0]["sent"] == 1
    recount = load.settle(deployment, [worker])
    assert recount.counted == recount.duplicates == len(recount.refused) > 1
