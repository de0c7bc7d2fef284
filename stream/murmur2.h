// Kafka's partitioner: murmur2 of the key, Java's default (librdkafka's murmur2_random).
#pragma once

#include <stdint.h>

#include "runtime/slice.h"

uint32_t murmur2(struct slice bytes);
int32_t murmur2_partition(struct slice key, int32_t partitions); // (murmur2 & 0x7fffffff) % partitions
