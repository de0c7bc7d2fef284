"""What breaks in a scene, and is mended again: a table of acts. `where` says on which stages: any, a Redis with a replica
("pair"), a Redis Cluster ("cluster"), brokers whose log has a disk of its own ("disk")."""
import contextlib
import os
import shutil
import signal
import time
from dataclasses import dataclass
from typing import Callable

import redis

from harness.places import wait_until
from harness.redis_pair import forget_replicas
from harness.worker import INGEST


@dataclass
class Fault:
    what: str
    where: str
    act: Callable


FAULTS = []


def fault(what, where="any"):
    def add(act):
        FAULTS.append(Fault(what, where, act))
        return act
    return add


# ---- workers

@fault("a worker is killed (-9)")
def kill_a_worker(scene):
    worker = scene.any_worker()
    worker.kill()
    scene.rest(0, 1)
    scene.replace(worker, ready=False)


@fault("a worker is frozen beyond its session, and wakes up")
def freeze_a_worker(scene):
    zombie = scene.any_worker()
    others = [worker for worker in scene.workers if worker is not zombie]
    zombie.process.signal(signal.SIGSTOP)
    wait_until("others have its partitions", lambda: sum(worker.assigned() for worker in others) == scene.partitions, 60)
    scene.wait_for_progress()
    zombie.process.signal(signal.SIGCONT)


@fault("workers are rolled over to a changed program")
def roll_over(scene):
    changed = scene.directory / f"clameur-ingest-{time.monotonic_ns()}"  # the last one may still run
    shutil.copy(INGEST, changed)
    with open(changed, "ab") as program:
        program.write(b"another build")
    scene.use_program(changed)
    for worker in list(scene.workers):
        assert worker.terminate(60) == 0, worker.process.tail()
        scene.replace(worker)


@fault("one worker is left of three, then there are three again")
def scale(scene):
    keeper, *leavers = scene.workers
    for worker in leavers:
        assert worker.terminate(60) == 0, worker.process.tail()
    wait_until("one has all", lambda: keeper.assigned() == scene.partitions, 60)
    scene.wait_for_progress()
    for worker in leavers:
        scene.replace(worker)


# ---- Kafka

@fault("the leader of a partition is killed (-9), and comes back")
def kill_a_leader(scene):
    leader = scene.kafka.leader_of(scene.topic, scene.random.randrange(scene.partitions))
    leader.kill()
    scene.rest()
    scene.wait_for_progress()
    leader.start()
    scene.kafka.wait_in_sync(scene.topic, f"{scene.topic}.dlq")


@fault("a broker is killed and started at once, from an unclean log")
def restart_a_broker(scene):
    broker = scene.random.choice(scene.kafka.nodes)
    broker.kill()
    broker.start()
    scene.kafka.wait_in_sync(scene.topic, f"{scene.topic}.dlq")


@fault("the disk of a broker is full: it gives up, and comes back", "disk")
def fill_a_disk(scene):
    broker = scene.kafka.nodes[-1]
    filler = broker.log.parent / "filler"
    with open(filler, "wb") as file:
        try:
            while True:
                file.write(bytes(1 << 20))
                file.flush()
        except OSError:
            pass
    wait_until("the broker has given up", lambda: not broker.process.is_running, 60)
    scene.wait_for_progress()
    os.unlink(filler)
    broker.start()
    scene.kafka.wait_in_sync(scene.topic, f"{scene.topic}.dlq")


@fault("the way to a broker is cut for seconds")
def cut_kafka(scene):
    with scene.random.choice(scene.kafka.nodes).wire.cut():
        scene.rest(1, 3)


@fault("the way to all brokers is silent beyond the session")
def silence_kafka(scene):
    wires = [node.wire for node in scene.kafka.nodes]
    with wires[0].silent(), wires[1].silent(), wires[2].silent():
        time.sleep(5)


@fault("the ways to all brokers are slow: 100 ms more each way")
def slow_kafka(scene):
    with contextlib.ExitStack() as ways:
        for node in scene.kafka.nodes:
            ways.enter_context(node.wire.slow(0.1))
        scene.rest(3, 5)


@fault("the topic grows by half: what dedup had seen stays where it was")
def grow_the_topic(scene):
    scene.partitions += scene.partitions // 2
    scene.kafka.grow_topic(scene.topic, scene.partitions)
    wait_until("all partitions are assigned", lambda: sum(w.assigned() for w in scene.workers) == scene.partitions, 60)


# ---- Redis, of whatever kind

@fault("every connection to Redis is killed")
def kill_connections(scene):
    for _ in range(5):
        for client in scene.redis_nodes():
            client.execute_command("CLIENT", "KILL", "TYPE", "NORMAL", "SKIPME", "YES")
        scene.rest(0.05, 0.3)


@fault("functions are killed while they run, then all are flushed")
def kill_functions(scene):
    for client in scene.redis_nodes():
        for _ in range(50):
            try:
                client.execute_command("FUNCTION", "KILL")
            except redis.exceptions.ResponseError:  # none ran, or it had written
                pass
        client.execute_command("FUNCTION", "FLUSH")


@fault("Redis stands still for longer than a request may take")
def stand_still(scene):
    client = scene.random.choice(scene.redis_nodes())
    client.execute_command("DEBUG", "SLEEP", 3)


@fault("Redis is out of memory for a while")
def fill_redis(scene):
    for client in scene.redis_nodes():
        client.config_set("maxmemory", 1)
    scene.rest(1, 3)
    for client in scene.redis_nodes():
        client.config_set("maxmemory", 0)


# ---- a Redis with a replica

@fault("the master dies; its replica had not heard of acknowledged writes", "pair")
def fail_over_with_losses(scene):
    forget_replicas(scene.redis.master)
    scene.wait_for_progress()
    scene.redis.fail_over()


@fault("the master dies; its replica has heard of nearly all", "pair")
def fail_over(scene):
    scene.redis.fail_over()


@fault("Redis is started again from an older dump", "pair")
def go_back(scene):
    scene.redis.master.save_copy("older.rdb")
    scene.wait_for_progress()
    scene.redis.master.go_back_to("older.rdb")


@fault("the way to Redis is cut for seconds", "pair")
def cut_redis(scene):
    with scene.redis.wire.cut():
        scene.rest(1, 4)


@fault("the way to Redis is silent for seconds", "pair")
def silence_redis(scene):
    with scene.redis.wire.silent():
        scene.rest(1, 4)


@fault("the way to Redis is slow: 100 ms more each way", "pair")
def slow_redis(scene):
    with scene.redis.wire.slow(0.1):
        scene.rest(3, 5)


# ---- a Redis Cluster

@fault("slots move to another master under load", "cluster")
def reshard(scene):
    masters = scene.redis.masters()
    for slot in scene.random.sample(scene.slots(), 4):
        others = [node for node in masters if node is not scene.redis.master_of(slot)]
        scene.redis.move_slot(slot, scene.random.choice(others))


@fault("a master dies; its replica had not heard of acknowledged writes", "cluster")
def lose_a_master(scene):
    slot = scene.random.choice(scene.slots())
    forget_replicas(scene.redis.master_of(slot))
    scene.wait_for_progress()
    master = scene.redis.kill_master(slot)
    scene.redis.wait_for_other_master(slot, master)
    master.start()
    wait_until("the cluster is whole", scene.redis.is_whole, 60)


@fault("a master is away for a while, and nobody takes over", "cluster")
def pause_a_master(scene):
    master = scene.redis.master_of(scene.random.choice(scene.slots()))
    master.pause()
    scene.rest(0.5, 1.2)
    master.resume()


@fault("a replica takes over in good order", "cluster")
def hand_over(scene):
    scene.redis.failover(scene.random.choice(scene.slots()))
    wait_until("the cluster is whole", scene.redis.is_whole, 60)
