"""What `list` says a store holds: of which log it is, its windows by their state, partitions, files and keys."""
import csv
import io
import json

import pytest

from harness.made_store import FIRST, META, WINDOW, Store, read_file, store  # noqa: F401
from harness.terminal import on_a_terminal

HOUR = 4 * WINDOW


def _listed(store, *arguments, what):
    rows = [json.loads(line) for line in store.run("list", *arguments, "-o", "jsonl").stdout.splitlines()]
    return [row for row in rows if row["what"] == what]


def _windows(store, *arguments):
    return {row["state"]: (row["windows"], row["from_utc"], row["to_utc"]) for row in _listed(store, *arguments, what="windows")}


def test_windows_are_told_by_their_state__those_that_have_events_and_are_not_published_too(store):
    store.window(0).window(1, late=2).window(2, publish=False).window(3).window(11).window(13, publish=False).window(14, publish=False)
    store.make(sealed=12)
    assert _windows(store) == {
        "sealed": (3, "2026-03-28T23:00:00Z", "2026-03-29T00:00:00Z"), "provisional": (1, "2026-03-29T01:45:00Z", "2026-03-29T02:00:00Z"),
        "missing": (1, "2026-03-28T23:30:00Z", "2026-03-28T23:45:00Z"), "not sealed yet": (2, "2026-03-29T02:15:00Z", "2026-03-29T02:45:00Z")}
    sealed, *_ = _listed(store, what="windows")
    names = store.named("snapshots")[:3]
    assert sealed["bytes"] == sum(store.path(name).stat().st_size for name in names) and sealed["files"] == 3 and sealed["revisions"] == 1
    assert sealed["events"] == sum(c.counted + c.late for name in names for c in read_file(store.path(name)).header.coverage)
    assert _windows(store, "--since", str(FIRST + WINDOW), "--until", str(FIRST + HOUR)) == {
        "sealed": (2, "2026-03-28T23:15:00Z", "2026-03-29T00:00:00Z"), "missing": (1, "2026-03-28T23:30:00Z", "2026-03-28T23:45:00Z")}


def test_a_window_of_several_revisions_is_told_so(store):
    """The first lacked what partition 1 has after its tenth record."""
    store.window(0).window(1)
    first = dict(store.files[2], coverage=[store.files[2]["coverage"][0]])
    store.files.insert(2, first)
    store.make()
    rows = {row["state"]: row for row in _listed(store, what="windows")}
    assert {state: (row["windows"], row["files"], row["revisions"]) for state, row in rows.items()} == {"sealed": (1, 1, 1), "revised": (1, 2, 2)}


def test_a_torn_snapshot_is_named_and_counted__and_hides_nothing_else(store):
    store.window(0).window(1).window(2).make()
    torn = store.named("snapshots")[1]
    store.path(torn).write_bytes(store.path(torn).read_bytes()[:-3])
    done = store.run("list", "-o", "jsonl", check=65)
    assert "CLM-D3" in done.stderr and torn in done.stderr and "do: " in done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {row["state"]: (row["windows"], row["from_utc"]) for row in rows if row["what"] == "windows"} == {
        "sealed": (2, "2026-03-28T23:00:00Z"), "unreadable": (1, "2026-03-28T23:15:00Z")}
    assert [row["name"] for row in rows if row["what"] == "partition"] == ["0", "1"]
    assert store.run("list", "--since", str(FIRST + 2 * WINDOW)).stderr == "", "it is not among these"


def test_partitions_say_how_far_they_are_and_which_is_waited_for(store):
    store.window(0).make()
    rows = _listed(store, what="partition")
    assert [(row["name"], row["state"], row["to_utc"]) for row in rows] == [(n, None, "2026-03-29T01:30:00Z") for n in "01"], "one is as far as the other"
    behind = Store(store.directory.parent / "behind")
    behind.files = store.files
    behind.files[-1]["progress"] |= {"sealed": FIRST, "offset": 99, "watermark": 1000 * FIRST}
    rows = _listed(behind.write(), what="partition")
    assert [(row["state"], row["to_utc"]) for row in rows] == [(None, "2026-03-29T01:30:00Z"), ("waited for", "2026-03-28T23:00:00Z")]
    assert (rows[1]["offset"], rows[1]["complete_utc"], rows[1]["says"]) == (99, "2026-03-28T23:00:00Z", None)
    behind.path(behind.named("through")[0]).unlink()
    rows = _listed(behind, what="partition")
    assert (rows[0]["state"], rows[0]["says"]) == ("waited for", "no sealed-through record yet: it waits for its owner") and rows[1]["state"] is None
    assert _windows(behind).keys() == {"provisional"}


def test_the_log_the_files_and_the_keys(store):
    store.window(0, orders=[[], []]).window(1).make()
    (store.directory / "meta").write_text(json.dumps(META))
    keys = store.directory / "keys"
    keys.mkdir()
    (keys / "0001").write_text("0 1111111111111111\n")
    (keys / "0002").write_text(f"0 1111111111111111\n{1000 * FIRST} 2222222222222222\n9000000000000000 3333333333333333\n")
    (log,) = _listed(store, what="log")
    assert log["name"] == "engagement" and log["says"] == "2 partitions, topic id AbC, rules 0123456789abcdef"
    assert {row["name"]: (row["windows"], row["files"]) for row in _listed(store, what="files")} == {"parts": (2, None), "through": (None, 2)}
    assert [(row["name"], row["state"], row["from_utc"]) for row in _listed(store, what="key")] == [
        ("1111111111111111", None, None), ("2222222222222222", "in force", "2026-03-28T23:00:00Z"),
        ("3333333333333333", None, _listed(store, what="key")[2]["from_utc"])]


def test_it_is_a_table_on_a_terminal_and_rows_elsewhere(store):
    store.window(0).make()
    head, *rows = store.run("list", "-o", "table").stdout.splitlines()
    assert head.split()[:3] == ["what", "name", "state"] and len(rows) == 5
    assert len(list(csv.DictReader(io.StringIO(store.run("list", "-o", "csv").stdout)))) == 5
    assert len(store.run("list").stdout.splitlines()) == 5
    assert "usage: clameur-aggregate list" in store.run("list", "--help").stdout
    assert "--since and --until" in store.run("list", "2026-03", check=64).stderr


def test_tables_on_a_terminal_of_80_columns_fit__red_with_one_of_all_columns(store):
    store.window(0).window(1, publish=False).make(sealed=1)
    store.files[-1]["progress"] |= {"sealed": FIRST, "offset": 123456789012}
    store.path(store.named("through")[1]).unlink()
    (store.write().directory / "meta").write_text(json.dumps(META))
    tables = on_a_terminal(store, 80, "list").split("\n\n")
    heads = [table.split("\n")[0].split() for table in tables]
    assert heads == [["log", "holds"], ["windows", "count", "from_utc", "to_utc"], ["windows", "files", "bytes", "events", "revisions"],
                     ["partition", "offset", "sealed_utc", "complete_utc", "state"], ["files", "windows", "count", "says"]]
    assert [line.split() for line in tables[3].splitlines()[1:]] == [
        ["0", "20", "2026-03-28T23:15:00Z", "2026-03-28T23:15:00Z", "-"],
        ["1", "123456789012", "2026-03-28T23:00:00Z", "2026-03-28T23:15:00Z", "waited", "for"]]
    assert "  not sealed yet: partition 1 seals last: it has sealed what ends by 2026-03-28T23:00:00Z" in tables[2].splitlines()
    assert all(len(line) <= 80 for table in tables for line in table.splitlines() if not line.startswith("  "))


@pytest.mark.parametrize("published", (False, True))
def test_a_store_without_windows_says_what_it_waits_for__one_without_anything_is_none(store, published):
    store.directory.mkdir()
    assert "there is nothing in the store" in store.run("list", check=66).stderr
    store.window(0, publish=published).make(sealed=0)
    done = store.run("list", "-o", "jsonl")
    assert ("no window is published yet: all partitions have sealed what ends by 2026-03-28T23:00:00Z" in done.stderr) is not published
    assert [json.loads(line)["state"] for line in done.stdout.splitlines()][0] == ("provisional" if published else "not sealed yet")
