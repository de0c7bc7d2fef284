"""The contract, read anew: the .proto through protoc's descriptor, the .def tables by their rows."""
import hashlib
import re

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from harness.places import CACHE, ROOT
from harness.process import run

SCHEMAS = ROOT / "schemas"


def rows(table, macro):
    """The arguments of every `macro(...)` row of schemas/<table>.def, strings without their quotes."""
    text = (SCHEMAS / f"{table}.def").read_text()
    found = re.findall(rf"^{macro}\((.*)\)$", text, re.MULTILINE)
    return [[a.strip().strip('"') for a in re.findall(r'"[^"]*"|[^,]+', row)] for row in found]


PLATFORMS = {int(number): name for number, _, name in rows("platforms", "PLATFORM")}
KINDS = {int(number): (name, counter, int(weight)) for number, _, name, counter, weight in rows("kinds", "KIND")}
KIND_NUMBERS = {name: number for number, (name, _, _) in KINDS.items()}
OPTIONS = {row[1]: row[3] for row in rows("options", "OPTION")}


def platform_name(number):
    return PLATFORMS.get(number, f"platform_{number}")


def _descriptors():
    proto = SCHEMAS / "clameur" / "v1" / "event.proto"
    compiled = CACHE / f"event-{hashlib.sha256(proto.read_bytes()).hexdigest()[:12]}.binpb"
    if not compiled.exists():
        CACHE.mkdir(exist_ok=True)
        run(["protoc", f"--proto_path={SCHEMAS}", f"--descriptor_set_out={compiled}", proto], SCHEMAS)
    return descriptor_pb2.FileDescriptorSet.FromString(compiled.read_bytes())


def _classes(descriptors):
    pool = descriptor_pool.DescriptorPool()
    for file in descriptors.file:
        pool.Add(file)
    return [message_factory.GetMessageClass(pool.FindMessageTypeByName(f"clameur.v1.{name}"))
            for name in ("Event", "EventBatch")]


def _strings_as_bytes(messages):
    for message in messages:
        for field in message.field:
            if field.type == field.TYPE_STRING:
                field.type = field.TYPE_BYTES
        _strings_as_bytes(message.nested_type)


_set = _descriptors()
Event, EventBatch = _classes(_set)
# The same messages with every string as bytes: one event with a string that is not UTF-8 is one bad event, and the others
# of its batch are read all the same.
for _file in _set.file:
    _strings_as_bytes(_file.message_type)
RawEvent, _ = _classes(_set)
