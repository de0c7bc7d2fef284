"""A scene: three workers that somebody keeps alive, a steady stream, something that is broken on purpose, and the proof that
every event was counted once."""
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass

import redis
from confluent_kafka import KafkaException

from harness import load
from harness.compare import read_marks
from harness.log import ends_of, read_log
from harness.places import wait_until
from harness.redis_cluster import slot_of
from harness.worker import Deployment

PARTITIONS = 8
WORKERS = 3
OPTIONS = {"kafka.session.timeout": "3s", "kafka.heartbeat.interval.ms": 500, "redis.timeout": "2s",
           "kafka.topic.metadata.refresh.interval.ms": 1000}


class Watch(threading.Thread):
    """Looks at the marks four times a second: how long does a partition stand still while its log grows?"""

    def __init__(self, deployment):
        super().__init__(daemon=True)
        self.deployment, self.longest = deployment, 0.0
        self._reached, self._since = Counter(), {}
        self._stopped = threading.Event()
        self.start()

    def run(self):
        while not self._stopped.wait(0.25):
            try:
                self._look(read_marks(self.deployment.redis.client, self.deployment.space))
            except Exception:  # Redis is away: so are its marks, and they stand still
                self._grow()

    def _look(self, marks):
        self._grow()
        sums = Counter()
        for shard in marks:
            for partition, mark in shard.items():
                sums[partition] += mark.next
        for partition, reached in sums.items():
            if reached > self._reached[partition]:  # beyond all that was ever counted: a rollback is made good by then
                self._reached[partition], self._since[partition] = reached, time.monotonic()

    def _grow(self):
        now = time.monotonic()
        self.longest = max([self.longest, *(now - since for since in self._since.values())])

    def stop(self):
        self._stopped.set()
        self.join()
        return self.longest


@dataclass
class Act:
    """One thing that was broken, and how counting went on."""
    what: str
    stall: float  # the longest that any partition stood still
    events: int   # that came meanwhile

    def __str__(self):
        return f"{self.what:64} counting went on after {self.stall:5.1f} s   {self.events:7} events"


@dataclass
class Outcome:
    """What a scene ends in; a difference does not get this far."""
    acts: list
    figures: int
    letters: int
    repeated: int  # letters of an event that has one already, as at-least-once allows

    @property
    def events(self):
        return sum(act.events for act in self.acts)

    def __str__(self):
        return (f"all of it: {self.events} events, {self.figures} figures compared twice, 0 differences, {self.letters} dead letters, "
                f"{self.repeated} of them again")


class Scene:
    """`stage` has `kafka` and `redis`; workers come to both by `wired`, through what a fault may cut."""

    def __init__(self, stage, directory, name, seed, rate=500):
        self.kafka, self.redis, self.rate, self.seed = stage.kafka, stage.redis, rate, seed
        self.random = random.Random(seed)
        self.directory = directory / name
        self.directory.mkdir()
        self.partitions = PARTITIONS
        self.topic = self.kafka.create_topic(name, PARTITIONS)
        self.deployment = Deployment(self.directory, self.kafka.bootstrap, self.topic, self.redis,
                                     OPTIONS | {"redis.prefix": name, "redis.url": self.redis.wired}).init()
        self._program = None
        self.workers = [self._worker(ready=False) for _ in range(WORKERS)]
        for worker in self.workers:
            worker.wait_ready(60)

    # ---- what a platform does

    def _worker(self, ready=True):
        return self.deployment.worker(ready, flags=[f"--kafka.bootstrap.servers={self.kafka.wired}"], program=self._program)

    def add(self):
        self.workers.append(self._worker())
        return self.workers[-1]

    def replace(self, worker, ready=True):
        """One that ended is started anew, in its place."""
        self.workers[self.workers.index(worker)] = new = self._worker(ready)
        return new

    def use_program(self, program):
        """What is started from now on."""
        self._program = program

    def any_worker(self):
        return self.random.choice(self.workers)

    # ---- where it runs

    def redis_nodes(self):
        """The clients of all that hold counters."""
        return [node.client for node in self.redis.masters()]

    def slots(self):
        """Those of the shards."""
        return [slot_of(tag) for tag in self.deployment.space.tags]

    # ---- how it is seen to go on

    def rest(self, least=0.5, most=2.0):
        time.sleep(self.random.uniform(least, most))

    def ends(self):
        """Of the log, asked until every leader answers."""
        def ask():
            try:
                return ends_of(self.kafka.bootstrap, self.topic)
            except KafkaException:
                return None
        return wait_until("the log's ends are known", ask, 60)

    def wait_for_progress(self, seconds=120):
        """Until all that stands in the log now is counted."""
        ends = self.ends()

        def is_covered():
            try:
                marks = read_marks(self.redis.client, self.deployment.space)
            except redis.exceptions.RedisError:
                return False
            return all(shard.get(p) and shard[p].next >= end for shard in marks for p, end in ends.items())

        wait_until("what was in the log is counted", is_covered, seconds, 0.1)

    # ---- the play

    def play(self, faults):
        """Each breaks something, mends it, and counting goes on, which is told; at the end the proof of it all."""
        acts = []
        with load.flow(self.deployment, self.rate, self.seed) as producer:
            wait_until("the stream flows", lambda: not producer.is_running or all(self.ends().values()), 60)
            assert producer.is_running, producer.tail()
            self.wait_for_progress()
            before = 0
            for fault in faults:
                watch = Watch(self.deployment)
                try:
                    fault.act(self)
                    self.wait_for_progress()
                finally:
                    stall = watch.stop()
                after = sum(self.ends().values())
                acts.append(Act(fault.what, stall, after - before))
                print(acts[-1], flush=True)
                before = after
        return self._prove(acts)

    def _prove(self, acts):
        recount = load.settle(self.deployment, self.workers, 180)
        for worker in self.workers:
            assert worker.terminate(60) == 0, worker.process.tail()
        letters = Counter(record.key.decode() for part in read_log(self.kafka.bootstrap, f"{self.topic}.dlq").values()
                          for record in part)
        refused = {f"{self.topic}/{p}/{offset}/{index}" for p, offset, index, _ in recount.refused}
        assert letters.keys() == refused, "dead letters are missing, or of events that were counted"
        return Outcome(acts, self.deployment.compared, letters.total(), letters.total() - len(letters))
