#include "stream/murmur2.h"

#include "runtime/check.h"

// org.apache.kafka.common.utils.Utils.murmur2: little endian, its own seed.
uint32_t murmur2(struct slice bytes) {
    const uint32_t seed = 0x9747b28c, m = 0x5bd1e995;
    const unsigned char *at = (const unsigned char *)bytes.at;
    size_t length = bytes.length;
    uint32_t h = seed ^ (uint32_t)length;

    for (; length >= 4; length -= 4, at += 4) {
        uint32_t k = (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        k *= m;
        k ^= k >> 24;
        k *= m;
        h *= m;
        h ^= k;
    }
    if (length > 0) {
        for (size_t i = 0; i < length; i++)
            h ^= (uint32_t)at[i] << (8 * i);
        h *= m;
    }
    h ^= h >> 13;
    h *= m;
    h ^= h >> 15;
    return h;
}

int32_t murmur2_partition(struct slice key, int32_t partitions) {
    CHECK(partitions > 0);
    return (int32_t)(murmur2(key) & 0x7fffffff) % partitions;
}
