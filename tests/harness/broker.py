"""A broker's process: Kafka from its jars, and an archive of its classes as Java has them in memory, made once and kept beside the
jars, with which it starts on half of the work."""
import base64
import hashlib
import tempfile
import uuid
from functools import cache
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from harness import process
from harness.jars import alone, jars
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


def broker_argv(properties):
    return _argv(properties, f"-XX:SharedArchiveFile={archive()}")


def _argv(properties, classes):
    """With what a process needs that lives for a minute on a part of a core. What it unpacks lies where it runs."""
    found = sorted(jars("kafka").resolve().glob("*.jar"))
    return ["java", classes, "-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.io.tmpdir=.",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", ":".join(map(str, found)), "kafka.Kafka", properties]


def format_storage(log, node):
    """What Kafka's StorageTool leaves in the folder of a node's log, without a Java of its own for it."""
    directory = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    log.mkdir(parents=True, exist_ok=True)
    (log / "meta.properties").write_text(f"version=1\ncluster.id={CLUSTER}\nnode.id={node}\ndirectory.id={directory}\n")


@cache
def archive():
    """The file of the classes: of the jars where they lie and of the Java that is here, because no other takes it."""
    folder = jars("kafka").resolve()
    java = process.run(["java", "-version"], folder).stderr
    file = folder / f"classes-{hashlib.sha256(f'{folder} {java}'.encode()).hexdigest()[:12]}.jsa"
    with alone("classes"):
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
            broker.terminate(150)
        finally:
            broker.kill()
        part.touch()  # by a Java that keeps no archives: it is not asked again, and takes an empty one for none
        part.rename(file)


def _answers(broker, admin):
    assert broker.is_running, broker.tail()
    try:
        return admin.list_topics(timeout=2).brokers
    except KafkaException:
        return None
