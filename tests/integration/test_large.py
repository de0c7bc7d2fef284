"""Much at once: the largest message that is let in, and an account with as many contents as a large brand has in years."""
import json
import time

import pytest

from harness import load
from harness.frames import BATCH_EVENTS_MAX
from harness.produce import Sender, batch, event
from harness.registry import KIND_NUMBERS as KIND
from harness.worker import INGEST

MESSAGE_MAX = 1 << 20  # decode.max_message_bytes by default
TAGS = 16              # what an event may have
MIB = 1 << 20


def _peak(worker):
    """The most memory that the process ever held, in bytes."""
    with open(f"/proc/{worker.process.child.pid}/status") as status:
        return 1024 * next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


def _check_peak(worker, most):
    """A sanitizer keeps a multiple of what the program holds, and what was freed for a while: of it nothing is asked."""
    program = INGEST.read_bytes()
    assert b"__tsan_init" in program or b"__asan_init" in program or _peak(worker) < most


def _fill(make, most):
    """As many events of `make(number)` as a batch of `most` bytes holds."""
    events, size = [], 0
    while True:
        one = make(len(events))
        size += one.ByteSize() + 4  # the field's tag and its length
        if size > most or len(events) == BATCH_EVENTS_MAX:
            return batch(events)
        events.append(one)


def _slowest(client):
    """Seconds of the slowest call that Redis remembers."""
    return max((entry["duration"] for entry in client.slowlog_get(1000)), default=0) / 1e6


def test_the_message_of_the_most_updates_is_counted_in_bounded_memory(kafka, deployment, capsys):
    """Each event has tags and an actor of its own, so that nothing in it falls together with anything: counters, series, ranking and reach
    of some hundred thousand keys, in one message and so in one flush."""
    now = int(time.time() * 1000)

    def tagged(number):
        return event(KIND["like"], "a", occurred_at=now, content_id=f"{number:x}", actor_id=f"{number:x}",
                     tags=[f"{number * TAGS + tag:x}" for tag in range(TAGS)])

    message = _fill(tagged, MESSAGE_MAX)
    deployment.redis.client.config_set("busy-reply-threshold", 0)  # the test looks at the marks meanwhile, too
    worker = deployment.worker()
    before = _peak(worker)
    sender = Sender(deployment.bootstrap, deployment.topic, **{"message.max.bytes": 2 * MESSAGE_MAX})
    kafka.set_topic(deployment.topic, max_message_bytes=str(2 * MESSAGE_MAX))
    sender.send(message)
    sender.close()
    recount = load.settle(deployment, [worker])
    assert recount.counted == len(message.events) > 6_000 and len(recount.hashes) > len(message.events) * TAGS
    _check_peak(worker, before + 400 * MIB)
    with capsys.disabled():
        print(f"\n{len(message.events)} events of {TAGS} tags in one message: {len(recount.hashes)} hashes, slowest call "
              f"{_slowest(deployment.redis.client):.2f} s, worker {_peak(worker) / MIB:.0f} MiB at most (before {before / MIB:.0f})")
    assert worker.terminate() == 0


@pytest.mark.parametrize("contents", [50_000, pytest.param(10_000_000, marks=pytest.mark.long)])
def test_an_account_of_many_contents__goes_red_if_anything_in_the_worker_grows_with_them(deployment, capsys, contents):
    """Seen from Redis they are keys of one shard; the worker keeps what is not flushed yet, and its peak does not follow."""
    worker = deployment.worker()
    deployment.produce("--events", contents // 10, "--accounts", 1, "--contents", contents, "--zipf", 0, seconds=3600)
    deployment.drain(3600)
    early = _peak(worker)
    deployment.produce("--events", 2 * contents, "--accounts", 1, "--contents", contents, "--zipf", 0, "--seed", 2, seconds=3600)
    deployment.drain(3600)
    worker.check_balance()
    found = json.loads(deployment.loadtest("recount", seconds=3600).stdout)
    with capsys.disabled():
        print(f"\n{contents} contents: {found}, worker {_peak(worker) / MIB:.0f} MiB at most (a tenth counted: {early / MIB:.0f})")
    _check_peak(worker, 400 * MIB)
    assert worker.terminate() == 0
