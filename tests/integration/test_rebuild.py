"""rebuild: the counters of a log made anew under a fresh prefix, by the worker's own code, up to the log's end; a worker goes on."""
import json

from harness import load
from harness.log import read_log
from harness.places import wait_until
from harness.produce import Sender
from harness.worker import Deployment


def _under(deployment, prefix):
    """The same deployment's configuration with another prefix; nothing is written yet."""
    directory = deployment.directory / prefix
    directory.mkdir()
    return Deployment(directory, deployment.bootstrap, deployment.topic, deployment.redis, {"redis.prefix": prefix})


def _rebuild(deployment, *flags, check=0):
    return deployment.ingest("rebuild", "--from", "earliest", *flags, check=check)


def test_an_emptied_redis_is_rebuilt__goes_red_if_the_log_is_not_counted_to_its_end(deployment):
    worker = deployment.worker()
    deployment.produce(*load.flags(4_000, seed=91))
    before = load.settle(deployment, [worker])
    letters = sum(map(len, read_log(deployment.bootstrap, f"{deployment.topic}.dlq").values()))
    deployment.redis.client.flushall()
    wait_until("the worker stops", lambda: not worker.process.is_running)
    assert worker.process.wait(1) == 65 and "rebuild" in worker.said("CLM-M1", "worker_stops")[0]

    rebuilt = _under(deployment, "clm2")
    done = _rebuild(rebuilt, "--yes")
    result = json.loads(done.stdout)
    assert result["prefix"] == "clm2" and result["counted"] == before.counted and result["rejected"] == len(before.refused)
    assert "100.0 %" in done.stderr and "redis.prefix: clm2" in done.stderr, done.stderr
    assert rebuilt.recount().counted == before.counted
    after = sum(map(len, read_log(deployment.bootstrap, f"{deployment.topic}.dlq").values()))
    assert after == letters > 0, "what was refused before gets no second letter"

    rebuilt.produce(*load.flags(1_000, seed=92))
    load.settle(rebuilt, [rebuilt.worker()])


def _letter_keys(deployment):
    records = [r for part in read_log(deployment.bootstrap, f"{deployment.topic}.dlq").values() for r in part]
    return sorted(record.key.decode() for record in records)


def test_what_no_worker_had_reached_is_dead_lettered_by_the_rebuild__goes_red_if_it_writes_no_letters(deployment):
    worker = deployment.worker()
    deployment.produce(*load.flags(2_000, seed=94, malformed=0.05))
    load.settle(deployment, [worker])
    assert worker.terminate() == 0
    before = _letter_keys(deployment)
    deployment.redis.client.flushall()
    deployment.produce(*load.flags(2_000, seed=95, malformed=0.05))

    rebuilt = _under(deployment, "clm2")
    assert f"commits of group group-{deployment.topic}: " in _rebuild(rebuilt, "--yes").stderr
    recount = load.settle(rebuilt, [rebuilt.worker()])
    refused = sorted(f"{deployment.topic}/{p}/{offset}/{index}" for p, offset, index, _ in recount.refused)
    assert _letter_keys(deployment) == refused, "each once: before the commits the worker wrote it, beyond them the rebuild"
    assert len(refused) > len(before) + 50


def test_a_rebuild_of_a_topic_of_something_else_ends_before_the_dead_letters_are_a_copy_of_it(deployment):
    sender = Sender(deployment.bootstrap, deployment.topic)
    for number in range(1_200):
        sender.send(b"\0\0\0\0\7avro %06d" % number, b"k%d" % number)
    sender.close()
    beside = _under(deployment, "beside")
    assert "CLM-S1" in _rebuild(beside, "--yes", check=65).stderr
    assert not _letter_keys(deployment)


def test_a_rebuild_beside_a_counting_worker_disturbs_neither(deployment):
    with load.flow(deployment, seed=93):
        worker = deployment.worker()
        wait_until("it counts", lambda: worker.metric("events_counted_total") > 500)
        beside = _under(deployment, "beside")
        _rebuild(beside, "--yes")
        assert worker.assigned() == 4 and worker.metric("kafka_rebalances_total", 'kind="revoked"') == 0
    load.settle(deployment, [worker])
    assert worker.terminate() == 0  # of the same group: the other prefix is its successor
    load.settle(beside, [beside.worker()])


def test_a_rebuild_into_what_is_there_or_unasked_is_refused__and_writes_nothing(deployment):
    held = deployment.redis.client.dbsize()
    done = _rebuild(deployment, "--yes", check=1)
    assert "under the prefix clm already" in done.stderr and "--redis.prefix" in done.stderr
    fresh = _under(deployment, "fresh")
    done = _rebuild(fresh, check=64)
    assert "--yes" in done.stderr and "4 partitions" in done.stderr
    deployment.redis.client.set("fresh:{1}:acct:left-over", 1)
    _rebuild(fresh, "--yes", check=1)
    assert deployment.redis.client.dbsize() == held + 1
    deployment.ingest("rebuild", "--yes", check=64)  # from where?
