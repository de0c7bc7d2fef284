#!/usr/bin/env python3
"""The rows of a snapshot as Parquet with zstd, beside the snapshot itself: how many bytes a row each takes.

    parquet_rows.py FILE    # a published window; needs pyarrow, protobuf and zstandard

One Parquet file a table, as an analyst would write it: the columns of its key, and one for each of its counters, null where
a row has none. zstd at level 3, as snapshots have it; all else as pyarrow does by itself (dictionaries, where they help).
"""
import io
import sys
from collections import defaultdict
from pathlib import Path

import pyarrow
from pyarrow import parquet

SCHEMAS = Path(__file__).resolve().parents[1] / "schemas"
sys.path.insert(0, str(SCHEMAS))
from clameur_snapshot import Snapshot  # noqa: E402

NARROW = ("account", "platform", "id")
WIDE = ("account", "platform", "origin", "format", "paid")


def tables(path):
    """{table: its rows}, without orders, readings and live sessions."""
    found = defaultdict(list)
    for row in Snapshot(path, SCHEMAS / "snapshot.binpb"):
        if "id" in row:
            found[row["table"]].append(row)
    return found


def columns(name, rows):
    keys = WIDE if name in ("totals", "late") else NARROW
    counters = sorted({counter for row in rows for counter in row["counters"]})
    found = {key: [row[key] for row in rows] for key in keys}
    return found | {f"c_{counter}": pyarrow.array([row["counters"].get(counter) for row in rows], pyarrow.int64())
                    for counter in counters}


def size(name, rows):
    file = io.BytesIO()
    parquet.write_table(pyarrow.table(columns(name, rows)), file, compression="zstd", compression_level=3)
    return file.tell()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = tables(sys.argv[1])
    rows = sum(len(of) for of in found.values())
    written, own = sum(size(name, of) for name, of in found.items()), Path(sys.argv[1]).stat().st_size
    print(f"rows {rows}, snapshot {own / rows:.3f} bytes a row, Parquet + zstd {written / rows:.3f}, ratio {own / written:.3f}")
