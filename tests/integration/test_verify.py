"""What `verify` finds: every file that was changed, and all that does not add up."""
import json
import random

from harness.made_store import AGGREGATE, FIRST, WINDOW, Store, bad_of, figures_of, orders_of, rows_of, store  # noqa: F401
from harness.process import run


def test_a_whole_store_is_whole(store):
    store.window(0, late=1).window(1).window(3).make()
    done = store.run("verify", "--deep")
    assert "whole, and everything adds up" in done.stderr and done.stdout.strip() == ""
    assert json.loads(store.run("verify", "-o", "json").stdout) == []


def test_one_is_one(store):
    store.window(0).make()
    span = store.directory.parent / "span.zst"
    assert "1 file merged" in store.run("merge", "--since", str(FIRST), "--out", span).stderr
    assert run([AGGREGATE, "verify", span], store.directory.parent).stderr == "1 file: whole, and everything adds up\n"
    assert " files, 1 window: whole" in store.run("verify").stderr
    assert store.run("export", "--since", str(FIRST), "--out", "kpi.csv").stderr.endswith(" counters, 1 window\n")


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

    (finding,) = bad_of(broken(line))
    assert finding["file"].startswith("parts/") and "its line has 7 events" in finding["finding"]
    (finding,) = bad_of(broken(covered))
    assert finding["file"].startswith("snapshots/") and "it has 6 events" in finding["finding"]
    (finding,) = bad_of(broken(gone))
    assert "is gone" in finding["finding"]

    whole = broken(lambda again: None)
    assert whole.run("verify")
    record = whole.named("through")[0]
    whole.path(record).rename(whole.path(record.replace("p0000", "p0001")))
    assert "which its name does not say" in bad_of(whole)[0]["finding"]


def test_a_balance_that_does_not_add_up_is_found__red_without_its_check(store):
    store.window(0).make()
    store.files[-1]["progress"] |= {"read": 99, "offset": 500}
    store.make()
    assert any("read 99 is not" in row["finding"] for row in bad_of(store))


def test_deep_finds_a_snapshot_whose_sums_are_others__its_checksum_is_right(store):
    store.window(0).make()
    store.run("verify", "--deep")
    path = store.path(store.named("snapshots")[0])
    store.files[2]["rows"] = rows_of(1)
    store.make()
    assert path.exists()
    assert not store.run("verify", "-o", "jsonl").stdout
    (finding,) = bad_of(store, "--deep")
    assert "give other bytes" in finding["finding"] and finding["file"] == store.named("snapshots")[0]


def test_orders_of_windows_before_are_a_part_of_what_is_merged_again__red_without_them(store):
    """The copy of the second window counts nothing, for the first has the lesser one."""
    copy = [dict(orders_of(0, 3)[0][0], at=1000 * (FIRST + WINDOW) + 5)]
    store.window(0, orders=orders_of(0, 2)).window(1, orders=[copy, []]).make()
    store.run("verify", "--deep")
    orders = [row["numerator"] for row in figures_of(store.show("--since", str(FIRST), "--counters", "--by", "window"), kpi="orders")]
    assert orders == [1], "and none in the second"
    first, second = store.named("orders")
    store.path(first).unlink()
    findings = bad_of(store, "--deep")
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
