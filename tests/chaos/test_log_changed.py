"""The log changes under a running worker: it stops with the numbers, or waits; it never goes on as if nothing had been."""
import signal
import time

import pytest

from harness import load
from harness.log import ends_of, read_log, starts_of
from harness.places import wait_until
from harness.produce import Sender, event
from harness.registry import KIND_NUMBERS as KIND
from harness.worker import Deployment


@pytest.fixture
def counted(kafka, topic, redis, tmp_path):
    """Two thousand events are counted and both recounts agreed; the worker is idle. It hears of its topic every second, and a
    request of it waits at the broker for a tenth."""
    options = {"kafka.session.timeout": "30s", "kafka.topic.metadata.refresh.interval.ms": 1000,
               "kafka.fetch.wait.max.ms": 100}
    deployment = Deployment(tmp_path, kafka.bootstrap, topic, redis, options).init()
    deployment.idle = deployment.worker()
    deployment.produce(*load.flags(2_000, seed=81))
    load.settle(deployment, [deployment.idle])
    return deployment


def _ended(worker, code):
    wait_until("the worker stops", lambda: not worker.process.is_running, 60)
    assert worker.process.wait(1) == 65
    stop, = worker.said(code, "worker_stops")
    return stop


def test_retention_passes_a_mark__goes_red_if_reading_goes_on_where_the_log_begins(kafka, counted):
    worker = counted.idle
    worker.process.signal(signal.SIGSTOP)
    time.sleep(2)  # its last request is answered: what is written now it has not fetched
    mark = ends_of(counted.bootstrap, counted.topic)[2]
    sender = Sender(counted.bootstrap, counted.topic)
    for number in range(500):
        sender.send(event(KIND["like"], actor_id=f"user-{number}"), partition=2)
    sender.close()
    log = read_log(counted.bootstrap, counted.topic)
    kafka.set_topic(counted.topic, retention_ms="1")
    wait_until("retention has passed", lambda: starts_of(counted.bootstrap, counted.topic)[2] == mark + 500, 60, 0.2)
    worker.process.signal(signal.SIGCONT)
    stop = _ended(worker, "CLM-M2")
    assert f"the log now begins at {mark + 500}" in stop and "records are gone" in stop, stop
    counted.recount(log=log)
    again = counted.ingest("run", check=65, seconds=120)
    assert f"the mark is at {mark}, the log now begins at {mark + 500}: 500 records are gone" in again.stderr, again.stderr
    counted.recount(log=log)


def test_the_topic_goes_and_another_comes__goes_red_if_a_new_log_is_read_as_the_old_one(kafka, counted):
    worker, log = counted.idle, read_log(counted.bootstrap, counted.topic)
    kafka.delete_topic(counted.topic)
    wait_until("it says so", lambda: worker.said("CLM-K3", "kafka_topic_gone"), 60)
    wait_until("the metric says so", lambda: worker.metric("kafka_up") == 0)
    assert worker.get("/readyz") == (503, "the topic is gone\n") and worker.get("/livez")[0] == 200
    kafka.create_log(counted.topic)
    sender = Sender(counted.bootstrap, counted.topic)
    for number in range(2_000):
        sender.send(event(KIND["like"], actor_id=f"user-{number}"), partition=number % 4)
    sender.close()
    stop = _ended(worker, "CLM-M3")
    assert len(worker.said("CLM-K3")) == 1, worker.process.tail()
    counted.recount(log=log)
