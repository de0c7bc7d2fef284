"""What a start finds wrong with Kafka and its log: named by its code with the numbers, and never mended by guessing."""
import json

import pytest

from harness import load
from harness.log import ends_of, read_log
from harness.process import run
from harness.produce import Sender, event
from harness.registry import KIND_NUMBERS as KIND
from harness.worker import INGEST, Deployment


def _refusal(deployment, log, code, *facts):
    """Both starts end with that code and these facts: nothing was mended. Redis holds what the marks name of `log`, the one
    that was counted, and nothing of another."""
    for _ in range(2):
        done = deployment.ingest("run", check=65, seconds=120)
        for fact in (code, *facts):
            assert fact in done.stderr, (fact, done.stderr)
    deployment.recount(log=log)


def test_a_broker_that_names_itself_wrongly__names_both_addresses(kafka, topic, redis, tmp_path):
    deployment = Deployment(tmp_path, kafka.astray, topic, redis)
    done = deployment.ingest("run", check=None, seconds=60)
    assert done.returncode == 69 and "CLM-K2" in done.stderr, done
    assert f"{kafka.astray} answers" in done.stderr and "advertises 127.0.0.1:1," in done.stderr, done.stderr


def test_no_broker__is_said_after_ten_seconds_of_trying(topic, redis, tmp_path):
    deployment = Deployment(tmp_path, "127.0.0.1:1", topic, redis)
    done = deployment.ingest("run", check=None, seconds=60)
    assert done.returncode == 69 and done.stderr.count("CLM-K1") == 1, done
    assert "no Kafka broker answers at 127.0.0.1:1" in done.stderr and " in 10." in done.stderr, done.stderr


def test_a_topic_that_is_missing__is_said_with_the_nearest_name(deployment):
    done = deployment.ingest("run", f"--kafka.topic={deployment.topic[:-1]}", check=None, seconds=60)
    assert done.returncode == 69 and "CLM-K3" in done.stderr and f'did you mean "{deployment.topic}"?' in done.stderr, done


def test_no_dead_letter_topic__is_said_with_the_command_that_makes_it(kafka, deployment):
    kafka.delete_topic(f"{deployment.topic}.dlq")
    done = deployment.ingest("run", check=None, seconds=60)
    assert done.returncode == 69 and "CLM-K5" in done.stderr, done
    assert f"--create --topic {deployment.topic}.dlq" in done.stderr, done.stderr
    kafka.create_dead_letters(deployment.topic)
    deployment.produce(*load.flags(2_000, seed=71))
    load.settle(deployment, [deployment.worker()])


def test_a_login_that_kafka_refuses__is_said_with_what_to_correct(kafka, topic, redis, tmp_path):
    _, login = kafka.login()
    for wrong, remedy in [({"kafka.sasl.password": "wrong"}, "correct kafka.sasl.*"),
                          ({"kafka.sasl.mechanism": "SCRAM-SHA-256"}, "")]:
        deployment = Deployment(tmp_path, kafka.bootstrap, topic, redis, login | wrong)
        deployment.file.chmod(0o600)
        done = deployment.ingest("check", "--connect", "-o", "table", check=77)
        assert "CLM-A1" in done.stdout and "refuses our credentials" in done.stdout and remedy in done.stdout, done.stdout
        version = json.loads(run([INGEST, "version", "--json"], tmp_path).stdout)["librdkafka"]
        is_old = tuple(map(int, version.split("."))) < (2, 6, 1)
        assert ("by PLAIN" in done.stdout) == (not remedy and is_old), (version, done.stdout)


@pytest.fixture
def counted(deployment):
    """Two thousand events are counted, and the worker has ended."""
    worker = deployment.worker()
    deployment.produce(*load.flags(2_000, seed=72))
    load.settle(deployment, [worker])
    assert worker.terminate() == 0
    return deployment


def _send(deployment, count, partition):
    sender = Sender(deployment.bootstrap, deployment.topic)
    for number in range(count):
        sender.send(event(KIND["like"], actor_id=f"user-{number}"), partition=partition)
    sender.close()


def test_records_gone_before_they_were_counted__goes_red_if_reading_starts_where_the_log_does(kafka, counted):
    mark = ends_of(counted.bootstrap, counted.topic)[1]
    _send(counted, 500, 1)
    log = read_log(counted.bootstrap, counted.topic)
    kafka.delete_records(counted.topic, {1: mark + 84})
    _refusal(counted, log, "CLM-M2",
             f"partition 1: the mark is at {mark}, the log now begins at {mark + 84}: 84 records are gone")


def test_records_gone_after_they_were_counted__are_none_of_its_business(kafka, counted):
    log, ends = read_log(counted.bootstrap, counted.topic), ends_of(counted.bootstrap, counted.topic)
    kafka.delete_records(counted.topic, ends)
    _send(counted, 500, 1)
    worker = counted.worker()
    counted.drain()
    assert worker.metric("events_counted_total") == 500
    left = read_log(counted.bootstrap, counted.topic)
    counted.recount(log={partition: records + left[partition] for partition, records in log.items()})


def test_a_topic_made_anew_and_shorter__goes_red_if_a_mark_past_the_end_is_taken_for_the_end(kafka, counted):
    log = read_log(counted.bootstrap, counted.topic)
    kafka.delete_topic(counted.topic, f"{counted.topic}.dlq")
    kafka.create_topic(counted.topic)
    _refusal(counted, log, "CLM-M3", "the log ends at 0: the topic was recreated or truncated")


def test_a_topic_made_anew_and_longer__goes_red_without_the_fingerprint(kafka, counted):
    log = read_log(counted.bootstrap, counted.topic)
    kafka.delete_topic(counted.topic, f"{counted.topic}.dlq")
    kafka.create_topic(counted.topic)
    for partition in range(4):
        _send(counted, 2_500, partition)
    _refusal(counted, log, "CLM-M3")
