"""A Redis Cluster in place of the single Redis: the start, the readers, the worker and both recounts on all its masters, and
what is said of a node that is not as it must be."""
import json

import pytest

from harness import load
from harness.keys import shard_of
from harness.places import free_port, wait_until
from harness.process import ENVIRONMENT
from harness.produce import Sender, event
from harness.redis_cluster import RedisCluster, SlotMove, slot_of
from harness.registry import KIND_NUMBERS as KIND
from harness.worker import Deployment


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    cluster = RedisCluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.stop()


@pytest.fixture
def cluster(nodes):
    yield nodes
    for node in nodes.masters():
        node.client.flushall()
        node.client.execute_command("FUNCTION", "FLUSH")


@pytest.fixture
def begun(kafka, topic, cluster, tmp_path):
    """A deployment that is not initialised."""
    return Deployment(tmp_path, kafka.bootstrap, topic, cluster)


def _rows(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_worker_counts_on_all_masters__goes_red_if_a_reader_asks_one_node_alone(begun, cluster):
    assert _rows(begun.ingest("init"))[0]["shards"] == 16
    assert begun.ingest("init", check=1).stderr.startswith("the prefix clm already holds deployment")
    worker = begun.worker()
    begun.produce(*load.flags(4_000, seed=5))
    recount = load.settle(begun, [worker])
    assert all(node.client.dbsize() > 100 for node in cluster.nodes[:3])

    accounts = sorted({account for _, account, *_ in recount.orders} | {"acme"})
    space = begun.space
    for account in accounts:
        name = space.name(shard_of(account, space.shards), "acct", account)
        told = {row["counter"] + ".read" * (row["source"] == "reading"): row["value"]
                for row in _rows(begun.ingest("counters", account))}
        held = recount.hashes[name]
        assert {counter: value for counter, value in told.items() if value} == {
            field: value for field, value in held.items()
            if value and not field.endswith(("_at", "_id")) and field + ".read" not in held}
    platforms = {row["platform"]: row for row in _rows(begun.ingest("top", "platform", "-n", "100"))}
    for platform, row in platforms.items():
        shares = [recount.hashes[space.name(shard, "platform", platform)] for shard in range(space.shards)]
        assert row["views"] == sum(share.get("views", 0) for share in shares)
    assert _rows(begun.ingest("top", "content", "acme", "--hours", "2000"))
    assert _rows(begun.ingest("top", "campaign", "acme"))
    lags = _rows(begun.ingest("status", "--by", "partition", "--worker", f"127.0.0.1:{worker.port}"))
    assert len(lags) == 4 and all(row["lag_messages"] == 0 and row["mark"] == row["end"] for row in lags)

    told, = _rows(begun.ingest("explain", "--counter", "acme", "likes"))
    acme = space.name(shard_of("acme", space.shards), "acct", "acme")
    assert (told["key"], told["slot"], told["value"]) == (acme, slot_of(acme), recount.hashes[acme]["likes"])
    assert told["node"] == cluster.master_of(slot_of(acme)).name
    assert worker.terminate() == 0


def test_rebuild_into_a_fresh_prefix(begun):
    begun.init()
    worker = begun.worker()
    begun.produce(*load.flags(2_000, seed=6))
    recount = load.settle(begun, [worker])
    row, = _rows(begun.ingest("rebuild", "--from", "earliest", "--redis.prefix=again", "--yes"))
    assert row["counted"] == recount.counted
    begun.loadtest("recount", "--redis.prefix=again")
    assert "something stands under the prefix again" in \
        begun.ingest("rebuild", "--from", "earliest", "--redis.prefix=again", "--yes", check=1).stderr


def test_an_interrupted_init_goes_on__goes_red_if_the_rest_of_the_shards_is_left(begun, cluster):
    begun.init()
    metas = [begun.space.name(shard, "meta") for shard in range(begun.space.shards)]
    before = [cluster.client.hgetall(name) for name in metas]
    for name in metas[5:]:
        cluster.client.delete(name)
    assert "was begun with other settings" in begun.ingest("init", "--dedup.span=1024", check=1).stderr
    lost = begun.ingest("check", "--connect", check=65)
    assert "11 of 16 shards" in lost.stdout + lost.stderr and "init was interrupted" in lost.stdout + lost.stderr
    begun.init()
    assert [cluster.client.hgetall(name) for name in metas] == before
    cluster.client.delete(metas[5])
    cluster.client.hset(begun.space.name(7, "mark"), "0", "1 0 -1 0000000000000000 0")
    assert "CLM-M4" in begun.ingest("init", check=1).stderr


def _check(deployment, *flags, code=0, **surroundings):
    done = deployment.ingest("check", "--connect", *flags, check=code, **surroundings)
    return done.stdout + done.stderr


def test_check_names_the_node__goes_red_if_only_one_is_looked_at(begun, cluster):
    begun.init()
    told = _check(begun)
    assert "cluster of 3 masters" in told and all(node.name in told for node in cluster.nodes[:3])
    second = cluster.nodes[1]
    for name, wish, code in (("evicts", "allkeys-lru", 78), ("noeviction", "noeviction", 0)):
        second.client.config_set("maxmemory-policy", wish)
        told = _check(begun, code=code)
        assert name in told and (code == 0 or f"Redis at {second.name} evicts" in told)
    second.client.execute_command("ACL", "SETUSER", "guest", "on", ">guess", "+@all", "~*")
    for node in (cluster.nodes[0], cluster.nodes[2]):
        node.client.execute_command("ACL", "SETUSER", "guest", "on", ">secret", "+@all", "~*")
    told = _check(begun, "--redis.username=guest", f"--redis.url={cluster.nodes[0].name}", code=77,
                  env=ENVIRONMENT | {"CLAMEUR_REDIS_PASSWORD": "secret"})
    assert f"Redis at {second.name} refuses us" in told and "CLM-A1" in told
    for node in cluster.nodes[:3]:
        node.client.execute_command("ACL", "DELUSER", "guest")


def test_any_node_is_a_seed__goes_red_if_the_first_address_must_be_a_master_that_answers(begun, cluster):
    begun.init()
    replica, nobody = cluster.nodes[4], f"127.0.0.1:{free_port()}"
    for url in (f"redis://{replica.name}", f"redis://{nobody},{replica.name}", cluster.url):
        assert "cluster of 3 masters" in _check(begun, f"--redis.url={url}")
    told = _check(begun, f"--redis.url={nobody},127.0.0.1:1", code=69)
    assert f"no Redis at {nobody}" in told and "the other 1 addresses" in told


def test_a_list_that_meets_a_single_redis(begun, redis):
    single = f"127.0.0.1:{redis.port}"
    told = begun.ingest("init", f"--redis.url={single},127.0.0.1:1", check=78).stderr
    assert "CLM-C1" in told and f"redis.url lists 2 addresses, but {single} is a single Redis" in told


def test_a_slot_that_nobody_serves(begun, cluster):
    begun.init()
    slot = slot_of(begun.space.tags[3])
    owner = cluster.master_of(slot)
    for node in cluster.nodes[:3]:
        node.ask("DELSLOTS", slot)
    told = _check(begun, "--redis.timeout=200ms", code=69)
    assert f"no node of the Redis Cluster serves slot {slot}, where shard 3 lies" in told
    owner.ask("ADDSLOTS", slot)
    wait_until("it is served again", cluster.is_whole)


def test_a_slot_on_the_move_is_read__goes_red_without_ask_and_tryagain(begun, cluster):
    """Half of the shard's keys lie here, half there."""
    begun.init()
    worker = begun.worker()
    sender = Sender(begun.bootstrap, begun.topic)
    for number in range(300):
        sender.send(event(KIND["like"], content_id=f"video-{number % 20}"))
    sender.close()
    load.settle(begun, [worker])
    assert worker.terminate() == 0
    slot = slot_of(begun.space.name(shard_of("acme", begun.space.shards), "meta"))
    to = next(node for node in cluster.masters() if node is not cluster.master_of(slot))
    move = SlotMove(cluster, slot, to).begin()
    keys = move.source.ask("GETKEYSINSLOT", slot, 1000)
    move.move(*keys[::2])
    begun.loadtest("recount")
    assert _rows(begun.ingest("status", "--by", "group"))[0]["lag_messages"] == 0
    move.finish()
    begun.recount()
    cluster.move_slot(slot, move.source)
