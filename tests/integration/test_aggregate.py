"""The aggregator's windows: published snapshots hold what the log says, whoever made them, and whatever was killed meanwhile."""
import json
import os
import random
import re
import time
from collections import defaultdict

import pytest

from harness import load
from harness.aggregate import Aggregation
from harness.clock import Clock
from harness.log import ends_of, read_log
from harness.places import wait_until
from harness.produce import Sender, event
from harness.registry import KIND_NUMBERS as KIND
from harness.worker import Deployment

WINDOW_MS = 900_000


@pytest.fixture
def topic(kafka, request):
    """Records bear the events' own times: what is sent now for hours ago is not late."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", request.node.name)[:80].strip("-") + f"-{os.urandom(3).hex()}"
    return kafka.create_topic(name, message_timestamp_type="CreateTime")


def aggregation_of(kafka, topic, redis, directory, **options):
    directory.mkdir(exist_ok=True)
    store = directory / "store"
    deployment = Deployment(directory, kafka.bootstrap, topic, redis,
                            {"store.url": f"file://{store}", "aggregate.checkpoint": "1s",
                             "aggregate.group": f"{topic}-{directory.name}"} | options)
    return Aggregation(deployment, store)


@pytest.fixture
def aggregation(kafka, topic, redis, tmp_path):
    return aggregation_of(kafka, topic, redis, tmp_path / "one")


def produce(aggregation, past, events=20_000, windows=4, **flags):
    """A mixed stream over several windows, in which everything can go wrong with an event."""
    for number in range(windows):
        aggregation.deployment.produce(*load.flags(events // windows, seed=number + 1, **flags),
                                       f"--start-time={past + number * WINDOW_MS + 60_000}")


def check_cohorts(aggregation, expected, past):
    """What became of cases, told by the day in which they were opened, is what the log says."""
    said = aggregation.command("show", "--since", str(past // 1000), "--by", "cohort", "--counters", "-o", "jsonl").stdout
    shown = defaultdict(int)
    for row in map(json.loads, said.splitlines()):
        if row["unit"] == "counter":
            shown[row["cohort"], row["kpi"]] += row["numerator"]
    told = defaultdict(int)
    for start in expected.windows:
        for key, cells in expected.table(start).items():
            for counter, value in cells.items() if key[0] == "cohort" else ():
                told[time.strftime("%Y-%m-%d", time.gmtime(int(key[6]))), counter] += value
    assert shown == told and {"cases_opened", "cases_resolved", "bot_handoffs"} <= {counter for _, counter in told}


def test_published_windows_hold_what_the_log_says(aggregation, past):
    produce(aggregation, past)
    aggregator = aggregation.start()
    expected = aggregation.settle()
    shares = [share for window in expected.windows.values() for share in window.shares.values()]
    assert sum(s.late for s in shares) > 100 and sum(s.counted for s in shares) > 15_000
    assert sum(fate.duplicate for fate in expected.fates.values()) > 100
    check_cohorts(aggregation, expected, past)
    assert aggregator.terminate() == 0
    aggregation.check_balance(expected)


def test_a_stop_keeps_everything_and_a_start_goes_on(aggregation, past):
    produce(aggregation, past, 8_000, 2)
    first = aggregation.start()
    aggregation.settle()
    assert first.terminate() == 0
    produce(aggregation, past + 2 * WINDOW_MS, 8_000, 2)
    second = aggregation.start()
    expected = aggregation.settle()
    assert second.metric("events_replayed_total") > 0  # dedup's span alone
    assert second.metric("events_counted_total") < sum(f.read for f in expected.fates.values())
    assert second.terminate() == 0
    aggregation.check_balance(expected)


def test_one_process_and_three_that_are_killed_publish_the_same_bytes(kafka, topic, redis, tmp_path, past):
    quiet = aggregation_of(kafka, topic, redis, tmp_path / "quiet")
    wild = aggregation_of(kafka, topic, redis, tmp_path / "wild")
    produce(quiet, past, 30_000, 6)
    chance = random.Random(7)
    running = [wild.start() for _ in range(3)]
    stream = wild.deployment.producer(*load.flags(8_000, rate=400, seed=9), f"--start-time={past + 6 * WINDOW_MS}")
    for _ in range(4):
        time.sleep(chance.uniform(0.5, 2.5))
        victim = chance.randrange(3)
        running[victim].kill()
        running[victim] = wild.start()
    assert stream.wait(120) == 0
    quiet.start()
    expected = quiet.settle()
    wild.settle(expected=expected)
    assert wild.sums() == quiet.sums()
    for aggregator in running:
        assert aggregator.terminate() == 0
    wild.check_balance(expected)


def test_a_late_event_is_a_revision_with_a_table_of_its_own(aggregation, past):
    produce(aggregation, past, 4_000, 2)
    aggregator = aggregation.start()
    before = aggregation.settle()
    start = past // 1000
    revisions = len(aggregation.store.revisions(start))
    sender = Sender(aggregation.deployment.bootstrap, aggregation.deployment.topic)
    sender.send(event(KIND["like"], account="latecomer", occurred_at=past + 1000), timestamp=past + 2 * WINDOW_MS)
    sender.close()
    expected = aggregation.settle()
    assert len(aggregation.store.revisions(start)) > revisions
    assert any(key[:2] == ("late", "latecomer") for key in expected.table(start)) and expected.table(start) != before.table(start)
    assert aggregator.terminate() == 0


def test_an_order_counts_once_in_two_days_whatever_window_its_copies_are_in(aggregation, past):
    """Copies of orders under different keys, so in different partitions, some in one window and some in windows far apart; the
    earliest of all comes last, and takes the sale away from a window that was published with it. The same event under two keys is
    an order and a copy."""
    def sold(order, at, person, value=5_000_000):
        return event(KIND["purchase"], occurred_at=at, person_id=person, campaign_id="sale",
                     commerce={"order_id": order, "value_micros": value, "currency": "EUR"})

    def sell(order, at, *rest):
        sender.send(sold(order, at, *rest), timestamp=at)

    sender = Sender(aggregation.deployment.bootstrap, aggregation.deployment.topic)
    for number in range(40):
        sell(f"o-{number}", past + 8 * WINDOW_MS + number, f"p-{number}")
        sell(f"o-{number}", past + (8 - number % 5) * WINDOW_MS - number, f"q-{number}", 7_000_000)
    twin = sold("twin", past + 8 * WINDOW_MS, "p")
    for partition in (0, 1, 2):
        sender.send(twin, partition=partition, timestamp=twin.occurred_at)
    sender.producer.flush()
    aggregator = aggregation.start()
    aggregation.settle()
    before = len(aggregation.store.revisions(past // 1000 + 7200))
    sell("o-1", past + 7 * WINDOW_MS + 5, "r", 9_000_000)
    sell("o-2", past + 8 * WINDOW_MS - 5, "r", 9_000_000)
    sender.close()
    expected = aggregation.settle()
    orders = [cells for window in expected.windows for key, cells in expected.table(window).items() if key[0] == "campaign"]
    assert sum(cells.get("orders", 0) for cells in orders) == 41
    copies = [cells for window in expected.windows for key, cells in expected.table(window).items() if key[0] == "totals"]
    assert sum(cells.get("order_copies", 0) for cells in copies) == 40 + 2 + 2
    assert len(aggregation.store.revisions(past // 1000 + 7200)) > before
    assert aggregator.terminate() == 0
    aggregation.deployment.loadtest("recount", "--against=snapshots")


def _sold(order, at, person, campaign, value=9_000_000, **more):
    return event(KIND["purchase"], occurred_at=at, person_id=person, campaign_id=campaign, tags=["sold"],
                 commerce={"order_id": order, "value_micros": value, "currency": "EUR"}, **more)


def _returned(order, at, placed, value=2_000_000, campaign="returns", **more):
    return event(KIND["refund"], occurred_at=at, campaign_id=campaign, tags=["returned"],
                 commerce={"order_id": order, "value_micros": value, "currency": "EUR", "order_occurred_at": placed}, **more)


def _campaign(expected, start_ms, name):
    """The window's counters of a campaign, over platforms."""
    sums = defaultdict(int)
    for key, cells in expected.table(start_ms // 1000).items():
        for counter, value in cells.items() if key[0] == "campaign" and key[6] == name else ():
            sums[counter] += value
    return sums


def test_refunds_count_where_their_orders_do(kafka, topic, redis, tmp_path, past):
    """Refunds in one window, of orders of other partitions: sold in that window, in one hours before, in one that closed more than
    two days before, and just within 180 days; and of none: never sold, sold at another time, after the refund, too long ago, without a
    number, without a time. The order of one comes when its window was published. One process, and three that are killed, publish
    the same bytes; so does one that reads it all later."""
    quiet = aggregation_of(kafka, topic, redis, tmp_path / "quiet")
    wild = aggregation_of(kafka, topic, redis, tmp_path / "wild")
    now, days = past + 8 * WINDOW_MS + 60_000, 86_400_000
    placed = {"same": now - 30_000, "hours": past + WINDOW_MS, "days": now - 5 * days, "long": now - 179 * days, "after": now + 1,
              "too-long": now - 180 * days - 1, "other": past + WINDOW_MS, "never": past + WINDOW_MS}
    sold = {name: at for name, at in placed.items() if name != "never"} | {"other": past + 3 * WINDOW_MS}
    sender = Sender(quiet.deployment.bootstrap, topic)
    for number, (name, at) in enumerate(sorted(sold.items(), key=lambda item: item[1])):
        for partition, value in enumerate((9_000_000, 8_000_000)):  # copies: the later one is of another campaign
            sender.send(_sold(name, at + partition, f"p-{number}", f"spring-{partition}", value), timestamp=at, partition=(number + partition) % 4)
    running = [wild.start() for _ in range(3)]
    for number, (name, at) in enumerate(placed.items()):
        sender.send(_returned(name, now, at), timestamp=now, partition=(number + 2) % 4)
    sender.send(_returned("", now, placed["hours"]), timestamp=now, partition=0)
    sender.send(_returned("hours", now, 0), timestamp=now, partition=1)
    sender.send(_returned("late", now, past + 7 * WINDOW_MS), timestamp=now, partition=1)
    twin = _returned("hours", now, placed["hours"])
    for partition in (0, 3):  # one event, under two keys: two refunds
        sender.send(twin, partition=partition, timestamp=now)
    for partition in range(4):
        sender.send(event(KIND["like"], occurred_at=past + 9 * WINDOW_MS), timestamp=past + 9 * WINDOW_MS, partition=partition)
    sender.producer.flush()
    running[0].kill()
    running[0] = wild.start()
    first = quiet.start()
    before = quiet.settle()
    back = _campaign(before, now - now % WINDOW_MS, "returns")
    assert (back["refunds"], back["refunds_unattributed"], back["unattributed_micros:EUR"]) == (7, 7, 14_000_000)
    spring = _campaign(before, now - now % WINDOW_MS, "spring-0")
    assert (spring["refunds"], spring["refunded_micros:EUR"], spring["refunds_unattributed"]) == (6, 12_000_000, 0)
    revisions = len(quiet.store.revisions((now - now % WINDOW_MS) // 1000))
    sender.send(_sold("late", past + 7 * WINDOW_MS, "p", "spring-0"), timestamp=past + 8 * WINDOW_MS, partition=2)
    sender.close()
    running[1].kill()
    running[1] = wild.start()
    expected = quiet.settle()
    wait_until("the refund's window follows", lambda: len(quiet.store.revisions((now - now % WINDOW_MS) // 1000)) > revisions)
    quiet.compare(expected)
    assert _campaign(expected, now - now % WINDOW_MS, "spring-0")["refunds"] == 7
    wait_until("both have published the same", lambda: wild.is_published(expected) and wild.sums() == quiet.sums())
    assert first.terminate() == 0
    for aggregation in (quiet, wild):
        aggregation.deployment.loadtest("recount", "--against=snapshots")
        assert aggregation.command("verify", "--deep").returncode == 0
    later = aggregation_of(kafka, topic, redis, tmp_path / "later")
    later.start()
    later.settle()
    wait_until("and so has one that reads all of it at once", lambda: later.sums() == quiet.sums())


def test_orders_are_found_once_their_windows_lines_are_gone(aggregation, past):
    """Five days of windows, so that the first have no line in any record; then a refund of an order of the second."""
    sender = Sender(aggregation.deployment.bootstrap, aggregation.deployment.topic)
    first = past - 480 * WINDOW_MS
    for number in range(480):
        for partition in range(4):
            at = first + number * WINDOW_MS + partition
            sender.send(_sold(f"o-{number}-{partition}", at, "p", "spring", 1_000_000) if partition == 1 else
                        event(KIND["like"], occurred_at=at), timestamp=at, partition=partition)
    sender.producer.flush()
    aggregator = aggregation.start()
    aggregation.settle()

    def goes_on():
        """A record says what was settled before it was written: so there must be further ones."""
        for partition in range(4):
            sender.send(event(KIND["like"], occurred_at=past), timestamp=past, partition=partition)
        sender.producer.flush()
        return all(t.lines[0].start_s > first // 1000 + 900 for t in aggregation.store.throughs().values())

    wait_until("the second line is settled", goes_on, 300, 1)
    sender.send(_returned("o-1-1", past, first + WINDOW_MS), timestamp=past, partition=3)
    sender.send(_returned("o-2-1", past, first + WINDOW_MS), timestamp=past, partition=3)  # of another window
    for partition in range(4):
        sender.send(event(KIND["like"], occurred_at=past + WINDOW_MS), timestamp=past + WINDOW_MS, partition=partition)
    sender.close()
    expected = aggregation.settle()
    spring = _campaign(expected, past, "spring")
    assert (spring["refunds"], _campaign(expected, past, "returns")["refunds_unattributed"]) == (1, 1)
    assert aggregator.terminate() == 0
    aggregation.deployment.loadtest("recount", "--against=snapshots")
    assert aggregation.command("verify", "--deep").returncode == 0


def test_a_partition_without_an_owner_holds_its_windows_open(kafka, topic, redis, tmp_path, past):
    """Of two aggregators one is killed; until the group notices, its partitions have no owner. Windows pass on the others': none
    of them is published, and a metric says which partition is waited for. The clock is that of the events, until the end."""
    aggregation = aggregation_of(kafka, topic, redis, tmp_path / "one", **{"kafka.session.timeout": "40s"})
    clock = Clock(tmp_path)
    clock.set(-3)
    left, right = (aggregation.start(env=clock.environment) for _ in range(2))
    wait_until("both own partitions", lambda: left.assigned() == 2 and right.assigned() == 2)
    produce(aggregation, past, 2_000, 1)
    orphans = {int(label.split('"')[1]) for label in right.metrics()["clameur_kafka_lag_messages"]}
    right.kill()
    produce(aggregation, past + WINDOW_MS, 10_000, 5)
    ends = {p: end for p, end in ends_of(kafka.bootstrap, topic).items() if p not in orphans}
    wait_until("the other has kept all of its own",
               lambda: all(aggregation.store.throughs()[p].offset == end for p, end in ends.items()))
    assert all(aggregation.store.throughs()[p].sealed_s > past // 1000 + 2700 for p in ends)
    wait_until("it says which partition it waits for", lambda: left.metric("sealed_last_partition") in orphans)
    assert left.assigned() == 2 and not {past // 1000 + 900 * n for n in range(4)} & set(aggregation.store.starts())
    clock.set(0)
    expected = aggregation.settle()
    assert left.assigned() == 4 and left.terminate() == 0
    aggregation.check_balance(expected)


def test_a_torn_checkpoint_is_named_and_the_one_before_it_taken(aggregation, past):
    produce(aggregation, past, 8_000, 2)
    first = aggregation.start()
    aggregation.settle()
    first.kill()
    torn = max((aggregation.store.path / "checkpoints").glob("p0001-*"))
    torn.write_bytes(torn.read_bytes()[:-7])
    produce(aggregation, past + 2 * WINDOW_MS, 4_000, 1)
    second = aggregation.start()
    expected = aggregation.settle()
    assert second.said("CLM-D3", "checkpoint_skipped") and torn.exists()
    assert second.terminate() == 0
    aggregation.check_balance(expected)


def refused_by_check(aggregation, *flags, code=78):
    """What a start on this store would be refused for, and is not begun for: {step: code}"""
    steps = json.loads(aggregation.command("check", "--connect", "-o", "json", *flags, check=code).stdout)
    return {step["step"]: step["code"] for step in steps if step["result"] == "error"}


def test_a_store_of_another_log_is_refused(aggregation, past, kafka):
    produce(aggregation, past, 500, 1)
    aggregator = aggregation.start()
    aggregation.settle()
    assert aggregator.terminate() == 0
    other = kafka.create_topic(f"{aggregation.deployment.topic}-other")
    aggregator = aggregation.start(ready=False, flags=[f"--kafka.topic={other}"])
    assert aggregator.process.wait(30) == 78
    assert aggregator.said("CLM-D4")
    assert refused_by_check(aggregation, f"--kafka.topic={other}") == {"store's settings": "CLM-D4"}


def test_another_pseudonym_key_is_refused_and_a_store_from_before_fingerprints_takes_its_own(aggregation, past):
    produce(aggregation, past, 500, 1)
    aggregator = aggregation.start()
    aggregation.settle()
    assert aggregator.terminate() == 0
    kept = aggregation.store.path / "keys" / "0001"
    fingerprint = kept.read_text()
    kept.unlink()  # as before there were any
    aggregator = aggregation.start()
    assert kept.read_text() == fingerprint
    assert aggregator.terminate() == 0
    key = aggregation.deployment.directory / "pseudonym.key"
    right = key.read_text()
    key.write_text("ff" * 16 + "\n")
    aggregator = aggregation.start(ready=False)
    assert aggregator.process.wait(30) == 78
    assert "pseudonym key 1" in aggregator.said("CLM-M5")[-1]
    assert refused_by_check(aggregation) == {"store's keys": "CLM-M5"}
    key.write_text(right)
    assert refused_by_check(aggregation, code=0) == {}
    old = aggregation.start()
    key.write_text(right + f"{int(time.time() * 1000) + 3_600_000}: {'ee' * 16}\n")
    aggregator = aggregation.start()
    assert kept.with_name("0002").read_text().startswith(fingerprint)
    produce(aggregation, past, 2_000, 2)
    assert old.process.wait(15) == 78  # what it counts from now on is not kept
    assert "missing here" in old.said("CLM-M5")[-1]
    aggregation.settle()
    assert aggregator.terminate() == 0


def test_a_rotation_whose_time_records_have_reached_is_refused__red_by_the_clock_alone(aggregation):
    """A producer's clock is half an hour ahead: what it wrote was counted by the key before."""
    now = int(time.time() * 1000)
    aggregation.deployment.produce(*load.flags(500, seed=1), f"--start-time={now + 1_800_000}")
    aggregator = aggregation.start()
    assert aggregator.terminate() == 0
    key = aggregation.deployment.directory / "pseudonym.key"
    right = key.read_text()
    key.write_text(right + f"{now + 900_000}: {'ee' * 16}\n")
    aggregator = aggregation.start(ready=False)
    assert aggregator.process.wait(30) == 78
    assert "the log has records of its time" in aggregator.said("CLM-M5")[-1]
    assert refused_by_check(aggregation) == {"store's log": "CLM-M5"}
    aggregation.command("check")  # without the log nobody can say
    key.write_text(right + f"{now + 7_200_000}: {'ee' * 16}\n")
    assert refused_by_check(aggregation, code=0) == {}
    assert len(list((aggregation.store.path / "keys").iterdir())) == 1, "check keeps nothing"
    aggregator = aggregation.start()
    assert aggregator.terminate() == 0


def test_partitions_that_are_added_stop_it_and_what_is_sealed_stays(kafka, topic, redis, tmp_path, past):
    aggregation = aggregation_of(kafka, topic, redis, tmp_path / "one", **{"kafka.topic.metadata.refresh.interval.ms": 1000})
    produce(aggregation, past, 4_000, 2)
    aggregator = aggregation.start()
    aggregation.settle()
    sums = aggregation.sums()
    kafka.grow_topic(topic, 6)
    assert aggregator.process.wait(120) == 78
    assert aggregator.said("CLM-D4")
    assert refused_by_check(aggregation) == {"store's log": "CLM-D4"}
    assert aggregation.sums() == sums


def alerts_of(aggregation):
    """What is told of mentions: the alerts' topic, read to its end."""
    log = read_log(aggregation.deployment.bootstrap, f"{aggregation.deployment.topic}.alerts")
    return [json.loads(record.value) for part in log.values() for record in part]


def test_a_start_looks_at_the_topic_of_alerts_and_goes_on(aggregation, kafka):
    """Not there; there and compacted; as it should be. No window waits for it."""
    topic = aggregation.deployment.topic
    kafka.create_log(f"{topic}.compacted", 1, cleanup_policy="compact")
    kafka.create_log(f"{topic}.well", 1)
    for name, said in ("absent", "does not exist"), ("compacted", "is compacted"), ("well", None):
        aggregator = aggregation.start(flags=[f"--alerts.topic={topic}.{name}"])
        warnings = aggregator.said("CLM-K7", "start_warning")
        assert [f"{topic}.{name}" in line and said in line for line in warnings] == ([True] if said else [])
        assert aggregator.terminate() == 0


def test_quiet_partitions_follow_the_clock_and_a_burst_of_mentions_is_told(kafka, topic, redis, tmp_path):
    """Three of four partitions have no event at all; the windows of the fourth are published all the same. It holds eleven hours of
    mentions of two topics, of which one bursts at the end. At first there is no topic for alerts: that is said, and no window waits
    for it; once there is one, the alert arrives."""
    aggregation = aggregation_of(kafka, topic, redis, tmp_path / "one", **{"kafka.topic.metadata.propagation.max.ms": 1000})
    now = int(time.time() * 1000)
    past = now - now % WINDOW_MS - 44 * WINDOW_MS
    sender = Sender(aggregation.deployment.bootstrap, topic)
    for number in range(44):
        at = past + number * WINDOW_MS
        for name, count in (("calm", 24), ("shoes", 400 if number == 40 else 24)):
            sender.send(event(KIND["mention"], occurred_at=at, delta=count, actor_id="fan",
                              listening={"topics": [name]}), timestamp=at)
    sender.close()
    aggregator = aggregation.start()
    expected = aggregation.settle()
    assert aggregator.said("CLM-K7", "start_warning")
    wait_until("the missing topic is named", lambda: aggregator.said("CLM-K7", "alerts_refused"))
    assert aggregator.metric("alerts_pending") == 2 and aggregator.metric("balance_difference") == 0
    kafka.create_log(f"{topic}.alerts", 1)
    wait_until("it is told, and over", lambda: aggregator.metric("alerts_total", 'change="recovered"') >= 2)
    told = alerts_of(aggregation)
    raised = {(alert["of"], alert.get("topic")): alert for alert in told if alert["window_start_s"] == past // 1000 + 40 * 900}
    assert raised.keys() == {("mentions", None), ("topic_mentions", "shoes")}
    shoes = raised["topic_mentions", "shoes"]
    assert (shoes["change"], shoes["account"], shoes["count"], shoes["expected"]) == ("raised", "acme", 400, 24)
    assert not [alert for alert in told if alert.get("topic") == "calm"]
    assert aggregator.terminate() == 0
    aggregation.check_balance(expected)
