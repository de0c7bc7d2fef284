// hiredis moves the bytes, OpenSSL says what is wrong with them: its reasons lie in a queue of the thread
// until they are taken. What a certificate is refused for lies with the connection (redisContext.privdata).

#include "runtime/redis/redis_tls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/check.h"

#ifdef CLAMEUR_REDIS_TLS

#include <arpa/inet.h>
#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

const bool redis_tls_built = true;

static bool is_given(const char *text) {
    return text != NULL && text[0] != '\0';
}

static const char remedy[] = "correct redis.tls.* and redis.url as the message says";

// Of a file: what the system says of it lies first, what OpenSSL makes of its contents last.
static const char *reason_of_file(void) {
    unsigned long first = ERR_peek_error();
    const char *last = ERR_reason_error_string(ERR_peek_last_error());
    if (ERR_SYSTEM_ERROR(first))
        return strerror(ERR_GET_REASON(first));
    return last != NULL ? last : "cannot be read";
}

static enum status refuse(struct problem *p, const char *what, const char *which) {
    enum status status = problem_set(p, STATUS_CONFIG, "CLM-R7", remedy, "no TLS with Redis: %s%s: %s", what,
                                     which, reason_of_file());
    ERR_clear_error();
    return status;
}

// A Redis that goes away says so by closing: RESP tells what was cut off.
static enum status context_make(SSL_CTX **context, const struct redis_tls *tls, struct problem *p) {
    SSL_CTX *c = *context = SSL_CTX_new(TLS_client_method());
    CHECK(c != NULL);
    SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_options(c, SSL_OP_IGNORE_UNEXPECTED_EOF);
    if (is_given(tls->ca_file) && SSL_CTX_load_verify_file(c, tls->ca_file) != 1)
        return refuse(p, "redis.tls.ca_file ", tls->ca_file);
    if (!is_given(tls->ca_file) && SSL_CTX_set_default_verify_paths(c) != 1)
        return refuse(p, "the system's certificates", "");
    if (is_given(tls->cert_file) && SSL_CTX_use_certificate_chain_file(c, tls->cert_file) != 1)
        return refuse(p, "redis.tls.cert_file ", tls->cert_file);
    if (is_given(tls->key_file) && SSL_CTX_use_PrivateKey_file(c, tls->key_file, SSL_FILETYPE_PEM) != 1)
        return refuse(p, "redis.tls.key_file ", tls->key_file);
    return STATUS_OK;
}

// The name that the certificate must bear; an address is not sent beforehand (SNI has names alone).
static void name_expect(SSL *ssl, const char *name) {
    unsigned char bytes[sizeof(struct in6_addr)];
    X509_VERIFY_PARAM *wanted = SSL_get0_param(ssl);
    if (inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1) {
        CHECK(X509_VERIFY_PARAM_set1_ip_asc(wanted, name) == 1);
        return;
    }
    X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    CHECK(X509_VERIFY_PARAM_set1_host(wanted, name, 0) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1);
}

enum status redis_tls_begin(redisContext *c, const struct redis_address *address, const struct redis_tls *tls,
                            struct problem *p) {
    SSL_CTX *context;
    char why[256];
    ERR_clear_error();
    enum status status = context_make(&context, tls, p);
    SSL *ssl = status == STATUS_OK ? SSL_new(context) : NULL;
    SSL_CTX_free(context); // ssl keeps it
    if (status != STATUS_OK)
        return status;
    CHECK(ssl != NULL);
    name_expect(ssl, is_given(tls->server_name) ? tls->server_name : address->host);
    c->privdata = ssl;
    if (redisInitiateSSL(c, ssl) == REDIS_OK)
        return STATUS_OK;
    bool refused = redis_tls_refused(c);
    const char *code = refused ? "CLM-R7" : "CLM-R3";
    status = problem_set(p, refused ? STATUS_CONFIG : STATUS_UNAVAILABLE, code, remedy,
                         "no TLS with Redis at %s:%d: %s", address->host, address->port,
                         redis_tls_error(c, why, sizeof(why)));
    c->privdata = NULL;
    SSL_free(ssl);
    return status;
}

bool redis_tls_on(const redisContext *c) {
    return c->privdata != NULL;
}

bool redis_tls_refused(const redisContext *c) {
    return redis_tls_on(c) && (SSL_get_verify_result(c->privdata) != X509_V_OK ||
                               ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_SSL);
}

const char *redis_tls_error(const redisContext *c, char *out, size_t size) {
    if (!redis_tls_on(c))
        return c->errstr;
    long verified = SSL_get_verify_result(c->privdata);
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    if (verified != X509_V_OK)
        snprintf(out, size, "its certificate is not accepted: %s", X509_verify_cert_error_string(verified));
    else if (reason != NULL)
        snprintf(out, size, "%s", reason);
    else if (!SSL_is_init_finished(c->privdata))
        snprintf(out, size, "it ended, or was silent, before both had agreed on TLS");
    else
        snprintf(out, size, "%s", c->errstr);
    ERR_clear_error();
    return out;
}

bool redis_tls_peek(const redisContext *c, char *first) {
    return SSL_is_init_finished(c->privdata) && SSL_peek(c->privdata, first, 1) == 1;
}

#else

const bool redis_tls_built = false;

enum status redis_tls_begin(redisContext *c, const struct redis_address *address, const struct redis_tls *tls,
                            struct problem *p) {
    CHECK(redis_tls_built);
    return STATUS_OK;
}

const char *redis_tls_error(const redisContext *c, char *out, size_t size) {
    return c->errstr;
}

bool redis_tls_refused(const redisContext *c) {
    return false;
}

bool redis_tls_on(const redisContext *c) {
    return false;
}

bool redis_tls_peek(const redisContext *c, char *first) {
    return false;
}

#endif
