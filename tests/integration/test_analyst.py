"""The reading commands as analysts meet them: what a store lacks is said, by the figures themselves and by verify; names that no window has
stop nobody; what is asked for, what is printed, and where it goes."""
import csv
import io
import json
import os
import pty
import shutil
import signal
import sqlite3
import subprocess
import time

import pytest

from harness.made_store import AGGREGATE, FIRST, TIKTOK, WINDOW, Store, bad_of, exported, figures_of, moves_of, orders_of, rows_of, store  # noqa: F401
from harness.process import ENVIRONMENT, run
from harness.terminal import on_a_terminal

DAY = 86400


def _freshness(store, *arguments):
    return {row["start_utc"][11:16]: row["freshness"] for row in store.show("--since", str(FIRST), *arguments)}


# ---- freshness


def test_a_row_over_a_window_that_is_missing_says_so__red_without_the_gaps(store):
    store.window(0).window(1).window(4, publish=False).window(5).window(9).make()  # 00:00, 00:15; 01:00 is missing
    assert _freshness(store) == {"23:00": "incomplete"}
    assert _freshness(store, "--by", "hour") == {"23:00": "sealed", "00:00": "incomplete", "01:00": "sealed"}
    assert set(_freshness(store, "--by", "window").values()) == {"sealed"}
    assert {row["freshness"] for row in store.show("--since", str(FIRST), "--counters", "--by", "content")} == {"incomplete"}
    base = sqlite3.connect(exported(store, "--format", "sqlite", "--every", "hour", name="kpi.sqlite"))
    for table in ("kpi", "counters"):
        rows = base.execute(f"select distinct start_utc, freshness from {table} where start_utc like '2026-03-29T00%'").fetchall()
        assert rows == [("2026-03-29T00:00:00Z", "incomplete")], table
    assert base.execute("select start_utc, end_utc from provenance where freshness = 'missing'").fetchall() == [
        ("2026-03-29T00:00:00Z", "2026-03-29T00:15:00Z")]


def test_figures_over_what_is_not_sealed_yet_are_provisional(store):
    store.window(0).window(1).make(sealed=4)
    assert _freshness(store) == {"23:00": "sealed"}
    assert _freshness(store, "--until", str(FIRST + 4 * WINDOW)) == {"23:00": "sealed"}, "the hour is over, and had no more events"
    assert _freshness(store, "--until", str(FIRST + 5 * WINDOW)) == {"23:00": "provisional"}, "more will come"
    out = exported(store, "--until", str(FIRST + 8 * WINDOW))
    rows = list(csv.DictReader(io.StringIO(out.with_suffix(".provenance.csv").read_text())))
    assert [(row["start_utc"], row["end_utc"]) for row in rows if row["freshness"] == "not sealed yet"] == [
        ("2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z")], "a stretch is one row"


def test_a_folder_without_a_snapshot_is_a_window_that_is_missing(store):
    store.window(0).window(1).window(2).make()
    store.path(store.named("snapshots")[1]).unlink()
    assert store.path(store.named("snapshots")[1]).parent.exists()
    assert _freshness(store) == {"23:00": "incomplete"}
    assert "has no snapshot" in store.run("show", "--since", str(FIRST)).stderr


def test_live_sessions_say_what_they_may_lack(store):
    store.window(0, publish=False, live=([moves_of(100, 40, 0)], [])).window(1, live=([moves_of(0, 0, 40)], [])).window(2).make()
    rows = store.show(str(FIRST + WINDOW), "--by", "session", "--kpi", "live_leaves")
    assert [row["freshness"] for row in rows] == ["incomplete"], "it may have begun before"
    shutil.rmtree(store.path(store.named("parts")[0]).parent)
    whole = Store(store.directory.parent / "whole")
    whole.window(1, live=([moves_of(0, 40, 0), moves_of(9, 0, 40)], [])).window(2).make()
    rows = whole.show("--since", str(FIRST), "--by", "session", "--kpi", "live_leaves")
    assert [row["freshness"] for row in rows] == ["sealed"]


# ---- verify


def test_a_snapshot_that_somebody_removed_is_found__red_without_the_check(store):
    store.window(0).window(1).window(2).make()
    store.run("verify")
    name = store.named("snapshots")[1]
    store.path(name).unlink()
    (finding,) = bad_of(store)
    assert finding["file"] == f"snapshots/{FIRST + WINDOW}" and "is not published" in finding["finding"]
    store.path(name).parent.rmdir()
    assert len(bad_of(store)) == 1


def test_a_window_that_was_settled_was_published(store):
    """No line is left of it, which lines are until it was published; its parts are there."""
    store.window(0).window(1).window(2)
    gone = [lines.pop(1) for lines in store.lines]
    store.make(sealed=3)
    for file, line in zip(store.files[-2:], gone):
        file["progress"] |= {"read": file["progress"]["read"] + line["counted"], "settled_counted": line["counted"], "offset": 100}
    store.make(sealed=3)
    store.run("verify")
    store.path(store.named("snapshots")[1]).unlink()
    assert [row["finding"] for row in bad_of(store)] == ["the window was published, and its snapshot is gone"]
    store.run("verify", "--store.retain=off", check=65)


def test_a_window_that_was_sealed_a_moment_ago_is_no_finding(store):
    store.window(0).window(1, publish=False).make(sealed=3)
    done = store.run("verify", "-o", "jsonl")
    assert [json.loads(line)["state"] for line in done.stdout.splitlines()] == ["note"]
    store.files = [file for file in store.files if file["kind"] != "through"]
    store.make(sealed=6)
    assert len(bad_of(store)) == 1, "an hour behind it"


@pytest.fixture
def old(tmp_path):
    """Windows of 40 days ago, the last of today."""
    days = (int(time.time()) - FIRST) // DAY
    store = Store(tmp_path / "store")
    store.window(96 * (days - 40)).window(96 * (days - 40) + 1).window(96 * days - 10)
    return store


def test_what_has_left_the_store_in_its_time_is_quiet(old):
    old.make()
    for folder in ("parts", "snapshots"):
        shutil.rmtree(old.path(old.named(folder)[0]).parent)
    assert len(bad_of(old)) == 3, "two parts and a snapshot, and they are kept for 400 days"
    done = old.run("verify", "--store.retain=30d", "-o", "jsonl")
    assert {json.loads(line)["state"] for line in done.stdout.splitlines()} == {"note"}
    old.run("verify", "--store.retain=39d", check=65)  # a day later at the earliest


def test_orders_that_left_before_the_window_that_looked_them_up_are_a_note__red_if_they_are_missed(tmp_path):
    """They stay three days longer than what they are of; a refund looks back for as long as the rules say."""
    days = (int(time.time()) - FIRST) // DAY
    sold, returned = 96 * (days - 40), 96 * (days - 30)
    store = Store(tmp_path / "store").window(sold, orders=orders_of(sold, 1)).window(returned).window(96 * days - 10)
    (window,) = [f for f in store.files if f["kind"] == "window" and f["start"] == FIRST + WINDOW * returned]
    window["earlier"] = [{"start": FIRST + WINDOW * sold, "partition": 0, "to": 10}]
    store.make().run("verify", "--deep")
    for folder in ("parts", "snapshots", "orders"):
        shutil.rmtree(store.directory / folder / str(FIRST + WINDOW * sold))
    done = store.run("verify", "--deep", "--store.retain=34d", "-o", "jsonl")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert {row["state"] for row in found} == {"note"}
    assert any("orders that it was made with have left the store" in row["finding"] for row in found)
    assert any("orders" in row["finding"] for row in bad_of(store, "--store.retain=38d")), "not yet"


def test_events_of_a_far_future_excuse_nothing__red_without_the_clock(old):
    """All have sealed years ahead of the clock, and there is a window of then: nothing has grown older by that."""
    old.window(96 * 2000).make()
    for name in old.named("parts")[:2] + old.named("snapshots")[:1]:
        old.path(name).unlink()
    assert len(bad_of(old, "--store.retain=60d")) == 3
    old.run("verify", "--store.retain=30d")


# ---- names that no window has


NAMES = ("9000000000000000000", "9007199254800", str(FIRST + 1), "-900")


@pytest.mark.parametrize("folder", ["snapshots", "parts"])
@pytest.mark.parametrize("name", NAMES)
def test_a_folder_that_no_window_has_is_named_and_left_out__it_made_them_walk_for_ever(store, folder, name):
    store.window(0).window(1).make()
    before = store.show("--since", str(FIRST))
    (store.directory / folder / name).mkdir()
    (store.directory / folder / name / "0000000000000000020-10183e655a192b8e.zst").write_bytes(b"x")
    for command in (("show", "--since", str(FIRST), "-o", "jsonl"), ("show", "-o", "jsonl"), ("show", "--since", "24h", "--by", "hour-of-week"),
                    ("export", "--since", str(FIRST), "--out", store.directory.parent / "kpi.csv"),
                    ("merge", "--since", str(FIRST), "--out", store.directory.parent / "span.zst")):
        assert f"note: {folder}/{name}/ is no window, and is left out" in store.run(*command).stderr, command
    assert store.show("--since", str(FIRST)) == before
    done = store.run("verify", "-o", "jsonl")
    assert [json.loads(line)["file"] for line in done.stdout.splitlines()] == [f"{folder}/{name}/"]


def test_a_window_of_a_far_future_holds_nobody_up(store):
    """It is one that can be: years of nothing lie before it, and nobody walks through them."""
    store.window(0).window(1)
    store.window((9007199253000 - FIRST) // WINDOW).make(sealed=(9007199253000 - FIRST) // WINDOW + 1)
    assert len({row["start_utc"] for row in store.show("--since", str(FIRST), "--by", "window")}) == 3
    store.run("show", "--since", str(FIRST), "--by", "hour-of-week")
    exported(store, "--every", "window")
    store.run("verify", "--deep")
    shutil.rmtree(store.directory / "through")
    assert set(_freshness(store).values()) == {"incomplete"}, "nobody says what was sealed"
    exported(store, "--every", "all")


# ---- what is asked for


@pytest.mark.parametrize("words", [("2026-03-29",), ("2026-03-29T00",), ("2026-03-28T23:00", "2026-03-29"), ("2026-03-29@1", "2026-03-28T23:00")])
def test_a_day_is_no_window_to_compare__its_first_quarter_of_an_hour_was_taken(store, words):
    store.window(0).window(1).window(4).make()
    done = store.run("diff", *words, check=64)
    assert "no single window" in done.stderr and "merge --since T --until T" in done.stderr


def test_what_was_left_away_or_mistyped_is_said(store):
    store.window(0, late=1).make()
    for words, says in ((("show", "a", "b"), "name one time"), (("export",), "--out FILE is missing"), (("diff",), "name two files or windows"),
                        (("export", "--out", "a.csv", "2026-03-29"), "--window"), (("merge", "--out", "a"), "name files, or give --since"),
                        (("show", "--since", "2026-03-29", "--until", "2026-03-29"), "show 2026-03-29"),
                        (("show", "nowhere.zst"), "there is no such file"), (("shwo",), 'did you mean "show"?'),
                        (("help", "exprot"), 'did you mean "export"?'), (("show", "--by", "colour-of-hair"), "account, origin")):
        done = run([AGGREGATE, *words] + ([f"--store.url=file://{store.directory}"] if words[0] != "help" else []), store.directory.parent, check=64)
        assert says in done.stderr, done
    assert "usage: clameur-aggregate export" in run([AGGREGATE, "help", "export"], store.directory.parent, check=0).stdout
    window, = store.named("snapshots")
    for flags in ((), ("--by", "session"), ("--by", "hour-of-week"), ("--by", "window"), (window,), (window, "--by", "session")):
        for mistyped in ("acmee", "ACME"):
            said = store.run("show", *flags, "--account", mistyped).stderr
            assert f"nothing is known in this time of --account {mistyped}" in said and "did you mean --account acme?" in said, (flags, said)
            held = "the store holds windows from 2026-03-28T23:00:00Z to 2026-03-28T23:15:00Z"
            assert (held in said) == (window not in flags), said
    assert "did you mean" not in store.run("show", "--account", "acme", "--kpi", "roas").stderr, "it is there"
    assert "do: see clameur-aggregate help kpis" in store.run("show", "--kpi", "nothing-like-it", check=64).stderr
    assert [row["kpi"] for row in store.show("--kpi", "late_events")] == ["late_events"]
    assert not figures_of(store.show("--kpi", "interactions"), kpi="late_events")


def test_a_store_without_files_is_not_called_whole(store):
    store.directory.mkdir()
    assert "there is nothing in the store" in store.run("verify", check=66).stderr


def test_a_snapshot_is_shown_by_its_name_in_the_store(store):
    store.window(0).window(1).make()
    name = store.named("snapshots")[1]
    assert {row["start_utc"] for row in store.show(name)} == {"2026-03-28T23:15:00Z"}
    store.run("show", "snapshots/900/0000000000000000020-10183e655a192b8e.zst", check=66)


# ---- money


def test_money_says_that_it_is_in_micros(store):
    store.window(0, orders=orders_of(0, 1)).make()
    (aov,) = store.show("--kpi", "aov", "--account", "acme")
    assert (aov["currency"], aov["numerator"], aov["ratio"], aov["unit"]) == ("EUR", 5000001, 5000001, "micros")
    (roas,) = store.show("--kpi", "roas", "--account", "acme")
    assert (roas["numerator"], roas["unit"]) == (5000001, "ratio of micros")
    head, row = store.run("show", "--kpi", "aov", "--account", "acme", "-o", "table").stdout.splitlines()
    shown = dict(zip(head.split(), row.split()))
    assert (shown["numerator"], shown["unit"]) == ("5.00", "money"), "people read its own unit"
    base = sqlite3.connect(exported(store, "--format", "sqlite", name="kpi.sqlite"))
    units = dict(base.execute("select name, definition from definitions where kind = 'unit'"))
    assert "millionths" in units["micros"] and "EUR 1.50" in units["micros"]
    assert {unit for unit, in base.execute("select distinct unit from kpi")} <= units.keys()
    assert {unit for unit, in base.execute("select distinct unit from definitions where kind != 'unit'")} <= units.keys()
    for command in ("show", "export"):
        assert "1500000 with EUR is EUR 1.50" in run([AGGREGATE, command, "--help"], store.directory.parent, check=0).stdout


# ---- where it goes


def test_a_table_of_many_times_is_one_table__red_if_each_is_printed_by_itself(store):
    store.window(0).window(1, rows_of(1, account="an-account-of-a-long-name")).window(2).make()
    head, *rows = store.run("show", "--since", str(FIRST), "--by", "window", "-o", "table").stdout.splitlines()
    assert len(rows) > 20 and {row[head.index("platform"):].split()[0] for row in rows} <= {"tiktok", "youtube"}


def _said_on_a_terminal(store, *arguments):
    """On standard error, where standard output is a terminal."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen([AGGREGATE, *arguments, f"--store.url=file://{store.directory}"], stdin=subprocess.DEVNULL, stdout=theirs,
                             stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    os.close(theirs)
    try:
        while os.read(ours, 65536):
            pass
    except OSError:  # nobody writes any more
        pass
    os.close(ours)
    return child.communicate(timeout=60)[1]


def test_a_table_keeps_to_the_width_of_the_terminal(store):
    store.window(0).window(1).make()
    asked = "show", "--since", str(FIRST), "--account", "acme"
    plain = store.run(*asked, "-o", "table").stdout
    width = max(map(len, plain.splitlines()))
    assert on_a_terminal(store, width, *asked) == plain
    above, table = on_a_terminal(store, width - 1, *asked).split("\n\n")
    assert {"account      acme", "freshness    sealed"} <= set(above.splitlines())
    assert table.split()[:3] == ["platform", "kpi", "numerator"] and len(table.splitlines()) == len(plain.splitlines())
    assert "start_utc" not in table
    records = on_a_terminal(store, 30, *asked).split("\n\n")
    assert len(records) == len(plain.splitlines()) and all("kpi " in record for record in records[1:])
    every = on_a_terminal(store, 110, *asked, "--by", "window", "--kpi", "interactions", "--platform", "tiktok").split("\n\n")
    assert len(every) == 2 and len(every[1].splitlines()) == 3, "windows are rows of one table"


def test_kpis_of_a_platform_are_a_table_on_80_columns__red_with_ratios_in_full_or_a_column_for_one_time(store):
    read = {"platform": TIKTOK, "content": "", "counter": "followers", "value": 123457, "at": 1000 * (FIRST + 7), "event": 1}
    store.window(0, readings=([read], [])).make()
    above, table = on_a_terminal(store, 80, "show", "latest", "--account", "acme", "--platform", "tiktok").split("\n\n")
    assert "as_of        2026-03-28T23:00:07Z, or -" in above.splitlines()
    rows = [line.split() for line in table.splitlines()]
    assert ["engagement_by_followers", "4", "123457", "3.24e-05", "ratio", "both"] in rows


HEADLINES = {"interactions", "reach", "engagement_by_view", "followers_net", "aov"}


def test_many_figures_are_told_by_headlines_on_a_terminal_alone__and_how_to_see_the_others(store):
    def rows(kinds):
        return [{"table": "totals", "platform": platform, "account": "acme", "origin": 1, "format": 5, "paid": False, "counters": kinds}
                for platform in range(1, 13)]
    store.window(0, rows({"likes": 3, "views": 100, "posts": 2, "comments": 1, "shares": 1, "follows": 1, "content_views": 9, "carts": 2})).make()
    asked = "show", "latest", "--account", "acme"
    everything = store.run(*asked, "-o", "table").stdout
    kpis = {row["kpi"] for row in store.show("latest", "--account", "acme")}
    assert len(everything.splitlines()) > 101 and kpis > HEADLINES - {"reach", "aov"}, "a pipe gets all, of any format"
    brief = on_a_terminal(store, 300, *asked).splitlines()
    assert {line.split()[2] for line in brief[1:]} == kpis & HEADLINES and len(brief) == 1 + 12 * 3
    for more in (("--all",), ("--counters",), ("--platform", "tiktok"), ("--kpi", "applause"), ("--by", "account"), ("-o", "jsonl")):
        said = on_a_terminal(store, 300, *asked, *more)
        assert said == store.run(*asked, *more, *(() if "-o" in more else ("-o", "table"))).stdout, more
    left = len(everything.splitlines()) - len(brief)
    assert f"these are headlines; {left} more figures: --platform P" in _said_on_a_terminal(store, *asked)


def test_figures_without_a_headline_are_told_in_full_however_many__red_if_they_are_nothing(store):
    store.window(0, [{"table": "totals", "platform": platform, "account": "shop", "origin": 1, "format": 5, "paid": False,
                      "counters": {"content_views": 20, "carts": 9, "wishlists": 8, "visits": 30, "messages_sent": 4}}
                     for platform in range(1, 31) if platform != TIKTOK]).make()
    asked = "show", "latest", "--account", "shop"
    everything = store.run(*asked, "-o", "table").stdout
    assert len(everything.splitlines()) > 101 and not HEADLINES & {line.split()[2] for line in everything.splitlines()}
    assert on_a_terminal(store, 300, *asked) == everything


@pytest.mark.parametrize("words", [("show",), ("verify", "-o", "json"), ("help", "kpis"), ("schema",)])
def test_what_cannot_be_printed_is_no_success(store, words):
    store.window(0).make()
    with open("/dev/full", "w") as full:
        done = subprocess.run([AGGREGATE, *words] + ([f"--store.url=file://{store.directory}"] if words[0] in ("show", "verify") else []),
                              stdout=full, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    assert done.returncode == 73


@pytest.mark.parametrize("ignored", [False, True])
def test_whoever_reads_no_more_ends_it_quietly(store, ignored):
    store.window(0).window(1).make()
    child = subprocess.Popen([AGGREGATE, "show", "--since", str(FIRST), "--all", "--counters", "--by", "window", f"--store.url=file://{store.directory}"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, restore_signals=not ignored, env=ENVIRONMENT)
    child.stdout.close()
    assert child.stderr.read() == b"" and child.wait(60) == -signal.SIGPIPE
    child.stderr.close()
