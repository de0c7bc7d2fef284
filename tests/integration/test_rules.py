"""Versions of the rules: appended ahead of what is counted, and what would change the past is refused."""
import time

import pytest

from harness import load
from harness.compare import read_marks
from harness.places import wait_until
from harness.produce import Sender, event
from harness.recount import Rules
from harness.registry import KIND_NUMBERS as KIND
from harness.worker import Deployment

FIRST = "- version: 1\n  since: 0\n  max_future_skew: 10m\n"
SECOND = ("- version: 2\n  since: {}\n  max_future_skew: 1m\n  weights: {{like: 7, share: 0, comment: -2, spend: 5}}\n"
          "  reach.retain: 60d\n  window: {{disorder: 0, lateness: 1h, refunds: 30d}}\n  tracked: {{again: [initech, globex], acme: []}}\n")
MINUTE = 60_000
DAY = 86_400_000


def now_ms():
    return int(time.time() * 1000)


def second(since):
    return Rules(since=since, max_future_skew=MINUTE, weights={"like": 7, "share": 0, "comment": -2, "spend": 5},
                 reach_retain=60 * DAY, window_disorder=0, window_lateness=60 * MINUTE, window_refunds=30 * DAY, tracked={"again": ["globex", "initech"], "acme": []})


@pytest.fixture
def deployment(kafka, topic, redis, tmp_path):
    options = {"kafka.session.timeout": "2s", "kafka.heartbeat.interval.ms": 400, "redis.timeout": "1s"}
    deployment = Deployment(tmp_path, kafka.bootstrap, topic, redis, options, [Rules(max_future_skew=10 * MINUTE)], FIRST)
    return deployment.init()


def append(deployment, since):
    """Version 2, in force from `since` on."""
    text = FIRST + SECOND.format(since)
    (deployment.directory / "rules.yaml").write_text(text)
    deployment.rules = [deployment.rules[0], second(since)]
    return text


def send_early(deployment, count):
    """Likes that lie two minutes ahead of their records: version 1 counts them, version 2 does not."""
    sender = Sender(deployment.bootstrap, deployment.topic)
    for i in range(count):
        sender.send(event(KIND["like"], occurred_at=now_ms() + 2 * MINUTE, actor_id=f"early-{i}"))
    sender.close()


def send_again(deployment):
    """A person who was reached before: no register rises, but the key is to live as the rules in force say. And a kind that has
    no counter of its own, but a weight under version 2; and mentions of rivals, of which version 2 tracks one."""
    sender = Sender(deployment.bootstrap, deployment.topic)
    sender.send(event(KIND["like"], account="again"))
    sender.send(event(KIND["spend"], account="again", spend={"cost_micros": 5, "currency": "EUR"}))
    for brand in ("globex", "hooli"):
        sender.send(event(KIND["mention"], account="again", listening={"tracked_brand": brand}))
    sender.close()


def kept(deployment):
    """What every shard says: its rules, and its marks with their epochs."""
    client, space = deployment.redis.client, deployment.space
    return [(client.hgetall(space.name(s, "rules")), client.hgetall(space.name(s, "mark"))) for s in range(space.shards)]


def expect_refused(deployment, *words):
    before = kept(deployment)
    for command in (["check", "--connect"], ["run"]):
        done = deployment.ingest(*command, check=None, seconds=60)
        said = done.stdout + done.stderr
        assert done.returncode == 78 and "CLM-M5" in said, done
        assert all(word in said for word in words), said
    assert kept(deployment) == before


def test_an_appended_version_counts_from_its_since_and_the_past_stays(deployment):
    worker = deployment.worker()
    deployment.produce(*load.flags(2_000))
    send_early(deployment, 20)
    send_again(deployment)
    load.settle(deployment, [worker])
    assert worker.terminate() == 0

    since = now_ms() + 8_000
    good = append(deployment, since)
    deployment.ingest("check", "--connect")
    worker = deployment.worker()
    send_again(deployment)  # of the worker's own time, before `since` or not
    deployment.produce(*load.flags(3_000, rate=500, seed=2))
    wait_until("version 2 is in force", lambda: now_ms() > since + 100)
    send_early(deployment, 30)
    send_again(deployment)
    recount = load.settle(deployment, [worker])
    assert len([r for r in recount.refused if r[3] == "future"]) >= 30
    assert worker.metric("events_rejected_total") > 0
    times = [mark.time_ms for marks in read_marks(deployment.redis.client, deployment.space) for mark in marks.values()]
    assert max(times) > since
    assert worker.terminate() == 0

    rules = deployment.directory / "rules.yaml"
    rules.write_text(good + f"- version: 3\n  since: {since + 1}\n  max_past: 1d\n")
    expect_refused(deployment, "version 3 of the rules", "does not lie ahead of what is counted", "newest mark: 20")
    rules.write_text(good.replace("like: 7", "like: 8"))
    expect_refused(deployment, "version 2 of the rules", "another here")
    rules.write_text(FIRST)
    expect_refused(deployment, "version 2 of the rules", "missing here")
    rules.write_text(good)
    worker = deployment.worker()
    load.settle(deployment, [worker])


def test_a_version_that_may_be_in_force_before_every_shard_is_claimed_is_refused__unless_a_shard_has_it(deployment):
    """Goes red if only the marks are asked: shards claimed before `since` refuse the old rules then, the others the new."""
    worker = deployment.worker()
    deployment.produce(*load.flags(2_000))
    load.settle(deployment, [worker])
    assert worker.terminate() == 0
    append(deployment, now_ms() + 1_000)
    expect_refused(deployment, "version of the rules 2 is new to every shard", "may take 3.0 s")
    append(deployment, now_ms() - 1)
    expect_refused(deployment, "its since has passed")
    since = now_ms() + 8_000
    append(deployment, since)
    worker = deployment.worker()
    wait_until("it is claimed", lambda: all(rules.get(b"2") for rules, _ in kept(deployment)))
    assert worker.terminate() == 0
    wait_until("version 2 is in force", lambda: now_ms() > since)
    worker = deployment.worker()
    deployment.produce(*load.flags(1_000, seed=2))
    load.settle(deployment, [worker])


def test_another_pseudonym_key_is_refused_and_a_rotation_ahead_is_not(deployment):
    worker = deployment.worker()
    deployment.produce(*load.flags(2_000))
    load.settle(deployment, [worker])
    key = deployment.directory / "pseudonym.key"
    right = key.read_text()
    right_file = deployment.directory / "right.key"
    right_file.write_text(right)
    right_file.chmod(0o600)
    key.write_text("ff" * 16 + "\n")
    other = deployment.worker(ready=False)  # beside one that counts by the right key
    assert other.process.wait(30) == 78 and "pseudonym key 1" in other.process.tail()
    assert worker.terminate() == 0
    expect_refused(deployment, "pseudonym key 1", "another here")
    done = deployment.loadtest("recount", check=78)
    assert "CLM-M5" in done.stderr and "pseudonym key 1" in done.stderr, done
    done = deployment.loadtest("recount", "--counters.families=account", f"--privacy.key_file={right_file}", check=78)
    assert "CLM-M5" in done.stderr and "counters.families is account, but deployment" in done.stderr, done
    key.write_text(right + f"{now_ms() - 3_600_000}: {'ee' * 16}\n")
    expect_refused(deployment, "pseudonym key 2", "does not lie ahead of what is counted")
    key.write_text(right + f"{now_ms() + 3_600_000}: {'ee' * 16}\n")
    deployment.ingest("check", "--connect")
    key.write_text(right)
    deployment.recount()


def test_a_rotation_of_the_pseudonym_key__goes_red_if_either_recount_or_the_worker_knows_one_key_alone(deployment):
    """By the record's time: who came before and after it is reached twice on that day, under either key once."""
    worker = deployment.worker()
    deployment.produce(*load.flags(2_000))
    send_again(deployment)
    load.settle(deployment, [worker])
    assert worker.terminate() == 0

    since, key = now_ms() + 8_000, bytes.fromhex("ee" * 16)
    file = deployment.directory / "pseudonym.key"
    file.write_text(f"{file.read_text()}{since}: {key.hex()}\n")
    deployment.keys.append((since, key))
    worker = deployment.worker()
    assert "pseudonym key 2" in worker.process.log.read_text()
    deployment.produce(*load.flags(2_500, rate=500, seed=2))
    wait_until("the second key is in force", lambda: now_ms() > since + 100)
    send_again(deployment)
    recount = load.settle(deployment, [worker])
    times = [mark.time_ms for marks in read_marks(deployment.redis.client, deployment.space) for mark in marks.values()]
    assert max(times) > since
    again = [people for name, people in recount.reached.items() if ":reach:again:" in name]
    assert sum(map(len, again)) >= 2, "one actor, two pseudonyms"
    assert worker.terminate() == 0
    deployment.keys.pop()
    with pytest.raises(AssertionError, match="key:2"):
        deployment.recount(program=False)
    file.write_text(file.read_text().splitlines()[0] + "\n")
    assert "pseudonym key 2 is another here" in deployment.loadtest("recount", check=78).stderr


def test_a_worker_with_the_old_rules_stops_before_it_counts_by_them(deployment):
    old_file = deployment.directory / "old.yaml"
    old_file.write_text(FIRST)
    old = deployment.worker(flags=[f"--rules.file={old_file}"])
    deployment.produce(*load.flags(2_000))
    deployment.drain()
    append(deployment, now_ms() + 8_000)
    new = deployment.worker()
    with load.stream(deployment, 12, seed=2):
        assert old.process.wait(30) == 78
    assert "CLM-M5" in old.process.tail() and "missing here" in old.process.tail()
    load.settle(deployment, [new])
