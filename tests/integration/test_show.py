"""What `show` says of a store: sums of windows, hours of the week, tags, readings, live sessions."""
import csv
import io
import json
import shutil
import sqlite3
import time

import pytest

from harness.made_store import AGGREGATE, FIRST, META, TIKTOK, WEB, WINDOW, YOUTUBE, exported, figures_of, moves_of, orders_of, rows_of, unzst, store  # noqa: F401
from harness.process import run


def test_what_is_shown_is_the_sum_of_the_windows_and_a_ratio_of_nothing_is_null(store):
    store.window(0).window(1).window(2).make(sealed=23 * 4)
    counters = store.show("2026-03-29", "--tz", "Europe/Berlin", "--counters", "--account", "acme")
    (likes,) = figures_of(counters, platform="tiktok", kpi="likes")
    assert likes["numerator"] == (3 + 4 + 5) + 3 and likes["denominator"] is None and likes["unit"] == "counter"
    assert likes["start_utc"] == "2026-03-28T23:00:00Z" and likes["end_utc"] == "2026-03-29T22:00:00Z", "a day of 23 hours"
    assert (likes["start_local"], likes["utc_offset_minutes"]) == ("2026-03-29T00:00:00", 60) and likes["freshness"] == "sealed"
    table = store.run("show", "2026-03-29", "--tz", "Europe/Berlin", "--account", "acme", "-o", "table").stdout
    assert "2026-03-29T00:00:00+01:00" in table and "utc_offset" not in table, "people read both in one"
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
    total = sum(row["numerator"] for row in figures_of(everything, unit="counter", kpi="likes"))
    for by, values in (("origin", {"brand"}), ("paid", {"paid", "organic"}), ("format", {"short_video"}), ("window", None),
                       ("hour", None), ("day", None), ("account", None)):
        rows = figures_of(store.show("--since", str(FIRST), "--counters", "--by", by), unit="counter", kpi="likes")
        assert sum(row["numerator"] for row in rows) == total, by
        assert values is None or {row[by] for row in rows} == values
    windows = {row["start_utc"] for row in store.show("--since", str(FIRST), "--by", "window")}
    assert windows == {"2026-03-28T23:00:00Z", "2026-03-29T00:00:00Z", "2026-03-29T00:15:00Z"}
    content = figures_of(store.show("--since", str(FIRST), "--counters", "--by", "content"), kpi="likes", account="acme")
    assert [(row["content"], row["numerator"]) for row in content] == [('=7310,"x"', 4 + 8 + 9)]
    assert {row["platform"] for row in figures_of(store.show("--since", str(FIRST), "--platform", "youtube"))} == {"youtube"}


def test_late_events_are_a_line_of_their_own(store):
    store.window(0, late=2).make()
    rows = store.show("latest", "--counters")
    (late,) = figures_of(rows, kpi="late_events")
    assert (late["account"], late["numerator"], late["denominator"]) == (None, 2, 2 + 5 + 6)
    (counter,) = figures_of(rows, unit="late counter")
    assert (counter["account"], counter["kpi"], counter["numerator"]) == ("bolt", "likes", -7)
    assert sum(row["numerator"] for row in figures_of(rows, unit="counter", kpi="likes", account="bolt")) == 3 + 1
    assert not figures_of(store.window(1).make().show("latest"), kpi="late_events")


def test_freshness_says_whether_figures_may_still_change(store):
    store.window(0).window(1).make(sealed=2)
    assert {row["freshness"] for row in store.show("latest")} == {"provisional"}
    assert {row["freshness"] for row in store.show(str(FIRST), "--rules.file=")} == {"sealed"}, "15 minutes past, lateness 10"
    revised = store.files[2] | {"coverage": [dict(c, to=c["to"] + 1) for c in store.files[2]["coverage"]],
                                "rows": rows_of(9)}
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
    assert "3 windows of this time are not sealed yet" in done.stderr and "not over" not in done.stderr
    assert "all partitions have sealed what ends by 2026-03-28T23:15:00Z" in done.stderr and "seals last" not in done.stderr
    store.path(store.named("through")[0]).unlink()
    store.files[-2]["progress"]["sealed"] += WINDOW
    assert "partition 1 seals last" in store.write().run("show", "--since", str(FIRST), "--until", str(FIRST + 4 * WINDOW)).stderr


def test_what_is_still_to_come_waits_for_nobody(store):
    now = int(time.time())
    store.window((now - FIRST) // WINDOW - 3).make(sealed=(now - FIRST) // WINDOW)
    done = store.run("show", "--since", str(FIRST), "--until", "2100-01-01")
    assert "this time is not over, it ends at 2100-01-01T00:00:00Z" in done.stderr and "not sealed yet" not in done.stderr


def test_without_any_published_window_it_says_what_is_waited_for(store):
    store.window(0, publish=False).make(sealed=0, partitions=(0,))
    done = store.run("show", check=1)
    assert "no window is published yet" in done.stderr and "partition 1 has no sealed-through record" in done.stderr
    empty = store.directory.parent / "empty"
    empty.mkdir()
    out = f"--out={empty.parent}/x"
    for command in (["show"], ["list"], ["verify"], ["merge", out, "--since=2026-03-01", "--until=2026-03-02"], ["export", "--format=jsonl", out]):
        done = run([AGGREGATE, *command, f"--store.url=file://{empty}"], empty.parent, check=66)
        assert "there is nothing in the store" in done.stderr and "correct store.url" in done.stderr, command
    (empty / "meta").write_text(json.dumps(META))
    done = run([AGGREGATE, "show", f"--store.url=file://{empty}"], empty.parent, check=1)
    assert "no partition has a sealed-through record" in done.stderr
    done = run([AGGREGATE, "show", f"--store.url=file://{empty}/mistyped"], empty.parent, check=66)
    assert "there is no store at" in done.stderr and not (empty / "mistyped").exists(), "a reader makes none"


def test_a_file_under_the_name_of_another_is_named_and_not_summed(store, tmp_path):
    store.window(0).window(1).make()
    ours, other = map(store.path, store.named("snapshots"))
    shutil.copy(ours, other)
    out = tmp_path / "x.jsonl"
    for command in (["show"], ["export", "--format=jsonl", f"--out={out}"]):
        done = store.run(*command, "--since", str(FIRST), check=65)
        assert "CLM-D3" in done.stderr and "another file than its name says" in done.stderr and not done.stdout
    assert not out.exists()


def test_a_record_under_the_name_of_another_is_passed_over__red_without_the_look(store):
    store.window(0).make()
    assert {row["freshness"] for row in store.show("--since", str(FIRST))} == {"sealed"}
    ours, other = map(store.path, store.named("through"))
    shutil.copy(other, ours)
    done = store.run("show", "--since", str(FIRST), "-o", "jsonl")
    assert "CLM-D3" in done.stderr and "another file than its name says" in done.stderr
    assert {json.loads(line)["freshness"] for line in done.stdout.splitlines()} == {"provisional"}


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
    assert figures_of(rows, kpi="likes", platform="tiktok", account="acme")[0]["freshness"] is None
    for arguments, code, says in ((("--by", "plattform"), 64, 'did you mean "platform"?'),
                                  (("--platform", "tiktak"), 64, 'did you mean "tiktok"?'),
                                  (("--kpi", "intractions"), 64, 'did you mean "interactions"?'),
                                  (("--since", "yesterday"), 64, "45m, 24h, 7d"),
                                  (("--tz", "Mars/Olympus"), 64, "Mars/Olympus"),
                                  (("--since", "2030-01-01"), 1, "nothing is published from"),
                                  (("a", "b"), 64, "usage:")):
        done = store.run("show", *arguments, check=None)
        assert done.returncode == code and says in done.stderr, done


def test_what_has_no_meaning_of_a_file_is_refused(store):
    store.window(0, orders=orders_of(0, 1)).make()
    window, orders, through = (store.named(kind)[0] for kind in ("snapshots/", "orders/", "through/"))
    for arguments, says in (((window, "--since", "2026-03-01"), "a file is shown whole"),
                            ((window, "--until", "2026-12-01"), "a file is shown whole"),
                            ((window, "--by", "window"), "it has no --by window"),
                            ((window, "--by", "hour"), "it has no --by hour"),
                            ((window, "--by", "day"), "it has no --by day"),
                            ((orders,), "is no window: it tells which orders one had"),
                            ((through,), "is no window: it tells how far a partition was sealed")):
        for file in (arguments[0], store.path(arguments[0])):
            done = store.run("show", file, *arguments[1:], check=64)
            assert says in done.stderr and done.stdout == "", done


# ---- hours of the week


def test_interactions_by_hour_of_the_local_week(store):
    """A Sunday on which Berlin has no hour 02. Windows 2 and 3 are missing and not told of; 5..7 and 9 are known to have no event."""
    store.window(0).window(1).window(2, publish=False).window(3, publish=False).window(4).window(8).window(10).make(sealed=100)

    def hours(zone, *more):
        rows = store.show("--since", str(FIRST), "--by", "hour-of-week", "--account", "acme", "--platform", "tiktok", "--tz", zone, *more)
        return {row["hour-of-week"]: (row["numerator"], row["denominator"]) for row in figures_of(rows, account="acme")}

    assert hours("Europe/Berlin") == {"sun 00": (4 + 5, 2), "sun 01": (8, 4), "sun 03": (12 + 14, 3)}
    assert hours("Asia/Kathmandu") == {"sun 04": (4, 1), "sun 05": (5 + 8, 2), "sun 06": (12, 4), "sun 07": (14, 2)}, "04:45"
    day = hours("Europe/Berlin", "--until", str(FIRST + 23 * 3600))
    assert len(day) == 23 and day["sun 23"] == (0, 4) and day["sun 03"] == (26, 4), "sealed, and nothing happened then"
    assert hours("Europe/Berlin", "--until", str(FIRST + 30 * 3600)).keys() - day.keys() == {"mon 00", "mon 01"}, "sealed so far"
    table = sqlite3.connect(exported(store, "--format", "sqlite", "--account", "acme", name="kpi.sqlite"))
    rows = table.execute("select value, numerator, denominator, start_local, freshness from kpi where dimension = 'hour-of-week' "
                         "and platform = 'tiktok'").fetchall()
    assert [row[:3] for row in rows] == [("sun 00", 9, 2), ("sun 01", 8, 4), ("sun 03", 26, 3)]
    assert {row[3:] for row in rows} == {("2026-03-29T00:00:00", "incomplete")}
    done = run([AGGREGATE, "show", store.path(store.named("snapshots")[0]), "--by", "hour-of-week"], store.directory.parent, check=64)
    assert "no hours of the week" in done.stderr


# ---- tags


def test_the_tail_of_tags_is_one_row_and_no_tag_is_taken_for_it(store):
    tags = [{"table": "tag", "account": "acme", "platform": TIKTOK, "id": f"tag-{n:04}", "counters": {"likes": 1}} for n in range(1000)]
    tags += [{"table": "tag", "account": "acme", "platform": TIKTOK, "id": "other", "counters": {"likes": 9}}]
    store.window(0, rows_of(0) + tags).window(1, rows_of(1) + tags[998:]).make()
    store.run("verify", "--deep")

    def likes(*period):
        rows = store.show(*period, "--by", "tag", "--account", "acme", "--counters")
        return {row["tag"]: row["numerator"] for row in figures_of(rows, unit="counter", kpi="likes")}

    first = likes(str(FIRST))
    assert len(first) == 1001 and {name: first[name] for name in ("other", "spring", "tag-0997", None)} == {
        "other": 9, "spring": 2, "tag-0997": 1, None: 2}, "of equal ones the lesser names stay"
    both = likes("--since", str(FIRST))
    assert {name: both[name] for name in ("other", "spring", "tag-0998", "tag-0999", None)} == {
        "other": 18, "spring": 4, "tag-0998": 1, "tag-0999": 1, None: 2}, "a name has what it has where it is told apart"
    assert sum(both.values()) == 1000 + 2 + 9 + 9 + 2 + 2, "and nothing is lost"
    table = store.run("show", str(FIRST), "--by", "tag", "--account", "acme", "--counters", "-o", "table").stdout
    assert "(all others)" in table


# ---- the top


def _contents(*likes):
    return [{"table": "content", "account": "acme", "platform": YOUTUBE, "id": name, "counters": {"likes": number, "views": views}}
            for name, number, views in likes]


def test_the_top_are_the_rows_of_which_the_kpi_is_greatest(store):
    store.window(0, _contents(("a", 1, 10), ("b", 30, 900), ("c", 20, 100)), readings=(
        [_reading("impressions", 5000, 3, "a"), _reading("impressions", 5000, 4, "c")], [])).window(1, _contents(("a", 2, 1), ("c", 11, 3))).make()
    asked = "--since", str(FIRST), "--by", "content", "--account", "acme"
    assert [row["content"] for row in store.show(*asked, "--kpi", "interactions", "--top", "2")] == ["c", "b"], "31 and 30 of both windows"
    assert [row["content"] for row in store.show(*asked, "--kpi", "engagement_by_view", "--top", "2")] == ["c", "a"]
    assert {row["content"] for row in store.show(*asked, "--top", "2", "--counters")} == {"c", "b"}, "by interactions, readings too"
    assert {row["content"] for row in store.show(*asked, "--top", "0", "--counters")} == {"a", "b", "c"}
    for flags, says in ((("--top", "2"), "--top goes with --by content"), (("--top", "2", "--by", "content", "--kpi", "aov"), "no money"),
                        (("--top", "2", "--by", "tag", "--kpi", "velocity"), "a KPI of events"), (("--top", "-1"), "top")):
        assert says in store.run("show", *flags, check=64).stderr


def test_the_top_of_tags_have_their_speed_and_no_other_has(store):
    store.window(0, [{"table": "tag", "account": "acme", "platform": TIKTOK, "id": name, "counters": {"posts": 1, "likes": likes}}
                     for name, likes in (("spring", 5), ("summer", 9))]).make()
    rows = store.show("--by", "tag", "--account", "acme", "--top", "1")
    assert {row["tag"] for row in rows} == {"summer"} and figures_of(rows, kpi="velocity")


# ---- readings


def _reading(counter, value, minute, content="a", platform=YOUTUBE, event=1):
    return {"platform": platform, "content": content, "counter": counter, "value": value, "at": 1000 * (FIRST + 60 * minute), "event": event}


def _content_rows():
    return rows_of(0) + [{"table": "content", "account": "acme", "platform": YOUTUBE, "id": "a",
                        "counters": {"impressions": 1000, "views_from_impressions": 30}}]


def test_readings_stand_beside_events_and_nothing_is_added_twice(store):
    """The same content is told of by events and by polls, of both partitions and in two windows: each figure has one basis."""
    store.window(0, _content_rows(), readings=(
        [_reading("impressions", 5000, 3), _reading("views_from_impressions", 40, 3), _reading("impressions", 90, 4, "b")],
        [_reading("impressions", 5050, 3, event=2), _reading("views_from_impressions", 60, 2)]))
    store.window(1, readings=([_reading("impressions", 6000, 16)], [_reading("subscribers", 777, 20, "")])).make()
    everything = "--since", str(FIRST), "--by", "content", "--account", "acme"
    ctr = {row["basis"]: row for row in figures_of(store.show(*everything, "--kpi", "ctr"), content="a")}
    assert (ctr["events"]["numerator"], ctr["events"]["denominator"], ctr["events"]["as_of"]) == (30, 1000, None)
    assert (ctr["readings"]["numerator"], ctr["readings"]["denominator"]) == (40, 6000), "not 70, and not 11000"
    assert ctr["readings"]["as_of"] == "2026-03-28T23:03:00Z", "the older of the two"
    first = figures_of(store.show(str(FIRST), "--by", "content", "--kpi", "ctr"), content="a", basis="readings")
    assert [(row["numerator"], row["denominator"]) for row in first] == [(40, 5050)], "of a tie the greater event id"
    assert not figures_of(store.show(*everything), content="b", basis="readings"), "what came of its impressions was not read"
    total = figures_of(store.show("--since", str(FIRST), "--kpi", "ctr"), account="acme", platform="youtube")
    assert [(row["basis"], row["numerator"], row["denominator"]) for row in total] == [("events", 8, 80), ("readings", 40, 6000)]
    counters = store.show(*everything, "--counters")
    assert {(row["content"], row["kpi"], row["numerator"]) for row in figures_of(counters, unit="reading")} == {
        ("a", "impressions", 6000), ("a", "views_from_impressions", 40), ("b", "impressions", 90)}
    assert [row["numerator"] for row in figures_of(counters, unit="counter", kpi="impressions")] == [1000]
    (of_account,) = figures_of(store.show("--since", str(FIRST), "--counters"), unit="reading")
    assert (of_account["kpi"], of_account["numerator"], of_account["as_of"]) == ("subscribers", 777, "2026-03-28T23:20:00Z")

    store.run("verify", "--deep")
    base = sqlite3.connect(exported(store, "--format", "sqlite", name="kpi.sqlite"))
    assert base.execute("select id, counter, value, as_of from counters where \"table\" = 'readings' order by 1, 2").fetchall() == [
        (None, "subscribers", 777, "2026-03-28T23:20:00Z"), ("a", "impressions", 6000, "2026-03-28T23:16:00Z"),
        ("a", "views_from_impressions", 40, "2026-03-28T23:03:00Z"), ("b", "impressions", 90, "2026-03-28T23:04:00Z")]
    assert base.execute("select dimension, numerator, denominator from kpi where basis = 'readings' and kpi = 'ctr' order by 1").fetchall() == [
        ("content", 40, 6000), ("platform", 40, 6000)]
    paths, spans = [store.path(name) for name in store.named("snapshots")], []
    for order in (paths, paths[::-1]):
        spans.append(store.directory.parent / f"span-{len(spans)}.zst")
        run([AGGREGATE, "merge", "--out", spans[-1], *order], store.directory.parent, check=0)
    assert len({unzst(span) for span in spans}) == 1
    done = run([AGGREGATE, "diff", paths[0], spans[0], "-o", "jsonl"], store.directory.parent, check=1)
    assert {row["counter"]: row["b"] for row in map(json.loads, done.stdout.splitlines()) if row["table"] == "readings" and row["id"] == "a"} == {
        "impressions.read": 6000, "impressions.read_at": 1000 * (FIRST + 960), "impressions.read_id": 0}


# ---- live sessions


def test_how_many_watch_at_once_is_summed_over_partitions_and_windows_before_its_peak_is_looked_for(store):
    """A viewer joins in one partition and leaves in another; the peak of either alone, or of a window alone, would be another."""
    store.window(0, live=([moves_of(100, 40, 0), moves_of(700, 0, 30)], [moves_of(100, 0, 10), moves_of(800, 25, 0)]))
    store.window(1, live=([moves_of(0, 0, 20, watch_ms=9000), moves_of(600, 0, 5)], [moves_of(0, 20, 0), moves_of(60, 30, 0), moves_of(500, 0, 50)]))
    store.window(2, live=([moves_of(30, 7, 0, "space", WEB)], [moves_of(40, 0, 2, "space", WEB)])).make()

    def told(*period, **wanted):
        rows = figures_of(store.show(*period, "--by", "session", "--account", "acme"), **wanted)
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
    base = sqlite3.connect(exported(store, "--format", "sqlite", "--every", "window", name="kpi.sqlite"))
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
    store.window(0, live=([moves_of(850, 3, 0), moves_of(950, 0, 0, expired=3)], [moves_of(870, 0, 0, returned=2), moves_of(960, 0, 0, expired=2)]))
    store.window(1, live=([moves_of(10, 0, 0, "space", returned=1), moves_of(959, 0, 0, "space", expired=1)], [])).make()

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
    base = sqlite3.connect(exported(store, "--format", "sqlite", "--until", str(FIRST + 9 * WINDOW), name="kpi.sqlite"))
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
    store.window(0, publish=False, live=([moves_of(100, 40, 0)], [])).window(1, live=([moves_of(0, 0, 20)], [])).window(2).make()
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


def test_a_month_of_the_zone_is_a_time__and_one_that_no_calendar_has_is_refused(store):
    april = 3 * 96 - 4  # begins at 2026-04-01T00:00 in Berlin
    store.window(0).window(april - 1).window(april).make()
    asked = "--account", "acme", "--platform", "tiktok", "--kpi", "interactions"
    (march,) = store.show("2026-03", "--tz", "Europe/Berlin", *asked)
    assert (march["start_local"][:10], march["numerator"]) == ("2026-03-01", 2 * 4 + april - 1)
    (utc,) = store.show("2026-03", *asked)
    assert utc["numerator"] == march["numerator"] + 4 + april, "there the month ends two hours later"
    for words in (("show", "2026-13"), ("show", "2026-02-30"), ("show", "--since", "2026-00"),
                  ("export", "--out", "x.csv", "--window", "2026-02-30"), ("export", "--out", "x.csv", "--until", "2026-13")):
        assert f"no calendar has the day or month of {words[-1]}" in store.run(*words, check=64).stderr
    out = exported(store, name="first.csv")
    store.run("export", "--window", "2026-03", "--tz", "Europe/Berlin", "--out", out, "--force")
    assert {row["end_utc"] for row in csv.DictReader(out.open())} >= {"2026-03-31T22:00:00Z"} and "2026-04" not in out.read_text()
