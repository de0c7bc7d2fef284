"""A stream of every kind of event, in the background, for tests that break something while it runs."""
import signal
from contextlib import contextmanager

from harness.places import wait_until

MIX = ["--mix", "all", "--duplicates", "0.02", "--late", "0.01", "--future", "0.005"]
# Events of a steady stream wait so long for others: what a broker has to do goes by requests, not by events.
COMPANY = "--kafka.linger.ms=200"


def flags(events, rate=None, seed=1, batch=None, malformed=0.01):
    chosen = [*MIX, "--events", events, "--seed", seed, "--malformed", malformed]
    if rate:
        chosen += ["--rate", rate]
    if batch:
        chosen += ["--batch", batch]
    return chosen


@contextmanager
def stream(deployment, seconds, rate=500, seed=1):
    """`rate` events a second for so many seconds; at the end of the block it is waited for."""
    producer = deployment.producer(*flags(int(seconds * rate), rate, seed), COMPANY)
    try:
        yield producer
        assert producer.wait(seconds + 120) == 0, producer.tail()
    finally:
        if producer.is_running:
            producer.kill()


@contextmanager
def flow(deployment, rate=500, seed=1):
    """The same for as long as the block lasts, so that a slow machine has the time it needs."""
    producer = deployment.producer(*flags(10_000_000, rate, seed), COMPANY)
    try:
        yield producer
        wait_until("the producer listens to signals", lambda: producer.catches(signal.SIGTERM))
        assert producer.terminate(120) == 0, producer.tail()
    finally:
        if producer.is_running:
            producer.kill()


def settle(deployment, workers, seconds=90, **recounting):
    """All is counted: the marks are at the ends, the balance of every worker is even, and both recounts agree."""
    deployment.drain(seconds)
    for worker in workers:
        worker.check_balance()
    return deployment.recount(**recounting)
