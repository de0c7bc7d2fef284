"""The configuration under a running worker (SIGHUP) and as the commands show it."""
import json
import signal

import redis as client_library

from harness import load
from harness.places import wait_until
from harness.process import ENVIRONMENT, run
from harness.registry import OPTIONS
from harness.worker import INGEST, Deployment


def _rewrite(deployment, **options):
    """Changes keys of the file (`__` for `.`); None takes one out."""
    lines = [line for line in deployment.file.read_text().splitlines()
             if line.split(": ")[0] not in {name.replace("__", ".") for name in options}]
    lines += [f"{name.replace('__', '.')}: {value}" for name, value in options.items() if value is not None]
    deployment.file.write_text("\n".join(lines) + "\n")


def _reload(worker, event):
    before = worker.process.log.read_text().count(f" {event} ")
    worker.process.signal(signal.SIGHUP)
    wait_until(event, lambda: worker.process.log.read_text().count(f" {event} ") > before)
    assert worker.is_ready() and worker.get("/livez")[0] == 200
    assert worker.metric("config_reload_success") == (event == "reloaded")
    return [line for line in worker.process.log.read_text().splitlines() if f" {event} " in line][-1]


def _hash(worker):
    (label,) = worker.metrics()["clameur_config_info"]
    return label


def test_what_may_change_is_reloaded__goes_red_if_anything_else_is_or_a_refusal_is_half(deployment):
    worker = deployment.worker()
    first = _hash(worker)
    with load.flow(deployment, seed=71):
        _rewrite(deployment, redis__flush_min="300ms", redis__flush_max="400ms", log__level="debug")
        said = _reload(worker, "reloaded")
        assert all(name in said for name in ("redis.flush_min", "redis.flush_max", "log.level")), said
        assert 0.3 <= worker.metric("flush_interval_seconds") <= 0.4
        second = _hash(worker)
        assert first != second

        _rewrite(deployment, store__url="s3://elsewhere/x", store__s3__region="eu-central-1", store__s3__access_key="me",
                 store__s3__secret_key_file="none", aggregate__checkpoint="30s")  # the aggregators' alone
        _reload(worker, "reloaded")
        _rewrite(deployment, store__url=None, store__s3__region=None, store__s3__access_key=None,
                 store__s3__secret_key_file=None, aggregate__checkpoint=None)
        _reload(worker, "reloaded")
        assert _hash(worker) == second
        stamp = worker.metric("config_last_reload_timestamp_seconds")
        assert stamp > 0

        _rewrite(deployment, redis__flush_min="10ms", kafka__topic="another", kafka__client__id="me")
        said = _reload(worker, "reload_refused")
        assert "CLM-C1" in said and "kafka.topic" in said and "kafka.client.id" in said and "flush_min" not in said, said
        assert worker.metric("flush_interval_seconds") >= 0.3 and _hash(worker) == second
        assert worker.metric("config_last_reload_timestamp_seconds") == stamp

        _rewrite(deployment, kafka__topic=deployment.topic, kafka__client__id=None, redis__flush_mn="1s")
        _reload(worker, "reload_refused")
        assert "redis.flush_min?" in worker.process.log.read_text(), "the finding, with the nearest name"

        (deployment.directory / "rules.yaml").write_text("- {version: 1, since: 0, max_past: 1d}\n")
        _rewrite(deployment, redis__flush_mn=None, rules__file=deployment.directory / "rules.yaml")
        assert "rules.file" in _reload(worker, "reload_refused")

        keys = (deployment.directory / "pseudonym.key")
        (ours, rotated), other = (keys.read_text(), f"{keys.read_text()}9000000000000: {'ee' * 16}\n"), "ff" * 16 + "\n"
        _rewrite(deployment, rules__file=None, redis__flush_min="50ms")
        for text in (other, rotated):
            keys.write_text(text)
            said = _reload(worker, "reload_refused")
            assert "CLM-C1" in said and "the keys in privacy.key_file" in said and text.split()[-1] not in said, said
            assert worker.metric("flush_interval_seconds") >= 0.3
        keys.write_text("no key\n")
        assert "a key is 32 hex digits" in _reload(worker, "reload_refused")
        keys.write_text(ours)

        _rewrite(deployment, rules__file=None, redis__flush_min="50ms", redis__flush_max=None, log__level=None)
        _reload(worker, "reloaded")
        assert _hash(worker) == first
    load.settle(deployment, [worker])
    assert worker.terminate() == 0


def test_a_password_is_rotated__goes_red_if_a_new_one_is_not_used(kafka, topic, redis, tmp_path):
    secret = tmp_path / "redis.password"
    secret.write_text("the-first-secret\n")
    redis.client.config_set("requirepass", "the-first-secret")
    redis.client = client_library.Redis(port=redis.port, password="the-first-secret")
    deployment = Deployment(tmp_path, kafka.bootstrap, topic, redis, {"redis.password_file": secret}).init()
    worker = deployment.worker()
    with load.flow(deployment, seed=72):
        wait_until("it counts", lambda: worker.metric("events_counted_total") > 0)
        admin = client_library.Redis(port=redis.port, password="the-first-secret")
        admin.config_set("requirepass", "the-second-secret")
        admin.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        wait_until("it is told", lambda: worker.said("CLM-A1", "redis_down"))
        assert worker.get("/readyz") == (503, "redis does not let us in\n") and worker.metric("redis_up") == 0
        secret.write_text("the-second-secret\n")
        worker.process.signal(signal.SIGHUP)
        wait_until("it is let in", worker.is_ready)
        redis.client = client_library.Redis(port=redis.port, password="the-second-secret")
    load.settle(deployment, [worker])
    assert len(worker.said("CLM-A1", "redis_down")) == 1
    told = worker.process.log.read_text() + worker.get("/status")[1] + worker.get("/metrics")[1]
    told += deployment.ingest("config", "show", "--origin").stdout
    assert "secret\n" not in told and "the-first-secret" not in told and "the-second-secret" not in told


def test_what_is_in_force_is_shown_with_its_origin_and_without_secrets(tmp_path):
    file = tmp_path / "clameur.yaml"
    file.write_text("redis: {flush_min: 100ms, password: hush-hush}\nkafka.sasl.password: hush-hush\n")
    file.chmod(0o600)
    done = run([INGEST, "config", "show", "--origin", "-c", file, "--redis.shards=8"], tmp_path,
               env=ENVIRONMENT | {"CLAMEUR_LOG_LEVEL": "warn"})
    shown = {row["option"]: (row["value"], row["origin"]) for row in map(json.loads, done.stdout.splitlines())}
    assert shown.keys() == OPTIONS.keys() | {"kafka.sasl.password"}
    assert shown["redis.flush_min"] == ("100ms", f"{file}:1:20") and shown["redis.shards"] == ("8", "--redis.shards")
    assert shown["log.level"] == ("warn", "CLAMEUR_LOG_LEVEL") and shown["redis.timeout"] == ("5s", "default")
    assert shown["redis.password"][0] == shown["kafka.sasl.password"][0] == "***" and "hush" not in done.stdout
    schema = json.loads(run([INGEST, "config", "schema"], tmp_path).stdout)
    assert {name for name in schema["properties"] if "." in name} == OPTIONS.keys()
    assert schema["properties"]["log"]["properties"]["level"]["enum"] == ["debug", "info", "warn", "error"]
    assert schema["properties"]["redis"]["additionalProperties"] is False
    rows = [json.loads(line) for line in run([INGEST, "config", "reference"], tmp_path).stdout.splitlines()]
    assert {row["option"] for row in rows if row["reload"]} == {
        "redis.password", "redis.password_file", "redis.flush_min", "redis.flush_max", "log.level"}
    run([INGEST, "config", "shwo"], tmp_path, check=64)
