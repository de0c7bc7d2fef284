"""Writes what Python's zoneinfo says of the zones of a folder, for test_zone.c: lines of

    offset ZONE INSTANT SECONDS      how far the clocks are east of Greenwich
    day ZONE DAY START               the first instant at which they show the day's midnight or later
    in ZONE INSTANT DAY              the day that the instant is in, by those starts

A day's start is found by its definition alone, from the changes of offset, which are found by asking twice a day.
"""
import bisect
import random
import sys
from datetime import datetime, timezone
from zoneinfo import ZoneInfo, available_timezones, reset_tzpath

ASKED_S, DAY_S, OFFSET_MOST = 12 * 3600, 86400, 26 * 3600
FIRST, END, FAR_END = -3 * 366 * DAY_S, 75 * 366 * DAY_S, 131 * 366 * DAY_S  # 1967, 2045, 2101
CLOSELY = """America/Sao_Paulo America/New_York America/St_Johns America/Havana Africa/Casablanca Africa/Cairo Asia/Gaza
Asia/Kathmandu Asia/Tehran Australia/Lord_Howe Europe/Dublin Europe/Paris Pacific/Apia Pacific/Chatham
Pacific/Kwajalein America/Nuuk""".split()


def offset(zone, instant):
    return int(datetime.fromtimestamp(instant, zone).utcoffset().total_seconds())


def changes(zone):
    """(instant, offset from then on), beginning with the first instant of all."""
    found = [(FIRST, offset(zone, FIRST))]
    for instant in range(FIRST + ASKED_S, END, ASKED_S):
        if offset(zone, instant) == found[-1][1]:
            continue
        before, after = instant - ASKED_S, instant
        while after - before > 1:
            middle = (before + after) // 2
            if offset(zone, middle) == found[-1][1]:
                before = middle
            else:
                after = middle
        found.append((after, offset(zone, after)))
    return found


def start(found, day):
    midnight = day * DAY_S
    at = bisect.bisect(found, (midnight - OFFSET_MOST, OFFSET_MOST)) - 1
    while True:
        begun, east = found[at]
        end = found[at + 1][0] if at + 1 < len(found) else END + DAY_S
        if max(begun, midnight - east) < end:
            return max(begun, midnight - east)
        at += 1


def look_closely(name, chance):
    zone = ZoneInfo(name)
    found = changes(zone)
    for instant, east in found[1:]:
        for near in (instant - 1, instant):
            print("offset", name, near, offset(zone, near))
        for day in range((instant + east) // DAY_S - 1, (instant + east) // DAY_S + 3):
            print("day", name, day, start(found, day))
            print("in", name, *inside(found, start(found, day)))
            print("in", name, *inside(found, start(found, day) - 1))
    for _ in range(300):
        instant = chance.randrange(FIRST + 3 * DAY_S, END - 3 * DAY_S)
        print("in", name, *inside(found, instant))


def inside(found, instant):
    """The instant and its day: the last that begins at or before it."""
    day = instant // DAY_S + 2
    while start(found, day) > instant:
        day -= 1
    return instant, day


def main(folder):
    reset_tzpath([folder])
    chance = random.Random(1)
    names = sorted(available_timezones() - {"localtime"})
    for name in names:
        zone = ZoneInfo(name)
        for _ in range(40):
            instant = chance.randrange(FIRST, FAR_END)
            print("offset", name, instant, offset(zone, instant))
    for name in CLOSELY:
        if name in names:
            look_closely(name, chance)


main(sys.argv[1])
