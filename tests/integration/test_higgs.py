"""A real week: 563,069 reposts, mentions and replies about the Higgs boson, a burst with a hot key."""
import json
from collections import Counter

import pytest

from harness.places import RECORDINGS
from harness.process import run
from harness.worker import LOADTEST, Deployment

FOLDER = RECORDINGS / "higgs-activity"
COUNTERS = {"RT": "reposts", "MT": "mentions", "RE": "replies"}
RULES = """\
- version: 1
  since: 0
  max_past: off
  series.retain: 7300d
  reach.retain: 7300d
"""


@pytest.mark.skipif(not FOLDER.exists(), reason=f"no recording at {FOLDER}: set CLAMEUR_RECORDINGS")
def test_the_higgs_week_reproduces_its_counts(kafka, topic, redis, tmp_path):
    deployment = Deployment(tmp_path, kafka.bootstrap, topic, redis, rules_text=RULES).init()
    worker = deployment.worker()
    run([LOADTEST, "replay", "--format", "higgs", FOLDER / "higgs-activity_time.txt.gz", "-c", deployment.file], tmp_path)
    deployment.drain(300)
    run([LOADTEST, "recount", "-c", deployment.file], tmp_path)
    expected = json.loads((FOLDER / "expected.json").read_text())
    client = redis.client

    platform = Counter()
    for name in client.scan_iter("clm:*:platform:twitter", count=10_000):
        platform.update({counter.decode(): int(value) for counter, value in client.hgetall(name).items()})
    assert {kind: platform[counter] for kind, counter in COUNTERS.items()} == expected["events_by_kind"]

    targets, by_kind = Counter(), {kind: Counter() for kind in COUNTERS}
    for name in client.scan_iter("clm:*:content:*", count=10_000):
        target, fields = int(name.rsplit(b":", 1)[1].decode().strip("u")), client.hgetall(name)
        for kind, counter in COUNTERS.items():
            by_kind[kind][target] += int(fields.get(counter.encode(), 0))
            targets[target] += int(fields.get(counter.encode(), 0))
    assert len(targets) == expected["unique_targets"] and sum(targets.values()) == expected["events"]
    assert _top(targets) == expected["top_targets"]
    assert {kind: _top(counts) for kind, counts in by_kind.items()} == expected["top_targets_by_kind"]

    hours = Counter()
    for name in client.scan_iter("clm:*:series:*", count=10_000):
        hours[name.rsplit(b":", 1)[1].decode()] += sum(int(v) for f, v in client.hgetall(name).items()
                                                       if f.decode().split(":")[1] in COUNTERS.values())
    assert hours == expected["events_by_utc_hour"]
    assert worker.metric("balance_difference") == 0 and worker.terminate() == 0


def _top(counts, most=5):
    return [[target, count] for target, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]]
