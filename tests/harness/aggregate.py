"""Aggregators, and what their store holds."""
import sys
from collections import defaultdict
from itertools import accumulate
from pathlib import Path

from harness import sketches
from harness.log import ends_of, read_log
from harness.places import PROGRAMS, wait_until
from harness.process import run
from harness.registry import SCHEMAS
from harness.siphash import actor_pseudonym, person_pseudonym
from harness.windows import WINDOW, Windows
from harness.worker import Worker

KEY = ("table", "account", "platform", "origin", "format", "paid", "id")
LIVE = ("joins", "leaves", "watch_ms", "expired", "returned")

sys.path.insert(0, str(SCHEMAS))
import clameur_snapshot  # noqa: E402

AGGREGATE = PROGRAMS / "clameur-aggregate"


def changes_of(session):
    """By how many a live session's viewers are more, or fewer, after a second: {Unix seconds: change}"""
    return {session["start_s"] + second: change for second, change in zip(accumulate(session["steps"]), session["changes"])}


class File:
    """A file of the store, read whole by the reader in Python: its header, its rows as Windows.table has them, its sketches, what was read, its live sessions, its sum."""

    def __init__(self, path):
        snapshot = clameur_snapshot.Snapshot(path, SCHEMAS / "snapshot.binpb")
        self.header = snapshot.header
        tables = defaultdict(list)
        for row in snapshot:
            tables[row["table"]].append(row)
        self.read = {(row["account"], row["platform"], row["content"], row["counter"]): (row["read_at"], row["event_id"].hex(), row["value"])
                     for row in tables["readings"]}
        self.live = {(row["account"], row["platform"], row["session"]): (*(row[name] for name in LIVE), changes_of(row))
                     for row in tables["live"] if row["start_s"] == self.header.start_s}
        rows = [row for rows in tables.values() for row in rows if "id" in row]
        self.rows = {tuple(row[name] for name in KEY): row["counters"] for row in rows if "sketch" not in row}
        self.seen, self.took = ({(row["account"], row["platform"], row["id"]): (sketches.count_of(row), row["sketch"])
                                 for row in rows if row["table"] == table} for table in ("reach", "quantiles"))
        self.viewers = tables["viewers"]
        self.sum = snapshot.checksum


class Aggregator(Worker):
    """One clameur-aggregate run."""
    program, listen = AGGREGATE, "aggregate.listen"
    shares = ("events_counted_total", "events_late_total", "events_rejected_total", "events_duplicate_total",
              "events_replayed_total")


class Store:
    """A directory store, read by the reader in Python."""

    def __init__(self, path):
        self.path = Path(path)

    def starts(self, folder="snapshots"):
        place = self.path / folder
        return sorted(int(p.name) for p in place.iterdir()) if place.exists() else []

    def revisions(self, start):
        """Files of a published window, oldest first."""
        return sorted((self.path / "snapshots" / str(start)).glob("*.zst"))

    def newest(self, start):
        return File(self.revisions(start)[-1])

    def header(self, start):
        """That of the newest revision, of which nothing else is read."""
        return clameur_snapshot.Snapshot(self.revisions(start)[-1], SCHEMAS / "snapshot.binpb").header

    def throughs(self):
        """{partition: the header's progress of its newest sealed-through record}"""
        found = {}
        for path in sorted((self.path / "through").glob("*.zst")):
            progress = File(path).header.progress
            found[progress.partition] = progress
        return found


class Aggregation:
    """A deployment's aggregators: `deployment.options` names the store."""

    def __init__(self, deployment, store):
        self.deployment, self.store = deployment, Store(store)
        self.count = 0

    def start(self, ready=True, **options):
        self.count += 1
        return Aggregator(self.deployment, f"aggregator-{self.count}", ready, **options)

    def command(self, *arguments, check=0, **options):
        return run([AGGREGATE, *arguments, "-c", self.deployment.file], self.deployment.directory, check=check, **options)

    def expected(self):
        log = read_log(self.deployment.bootstrap, self.deployment.topic)
        span = int(self.deployment.options.get("dedup.span", 262144))
        return Windows(self.deployment.rules, span).fold(log)

    def is_published(self, expected):
        """Does the newest revision of every window cover all of it?"""
        for start, window in expected.windows.items():
            if not (self.store.path / "snapshots" / str(start)).exists():
                return False
            covered = {c.partition: c for c in self.store.header(start).coverage}
            if any(c.missing for c in covered.values()) or any(covered[p].to < share.to for p, share in window.shares.items()):
                return False
        return True

    def settle(self, seconds=120, expected=None):
        """Waits until everything that stands in the log is published, and compares it with both counts of the log: ours (which
        may be known), and the recount's."""
        expected = expected or self.expected()
        wait_until("every window is published", lambda: self.is_published(expected), seconds, 0.5)
        self.compare(expected)
        self.deployment.loadtest("recount", "--against=snapshots")
        return expected

    def compare(self, expected):
        assert self.store.starts() == sorted(expected.windows)
        for start, window in expected.windows.items():
            snapshot = self.store.newest(start)
            assert (snapshot.header.start_s, snapshot.header.end_s) == (start, start + WINDOW)
            covered = {c.partition: (c.to, c.counted, c.late) for c in snapshot.header.coverage if c.counted or c.late}
            assert covered == {p: (s.to, s.counted, s.late) for p, s in window.shares.items()}
            assert snapshot.rows == expected.table(start)
            assert snapshot.read == window.read
            assert snapshot.live == window.sessions()
            assert snapshot.seen.keys() == window.seen.keys() and snapshot.took.keys() == window.took.keys()
            for key, members in window.seen.items():
                sketches.check_reach(snapshot.seen[key], self._pseudonyms(key, members))
            for key, durations in window.took.items():
                sketches.check_quantiles(snapshot.took[key], durations)
        return expected

    def _pseudonyms(self, seen, members):
        _, platform, name = seen
        ((_, key),) = self.deployment.keys
        return {person_pseudonym(key, who) if name == "persons" else actor_pseudonym(key, platform, who) for who in members}

    def check_balance(self, expected):
        """Each partition's sealed-through record, once it has read all: what became of every event."""
        ends = ends_of(self.deployment.bootstrap, self.deployment.topic)
        throughs = self.store.throughs()
        for partition, end in ends.items():
            through, fate = throughs[partition], expected.fates[partition]
            assert through.offset == end
            lines = sum(line.counted + line.late for line in [*through.lines, *through.apart])
            assert through.read == through.rejected + through.duplicate + through.settled_counted + through.settled_late + lines
            assert (through.read, through.rejected, through.duplicate) == (fate.read, fate.rejected, fate.duplicate)

    def sums(self):
        """{window: the checksum of the newest revision's uncompressed bytes}"""
        return {start: self.store.newest(start).sum for start in self.store.starts()}
