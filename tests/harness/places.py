"""Where things are, and two small tools that everything here needs: a free port and a bounded wait."""
import os
import socket
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
PROGRAMS = Path(os.environ.get("CLAMEUR_PROGRAMS", ROOT / "build" / "release" / "bin"))
RECORDINGS = Path(os.environ.get("CLAMEUR_RECORDINGS", ROOT.parent / "shared" / "data"))

_taken = set()


def free_port():
    """A port on the loopback that nobody listens on, and that this function has not given out before."""
    while True:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        if port not in _taken:
            _taken.add(port)
            return port


def wait_until(what, condition, seconds=30.0, pause=0.05):
    """Waits for `condition()` to be true and returns its value; says what never came otherwise."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(pause)
