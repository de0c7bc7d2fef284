"""The rights that are documented: enough for what their user does, and for nothing else. The users of Redis are those of
deploy/redis.acl, those of Kafka have what README.md says under "Access rules"."""
import re
import time
from urllib.parse import unquote

import pytest
import redis as client_library

from harness import load
from harness.places import ROOT, wait_until
from harness.redis_cluster import SlotMove, slot_of
from harness.redis_server import Redis
from harness.worker import Deployment

ACL = ROOT / "deploy" / "redis.acl"
NAMES = ("worker", "reader", "recount")


def _granted(name):
    (line,) = [line.split() for line in ACL.read_text().splitlines() if line.startswith(f"user clameur-{name} ")]
    return {word[1:] for word in line if word.startswith("+")}


class Guarded:
    """A Redis under deploy/redis.acl with passwords of its own, and the test as its administrator."""

    def __init__(self, directory):
        self.directory, file = directory, directory / "users.acl"
        file.write_text("")
        self.server = Redis(directory, "--aclfile", file)
        lines = ACL.read_text().splitlines()
        for name in NAMES:
            self._secret_file(name).write_text(f"password-of-{name}\n")
            lines = [line.replace("CHANGE-ME", f"password-of-{name}") if f"-{name} " in line else line for line in lines]
        file.write_text("\n".join(lines) + "\nuser admin on >admin ~* &* +@all\n")
        self.server.client.execute_command("ACL", "LOAD")
        self.server.client = client_library.Redis(port=self.server.port, username="admin", password="admin", socket_timeout=30)

    def _secret_file(self, name):
        return self.directory / f"{name}.password"

    def options(self, name):
        return {"redis.username": f"clameur-{name}", "redis.password_file": self._secret_file(name)}

    def client(self, name):
        return client_library.Redis(port=self.server.port, username=f"clameur-{name}", password=f"password-of-{name}")

    def commands_used(self):
        """By anybody since the statistics were reset, from within functions too."""
        return {name.removeprefix("cmdstat_") for name in self.server.client.info("commandstats")}


@pytest.fixture
def guarded(tmp_path):
    guarded = Guarded(tmp_path)
    yield guarded
    guarded.server.stop()


@pytest.fixture
def deployment(kafka, topic, guarded, tmp_path):
    """As its worker has it: `clameur-worker` in Redis, in Kafka a user of the documented rights."""
    user, login = kafka.login()
    kafka.grant(user, "topic", topic, "READ", "DESCRIBE_CONFIGS")
    kafka.grant(user, "topic", f"{topic}.dlq", "WRITE")
    kafka.grant(user, "group", f"group-{topic}", "READ")
    return _seen_by("worker", kafka, topic, guarded, login)


def _seen_by(name, kafka, topic, guarded, login):
    (guarded.directory / name).mkdir()
    deployment = Deployment(guarded.directory / name, kafka.guarded, topic, guarded.server, login | guarded.options(name))
    deployment.file.chmod(0o600)
    deployment.bootstrap = kafka.bootstrap  # of the tests' own readers
    return deployment


def _produce(kafka, deployment, *flags):
    """By somebody who may."""
    deployment.produce(*flags, "--kafka.security.protocol=plaintext", f"--kafka.bootstrap.servers={kafka.bootstrap}")


# Granted, and not needed in every deployment: `select` where redis.url names a database, the next two on a Redis Cluster, `hdel`
# to drop the entries of old orders, `ping` because clients of readers look with it whether the connection is good.
AT_TIMES = {"select", "cluster|slots", "asking", "hdel", "ping"}

BY_INIT = {"exists", "watch", "multi", "exec"}
BY_START = {"function|list", "function|load", "hgetall", "hkeys"}
IN_FUNCTIONS = {"hget", "hmget", "hset", "hdel", "hlen", "hvals", "hincrby", "hrandfield", "zincrby", "pfadd", "expireat", "hgetall"}
# Without the name nothing is worse; without INFO a start warns, because what Redis would do when it is full is unknown.
WITHOUT_HARM = {"client|setname", "info"}


def test_the_documented_rights_suffice__goes_red_where_one_is_missing_or_idle(kafka, topic, deployment, guarded):
    admin, acme = guarded.server.client, ["counters", "acme"]
    admin.config_resetstat()
    deployment.init()
    worker = deployment.worker()
    _produce(kafka, deployment, *load.flags(20_000, seed=81, malformed=0.02))
    wait_until("all is read", lambda: worker.metric("events_read_total") >= 20_000)
    wait_until("all is flushed", lambda: worker.metric("events_in_flight") == 0)
    assert not re.search(r"CLM-[A-Z]\d", worker.process.log.read_text()), worker.process.tail()
    assert _granted("worker") - guarded.commands_used() <= AT_TIMES

    user, login = kafka.login()
    kafka.grant(user, "topic", topic, "READ")
    kafka.grant(user, "topic", f"{topic}.dlq", "READ")
    kafka.grant(user, "group", f"group-{topic}", "DESCRIBE")
    reader, address = _seen_by("reader", kafka, topic, guarded, login), f"--worker=127.0.0.1:{worker.port}"
    mark, top = deployment.space.name(0, "mark"), next(admin.scan_iter("clm:*:top:*", 1000)).decode()
    live = unquote(next(admin.scan_iter("clm:*:live:*", 1000)).decode().replace(":", " ")).split()[-2:]
    hour = int(time.time()) // 3600 * 3600
    admin.config_resetstat()
    for command in (acme, [*acme, "tiktok"], [*acme, "tiktok", "--series", "60m"], ["top", "acme", "tiktok"],
                    ["top", "acme", "tiktok", "--hours", "2"], ["explain", "--counter", "acme", "likes", "tiktok"],
                    ["status", address], ["status", "--by", "partition", address], ["status", "--by", "group", address],
                    ["explain", f"{topic}/0/0"], ["tap", "--from", "earliest", "-n", "3"], ["dlq", "list"]):
        assert reader.ingest(*command, seconds=60).stdout.strip(), command
    for function in ("clameur_reach 0 acme tiktok 0", "clameur_platforms 0", "clameur_faults 0",
                     f"clameur_series 0 acme tiktok {hour} {hour + 3600} likes", f"clameur_live 0 {' '.join(live)}",
                     f"clameur_audit 2 {mark} {top}"):
        guarded.client("reader").execute_command("FCALL_RO", *function.split())
    assert _granted("reader") - guarded.commands_used() <= AT_TIMES

    recount = _seen_by("recount", kafka, topic, guarded, login)
    admin.config_resetstat()
    recount.loadtest("recount")
    recount.loadtest("recount", "--live")
    assert _granted("recount") - guarded.commands_used() <= AT_TIMES
    assert worker.terminate() == 0
    deployment.recount(program=False)

    admin.execute_command("ACL", "SETUSER", "clameur-worker", "+scan", "~clm2:*")
    kafka.grant(deployment.options["kafka.sasl.username"], "group", f"group-{topic}-rebuild-clm2", "READ")
    deployment.ingest("rebuild", "--from", "earliest", "--yes", "--redis.prefix=clm2")


def test_a_right_that_is_missing_is_named__goes_red_if_it_is_not_asked_for_ahead(deployment, guarded):
    admin = guarded.server.client
    assert _granted("worker") == {"fcall"} | BY_INIT | BY_START | IN_FUNCTIONS | WITHOUT_HARM | AT_TIMES - {"ping"}

    def without(right):
        admin.execute_command("ACL", "SETUSER", "clameur-worker", f"-{right}")

    def with_it_again(right):
        admin.execute_command("ACL", "SETUSER", "clameur-worker", f"+{right}")

    def is_refused(command, right):
        without(right)
        done = deployment.ingest(command, check=77)
        with_it_again(right)
        assert "CLM-A1" in done.stderr and re.search(rf"\b{re.escape(right)}\b", done.stderr), (right, done.stderr)

    for right in sorted(BY_INIT):
        is_refused("init", right)
    deployment.init()
    for right in sorted(BY_START):
        if right == "function|load":
            admin.execute_command("FUNCTION", "FLUSH")
        is_refused("run", right)
    for right in ("fcall", "zincrby"):
        is_refused("run", right)

    worker = deployment.worker()
    for right in sorted({"fcall"} | IN_FUNCTIONS):
        before = len(worker.said("CLM-A1", "redis_refuses"))
        without(right)
        wait_until(f"it misses {right}", lambda: len(worker.said("CLM-A1", "redis_refuses")) > before)
        assert re.search(rf"\b{right}\b", worker.said("CLM-A1", "redis_refuses")[-1]), (right, worker.process.tail())
        assert worker.get("/readyz") == (503, "redis does not permit flushes\n")
        with_it_again(right)
        worker.wait_ready()
    assert not worker.said("CLM-F1") and worker.terminate() == 0


def _calls(node, command):
    """How often it has run the command: one that was not permitted was not run."""
    return node.client.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"]


def test_the_rights_of_a_worker_suffice_while_a_slot_moves__goes_red_without_asking(kafka, topic, redis_cluster, tmp_path):
    """All keys of a shard lie with the new master, the slot with the old one, which sends the worker on (ASK)."""
    (line,) = [line for line in ACL.read_text().splitlines() if line.startswith("user clameur-worker ")]
    for node in redis_cluster.nodes:
        node.client.execute_command("ACL", "SETUSER", *line.replace("CHANGE-ME", "password-of-worker").split()[1:])
    secret = tmp_path / "worker.password"
    secret.write_text("password-of-worker\n")
    deployment = Deployment(tmp_path, kafka.bootstrap, topic, redis_cluster,
                            {"redis.username": "clameur-worker", "redis.password_file": secret}).init()
    worker, slot = deployment.worker(), slot_of(deployment.space.tags[0])
    source = redis_cluster.master_of(slot)
    to = next(node for node in redis_cluster.masters() if node is not source)
    deployment.produce(*load.flags(5_000, seed=82))
    deployment.drain()
    move = SlotMove(redis_cluster, slot, to).begin()
    while keys := source.ask("GETKEYSINSLOT", slot, 100):
        move.move(*keys)
    deployment.produce(*load.flags(5_000, seed=83))
    wait_until("it asks the new master", lambda: _calls(to, "asking") > 0)
    move.finish()
    deployment.drain()
    deployment.recount(program=False)
    assert not worker.said("CLM-A1") and worker.terminate() == 0


# Of each user, what is none of its business; `KEY` is a key of ours, `MARK` one of marks.
FOREIGN = ["GET shop", "HGETALL shop:1", "SET shop 1", "DEL shop", "HGETALL clm2:{3560}:acct:acme", "KEYS *", "FLUSHALL", "CONFIG GET *",
           "ACL LIST", "EVAL return 0", "FUNCTION FLUSH", "FUNCTION DELETE clameur_v1", "SCRIPT FLUSH", "SHUTDOWN",
           "CLIENT LIST", "MONITOR", "REPLICAOF NO ONE", "SWAPDB 0 1", "FCALL clameur_flush_v1 1 clm2:{3560}:mark"]
WRITING = ["HSET KEY likes 1", "HINCRBY KEY likes 1", "DEL KEY", "UNLINK KEY", "EXPIRE KEY 1", "RENAME KEY clm:b", "RESTORE clm:b 0 x",
           "FUNCTION LOAD x", "FCALL clameur_flush_v1 1 MARK"]
FORBIDDEN = {"worker": [*FOREIGN, "DEL KEY", "UNLINK KEY", "RENAME KEY clm:b", "SCAN 0"],
             "reader": [*FOREIGN, *WRITING, "SCAN 0", "INFO"],
             "recount": [*FOREIGN, *WRITING, "INFO"]}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_granted_is_refused__goes_red_if_a_user_may_more(deployment, guarded, name):
    deployment.init()
    client, space = guarded.client(name), deployment.space
    names = {"KEY": space.name(0, "acct:acme"), "MARK": space.name(0, "mark")}
    for command in FORBIDDEN[name]:
        words = [names.get(word, word) for word in command.split()]
        with pytest.raises(client_library.exceptions.ResponseError, match="(?i)no permissions"):
            client.execute_command(*words)
            pytest.fail(f"{name} may {command}")
    with pytest.raises(client_library.exceptions.ResponseError, match="write flag|no permissions"):
        client.execute_command("FCALL_RO", "clameur_flush_v1", 1, names["MARK"])
