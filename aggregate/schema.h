// The FileDescriptorSet of snapshot.proto that tests/contract holds the contract to, within this program
// (schema.S).
#pragma once

extern const char schema_begin[], schema_end[];
