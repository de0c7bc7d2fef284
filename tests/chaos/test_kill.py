"""kill -9. What a dead worker had applied is known by the marks alone; what it had not is read again."""
import random
import time

import pytest

from harness import load, proxy as proxy_module
from harness.places import wait_until


def _kills(deployment, count, seconds, seed):
    """Kills the only worker at `count` random moments of a stream, each time once it counts again."""
    moments = random.Random(seed)
    with load.stream(deployment, seconds, seed=seed):
        for _ in range(count):
            worker = deployment.worker()
            wait_until("it counts", lambda: worker.metric("events_counted_total") > 0, 30)
            time.sleep(moments.uniform(0, 0.7))
            worker.kill()
        worker = deployment.worker()
    load.settle(deployment, [worker])


def test_killed_at_random_moments__goes_red_if_a_restart_goes_by_committed_offsets(deployment, seconds):
    _kills(deployment, 3, seconds, seed=11)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(5))
def test_killed_many_times(deployment, seed):
    _kills(deployment, 20, 120, seed)


@pytest.mark.parametrize("is_applied", [True, False], ids=["applied and not answered", "sent and not applied"])
def test_killed_in_the_middle_of_a_flush__goes_red_if_marks_and_counts_are_not_one_call(deployment, proxy, seconds, is_applied):
    flushes, killed = [], []

    def at_the_tenth(words, _reply=None):
        if proxy_module.is_full_flush(words):
            flushes.append(words)
            if len(flushes) == 10:
                first.kill()
                killed.append(True)
                return proxy_module.CUT
        return proxy_module.PASS

    if is_applied:
        proxy.on_reply = at_the_tenth
    else:
        proxy.on_command = at_the_tenth
    first = deployment.worker(flags=[f"--redis.url={proxy.url}"])
    with load.stream(deployment, seconds, seed=12):
        wait_until("the worker was killed in its tenth flush", lambda: killed, 30)
        second = deployment.worker()
    load.settle(deployment, [second])
