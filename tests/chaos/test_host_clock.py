"""The host's clock steps an hour forward, and two hours back, while a worker counts: what is counted goes by the records' own
times, waiting by a clock that cannot be set. Only the age of the lag is told by the host's clock."""
import time
from datetime import datetime

from harness import load
from harness.clock import Clock
from harness.places import wait_until


def _hours_of(line):
    return datetime.fromisoformat(line.split()[0].replace("Z", "+00:00")).timestamp() / 3600


def test_the_host_clock_steps_an_hour__goes_red_if_anything_counted_goes_by_it(deployment, tmp_path):
    clock = Clock(tmp_path)
    worker = deployment.worker(env=clock.environment)

    def hours_in_the_log(hours):
        clock.set(hours)
        counted = worker.metric("events_counted_total")
        wait_until("it counts on", lambda: worker.metric("events_counted_total") > counted + 1000)
        deployment.redis.client.function_flush()  # so that it has something to say
        wait_until("its log bears the time", lambda: any(
            0 < _hours_of(line) - began - hours < 1 for line in worker.said("function_loaded")))
        assert worker.is_ready() and worker.metric("kafka_rebalances_total", 'kind="lost"') == 0

    began = time.time() / 3600
    with load.flow(deployment, seed=81):
        wait_until("it counts", lambda: worker.metric("events_counted_total") > 0)
        hours_in_the_log(1)
        hours_in_the_log(-1)
        hours_in_the_log(0)
    load.settle(deployment, [worker])
    assert worker.terminate() == 0
