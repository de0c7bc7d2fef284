"""Who watches a live session still: the independent computation, from the sentences of aggregate/window/README.md alone.

One Presence is a partition's. Of each join, leave and heartbeat with an actor that came in time, in the order of the log, it says what
changes besides the event's own join or leave: [(second, by how many more watch)], how many are to leave by silence, and how many
were heard without a join."""
from dataclasses import dataclass

from harness import registry

HEARD = {"live_join", "live_leave", "live_heartbeat"}
HOUR = 3600_000
REMEMBERED = 2 ** 22  # joins, leaves and heartbeats of the partition
NOTHING = [], 0, 0


@dataclass
class Viewer:
    number: int = 0
    last: int = 0  # ms
    joins: int = 0  # open ones
    beats: bool = False  # has sent a heartbeat
    assumed: bool = False  # one of the joins was not seen
    due: tuple = None  # (ms, how many leave then)

    @property
    def is_known(self):
        return self.beats or self.joins != 0


class Presence:
    def __init__(self):
        self.viewers, self.events = {}, 0

    def hear(self, event, rules):
        kind = registry.KINDS.get(event.kind, ("",))[0]
        if kind not in HEARD or not event.actor_id:
            return NOTHING
        self.events += 1
        key = event.account_id, event.platform, event.live_session_id, event.actor_id
        viewer = self.viewers.get(key, Viewer())
        if not viewer.is_known or self.events - viewer.number > REMEMBERED:
            viewer = Viewer()
        on = rules.window_heartbeat > 0
        if not viewer.is_known and not on or event.occurred_at < viewer.last - HOUR:
            return NOTHING
        told = self._told(viewer, kind, event.delta or 1, event.occurred_at, rules.window_heartbeat if on else None)
        viewer.number = self.events
        self.viewers[key] = viewer if on else Viewer()
        return told

    @staticmethod
    def _told(v, kind, delta, at, silence):
        changes, expired, returned = [], 0, 0
        if v.due and at > v.due[0]:
            v.joins, v.assumed = 0, False  # left as was foretold
        elif v.due:
            changes.append((v.due[0] // 1000, v.due[1]))
            expired -= v.due[1]
        newer = at >= v.last
        v.last = max(v.last, at)
        if kind == "live_join":
            if v.assumed and delta > 0 and (v.joins > 0 or not newer):
                returned, delta, v.assumed = -1, delta - 1, False
            elif newer:
                v.assumed = False
            v.joins += delta
        elif kind == "live_leave":
            v.joins -= delta
        elif newer and delta > 0 and silence:
            v.beats = True
            if v.joins < 1:
                returned, v.joins, v.assumed = 1 - v.joins, 1, True
        if v.beats and v.joins < 0:
            returned, v.joins = returned - v.joins, 0
        if returned:
            changes.append((at // 1000, returned))
        v.due = (v.last + silence, v.joins) if silence and v.beats and v.joins > 0 else None
        if v.due:
            changes.append((v.due[0] // 1000, -v.due[1]))
            expired += v.due[1]
        return changes, expired, returned
