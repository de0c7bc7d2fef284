"""The dead-letter topic held against what a recount refuses: one letter for each refused event, with the original's bytes."""
from harness.frames import parts_of
from harness.log import read_log


def letters_of(deployment):
    """{topic/partition/offset/index: letter} of the dead-letter topic."""
    records = [r for part in read_log(deployment.bootstrap, f"{deployment.topic}.dlq").values() for r in part]
    return {record.key.decode(): record for record in records}


def _original(record, index):
    """What a letter holds: the record's value, or of one event of a batch its own bytes as they stand there."""
    return record.value if int(index) < 0 else parts_of(record.value)[int(index)]


def check_letters(deployment, recount):
    log = {(p, r.offset): r for p, part in read_log(deployment.bootstrap, deployment.topic).items() for r in part}
    letters = letters_of(deployment)
    expected = {f"{deployment.topic}/{p}/{offset}/{index}": (reason, log[p, offset])
                for p, offset, index, reason in recount.refused}
    assert letters.keys() == expected.keys(), sorted(letters.keys() ^ expected.keys())[:20]
    for key, (reason, original) in expected.items():
        letter, (_, partition, offset, index) = letters[key], key.rsplit("/", 3)
        headers = {name: value.decode() for name, value in letter.headers.items() if name != "clameur-key"}
        assert headers["clameur-reason"] == reason, key
        assert headers["clameur-topic"] == deployment.topic
        assert (headers["clameur-partition"], headers["clameur-offset"], headers["clameur-index"]) == (partition, offset, index)
        assert headers["clameur-time"] == str(original.time_ms)
        value = _original(original, index)
        assert headers["clameur-size"] == str(len(value or b""))
        if "clameur-truncated" not in headers:
            assert letter.value == value, key
        framed = original.value and original.value[0] == 0 and value != original.value
        assert headers.get("clameur-schema") == (str(int.from_bytes(original.value[1:5], "big")) if framed else None)
        assert letter.headers.get("clameur-key") == original.key
    return letters
