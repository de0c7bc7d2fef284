#include "runtime/redis/redis_slots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool redis_address_equal(const struct redis_address *a, const struct redis_address *b) {
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

// The host in its place, or where it is unknown the "ip" among what is said beside it.
static const char *host_of(const redisReply *node, const char *otherwise) {
    const redisReply *host = node->element[0];
    bool told = host->type == REDIS_REPLY_STRING && host->str[0] != '\0' && strcmp(host->str, "?") != 0;
    if (told)
        return host->str;
    const redisReply *beside = node->elements > 3 ? node->element[3] : NULL;
    for (size_t i = 0; beside != NULL && beside->type == REDIS_REPLY_ARRAY && i + 1 < beside->elements;
         i += 2) {
        const redisReply *name = beside->element[i], *value = beside->element[i + 1];
        if (name->type == REDIS_REPLY_STRING && strcmp(name->str, "ip") == 0 &&
            value->type == REDIS_REPLY_STRING && value->str[0] != '\0')
            return value->str;
    }
    return otherwise;
}

// The master of a range: [host, port, id, beside...]. REDIS_NO_NODE where it is not understood, or one too
// many.
static uint16_t node_take(struct redis_slots *slots, const redisReply *node,
                          const struct redis_address *asked) {
    if (node->type != REDIS_REPLY_ARRAY || node->elements < 2 ||
        node->element[1]->type != REDIS_REPLY_INTEGER || node->element[1]->integer <= 0 ||
        node->element[1]->integer > 65535)
        return REDIS_NO_NODE;
    struct redis_address address = *asked;
    address.port = (int)node->element[1]->integer;
    snprintf(address.host, sizeof(address.host), "%s", host_of(node, asked->host));
    for (size_t i = 0; i < slots->count; i++) {
        if (redis_address_equal(&slots->nodes[i], &address))
            return (uint16_t)i;
    }
    if (slots->count == REDIS_NODES_MAX)
        return REDIS_NO_NODE;
    slots->nodes[slots->count] = address;
    return (uint16_t)slots->count++;
}

// [first, last, master, replica...]
static bool range_take(struct redis_slots *slots, const redisReply *range,
                       const struct redis_address *asked) {
    if (range->type != REDIS_REPLY_ARRAY || range->elements < 3)
        return false;
    const redisReply *first = range->element[0], *last = range->element[1];
    if (first->type != REDIS_REPLY_INTEGER || last->type != REDIS_REPLY_INTEGER || first->integer < 0 ||
        last->integer < first->integer || last->integer >= REDIS_SLOTS)
        return false;
    uint16_t node = node_take(slots, range->element[2], asked);
    for (long long slot = first->integer; slot <= last->integer; slot++)
        slots->owner[slot] = node;
    return true;
}

bool redis_slots_read(struct redis_slots *slots, const redisReply *reply, const struct redis_address *asked) {
    slots->count = 0;
    for (size_t i = 0; i < REDIS_SLOTS; i++)
        slots->owner[i] = REDIS_NO_NODE;
    if (reply->type != REDIS_REPLY_ARRAY)
        return false;
    for (size_t i = 0; i < reply->elements; i++) {
        if (!range_take(slots, reply->element[i], asked))
            return false;
    }
    return slots->count > 0;
}

// MOVED 3999 127.0.0.1:6381, ASK 3999 127.0.0.1:6381; the host may be empty, and hold colons.
bool redis_redirect_read(struct redis_redirect *redirect, const redisReply *reply,
                         const struct redis_address *asked) {
    if (reply->type != REDIS_REPLY_ERROR)
        return false;
    bool ask = strncmp(reply->str, "ASK ", 4) == 0;
    if (!ask && strncmp(reply->str, "MOVED ", 6) != 0)
        return false;
    char *end;
    long slot = strtol(reply->str + (ask ? 4 : 6), &end, 10);
    const char *colon = strrchr(end, ':');
    if (*end != ' ' || colon == NULL || slot < 0 || slot >= REDIS_SLOTS)
        return false;
    long port = strtol(colon + 1, NULL, 10);
    size_t length = (size_t)(colon - (end + 1));
    if (port <= 0 || port > 65535 || length >= sizeof(redirect->address.host))
        return false;
    *redirect = (struct redis_redirect){.ask = ask, .slot = (int)slot, .address = *asked};
    redirect->address.port = (int)port;
    if (length > 0 && !(length == 1 && end[1] == '?'))
        snprintf(redirect->address.host, sizeof(redirect->address.host), "%.*s", (int)length, end + 1);
    return true;
}
