"""The reading commands of clameur-aggregate, over stores whose files the C writer made (tests/support/store_maker.c), and over one
that aggregators made from a real log."""
import csv
import hashlib
import http.server
import io
import itertools
import json
import random
import shutil
import sqlite3
import subprocess
import threading
import time
from functools import cache

import duckdb
import pytest
import zstandard
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from harness import kpis, load, registry
from harness.aggregate import Aggregation
from harness.places import PROGRAMS, ROOT
from harness.process import run
from harness.recount import Rules
from harness.worker import KEY, Deployment

AGGREGATE = PROGRAMS / "clameur-aggregate"
MAKER = PROGRAMS.parent / "tests" / "store_maker"
FIRST = 1774738800  # 2026-03-29T00:00 in Berlin, a day of 23 hours
WINDOW = 900
TIKTOK, YOUTUBE, WEB = 2, 3, 19


@cache
def _snapshot_type():
    """The message Snapshot, from what `schema` writes alone."""
    files = descriptor_pb2.FileDescriptorSet.FromString(subprocess.run([AGGREGATE, "schema"], capture_output=True, check=True).stdout)
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("clameur.v1.Snapshot"))


def _unzst(path):
    with open(path, "rb") as file:
        return zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read()


def _read(path):
    return _snapshot_type().FromString(_unzst(path))


class Store:
    """Two partitions; windows are added with what each has of them, and the sealed-through records follow."""

    def __init__(self, directory):
        self.directory, self.files, self.events = directory, [], 0
        self.lines = [[], []]
        self.offsets = [0, 0]

    def window(self, number, rows=None, orders=None, late=0, publish=True, readings=((), ()), live=((), ())):
        """A window that both partitions have touched; `rows` are partition 0's, `orders`, `readings` and `live` those of both."""
        start, coverage, earlier = FIRST + WINDOW * number, [], []
        if orders:
            earlier = [{"start": line["start"], "partition": p, "to": line["orders_to"]}
                       for p, lines in enumerate(self.lines) for line in lines if line["orders_to"]]
        for partition in (0, 1):
            self.offsets[partition] += 10
            own = orders[partition] if orders else []
            share = {"partition": partition, "start": 0, "to": self.offsets[partition], "counted": 5 + partition,
                     "late": late * partition, "orders_to": self.offsets[partition] if own else 0}
            part = {"kind": "part", "start": start, "coverage": [share], "orders": own, "readings": list(readings[partition]),
                    "live": list(live[partition])}
            part["rows"] = (rows or _rows(number)) if partition == 0 else _rows(number, account="bolt", late=late)
            self.files.append(part)
            if own:
                self.files.append({"kind": "orders", "start": start, "orders": own, "coverage": [share | {"counted": len(own), "late": 0}]})
            coverage.append(share)
            self.lines[partition].append({"start": start} | {name: share[name] for name in ("to", "counted", "late", "orders_to")})
        if publish:
            earlier.sort(key=lambda e: (e["start"], e["partition"]))
            self.files.append({"kind": "window", "start": start, "coverage": coverage, "earlier": earlier})
        return self

    def make(self, sealed=None, partitions=(0, 1)):
        """`sealed`: up to which window's end all have sealed; None: far past the last."""
        last = max((line["start"] for lines in self.lines for line in lines), default=FIRST)
        watermark = last + 10 * WINDOW if sealed is None else FIRST + WINDOW * sealed
        for partition in partitions:
            lines = self.lines[partition]
            read = sum(line["counted"] + line["late"] for line in lines) + 3
            self.files.append({"kind": "through", "progress": {
                "partition": partition, "offset": self.offsets[partition], "watermark": 1000 * watermark,
                "sealed": watermark // WINDOW * WINDOW, "read": read, "rejected": 2, "duplicate": 1, "lines": lines}})
        done = subprocess.run([MAKER, self.directory], input=json.dumps(self.files), text=True, capture_output=True, check=True)
        self.names = done.stdout.split()
        return self

    def named(self, kind):
        return [name for name in self.names if name.startswith(kind)]

    def path(self, name):
        return self.directory / name

    def run(self, *arguments, check=0):
        return run([AGGREGATE, *arguments, f"--store.url=file://{self.directory}"], self.directory.parent, check=check)

    def show(self, *arguments, check=0):
        return [json.loads(line) for line in self.run("show", *arguments, "-o", "jsonl", check=check).stdout.splitlines()]


def _rows(number, account="acme", late=0):
    base = {"account": account, "origin": 1, "format": 5, "paid": False}
    rows = [
        {"table": "totals", "platform": TIKTOK, **base, "counters": {"likes": 3 + number, "views": 100, "view_starts": 50}},
        {"table": "totals", "platform": TIKTOK, **base, "paid": True, "counters": {"likes": 1, "views": 10}},
        {"table": "totals", "platform": YOUTUBE, **base, "counters": {"impressions": 40, "views_from_impressions": 4}},
        {"table": "content", "account": account, "platform": TIKTOK, "id": "=7310,\"x\"", "counters": {"likes": 4 + number}},
        {"table": "tag", "account": account, "platform": TIKTOK, "id": "spring", "counters": {"likes": 2}},
    ]
    if late:
        rows.append({"table": "late", "platform": TIKTOK, **base, "counters": {"likes": -7}})
    return rows


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def _figures(rows, **wanted):
    return [row for row in rows if all(row.get(name) == value for name, value in wanted.items())]


# ---- show


def test_what_is_shown_is_the_sum_of_the_windows_and_a_ratio_of_nothing_is_null(store):
    store.window(0).window(1).window(2).make(sealed=23 * 4)
    counters = store.show("2026-03-29", "--tz", "Europe/Berlin", "--counters", "--account", "acme")
    (likes,) = _figures(counters, platform="tiktok", kpi="likes")
    assert likes["numerator"] == (3 + 4 + 5) + 3 and likes["denominator"] is None and likes["unit"] == "counter"
    assert likes["start_utc"] == "2026-03-28T23:00:00Z" and likes["end_utc"] == "2026-03-29T22:00:00Z", "a day of 23 hours"
    assert likes["start_local"] == "2026-03-29T00:00:00+01:00" and likes["freshness"] == "sealed"
    figures = [row for row in counters if row["unit"] != "counter"]
    assert figures and {row["account"] for row in figures} == {"acme"}
    for row in figures:
        expected = row["numerator"] / row["denominator"] if row["denominator"] else None
        assert row["ratio"] == (pytest.approx(expected) if expected is not None else None)
    assert any(row["ratio"] is None for row in figures) and any(row["ratio"] for row in figures)
    table = store.run("show", "latest", "-o", "table").stdout.splitlines()
    assert table[0].split()[:3] == ["account", "platform", "kpi"] and any(" - " in line for line in table)


def test_by_what_figures_are_told_and_nothing_is_lost(store):
    store.window(0).window(4).window(5, late=2).make()
    everything = store.show("--since", str(FIRST), "--counters")
    total = sum(row["numerator"] for row in _figures(everything, unit="counter", kpi="likes"))
    for by, values in (("origin", {"brand"}), ("paid", {"paid", "organic"}), ("format", {"short_video"}), ("window", None),
                       ("hour", None), ("day", None), ("account", None)):
        rows = _figures(store.show("--since", str(FIRST), "--counters", "--by", by), unit="counter", kpi="likes")
        assert sum(row["numerator"] for row in rows) == total, by
        assert values is None or {row[by] for row in rows} == values
    windows = {row["start_utc"] for row in store.show("--since", str(FIRST), "--by", "window")}
    assert windows == {"2026-03-28T23:00:00Z", "2026-03-29T00:00:00Z", "2026-03-29T00:15:00Z"}
    content = _figures(store.show("--since", str(FIRST), "--counters", "--by", "content"), kpi="likes", account="acme")
    assert [(row["content"], row["numerator"]) for row in content] == [('=7310,"x"', 4 + 8 + 9)]
    assert {row["platform"] for row in _figures(store.show("--since", str(FIRST), "--platform", "youtube"))} == {"youtube"}


def test_late_events_are_a_line_of_their_own(store):
    store.window(0, late=2).make()
    rows = store.show("latest", "--counters")
    (late,) = _figures(rows, kpi="late_events")
    assert (late["account"], late["numerator"], late["denominator"]) == (None, 2, 2 + 5 + 6)
    (counter,) = _figures(rows, unit="late counter")
    assert (counter["account"], counter["kpi"], counter["numerator"]) == ("bolt", "likes", -7)
    assert sum(row["numerator"] for row in _figures(rows, unit="counter", kpi="likes", account="bolt")) == 3 + 1
    assert not _figures(store.window(1).make().show("latest"), kpi="late_events")


def test_freshness_says_whether_figures_may_still_change(store):
    store.window(0).window(1).make(sealed=2)
    assert {row["freshness"] for row in store.show("latest")} == {"provisional"}
    assert {row["freshness"] for row in store.show(str(FIRST), "--rules.file=")} == {"sealed"}, "15 minutes past, lateness 10"
    revised = store.files[2] | {"coverage": [dict(c, to=c["to"] + 1) for c in store.files[2]["coverage"]],
                                "rows": _rows(9)}
    store.files.append(revised)
    store.make()
    assert {row["freshness"] for row in store.show(str(FIRST))} == {"revision 2"}
    assert {row["freshness"] for row in store.show("--since", str(FIRST))} == {"revision 2"}


def test_a_window_that_is_missing_in_the_middle_is_said__it_would_pass_for_zero(store):
    for number in range(6):
        store.window(number, publish=number not in (2, 3))
    store.window(8).make()  # 6 and 7 have no event
    done = store.run("show", "--since", str(FIRST), "-o", "jsonl")
    assert "2 windows of this time are missing, the first begins at 2026-03-28T23:30:00Z" in done.stderr
    assert "missing" not in store.run("show", "--since", str(FIRST + 6 * WINDOW)).stderr
    for name in store.named("snapshots")[1:2]:
        shutil.rmtree(store.path(name).parent)
    assert "3 windows of this time are missing" in store.run("show", "--since", str(FIRST)).stderr


def test_what_is_not_sealed_yet_is_said_and_who_seals_last(store):
    store.window(0).window(1, publish=False).make(sealed=1)
    done = store.run("show", "--since", str(FIRST), "--until", str(FIRST + 4 * WINDOW))
    assert "3 windows of this time are not sealed yet" in done.stderr and "partition 0 seals last" in done.stderr


def test_without_any_published_window_it_says_what_is_waited_for(store):
    store.window(0, publish=False).make(sealed=0, partitions=(0,))
    done = store.run("show", check=1)
    assert "no window is published yet" in done.stderr and "partition 1 has no sealed-through record" in done.stderr
    empty = store.directory.parent / "empty"
    empty.mkdir()
    done = run([AGGREGATE, "show", f"--store.url=file://{empty}"], empty.parent, check=1)
    assert "no partition has a sealed-through record" in done.stderr
    done = run([AGGREGATE, "show", f"--store.url=file://{empty}/mistyped"], empty.parent, check=66)
    assert "there is no store at" in done.stderr and not (empty / "mistyped").exists(), "a reader makes none"


def test_a_torn_snapshot_is_named_and_nothing_is_shown_for_whole(store):
    store.window(0).window(1).make()
    path = store.path(store.named("snapshots")[0])
    path.write_bytes(path.read_bytes()[:-3])
    done = store.run("show", "--since", str(FIRST), check=65)
    assert "CLM-D3" in done.stderr and store.named("snapshots")[0] in done.stderr


def test_a_file_by_itself_and_what_cannot_be_asked(store):
    store.window(0).make()
    path = store.path(store.named("snapshots")[0])
    done = run([AGGREGATE, "show", path, "-o", "jsonl", "--counters"], store.directory.parent, check=0)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert _figures(rows, kpi="likes", platform="tiktok", account="acme")[0]["freshness"] is None
    for arguments, code, says in ((("--by", "plattform"), 64, 'did you mean "platform"?'),
                                  (("--platform", "tiktak"), 64, 'did you mean "tiktok"?'),
                                  (("--kpi", "intractions"), 64, 'did you mean "interactions"?'),
                                  (("--since", "yesterday"), 64, "no date or time"),
                                  (("--tz", "Mars/Olympus"), 64, "Mars/Olympus"),
                                  (("--since", "2030-01-01"), 1, "nothing is published from"),
                                  (("a", "b"), 64, "usage:")):
        done = store.run("show", *arguments, check=None)
        assert done.returncode == code and says in done.stderr, done


# ---- hours of the week


def test_interactions_by_hour_of_the_local_week(store):
    """A Sunday on which Berlin has no hour 02. Windows 2 and 3 are missing and not told of; 5..7 and 9 are known to have no event."""
    store.window(0).window(1).window(2, publish=False).window(3, publish=False).window(4).window(8).window(10).make(sealed=100)

    def hours(zone, *more):
        rows = store.show("--since", str(FIRST), "--by", "hour-of-week", "--account", "acme", "--platform", "tiktok", "--tz", zone, *more)
        return {row["hour-of-week"]: (row["numerator"], row["denominator"]) for row in _figures(rows, account="acme")}

    assert hours("Europe/Berlin") == {"sun 00": (4 + 5, 2), "sun 01": (8, 4), "sun 03": (12 + 14, 3)}
    assert hours("Asia/Kathmandu") == {"sun 04": (4, 1), "sun 05": (5 + 8, 2), "sun 06": (12, 4), "sun 07": (14, 2)}, "04:45"
    day = hours("Europe/Berlin", "--until", str(FIRST + 23 * 3600))
    assert len(day) == 23 and day["sun 23"] == (0, 4) and day["sun 03"] == (26, 4), "sealed, and nothing happened then"
    assert hours("Europe/Berlin", "--until", str(FIRST + 30 * 3600)).keys() - day.keys() == {"mon 00", "mon 01"}, "sealed so far"
    table = sqlite3.connect(_export(store, "--format", "sqlite", "--account", "acme", name="kpi.sqlite"))
    rows = table.execute("select value, numerator, denominator, start_local, freshness from kpi where dimension = 'hour-of-week' "
                         "and platform = 'tiktok'").fetchall()
    assert [row[:3] for row in rows] == [("sun 00", 9, 2), ("sun 01", 8, 4), ("sun 03", 26, 3)]
    assert {row[3:] for row in rows} == {("2026-03-29T00:00:00+01:00", "incomplete")}
    done = run([AGGREGATE, "show", store.path(store.named("snapshots")[0]), "--by", "hour-of-week"], store.directory.parent, check=64)
    assert "no hours of the week" in done.stderr


# ---- tags


def test_the_tail_of_tags_is_one_row_and_no_tag_is_taken_for_it(store):
    tags = [{"table": "tag", "account": "acme", "platform": TIKTOK, "id": f"tag-{n:04}", "counters": {"likes": 1}} for n in range(1000)]
    tags += [{"table": "tag", "account": "acme", "platform": TIKTOK, "id": "other", "counters": {"likes": 9}}]
    store.window(0, _rows(0) + tags).window(1, _rows(1) + tags[998:]).make()
    store.run("verify", "--deep")

    def likes(*period):
        rows = store.show(*period, "--by", "tag", "--account", "acme", "--counters")
        return {row["tag"]: row["numerator"] for row in _figures(rows, unit="counter", kpi="likes")}

    first = likes(str(FIRST))
    assert len(first) == 1001 and {name: first[name] for name in ("other", "spring", "tag-0997", None)} == {
        "other": 9, "spring": 2, "tag-0997": 1, None: 2}, "of equal ones the lesser names stay"
    both = likes("--since", str(FIRST))
    assert {name: both[name] for name in ("other", "spring", "tag-0998", "tag-0999", None)} == {
        "other": 18, "spring": 4, "tag-0998": 1, "tag-0999": 1, None: 2}, "a name has what it has where it is told apart"
    assert sum(both.values()) == 1000 + 2 + 9 + 9 + 2 + 2, "and nothing is lost"
    table = store.run("show", str(FIRST), "--by", "tag", "--account", "acme", "--counters", "-o", "table").stdout
    assert "(all others)" in table


# ---- readings


def _reading(counter, value, minute, content="a", platform=YOUTUBE, event=1):
    return {"platform": platform, "content": content, "counter": counter, "value": value, "at": 1000 * (FIRST + 60 * minute), "event": event}


def _content_rows():
    return _rows(0) + [{"table": "content", "account": "acme", "platform": YOUTUBE, "id": "a",
                        "counters": {"impressions": 1000, "views_from_impressions": 30}}]


def test_readings_stand_beside_events_and_nothing_is_added_twice(store):
    """The same content is told of by events and by polls, of both partitions and in two windows: each figure has one basis."""
    store.window(0, _content_rows(), readings=(
        [_reading("impressions", 5000, 3), _reading("views_from_impressions", 40, 3), _reading("impressions", 90, 4, "b")],
        [_reading("impressions", 5050, 3, event=2), _reading("views_from_impressions", 60, 2)]))
    store.window(1, readings=([_reading("impressions", 6000, 16)], [_reading("subscribers", 777, 20, "")])).make()
    everything = "--since", str(FIRST), "--by", "content", "--account", "acme"
    ctr = {row["basis"]: row for row in _figures(store.show(*everything, "--kpi", "ctr"), content="a")}
    assert (ctr["events"]["numerator"], ctr["events"]["denominator"], ctr["events"]["as_of"]) == (30, 1000, None)
    assert (ctr["readings"]["numerator"], ctr["readings"]["denominator"]) == (40, 6000), "not 70, and not 11000"
    assert ctr["readings"]["as_of"] == "2026-03-28T23:03:00Z", "the older of the two"
    first = _figures(store.show(str(FIRST), "--by", "content", "--kpi", "ctr"), content="a", basis="readings")
    assert [(row["numerator"], row["denominator"]) for row in first] == [(40, 5050)], "of a tie the greater event id"
    assert not _figures(store.show(*everything), content="b", basis="readings"), "what came of its impressions was not read"
    total = _figures(store.show("--since", str(FIRST), "--kpi", "ctr"), account="acme", platform="youtube")
    assert [(row["basis"], row["numerator"], row["denominator"]) for row in total] == [("events", 8, 80), ("readings", 40, 6000)]
    counters = store.show(*everything, "--counters")
    assert {(row["content"], row["kpi"], row["numerator"]) for row in _figures(counters, unit="reading")} == {
        ("a", "impressions", 6000), ("a", "views_from_impressions", 40), ("b", "impressions", 90)}
    assert [row["numerator"] for row in _figures(counters, unit="counter", kpi="impressions")] == [1000]
    (of_account,) = _figures(store.show("--since", str(FIRST), "--counters"), unit="reading")
    assert (of_account["kpi"], of_account["numerator"], of_account["as_of"]) == ("subscribers", 777, "2026-03-28T23:20:00Z")

    store.run("verify", "--deep")
    base = sqlite3.connect(_export(store, "--format", "sqlite", name="kpi.sqlite"))
    assert base.execute("select id, counter, value, as_of from counters where \"table\" = 'readings' order by 1, 2").fetchall() == [
        (None, "subscribers", 777, "2026-03-28T23:20:00Z"), ("a", "impressions", 6000, "2026-03-28T23:16:00Z"),
        ("a", "views_from_impressions", 40, "2026-03-28T23:03:00Z"), ("b", "impressions", 90, "2026-03-28T23:04:00Z")]
    assert base.execute("select dimension, numerator, denominator from kpi where basis = 'readings' and kpi = 'ctr' order by 1").fetchall() == [
        ("content", 40, 6000), ("platform", 40, 6000)]
    paths, spans = [store.path(name) for name in store.named("snapshots")], []
    for order in (paths, paths[::-1]):
        spans.append(store.directory.parent / f"span-{len(spans)}.zst")
        run([AGGREGATE, "merge", "--out", spans[-1], *order], store.directory.parent, check=0)
    assert len({_unzst(span) for span in spans}) == 1
    done = run([AGGREGATE, "diff", paths[0], spans[0], "-o", "jsonl"], store.directory.parent, check=1)
    assert {row["counter"]: row["b"] for row in map(json.loads, done.stdout.splitlines()) if row["table"] == "readings" and row["id"] == "a"} == {
        "impressions.read": 6000, "impressions.read_at": 1000 * (FIRST + 960), "impressions.read_id": 0}


# ---- live sessions


def _moves(second, joins, leaves, session="show", platform=TIKTOK, **more):
    return {"platform": platform, "session": session, "second": second, "joins": joins, "leaves": leaves, **more}


def test_how_many_watch_at_once_is_summed_over_partitions_and_windows_before_its_peak_is_looked_for(store):
    """A viewer joins in one partition and leaves in another; the peak of either alone, or of a window alone, would be another."""
    store.window(0, live=([_moves(100, 40, 0), _moves(700, 0, 30)], [_moves(100, 0, 10), _moves(800, 25, 0)]))
    store.window(1, live=([_moves(0, 0, 20, watch_ms=9000), _moves(600, 0, 5)], [_moves(0, 20, 0), _moves(60, 30, 0), _moves(500, 0, 50)]))
    store.window(2, live=([_moves(30, 7, 0, "space", WEB)], [_moves(40, 0, 2, "space", WEB)])).make()

    def told(*period, **wanted):
        rows = _figures(store.show(*period, "--by", "session", "--account", "acme"), **wanted)
        return {row["kpi"]: (row["numerator"], row["denominator"], row["as_of"]) for row in rows}

    everything = "--since", str(FIRST)
    show = {"live_joins": (115, None, None), "live_leaves": (115, None, None), "peak_viewers": (55, None, "2026-03-28T23:16:00Z"),
            "avg_viewers": (30 * 600 + 25 * 160 + 55 * 440 + 5 * 100, 1400, None), "viewers_at_end": (0, None, None),
            "avg_stay": (9000, 115, None)}
    assert told(*everything, session="show") == show
    assert told(str(FIRST), session="show") == {
        "live_joins": (65, None, None), "live_leaves": (40, None, None), "peak_viewers": (30, None, "2026-03-28T23:01:40Z"),
        "avg_viewers": (30 * 600 + 25 * 100, 800, None), "viewers_at_end": (25, None, None)}
    second = told(str(FIRST + WINDOW), session="show")
    assert second["viewers_at_start"] == (25, None, None) and second["peak_viewers"] == show["peak_viewers"], "what came before is counted"
    assert second["avg_viewers"] == (25 * 60 + 55 * 440 + 5 * 100, 600, None)
    assert told(*everything, session="space")["viewers_at_end"] == (5, None, None)
    rows = store.show(*everything, "--by", "session")
    assert {row["session"]: row["freshness"] for row in rows} == {"show": "sealed", "space": "provisional"}, "somebody watches"
    assert told(str(FIRST + 2 * WINDOW), session="show") == {}, "nothing of it happened then"
    assert set(told(*everything, platform="web")) == {"live_joins", "live_leaves", "peak_viewers", "avg_viewers", "viewers_at_end"}
    file = run([AGGREGATE, "show", store.path(store.named("snapshots")[1]), "--by", "session", "--kpi", "peak_viewers", "-o", "jsonl"],
               store.directory.parent, check=0)
    assert [(row["numerator"], row["freshness"]) for row in map(json.loads, file.stdout.splitlines())] == [(30, "provisional")], "of it alone"
    base = sqlite3.connect(_export(store, "--format", "sqlite", "--every", "window", name="kpi.sqlite"))
    assert {name: rest for name, *rest in base.execute("select kpi, numerator, denominator, as_of from kpi where dimension = 'session' "
                                                       "and value = 'show'")} == {name: list(rest) for name, rest in show.items()}
    assert base.execute("select count(*) from definitions where kind = 'session'").fetchone() == (9,)
    store.run("verify", "--deep")
    paths, span = [store.path(name) for name in store.named("snapshots")], store.directory.parent / "span.zst"
    run([AGGREGATE, "merge", "--out", span, *paths[::-1]], store.directory.parent, check=0)
    done = run([AGGREGATE, "show", span, "--by", "session", "--kpi", "peak_viewers", "-o", "jsonl"], store.directory.parent, check=0)
    assert [(row["session"], row["numerator"]) for row in map(json.loads, done.stdout.splitlines())] == [("show", 55), ("space", 7)]
    done = run([AGGREGATE, "diff", paths[2], span, "-o", "jsonl"], store.directory.parent, check=1)
    assert {row["counter"]: row["b"] for row in map(json.loads, done.stdout.splitlines()) if row["table"] == "live"}["viewers@2026-03-28T23:16:00Z"] == 30


def test_who_falls_silent_past_a_window_leaves_in_the_next__and_past_what_is_published_watches_still(store):
    store.window(0, live=([_moves(850, 3, 0), _moves(950, 0, 0, expired=3)], [_moves(870, 0, 0, returned=2), _moves(960, 0, 0, expired=2)]))
    store.window(1, live=([_moves(10, 0, 0, "space", returned=1), _moves(959, 0, 0, "space", expired=1)], [])).make()

    def told(*period, session="show"):
        rows = [row for row in store.show(*period, "--by", "session") if row["session"] == session]
        return {row["kpi"]: row["numerator"] for row in rows}, {row["freshness"] for row in rows}

    everything = "--since", str(FIRST), "--until", str(FIRST + 9 * WINDOW)
    whole = {"live_joins": 3, "live_leaves": 0, "live_expired": 5, "live_returned": 2, "peak_viewers": 5, "viewers_at_end": 0,
             "avg_viewers": 3 * 20 + 5 * 80 + 2 * 10}
    assert told(*everything) == (whole, {"sealed"})
    assert told(str(FIRST)) == ({"live_joins": 3, "live_leaves": 0, "live_returned": 2, "peak_viewers": 5, "viewers_at_end": 5,
                                 "avg_viewers": 3 * 20 + 5 * 30}, {"provisional"}), "nobody has left within the window"
    assert told(*everything, session="space")[0]["viewers_at_end"] == 1, "the window in which it would leave is not published"
    base = sqlite3.connect(_export(store, "--format", "sqlite", "--until", str(FIRST + 9 * WINDOW), name="kpi.sqlite"))
    assert dict(base.execute("select kpi, numerator from kpi where dimension = 'session' and value = 'show'")) == whole
    assert base.execute("select numerator from kpi where value = 'space' and kpi = 'viewers_at_end'").fetchone() == (1,)
    paths, span = [store.path(name) for name in store.named("snapshots")], store.directory.parent / "span.zst"
    run([AGGREGATE, "merge", "--out", span, *paths], store.directory.parent, check=0)
    done = run([AGGREGATE, "show", span, "--by", "session", "--kpi", "viewers_at_end", "-o", "jsonl"], store.directory.parent, check=0)
    assert [(row["session"], row["numerator"]) for row in map(json.loads, done.stdout.splitlines())] == [("show", 0), ("space", 1)]
    done = run([AGGREGATE, "diff", *paths, "-o", "jsonl"], store.directory.parent, check=1)
    differs = {(row["id"], row["counter"]): (row["a"], row["b"]) for row in map(json.loads, done.stdout.splitlines())
               if row["table"] == "live"}
    assert differs["show", "live_expired"] == (5, 0) and differs["space", "live_returned"] == (0, 1)
    store.run("verify", "--deep")


def test_a_window_that_lacks_before_the_time_asked_for_is_said_where_a_session_may_have_begun_in_it(store):
    store.window(0, publish=False, live=([_moves(100, 40, 0)], [])).window(1, live=([_moves(0, 0, 20)], [])).window(2).make()
    said = store.run("show", str(FIRST + WINDOW), "--by", "session").stderr
    assert "1 window of this time is missing, the first begins at 2026-03-28T23:00:00Z" in said
    assert "missing" not in store.run("show", str(FIRST + 2 * WINDOW), "--by", "session").stderr, "no session, nothing to say"


def test_an_account_has_a_zone_of_its_own__without_it_and_by_its_side_tz_says_which(store):
    store.window(0).window(92).make()  # the days of Berlin: 23 hours are 92 windows
    zones = "--accounts.zones=bolt=Asia/Kolkata, acme=Europe/Berlin"
    days = {row["start_local"][:16] for row in store.show("--since", str(FIRST), "--by", "day", "--account", "acme", zones)}
    assert days == {"2026-03-29T00:00", "2026-03-30T00:00"}
    days = {row["start_local"][:16] for row in store.show("--since", str(FIRST), "--by", "day", "--account", "acme", zones, "--tz", "UTC")}
    assert days == {"2026-03-28T23:00", "2026-03-29T00:00"}
    out = store.directory.parent / "zone.csv"
    store.run("export", "--since", str(FIRST), "--account", "acme", zones, "--out", out)
    assert {row["zone"] for row in csv.DictReader(io.StringIO(out.with_suffix(".provenance.csv").read_text()))} == {"Europe/Berlin"}
    for wrong, says in (("acme=Mars/Olympus", "Mars/Olympus"), ("acme", "names no account and its zone")):
        assert says in store.run("show", "--account", "acme", f"--accounts.zones={wrong}", check=78).stderr


# ---- export


def _export(store, *arguments, name="kpi.csv"):
    out = store.directory.parent / name
    store.run("export", "--since", str(FIRST), "--tz", "Europe/Berlin", "--out", out, *arguments)
    return out


def test_csv_is_safe_in_a_spreadsheet_and_says_where_it_comes_from(store):
    store.window(0).window(1, late=1).make()
    out = _export(store, "--format", "csv")
    assert sorted(p.name for p in out.parent.glob("kpi*")) == ["kpi.counters.csv", "kpi.csv", "kpi.definitions.csv",
                                                               "kpi.provenance.csv"]
    kpis, counters, definitions, provenance = (
        list(csv.DictReader(io.StringIO(p.read_text()))) for p in
        (out, out.with_suffix(".counters.csv"), out.with_suffix(".definitions.csv"), out.with_suffix(".provenance.csv")))
    contents = {row["id"] for row in counters if row["table"] == "content"}
    assert contents == {"'=7310,\"x\""}, "a formula is text"
    assert {row["value"] for row in counters if row["table"] == "late"} == {"-7"}, "a number is none"
    assert {row["kpi"] for row in kpis} - {"late_events"} <= {row["name"] for row in definitions}
    assert {row["counter"] for row in counters} <= {row["name"] for row in definitions}
    for row, name in zip(provenance, store.named("snapshots"), strict=True):
        snapshot = _read(store.path(name))
        assert row["file"] == name and row["sha256"] == snapshot.trailer.sha256.hex()
        assert row["zone"] == "Europe/Berlin" and row["rules_hash"] == "0123456789abcdef"
        assert row["counted"] == str(sum(c.counted for c in snapshot.header.coverage))
    totals = sum(int(row["value"]) for row in counters if row["counter"] == "likes" and row["table"] == "totals")
    assert totals == sum(row["numerator"] for row in _figures(store.show("--since", str(FIRST), "--counters"),
                                                              unit="counter", kpi="likes"))


def test_every_format_says_the_same(store):
    store.window(0).window(1).make()
    rows = list(csv.DictReader(io.StringIO(_export(store).read_text())))
    zst = _unzst(_export(store, "--zst", name="z.csv.zst")).decode()
    assert list(csv.DictReader(io.StringIO(zst))) == rows
    lines = [json.loads(line) for line in _export(store, "--format", "jsonl", name="kpi.jsonl").read_text().splitlines()]
    base = sqlite3.connect(_export(store, "--format", "sqlite", name="kpi.sqlite"))
    base.row_factory = sqlite3.Row
    table = [dict(row) for row in base.execute("select * from kpi")]
    assert len(rows) == len(lines) == len(table) > 0
    for text, line, row in zip(rows, lines, table):
        assert row.keys() == line.keys() == text.keys()
        for name, value in line.items():
            assert row[name] == (pytest.approx(value) if isinstance(value, float) else value), name
            assert type(row[name]) is type(value) or name == "ratio"
            assert text[name] == ("" if value is None else text[name] if isinstance(value, float) else str(value)) or \
                text[name] == f"'{value}"
    for name in ("counters", "definitions", "provenance"):
        assert base.execute(f"select count(*) from {name}").fetchone()[0] > 0
    assert base.execute("pragma integrity_check").fetchone()[0] == "ok"


def test_duckdb_reads_a_compressed_export_as_it_is(store):
    store.window(0).window(1).make()
    out = _export(store, "--zst", name="kpi.csv.zst")
    with duckdb.connect() as base:
        for place, text in ((out, _unzst(out)), (out.with_name("kpi.counters.csv.zst"), _unzst(out.with_name("kpi.counters.csv.zst")))):
            rows = list(csv.DictReader(io.StringIO(text.decode())))
            read = base.execute("select * from read_csv(?)", [str(place)])
            assert [column[0] for column in read.description] == list(rows[0])
            assert len(read.fetchall()) == len(rows) > 0
        likes = base.execute("select sum(value) from read_csv(?) where counter = 'likes' and \"table\" = 'totals'", [str(place)])
        assert likes.fetchone()[0] == sum(int(row["value"]) for row in rows if (row["counter"], row["table"]) == ("likes", "totals")) > 0


def test_an_export_is_whole_or_not_there(store):
    store.window(0).window(1).make()
    path = store.path(store.named("snapshots")[1])
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    for form in ("csv", "jsonl", "sqlite"):
        out = store.directory.parent / f"out.{form}"
        out.write_text("before")
        done = store.run("export", "--since", str(FIRST), "--format", form, "--out", out, check=65)
        assert "CLM-D3" in done.stderr and out.read_text() == "before"
        assert [p.name for p in out.parent.glob(f"out*{form}*")] == [out.name]
    path.write_bytes(whole)
    for arguments, code, says in ((("--zst", "--out", "a.csv"), 64, ".zst"), (("--out", "a.csv.zst"), 64, ".zst"),
                                  (("--format", "sqlite", "--zst", "--out", "a"), 64, "--zst is for csv"),
                                  (("--format", "xlsx", "--out", "a"), 64, "csv, jsonl and sqlite"), ((), 64, "usage:"),
                                  (("--out", "/nowhere/kpi.csv"), 73, "/nowhere/kpi.csv"),
                                  (("--out", str(store.directory)), 73, "Is a directory")):
        done = store.run("export", *arguments, check=None)
        assert done.returncode == code and says in done.stderr, done


# ---- verify


def test_a_whole_store_is_whole(store):
    store.window(0, late=1).window(1).window(3).make()
    done = store.run("verify", "--deep")
    assert "whole, and everything adds up" in done.stderr and done.stdout.strip() == ""
    assert json.loads(store.run("verify", "-o", "json").stdout) == []


def test_every_file_that_is_changed_is_named__red_without_its_check(store):
    store.window(0, late=1).window(1).make()
    names = sorted(store.names)
    random.seed(7)
    for name in names:
        path = store.path(name)
        whole = path.read_bytes()
        at = random.randrange(len(whole))
        for damaged in (whole[:at], whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1:], whole + b"\0"):
            path.write_bytes(damaged)
            done = store.run("verify", "-o", "jsonl", check=65)
            bad = {json.loads(line)["file"] for line in done.stdout.splitlines() if json.loads(line)["state"] == "bad"}
            assert bad == {name} and "CLM-D3" in done.stderr, (name, at, bad)
        path.write_bytes(whole)
    store.run("verify", "--deep")


def _bad(store, *arguments):
    done = store.run("verify", "-o", "jsonl", *arguments, check=65)
    return [row for row in map(json.loads, done.stdout.splitlines()) if row["state"] == "bad"]


def test_what_does_not_add_up_is_found__red_without_its_check(store, tmp_path):
    """Files that are whole, each with a right checksum, and wrong."""
    store.window(0).window(1)
    clean = list(store.files)

    def broken(change):
        again = Store(tmp_path / f"broken-{len(list(tmp_path.iterdir()))}")
        again.files = json.loads(json.dumps(clean))
        again.lines, again.offsets = json.loads(json.dumps(store.lines)), list(store.offsets)
        change(again)
        return again.make()

    def line(again):
        again.lines[1][0]["counted"] += 1

    def covered(again):
        again.files[2]["coverage"][0]["counted"] += 1

    def gone(again):
        again.lines[0][0]["to"] -= 1

    (finding,) = _bad(broken(line))
    assert finding["file"].startswith("parts/") and "its line has 7 events" in finding["finding"]
    (finding,) = _bad(broken(covered))
    assert finding["file"].startswith("snapshots/") and "it has 6 events" in finding["finding"]
    (finding,) = _bad(broken(gone))
    assert "is gone" in finding["finding"]

    whole = broken(lambda again: None)
    assert whole.run("verify")
    record = whole.named("through")[0]
    whole.path(record).rename(whole.path(record.replace("p0000", "p0001")))
    assert "which its name does not say" in _bad(whole)[0]["finding"]


def test_a_balance_that_does_not_add_up_is_found__red_without_its_check(store):
    store.window(0).make()
    store.files[-1]["progress"] |= {"read": 99, "offset": 500}
    store.make()
    assert any("read 99 is not" in row["finding"] for row in _bad(store))


def test_deep_finds_a_snapshot_whose_sums_are_others__its_checksum_is_right(store):
    store.window(0).make()
    store.run("verify", "--deep")
    path = store.path(store.named("snapshots")[0])
    store.files[2]["rows"] = _rows(1)
    store.make()
    assert path.exists()
    assert not store.run("verify", "-o", "jsonl").stdout
    (finding,) = _bad(store, "--deep")
    assert "give other bytes" in finding["finding"] and finding["file"] == store.named("snapshots")[0]


def test_orders_of_windows_before_are_a_part_of_what_is_merged_again__red_without_them(store):
    """The copy of the second window counts nothing, for the first has the lesser one."""
    copy = [dict(_orders(0, 3)[0][0], at=1000 * (FIRST + WINDOW) + 5)]
    store.window(0, orders=_orders(0, 2)).window(1, orders=[copy, []]).make()
    store.run("verify", "--deep")
    orders = [row["numerator"] for row in _figures(store.show("--since", str(FIRST), "--counters", "--by", "window"), kpi="orders")]
    assert orders == [1], "and none in the second"
    first, second = store.named("orders")
    store.path(first).unlink()
    findings = _bad(store, "--deep")
    assert len(findings) == 3 and all("the orders up to offset 10 are gone" in row["finding"] for row in findings), findings
    assert {row["file"].split("/")[0] for row in findings} == {"parts", "snapshots"}


def test_files_by_themselves(store):
    store.window(0).make()
    paths = [store.path(name) for name in store.names]
    assert "whole" in run([AGGREGATE, "verify", *paths], store.directory.parent, check=0).stderr
    paths[0].write_bytes(b"nothing")
    done = run([AGGREGATE, "verify", *paths, "-o", "jsonl"], store.directory.parent, check=65)
    assert str(paths[0]) in done.stdout
    run([AGGREGATE, "verify", "nowhere.zst"], store.directory.parent, check=66)


# ---- merge, diff


def _orders(number, event):
    return [[{"order": f"o-{number}", "event": event, "at": 1000 * (FIRST + WINDOW * number), "platform": WEB,
              "counters": {"orders": 1, "priced_orders:EUR": 1, "gross_micros:EUR": 5_000_000 + event}}], []]


def test_merged_in_any_order_it_is_the_same_file(store):
    for number in range(3):
        store.window(number, orders=_orders(number, 1))
    store.make()
    paths = [store.path(name) for name in store.named("snapshots")]
    sums = set()
    for count, order in enumerate(itertools.permutations(paths)):
        out = store.directory.parent / f"span-{count}.zst"
        run([AGGREGATE, "merge", "--out", out, *order], store.directory.parent, check=0)
        sums.add(hashlib.sha256(_unzst(out)).hexdigest())
    assert len(sums) == 1
    store.run("merge", "--since", str(FIRST), "--out", store.directory.parent / "range.zst")
    store.run("diff", store.directory.parent / "range.zst", out)
    span = _read(out)
    assert (span.header.start_s, span.header.end_s) == (FIRST, FIRST + 3 * WINDOW)
    assert sum(c.counted for c in span.header.coverage) == 3 * (5 + 6)
    columns = [column for block in span.blocks if block.table == 0 for column in block.columns if column.counter == "orders"]
    assert sum(sum(column.values) for column in columns) == 3


def test_what_would_count_twice_is_not_merged(store):
    store.window(0).window(1).make()
    paths = [store.path(name) for name in store.named("snapshots")]
    out = store.directory.parent / "span.zst"
    for files, says in (((paths[0], paths[1], paths[0]), "both cover"), ((store.path(store.named("parts")[0]),), "no published window")):
        done = run([AGGREGATE, "merge", "--out", out, *files], store.directory.parent, check=64)
        assert says in done.stderr and not out.exists()
    run([AGGREGATE, "merge", "--out", out, *paths], store.directory.parent, check=0)
    done = run([AGGREGATE, "merge", "--out", store.directory.parent / "again.zst", out, paths[1]], store.directory.parent, check=64)
    assert "both cover" in done.stderr
    run([AGGREGATE, "merge", paths[0]], store.directory.parent, check=64)


def test_two_revisions_differ_counter_by_counter(store):
    store.window(0, orders=_orders(0, 2)).make()
    start = str(FIRST)
    store.run("diff", start, start)
    store.run("diff", start, check=66)
    part = store.files[0] | {"coverage": [dict(store.files[0]["coverage"][0], to=11, counted=6)], "rows": _rows(1),
                             "orders": _orders(0, 1)[0]}
    store.files += [part, {"kind": "window", "start": FIRST, "coverage": [part["coverage"][0], store.files[2]["coverage"][0]]}]
    store.make()
    done = store.run("diff", start, "-o", "jsonl", check=1)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    likes = _figures(rows, table="totals", counter="likes", account="acme")
    assert [(row["a"], row["b"], row["difference"]) for row in likes] == [(3, 4, 1)]
    assert [row["a"] for row in _figures(rows, table="orders", counter="copies")] == [0, 1]
    store.run("diff", f"{start}@1", f"{start}@2", check=1)
    store.run("diff", f"{start}@2", start)
    store.run("diff", f"{start}@1", store.path(store.named("snapshots")[0]))
    done = store.run("diff", f"{start}@3", start, check=66)
    assert "2 published revisions" in done.stderr


def test_checkpoints_differ_in_how_viewers_stand__goes_red_if_rows_alone_are_compared(tmp_path):
    golden, other = ROOT / "tests" / "contract" / "snapshots" / "v1-viewers.zst", tmp_path / "other.zst"
    snapshot = _read(golden)
    snapshot.ClearField("trailer")
    viewer = snapshot.blocks[-1].viewers[1]
    assert viewer.armed and viewer.joined == 1
    viewer.armed, viewer.joined = False, 3
    snapshot.trailer.sha256 = hashlib.sha256(snapshot.SerializeToString()).digest()
    other.write_bytes(zstandard.compress(snapshot.SerializeToString()))
    run([AGGREGATE, "diff", golden, golden], tmp_path)
    done = run([AGGREGATE, "diff", golden, other, "-o", "jsonl"], tmp_path, check=1)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["table"], row["account"], row["id"], row["counter"], row["a"], row["b"]) for row in rows] == [
        ("viewers", None, viewer.key.hex(), "armed", 1, 0), ("viewers", None, viewer.key.hex(), "joined", 1, 3)]


class _Bucket(http.server.BaseHTTPRequestHandler):
    """An empty bucket, or one that forbids."""
    status, asked = 200, []  # asked: each server has its own

    def do_GET(self):
        self.asked.append(self.path)
        body = b"<ListBucketResult></ListBucketResult>"
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def bucket(tmp_path):
    """(how it answers, the flags of a reader)"""
    class Answers(_Bucket):
        asked = []
    secret = tmp_path / "secret"
    secret.write_text("secret")
    secret.chmod(0o600)
    with http.server.HTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Answers, ["--store.url=s3://windows/acme", "--store.s3.region=us-east-1", "--store.s3.access_key=access", "--store.s3.retries=0",
                        f"--store.s3.secret_key_file={secret}", f"--store.s3.endpoint=http://127.0.0.1:{server.server_port}"]
        server.shutdown()


def test_who_cannot_read_a_bucket_is_told_what_a_reader_can_do__goes_red_if_it_is_what_a_writer_can(bucket, tmp_path):
    answers, place = bucket
    for answers.status, exit_code, says in ((403, 77, "right to list and read below"), (500, 69, "then call it again")):
        for command in (["show"], ["verify"], ["export", "--format=csv", "--out=x.csv", "--since=1d"]):
            said = run([AGGREGATE, *command, *place], tmp_path, check=exit_code).stderr
            assert says in said and "writ" not in said and "delete" not in said


def test_who_reads_a_bucket_leaves_the_uploads_of_others_alone(bucket, tmp_path):
    answers, place = bucket
    run([AGGREGATE, "verify", *place], tmp_path, check=66)
    assert answers.asked and not any("uploads" in path for path in answers.asked)


# ---- a start

REFUNDS = """
- version: 1
  since: 0
  window.refunds: {}
- version: 2
  since: {}
  window.refunds: {}
"""


@pytest.mark.parametrize("retain, first, since, second, warns", [
    ("400d", "180d", "2020-01-01T00:00:00Z", "180d", False),
    ("off", "180d", "2020-01-01T00:00:00Z", "999d", False),
    ("90d", "180d", "2020-01-01T00:00:00Z", "90d", False),  # the first is in force no more
    ("90d", "90d", "2020-01-01T00:00:00Z", "91d", True),
    ("90d", "30d", "2120-01-01T00:00:00Z", "91d", True),  # it will be
    ("90d", "91d", "2120-01-01T00:00:00Z", "30d", True)])
def test_a_start_says_that_refunds_will_not_find_their_orders__goes_red_without_the_step(tmp_path, retain, first, since, second, warns):
    (tmp_path / "rules.yaml").write_text(REFUNDS.format(first, since, second))
    flags = ["--kafka.bootstrap.servers=127.0.0.1:1", f"--store.url=file://{tmp_path / 'store'}", f"--store.retain={retain}",
             f"--rules.file={tmp_path / 'rules.yaml'}", f"--privacy.key_file={tmp_path / 'none'}"]  # without a key nobody is asked
    said = run([AGGREGATE, "run", *flags], tmp_path, check=66).stderr
    assert ("CLM-D5" in said) == warns and ("up to 91 days" in said) == warns


# ---- a real store


def test_what_aggregators_made_is_whole_and_its_kpis_are_those_of_an_independent_computation(kafka, topic, redis, tmp_path):
    store = tmp_path / "store"
    deployment = Deployment(tmp_path, kafka.bootstrap, topic, redis,
                            {"store.url": f"file://{store}", "aggregate.checkpoint": "1s", "aggregate.group": topic},
                            [Rules(window_lateness=6 * 3_600_000)], "- {version: 1, since: 0, window.lateness: 6h}\n")
    aggregation = Aggregation(deployment, store)
    now = int(time.time())
    past = now - now % WINDOW - 12 * WINDOW
    for number in range(3):
        deployment.produce(*load.flags(6_000, seed=number + 1), f"--start-time={1000 * (past + number * WINDOW + 60)}")
    aggregator = aggregation.start()
    expected = aggregation.settle()
    assert "partition" not in aggregation.command("verify", "--deep").stdout, "while it runs"
    assert aggregator.terminate() == 0
    assert "everything adds up" in aggregation.command("verify", "--deep").stderr

    tables = [item for start in expected.windows for item in expected.table(start).items()]
    done = aggregation.command("show", "--since", str(min(expected.windows)), "-o", "jsonl")
    shown = [row for row in map(json.loads, done.stdout.splitlines()) if row["kpi"] != "late_events" and row["basis"] != "readings"]
    assert kpis.check_shown(shown, expected, KEY) > 100
    assert {row["platform"] for row in shown if row["ratio"]} > {"tiktok", "instagram", "youtube", "web"}
    late = sum(share.late for window in expected.windows.values() for share in window.shares.values())
    (line,) = [row for row in map(json.loads, done.stdout.splitlines()) if row["kpi"] == "late_events"]
    assert line["numerator"] == late > 0

    read = {}
    for window in expected.windows.values():
        for key, told in window.read.items():
            read[key] = max(read.get(key, told), told)
    done = aggregation.command("show", "--since", str(min(expected.windows)), "--by", "content", "--counters", "-o", "jsonl")
    assert {(row["account"], row["platform"], row["content"], row["kpi"]): row["numerator"]
            for row in map(json.loads, done.stdout.splitlines()) if row["unit"] == "reading"} == {
        (account, registry.platform_name(platform), content, counter): told[2]
        for (account, platform, content, counter), told in read.items() if content} != {}

    fullest = sorted(expected.windows, key=lambda start: len(expected.table(start)))[-2:]
    windows = [aggregation.store.revisions(start)[-1] for start in fullest]
    assert aggregation.command("diff", windows[0], windows[0], "-o", "jsonl").stdout == ""
    told = [json.loads(line) for line in aggregation.command("diff", *windows, "-o", "jsonl", check=1).stdout.splitlines()]
    assert {"reached", "durations", "p50_ms"} <= {row["counter"] for row in told if row["table"] in ("reach", "quantiles")}

    days = tmp_path / "kpi.sqlite"
    aggregation.command("export", "--format", "sqlite", "--since", str(min(expected.windows)), "--every", "window", "--out", days)
    base = sqlite3.connect(days)
    for table in ("totals", "content", "campaign", "tag", "late"):
        wanted = sum(sum(cells.values()) for key, cells in tables if key[0] == table)
        assert base.execute('select sum(value) from counters where "table" = ?', (table,)).fetchone()[0] == wanted, table


# ---- schema, version, help


def test_the_schema_reads_a_snapshot_without_generated_code(store):
    store.window(0).make()
    snapshot = _read(store.path(store.named("snapshots")[0]))
    assert snapshot.header.start_s == FIRST and snapshot.blocks[0].accounts[0] == "acme"
    assert snapshot.trailer.sha256


COMMANDS = ("show", "export", "verify", "merge", "diff", "schema", "version", "help")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_answers_help(command, tmp_path):
    done = run([AGGREGATE, command, "--help"], tmp_path, check=0)
    assert f"clameur-aggregate {command}" in done.stdout


def test_help_and_version(tmp_path):
    usage = run([AGGREGATE, "--help"], tmp_path, check=0).stdout
    assert all(f"\n  {command} " in usage for command in COMMANDS)
    for topic, word in (("errors", "CLM-D3"), ("options", "store.url"), ("metrics", "clameur_sealed_timestamp_seconds"),
                        ("kpis", "tiktok")):
        assert word in run([AGGREGATE, "help", topic], tmp_path, check=0).stdout
    assert 'did you mean "kpis"?' in run([AGGREGATE, "help", "kpi"], tmp_path, check=64).stderr
    version = json.loads(run([AGGREGATE, "version", "--json"], tmp_path, check=0).stdout)
    assert version["program"] == "clameur-aggregate" and version["format"] == 1
    run([AGGREGATE, "shwo"], tmp_path, check=64)
