"""Bad days of aggregators: whatever ends, stops, fills up, lies or is damaged, what is published is what the log says."""
import itertools
import json
import signal
import subprocess
import time
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from harness import load
from harness.aggregate import Aggregation
from harness.clock import Clock
from harness.fault_point import FaultPoint
from harness.log import ends_of, starts_of
from harness.places import wait_until
from harness.process import run
from harness.produce import Sender, event
from harness.registry import KIND_NUMBERS as KIND
from harness.squatter import Squatter
from harness.worker import Deployment

MINUTE, WINDOW = 60_000, 900_000
NO_REDIS = SimpleNamespace(url="redis://127.0.0.1:1")


@pytest.fixture
def make(kafka, topic, tmp_path):
    """Makes a deployment's aggregation, whose group notices a dead member within two seconds."""
    def made(name="one", store=None, **options):
        directory = tmp_path / name
        directory.mkdir()
        store = store or directory / "store"
        settings = {"store.url": f"file://{store}", "aggregate.checkpoint": "1s", "aggregate.group": f"{topic}-{name}",
                    "kafka.session.timeout": "2s", "kafka.heartbeat.interval.ms": 400}
        return Aggregation(Deployment(directory, kafka.bootstrap, options.pop("topic", topic), NO_REDIS, settings | options), store)
    return made


def produce(aggregation, past, events=1_500, windows=3):
    for number in range(windows):
        aggregation.deployment.produce(*load.flags(events // windows, seed=number + 1),
                                       f"--start-time={past + number * WINDOW + MINUTE}")


def send(aggregation, *events, **options):
    sender = Sender(aggregation.deployment.bootstrap, aggregation.deployment.topic)
    for each in events:
        sender.send(each, **options)
    sender.close()


def ended(aggregator, code):
    assert aggregator.process.wait(60) == code, aggregator.process.tail()


@contextmanager
def small_disk(directory, *options, size="8m"):
    """A file system of its own."""
    directory.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join((f"size={size}", *options)), "tmpfs", directory],
                             capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"mount: {mounted.stderr.strip()}")
    try:
        yield directory
    finally:
        run(["umount", "-l", directory], "/")


# ---- ends in the middle

def killed_at(aggregation, fault, call):
    """Starts a process that is killed at its nth change of the store; False where all was published before. It is alone in a
    group of its own: nobody has to notice the death of another first."""
    fault.arm(call, signal.SIGKILL)
    aggregator = aggregation.start(ready=False, env=fault.environment,
                                   flags=[f"--aggregate.group={aggregation.deployment.topic}-killed-{call}"])
    expected = aggregation.expected()
    wait_until("it is killed, or is done", lambda: not aggregator.process.is_running or aggregation.is_published(expected), 60)
    time.sleep(0 if not aggregator.process.is_running else 1)
    if not aggregator.process.is_running:
        assert aggregator.process.wait(1) == -signal.SIGKILL, aggregator.process.tail()
        return True
    aggregator.kill()
    return False


def test_it_is_killed_at_changes_of_the_store_and_nothing_differs(make, past, tmp_path):
    """One life after the other in one store, each ended a little later than the one before."""
    quiet, killed, fault = make("quiet"), make("killed"), FaultPoint(tmp_path)
    produce(quiet, past)
    undisturbed = quiet.start()
    for call in (1, 2, 4, 7, 12, 21, 36):
        assert killed_at(killed, fault, call), call
    survivor = killed.start()
    expected = killed.settle()
    quiet.settle()
    assert killed.sums() == quiet.sums()
    assert survivor.terminate() == 0 and undisturbed.terminate() == 0
    killed.check_balance(expected)


@pytest.mark.long
@pytest.mark.first
def test_it_is_killed_at_every_change_of_the_store_and_nothing_differs(make, kafka, topic, past, tmp_path):
    """A store for each: the first life ends at call N, the second finishes; until a first life needs no second."""
    log = kafka.create_topic(f"{topic}-short", 1)
    quiet, fault = make("quiet", topic=log), FaultPoint(tmp_path)
    produce(quiet, past, 600, 2)
    undisturbed = quiet.start()
    quiet.settle()
    assert undisturbed.terminate() == 0
    for call in itertools.count(1):
        killed = make(f"killed-{call}", topic=log)
        if not killed_at(killed, fault, call):
            break
        survivor = killed.start()
        expected = killed.settle()
        assert killed.sums() == quiet.sums(), call
        assert survivor.terminate() == 0
        killed.check_balance(expected)
    assert call > 50


def test_a_stop_keeps_what_was_read_and_no_process_needs_to_read_it_again(make, past):
    """Nothing is due for a minute: what there is to be kept is kept because of the stop."""
    aggregation = make(**{"aggregate.checkpoint": "60s"})
    produce(aggregation, past)
    stopped = aggregation.start()
    total = sum(ends_of(aggregation.deployment.bootstrap, aggregation.deployment.topic).values())
    wait_until("all is read", lambda: stopped.metric("events_read_total") >= total)
    assert not aggregation.store.throughs()
    assert stopped.terminate() == 0
    aggregation.check_balance(aggregation.expected())
    after = aggregation.start(flags=["--aggregate.checkpoint=1s"])
    aggregation.settle()
    assert after.metric("events_counted_total") == 0
    assert after.terminate() == 0


# ---- more than one

def test_a_zombie_that_wakes_up_in_the_middle_of_a_write_is_harmless(make, past, tmp_path):
    """It is stopped just before one of its files gets its name; others take over, go on and are ahead when it wakes up."""
    aggregation, fault = make(), FaultPoint(tmp_path)
    zombie = aggregation.start(env=fault.environment)
    with load.flow(aggregation.deployment, rate=300, seed=5):
        wait_until("it keeps", lambda: zombie.metric("checkpoint_bytes_total") > 0)
        fault.arm(60, signal.SIGSTOP)
        wait_until("it is stopped", lambda: fault.has_come)
        calls = fault.calls
        other = aggregation.start()
        wait_until("the other has all", lambda: other.assigned() == 4)
        wait_until("it is ahead", lambda: other.metric("checkpoint_bytes_total") > 100_000 or
                   other.metric("events_counted_total") > 1_000)
        zombie.process.signal(signal.SIGCONT)
        wait_until("the zombie has gone on writing", lambda: fault.calls > calls + 5)
        wait_until("and shares with the other", lambda: zombie.assigned() == other.assigned() == 2)
    assert zombie.metric("kafka_rebalances_total", 'kind="lost"') >= 1
    assert zombie.terminate() == 0 and other.terminate() == 0
    produce(aggregation, past, 600, 1)
    expected = aggregation.expected()
    seal(aggregation, tmp_path)
    aggregation.check_balance(expected)


def seal(aggregation, tmp_path):
    """Windows of now are sealed and published by processes whose clock is an hour ahead."""
    clock = Clock(tmp_path)
    clock.set(1)
    aggregator = aggregation.start(env=clock.environment)
    aggregation.settle()
    assert aggregator.terminate() == 0


def test_others_come_and_go_in_the_middle_of_a_window(make, tmp_path):
    aggregation, clock = make(), Clock(tmp_path)
    clock.set(1)  # what is read is published at once, and again with everything that follows
    first = aggregation.start(env=clock.environment)
    with load.flow(aggregation.deployment, rate=300, seed=6):
        second = aggregation.start(env=clock.environment)
        wait_until("they share", lambda: first.assigned() == second.assigned() == 2)
        published = first.metric("windows_published_total")
        wait_until("something is published", lambda: first.metric("windows_published_total") +
                   second.metric("windows_published_total") > published)
        assert second.terminate() == 0
        wait_until("the first has all", lambda: first.assigned() == 4)
        third = aggregation.start(env=clock.environment)
        wait_until("they share", lambda: first.assigned() == third.assigned() == 2)
        first.kill()
        wait_until("the third has all", lambda: third.assigned() == 4)
    expected = aggregation.settle()
    assert third.terminate() == 0
    aggregation.check_balance(expected)


def test_partitions_without_an_owner_while_three_windows_pass__what_is_published_lacks_them_and_says_so(make, topic, past):
    aggregation = make(**{"window.publish_incomplete_after": "3s"})
    squatter = Squatter(aggregation)
    produce(aggregation, past)
    wait_until("it has all", lambda: len(squatter.partitions) == 4)
    aggregator = aggregation.start(ready=False)
    wait_until("they share", lambda: len(squatter.partitions) == 2 and aggregator.assigned() == 2)
    expected, starts = aggregation.expected(), [past // 1000 + number * 900 for number in range(3)]

    def lacks(start):
        coverage = aggregation.store.newest(start).header.coverage if start in aggregation.store.starts() else []
        return {c.partition for c in coverage if c.missing}

    wait_until("windows are published", lambda: all(lacks(start) == squatter.partitions for start in starts))
    for start in starts:
        coverage = aggregation.store.newest(start).header.coverage
        assert {c.partition: c.counted for c in coverage if not c.missing} == {
            p: expected.windows[start].shares[p].counted for p in range(4) if p not in squatter.partitions}
    waits_for, = squatter.partitions & {int(aggregator.metric("sealed_last_partition"))}
    wait_until("that is said", lambda: aggregator.said("windows_wait"), seconds=90)
    assert f" partition={waits_for} sealed=null others=" in aggregator.said("windows_wait")[-1]
    assert aggregator.metric("windows_waiting", f'partition="{waits_for}"') >= 3
    assert aggregator.metric("windows_incomplete_total") >= 3
    range_of_time = ("--since", str(starts[0]), "--until", str(starts[-1] + 900))
    assert "incomplete" in aggregation.command("show", *range_of_time).stdout
    assert f"published without partition {waits_for}" in aggregation.command("verify").stdout

    squatter.leave()
    aggregation.settle()
    assert "incomplete" not in aggregation.command("show", *range_of_time).stdout
    assert "published without" not in aggregation.command("verify").stdout
    assert aggregator.terminate() == 0
    aggregation.check_balance(expected)


# ---- clocks

def test_the_clock_of_the_host_steps_and_nothing_differs(make, tmp_path):
    """An hour ahead, windows are sealed before their time, and published again with what follows; an hour behind, they wait."""
    aggregation, clock = make(), Clock(tmp_path)
    aggregator = aggregation.start(env=clock.environment)

    def counted_on():
        counted = aggregator.metric("events_counted_total")
        wait_until("it counts on", lambda: aggregator.metric("events_counted_total") > counted + 300)

    with load.flow(aggregation.deployment, rate=500, seed=7):
        counted_on()
        clock.set(1)
        counted_on()
        clock.set(-1)
        counted_on()
        clock.set(0)
    send(aggregation, event(KIND["like"]))
    clock.set(1)
    expected = aggregation.settle()
    assert aggregator.terminate() == 0
    aggregation.check_balance(expected)


def test_producers_whose_clocks_are_slow_and_fast__and_what_comes_late(make, kafka, topic, past, tmp_path):
    """Records have times of their own here, an hour before those of the host's clock: nothing is sealed but by events."""
    log = kafka.create_topic(f"{topic}-times", 1, message_timestamp_type="CreateTime")
    aggregation, clock = make(topic=log), Clock(tmp_path)
    clock.set(-4)
    aggregator = aggregation.start(env=clock.environment)

    def at(minutes, clock_error=0, account="acme"):
        time_ms = past + int(minutes * MINUTE)
        send(aggregation, event(KIND["like"], account, occurred_at=time_ms + int(clock_error * MINUTE)), timestamp=time_ms)

    def is_published(events):
        start = past // 1000
        return start in aggregation.store.starts() and aggregation.store.newest(start).header.coverage[0].counted == events

    at(1)
    at(12, -60, "slow")
    at(12, 24 * 60, "day-fast")
    time.sleep(1)
    assert past // 1000 not in aggregation.store.starts()
    at(12, 4.9, "fast")  # within max_future_skew: its event is one of the next window, and seals the first, before its time
    wait_until("the first window is sealed", lambda: is_published(1), 30)
    at(13)  # nothing is late because of it: the window is published again
    wait_until("it is published again", lambda: is_published(2), 30)
    for minutes, account in ((26, "just-in-time"), (26.001, "just-late")):  # end, disorder of 1, lateness of 10 minutes
        time_ms = past + int(minutes * MINUTE)
        send(aggregation, event(KIND["like"], account, occurred_at=past), timestamp=time_ms)
    at(50)
    clock.set(0)
    expected = aggregation.settle()
    first, slow = expected.table(past // 1000), expected.table(past // 1000 - 3600)
    assert {key[1] for key in first if key[0] == "totals"} == {"acme", "just-in-time"}
    assert {key[1] for key in first if key[0] == "late"} == {"just-late"}
    assert {key[:2] for key in slow} == {("late", "slow")}
    assert aggregator.metric("events_rejected_total", 'reason="future"') == 1
    assert aggregator.terminate() == 0
    aggregation.check_balance(expected)


# ---- the store

def test_a_full_store_holds_windows_open_and_nothing_is_lost(make, past, tmp_path):
    with small_disk(tmp_path / "disk") as disk:
        aggregation = make(store=disk / "store", **{"shutdown.drain": "60s"})
        produce(aggregation, past, 1_000, 1)
        aggregator = aggregation.start()
        before = aggregation.settle()
        ballast = fill(disk)
        produce(aggregation, past + WINDOW, 1_000, 2)
        wait_until("it says so", lambda: aggregator.said("CLM-D1", "store_refuses"))
        fill(disk)  # what was given back meanwhile: old checkpoints go when there is a newer one
        wait_until("and is not ready", lambda: aggregator.get("/readyz") == (503, "CLM-D1 the store refuses\n"))
        assert aggregator.metric("store_up") == 0
        wait_until("it warns", lambda: aggregator.said("store_is_low"))
        assert aggregator.metric("store_free_bytes") < (8 << 20) / 10
        time.sleep(1)
        aggregation.compare(before)  # nothing more is published
        partitions = json.loads(aggregator.get("/status")[1])["partitions"]
        assert any(p["kept"] < p["position"] for p in partitions)
        ballast.unlink()
        wait_until("it goes on by itself", lambda: "store_takes_again" in aggregator.process.tail())
        aggregation.settle()
        assert len(aggregator.said("CLM-D1", "store_refuses")) == 1

        ballast = fill(disk)
        produce(aggregation, past + 3 * WINDOW, 500, 1)
        total = sum(ends_of(aggregation.deployment.bootstrap, aggregation.deployment.topic).values())
        wait_until("all is read", lambda: aggregator.metric("events_read_total") >= total)
        aggregator.process.signal(signal.SIGTERM)
        wait_until("it waits for room", lambda: "draining" in aggregator.process.tail(5))
        time.sleep(0.5)
        assert aggregator.process.is_running
        aggregator.process.signal(signal.SIGTERM)
        ended(aggregator, 75)
        assert "nothing is lost: the next owner reads it again" in aggregator.process.tail()
        ballast.unlink()
        after = aggregation.start()
        expected = aggregation.settle()
        assert after.terminate() == 0
        aggregation.check_balance(expected)


def fill(disk):
    """A file that leaves no room on it."""
    ballast = disk / "ballast"
    with open(ballast, "ab", buffering=0) as file:
        for size in (1 << 20, 4096):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                pass
    return ballast


def test_windows_that_are_older_than_retain_leave_the_store_and_what_comes_for_them_brings_none_back(make, past):
    aggregation, day = make(**{"store.retain": "7d"}), 86_400
    long_ago = past - 10 * day * 1000
    produce(aggregation, long_ago, 600)
    produce(aggregation, past, 600)
    first = aggregation.start(flags=["--store.retain=off"])
    aggregation.settle()
    assert first.terminate() == 0
    starts, sums = aggregation.store.starts(), aggregation.sums()
    horizon = starts[-1] + 900 - 8 * day
    stay = [start for start in starts if start + 900 > horizon]
    assert long_ago // 1000 in starts and past // 1000 in stay and len(stay) < len(starts)

    second = aggregation.start()
    wait_until("they are gone", lambda: aggregation.store.starts() == aggregation.store.starts("parts") == stay)
    assert all(start + 900 > horizon - 2 * day for start in aggregation.store.starts("orders"))
    send(aggregation, event(KIND["like"], occurred_at=long_ago))
    produce(aggregation, past + 4 * WINDOW, 300, 1)
    expected = aggregation.expected()
    newest = max(expected.windows)
    wait_until("the new window is published", lambda: newest in aggregation.store.starts() and not [
        p for p, share in expected.windows[newest].shares.items()
        if aggregation.store.newest(newest).header.coverage[p].to < share.to])
    assert second.terminate() == 0
    assert long_ago // 1000 not in aggregation.store.starts()
    aggregation.check_balance(expected)
    assert {start: aggregation.sums()[start] for start in stay if start < past // 1000} == {
        start: sums[start] for start in stay if start < past // 1000}
    aggregation.command("verify")
    assert "(store.retain)" in aggregation.command("show", "--since", str(long_ago // 1000)).stderr
    assert "(store.retain)" not in aggregation.command("show", "--since", str(past // 1000)).stderr
    aggregation.deployment.loadtest("recount", "--against=snapshots")  # the log still has what left the store


def test_a_store_that_cannot_be_written_is_said_at_start(make, tmp_path):
    (tmp_path / "file").write_text("")
    aggregator = make("through", store=tmp_path / "file" / "store").start(ready=False)
    ended(aggregator, 73)
    assert f"{tmp_path}/file/store: cannot open it: Not a directory" in aggregator.process.tail()
    with small_disk(tmp_path / "disk", "ro") as disk:
        aggregator = make("read-only", store=disk).start(ready=False)
        ended(aggregator, 73)
        assert f"store {disk}: cannot write trial: Read-only file system" in aggregator.process.tail()
        assert "see what is there" in aggregator.process.tail()


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    return path, bytes(data)


def cut(path):
    path.write_bytes(path.read_bytes()[:-9])
    return path, path.read_bytes()


def test_damaged_files_are_named_and_kept_and_the_rest_goes_on(make, past):
    aggregation = make()
    store, start = aggregation.store, past // 1000
    produce(aggregation, past, 1_000, 2)
    first = aggregation.start()
    aggregation.settle()
    produce(aggregation, past + 2 * WINDOW, 500, 1)  # by then the windows before are left to their parts
    aggregation.settle()
    first.kill()

    part = max((store.path / "parts" / str(start)).glob("p0003-*"))
    whole = part.read_bytes()
    damaged = dict([flip(part), cut(max((store.path / "checkpoints").glob("p0001-*"))),
                    flip(max((store.path / "through").glob("p0002-*"))), cut(store.revisions(start + 900)[-1])])
    produce(aggregation, past + 3 * WINDOW, 500, 1)
    second = aggregation.start()
    expected = aggregation.expected()
    wait_until("the new window is published", lambda: start + 2700 in store.starts() and not [
        p for p, share in expected.windows[start + 2700].shares.items()
        if store.newest(start + 2700).header.coverage[p].to < share.to])
    assert second.said("CLM-D3", "checkpoint_skipped") and second.said("CLM-D3", "through_record_skipped")
    assert all(path.read_bytes() == data for path, data in damaged.items())

    # A window whose snapshot is damaged gets another with its next event.
    send(aggregation, event(KIND["like"], "latecomer", occurred_at=past + WINDOW))
    wait_until("there is a revision", lambda: len(store.revisions(start + 900)) > 1 and
               ("late", "latecomer") in {key[:2] for key in store.newest(start + 900).rows})
    assert all(path.read_bytes() == data for path, data in damaged.items())

    # A window whose part is damaged takes no event more until the part is back: that waits, and nothing else does.
    send(aggregation, event(KIND["like"], "latecomer", occurred_at=past), partition=3)
    wait_until("it stands apart", lambda: second.said("CLM-D3", "window_apart"))
    assert str(part.relative_to(store.path)) in second.process.tail()
    send(aggregation, event(KIND["like"], "another", occurred_at=past + 2 * WINDOW), partition=3)
    wait_until("others are revised", lambda: ("late", "another") in {key[:2] for key in store.newest(start + 1800).rows})
    assert len(store.revisions(start)) == 1
    second.kill()
    part.write_bytes(whole)
    third = aggregation.start()
    send(aggregation, event(KIND["like"], "another", occurred_at=past + 2 * WINDOW), partition=3)
    expected = aggregation.settle()
    assert ("late", "latecomer") in {key[:2] for key in store.newest(start).rows}
    assert third.terminate() == 0
    for path in damaged:
        if path.parent.name == "through":
            path.unlink(missing_ok=True)
    aggregation.check_balance(expected)


# ---- the log

def test_a_log_whose_retention_passed_the_checkpoint_is_a_clear_stop(make, kafka, past):
    aggregation = make()
    produce(aggregation, past, 500, 1)
    aggregator = aggregation.start()
    aggregation.settle()
    assert aggregator.terminate() == 0
    kept = ends_of(aggregation.deployment.bootstrap, aggregation.deployment.topic)
    produce(aggregation, past + WINDOW, 500, 1)
    topic, gone = aggregation.deployment.topic, kept[2] + 3
    kafka.delete_records(topic, {2: gone})
    assert starts_of(aggregation.deployment.bootstrap, topic)[2] == gone
    aggregator = aggregation.start(ready=False)
    ended(aggregator, 65)
    stop, = aggregator.said("CLM-M2", "aggregator_stops")
    assert f"partition 2: the checkpoint is at {kept[2]}, the log now begins at {gone}: 3 records are gone" in stop
    assert len(aggregator.said("checkpoint_doubted")) == 1  # another might have gone on: the store was asked once more
    for start in aggregation.store.starts():  # the other partitions may have gone on until then
        assert aggregation.store.newest(start).header.coverage[2].to <= kept[2]


@pytest.mark.parametrize("events", [100, 3_000], ids=["shorter", "longer"])
def test_another_log_under_the_same_name_is_a_clear_stop(make, kafka, past, events):
    aggregation = make()
    produce(aggregation, past, 500, 1)
    aggregator = aggregation.start()
    aggregation.settle()
    assert aggregator.terminate() == 0
    sums, topic = aggregation.sums(), aggregation.deployment.topic
    kafka.delete_topic(topic)
    kafka.create_log(topic)
    produce(aggregation, past + WINDOW, events, 1)
    aggregator = aggregation.start(ready=False)
    wait_until("it stops", lambda: not aggregator.process.is_running, 20)
    assert aggregator.said("CLM-M3") or aggregator.said("CLM-D4"), aggregator.process.tail()
    assert aggregation.sums() == sums
