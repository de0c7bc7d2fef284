// Where Redis is and who we are there.

#include <stdio.h>
#include <string.h>

#include "schemas/settings.h"

enum status settings_redis_password(const struct settings *s, struct redis_login *login, struct problem *p) {
    char *out = login->password;
    size_t size = sizeof(login->password);
    if (s->redis_password_file[0] != '\0')
        return settings_secret("redis.password_file", s->redis_password_file, out, size, p);
    if (strlen(s->redis_password) >= size)
        return problem_set(p, STATUS_CONFIG, "CLM-C1", "choose a shorter password",
                           "redis.password is longer than %zu bytes", size - 1);
    strcpy(out, s->redis_password);
    return STATUS_OK;
}

static enum status take_username(const struct settings *s, struct redis_login *login, struct problem *p) {
    if ((size_t)snprintf(login->username, sizeof(login->username), "%s", s->redis_username) <
        sizeof(login->username))
        return STATUS_OK;
    return problem_set(p, STATUS_CONFIG, "CLM-C1", "choose a shorter name",
                       "redis.username is longer than %zu bytes", sizeof(login->username) - 1);
}

// Files that nothing would look at mean a connection that is not what it was taken for.
static enum status take_tls(const struct settings *s, const struct redis_seeds *seeds,
                            struct redis_login *login, struct problem *p) {
    login->tls = (struct redis_tls){.ca_file = s->redis_tls_ca_file,
                                    .cert_file = s->redis_tls_cert_file,
                                    .key_file = s->redis_tls_key_file,
                                    .server_name = s->redis_tls_server_name};
    const char *const given[] = {s->redis_tls_ca_file, s->redis_tls_cert_file, s->redis_tls_key_file,
                                 s->redis_tls_server_name};
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]) && !seeds->at[0].tls; i++) {
        if (given[i][0] != '\0')
            return problem_set(p, STATUS_CONFIG, "CLM-C1",
                               "write redis.url: rediss://HOST:PORT, or take redis.tls.* away",
                               "redis.tls.* is set, but redis.url does not ask for TLS");
    }
    if ((s->redis_tls_cert_file[0] == '\0') == (s->redis_tls_key_file[0] == '\0'))
        return STATUS_OK;
    return problem_set(p, STATUS_CONFIG, "CLM-C1", "set both, or neither",
                       "of redis.tls.cert_file and redis.tls.key_file only one is set");
}

enum status settings_redis(const struct settings *s, struct redis_seeds *seeds, struct redis_login *login,
                           struct problem *p) {
    *login = (struct redis_login){0};
    enum status status = redis_seeds_parse(seeds, s->redis_url, p);
    if (status == STATUS_OK)
        status = take_username(s, login, p);
    if (status == STATUS_OK)
        status = take_tls(s, seeds, login, p);
    return status == STATUS_OK ? settings_redis_password(s, login, p) : status;
}
