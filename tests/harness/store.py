"""A store of the program's own code, driven from here: tests/support/store_driver.c."""
import subprocess
from dataclasses import dataclass

from harness.places import PROGRAMS
from harness.process import ENVIRONMENT, SANITIZER
from harness.s3 import ACCESS, REGION, SECRET

DRIVER = PROGRAMS.parent / "tests" / "store_driver"
CONTRACTS = [PROGRAMS.parent / "tests" / name for name in ("test_store", "test_retention")]
OK, USAGE, BAD_DATA, NO_INPUT, UNAVAILABLE, CANT_CREATE, TRY_AGAIN, NOT_ALLOWED, CONFIG = 0, 64, 65, 66, 69, 73, 75, 77, 78


@dataclass
class Answer:
    status: int
    result: str
    code: str
    what: str


class Store:
    """`opened` is what store_open said."""

    def __init__(self, directory, endpoint, url="s3://tests/of/us", region=REGION, access=ACCESS, secret=SECRET, ca_file="",
                 timeout_ms=60_000, retries=6):
        self.log = directory / "store.log"
        self._log = open(self.log, "wb")
        self._child = subprocess.Popen([DRIVER, url, endpoint, region, access, secret, ca_file, str(timeout_ms), str(retries)],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True,
                                       env=ENVIRONMENT | {"no_proxy": "*"})
        self.opened = self._read()

    def _read(self):
        line = self._child.stdout.readline()
        assert line, self.log.read_text()
        state, trouble = line.rstrip("\n").split("\t")
        status, _, result = state.partition(" ")
        code, _, what = trouble.partition(" ")
        return Answer(int(status), result, code, what)

    def do(self, *words):
        self._child.stdin.write(" ".join(str(word) for word in words) + "\n")
        self._child.stdin.flush()
        return self._read()

    def close(self):
        self._child.stdin.close()
        assert self._child.wait(60) == 0, self.log.read_text()
        self._child.stdout.close()
        self._log.close()
        report = SANITIZER.search(self.log.read_text(errors="replace"))
        assert not report, report[0]
