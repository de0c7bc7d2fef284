"""Redis' and the host's bad days at a start, and what may change under a worker without a stream: code, exit code, and a recount."""
import redis as client_library

from harness import load
from harness.places import wait_until
from harness.process import ENVIRONMENT
from harness.worker import Deployment


def _refused(deployment, exit_code, code, *words, flags=(), **surroundings):
    done = deployment.ingest("run", *flags, check=None, seconds=60, **surroundings)
    assert done.returncode == exit_code, done
    assert all(word in done.stderr for word in (code, *words)), done.stderr


def _counts_and_recounts(deployment, worker, seed=1):
    deployment.produce(*load.flags(2_000, seed=seed))
    return load.settle(deployment, [worker])


def test_a_start_is_refused_while_redis_is_not_fit__and_goes_well_after(deployment):
    client = deployment.redis.client
    client.replicaof("127.0.0.1", 1)
    _refused(deployment, 69, "CLM-R5", "the role of this Redis is slave", "point redis.url at the master")
    client.replicaof("NO", "ONE")
    client.function_flush()
    client.config_set("maxmemory", client.info("memory")["used_memory"] // 2)
    _refused(deployment, 69, "CLM-R2", "Redis is full", "raise maxmemory")
    client.config_set("maxmemory", 0)
    client.config_set("requirepass", "right")
    _refused(deployment, 77, "CLM-A1", "redis.password_file")
    _refused(deployment, 77, "CLM-A1", "WRONGPASS", env=ENVIRONMENT | {"CLAMEUR_REDIS_PASSWORD": "wrong"})
    client_library.Redis(port=deployment.redis.port, password="right").config_set("requirepass", "")
    _counts_and_recounts(deployment, deployment.worker())


def test_a_redis_that_hides_its_policy_is_warned_about_and_counted_into(kafka, topic, redis, tmp_path):
    """As managed ones do: neither INFO nor CONFIG may be asked."""
    redis.client.execute_command("ACL", "SETUSER", "worker", "on", ">secret-of-ours", "+@all", "-info", "-config", "~clm*")
    options = {"redis.username": "worker", "redis.password": "secret-of-ours"}
    deployment = Deployment(tmp_path, kafka.bootstrap, topic, redis, options)
    deployment.file.chmod(0o600)
    deployment.init()
    worker = deployment.worker()
    warned = worker.said("CLM-R1", "start_warning")
    assert len(warned) == 1 and "unknown" in warned[0]
    _counts_and_recounts(deployment, worker)
    assert worker.metric("redis_refusing") == 0 and not worker.metrics().get("clameur_redis_memory_ratio")
    said = worker.process.log.read_text() + worker.get("/status")[1] + worker.get("/metrics")[1]
    assert "secret-of-ours" not in said


def test_a_policy_that_begins_to_evict_is_an_alarm(deployment):
    client, worker = deployment.redis.client, deployment.worker()
    wait_until("Redis was looked at", lambda: worker.metric("redis_evicted_keys_total", "") == 0)
    junk = client.pipeline()
    for i in range(2000):
        junk.set(f"cache:{i}", "x" * 1000, ex=3600)
    junk.execute()
    client.config_set("maxmemory-policy", "volatile-ttl")  # of ours no key expires yet
    client.config_set("maxmemory", client.info("memory")["used_memory"] - 500_000)
    wait_until("the loss is counted", lambda: worker.metric("redis_evicted_keys_total") > 0)
    client.config_set("maxmemory", 0)
    client.config_set("maxmemory-policy", "noeviction")
    evicting = wait_until("it is told", lambda: worker.said("CLM-R1", "redis_evicts"))
    assert len(worker.said("CLM-R1", "redis_may_evict")) == 1 and "rebuild" in evicting[0]
    _counts_and_recounts(deployment, worker)


def test_meta_of_another_deployment_stops_a_worker__goes_red_if_the_deployment_is_not_compared(deployment):
    client, worker, space = deployment.redis.client, deployment.worker(), deployment.space
    _counts_and_recounts(deployment, worker)
    names = [space.name(shard, "meta") for shard in range(space.shards)]
    ours = client.hget(names[0], "deployment")

    def belongs_to(name):
        with client.pipeline() as all_or_none:
            for key in names:
                all_or_none.hset(key, "deployment", name)
            all_or_none.execute()

    belongs_to("f" * 32)
    assert worker.process.wait(30) == 78
    assert "f" * 32 in worker.said("CLM-M4", "worker_stops")[0]
    belongs_to(ours)
    _counts_and_recounts(deployment, deployment.worker(), seed=2)


def test_another_layout_of_shards_is_refused_at_a_start(deployment):
    _refused(deployment, 78, "CLM-M4", "redis.shards is 8", "16", flags=["--redis.shards=8"])


def test_too_few_open_files_are_raised_or_refused(deployment):
    refused = deployment.worker(ready=False, open_files=(100, 256))
    assert refused.process.wait(60) == 71
    assert "needs 512 open files, the hard limit is 256" in refused.said("CLM-L1")[0]

    worker = deployment.worker(open_files=(100, 2000))
    raised = worker.said("CLM-L1", "start_warning")
    assert len(raised) == 1 and "the limit was 100: raised to 2000" in raised[0] and "LimitNOFILE" in raised[0]
    assert worker.metrics()["process_max_fds"][""] == 2000
    _counts_and_recounts(deployment, worker)
