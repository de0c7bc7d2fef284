"""Every event of a mixed stream is counted once: real Kafka, real Redis, two independent recounts."""
import re
import subprocess
import sys

import pytest

from harness import load
from harness.places import ROOT, wait_until
from harness.produce import Sender, batch, confluent_frame, event, json_frame
from harness.reader_cases import json_cases
from harness.registry import KIND_NUMBERS as KIND
from harness.registry import SCHEMAS
from harness.process import run
from harness.worker import Deployment


@pytest.mark.parametrize("batches", [None, 50], ids=["single events", "batches"])
def test_a_mixed_stream_is_counted_exactly(deployment, batches):
    deployment.produce(*load.flags(20_000, batch=batches))
    worker = deployment.worker()
    recount = load.settle(deployment, [worker])
    assert recount.read == 20_000 and recount.counted > 18_000
    assert recount.duplicates > 200 and len(recount.refused) > 200
    assert worker.metric("events_counted_total") == recount.counted
    assert worker.metric("events_duplicate_total") == recount.duplicates
    assert worker.metric("events_rejected_total") == len(recount.refused)
    assert worker.terminate() == 0


@pytest.mark.long
def test_a_million_events_are_counted_exactly(deployment):
    worker = deployment.worker()
    deployment.produce(*load.flags(1_000_000), seconds=600)
    load.settle(deployment, [worker], 300)


def test_two_workers_share_a_stream_and_count_it_once(deployment):
    workers = [deployment.worker(), deployment.worker()]
    wait_until("both workers own partitions", lambda: all(w.assigned() > 0 for w in workers))
    deployment.produce(*load.flags(10_000, rate=5_000))
    load.settle(deployment, workers)
    assert all(worker.metric("events_counted_total") > 0 for worker in workers)


def test_every_framing_counts_the_same(deployment):
    order = {"order_id": "o", "value_micros": 9_990_000, "currency": "EUR", "items": [{"quantity": 2}]}
    reading = {"read_at": 5, "values": [{"counter": "views", "value": 70}]}
    sender = Sender(deployment.bootstrap, deployment.topic)
    for number, frame in enumerate((lambda m: m.SerializeToString(), confluent_frame, json_frame)):
        events = [event(KIND["like"], delta=-3, tags=["a", "é"], utm={"source": "s"}), event(KIND["comment"]),
                  event(KIND["purchase"], commerce=order | {"order_id": f"o-{number}"}), event(777, platform=4711),
                  event(KIND["purchase"], commerce=order), event(KIND["reading"], reading=reading, content_id=f"c-{number}"),
                  event(KIND["view"], view={"watch_ms": 1500, "from_impression": True})]
        for one in events:
            sender.send(frame(one))
        sender.send(frame(batch(events)))  # duplicates, in the same partition
        sender.send(frame(batch([event(KIND["like"]), event(KIND["like"], account=""), event(KIND["share"])])))
    sender.close()
    worker = deployment.worker()
    recount = load.settle(deployment, [worker])
    assert (recount.counted, recount.duplicates) == (3 * 9, 3 * 7)
    assert [reason for *_, reason in recount.refused] == ["no_account"] * 3
    assert worker.metric("events_counted_total") == recount.counted


def test_json_is_read_alike_by_the_worker_and_both_recounts(deployment):
    """Every text of the unit tests, by itself and beside an event that counts if the record can be read at all."""
    cases = json_cases()
    sender = Sender(deployment.bootstrap, deployment.topic)
    events = [case for case in cases if b'"events"' not in case[0]]
    for text, _ in cases:
        sender.send(text)
    for text, _ in events:
        sender.send(b'{"events": [%s, %s]}' % (json_frame(event(KIND["like"])), text))
    sender.close()
    worker = deployment.worker(flags=["--dlq.breaker=false"])  # most of the topic is malformed on purpose
    recount = load.settle(deployment, [worker])
    assert recount.counted == sum(reason is None for _, reason in events) > 30
    assert worker.metric("events_rejected_total") == len(recount.refused)


def test_counts_that_expire_or_come_too_late_are_left_out(kafka, redis, tmp_path, topic):
    deployment = Deployment(tmp_path, kafka.bootstrap, topic, redis).init()
    day, now = 86_400_000, event().occurred_at
    order = {"order_id": "o", "value_micros": 1, "currency": "EUR"}
    sender = Sender(kafka.bootstrap, topic)
    for ago in (0, day, 2 * day, 3 * day, 34 * day, 37 * day, 91 * day):
        sender.send(event(KIND["share"], occurred_at=now - ago, tags=["t"]))
        sender.send(event(KIND["purchase"], occurred_at=now - ago, commerce=order))
    sender.close()
    deployment.worker()
    deployment.drain()
    assert [reason for *_, reason in deployment.recount().refused] == ["too_old"] * 2


def test_odd_ids_stay_apart(deployment):
    sender = Sender(deployment.bootstrap, deployment.topic)
    for account in ("a:b", "a%3Ab", "a", "{a}", "日本", "a b", "\x00"):
        sender.send(event(KIND["like"], account, content_id=f"{account}:1", tags=[account], campaign_id=account))
    sender.send(event(777, platform=1234))
    sender.close()
    deployment.worker()
    deployment.drain()
    assert deployment.recount().counted == 8


def test_the_producer_of_the_readme_is_counted(deployment, tmp_path):
    """The README's few lines of Python, as they stand there, but for the broker's address and the topic."""
    code, = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    code = re.sub(r"(localhost|127\.0\.0\.1):9092", deployment.bootstrap, code)
    code = code.replace('"engagement"', f'"{deployment.topic}"')
    run(["protoc", f"--proto_path={SCHEMAS}", f"--python_out={tmp_path}", SCHEMAS / "clameur/v1/event.proto"], tmp_path)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": f"{tmp_path}:{tmp_path}/clameur/v1"},
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    deployment.worker()
    deployment.drain()
    recount = deployment.recount()
    assert recount.counted >= 1 and not recount.refused
