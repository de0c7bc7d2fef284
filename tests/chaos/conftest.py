import pytest

from harness.worker import Deployment


@pytest.fixture
def deployment(kafka, topic, redis, tmp_path):
    """A deployment whose group notices a dead member within two seconds, so that tests need not wait for it."""
    options = {"kafka.session.timeout": "2s", "kafka.heartbeat.interval.ms": 400}
    return Deployment(tmp_path, kafka.bootstrap, topic, redis, options).init()


@pytest.fixture
def seconds(request):
    """How long the stream of a test runs."""
    return 60 if request.config.getoption("--long") else 6
