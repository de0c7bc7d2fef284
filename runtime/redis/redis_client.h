// Blocking, for what stands at the edge (start-up, commands, the recount): one Redis, or the masters of a
// Redis Cluster with a connection to each, made when it is first needed. CLUSTER SLOTS tells which it is.
//
// Commands may be sent ahead; their answers come in the order in which they were sent, whatever nodes they
// went to. What a node turns away (MOVED, ASK, TRYAGAIN, CLUSTERDOWN) was not done and goes to where it
// belongs, for as long as `timeout_ms`; where this does not end, the refusal is the answer. So while a slot
// moves, what was sent ahead may be done in another order: who needs the order reads the answers in between.
// A command whose answer is lost is never sent again.
#pragma once

#include "runtime/redis/redis_seeds.h"
#include "runtime/redis/redis_slots.h"

struct redis_client;

// Any of the seeds that answers tells the rest. STATUS_UNAVAILABLE (CLM-R3) where none does,
// STATUS_NOT_ALLOWED (CLM-A1), STATUS_CONFIG (CLM-C1) where several seeds meet a single Redis.
enum status redis_client_open(struct redis_client **client, const struct redis_seeds *seeds,
                              const struct redis_login *login, int timeout_ms, struct problem *p);
// What was not answered is forgotten. *client may be NULL.
void redis_client_close(struct redis_client **client);

// Is it a cluster?
bool redis_client_routes(const struct redis_client *c);

// Sends a formatted RESP command (copied) to the master of the slot, not waiting; of a single Redis the slot
// is nothing.
void redis_client_send(struct redis_client *c, int slot, const char *bytes, size_t length);
// The same for words; `lengths` may be NULL, where they are texts.
void redis_client_command(struct redis_client *c, int slot, int count, const char *const *words,
                          const size_t *lengths);
// How many answers are still to come.
size_t redis_client_pending(const struct redis_client *c);
// The next of them. NULL where it was lost: then nothing more is to be had, and redis_client_lost says why.
// Freed with freeReplyObject.
redisReply *redis_client_answer(struct redis_client *c);
// Sets the problem and returns its status; STATUS_OK, and nothing set, while nothing was lost.
enum status redis_client_lost(const struct redis_client *c, struct problem *p);

// The nodes that serve slots, as far as is known; 1 of a single Redis.
size_t redis_client_masters(const struct redis_client *c, uint16_t numbers[REDIS_NODES_MAX]);
// The number of the slot's master; REDIS_NO_NODE: nobody serves it.
uint16_t redis_client_master_of(const struct redis_client *c, int slot);
// HOST:PORT, or the socket's path.
const char *redis_client_name(const struct redis_client *c, uint16_t number);
// The node's connection, or that of the slot's master, for what is said to the node itself, or must stay on
// one connection; owned by the client. No answers may be pending.
enum status redis_client_node(struct redis_client *c, uint16_t number, redisContext **context,
                              struct problem *p);
enum status redis_client_master(struct redis_client *c, int slot, redisContext **context, struct problem *p);
