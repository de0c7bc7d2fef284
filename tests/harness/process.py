"""Child processes: their output goes to a file, they die with the test run, and a failing test shows their last lines."""
import ctypes
import os
import re
import resource
import signal
import subprocess
from pathlib import Path

from harness.places import PATIENCE

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
# What programs built with a sanitizer say before they go on, or end.
SANITIZER = re.compile(r"(WARNING: ThreadSanitizer|ERROR: (Address|Leak)Sanitizer|runtime error:).*(\n.*){0,60}")
started = []  # of the test that runs; conftest prints their logs when it fails and clears the list


# Every CLAMEUR_ variable is an option to the programs, and an unknown one an error: the tests' own are not passed on.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("CLAMEUR_")}


def _prepare(open_files):
    """In the child: it dies with its parent; `open_files` are its soft and its hard limit."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if open_files:
        resource.setrlimit(resource.RLIMIT_NOFILE, open_files)


class Process:
    """`argv`, running, with stdout and stderr in `directory/name.log` (appended to by a restart)."""

    def __init__(self, name, argv, directory, env=None, open_files=None):
        self.name = name
        self.log = directory / f"{name}.log"
        self._file = open(self.log, "ab")
        self.child = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=self._file,
                                      stderr=subprocess.STDOUT, cwd=directory, env=env or ENVIRONMENT, start_new_session=True,
                                      preexec_fn=lambda: _prepare(open_files))
        started.append(self)

    @property
    def is_running(self):
        return self.child.poll() is None

    def signal(self, number):
        self.child.send_signal(number)

    def catches(self, number):
        """Whether it handles that signal: not yet while it starts. It must be running."""
        assert self.is_running, self.tail()
        with open(f"/proc/{self.child.pid}/status") as status:
            caught = next(line.split()[1] for line in status if line.startswith("SigCgt:"))
        return bool(int(caught, 16) >> (number - 1) & 1)

    def wait(self, seconds):
        """The exit code (negative: the signal that ended it). `seconds` is more than it takes where nothing else runs."""
        try:
            code = self.child.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {seconds * PATIENCE:g} s") from None
        self._file.close()
        return code

    def terminate(self, seconds=30):
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self):
        """kill -9, also of a stopped process."""
        if self.is_running:
            self.signal(signal.SIGKILL)
        return self.wait(10)

    def listens_at(self):
        """The addresses (hexadecimal, as the kernel has them) of the sockets that it listens on."""
        listening = {}
        for family in ("tcp", "tcp6"):
            for line in open(f"/proc/net/{family}"):
                words = line.split()
                if words[3] == "0A":
                    listening[f"socket:[{words[9]}]"] = words[1]
        links = {_target_of(link) for link in Path(f"/proc/{self.child.pid}/fd").iterdir()}
        return {listening[link] for link in links if link in listening}

    def check_sanitizers(self):
        report = SANITIZER.search(self.log.read_text(errors="replace"))
        assert not report, report[0]

    def tail(self, lines=60):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def _target_of(descriptor):
    """Where it leads; None of one that is closed by now."""
    try:
        return os.readlink(descriptor)
    except FileNotFoundError:
        return None


def run(argv, directory, seconds=300, env=None, check=0):
    """Runs a command to its end and returns it with its output; `check` is the exit code it must have (None: any), `seconds` more
    than it takes where nothing else runs."""
    done = subprocess.run([str(a) for a in argv], cwd=directory, env=env or ENVIRONMENT, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=seconds * PATIENCE)
    if check is not None and done.returncode != check:
        raise AssertionError(f"{' '.join(str(a) for a in argv)}\nexit {done.returncode}, expected {check}\n"
                             f"{done.stdout[-6000:]}{done.stderr[-6000:]}")
    report = SANITIZER.search(done.stderr)
    assert not report, report[0]
    return done
