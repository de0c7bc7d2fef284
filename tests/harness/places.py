"""Where things are, and two small tools that everything here needs: a free port and a bounded wait."""
import os
import random
import socket
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
PROGRAMS = Path(os.environ.get("CLAMEUR_PROGRAMS", ROOT / "build" / "release" / "bin"))
RECORDINGS = Path(os.environ.get("CLAMEUR_RECORDINGS", ROOT.parent / "shared" / "data"))

# Below the ports that the system gives to outgoing connections, so that a server which is stopped for a while finds its own
# free when it comes back; each process of a shared run has its own share of them.
FIRST_PORT, LAST_PORT = 10_000, 32_700
_process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
_processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_taken = set()


def free_port():
    """A port on the loopback that nobody listens on, and that this function has not given out before."""
    while True:
        port = random.randrange(FIRST_PORT + _process, LAST_PORT, _processes)
        if port not in _taken and _is_free(port):
            _taken.add(port)
            return port


def _is_free(port):
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


PATIENCE = 4  # a bound ends what hangs, it measures nothing: on a machine that others share all may take so many times as long


def wait_until(what, condition, seconds=30.0, pause=0.05):
    """Waits for `condition()` to be true and returns its value; says what never came otherwise. `seconds` is far more than it
    takes where nothing else runs."""
    seconds *= PATIENCE
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(pause)
