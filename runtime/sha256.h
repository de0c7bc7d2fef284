// SHA-256 of bytes as they come, by libcrypto: with the processor's own instructions, where it has them, it
// is five times as fast as without.
#pragma once

#include "runtime/slice.h"

enum { SHA256_SIZE = 32 };

struct sha256 {
    struct evp_md_ctx_st *context; // libcrypto's
};

void sha256_init(struct sha256 *s);
void sha256_fini(struct sha256 *s);

void sha256_add(struct sha256 *s, struct slice bytes);
// Once; nothing is added afterwards.
void sha256_end(struct sha256 *s, unsigned char sum[SHA256_SIZE]);

void sha256_of(struct slice bytes, unsigned char sum[SHA256_SIZE]);
