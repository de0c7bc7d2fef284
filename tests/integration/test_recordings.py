"""Real recordings end to end: played into Kafka, counted by a worker, and held against the counts that come with each of them
(its expected.json). Both recounts follow, of the Higgs week only the program's. Windows of three at once, with whom they reached,
are held against the log. What is a matter of journeys (credits of campaigns) is no live counter and is not looked at; nor what no
event carries (descriptions). Counts by product are those of the log: products stand in line items, which Redis does not list."""
import json
import os
from collections import Counter, defaultdict
from datetime import datetime, timezone

import pytest

from harness import kpis
from harness.aggregate import Aggregation
from harness.log import read_log
from harness.places import RECORDINGS
from harness.process import run
from harness.recount import DAY, Rules
from harness.registry import Event
from harness.worker import KEY, LOADTEST, Deployment

RULES = """\
- version: 1
  since: 0
  max_past: off
  series.retain: 7300d
  reach.retain: 7300d
"""
RETAIN_MS = 7300 * DAY * 1000
MAILED = 1559  # households of complete-journey with a mailing
MICROS_OF_CENT = 10_000
MICROS_OF_THOUSANDTH = 1_000


class Recording:
    """What one recording became: `events` of the log, `expected`, and the counters in Redis."""

    def __init__(self, name, path, deployment, redis, flags=(), events_are_few=True):
        self.expected = json.loads((RECORDINGS / name / "expected.json").read_text())
        self.client, self.platform_of = redis.client, {}
        worker = deployment.worker()
        run([LOADTEST, "replay", "--format", name.removesuffix("-activity"), RECORDINGS / name / path, *flags,
             "-c", deployment.file], deployment.directory)
        deployment.drain(300)
        assert worker.metric("balance_difference") == 0 and worker.metric("events_rejected_total") == 0
        assert worker.metric("events_duplicate_total") == 0 and worker.terminate() == 0
        if events_are_few:
            deployment.recount()
        else:
            run([LOADTEST, "recount", "-c", deployment.file], deployment.directory)
        self.deployment = deployment

    def events(self):
        log = read_log(self.deployment.bootstrap, self.deployment.topic)
        return [Event.FromString(record.value) for records in log.values() for record in records]

    def family(self, family):
        """{the last part of the name: counters} of the keys of a family."""
        found = defaultdict(Counter)
        for name in self.client.scan_iter(f"clm:*:{family}:*", count=10_000):
            found[name.rsplit(b":", 1)[1].decode()].update({field.decode(): int(value)
                                                            for field, value in self.client.hgetall(name).items()})
        return found

    def account(self):
        [name] = [name for name in self.client.scan_iter("clm:*:acct:*", count=10_000) if name.count(b":") == 3]
        return Counter({field.decode(): int(value) for field, value in self.client.hgetall(name).items()})

    def hours(self, *counters):
        """{hour: the sum of these counters in it}."""
        hours = Counter({hour: sum(value for field, value in fields.items() if field.split(":", 1)[1] in counters)
                         for hour, fields in self.family("series").items()})
        return Counter({int(hour): value for hour, value in hours.items()})


def recorded(name):
    folder = RECORDINGS / name
    return pytest.mark.skipif(not folder.exists(), reason=f"no recording at {folder}: set CLAMEUR_RECORDINGS")


@pytest.fixture
def play(kafka, redis, tmp_path):
    """Records keep the times of their events: with the broker's own every order would be late by years."""
    def play(name, path="", **options):
        topic = kafka.create_topic(f"{name}-{os.urandom(3).hex()}", message_timestamp_type="CreateTime")
        rules = [Rules(max_past=-1, series_retain=RETAIN_MS, reach_retain=RETAIN_MS)]
        deployment = Deployment(tmp_path, kafka.bootstrap, topic, redis, rules=rules, rules_text=RULES)
        return Recording(name, path, deployment.init(), redis, **options)
    return play


def _top(counts, most=5):
    return [[target, count] for target, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]]


def _peak(counts, unit, name=lambda key: key):
    key, count = min(counts.items(), key=lambda item: (-item[1], item[0]))
    return {"start": name(key), unit: count}


def _hour(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H")


@recorded("higgs-activity")
def test_the_higgs_week(play):
    """563,069 reposts, mentions and replies about the Higgs boson: a burst with a hot key."""
    counters = {"RT": "reposts", "MT": "mentions", "RE": "replies"}
    recording = play("higgs-activity", "higgs-activity_time.txt.gz", events_are_few=False)
    expected, account = recording.expected, recording.account()
    assert {kind: account[counter] for kind, counter in counters.items()} == expected["events_by_kind"]

    content = {int(target.strip("u")): fields for target, fields in recording.family("content").items()}
    by_kind = {kind: Counter({target: fields[counter] for target, fields in content.items()})
               for kind, counter in counters.items()}
    targets = sum(by_kind.values(), Counter())
    assert len(targets) == expected["unique_targets"] and sum(targets.values()) == expected["events"]
    assert _top(targets) == expected["top_targets"]
    assert {kind: _top(counts) for kind, counts in by_kind.items()} == expected["top_targets_by_kind"]

    hours = recording.hours(*counters.values())
    assert {str(hour): count for hour, count in hours.items()} == expected["events_by_utc_hour"]


def _micros(counters, name, currency):
    return counters[f"{name}_micros:{currency}"]


def _net(fields, content=""):
    """The net of a key in thousandths of a pound, the ledger's amounts by their direction."""
    other = _micros(fields, "other", "GBP") * (-1 if content == "ledger_debit" else 1)
    return (_micros(fields, "net", "GBP") + other) // MICROS_OF_THOUSANDTH


@recorded("online-retail")
def test_december_of_online_retail(play):
    """The short form: the last month, with the hour of most lines."""
    recording = play("online-retail", "online_retail.csv.zst", flags=["--from", "1322697600"])
    net = sum(_net(fields, name) for name, fields in recording.family("content").items())
    assert net == recording.expected["net_thousandths_gbp_by_month"]["2011-12"]
    hours = Counter()
    for event in recording.events():
        hours[_hour(event.occurred_at // 1000)] += sum(item.category != "further lines" for item in event.commerce.items)
    assert _peak(hours, "value") == recording.expected["peak_hour_lines"]


@pytest.mark.long
@recorded("online-retail")
def test_online_retail(play):
    """541,909 lines on 25,900 invoices: 5,268 lines are equal to another and all count, prices are finer than a penny."""
    recording = play("online-retail", "online_retail.csv.zst")
    expected, account, content = recording.expected, recording.account(), recording.family("content")
    lines, invoices, amounts = (expected[f"{what}_by_kind"] for what in ("lines", "invoices", "amount_thousandths_gbp"))
    assert account["orders"] == invoices["sale"] and account["refunds"] == invoices["cancellation"]
    assert account["order_copies"] == account["orders_late"] == 0
    assert _micros(account, "gross", "GBP") == amounts["sale"] * MICROS_OF_THOUSANDTH
    assert _micros(account, "refunded", "GBP") == -amounts["cancellation"] * MICROS_OF_THOUSANDTH
    assert {name: content[name]["others"] for name in ("free", "stock_or_fault")} == \
        {name: lines[name] for name in ("free", "stock_or_fault")}
    ledger = [content[f"ledger_{direction}"] for direction in ("credit", "debit")]
    assert sum(fields["others"] for fields in ledger) == lines["ledger_adjustment"]
    assert _net(ledger[0]) + _net(ledger[1], "ledger_debit") == amounts["ledger_adjustment"]
    assert sum(_net(fields, name) for name, fields in content.items()) == expected["amount_thousandths_gbp_net"]

    # By country, which is the content of an invoice. The three of the ledger are the United Kingdom's.
    countries = Counter({name.replace("%20", " "): _net(fields) for name, fields in content.items() if name[0].isupper()})
    assert len(countries) <= expected["unique_countries"]
    countries["United Kingdom"] += amounts["ledger_adjustment"]
    assert _top(countries) == expected["top_countries_by_net_thousandths_gbp"]

    # By time: the minutes of an invoice, and the lines of the log.
    days, hours, hour_invoices = Counter(), Counter(), defaultdict(set)
    codes, revenue, refunds, sale_lines, units, by_person = (Counter() for _ in range(6))
    seen = Counter()
    for number, event in enumerate(recording.events()):
        hour, commerce = _hour(event.occurred_at // 1000), event.commerce
        hour_invoices[hour].add(commerce.order_id or number)
        kind = {86: "sale", 87: "cancellation"}.get(event.kind, event.content_id.replace("_credit", "_adjustment").replace("_debit", "_adjustment"))
        kind = "sale" if kind == "further_lines" else kind
        amount = commerce.value_micros // MICROS_OF_THOUSANDTH * (-1 if event.kind == 87 or event.content_id == "ledger_debit" else 1)
        days[hour[:7]] += amount
        by_person[event.person_id] += amount
        for item in commerce.items:
            if item.category == "further lines":
                continue
            seen[kind] += 1
            hours[hour] += 1
            value = item.quantity * item.unit_price_micros // MICROS_OF_THOUSANDTH
            if kind == "sale":
                units[item.product_id] += item.quantity
                revenue[item.product_id] += value
            if kind == "cancellation":
                refunds[item.product_id] += value
            codes[item.product_id] += 1
            if item.unit_price_micros % MICROS_OF_CENT:
                sale_lines[(commerce.order_id, item.product_id, item.quantity)] += 1
    assert seen == lines and sum(seen.values()) == expected["lines"]
    assert account["units"] == sum(units.values())
    assert len(codes) == expected["unique_stock_codes"]
    assert _top(units) == expected["top_stock_codes_by_units_sold"]
    assert _top(revenue) == expected["top_stock_codes_by_revenue_thousandths_gbp"]
    assert _top(refunds) == expected["top_stock_codes_by_refund_thousandths_gbp"]
    assert sorted(map(list, sale_lines)) == [line[:3] for line in expected["lines_priced_finer_than_a_penny"]]
    assert days == expected["net_thousandths_gbp_by_month"]
    del by_person[""]
    assert len(by_person) == expected["unique_customers"]
    assert _top(by_person) == expected["top_customers_by_net_thousandths_gbp"]
    assert _peak(hours, "value") == expected["peak_hour_lines"]
    assert _peak({hour: len(found) for hour, found in hour_invoices.items()}, "value") == expected["peak_hour_invoices"]


@recorded("complete-journey")
def test_eight_days_of_complete_journey(play):
    """The short form, eight days: a campaign that began in them has all its mailings."""
    recording = play("complete-journey", flags=["--from", "1501545600", "--until", "1502236800"])
    touches = recording.expected["touches_by_campaign"]
    campaigns = {name: fields["messages_sent"] for name, fields in recording.family("campaign").items() if fields["messages_sent"]}
    assert campaigns and campaigns.items() <= touches.items()
    assert recording.account()["orders"] == sum(event.kind == 86 for event in recording.events()) > 1000


@pytest.mark.long
@recorded("complete-journey")
def test_complete_journey(play):
    """39,307 baskets of 2,316 households, 6,589 mailings of 27 campaigns, 2,102 coupons."""
    recording = play("complete-journey")
    expected, account, campaigns = recording.expected, recording.account(), recording.family("campaign")
    assert account["orders"] == expected["baskets"] and account["order_copies"] == account["orders_late"] == 0
    assert _micros(account, "gross", "USD") == expected["sales_cents"] * MICROS_OF_CENT
    discounts = sum(expected[f"{kind}_discount_cents"] for kind in ("retail", "coupon", "coupon_match"))
    assert _micros(account, "discount", "USD") == discounts * MICROS_OF_CENT
    assert account["units"] == expected["units"]
    assert {name: fields["messages_sent"] for name, fields in campaigns.items()} == expected["touches_by_campaign"]
    assert {name: fields["redemptions"] for name, fields in campaigns.items() if fields["redemptions"]} == \
        expected["coupon_redemptions_by_campaign"]
    assert len(recording.family("content")) == expected["stores"]
    assert _peak(recording.hours("orders"), "value", _hour) == expected["peak_hour_baskets"]

    lines, sales, stores, hours, days = (Counter() for _ in range(5))
    households, redeemers = defaultdict(set), defaultdict(set)
    for event in recording.events():
        households[event.kind].add(event.person_id)
        if event.kind == 91:
            redeemers[event.campaign_id].add(event.person_id)
        hour = _hour(event.occurred_at // 1000)
        for item in event.commerce.items:
            lines[int(item.product_id)] += 1
            stores[int(event.content_id)] += 1
            hours[hour] += 1
            days[hour[:10]] += 1
    assert sum(lines.values()) == expected["lines"] and len(lines) == expected["products"]
    assert len(households[86]) == expected["households"] and len(households[70]) == MAILED
    assert len(households[86] | households[70]) == expected["households_touched"]  # it counts those with a basket, too
    assert {name: len(found) for name, found in redeemers.items()} == expected["redeeming_households_by_campaign"]
    assert _top(lines) == expected["top_products_by_lines"] and _top(stores) == expected["top_stores_by_lines"]
    assert _peak(hours, "value") == expected["peak_hour_lines"] and _peak(days, "value") == expected["peak_day_lines"]


@pytest.mark.parametrize("name, path, flags", [
    pytest.param(name, path, flags, marks=recorded(name), id=name) for name, path, flags in [
        ("higgs-activity", "higgs-activity_time.txt.gz", ["--limit", "5000"]),
        ("online-retail", "online_retail.csv.zst", ["--limit", "1000"]),
        ("complete-journey", "", ["--limit", "1000"]),
        ("otto-sample", "sessions.jsonl.zst", [])]])
def test_the_bench_measures_what_was_replayed(play, name, path, flags):
    deployment = play(name, path, flags=flags).deployment
    answer = json.loads(run([LOADTEST, "bench", "--runs", "1", "-c", deployment.file], deployment.directory).stdout)
    floor, worker = answer["cases"]
    assert answer["events"] == sum(map(len, read_log(deployment.bootstrap, deployment.topic).values())) > 500
    assert (floor["what"], worker["what"]) == ("floor", "worker") and worker["events_per_second"]["median"] > 0


@recorded("otto-sample")
def test_the_otto_sample(play):
    """862 clicks, carts and orders in 20 sessions; most are older than an earlier one."""
    counters = {"clicks": "clicks", "carts": "carts", "orders": "orders"}
    recording = play("otto-sample", "sessions.jsonl.zst")
    expected, account = recording.expected, recording.account()
    assert {kind: account[counter] for kind, counter in counters.items()} == expected["events_by_kind"]
    assert account["order_copies"] == account["orders_late"] == 0 and not any("micros" in name for name in account)
    content = recording.family("content")
    by_kind = {kind: Counter({int(name): fields[counter] for name, fields in content.items() if fields[counter]})
               for kind, counter in counters.items()}
    assert {kind: len(found) for kind, found in by_kind.items()} == expected["unique_items_by_kind"]
    assert {kind: _top(found) for kind, found in by_kind.items()} == expected["top_items_by_kind"]
    items = sum(by_kind.values(), Counter())
    assert len(items) == expected["unique_items"] and _top(items) == expected["top_items"]
    hours = recording.hours(*counters.values())
    days = Counter()
    for hour, count in hours.items():
        days[str(hour // 86400 * 86400 * 1000)] += count
    assert len(hours) == expected["hours_with_events"] and days == expected["events_by_utc_day_ms"]
    peak = min(hours.items(), key=lambda item: (-item[1], item[0]))
    assert {"start_ms": peak[0] * 1000, "events": peak[1]} == expected["peak_hour_utc"]


# The announcement's hour begins, half of a day of baskets, and all there is of the sessions.
PARTS = [("higgs-activity", "higgs-activity_time.txt.gz", ["--from", "1341381600", "--until", "1341382620"]),
         ("complete-journey", "", ["--from", "1502208000", "--until", "1502215200"]),
         ("otto-sample", "sessions.jsonl.zst", [])]


@recorded("higgs-activity")
@recorded("complete-journey")
@recorded("otto-sample")
def test_windows_of_recordings_and_their_kpis(kafka, redis, tmp_path):
    """A burst that reaches thousands within a minute, real baskets, and sessions most of whose events are older than one before."""
    topic = kafka.create_topic(f"windows-{os.urandom(3).hex()}", message_timestamp_type="CreateTime")
    store = tmp_path / "store"
    options = {"store.url": f"file://{store}", "aggregate.checkpoint": "1s", "aggregate.group": topic,
               "store.retain": "off"}  # they lie years apart
    deployment = Deployment(tmp_path, kafka.bootstrap, topic, redis, options, [Rules(max_past=-1)],
                            "- {version: 1, since: 0, max_past: off}\n")
    for name, path, flags in PARTS:
        deployment.loadtest("replay", "--format", name.removesuffix("-activity"), RECORDINGS / name / path, *flags)
    aggregation = Aggregation(deployment, store)
    aggregator = aggregation.start()
    expected = aggregation.settle()
    assert aggregator.terminate() == 0
    answer = json.loads(deployment.loadtest("recount", "--against=snapshots", "--output=json", "--drained").stdout)
    assert answer["equal"] and answer["windows"] == len(expected.windows) > 100
    assert answer["counted"] > 10_000 and answer["late"] == 0 and answer["orders"] > 50
    done = aggregation.command("show", "--since", str(min(expected.windows)), "-o", "jsonl")
    shown = [json.loads(line) for line in done.stdout.splitlines()]
    assert kpis.check_shown(shown, expected, KEY) > 5
    assert {row["account"] for row in shown if row["numerator"]} == {"higgs", "complete-journey", "otto"}
