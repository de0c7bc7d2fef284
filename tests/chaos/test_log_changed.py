"""The log changes under a running worker: it stops with the numbers, or waits; it never goes on as if nothing had been."""
import signal

import pytest

from harness import load
from harness.log import ends_of
from harness.places import wait_until
from harness.produce import Sender, event
from harness.registry import KIND_NUMBERS as KIND
from harness.worker import Deployment


@pytest.fixture
def counted(kafka, topic, redis, tmp_path):
    """Two thousand events are counted and both recounts agreed; the worker is idle. It hears of its topic every second."""
    options = {"kafka.session.timeout": "30s", "kafka.topic.metadata.refresh.interval.ms": 1000}
    deployment = Deployment(tmp_path, kafka.bootstrap, topic, redis, options).init()
    deployment.idle = deployment.worker()
    deployment.produce(*load.flags(2_000, seed=81))
    load.settle(deployment, [deployment.idle])
    return deployment


def _counters(deployment):
    client = deployment.redis.client
    return {name: client.dump(name) for name in client.scan_iter("*") if not name.endswith(b":mark")}


def _ended(worker, code):
    wait_until("the worker stops", lambda: not worker.process.is_running, 60)
    assert worker.process.wait(1) == 65
    stop, = worker.said(code, "worker_stops")
    return stop


def test_records_go_before_they_are_read__goes_red_if_reading_goes_on_where_the_log_begins(kafka, counted):
    worker, before = counted.idle, _counters(counted)
    worker.process.signal(signal.SIGSTOP)
    mark = ends_of(counted.bootstrap, counted.topic)[2]
    sender = Sender(counted.bootstrap, counted.topic)
    # Too many to have been fetched ahead by the stopped worker's request that waits at the broker.
    for number in range(500):
        sender.send(event(KIND["like"], actor_id=f"user-{number}"), partition=2)
    sender.close()
    kafka.delete_records(counted.topic, {2: mark + 400})
    worker.process.signal(signal.SIGCONT)
    stop = _ended(worker, "CLM-M2")
    assert f"the log now begins at {mark + 400}" in stop and "records are gone" in stop, stop
    after = _counters(counted)
    assert before.keys() <= after.keys()


def test_the_topic_goes_and_another_comes__goes_red_if_a_new_log_is_read_as_the_old_one(kafka, counted):
    worker, before = counted.idle, _counters(counted)
    kafka.delete_topic(counted.topic)
    wait_until("it says so", lambda: worker.said("CLM-K3", "kafka_topic_gone"), 60)
    wait_until("the metric says so", lambda: worker.metric("kafka_up") == 0)
    assert worker.get("/readyz") == (503, "the topic is gone\n") and worker.get("/livez")[0] == 200
    kafka.create_log(counted.topic)
    stop = _ended(worker, "CLM-M3")
    assert "the topic was recreated or truncated" in stop, stop
    assert len(worker.said("CLM-K3")) == 1, worker.process.tail()
    assert _counters(counted) == before
