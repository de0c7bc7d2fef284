"""What an operator meets: the commands with their exit codes, the probes, the metrics, and an orderly end."""
import json
import time

import pytest

from harness import load
from harness.places import wait_until
from harness.produce import Sender, event
from harness.registry import KIND_NUMBERS as KIND
from harness.registry import rows
from harness.worker import Deployment


def test_check_and_init_on_a_deployment_that_is_in_order(kafka, topic, redis, tmp_path):
    deployment = Deployment(tmp_path, kafka.bootstrap, topic, redis)
    deployment.ingest("check")
    assert deployment.ingest("check", "--connect", check=None).returncode != 0, "there is no meta yet"
    deployment.init()
    deployment.ingest("check", "--connect")
    meta = deployment.redis.client.hgetall(deployment.space.name(0, "meta"))
    again = deployment.ingest("init", check=None)
    assert again.returncode != 0 and deployment.redis.client.hgetall(deployment.space.name(0, "meta")) == meta
    assert sum(1 for _ in redis.client.scan_iter("clm:*:meta")) == deployment.space.shards


@pytest.mark.parametrize("line, nearest", [("redis.flush_mn: 1s", "redis.flush_min"), ("kafka.topik: x", "topic"),
                                           ("redis.timeout: 5", "redis.timeout")])
def test_a_wrong_configuration_is_refused_by_line_and_nearest_name(kafka, topic, redis, tmp_path, line, nearest):
    deployment = Deployment(tmp_path, kafka.bootstrap, topic, redis)
    lines = deployment.file.read_text().splitlines()
    deployment.file.write_text("\n".join([*lines, line]) + "\n")
    for command in (["check"], ["run"]):
        done = deployment.ingest(*command, check=None, seconds=20)
        assert done.returncode == 78, done
        said, unsaid = (done.stdout, done.stderr) if command == ["check"] else (done.stderr, done.stdout)
        assert f"{len(lines) + 1}:" in said and said.count("CLM-C1") == 1 and nearest in said and not unsaid, done


def test_trouble_at_start_is_named_with_its_code(kafka, topic, redis, tmp_path):
    good = {"kafka.bootstrap.servers": kafka.bootstrap}
    for options, code, exit_code in [({"kafka.bootstrap.servers": "127.0.0.1:1"}, "CLM-K1", 69),
                                     (good | {"kafka.topic": topic[:-1]}, "CLM-K3", 69),
                                     (good | {"redis.url": "redis://127.0.0.1:1"}, "CLM-R3", 69), (good, "CLM-M1", 65)]:
        deployment = Deployment(tmp_path, kafka.bootstrap, topic, redis, options)
        done = deployment.ingest("run", check=None, seconds=60)
        assert done.returncode == exit_code and code in done.stderr, (code, done)


def test_an_evicting_redis_is_refused(deployment):
    deployment.redis.client.config_set("maxmemory-policy", "allkeys-lru")
    done = deployment.ingest("run", check=None, seconds=60)
    assert done.returncode == 78 and "CLM-R1" in done.stderr, done


def test_probes_metrics_and_status(deployment):
    worker = deployment.worker(ready=False)
    wait_until("the worker is alive", lambda: worker.get("/livez")[0] == 200)
    worker.wait_ready()
    assert worker.get("/nowhere")[0] == 404
    deployment.produce(*load.flags(5_000))
    load.settle(deployment, [worker])
    # What is asked every few seconds: how much of the log lies before the marks, here all of it, and how busy Redis is.
    read = worker.metrics()["clameur_events_read_total"][""]
    wait_until("the log's beginning is known", lambda: worker.metric("kafka_retention_headroom_messages") == read, 60)
    wait_until("Redis has been asked twice", lambda: worker.metric("redis_busy_ratio") > 0, 60)
    text = worker.get("/metrics")[1]
    for _, name, *_ in rows("../ingest/metrics", "METRIC"):
        assert f"# TYPE {name} " in text, name
    metrics = worker.metrics()
    assert metrics["clameur_events_read_total"][""] == read >= 5_000
    assert sum(metrics["clameur_kafka_lag_messages"].values()) == 0
    assert metrics["clameur_kafka_assigned_partitions"][""] == 4
    status, body = worker.get("/status")
    assert status == 200 and isinstance(json.loads(body), dict)


def test_nothing_personal_leaves_the_log(deployment):
    sender = Sender(deployment.bootstrap, deployment.topic)
    for kind, fields in [("like", {}), ("comment", {"event_id": b"broken"}), ("erasure", {"erasure": {"actor_id": "alice-7f3a"}})]:
        sender.send(event(KIND[kind], actor_id="alice-7f3a", person_id="bob-91c2", **fields))
    sender.close()
    worker = deployment.worker(flags=["--log.level=debug"])
    deployment.drain()
    deployment.recount()
    client = deployment.redis.client
    kept = [part for name in client.scan_iter("*") for part in (name, client.dump(name))]
    shown = [worker.get(path)[1].encode() for path in ("/metrics", "/status")] + [worker.process.log.read_bytes()]
    assert not [text for text in kept + shown if b"alice-7f3a" in text or b"bob-91c2" in text]


def test_sigterm_ends_an_idle_worker_at_once(deployment):
    worker = deployment.worker()
    began = time.monotonic()
    assert worker.terminate() == 0
    assert time.monotonic() - began < 10
