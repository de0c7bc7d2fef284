"""A flush was applied, its reply never came: the same bytes are sent again and must not count again."""
import pytest

from harness import load, proxy as proxy_module
from harness.places import wait_until


@pytest.mark.parametrize("loss", [proxy_module.CUT, proxy_module.DROP], ids=["connection cut", "silence"])
def test_a_lost_reply__goes_red_without_the_repeated_verdict(deployment, proxy, seconds, loss):
    seen, lost = [], []

    def lose_every_fifth(words, _reply):
        if proxy_module.is_full_flush(words):
            seen.append(words)
            if len(seen) % 5 == 0 and len(lost) < 20:
                lost.append(words)
                return loss
        return proxy_module.PASS

    proxy.on_reply = lose_every_fifth
    worker = deployment.worker(flags=[f"--redis.url={proxy.url}", "--redis.timeout=500ms"])
    with load.stream(deployment, seconds, seed=21):
        wait_until("replies were lost", lambda: len(lost) >= 3, 60)
    load.settle(deployment, [worker])
    assert worker.metric("flush_verdicts_total", 'verdict="repeated"') >= 1
    assert worker.terminate() == 0


def test_a_request_cut_off_before_redis_saw_it__goes_red_without_sending_the_same_bytes_again(deployment, proxy, seconds):
    seen = []

    def cut_every_fifth(words):
        if proxy_module.is_full_flush(words):
            seen.append(words)
            if len(seen) % 5 == 0 and len(seen) < 100:
                return proxy_module.CUT
        return proxy_module.PASS

    proxy.on_command = cut_every_fifth
    worker = deployment.worker(flags=[f"--redis.url={proxy.url}"])
    with load.stream(deployment, seconds, seed=22):
        pass
    load.settle(deployment, [worker])
    assert len(seen) >= 10


def test_redis_out_of_reach_for_seconds__goes_red_if_anything_is_dropped_meanwhile(deployment, proxy, seconds):
    worker = deployment.worker(flags=[f"--redis.url={proxy.url}", "--redis.timeout=500ms"])
    with load.stream(deployment, seconds, seed=23):
        wait_until("it counts", lambda: worker.metric("events_counted_total") > 0)
        proxy.on_command = lambda words: proxy_module.CUT
        proxy.cut_all()
        wait_until("it is not ready", lambda: worker.get("/readyz")[0] == 503, 20)
        assert worker.get("/livez")[0] == 200
        proxy.on_command = None
        wait_until("it is ready again", worker.is_ready, 20)
    load.settle(deployment, [worker])
