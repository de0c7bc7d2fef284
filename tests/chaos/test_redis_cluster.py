"""A Redis Cluster's bad days under load: masters die, stand still, come back as replicas that lack what was acknowledged, and
slots move. What is away holds up its own shards alone, and in the end both recounts agree."""
import pytest

from harness import load
from harness.places import wait_until
from harness.redis_cluster import SlotMove, slot_of
from harness.worker import Deployment


@pytest.fixture
def deployment(kafka, topic, redis_cluster, tmp_path):
    options = {"kafka.session.timeout": "2s", "kafka.heartbeat.interval.ms": 400, "redis.timeout": "1s"}
    return Deployment(tmp_path, kafka.bootstrap, topic, redis_cluster, options).init()


def _counts_on(worker, events=500):
    counted = worker.metric("events_counted_total")
    wait_until("it counts on", lambda: worker.metric("events_counted_total") > counted + events, 60)


def _slots_at(deployment, node):
    """Of the shards that the node serves."""
    cluster, space = deployment.redis, deployment.space
    slots = [slot_of(tag) for tag in space.tags]
    return [slot for slot in slots if cluster.master_of(slot) is node]


def test_a_master_dies_and_comes_back__goes_red_if_its_shards_hold_up_the_others(deployment, redis_cluster):
    worker, dead = deployment.worker(), redis_cluster.nodes[0]
    slot = _slots_at(deployment, dead)[0]
    for node in redis_cluster.nodes:
        node.client.config_set("cluster-require-full-coverage", "no")  # else all of it is down while a part is
    with load.flow(deployment, seed=101):
        _counts_on(worker)
        redis_cluster.nodes[3].pause()  # nobody takes over
        dead.kill()
        wait_until("it says so", lambda: worker.said("CLM-R3", "redis_down"))
        _counts_on(worker)
        redis_cluster.nodes[3].resume()
        redis_cluster.wait_for_other_master(slot, dead)
        _counts_on(worker)
        dead.start()
        wait_until("it follows", redis_cluster.is_whole)
        _counts_on(worker)
    load.settle(deployment, [worker])
    assert worker.terminate() == 0


def test_a_failover_loses_acknowledged_writes__goes_red_without_the_from_check(deployment, redis_cluster):
    """The replica is cut off, the master goes on acknowledging, dies, and the replica takes over as it is."""
    worker, master, replica = deployment.worker(), redis_cluster.nodes[1], redis_cluster.nodes[4]
    slot = _slots_at(deployment, master)[0]
    with load.flow(deployment, seed=102):
        _counts_on(worker)
        replica.pause()
        master.client.client_kill_filter(_type="replica")
        _counts_on(worker, 1000)
        master.kill()
        replica.resume()
        assert redis_cluster.wait_for_other_master(slot, master) is replica
        wait_until("the rollback is seen", lambda: worker.metric("redis_rollbacks_total") > 0, 60)
        _counts_on(worker)
    load.settle(deployment, [worker])
    assert worker.terminate() == 0


def test_a_master_stands_still_until_it_is_replaced__goes_red_if_its_late_acknowledgements_count(deployment, redis_cluster):
    worker, frozen = deployment.worker(), redis_cluster.nodes[2]
    slot = _slots_at(deployment, frozen)[0]
    with load.flow(deployment, seed=103):
        _counts_on(worker)
        frozen.pause()
        redis_cluster.wait_for_other_master(slot, frozen)
        _counts_on(worker)
        frozen.resume()
        wait_until("it follows", redis_cluster.is_whole)
        _counts_on(worker)
    load.settle(deployment, [worker])
    assert worker.terminate() == 0


def test_slots_move_under_load__goes_red_without_moved_and_ask(deployment, redis_cluster, request):
    """Every shard of a master moves to another, one of them slowly, half of its keys here and half there."""
    worker, (source, to, _) = deployment.worker(), redis_cluster.nodes[:3]
    slots = _slots_at(deployment, source)
    with load.flow(deployment, seed=104):
        _counts_on(worker)
        slow = SlotMove(redis_cluster, slots[0], to).begin()
        slow.move(*source.ask("GETKEYSINSLOT", slots[0], 10))
        for slot in slots[1:]:
            redis_cluster.move_slot(slot, to)
            _counts_on(worker, 100)
        slow.finish()
        assert not _slots_at(deployment, source)
        _counts_on(worker)
        for slot in slots:
            redis_cluster.move_slot(slot, source)
        _counts_on(worker)
    load.settle(deployment, [worker])
    assert worker.terminate() == 0
