"""SipHash-2-4 with 128 bits, after Aumasson and Bernstein's reference: the pseudonyms, computed a second time."""
import struct
from functools import lru_cache

_MASK = (1 << 64) - 1


def _rounds(v0, v1, v2, v3, count):
    for _ in range(count):
        v0 = v0 + v1 & _MASK
        v1 = (v1 << 13 & _MASK | v1 >> 51) ^ v0
        v0 = v0 << 32 & _MASK | v0 >> 32
        v2 = v2 + v3 & _MASK
        v3 = (v3 << 16 & _MASK | v3 >> 48) ^ v2
        v0 = v0 + v3 & _MASK
        v3 = (v3 << 21 & _MASK | v3 >> 43) ^ v0
        v2 = v2 + v1 & _MASK
        v1 = (v1 << 17 & _MASK | v1 >> 47) ^ v2
        v2 = v2 << 32 & _MASK | v2 >> 32
    return v0, v1, v2, v3


@lru_cache(maxsize=100_000)
def siphash_128(key, text):
    k0, k1 = struct.unpack("<QQ", key)
    v = (k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D ^ 0xEE, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573)
    padded = text + bytes(-(len(text) + 1) % 8) + bytes([len(text) & 255])
    for (word,) in struct.iter_unpack("<Q", padded):
        v = _rounds(v[0], v[1], v[2], v[3] ^ word, 2)
        v = (v[0] ^ word, *v[1:])
    v = _rounds(v[0], v[1], v[2] ^ 0xEE, v[3], 4)
    low = v[0] ^ v[1] ^ v[2] ^ v[3]
    v = _rounds(v[0], v[1] ^ 0xDD, v[2], v[3], 4)
    return struct.pack("<QQ", low, v[0] ^ v[1] ^ v[2] ^ v[3])


def actor_pseudonym(key, platform, actor_id):
    return siphash_128(key, b"\x01" + struct.pack("<I", platform) + actor_id)


def person_pseudonym(key, person_id):
    return siphash_128(key, b"\x02" + bytes(4) + person_id)
