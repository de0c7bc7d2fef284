// What the files of the client share: its state, and what is known of the nodes. redis_client.c sends,
// follows what was turned away, and keeps the table of slots; redis_client_open.c finds out at the beginning
// whether there is one. Blocking, on the caller's thread.
#pragma once

#include "runtime/redis/redis_client.h"

struct node {
    struct redis_address address;
    char name[REDIS_ADDRESS_TEXT];
    redisContext *main;
    redisContext *aside; // for what was turned away elsewhere: answers on `main` may be pending
};

struct pending {
    uint16_t number; // of the node it was sent to
    int slot;
    char *bytes;
    size_t length;
};

struct redis_client {
    bool cluster;
    struct redis_seeds seeds;
    struct redis_login login;
    int timeout_ms;
    uint16_t count;
    struct node *nodes[REDIS_NODES_MAX]; // all that were ever heard of
    uint16_t owner[REDIS_SLOTS];

    struct pending *pending; // of a single Redis they are only counted
    size_t first;
    size_t pending_count;
    size_t pending_room;
    bool flushed; // what was sent is on its way
    struct problem lost;
    struct redis_slots table; // scratch
};

// The number of the node at the address, known from now on; REDIS_NO_NODE where there are too many.
uint16_t redis_client_node_take(struct redis_client *c, const struct redis_address *address);
// Makes *context, one of the node's two, a connection that works. As redis_connect.
enum status redis_client_connect(struct redis_client *c, redisContext **context, const struct node *node,
                                 struct problem *p);
// The answer to CLUSTER SLOTS, to be freed; NULL where it is lost.
redisReply *redis_client_slots_ask(redisContext *context);
// What `table` says is how it is.
void redis_client_table_take(struct redis_client *c);
