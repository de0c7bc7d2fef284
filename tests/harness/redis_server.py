"""A private redis-server on a free loopback port, with copies of its state to go back to."""
import shutil

import redis

from harness.places import free_port, wait_until
from harness.process import Process


def binary(directory):
    """redis-server; where only Debian's redis-tools is there, the same program under a link of that name."""
    found = shutil.which("redis-server")
    if found:
        return found
    link = directory / "redis-server"
    if not link.exists():
        link.symlink_to(shutil.which("redis-check-rdb"))
    return link


def under_tls(port, authority):
    """Options of a Redis that also listens at `port` under TLS, for clients with a certificate of the authority alone."""
    certificate, key = authority.issue(f"redis-{port}")
    return ("--tls-port", port, "--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", authority.file)


class Redis:
    """Keeps its state in `directory/dump.rdb`, but only writes it when asked to."""

    def __init__(self, directory, *options, wait=True):
        self.directory = directory
        self.options = options
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.client = redis.Redis(port=self.port, socket_timeout=30)
        self.start(wait)

    def start(self, wait=True):
        self.process = Process("redis", [binary(self.directory), "--port", self.port, "--bind", "127.0.0.1", "--dir",
                                         self.directory, "--save", "", "--appendonly", "no", *self.options],
                               self.directory)
        if wait:
            self.wait()

    def wait(self):
        wait_until("Redis answers", self._answers, 20)

    def _answers(self):
        if not self.process.is_running:
            raise AssertionError("Redis ended:\n" + self.process.tail())
        try:
            return self.client.ping()
        except redis.exceptions.ConnectionError:
            return False
        except redis.exceptions.BusyLoadingError:
            return False

    def save_copy(self, name):
        """Writes what Redis holds now into a file of that name."""
        before = self.client.info("persistence")["rdb_last_save_time"]
        wait_until("a second has passed since the last save", lambda: self.client.time()[0] > before)
        wait_until("BGSAVE begins", self._begins_saving, 60)
        wait_until("BGSAVE is done", lambda: self.client.info("persistence")["rdb_last_save_time"] > before)
        shutil.copyfile(self.directory / "dump.rdb", self.directory / name)

    def _begins_saving(self):
        """Not while it saves already, as for a replica."""
        try:
            return self.client.bgsave()
        except redis.exceptions.ResponseError as refused:
            assert "in progress" in str(refused), refused
            return False

    def go_back_to(self, name):
        """Stops without saving and starts from the copy: everything since is forgotten."""
        self.kill()
        shutil.copyfile(self.directory / name, self.directory / "dump.rdb")
        self.start()

    def kill(self):
        self.process.kill()

    def stop(self):
        self.client.close()
        self.process.kill()
