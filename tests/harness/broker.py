"""What a broker runs on, made once and kept in .cache: Kafka's jars at the versions that tests/kafka/pom.xml pins, and an archive of
its classes as Java has them in memory, with which it starts on half of the work. `python -m harness.broker` makes both ahead."""
import base64
import fcntl
import hashlib
import tempfile
import uuid
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from harness import process
from harness.jars import jars
from harness.places import CACHE, free_port, wait_until

CLUSTER = "clameurTestsAAAAAAAAAA"  # any 16 bytes in base64

# Of the broker whose classes are archived: it starts, answers and ends.
FIRST = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
log.dirs={directory}/log
"""


@contextmanager
def _alone():
    """One process at a time makes what is missing, the others wait for it."""
    CACHE.mkdir(exist_ok=True)
    with open(CACHE / "kafka.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _digest(text):
    return hashlib.sha256(text).hexdigest()[:12]


@cache
def kafka_jars():
    """Where they lie, by the name that the archive will know them by."""
    return jars("kafka").resolve()


@cache
def archive():
    """The file of the classes: of these jars in this place, and of this Java, because no other takes it."""
    java = process.run(["java", "-version"], kafka_jars()).stderr
    file = kafka_jars() / f"classes-{_digest(f'{kafka_jars()} {java}'.encode())}.jsa"
    with _alone():
        if not file.exists():
            _make_archive(file)
    return file


def _make_archive(file):
    with tempfile.TemporaryDirectory(dir=CACHE) as directory:
        directory, part, port = Path(directory).resolve(), file.with_suffix(".part"), free_port()
        properties = directory / "server.properties"
        properties.write_text(FIRST.format(port=port, controller=free_port(), directory=directory))
        format_storage(directory / "log", 1)
        broker = process.Process("first-broker", _argv(properties, f"-XX:ArchiveClassesAtExit={part}"), directory)
        process.started.remove(broker)
        admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{port}", "log_level": 0})
        try:
            wait_until("the first broker answers", lambda: _answers(broker, admin), 150, 0.2)
            broker.terminate(600)
        finally:
            broker.kill()
        part.touch()  # of a Java that keeps no archives: it is not asked again, and takes an empty one for none
        part.rename(file)


def _answers(broker, admin):
    assert broker.is_running, broker.tail()
    try:
        return admin.list_topics(timeout=2).brokers
    except KafkaException:
        return None


def _argv(properties, classes):
    """With what a process needs that lives for a minute on a part of a core. What it unpacks lies where it runs."""
    return ["java", classes, "-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.io.tmpdir=.",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", ":".join(map(str, sorted(kafka_jars().glob("*.jar")))), "kafka.Kafka",
            properties]


def broker_argv(properties):
    return _argv(properties, f"-XX:SharedArchiveFile={archive()}")


def format_storage(log, node):
    """What Kafka's StorageTool leaves in the folder of a node's log, without a Java of its own for it."""
    directory = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    log.mkdir(parents=True, exist_ok=True)
    (log / "meta.properties").write_text(f"version=1\ncluster.id={CLUSTER}\nnode.id={node}\ndirectory.id={directory}\n")


if __name__ == "__main__":
    archive()
