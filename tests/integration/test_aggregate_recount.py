"""`clameur-loadtest recount --against snapshots`: the program's own count of published windows agrees with the independent one in
Python, says what is not to be compared yet, and sees a single wrong unit, in whatever file it stands."""
import hashlib
import json
import os
import shutil
import time
from pathlib import Path

import pytest
import zstandard

from harness import load
from harness import s3 as bucket
from harness.aggregate import Aggregation
from harness.registry import SCHEMAS
from harness.worker import Deployment

import clameur_snapshot  # harness.aggregate has led there

WINDOW_MS = 900_000


class NoRedis:
    """The configuration names one; neither aggregators nor this recount ask it."""
    url = "redis://127.0.0.1:1"


def _past():
    """ms: the start of a window three hours ago, so that all that follows can be sealed by now."""
    now = int(time.time() * 1000)
    return now - now % WINDOW_MS - 12 * WINDOW_MS


past = pytest.fixture(name="past")(_past)


def _topic(kafka):
    """Records have the producer's times, so that events of hours ago come in time."""
    return kafka.create_topic(f"recount-{os.urandom(3).hex()}", message_timestamp_type="CreateTime")


def _aggregation(kafka, topic, directory):
    store = directory / "store"
    options = {"store.url": f"file://{store}", "aggregate.checkpoint": "1s", "aggregate.group": f"{topic}-aggregate"}
    return Aggregation(Deployment(directory, kafka.bootstrap, topic, NoRedis, options), store)


topic = pytest.fixture(name="topic")(_topic)


@pytest.fixture
def aggregation(kafka, topic, tmp_path):
    return _aggregation(kafka, topic, tmp_path)


def produce(aggregation, past, events, windows):
    for number in range(windows):
        aggregation.deployment.produce(*load.flags(events // windows, seed=number + 1),
                                       f"--start-time={past + number * WINDOW_MS + 60_000}")


def recount(aggregation, *flags, check=0):
    done = aggregation.deployment.loadtest("recount", "--against=snapshots", "--output=json", *flags, check=check)
    return json.loads(done.stdout)


def _settle(aggregation, past):
    """Some windows, published, and the aggregator gone; with what they must hold."""
    produce(aggregation, past, 6_000, 2)
    aggregator = aggregation.start()
    aggregation.expected_ = aggregation.settle()
    assert aggregator.terminate() == 0
    aggregator.check_balance()
    return aggregation


@pytest.fixture(scope="session")
def published(kafka, tmp_path_factory):
    return _settle(_aggregation(kafka, _topic(kafka), tmp_path_factory.mktemp("published")), _past())


@pytest.fixture
def settled(published, kafka, tmp_path):
    """Settled windows in a copy of the store, for a test that leaves the log as it is."""
    shutil.copytree(published.store.path, tmp_path / "store")
    aggregation = _aggregation(kafka, published.deployment.topic, tmp_path)
    aggregation.expected_ = published.expected_
    return aggregation


def test_both_counts_of_published_windows_agree(aggregation, past):
    produce(aggregation, past, 20_000, 4)
    aggregator = aggregation.start()
    expected = aggregation.settle()
    assert aggregator.terminate() == 0
    answer = recount(aggregation, "--drained")
    fates, shares = expected.fates.values(), [s for w in expected.windows.values() for s in w.shares.values()]
    assert answer["equal"] and answer["findings"] == 0 and answer["lag"] == 0
    assert answer["windows"] == len(expected.windows) and answer["partitions"] == 4
    assert answer["rows"] == sum(len(expected.table(start)) for start in expected.windows)
    assert answer["counters"] == sum(len(cells) for start in expected.windows for cells in expected.table(start).values())
    assert answer["orders"] == sum(len(copies) for w in expected.windows.values() for copies in w.orders.values()) > 100
    assert answer["sketches"] == sum(len(w.seen) + len(w.took) for w in expected.windows.values()) > 100
    sessions = [sums for w in expected.windows.values() for sums in w.sessions().values()]
    assert answer["live_sessions"] == len(sessions) > 20 and sum(expired for _, _, _, expired, *_ in sessions) > 20
    assert answer["events"] == sum(f.read for f in fates)
    assert (answer["counted"], answer["late"]) == (sum(s.counted for s in shares), sum(s.late for s in shares))
    assert (answer["duplicates"], answer["rejected"]) == (sum(f.duplicate for f in fates), sum(f.rejected for f in fates))
    assert min(answer[name] for name in ("late", "duplicates", "rejected")) > 50


def test_with_little_memory_the_log_is_read_more_often_and_the_answer_is_the_same(settled):
    once = recount(settled)
    done = settled.deployment.loadtest("recount", "--against=snapshots", "--output=json", "--memory=1MiB")
    assert json.loads(done.stdout) == once
    assert "the log is read once more" in done.stderr


def test_what_is_not_sealed_or_not_read_is_said_and_not_compared(aggregation, past):
    settled = _settle(aggregation, past)
    settled.deployment.produce(*load.flags(2_000, seed=8))  # of now
    behind = recount(settled)
    assert behind["lag"] > 1000 and behind["equal"]
    assert recount(settled, "--drained", check=1)["finding_list"][0]["counter"] == "lag"
    aggregator = settled.start()
    for _ in range(100):
        if recount(settled, "--live")["lag"] == 0:
            break
        time.sleep(0.3)
    answer = recount(settled, "--live")
    assert answer["windows_open"] >= 1 and answer["lag"] == 0
    assert aggregator.terminate() == 0
    assert recount(settled, "--drained", check=1)["finding_list"][0]["recount"] == "drained"


def test_by_another_pseudonym_key_nothing_is_compared__red_without_the_fingerprints(settled):
    key = settled.deployment.directory / "pseudonym.key"
    right = key.read_text()
    key.write_text("ff" * 16 + "\n")
    done = settled.deployment.loadtest("recount", "--against=snapshots", check=78)
    assert done.stdout == "" and "CLM-M5" in done.stderr
    assert "pseudonym key 1" in done.stderr and "privacy.key_file" in done.stderr
    # A rotation that no aggregator has begun with changes nothing of what they count.
    key.write_text(right + f"1: {'ee' * 16}\n")
    done = settled.deployment.loadtest("recount", "--against=snapshots", "--output=json")
    assert json.loads(done.stdout)["equal"] and "pseudonym key 2" in done.stderr


def test_it_agrees_while_aggregators_work(aggregation, past):
    produce(aggregation, past, 4_000, 2)
    running = [aggregation.start() for _ in range(2)]
    stream = aggregation.deployment.producer(*load.flags(4_000, rate=400, seed=9), f"--start-time={past + 3 * WINDOW_MS}")
    compared = 0
    while stream.is_running:
        compared = max(compared, recount(aggregation, "--live")["windows"]) if aggregation.store.starts() else 0
    assert stream.wait(60) == 0 and compared > 0
    for aggregator in running:
        assert aggregator.terminate() == 0


@pytest.fixture
def s3(tmp_path):
    s3 = bucket.S3(tmp_path / "s3")
    yield s3
    s3.stop()


def test_a_store_in_a_bucket_is_counted_again(kafka, topic, s3, tmp_path, past):
    secret = tmp_path / "secret"
    secret.write_text(bucket.SECRET)
    options = {"store.url": "s3://tests/windows", "store.s3.endpoint": s3.endpoint, "store.s3.region": bucket.REGION,
               "store.s3.access_key": bucket.ACCESS, "store.s3.secret_key_file": secret,
               "aggregate.checkpoint": "1s", "aggregate.group": f"{topic}-aggregate"}
    aggregation = Aggregation(Deployment(tmp_path, kafka.bootstrap, topic, NoRedis, options), s3.bucket / "windows")
    produce(aggregation, past, 4_000, 2)
    aggregator = aggregation.start()
    expected = aggregation.settle()
    assert aggregator.terminate() == 0
    answer = recount(aggregation, "--drained")
    assert answer["equal"] and answer["windows"] == len(expected.windows) and answer["partitions"] == 4
    rewrite(aggregation.store.revisions(full_of(expected))[-1], _one_more)
    assert recount(aggregation, check=1)["findings"] == 1


# ---- one thing wrong

def rewrite(path, change):
    """The file again after `change(header, blocks)`: whole, and as one writes it, but for what was changed."""
    snapshot, messages = clameur_snapshot.Snapshot(path, SCHEMAS / "snapshot.binpb"), []
    tag, message = clameur_snapshot.HEADER, snapshot.header
    while tag != clameur_snapshot.TRAILER:
        messages.append(message)
        tag, message = snapshot._message()
    header, blocks = messages[0], messages[1:]
    change(header, blocks)
    body = _field(clameur_snapshot.HEADER, header) + b"".join(_field(clameur_snapshot.BLOCK, b) for b in blocks if b.rows)
    message.sha256 = hashlib.sha256(body).digest()
    path.chmod(0o600)
    path.write_bytes(zstandard.compress(body + _field(clameur_snapshot.TRAILER, message)))


def _field(tag, message):
    data, length = message.SerializeToString(deterministic=True), b""
    rest = len(data)
    while rest > 0x7F:
        length, rest = length + bytes([rest & 0x7F | 0x80]), rest >> 7
    return bytes([tag]) + length + bytes([rest]) + data


CONTENT, LATE, ORDERS, REACH, QUANTILES = 1, 5, 6, 7, 8


def _one_more(header, blocks):
    next(b for b in blocks if b.table == CONTENT).columns[0].values[0] += 1


def _no_late_rows(header, blocks):
    next(b for b in blocks if b.table == LATE).rows = 0
    header.table_rows[LATE] = 0
    while header.table_rows and header.table_rows[-1] == 0:
        header.table_rows.pop()


def _late_in_time(header, blocks):
    share = next(c for c in header.coverage if c.late)
    share.late -= 1
    share.counted += 1


def _order_without_content(header, blocks):
    order = next(o for b in blocks if b.table == ORDERS for o in b.orders)
    order.campaign = "another"


def _one_reached_more(header, blocks):
    next(b for b in blocks if b.table == REACH).reached[0] += 1


def _another_register(header, blocks):
    block = next(b for b in blocks if b.table == REACH)
    number, form = next((i, sketch) for i, sketch in enumerate(block.sketches) if sketch[0] == 2)
    block.sketches[number] = form[:1] + bytes([form[1] ^ 1 if form[1] & 63 > 1 else form[1] ^ 2]) + form[2:]


def _a_duration_more(header, blocks):
    block = next(b for b in blocks if b.table == QUANTILES)
    number, form = next((i, sketch) for i, sketch in enumerate(block.sketches) if sketch[-1] < 0x7F)
    block.sketches[number] = form[:-1] + bytes([form[-1] + 1])


def full_of(expected):
    return max(expected.windows, key=lambda start: len(expected.table(start)))


def full(settled):
    return full_of(settled.expected_)


def with_late(settled):
    return next(start for start, window in settled.expected_.windows.items() if any(s.late for s in window.shares.values()))


WRONG = {
    "a counter": (_one_more, lambda f: int(f["snapshots"]) == int(f["recount"]) + 1 and f["where"].startswith("content ")),
    "late rows missing": (_no_late_rows, lambda f: f["recount"] == "a row" and f["where"].startswith("late ")),
    "late events in time": (_late_in_time, lambda f: f["where"].startswith("partition ") and f["counter"] in ("late", "counted")),
    "how many were reached": (_one_reached_more, lambda f: int(f["snapshots"]) == int(f["recount"]) + 1 and f["counter"] == "reached"),
    "a register": (_another_register, lambda f: f["where"].startswith("reach ") and f["counter"].startswith("register ")),
    "how often something took so long": (_a_duration_more, lambda f: int(f["snapshots"]) == int(f["recount"]) + 1
                                         and f["where"].startswith("quantiles ")),
    "an order": (_order_without_content, lambda f: f["counter"] == "content and campaign"),
}


def test_one_wrong_thing_in_a_window_is_found_and_shown(settled):
    for what, (change, is_it) in WRONG.items():
        start = full(settled) if "late" not in what else with_late(settled)
        path = settled.store.revisions(start)[-1]
        whole = path.read_bytes()
        rewrite(path, change)
        answer = recount(settled, check=1)
        assert not answer["equal"] and answer["findings"] >= 1, what
        assert all(is_it(finding) and finding["window"] == start for finding in answer["finding_list"]), (what, answer["finding_list"])
        path.write_bytes(whole)
    assert recount(settled)["equal"]


def test_a_window_that_is_gone_is_missing(settled):
    start = settled.store.starts()[-1]
    for path in settled.store.revisions(start):
        path.unlink()
    answer = recount(settled, check=1)
    assert (answer["windows_missing"], answer["findings"]) == (1, 1)
    assert answer["finding_list"][0]["window"] == start and answer["finding_list"][0]["snapshots"] == "not published"


def test_a_damaged_file_is_named(settled):
    path = settled.store.revisions(settled.store.starts()[0])[-1]
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-9])
    answer = recount(settled, check=1)
    assert answer["findings"] == 1 and path.name in answer["finding_list"][0]["where"]


def test_a_balance_that_does_not_add_up_is_found(settled):
    path = sorted((settled.store.path / "through").glob("p0002-*"))[-1]

    def one_less_duplicate(header, blocks):
        header.progress.duplicate -= 1

    rewrite(Path(path), one_less_duplicate)
    found = recount(settled, check=1)["finding_list"]
    assert {f["where"] for f in found} == {"partition 2"} and "duplicate" in {f["counter"] for f in found}


def test_a_table_of_findings_for_people(settled):
    rewrite(settled.store.revisions(full(settled))[-1], _one_more)
    done = settled.deployment.loadtest("recount", "--against=snapshots", "--output=table", "--max-differences=0", check=1)
    assert "NOT EQUAL" in done.stdout and "WINDOW" not in done.stdout
    done = settled.deployment.loadtest("recount", "--against=snapshots", "--output=table", check=1)
    assert "WINDOW" in done.stdout and " content " in done.stdout
