"""A real Apache Kafka: one KRaft node on free loopback ports."""
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import (AclBinding, AclBindingFilter, AclOperation, AclPermissionType, AdminClient,
                                   AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic, OffsetSpec,
                                   ResourcePatternType, ResourceType)

from harness.broker import broker_argv, format_storage
from harness.certificates import Authority
from harness.places import free_port, wait_until
from harness.process import Process

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},ASTRAY://127.0.0.1:{astray},GUARDED://127.0.0.1:{guarded},SECRET://127.0.0.1:{secret},MUTUAL://127.0.0.1:{mutual},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},ASTRAY://127.0.0.1:1,GUARDED://127.0.0.1:{guarded},SECRET://127.0.0.1:{secret},MUTUAL://127.0.0.1:{mutual}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,ASTRAY:PLAINTEXT,GUARDED:SASL_PLAINTEXT,SECRET:SASL_SSL,MUTUAL:SSL,CONTROLLER:PLAINTEXT
listener.name.guarded.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256
listener.name.guarded.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.guarded.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required {users};
listener.name.secret.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
listener.name.secret.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.secret.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required {users};
listener.name.mutual.ssl.client.auth=required
ssl.keystore.type=PEM
ssl.keystore.location={keys}
ssl.truststore.type=PEM
ssl.truststore.location={authority}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={directory}/log
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
log.initial.task.delay.ms=1000
log.retention.check.interval.ms=1000
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
auto.create.topics.enable=false
"""

# By PLAIN, because librdkafka before 2.6.1 does not get through to Kafka 4 by SCRAM, whoever comes.
USERS = {f"user-{number}": f"secret-of-user-{number}" for number in range(20)}

# What the contract asks of the log; LogAppendTime, so that a record's time cannot be wrong.
TOPIC = {"cleanup.policy": "delete", "unclean.leader.election.enable": "false", "retention.ms": "-1",
         "message.timestamp.type": "LogAppendTime"}


def _acls(user, kind, name, operations):
    return [(ResourceType[kind.upper()], name, ResourcePatternType.LITERAL, f"User:{user}", "*", AclOperation[operation],
             AclPermissionType.ALLOW) for operation in operations]


class Topics:
    """What is the same for one broker and for three: their topics, by `admin`."""

    replicas = 1

    def brokers(self):
        """Who is there, by id; none while nobody answers."""
        try:
            return self.admin.list_topics(timeout=2).brokers
        except KafkaException:
            return {}

    def create_topic(self, name, partitions=4, **config):
        """Creates `name` and its dead-letter topic; `config` with `_` for `.` overrides the topic's settings."""
        self._create(self._log(name, partitions, config), self._dead_letters(name))
        return name

    def create_log(self, name, partitions=4, **config):
        self._create(self._log(name, partitions, config))

    def create_dead_letters(self, name):
        self._create(self._dead_letters(name))

    def _log(self, name, partitions, config):
        settings = TOPIC | {key.replace("_", "."): value for key, value in config.items()}
        return NewTopic(name, partitions, self.replicas, config=settings)

    def _dead_letters(self, name):
        return NewTopic(f"{name}.dlq", 1, self.replicas, config={"retention.ms": "-1"})

    def _create(self, *topics):
        for answer in self.admin.create_topics(list(topics)).values():
            answer.result(30)
        partitions = {topic.topic: topic.num_partitions for topic in topics}
        wait_until(f"{', '.join(partitions)} is led", lambda: self._is_led(partitions), 60, 0.1)

    def grow_topic(self, name, partitions):
        for answer in self.admin.create_partitions([NewPartitions(name, partitions)]).values():
            answer.result(30)
        wait_until(f"{name} is led", lambda: self._is_led({name: partitions}), 60, 0.1)

    def _is_led(self, topics):
        """A new topic is known some time before each of its partitions has a leader that answers. A client of its own asks,
        because one that asked too early may keep its first answer."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        places = {TopicPartition(name, number): OffsetSpec.earliest()
                  for name, count in topics.items() for number in range(count)}
        try:
            return all(answer.result(5) for answer in admin.list_offsets(places, request_timeout=5).values())
        except (KafkaException, TimeoutError):
            return False

    def delete_topic(self, *names):
        for answer in self.admin.delete_topics(list(names)).values():
            answer.result(30)
        wait_until("they are gone", lambda: not set(names) & set(self.admin.list_topics(timeout=10).topics), 30, 0.1)

    def delete_records(self, topic, before):
        """The log of each partition begins at `before[partition]` from now on, as after its retention."""
        places = [TopicPartition(topic, partition, offset) for partition, offset in before.items()]
        for answer in self.admin.delete_records(places).values():
            answer.result(30)

    def set_topic(self, name, **config):
        """Changes settings of a topic, `_` for `.`."""
        entries = [ConfigEntry(key.replace("_", "."), value, incremental_operation=AlterConfigOpType.SET)
                   for key, value in config.items()]
        resource = ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=entries)
        for answer in self.admin.incremental_alter_configs([resource]).values():
            answer.result(30)


class Kafka(Topics):
    """Who comes by `bootstrap` may do everything. By `guarded` comes who has a name and a password (`login`), and may do what
    was granted (`grant`), nothing else; so over TLS by `secret`, and by `mutual` who has a certificate of `authority`."""

    def __init__(self, directory):
        self.directory = directory
        self.port = free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.astray = f"127.0.0.1:{free_port()}"  # answers, but names itself 127.0.0.1:1
        self.guarded = f"127.0.0.1:{free_port()}"
        self.secret = f"127.0.0.1:{free_port()}"  # as guarded, over TLS
        self.mutual = f"127.0.0.1:{free_port()}"  # over TLS, where a client is who its certificate says
        self.authority = Authority(directory / "authority")
        self._users = iter(USERS)
        properties = directory / "server.properties"
        properties.write_text(PROPERTIES.format(port=self.port, astray=self.astray.split(":")[1],
                                                guarded=self.guarded.split(":")[1],
                                                users=" ".join(f'user_{name}="{USERS[name]}"' for name in USERS),
                                                secret=self.secret.split(":")[1], mutual=self.mutual.split(":")[1],
                                                keys=self.authority.bundle("broker"), authority=self.authority.file,
                                                controller=free_port(), directory=directory))
        format_storage(directory / "log", 1)
        self._argv = broker_argv(properties)
        self.start()

    def start(self):
        self.process = Process("kafka", self._argv, self.directory)
        self.admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        wait_until("Kafka answers", self._answers, 60, 0.2)

    def _answers(self):
        if not self.process.is_running:
            raise AssertionError("Kafka ended:\n" + self.process.tail())
        return self.brokers()

    def login(self):
        """A user that nobody else is and that has no right yet, and the options by which a deployment comes as that user."""
        name = next(self._users)
        return name, {"kafka.bootstrap.servers": self.guarded, "kafka.security.protocol": "SASL_PLAINTEXT",
                      "kafka.sasl.mechanism": "PLAIN", "kafka.sasl.username": name, "kafka.sasl.password": USERS[name]}

    def grant(self, user, kind, name, *operations):
        """`kind` "topic", "group" or "broker" (the cluster, whose name is "kafka-cluster"); operations as "READ"."""
        for answer in self.admin.create_acls([AclBinding(*acl) for acl in _acls(user, kind, name, operations)]).values():
            answer.result(30)

    def revoke(self, user, kind, name, *operations):
        """Takes back what was granted."""
        for answer in self.admin.delete_acls([AclBindingFilter(*acl) for acl in _acls(user, kind, name, operations)]).values():
            assert answer.result(30), "nothing of the kind was granted"

    def stop(self):
        self.process.kill()
