"""Servers that are Java programs: their jars, from Maven Central."""
import fcntl
import hashlib
import shutil
from contextlib import contextmanager

from harness.places import CACHE, ROOT
from harness.process import run


@contextmanager
def alone(name):
    """One process at a time makes what the servers of that name lack, the others wait for it."""
    CACHE.mkdir(exist_ok=True)
    with open(CACHE / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def jars(name):
    """The folder of what tests/NAME/pom.xml depends on, fetched by Maven the first time and whenever the pom changes."""
    pom = ROOT / "tests" / name / "pom.xml"
    folder = CACHE / f"{name}-{hashlib.sha256(pom.read_bytes()).hexdigest()[:12]}"
    with alone(name):
        if not folder.exists():
            part = folder.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            run(["mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies", f"-DoutputDirectory={part}",
                 "-DincludeScope=runtime"], CACHE, seconds=900)
            part.rename(folder)
    return folder
