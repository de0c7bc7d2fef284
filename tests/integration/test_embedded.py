"""The same on the embedded broker, which the demo runs on."""
import re

import pytest

from harness import load
from harness.places import wait_until
from harness.process import Process
from harness.worker import LOADTEST, Deployment


@pytest.fixture
def embedded(tmp_path):
    """The address of an embedded broker with the topic `engagement`."""
    broker = Process("broker", [LOADTEST, "broker"], tmp_path)
    address = wait_until("the embedded broker names its address",
                         lambda: broker.is_running and re.search(r"127\.0\.0\.1:\d+", broker.log.read_text()), 20)
    assert {found.split(":")[0] for found in broker.listens_at()} == {"0100007F"}, "it listens beyond the loopback"
    yield address[0]
    assert broker.terminate(10) == 0


def test_a_mixed_stream_is_counted_exactly_on_the_embedded_broker(embedded, redis, tmp_path):
    deployment = Deployment(tmp_path, embedded, "engagement", redis).init()
    worker = deployment.worker()
    deployment.produce(*load.flags(10_000))
    load.settle(deployment, [worker])
    assert worker.terminate() == 0


def test_the_generator_refuses_to_outgrow_the_embedded_broker(embedded, redis, tmp_path):
    deployment = Deployment(tmp_path, embedded, "engagement", redis).init()
    assert deployment.produce(*load.flags(5_000_000), check=None).returncode != 0
