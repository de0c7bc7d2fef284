"""Kafka over TLS, by name and password or by certificate: counted as over any other wire, and what is wrong with it is named."""
import json

import pytest
from confluent_kafka.admin import ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

from harness import load
from harness.certificates import Authority
from harness.deadletters import check_letters
from harness.process import run
from harness.worker import INGEST, Deployment

# Before it librdkafka repeats its nonce, which Kafka 4 refuses.
SCRAM_MENDED = (2, 6, 1)


def _librdkafka(directory):
    return tuple(map(int, json.loads(run([INGEST, "version", "--json"], directory).stdout)["librdkafka"].split(".")[:3]))


def _grant(kafka, user, topic):
    kafka.grant(user, "topic", topic, "READ", "WRITE", "DESCRIBE_CONFIGS")
    kafka.grant(user, "topic", f"{topic}.dlq", "READ", "WRITE")
    for group in (f"group-{topic}", "recount"):
        kafka.grant(user, "group", group, "READ")


def _by_password(kafka, mechanism):
    user, login = kafka.login()
    if mechanism.startswith("SCRAM"):
        change = UserScramCredentialUpsertion(user, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096),
                                              login["kafka.sasl.password"].encode())
        kafka.admin.alter_user_scram_credentials([change])[user].result(30)
    return user, login | {"kafka.bootstrap.servers": kafka.secret, "kafka.security.protocol": "SASL_SSL",
                          "kafka.sasl.mechanism": mechanism, "kafka.ssl.ca.location": kafka.authority.file}


def _by_certificate(kafka):
    certificate, key = kafka.authority.issue("clameur")
    return "CN=clameur", {"kafka.bootstrap.servers": kafka.mutual, "kafka.security.protocol": "SSL",
                          "kafka.ssl.ca.location": kafka.authority.file, "kafka.ssl.certificate.location": certificate,
                          "kafka.ssl.key.location": key}


def _deployment(kafka, topic, redis, directory, way):
    """The programs come by `way`, and so does the recount in Python."""
    deployment = Deployment(directory, kafka.bootstrap, topic, redis, way)
    deployment.file.chmod(0o600)
    deployment.bootstrap = {name.removeprefix("kafka."): str(value) for name, value in way.items()}
    return deployment


@pytest.mark.parametrize("how", ["PLAIN", "SCRAM-SHA-512", "certificate"])
def test_over_tls_all_is_counted(kafka, topic, redis, tmp_path, how):
    user, way = _by_certificate(kafka) if how == "certificate" else _by_password(kafka, how)
    _grant(kafka, user, topic)
    deployment = _deployment(kafka, topic, redis, tmp_path, way)
    if how.startswith("SCRAM") and _librdkafka(tmp_path) < SCRAM_MENDED:
        done = deployment.ingest("init", check=77)
        assert "CLM-A1" in done.stderr and "by PLAIN (over TLS), not by SCRAM" in done.stderr, done.stderr
        return
    worker = deployment.init().worker()
    deployment.produce(*load.flags(5_000, seed=91, malformed=0.02))
    assert check_letters(deployment, load.settle(deployment, [worker])), "they went the same way"
    assert worker.terminate() == 0


def test_what_is_wrong_with_tls_is_named_with_its_remedy(kafka, topic, redis, tmp_path):
    other = Authority(tmp_path / "other", "other")
    stranger = dict(zip(("kafka.ssl.certificate.location", "kafka.ssl.key.location"), other.issue("stranger")))
    user, secret = _by_password(kafka, "PLAIN")
    _, mutual = _by_certificate(kafka)
    _grant(kafka, user, topic)
    Deployment(tmp_path, kafka.bootstrap, topic, redis).init()
    anonymous = {name: value for name, value in mutual.items() if name not in stranger}
    distrust = {"kafka.ssl.ca.location": other.file}
    by_name = {"kafka.bootstrap.servers": kafka.secret.replace("127.0.0.1", "localhost")}
    for way, code, exit_code, remedy in [(secret | {"kafka.sasl.password": "wrong"}, "CLM-A1", 77, "correct kafka.sasl.*"),
                                         (secret | distrust, "CLM-K6", 78, "kafka.ssl.ca.location must name"),
                                         (secret | by_name, "CLM-K6", 78, "the broker's host"),
                                         (mutual | distrust, "CLM-K6", 78, "kafka.ssl.ca.location must name"),
                                         (mutual | stranger, "CLM-K6", 78, "set kafka.ssl.certificate.location"),
                                         (anonymous, "CLM-K6", 78, "set kafka.ssl.certificate.location")]:
        deployment = _deployment(kafka, topic, redis, tmp_path, way)
        for done in (deployment.ingest("run", check=exit_code, seconds=60),
                     deployment.loadtest("produce", "--events", "1", check=exit_code, seconds=60),
                     deployment.loadtest("recount", check=exit_code, seconds=60)):
            assert code in done.stderr and remedy in done.stderr, (way, done)


def test_the_wrong_protocol_at_a_listener_is_named(kafka, topic, redis, tmp_path):
    _, mutual = _by_certificate(kafka)
    for way, code, exit_code in [(mutual | {"kafka.bootstrap.servers": kafka.bootstrap}, "CLM-K6", 78),
                                 ({"kafka.bootstrap.servers": kafka.mutual}, "CLM-K1", 69)]:
        deployment = _deployment(kafka, topic, redis, tmp_path, way)
        done = deployment.ingest("run", check=exit_code, seconds=60)
        assert code in done.stderr and "kafka.security.protocol" in done.stderr, done
