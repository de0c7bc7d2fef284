"""A deployment as an operator would make it (configuration, key, rules, init), its workers, and its tools."""
import gc
import json
import urllib.error
import urllib.request
from collections import defaultdict
from contextlib import contextmanager
import re

from harness.compare import Comparison, read_marks, summary
from harness.keys import KeySpace
from harness.log import ends_of, read_log
from harness.places import PATIENCE, PROGRAMS, free_port, wait_until
from harness.process import Process, run
from harness.recount import Recount, Rules

INGEST = PROGRAMS / "clameur-ingest"
LOADTEST = PROGRAMS / "clameur-loadtest"
KEY = bytes(range(16))
# read = the sum of these
SHARES = ("events_counted_total", "events_rejected_total", "events_duplicate_total", "events_replayed_total",
          "events_in_flight")
SHARDS = 16  # few, so that a short test moves all of them


def metrics_of(text):
    """Prometheus' text: {name: {labels: value}}, the labels as they stand between the braces."""
    found = defaultdict(dict)
    for name, labels, value in re.findall(r"^([a-z_0-9]+)(?:\{(.*)\})? (\S+)$", text, re.MULTILINE):
        found[name][labels] = float(value)
    return found


@contextmanager
def _no_garbage_collection():
    """While much is made and all of it is kept, looking through it time and again frees nothing."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Deployment:
    """`options` are keys of the configuration, `_` for `.` where the key has no `_`: write them as a dictionary."""

    def __init__(self, directory, bootstrap, topic, redis, options=None, rules=None, rules_text=None):
        self.directory, self.bootstrap, self.topic, self.redis = directory, bootstrap, topic, redis
        self.rules, self.keys = rules or [Rules()], [(0, KEY)]
        self.file = directory / "clameur.yaml"
        key_file = directory / "pseudonym.key"
        key_file.write_text(KEY.hex() + "\n")
        key_file.chmod(0o600)
        self.options = {
            "kafka.bootstrap.servers": bootstrap, "kafka.topic": topic, "kafka.group": f"group-{topic}",
            "kafka.session.timeout": "6s", "redis.url": redis.url, "redis.shards": SHARDS, "redis.flush_min": "50ms",
            "privacy.key_file": key_file, "http.listen": "127.0.0.1:0", "log.format": "text",
        } | (options or {})
        if rules_text:
            rules_file = directory / "rules.yaml"
            rules_file.write_text(rules_text)
            self.options["rules.file"] = rules_file
        self.file.write_text("".join(f"{name}: {json.dumps(str(value)) if not isinstance(value, int) else value}\n"
                                     for name, value in self.options.items()))
        self.space = KeySpace(self.options.get("redis.prefix", "clm"), self.options["redis.shards"])
        self.workers = 0

    def ingest(self, *arguments, check=0, **options):
        return run([INGEST, *arguments, "-c", self.file], self.directory, check=check, **options)

    def loadtest(self, *arguments, check=0, **options):
        return run([LOADTEST, *arguments, "-c", self.file], self.directory, check=check, **options)

    def init(self):
        self.ingest("init")
        return self

    def worker(self, ready=True, **options):
        self.workers += 1
        return Worker(self, f"worker-{self.workers}", ready, **options)

    def produce(self, *arguments, check=0, seconds=300):
        return self.loadtest("produce", *arguments, seconds=seconds, check=check)

    def producer(self, *arguments):
        """The same, not waited for."""
        return Process("produce", [LOADTEST, "produce", "-c", self.file, *arguments], self.directory)

    def is_drained(self, ends=None):
        """Do the marks of every shard reach the ends of all partitions, or those given?"""
        ends = ends or ends_of(self.bootstrap, self.topic)
        return all(marks.get(p) and marks[p].next >= end for marks in read_marks(self.redis.client, self.space)
                   for p, end in ends.items())

    def drain(self, seconds=60):
        """Waits until all that stands in the log by now is counted."""
        ends = ends_of(self.bootstrap, self.topic)
        wait_until("every shard's marks reach the end of the log", lambda: self.is_drained(ends), seconds, 0.2)

    def recount(self, program=True, faults=False, log=None, **options):
        """Both recounts: Python's, which is returned, and the program's, which must exit 0. No worker may be counting.
        Counter and fault together must agree; that there are faults must be said (`faults`). Where records that were counted
        are gone from the topic, `log` is what was read of it in time: Redis must hold the prefixes of that log which its marks
        name, nothing else, and the program, which has the topic alone, must not find it so (exit 1 or 65)."""
        marks = read_marks(self.redis.client, self.space)
        kept = log or read_log(self.bootstrap, self.topic)
        with _no_garbage_collection():
            recount = Recount(self.space, self.rules, dedup_span=int(self.options.get("dedup.span", 262144)), keys=self.keys,
                              **options).fold(kept, marks)
            comparison = Comparison(self.redis.client, recount, kept, marks)
        assert not comparison.differences, f"{summary(comparison)}\n{comparison.faults}"
        assert bool(comparison.faults) == faults, comparison.faults
        assert comparison.compared > 0
        self.compared = comparison.compared
        if program:
            done = run([LOADTEST, "recount", "-c", self.file], self.directory, check=None if log else 0)
            assert done.returncode in ((1, 65) if log else (0,)), done
        return recount


started = []  # of the test that runs, as those of `process`


class Worker:
    """One clameur-ingest run, of another `program` where the test says so; `surroundings` are those of a Process."""
    program, listen, shares = INGEST, "http.listen", SHARES

    def __init__(self, deployment, name, ready=True, flags=(), program=None, **surroundings):
        self.deployment, self.name = deployment, name
        self.port = free_port()
        self.process = Process(name, [program or self.program, "run", "-c", deployment.file,
                                      f"--{self.listen}=127.0.0.1:{self.port}", *flags], deployment.directory, **surroundings)
        started.append(self)
        if ready:
            self.wait_ready()

    def get(self, path, seconds=5):
        """(status, text); (0, "") where nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=seconds * PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def is_ready(self):
        assert self.process.is_running, f"{self.name} ended:\n{self.process.tail()}"
        return self.get("/readyz")[0] == 200

    def wait_ready(self, seconds=30):
        wait_until(f"{self.name} is ready", self.is_ready, seconds)

    def metrics(self):
        """What /metrics says; the balance of it is even at every moment that anybody looks."""
        metrics = metrics_of(self.get("/metrics")[1])
        totals = {name: sum(metrics.get(f"clameur_{name}", {}).values()) for name in ("events_read_total", *self.shares)}
        difference = sum(metrics.get("clameur_balance_difference", {}).values())
        assert difference == 0 and totals["events_read_total"] == sum(totals[name] for name in self.shares), (difference, totals)
        return metrics

    def metric(self, name, labels=None):
        """The value under these labels (text), or the sum over all."""
        values = self.metrics().get(f"clameur_{name}", {})
        return values.get(labels, 0) if labels is not None else sum(values.values())

    def assigned(self):
        return self.metric("kafka_assigned_partitions")

    def said(self, code, event=None):
        """The log's lines with that error code (and of that event), in order."""
        return [line for line in self.process.log.read_text(errors="replace").splitlines()
                if re.search(rf"\b{code}\b", line) and (not event or f" {event} " in line)]

    def check_balance(self):
        """Even now, if it runs, and when it ended, if it came to an orderly end."""
        self.metrics()
        ends = re.findall(r" worker_stopped .*balance_difference=(-?\d+)", self.process.log.read_text(errors="replace"))
        assert all(difference == "0" for difference in ends), ends

    def kill(self):
        return self.process.kill()

    def terminate(self, seconds=30):
        return self.process.terminate(seconds)

