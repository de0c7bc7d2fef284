"""The records of tests/unit/json_cases.h and wire_cases.h, on which every reader must agree."""
import re

from harness.places import ROOT

_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
_TEXTS = r'(?:\s*"(?:[^"\\]|\\.)*")+'
_ESCAPE = re.compile(rb"\\(x[0-9a-f]{2}|.)")


def _bytes(literals):
    """C's adjacent string literals as the bytes they stand for."""
    return b"".join(_ESCAPE.sub(lambda m: bytes([int(m[1][1:], 16)]) if m[1][:1] == b"x" else m[1], text.encode())
                    for text in _TEXT.findall(literals))


def _rows(file, texts):
    """[(bytes, the reason why the record is refused or None)]."""
    rows = re.findall(rf"\{{{texts},\s*REJECT_(\w+)", (ROOT / "tests" / "unit" / file).read_text())
    return [(_bytes(literals), None if reject == "NONE" else reject.lower()) for literals, reject in rows]


def wire_cases():
    return _rows("wire_cases.h", rf"BYTES\(({_TEXTS})\)")


def json_cases():
    cases = _rows("json_cases.h", f"({_TEXTS})")
    return [(text if text.startswith(b"{") else b'{"event_id": "%s"}' % text, reason) for text, reason in cases]
