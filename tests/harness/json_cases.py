"""The texts of tests/unit/json_cases.h, on which every reader of protobuf-JSON must agree."""
import re

from harness.places import ROOT

_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(rb"\\(x[0-9a-f]{2}|.)")


def _bytes(literals):
    """C's adjacent string literals as the bytes they stand for."""
    return b"".join(_ESCAPE.sub(lambda m: bytes([int(m[1][1:], 16)]) if m[1][:1] == b"x" else m[1], text.encode())
                    for text in _TEXT.findall(literals))


def json_cases():
    """[(text, the reason why it is refused or None)]."""
    rows = re.findall(r'\{((?:\s*"(?:[^"\\]|\\.)*")+),\s*REJECT_(\w+)', (ROOT / "tests" / "unit" / "json_cases.h").read_text())
    cases = [(_bytes(literals), None if reject == "NONE" else reject.lower()) for literals, reject in rows]
    return [(text if text.startswith(b"{") else b'{"event_id": "%s"}' % text, reason) for text, reason in cases]
