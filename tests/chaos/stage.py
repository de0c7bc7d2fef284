"""Where scenes play: three brokers, and a Redis with a replica or a Redis Cluster of six nodes."""
import contextlib
import subprocess

from faults import FAULTS
from harness.kafka_cluster import BROKERS, KafkaCluster
from harness.redis_cluster import RedisCluster
from harness.redis_pair import RedisPair

DISK = "size=512m"
DEBUG = ["--enable-debug-command", "yes"]


def _mount(folder):
    """A disk of its own that can be full: True where this machine lets us."""
    folder.mkdir()
    return subprocess.run(["mount", "-t", "tmpfs", "-o", DISK, "tmpfs", folder], capture_output=True).returncode == 0


class Stage:
    def __init__(self, directory, kind):
        self.directory, self.kind = directory, kind
        self._exits = contextlib.ExitStack()
        logs = [None] * BROKERS
        self.has_disk = _mount(directory / "disk")
        if self.has_disk:
            self._exits.callback(subprocess.run, ["umount", "-l", directory / "disk"], check=True)
            logs[-1] = directory / "disk" / "log"
        self.kafka = KafkaCluster(directory, logs)
        self._exits.callback(self.kafka.stop)
        self.redis = (RedisPair(directory, *DEBUG) if kind == "pair" else
                      RedisCluster(directory, *DEBUG, node_timeout_ms=1500))
        self._exits.callback(self.redis.stop)

    def faults(self):
        """Those that can be played here."""
        kinds = {"any", self.kind} | ({"disk"} if self.has_disk else set())
        return [fault for fault in FAULTS if fault.where in kinds]

    def close(self):
        self._exits.close()
