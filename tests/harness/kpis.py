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


UNIQUES = {"reach": "actors", "unique_viewers": "live_actors", "unique_listeners": "live_actors", "active_members": "active_members"} | {
    f"reach_{name}": f"actors_{name}" for name in ("paid", "organic", "brand", "ugc", "ambassador", "employee", "advocacy")}
DURATIONS = ("watch_ms", "response_ms", "first_response_ms", "resolution_ms", "cycle_ms")
TOLD = {*UNIQUES, "followers", *(f"{name}.p{p}" for name in DURATIONS for p in (50, 90))}


def terms(text):
    """[(factor, name)] of "likes + 2 replies - unfollows"."""
    return [((-1 if sign == "-" else 1) * int(factor or 1), name)
            for sign, factor, name in re.findall(r"([+-]?)\s*(\d+)?\s*([a-z][a-z_0-9.]*)", text)]


def _is_of(kpi, platform, own):
    general, *but = kpi["platform"].split(" but ")
    return kpi["platform"] == platform or general == "*" and platform not in but and kpi["name"] not in own


def of_platform(platform):
    """The platform's own, and those of every platform that it has no own of with that name."""
    own = {kpi["name"] for kpi in KPIS if kpi["platform"] == platform}
    return [kpi for kpi in KPIS if _is_of(kpi, platform, own)]


def _is_money(kpi):
    return any(name in BY_CURRENCY for side in ("numerator", "denominator") for _, name in terms(kpi[side]))


def _side(text, counters, currency, told):
    """None where it is not known."""
    if text == "":
        return 1
    total = 0
    for factor, name in terms(text):
        if name in TOLD and name not in told:
            return None
        if name in TOLD:
            total += factor * told[name]
        elif name == "weighted":
            total += factor * sum(weight * counters[counter] for counter, weight in WEIGHTS.items())
        else:
            total += factor * counters[f"{name}:{currency}" if name in BY_CURRENCY else name]
    return total


def figures(table, told):
    """{(account, platform, kpi, currency): (numerator, denominator)} of all rows of TOTALS ({key: {counter: value}}, the keys as
    Windows.table has them) where a side is known and not 0. `told`: what is known beside counters, by (account, platform's name)."""
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
                known = {} if kpi["format"] else told.get((account, platform), {})
                sides = tuple(_side(kpi[side], source, currency, known) for side in ("numerator", "denominator"))
                if sides[0] or (sides[1] and kpi["denominator"]):
                    found[account, platform, kpi["name"], currency] = sides
    return found


def _counted(expected, key):
    """{(account, platform, sketch): how many a sketch of all windows tells}, and about so many there are; those of one window alone are
    known while they are few."""
    found, windows, counted = defaultdict(set), defaultdict(int), {}
    for window in expected.windows.values():
        for seen, who in window.seen.items():
            found[seen] |= who
            windows[seen] += 1
    for seen, who in found.items():
        account, platform, name = seen
        if name == "persons":
            continue
        count = sketches.estimate(sketches.registers_of(actor_pseudonym(key, platform, actor) for actor in who))
        assert sketches.is_near(count, len(who)), (seen, count, len(who))
        is_known = windows[seen] == 1 and len(who) <= sketches.EXACT
        counted[account, platform_name(platform), name] = len(who) if is_known else round(count)
    return counted


def _of_uniques(told, counted):
    for (account, platform, name), count in counted.items():
        for term, sketch in UNIQUES.items():
            if sketch == name:
                told[account, platform][term] = count
            elif name == "actors" and term.startswith("reach_"):
                told[account, platform].setdefault(term, 0)  # the class has nobody


def _of_durations(told, expected):
    took = defaultdict(list)
    for window in expected.windows.values():
        for (account, platform, name), durations in window.took.items():
            took[account, platform_name(platform), name] += durations
    for (account, platform, name), durations in took.items():
        ordered = sorted(durations)
        for p in (50, 90):
            told[account, platform][f"{name}.p{p}"] = sketches.middle(ordered[10 * p * (len(ordered) - 1) // 1000])


def _of_readings(told, expected):
    last = {}
    for window in expected.windows.values():
        for (account, platform, content, counter), read in window.read.items():
            if content == "" and counter == "followers":
                last[account, platform] = max(last.get((account, platform), read), read)
    for (account, platform), (_, _, value) in last.items():
        told[account, platform_name(platform)]["followers"] = value


def told_of(expected, key):
    """{(account, platform's name): {term: value}}: what is known of all windows together beside counters."""
    told = defaultdict(dict)
    _of_uniques(told, _counted(expected, key))
    _of_durations(told, expected)
    _of_readings(told, expected)
    return told


def check_shown(shown, expected, key):
    """Rows of `show` over all windows (Windows), by account and platform, against the log's. Returns how many KPIs say something."""
    wanted = figures([item for start in expected.windows for item in expected.table(start).items()], told_of(expected, key))
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
