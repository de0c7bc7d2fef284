"""A member of the aggregators' group that gets partitions and does nothing with them."""
import threading

from confluent_kafka import Consumer


class Squatter(threading.Thread):
    """It runs until it leaves; `partitions` are those it has."""

    def __init__(self, aggregation):
        super().__init__(daemon=True)
        deployment = aggregation.deployment
        self.consumer = Consumer({"bootstrap.servers": deployment.bootstrap, "group.id": deployment.options["aggregate.group"],
                                  "partition.assignment.strategy": "cooperative-sticky", "enable.auto.commit": False})
        self.consumer.subscribe([deployment.topic])
        self.leaves, self.partitions = threading.Event(), set()
        self.start()

    def run(self):
        while not self.leaves.is_set():
            self.consumer.poll(0.1)
            self.partitions = {place.partition for place in self.consumer.assignment()}
        self.consumer.close()

    def leave(self):
        self.leaves.set()
        self.join()
