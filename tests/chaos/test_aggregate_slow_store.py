"""A store that answers late, or refuses a part of what it is asked: a bucket, behind a proxy that a test holds up."""
import re
import signal
import threading
import time
from types import SimpleNamespace

import pytest

from harness import load, s3 as bucket
from harness.aggregate import Aggregation
from harness.log import ends_of
from harness.places import wait_until
from harness.produce import Sender, event
from harness.registry import KIND_NUMBERS as KIND
from harness.s3_proxy import PASS, S3Proxy
from harness.worker import Deployment

MINUTE, WINDOW = 60_000, 900_000
NO_REDIS = SimpleNamespace(url="redis://127.0.0.1:1")


@pytest.fixture
def past():
    """ms: the start of a window three hours ago, so that all that follows can be sealed by now."""
    now = int(time.time() * 1000)
    return now - now % WINDOW - 12 * WINDOW


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    s3 = bucket.S3(tmp_path_factory.mktemp("s3"))
    yield s3
    s3.stop()


@pytest.fixture
def proxy(s3):
    proxy = S3Proxy(s3.port)
    yield proxy
    proxy.stop()


@pytest.fixture
def make(kafka, topic, s3, proxy, tmp_path):
    """Makes the aggregation of a topic, whose store is a bucket behind the proxy."""
    secret = tmp_path / "secret"
    secret.write_text(bucket.SECRET)

    def made(topic=topic, **options):
        settings = {"store.url": f"s3://tests/{topic}", "store.s3.endpoint": proxy.endpoint, "store.s3.region": bucket.REGION,
                    "store.s3.access_key": bucket.ACCESS, "store.s3.secret_key_file": secret, "aggregate.checkpoint": "1s",
                    "aggregate.group": f"{topic}-one", "kafka.session.timeout": "2s", "kafka.heartbeat.interval.ms": 400}
        return Aggregation(Deployment(tmp_path, kafka.bootstrap, topic, NO_REDIS, settings | options), s3.bucket / topic)
    return made


class Gate:
    """A hook that holds requests of that method whose target holds `part` until it is opened."""

    def __init__(self, method, part):
        self.method, self.part, self._open = method, part, threading.Event()
        self.held = []

    def __call__(self, method, target, _):
        if method == self.method and self.part in target and not self._open.is_set():
            self.held.append(target)
            self._open.wait()
        return PASS

    def open(self):
        self._open.set()


def produce(aggregation, past, events=1_500, windows=3):
    for number in range(windows):
        aggregation.deployment.produce(*load.flags(events // windows, seed=number + 1),
                                       f"--start-time={past + number * WINDOW + MINUTE}")


def send(aggregation, *events):
    sender = Sender(aggregation.deployment.bootstrap, aggregation.deployment.topic)
    for each in events:
        sender.send(each)
    sender.close()


def partitions_of(targets):
    """Which partitions' parts, orders, checkpoints and records they name."""
    return {int(number) for target in targets for number in re.findall(r"/p(\d{4})-", target)}


# ---- stops

def test_who_asks_while_a_stop_waits_for_the_store_is_told_so(make, proxy, past):
    """All is kept, the group is left, and a window is still on its way to the store."""
    aggregation = make(**{"shutdown.drain": "2s"})
    produce(aggregation, past)
    aggregator = aggregation.start()
    aggregation.settle()
    proxy.on_request = gate = Gate("PUT", "/snapshots/")
    send(aggregation, event(KIND["like"], occurred_at=past))
    wait_until("a revision is on its way", lambda: gate.held)
    aggregator.process.signal(signal.SIGTERM)
    wait_until("it has left the group", lambda: "partitions_revoked" in aggregator.process.tail())
    answers = [aggregator.get(path) for path in ("/livez", "/readyz", "/status", "/metrics") * 5]
    gate.open()
    assert aggregator.process.wait(60) in (0, 75)  # 75: a quarter of an hour has ended meanwhile, and waits behind it
    assert set(answers) <= {(200, "ok\n"), (503, "stopping\n")} and len(set(answers)) == 2


def test_a_second_stop_waits_for_what_is_at_work_and_begins_nothing_more(make, proxy, past):
    aggregation = make(**{"aggregate.checkpoint": "60s", "shutdown.drain": "10m"})
    produce(aggregation, past)
    aggregator = aggregation.start()
    wait_until("all is read", lambda: aggregator.metric("events_read_total") >= sum(ends_of(aggregation.deployment.bootstrap, aggregation.deployment.topic).values()))
    proxy.on_request = gate = Gate("PUT", "/p0")
    aggregator.process.signal(signal.SIGTERM)
    wait_until("a partition is being kept, and the others wait", lambda: gate.held and aggregator.get("/readyz")[0] == 503)
    aggregator.process.signal(signal.SIGTERM)
    wait_until("it has left the group", lambda: "partitions_revoked" in aggregator.process.tail())
    gate.open()
    assert aggregator.process.wait(60) == 75
    assert len(partitions_of(target for method, target, _ in proxy.requests if method == "PUT")) == 1
    after = aggregation.start(flags=["--aggregate.checkpoint=1s"])
    expected = aggregation.settle()
    assert after.terminate() == 0
    aggregation.check_balance(expected)
