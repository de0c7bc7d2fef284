"""Redis over TLS: counted as over any other wire, and what is wrong with it is named. Where this build has no TLS, it says so."""
import json

import pytest

from harness import load
from harness.certificates import Authority
from harness.keys import SLOTS
from harness.places import free_port, wait_until
from harness.process import ENVIRONMENT, run
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


REMEDIES = ("correct redis.tls.* and redis.url as the message says",
            "set redis.tls.cert_file and redis.tls.key_file to a certificate that this Redis trusts")
# Why Redis refuses us; what may be seen instead of it: the connection was reset before the reason was read, or Redis waits for the
# end of what it takes for a command.
OUR_CERTIFICATE = ("certificate required", "unknown ca")
UNTRUSTED = "perhaps it does not trust our certificate"
SILENT = "it ended, or was silent, before both had agreed on TLS"


def _check_refused(deployment, why, instead=None, **options):
    """The worker's start and the recount end with CLM-R7 and `why`, or as with a Redis that does not answer, and `instead`."""
    for program, command in (deployment.ingest, "run"), (deployment.loadtest, "recount"):
        done = program(command, check=None, seconds=60, **options)
        if instead and instead in done.stderr:
            assert "CLM-R3" in done.stderr and done.returncode == 69, done
        else:
            assert "CLM-R7 no TLS with Redis" in done.stderr and why in done.stderr and done.returncode == 78, (why, done)
            assert f"do: {REMEDIES[why in OUR_CERTIFICATE]}" in done.stderr, done


def test_what_is_wrong_with_our_side_of_tls_is_named_with_its_remedy(kafka, topic, secret, way, authority, tmp_path):
    stranger = Authority(tmp_path / "stranger", "stranger")
    foreign, foreign_key = stranger.issue("clameur")
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    url = {"redis.url": secret.secret_url}
    for options, *said in [
        (way | url | {"redis.tls.ca_file": stranger.file}, "its certificate is not accepted: "),
        (way | url | {"redis.tls.server_name": "redis.example"}, "its certificate is not accepted: hostname mismatch"),
        (way | {"redis.url": f"rediss://localhost:{secret.secret_port}"}, "its certificate is not accepted: hostname mismatch"),
        ({"redis.tls.ca_file": authority.file} | url, OUR_CERTIFICATE[0], UNTRUSTED),
        (way | url | {"redis.tls.cert_file": foreign, "redis.tls.key_file": foreign_key}, OUR_CERTIFICATE[1], UNTRUSTED),
        (way | url | {"redis.tls.key_file": foreign_key}, f"redis.tls.key_file {foreign_key}: key values mismatch"),
        (way | url | {"redis.tls.key_file": empty}, f"redis.tls.key_file {empty}: "),
        (way | url | {"redis.tls.cert_file": "/nowhere.crt"}, "redis.tls.cert_file /nowhere.crt: No such file or directory"),
        (way | url | {"redis.tls.cert_file": empty}, f"redis.tls.cert_file {empty}: "),
        (way | url | {"redis.tls.ca_file": "/nowhere.pem"}, "redis.tls.ca_file /nowhere.pem: No such file or directory"),
        (way | url | {"redis.tls.ca_file": empty}, f"redis.tls.ca_file {empty}: "),
        (way | {"redis.url": f"rediss://127.0.0.1:{secret.port}"}, "wrong version number", SILENT),
    ]:
        _check_refused(Deployment(tmp_path, kafka.bootstrap, topic, secret, options), *said)


def test_a_wire_of_one_side_alone_under_tls_is_named(kafka, topic, secret, way, tmp_path):
    for options, code, exit_code, why in [
        ({"redis.url": f"redis://127.0.0.1:{secret.secret_port}"}, "CLM-R3", 69, "no Redis at"),
        (way | {"redis.url": secret.url}, "CLM-C1", 78, "does not ask for TLS"),
    ]:
        deployment = Deployment(tmp_path, kafka.bootstrap, topic, secret, options)
        for program, command in (deployment.ingest, "run"), (deployment.loadtest, "recount"):
            done = program(command, check=exit_code, seconds=60)
            assert code in done.stderr and why in done.stderr, (options, done)


def _shows(node, issued, **more):
    """The server's certificate and key from its next connections on."""
    certificate, key = issued
    settings = {"tls-cert-file": certificate, "tls-key-file": key} | {name.replace("_", "-"): value for name, value in more.items()}
    node.client.execute_command("CONFIG", "SET", *[word for pair in settings.items() for word in map(str, pair)])


def test_what_is_wrong_with_the_server_s_side_of_tls_is_named(kafka, topic, secret, way, authority, tmp_path):
    deployment = Deployment(tmp_path, kafka.bootstrap, topic, secret, way | {"redis.url": secret.secret_url})
    _shows(secret, authority.issue("expired", days=-1))
    _check_refused(deployment, "its certificate is not accepted: certificate has expired")
    _shows(secret, authority.issue("other", bears="DNS:redis.example,IP:127.0.0.2"))
    _check_refused(deployment, "its certificate is not accepted: IP address mismatch")
    _shows(secret, authority.issue("right"), tls_protocols="TLSv1.1", tls_ciphers="DEFAULT:@SECLEVEL=0")
    permissive = tmp_path / "openssl.cnf"  # of a machine whose OpenSSL would still speak it
    permissive.write_text("openssl_conf=a\n[a]\nssl_conf=b\n[b]\nsystem_default=c\n[c]\nMinProtocol=TLSv1\n"
                          "CipherString=DEFAULT:@SECLEVEL=0\n")
    for environment in ENVIRONMENT, ENVIRONMENT | {"OPENSSL_CONF": str(permissive)}:
        _check_refused(deployment, "protocol version", UNTRUSTED, env=environment)


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
        other = cluster.master_of(SLOTS - 1)
        _shows(other, authority.issue("other", bears="IP:127.0.0.2"))
        other.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        at = f"127.0.0.1:{other.secret}: its certificate is not accepted: IP address mismatch"
        wait_until("it is told", lambda: any(at in line for line in worker.said("CLM-R7")))
        assert at in deployment.ingest("check", "--connect", check=78).stdout
        _shows(other, authority.issue("right"))
        deployment.produce(*load.flags(2_000, seed=97))
        load.settle(deployment, [worker])
        assert worker.process.terminate() == 0
    finally:
        cluster.stop()
