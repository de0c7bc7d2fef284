"""What is secret is shown nowhere: not by a worker that runs or one that fails, not by a command, not by the system's own lists."""
import re
from pathlib import Path

import pytest
import redis as client_library

from harness import load
from harness.places import wait_until
from harness.process import ENVIRONMENT, run
from harness.worker import INGEST, KEY, LOADTEST, Deployment

REDIS = "hidden-of-redis-0c1d"
WRONG = "hidden-and-wrong-77aa"


class Secretive:
    """A deployment that comes to Redis and Kafka by passwords, and everything that was said about it."""

    def __init__(self, kafka, topic, redis, directory, given):
        user, login = kafka.login()
        kafka.grant(user, "topic", topic, "READ", "WRITE", "DESCRIBE_CONFIGS")
        kafka.grant(user, "topic", f"{topic}.dlq", "READ", "WRITE")
        kafka.grant(user, "group", f"group-{topic}", "READ")
        redis.client.config_set("requirepass", REDIS)
        redis.client = client_library.Redis(port=redis.port, password=REDIS)
        self.secrets = {"redis.password": REDIS, "kafka.sasl.password": login.pop("kafka.sasl.password")}
        self.environment, self.said, written = dict(ENVIRONMENT), [], {}
        for name, secret in self.secrets.items():
            if given == "environment":
                self.environment["CLAMEUR_" + name.replace(".", "_").upper()] = secret
            elif given == "file of its own" and name == "redis.password":
                (directory / "redis.password").write_text(secret + "\n")
                written["redis.password_file"] = directory / "redis.password"
            else:
                written[name] = secret
        self.deployment = Deployment(directory, kafka.guarded, topic, redis, login | written)
        self.deployment.file.chmod(0o600)
        self.deployment.bootstrap = kafka.bootstrap

    def run(self, program, *words, code=0, **changed):
        """Runs it with some secrets changed to `WRONG`; keeps what it said."""
        environment = self.environment | {"CLAMEUR_" + name.upper(): value for name, value in changed.items()}
        done = run([program, *words, "-c", self.deployment.file], self.deployment.directory, env=environment, check=code, seconds=60)
        self.said += [done.stdout, done.stderr]
        return done.stdout + done.stderr

    def hidden(self):
        return [*self.secrets.values(), WRONG, KEY.hex()]


@pytest.mark.parametrize("given", ["environment", "file of its own", "configuration"])
def test_no_secret_is_shown__goes_red_if_one_is(kafka, topic, redis, tmp_path, given):
    s = Secretive(kafka, topic, redis, tmp_path, given)
    s.run(INGEST, "init")
    worker = s.deployment.worker(env=s.environment, flags=["--log.level=debug"])
    s.run(LOADTEST, "produce", *map(str, load.flags(500, seed=95)))
    s.deployment.drain()
    worker.metrics()
    redis.client.config_set("requirepass", "another")
    redis.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    wait_until("it is told", lambda: worker.said("CLM-A1", "redis_down"))
    for path in ("/metrics", "/status", "/readyz", "/livez"):
        s.said.append(worker.get(path)[1])
    here = Path("/proc") / str(worker.process.child.pid)
    s.said += [(here / name).read_text() for name in ("cmdline", "comm", "status")]
    client_library.Redis(port=redis.port, password="another").config_set("requirepass", REDIS)
    worker.wait_ready()
    s.deployment.recount(program=False)

    assert "***" in s.run(INGEST, "config", "show")
    for words in (["config", "show", "--origin", "-o", "json"], ["check", "--connect"], ["help", "options"],
                  ["status", f"--worker=127.0.0.1:{worker.port}"], ["counters", "acme"], ["dlq", "list"]):
        s.run(INGEST, *words, code=None)
    for program in (INGEST, LOADTEST):
        for command in re.findall(r"^  ([a-z]+) ", s.run(program, "--help", code=None), re.MULTILINE):
            s.run(program, command, "--help", code=None)
    s.run(LOADTEST, "recount")
    assert "CLM-A1" in s.run(INGEST, "run", code=77, kafka_sasl_password=WRONG)
    if given != "file of its own":  # before which the environment's own does not count
        assert "CLM-A1" in s.run(INGEST, "run", code=77, redis_password=WRONG)
    assert "CLM-K1" in s.run(INGEST, "run", "--kafka.bootstrap.servers=127.0.0.1:1", code=69)
    assert "CLM-R3" in s.run(INGEST, "run", "--redis.url=redis://127.0.0.1:1", code=69)
    for line in (f"redis.pasword: {WRONG}", f"kafka.sasl.pasword: {WRONG}", f"redis.password: [{WRONG}]", f"kafka.sasl.password: {{a: {WRONG}}}",
                 f"redis.url: redis://user:{WRONG}@127.0.0.1:6379"):
        text = s.deployment.file.read_text()
        name = line.split(": ")[0]
        s.deployment.file.write_text("".join(f"{kept}\n" for kept in text.splitlines() if not kept.startswith(f"{name}:")) + line + "\n")
        assert "CLM-C1" in s.run(INGEST, "run", code=78), line
        s.run(INGEST, "config", "show", code=None)
        s.deployment.file.write_text(text)
    assert worker.terminate() == 0
    s.said.append(worker.process.log.read_text())
    for secret in s.hidden():
        assert not [text for text in s.said if secret in text], secret


def test_a_secret_on_the_command_line_is_refused(deployment):
    for program, command in ((INGEST, "run"), (INGEST, "check"), (INGEST, "counters"), (LOADTEST, "produce"), (LOADTEST, "recount")):
        for name in ("redis.password", "kafka.sasl.password", "kafka.ssl.key.password"):
            done = run([program, command, "-c", deployment.file, f"--{name}={WRONG}"], deployment.directory, check=78)
            said = done.stdout + done.stderr
            assert f"CLAMEUR_{name.replace('.', '_').upper()}" in said and "command line" in said and WRONG not in said, said
