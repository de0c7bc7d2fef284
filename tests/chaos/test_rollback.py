"""Redis forgets: it is started again from an older dump, as after a failover to a replica that lagged, or comes back empty."""
import time

from harness import load
from harness.places import wait_until


def test_an_older_dump_under_load__goes_red_without_the_from_check(deployment):
    worker = deployment.worker()
    with load.flow(deployment, seed=41):
        wait_until("it counts", lambda: worker.metric("events_counted_total") > 0)
        deployment.redis.save_copy("older.rdb")
        counted = worker.metric("events_counted_total")
        wait_until("it counts on", lambda: worker.metric("events_counted_total") > counted + 1000)
        deployment.redis.go_back_to("older.rdb")
        wait_until("the rollback is seen", lambda: worker.metric("redis_rollbacks_total") >= 1)
    load.settle(deployment, [worker])


def test_an_older_dump_behind_an_idle_log__goes_red_without_the_heartbeat(deployment):
    worker = deployment.worker()
    deployment.produce(*load.flags(2_000, seed=42))
    deployment.drain()
    deployment.redis.save_copy("older.rdb")
    deployment.produce(*load.flags(2_000, seed=43))
    deployment.drain()
    deployment.redis.go_back_to("older.rdb")
    assert not deployment.is_drained()
    load.settle(deployment, [worker])


def test_an_older_dump_while_no_worker_ran__goes_red_if_offsets_come_from_kafka(deployment):
    first = deployment.worker()
    deployment.produce(*load.flags(2_000, seed=44))
    deployment.drain()
    deployment.redis.save_copy("older.rdb")
    deployment.produce(*load.flags(2_000, seed=45))
    deployment.drain()
    assert first.terminate() == 0
    deployment.redis.go_back_to("older.rdb")
    load.settle(deployment, [deployment.worker()])


def test_an_emptied_redis__goes_red_if_a_missing_mark_is_guessed(deployment):
    worker = deployment.worker()
    deployment.produce(*load.flags(2_000, seed=46))
    deployment.drain()
    deployment.redis.client.flushall()
    wait_until("the worker stops", lambda: not worker.process.is_running, 30)
    assert worker.process.wait(1) == 65 and "CLM-M1" in worker.process.log.read_text()
    time.sleep(0.1)
    assert deployment.redis.client.dbsize() == 0
