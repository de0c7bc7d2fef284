#!/usr/bin/python3
"""Holds event.proto and snapshot.proto against what was promised: the committed descriptor sets, and the registries.

    check.py compatible   nothing that producers or readers rely on was broken since schemas/*.binpb were frozen
    check.py registries   the enums Platform and Kind and the rows of platforms.def and kinds.def say the same
    check.py freeze       commits to the contracts as they are now (schemas/freeze calls this)

Names are part of the contract as numbers are: the JSON form of an event is made of them.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

from google.protobuf import descriptor_pb2

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "schemas"
CONTRACTS = ("event", "snapshot")

Field = descriptor_pb2.FieldDescriptorProto


def compile_proto(path, root):
    with tempfile.NamedTemporaryFile(suffix=".binpb") as out:
        subprocess.run(
            ["protoc", f"--proto_path={root}", f"--descriptor_set_out={out.name}", str(path)], check=True)
        return out.read()


def proto_of(contract):
    return SCHEMAS / "clameur" / "v1" / f"{contract}.proto"


def frozen_of(contract):
    return SCHEMAS / f"{contract}.binpb"


def parse_set(data):
    return descriptor_pb2.FileDescriptorSet.FromString(data)


def types_of(descriptors):
    """All messages and all enums of a set, nested ones too, by full name."""
    messages, enums = {}, {}

    def add(scope, message_types, enum_types):
        enums.update({f"{scope}.{enum.name}": enum for enum in enum_types})
        for message in message_types:
            messages[f"{scope}.{message.name}"] = message
            add(f"{scope}.{message.name}", message.nested_type, message.enum_type)

    for file in descriptors.file:
        add(file.package, file.message_type, file.enum_type)
    return messages, enums


def type_text(field):
    return field.type_name.lstrip(".") or Field.Type.Name(field.type)[len("TYPE_"):].lower()


def label_text(field):
    return Field.Label.Name(field.label)[len("LABEL_"):].lower()


def oneof_of(message, field):
    """The oneof that a field belongs to; the one that `optional` makes for itself is none."""
    if not field.HasField("oneof_index") or field.proto3_optional:
        return None
    return message.oneof_decl[field.oneof_index].name


def reserved_numbers(message):
    return {number for span in message.reserved_range for number in range(span.start, span.end)}


def field_breaks(name, old_message, old, new_message):
    new = next((field for field in new_message.field if field.number == old.number), None)
    if new is None:
        moved = next((field.number for field in new_message.field if field.name == old.name), None)
        if moved is not None:
            yield f"{name}.{old.name} was renumbered from {old.number} to {moved}"
        elif old.number not in reserved_numbers(new_message):
            yield f"{name}.{old.name} was removed; its number {old.number} must be reserved"
        elif old.name not in new_message.reserved_name:
            yield f"{name}.{old.name} was removed; its name must be reserved as well, for the JSON form"
        return
    if new.name != old.name:
        yield f"{name}: field {old.number} was renamed from {old.name} to {new.name}"
    if type_text(new) != type_text(old):
        yield f"{name}.{old.name}: its type changed from {type_text(old)} to {type_text(new)}"
    if new.label != old.label:
        yield f"{name}.{old.name}: its label changed from {label_text(old)} to {label_text(new)}"
    if new.json_name != old.json_name:
        yield f"{name}.{old.name}: its JSON name changed from {old.json_name} to {new.json_name}"
    before, after = oneof_of(old_message, old), oneof_of(new_message, new)
    if before != after:
        yield f"{name}.{old.name} moved from {before or 'no oneof'} to {after or 'no oneof'}"


def message_breaks(name, old, new):
    for field in old.field:
        yield from field_breaks(name, old, field, new)
    for number in sorted(reserved_numbers(old) - reserved_numbers(new)):
        yield f"{name}: {number} is no longer reserved; a retired number never comes back"
    for word in sorted(set(old.reserved_name) - set(new.reserved_name)):
        yield f"{name}: the name {word} is no longer reserved"


def enum_breaks(name, old, new):
    numbers = {value.name: value.number for value in new.value}
    for value in old.value:
        if value.name not in numbers:
            yield f"{name}: {value.name} = {value.number} was removed or renamed; counters of it exist for ever"
        elif numbers[value.name] != value.number:
            yield f"{name}: {value.name} was renumbered from {value.number} to {numbers[value.name]}"


def breaks(old_set, new_set):
    """What in `new_set` would break somebody who relies on `old_set`, a line each."""
    old_messages, old_enums = types_of(old_set)
    new_messages, new_enums = types_of(new_set)
    found = []
    for kind, old, new, compare in (("message", old_messages, new_messages, message_breaks),
                                    ("enum", old_enums, new_enums, enum_breaks)):
        for name, descriptor in old.items():
            if name not in new:
                found.append(f"{kind} {name} was removed or renamed")
            else:
                found.extend(compare(name, descriptor, new[name]))
    return found


def additions(old_set, new_set):
    """Names that `new_set` has and `old_set` has not."""

    def names(descriptors):
        messages, enums = types_of(descriptors)
        return ({*messages, *enums}
                | {f"{name}.{field.name}" for name, message in messages.items() for field in message.field}
                | {f"{name}.{value.name}" for name, enum in enums.items() for value in enum.value})

    return sorted(names(new_set) - names(old_set))


def rows_of(path, macro):
    """(number, ID, name) of each row of a .def table."""
    row = re.compile(rf'^{macro}\((\d+), (\w+), "([^"]*)"', re.MULTILINE)
    return [(int(number), identity, name) for number, identity, name in row.findall(path.read_text())]


def registry_differences(enum, prefix, rows):
    """Where an enum of the contract and a .def table disagree, a line each."""
    listed = {value.number: value.name[len(prefix):] for value in enum.value if value.number != 0}
    table = {number: identity for number, identity, _ in rows}
    found = []
    if len(table) != len(rows):
        found.append(f"{prefix}*: a number stands in two rows")
    for number in sorted(listed.keys() | table.keys()):
        if listed.get(number) != table.get(number):
            found.append(f"{prefix}*: number {number} is {listed.get(number, 'missing')} in event.proto "
                         f"and {table.get(number, 'missing')} in the table")
    found.extend(f'{prefix}{identity}: its row says "{name}" and not "{identity.lower()}"'
                 for _, identity, name in rows if name != identity.lower())
    return found


def report(title, found):
    if not found:
        return 0
    print(f"{title}:", *found, sep="\n  ")
    return 1


def check_compatible():
    code = 0
    for contract in CONTRACTS:
        frozen = parse_set(frozen_of(contract).read_bytes())
        current = parse_set(compile_proto(proto_of(contract), SCHEMAS))
        broken = report(f"{contract}.proto breaks what schemas/{contract}.binpb promised", breaks(frozen, current))
        fresh = additions(frozen, current)
        if not broken and fresh:
            report(f"new in {contract}.proto and not promised yet", fresh)
            print(f"when it is final, run schemas/freeze and commit schemas/{contract}.binpb")
        code |= broken
    return code


def check_registries():
    _, enums = types_of(parse_set(compile_proto(proto_of("event"), SCHEMAS)))
    found = []
    for enum, prefix, macro, table in (("Platform", "PLATFORM_", "PLATFORM", "platforms.def"),
                                       ("Kind", "KIND_", "KIND", "kinds.def")):
        found += registry_differences(enums[f"clameur.v1.{enum}"], prefix, rows_of(SCHEMAS / table, macro))
    return report("event.proto and its registries disagree", found)


def freeze():
    code = 0
    for contract in CONTRACTS:
        data, frozen = compile_proto(proto_of(contract), SCHEMAS), frozen_of(contract)
        found = breaks(parse_set(frozen.read_bytes()), parse_set(data)) if frozen.exists() else []
        if report(f"{contract}.proto is not frozen, for this would break", found):
            code = 1
        elif not frozen.exists() or frozen.read_bytes() != data:
            frozen.write_bytes(data)
            print(f"{frozen.relative_to(ROOT)} written: commit it together with {contract}.proto")
    return code


COMMANDS = {"compatible": check_compatible, "registries": check_registries, "freeze": freeze}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__)
    sys.exit(COMMANDS[sys.argv[1]]())
