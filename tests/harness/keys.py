"""The names of keys in Redis, computed a second time: shards, their hash tags, and the encoding of ids."""
import binascii
from functools import cache, lru_cache

SLOTS = 1 << 14


def crc16(text):
    return binascii.crc_hqx(text, 0)


def shard_of(account, shards):
    return crc16(account.encode()) % shards


@cache
def shard_tags(shards):
    """For each shard the smallest decimal number whose slot is the shard's 14 bits mirrored."""
    wanted = {int(f"{shard:014b}"[::-1], 2): shard for shard in range(shards)}
    tags, number = {}, 0
    while len(tags) < shards:
        shard = wanted.get(crc16(str(number).encode()) % SLOTS)
        if shard is not None and shard not in tags:
            tags[shard] = str(number)
        number += 1
    return [tags[shard] for shard in range(shards)]


@lru_cache(maxsize=100_000)
def encode(text):
    for byte in "%:{}":
        text = text.replace(byte, f"%{ord(byte):02X}")
    return text


class KeySpace:
    def __init__(self, prefix="clm", shards=64):
        self.prefix, self.shards, self.tags = prefix, shards, shard_tags(shards)

    @lru_cache(maxsize=100_000)
    def name(self, shard, family, *parts):
        """`parts` that are texts are ids; numbers (times) and names of the registry stand as they are."""
        return ":".join([f"{self.prefix}:{{{self.tags[shard]}}}:{family}", *(encode(str(p)) for p in parts)])
