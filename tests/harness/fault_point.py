"""A signal that comes to a program at a chosen change of its store."""
import mmap
import os
import struct

from harness.places import ROOT
from harness.process import ENVIRONMENT, run


class FaultPoint:
    """Of the processes that have `environment`; one at a time, whose calls are counted."""

    def __init__(self, directory):
        library, place = directory / "fault_point.so", directory / "fault_point"
        run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O1", "-o", library, ROOT / "tests/support/fault_point.c"],
            directory)
        place.write_bytes(bytes(24))
        self._file = open(place, "r+b")
        self._fault = mmap.mmap(self._file.fileno(), 24)
        self.environment = ENVIRONMENT | {"LD_PRELOAD": str(library), "FAULT_POINT": str(place)}

    def arm(self, call, number):
        """Signal `number` comes just before the call that is `call` calls away (1: the next)."""
        self._fault[:] = struct.pack("3q", call, number, 0)

    @property
    def has_come(self):
        return struct.unpack_from("q", self._fault)[0] == 0

    @property
    def calls(self):
        """Since it was armed."""
        return struct.unpack_from("q", self._fault, 16)[0]
