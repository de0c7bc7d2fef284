"""Snapshots are read without the project's programs: schemas/clameur_snapshot.py, a descriptor set, and nothing else."""
import hashlib
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import zstandard

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "schemas"))

from clameur_snapshot import Snapshot  # noqa: E402
from harness import sketches  # noqa: E402
from harness.aggregate import changes_of  # noqa: E402

SCHEMA = ROOT / "schemas" / "snapshot.binpb"
GOLDEN = ROOT / "tests" / "contract" / "snapshots" / "v1.zst"  # what is in it: tests/unit/golden_fixture.h
CHECKPOINT, WINDOW = GOLDEN.with_name("v1-checkpoint.zst"), GOLDEN.with_name("v1-window.zst")
READINGS, LIVE, VIEWERS, REFUNDS, CLASSES = (GOLDEN.with_name(f"v1-{name}.zst") for name in ("readings", "live", "viewers", "refunds", "classes"))
NAMES = ("totals", "content", "campaign", "tag", "topic", "late", "orders", "reach", "quantiles")
TABLES = (*NAMES, "readings", "live", "cohort", "refunds", "viewers")


@pytest.fixture(scope="module")
def golden():
    snapshot = Snapshot(GOLDEN, SCHEMA)
    return snapshot.header, list(snapshot)


def _rows(golden, **wanted):
    return [row for row in golden[1] if all(row[name] == value for name, value in wanted.items())]


def test_the_header_says_what_the_file_covers(golden):
    header = golden[0]
    assert (header.kind, header.topic, header.partitions, header.rules_hash) == (4, "engagement", 12, "0123456789abcdef")
    assert [(c.partition, c.start, c.to, c.counted, c.late, c.missing) for c in header.coverage] == [
        (0, 0, 90, 11, 0, False), (7, 5, 1234, 29, 1, True)]
    progress = header.progress
    assert [(line.start_s, line.counted, line.late, line.to, line.open) for line in progress.lines] == [
        (-900, 3, 0, 17, False), (1700000100, 4, 1, 90, True)]
    assert progress.read == (progress.rejected + progress.duplicate + progress.settled_counted + progress.settled_late
                             + sum(line.counted + line.late for line in progress.lines))


def test_every_table_is_there_with_as_many_rows_as_the_header_says(golden):
    header, rows = golden
    assert list(header.table_rows) == [len(_rows(golden, table=name)) for name in NAMES[:7]]
    assert min(header.table_rows) > 0
    keys = [(NAMES.index(row["table"]), row["window_s"], row["account"].encode(), row["platform"], row["origin"],
             row["format"], row["paid"], row["id"].encode()) for row in rows if row["table"] != "orders"]
    assert keys == sorted(set(keys))


def test_values_come_out_to_the_unit(golden):
    zoo, = _rows(golden, table="totals", account="zoo")
    assert zoo["platform"] == zoo["origin"] == zoo["format"] == 2**32 - 1 and zoo["paid"]
    assert zoo["counters"] == {"dwell_ms": -2**63, "live_watch_ms": 2**63 - 1, "net_micros:EUR": -1990000, "net_micros:JPY": 1}
    cut, = _rows(golden, table="content", id="post-12\0x")
    assert (cut["account"], cut["counters"]) == ("acme", {"kind_777": -1, "views": 3, "watch_ms": 2000})
    early, = _rows(golden, window_s=-900)
    assert early["counters"] == {"likes": 3}
    assert {row["id"] for row in _rows(golden, table="topic")} == {"price", "café"}
    first, copy, other = _rows(golden, table="orders")
    assert (first["order"], first["event_id"], first["occurred_at"]) == (b"\xab" * 16, b"\1" * 16, 1700000150000)
    assert (first["content"], first["campaign"], first["tags"]) == ("post-1", "spring", ["run", "sale"])
    assert first["counters"] == {"orders": 1, "gross_micros:EUR": 25000000}
    assert copy["event_id"] == b"\1" * 15 + b"\xff" and other["counters"]["gross_micros:EUR"] == -1


def test_a_published_window_tells_what_was_read_and_what_tags_have_in_common():
    header, rows = _read(READINGS)
    assert header.kind == 2 and list(header.table_rows) == [0, 0, 0, 3, 3, 0, 0, 1, 1, 4]
    for table in ("tag", "topic"):
        assert {row["id"]: row["counters"]["likes"] for row in rows if row["table"] == table} == {"": 5, "other": 4, "zebra": 3}
    assert [sketches.count_of(row) for row in rows if "sketch" in row] == [3, 1]
    assert [tuple(row[name] for name in ("account", "platform", "content", "counter", "value", "read_at", "event_id"))
            for row in rows if row["table"] == "readings"] == [
        ("acme", 2, "", "followers", 0, 1, b"\xff" * 16), ("acme", 2, "post-1", "likes", -3, 1700000200000, b"\1" * 16),
        ("acme", 2, "post-1", "views", 10**17, 2**53 - 1, b"\2" * 16),
        ("zoo", 2, "café", "a_counter_of_the_platform_9", 7, 1700000200000, b"\3" * 16)]


def test_a_span_tells_when_viewers_came_and_went():
    header, rows = _read(LIVE)
    assert header.kind == 3 and list(header.table_rows) == [0] * 10 + [4]
    names = ("account", "platform", "session", "start_s", "joins", "leaves", "watch_ms")
    first, second = 1700000100, 1700001000
    assert [(*(row[name] for name in names), changes_of(row)) for row in rows] == [
        ("acme", 2, "café", second, 1, 0, 0, {second: 1}),
        ("acme", 2, "show", first, 10**17 + 7, 10**17 + 3, 0, {first + 7: 2, first + 899: 2}),
        ("acme", 2, "show", second, -1, 3, 0, {second: -4}),
        ("zoo", 2**32 - 1, "space", first, 0, 0, 61000, {})]


def test_a_checkpoint_tells_how_viewers_stand():
    header, rows = _read(VIEWERS)
    assert header.progress.viewer_events == 42 and list(header.table_rows) == [0] * 10 + [2, 0, 0, 3]
    first, second = (row for row in rows if row["table"] == "live")
    start = 1700000100
    assert (first["expired"], first["returned"], changes_of(first)) == (-1, 0, {start + 30: 1, start + 989: -1, start + 8099: 1})
    assert (second["expired"], second["returned"], changes_of(second)) == (2, 2, {})
    names = ("key", "heard_ms", "joined", "armed", "assumed", "timeout_ms", "heard_event")
    assert [tuple(row[name] for name in names) for row in rows if row["table"] == "viewers"] == [
        (b"a" * 15 + b"\0", 0, 0, False, False, 0, 0), (b"a" * 14 + b"b\0", 1700000130000, 1, True, True, 90000, 41),
        (b"b" * 15 + b"\0", 2**53 - 1, -2, False, False, 3600000, 7)]


def test_a_checkpoint_tells_what_was_refunded_of_which_order():
    last = _read(REFUNDS)[1][-1]
    assert (last["table"], last["window_s"], last["account"], last["order"], last["order_occurred_at"]) == (
        "refunds", 1700000100, "zoo", b"\1" * 16, 0)
    assert (last["paid"], last["campaign"], list(last["tags"]), list(last["topics"])) == (True, "spring", ["run", "sale"], ["sale"])
    assert last["counters"] == {"refunds": 0, "refunded_micros:EUR": -2**63}


@pytest.mark.parametrize("path", sorted(GOLDEN.parent.glob("*.zst")), ids=lambda path: path.stem)
def test_of_each_table_there_are_as_many_rows_as_the_header_says(path):
    header, rows = _read(path)
    assert Counter(row["table"] for row in rows) == {name: count for name, count in zip(TABLES, header.table_rows) if count}


@pytest.fixture(scope="module", params=[CHECKPOINT, WINDOW], ids=["checkpoint", "window"])
def later(request):
    """The golden files of what the format has gained."""
    snapshot = Snapshot(request.param, SCHEMA)
    return snapshot.header, list(snapshot)


def test_every_table_that_was_gained_is_there(later):
    header, rows = later
    assert list(header.table_rows) == [len(_rows(later, table=name)) for name in NAMES] and min(header.table_rows) > 0
    assert header.coverage[0].orders_to == 88
    keys = [(NAMES.index(row["table"]), row["window_s"], row["account"].encode(), row["platform"], row["id"].encode())
            for row in rows if "sketch" in row]
    assert keys == sorted(set(keys)) and {name for *_, name in keys} == {
        b"actors", b"persons", b"watch_ms", b"response_ms", b"first_response_ms", b"resolution_ms"}


def test_actors_with_their_classes_are_counted_while_they_are_one_set():
    rows = _read(CLASSES)[1]
    acted = {row["account"]: (row["sketch"][0], sketches.count_of(row)) for row in rows if row["table"] == "reach" and row["id"] == "acted"}
    assert acted == {"acme": (4, 3), "zoo": (5, None)}


def test_headers_say_what_they_have_gained():
    progress = Snapshot(CHECKPOINT, SCHEMA).header.progress
    assert (progress.last_end, progress.last_fingerprint, progress.lines[1].orders_to) == (1233, 0xFEDCBA9876543210, 88)
    header = Snapshot(WINDOW, SCHEMA).header
    assert header.kind == 2 and [(e.start_s, e.partition, e.to) for e in header.earlier_orders] == [
        (1699999200, 0, 80), (1699999200, 7, 1200)]


def test_sketches_say_whom_and_how_long(later):
    header, rows = later
    names_members = header.kind == 4
    last = {(row["account"], row["platform"], row["id"]): row for row in rows if "sketch" in row}
    few, some, many = last["acme", 2, "actors"], last["acme", 1000, "actors"], last["zoo", 2, "actors"]
    assert sketches.count_of(few) == 3 and few["sketch"][0] == (1 if names_members else 2)
    assert len(few["sketch"]) == 1 + 3 * 16 if names_members else sketches.registers(few["sketch"]).count(0) == sketches.REGISTERS - 3
    assert (some["sketch"][0], many["sketch"][0]) == (2, 3)
    for row, members in ((some, 600), (many, 20_000)):
        estimate = round(sketches.estimate(sketches.registers(row["sketch"])))
        assert sketches.count_of(row) == (None if names_members else estimate) and sketches.is_near(estimate, members)
    assert sketches.count_of(last["acme", 2, "persons"]) == 1
    watched = [0, 1, 98, 1500, 1500, 1500, sketches.LONGEST_MS + 1]
    for key, durations in ((("acme", 2, "watch_ms"), watched), (("zoo", 19, "response_ms"), [-5]),
                           (("zoo", 19, "first_response_ms"), [60_000]), (("zoo", 19, "resolution_ms"), [3_600_000])):
        sketches.check_quantiles((sketches.count_of(last[key]), last[key]["sketch"]), durations)


def test_protoc_reads_the_file_too():
    bytes_ = zstandard.ZstdDecompressor().decompressobj().decompress(GOLDEN.read_bytes())
    text = subprocess.run(["protoc", "--decode=clameur.v1.Snapshot", "-I", ROOT / "schemas", "clameur/v1/snapshot.proto"],
                          input=bytes_, capture_output=True, check=True).stdout.decode()
    assert 'counter: "net_micros:EUR"' in text and "kind: FILE_KIND_CHECKPOINT" in text


def _read(path):
    snapshot = Snapshot(path, SCHEMA)
    return snapshot.header, list(snapshot)


def test_a_flip_of_any_byte_below_the_packing_is_refused(tmp_path, golden):
    bytes_ = bytearray(zstandard.ZstdDecompressor().decompressobj().decompress(GOLDEN.read_bytes()))
    path, said = tmp_path / "damaged.zst", []
    for place in range(len(bytes_)):
        bytes_[place] ^= 1 << place % 8
        path.write_bytes(zstandard.compress(bytes(bytes_)))
        with pytest.raises(Exception) as caught:
            _read(path)
        said.append(str(caught.value))
        bytes_[place] ^= 1 << place % 8
    assert said.count("the snapshot's checksum is not that of its bytes") > len(bytes_) // 4
    path.write_bytes(zstandard.compress(bytes(bytes_)))
    assert _read(path)[1] == golden[1]


def test_a_file_that_is_cut_anywhere_is_refused(tmp_path):
    path = tmp_path / "cut.zst"
    for length in range(GOLDEN.stat().st_size):
        path.write_bytes(GOLDEN.read_bytes()[:length])
        with pytest.raises(Exception):
            _read(path)


def test_a_large_file_is_read_piece_by_piece(tmp_path, golden):
    """Written here, from the description alone: two blocks of many rows, in two frames of zstd."""
    reader = Snapshot(GOLDEN, SCHEMA)
    header, block, trailer = (reader._types[tag] for tag in (0x0A, 0x12, 0x1A))

    def field(tag, message):
        bytes_, head = message.SerializeToString(), [tag]
        length = len(bytes_)
        while length >= 0x80:
            head.append(length & 0x7F | 0x80)
            length >>= 7
        return bytes(head + [length]) + bytes_

    def of_rows(first, count):
        ids = [f"{number:09}".encode() for number in range(first, first + count)]
        shared = [0] + [next(k for k in range(10) if a[k:k + 1] != b[k:k + 1]) for a, b in zip(ids, ids[1:])]
        return block(table=1, rows=count, accounts=["acme"], account_rows=[count], platforms=[2] * count, id_shared=shared,
                     id_lengths=[9 - k for k in shared], id_rest=b"".join(name[k:] for name, k in zip(ids, shared)),
                     columns=[{"counter": "views", "steps": [0] + [1] * (count - 1),
                               "values": [number * 2654435761 % 2**40 + 1 for number in range(first, first + count)]}])

    first, second = of_rows(0, 65536), of_rows(65536, 1000)
    bytes_ = field(0x0A, header(format_version=1, kind=1, table_rows=[0, 66536, 0, 0, 0, 0, 0]))
    bytes_ += field(0x12, first) + field(0x12, second)
    bytes_ += field(0x1A, trailer(sha256=hashlib.sha256(bytes_).digest()))
    path = tmp_path / "large.zst"
    path.write_bytes(zstandard.compress(bytes_[:300000]) + zstandard.compress(bytes_[300000:]))
    rows = _read(path)[1]
    assert [row["id"] for row in rows] == [f"{number:09}" for number in range(66536)]
    assert all(row["counters"]["views"] == number * 2654435761 % 2**40 + 1 for number, row in enumerate(rows))


def _program(*arguments, env=None, **more):
    return subprocess.run([sys.executable, ROOT / "schemas" / "clameur_snapshot.py", *arguments], env=env, stderr=subprocess.PIPE, text=True, **more)


def test_as_a_program_it_says_in_a_line_what_is_wrong__red_as_a_traceback(tmp_path):
    torn, other = tmp_path / "torn.zst", tmp_path / "other.zst"
    whole = GOLDEN.read_bytes()
    other.write_bytes(zstandard.compress(b"\x0a\x03\xff\xff\xff"))
    for length in (0, 1, 9, len(whole) // 2, len(whole) - 1):
        torn.write_bytes(whole[:length])
        done = _program(torn, SCHEMA, stdout=subprocess.DEVNULL)
        assert done.returncode == 1 and str(torn) in done.stderr and len(done.stderr.splitlines()) == 1, (length, done.stderr)
    for file, schema in ((other, SCHEMA), (SCHEMA, SCHEMA), (tmp_path / "none", SCHEMA), (GOLDEN, GOLDEN)):
        done = _program(file, schema, stdout=subprocess.DEVNULL)
        assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done.stderr
    (tmp_path / "zstandard.py").write_text("raise ImportError('No module named zstandard')")
    done = _program(GOLDEN, SCHEMA, stdout=subprocess.DEVNULL, env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 1 and done.stderr == "No module named zstandard: install python3-zstandard and python3-protobuf\n"


def test_it_ends_quietly_where_its_reader_has_gone():
    reader, writer = os.pipe()
    os.close(reader)
    done = _program(GOLDEN, SCHEMA, stdout=writer)
    os.close(writer)
    assert done.returncode == -signal.SIGPIPE and done.stderr == ""
