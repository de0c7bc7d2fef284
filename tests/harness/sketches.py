"""Sketches as published files have them, read a second time: schemas/snapshot/README.md says the bytes.

A reach stands for different members: registers of 6 bits, each the greatest rank of a member that falls to it. Quantiles stand
for durations: counts by bucket, whose bounds follow from each other.
"""
import math

REGISTERS, EXACT = 1 << 14, 512
LONGEST_MS = 400 * 86400 * 1000
# Four standard errors: of some hundreds of sketches none should be off by more.
ERROR = 4 * 1.04 / math.sqrt(REGISTERS)


def _varints(data):
    value = shift = 0
    for byte in data:
        value, shift = value | (byte & 0x7F) << shift, shift + 7
        if byte < 0x80:
            yield value
            value = shift = 0


def registers(sketch):
    """The registers of a reach without members."""
    form, rest = sketch[0], sketch[1:]
    assert form in (2, 3), "a published reach names its members"
    if form == 3:
        bits = int.from_bytes(rest, "little")
        return [bits >> 6 * i & 63 for i in range(REGISTERS)]
    found, index = [0] * REGISTERS, 0
    for number in _varints(rest):
        index += number >> 6
        found[index] = number & 63
    return found


def estimate(sketch):
    """How many members a reach has, about: counting empty registers while there are many, else their harmonic mean."""
    values = registers(sketch)
    raw = 0.7213 / (1 + 1.079 / REGISTERS) * REGISTERS ** 2 / sum(2.0 ** -v for v in values)
    empty = values.count(0)
    return REGISTERS * math.log(REGISTERS / empty) if raw <= 2.5 * REGISTERS and empty else raw


def _buckets():
    """(middle, last) of each bucket, that of 0 first."""
    found, value = [(0, 0)], 1
    while value <= LONGEST_MS:
        middle = value * 101 // 100
        last = middle * 100 // 99
        found.append((middle, last))
        value = last + 1
    return found


BUCKETS = _buckets()


def quantile(sketch, permille):
    """The middle of the bucket that stands at floor(permille (n - 1) / 1000)."""
    assert sketch[0] == 1
    numbers = list(_varints(sketch[1:]))
    place, bucket = permille * (sum(numbers[1::2]) - 1) // 1000, 0
    for step, count in zip(numbers[::2], numbers[1::2]):
        bucket += step
        if place < count:
            return BUCKETS[bucket][0]
        place -= count
    raise AssertionError("a sketch of nothing")


def check_reach(row, members):
    """A row of `reach` against its members."""
    count, sketch = row
    assert count == members if members <= EXACT else abs(count - members) <= ERROR * members, (count, members)
    assert abs(estimate(sketch) - members) <= max(ERROR * members, 2), (estimate(sketch), members)


def check_quantiles(row, durations):
    """A row of `quantiles` against its durations."""
    count, sketch = row
    ordered = sorted(min(max(d, 0), LONGEST_MS) for d in durations)
    assert count == len(ordered)
    for permille in (0, 500, 900, 990, 1000):
        exact = ordered[permille * (count - 1) // 1000]
        assert abs(quantile(sketch, permille) - exact) <= exact / 100, (permille, exact)
