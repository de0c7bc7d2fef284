"""Viewers of live sessions who fall silent: what aggregators publish is what the log says, by two independent computations, whoever is
killed meanwhile; and what is shown of a session is what happened in it."""
import json
import os
import random
import time

import pytest

from harness.aggregate import Aggregation, File
from harness.places import wait_until
from harness.produce import Sender, event
from harness.recount import Rules
from harness.registry import KIND_NUMBERS as KIND
from harness.worker import Deployment

WINDOW = 900
NAMES = {"j": "live_join", "h": "live_heartbeat", "l": "live_leave"}


@pytest.fixture
def past():
    """Unix seconds: the start of a window three hours ago, so that all that follows can be sealed by now."""
    now = int(time.time())
    return now - now % WINDOW - 12 * WINDOW


@pytest.fixture
def topic(kafka):
    """Records bear the events' own times: what is sent now for hours ago is not late."""
    return kafka.create_topic(f"viewers-{os.urandom(3).hex()}", message_timestamp_type="CreateTime")


def aggregation_of(kafka, topic, redis, directory, **options):
    directory.mkdir(exist_ok=True)
    deployment = Deployment(directory, kafka.bootstrap, topic, redis,
                            {"store.url": f"file://{directory / 'store'}", "aggregate.checkpoint": "1s",
                             "aggregate.group": f"{topic}-{directory.name}"}, **options)
    return Aggregation(deployment, directory / "store")


@pytest.fixture
def aggregation(kafka, topic, redis, tmp_path):
    return aggregation_of(kafka, topic, redis, tmp_path / "one")


def sender_of(aggregation):
    return Sender(aggregation.deployment.bootstrap, aggregation.deployment.topic)


def send(sender, past, viewer, moves, session="show", **fields):
    """`moves`: "j5 h30 l80": what the viewer does at which second, in the order of the log; `!h30`: an hour late."""
    for move in moves.split():
        late, move = move.startswith("!"), move.lstrip("!")
        at = (past + int(move[1:])) * 1000
        sender.send(event(KIND[NAMES[move[0]]], actor_id=viewer, live_session_id=session, occurred_at=at, **fields),
                    timestamp=at + 7200_000 * late)


# Who does what, and what of it changes how many watch, beside the sums: by hand.
SCENES = {
    "falls-silent": ("j100 h130 h160", {100: 1, 250: -1}),
    "across-the-end": ("j850 h880", {850: 1, 970: -1}),
    "heard-in-the-next-window": ("j850 h890 h950 l1000", {850: 1, 1000: -1}),
    "comes-back": ("j100 h130 h600 l650", {100: 1, 220: -1, 600: 1, 650: -1}),
    "leaves-after-it-expired": ("j100 h130 l1900", {100: 1, 220: -1}),
    "never-joined": ("h300 h330", {300: 1, 420: -1}),
    "without-heartbeats": ("j100", {100: 1}),
    "without-heartbeats-leaves": ("j100 l1500", {100: 1, 1500: -1}),
    "out-of-order": ("h330 j300 h320 h350", {330: 1, 440: -1}),
    "late": ("j100 h130 !h200", {100: 1, 220: -1}),  # what comes late is heard by nobody
    "": ("j100 h130", {100: 1}),  # without an actor nobody is to be missed
}


def test_who_falls_silent_leaves_and_who_is_heard_again_does_not(aggregation, past):
    sender = sender_of(aggregation)
    changes = {}
    for viewer, (moves, expected) in SCENES.items():
        send(sender, past, viewer, moves)
        for second, change in expected.items():
            changes[second] = changes.get(second, 0) + change
    send(sender, past, "other", "h100", "another show")
    send(sender, past, "end", "j3500 l3600", "the end")  # all is sealed up to here
    sender.close()
    aggregator = aggregation.start()
    expected = aggregation.settle()
    assert aggregator.metric("table_bytes", 'table="viewers"') > 0 and aggregator.metric("viewers_known") >= len(SCENES) - 3
    assert aggregator.terminate() == 0
    told = {}
    for window in expected.windows.values():
        for second, change in window.sessions().get(("acme", 2, "show"), ((),) * 5 + ({},))[-1].items():
            told[second - past] = told.get(second - past, 0) + change
    assert {second: change for second, change in told.items() if change} == {s: c for s, c in changes.items() if c}
    aggregation.deployment.loadtest("recount", "--against=snapshots", "--drained")
    shown = {row["kpi"]: row for row in map(json.loads, aggregation.command(
        "show", "--since", str(past), "--until", str(past + 4 * WINDOW), "--by", "session", "-o", "jsonl").stdout.splitlines())
        if row["session"] == "show"}
    watching, most = 0, 0
    for second in sorted(changes):
        watching += changes[second]
        most = max(most, watching)
    assert (shown["peak_viewers"]["numerator"], shown["viewers_at_end"]["numerator"]) == (most, watching) == (7, 2)
    assert shown["live_expired"]["numerator"] == 7 and shown["live_returned"]["numerator"] == 3
    assert shown["peak_viewers"]["freshness"] == "provisional"  # two are there still


def test_rules_say_how_long_or_that_nobody_leaves_so(kafka, topic, redis, tmp_path, past):
    rules = [Rules(window_heartbeat=30_000), Rules(since=(past + 2 * WINDOW) * 1000, window_heartbeat=-1)]
    text = ("- {version: 1, since: 0, window.heartbeat: 30s}\n"
            f"- {{version: 2, since: {rules[1].since}, window.heartbeat: off}}\n")
    aggregation = aggregation_of(kafka, topic, redis, tmp_path / "one", rules=rules, rules_text=text)
    sender = sender_of(aggregation)
    send(sender, past, "a", "j100 h130 h200")
    send(sender, past, "b", "j1700 h1790 h1810")  # by rules that nobody leaves by he watches on
    send(sender, past, "c", "j2000 h2030")
    send(sender, past, "end", "j3500 l3600", "the end")
    sender.close()
    aggregator = aggregation.start()
    expected = aggregation.settle()
    assert aggregator.terminate() == 0
    changes = [window.sessions()["acme", 2, "show"][-1] for start, window in sorted(expected.windows.items()) if start < past + 3 * WINDOW]
    assert changes == [{past + 100: 1, past + 160: -1, past + 200: 1, past + 230: -1},
                       {past + 1700: 1, past + 1820: -1}, {past + 1820: 1, past + 2000: 1}]
    aggregation.deployment.loadtest("recount", "--against=snapshots", "--drained")


def crowd(past, chance, viewers, seconds):
    """Viewers who come, send heartbeats, miss some, and mostly do not leave; in the order of time, but for some."""
    found = []
    for number in range(viewers):
        viewer, session = f"viewer-{number}", f"show-{number % 3}"
        at = past + chance.randrange(seconds)
        found.append((at, viewer, session, "live_join"))
        for _ in range(chance.randrange(40)):
            at += chance.choice((25, 25, 30, 30, 89, 90, 91, 300))
            found.append((at - chance.choice((0, 0, 0, 70)), viewer, session, chance.choice(
                ("live_heartbeat",) * 8 + ("live_leave", "live_join"))))
    return sorted(found, key=lambda move: move[0] + chance.randrange(20))


def test_one_process_and_three_that_are_killed_publish_the_same_viewers(kafka, topic, redis, tmp_path, past):
    chance = random.Random(11)
    quiet = aggregation_of(kafka, topic, redis, tmp_path / "quiet")
    wild = aggregation_of(kafka, topic, redis, tmp_path / "wild")
    sender = sender_of(quiet)
    running = [wild.start() for _ in range(3)]
    moves = crowd(past, chance, 600, 4 * WINDOW)
    held = 0
    for number, (at, viewer, session, kind) in enumerate(moves):
        sender.send(event(KIND[kind], actor_id=viewer, live_session_id=session, occurred_at=at * 1000), timestamp=at * 1000)
        if number % (len(moves) // 6) == len(moves) // 12:
            sender.producer.flush()
            time.sleep(chance.uniform(1, 3))
            victim = chance.randrange(3)
            running[victim].kill()
            running[victim] = wild.start()
    sender.close()
    quiet.start()
    expected = quiet.settle()
    wild.settle(expected=expected)
    assert wild.sums() == quiet.sums()
    for path in (wild.store.path / "checkpoints").glob("*.zst"):
        held += len(File(path).viewers)
    assert held > 100 and sum(s[3] for w in expected.windows.values() for s in w.sessions().values()) > 300
    for aggregator in running:
        assert aggregator.terminate() == 0
    quiet.deployment.loadtest("recount", "--against=snapshots")
    wait_until("all is sealed", lambda: len(wild.store.throughs()) == 4)
