// Texts of protobuf-JSON with the verdict on the record, for every reader of it.
#pragma once

#include "schemas/reject.h"

#define JSON_ID "MDEyMzQ1Njc4OWFiY2RlZg=="

// A purchase with one of everything.
#define JSON_EVENT                                                                                           \
    "{\"eventId\": \"" JSON_ID "\", \"occurred_at\": \"1767225599000\", \"platform\": "                      \
    "\"PLATFORM_TIKTOK\", \"kind\": 86, \"accountId\": \"brand\", \"paid\": true, "                          \
    "\"tags\": [\"a\", \"b\\u00e9\"], \"delta\": 1, \"consent\": 3, \"actorId\": \"user-1\", "               \
    "\"commerce\": {\"orderId\": \"o\\u0000-1\", \"valueMicros\": \"70\", \"currency\": \"EUR\", "           \
    "\"items\": [{\"quantity\": 2}, {\"quantity\": \"3\"}]}, \"utm\": {\"source\": \"x\"}}"

static const struct {
    const char *text;
    enum reject expected;
} json_cases[] = {
    {"{}", REJECT_NONE},
    {"{\"eventId\": null, \"tags\": null, \"view\": null, \"live\": null, \"kind\": null}", REJECT_NONE},
    {"{\"unknown\": {\"a\": [1, 2, {\"b\": null}]}, \"view\": {\"unknown\": 1.5}}", REJECT_NONE},
    {"{\"occurredAt\": 1767225599000.0}", REJECT_NONE},
    {"{\"occurredAt\": 1.7e12}", REJECT_NONE},
    {"{\"occurredAt\": -9223372036854775808}", REJECT_NONE},
    {"{\"occurredAt\": \"9223372036854775807\"}", REJECT_NONE},
    {"{\"occurredAt\": \"9223372036854775808\"}", REJECT_UNDECODABLE},
    {"{\"occurredAt\": 9223372036854775808}", REJECT_UNDECODABLE},
    {"{\"occurredAt\": 9.3e18}", REJECT_UNDECODABLE},
    {"{\"occurredAt\": 1e999}", REJECT_UNDECODABLE},
    {"{\"occurredAt\": 1.5}", REJECT_UNDECODABLE},
    {"{\"occurredAt\": \"\"}", REJECT_UNDECODABLE},
    {"{\"occurredAt\": \" 1\"}", REJECT_UNDECODABLE},
    {"{\"occurredAt\": \"1 \"}", REJECT_UNDECODABLE},
    {"{\"occurredAt\": \"+1\"}", REJECT_UNDECODABLE},
    {"{\"occurredAt\": \"-\"}", REJECT_UNDECODABLE},
    {"{\"occurredAt\": \"0x10\"}", REJECT_UNDECODABLE},
    {"{\"occurredAt\": \"1\\u0000\"}", REJECT_UNDECODABLE},
    {"{\"occurredAt\": true}", REJECT_UNDECODABLE},
    {"{\"occurredAt\": [1]}", REJECT_UNDECODABLE},
    {"{\"consent\": 4294967295}", REJECT_NONE},
    {"{\"consent\": 4294967296}", REJECT_UNDECODABLE},
    {"{\"consent\": -1}", REJECT_UNDECODABLE},
    {"{\"platform\": 4711}", REJECT_NONE},
    {"{\"platform\": 2147483648}", REJECT_UNDECODABLE},
    {"{\"platform\": \"PLATFORM_NOWHERE\"}", REJECT_UNDECODABLE},
    {"{\"platform\": {}}", REJECT_UNDECODABLE},
    {"{\"paid\": \"true\"}", REJECT_UNDECODABLE},
    {"{\"paid\": 1}", REJECT_UNDECODABLE},
    {"{\"accountId\": 5}", REJECT_UNDECODABLE},
    {"{\"tags\": \"a\"}", REJECT_UNDECODABLE},
    {"{\"tags\": [\"a\", null]}", REJECT_UNDECODABLE},
    {"{\"tags\": [\"a\", 1]}", REJECT_UNDECODABLE},
    {"{\"tags\": []}", REJECT_NONE},
    {"{\"view\": []}", REJECT_UNDECODABLE},
    {"{\"view\": {\"watchMs\": {}}}", REJECT_UNDECODABLE},
    {"{\"view\": {}, \"live\": {}}", REJECT_UNDECODABLE},
    {"{\"kind\": 1, \"kind\": 2}", REJECT_UNDECODABLE},
    {"{\"eventId\": \"AAAA\", \"event_id\": \"AAAA\"}", REJECT_UNDECODABLE},
    {"{\"accountId\": \"\xff\"}", REJECT_UNDECODABLE},
    {"{\"accountId\": \"\\ud800\"}", REJECT_UNDECODABLE},
    {"{\"kind\": 1", REJECT_UNDECODABLE},
    {"{} {}", REJECT_UNDECODABLE},
    {"{", REJECT_UNDECODABLE},
    {"{\"live_sessionId\": 5, \"EventId\": 5, \"kind_\": 5, \"_kind\": 5}", REJECT_NONE}, // neither spelling
    {"{\"event_id\": \"AAAA\", \"eventId\": null}", REJECT_NONE},
    {"{\"occurredAt\": \"-00000000000000000000001\"}", REJECT_UNDECODABLE}, // 24 characters
    {"{\"occurredAt\": \"-0000000000000000000001\"}", REJECT_NONE},
    {"{\"occurredAt\": \"-9223372036854775809\"}", REJECT_UNDECODABLE},
    {"{\"occurredAt\": -9.223372036854775808e18}", REJECT_NONE},
    {"{\"occurredAt\": \"1.0\"}", REJECT_UNDECODABLE},
    {"{\"occurredAt\": -0.0}", REJECT_NONE},
    {"{\"consent\": \"3\"}", REJECT_NONE},
    {"{\"delta\": -9223372036854775808}", REJECT_NONE},
    {"{\"kind\": 86.0}", REJECT_NONE},
    {"{\"kind\": \"86\"}", REJECT_UNDECODABLE},
    {"{\"kind\": \"kind_like\"}", REJECT_UNDECODABLE},
    {"{\"kind\": \"KIND_LIKE\\u0000\"}", REJECT_UNDECODABLE},
    {"{\"kind\": -1, \"platform\": -2147483648}", REJECT_NONE},
    {"{\"kind\": true}", REJECT_UNDECODABLE},
    {"{\"paid\": null}", REJECT_NONE},
    {"{\"accountId\": \"a\\u0000b\\ud83d\\ude00\"}", REJECT_NONE},
    {"{\"accountId\": \"\\udc00\"}", REJECT_UNDECODABLE},
    {"{\"unknown\": \"\\ud800x\"}", REJECT_UNDECODABLE},
    {"{\"unknown\": 9223372036854775808}", REJECT_UNDECODABLE},
    {"{\"unknown\": 1e999}", REJECT_UNDECODABLE},
    {"{\"unknown\": NaN}", REJECT_UNDECODABLE},
    {"{\"unknown\": {\"a\": 1, \"a\": 1}}", REJECT_UNDECODABLE},
    {"{\"un\\u0000known\": 1}", REJECT_UNDECODABLE},
    {"{\"commerce\": {\"items\": [null]}}", REJECT_UNDECODABLE},
    {"{\"commerce\": {\"items\": [{\"triedOn\": true}, {}]}}", REJECT_NONE},
    {"{\"view\": {}, \"live\": null}", REJECT_NONE},
    {"{\"view\": {}, \"view\": {}}", REJECT_UNDECODABLE},
    {"{\"events\": [{\"kind\": 1}, {}, {\"kind\": \"KIND_LIKE\"}]}", REJECT_NONE},
    {"{\"events\": [{}], \"kind\": {}}", REJECT_NONE},
    {"{\"events\": []}", REJECT_BATCH_TOO_LONG},
    {"{\"events\": {}}", REJECT_UNDECODABLE},
    {"{\"events\": [{}, 5]}", REJECT_UNDECODABLE},
    {"{\"events\": [{}, null]}", REJECT_UNDECODABLE},
    {"{\"events\": null, \"kind\": 1}", REJECT_NONE},
};

// Values of event_id.
static const struct {
    const char *text;
    enum reject expected;
    size_t length;
} json_ids[] = {
    {"/+7//v/+/v/+/v7//v/+/w==", REJECT_NONE, 16},
    {"_-7__v_-_v_-_v7__v_-_w", REJECT_NONE, 16},
    {"_-7__v_-_v_-_v7__v_-_w==", REJECT_NONE, 16},
    {"", REJECT_NONE, 0},
    {"AA==", REJECT_NONE, 1},
    {"AAA=", REJECT_NONE, 2},
    {"AAAA", REJECT_NONE, 3},
    {"A", REJECT_UNDECODABLE, 0},
    {"A===", REJECT_UNDECODABLE, 0},
    {"AA AA", REJECT_UNDECODABLE, 0},
    {"AA=A", REJECT_UNDECODABLE, 0},
    {"=", REJECT_NONE, 0},
    {"AB==", REJECT_UNDECODABLE, 0}, // bits left over
    {"AAB=", REJECT_UNDECODABLE, 0},
    {"AaIVJcmgdhCQ\xc9\xa3"
     "CWjkyZrQ==",
     REJECT_UNDECODABLE, 0}, // letters beyond ASCII
    {"AaIVJcmhfBygsN12J\xf2\x9e\x97\xafg==", REJECT_UNDECODABLE, 0},
    {"AAAA==", REJECT_NONE, 3},
    {"AA===", REJECT_UNDECODABLE, 0},
    {"AA\\u0000A", REJECT_UNDECODABLE, 0},
};

enum {
    JSON_CASE_COUNT = sizeof(json_cases) / sizeof(json_cases[0]),
    JSON_ID_COUNT = sizeof(json_ids) / sizeof(json_ids[0]),
};
