"""Redis' bad days, under load: each is told in one line with its code and in a metric, readiness says so, nothing is lost or
counted twice, and counting goes on by itself when the day is over."""
import signal
import threading

import redis as client_library

from harness import load, proxy as proxy_module
from harness.keys import shard_of
from harness.places import wait_until
from harness.produce import Sender, event


def _counts(worker, more_than=0):
    wait_until("it counts", lambda: worker.metric("events_counted_total") > more_than)


def _waits(worker, code, why):
    """Flushes are refused: told by metric and probe; alive; nothing counts, and what is to be counted grows."""
    wait_until("the metric says so", lambda: worker.metric("redis_refusing", f'code="{code}"') == 1)
    assert worker.get("/readyz") == (503, f"{why}\n") and worker.get("/livez")[0] == 200
    wait_until("no flush is under way", lambda: worker.said(code, "redis_refuses"))
    counted = worker.metric("events_counted_total")
    refused = worker.metric("flush_verdicts_total", 'verdict="refused"')
    wait_until("events wait", lambda: worker.metric("events_in_flight") + worker.metric("kafka_lag_messages") > 200)
    wait_until("it tries again", lambda: worker.metric("flush_verdicts_total", 'verdict="refused"') > refused)
    assert worker.metric("events_counted_total") == counted


def _goes_on(worker, code):
    wait_until("it is ready again", worker.is_ready)
    assert worker.metric("redis_refusing") == 0
    _counts(worker, worker.metric("events_counted_total"))
    assert len(worker.said(code, "redis_refuses")) == len(worker.said(code, "redis_accepts")) == 1, worker.said(code)


def test_refused_for_a_while__goes_red_if_a_refused_flush_is_given_up_or_counts(deployment):
    """Full, then a replica, then without the right: one day after the other, under one stream."""
    client, worker = deployment.redis.client, deployment.worker()
    with load.flow(deployment, seed=47):
        _counts(worker)
        client.config_set("maxmemory", client.info("memory")["used_memory"] // 2)
        _waits(worker, "CLM-R2", "redis is full")
        wait_until("its memory is asked", lambda: worker.metric("redis_memory_ratio") > 1)
        client.config_set("maxmemory", 0)
        _goes_on(worker, "CLM-R2")

        client.replicaof("127.0.0.1", 1)
        _waits(worker, "CLM-R5", "redis refuses flushes")
        client.replicaof("NO", "ONE")
        _goes_on(worker, "CLM-R5")

        admin = client_library.Redis(port=deployment.redis.port, username="admin", password="admin")
        client.execute_command("ACL", "SETUSER", "admin", "on", ">admin", "+@all", "~*")
        admin.execute_command("ACL", "SETUSER", "default", "-fcall")
        _waits(worker, "CLM-A1", "redis does not permit flushes")
        admin.execute_command("ACL", "SETUSER", "default", "+fcall")
        _goes_on(worker, "CLM-A1")
        admin.close()
    load.settle(deployment, [worker])
    full, replica, right = (worker.said(code, "redis_refuses")[0] for code in ("CLM-R2", "CLM-R5", "CLM-A1"))
    assert "Redis is full (" in full and "raise maxmemory" in full
    assert "read-only replica" in replica and "ACL SETUSER" in right
    assert worker.terminate() == 0


def test_the_functions_are_gone__goes_red_without_loading_them_and_the_same_bytes_again(deployment, proxy):
    refused, sent = [], []

    def listen(words, reply):
        if proxy_module.is_full_flush(words):
            if any(b"Function not found" in part for part in reply):
                refused.append(words)
            elif refused:
                sent.append(words)
        return proxy_module.PASS

    proxy.on_reply = listen
    worker = deployment.worker(flags=[f"--redis.url={proxy.url}"])
    client = deployment.redis.client
    with load.flow(deployment, seed=63):
        _counts(worker)
        for _ in range(3):
            before = len(refused)
            client.execute_command("FUNCTION", "FLUSH")
            wait_until("it is noticed", lambda: len(refused) > before)
            wait_until("both libraries are back", lambda: len(client.execute_command("FUNCTION", "LIST")) == 2)
    load.settle(deployment, [worker])
    assert all(words in sent for words in refused)
    assert worker.metric("flush_verdicts_total", 'verdict="no_function"') >= 3 and worker.metric("redis_refusing") == 0
    assert "function_loaded library=clameur_v1" in worker.process.log.read_text()
    assert client.execute_command("FCALL_RO", "clameur_platforms", 0), "the readers' functions are back too"


def test_a_key_of_the_wrong_type__goes_red_if_a_fault_is_dropped_or_stops_the_flush(deployment):
    client, worker, space = deployment.redis.client, deployment.worker(), deployment.space
    ours = space.name(shard_of("acme", space.shards), "acct", "acme")
    client.set(ours, "somebody's text")
    sender = Sender(deployment.bootstrap, deployment.topic)
    with load.flow(deployment, seed=64):
        for _ in range(500):
            sender.send(event())
        sender.close()
        wait_until("faults are counted", lambda: worker.metric("counter_faults_total") > 0)
        _counts(worker, worker.metric("events_counted_total"))
        assert worker.is_ready()
    recount = load.settle(deployment, [worker], faults=True)
    assert recount.hashes[ours]["likes"] >= 500 and client.get(ours) == b"somebody's text"
    assert "clameur_faults" in worker.said("CLM-F1", "counter_faults")[0]
    assert any(ours in str(fault) for fault in client.execute_command("FCALL_RO", "clameur_faults", 0))


def test_a_slow_redis__goes_red_if_the_interval_or_the_source_does_not_yield(deployment, proxy):
    worker = deployment.worker(flags=[f"--redis.url={proxy.url}", "--redis.flush_max_ops=200"])
    over = threading.Event()

    def slowly(words, _reply):
        if proxy_module.is_full_flush(words):
            over.wait(0.05)
        return proxy_module.PASS

    with load.flow(deployment, rate=4000, seed=65):
        _counts(worker)
        wait_until("the interval is short", lambda: worker.metric("flush_interval_seconds") < 1)
        proxy.on_reply = slowly
        wait_until("the interval is at its bound", lambda: worker.metric("flush_interval_seconds") == 1)
        wait_until("the source is held back", lambda: worker.metric("pressure_seconds_total", 'stage="flush"') > 0.5)
        wait_until("the lag grows", lambda: worker.metric("kafka_lag_messages") > 1000)
        # A table and a call of some 200 updates for each shard, and what one batch of records may add.
        assert max(worker.metric("events_in_flight") for _ in range(20)) < 20_000
        over.set()
        wait_until("the interval is short again", lambda: worker.metric("flush_interval_seconds") < 1)
    load.settle(deployment, [worker])


def test_redis_stands_still_for_longer_than_the_timeout(deployment):
    worker = deployment.worker(flags=["--redis.timeout=500ms"])
    with load.flow(deployment, seed=66):
        _counts(worker)
        deployment.redis.process.signal(signal.SIGSTOP)
        wait_until("it is away", lambda: worker.metric("redis_up") == 0)
        assert worker.get("/readyz") == (503, "redis is not connected\n") and worker.get("/livez")[0] == 200
        deployment.redis.process.signal(signal.SIGCONT)
        wait_until("it is ready again", worker.is_ready)
    load.settle(deployment, [worker])
    away = worker.said("CLM-R3", "redis_down")
    assert len(away) == 1 and "no answer for 500 ms" in away[0]
