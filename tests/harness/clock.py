"""A wall clock that a test sets, for the processes that it starts."""
import mmap
import os
import struct

from harness.places import ROOT
from harness.process import ENVIRONMENT, run


class Clock:
    """The wall clock of the processes that have `environment`."""

    def __init__(self, directory):
        library, place = directory / "stepping_clock.so", directory / "clock"
        run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O1", "-o", library, ROOT / "tests/support/stepping_clock.c"],
            directory)
        place.write_bytes(bytes(8))
        self._file = open(place, "r+b")
        self._step = mmap.mmap(self._file.fileno(), 8)
        self.environment = ENVIRONMENT | {"LD_PRELOAD": str(library), "STEPPING_CLOCK": str(place)}

    def set(self, hours):
        self._step[:] = struct.pack("q", hours * 3600)
