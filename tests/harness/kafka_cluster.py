"""A real Apache Kafka of three brokers, which are its controllers, too: what is acknowledged survives the loss of any one."""
from confluent_kafka.admin import AdminClient

from harness.broker import broker_argv, format_storage
from harness.kafka import Topics
from harness.places import free_port, wait_until
from harness.process import Process
from harness.wire import Wire

BROKERS = 3

PROPERTIES = """\
process.roles=broker,controller
node.id={id}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{port},WIRED://127.0.0.1:{wired},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},WIRED://127.0.0.1:{wire}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,WIRED:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={log}
offsets.topic.replication.factor=3
offsets.topic.num.partitions=3
transaction.state.log.num.partitions=1
min.insync.replicas=2
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
controller.quorum.election.timeout.ms=500
controller.quorum.fetch.timeout.ms=1000
replica.lag.time.max.ms=3000
replica.fetch.wait.max.ms=2000
log.retention.check.interval.ms=1000
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
auto.create.topics.enable=false
"""


class Broker:
    """One of them. `wire` stands before the listener that the cluster's `wired` leads to."""

    def __init__(self, directory, number, controllers, log):
        self.id, self.directory = number + 1, directory / f"broker-{number + 1}"
        self.directory.mkdir()
        self.port, wired = free_port(), free_port()
        self.wire = Wire(wired)
        voters = ",".join(f"{i + 1}@127.0.0.1:{port}" for i, port in enumerate(controllers))
        self.log = log or self.directory / "log"
        self._properties = self.directory / "server.properties"
        self._properties.write_text(PROPERTIES.format(id=self.id, voters=voters, port=self.port, wired=wired, wire=self.wire.port,
                                                      controller=controllers[number], log=self.log))

    def format(self):
        format_storage(self.log, self.id)

    def start(self):
        self.process = Process(f"broker-{self.id}", broker_argv(self._properties), self.directory)

    def kill(self):
        self.process.kill()


class KafkaCluster(Topics):
    """`logs` may give the folder of each broker's log. By `bootstrap` one comes straight, by `wired` through the brokers' wires."""

    replicas = BROKERS

    def __init__(self, directory, logs=(None,) * BROKERS):
        controllers = [free_port() for _ in range(BROKERS)]
        self.nodes = [Broker(directory, number, controllers, logs[number]) for number in range(BROKERS)]
        self.bootstrap = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        self.wired = ",".join(f"127.0.0.1:{node.wire.port}" for node in self.nodes)
        for node in self.nodes:
            node.format()
            node.start()
        self.admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        self.wait_whole()

    def is_whole(self):
        for node in self.nodes:
            if not node.process.is_running:
                raise AssertionError(f"broker {node.id} ended:\n{node.process.tail()}")
        return len(self.brokers()) == BROKERS

    def wait_whole(self):
        wait_until("three brokers are there", self.is_whole, 90, 0.2)

    def _partitions(self, topic):
        return self.admin.list_topics(topic, timeout=10).topics[topic].partitions.values()

    def leader_of(self, topic, partition=0):
        leader = next(p.leader for p in self._partitions(topic) if p.id == partition)
        return next((node for node in self.nodes if node.id == leader), None)

    def wait_in_sync(self, *topics, seconds=90):
        """Until every partition has all its replicas again."""
        wait_until(f"all replicas of {topics} are in sync", lambda: self.is_whole() and all(
            len(partition.isrs) == BROKERS for topic in topics for partition in self._partitions(topic)), seconds, 0.2)

    def stop(self):
        for node in self.nodes:
            node.kill()
            node.wire.stop()
