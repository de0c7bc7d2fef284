"""Redis over TLS: counted as over any other wire, and what is wrong with it is named. Where this build has no TLS, it says so."""
import json

import pytest

from harness import load
from harness.certificates import Authority
from harness.places import free_port, wait_until
from harness.process import run
from harness.redis_cluster import RedisCluster
from harness.redis_server import Redis, under_tls
from harness.worker import INGEST, Deployment


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "certificates")


@pytest.fixture
def way(authority, tmp_path):
    """Options of who may come; the test is skipped where no program can come so."""
    if not json.loads(run([INGEST, "version", "--json"], tmp_path).stdout)["redis_tls"]:
        pytest.skip("built without hiredis_ssl")
    certificate, key = authority.issue("clameur")
    return {"redis.tls.ca_file": authority.file, "redis.tls.cert_file": certificate, "redis.tls.key_file": key}


@pytest.fixture
def secret(tmp_path, authority):
    """A Redis that also listens at `secret_port`, under TLS, and wants to see a certificate there."""
    port = free_port()
    redis = Redis(tmp_path, *under_tls(port, authority))
    redis.secret_port, redis.secret_url = port, f"rediss://127.0.0.1:{port}"
    yield redis
    redis.stop()


def test_a_build_without_tls_refuses_it(kafka, topic, redis, tmp_path):
    deployment = Deployment(tmp_path, kafka.bootstrap, topic, redis, {"redis.url": f"rediss://127.0.0.1:{redis.port}"})
    if json.loads(run([INGEST, "version", "--json"], tmp_path).stdout)["redis_tls"]:
        pytest.skip("built with hiredis_ssl")
    for done in (deployment.ingest("run", check=78), deployment.ingest("counters", "acme", check=78),
                 deployment.loadtest("recount", check=78)):
        assert "CLM-R7" in done.stderr and "hiredis 0." in done.stderr and "hiredis_ssl" in done.stderr, done


def test_over_tls_all_is_counted__also_when_it_breaks(kafka, topic, secret, way, tmp_path):
    deployment = Deployment(tmp_path, kafka.bootstrap, topic, secret, way | {"redis.url": secret.secret_url}).init()
    worker = deployment.worker()
    deployment.produce(*load.flags(5_000, seed=93, malformed=0.02))
    with load.stream(deployment, 4, seed=94):
        for _ in range(4):
            ours = [client for client in secret.client.client_list() if client["laddr"].endswith(f":{secret.secret_port}")]
            assert ours
            for client in ours:
                secret.client.execute_command("CLIENT", "KILL", "ID", client["id"])
            wait_until("it is back", lambda: worker.get("/readyz")[0] == 200, 30)
    load.settle(deployment, [worker])
    assert json.loads(deployment.ingest("top", "platform", "-o", "json").stdout)
    assert worker.process.terminate() == 0


def test_a_certificate_that_is_replaced_by_a_wrong_one_stops_the_counting_until_it_is_right(kafka, topic, secret, way, authority,
                                                                                            tmp_path):
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(authority.file.read_bytes())
    deployment = Deployment(tmp_path, kafka.bootstrap, topic, secret,
                            way | {"redis.url": secret.secret_url, "redis.tls.ca_file": trusted}).init()
    worker = deployment.worker()
    trusted.write_bytes(Authority(tmp_path / "stranger", "stranger").file.read_bytes())
    secret.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    wait_until("it is told", lambda: any("its certificate is not accepted" in line for line in worker.said("CLM-R7")), 30)
    deployment.produce(*load.flags(2_000, seed=95))
    assert worker.get("/readyz")[0] == 503
    trusted.write_bytes(authority.file.read_bytes())
    load.settle(deployment, [worker])


def test_what_is_wrong_with_tls_is_named_with_its_remedy(kafka, topic, secret, way, authority, tmp_path):
    stranger = Authority(tmp_path / "stranger", "stranger")
    foreign, foreign_key = stranger.issue("clameur")
    url = {"redis.url": secret.secret_url}
    without = {"redis.tls.ca_file": authority.file}
    untrusted = "perhaps it does not trust our certificate"  # where the connection was reset before its reason was read
    silent = "it ended, or was silent, before both had agreed on TLS"  # where Redis waits for the end of what it takes for a command
    for options, code, exit_code, *words in [
        (way | url | {"redis.tls.ca_file": stranger.file}, "CLM-R7", 78, "its certificate is not accepted: "),
        (way | url | {"redis.tls.server_name": "redis.example"}, "CLM-R7", 78, "hostname mismatch"),
        (way | {"redis.url": f"rediss://localhost:{secret.secret_port}"}, "CLM-R7", 78, "hostname mismatch"),
        (without | url, "CLM-R7", 78, "certificate required", untrusted),
        (way | url | {"redis.tls.cert_file": foreign, "redis.tls.key_file": foreign_key}, "CLM-R7", 78, "unknown ca", untrusted),
        (way | url | {"redis.tls.key_file": foreign_key}, "CLM-R7", 78, f"redis.tls.key_file {foreign_key}"),
        (way | url | {"redis.tls.ca_file": "/nowhere.pem"}, "CLM-R7", 78, "redis.tls.ca_file /nowhere.pem: "),
        (way | {"redis.url": f"rediss://127.0.0.1:{secret.port}"}, "CLM-R7", 78, "wrong version number", silent),
        ({"redis.url": f"redis://127.0.0.1:{secret.secret_port}"}, "CLM-R3", 69, "no Redis at"),
        (way | {"redis.url": secret.url}, "CLM-C1", 78, "does not ask for TLS"),
    ]:
        deployment = Deployment(tmp_path, kafka.bootstrap, topic, secret, options)
        for program, command in (deployment.ingest, "run"), (deployment.loadtest, "recount"):
            done = program(command, check=None, seconds=60)
            assert any(word in done.stderr for word in words), (options, done)
            is_sure = untrusted not in done.stderr and silent not in done.stderr
            wanted = (code, exit_code) if is_sure else ("CLM-R3", 69)
            assert done.returncode == wanted[1] and wanted[0] in done.stderr, (options, done)


def test_a_cluster_over_tls_is_counted__also_when_a_master_is_replaced(kafka, topic, way, authority, tmp_path):
    cluster = RedisCluster(tmp_path, node_timeout_ms=1500, authority=authority)
    url = "rediss://" + ",".join(f"127.0.0.1:{node.secret}" for node in cluster.nodes[:2])
    try:
        deployment = Deployment(tmp_path, kafka.bootstrap, topic, cluster, way | {"redis.url": url}).init()
        worker = deployment.worker()
        with load.flow(deployment, seed=96):
            lost = cluster.kill_master(0)
            cluster.wait_for_other_master(0, lost)
        load.settle(deployment, [worker])
        assert worker.process.terminate() == 0
    finally:
        cluster.stop()
