#!/usr/bin/env python3
"""Reads Clameur's snapshots (clameur/v1/snapshot.proto) without generated code, with Python's protobuf and zstandard.

    from clameur_snapshot import Snapshot
    snapshot = Snapshot("FILE", "SCHEMA")  # SCHEMA: a descriptor set, schemas/snapshot.binpb
    print(snapshot.header)                 # the message Header
    for row in snapshot:                   # dictionaries, sorted as in the file
        print(row["table"], row["account"], row["counters"])
    print(snapshot.checksum)               # the file's identity

Rows have their key and their counters. Those of `reach` and `quantiles` have a `sketch`, too (snapshot/README.md), and how many it
has `reached` where the file says so. Orders, readings, live sessions, refunds and viewers have the fields of their messages.

The checksum is compared at the end: after an exception nothing that was read may be used. `clameur_snapshot.py FILE SCHEMA`
prints JSON lines, bytes in hexadecimal digits.
"""
import hashlib
import itertools
import json
import signal
import sys

try:
    import zstandard
    from google.protobuf import descriptor_pb2, message, message_factory
except ImportError as missing:
    raise SystemExit(f"{missing}: install python3-zstandard and python3-protobuf") if __name__ == "__main__" else missing

HEADER, BLOCK, TRAILER = 0x0A, 0x12, 0x1A  # the tags of Snapshot's fields


class Snapshot:
    def __init__(self, path, schema):
        with open(schema, "rb") as file:
            types = message_factory.GetMessages(descriptor_pb2.FileDescriptorSet.FromString(file.read()).file)
        self._types = {tag: types[f"clameur.v1.{name}"] for tag, name in ((HEADER, "Header"), (BLOCK, "Block"), (TRAILER, "Trailer"))}
        self._tables = types["clameur.v1.Block"].DESCRIPTOR.fields_by_name["table"].enum_type.values_by_number
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

    def __iter__(self):
        tag, message = self._message()
        while tag == BLOCK:
            table = self._tables[message.table].name[len("TABLE_"):].lower()
            for row in itertools.chain(_told(message), _keyed(message)):
                yield {"table": table, "window_s": message.window_s, **row}
            tag, message = self._message()
        if tag != TRAILER or message.sha256 != self._sum.digest() or self._file.read(1):
            raise ValueError("the snapshot's checksum is not that of its bytes")
        self.checksum = self._sum.hexdigest()


def _told(b):
    """The rows of a block that has a message for each."""
    for message in b.orders or b.readings or b.live or b.refunds or b.viewers:
        row = {field.name: getattr(message, field.name) for field in message.DESCRIPTOR.fields}
        row["counters"] = {increment.counter: increment.value for increment in row.pop("increments", ())}
        yield row


def _keyed(b):
    """The rows of a block of keys and columns."""
    rows, id_, rest, zeroes = [], b"", 0, [0] * b.rows
    accounts = [account for account, count in zip(b.accounts, b.account_rows) for _ in range(count)]
    columns = (column or zeroes for column in (b.platforms, b.origins, b.formats, b.paid, b.id_shared, b.id_lengths))
    for account, platform, origin, format_, paid, shared, length in zip(accounts, *columns):
        id_, rest = id_[:shared] + b.id_rest[rest:rest + length], rest + length
        rows.append(dict(account=account, platform=platform, origin=origin, format=format_, paid=bool(paid), id=id_.decode(), counters={}))
    for column in b.columns:
        for row, value in zip(itertools.accumulate(column.steps), column.values):
            rows[row]["counters"][column.counter] = value
    for row, sketch, reached in zip(rows, b.sketches, b.reached or zeroes):
        row.update(sketch=sketch, reached=reached)
    return rows


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # where its reader has gone, it ends as other programs do
    try:
        for row in Snapshot(*sys.argv[1:]) if len(sys.argv) == 3 else sys.exit(__doc__):
            print(json.dumps(row, ensure_ascii=False, default=lambda value: value.hex() if isinstance(value, bytes) else list(value)))
    except (OSError, ValueError, message.DecodeError, zstandard.ZstdError) as error:
        sys.exit(f"{' '.join(sys.argv)}: {error}")
