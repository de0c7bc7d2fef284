"""From a record's bytes to events, read a second time: framings, batches, protobuf-JSON, and the bounds on all of them.

Written from event.proto's head and the contracts in stream/decode.h and stream/decode_json.h alone. Left out is the bound on
what protobuf-c may allocate, which a stream of honest events never meets.
"""
import base64
import binascii
import json
import math
import re
import sys

from google.protobuf.message import DecodeError

from harness.registry import RawEvent

JSON_MAX = 16 << 20
JSON_LEVELS_MAX = 2048
BATCH_EVENTS_MAX = 65535
BATCH_FIELD, LENGTH_TYPE = 127, 2
INT32, UINT32, INT64 = (-2**31, 2**31 - 1), (0, 2**32 - 1), (-2**63, 2**63 - 1)

sys.setrecursionlimit(max(sys.getrecursionlimit(), 10_000))  # json's scanner recurses by level


class Refused(Exception):
    """The record as a whole, for the reason given."""


class Undecodable(Refused):
    def __init__(self):
        super().__init__("undecodable")


def read_events(value, max_event_bytes, max_message_bytes):
    """The events of a record's value, as RawEvents; raises Refused."""
    if value is None:
        raise Refused("null_value")
    if not value:
        raise Refused("empty")
    if len(value) > min(max_message_bytes, max_event_bytes * BATCH_EVENTS_MAX):
        raise Refused("oversized")
    if value[:1] == b"{":
        return _read_json(value, max_event_bytes)
    if value[:1] == b"\0":
        is_batch, value = _unframe(value)
    else:
        is_batch = _first_number(value) == BATCH_FIELD
    if is_batch:
        return _read_batch(value, max_event_bytes)
    _bound(len(value), max_event_bytes)
    return [_read_event(value)]


def parts_of(value):
    """The bytes of each event of a decodable record, as they stand there: of a single event the value with its frame."""
    if value[:1] == b"{":
        return [part.encode() for part in _json_parts(value.decode())] or [value]
    is_batch, inside = _unframe(value) if value[:1] == b"\0" else (_first_number(value) == BATCH_FIELD, value)
    return _batch_parts(inside) if is_batch else [value]


def _batch_parts(value):
    return [content for number, kind, content in _fields(value) if (number, kind) == (BATCH_FIELD, LENGTH_TYPE)]


def _json_parts(text):
    """The texts of the elements of `events`."""
    decode = json.JSONDecoder().raw_decode
    skip = re.compile(r"[ \t\n\r]*[,:{[]?[ \t\n\r]*").match  # one mark between two values
    at = skip(text, 0).end()
    while text[at] != "}":
        key, at = decode(text, at)
        start = skip(text, at).end()
        value, at = decode(text, start)
        if key == "events" and isinstance(value, list):
            return _elements(text, start, len(value), decode, skip)
        at = skip(text, at).end()
    return []


def _elements(text, at, count, decode, skip):
    parts = []
    for _ in range(count):
        start = skip(text, at).end()
        at = decode(text, start)[1]
        parts.append(text[start:at])
    return parts


def _bound(size, most):
    if size > most:
        raise Refused("oversized")


def _bound_batch(count):
    if not 1 <= count <= BATCH_EVENTS_MAX:
        raise Refused("batch_too_long")


# --- Protobuf

def _varint(value, at, most=2**64 - 1, bytes_most=10):
    """A varint and where it ends."""
    number = 0
    for shift in range(0, 7 * bytes_most, 7):
        if at >= len(value):
            break
        number |= (value[at] & 127) << shift
        at += 1
        if value[at - 1] < 128:
            if number > most:
                break
            return number, at
    raise Undecodable


def _tag(value, at):
    tag, at = _varint(value, at, 2**32 - 1, 5)
    return tag >> 3, tag & 7, at


def _first_number(value):
    try:
        return _tag(value, 0)[0]
    except Undecodable:
        return 0


def _fields(value):
    """(number, wire type, content) of each field."""
    at = 0
    while at < len(value):
        number, kind, at = _tag(value, at)
        start = at
        if number == 0 or kind not in (0, 1, LENGTH_TYPE, 5):
            raise Undecodable
        if kind == 0:
            _, at = _varint(value, at)
        elif kind == LENGTH_TYPE:
            length, start = _varint(value, at, 2**31 - 1, 5)
            at = start + length
        else:
            at += 8 if kind == 1 else 4
        if at > len(value):
            raise Undecodable
        yield number, kind, value[start:at]


def _read_batch(value, max_event_bytes):
    parts = _batch_parts(value)
    _bound(max(map(len, parts), default=0), max_event_bytes)
    _bound_batch(len(parts))
    return [_read_event(part) for part in parts]


def _read_event(value):
    try:
        event, known = RawEvent.FromString(value), RawEvent.FromString(value)
    except DecodeError:
        raise Undecodable from None
    known.DiscardUnknownFields()
    if known.SerializeToString() != value:  # else every byte is of a known field, in that field's own wire type
        _check(value, RawEvent.DESCRIPTOR)
    return event


def _check(value, descriptor):
    """Each known field in its own wire type, in every message: of another one Python would make an unknown field."""
    for number, kind, content in _fields(value):
        field = descriptor.fields_by_number.get(number)
        if field is None:
            continue
        if kind != (LENGTH_TYPE if field.type in (field.TYPE_BYTES, field.TYPE_MESSAGE) else 0):
            raise Undecodable
        if field.type == field.TYPE_MESSAGE:
            _check(content, field.message_type)


def _unframe(value):
    """Confluent's frame: a zero byte, the schema's number, the indexes of the message in its file. Is it a batch, and the rest."""
    def zigzag(at):
        number, at = _varint(value, at)
        return number >> 1 ^ -(number & 1), at

    depth, at = zigzag(5)
    index = 0
    if depth == 1:
        index, at = zigzag(at)
    if depth not in (0, 1) or index not in (0, 1):
        raise Undecodable
    return index == 1, value[at:]


# --- JSON

def _read_json(value, max_event_bytes):
    _bound(len(value), JSON_MAX)
    root = _parse(value)
    batch = root.get("events")
    if batch is None:
        _bound(len(value), max_event_bytes)
        return [_fill(RawEvent(), root)]
    if not isinstance(batch, list):
        raise Undecodable
    _bound_batch(len(batch))
    events = []
    for part in batch:
        events.append(_fill(RawEvent(), part))
        _bound(events[-1].ByteSize(), max_event_bytes)
    return events


def _parse(value):
    try:
        text = value.decode()
        root = json.loads(text, object_pairs_hook=_object, parse_int=_integer, parse_float=_real, parse_constant=_constant)
        if re.search(r"\\u[dD][89a-fA-F]", text):
            json.dumps(root, ensure_ascii=False).encode()  # half of a pair cannot be encoded
    except (ValueError, RecursionError):
        raise Undecodable from None
    if text.count("[") + text.count("{") >= JSON_LEVELS_MAX and _levels(root) > JSON_LEVELS_MAX:
        raise Undecodable
    return root


def _object(pairs):
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys) or any("\0" in key for key in keys):
        raise ValueError("a key twice, or one with a NUL")
    return dict(pairs)


def _integer(text):
    if len(text) > 20 or not INT64[0] <= int(text) <= INT64[1]:
        raise ValueError("beyond 64 bits")
    return int(text)


def _real(text):
    if math.isinf(float(text)):
        raise ValueError("beyond a double")
    return float(text)


def _constant(text):
    raise ValueError(text)  # NaN, Infinity


def _levels(root):
    deepest, waiting = 0, [(root, 1)]
    while waiting:
        value, level = waiting.pop()
        deepest = max(deepest, level)
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        waiting += ((one, level + 1) for one in inner)
    return deepest


def _fill(message, value):
    if not isinstance(value, dict):
        raise Undecodable
    fields = {name: field for field in message.DESCRIPTOR.fields for name in (field.name, field.json_name)}
    seen, bodies = set(), set()
    for key, inner in value.items():
        field = fields.get(key)
        if field is None or inner is None:
            continue
        if field in seen or field.containing_oneof in bodies:
            raise Undecodable
        seen.add(field)
        bodies |= {field.containing_oneof} - {None}
        _fill_field(message, field, inner)
    return message


def _fill_field(message, field, value):
    if field.is_repeated:
        if not isinstance(value, list):
            raise Undecodable
        inside = getattr(message, field.name)
        for one in value:
            if field.type == field.TYPE_MESSAGE:
                _fill(inside.add(), one)
            else:
                inside.append(_scalar(field, one))
    elif field.type == field.TYPE_MESSAGE:
        inside = getattr(message, field.name)
        inside.SetInParent()
        _fill(inside, value)
    else:
        setattr(message, field.name, _scalar(field, value))


def _scalar(field, value):
    if field.type == field.TYPE_BYTES:
        if not isinstance(value, str):
            raise Undecodable
        return _base64(value) if field.name == "event_id" else value.encode()
    if field.type == field.TYPE_BOOL:
        if not isinstance(value, bool):
            raise Undecodable
        return value
    if field.type == field.TYPE_ENUM:
        if isinstance(value, str):
            numbers = {one.name: one.number for one in field.enum_type.values}  # by whole names, NULs and all
            if value not in numbers:
                raise Undecodable
            return numbers[value]
        return _whole(value, *INT32)
    return _whole(value, *(UINT32 if field.type == field.TYPE_UINT32 else INT64))


def _whole(value, least, most):
    if isinstance(value, str) and len(value) <= 23 and re.fullmatch(r"-?[0-9]+", value):
        value = int(value)
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise Undecodable
    return value


def _base64(text):
    """Either alphabet; up to two = at the end are passed over; no bits may be left over."""
    digits = re.sub(r"={1,2}\Z", "", text).translate(str.maketrans("-_", "+/")) if text.isascii() else "="
    try:
        binary = base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
    except binascii.Error:
        raise Undecodable from None
    if base64.b64encode(binary).decode().rstrip("=") != digits:
        raise Undecodable
    return binary
