"""Real messages, broken at random: each is counted or dead-lettered with its reason, and both recounts agree."""
import random

import pytest

from harness import load
from harness.deadletters import check_letters
from harness.log import read_log
from harness.produce import Sender, confluent_frame, json_frame
from harness.registry import Event
from harness.worker import Deployment

SEED = 20


def _cut(value, at, size, other):
    return value[:at]


def _drop(value, at, size, other):
    return value[:at] + value[at + size:]


def _double(value, at, size, other):
    return value[:at + size] + value[at:]


def _splice(value, at, size, other):
    return value[:at] + other[at // 2:at // 2 + size] + value[at + size:]


def _flip(value, at, size, other):
    return value[:at] + bytes([value[at] ^ 1 << size % 8]) + value[at + 1:]


def _set(value, at, size, other):
    return value[:at] + bytes([size * 37 % 256]) + value[at + 1:]


EDITS = [_flip, _flip, _set, _set, _drop, _double, _splice, _cut]


def mutations(originals, count, seed):
    """`count` of (key, value): an original with none to four edits."""
    chance = random.Random(seed)
    for _ in range(count):
        key, value = chance.choice(originals)
        for _ in range(chance.randrange(5)):
            if value:
                value = chance.choice(EDITS)(value, chance.randrange(len(value)), 1 + chance.randrange(16),
                                             chance.choice(originals)[1])
        yield key, value


def _other_forms(records):
    """Some of them as Confluent's framing and as JSON."""
    for record in records:
        if record.value and record.value[:2] != b"\xfa\x07":
            try:
                event = Event.FromString(record.value)
            except Exception:  # it was broken on purpose
                continue
            yield record.key, confluent_frame(event)
            yield record.key, json_frame(event)


@pytest.mark.parametrize("count", [20_000, pytest.param(1_000_000, marks=pytest.mark.long)])
def test_whatever_bytes_arrive_every_one_is_counted_or_dead_lettered(kafka, topic, redis, tmp_path, count):
    deployment = Deployment(tmp_path, kafka.bootstrap, topic, redis, {"dlq.breaker": "false"}).init()
    deployment.produce(*load.flags(1_000, seed=SEED))
    deployment.produce(*load.flags(1_000, seed=SEED + 1, batch=8))
    records = [r for part in read_log(deployment.bootstrap, topic).values() for r in part if r.value]
    originals = [(r.key, r.value) for r in records] + list(_other_forms(records))
    worker = deployment.worker()
    sender = Sender(deployment.bootstrap, topic)
    for key, value in mutations(originals, count, SEED):
        sender.send(value, key)
    sender.close()
    recount = load.settle(deployment, [worker], 90 + count / 500)
    assert worker.metric("events_counted_total") == recount.counted > 500
    assert worker.metric("events_duplicate_total") == recount.duplicates > count / 10  # most keep their ids
    assert worker.metric("events_rejected_total") == len(recount.refused) > count / 10
    reasons = {reason for *_, reason in recount.refused}
    assert len(reasons) > 10, reasons
    check_letters(deployment, recount)
    assert worker.terminate() == 0
