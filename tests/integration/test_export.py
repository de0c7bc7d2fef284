"""What `export` writes: safe in a spreadsheet, the same in every format, whole or not there."""
import csv
import io
import json
import os
import pty
import resource
import signal
import sqlite3
import subprocess

import duckdb
import pytest

from harness.made_store import AGGREGATE, FIRST, TIKTOK, exported, figures_of, moves_of, orders_of, read_file, rows_of, unzst, store  # noqa: F401
from harness.process import ENVIRONMENT, run


def test_csv_is_safe_in_a_spreadsheet_and_says_where_it_comes_from(store):
    store.window(0).window(1, late=1).make()
    out = exported(store, "--format", "csv")
    assert sorted(p.name for p in out.parent.glob("kpi*")) == ["kpi.counters.csv", "kpi.csv", "kpi.definitions.csv",
                                                               "kpi.provenance.csv"]
    kpis, counters, definitions, provenance = (
        list(csv.DictReader(io.StringIO(p.read_text()))) for p in
        (out, out.with_suffix(".counters.csv"), out.with_suffix(".definitions.csv"), out.with_suffix(".provenance.csv")))
    contents = {row["id"] for row in counters if row["table"] == "content"}
    assert contents == {"'=7310,\"x\""}, "a formula is text"
    assert {row["value"] for row in counters if row["table"] == "late"} == {"-7"}, "a number is none"
    assert {"late_events"} <= {row["kpi"] for row in kpis} <= {row["name"] for row in definitions}
    assert {row["counter"] for row in counters} <= {row["name"] for row in definitions}
    for row, name in zip(provenance, store.named("snapshots"), strict=True):
        snapshot = read_file(store.path(name))
        assert row["file"] == name and row["sha256"] == snapshot.trailer.sha256.hex()
        assert row["zone"] == "Europe/Berlin" and row["rules_hash"] == "0123456789abcdef"
        assert row["counted"] == str(sum(c.counted for c in snapshot.header.coverage))
    totals = sum(int(row["value"]) for row in counters if row["counter"] == "likes" and row["table"] == "totals")
    assert totals == sum(row["numerator"] for row in figures_of(store.show("--since", str(FIRST), "--counters"),
                                                              unit="counter", kpi="likes"))


def test_every_format_says_the_same(store):
    store.window(0).window(1).make()
    rows = list(csv.DictReader(io.StringIO(exported(store).read_text())))
    zst = unzst(exported(store, "--zst", name="z.csv.zst")).decode()
    assert list(csv.DictReader(io.StringIO(zst))) == rows
    lines = [json.loads(line) for line in exported(store, "--format", "jsonl", name="kpi.jsonl").read_text().splitlines()]
    base = sqlite3.connect(exported(store, "--format", "sqlite", name="kpi.sqlite"))
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
    counters = list(csv.DictReader(io.StringIO(exported(store).with_suffix(".counters.csv").read_text())))
    for text, row in zip(counters, base.execute("select * from counters"), strict=True):
        assert {name: "" if value is None else str(value) for name, value in dict(row).items()} == {n: v.lstrip("'") for n, v in text.items()}
    for name in ("counters", "definitions", "provenance"):
        assert base.execute(f"select count(*) from {name}").fetchone()[0] > 0
    assert base.execute("pragma integrity_check").fetchone()[0] == "ok"


LOOKUPS = {"times": "time", "kpi_subjects": "subject", "kpi_measures": "measure", "counter_subjects": "subject", "counter_names": "name"}


def test_what_rows_of_sqlite_have_in_common_stands_once__red_if_null_is_compared_or_only_the_last_are_remembered(store):
    for number in (0, 1, 2):
        store.window(number, rows=[row | {"id": f"{i}"} for i in range(2000) for row in rows_of(number)[3:4]] + rows_of(number))
    base = sqlite3.connect(exported(store.make(), "--format", "sqlite", "--every", "window", name="kpi.sqlite"))
    for table, key in LOOKUPS.items():
        columns = [name for _, name, *_ in base.execute(f"pragma table_info({table})")]
        assert columns[0] == key
        rows = [row[1:] for row in base.execute(f"select * from {table}")]
        assert len(rows) == len(set(rows)) > 0, table
    assert base.execute("select count(*) from kpi_subjects where dimension = 'content' and account = 'acme'").fetchone()[0] == 2001
    asked = "from kpi where account = 'acme' and dimension = 'content' and value = '7' and kpi = 'interactions'"
    assert base.execute(f"select numerator {asked} order by start_utc").fetchall() == [(4,), (5,), (6,)]
    plan = " ".join(row[3] for row in base.execute(f"explain query plan select numerator {asked}"))
    assert "SEARCH kpi_subjects" in plan and "SEARCH kpi_rows" in plan, "no scan of all rows"


def test_duckdb_reads_a_compressed_export_as_it_is(store):
    store.window(0).window(1).make()
    out = exported(store, "--zst", name="kpi.csv.zst")
    with duckdb.connect() as base:
        for place, text in ((out, unzst(out)), (out.with_name("kpi.counters.csv.zst"), unzst(out.with_name("kpi.counters.csv.zst")))):
            rows = list(csv.DictReader(io.StringIO(text.decode())))
            read = base.execute("select * from read_csv(?)", [str(place)])
            assert [column[0] for column in read.description] == list(rows[0])
            assert len(read.fetchall()) == len(rows) > 0
        likes = base.execute("select sum(value) from read_csv(?) where counter = 'likes' and \"table\" = 'totals'", [str(place)])
        assert likes.fetchone()[0] == sum(int(row["value"]) for row in rows if (row["counter"], row["table"]) == ("likes", "totals")) > 0


@pytest.mark.parametrize("zone, offset, local", (("Europe/Berlin", 60, "2026-03-29 00:00:00"), ("America/St_Johns", -150, "2026-03-28 20:30:00")))
def test_duckdb_keeps_the_local_time__with_its_offset_it_was_shown_in_the_readers_zone(store, zone, offset, local):
    store.window(0).make()
    out = store.directory.parent / "kpi.csv"
    store.run("export", "--window", str(FIRST), "--every", "window", "--tz", zone, "--out", out)
    with duckdb.connect() as base:
        base.execute("set TimeZone = 'Asia/Tokyo'")
        for place in (out, out.with_suffix(".counters.csv")):
            rows = base.execute("select distinct typeof(start_local), start_local::varchar, utc_offset_minutes, "
                                "start_local - to_minutes(utc_offset_minutes) = start_utc at time zone 'UTC' from read_csv(?)", [str(place)])
            assert rows.fetchall() == [("TIMESTAMP", local, offset, True)]


def test_an_export_is_whole_or_not_there(store):
    store.window(0).window(1).make()
    path = store.path(store.named("snapshots")[1])
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    for form in ("csv", "jsonl", "sqlite"):
        out = store.directory.parent / f"out.{form}"
        out.write_text("before")
        done = store.run("export", "--since", str(FIRST), "--format", form, "--out", out, "--force", check=65)
        assert "CLM-D3" in done.stderr and out.read_text() == "before"
        assert [p.name for p in out.parent.glob(f"out*{form}*")] == [out.name]
    path.write_bytes(whole)
    for arguments, code, says in ((("--zst", "--out", "a.csv"), 64, ".zst"), (("--out", "a.csv.zst"), 64, ".zst"),
                                  (("--format", "sqlite", "--zst", "--out", "a"), 64, "--zst is for csv"),
                                  (("--format", "xlsx", "--out", "a"), 64, "csv, jsonl and sqlite"), ((), 64, "usage:"),
                                  (("--out", "-"), 64, "nothing is written to standard output"),
                                  (("--out", "a.jsonl"), 64, "--format csv, but --out a.jsonl is called as jsonl is"),
                                  (("--out", "a.db"), 64, "called as sqlite is"),
                                  (("--format", "jsonl", "--zst", "--out", "a.csv.zst"), 64, "called as csv is"),
                                  (("--out", store.directory / "snapshots" / "kpi.csv", "--force"), 64, "lies in a store"),
                                  (("--out", "/nowhere/kpi.csv"), 73, "/nowhere/kpi.csv"),
                                  (("--out", str(store.directory)), 73, "Is a directory")):
        done = store.run("export", *arguments, check=None)
        assert done.returncode == code and says in done.stderr, done
    assert sorted(p.name for p in store.directory.parent.iterdir()) == ["out.csv", "out.jsonl", "out.sqlite", "store"]


@pytest.mark.parametrize("form", ("csv", "jsonl", "sqlite"))
def test_an_export_stays_until_one_is_forced_over_it__red_without_the_look(store, form):
    store.window(0).window(1).make()
    out = store.directory.parent / f"kpi.{form}"
    out.write_text("before")
    done = store.run("export", "--since", str(FIRST), "--format", form, "--out", out, check=73)
    assert "--force" in done.stderr and out.read_text() == "before"
    store.run("export", "--since", str(FIRST), "--format", form, "--out", out, "--force")
    assert out.read_bytes() != b"before"
    if form == "csv":
        out.unlink()
        done = store.run("export", "--since", str(FIRST), "--out", out, check=73)
        assert "kpi.counters.csv is there already" in done.stderr and not out.exists()
    assert not list(out.parent.glob("*.tmp"))


def _no_file_beyond(size):
    """A disk that is full; the signal for it is not wanted."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_all_tables_of_an_export_are_of_one_time__red_if_each_has_its_name_as_soon_as_it_is_whole(store):
    store.window(0, rows=[row | {"id": f"{i}"} for i in range(60) for row in rows_of(0)[3:4]]).make()
    whole = exported(store)
    tables = sorted(whole.parent.glob("kpi*.csv"))
    sizes = sorted(path.stat().st_size for path in tables)
    assert len(tables) == 4 and whole.stat().st_size == sizes[-1] and whole.read_text().count("\n") < 1000, "all are written at the end"
    for path in tables:
        path.write_text("before")
    done = subprocess.run([AGGREGATE, "export", "--since", str(FIRST), "--out", whole, "--force", f"--store.url=file://{store.directory}"],
                          capture_output=True, text=True, env=ENVIRONMENT, restore_signals=False, preexec_fn=lambda: _no_file_beyond(sizes[-2]))
    assert done.returncode == 73 and str(whole) in done.stderr, done
    assert [path.read_text() for path in tables] == ["before"] * 4 and not list(whole.parent.glob("*.tmp"))


@pytest.mark.parametrize("form", ("csv", "sqlite"))
def test_who_may_not_write_is_told_so_in_every_format(store, form):
    store.window(0).make()
    place = store.directory.parent / "place"
    place.mkdir(mode=0o555)
    out = place / f"kpi.{form}"
    command = [AGGREGATE, "export", "--since", str(FIRST), "--format", form, "--out", out, f"--store.url=file://{store.directory}"]
    without = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-all"] if os.geteuid() == 0 else []
    done = run([*without, *command], store.directory.parent, check=77)
    assert "Permission denied" in done.stderr and str(out) in done.stderr


@pytest.mark.parametrize("form", ("csv", "sqlite"))
@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGTERM))
def test_a_signal_leaves_nothing__red_without_the_handler(store, form, number):
    store.window(0, rows=[row | {"id": f"{i}"} for i in range(40000) for row in rows_of(0)[3:4]]).make()
    out = store.directory.parent / f"kpi.{form}"
    export = subprocess.Popen([AGGREGATE, "export", "--since", str(FIRST), "--format", form, "--out", out,
                               f"--store.url=file://{store.directory}"], stderr=subprocess.DEVNULL, env=ENVIRONMENT)
    while not list(out.parent.glob("kpi*.tmp")):
        assert export.poll() is None
    export.send_signal(number)
    assert export.wait() == -number
    assert not list(out.parent.glob("kpi*"))


@pytest.mark.parametrize("form", ("csv", "sqlite"))
def test_what_a_killed_export_left_goes_with_the_next__red_without_the_lock(store, form):
    store.window(0, rows=[row | {"id": f"{i}"} for i in range(40000) for row in rows_of(0)[3:4]]).make()
    out = store.directory.parent / f"kpi.{form}"
    command = [AGGREGATE, "export", "--since", str(FIRST), "--format", form, "--out", out, f"--store.url=file://{store.directory}"]
    killed = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=ENVIRONMENT)
    while not list(out.parent.glob(f"kpi.{form}.*.tmp")):
        assert killed.poll() is None
    killed.send_signal(signal.SIGSTOP)
    (left,) = out.parent.glob(f"kpi.{form}.*.tmp")
    other = out.with_name(f"kpi.{form}.mine.tmp")
    other.write_text("not ours")
    run(command, store.directory.parent)
    assert left.exists(), "its writer lives"
    killed.kill()
    killed.wait()
    run([*command, "--force"], store.directory.parent)
    assert not left.exists() and other.read_text() == "not ours"


def table_of(out, name):
    return list(csv.DictReader(io.StringIO((out if name == "kpi" else out.with_suffix(f".{name}.csv")).read_text())))


def test_what_is_asked_for_alone_is_exported_and_defined(store):
    store.window(0, orders=orders_of(0, 1), live=([moves_of(100, 3, 1)], [])).window(1, late=1).make()
    everything = exported(store, name="all.csv")
    rows = table_of(everything, "kpi")
    assert {row["dimension"] for row in rows} >= {"content", "paid", "tag", "session", "hour-of-week"}
    by = exported(store, "--by", "content,paid", name="by.csv")
    assert table_of(by, "kpi") == [row for row in rows if row["dimension"] in ("content", "paid") or row["kpi"] == "late_events"]
    assert {row["table"] for row in table_of(by, "counters")} == {"content", "totals", "late"}
    content = exported(store, "--by", "content", name="content.csv")
    assert table_of(content, "counters") == [row for row in table_of(everything, "counters") if row["table"] == "content"]
    one = exported(store, "--kpi", "late_events,engagement_by_view", name="one.csv")
    assert table_of(one, "kpi") == [row for row in rows if row["kpi"] in ("late_events", "engagement_by_view")] != []
    assert table_of(one, "counters") == []
    assert {row["name"] for row in table_of(one, "definitions") if row["kind"] != "unit"} == {"late_events", "engagement_by_view"}
    assert len(table_of(one, "provenance")) == 2, "where figures come from is always told"
    assert {row["kind"] for row in table_of(everything, "definitions")} >= {"session", "tag"}
    assert not {row["kind"] for row in table_of(content, "definitions")} & {"session", "tag"}
    for arguments, says in ((("--by", "content,contents"), 'did you mean "content"'), (("--by", "day"), "--every day"),
                            (("--kpi", "engagement_by_vies"), 'did you mean "engagement_by_view"'), (("--kpi", "late_events,"), "there is no KPI")):
        done = store.run("export", "--since", str(FIRST), "--out", "x.csv", *arguments, check=64)
        assert says in done.stderr, done.stderr


def test_on_a_terminal_an_export_tells_how_far_it_is(store):
    store.window(0, rows=[row | {"id": f"{i}"} for i in range(20000) for row in rows_of(0)[3:4]]).window(1).make()
    command = [AGGREGATE, "export", "--since", str(FIRST), "--out", store.directory.parent / "kpi.csv", f"--store.url=file://{store.directory}"]
    ours, its = pty.openpty()
    assert subprocess.run(command, stderr=its, env=ENVIRONMENT, check=False).returncode == 0
    told = os.read(ours, 4096).decode().split("\r")
    assert len(told) > 3 and told[1].startswith("2 of 2 windows, 16384 "), told
    assert "of 2 windows" not in run(command[:-1] + ["--force", command[-1]], store.directory.parent).stderr


def test_every_row_of_counters_has_a_definition__red_without_those_of_names_that_come(store):
    odd = {"table": "totals", "platform": TIKTOK, "account": "acme", "origin": 1, "format": 5, "paid": False,
           "counters": {"spend_micros:EUR": 1_500_000, "spend_micros:JPY": 7, "kind_777": 4}}
    followers = {"platform": TIKTOK, "content": "", "counter": "followers", "value": 900, "at": 1000 * FIRST, "event": 1}
    store.window(0, [odd], readings=([followers], [])).window(1).make()
    out = exported(store)
    units = {row["name"]: (row["kind"], row["unit"]) for row in table_of(out, "definitions") if row["kind"] in ("counter", "reading")}
    counters = {row["counter"] for row in table_of(out, "counters")}
    assert {"spend_micros:EUR", "spend_micros:JPY", "kind_777", "followers", "likes"} <= counters <= units.keys()
    assert units["spend_micros:EUR"] == ("counter", "micros") and units["followers"] == ("reading", "count")
    assert units["priced_orders"] == ("counter", "count")
    names = [row["name"] for row in table_of(out, "definitions") if row["kind"] in ("counter", "reading")]
    assert len(names) == len(set(names))


def _provenance(out, form):
    if form == "sqlite":
        base = sqlite3.connect(out)
        base.row_factory = sqlite3.Row
        return [dict(row) for row in base.execute("select * from provenance")]
    text = out.with_suffix(f".provenance.{form}").read_text()
    return list(csv.DictReader(io.StringIO(text))) if form == "csv" else [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("form", ("csv", "jsonl", "sqlite"))
def test_an_export_tells_what_it_was_asked_for__else_a_part_looks_like_the_whole(store, form):
    store.window(0).window(2, publish=False).window(3).make()
    names = [f"export_{name}" for name in ("account", "platform", "by", "kpi", "every")]
    out = exported(store, "--format", form, "--account", "acme", "--platform", "tiktok", "--by", "platform,tag", "--kpi", "interactions",
                   "--every", "hour", name=f"kpi.{form}")
    rows = _provenance(out, form)
    assert len(rows) == 3, "one is of a window that is missing"
    for row in rows:
        assert [row[name] for name in names] == ["acme", "tiktok", "platform,tag", "interactions", "hour"]
    nothing = "" if form == "csv" else None
    for row in _provenance(exported(store, "--format", form, name=f"all.{form}"), form):
        assert [row[name] for name in names] == [nothing] * 4 + ["day"]


def test_an_export_of_an_account_that_nobody_knows_says_which_was_meant(store):
    store.window(0).window(1, late=1).make()
    out = store.directory.parent / "kpi.csv"
    for asked in (("--account", "ACME"), ("--account", "acmee", "--by", "platform"), ("--account", "acmee", "--kpi", "late_events")):
        said = store.run("export", "--since", str(FIRST), "--out", out, "--force", *asked).stderr
        assert f"nothing is known in this time of --account {asked[1]}" in said and "did you mean --account acme?" in said, said
        assert "the store holds windows from 2026-03-28T23:00:00Z to 2026-03-28T23:30:00Z" in said
        assert table_of(out, "kpi") == table_of(out, "counters") == [] != table_of(out, "provenance")
    said = store.run("export", "--since", str(FIRST), "--out", out, "--force", "--account", "acme", "--kpi", "roas").stderr
    assert "nothing is known in this time of --account acme --kpi roas\n" in said, "it is there"
    assert "nothing is known" not in store.run("export", "--since", str(FIRST), "--out", out, "--force", "--account", "acme").stderr
    assert 'did you mean "tiktok"' in store.run("export", "--out", out, "--force", "--platform", "tiktk", check=64).stderr


def test_late_events_are_told_of_whom_some_are_of__as_show_does(store):
    store.window(0).window(1, late=1).make()
    for account, late in (("acme", 0), ("bolt", 1)):
        rows = table_of(exported(store, "--account", account), "kpi")
        assert len([row for row in rows if row["kpi"] == "late_events"]) == late
        assert len(figures_of(store.show("--since", str(FIRST), "--account", account), kpi="late_events")) == late
