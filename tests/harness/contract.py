"""The contract of events, read a second time: bounds, and what an event adds to which counter (frames.py has the framings).

Written from event.proto and the .def tables alone; nothing of the C sources is used. `open_record` gives a record's events
with the reason why each is refused, or None.
"""
import re
from dataclasses import dataclass
from functools import lru_cache
from math import inf

from harness import registry
from harness.frames import Refused, read_events
from harness.registry import KIND_NUMBERS

LIMIT = 10**17
INT64 = 2**63
TIME_END = 2**53

PURCHASE, REFUND, READING, SPEND, ERASURE = (KIND_NUMBERS[n] for n in
                                             ("purchase", "refund", "reading", "spend", "erasure"))
OWN_BODY = {SPEND: "spend", READING: "reading", ERASURE: "erasure"}
LIVE_KINDS = {KIND_NUMBERS[n] for n in ("live_join", "live_leave", "live_heartbeat", "live_speak")}
REACTIONS = {1: "like", 2: "love", 3: "care", 4: "haha", 5: "wow", 6: "sad", 7: "angry", 8: "celebrate", 9: "support",
             10: "insightful"}
SENTIMENTS = {1: "positive", 2: "neutral", 3: "negative"}
INTENTS = {1: "question", 2: "complaint", 3: "interest"}

# Longest value of each string, in bytes, and of each list.
LONGEST = {
    "Event": {"account_id": 256, "content_id": 512, "actor_id": 512, "campaign_id": 256, "person_id": 512,
              "live_session_id": 256, "tags": 256, "platform_name": 64, "kind_name": 64, "language": 16, "country": 2},
    "Utm": dict.fromkeys(("source", "medium", "campaign", "term", "content"), 256),
    "Reaction": {"emoji": 64},
    "Commerce": {"order_id": 256, "coupon": 256, "acquisition_channel": 64},
    "LineItem": {"product_id": 256, "variant_id": 256, "category": 256},
    "Listening": {"topics": 256, "tracked_brand": 256},
    "Message": {"conversation_id": 256, "channel_id": 256, "template_id": 256},
    "Care": {"case_id": 256, "topic": 256},
    "Lead": {"lead_id": 256},
    "Ar": {"effect_id": 256, "product_id": 256},
    "Poll": {"poll_id": 256, "option_id": 256},
    "Live": {"product_id": 256},
    "ReadingValue": {"counter": 48},
    "Erasure": {"actor_id": 512, "person_id": 512},
    "Web": {"path": 1024, "referrer": 1024, "session_id": 256},
}
MOST = {("Event", "tags"): 16, ("Commerce", "items"): 256, ("Listening", "topics"): 16, ("Reading", "values"): 64}
NOT_NEGATIVE = {
    "View": ("watch_ms", "duration_ms", "position_ms"),
    "Commerce": ("value_micros", "tax_micros", "shipping_micros", "discount_micros", "cost_micros"),
    "LineItem": ("quantity", "unit_price_micros"),
    "Listening": ("audience",),
    "Lead": ("value_micros",),
    "Ar": ("duration_ms",),
    "Live": ("watch_ms", "gift_micros"),
    "Spend": ("cost_micros",),
    "Web": ("dwell_ms",),
}
CURRENCY = re.compile(rb"[A-Z]{3}")
COUNTER_NAME = re.compile(rb"[a-z0-9_]{1,48}")


@dataclass
class Record:
    """A Kafka message."""
    partition: int
    offset: int
    time_ms: int
    key: bytes
    value: bytes
    headers: dict


@lru_cache(maxsize=None)
def _bounds(field):
    """Of a field: is it a message, is it repeated, the most of it, the longest of it (None where that has no bound)."""
    name = field.containing_type.name
    longest = LONGEST.get(name, {}).get(field.name, inf) if field.type == field.TYPE_BYTES and field.name != "event_id" else None
    return field.type == field.TYPE_MESSAGE, field.is_repeated, MOST.get((name, field.name), inf), longest


def _flaws(event):
    """Which of the bounds on strings, lists and numbers the event breaks."""
    flaws, waiting = set(), [event]
    while waiting:
        message = waiting.pop()
        for field, value in message.ListFields():
            is_message, is_repeated, most, longest = _bounds(field)
            values = value if is_repeated else (value,)
            if is_repeated and len(values) > most:
                flaws.add("too_long")
            if is_message:
                waiting += values
            elif longest is not None:
                flaws |= _flaws_of_texts(values, longest, is_repeated)
        name = message.DESCRIPTOR.name
        if name == "Reading" and message.read_at >= TIME_END:
            flaws.add("out_of_range")
        if name == "ReadingValue" and abs(message.value) > LIMIT:
            flaws.add("out_of_range")
        for field in NOT_NEGATIVE.get(name, ()):
            number = getattr(message, field)
            flaws |= {"negative_measure"} if number < 0 else {"out_of_range"} if number > LIMIT else set()
    units = sum(item.quantity for item in event.commerce.items)
    if abs(event.delta) > LIMIT or units >= INT64 or event.occurred_at >= TIME_END:
        flaws.add("out_of_range")
    return flaws


def _flaws_of_texts(texts, longest, is_repeated):
    flaws = set()
    for text in texts:
        if len(text) > longest or is_repeated and not text:
            flaws.add("too_long")
        if not _is_utf8(text):
            flaws.add("bad_utf8")
    return flaws


def _is_utf8(text):
    if text.isascii():
        return True
    try:
        text.decode()
        return True
    except UnicodeDecodeError:
        return False


def amounts(event):
    """The event's amounts of money with their currency."""
    body = event.WhichOneof("body")
    if body == "commerce":
        c = event.commerce
        return c.currency, [c.value_micros, c.tax_micros, c.shipping_micros, c.discount_micros, c.cost_micros,
                            *(i.unit_price_micros for i in c.items)]
    if body == "lead":
        return event.lead.currency, [event.lead.value_micros]
    if body == "live":
        return event.live.currency, [event.live.gift_micros]
    if body == "spend":
        return event.spend.currency, [event.spend.cost_micros]
    return b"", []


def refusal(event, rules, time_ms):
    """The first reason, in the order of rejects.def, why the event is not counted; None: it is."""
    kind, body, flaws = event.kind, event.WhichOneof("body"), _flaws(event)
    currency, money = amounts(event)
    reading = event.reading
    latest = max(event.occurred_at, reading.read_at if kind == READING else 0)
    checks = [
        ("no_id", len(event.event_id) != 16),
        ("no_time", event.occurred_at <= 0),
        ("future", time_ms and latest > time_ms + rules["max_future_skew"]),
        ("too_old", time_ms and rules["max_past"] >= 0 and event.occurred_at < time_ms - rules["max_past"]),
        ("no_platform", event.platform == 0),
        ("no_kind", kind == 0),
        ("no_account", not event.account_id and kind != ERASURE),
        ("too_long", "too_long" in flaws),
        ("bad_utf8", "bad_utf8" in flaws),
        ("negative_measure", "negative_measure" in flaws),
        ("out_of_range", "out_of_range" in flaws),
        ("no_currency", any(money) and not CURRENCY.fullmatch(currency)),
        ("no_order_id", kind == PURCHASE and not event.commerce.order_id),
        ("bad_delta", kind == PURCHASE and (event.delta or 1) != 1),
        ("no_session", kind in LIVE_KINDS and not event.live_session_id),
        ("bad_reading", kind == READING and body == "reading" and not (
            reading.read_at > 0 and reading.values and all(COUNTER_NAME.fullmatch(v.counter) for v in reading.values))),
        ("bad_body", kind in OWN_BODY and body != OWN_BODY[kind]),
    ]
    return next((reason for reason, holds in checks if holds), None)


def increments(event, rules):
    """What the event adds: the counter of its kind (None where it has none) with its delta, and its measures."""
    delta = event.delta or 1
    counter = registry.KINDS[event.kind][1] if event.kind in registry.KINDS else f"kind_{event.kind}"
    return (counter or None, delta), [(name, value) for name, value in _measures(event, rules, delta) if value]


def _measures(event, rules, delta):
    kind = registry.KINDS.get(event.kind, ("",))[0]
    body = event.WhichOneof("body")
    if body == "view":
        yield "watch_ms", event.view.watch_ms
        if kind == "view" and event.view.from_impression:
            yield "views_from_impressions", delta
    if body == "web":
        yield "dwell_ms", event.web.dwell_ms
    if body == "live":
        yield "live_watch_ms", event.live.watch_ms
        if kind == "gift":
            yield _money("gift_micros", event.live), event.live.gift_micros
    if body == "reaction" and kind == "reaction":
        yield f"reactions_{REACTIONS.get(event.reaction.type, 'other')}", delta
    if body == "listening":
        yield from _listening(event.listening, kind, delta, rules.tracks(event.account_id, event.listening.tracked_brand))
    if body == "spend" and kind == "spend":
        yield _money("spend_micros", event.spend), event.spend.cost_micros
    if body == "lead" and kind == "deal_won":
        yield _money("deal_micros", event.lead), event.lead.value_micros
    if body == "commerce":
        yield from _commerce(event.commerce, kind, delta)


def _money(counter, body):
    return f"{counter}:{body.currency.decode()}"


def _listening(body, kind, delta, is_tracked):
    if kind == "mention":
        if body.tracked_brand:
            yield "mentions_rival" if is_tracked else "mentions_untracked", delta
        elif body.sentiment in SENTIMENTS:
            yield f"mentions_{SENTIMENTS[body.sentiment]}", delta
    if body.intent in INTENTS:
        yield f"intents_{INTENTS[body.intent]}", delta


def _commerce(body, kind, delta):
    units = sum(item.quantity for item in body.items)
    if kind == "purchase":
        yield _money("gross_micros", body), body.value_micros
        yield _money("net_micros", body), body.value_micros
        yield _money("discount_micros", body), body.discount_micros
        yield _money("cost_micros", body), body.cost_micros
        yield "units", units
        if body.customer in (1, 2):
            yield ("new_customers", "returning_customers")[body.customer - 1], 1
    elif kind == "refund":
        yield _money("refunded_micros", body), body.value_micros
        yield _money("net_micros", body), -body.value_micros
    elif kind == "other":
        yield _money("other_micros", body), body.value_micros
    elif kind == "redemption":
        yield _money("redeemed_micros", body), body.value_micros
    elif kind == "delivered":
        yield "units_delivered", units
    elif kind == "returned":
        yield "units_returned", units
    elif kind == "add_to_cart" and body.tried_on:
        yield "carts_tried_on", delta


def open_record(record, rules, max_event_bytes=65536, max_message_bytes=1 << 20):
    """[(index, event, reason)]; a record refused as a whole is [(-1, None, reason)]."""
    try:
        events = read_events(record.value, max_event_bytes, max_message_bytes)
    except Refused as refused:
        return [(-1, None, str(refused))]
    return [(index, event, refusal(event, rules, record.time_ms)) for index, event in enumerate(events)]
