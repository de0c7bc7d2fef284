"""Reading a topic from its first record to its end, through confluent-kafka's own librdkafka."""
import time

from confluent_kafka import OFFSET_BEGINNING, TIMESTAMP_NOT_AVAILABLE, Consumer, KafkaError, TopicPartition

from harness.contract import Record


def _record(message):
    kind, time_ms = message.timestamp()
    return Record(message.partition(), message.offset(), 0 if kind == TIMESTAMP_NOT_AVAILABLE else max(time_ms, 0),
                  message.key(), message.value(), dict(message.headers() or []))


def _consumer(bootstrap):
    """`bootstrap`: brokers, or a dictionary of all that it takes to come to them."""
    way = bootstrap if isinstance(bootstrap, dict) else {"bootstrap.servers": bootstrap}
    return Consumer({**way, "group.id": "recount", "enable.auto.commit": False,
                     "enable.partition.eof": True, "fetch.wait.max.ms": 100, "log_level": 0})


def read_log(bootstrap, topic, seconds=120):
    """{partition: its records in order} up to the ends that the partitions had when this began."""
    consumer = _consumer(bootstrap)
    try:
        partitions = sorted(consumer.list_topics(topic, timeout=10).topics[topic].partitions)
        ends = {p: consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=10)[1] for p in partitions}
        log = {p: [] for p in partitions}
        open_partitions = {p for p in partitions if ends[p] > 0}
        consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in sorted(open_partitions)])
        give_up = time.monotonic() + seconds
        while open_partitions:
            assert time.monotonic() < give_up, f"{topic} cannot be read to its end: {open_partitions} are open"
            for message in consumer.consume(10000, 0.2):
                if message.error() is None:
                    if message.offset() < ends[message.partition()]:
                        log[message.partition()].append(_record(message))
                elif message.error().code() != KafkaError._PARTITION_EOF:
                    raise AssertionError(f"{topic}: {message.error()}")
                if message.error() or message.offset() >= ends[message.partition()] - 1:
                    open_partitions.discard(message.partition())
        return log
    finally:
        consumer.close()


def _bounds_of(bootstrap, topic, which):
    consumer = _consumer(bootstrap)
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        return {p: consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=10)[which] for p in partitions}
    finally:
        consumer.close()


def starts_of(bootstrap, topic):
    return _bounds_of(bootstrap, topic, 0)


def ends_of(bootstrap, topic):
    return _bounds_of(bootstrap, topic, 1)
