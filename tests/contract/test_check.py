#!/usr/bin/python3
"""The contract check itself: each way of breaking a producer or a reader must turn it red, and growing must not."""

import pathlib
import tempfile
import unittest

import check

BASE = """
syntax = "proto3";
package demo;

enum Platform {
  PLATFORM_UNKNOWN = 0;
  PLATFORM_X = 5;
  PLATFORM_WEB = 19;
}

message Event {
  reserved 127, 200 to 203;
  reserved "gone";
  bytes event_id = 1;
  int64 occurred_at = 2;
  Platform platform = 3;
  repeated string tags = 4;
  Inner inner = 5;
  oneof body {
    View view = 30;
    Web web = 31;
  }
  message Inner { int64 value = 1; }
}
message View { int64 watch_ms = 1; }
message Web { string path = 1; }
"""


def compiled(text):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "demo.proto"
        path.write_text(text)
        return check.parse_set(check.compile_proto(path, folder))


def variant(*replacements):
    text = BASE
    for old, new in replacements:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return compiled(text)


BREAKING = {
    "field removed": ([("  int64 occurred_at = 2;\n", "")], "its number 2 must be reserved"),
    "field removed, number reserved, name free": (
        [("  int64 occurred_at = 2;", "  reserved 2;")], "its name must be reserved"),
    "field renumbered": ([("occurred_at = 2", "occurred_at = 6")], "renumbered from 2 to 6"),
    "field renumbered, old number reserved": (
        [("int64 occurred_at = 2;", "int64 occurred_at = 6; reserved 2;")], "renumbered from 2 to 6"),
    "two fields swapped": ([("event_id = 1", "event_id = 2"), ("occurred_at = 2", "occurred_at = 1")], "renamed"),
    "field renamed": ([("occurred_at", "happened_at")], "renamed from occurred_at"),
    "type changed": ([("int64 occurred_at", "sint64 occurred_at")], "changed from int64 to sint64"),
    "type changed, same on the wire": ([("int64 occurred_at", "uint64 occurred_at")], "from int64 to uint64"),
    "bytes made a string": ([("bytes event_id", "string event_id")], "from bytes to string"),
    "enum made a number": ([("Platform platform =", "uint32 platform =")], "from demo.Platform to uint32"),
    "message type changed": ([("View view", "Web view")], "from demo.View to demo.Web"),
    "made repeated": ([("int64 occurred_at", "repeated int64 occurred_at")], "from optional to repeated"),
    "no longer repeated": ([("repeated string tags", "string tags")], "from repeated to optional"),
    "JSON name changed": ([("occurred_at = 2", 'occurred_at = 2 [json_name = "at"]')], "JSON name changed"),
    "moved out of a oneof": (
        [("    Web web = 31;\n", ""), ("  Inner inner = 5;", "  Inner inner = 5; Web web = 31;")], "moved from body to no"),
    "moved into a oneof": ([("  Inner inner = 5;\n", ""), ("Web web = 31;", "Web web = 31; Inner inner = 5;")], "to body"),
    "moved to another oneof": (
        [("    Web web = 31;\n  }", "  }\n  oneof other { Web web = 31; }")], "moved from body to other"),
    "enum value removed": ([("  PLATFORM_X = 5;\n", "")], "PLATFORM_X = 5 was removed"),
    "enum value removed and reserved": ([("  PLATFORM_X = 5;", "  reserved 5;")], "PLATFORM_X = 5 was removed"),
    "enum value renumbered": ([("PLATFORM_X = 5", "PLATFORM_X = 6")], "renumbered from 5 to 6"),
    "enum value renamed": ([("PLATFORM_X", "PLATFORM_Y")], "removed or renamed"),
    "reserved number freed": ([("reserved 127, ", "reserved ")], "127 is no longer reserved"),
    "reserved range shrunk": ([("200 to 203", "200 to 202")], "203 is no longer reserved"),
    "reserved number used": ([("reserved 127, ", "reserved "), ("= 2;", "= 2; string more = 127;")], "127 is no longer"),
    "reserved name freed": ([('  reserved "gone";\n', "")], "name gone is no longer reserved"),
    "message removed": ([("message View { int64 watch_ms = 1; }\n", ""), ("    View view = 30;\n", "")], "message demo.View"),
    "nested message broken": ([("int64 value = 1", "int32 value = 1")], "demo.Event.Inner.value"),
    "package renamed": ([("package demo", "package demo2")], "message demo.Event was removed"),
}

GROWING = {
    "nothing": [],
    "a field": [("occurred_at = 2;", "occurred_at = 2; string more = 6;")],
    "a field of a oneof": [("Web web = 31;", "Web web = 31; View second = 32;")],
    "an enum value": [("PLATFORM_WEB = 19;", "PLATFORM_WEB = 19; PLATFORM_MORE = 20;")],
    "a message": [("message Web", "message More { int64 value = 1; } message Web")],
    "a comment": [("int64 occurred_at = 2;", "int64 occurred_at = 2;  // ms")],
    "a field retired properly": [("int64 occurred_at = 2;", 'reserved 2; reserved "occurred_at";')],
    "more reserved": [("200 to 203", "199 to 210")],
    "presence made explicit": [("int64 occurred_at", "optional int64 occurred_at")],
    "another order": [("  bytes event_id = 1;\n  int64 occurred_at = 2;", "  int64 occurred_at = 2;\n  bytes event_id = 1;")],
}


class Compatibility(unittest.TestCase):
    def test_each_break_is_found(self):
        for name, (replacements, expected) in BREAKING.items():
            with self.subTest(name):
                self.assertIn(expected, "\n".join(check.breaks(compiled(BASE), variant(*replacements))))

    def test_growing_is_no_break(self):
        for name, replacements in GROWING.items():
            with self.subTest(name):
                self.assertEqual(check.breaks(compiled(BASE), variant(*replacements)), [])

    def test_additions_are_named(self):
        grown = variant(*GROWING["a field"], *GROWING["an enum value"])
        self.assertEqual(check.additions(compiled(BASE), grown),
                         ["demo.Event.more", "demo.Platform.PLATFORM_MORE"])
        self.assertEqual(check.additions(compiled(BASE), compiled(BASE)), [])

    def test_the_real_contract_is_read(self):
        messages, enums = check.types_of(check.parse_set(check.frozen_of("event").read_bytes()))
        self.assertIn("clameur.v1.Event", messages)
        self.assertGreater(len(enums["clameur.v1.Kind"].value), 80)
        self.assertIn(127, check.reserved_numbers(messages["clameur.v1.Event"]))
        messages, _ = check.types_of(check.parse_set(check.frozen_of("snapshot").read_bytes()))
        self.assertEqual({"clameur.v1.Snapshot", "clameur.v1.Block", "clameur.v1.Trailer"} - messages.keys(), set())


class Registries(unittest.TestCase):
    ROWS = [(5, "X", "x"), (19, "WEB", "web")]

    def differences(self, rows):
        _, enums = check.types_of(compiled(BASE))
        return "\n".join(check.registry_differences(enums["demo.Platform"], "PLATFORM_", rows))

    def test_agreement(self):
        self.assertEqual(self.differences(self.ROWS), "")

    def test_each_disagreement_is_found(self):
        x, web = self.ROWS
        for rows, expected in (
                ([x], "number 19 is WEB in event.proto and missing in the table"),
                ([x, web, (20, "MORE", "more")], "number 20 is missing in event.proto and MORE in the table"),
                ([x, (20, "WEB", "web")], "number 19 is WEB in event.proto and missing"),
                ([(5, "WEB", "web"), (19, "X", "x")], "number 5 is X in event.proto and WEB in the table"),
                ([x, (19, "WEB", "Web")], 'its row says "Web"'),
                ([x, (19, "WEB", "site")], 'its row says "site"'),
                ([x, web, (19, "WEB", "web")], "stands in two rows")):
            with self.subTest(expected):
                self.assertIn(expected, self.differences(rows))

    def test_every_row_of_the_tables_is_read(self):
        for table, macro in (("platforms.def", "PLATFORM"), ("kinds.def", "KIND")):
            path = check.SCHEMAS / table
            written = sum(line.startswith(f"{macro}(") for line in path.read_text().splitlines())
            self.assertEqual(len(check.rows_of(path, macro)), written)
            self.assertGreater(written, 20)


if __name__ == "__main__":
    unittest.main()
