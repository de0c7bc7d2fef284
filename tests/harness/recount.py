"""The independent recount: what Redis must hold, computed from the log, and compared key by key.

Nothing here comes from the C sources. What an event counts, in short:

- Within a partition an event whose id stood at most `dedup_span` offsets before is a duplicate; ids of refused events are
  not remembered. Refused and duplicate events count nothing.
- Every other event adds its increments to its account, account and platform, platform, content, campaign, live show, the
  minute of its hour's series; the counter of its kind to each distinct tag; delta x weight to its content's place in `top`.
- Of an order's copies the one with the least (occurred_at, event_id) counts; every other is an `order_copies`. A purchase
  that lies over 48 h before its record time is an `orders_late` and nothing else, though its actor was reached.
- A reading moves no counter: the greatest (read_at, event_id) of each figure of a content (or of an account on a platform)
  stands, and the sums of those stand in the platform, the account, and the account on the platform, unless they are counts
  of unique people.
- Reach: the pseudonym of every actor that consented to measurement, by day, and by day and tag.
- Each shard is compared with the log up to its own marks: events beyond them are not there yet.
"""
import struct
from collections import defaultdict
from dataclasses import dataclass, field

import xxhash

from harness import contract, registry
from harness.keys import KeySpace, shard_of
from harness.siphash import actor_pseudonym, siphash_128

HOUR, DAY = 3600, 86400
SCORE_MAX = 2**63 - 1  # of one event: beyond, it stays there
ORDER_LATE_MS = 48 * HOUR * 1000
ORDER_TRIM_MS = 96 * HOUR * 1000
UNIQUE = {"reach", "unique_viewers", "unique_listeners", "active_members"}
ALL_FAMILIES = frozenset("account content campaign series top tag live reach platform".split())


@dataclass
class Rules:
    """A rules version, whole; times in ms, max_past -1 is off."""
    since: int = 0
    max_future_skew: int = 300_000
    max_past: int = 90 * DAY * 1000
    series_retain: int = 48 * HOUR * 1000
    reach_retain: int = 35 * DAY * 1000
    window_disorder: int = 60_000
    window_lateness: int = 600_000
    window_heartbeat: int = 90_000  # -1: off
    window_refunds: int = 180 * DAY * 1000
    weights: dict = field(default_factory=dict)  # by the kind's name
    tracked: dict = field(default_factory=dict)  # by account: its rivals
    alerts: dict = field(default_factory=dict)  # what is not the default, in the file's order; decimals in thousandths

    def __getitem__(self, name):
        return getattr(self, name)

    def tracks(self, account, brand):
        return account.decode() not in self.tracked or brand.decode() in self.tracked[account.decode()]

    def _tracked_line(self):
        lists = sorted((account.encode(), sorted({brand.encode() for brand in brands})) for account, brands in self.tracked.items())
        text = b"".join(b"".join(name + b"\0" for name in [account, *brands]) + b"\0" for account, brands in lists)
        return f"tracked={struct.unpack('<q', struct.pack('<Q', xxhash.xxh3_64_intdigest(text)))[0]}"

    def text(self, number):
        """What Redis keeps of it as version `number`: its since (0 of the first, which has none) and its hash."""
        weights = {kind: self.weights.get(name, weight) for kind, (name, _, weight) in registry.KINDS.items()}
        lines = [f"{name}_ms={self[name]}" for name in ("max_future_skew", "max_past", "series_retain", "reach_retain")]
        # Rules that came later are part of it where they are not the default: older versions keep their hashes.
        lines += [f"{name}_ms={self[name]}" for name in ("window_disorder", "window_lateness", "window_heartbeat", "window_refunds")
                  if self[name] != getattr(Rules, name)]
        lines += [f"alerts.{name}={value}" for name, value in self.alerts.items()]
        lines += [f"weight.{kind}={weight}" for kind, weight in sorted(weights.items())
                  if weight != registry.KINDS[kind][2]]
        lines += [self._tracked_line()] if self.tracked else []
        lines += [f"since_ms={self.since}"] if number > 1 else []
        digest = xxhash.xxh3_64_intdigest("".join(f"{line}\n" for line in lines).encode())
        return f"{self.since if number > 1 else 0} {digest:016x}"


def key_text(key, since=0):
    """What Redis keeps of a pseudonym key: since when it holds (the first from the beginning), and its fingerprint."""
    return f"{since} {siphash_128(key, bytes(1) + b'key')[:8].hex()}"


@dataclass
class Mark:
    next: int
    last: int
    fingerprint: int
    time_ms: int


def parse_mark(text):
    _, next_, last, fingerprint, time_ms = text.split()
    return Mark(int(next_), int(last), int(fingerprint, 16), int(time_ms))


def fingerprint(record):
    seed = xxhash.xxh3_64_intdigest(struct.pack("<q", record.time_ms))
    seed = xxhash.xxh3_64_intdigest(record.key or b"", seed)
    return xxhash.xxh3_64_intdigest(record.value or b"", seed)


class Recount:
    """`keys` of the pseudonyms: (since, key) each, by since, the first's 0."""

    def __init__(self, space=None, rules=(Rules(),), families=ALL_FAMILIES, dedup_span=262144, keys=((0, bytes(16)),),
                 max_event_bytes=65536, max_message_bytes=1 << 20):
        self.space = space or KeySpace()
        self.rules, self.families, self.span, self.keys = list(rules), families, dedup_span, list(keys)
        self.max_event_bytes, self.max_message_bytes = max_event_bytes, max_message_bytes
        self.hashes = defaultdict(lambda: defaultdict(int))
        self.tops = defaultdict(lambda: defaultdict(int))
        self.reached = defaultdict(set)
        self.expiries = defaultdict(set)
        self.orders = defaultdict(list)    # (shard, account, order): copies
        self.readings = {}                 # (subject's key, figure): latest
        self.totals = {}                   # (subject's key, figure): the keys whose sums it is part of
        self.refused = []                  # (partition, offset, index, reason)
        self.read = self.duplicates = self.counted = 0

    def key_at(self, time_ms):
        return next((key for since, key in reversed(self.keys) if since <= time_ms), self.keys[0][1])

    def rules_at(self, time_ms):
        return next((r for r in reversed(self.rules) if r.since <= time_ms), self.rules[0])

    def fold(self, log, marks):
        """`log` {partition: records}, `marks` [shard]{partition: Mark}; then the expected state is complete."""
        for partition, records in sorted(log.items()):
            seen = {}
            for record in records:
                rules = self.rules_at(record.time_ms)
                for index, event, reason in contract.open_record(record, rules, self.max_event_bytes,
                                                                     self.max_message_bytes):
                    self.read += 1
                    if reason:
                        self.refused.append((partition, record.offset, index, reason))
                    elif seen.get(event.event_id, -1) >= max(record.offset - self.span, 0):
                        self.duplicates += 1
                        seen[event.event_id] = record.offset
                    else:
                        seen[event.event_id] = record.offset
                        self.counted += 1
                        self._fold_event(event, record, rules, marks)
        self._settle_orders()
        self._settle_readings()
        return self

    def _fold_event(self, event, record, rules, marks):
        account = event.account_id.decode()
        shard = shard_of(account, self.space.shards)
        mark = marks[shard].get(record.partition)
        if mark is None or record.offset >= mark.next:
            return
        time_ms = record.time_ms
        if event.kind == contract.ERASURE:
            self._add(shard, "platform", self._platform(event), {"erasures": event.delta or 1})
            return
        if event.kind == contract.READING:
            self._read(shard, account, event)
            return
        self._reach(shard, account, event, rules, time_ms)
        if event.kind != contract.PURCHASE:
            self._count(shard, account, event, rules, time_ms)
        elif time_ms and time_ms - event.occurred_at > ORDER_LATE_MS:
            self._add_high(shard, account, event, {"orders_late": 1})
        else:
            copy = (event.occurred_at, event.event_id, event, rules, time_ms)
            self.orders[shard, account, event.commerce.order_id].append(copy)

    @staticmethod
    def _platform(event):
        return (registry.platform_name(event.platform),)

    def _add(self, shard, family, parts, amounts, prefix=""):
        if ("account" if family == "acct" else family) not in self.families:
            return None
        name = self.space.name(shard, family, *parts)
        if amounts:
            fields = self.hashes[name]
            for counter, amount in amounts.items():
                fields[prefix + counter] += amount
        return name

    def _add_high(self, shard, account, event, amounts):
        platform = self._platform(event)
        self._add(shard, "acct", (account,), amounts)
        self._add(shard, "acct", (account, *platform), amounts)
        self._add(shard, "platform", platform, amounts)

    def _count(self, shard, account, event, rules, time_ms):
        (counter, delta), measures = contract.increments(event, rules)
        amounts = defaultdict(int)
        for name, value in ([(counter, delta)] if counter else []) + measures:
            amounts[name] += value
        platform, = self._platform(event)
        content, campaign, session = (i.decode() for i in (event.content_id, event.campaign_id, event.live_session_id))
        self._add_high(shard, account, event, amounts)
        if content:
            self._add(shard, "content", (account, platform, content), amounts)
        if campaign:
            self._add(shard, "campaign", (account, campaign), amounts)
        if session:
            self._add(shard, "live", (account, session), amounts)
        for tag in set(event.tags):
            self._add(shard, "tag", (account, platform, tag.decode()), {counter: delta} if counter else {})
        self._count_hour(shard, account, event, rules, time_ms, amounts, delta)

    def _count_hour(self, shard, account, event, rules, time_ms, amounts, delta):
        platform, = self._platform(event)
        second = event.occurred_at // 1000
        hour = second - second % HOUR
        expiry = hour + HOUR + -(-rules.series_retain // 1000)
        if time_ms and expiry * 1000 <= time_ms:
            return
        series = self._add(shard, "series", (account, platform, hour), amounts, f"{second % HOUR // 60:02}:")
        if series and amounts:
            self.expiries[series].add(expiry)
        kind, _, weight = registry.KINDS.get(event.kind, ("", "", 0))
        score = max(-SCORE_MAX, min(delta * rules.weights.get(kind, weight), SCORE_MAX))
        if event.content_id and score and "top" in self.families:
            top = self.space.name(shard, "top", account, platform, hour)
            self.tops[top][event.content_id] += score
            self.expiries[top].add(expiry)

    def _reach(self, shard, account, event, rules, time_ms):
        if not event.actor_id or not event.consent & 1 or "reach" not in self.families:
            return
        second = event.occurred_at // 1000
        day = second - second % DAY
        expiry = day + DAY + -(-rules.reach_retain // 1000)
        if time_ms and expiry * 1000 <= time_ms:
            return
        platform, = self._platform(event)
        names = [self.space.name(shard, "reach", account, platform, day)]
        if "tag" in self.families:
            names += [self.space.name(shard, "reach", account, platform, "tag", tag.decode(), day)
                      for tag in set(event.tags)]
        pseudonym = actor_pseudonym(self.key_at(time_ms), event.platform, event.actor_id)
        for name in names:
            self.reached[name].add(pseudonym)
            self.expiries[name].add(expiry)

    def _settle_orders(self):
        for (shard, account, _), copies in self.orders.items():
            copies.sort(key=lambda copy: copy[:2])
            _, _, event, rules, time_ms = copies[0]
            self._count(shard, account, event, rules, time_ms)
            for _, _, other, _, _ in copies[1:]:
                self._add_high(shard, account, other, {"order_copies": 1})

    def _read(self, shard, account, event):
        platform, = self._platform(event)
        content = event.content_id.decode()
        above = [("acct", (account,)), ("platform", (platform,))]
        if ("content" if content else "account") not in self.families:
            return
        if content:
            subject = ("content", (account, platform, content))
            above.append(("acct", (account, platform)))
        else:
            subject = ("acct", (account, platform))
        rank = (event.reading.read_at, event.event_id)
        figures = {}
        for value in event.reading.values:
            figures.setdefault(value.counter.decode(), value.value)
        for figure, value in figures.items():
            place = (shard, *subject, figure)
            if place not in self.readings or self.readings[place][0] < rank:
                self.readings[place] = (rank, value)
                self.totals[place] = [] if figure in UNIQUE else above

    def _settle_readings(self):
        for (shard, family, parts, figure), ((read_at, event_id), value) in self.readings.items():
            name = self._add(shard, family, parts, {f"{figure}.read": value, f"{figure}.read_at": read_at})
            self.hashes[name][f"{figure}.read_id"] = event_id.hex()
            for above, above_parts in self.totals[shard, family, parts, figure]:
                self._add(shard, above, above_parts, {f"{figure}.read": value})
