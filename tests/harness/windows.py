"""The independent computation of event-time windows: what the published snapshots must hold, from the log alone.

Nothing here comes from the C sources. In short:

- Duplicates and rejects are those of the recount. Every other event belongs to the window of 15 minutes of its occurred_at;
  it is late where its record time is past the window's end by more than disorder and lateness.
- What comes in time adds its increments to TOTALS, to its content, its campaign, each topic of its body, and the counter of its kind to
  each tag. What is late adds them to LATE alone. A reading is counted, and adds nothing: of each counter that one in time
  tells, of a content or of an account on a platform, the last by (read_at, event_id, value) stands.
- Of a live session each join and leave in time changes by its delta how many watch, at its second, and who sends heartbeats and falls
  silent leaves (harness/presence.py): all that an event changes stands in its own window; beside it stand the sums.
- Of the tags of an account on a platform, and of its topics, the 1,000 of most uses have a row; all others share one without an id.
- What comes in time is also seen: whom it reached, with consent to measurement (actors and known persons, apart; of the actors those of
  paid media and not, of each origin, of live sessions, of conversations), and how long a view, an answer, a first response, a case or a
  deal took, by account and platform.
- Beside the increments of Redis views on TikTok and YouTube have some of windows alone: how long was watched of what length, in loops or not.
- Of an order's copies in a window and the 48 hours before it the one with the least (occurred_at, event_id) counts, in its own
  window; each other, the same event under another key among them, is an `order_copies` of its own row of TOTALS. Late purchases are no copies.
- A purchase with a value is a `priced_orders` of its currency, too.
- A refund that names an order, placed at most `window_refunds` before it, adds its increments where that order's own would go: of the
  copies in time in the window of the order's time the least. Where there is none, and where it names none, it adds them where it says
  itself, and besides `refunds_unattributed` and `unattributed_micros`.
"""
from collections import defaultdict
from dataclasses import dataclass, field

from harness import contract, registry
from harness.presence import Presence

WINDOW = 900
UNIQUE = 48 * 3600  # seconds before its window within which an order is one
TOTALS, CONTENT, CAMPAIGN, TAG, TOPIC, LATE, COHORT = "totals", "content", "campaign", "tag", "topic", "late", "cohort"
OF_CASES = {"first_response", "case_resolved", "bot_contained", "bot_handoff"}

NAMED = 1000  # tags, and topics, of an account on a platform that a window tells apart
KIND_COUNTERS = {counter for _, counter, _ in registry.KINDS.values() if counter}
ENDS = {"first_response": "first_response_ms", "case_resolved": "resolution_ms"}
ORIGINS = {1: ("actors_brand",), 2: ("actors_ugc",), 3: ("actors_ambassador", "actors_advocacy"), 4: ("actors_employee", "actors_advocacy")}
AT_LIVES = {"live_join", "live_heartbeat", "live_speak"}
OF_MEMBERS = {"member_active", "message_reply"}
ON_MESSAGES = {"like", "reaction", "comment", "reply", "poll_vote", "answer"}
TIKTOK, YOUTUBE, MESSAGE = 2, 3, 15


@dataclass
class Share:
    """What a partition has in a window: one past the last record that touched it, and how many events."""
    to: int = 0
    counted: int = 0
    late: int = 0


@dataclass
class Window:
    shares: dict = field(default_factory=lambda: defaultdict(Share))
    rows: dict = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    seen: dict = field(default_factory=lambda: defaultdict(set))  # (account, platform, "actors" or "persons"): who
    took: dict = field(default_factory=lambda: defaultdict(list))  # (account, platform, name): ms
    read: dict = field(default_factory=dict)  # (account, platform, content, counter): (read_at, event_id, value)
    live: dict = field(default_factory=lambda: defaultdict(list))  # (account, platform, session): (changes, joins, leaves, watch_ms, expired, returned)
    orders: dict = field(default_factory=lambda: defaultdict(dict))  # (account, order): copies by (occurred_at, event_id)
    refunds: list = field(default_factory=list)  # of orders: they wait until all orders are known


    def sessions(self):
        """{(account, platform, session): joins, leaves, watch_ms, expired, returned, {second: how many more}}, without zeros."""
        found = {}
        for key, moves in self.live.items():
            several, *counts = zip(*moves)
            sums, changes = [*map(sum, counts)], defaultdict(int)
            for second, change in (one for many in several for one in many):
                changes[second] += change
            if any(sums) or any(changes.values()):
                found[key] = (*sums, {second: change for second, change in changes.items() if change})
        return found


@dataclass
class Fate:
    """What became of a partition's events."""
    read: int = 0
    rejected: int = 0
    duplicate: int = 0


def _amounts(event, rules=None):
    """`rules`: of what is no order."""
    (counter, delta), measures = contract.increments(event, rules)
    amounts = defaultdict(int)
    for name, value in ([(counter, delta)] if counter else []) + measures + list(_viewed(event, delta)):
        amounts[name] += value
    if event.kind == contract.PURCHASE and event.commerce.value_micros:
        amounts[f"priced_orders:{event.commerce.currency.decode()}"] += 1
    return (counter, delta), amounts


def _unattributed(amounts):
    """What is told besides of a refund whose order is not known."""
    return {name.replace("refunded_", "unattributed_").replace("refunds", "refunds_unattributed"): amount
            for name, amount in amounts.items() if name == "refunds" or name.startswith("refunded_micros:")}


def _viewed(event, delta):
    """What windows alone count of views."""
    if event.WhichOneof("body") != "view":
        return
    kind, watched, duration = registry.KINDS.get(event.kind, ("",))[0], event.view.watch_ms, event.view.duration_ms
    length = delta * duration
    told = length if abs(length) <= contract.LIMIT else 0
    if event.platform == TIKTOK:
        yield "watch_untimed_ms", 0 if duration else watched
        yield "starts_length_ms", told if kind == "view_start" else 0
    if event.platform == YOUTUBE:
        looped = watched if kind == "replay" or duration and delta < 0 else max(watched - length, 0) if duration else 0
        yield "looped_ms", looped
        if kind == "view" and duration:
            yield "views_length_ms", told
        else:
            yield "watch_apart_ms", watched - looped


def _classes(event):
    """The sketches that an actor of the event is in."""
    kind = registry.KINDS.get(event.kind, ("",))[0]
    yield "actors"
    yield "actors_paid" if event.paid else "actors_organic"
    yield from ORIGINS.get(event.origin, ())
    if kind in AT_LIVES:
        yield "live_actors"
    if kind in OF_MEMBERS or (kind in ON_MESSAGES and event.content_format == MESSAGE):
        yield "active_members"


def _fold(rows):
    """Of the tags and the topics of an account on a platform the most used; all others in a row without an id."""
    groups = defaultdict(list)
    for key, cells in rows.items():
        if key[0] in (TAG, TOPIC):
            groups[key[:3]].append((-sum(v for c, v in cells.items() if c in KIND_COUNTERS or c.startswith("kind_")), key[6].encode(), key))
    for group, named in groups.items():
        other = defaultdict(int)
        for _, _, key in sorted(named)[NAMED:]:
            for counter, value in rows.pop(key).items():
                other[counter] += value
        if any(other.values()):
            rows[(*group, 0, 0, False, "")] = {counter: value for counter, value in other.items() if value}
    return rows


def _subject(event):
    return event.account_id.decode(), event.platform


def _topics(event):
    body = event.WhichOneof("body")
    if body == "listening":
        return set(event.listening.topics)
    return {event.care.topic} - {b""} if body == "care" else set()


def _durations(event):
    """What the event says of how long something took, by name."""
    kind, body = registry.KINDS.get(event.kind, ("",))[0], event.WhichOneof("body")
    if kind == "view" and body == "view" and event.delta in (0, 1) and event.view.watch_ms:
        yield "watch_ms", event.view.watch_ms
    if kind == "message_reply" and body == "message" and event.message.replied_to_at > 0:
        yield "response_ms", event.occurred_at - event.message.replied_to_at
    if kind in ENDS and body == "care" and event.care.opened_at > 0:
        yield ENDS[kind], event.occurred_at - event.care.opened_at
    if kind == "deal_won" and body == "lead" and event.lead.opened_at > 0:
        yield "cycle_ms", event.occurred_at - event.lead.opened_at


def _cohort(event):
    """The start of the window in which the case was opened that the event is of, in digits; None where it is not said, or none."""
    kind, opened = registry.KINDS.get(event.kind, ("",))[0], 0
    if kind == "case_opened":
        opened = event.occurred_at
    elif kind in OF_CASES and event.WhichOneof("body") == "care":
        opened = event.care.opened_at
    return str(opened // 1000 // WINDOW * WINDOW) if 0 < opened < 2**53 else None


def _totals_key(table, event):
    account, platform = _subject(event)
    return table, account, platform, event.origin, event.content_format, bool(event.paid), ""


class Windows:
    def __init__(self, rules, dedup_span=262144, max_event_bytes=65536, max_message_bytes=1 << 20):
        self.rules, self.span = list(rules), dedup_span
        self.bounds = max_event_bytes, max_message_bytes
        self.windows = defaultdict(Window)
        self.fates = defaultdict(Fate)
        self.sold = defaultdict(set)  # (account, order): windows that have copies
        self.sale = {}  # (window, (account, order)): the least copy there

    def rules_at(self, time_ms):
        return next((r for r in reversed(self.rules) if r.since <= time_ms), self.rules[0])

    def fold(self, log):
        """`log`: {partition: records}; then `windows` is complete."""
        for partition, records in log.items():
            seen, fate, presence = {}, self.fates[partition], Presence()
            for record in records:
                rules = self.rules_at(record.time_ms)
                for _, event, reason in contract.open_record(record, rules, *self.bounds):
                    fate.read += 1
                    if reason:
                        fate.rejected += 1
                        continue
                    before = seen.get(event.event_id, -1)
                    seen[event.event_id] = record.offset
                    if before >= max(record.offset - self.span, 0):
                        fate.duplicate += 1
                    else:
                        self._take(event, record, rules, presence)
        for start, window in self.windows.items():
            self._settle(start, window)
        for start, window in self.windows.items():
            for event in window.refunds:
                self._refund(window, event)
        return self

    def _take(self, event, record, rules, presence):
        start = event.occurred_at // 1000 // WINDOW * WINDOW
        window = self.windows[start]
        share = window.shares[record.partition]
        share.to = record.offset + 1
        late = record.time_ms > 0 and \
            record.time_ms > (start + WINDOW) * 1000 + rules.window_disorder + rules.window_lateness
        share.late += late
        share.counted += not late
        if event.kind == contract.READING:
            if not late:
                self._read(window, event)
            return
        if late:
            self._add(window, _totals_key(LATE, event), _amounts(event, rules)[1])
            return
        self._see(window, event)
        self._move(window, event, rules, presence)
        if event.kind == contract.PURCHASE:
            order = event.account_id.decode(), event.commerce.order_id
            window.orders[order].setdefault((event.occurred_at, event.event_id), []).append(event)
            self.sold[order].add(start)
            self.sale[start, order] = min(self.sale.get((start, order), event), event, key=lambda e: (e.occurred_at, e.event_id))
        elif event.kind == contract.REFUND:
            placed = event.commerce.order_occurred_at
            if event.commerce.order_id and placed > 0 and 0 <= event.occurred_at - placed <= rules.window_refunds:
                window.refunds.append(event)
            else:
                self._unattribute(window, event)
        else:
            self._count(window, event, rules)

    @staticmethod
    def _add(window, key, amounts):
        for counter, amount in amounts.items():
            window.rows[key][counter] += amount

    @staticmethod
    def _read(window, event):
        values = {v.counter.decode(): v.value for v in reversed(event.reading.values)}  # of one twice the first is meant
        for counter, value in values.items():
            key = (*_subject(event), event.content_id.decode(), counter)
            told = event.reading.read_at, event.event_id.hex(), value
            window.read[key] = max(window.read.get(key, told), told)

    @staticmethod
    def _move(window, event, rules, presence):
        amounts = _amounts(event, rules)[1]
        joins, leaves, watch_ms = (amounts.get(name, 0) for name in ("live_joins", "live_leaves", "live_watch_ms"))
        changes, expired, returned = presence.hear(event, rules)
        changes = [(event.occurred_at // 1000, joins - leaves), *changes]
        if event.live_session_id:
            window.live[(*_subject(event), event.live_session_id.decode())].append((changes, joins, leaves, watch_ms, expired, returned))

    @staticmethod
    def _see(window, event):
        subject = _subject(event)
        if event.consent & 1 and event.kind != contract.ERASURE:
            for name in _classes(event) if event.actor_id else ():
                window.seen[(*subject, name)].add(event.actor_id)
            if event.person_id:
                window.seen[(*subject, "persons")].add(event.person_id)
        for name, duration in _durations(event):
            window.took[(*subject, name)].append(duration)

    def _refund(self, window, event):
        order = event.account_id.decode(), event.commerce.order_id
        sale = self.sale.get((event.commerce.order_occurred_at // 1000 // WINDOW * WINDOW, order))
        if sale is None:
            self._unattribute(window, event)
        else:
            self._count(window, sale, of=event)

    def _unattribute(self, window, event):
        self._count(window, event)
        self._count(window, event, of=event, only=_unattributed)

    def _count(self, window, event, rules=None, of=None, only=None):
        """What `of` adds (by default the event itself), of that what `only` makes of it, where the event counts."""
        (counter, delta), amounts = _amounts(of or event, rules)
        if only:
            counter, amounts = None, only(amounts)
        account, platform = _subject(event)
        self._add(window, _totals_key(TOTALS, event), amounts)
        if event.content_id:
            self._add(window, (CONTENT, account, platform, 0, 0, False, event.content_id.decode()), amounts)
        if event.campaign_id:
            self._add(window, (CAMPAIGN, account, platform, 0, 0, False, event.campaign_id.decode()), amounts)
        for topic in _topics(event):
            self._add(window, (TOPIC, account, platform, 0, 0, False, topic.decode()), amounts)
        if counter and _cohort(event):
            self._add(window, (COHORT, account, platform, 0, 0, False, _cohort(event)), {counter: delta})
        for tag in set(event.tags):
            self._add(window, (TAG, account, platform, 0, 0, False, tag.decode()), {counter: delta} if counter else {})

    def _settle(self, start, window):
        for order, copies in window.orders.items():
            others = sorted(copies)
            if not any(start - UNIQUE <= before < start for before in self.sold[order]):
                self._count(window, copies[others[0]].pop())
            for other in others:
                for copy in copies[other]:
                    self._add(window, _totals_key(TOTALS, copy), {"order_copies": 1})

    def table(self, start):
        """The window's rows without zeros: {key: {counter: value}}."""
        rows = {key: {c: v for c, v in cells.items() if v} for key, cells in self.windows[start].rows.items()}
        return _fold({key: cells for key, cells in rows.items() if cells})
