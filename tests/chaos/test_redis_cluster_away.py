"""Of a cluster, who cannot count holds up itself alone: shards are left out and taken up again, a worker stops without them, and an
order is taken back while its slot moves."""
import signal
import time

import pytest

from harness import load
from harness.keys import shard_of
from harness.places import wait_until
from harness.produce import Sender, event
from harness.redis_cluster import SlotMove, slot_of
from harness.registry import KIND_NUMBERS
from harness.worker import Deployment


@pytest.fixture
def deployment(kafka, topic, redis_cluster, tmp_path):
    options = {"kafka.session.timeout": "2s", "kafka.heartbeat.interval.ms": 400, "redis.timeout": "500ms"}
    return Deployment(tmp_path, kafka.bootstrap, topic, redis_cluster, options).init()


def _slot(deployment, shard):
    return slot_of(deployment.space.name(shard, "mark"))


def _shards_of(deployment, cluster, master):
    return [shard for shard in range(deployment.space.shards) if cluster.master_of(_slot(deployment, shard)) is master]


def _counts(worker, further=100, seconds=30):
    counted = worker.metric("events_counted_total")
    wait_until("it counts on", lambda: worker.metric("events_counted_total") > counted + further, seconds)


def _send(deployment, *events):
    sender = Sender(deployment.bootstrap, deployment.topic)
    for one in events:
        sender.send(one)
    sender.close()


def test_an_order_is_taken_back_while_its_slot_moves__goes_red_if_a_flush_touches_keys_it_does_not_declare(
        deployment, redis_cluster):
    """The earlier copy comes to the new node, where all is but the key that the later one has counted in. (Faults are there,
    too: their key is one of those that a flush names.)"""
    worker, space = deployment.worker(), deployment.space
    shard = shard_of("acme", space.shards)
    other = next(f"brand{n}" for n in range(1000) if shard_of(f"brand{n}", space.shards) == shard)
    redis_cluster.client.set(space.name(shard, "acct", other), "somebody's text")
    now = int(time.time() * 1000)

    def purchase(order, content, at):
        return event(KIND_NUMBERS["purchase"], occurred_at=at, content_id=content, actor_id="user",
                     commerce={"order_id": order, "value_micros": 1_000_000, "currency": "EUR"})

    _send(deployment, purchase("o1", "late", now), purchase("o2", "early", now - 1000), event(account=other))
    deployment.drain()
    left, slot = space.name(shard, "content", "acme", "tiktok", "late").encode(), _slot(deployment, shard)
    source = redis_cluster.master_of(slot)
    target = next(node for node in redis_cluster.masters() if node is not source)
    move = SlotMove(redis_cluster, slot, target).begin()
    keys = source.ask("GETKEYSINSLOT", slot, 1000)
    assert left in keys
    move.move(*(key for key in keys if key != left))
    _send(deployment, purchase("o1", "early", now - 1000))
    wait_until("the other key is asked for", lambda: worker.metric("flush_verdicts_total", 'verdict="keys"') == 1)
    move.finish()
    recount = load.settle(deployment, [worker], faults=True)
    assert recount.hashes[left.decode()]["orders"] == 0


def test_a_master_away_for_a_while__goes_red_if_it_holds_up_the_others(deployment, redis_cluster):
    """Away with its replica: nobody can take over. Where the cluster may serve in part, the others count on; where not, it
    serves nobody, and counting waits."""
    worker = deployment.worker(flags=["--redis.flush_max_ops=50"])
    master = redis_cluster.master_of(_slot(deployment, 0))
    replica, shards = redis_cluster.replica_of(master), _shards_of(deployment, redis_cluster, master)
    others = [node for node in redis_cluster.masters() if node is not master]
    for node in redis_cluster.nodes:
        node.client.config_set("cluster-require-full-coverage", "no")
    with load.flow(deployment, seed=84):
        _counts(worker)
        for node in (replica, master):
            node.pause()
        wait_until("its shards are down", lambda: worker.metric("redis_shards_down") == len(shards))
        assert worker.get("/readyz") == (503, "not all nodes of redis are connected\n")
        wait_until("they are left out", lambda: "shard_left_out" in worker.process.log.read_text())
        _counts(worker, 1000)
        assert worker.metric("redis_up") == 0
        for node in (master, replica):
            node.resume()
        wait_until("it is ready again", worker.is_ready, 60)
        _counts(worker)

        for node in redis_cluster.nodes:
            node.client.config_set("cluster-require-full-coverage", "yes")
        for node in (replica, master):
            node.pause()
        wait_until("the cluster is down", lambda: all(node.state()["cluster_state"] == "fail" for node in others), 60)
        wait_until("that is told", lambda: worker.said("CLUSTERDOWN", "redis_refuses"))
        for node in (master, replica):
            node.resume()
        wait_until("the cluster is whole", redis_cluster.is_whole, 60)
        wait_until("it is ready again", worker.is_ready, 60)
        _counts(worker)
    load.settle(deployment, [worker])
    assert [line for line in worker.said("CLM-R3", "redis_down") if master.name in line]
    assert worker.terminate() == 0


def test_stopped_while_a_master_is_away_its_shards_are_the_next_workers(deployment, redis_cluster):
    for node in redis_cluster.nodes:
        node.client.config_set("cluster-require-full-coverage", "no")
    worker = deployment.worker(flags=["--redis.flush_max_ops=50", "--shutdown.drain=10m"])
    master = redis_cluster.master_of(_slot(deployment, 0))
    replica = redis_cluster.replica_of(master)
    with load.flow(deployment, seed=85):
        _counts(worker)
        for node in (replica, master):
            node.pause()
        wait_until("its shards are left out", lambda: "shard_left_out" in worker.process.log.read_text())
        _counts(worker, 500)
    worker.process.signal(signal.SIGTERM)
    assert worker.process.wait(30) == 75  # the others were not waited for in vain: less than the drain's bound
    assert "were away" in worker.process.tail()
    for node in (master, replica):
        node.resume()
    wait_until("the cluster is whole", redis_cluster.is_whole, 60)
    load.settle(deployment, [deployment.worker()])
