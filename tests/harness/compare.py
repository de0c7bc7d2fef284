"""What Redis holds against what the recount expects: every key under the prefix, every figure, to the unit."""
import json
import re
from collections import defaultdict
from itertools import islice

import xxhash

from harness.recount import ORDER_TRIM_MS, fingerprint, key_text, parse_mark

COUNTED = ("acct", "content", "campaign", "series", "tag", "live", "platform")
SCRATCH = b"recount-scratch:"


def read_marks(client, space):
    """[shard]{partition: Mark}."""
    pipeline = client.pipeline(transaction=False)
    for shard in range(space.shards):
        pipeline.hgetall(space.name(shard, "mark"))
    return [{int(p): parse_mark(text.decode()) for p, text in marks.items()} for marks in pipeline.execute()]


def _chunks(items, size=500):
    items = iter(items)
    while chunk := list(islice(items, size)):
        yield chunk


class Comparison:
    """`differences` is a list of sentences; `compared` the number of figures that were held against each other."""

    def __init__(self, client, recount, log, marks):
        self.client, self.recount, self.log, self.marks = client, recount, log, marks
        self.differences, self.compared, self.faults = [], 0, {}
        self.now = client.time()[0]
        self.faulted = defaultdict(lambda: defaultdict(int))  # key: field: what could not be applied
        self._compare_marks()
        families = self._keys_by_family()
        self._read_faults(families.pop("faults", []))
        self._compare_rules(families.pop("rules", []))
        for name in ("meta", "mark"):
            families.pop(name, None)
        self._compare_hashes([k for f in COUNTED for k in families.pop(f, [])])
        self._compare_tops(families.pop("top", []))
        self._compare_reach(families.pop("reach", []))
        self._compare_orders(families.pop("orders", []))
        for names in families.values():
            self.differences += [f"{name!r} is no key of the layout" for name in names]

    def _differ(self, what, actual, expected):
        self.differences.append(f"{what}: Redis {actual}, recount {expected}")

    def _keys_by_family(self):
        pattern = re.compile(re.escape(self.recount.space.prefix.encode()) + rb":\{(\d+)\}:([a-z]+)(?::|$)")
        families = defaultdict(list)
        for name in set(self.client.scan_iter(f"{self.recount.space.prefix}:*", count=5000)):
            match = pattern.match(name)
            known = match and match[1].decode() in self.recount.space.tags
            families[match[2].decode() if known else "unknown"].append(name)
        return families

    def _expected_names(self, table, actual):
        """The keys of both sides, without those whose time is over or within a few seconds of it."""
        names = set(actual) | {name.encode() for name in table}
        return sorted(n for n in names if max(self.recount.expiries.get(n.decode(), {1 << 60})) > self.now + 5)

    def _each(self, names, *commands):
        """Yields (name, answer of each command) for every key."""
        for chunk in _chunks(names):
            pipeline = self.client.pipeline(transaction=False)
            for name in chunk:
                for command in commands:
                    pipeline.execute_command(command[0], name, *command[1:])
            answers = pipeline.execute(raise_on_error=False)
            for i, name in enumerate(chunk):
                yield name, *answers[i * len(commands):(i + 1) * len(commands)]

    def _compare_marks(self):
        tags, last = self.recount.space.tags, {p: {r.offset: r for r in records} for p, records in self.log.items()}
        for shard, marks in enumerate(self.marks):
            for partition, mark in marks.items():
                self.compared += 1
                where = f"mark of partition {partition} in {{{tags[shard]}}}"
                expected = max((o for o in last.get(partition, {}) if o < mark.next), default=-1)
                if mark.last != expected:
                    self._differ(f"{where}, last offset", mark.last, expected)
                elif expected >= 0:
                    record = last[partition][expected]
                    if (mark.fingerprint, mark.time_ms) != (fingerprint(record), record.time_ms):
                        self._differ(f"{where}, fingerprint and time", (mark.fingerprint, mark.time_ms),
                                     (fingerprint(record), record.time_ms))

    def _read_faults(self, names):
        for name, fields in self._each(names, ("HGETALL",)):
            for where, text in fields.items():
                key, counter, *more = json.loads(where)  # "error"; or a number, where a sum of deltas overflowed too
                self.faults[where.decode()] = text.decode()
                if more != ["error"]:
                    self.faulted[key][counter] += int(text)

    def _compare_rules(self, names):
        """Every shard that was claimed says by which versions and keys; their hashes are computed here from what they decide."""
        expected = {str(i): rules.text(i) for i, rules in enumerate(self.recount.rules, 1)}
        expected |= {f"key:{i}": key_text(key, since) for i, (since, key) in enumerate(self.recount.keys, 1)}
        claimed = [self.recount.space.name(shard, "rules").encode() for shard, marks in enumerate(self.marks) if marks]
        for name, fields in self._each(sorted(set(names) | set(claimed)), ("HGETALL",)):
            found = {number.decode(): text.decode() for number, text in fields.items()}
            for number in sorted(found.keys() | expected.keys()):
                self.compared += 1
                if found.get(number) != expected.get(number):
                    self._differ(f"{name.decode()} {number}", found.get(number), expected.get(number))

    def _compare_expiry(self, name, expiry, table):
        """Of keys that the recount knows: another may be all zeros, where a displaced order took its own back."""
        expected = max(self.recount.expiries.get(name.decode(), {-1}))
        if name.decode() in table and expiry not in (expected, -2):  # -2: there is no such key
            self._differ(f"{name.decode()} expires", expiry, expected)

    def _compare_figures(self, name, actual, expected):
        for counter in sorted(actual.keys() | expected.keys()):
            self.compared += 1
            if actual.get(counter, "0") != str(expected.get(counter, 0)):
                self._differ(f"{name.decode()} {counter}", actual.get(counter), expected.get(counter, 0))

    def _compare_hashes(self, actual):
        table = self.recount.hashes
        for name, fields, expiry in self._each(self._expected_names(table, actual), ("HGETALL",), ("EXPIRETIME",)):
            faulted, found = self.faulted.get(name.decode(), {}), {}
            if isinstance(fields, dict):
                found = {counter.decode(): text.decode() for counter, text in fields.items()}
            for counter, delta in faulted.items():
                found[counter] = str(int(found.get(counter, 0)) + delta)
            self._compare_figures(name, found, table.get(name.decode(), {}))
            self._compare_expiry(name, expiry, table)

    def _compare_tops(self, actual):
        table = self.recount.tops
        names = self._expected_names(table, actual)
        for name, members, expiry in self._each(names, ("ZRANGE", 0, -1, "WITHSCORES"), ("EXPIRETIME",)):
            flat = [m for pair in members for m in pair] if members and isinstance(members[0], (list, tuple)) else members
            found = {m.decode(): f"{float(s):.0f}" for m, s in zip(flat[::2], flat[1::2])}
            expected = {m.decode(): score for m, score in table.get(name.decode(), {}).items()}
            self._compare_figures(name, found, expected)
            self._compare_expiry(name, expiry, table)

    def _compare_reach(self, actual):
        table = self.recount.reached
        names = self._expected_names(table, actual)
        for chunk in _chunks(names, 100):
            pipeline = self.client.pipeline(transaction=False)
            for name in chunk:
                scratch = SCRATCH + name
                for people in _chunks(sorted(table.get(name.decode(), ())), 1000):
                    pipeline.pfadd(scratch, *people)
                pipeline.expire(scratch, 60)
            pipeline.execute()
            counts = self._each([SCRATCH + name for name in chunk], ("PFCOUNT",))
            for (name, found, expiry), (_, expected) in zip(self._each(chunk, ("PFCOUNT",), ("EXPIRETIME",)), counts):
                self.compared += 1
                if found != expected:
                    self._differ(name.decode(), found, expected)
                self._compare_expiry(name, expiry, table)
            self.client.delete(*(SCRATCH + name for name in chunk))

    def _compare_orders(self, actual):
        expected = defaultdict(dict)  # key: order's hash: (rank, occurred_at)
        lowest = [min((m.time_ms for m in marks.values()), default=0) for marks in self.marks]
        trim = {}
        for (shard, account, order), copies in self.recount.orders.items():
            occurred_at, event_id = copies[0][:2]
            name = self.recount.space.name(shard, "orders", account).encode()
            order_hash = xxhash.xxh3_128_hexdigest(order)
            expected[name][order_hash] = (f"{occurred_at:016}{event_id.hex()}", occurred_at)
            trim[name] = lowest[shard] - ORDER_TRIM_MS
        for name, fields in self._each(sorted(set(actual) | set(expected)), ("HGETALL",)):
            found = {order.decode(): entry.split(b" ", 1)[0].decode() for order, entry in fields.items()}
            for order, (rank, occurred_at) in expected[name].items():
                self.compared += 1
                if found.get(order) != rank and (order in found or occurred_at >= trim[name]):
                    self._differ(f"{name.decode()} {order}", found.get(order), rank)
            for order in found.keys() - expected[name].keys():
                self._differ(f"{name.decode()} {order}", found[order], None)


def summary(comparison, most=40):
    lines = comparison.differences[:most]
    if len(comparison.differences) > most:
        lines.append(f"... and {len(comparison.differences) - most} more")
    return "\n".join([f"{comparison.compared} figures compared, {len(comparison.differences)} differ", *lines])
