"""KPIs that are no sums of counters in Redis, from events made by hand: what `show` says of a real log is what was made."""
import json
import os
import time

import pytest

from harness.aggregate import Aggregation
from harness.produce import Sender, event
from harness.registry import KIND_NUMBERS as KIND
from harness.worker import Deployment

WINDOW = 900
TIKTOK, YOUTUBE, X, LINKEDIN, TELEGRAM, MASTODON, TWITCH = 2, 3, 5, 6, 12, 15, 18
BRAND, UGC, AMBASSADOR, EMPLOYEE = 1, 2, 3, 4
MESSAGE = 15
MINUTE, HOUR = 60_000, 3_600_000


class Scene:
    """Events of minutes after the start of a window three hours ago; then what is shown of them."""

    def __init__(self, kafka, redis, directory):
        now = int(time.time())
        self.start = now - now % WINDOW - 12 * WINDOW
        self.directory, self.sent = directory, 0
        topic = kafka.create_topic(f"kpis-{os.urandom(3).hex()}", message_timestamp_type="CreateTime")
        options = {"store.url": f"file://{directory / 'store'}", "aggregate.checkpoint": "1s", "aggregate.group": f"{topic}-aggregate"}
        self.aggregation = Aggregation(Deployment(directory, kafka.bootstrap, topic, redis, options), directory / "store")
        self.sender = Sender(kafka.bootstrap, topic)

    def at(self, minute):
        return 1000 * self.start + MINUTE * minute

    def send(self, kind, platform, minute=1, **fields):
        self.sent += 1
        at = self.at(minute)
        fields = {"actor_id": f"somebody-{self.sent}", "content_id": "", "occurred_at": at} | fields
        self.sender.send(event(KIND[kind], platform=platform, **fields), timestamp=at)

    def publish(self):
        """Everything is in published windows, which the independent computation and the recount find right."""
        self.sender.close()
        aggregator = self.aggregation.start()
        expected = self.aggregation.settle()
        assert aggregator.terminate() == 0
        recount = self.aggregation.deployment.loadtest("recount", "--against=snapshots", "--output=json", "--drained")
        assert json.loads(recount.stdout)["equal"]
        assert "everything adds up" in self.aggregation.command("verify", "--deep").stderr
        return expected

    def show(self, *flags):
        rows = self.aggregation.command("show", *flags, "-o", "jsonl").stdout.splitlines()
        return [row for row in map(json.loads, rows) if row["kpi"] != "late_events"]

    def kpis(self, *flags, basis=("events", "events by readings")):
        """{(platform, kpi): (numerator, denominator)} of all of the time, or by what the flags say."""
        found = {}
        for row in self.show("--since", str(self.start), *flags):
            if row["basis"] in basis:
                found[row["platform"], row["kpi"]] = row["numerator"], row["denominator"]
        return found


@pytest.fixture
def scene(kafka, redis, tmp_path):
    return Scene(kafka, redis, tmp_path)


def view(watched, duration, **more):
    return {"view": {"watch_ms": watched, "duration_ms": duration}} | more


def test_views_by_what_of_them_was_watched(scene):
    """A video of 10 s on TikTok, started four times, and one on YouTube: twice to its end, once in loops, of one nobody knows how long."""
    scene.send("view_start", TIKTOK, **view(0, 10_000, delta=3))
    scene.send("view_start", TIKTOK, 16, **view(2_000, 10_000))
    for watched in (10_000, 35_000):
        scene.send("view", TIKTOK, content_id="short", **view(watched, 10_000))
    scene.send("replay", TIKTOK, **view(4_000, 10_000))
    scene.send("view", TIKTOK, **view(99_000, 0))  # no part of it: how long is not known
    scene.send("view", YOUTUBE, content_id="film", **view(60_000, 60_000))
    scene.send("view", YOUTUBE, content_id="film", **view(30_000, 60_000))
    scene.send("view", YOUTUBE, 16, content_id="film", **view(200_000, 60_000))
    scene.send("view", YOUTUBE, content_id="film", **view(7_000, 0))
    scene.send("replay", YOUTUBE, content_id="film", **view(50_000, 60_000))
    scene.publish()
    kpis = scene.kpis()
    assert kpis["tiktok", "completion_by_watch"] == (2_000 + 10_000 + 35_000 + 4_000, 4 * 10_000), "more than all of it"
    assert kpis["youtube", "avg_view_duration"] == (60_000 + 30_000 + 60_000 + 7_000, 4)
    assert kpis["youtube", "avg_view_percentage"] == (60_000 + 30_000 + 60_000, 3 * 60_000)
    by_content = {(row["content"], row["kpi"]): (row["numerator"], row["denominator"])
                  for row in scene.show("--since", str(scene.start), "--by", "content")}
    assert by_content["film", "avg_view_percentage"] == kpis["youtube", "avg_view_percentage"]
    assert by_content["film", "avg_view_duration"] == kpis["youtube", "avg_view_duration"]


def test_whom_paid_media_and_each_origin_reached(scene):
    """One is reached both ways, one by an ambassador and an employee, one in two windows; a span of the windows says the same."""
    for who, origin, paid, minute in (("ann", BRAND, False, 1), ("ann", BRAND, True, 1), ("ben", AMBASSADOR, False, 1),
                                      ("ben", EMPLOYEE, False, 2), ("cem", EMPLOYEE, False, 1), ("cem", EMPLOYEE, False, 17),
                                      ("dee", UGC, False, 18), ("eve", 0, True, 18), ("fay", 77, False, 3)):
        scene.send("like", X, minute, actor_id=who, origin=origin, paid=paid)
    scene.send("like", X, actor_id="gil", origin=BRAND, consent=2)  # without consent to measurement
    scene.publish()
    expected = {"reach": (6, 1), "reach_organic": (5, 6), "reach_paid": (2, 6), "organic_to_paid_reach": (5, 2), "reach_brand": (1, 6),
                "reach_ugc": (1, 6), "reach_ambassador": (1, 6), "reach_employee": (2, 6), "advocacy_share": (2, 6)}
    kpis = scene.kpis()
    assert {name: kpis["x", name] for name in expected} == expected
    span = scene.directory / "span.zst"
    scene.aggregation.command("merge", "--since", str(scene.start), "--out", span)
    assert {row["kpi"]: (row["numerator"], row["denominator"]) for row in scene.show(span) if row["kpi"] in expected} == expected
    by = {row["paid"]: (row["numerator"], row["denominator"])
          for row in scene.show("--since", str(scene.start), "--by", "paid", "--kpi", "engagement_by_reach")}
    assert by == {"paid": (2, 2), "organic": (8, 5)}
    by = {row["origin"]: (row["numerator"], row["denominator"])
          for row in scene.show("--since", str(scene.start), "--by", "origin", "--kpi", "engagement_by_reach")}
    assert (by["ambassador"], by["employee"], by["ugc"], by["brand"]) == ((1, 1), (3, 2), (1, 1), (3, 1))
    assert {numbers[1] for origin, numbers in by.items() if origin not in ("ambassador", "employee", "ugc", "brand")} == {None}


def test_who_came_to_lives_and_who_took_part_in_conversations(scene):
    """Each is one, in however many sessions and whatever is done. Who only leaves, reads or becomes a member is none."""
    for who, kind, minute, session in (("ann", "live_join", 1, "s1"), ("ann", "live_join", 20, "s2"), ("ben", "live_speak", 2, "s1"),
                                       ("cem", "live_heartbeat", 3, "s2"), ("dee", "live_leave", 4, "s1")):
        for platform in (X, TWITCH):
            scene.send(kind, platform, minute, actor_id=who, live_session_id=session, content_format=8)
    for who, kind, minute in (("ann", "member_active", 1), ("ann", "message_reply", 20), ("ben", "message_reply", 1), ("cem", "reaction", 1),
                              ("dee", "message_read", 1), ("eve", "member_join", 1)):
        scene.send(kind, TELEGRAM, minute, actor_id=who, content_format=MESSAGE)
    scene.send("reaction", TELEGRAM, actor_id="fay", content_format=1)
    scene.publish()
    kpis = scene.kpis()
    assert kpis["x", "live_unique_listeners"] == (3, 1) and ("x", "live_unique_viewers") not in kpis
    assert kpis["twitch", "live_unique_viewers"] == (3, 1) and ("twitch", "live_unique_listeners") not in kpis
    assert kpis["telegram", "active_members"] == (3, 1)


def test_how_long_answers_and_deals_took(scene):
    """Of 1 to 10 minutes half took 5 at most, nine of ten 9; of what is not said since when there is nothing."""
    for minute in range(1, 11):
        at = scene.at(minute + 10)
        scene.send("message_reply", TELEGRAM, minute + 10, message={"replied_to_at": at - minute * MINUTE})
        scene.send("first_response", TELEGRAM, minute + 10, care={"opened_at": at - minute * MINUTE})
        scene.send("case_resolved", TELEGRAM, minute + 10, care={"opened_at": at - minute * HOUR})
        scene.send("deal_won", LINKEDIN, minute + 10, lead={"opened_at": at - 24 * minute * HOUR})
        scene.send("deal_lost", LINKEDIN, minute + 10, lead={"opened_at": at - 1000})
    scene.send("deal_won", LINKEDIN, lead={"lead_id": "nobody-knows-since-when"})
    scene.publish()
    kpis = scene.kpis()
    for platform, name, unit in (("telegram", "response_time", MINUTE), ("telegram", "first_response", MINUTE),
                                 ("telegram", "resolution_time", HOUR), ("linkedin", "cycle_length", 24 * HOUR)):
        for permille, place in ((50, 5), (90, 9)):
            told, by = kpis[platform, f"{name}_p{permille}"]
            assert told == pytest.approx(place * unit, rel=0.01) and by == 1, (name, told)


def test_interactions_by_followers_as_they_were_read(scene):
    """The last reading of the time counts, and says when it was; of an account of which none was read nothing is known."""
    for minute, followers in ((1, 900), (20, 1000)):
        scene.send("reading", MASTODON, minute, actor_id="",
                   reading={"read_at": scene.at(minute) - 5000, "values": [{"counter": "followers", "value": followers}]})
    for kind in ("like", "repost", "reply"):
        scene.send(kind, MASTODON, content_id="toot")
        scene.send(kind, X)
    scene.publish()
    rows = {row["platform"]: row for row in scene.show("--since", str(scene.start), "--kpi", "engagement_by_followers")}
    told = rows["mastodon"]
    assert (told["numerator"], told["denominator"], told["ratio"], told["basis"]) == (3, 1000, 0.003, "events by readings")
    assert told["as_of"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime((scene.at(20) - 5000) // 1000))
    unknown = rows["x"]
    assert (unknown["numerator"], unknown["denominator"], unknown["ratio"], unknown["as_of"]) == (3, None, None, None)
    first = scene.show(str(scene.start), "--kpi", "engagement_by_followers", "--platform", "mastodon")
    assert [(row["numerator"], row["denominator"]) for row in first] == [(3, 900)], "of the window alone"


def test_how_fast_a_hashtag_goes(scene):
    """A window without any event is an hour's quarter as any; two windows before, four after."""
    for minute, count in ((1, 2), (16, 1), (31, 5), (61, 7)):
        for _ in range(count):
            scene.send("like", TIKTOK, minute, tags=["spring"])
    scene.send("like", TIKTOK, 40, tags=["new"])
    scene.send("like", TIKTOK, 89)  # the last window has an event, and is published
    scene.publish()
    second = scene.start + 2 * WINDOW

    def velocity(since, until):
        rows = scene.show("--since", str(since), "--until", str(until), "--by", "tag")
        return {(row["tag"], row["kpi"]): (row["numerator"], row["denominator"], row["ratio"]) for row in rows if "velocity" in row["kpi"]}

    told = velocity(second, second + 2 * WINDOW)
    assert told == {("spring", "velocity"): (4 * 5, 2, 10), ("spring", "velocity_before"): (4 * 3, 2, 6),
                    ("spring", "velocity_change"): (5 * 2, 3 * 2, pytest.approx(10 / 6)),
                    ("new", "velocity"): (4, 2, 2), ("new", "velocity_before"): (0, 2, 0), ("new", "velocity_change"): (2, 0, None)}
    told = velocity(scene.start, second)
    assert told["spring", "velocity_before"] == (None, 0, None), "nothing was published before"
    assert told["spring", "velocity_change"] == (None, None, None)
    told = velocity(second, second + 4 * WINDOW)
    assert told["spring", "velocity"] == (4 * 12, 4, 12) and told["spring", "velocity_before"] == (4 * 3, 2, 6), "of two that are known"
    out = scene.directory / "kpi.jsonl"
    scene.aggregation.command("export", "--format", "jsonl", "--out", out, "--every", "window", "--since", str(scene.start), "--until",
                              str(second + 4 * WINDOW))
    rows = [row for row in map(json.loads, out.read_text().splitlines()) if row["kpi"] == "velocity_change" and row["value"] == "spring"]
    assert [(row["numerator"], row["denominator"]) for row in rows] == [(None, None), (1, 2), (5, 1), (7, 0)]
