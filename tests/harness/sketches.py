"""Sketches as published files have them, read a second time: schemas/snapshot/README.md says the bytes.

A reach stands for different members: registers of 6 bits, each the greatest rank of a member that falls to it. Quantiles stand
for durations: counts by bucket, whose bounds follow from each other.
"""
import math

REGISTERS, EXACT = 1 << 14, 512
MEMBER_SIZES = {1: 16, 4: 16 + 2}  # by a reach's form: of a set, and of one whose members have their classes
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


def count_of(row):
    """Of how many members, or durations, a row of the reader's tells; None where only registers do."""
    sketch = row["sketch"]
    if row["table"] == "quantiles":
        return sum(list(_varints(sketch[1:]))[1::2])
    size = MEMBER_SIZES.get(sketch[0])
    return (len(sketch) - 1) // size if size else row["reached"] or None


def _raised(sketch):
    """Of a reach without members, the registers that are not 0: {index: value}"""
    form, rest = sketch[0], sketch[1:]
    assert form in (2, 3), "a published reach names its members"
    if form == 3:
        bits = int.from_bytes(rest, "little")
        return {i: value for i in range(REGISTERS) if (value := bits >> 6 * i & 63)}
    found, index = {}, 0
    for number in _varints(rest):
        index += number >> 6
        found[index] = number & 63
    assert index < REGISTERS
    return {index: value for index, value in found.items() if value}


def _raised_by(pseudonyms):
    """The same of a reach that has these members: the first 14 bits say which, the zeros behind them its value."""
    found = {}
    for pseudonym in pseudonyms:
        rest = int.from_bytes(pseudonym[:8], "big") & (1 << 50) - 1
        index = int.from_bytes(pseudonym[:2], "big") >> 2
        found[index] = max(found.get(index, 0), 51 - rest.bit_length())
    return found


def _all(raised):
    return [raised.get(index, 0) for index in range(REGISTERS)]


def registers(sketch):
    """The registers of a reach without members."""
    return _all(_raised(sketch))


def registers_of(pseudonyms):
    """The registers of a reach that has these members."""
    return _all(_raised_by(pseudonyms))


def estimate(values):
    """How many members a reach with these registers has, about: the improved raw estimator of Ertl's paper, for registers none of which
    is at its end. Of few members it is off by as many as share a register with another."""
    share = values.count(0) / REGISTERS
    zeros = math.inf if share == 1 else share + sum(share ** 2 ** k * 2 ** (k - 1) for k in range(1, 40))
    alpha = 1 / (2 * math.log(2))
    return alpha * REGISTERS ** 2 / (REGISTERS * zeros + sum(2.0 ** -v for v in values if v))


def is_near(count, members):
    """Is that count of a sketch within its error of how many there are?"""
    return abs(count - members) <= max(ERROR * members, 2)


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


def middle(duration):
    """What stands for it: the middle of its bucket."""
    return next(middle for middle, last in BUCKETS if duration <= last or last == BUCKETS[-1][1])


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


def check_reach(row, pseudonyms):
    """A row of `reach` against its members: the sketch is theirs to the last register."""
    (count, sketch), members = row, len(pseudonyms)
    assert count == members if members <= EXACT else abs(count - members) <= ERROR * members, (count, members)
    assert _raised(sketch) == _raised_by(pseudonyms)  # of most, few registers are not 0


def check_quantiles(row, durations):
    """A row of `quantiles` against its durations."""
    count, sketch = row
    ordered = sorted(min(max(d, 0), LONGEST_MS) for d in durations)
    assert count == len(ordered)
    for permille in (0, 500, 900, 990, 1000):
        exact = ordered[permille * (count - 1) // 1000]
        assert abs(quantile(sketch, permille) - exact) <= exact / 100, (permille, exact)
