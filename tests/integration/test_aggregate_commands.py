"""The other reading commands of clameur-aggregate, what all of them say of a store, and one that aggregators made from a real log."""
import hashlib
import http.server
import itertools
import json
import sqlite3
import threading
import time

import pytest
import zstandard

from harness import kpis, load, registry
from harness.aggregate import Aggregation
from harness.made_store import AGGREGATE, FIRST, WINDOW, figures_of, orders_of, read_file, rows_of, unzst, store  # noqa: F401
from harness.places import PROGRAMS, ROOT
from harness.process import run
from harness.recount import Rules
from harness.worker import KEY, Deployment


# ---- merge, diff


def test_merged_in_any_order_it_is_the_same_file(store):
    for number in range(3):
        store.window(number, orders=orders_of(number, 1))
    store.make()
    paths = [store.path(name) for name in store.named("snapshots")]
    sums = set()
    for count, order in enumerate(itertools.permutations(paths)):
        out = store.directory.parent / f"span-{count}.zst"
        run([AGGREGATE, "merge", "--out", out, *order], store.directory.parent, check=0)
        sums.add(hashlib.sha256(unzst(out)).hexdigest())
    assert len(sums) == 1
    store.run("merge", "--since", str(FIRST), "--out", store.directory.parent / "range.zst")
    store.run("diff", store.directory.parent / "range.zst", out)
    span = read_file(out)
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


def test_merge_writes_over_nothing_that_it_was_not_told_to__red_without_the_looks(store):
    store.window(0).window(1).make()
    snapshots = [store.path(name) for name in store.named("snapshots")]
    before = [path.read_bytes() for path in snapshots]
    out = store.directory.parent / "e.csv"
    out.write_text("a table")
    aside = store.directory.parent / "aside.zst"
    aside.write_bytes(before[0])
    for place, force, code, says in ((out, (), 73, "--force"), (aside, ("--force",), 64, "one of the files to merge"),
                                     (snapshots[0], ("--force",), 64, "lies in a store"), ("-", (), 64, "--out -"),
                                     (store.directory / "through" / "new", (), 64, "lies in a store")):
        done = run([AGGREGATE, "merge", "--out", place, *force, aside, snapshots[1]], store.directory.parent, check=code)
        assert says in done.stderr, done.stderr
    for force in ((), ("--force",)):
        done = store.run("merge", "--since", str(FIRST), "--out", snapshots[0], *force, check=64)
        assert "lies in a store" in done.stderr
    assert [path.read_bytes() for path in snapshots] == before and aside.read_bytes() == before[0] and out.read_text() == "a table"
    run([AGGREGATE, "merge", "--out", out, "--force", *snapshots], store.directory.parent, check=0)
    nothing = store.run("merge", "--since", "2026-01", "--until", "2026-02", "--out", aside, "--force", check=66)
    assert "no window of this time is published" in nothing.stderr
    (store.directory / "spans").mkdir(exist_ok=True)
    store.run("merge", "--since", str(FIRST), "--out", store.directory / "spans" / "day.zst")
    assert unzst(out) == unzst(store.directory / "spans" / "day.zst")
    assert not list(store.directory.parent.rglob("*.[0-9]*.tmp"))


def test_two_revisions_differ_counter_by_counter(store):
    store.window(0, orders=orders_of(0, 2)).make()
    start = str(FIRST)
    store.run("diff", start, start)
    assert "has 1 published revision alone" in store.run("diff", start, check=66).stderr
    part = store.files[0] | {"coverage": [dict(store.files[0]["coverage"][0], to=11, counted=6)], "rows": rows_of(1),
                             "orders": orders_of(0, 1)[0]}
    store.files += [part, {"kind": "window", "start": FIRST, "coverage": [part["coverage"][0], store.files[2]["coverage"][0]]}]
    store.make()
    done = store.run("diff", start, "-o", "jsonl", check=1)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    likes = figures_of(rows, table="totals", counter="likes", account="acme")
    assert [(row["a"], row["b"], row["difference"]) for row in likes] == [(3, 4, 1)]
    assert [row["a"] for row in figures_of(rows, table="orders", counter="copies")] == [0, 1]
    store.run("diff", f"{start}@1", f"{start}@2", check=1)
    store.run("diff", f"{start}@2", start)
    store.run("diff", f"{start}@1", store.path(store.named("snapshots")[0]))
    done = store.run("diff", f"{start}@3", start, check=66)
    assert "2 published revisions" in done.stderr


def test_checkpoints_differ_in_how_viewers_stand__goes_red_if_rows_alone_are_compared(tmp_path):
    golden, other = ROOT / "tests" / "contract" / "snapshots" / "v1-viewers.zst", tmp_path / "other.zst"
    snapshot = read_file(golden)
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
        lists = "list-type" in self.path
        body = b"<ListBucketResult></ListBucketResult>" if lists else b"<Error><Code>NoSuchKey</Code></Error>"
        self.send_response(self.status if lists or self.status != 200 else 404)
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
    snapshot = read_file(store.path(store.named("snapshots")[0]))
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
                        ("kpis", "(shares + reposts + quotes) / (posts) (ratio)")):
        assert word in run([AGGREGATE, "help", topic], tmp_path, check=0).stdout
    assert 'did you mean "kpis"?' in run([AGGREGATE, "help", "kpi"], tmp_path, check=64).stderr
    version = json.loads(run([AGGREGATE, "version", "--json"], tmp_path, check=0).stdout)
    assert version["program"] == "clameur-aggregate" and version["format"] == 1
    run([AGGREGATE, "shwo"], tmp_path, check=64)


def test_check_goes_through_the_steps_of_a_start(tmp_path):
    """Of both programs: workers do not open the store, but both say so where its address is none."""
    (tmp_path / "key").write_text("00" * 16 + "\n")
    (tmp_path / "key").chmod(0o600)
    common = ["--kafka.bootstrap.servers=127.0.0.1:1", "--kafka.topic=engagement", "--redis.url=redis://127.0.0.1:1",
              f"--privacy.key_file={tmp_path / 'key'}", "--output=json"]

    def steps(program, url, check):
        told = json.loads(run([program, "check", *common, f"--store.url={url}"], tmp_path, check=check).stdout)
        return {row["step"]: row for row in told}

    store = steps(AGGREGATE, f"file://{tmp_path}/store", 0)["store"]
    assert store["result"] == "ok" and "GB free" in store["detail"]
    assert steps(AGGREGATE, "", 78)["store"]["code"] == "CLM-C1"
    (tmp_path / "file").write_text("")
    assert steps(AGGREGATE, f"file://{tmp_path}/file/store", None)["store"]["result"] == "error"
    assert "store" not in steps(PROGRAMS / "clameur-ingest", f"file://{tmp_path}/file/store", 0)
    for program in (AGGREGATE, PROGRAMS / "clameur-ingest"):
        assert "names no store" in steps(program, "/var/lib/clameur", 78)["configuration"]["problem"]


META = {"layout": 1, "topic": "engagement", "topic_id": "", "partitions": 1, "starts": [0], "dedup_span": 262144, "framing": "auto",
        "max_event_bytes": 1, "max_message_bytes": 1, "rules_hash": ""}


@pytest.mark.parametrize("name, content, step, code, exits", [
    ("keys/0001", "0 00000000000000a1\n", "store's keys", "CLM-M5", 78),
    ("keys/0001", "torn", "store's keys", "CLM-D3", 65),
    ("meta", json.dumps({**META, "topic": "orders"}), "store's settings", "CLM-D4", 78),
    ("meta", json.dumps({**META, "dedup_span": 4096}), "store's settings", "CLM-D4", 78),
    ("meta", "torn", "store's settings", "CLM-D3", 65)])
def test_check_refuses_what_a_start_refuses_of_its_store_and_keeps_nothing__red_without_the_looks(tmp_path, name, content, step, code, exits):
    (tmp_path / "key").write_text("00" * 16 + "\n")
    (tmp_path / "key").chmod(0o600)
    file = tmp_path / "store" / name
    file.parent.mkdir(parents=True)
    file.write_text(content)
    flags = ["--kafka.bootstrap.servers=127.0.0.1:1", "--kafka.topic=engagement", f"--privacy.key_file={tmp_path / 'key'}",
             f"--store.url=file://{tmp_path / 'store'}"]
    before = sorted(tmp_path.rglob("*"))
    told = json.loads(run([AGGREGATE, "check", "-o", "json", *flags], tmp_path, check=exits).stdout)
    assert {row["step"]: row["code"] for row in told if row["result"] == "error"} == {step: code}
    assert [path for path in sorted(tmp_path.rglob("*")) if ".tmp" not in path.parts] == before and file.read_text() == content
    assert code in run([AGGREGATE, "run", *flags], tmp_path, check=exits).stderr


def test_a_zone_that_there_is_none_of_is_refused_with_its_line__red_without_the_check(tmp_path, store):
    (tmp_path / "key").write_text("00" * 16 + "\n")
    (tmp_path / "key").chmod(0o600)
    file = tmp_path / "clameur.yaml"
    config = f"""kafka.bootstrap.servers: 127.0.0.1:1
privacy.key_file: {tmp_path / 'key'}
accounts.zones: {{}}
"""
    flags = ["-c", file, f"--store.url=file://{tmp_path / 'store'}"]
    file.write_text(config.format("acme=Europe/Berln, bolt=Asia/Kolkata,carl"))
    said = f"{file}:3:17 CLM-C1 accounts.zones: "
    for command in (["run", *flags], ["show", "--account", "bolt", "-c", file, f"--store.url=file://{store.directory}"]):
        done = run([AGGREGATE, *command], tmp_path, check=78)
        assert f'{said}there is no time zone "Europe/Berln"; Europe/Berlin is the nearest' in done.stderr, done.stderr
        assert f'{said}"carl" names no account and its zone' in done.stderr and done.stdout == ""
    told = json.loads(run([AGGREGATE, "check", "-o", "json", *flags], tmp_path, check=78).stdout)
    wrong = [row["problem"] for row in told if row["result"] == "error"]
    assert len(wrong) == 2 and "3:17" in wrong[0] and "Berln" in wrong[0] and "carl" in wrong[1], told
    file.write_text(config.format("acme=Europe/Berlin, bolt=Asia/Kolkata"))
    run([AGGREGATE, "check", *flags], tmp_path, check=0)
