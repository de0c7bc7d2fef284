// Ids become pseudonyms at decode, by a secret key: SipHash-2-4-128 over kind byte, platform number (u32 LE),
// id bytes. The kind byte tells an actor from a person; a person has platform 0. Test vectors:
// schemas/README.md.
#pragma once

#include "runtime/slice.h"
#include "runtime/status.h"
#include "schemas/event.h"
#include "schemas/layout.h"

enum { PSEUDONYM_KIND_ACTOR = 1, PSEUDONYM_KIND_PERSON = 2 };

struct pseudonymiser;

// The key file: lines `KEY` or `SINCE: KEY`, KEY 32 hex digits, SINCE a record time (RFC 3339 UTC or ms),
// growing; `#` comments. A record's ids are keyed by the last key whose SINCE is not after the record's time.
// Refused: missing (STATUS_NO_INPUT), not readable by this user (STATUS_NOT_ALLOWED), readable by others than
// owner and group (STATUS_CONFIG), malformed (STATUS_CONFIG with the line; the key itself is never printed).
enum status pseudonymiser_load(struct pseudonymiser **p, const char *path, struct problem *problem);
// A key that nobody knows and that ends with the process: for whoever looks at events without the key file.
struct pseudonymiser *pseudonymiser_random(void);
// The keys without the keys, by since: a fingerprint is the first eight bytes of SipHash-2-4-128 under the
// key over the kind byte 0 and "key", so equal keys have equal ones and none leads back to its key. As long
// as `p`.
const struct key_version *pseudonymiser_versions(const struct pseudonymiser *p, size_t *count);
void pseudonymiser_destroy(struct pseudonymiser **p); // wipes the keys

void pseudonym_actor(const struct pseudonymiser *p, int64_t record_time_ms, uint32_t platform,
                     struct slice id, unsigned char out[PSEUDONYM_SIZE]);
void pseudonym_person(const struct pseudonymiser *p, int64_t record_time_ms, struct slice id,
                      unsigned char out[PSEUDONYM_SIZE]);
