"""A store that answers late, or refuses a part of what it is asked: a bucket, behind a proxy that a test holds up."""
import json
import os
import re
import signal
import threading
from types import SimpleNamespace

import pytest

from harness import load, s3 as bucket
from harness.aggregate import Aggregation, Store
from harness.log import ends_of
from harness.places import ROOT, wait_until
from harness.process import ENVIRONMENT, run
from harness.produce import Sender, event
from harness.registry import KIND_NUMBERS as KIND
from harness.s3_proxy import PASS, S3Proxy, answer
from harness.squatter import Squatter
from harness.worker import Deployment

MINUTE, WINDOW = 60_000, 900_000
NO_REDIS = SimpleNamespace(url="redis://127.0.0.1:1")


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


class Refusal:
    """A hook that refuses requests of that method whose target holds `part`."""

    def __init__(self, method, part):
        self.method, self.part = method, part
        self.count = 0

    def __call__(self, method, target, _):
        if method != self.method or self.part not in target:
            return PASS
        self.count += 1
        return answer("503", "SlowDown")


def produce(aggregation, past, events=1_500, windows=3):
    for number in range(windows):
        aggregation.deployment.produce(*load.flags(events // windows, seed=number + 1),
                                       f"--start-time={past + number * WINDOW + MINUTE}")


def send(aggregation, *events):
    sender = Sender(aggregation.deployment.bootstrap, aggregation.deployment.topic)
    for each in events:
        sender.send(each)
    sender.close()


def ends(aggregation):
    return ends_of(aggregation.deployment.bootstrap, aggregation.deployment.topic)


def has_read_all(aggregation, aggregator):
    return aggregator.metric("events_read_total") >= sum(ends(aggregation).values())


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
    wait_until("it has left the group", lambda: aggregator.get("/metrics")[0] != 200)
    answers = [aggregator.get(path) for path in ("/livez", "/readyz", "/status", "/metrics") * 5]
    gate.open()
    assert aggregator.process.wait(60) in (0, 75)  # 75: a quarter of an hour has ended meanwhile, and waits behind it
    assert set(answers) <= {(200, "ok\n"), (503, "stopping\n")} and len(set(answers)) == 2


def test_a_second_stop_waits_for_what_is_at_work_and_begins_nothing_more(make, proxy, past):
    aggregation = make(**{"aggregate.checkpoint": "60s", "shutdown.drain": "10m"})
    produce(aggregation, past)
    aggregator = aggregation.start()
    wait_until("all is read", lambda: has_read_all(aggregation, aggregator))
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


# ---- the other thread

def test_a_disk_that_does_not_answer_holds_up_no_probe(make, past, tmp_path):
    """Nor what keeps the process in its group: the question how much room is left waits where all others of the store do."""
    library, hung, store = tmp_path / "hung_disk.so", tmp_path / "hung", tmp_path / "store"
    run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O1", "-o", library, ROOT / "tests/support/hung_disk.c"], tmp_path)
    aggregation = make(**{"store.url": f"file://{store}"})
    aggregation.store = Store(store)
    aggregator = aggregation.start(env=ENVIRONMENT | {"LD_PRELOAD": str(library), "HUNG_DISK": str(hung)})
    wait_until("it is known", lambda: aggregator.metric("store_free_bytes") > 0)
    hung.touch()
    wait_until("it is asked", (tmp_path / "hung.asked").exists)
    produce(aggregation, past)
    wait_until("it reads on", lambda: has_read_all(aggregation, aggregator))
    assert [aggregator.get(path) for path in ("/livez", "/readyz")] == [(200, "ok\n")] * 2
    hung.unlink()
    aggregation.settle()
    assert aggregator.terminate() == 0


# ---- memory

def test_what_was_handed_over_counts_as_gained_until_it_is_kept(make, proxy, past):
    """A stop hands over all at once: what waits in front of a slow store is in the figure by which the source is held."""
    aggregation = make(**{"aggregate.checkpoint": "60s", "shutdown.drain": "10m"})
    produce(aggregation, past)
    aggregator = aggregation.start()
    wait_until("all is read", lambda: has_read_all(aggregation, aggregator))
    gained = aggregator.metric("table_bytes", 'table="panes"')
    proxy.on_request = gate = Gate("PUT", "/p0")
    aggregator.process.signal(signal.SIGTERM)
    wait_until("all is handed over", lambda: gate.held and aggregator.get("/readyz")[0] == 503)
    assert gained > 100_000 and aggregator.metric("table_bytes", 'table="panes"') == gained
    gate.open()
    assert aggregator.process.wait(60) == 0


# ---- refusals

@pytest.mark.parametrize("method, part", [("GET", "checkpoints"), ("PUT", "/snapshots/"), ("PUT", "/baselines/")],
                         ids=["restore", "publish", "watch"])
def test_what_the_store_refused_is_no_trouble_of_a_process_that_has_lost_it(make, kafka, proxy, topic, past, method, part):
    aggregation = make(kafka.create_topic(f"{topic}-short", 1), **{"store.s3.retries": 0})
    produce(aggregation, past, 600)
    proxy.on_request = Refusal(method, part)
    aggregator = aggregation.start(ready=False)
    wait_until("it is refused", lambda: aggregator.get("/readyz") == (503, "CLM-D1 the store refuses\n"))
    squatter = Squatter(aggregation)
    aggregator.process.signal(signal.SIGSTOP)
    wait_until("another has the partition", lambda: squatter.partitions)
    aggregator.process.signal(signal.SIGCONT)
    wait_until("it has none", lambda: aggregator.assigned() == 0)
    wait_until("and no trouble", aggregator.is_ready)
    assert aggregator.metric("store_up") == 1 and "store_takes_again" not in aggregator.process.tail()
    squatter.leave()
    wait_until("when it has the partition again, that is told", lambda: len(aggregator.said("CLM-D1", "store_refuses")) == 2)
    proxy.on_request = None
    aggregation.settle()
    wait_until("it is over", lambda: aggregator.said("store_takes_again"))
    assert aggregator.terminate() == 0


def test_what_one_partition_is_refused_is_told_once_while_the_others_are_kept(make, proxy, past):
    aggregation = make(**{"store.s3.retries": 0})
    aggregator = aggregation.start()
    proxy.on_request = refusal = Refusal("PUT", "/p0000-")

    def others_are_kept():
        partitions, end = json.loads(aggregator.get("/status")[1])["partitions"], ends(aggregation)
        return all(p["kept"] >= end[p["partition"]] for p in partitions if p["partition"] != 0)

    for number in range(3):
        produce(aggregation, past + number * WINDOW, 300, 1)
        refused = refusal.count
        wait_until("the others are kept", others_are_kept)
        wait_until("and the one is tried again", lambda: refusal.count > refused + 1)
    assert len(aggregator.said("CLM-D1", "store_refuses")) == 1 and not aggregator.said("store_takes_again")
    assert aggregator.metric("store_up") == 0
    proxy.on_request = None
    aggregation.settle()
    assert len(aggregator.said("store_takes_again")) == 1 and aggregator.metric("store_up") == 1
    assert aggregator.terminate() == 0


# ---- brokers that do not say where the log stands

def test_why_a_partition_is_not_placed_is_told_once(make, kafka, proxy, topic, past):
    """Its checkpoint has been read, and the broker stands still."""
    aggregation = make(kafka.create_topic(f"{topic}-short", 1), **{"kafka.session.timeout": "30s"})
    produce(aggregation, past, 600)
    proxy.on_request = gate = Gate("GET", "checkpoints")
    aggregator = aggregation.start(ready=False)
    wait_until("its checkpoint is looked for", lambda: gate.held)
    assert "clameur_sealed_last_partition" not in aggregator.metrics()  # nothing has been looked at
    kafka.process.signal(signal.SIGSTOP)
    try:
        gate.open()
        wait_until("that is told", lambda: aggregator.said("CLM-K1", "partition_not_placed"))
        assert aggregator.get("/livez") == (200, "ok\n")
    finally:
        kafka.process.signal(signal.SIGCONT)
    aggregation.settle()
    assert len(aggregator.said("CLM-K1", "partition_not_placed")) == 1
    assert aggregator.terminate() == 0
