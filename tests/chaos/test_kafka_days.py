"""Kafka's bad days under load: each is told in one line with its code and in a metric, nothing is lost or counted twice, and
counting goes on by itself when the day is over."""
import os
import time

import pytest

from harness import load
from harness.kafka import Kafka
from harness.log import ends_of, read_log
from harness.places import wait_until
from harness.produce import Sender, event
from harness.registry import KIND_NUMBERS as KIND
from harness.worker import Deployment

FRESH = {"kafka.session.timeout": "6s", "kafka.topic.metadata.refresh.interval.ms": 1000}


@pytest.fixture
def deployment(kafka, topic, redis, tmp_path):
    """A deployment that hears within a second what has become of its topics."""
    return Deployment(tmp_path, kafka.bootstrap, topic, redis, FRESH).init()


def _counts(worker, more_than=0):
    wait_until("it counts", lambda: worker.metric("events_counted_total") > more_than, 60)


def _lines(worker, event):
    return [line for line in worker.process.log.read_text(errors="replace").splitlines() if f" {event} " in f"{line} "]


def test_the_only_broker_dies_and_comes_back__goes_red_if_each_try_of_a_connection_is_told(redis, tmp_path, request):
    folder = tmp_path / "broker"
    folder.mkdir()
    kafka = Kafka(folder)
    topic = kafka.create_topic(f"outage-{os.urandom(3).hex()}")
    deployment = Deployment(tmp_path, kafka.bootstrap, topic, redis, FRESH).init()
    worker = deployment.worker()
    with load.flow(deployment, seed=61):
        _counts(worker)
        kafka.process.kill()
        wait_until("it says so", lambda: worker.said("CLM-K1", "kafka_down"))
        wait_until("the metric says so", lambda: worker.metric("kafka_up") == 0)
        assert worker.get("/readyz") == (503, "no kafka broker is connected\n") and worker.get("/livez")[0] == 200
        time.sleep(30 if request.config.getoption("--long") else 3)
        kafka.start()
        wait_until("it is ready again", worker.is_ready, 60)
        assert worker.metric("kafka_up") == 1
        _counts(worker, worker.metric("events_counted_total"))
    load.settle(deployment, [worker])
    assert worker.metric("kafka_errors_total", 'code="_TRANSPORT"') > 0
    assert len(_lines(worker, "kafka_down")) == len(_lines(worker, "kafka_up")) == 1, worker.process.tail()
    assert not _lines(worker, "kafka_error") and not _lines(worker, "dead_letter_producer"), worker.process.tail()
    kafka.stop()


def test_partitions_are_added__goes_red_if_the_growth_is_not_told(kafka, deployment):
    worker = deployment.worker()
    with load.flow(deployment, seed=62):
        _counts(worker)
        kafka.grow_topic(deployment.topic, 6)
        wait_until("they are its own", lambda: worker.assigned() == 6, 60)
        wait_until("the metric says so", lambda: worker.metric("kafka_partitions_added") == 2)
        wait_until("it counts of them", lambda: worker.metrics()["clameur_kafka_lag_messages"].get('partition="5"') is not None)
    sender = Sender(deployment.bootstrap, deployment.topic)
    for number in range(200):
        sender.send(event(KIND["like"], actor_id=f"late-{number}"))
    sender.close()
    assert all(ends_of(deployment.bootstrap, deployment.topic)[partition] > 0 for partition in (4, 5))
    load.settle(deployment, [worker])
    line, = _lines(worker, "partitions_added")
    assert "from 4 to 6 partitions" in line and "count twice" in line
    assert worker.terminate() == 0
    again = deployment.worker()
    assert again.metric("kafka_partitions_added") == 2
    load.settle(deployment, [again])


def test_keys_of_another_partitioner__goes_red_if_the_worker_does_not_ask_for_the_partition_count(deployment):
    worker = deployment.worker()
    sender = Sender(deployment.bootstrap, deployment.topic)
    for number in range(2000):
        sender.send(event(KIND["like"], actor_id=f"user-{number}"))
    sender.close()
    deployment.drain()
    assert worker.metric("events_misplaced_total") == 0
    for number in range(2000):
        sender.send(event(KIND["like"], actor_id=f"user-{number}"), partition=number % 4)
    sender.close()
    load.settle(deployment, [worker])
    assert 0 < worker.metric("events_misplaced_total") < 2000 / 16


def _errors(worker):
    return [line for line in worker.process.log.read_text().splitlines() if " ERROR " in line]


def _refused_letters(worker, deployment):
    """The dead-letter topic takes nothing: told once; flushes wait for the letters; the rest of the worker lives."""
    wait_until("it says so", lambda: worker.said("CLM-K5", "dead_letter_refused"), 60)
    assert worker.metric("dlq_messages_pending") > 0 and worker.get("/livez")[0] == 200
    wait_until("events wait for the letters", lambda: worker.metric("events_in_flight") > 0)


def _tries(worker, number=2):
    """So many more tries to send what was refused."""
    before = len(_lines(worker, "dead_letters_sent_again"))
    wait_until("it tries again", lambda: len(_lines(worker, "dead_letters_sent_again")) >= before + number)


def _taken_letters(worker, seconds=60):
    wait_until("every letter is there", lambda: worker.metric("dlq_messages_pending") == 0, seconds)
    assert len(worker.said("CLM-K5")) == len(_lines(worker, "dead_letter_accepted")) == 1, worker.process.tail()


def _dead_letters(deployment):
    return {r.key.decode() for part in read_log(deployment.bootstrap, f"{deployment.topic}.dlq").values() for r in part}


def test_the_dead_letter_topic_is_deleted__goes_red_if_a_flush_does_not_wait_for_its_letters(kafka, deployment):
    worker = deployment.worker()
    dlq = f"{deployment.topic}.dlq"
    deployment.produce(*load.flags(2_000, seed=63))
    deployment.drain()
    kafka.delete_topic(dlq)
    deployment.produce(*load.flags(2_000, seed=64, malformed=0.1))
    _refused_letters(worker, deployment)
    assert not deployment.is_drained()
    kafka.create_dead_letters(deployment.topic)
    _taken_letters(worker)
    recount = load.settle(deployment, [worker])
    refused = {f"{deployment.topic}/{p}/{offset}/{index}" for p, offset, index, _ in recount.refused}
    letters = _dead_letters(deployment)
    assert letters and letters <= refused


def test_a_dead_letter_topic_of_tiny_messages__goes_red_if_the_small_ones_of_a_refused_batch_wait_for_the_large_one(
        kafka, deployment):
    """Kafka refuses a batch for its size as a whole: what is small goes through by itself, what is too large is named."""
    worker = deployment.worker(flags=["--log.level=debug"])
    kafka.set_topic(f"{deployment.topic}.dlq", max_message_bytes="1200")
    sender, large = Sender(deployment.bootstrap, deployment.topic), 200
    for number in range(300):
        sender.send(b"\xff" * (2000 if number == large else 10))
        sender.send(event(KIND["like"], actor_id=f"user-{number}"))
    sender.close()
    _refused_letters(worker, deployment)
    wait_until("the small ones go through", lambda: worker.metric("dlq_messages_total", 'reason="undecodable"') == 299, 60)
    _tries(worker)
    line, = worker.said("CLM-K5")
    assert "a letter of 2000 bytes" in line and "max.message.bytes=" in line and not deployment.is_drained()
    assert worker.metric("dlq_messages_total") == 299
    kafka.set_topic(f"{deployment.topic}.dlq", max_message_bytes="1048588")
    _taken_letters(worker)
    recount = load.settle(deployment, [worker])
    assert _dead_letters(deployment) == {f"{deployment.topic}/{p}/{offset}/{index}" for p, offset, index, _ in recount.refused}


@pytest.mark.parametrize("writes_elsewhere", [True, False], ids=["that topic alone", "any topic"])
def test_the_right_to_write_dead_letters_is_missing__goes_red_if_a_refused_letter_is_given_up(
        kafka, topic, redis, tmp_path, writes_elsewhere):
    """A user who may write nowhere gets no producer id either, which ends a producer of librdkafka for good."""
    (user, login), dlq = kafka.login(), f"{topic}.dlq"
    kafka.grant(user, "topic", topic, "READ", "DESCRIBE", "DESCRIBE_CONFIGS", *["WRITE"] * writes_elsewhere)
    kafka.grant(user, "group", f"group-{topic}", "READ")
    kafka.grant(user, "topic", dlq, "DESCRIBE")
    deployment = Deployment(tmp_path, kafka.bootstrap, topic, redis, FRESH | login)
    deployment.file.chmod(0o600)
    worker = deployment.init().worker(flags=["--log.level=debug"])
    sender = Sender(kafka.bootstrap, topic)
    for number in range(600):
        sender.send(event(KIND["like"], actor_id=f"user-{number}") if number % 2 else b"\xff")
    sender.close()
    _refused_letters(worker, deployment)
    _tries(worker)
    assert len(_errors(worker)) == 1 and not deployment.is_drained(), worker.process.tail()
    kafka.grant(user, "topic", dlq, "WRITE")
    _taken_letters(worker)
    recount = load.settle(deployment, [worker])
    assert worker.metric("dlq_messages_total", 'reason="undecodable"') == len(recount.refused)
    assert _dead_letters(deployment) == {f"{topic}/{p}/{offset}/{index}" for p, offset, index, _ in recount.refused}
    assert login["kafka.sasl.password"] not in worker.process.log.read_text()
