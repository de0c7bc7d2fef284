"""`clameur-loadtest bench` in a short run of every form: it measures, and leaves nothing behind."""
import json

import pytest

from harness import load
from harness.process import run
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


def test_a_ratio_above_the_bound_is_exit_code_1(deployment, bench):
    deployment.produce(*BENCH, "--events", 2000)
    assert bench("--runs", 1, "--max-ratio", "0.01", check=1)["cases"]
    assert bench("--runs", 1, "--max-ratio", "100000", check=0)["cases"]
    settle(deployment)


def test_an_empty_topic_is_refused(bench):
    assert "is empty" in bench(check=66).stderr
