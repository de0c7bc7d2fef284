"""SIGTERM under load: what was read is flushed and committed, and the next worker goes on from there."""
import pytest

from harness import load
from harness.places import wait_until


@pytest.mark.first
def test_sigterm_under_load__goes_red_if_a_drain_skips_a_flush_or_never_ends(deployment, seconds):
    with load.stream(deployment, seconds, seed=51):
        for _ in range(2):
            worker = deployment.worker()
            wait_until("it counts", lambda: worker.metric("events_counted_total") > 0)
            wait_until("more is on its way", lambda: worker.metric("events_in_flight") > 0)
            assert worker.terminate(120) == 0
        recount = deployment.recount(program=False)
        assert recount.counted > 0
        last = deployment.worker()
    load.settle(deployment, [last])
