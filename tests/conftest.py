"""Fixtures: one real Kafka for the run, a fresh topic, Redis and deployment for each test, the logs of a test that fails."""
import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness import process, worker  # noqa: E402
from harness.kafka import Kafka  # noqa: E402
from harness.proxy import Proxy  # noqa: E402
from harness.redis_cluster import RedisCluster  # noqa: E402
from harness.redis_server import Redis  # noqa: E402
from harness.s3 import S3  # noqa: E402
from harness.worker import Deployment  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="also run what takes minutes")


def pytest_configure(config):
    # A shell that runs the tests in the background has them ignore it, and so would the programs that they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "long: the full form of a test; only with --long")
    config.addinivalue_line("markers", "first: takes so long that others should run beside it, not after it")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--long"):
        config.hook.pytest_deselected(items=[item for item in items if _is(item, "long")])
        items[:] = [item for item in items if not _is(item, "long")]
    _let_the_longest_begin(items)


def _is(item, mark):
    """By the mark alone: `item.keywords` has the names of folders, too, that of the working copy among them."""
    return item.get_closest_marker(mark) is not None


def _let_the_longest_begin(items):
    """Each process that shares the tests starts with a row of neighbours; at the head of each stands one that takes long."""
    row = len(items) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    longest = [item for item in items if _is(item, "first")]
    items[:] = [item for item in items if not _is(item, "first")]
    for number, item in enumerate(longest):
        items.insert(number * row, item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        for child in process.started:
            report.sections.append((f"{child.name} (last lines of {child.log})", child.tail()))
    if call.when == "teardown":
        process.started.clear()
    return report


@pytest.fixture(autouse=True)
def _no_child_is_left():
    """Nor a worker whose balance is not even, whether it still runs or has come to an end; no sanitizer has said anything."""
    before = list(process.started)
    worker.started.clear()
    yield
    try:
        for one in worker.started:
            one.check_balance()
    finally:
        for child in process.started:
            if child not in before and child.is_running:
                child.kill()
    for child in process.started:
        if child not in before:
            child.check_sanitizers()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory):
    kafka = Kafka(tmp_path_factory.mktemp("kafka"))
    process.started.remove(kafka.process)
    yield kafka
    kafka.stop()


@pytest.fixture
def topic(kafka, request):
    """A topic of four partitions, with its dead-letter topic."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", request.node.name)[:80].strip("-") + f"-{os.urandom(3).hex()}"
    return kafka.create_topic(name)


@pytest.fixture
def redis(tmp_path):
    redis = Redis(tmp_path)
    yield redis
    redis.stop()


@pytest.fixture
def redis_cluster(tmp_path):
    """Six nodes; one that is killed has been replaced within a few seconds."""
    cluster = RedisCluster(tmp_path, node_timeout_ms=1500)
    yield cluster
    cluster.stop()


@pytest.fixture
def proxy(redis):
    """Stands between workers and Redis, where the test says so."""
    proxy = Proxy(redis.port)
    yield proxy
    proxy.stop()


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    """A server of buckets that checks signatures."""
    s3 = S3(tmp_path_factory.mktemp("s3"))
    yield s3
    s3.stop()


@pytest.fixture
def past():
    """ms: the start of a window three hours ago, so that all that follows can be sealed by now."""
    now, window = int(time.time() * 1000), 900_000
    return now - now % window - 12 * window


@pytest.fixture
def deployment(kafka, topic, redis, tmp_path):
    """An initialised deployment on the topic and the Redis; no worker runs yet."""
    return Deployment(tmp_path, kafka.bootstrap, topic, redis).init()
