"""A real Redis Cluster on free loopback ports: three masters, a replica of each, and what goes wrong with such a thing."""
import signal

import redis

from harness.keys import SLOTS, crc16
from harness.places import free_port, wait_until
from harness.redis_server import Redis, under_tls

MASTERS, NODES = 3, 6


def slot_of(key):
    """Of a key's name, or of a tag alone."""
    start = key.find("{")
    end = key.find("}", start + 1)
    return crc16((key[start + 1:end] if start >= 0 and end > start + 1 else key).encode()) % SLOTS


class Node(Redis):
    """One of them: a Redis with a folder of its own, so that it is who it was when it is started again."""

    def __init__(self, directory, number, authority, *options):
        self.bus = free_port()
        self.secret = free_port() if authority else None  # the port of TLS
        if authority:
            options += (*under_tls(self.secret, authority), "--tls-cluster", "yes", "--tls-replication", "yes")
        directory = directory / f"node-{number}"
        directory.mkdir()
        self.paused = False
        super().__init__(directory, "--cluster-enabled", "yes", "--cluster-port", self.bus, *options, wait=False)
        self.name = f"127.0.0.1:{self.port}"

    def ask(self, *words):
        return self.client.execute_command("CLUSTER", *words)

    def state(self):
        """CLUSTER INFO; {} of a node that does not answer."""
        if self.paused:
            return {}
        try:
            text = self.ask("INFO")
        except redis.exceptions.RedisError:
            return {}
        return text if isinstance(text, dict) else dict(line.split(":") for line in text.decode().split())

    @property
    def is_master(self):
        return self.client.info("replication")["role"] == "master"

    def pause(self):
        self.paused = True
        self.process.signal(signal.SIGSTOP)

    def resume(self):
        self.paused = False
        self.process.signal(signal.SIGCONT)


class RedisCluster:
    """nodes[0..2] are born masters, nodes[3..5] their replicas, in this order. `node_timeout_ms` is what a node may be silent
    before it is taken for dead: short where a test waits for a failover, long where a busy machine must not cause one. With
    an `authority` the nodes speak TLS among themselves, and to clients at their ports `secret`."""

    def __init__(self, directory, *options, node_timeout_ms=15000, authority=None):
        self.nodes = [Node(directory, number, authority, "--cluster-node-timeout", node_timeout_ms, "--cluster-replica-validity-factor",
                           0, "--repl-diskless-sync-delay", 0, *options) for number in range(NODES)]
        for node in self.nodes:
            node.wait()
        self._meet()
        self._share()
        wait_until("the cluster is whole", self.is_whole, 60)
        self.url = self.wired = self.url_of(*self.nodes)
        self.client = redis.RedisCluster(startup_nodes=[redis.cluster.ClusterNode("127.0.0.1", node.port)
                                                        for node in self.nodes], socket_timeout=30)

    @staticmethod
    def url_of(*nodes):
        return "redis://" + ",".join(node.name for node in nodes)

    def _meet(self):
        """Everybody is introduced to everybody: to wait for hearsay takes seconds."""
        for number, node in enumerate(self.nodes):
            node.ask("SET-CONFIG-EPOCH", number + 1)
            for other in self.nodes[:number]:
                node.ask("MEET", "127.0.0.1", other.secret or other.port, other.bus)
        wait_until("all have met", lambda: all(node.state().get("cluster_known_nodes") == str(NODES) for node in self.nodes), 60)
        self.ids = {node: node.ask("MYID").decode() for node in self.nodes}

    def _share(self):
        bounds = [SLOTS * number // MASTERS for number in range(MASTERS + 1)]
        for number, node in enumerate(self.nodes[:MASTERS]):
            node.ask("ADDSLOTSRANGE", bounds[number], bounds[number + 1] - 1)
            self.nodes[MASTERS + number].ask("REPLICATE", self.ids[node])

    def is_whole(self):
        """Does every node find that all slots are served, and every replica follow its master?"""
        states = [node.state() for node in self.nodes]
        if not all(state.get("cluster_state") == "ok" and state["cluster_slots_ok"] == str(SLOTS) for state in states):
            return False
        roles = [node.client.info("replication") for node in self.nodes]
        return all(role["role"] == "master" or role["master_link_status"] == "up" for role in roles)

    # ---- who is who

    def _alive(self):
        return [node for node in self.nodes if node.process.is_running and node.state()]

    def master_of(self, slot, among=None):
        """The node that serves the slot, as those that answer have it (or as `among` has it)."""
        for node in [among] if among else self._alive():
            for first, last, master, *_ in node.client.execute_command("CLUSTER SLOTS", NEVER_DECODE=True):
                if first <= slot <= last:
                    return next(other for other in self.nodes if other.port == master[1])
        raise AssertionError(f"slot {slot} is served by nobody")

    def replica_of(self, master):
        """A node that follows it."""
        for node in self.nodes:
            state = node.client.info("replication") if node.process.is_running else {}
            if state.get("master_port") == master.port:
                return node
        raise AssertionError(f"nobody follows {master.name}")

    def masters(self):
        return [node for node in self._alive() if node.is_master]

    # ---- what goes wrong

    def kill_master(self, slot):
        """The node that served it, dead. Its replica takes over within about twice the node timeout."""
        master = self.master_of(slot)
        master.kill()
        return master

    def wait_for_other_master(self, slot, than, seconds=60):
        """Waits until everybody that lives has another node for the slot."""
        def is_taken_over():
            return all(node.state().get("cluster_state") == "ok" and self.master_of(slot, node) is not than
                       for node in self._alive())
        wait_until(f"slot {slot} is served by another than {than.name}", is_taken_over, seconds)
        return self.master_of(slot)

    def failover(self, slot, how=None):
        """The replica takes over in good order, or by FORCE or TAKEOVER from a master that is not asked. Not again by the same
        node within some four node timeouts: it would take its old votes for new ones."""
        before = self.master_of(slot)
        replica = self.replica_of(before)
        wait_until("the master knows of it, or would not answer it", lambda: any(
            self.ids[replica] in str(line) for line in before.ask("REPLICAS", self.ids[before])))
        replica.ask("FAILOVER", *[how] * bool(how))
        return self.wait_for_other_master(slot, before)

    def move_slot(self, slot, to):
        SlotMove(self, slot, to).begin().finish()

    def stop(self):
        self.client.close()
        for node in self.nodes:
            node.stop()


class SlotMove:
    """A slot on its way from the master that has it to another, as long as a test wants it to be."""

    def __init__(self, cluster, slot, to):
        self.cluster, self.slot, self.to = cluster, slot, to
        self.source = cluster.master_of(slot)

    def begin(self):
        self.to.ask("SETSLOT", self.slot, "IMPORTING", self.cluster.ids[self.source])
        self.source.ask("SETSLOT", self.slot, "MIGRATING", self.cluster.ids[self.to])
        return self

    def move(self, *keys):
        """These keys alone."""
        self.source.client.execute_command("MIGRATE", "127.0.0.1", self.to.port, "", 0, 10000, "KEYS", *keys)

    def finish(self):
        """All keys that are left, and then the slot itself."""
        while keys := self.source.ask("GETKEYSINSLOT", self.slot, 100):
            self.move(*keys)
        others = [node for node in self.cluster.masters() if node not in (self.to, self.source)]
        for node in (self.to, self.source, *others):
            node.ask("SETSLOT", self.slot, "NODE", self.cluster.ids[self.to])

