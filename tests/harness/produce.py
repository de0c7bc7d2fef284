"""Events made in Python, for what the generator does not do: framings, broken bytes, chosen times."""
import struct
import time
import uuid

from confluent_kafka import Producer
from google.protobuf import json_format

from harness.registry import Event, EventBatch


def event(kind=20, account="acme", **fields):
    """A valid event; `fields` are those of event.proto, messages as dictionaries."""
    fields = {"event_id": uuid.uuid4().bytes, "occurred_at": int(time.time() * 1000), "platform": 2, "consent": 3,
              "content_id": "video-1", "actor_id": "user-1"} | fields
    return Event(kind=kind, account_id=account, **fields)


def key_of(e):
    if e.person_id:
        return f"p:{e.person_id}".encode()
    if e.actor_id:
        return f"a:{e.platform}:{e.actor_id}".encode()
    for letter, value in (("c", e.content_id), ("m", e.campaign_id)):
        if value:
            return f"{letter}:{value}".encode()
    return f"t:{e.account_id}".encode()


def confluent_frame(message, schema=7):
    """Confluent's wire format: 0, the schema's number, the index of the message in its file ([0] is written as 0)."""
    index = b"\x00" if isinstance(message, Event) else b"\x02\x02"
    return b"\x00" + struct.pack(">I", schema) + index + message.SerializeToString()


def json_frame(message):
    return json_format.MessageToJson(message, indent=None).encode()


def batch(events):
    return EventBatch(events=events)


class Sender:
    """Writes messages to a topic; `close` waits until all are acknowledged. `options` are librdkafka's."""

    def __init__(self, bootstrap, topic, **options):
        self.topic = topic
        self.failed = []
        self.producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "linger.ms": 5,
                                  "log_level": 0} | options)

    def send(self, value, key=b"k", **options):
        if isinstance(value, (Event, EventBatch)):
            first = value if isinstance(value, Event) else value.events[0]
            key, value = key_of(first), value.SerializeToString()
        self.producer.produce(self.topic, value, key, on_delivery=self._delivered, **options)
        self.producer.poll(0)

    def _delivered(self, error, _message):
        if error:
            self.failed.append(str(error))

    def close(self):
        assert self.producer.flush(30) == 0 and not self.failed, self.failed
