#include "runtime/sha256.h"

#include <openssl/evp.h>

#include "runtime/check.h"

void sha256_init(struct sha256 *s) {
    s->context = EVP_MD_CTX_new();
    CHECK(s->context != NULL && EVP_DigestInit_ex(s->context, EVP_sha256(), NULL) == 1);
}

void sha256_fini(struct sha256 *s) {
    EVP_MD_CTX_free(s->context);
    s->context = NULL;
}

void sha256_add(struct sha256 *s, struct slice bytes) {
    CHECK(EVP_DigestUpdate(s->context, bytes.at, bytes.length) == 1);
}

void sha256_end(struct sha256 *s, unsigned char sum[SHA256_SIZE]) {
    CHECK(EVP_DigestFinal_ex(s->context, sum, NULL) == 1);
}

void sha256_of(struct slice bytes, unsigned char sum[SHA256_SIZE]) {
    CHECK(EVP_Digest(bytes.at, bytes.length, sum, NULL, EVP_sha256(), NULL) == 1);
}
