"""Partitions change hands under load, and a worker that lost its own without noticing wakes up."""
import signal
import threading

import pytest

from harness import load, proxy as proxy_module
from harness.places import wait_until


def _owns(worker, partitions):
    return lambda: worker.assigned() == partitions


def test_workers_come_and_go_under_load__goes_red_if_tables_outlive_a_revoke(deployment, seconds):
    with load.stream(deployment, seconds + 4, seed=31):
        first = deployment.worker()
        wait_until("the first counts", lambda: first.metric("events_counted_total") > 0)
        second = deployment.worker()
        wait_until("they share", lambda: first.assigned() == second.assigned() == 2, 40)
        assert first.terminate() == 0
        wait_until("the second has all", _owns(second, 4), 40)
        third = deployment.worker()
        wait_until("they share again", lambda: second.assigned() == third.assigned() == 2, 40)
        second.kill()
        wait_until("the third has all", _owns(third, 4), 40)
    load.settle(deployment, [third])


@pytest.mark.long
def test_workers_come_and_go_for_minutes(deployment):
    workers = [deployment.worker()]
    with load.stream(deployment, 120, seed=32):
        for turn in range(8):
            workers.append(deployment.worker())
            wait_until("they share", lambda: all(w.assigned() == 2 for w in workers), 60)
            leaver = workers.pop(0)
            leaver.kill() if turn % 2 else leaver.terminate()
            wait_until("the other has all", _owns(workers[0], 4), 60)
    load.settle(deployment, workers)


def test_a_zombie_wakes_after_its_partitions_moved__goes_red_without_fence_and_mark_check(deployment, seconds):
    zombie = deployment.worker()
    with load.stream(deployment, seconds + 4, seed=33):
        wait_until("it counts", lambda: zombie.metric("events_counted_total") > 0)
        zombie.process.signal(signal.SIGSTOP)
        heir = deployment.worker(ready=False)
        wait_until("its partitions moved", _owns(heir, 4), 40)
        wait_until("the heir counts", lambda: heir.metric("events_counted_total") > 0)
        zombie.process.signal(signal.SIGCONT)
        wait_until("the zombie takes part again", lambda: zombie.assigned() == heir.assigned() == 2, 60)
    load.settle(deployment, [zombie, heir])


def test_a_late_flush_of_a_zombie_reaches_redis__goes_red_without_the_epoch_fence(deployment, proxy, seconds):
    """The zombie's request is on its way, is held up, and arrives after the heir has claimed and counted."""
    held, let_go, seen, answers = threading.Event(), threading.Event(), [], []

    def hold_the_fifth(words):
        if proxy_module.is_full_flush(words):
            seen.append(words)
            if len(seen) == 5:
                zombie.process.signal(signal.SIGSTOP)
                held.set()
                let_go.wait(60)
        return proxy_module.PASS

    def keep_its_answer(words, reply):
        if len(seen) >= 5 and words is seen[4]:
            answers.append(reply)
        return proxy_module.PASS

    proxy.on_command, proxy.on_reply = hold_the_fifth, keep_its_answer
    zombie = deployment.worker(flags=[f"--redis.url={proxy.url}", "--redis.timeout=60s"])
    with load.stream(deployment, seconds + 4, seed=34):
        assert held.wait(30)
        heir = deployment.worker(ready=False)
        wait_until("its partitions moved", _owns(heir, 4), 40)
        wait_until("the heir counts", lambda: heir.metric("events_counted_total") > 0)
        let_go.set()
        wait_until("the late flush was answered", lambda: answers, 10)
        assert answers[0][0] == b"FENCED", answers
        zombie.process.signal(signal.SIGCONT)
        wait_until("the zombie takes part again", lambda: zombie.assigned() == heir.assigned() == 2, 60)
    load.settle(deployment, [zombie, heir])
