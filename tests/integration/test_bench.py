"""`clameur-loadtest bench` in a short run of every form: it measures, and leaves nothing behind."""
import json
import os
import signal
import time
from pathlib import Path

import pytest

from harness import load
from harness.places import wait_until
from harness.process import Process, run
from harness.recount import parse_mark
from harness.worker import LOADTEST

BENCH = ["--mix", "bench", "--contents", 500, "--actors", 2000]


@pytest.fixture
def bench(deployment):
    def bench(*arguments, check=0):
        done = run([LOADTEST, "bench", "-c", deployment.file, *arguments], deployment.directory, check=check)
        return json.loads(done.stdout) if done.stdout else done
    return bench


def settle(deployment):
    """The deployment of the test, beside which bench measured, counts the same log exactly; bench's own are gone."""
    assert not deployment.redis.client.keys("bench-*")
    worker = deployment.worker()
    load.settle(deployment, [worker])
    assert worker.terminate() == 0


def test_floor_and_worker_are_measured_in_every_case(deployment, bench):
    deployment.produce(*BENCH, "--events", 5000)
    answer = bench("--runs", 2, "--pin", "both", "--families", "all/account,content")
    assert (answer["events"], answer["messages"], answer["runs"]) == (5000, 5000, 2)
    assert [(c["what"], c["families"], c["pinned"]) for c in answer["cases"]] == [
        (what, families, pinned) for pinned in (False, True)
        for what, families in (("floor", ""), ("worker", "all"), ("worker", "account,content"))]
    for case in answer["cases"]:
        figures = {"cpu_ns_per_event", "events_per_second", "max_rss_mib"}
        if case["what"] == "worker":
            figures |= {"ratio_to_floor", "events_per_update", "redis_cpu_ns_per_event", "first_counter_ms"}
        assert set(case) == figures | {"what", "families", "pinned"}
        assert all(0 < case[f]["least"] <= case[f]["median"] <= case[f]["greatest"] for f in figures), case
    # The lean families fold better: they leave out what a content's events do not share.
    folds = {c["families"]: c["events_per_update"]["least"] for c in answer["cases"] if c["what"] == "worker"}
    assert folds["account,content"] > folds["all"]
    settle(deployment)


def test_a_bound_that_is_not_kept_is_exit_code_1(deployment, bench, tmp_path):
    deployment.produce(*BENCH, "--events", 2000)
    file = tmp_path / "before.json"
    before = bench("--runs", 1, "--json", file, "--max-ratio", 0.01, check=1)
    assert json.loads(file.read_text()) == before
    for case in before["cases"]:
        if "events_per_update" in case:
            case["events_per_update"]["median"] *= 100
    file.write_text(json.dumps(before))
    changes = bench("--runs", 1, "--baseline", file)["changes"]  # much worse, but no bound was given
    assert all(c["worse"] > 0.9 for c in changes if c["figure"] == "events_per_update")
    assert {"events_per_update"} <= {c["figure"] for c in changes}
    assert bench("--runs", 1, "--baseline", file, "--tolerance", 0.9, check=1)["changes"]


def test_each_event_sent_is_seen_counted(deployment, bench):
    deployment.produce(*BENCH, "--events", 1000)
    answer = bench("--rate", 1000, "--for", "3s", "--runs", 1)
    (case,) = answer["cases"]
    assert (case["what"], case["families"], case["rate"]) == ("latency", "all", 1000)
    assert 2900 <= answer["events"] <= 3100
    assert case["percentiles_ms"][-1][1:] == [100, answer["events"]]  # none is left out
    for kind in "latency", "raw":
        p50, p99, p999, greatest = (case[f"{kind}_{p}_ms"]["median"] for p in ("p50", "p99", "p999", "max"))
        assert 0 < p50 <= p99 <= p999 <= greatest
    assert case["observer_gap_p50_ms"]["median"] > 0 and len(case["rss_mib"]) >= 6
    assert all(0 < mib < 10_000 for _, mib in case["rss_mib"])
    settle(deployment)


def test_what_was_due_while_the_sender_stood_still_is_late_red_without_the_due_times(deployment):
    """Of 5 s the sender is stopped for 3, and then sends what was due meanwhile: those are late, by their due times alone."""
    deployment.produce(*BENCH, "--events", 10)
    bench = Process("bench", [LOADTEST, "bench", "-c", deployment.file, "--rate", 1000, "--for", "5s", "--runs", 1,
                              "--json", deployment.directory / "answer.json"], deployment.directory)
    wait_until("events are sent", lambda: "events sent" in bench.log.read_text(), 60, 0.02)
    bench.signal(signal.SIGSTOP)
    time.sleep(3)
    bench.signal(signal.SIGCONT)
    assert bench.wait(120) == 0, bench.tail()
    answer = json.loads((deployment.directory / "answer.json").read_text())
    assert answer["events"] >= 4900  # the schedule waits for nobody
    (case,) = answer["cases"]
    assert case["latency_p50_ms"]["median"] > case["raw_p50_ms"]["median"] + 100
    assert case["sender_late_p999_ms"]["median"] > 2000


def test_half_the_rate_is_found_on_what_the_topic_holds(deployment, bench):
    deployment.produce(*BENCH, "--events", 3000)
    (case,) = bench("--rate", "half", "--for", "1s", "--runs", 1)["cases"]
    assert case["rate"] > 0
    assert case["percentiles_ms"][-1][2] == pytest.approx(case["rate"], rel=0.5)


def test_another_producer_in_the_topic_is_found_out(deployment):
    deployment.produce(*BENCH, "--events", 10)
    bench = Process("bench", [LOADTEST, "bench", "-c", deployment.file, "--rate", 100, "--for", "3s", "--runs", 1],
                    deployment.directory)
    wait_until("events are sent", lambda: "events sent" in bench.log.read_text(), 60, 0.02)
    deployment.produce(*BENCH, "--events", 10, "--seed", 2)
    assert bench.wait(120) == 65, bench.tail()
    assert "nobody else writes to" in bench.tail()


def test_a_killed_worker_is_replaced_in_both_kinds_of_membership(deployment, bench):
    answer = bench("--recovery", "--runs", 1, "--kafka.session.timeout=3s")
    assert [case["what"] for case in answer["cases"]] == ["recovery", "recovery, static id"]
    for case in answer["cases"]:
        assert case["session_timeout_ms"] == 3000 and case["ready_ms"]["median"] > 0
        assert case["counting_again_ms"]["median"] > 0
    # A dynamic member's partitions are taken over no earlier than the group can miss its heartbeats.
    assert answer["cases"][0]["counting_again_ms"]["median"] > 1000
    settle(deployment)


def _workers_of(bench):
    """The processes of the workers that bench has started; of one that has ended, none."""
    pid, found = bench.child.pid, []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        try:
            words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"clameur-ingest") and words[1] == b"run":
            found.append(int(child))
    return found


def _worker_of(bench):
    (worker,) = _workers_of(bench)
    return worker


def _has_counted(bench, client):
    """Has a worker of bench moved a mark?"""
    return any(parse_mark(mark.decode()).next > 0 for key in client.keys("bench-*:mark") for mark in client.hvals(key))


def _has_sent(bench, client):
    return "events sent" in bench.log.read_text()


def _epochs(client):
    return [int(mark.split()[0]) for key in client.keys("bench-*:mark") for mark in client.hvals(key)]


def test_a_bench_that_is_slow_to_look_sees_the_next_worker_count__goes_red_if_marks_are_compared_with_later_ones(deployment):
    """It stands still from the start of the second worker until that one owns every mark."""
    client = deployment.redis.client
    bench = Process("bench", [LOADTEST, "bench", "-c", deployment.file, "--recovery", "--runs", 1, "--kafka.session.timeout=3s"],
                    deployment.directory)
    (first,) = wait_until("a worker runs", lambda: _workers_of(bench), 120, 0.002)
    wait_until("another one does", lambda: _workers_of(bench) not in ([first], []), 120, 0.002)
    bench.signal(signal.SIGSTOP)
    wait_until("every mark is its own", lambda: set(_epochs(client)) == {2}, 120)
    bench.signal(signal.SIGCONT)
    assert bench.wait(900) == 0, bench.tail()


def test_a_bench_that_is_killed_leaves_no_worker(deployment):
    deployment.produce(*BENCH, "--events", 100_000)
    bench = Process("bench", [LOADTEST, "bench", "-c", deployment.file, "--runs", 1], deployment.directory)
    wait_until("its worker counts", lambda: _has_counted(bench, deployment.redis.client), 120, 0.01)
    worker = _worker_of(bench)
    bench.kill()
    wait_until("it has ended, too", lambda: not Path(f"/proc/{worker}").exists(), 120)


@pytest.mark.long
@pytest.mark.parametrize("events, form, is_begun", [(1_000_000, ["--runs", 1], _has_counted),
                                                   (100, ["--rate", 100, "--for", "5s"], _has_sent)], ids=["throughput", "latency"])
def test_a_worker_that_counts_nothing_ends_it(deployment, events, form, is_begun):
    """It is frozen in the midst of its work."""
    deployment.produce(*BENCH, "--events", events)
    bench = Process("bench", [LOADTEST, "bench", "-c", deployment.file, *form], deployment.directory)
    wait_until("its worker counts", lambda: is_begun(bench, deployment.redis.client), 120, 0.01)
    os.kill(_worker_of(bench), signal.SIGSTOP)
    assert bench.wait(180) == 69, bench.tail()
    said = bench.log.read_text()
    assert "counted nothing for 60 s" in said and "worker_started" in said


def test_an_empty_topic_is_refused(bench):
    assert "is empty" in bench(check=66).stderr


def test_the_aggregator_is_measured_beside_the_stages_below_it(deployment, kafka, bench, tmp_path):
    topic = kafka.create_topic(f"bench-{os.urandom(3).hex()}", message_timestamp_type="CreateTime")
    start = (int(time.time()) // 900 - 8) * 900_000 + 60_000
    deployment.produce(*BENCH, "--events", 5000, f"--start-time={start}", f"--kafka.topic={topic}")
    store = tmp_path / "windows"
    answer = bench("aggregate", "--runs", 1, "--contents", 2000, "--windows", 2, f"--store={store}", f"--kafka.topic={topic}")
    cases = {case["what"]: {name: value["median"] for name, value in case.items() if isinstance(value, dict)}
             for case in answer["cases"]}
    floor, decode, dedup, aggregator, window, memory = cases.values()
    assert list(cases)[3:] == ["aggregator", "its largest window", "windows in memory"] and answer["events"] == 5000
    assert min(case["cpu_ns_per_event"] for case in (floor, decode, dedup)) > 0  # of so few events little more can be said
    assert aggregator["windows_cpu_ns_per_event"] == pytest.approx(
        aggregator["cpu_ns_per_event"] - decode["cpu_ns_per_event"], rel=0.01)
    assert aggregator["checkpoint_bytes_per_event"] > 0 and 0 < aggregator["longest_turn_ms"] < 60_000
    assert window["rows"] > 500 and memory["rows"] > 2000
    # Of so few rows most bytes are the sketches of whom they reached, which the same rows otherwise do not have.
    assert min(window[f"{form}_bytes_per_row"] for form in ("snapshot", "protobuf", "json")) > 0
    assert len(list((store / "snapshots").iterdir())) == 1


def test_bench_of_something_else_is_refused(bench):
    assert bench("agregate", check=64).stdout == ""
