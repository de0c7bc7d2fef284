// A flush on the wire: a delta table and the marks it moves, as one call of the Function in Redis, and the
// answer's verdict.
//
// clang-format off
//   FCALL clameur_flush_v1 <keys> meta mark faults rules <key>...
//         deployment, number of rules versions, the last one's text, number of pseudonym keys, the last one's text,
//         number of marks,
//         per mark: partition, epoch, from, to, last, fingerprint, time   (the last three of the last record before `to`)
//         then the operations, a key being its number among the keys (from 1) and an expiry absolute seconds or 0:
//           G key n f field*f delta*(n f)                    f counters of n hashes, whose numbers follow one another,
//                                                            hash by hash
//           H key expiry n (field delta)*                    counters of a hash
//           Z key expiry n (member delta)*                   scores of a sorted set
//           P key expiry n element*                          a HyperLogLog
//           R key counter value read_at id n total*          a reading and the keys that total it
//           O key hash rank n copy* n (H|Z key expiry field delta)*    an order: where copies count, and what it does
//
//   APPLIED f               everything was applied, the marks moved; f updates could not be and are kept in `faults`
//   REPEATED                every mark was at its `to` already: our reply was lost. Nothing was applied
//   GAP (partition next)*   these marks are not at their `from`. Nothing was applied
//   FENCED partition*       another worker claimed these. Nothing was applied
//   RULES                   the shard is not counted by these rules versions and pseudonym keys. Nothing was applied:
//                           claim, and send the same bytes again
//   KEYS key*               it takes back what is in these, too: declare them, and send it again. Nothing was applied
//   UNINITIALISED           no meta, or another deployment's. Nothing was applied
//   an error                nothing was applied: mend, and send the same bytes again
// clang-format on
//
// Pure: bytes out, verdict in. Sealed bytes are sent again unchanged until they are answered; the answer KEYS
// alone changes them, and of them only the keys that are declared.
#pragma once

#include <hiredis/hiredis.h>

#include "ingest/delta.h"
#include "runtime/status.h"
#include "schemas/layout.h"

// Who speaks: for which deployment, by which rules and pseudonym keys.
struct flush_sender {
    const char *deployment;
    const struct rules_book *rules;
    const struct key_version *keys; // at least one
    size_t key_count;
};

struct flush_mark {
    int32_t partition;
    int64_t from;
    struct mark mark; // epoch, next (= to), last, fingerprint, time
};

struct flush_call {
    char *bytes;
    size_t length;
    size_t capacity;
    const char *function;
    uint64_t keys, arguments;
    size_t keys_begin, keys_end; // where the keys are among the bytes
};

enum flush_verdict {
    FLUSH_APPLIED,
    FLUSH_REPEATED,
    FLUSH_GAP,
    FLUSH_FENCED,
    FLUSH_UNINITIALISED,
    FLUSH_RULES,       // the shard is counted by other rules versions or pseudonym keys than ours
    FLUSH_KEYS,        // it needs keys that are not declared: flush_declare, send again
    FLUSH_NO_FUNCTION, // load the library, send again
    FLUSH_REFUSED,     // Redis cannot now (OOM, READONLY, MISCONF, LOADING, BUSY, NOREPLICAS...): wait, send
                       // again
    FLUSH_VERDICTS,
};

const char *flush_verdict_name(enum flush_verdict verdict);

struct flush_answer {
    enum flush_verdict verdict;
    int64_t faults;                     // of APPLIED
    int32_t partitions[PARTITIONS_MAX]; // of FENCED and GAP
    size_t partition_count;
    char error[256]; // of REFUSED: Redis' words
};

// Encodes into `call`, whose memory is reused.
void flush_encode(struct flush_call *call, const struct key_space *space, uint32_t shard,
                  const struct flush_sender *sender, const struct flush_mark *marks, size_t mark_count,
                  const struct delta *delta);
void flush_call_fini(struct flush_call *call);

// Adds the keys of an answer KEYS to those that a flush declares.
void flush_declare(struct flush_call *call, const redisReply *reply);

// Any reply there is: what is not understood is REFUSED, never applied.
void flush_parse(struct flush_answer *answer, const redisReply *reply);

// The claim of partitions on one shard, which may be none:
// clang-format off
//   FCALL clameur_claim_v1 4 meta mark faults rules deployment,
//         number of versions and keys, (number text | key:number text)*, partition*
//
//   CLAIMED (partition epoch next last fingerprint time)*    versions that were not there are kept now
//   RULES how version since newest       nothing was changed: a version that the shard has been counted by is ALTERED or
//                                        MISSING here, or a new one comes too LATE: its since does not lie ahead of the
//                                        newest record time among the marks
//   or as above
// clang-format on
void flush_encode_claim(struct flush_call *call, const struct key_space *space, uint32_t shard,
                        const struct flush_sender *sender, const int32_t *partitions, size_t count);
// Asks whether a claim would be refused, and changes nothing: CLAIMED alone, or as a claim.
void flush_encode_rules(struct flush_call *call, const struct key_space *space, uint32_t shard,
                        const struct flush_sender *sender);

struct flush_claimed {
    int32_t partition;
    struct mark mark;
};
// FLUSH_APPLIED with *count entries (at most `max`), or what else the answer was. `error` is of REFUSED, and
// of RULES: which version, and why.
enum flush_verdict flush_parse_claim(struct flush_claimed *claimed, size_t max, size_t *count,
                                     const redisReply *reply, char error[256]);

// What RULES means to whoever runs this: STATUS_CONFIG, CLM-M5.
enum status flush_rules_problem(struct problem *p, uint32_t shard, const char *why);
