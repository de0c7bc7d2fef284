#!/usr/bin/env python3
"""Reads Clameur's snapshots (clameur/v1/snapshot.proto) without generated code, with Python's protobuf and zstandard.

    from clameur_snapshot import Snapshot
    snapshot = Snapshot("FILE", "SCHEMA")  # SCHEMA: a descriptor set, schemas/snapshot.binpb
    print(snapshot.header)                 # the message Header
    for row in snapshot:                   # dictionaries, sorted as in the file
        print(row["table"], row["account"], row["counters"])

Rows of `reach` and `quantiles` have a `sketch` (bytes, as snapshot/README.md has them) and its `count`: of members, or of
durations; None where only sketches of members tell. That of `acted`, in parts and checkpoints, is of all its classes together
(form 4; 5 has no count: sketch/README.md).

Rows of `readings` have a `counter`, its `value`, when it was `read_at` (ms) and by which event; their `id` is the content, "" for
what was read of the account. Rows of `tag` and `topic` with the id "" are what a window's many have in common: snapshot/README.md.

Rows of `live` are sessions (`id`) in the window that begins at `start_s`: `joins`, `leaves`, `watch_ms`, how many are to leave by silence
(`expired`) and were heard without a join (`returned`), and `changes`, by how many viewers are more, or fewer, after a second: {Unix
seconds: change}. Those sum to joins - leaves - expired + returned. Rows of `viewers`, in checkpoints, are how viewers stand.

Rows of `refunds`, which parts and checkpoints have, are sums of refunds: of the `order` that they name, placed at `order_occurred_at` (ms).

The checksum is compared at the end: after an exception nothing that was read may be used. `clameur_snapshot.py FILE SCHEMA`
prints JSON lines.
"""
import hashlib
import itertools
import json
import sys

import zstandard
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

HEADER, BLOCK, TRAILER = 0x0A, 0x12, 0x1A  # the tags of Snapshot's fields
MEMBER_SIZES = {1: 16, 4: 16 + 2}  # by a reach's form: of a set, and of one whose members have their classes
ORDER = ("account", "occurred_at", "platform", "origin", "format", "paid", "content", "campaign", "again")
REFUND = ("account", "order_occurred_at", "platform", "origin", "format", "paid", "content", "campaign")


class Snapshot:
    def __init__(self, path, schema):
        pool = descriptor_pool.DescriptorPool()
        with open(schema, "rb") as file:
            for proto in descriptor_pb2.FileDescriptorSet.FromString(file.read()).file:
                pool.Add(proto)
        class_of = getattr(message_factory, "GetMessageClass", None) or message_factory.MessageFactory(pool).GetPrototype
        self._types = {tag: class_of(pool.FindMessageTypeByName(f"clameur.v1.{name}"))
                       for tag, name in ((HEADER, "Header"), (BLOCK, "Block"), (TRAILER, "Trailer"))}
        self._tables = {table.number: table.name[len("TABLE_"):].lower() for table in pool.FindEnumTypeByName("clameur.v1.Table").values}
        self._file = zstandard.ZstdDecompressor().stream_reader(open(path, "rb"), read_across_frames=True, closefd=True)
        self._sum = hashlib.sha256()
        tag, self.header = self._message()
        if tag != HEADER or self.header.format_version != 1:
            raise ValueError("not a snapshot of format version 1")

    def _message(self):
        """The tag and the message of the next field; what comes before the trailer is summed."""
        head = self._file.read(2)
        while head and head[-1] & 0x80:
            head += self._file.read(1) or b"\0"
        message = self._file.read(sum((byte & 0x7F) << 7 * place for place, byte in enumerate(head[1:])))
        if not head or head[0] not in self._types:
            raise ValueError("the snapshot is damaged, or cut short")
        if head[0] != TRAILER:
            self._sum.update(head + message)
        return head[0], self._types[head[0]].FromString(message)

    @property
    def checksum(self):
        """The file's identity, once all of it was read."""
        return self._sum.hexdigest()

    def __iter__(self):
        tag, message = self._message()
        while tag == BLOCK:
            yield from self._orders(message) or self._readings(message) or self._live(message) or \
                self._refunds(message) or self._viewers(message) or self._rows(message)
            tag, message = self._message()
        if tag != TRAILER or message.sha256 != self._sum.digest() or self._file.read(1):
            raise ValueError("the snapshot's checksum is not that of its bytes")

    def _rows(self, b):
        rows, id_, rest, zeroes = [], b"", 0, [0] * b.rows
        columns = (b.platforms, b.origins, b.formats, b.paid, b.id_shared, b.id_lengths)
        accounts = [account for account, count in zip(b.accounts, b.account_rows) for _ in range(count)]
        for account, platform, origin, format_, paid, shared, length in zip(accounts, *(c or zeroes for c in columns)):
            id_, rest = id_[:shared] + b.id_rest[rest:rest + length], rest + length
            rows.append({"table": self._tables[b.table], "window_s": b.window_s, "account": account, "platform": platform,
                         "origin": origin, "format": format_, "paid": bool(paid), "id": id_.decode(), "counters": {}})
        for column in b.columns:
            row = 0
            for step, value in zip(column.steps, column.values):
                row += step
                rows[row]["counters"][column.counter] = value
        for row, sketch, reached in zip(rows, b.sketches, b.reached or zeroes):
            row.update(sketch=sketch, count=reached or self._count(row["table"], sketch))
        return rows

    @staticmethod
    def _count(table, sketch):
        if table == "reach":
            size = MEMBER_SIZES.get(sketch[0])
            return (len(sketch) - 1) // size if size else None
        numbers, value, shift = [], 0, 0  # of each bucket its step, and its count
        for byte in sketch[1:]:
            value, shift = value | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                numbers.append(value)
                value = shift = 0
        return sum(numbers[1::2])

    @staticmethod
    def _orders(b):
        return [{"table": "orders", "window_s": b.window_s, "order": o.order.hex(), "event_id": o.event_id.hex(),
                 **{name: getattr(o, name) for name in ORDER}, "tags": list(o.tags), "topics": list(o.topics),
                 "counters": {i.counter: i.value for i in o.increments}} for o in b.orders]

    @staticmethod
    def _readings(b):
        return [{"table": "readings", "window_s": b.window_s, "account": r.account, "platform": r.platform, "id": r.content,
                 "counter": r.counter, "value": r.value, "read_at": r.read_at, "event_id": r.event_id.hex()} for r in b.readings]

    @staticmethod
    def _refunds(b):
        return [{"table": "refunds", "window_s": b.window_s, "order": r.order.hex(), **{name: getattr(r, name) for name in REFUND},
                 "tags": list(r.tags), "topics": list(r.topics), "counters": {i.counter: i.value for i in r.increments}} for r in b.refunds]

    @staticmethod
    def _live(b):
        return [{"table": "live", "window_s": b.window_s, "account": s.account, "platform": s.platform, "id": s.session,
                 "start_s": s.start_s, "joins": s.joins, "leaves": s.leaves, "watch_ms": s.watch_ms, "expired": s.expired, "returned": s.returned,
                 "changes": {s.start_s + second: change for second, change in zip(itertools.accumulate(s.steps), s.changes)}} for s in b.live]

    @staticmethod
    def _viewers(b):
        return [{"table": "viewers", "key": v.key.hex(), "heard_ms": v.heard_ms, "joined": v.joined, "armed": v.armed, "assumed": v.assumed,
                 "timeout_ms": v.timeout_ms, "heard_event": v.heard_event} for v in b.viewers]


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    for row in Snapshot(*sys.argv[1:]):
        print(json.dumps(row, ensure_ascii=False, default=bytes.hex))
