"""A Redis with a replica, behind one name: what a managed Redis is to its clients. A failover leads the name to the replica."""
from harness.places import wait_until
from harness.redis_server import Redis
from harness.wire import Wire


def forget_replicas(master):
    """Its replicas are sent away and not let in again: what it is told from now on, it alone knows."""
    master.client.execute_command("ACL", "SETUSER", "default", "-psync", "-sync", "-replconf")
    master.client.execute_command("CLIENT", "KILL", "TYPE", "REPLICA")


class RedisPair:
    """`master` is who the name leads to. Its `client` and its `url` go straight; workers come by `wire`."""

    def __init__(self, directory, *options):
        self._servers = []
        for name in ("one", "other"):
            (directory / name).mkdir()
            self._servers.append(Redis(directory / name, *options))
        self.master, self.replica = self._servers
        self.wire = Wire(self.master.port)
        self.wired = f"redis://127.0.0.1:{self.wire.port}"
        self._follow()

    @property
    def client(self):
        return self.master.client

    @property
    def url(self):
        return self.master.url

    def masters(self):
        return [self.master]

    def _follow(self):
        self.replica.client.execute_command("REPLICAOF", "127.0.0.1", self.master.port)
        wait_until("the replica follows", self.is_followed, 30)

    def is_followed(self):
        return self.replica.client.info("replication")["master_link_status"] == "up"

    def fail_over(self):
        """The master dies; the replica, whatever it knows, is the master; the other comes back empty and follows it."""
        self.master.kill()
        self.master, self.replica = self.replica, self.master
        self.master.client.execute_command("REPLICAOF", "NO", "ONE")
        self.wire.lead_to(self.master.port)
        self.replica.start()
        self._follow()

    def stop(self):
        self.wire.stop()
        for server in self._servers:
            server.stop()
