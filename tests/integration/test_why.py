"""The commands with which an operator asks why: their answers, held against known events and against what a worker did."""
import json
import signal
import time
import uuid
from collections import defaultdict

import pytest

from harness import load
from harness.compare import read_marks
from harness.keys import crc16
from harness.log import ends_of, read_log
from harness.odd_redis import OddRedis
from harness.places import wait_until
from harness.process import Process, run
from harness.produce import Sender, batch, event, json_frame
from harness.registry import KIND_NUMBERS as KIND
from harness.worker import INGEST

LEAST = "it is the least copy of the order"
NOT_LEAST = "it is not the least copy of the order"


def lines(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def explain(deployment, *arguments, check=0):
    return lines(deployment.ingest("explain", *arguments, check=check))


class Sum:
    """What explanations of all events come to: the rules of orders and readings are applied here, from their conditions."""

    def __init__(self):
        self.figures = defaultdict(lambda: defaultdict(int))
        self.people = defaultdict(set)
        self.expiries, self.orders, self.readings = {}, defaultdict(list), {}

    def take(self, told):
        order = next((e for e in told["effects"] if e["op"] == "order"), None)
        for effect in told["effects"]:
            key, field, op = effect["key"], effect["field"], effect["op"]
            self.expiries[key] = max(effect.get("expires", 0), self.expiries.get(key, 0))
            if op == "reach":
                self.people[key].add(bytes.fromhex(field))
            elif op == "set":
                subject = (key, field)
                rank = (effect["read_at"], told["event"])
                latest = subject not in self.readings or self.readings[subject][0] < rank
                if latest:
                    self.readings[subject] = (rank, effect["value"], [])
            elif op == "move":
                if latest:
                    self.readings[subject][2].append(key)
            elif op in ("add", "score") and "if" not in effect:
                self.figures[key][field] += effect["delta"]
        if order:
            self.orders[order["key"], order["field"]].append((order["rank"], told["effects"]))

    def settle(self):
        for copies in self.orders.values():
            for i, (_, effects) in enumerate(sorted(copies, key=lambda copy: copy[0])):
                for effect in effects:
                    if effect.get("if") == (NOT_LEAST if i else LEAST) and "delta" in effect:
                        self.figures[effect["key"]][effect["field"]] += effect["delta"]
        for (key, field), (_, value, totals) in self.readings.items():
            self.figures[key][field] = value
            for total in totals:
                self.figures[total][field] += value


def found_in(client, key):
    kind = client.type(key)
    if kind == b"zset":
        return {member.decode(): int(score) for member, score in client.zrange(key, 0, -1, withscores=True)}
    return {field.decode(): int(value) for field, value in client.hgetall(key).items()
            if not field.endswith((b".read_at", b".read_id"))}


def without_zeros(figures):
    return {field: value for field, value in figures.items() if value}


def test_explain_tells_of_every_kind_what_the_worker_does(deployment):
    deployment.produce(*load.flags(6_000, batch=500))
    worker = deployment.worker()
    deployment.drain()
    worker.terminate()
    recount = deployment.recount()
    total, outcomes, kinds = Sum(), defaultdict(int), set()
    for partition, records in read_log(deployment.bootstrap, deployment.topic).items():
        for record in records:
            for told in explain(deployment, f"{deployment.topic}/{partition}/{record.offset}"):
                outcomes[told["outcome"]] += 1
                kinds.add(told.get("kind"))
                total.take(told)
    total.settle()
    assert outcomes == {"counted": recount.counted, "rejected": len(recount.refused), "duplicate": recount.duplicates}
    assert min(outcomes.values()) > 0 and {"purchase", "reading", "erasure", "live_join", "view"} <= kinds and len(kinds) > 50
    client, now = deployment.redis.client, time.time()
    counted = {key.decode() for key in client.scan_iter("*") if key.decode().split(":")[2] not in
               ("mark", "meta", "rules", "orders", "reach", "faults")}
    alive = {key for key in total.figures if total.expiries[key] == 0 or total.expiries[key] > now + 5}
    for key in counted | alive:
        assert without_zeros(found_in(client, key)) == without_zeros(total.figures[key]), key
    for key, people in total.people.items():
        if total.expiries[key] > now + 5:
            client.pfadd("scratch", *people)
            assert client.pfcount(key) == client.pfcount("scratch"), key
            client.delete("scratch")
    assert len(counted) > 100 and len(total.people) > 5


def test_explain_names_the_rule_that_rejects_and_the_first_of_a_duplicate(deployment):
    now = int(time.time() * 1000)
    twice = event(KIND["like"], event_id=uuid.uuid4().bytes)
    sender = Sender(deployment.bootstrap, deployment.topic)
    sender.send(twice)
    sender.send(batch([event(KIND["view"], occurred_at=now + 3_600_000), twice]))
    sender.close()
    log = [record for records in read_log(deployment.bootstrap, deployment.topic).values() for record in records]
    first, second = log
    place = f"{deployment.topic}/{second.partition}/{second.offset}"
    future, duplicate = explain(deployment, place)
    assert future["outcome"] == "rejected" and future["reason"] == "future" and "max_future_skew is 5.0 min" in future["rule"]
    assert future["record_time"] == second.time_ms and future["rules_version"] == 1 and not future["effects"]
    assert duplicate["outcome"] == "duplicate"
    assert duplicate["first"] == f"{deployment.topic}/{first.partition}/{first.offset} [0]"
    by_id = deployment.ingest("explain", str(uuid.UUID(bytes=twice.event_id)))
    assert [told["outcome"] for told in lines(by_id)] == ["counted", "duplicate"], by_id
    assert "all 2 messages of 4 partitions were searched" in by_id.stderr
    nowhere = deployment.ingest("explain", "00" * 16, check=1)
    assert "no event has this id; all 2 messages" in nowhere.stderr
    missing = deployment.ingest("explain", f"{deployment.topic}/{second.partition}/99", check=1)
    assert "there is no record at offset 99" in missing.stderr


def test_what_cannot_be_asked_is_named(deployment, tmp_path):
    for command, code, exit_code in [(["explain", "no-such-topic/0/0"], "CLM-K3", 69),
                                     (["tap", "--kafka.topic=no-such-topic"], "CLM-K3", 69),
                                     (["status", "--by", "group", "--redis.prefix=other"], "CLM-M1", 65),
                                     (["explain", "--counter", "acme", "likes", "--redis.url=127.0.0.1:1"], "CLM-R3", 69)]:
        assert code in deployment.ingest(*command, check=exit_code).stderr
    for command in (["tap"], ["explain", "engagement/0/0"], ["status", "--by", "partition"]):
        assert "kafka.bootstrap.servers is required" in run([INGEST, *command], tmp_path, check=78).stderr
    for command in (["tap", "--sample", "2"], ["tap", "--kind", "likee"], ["tap", "--from", "here"], ["explain"], ["status", "x"],
                    ["status", "--by", "shard"], ["explain", "--counter", "acme"]):
        assert deployment.ingest(*command, check=None).returncode in (64, 78), command


def test_a_search_by_id_goes_as_far_back_as_it_says(deployment):
    wanted = event(KIND["like"])
    sender = Sender(deployment.bootstrap, deployment.topic)
    sender.send(wanted)
    for _ in range(5_000):
        sender.send(event(KIND["view"]))
    sender.close()
    short = deployment.ingest("explain", wanted.event_id.hex(), "--back", "2000", check=1)
    assert "no event has this id; the last 2000 messages" in short.stderr and "--back N" in short.stderr
    assert lines(deployment.ingest("explain", wanted.event_id.hex()))[0]["event"] == wanted.event_id.hex()


# A contract test as a producer runs it: no Kafka, no Redis, no configuration, no key.
def explain_alone(directory, *arguments, check=0):
    return run([INGEST, "explain", *arguments], directory, check=check)


def expectation(directory, expected):
    file = directory / "expected.json"
    file.write_text(json.dumps(expected))
    return ["--expect", file, "--at", "2026-01-01T00:00:10Z"]


LIKE = event(KIND["like"], event_id=bytes(range(16)), occurred_at=1767225600000)
ORDER = event(KIND["purchase"], event_id=bytes(range(1, 17)), occurred_at=1767225600000,
              commerce={"order_id": "o-1", "value_micros": 5_000_000})
EXPECTED = [{"outcome": "counted", "counters": {"acct:acme": {"likes": 1}, "content:acme:tiktok:video-1": {"likes": 1}}},
            {"outcome": "rejected", "reason": "no_currency"}]


def test_expect_is_green_where_the_events_do_what_is_said(tmp_path):
    file = tmp_path / "events.jsonl"
    file.write_bytes(json_frame(LIKE) + b"\n" + json_frame(ORDER) + b"\n")
    done = explain_alone(tmp_path, file, *expectation(tmp_path, EXPECTED))
    assert done.stdout == "" and "2 events, 2 expected, 0 differences" in done.stderr
    told = lines(explain_alone(tmp_path, file, "--at", "2026-01-01T00:00:10Z"))
    explain_alone(tmp_path, file, *expectation(tmp_path, told))  # an output is an expectation


@pytest.mark.parametrize("expected, what", [
    ([EXPECTED[0] | {"counters": {"acct:acme": {"likes": 2}}}, EXPECTED[1]], "acct:acme likes"),
    ([EXPECTED[0] | {"counters": {"acct:acme": {"likes": 1, "views": 1}}}, EXPECTED[1]], "acct:acme views"),
    ([EXPECTED[0] | {"counters": {"acct:acme": {}}}, EXPECTED[1]], "acct:acme likes"),
    ([EXPECTED[0] | {"counters": {"acct:other": {"likes": 1}}}, EXPECTED[1]], "acct:other likes"),
    ([EXPECTED[0], {"outcome": "counted"}], "outcome"),
    ([EXPECTED[0], EXPECTED[1] | {"reason": "no_order_id"}], "reason"),
    (EXPECTED[:1], "outcome"),
    (EXPECTED + EXPECTED[:1], "outcome"),
])
def test_expect_is_red_and_says_what_differs(tmp_path, expected, what):
    file = tmp_path / "events.jsonl"
    file.write_bytes(json_frame(LIKE) + b"\n" + json_frame(ORDER) + b"\n")
    done = explain_alone(tmp_path, file, *expectation(tmp_path, expected), check=1)
    assert [row["what"] for row in lines(done)] == [what], done.stdout
    assert "1 differences" in done.stderr


@pytest.mark.parametrize("expected, why", [
    ({"outcom": "counted"}, 'did you mean "outcome"'),
    ({"counters": {"acct:acme": {"likes": "1"}}}, '"likes" of "acct:acme" is no whole number'),
    ({"counters": {"acct:acme": ["likes"]}}, '"acct:acme" is an object of fields'),
    ({"counters": ["acct:other"]}, '"counters" is an object of keys'),
    ({"counters": "views"}, '"counters" is an object of keys'),
])
def test_expect_refuses_what_nothing_could_differ_from(tmp_path, expected, why):
    file = tmp_path / "events.jsonl"
    file.write_bytes(json_frame(LIKE))
    done = explain_alone(tmp_path, file, *expectation(tmp_path, [expected]), check=65)
    assert why in done.stderr


@pytest.mark.parametrize("value, outcomes", [
    (json_frame(LIKE), ["counted"]), (LIKE.SerializeToString(), ["counted"]),
    (batch([LIKE, ORDER, LIKE]).SerializeToString(), ["counted", "rejected", "duplicate"]),
    (json_frame(LIKE) + b"\n\nnonsense\n" + json_frame(LIKE), ["counted", "rejected", "duplicate"]),
    (b"nonsense", ["rejected"]), (b"", ["rejected"])])
def test_explain_reads_every_form_of_file_and_standard_input(tmp_path, value, outcomes):
    file = tmp_path / "event"
    file.write_bytes(value)
    told = lines(explain_alone(tmp_path, file, "--at", "2026-01-01T00:00:10Z"))
    assert [t["outcome"] for t in told] == outcomes, told
    for t in told:
        t["source"] = t["source"].replace(str(file), "-")
    piped = Process("explain", ["sh", "-c", f"{INGEST} explain - --at 2026-01-01T00:00:10Z < {file}"], tmp_path)
    assert piped.wait(30) == 0 and [json.loads(line) for line in piped.log.read_text().splitlines()] == told


def key_slot(key):
    return crc16(key[key.index("{") + 1:key.index("}")].encode()) % 16384


def test_explain_counter(deployment):
    sender = Sender(deployment.bootstrap, deployment.topic)
    for _ in range(3):
        sender.send(event(KIND["like"]))
    sender.close()
    worker = deployment.worker()
    deployment.drain()
    worker.terminate()
    told, = explain(deployment, "--counter", "acme", "likes")
    key = told["key"]
    assert deployment.redis.client.hget(key, "likes") == b"3" and told["value"] == 3
    assert key == deployment.space.name(told["shard"], "acct", "acme")
    assert told["slot"] == key_slot(key)
    assert "kind like" in told["definition"]
    assert sum(mark["next"] for mark in told["marks"]) == 3 and len(told["marks"]) == 4
    on_content, = explain(deployment, "--counter", "acme", "likes", "tiktok", "video-1")
    assert on_content["value"] == 3 and ":content:acme:tiktok:video-1" in on_content["key"]
    gross, = explain(deployment, "--counter", "acme", "gross_micros:EUR")
    assert gross["value"] is None and gross["definition"].endswith("in micros of EUR")
    assert explain(deployment, "--counter", "acme", "priced_orders:EUR")[0]["definition"].endswith("that carry a value, in EUR"), "a count"
    for name, says in (("likees", 'did you mean "likes"'), ("gross_micros", "counted by currency: gross_micros:EUR"), ("likes:EUR", "likes is not counted by")):
        assert says in deployment.ingest("explain", "--counter", "acme", name, check=64).stderr


# --- tap

RAW = ("alice-7f3a", "bob-91c2")


def tapped(deployment, *arguments, check=0):
    return lines(deployment.ingest("tap", "--from", "earliest", *arguments, check=check))


def test_tap_shows_fates_and_never_a_raw_id(deployment, tmp_path):
    sender = Sender(deployment.bootstrap, deployment.topic)
    people = {"actor_id": RAW[0], "person_id": RAW[1]}
    twice = event(KIND["like"], **people)
    for message in (twice, twice, event(KIND["comment"], event_id=b"broken", **people),
                    event(KIND["erasure"], erasure={"actor_id": RAW[0]}, **people),
                    event(KIND["view"], account="other", platform=3, view={"watch_ms": 1234}, **people)):
        sender.send(message)
    sender.send(b"nonsense", key=RAW[0].encode())
    sender.close()
    for form in ("table", "json", "jsonl", "csv", "tsv"):
        done = deployment.ingest("tap", "--from", "earliest", "-n", "6", "-o", form)
        assert not [raw for raw in RAW if raw in done.stdout + done.stderr]
        assert "undecodable" in done.stdout
    shown = tapped(deployment, "-n", "6")
    assert sorted((row["kind"] or "", row["fate"], row["reason"] or "") for row in shown) == sorted([
        ("like", "counted", ""), ("like", "duplicate", ""), ("comment", "rejected", "no_id"), ("erasure", "counted", ""),
        ("view", "counted", ""), ("", "rejected", "undecodable")])
    actors, persons = ({row[who] for row in shown if row["kind"]} for who in ("actor", "person"))
    assert len(actors) == 2 and len(persons) == 1 and actors.isdisjoint(persons) and None not in actors | persons
    assert [row["account"] for row in tapped(deployment, "--account", "other", "-n", "1")] == ["other"]
    assert {row["reason"] for row in tapped(deployment, "--rejected", "-n", "2")} == {"no_id", "undecodable"}
    assert [row["kind"] for row in tapped(deployment, "--kind", "view", "--platform", "youtube", "-n", "1")] == ["view"]
    where = tapped(deployment, "--where", "kind=like,fate=duplicate", "-n", "1")
    assert [(row["kind"], row["fate"]) for row in where] == [("like", "duplicate")]
    assert [row["kind"] for row in tapped(deployment, "--where", "watch_ms=1234", "-n", "1")] == ["view"]
    done = deployment.ingest("tap", "--where", "knd=like", check=64)
    assert 'did you mean "kind"?' in done.stderr
    # Without the deployment's key, too, by a key of its own.
    alone = lines(run([INGEST, "tap", "--from", "earliest", "-n", "6", f"--kafka.topic={deployment.topic}",
                       f"--kafka.bootstrap.servers={deployment.bootstrap}"], tmp_path))
    assert actors.isdisjoint({row["actor"] for row in alone})


def test_tap_begins_at_the_end_takes_a_sample_and_leaves_the_group_alone(deployment):
    worker = deployment.worker()
    sender = Sender(deployment.bootstrap, deployment.topic)
    for _ in range(40):
        sender.send(event(KIND["like"]))
    sender.close()
    rebalances = worker.metric("kafka_rebalances_total")
    tap = Process("tap", [INGEST, "tap", "-c", deployment.file, "--sample", "1/4", "-o", "json"], deployment.directory)
    wait_until("tap listens", lambda: "listening to 4 partitions" in tap.log.read_text())
    sender = Sender(deployment.bootstrap, deployment.topic)
    sent = [event(KIND["view"]) for _ in range(400)]
    for message in sent:
        sender.send(message)
    sender.close()
    deployment.drain()
    wait_until("tap shows some", lambda: tap.log.read_text().count('"fate":"counted"') > 40)
    tap.signal(signal.SIGINT)
    assert tap.wait(10) == 0
    shown = json.loads(tap.log.read_text().split("\n", 1)[1])
    assert 40 < len(shown) < 200 and {row["kind"] for row in shown} == {"view"}
    assert {row["event"] for row in shown} <= {message.event_id.hex() for message in sent}
    assert worker.metric("kafka_rebalances_total") == rebalances and worker.assigned() == 4
    assert worker.terminate() == 0
    deployment.recount()


# --- status

def status(deployment, *arguments, check=0):
    done = deployment.ingest("status", *arguments, check=check)
    return lines(done), done.stderr


def address(worker):
    return f"127.0.0.1:{worker.port}"


def test_status_tells_what_the_workers_and_the_marks_say(deployment):
    first, second = deployment.worker(), deployment.worker()
    wait_until("both workers have two partitions", lambda: first.assigned() == second.assigned() == 2)
    deployment.produce(*load.flags(2_000))
    deployment.drain()
    rows, said = status(deployment, "--worker", address(first), f"--worker={address(second)}")
    assert [row["worker"] for row in rows] == [address(first), address(second)] and "own" not in said
    for worker, row in zip((first, second), rows):
        assert (row["state"], row["partitions"], row["lag_messages"], row["balance_difference"]) == ("ready", 2, 0, 0)
        assert row["rejected"] == worker.metric("events_rejected_total") > 0
        reason, most = row["most_rejected"].split()
        assert int(most) == worker.metric("events_rejected_total", f'reason="{reason}"')
        assert 0 < row["flush_p50_ms"] <= row["flush_p99_ms"]
    # A worker under two names is one; who owns the rest is asked for.
    rows, said = status(deployment, "--worker", f"localhost:{first.port},{address(first)}")
    assert len(rows) == 1 and "these own 2 of 4 partitions" in said
    rows, _ = status(deployment, "--by", "partition", "--worker", f"{address(first)},{address(second)}")
    owners = {p["partition"]: address(w) for w in (first, second) for p in json.loads(w.get("/status")[1])["partitions"]}
    assert {row["partition"]: row["worker"] for row in rows} == owners
    assert all(row["position"] == row["mark"] == row["end"] and row["state"] == "counting" for row in rows)
    assert first.terminate() == 0 and second.terminate() == 0
    deployment.recount()


def test_status_knows_the_lag_while_no_worker_runs(deployment):
    group, = status(deployment, "--by", "group")[0]
    assert group["committed"] == 0 and group["lag_messages"] == 0
    deployment.produce(*load.flags(500))
    worker = deployment.worker()
    deployment.drain()
    assert worker.terminate() == 0
    sender = Sender(deployment.bootstrap, deployment.topic)
    for _ in range(7):
        sender.send(event(KIND["like"]))  # of one actor: one partition
    sender.close()
    rows, said = status(deployment, "--by", "partition", "--worker", address(worker))
    marks = [min(m[p].next for m in read_marks(deployment.redis.client, deployment.space)) for p in range(4)]
    ends = ends_of(deployment.bootstrap, deployment.topic)
    assert [(row["mark"], row["end"], row["lag_messages"]) for row in rows] == [
        (mark, ends[p], ends[p] - mark) for p, mark in enumerate(marks)]
    assert sorted(row["lag_messages"] for row in rows) == [0, 0, 0, 7]
    assert all(row["committed"] == row["mark"] for row in rows), "a drained stop commits"
    assert all(row["worker"] is None and row["state"] == "not owned by those asked" for row in rows)
    group, = status(deployment, "--by", "group")[0]
    slowest = max(rows, key=lambda row: row["lag_messages"])["partition"]
    assert (group["lag_messages"], group["commit_lag_messages"], group["slowest_partition"]) == (7, 7, slowest)
    assert group["committed"] == group["partitions"] == 4 and group["lag_seconds"] >= 0


def test_status_self_is_a_health_check(deployment):
    worker = deployment.worker()
    here = f"--http.listen=[::]:{worker.port}"
    assert status(deployment, "--self", here)[0] == [{"worker": address(worker), "state": "ready"}]
    deployment.redis.kill()
    wait_until("the worker is not ready", lambda: worker.get("/readyz")[0] == 503)
    assert status(deployment, "--self", here, check=1)[0][0]["state"] == "redis is not connected"
    rows, _ = status(deployment, here)
    assert rows[0]["state"] == "redis is not connected"
    worker.kill()
    assert "does not answer" in status(deployment, "--self", here, check=69)[1]
    rows, _ = status(deployment, here, check=69)
    assert "does not answer" in rows[0]["state"] and rows[0]["lag_messages"] is None
    assert "--worker HOST:PORT" in status(deployment, "--self", check=78)[1]  # the tests' port is 0


def test_status_watches_rates(deployment):
    worker = deployment.worker()
    watch = Process("watch", [INGEST, "status", "-c", deployment.file, "--worker", address(worker), "--watch=200ms"],
                    deployment.directory)
    deployment.produce(*load.flags(4_000, rate=4_000))
    deployment.drain()

    def rows():
        return [json.loads(line) for line in watch.log.read_text().splitlines() if line.endswith("}")]

    wait_until("a rate was seen and is over", lambda: [r for r in rows() if r["read_per_s"] > 100] and
               rows()[-1]["read_per_s"] == 0)
    assert max(row["counted_per_s"] for row in rows()) > 100
    watch.kill()
    assert worker.terminate() == 0
    deployment.recount()


@pytest.mark.parametrize("answer", [
    b":1\r\n", b"$-1\r\n", b"*0\r\n", b"$3\r\nabc\r\n", b"*2\r\n:1\r\n:2\r\n", b"*2\r\n$1\r\n0\r\n$1\r\nx\r\n",
    b"*3\r\n*0\r\n*0\r\n*0\r\n", b"*3\r\n$1\r\na\r\n*0\r\n$-1\r\n"])
def test_an_answer_that_is_none_is_said_to_be_none__goes_red_where_it_is_taken_apart(tmp_path, answer):
    """A library of another version, a proxy, or no Redis at all."""
    odd = OddRedis(answer)
    where = [f"--redis.url=redis://127.0.0.1:{odd.port}"]
    said = run([INGEST, "explain", "--counter", "acme", "likes", *where], tmp_path, check=69).stderr
    assert "is no answer to it" in said
    # A key's name of one letter, nothing behind it: no campaign.
    run([INGEST, "top", "campaign", "acme", *where], tmp_path, check=None if answer.endswith(b"x\r\n") else 69)
    for words in (["counters", "acme"], ["counters", "acme", "tiktok", "--series", "5m"], ["top", "acme", "tiktok"], ["top", "platform"]):
        assert run([INGEST, *words, *where], tmp_path, check=None).returncode >= 0, words
    odd.close()
