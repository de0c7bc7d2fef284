"""Stores whose files the C writer made (tests/support/store_maker.c), and what the reading commands say of them."""
import json
import subprocess
from functools import cache

import pytest
import zstandard
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from harness.places import PROGRAMS
from harness.process import run

AGGREGATE = PROGRAMS / "clameur-aggregate"
MAKER = PROGRAMS.parent / "tests" / "store_maker"
FIRST = 1774738800  # 2026-03-29T00:00 in Berlin, a day of 23 hours
WINDOW = 900
TIKTOK, YOUTUBE, WEB = 2, 3, 19
META = {"layout": 1, "topic": "engagement", "topic_id": "AbC", "partitions": 2, "starts": [0, 0], "dedup_span": 262144, "framing": "auto",
        "max_event_bytes": 65536, "max_message_bytes": 1048576, "rules_hash": "0123456789abcdef"}


@cache
def snapshot_type():
    """The message Snapshot, from what `schema` writes alone."""
    files = descriptor_pb2.FileDescriptorSet.FromString(subprocess.run([AGGREGATE, "schema"], capture_output=True, check=True).stdout)
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("clameur.v1.Snapshot"))


def unzst(path):
    with open(path, "rb") as file:
        return zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read()


def read_file(path):
    return snapshot_type().FromString(unzst(path))


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
            part["rows"] = (rows or rows_of(number)) if partition == 0 else rows_of(number, account="bolt", late=late)
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
        return self.write()

    def write(self):
        """What `files` say, and nothing else."""
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


def rows_of(number, account="acme", late=0):
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


def figures_of(rows, **wanted):
    return [row for row in rows if all(row.get(name) == value for name, value in wanted.items())]


def moves_of(second, joins, leaves, session="show", platform=TIKTOK, **more):
    return {"platform": platform, "session": session, "second": second, "joins": joins, "leaves": leaves, **more}


def orders_of(number, event):
    return [[{"order": f"o-{number}", "event": event, "at": 1000 * (FIRST + WINDOW * number), "platform": WEB,
              "counters": {"orders": 1, "priced_orders:EUR": 1, "gross_micros:EUR": 5_000_000 + event}}], []]


def exported(store, *arguments, name="kpi.csv"):
    out = store.directory.parent / name
    store.run("export", "--since", str(FIRST), "--tz", "Europe/Berlin", "--out", out, "--force", *arguments)
    return out


def bad_of(store, *arguments):
    done = store.run("verify", "-o", "jsonl", *arguments, check=65)
    return [row for row in map(json.loads, done.stdout.splitlines()) if row["state"] == "bad"]
