"""KPIs from counters, by schemas/kpis.def alone: the independent computation that `show` is held against."""
import re
from collections import defaultdict

import pytest

from harness import sketches
from harness.registry import KINDS, platform_name, rows
from harness.siphash import actor_pseudonym

FORMATS = {"post": 1, "image": 2, "carousel": 3, "video": 4, "short_video": 5, "story": 6, "live": 7, "audio_live": 8}
WEIGHTS = {counter: weight for _, counter, weight in KINDS.values() if counter}
BY_CURRENCY = {row[1] for row in rows("counters", "COUNTER") if row[2] == "1"}
KPIS = [dict(zip(("id", "platform", "format", "name", "version", "numerator", "denominator", "objective", "unit"), row))
        for row in rows("kpis", "KPI")]


def terms(text):
    """[(factor, name)] of "likes + 2 replies - unfollows"."""
    return [((-1 if sign == "-" else 1) * int(factor or 1), name)
            for sign, factor, name in re.findall(r"([+-]?)\s*(\d+)?\s*([a-z][a-z_0-9]*)", text)]


def of_platform(platform):
    """The platform's own, and those of every platform that it has no own of with that name."""
    own = {kpi["name"] for kpi in KPIS if kpi["platform"] == platform}
    return [kpi for kpi in KPIS if kpi["platform"] == platform or kpi["platform"] == "*" and kpi["name"] not in own]


def _is_money(kpi):
    return any(name in BY_CURRENCY for side in ("numerator", "denominator") for _, name in terms(kpi[side]))


def _side(text, counters, currency, reach):
    """None where it is not known."""
    if text == "":
        return 1
    total = 0
    for factor, name in terms(text):
        if name == "reach" and reach is None:
            return None
        if name == "reach":
            total += factor * reach
        elif name == "weighted":
            total += factor * sum(weight * counters[counter] for counter, weight in WEIGHTS.items())
        else:
            total += factor * counters[f"{name}:{currency}" if name in BY_CURRENCY else name]
    return total


def figures(table, reach):
    """{(account, platform, kpi, currency): (numerator, denominator)} of all rows of TOTALS ({key: {counter: value}}, the keys as
    Windows.table has them) where a side is known and not 0. `reach`: actors by (account, platform's name),
    of those that have any."""
    sums, formats = defaultdict(lambda: defaultdict(int)), defaultdict(lambda: defaultdict(int))
    for (name, account, platform, _, form, _, _), counters in table:
        if name == "totals":
            for counter, value in counters.items():
                sums[account, platform_name(platform)][counter] += value
                formats[account, platform_name(platform), form][counter] += value
    found = {}
    for (account, platform), counters in sums.items():
        for kpi in of_platform(platform):
            source = formats[account, platform, FORMATS[kpi["format"]]] if kpi["format"] else counters
            currencies = sorted({c.split(":")[1] for c in source if ":" in c}) if _is_money(kpi) else [None]
            for currency in currencies:
                reached = None if kpi["format"] else reach.get((account, platform))
                sides = tuple(_side(kpi[side], source, currency, reached) for side in ("numerator", "denominator"))
                if sides[0] or (sides[1] and kpi["denominator"]):
                    found[account, platform, kpi["name"], currency] = sides
    return found


def reached(expected, key):
    """{(account, platform's name): how many a sketch of all windows tells}, and about so many there are; those of one window alone
    are known while they are few."""
    found, windows, counted = defaultdict(set), defaultdict(int), {}
    for window in expected.windows.values():
        for (account, platform, name), who in window.seen.items():
            if name == "actors":
                found[account, platform] |= who
                windows[account, platform] += 1
    for (account, platform), who in found.items():
        count = sketches.estimate(sketches.registers_of(actor_pseudonym(key, platform, actor) for actor in who))
        assert sketches.is_near(count, len(who)), (account, platform, count, len(who))
        is_known = windows[account, platform] == 1 and len(who) <= sketches.EXACT
        counted[account, platform_name(platform)] = len(who) if is_known else round(count)
    return counted


def check_shown(shown, expected, key):
    """Rows of `show` over all windows (Windows), by account and platform, against the log's. Returns how many KPIs say something."""
    wanted = figures([item for start in expected.windows for item in expected.table(start).items()], reached(expected, key))
    by_key = {(row["account"], row["platform"], row["kpi"], row["currency"]): row for row in shown}
    assert len(by_key) == len(shown) and wanted.keys() <= by_key.keys()
    for name, row in by_key.items():
        sides, said = wanted.get(name), (row["numerator"], row["denominator"])
        if sides is None:
            assert not row["numerator"], row
        else:
            assert said == sides, (row, sides)
        ratio = said[0] / said[1] if None not in said and said[1] else None
        assert row["ratio"] is None if ratio is None else row["ratio"] == pytest.approx(ratio), row
    return len(wanted)
